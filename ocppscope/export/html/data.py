"""The events of a report as JSON, for its script: bounded in number, in length, and in what they make together."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ocppscope.events import FROM_STATION, TYPE_NAMES, Damaged, Event, Message, Opened
from ocppscope.ocpp.summary import summary
from ocppscope.ocpp.wording import what, without_secrets
from ocppscope.store import FindingRow, Store, Stored

_AT_ONCE: Final = 500
"""Events in memory at once."""
_LOOKED_AT: Final = 100_000
"""Numbers of events that are asked for in one go."""
_KIND: Final = 4
"""The column of an event that says of what sort it is."""
_LONGEST_ID: Final = 100
"""Characters of an id that is no string."""
_LARGEST_TIME: Final = 9_000_000_000_000_000
"""Microseconds that JavaScript has exactly; until the year 2255."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a capture a report holds."""

    events: int = 100_000
    text: int = 16_384
    """Characters of one event's text."""
    texts: int = 48_000_000
    """Characters of all texts together: what comes after that has its line, and no text."""
    findings: int = 2_000
    proofs: int = 20
    """Of a finding, that are linked."""
    sessions: int = 2_000
    transactions: int = 2_000
    plots: int = 100
    """Transactions that are plotted."""
    connectors: int = 200


def kept(store: Store, findings: Sequence[FindingRow], limits: Limits) -> list[int]:
    """The numbers of the events that go in: those that prove findings, then the first ones."""
    proofs = {n for one in findings for n in store.proofs(one.number, limits.proofs)}
    chosen = set(sorted(proofs)[: limits.events])
    after, last = 0, store.last
    while after < last and len(chosen) < limits.events:
        for n in store.select(after=after, until=min(after + _LOOKED_AT, last)):
            if len(chosen) >= limits.events:
                break
            chosen.add(n)
        after += _LOOKED_AT
    return sorted(chosen)


def block(
    store: Store, numbers: Sequence[int], findings: Sequence[FindingRow], limits: Limits
) -> Iterator[str]:
    """Yield the parts of a JSON object that holds the events of some numbers, ready to stand in a script element.

    It is ASCII without `<`, `>` and `&`: nothing in it can end the element, whatever was captured.
    """
    sessions = [(row.session.number, row.session.station, row.session.version) for row in store.sessions()]
    yield f'{{"sessions":{_json(sessions)},"findings":'
    yield _json([(one.number, one.severity, one.rule, one.title) for one in findings])
    yield ',"events":['
    listed = {one.number for one in findings}
    room = limits.texts
    waiting: set[int] = set()
    """Calls without an answer so far."""
    for at in range(0, len(numbers), _AT_ONCE):
        some = numbers[at : at + _AT_ONCE]
        proven: dict[int, list[int]] = {}
        for n, finding in store.proven(some[0], some[-1]):
            if finding in listed:
                proven.setdefault(n, []).append(finding)
        rows = []
        for stored in store.events(some):
            row, used = _row(stored, min(limits.text, room))
            room -= used
            rows.append(_json([*row, proven.get(stored.n, 0)]))
            if row[_KIND] == "CALL":
                waiting.add(stored.n)
            elif stored.answers is not None:
                waiting.discard(stored.answers)
        yield f"{',' if at else ''}\n{(',' + chr(10)).join(rows)}"
    yield f'\n],"unanswered":{_json(_unanswered(store, waiting, is_whole=len(numbers) < limits.events))}}}'


def _unanswered(store: Store, waiting: Iterable[int], *, is_whole: bool) -> list[int]:
    """Which of some Calls have no answer: where not all events are in the report, it may be elsewhere in the store."""
    if is_whole:
        return sorted(waiting)
    if not store.is_complete:  # it has no index yet
        return []
    return sorted(n for n in waiting if store.answer_of(n) is None)


def _json(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _row(stored: Stored, longest: int) -> tuple[list[Any], int]:
    """What `report.js` calls the columns of an event, and how many characters of its text are in it."""
    event = stored.event
    text = text_of(event)
    cut = text[:longest]
    row = [
        event.n,
        event.session.number,
        _microseconds(event.time),
        _direction(event),
        kind(event),
        *_said(event),
        stored.severity,
        stored.answers,
        _microseconds(event.latency) if isinstance(event, Message) else None,
        cut,
        len(text) if len(cut) < len(text) else 0,
    ]
    return row, len(cut)


def _said(event: Event) -> tuple[str | None, str | None, str]:
    """Action, message id and summary."""
    if not isinstance(event, Message):
        return None, None, what(event)
    action, identity = event.action, event.id
    return (
        action if isinstance(action, str) else None,
        identity if isinstance(identity, str) else json.dumps(identity)[:_LONGEST_ID],
        summary(event),
    )


def _microseconds(time: int | None) -> int | None:
    return None if time is None or abs(time) // 1_000 > _LARGEST_TIME else time // 1_000


def _direction(event: Event) -> int:
    direction = getattr(event, "direction", None)
    return 0 if direction is None else 1 if direction == FROM_STATION else 2


def kind(event: Event) -> str:
    """What sort of event it is: `CALL` of messages, `ping` of control frames, else its class."""
    if isinstance(event, Message):
        return TYPE_NAMES.get(event.type, "message")
    return getattr(event, "opcode", "") or type(event).__name__.lower()


def text_of(event: Event) -> str:
    """An event's text as it was on the wire, without what would let somebody in."""
    if isinstance(event, Message):
        return event.raw
    if isinstance(event, Opened):
        heads = [without_secrets(head).rstrip() for head in (event.request, event.response)]
        return "\n\n".join(filter(None, heads))
    if isinstance(event, Damaged):
        if event.layer == "http":
            head = event.raw if isinstance(event.raw, bytes) else event.raw.encode(errors="replace")
            return without_secrets(head)
        return event.raw if isinstance(event.raw, str) else event.raw.decode(errors="backslashreplace")
    return ""
