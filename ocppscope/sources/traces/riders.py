"""What rides along in `meta.ocppscope` of a trace: everything that a record of Open OCPP Trace cannot carry.

    {"session": 2,                       the number of the record's session
     "sessions": [{"session": 2, …}],    what is known of sessions that are first named here
     "faults": […],                      what was wrong below OCPP with the frames of the record's message
     "time": null,                       the record's time, where its timestamp cannot tell it: null for none
     "before": [{"event": …}],           events between the record before and this one
     "after": [{"event": …}]}            those after it, on the last record

A rider is an event in the form in which a store keeps it, see `docs/store.md`, but for credentials and cookies.
"""

import base64
from dataclasses import replace
from typing import Any, Final, TypeAlias

import orjson

from ocppscope.events import Damaged, Event, Fault, Message, Notice, Opened, Session, WireEvent
from ocppscope.ocpp import wording
from ocppscope.sources.traces.words import stamp, time_of
from ocppscope.store import rows
from ocppscope.store.sound import COLUMNS

Rider: TypeAlias = dict[str, Any]

OWN: Final = "ocppscope"
"""Our place in `meta`."""
_COLUMNS: Final = COLUMNS["events"]
_DIRECTIONS: Final = (None, "cp-to-csms", "csms-to-cp")


def rider_of(event: Event | Notice) -> Rider:
    """An event as a rider."""
    if isinstance(event, Notice):
        told = {"event": "notice", "kind": event.kind, "detail": event.detail, "subject": event.subject}
        return told | _time(event.time)
    if isinstance(event, Opened):
        event = replace(
            event, request=_without_secrets(event.request), response=_without_secrets(event.response)
        )
    row = dict(zip(_COLUMNS, rows.row_of(event, None), strict=True))
    rider: Rider = {"event": row["event"], "session": row["session"], **_time(event.time)}
    if row["direction"] is not None:
        rider["direction"] = row["direction"]
    raw = row["raw"]
    if isinstance(raw, bytes):
        rider["rawBase64"] = base64.b64encode(raw).decode()
    elif raw is not None:
        rider["raw"] = raw
    return rider | (orjson.loads(row["more"]) if row["more"] else {})


def _without_secrets(head: bytes) -> bytes:
    """The head of an HTTP request or response as it may be given away: a trace is for others, too."""
    return wording.without_secrets(head).replace("\n", "\r\n").encode("latin-1", "replace")


_FIXED: Final = frozenset({"event", "session", "timestamp", "time", "direction", "raw", "rawBase64"})


def event_of(session: Session, rider: Rider) -> WireEvent:
    """The event of a rider.

    Raises:
        ValueError: it is none that we write.
    """
    try:
        row = {
            "event": rider["event"],
            "time": _time_from(rider),
            "direction": rider.get("direction"),
            "raw": _raw(rider),
            "wire": None,
            "n": 0,
            "more": orjson.dumps(
                {name: value for name, value in rider.items() if name not in _FIXED}
            ).decode(),
        }
        if row["direction"] not in _DIRECTIONS:
            raise ValueError(row["direction"])
        event = rows.wire_event(session, row)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"no rider: {error}") from error
    if isinstance(event, Damaged) and event.reason is rows.DAMAGED:
        raise ValueError("no rider")
    return event


def notice_of(rider: Rider) -> Notice:
    """The notice of a rider.

    Raises:
        ValueError: it is none that we write.
    """
    kind, detail, subject = rider.get("kind"), rider.get("detail"), rider.get("subject")
    if not (isinstance(kind, str) and isinstance(detail, str) and isinstance(subject, str)):
        raise ValueError("no notice")  # noqa: TRY004 - it is the value of a file
    return Notice(kind, _time_from(rider), detail, subject)


def _raw(rider: Rider) -> Any:
    return base64.b64decode(rider["rawBase64"]) if "rawBase64" in rider else rider.get("raw")


def _time(time: int | None) -> dict[str, Any]:
    text = stamp(time)
    return {"timestamp": text} if text is not None or time is None else {"time": time}


def _time_from(rider: Rider) -> int | None:
    time = rider.get("time")
    return time if type(time) is int else time_of(rider.get("timestamp"))


# --- faults ---


def faults_of(message: Message) -> list[Any]:
    """What is wrong with a message below OCPP, as a record carries it."""
    more = rows.row_of(message, None)[-1] if message.faults else None
    faults: list[Any] = orjson.loads(more)["faults"] if more else []
    return faults


def faults_from(session: Session, faults: Any) -> tuple[Fault, ...]:
    """The same back.

    Raises:
        ValueError: they are none that we write.
    """
    event = event_of(session, {"event": "message", "direction": "cp-to-csms", "raw": "", "faults": faults})
    assert not isinstance(event, Notice)
    return event.faults


# --- sessions ---


def facts_of(session: Session) -> dict[str, Any]:
    """What is to be known of a session that no event of it tells."""
    facts = {
        "session": session.number,
        "station": session.station,
        "version": session.version,
        "inferred": session.version_inferred,
        "late": session.late,
        "client": session.client,
        "server": session.server,
        "duplicateOf": session.duplicate_of,
    }
    return {name: value for name, value in facts.items() if value or name == "session"}


def learn(session: Session, facts: dict[str, Any]) -> None:
    """Fill in a session with what `facts_of` wrote; what is not as it wrote it is passed over."""
    for name, field in (("station", "station"), ("client", "client"), ("server", "server")):
        if type(facts.get(name)) is str:
            setattr(session, field, facts[name])
    if type(facts.get("version")) is str and not facts.get("inferred"):  # else the decoder concludes it again
        session.version = facts["version"]
    session.late = facts.get("late") is True
    if type(facts.get("duplicateOf")) is int:
        session.duplicate_of = facts["duplicateOf"]
