"""The options that commands share, and the reading that they set up."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ocppscope.cli.counts import Counts
from ocppscope.events import Event, Notice
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import InputError, Source, SourceOptions, open_source
from ocppscope.wire.tls_keys import KeyStore

F = TypeVar("F", bound=Callable[..., Any])

_PROGRESS_FROM: Final = 20_000_000
_SIZES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

EXIT_FINDINGS: Final = 1
EXIT_UNREADABLE: Final = 3


class UnreadableInput(click.ClickException):
    """An input that cannot be read at all."""

    exit_code = EXIT_UNREADABLE


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([KMG]?)(i?B)?", value.strip(), re.IGNORECASE)
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is no size: write bytes, or 512K, 16M, 1G", param, ctx)
        return int(match[1]) * _SIZES[match[2].upper()]


@dataclass(slots=True)
class Reading:
    """How inputs are to be read: the values of the shared options."""

    keylog: tuple[Path, ...]
    tls_key: tuple[Path, ...]
    decode_as: tuple[int, ...]
    max_message: int
    station: tuple[str, ...]
    name_station: str | None
    follow: bool = False

    def open(self, names: Sequence[str]) -> "OpenInput":
        """Open inputs that are one capture.

        Raises:
            UnreadableInput: one of them cannot be read at all.
        """
        options = SourceOptions(
            keys=self._keys(),
            decode_as=frozenset(self.decode_as),
            max_message=self.max_message,
            follow=_wait_for_more if self.follow and "-" not in names else None,  # a pipe's end is its end
        )
        try:
            return OpenInput(names, open_source(names, options), self)
        except InputError as error:
            raise UnreadableInput(str(error)) from error

    def _keys(self) -> KeyStore:
        keys = KeyStore()
        for path in self.keylog:
            if not keys.add_keylog(_bytes_of(path, "--keylog")):
                click.echo(f"Warning: --keylog {path} holds no TLS secrets (NSS key log lines)", err=True)
        for path in self.tls_key:
            try:
                keys.add_private_key(_bytes_of(path, "--tls-key"))
            except ValueError as error:
                raise click.BadParameter(f"{path}: {error}", param_hint="--tls-key") from error
        return keys


class OpenInput:
    """One capture that is being read: numbered events, a batch at a time."""

    def __init__(self, names: Sequence[str], source: Source, reading: Reading) -> None:
        self.name = " ".join(map(click.format_filename, names))
        self.counts = Counts()
        self._source = source
        self._stations = frozenset(reading.station)
        self._all = Counts()
        """Of all stations, where only some are asked for."""
        self._decoder = Decoder(name_station=reading.name_station)

    def batches(self) -> Iterator[list[Event | Notice]]:
        """Yield the events, with a progress bar where there is much to read and somebody to see it.

        Raises:
            UnreadableInput: it cannot be read any further.
        """
        stderr = sys.stderr
        size = self._source.size
        if size is None or size < _PROGRESS_FROM or not stderr.isatty():
            yield from self._decoded()
            return
        with click.progressbar(length=size, label=self.name, file=stderr) as bar:
            read = 0
            for batch in self._decoded():
                bar.update(self._source.read - read)
                read = self._source.read
                yield batch

    def _decoded(self) -> Iterator[list[Event | Notice]]:
        try:
            for wire_events in self._source.batches():
                batch = self._decoder.feed(wire_events)
                if self._stations:
                    self._all.feed(batch)
                    batch = [
                        event
                        for event in batch
                        if isinstance(event, Notice) or event.session.station in self._stations
                    ]
                told = len(self.counts.damage)
                self.counts.feed(batch)
                for damage in self.counts.damage[told:]:
                    click.echo(f"Warning: {damage}", err=True)
                yield batch
        except InputError as error:
            raise UnreadableInput(str(error)) from error

    def require_ocpp(self, *, messages: bool = False) -> None:
        """Check, at the end, that there was something of OCPP.

        Args:
            messages: an upgrade that no message followed is not enough.

        Raises:
            UnreadableInput: there was not; it says what was found instead.
        """
        if self.counts.messages or (self.counts.has_ocpp and not messages):
            return
        if self._stations and self._all.has_ocpp:
            names = self._all.station_names()
            raise UnreadableInput(
                f"{self.name} holds nothing of station {', '.join(sorted(self._stations))}. "
                + (f"Its stations are {names}" if names else "No handshake in it shows an identity")
            )
        found = [f"{count:,} × {kind}" for kind, count in sorted(self._source.found.items()) if count]
        if self.counts.upgrades:
            found.insert(0, f"{self.counts.upgrades:,} × WebSocket upgrade")
        if self.counts.unreadable:
            found.insert(0, f"{self.counts.unreadable:,} × WebSocket message that cannot be read")
        instead = "; ".join(found) or "nothing at all"
        raise UnreadableInput(f"{self.name} holds no OCPP message. Found instead: {instead}")


def reading_options(function: F) -> F:
    """Add the options that say how to read inputs; the command gets them as `reading`."""
    existing = click.Path(exists=True, dir_okay=False, path_type=Path)
    options = (
        click.option("--keylog", multiple=True, type=existing, help="TLS secrets, in NSS key log format."),
        click.option(
            "--tls-key",
            multiple=True,
            type=existing,
            help="The server's RSA key (PEM), for RSA key exchange.",
        ),
        click.option(
            "--decode-as",
            multiple=True,
            type=click.IntRange(1, 65535),
            metavar="PORT",
            help="Take this port for HTTP and WebSocket, whatever it looks like.",
        ),
        click.option(
            "--max-message",
            type=_Size(),
            default="16M",
            show_default=True,
            help="Largest message to read, also after inflating.",
        ),
        click.option("--station", multiple=True, metavar="ID", help="Only this station; may be repeated."),
        click.option("--name-station", metavar="ID", help="The identity, where the input shows none."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _bytes_of(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint=option) from error


def _wait_for_more() -> bool:
    time.sleep(0.2)
    return True
