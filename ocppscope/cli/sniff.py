"""`ocppscope sniff`: from the wire."""

import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from ocppscope.capture.keylog import GrowingKeylog
from ocppscope.capture.listening import Listening
from ocppscope.capture.live import Judge
from ocppscope.capture.packet_recording import PacketFiles
from ocppscope.cli.live import Recordings, Talk, recording_options
from ocppscope.cli.watching import end_with_browser, watch
from ocppscope.wire.tls_keys import KeyStore

_PATIENCE: Final = 0.25
"""Seconds between two times at which recordings are written, where packets are few."""
_COUNT_EVERY: Final = 1.0


@click.command()
@click.argument("names", nargs=-1, metavar="[INTERFACE]...")
@click.option(
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Only this TCP port; may be repeated.",
)
@click.option("--list", "is_list", is_flag=True, help="List the interfaces.")
@click.option(
    "--keylog",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TLS secrets, in NSS key log format; followed as it grows.",
)
@click.option(
    "--decode-as",
    multiple=True,
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Take this port for HTTP and WebSocket, whatever it looks like.",
)
@recording_options
def command(
    *,
    names: tuple[str, ...],
    ports: tuple[int, ...],
    is_list: bool,
    keylog: tuple[Path, ...],
    decode_as: tuple[int, ...],
    **recording: Any,
) -> None:
    """Record what passes on network interfaces; on all that are up, where none is named.

    Ctrl-C ends it; recordings are complete then.
    """
    from ocppscope.capture import sniff  # scapy takes its time

    if is_list:
        _list(sniff.interfaces())
        return
    recordings = Recordings(**recording)
    if recordings.view:
        watch(recordings, sys.argv[1:], ", ".join(names) or "all interfaces")
        return
    end_with_browser()
    chosen = names or tuple(sniff.default_interfaces())
    if not chosen:
        raise click.UsageError(
            "no interface is up that could carry OCPP: `ocppscope sniff --list` shows them all"
        )
    opened: list[sniff.Sniffer] = []
    try:
        for name in chosen:
            opened.append(sniff.Sniffer(name, ports=ports))
    except sniff.SniffError as error:
        for one in opened:
            one.close()
        raise click.ClickException(str(error)) from error
    talk = Talk(recordings, str(recordings.store or recordings.packets or " ".join(chosen)))
    store = recordings.open_store(f"sniff {' '.join(chosen)}", talk.say)
    files = None
    if recordings.packets:
        links = [(one.link_type, one.name, "") for one in opened]
        with recordings.writing(recordings.packets):
            files = PacketFiles(recordings.packets, recordings.rotation, links, talk.say)
    judge = Judge(
        profile=recordings.profile, name_station=recordings.name_station, store=store, on_finding=talk.finding
    )
    judge.listeners.append(talk.feed)
    keys = KeyStore()
    keys.final = not keylog
    listening = Listening(
        opened,
        judge,
        files,
        keys=keys,
        keylogs=[GrowingKeylog(path, keys) for path in keylog],
        decode_as=decode_as,
        max_message=recordings.max_message,
        tell=talk.say,
        clock=time.time_ns,
    )
    small = min(one.buffer for one in opened)
    if 0 < small < sniff.BUFFER:
        talk.say(
            f"receive buffer: {small >> 10:,} KiB, because this user may have no more; run as root for 64 MiB"
        )
    what = f", port {', '.join(map(str, ports))}" if ports else ""
    talk.say(f"sniffing on {', '.join(chosen)}{what}; Ctrl-C ends it")
    _work(listening, judge, talk)
    drops = listening.drops
    said = f"{listening.packets:,} packets, {drops:,} dropped by the kernel"
    paths = [*(files.paths if files else ()), *(store.paths if store else ())]
    more = [f"--keylog {path}: there was no such file all the time" for path in keylog if not path.exists()]
    if keylog and files:
        more.append("the packets hold TLS as it was: read them with the same --keylog")
    talk.end(paths, judge, [said, *more])
    if not talk.counts.has_ocpp and listening.found:
        found = "; ".join(f"{count:,} × {kind}" for kind, count in sorted(listening.found.items()))
        click.echo(f"no OCPP was among them. Found instead: {found}", err=True)


def _work(listening: Listening, judge: Judge, talk: Talk) -> None:
    is_stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal is_stopped
        is_stopped = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    flushed = counted = time.monotonic()
    while not (is_stopped or listening.is_over):
        listening.work(_PATIENCE)
        now = time.monotonic()
        if now - flushed >= _PATIENCE:
            flushed = now
            listening.flush()
        if now - counted >= _COUNT_EVERY:
            counted = now
            drops = listening.drops
            talk.count(judge, now, f", {drops:,} packets dropped" if drops else "")
    listening.close()


def _list(interfaces: Any) -> None:
    for one in interfaces:
        state = "up" if one.is_up else "down"
        click.echo(f"{one.name:<16} {state:<5} {one.link_name:<12} {', '.join(one.addresses)}".rstrip())
