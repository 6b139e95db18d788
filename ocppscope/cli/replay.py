"""`ocppscope replay`: one side of a capture against a real peer."""

import asyncio
import dataclasses
import re
import signal
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from ocppscope.capture import limits, tls
from ocppscope.capture.upgrade import Upstream, UrlError
from ocppscope.cli import replay_report
from ocppscope.cli.options import EXIT_FINDINGS, OpenInput, Reading, reading_options
from ocppscope.cli.reading import EXIT_UNREADABLE
from ocppscope.cli.replay_times import DURATION, point_of
from ocppscope.events import Event, Notice
from ocppscope.replay.comparing import pattern
from ocppscope.replay.pace import parse_pace
from ocppscope.replay.performing import Performance, Wishes, play_clones, play_csms, play_station
from ocppscope.replay.player import Manner
from ocppscope.replay.reading import ScriptError, Selection, script_of
from ocppscope.replay.script import Script, Side
from ocppscope.replay.sockets import Manners

_INTERRUPTED: Final = 130
_file: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class _NothingToPlay(click.ClickException):
    exit_code = EXIT_UNREADABLE


@click.command()
@click.argument("source", metavar="INPUT")
@click.option(
    "--as", "side", type=click.Choice(["station", "csms"]), required=True, help="Which side to play."
)
@click.option(
    "--to", "url", metavar="URL", help="As station: the CSMS; with a path, the identity is appended."
)
@click.option("--listen", metavar="HOST:PORT", help="As csms: where the station connects.")
@click.option(
    "--session", "sessions", multiple=True, type=click.IntRange(1), help="Only this session; may be repeated."
)
@click.option(
    "--from", "first", metavar="N|TIME", help="Begin with this event, by its number or its time (UTC)."
)
@click.option("--until", "last", metavar="N|TIME", help="End with it.")
@click.option("--filter", "wanted", metavar="EXPR", help="Only what fits, and what answers it.")
@click.option("--identity", metavar="ID", help="What to call ourselves; with --clones a pattern: 'CP{n:05}'.")
@click.option(
    "--token", "tokens", multiple=True, metavar="OLD=NEW", help="Another idTag or idToken for a recorded one."
)
@click.option(
    "--pace",
    default="recorded",
    show_default=True,
    metavar="recorded|answer|asap|xN",
    help="As recorded; without gaps; without waiting for what the peer does of itself; N times as fast.",
)
@click.option(
    "--max-gap", type=DURATION, default="5s", show_default=True, help="A gap takes this long at most."
)
@click.option("--wait", type=DURATION, default="30s", show_default=True, help="Wait so long for the peer.")
@click.option(
    "--unknown",
    type=click.Choice(["default", "error"]),
    default="default",
    show_default=True,
    help="What a Call that the capture never saw is answered with.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="POINTER",
    help="Not compared: /currentTime, BootNotification/interval.",
)
@click.option("--keep-times", is_flag=True, help="Send the recorded times, not ones shifted to now.")
@click.option("--raw", "is_raw", is_flag=True, help="Send damaged frames again, byte for byte.")
@click.option("--subprotocol", metavar="NAME", help="Offer this one, not the recorded ones.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME:VALUE", help="Send this header; may be repeated."
)
@click.option(
    "--user", metavar="NAME:PASSWORD", help="HTTP Basic, in the place of the recorded; empty for none."
)
@click.option("--ca", type=_file, metavar="PEM", help="Trust this CA.")
@click.option(
    "--cert",
    type=_file,
    metavar="PEM",
    help="Our certificate: as csms for wss://, as station for mutual TLS.",
)
@click.option("--key", type=_file, metavar="PEM", help="Its private key.")
@click.option("--insecure", is_flag=True, help="Do not check the CSMS's certificate.")
@click.option("--clones", type=click.IntRange(1), default=None, metavar="N", help="Play N stations at once.")
@click.option(
    "--record",
    "kept",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the new exchange: .pcapng or .ocppdb.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="A line for each comparison, then one with the verdict."
)
@reading_options
def command(
    *,
    source: str,
    side: Side,
    url: str | None,
    listen: str | None,
    clones: int | None,
    kept: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Play one side of a capture against a real peer, and compare what that says with what was recorded.

    As a station against a CSMS, or as the CSMS for a station that connects. Message ids, transaction ids, times and
    the like are mapped to living ones.

    Exit codes: 0 the same, 1 diverged or incomplete, 2 wrong usage, 3 nothing to play.
    """
    where = url if side == "station" else None if listen is None else _endpoint(listen)
    if where is None or (url and listen):
        raise click.UsageError("a station is played --to URL, a CSMS with --listen HOST:PORT")
    if clones is not None and (side != "station" or kept is not None):
        raise click.UsageError("--clones plays stations, and records nothing")
    try:
        if url is not None:
            Upstream.of(re.sub("//[^/@]*@", "//", url))
    except UrlError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    script = _script(source, side, options)
    wishes = _wishes(side, url or "", options)
    report = replay_report.Report(script, as_json=as_json)
    performances = asyncio.run(_play(script, where, wishes, report, clones, kept))
    is_different = report.end(performances)
    if any(one.is_interrupted for one in performances):
        sys.exit(_INTERRUPTED)
    sys.exit(EXIT_FINDINGS if is_different else 0)


# --- what is wanted ---


def _script(source: str, side: Side, options: dict[str, Any]) -> Script:
    names = ("keylog", "tls_key", "decode_as", "max_message", "station", "name_station")
    reading = Reading(**{name: options[name] for name in names})
    stations = reading.station
    reading.station = ()  # which one is played is the script's business, which knows what to say
    if len(stations) > 1:
        raise click.UsageError("one --station is played at a time")
    first, since = point_of(options["first"], "--from")
    last, until = point_of(options["last"], "--until")
    selection = Selection(
        station=stations[0] if stations else None,
        sessions=options["sessions"],
        first=first,
        last=last,
        since=since,
        until=until,
        wanted=_filter(options["wanted"]),
    )
    opened = reading.open([source])
    try:
        return script_of(_events(opened), side, selection)
    except ScriptError as error:
        opened.require_ocpp(messages=True)
        raise _NothingToPlay(f"{opened.title}: {error}") from error
    finally:
        opened.close()


def _events(opened: OpenInput) -> Iterator[Event | Notice]:
    for batch in opened.batches():
        yield from batch


def _filter(text: str | None) -> Any:
    from ocppscope.filter import FilterError, parse

    if text is None:
        return None
    try:
        wanted = parse(text)
    except FilterError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from error
    if wanted.uses_findings:
        raise click.BadParameter(
            "severity and rule are of findings, which are not played", param_hint="--filter"
        )
    return wanted


def _wishes(side: Side, url: str, options: dict[str, Any]) -> Wishes:
    try:
        pace = parse_pace(options["pace"], options["max_gap"])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--pace") from error
    try:
        for text in options["ignore"]:
            pattern(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--ignore") from error
    manner = Manner(
        wait=options["wait"], refuses_unknown=options["unknown"] == "error", is_raw=options["is_raw"]
    )
    manners = Manners(
        identity=options["identity"],
        subprotocol=options["subprotocol"],
        headers=[_pair(text, ":", "--header", "NAME:VALUE") for text in options["headers"]],
        user=options["user"],
        tls=_tls(side, url, options),
    )
    tokens = dict(_pair(text, "=", "--token", "OLD=NEW") for text in options["tokens"])
    return Wishes(pace, manner, manners, tokens, options["ignore"], options["keep_times"])


def _pair(text: str, mark: str, option: str, form: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found or not name:
        raise click.BadParameter(f"{text!r}: expected {form}", param_hint=option)
    return name.strip(), value.strip()


def _tls(side: Side, url: str, options: dict[str, Any]) -> ssl.SSLContext | None:
    cert, key = options["cert"], options["key"]
    try:
        if side == "csms":
            return tls.station_context(cert, key, options["ca"]) if cert else None
        if url.startswith(("wss:", "https:")):
            return tls.upstream_context(options["ca"], cert, key, options["insecure"])
    except tls.TlsFileError as error:
        raise click.UsageError(str(error)) from error
    return None


# --- playing ---


async def _play(
    script: Script,
    where: str | tuple[str, int],
    wishes: Wishes,
    report: "replay_report.Report",
    clones: int | None,
    kept: Path | None,
) -> list[Performance]:
    """Play against a CSMS at a URL, or as one that listens at a host and a port."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    if kept is not None:
        from ocppscope.cli.replay_recording import recorded

        return [await recorded(script, where, wishes, report, kept)]
    if isinstance(where, tuple):
        try:
            return [await play_csms(script, where, wishes, report.compare, report.listening)]
        except OSError as error:
            raise click.ClickException(f"--listen {where[0]}:{where[1]}: {error.strerror}") from error
    if clones is None:
        return [await play_station(script, where, wishes, report.compare)]
    limits.raise_open_files()
    report.begin(clones)
    each = [_renamed(wishes, number) for number in range(1, clones + 1)]
    return await play_clones(script, where, each, report.ended, report.count)


def _renamed(wishes: Wishes, number: int) -> Wishes:
    pattern = wishes.manners.identity or "CLONE{n:05}"
    try:
        identity = pattern.format(n=number)
    except (LookupError, ValueError) as error:
        raise click.BadParameter(
            f"{pattern!r}: expected a pattern such as 'CP{{n:05}}'", param_hint="--identity"
        ) from error
    return dataclasses.replace(wishes, manners=dataclasses.replace(wishes.manners, identity=identity))


def _endpoint(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 0xFFFF:
        raise click.BadParameter(f"{text!r}: expected HOST:PORT, such as :9000", param_hint="--listen")
    return host.strip("[]"), int(port)
