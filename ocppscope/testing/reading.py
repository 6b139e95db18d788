"""The events of a test's capture, and what can be said of a file that holds none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ocppscope.events import Event, Message, Notice, Opened
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import InputError, SourceOptions, open_source
from ocppscope.testing.settings import Values
from ocppscope.wire.tls_keys import KeyStore


class CannotReadError(Exception):
    """A capture cannot be read at all, or holds no OCPP. The text says what was found instead."""


@dataclass(slots=True)
class Seen:
    """What a capture held, as far as it was read."""

    messages: int = 0
    upgrades: int = 0
    found: dict[str, int] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    """Where the file could be read in part only, and why."""


def batches(path: Path, input_: Values, seen: Seen) -> Iterator[list[Event | Notice]]:
    """Yield the events of a capture, a batch at a time; `seen` counts them.

    Raises:
        CannotReadError: it cannot be read.
    """
    try:
        options = SourceOptions(
            _keys(input_),
            decode_as=frozenset(input_.get("decode_as", ())),
            dialect=input_.get("dialect"),
            zone=input_.get("assume_tz"),
            logged_by=input_.get("as_logged_by"),
        )
        source = open_source([str(path)], options)
        decoder = Decoder(name_station=input_.get("name_station"))
        try:
            for wire_events in source.batches():
                batch = decoder.feed(wire_events)
                _count(batch, seen)
                yield batch
        finally:
            seen.found = source.found
            source.close()
    except InputError as error:
        raise CannotReadError(str(error)) from error


def events(path: Path, input_: Values, seen: Seen) -> Iterator[Event | Notice]:
    """As `batches`, one by one."""
    for batch in batches(path, input_, seen):
        yield from batch


def require_ocpp(path: Path, seen: Seen) -> None:
    """Check, at the end, that there was something of OCPP.

    Raises:
        CannotReadError: there was not.
    """
    if seen.messages or seen.upgrades:
        return
    instead = "; ".join(f"{count:,} × {kind}" for kind, count in sorted(seen.found.items()) if count)
    raise CannotReadError(f"{path} holds no OCPP message. Found instead: {instead or 'nothing at all'}")


def _count(batch: list[Event | Notice], seen: Seen) -> None:
    for event in batch:
        if isinstance(event, Message):
            seen.messages += 1
        elif isinstance(event, Opened):
            seen.upgrades += event.path is not None
        elif isinstance(event, Notice) and event.kind == "file.damaged":
            seen.damage.append(event.detail)


def _keys(input_: Values) -> KeyStore:
    keys = KeyStore()
    for path in input_.get("keylog", ()):
        if not keys.add_keylog(path.read_bytes()):
            raise CannotReadError(f"{path} holds no TLS secrets (NSS key log lines)")
    for path in input_.get("tls_key", ()):
        try:
            keys.add_private_key(path.read_bytes())
        except ValueError as error:
            raise CannotReadError(f"{path}: {error}") from error
    return keys
