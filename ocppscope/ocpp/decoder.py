"""From WebSocket texts to OCPP messages: numbered, correlated, validated, their version known or inferred.

One decoder serves one capture. What it finds wrong it attaches to the event as faults and violations; what
they mean under which standard is the business of `rules`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from ocppscope.events import (
    CALL,
    CALLRESULT,
    CALLRESULTERROR,
    FROM_STATION,
    SEND,
    Closed,
    Control,
    Damaged,
    Direction,
    Event,
    Fault,
    Gap,
    Message,
    Notice,
    Opened,
    Session,
    Text,
    Violation,
    WireEvent,
)
from ocppscope.ocpp import rpc, schemas
from ocppscope.ocpp.actions import senders_of, versions_of
from ocppscope.ocpp.correlation import CALL_TIMEOUT, SLOW_ANSWER, Correlator, StationIds, unanswered_fault
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import TimeFields
from ocppscope.ocpp.versions import JUDGED, SUBPROTOCOLS, V2X, V21, V201

_LIKE_OCPP: Final = re.compile(r'\s*\[\s*"?[2-6]"?\s*[,\]]')
_HELD_LIMIT: Final = 20
"""Events after which a session that nothing was learnt of is taken for OCPP."""
_STATIONS_REMEMBERED: Final = 100_000
_ENDED: Final = 1_000
_LONGEST_NAME: Final = 40


def identity_of(path: str) -> str | None:
    """A station's identity: the last segment of the URL path, percent-decoded (OCPP-J 1.6 §3.1.1)."""
    if "://" in path:  # an absolute URI, which a request target should not be
        path = path.partition("://")[2].partition("/")[2]
    return unquote(path.partition("?")[0].rpartition("/")[2]) or None


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a capture's stations, where several decoders share one capture."""

    part: int
    """From 0."""
    parts: int
    """How many there are."""


ALL: Final = Share(0, 1)


class _State:
    """What is known of one session while it is open."""

    __slots__ = ("correlator", "held", "is_ours", "session", "texts")

    def __init__(self, session: Session, ids: StationIds, *, is_ours: bool, undecided: bool) -> None:
        self.session = session
        self.is_ours = is_ours
        """Of a share of the stations; of others, events are only counted."""
        self.correlator = Correlator(session.number, ids)
        self.held: list[WireEvent] | None = [] if undecided else None
        """Events kept back until it is known whether this is OCPP."""
        self.texts = 0


class Decoder:
    """Turns a source's events into numbered events.

    Args:
        name_station: the identity of stations whose handshake shows none.
        share: which stations' events are wanted; numbers are those of the whole capture.
    """

    def __init__(self, *, name_station: str | None = None, share: Share = ALL) -> None:
        self._name_station = name_station
        self._share = share
        self._dealt: dict[str, int] = {}
        """By station: of which share it is."""
        self._n = 0
        self._states: dict[Session, _State] = {}
        self._ids: dict[str, StationIds] = {}
        self._ended: Recent[Session, None] = Recent(_ENDED)
        self._ignored: set[int] = set()
        self._out: list[Event | Notice] = []

    def feed(self, events: Iterable[WireEvent]) -> list[Event | Notice]:
        """Take a source's next events.

        Returns:
            What follows from them, in order: numbered events, and notices as they came.
        """
        states, take_text = self._states, self._text
        for event in events:
            if type(event) is Text:
                state = states.get(event.session)
                if state is not None and state.held is None:
                    if state.is_ours:
                        take_text(state, event)
                    else:
                        self._n = event.n or self._n + 1
                    continue
            self._any(event)
        out, self._out = self._out, []
        return out

    def _any(self, event: WireEvent) -> None:
        """Take an event that is no text, or whose session is not known to be OCPP."""
        if isinstance(event, Notice):
            self._out.append(event)
            return
        number = event.session.number
        if number in self._ignored:
            if isinstance(event, Closed):
                self._ignored.discard(number)
            return
        state = self._states.get(event.session) or self._begin(event)
        if state.held is not None:
            self._hold(state, event)
        elif isinstance(event, Text) and state.is_ours:
            self._text(state, event)
        elif isinstance(event, Text):
            self._n = event.n or self._n + 1
        else:
            self._other(state, event)

    def _number(self, event: Opened | Control | Damaged | Gap | Closed) -> int:
        self._n = event.n or self._n + 1
        return self._n

    # --- sessions ---

    def _begin(self, event: Opened | Text | Control | Damaged | Gap | Closed) -> _State:
        session = event.session
        undecided = session.version is None
        if isinstance(event, Opened):
            session.station = identity_of(event.path) if event.path else session.station
            session.version = SUBPROTOCOLS.get(event.subprotocol or "") or session.version
            undecided = session.version is None and not SUBPROTOCOLS.keys() & set(event.subprotocols)
        session.station = session.station or self._name_station
        if session in self._ended:  # frames may follow a Close
            return _State(session, self._ids_of(session), is_ours=self._is_ours(session), undecided=False)
        was_decided = event.n > 0  # by the decoder that numbered it, before it was stored
        state = _State(
            session,
            self._ids_of(session),
            is_ours=self._is_ours(session),
            undecided=undecided and not was_decided,
        )
        self._states[session] = state
        return state

    def _is_ours(self, session: Session) -> bool:
        """Whether a session is of our share. All of a station are; stations are dealt out as they come."""
        part, parts = self._share.part, self._share.parts
        if parts == 1:
            return True
        name = session.station
        if name is None:
            return session.number % parts == part
        if name not in self._dealt and len(self._dealt) < _STATIONS_REMEMBERED:
            self._dealt[name] = len(self._dealt) % parts
        return self._dealt.get(name, 0) == part

    def _ids_of(self, session: Session) -> StationIds:
        if session.station is None or session.duplicate_of is not None:
            return StationIds()
        if len(self._ids) > _STATIONS_REMEMBERED:
            self._ids.pop(next(iter(self._ids)))
        return self._ids.setdefault(session.station, StationIds())

    def _hold(self, state: _State, event: Opened | Text | Control | Damaged | Gap | Closed) -> None:
        """Keep events back until a text shows what the session speaks."""
        assert state.held is not None
        state.held.append(event)
        like_ocpp = False
        if isinstance(event, Text):
            like_ocpp = _LIKE_OCPP.match(event.text) is not None
            state.texts += 1
        full = len(state.held) >= _HELD_LIMIT
        if not (like_ocpp or full or isinstance(event, Closed)):
            return
        held, state.held = state.held, None
        if like_ocpp or not _is_foreign(held, state.texts):
            for earlier in held:
                self._any(earlier)
        else:
            self._out.append(_not_ocpp(held))
            del self._states[state.session]
            if not isinstance(event, Closed):
                self._ignored.add(state.session.number)

    def _other(self, state: _State, event: Opened | Control | Damaged | Gap | Closed) -> None:
        if isinstance(event, Closed):
            faults = [unanswered_fault(call, event) for call in state.correlator.unanswered()]
            event = replace(event, faults=(*event.faults, *(fault for fault in faults if fault)))
            self._states.pop(state.session, None)
            self._ended[state.session] = None
        number = self._number(event)
        if state.is_ours:
            self._out.append(replace(event, n=number))

    # --- messages ---

    def _text(self, state: _State, event: Text) -> None:
        text, direction, time, session = event.text, event.direction, event.time, state.session
        self._n = n = event.n or self._n + 1
        try:
            kind, message_id, action, payload, error, faults = event.read or rpc.read(text)
        except rpc.UnreadableError as wrong:
            faults = event.faults + wrong.faults
            self._out.append(
                Damaged(session, time, direction, wrong.layer, wrong.offset, str(wrong), text, faults, n)
            )
            return
        if event.faults:
            faults = event.faults + faults
        answered, latency, correlator = None, None, state.correlator
        if kind not in _ASKING:
            answered, wrong_answer = correlator.answer(kind, direction, message_id)
            if answered is not None:
                action = answered.action
                if time is not None and answered.time is not None:
                    latency = time - answered.time
                    if latency > SLOW_ANSWER:
                        faults += (_slow(answered, latency),)
                if answered.violations and kind == CALLRESULT:
                    faults += (_accepted_invalid(answered),)
            if wrong_answer is not None:
                faults += (wrong_answer,)
        version = session.version
        if version is None or session.version_inferred:
            version = _infer(session, kind, action, payload)
        violations: tuple[Violation, ...] = ()
        if version is not None and (payload is not None or faults or kind == CALLRESULTERROR):
            try:
                known = _KNOWN[version, kind, direction, action]
            except (KeyError, TypeError):  # TypeError: an action that cannot be a key
                known = _learn(version, kind, direction, action)
            if known.faults:
                faults += known.faults
            if payload and type(payload) is dict:
                try:
                    valid = known.is_valid(payload)
                except ValueError:  # too deep for the schema engine: see schemas.fits
                    valid = True
                if not valid:
                    violations = schemas.violations(known.validator, payload, len(text))
                if known.times:
                    faults += known.times.faults(payload, time, direction)
                if known.is_2x and "{}" in text:
                    faults += _empty_objects(payload)
            elif not known.may_be_empty and (payload == {} or _is_null(faults)):
                violations = schemas.violations(known.validator, {})  # null stands for {}
        message = Message(
            session, time, direction, kind, message_id, action, payload, text, n, error, answered, latency,
            faults, violations, event.frames,
        )  # fmt: skip
        if kind == CALL:
            wrong_call = state.correlator.call(message)
            if wrong_call:
                message = replace(message, faults=faults + wrong_call)
                state.correlator.amend(message)
        elif kind == SEND:
            state.correlator.sent(message)
        elif kind == CALLRESULT and (version == V21 or version is None or session.version_inferred):
            state.correlator.answered(message)
        self._out.append(message)


_ASKING: Final = frozenset({CALL, SEND})


class _Known:
    """What the standard says of messages of one version, type, direction and action."""

    __slots__ = ("faults", "is_2x", "is_valid", "may_be_empty", "times", "validator")

    def __init__(self, version: str, kind: int, direction: Direction, action: Any) -> None:
        named = action if isinstance(action, str) else ""
        self.validator: Any = schemas.validator(version, kind, named)
        self.is_valid: Callable[[Any], bool] = self.validator.is_valid if self.validator else _anything
        self.may_be_empty = self.is_valid({})
        paths = schemas.date_times(version, kind, named)
        self.times = TimeFields(paths, kind, named) if paths else None
        self.is_2x = version in V2X
        self.faults = _action_faults(version, direction, named) if kind in (CALL, SEND) else ()
        if kind in (CALLRESULTERROR, SEND) and version != V21:
            self.faults += (Fault("rpc.type", f"message type {kind} is of OCPP 2.1, this is {version}"),)


_KNOWN: Final[dict[tuple[str, int, Direction, str | None], _Known]] = {}
_KNOWN_LIMIT: Final = 2_000  # names come from the capture


def _learn(version: str, kind: int, direction: Direction, action: Any) -> _Known:
    known = _Known(version, kind, direction, action)
    if len(_KNOWN) < _KNOWN_LIMIT and (action is None or type(action) is str):
        _KNOWN[version, kind, direction, action] = known
    return known


def _is_null(faults: tuple[Fault, ...]) -> bool:
    """Whether the payload is there and null."""
    return any(fault.kind == "rpc.payload-null" for fault in faults)


def _anything(payload: Any) -> bool:  # noqa: ARG001
    return True


def _action_faults(version: str, direction: Direction, action: str) -> tuple[Fault, ...]:
    if version not in JUDGED or not action:
        return ()
    if version in V2X and action.endswith("-Signed") and senders_of(version, action[:-7]):
        return (Fault("rpc.signed", f"a signed {action[:-7]}", action),)
    senders = senders_of(version, action)
    if not senders:
        return (Fault("rpc.unknown-action", f"OCPP {version} has no action {action[:50]!r}", action[:50]),)
    if direction not in senders:
        who = "the station" if direction == FROM_STATION else "the CSMS"
        return (Fault("rpc.direction", f"{action} was sent by {who}", action),)
    return ()


def _empty_objects(payload: Any, pointer: str = "") -> tuple[Fault, ...]:
    """Fields that are there and hold an empty object."""
    found: list[Fault] = []
    items = payload.items() if isinstance(payload, dict) else enumerate(payload)
    for name, value in items:
        where = f"{pointer}/{'*' if isinstance(name, int) else name}"
        if value == {} and isinstance(value, dict) and isinstance(payload, dict):
            found.append(Fault("rpc.empty-field", f"{where} is {{}}", where))
        elif isinstance(value, dict | list):
            found += _empty_objects(value, where)
    return tuple(found)


def _infer(session: Session, kind: int, action: Any, payload: Any) -> str | None:
    """Conclude the version from a message: from its action, from what its payload validates against.

    What 2.0.1 and 2.1 share counts as 2.0.1 until something of 2.1 comes.
    """
    if kind in (CALLRESULTERROR, SEND):
        fitting: tuple[str, ...] = (V21,)
    elif kind == CALL and type(action) is str:
        fitting = tuple(
            version
            for version in versions_of(action)
            if (validator := schemas.validator(version, kind, action)) and schemas.fits(validator, payload)
        ) or versions_of(action)
    else:
        fitting = ()
    if session.version is None:
        if fitting and (len(fitting) == 1 or fitting == (V201, V21)):
            session.version, session.version_inferred = fitting[0], True
    elif session.version == V201 and fitting == (V21,):
        session.version = V21
    return session.version


def _is_foreign(held: list[WireEvent], texts: int) -> bool:
    """Whether a session without a message like OCPP's is something else."""
    offered = [name for event in held if isinstance(event, Opened) for name in event.subprotocols]
    return texts > 0 or any(not name.lower().startswith("ocpp") for name in offered)


def _not_ocpp(held: list[WireEvent]) -> Notice:
    first = held[0]
    assert not isinstance(first, Notice)
    session = first.session
    path = first.path if isinstance(first, Opened) else None
    names = first.subprotocols if isinstance(first, Opened) else ()
    # Some carry a token where a name belongs, which is nobody's to see.
    offered = ", ".join(name if len(name) <= _LONGEST_NAME else f"{name[:20]}…" for name in names)
    about = [f"{session.client} → {session.server}"]
    about += [f"path {path}"] if path else []
    about += [f"subprotocol {offered}"] if offered else []
    return Notice("websocket.not-ocpp", first.time, ", ".join(about), f"{session.server} {path or ''}")


def _slow(call: Message, latency: int) -> Fault:
    kind = "rpc.late" if latency > CALL_TIMEOUT else "rpc.slow"
    detail = f"{call.action} was answered after {latency / 1e9:.1f} s"
    return Fault(kind, detail, str(call.action), (call.n,))


def _accepted_invalid(call: Message) -> Fault:
    detail = f"{call.action} breaks its schema ({call.violations[0].detail}) and got a CallResult"
    return Fault("rpc.accepted-invalid", detail, str(call.action), (call.n,))
