"""`replay --record`: the new exchange kept, by the proxy of `record` between us and the peer."""

import dataclasses
from pathlib import Path

import click

from ocppscope.capture.files import Rotation
from ocppscope.capture.listeners import ListenError
from ocppscope.capture.live import Judge
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.proxy import Proxy
from ocppscope.capture.store_recording import StoreRecording
from ocppscope.cli.replay_report import Report
from ocppscope.replay.performing import Performance, Wishes, play_csms, play_station
from ocppscope.replay.script import Script

_HERE = "127.0.0.1"


async def recorded(
    script: Script, where: str | tuple[str, int], wishes: Wishes, report: Report, path: Path
) -> Performance:
    """Play a script through a proxy that records.

    Args:
        script: what to play.
        where: the URL of the CSMS, where a station is played; where stations connect, where the CSMS is.
        wishes: how.
        report: told of each comparison.
        path: of the recording, which is not there yet.

    Raises:
        click.BadParameter: it is there, or its extension says nothing.
        click.ClickException: it cannot be written, or nobody can listen there.
    """
    # The proxy stands before us: TLS is its business.
    tls = wishes.manners.tls
    plain = dataclasses.replace(wishes, manners=dataclasses.replace(wishes.manners, tls=None))
    try:
        if isinstance(where, str):
            judge, packets = _recording(path, f"replay --to {where}")
            async with Proxy(f"{_HERE}:0", where, judge=judge, packets=packets, upstream_tls=tls) as proxy:
                near = f"ws://{_HERE}:{proxy.addresses[0][1]}"
                return await play_station(script, near, plain, report.compare)
        host, port = where
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        behind = _free_port()
        judge, packets = _recording(path, f"replay --listen {listen}")
        upstream = f"ws://{_HERE}:{behind}"
        async with Proxy(listen, upstream, judge=judge, packets=packets, station_tls=tls) as proxy:
            there = proxy.addresses[0][1]
            return await play_csms(
                script, (_HERE, behind), plain, report.compare, lambda _port: report.listening(there)
            )
    except ListenError as error:
        raise click.ClickException(str(error)) from error


def _free_port() -> int:
    import socket

    with socket.create_server((_HERE, 0)) as one:
        port: int = one.getsockname()[1]
        return port


def _recording(path: Path, source: str) -> tuple[Judge, PacketRecording | None]:
    if path.exists():
        raise click.BadParameter(f"{path} is there already: name another file", param_hint="--record")
    try:
        if path.suffix == ".pcapng":
            return Judge(), PacketRecording(path, Rotation(), _tell)
        if path.suffix == ".ocppdb":
            return Judge(store=StoreRecording(path, Rotation(), source, "field", _tell)), None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    raise click.BadParameter(f"{path}: expected FILE.pcapng or FILE.ocppdb", param_hint="--record")


def _tell(text: str) -> None:
    click.echo(text, err=True)
