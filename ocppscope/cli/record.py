"""`ocppscope record`: the man in the middle."""

import asyncio
import datetime as dt
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Final

import click
from platformdirs import user_data_path

from ocppscope.capture import certificates, limits, tls, transparent
from ocppscope.capture.faults.spec import FaultSpec, FaultSpecError, parse_fault
from ocppscope.capture.listeners import ListenError, listen_on
from ocppscope.capture.live import Judge
from ocppscope.capture.mirror import Mirror
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.proxy import Proxy
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.capture.upgrade import Upstream, UrlError
from ocppscope.cli.live import Recordings, Talk, recording_options
from ocppscope.cli.watching import end_with_browser, watch

_COUNT_EVERY: Final = 1.0


class _Fault(click.ParamType[FaultSpec]):
    name = "fault"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> FaultSpec:
        if isinstance(value, FaultSpec):
            return value
        try:
            return parse_fault(value)
        except FaultSpecError as error:
            self.fail(str(error), param, ctx)


_file: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--listen", required=True, metavar="HOST:PORT", help="Where stations connect; :PORT for all addresses."
)
@click.option(
    "--upstream", metavar="URL", help="The CSMS: ws:// or wss://; with a path, the identity is appended."
)
@click.option(
    "--cert", type=_file, metavar="PEM", help="Stations speak TLS: our certificate, chain included."
)
@click.option("--key", type=_file, metavar="PEM", help="Its private key, where it is not in the same file.")
@click.option("--client-ca", type=_file, metavar="PEM", help="Stations must show a certificate of this CA.")
@click.option(
    "--tls-auto", is_flag=True, help="Stations speak TLS: make a local CA and a certificate for us."
)
@click.option(
    "--tls-name", multiple=True, metavar="NAME", help="With --tls-auto: a further name or address of ours."
)
@click.option("--upstream-ca", type=_file, metavar="PEM", help="Trust this CA for the upstream.")
@click.option(
    "--upstream-cert", type=_file, metavar="PEM", help="Our certificate for the upstream (mutual TLS)."
)
@click.option("--upstream-key", type=_file, metavar="PEM", help="Its private key.")
@click.option(
    "--insecure", is_flag=True, help="Do not check the certificates of the upstream and the mirror."
)
@click.option("--forwarded", is_flag=True, help="Add X-Forwarded-For, -Proto and -Host to requests.")
@click.option(
    "--transparent", "is_transparent", is_flag=True, help="Connections are redirected here (Linux)."
)
@click.option(
    "--redirect-port",
    multiple=True,
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="With --transparent: the ports that stations connect to; 80, or 443 with TLS.",
)
@click.option(
    "--install-redirect", is_flag=True, help="With --transparent: install the rule, and remove it at the end."
)
@click.option("--mirror", metavar="URL", help="Send a copy of the stations' messages to this CSMS, too.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=_Fault(),
    metavar="FAULT",
    help="Let something go wrong on purpose: 'drop when action == \"MeterValues\" p=0.1'.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random choices of faults.")
@recording_options
def command(
    *,
    listen: str,
    upstream: str | None,
    cert: Path | None,
    key: Path | None,
    client_ca: Path | None,
    tls_auto: bool,
    tls_name: tuple[str, ...],
    upstream_ca: Path | None,
    upstream_cert: Path | None,
    upstream_key: Path | None,
    insecure: bool,
    forwarded: bool,
    is_transparent: bool,
    redirect_port: tuple[int, ...],
    install_redirect: bool,
    mirror: str | None,
    faults: tuple[FaultSpec, ...],
    seed: int,
    **recording: Any,
) -> None:
    """Sit between stations and their CSMS: pass everything on unchanged, decode it and record it.

    Point the station at HOST:PORT. Ctrl-C ends it: both sides are closed, recordings are complete.

    Faults: delay 5s, drop, duplicate, reorder, corrupt, close 1011, answer InternalError,
    replace /status "Rejected", stall 10s; each with `when FILTER` and `p=PROBABILITY` if you like.
    """
    _expect_together("--tls-name", tls_name, "--tls-auto", tls_auto)
    _expect_together("--redirect-port", redirect_port, "--transparent", is_transparent)
    _expect_together("--install-redirect", install_redirect, "--transparent", is_transparent)
    if is_transparent and upstream is None and listen.startswith(("127.", "[::1]", "localhost")):
        raise click.UsageError(
            f"--listen {listen}: redirected connections come to the address of a network interface, never to "
            "loopback: listen on 0.0.0.0:PORT or :PORT"
        )
    if (upstream is None) != is_transparent:
        raise click.UsageError(
            "name the CSMS with --upstream URL, or let --transparent find where stations were going"
        )
    try:
        if upstream is not None:
            Upstream.of(upstream)
    except UrlError as error:
        raise click.BadParameter(str(error), param_hint="--upstream") from error
    recordings = Recordings(**recording)
    if recordings.view:
        watch(recordings, sys.argv[1:], upstream or "transparent")
        return
    end_with_browser()
    talk = Talk(recordings, str(recordings.store or recordings.packets or upstream or "live"))
    try:
        station_tls = _station_context(listen, cert, key, client_ca, tls_name, auto=tls_auto, talk=talk)
        upstream_tls = tls.upstream_context(upstream_ca, upstream_cert, upstream_key, insecure)
    except (tls.TlsFileError, certificates.CertificateError) as error:
        raise click.UsageError(str(error)) from error
    copies = _mirror(mirror, upstream_tls if insecure else None, talk)
    try:
        sockets = listen_on(listen)  # before old recordings give way to new ones
    except ListenError as error:
        raise click.ClickException(str(error)) from error
    packets = None
    if recordings.packets:
        with recordings.writing(recordings.packets):
            packets = PacketRecording(
                recordings.packets, recordings.rotation, talk.say, with_faults=bool(faults)
            )
    try:
        store = recordings.open_store(f"record {upstream or 'transparent'}", talk.say)
    except click.ClickException:
        _forget(packets, None)
        raise
    judge = Judge(
        profile=recordings.profile, name_station=recordings.name_station, store=store, on_finding=talk.finding
    )
    judge.listeners.append(talk.feed)
    limits.raise_open_files()
    limits.use_small_tls_buffers()
    proxy = Proxy(
        sockets,
        upstream,
        station_tls=station_tls,
        upstream_tls=upstream_tls,
        judge=judge,
        packets=packets,
        mirror=copies,
        faults=faults,
        seed=seed,
        forwarded=forwarded,
        is_transparent=is_transparent,
        max_message=recordings.max_message,
        tell=talk.say,
    )
    redirected = redirect_port or ((443,) if station_tls else (80,))
    try:
        asyncio.run(_run(proxy, talk, redirected if is_transparent else (), install=install_redirect))
    except transparent.RedirectError as error:
        _forget(packets, store)
        raise click.ClickException(str(error)) from error
    said = [_acted(fault, talk) for fault in faults]
    said += [] if copies is None else [f"mirror: {copies.sent:,} messages sent, {copies.dropped:,} dropped"]
    talk.end(_paths(packets, store), judge, said)


def _expect_together(option: str, value: object, other: str, is_there: bool) -> None:
    if value and not is_there:
        raise click.UsageError(f"{option} goes with {other}, which is not there")


def _acted(fault: FaultSpec, talk: Talk) -> str:
    """How often a fault has acted; one that never did may have a mistake in it."""
    count = sum(n for detail, n in talk.faults.items() if detail.endswith(f"({fault.text})"))
    return f"fault {fault.text!r}: {count:,} times" if count else f"Warning: fault {fault.text!r} never acted"


def _paths(packets: PacketRecording | None, store: StoreRecording | None) -> list[Path]:
    return [*(packets.paths if packets else ()), *(store.paths if store else ())]


def _forget(packets: PacketRecording | None, store: StoreRecording | None) -> None:
    """Remove recordings that nothing was recorded in."""
    for path in _paths(packets, store):
        path.unlink(missing_ok=True)


def _mirror(url: str | None, context: ssl.SSLContext | None, talk: Talk) -> Mirror | None:
    if url is None:
        return None
    try:
        return Mirror(url, tell=talk.say, context=context if url.startswith("wss:") else None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--mirror") from error


def _station_context(
    listen: str,
    cert: Path | None,
    key: Path | None,
    client_ca: Path | None,
    names: tuple[str, ...],
    *,
    auto: bool,
    talk: Talk,
) -> ssl.SSLContext | None:
    if auto and (cert or key):
        raise click.UsageError("--tls-auto makes a certificate, --cert names one: choose one of them")
    if auto:
        host = listen.rpartition(":")[0].strip("[]")
        names = (*names, *certificates.listening_names(host))
        issued = certificates.certificate_for(
            names, user_data_path("ocppscope") / "ca", dt.datetime.now(dt.UTC)
        )
        talk.say(certificates.how_to_trust(issued))
        return tls.station_context(issued.certificate, issued.key, client_ca)
    if cert:
        if warning := tls.expiry_warning(cert, "--cert", dt.datetime.now(dt.UTC)):
            talk.say(f"Warning: {warning}")
        return tls.station_context(cert, key, client_ca)
    if key or client_ca:
        raise click.UsageError("--key and --client-ca need a certificate of ours: --cert PEM, or --tls-auto")
    return None


async def _run(proxy: Proxy, talk: Talk, redirected: tuple[int, ...], *, install: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with proxy:
        where = ", ".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in proxy.addresses
        )
        talk.say(f"listening on {where}; Ctrl-C ends it")
        if not redirected:
            await _until(stopped, proxy, talk)
            return
        port = proxy.addresses[0][1]
        if not install:
            talk.say(transparent.redirect_text(port, redirected))
            await _until(stopped, proxy, talk)
            return
        talk.say(transparent.undo_text(port))
        with transparent.Redirect(port, redirected):
            await _until(stopped, proxy, talk)


async def _until(stopped: asyncio.Event, proxy: Proxy, talk: Talk) -> None:
    """Renew the counters until it is time to stop."""
    chunks = held = 0
    while not stopped.is_set():
        load = proxy.load
        new, spent = load.chunks - chunks, load.held - held
        chunks, held = load.chunks, load.held
        added = f", {spent / new / 1000:.0f} µs added" if new else ""
        talk.count(proxy.judge, time.monotonic(), f", {load.open:,} sessions open{added}")
        try:
            await asyncio.wait_for(stopped.wait(), _COUNT_EVERY)
        except TimeoutError:
            continue
