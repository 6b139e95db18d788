"""What is known of one event before its payload: what it is, whose, which answer, and what it proves."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ocppscope.events import TYPE_NAMES, Control, Damaged, Event, Message, Opened
from ocppscope.ocpp import errors
from ocppscope.ocpp.times import duration, timestamp
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import arrow, plural, what
from ocppscope.store import FindingRow, Stored
from ocppscope.tui.lines import Cell, wrapped

_LABEL: Final = 10
_WAYS: Final = {"→": "station → CSMS", "←": "CSMS → station"}
SEVERITY_WORDS: Final = {"error": "E error", "warning": "W warning", "info": "i info"}

_Field = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store says of an event."""

    stored: Stored
    peer: Stored | None
    """The answer to it, or what it answers."""
    findings: Sequence[FindingRow]
    is_loading: bool
    """An answer may still come."""

    @property
    def event(self) -> Event:
        return self.stored.event


def head(facts: Facts, width: int) -> list[list[Cell]]:
    """The rows above the payload.

    Args:
        facts: of the event.
        width: columns there are.
    """
    event = facts.event
    title = f"#{event.n} {what(event)}"
    rows: list[list[Cell]] = [[(piece, "title")] for piece in wrapped(visible(title), width)]
    for name, text in (*_common(event), *_of(facts)):
        if text:
            rows += _field(name, text, width)
    rows += [[""]] if facts.findings else []
    for finding in facts.findings:
        rows += finding_rows(finding, width)
    return rows


def finding_rows(finding: FindingRow, width: int, proofs: str = "") -> list[list[Cell]]:
    """A finding whole.

    Args:
        finding: it.
        width: columns there are.
        proofs: the messages that show it, where they are to be named.
    """
    severity = finding.severity
    title = f"{SEVERITY_WORDS[severity]} {finding.rule} {finding.title}"
    rows: list[list[Cell]] = [[(piece, severity)] for piece in wrapped(visible(title), width)]
    rows += [[f"  {piece}"] for piece in wrapped(visible(finding.detail), width - 2)]
    for name, text in (("hint", finding.hint), ("source", finding.source), ("proofs", proofs)):
        if text:
            rows += [["  ", *row] for row in _field(name, text, width - 2)]
    return rows


def _field(name: str, text: str, width: int) -> Iterator[list[Cell]]:
    for at, piece in enumerate(wrapped(visible(text), max(width - _LABEL, 10))):
        yield [("" if at else name).ljust(_LABEL), piece] if at else [(name.ljust(_LABEL), "dim"), piece]


def _common(event: Event) -> Iterable[_Field]:
    session = event.session
    yield "time", timestamp(event.time) or "not known"
    assumed = " (assumed)" if session.version_inferred else ""
    version = f"OCPP {session.version}{assumed}" if session.version else "version not known"
    ends = f" ({session.client} → {session.server})" if session.client else ""
    yield "session", f"{session.number}, station {session.station or 'unnamed'}, {version}{ends}"
    if not isinstance(event, Message):
        yield "direction", _WAYS.get(arrow(event), "")


def _of(facts: Facts) -> Iterable[_Field]:
    event = facts.event
    if isinstance(event, Message):
        return _of_message(event, facts)
    if isinstance(event, Opened):
        return _of_opened(event)
    if isinstance(event, Damaged):
        size = len(event.raw if isinstance(event.raw, bytes) else event.raw.encode())
        return (("layer", event.layer), ("breaks at", f"byte {event.offset:,} of {size:,}"))
    if isinstance(event, Control):
        return (("payload", plural(len(event.payload), "byte")),)
    return ()


def _of_message(event: Message, facts: Facts) -> Iterable[_Field]:
    way = _WAYS.get(arrow(event), "")
    yield "message", f"{TYPE_NAMES[event.type]} {json.dumps(event.id, ensure_ascii=False)}, {way}"
    yield _peer(event, facts)
    if event.error is not None:
        code = event.error.code
        meaning = errors.explain(event.session.version, code)
        yield "code", f"{code}{': ' + meaning if meaning else ''}"
        yield "said", str(event.error.description)


def _peer(event: Message, facts: Facts) -> _Field:
    call, peer = facts.stored.answers, facts.peer
    if call is not None:
        after = f" after {duration(event.latency)}" if event.latency is not None else ""
        said = what(peer.event) if peer else "is not in this store"
        return "answers", f"#{call}{after}: {said}"
    if peer is not None:
        return "answer", f"#{peer.n} {what(peer.event)}"
    if TYPE_NAMES[event.type] == "CALL":
        return "answer", "none so far" if facts.is_loading else "none in this capture"
    return "", ""


def _of_opened(event: Opened) -> Iterable[_Field]:
    asked, answered = "none" if event.request else "not seen", "none" if event.response else "not seen"
    yield "path", event.path or "not seen"
    yield "status", str(event.status or "not seen")
    yield "offered", ", ".join(event.subprotocols) or asked
    yield "agreed", event.subprotocol or answered
    yield "extended", event.extensions or answered
    if event.tls:
        yield "TLS", ", ".join(part for part in (event.tls.version, event.tls.cipher) if part)
    yield "auth", event.auth or asked
