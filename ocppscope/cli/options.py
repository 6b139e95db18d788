"""What the options that commands share set up: an input that is being read."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final, Literal

import click

from ocppscope.cli.counts import Counts
from ocppscope.cli.reading import EXIT_FINDINGS, EXIT_UNREADABLE, UnreadableInput, reading_options
from ocppscope.events import Event, Notice
from ocppscope.ocpp.decoder import ALL, Decoder, Share
from ocppscope.ocpp.visible import visible
from ocppscope.sources import InputError, Source, SourceOptions, open_source
from ocppscope.wire.tls_keys import KeyStore

__all__ = [
    "EXIT_FINDINGS",
    "EXIT_UNREADABLE",
    "OpenInput",
    "Reading",
    "UnreadableInput",
    "reading_options",
]

_PROGRESS_FROM: Final = 20_000_000
_POLL: Final = 0.2
"""Seconds between two looks at a file that grows."""


@dataclass(slots=True)
class Reading:
    """How inputs are to be read: the values of the shared options."""

    keylog: tuple[Path, ...]
    tls_key: tuple[Path, ...]
    decode_as: tuple[int, ...]
    max_message: int
    station: tuple[str, ...]
    name_station: str | None
    dialect: str | None = None
    assume_tz: tzinfo | None = None
    as_logged_by: Literal["station", "csms"] | None = None
    follow: bool = False
    idle: Callable[[], None] | None = None
    """Called before more input is waited for."""
    is_for_viewer: bool = False
    """What is assumed of a log need not be said: the viewer has it among its findings."""
    share: Share = ALL
    """Which stations are read, where several processes share one capture."""

    def open(self, names: Sequence[str]) -> "OpenInput":
        """Open inputs that are one capture.

        Raises:
            UnreadableInput: one of them cannot be read at all.
        """
        options = SourceOptions(
            keys=self._keys(),
            decode_as=frozenset(self.decode_as),
            max_message=self.max_message,
            follow=self._wait if self.follow and "-" not in names else None,  # a pipe's end is its end
            idle=self._tell_idle,
            dialect=self.dialect,
            zone=self.assume_tz,
            logged_by=self.as_logged_by,
        )
        try:
            source = open_source(names, options)
        except InputError as error:
            raise UnreadableInput(str(error)) from error
        if source.caution and self.share.part == 0:
            click.echo(f"Warning: {visible(source.caution)}", err=True)
        return OpenInput(names, source, self)

    def _tell_idle(self) -> None:
        if self.idle is not None:
            self.idle()

    def _wait(self) -> bool:
        self._tell_idle()
        return _wait_for_more()

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
        self.title = " ".join(
            "standard input" if name == "-" else click.format_filename(name) for name in names
        )
        """The name, for people."""
        self.counts = Counts()
        self._source = source
        self._stations = frozenset(reading.station)
        self._all = Counts()
        """Of all stations, where only some are asked for."""
        self._decoder = Decoder(name_station=reading.name_station, share=reading.share)
        self._is_first = reading.share.part == 0
        """Of those that share the capture: what is to be said once, the first says."""
        self.now: int | None = None
        """To which time of the capture was read, in ns, whatever of it is ours."""
        self._name_station = reading.name_station
        self._is_for_viewer = reading.is_for_viewer

    @property
    def can_be_shared(self) -> bool:
        """Whether the station of each session is known when it begins, and the input can be read twice."""
        return not self._stations and self._source.begins_with_stations and self._source.size is not None

    def take_share(self, share: Share) -> None:
        """Read the events of some stations only. Before anything was read."""
        self._decoder = Decoder(name_station=self._name_station, share=share)

    @property
    def read(self) -> int:
        """Bytes read so far."""
        return self._source.read

    @property
    def size(self) -> int | None:
        """Of the input in bytes; None where it cannot be known."""
        return self._source.size

    @property
    def found(self) -> dict[str, int]:
        """What the input held, by kind, for one that held no OCPP."""
        return self._source.found

    def batches(self) -> Iterator[list[Event | Notice]]:
        """Yield the events, with a progress bar where there is much to read and somebody to see it.

        Raises:
            UnreadableInput: it cannot be read any further.
        """
        stderr = sys.stderr
        size = self._source.size
        if size is None or size < _PROGRESS_FROM or not stderr.isatty() or not self._is_first:
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
                if wire_events and wire_events[-1].time is not None:
                    self.now = wire_events[-1].time
                if self._stations:
                    self._all.feed(batch)
                    batch = [
                        event
                        for event in batch
                        if isinstance(event, Notice) or event.session.station in self._stations
                    ]
                told = len(self.counts.damage)
                self.counts.feed(batch)
                if self._is_first:
                    for damage in self.counts.damage[told:]:
                        click.echo(f"Warning: {damage}", err=True)
                    _tell_log(batch, dialect_only=self._is_for_viewer)
                yield batch
        except InputError as error:
            raise UnreadableInput(str(error)) from error

    def close(self) -> None:
        """Close the input, where it is not read to its end."""
        self._source.close()

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
                f"{self.title} holds nothing of station {', '.join(sorted(self._stations))}. "
                + (f"Its stations are {names}" if names else "No handshake in it shows an identity")
            )
        found = [f"{count:,} × {kind}" for kind, count in sorted(self._source.found.items()) if count]
        if self.counts.upgrades:
            found.insert(0, f"{self.counts.upgrades:,} × WebSocket upgrade")
        if self.counts.unreadable:
            found.insert(0, f"{self.counts.unreadable:,} × WebSocket message that cannot be read")
        instead = "; ".join(found) or "nothing at all"
        raise UnreadableInput(f"{self.title} holds no OCPP message. Found instead: {instead}")


def _tell_log(batch: list[Event | Notice], *, dialect_only: bool) -> None:
    """Say how a log is read, what had to be assumed, and what is odd about the records of a trace."""
    kinds = "text.dialect" if dialect_only else "text."
    for event in batch:
        if not isinstance(event, Notice):
            continue
        if event.kind.startswith(kinds):
            click.echo(f"Note: {visible(event.detail)}", err=True)
        elif event.kind.startswith("trace.") and not dialect_only:
            click.echo(f"Warning: {visible(event.detail)}", err=True)


def _bytes_of(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint=option) from error


def _wait_for_more() -> bool:
    time.sleep(_POLL)
    return True
