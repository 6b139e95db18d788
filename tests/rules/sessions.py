"""A station's sessions, written as a few lines, decoded and judged.

    findings_of('> [2,"1","Heartbeat",{}]', "+2s", '< [3,"1",{"currentTime":"2026-11-22T10:15:02Z"}]')

`>` is what the station sends, `<` what the CSMS sends; `+2s` lets time pass. The first session opens by
itself, `opened(…)` opens the next one (or says how the first is), and what is open at the end ends with the
capture. Everything starts at NOW; CURRENT in a payload is the time at which it is said, `stamp(60)` a minute after NOW.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from ocppscope import rules
from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Event,
    Fault,
    Gap,
    Message,
    Notice,
    Opened,
    Session,
    Text,
    Tls,
    WireEvent,
)
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine, Finding

NOW = "2026-11-22T10:15:00Z"
START = 1_795_342_500_000_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
SAFE_TLS = Tls("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")


CURRENT = "<current time>"
"""In a payload: the date-time at which it is said."""


def stamp(seconds: float = 0) -> str:
    """A date-time that many seconds after the start, for payloads."""
    time = datetime.fromtimestamp(START // SECOND, UTC) + timedelta(seconds=seconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


DIRECTIONS = {">": FROM_STATION, "<": FROM_CSMS}


assert rules.__all__  # importing them declares the rules


class Script:
    """What has been said so far."""

    def __init__(self, version: str | None, *, timeless: bool = False, end: bool = True) -> None:
        self.version = version
        self.now = START
        self.timeless = timeless
        self.end = end
        self.sessions: list[Session] = []
        self.open: dict[int, Session] = {}
        self.session: Session | None = None
        self.events: list[WireEvent] = []

    @property
    def time(self) -> int | None:
        return None if self.timeless else self.now

    def here(self) -> Session:
        if self.session is None:
            opened()(self)
        assert self.session is not None
        return self.session

    def say(self, piece: "Piece") -> None:
        if not isinstance(piece, str):
            piece(self)
        elif piece[0] in "<>":
            direction = DIRECTIONS[piece[0]]
            text = piece[1:].removeprefix(" ").replace(CURRENT, stamp((self.now - START) / SECOND))
            self.events.append(Text(self.here(), self.time, direction, text))
        else:
            assert piece[-1] == "s", piece
            self.now += round(float(piece[:-1]) * SECOND)


Piece = str | Callable[[Script], None]


def opened(
    *,
    late: bool = False,
    duplicate_of: int | None = None,
    server: str = "10.0.0.2:9000",
    station: str = "CP001",
    version: str | None = "",
    **overrides: Any,
) -> Piece:
    """A new session; by default a handshake with which nothing is wrong."""

    def say(script: Script) -> None:
        number = len(script.sessions) + 1
        session = Session(number, f"10.0.0.1:{50_000 + number}", server, late=late, duplicate_of=duplicate_of)
        agreed = script.version if version == "" else version
        name = f"ocpp{agreed}" if agreed else None
        fields = {
            "path": f"/ocpp/{station}",
            "subprotocols": (name,) if name else (),
            "subprotocol": name,
            "status": 101,
            "tls": SAFE_TLS,
            "auth": f"Basic {station}",
            "key": f"key {number}",
            "request": b"GET",
            "response": b"HTTP/1.1 101",
        }
        event = Opened(session, script.time, **({"tls": None} if late else fields) | overrides)
        script.sessions.append(session)
        script.open[number] = script.session = session
        script.events.append(event)

    return say


def unopened(*, station: str | None = "CP001", version: str | None = "1.6") -> Piece:
    """A session as most logs have it: it begins with a message."""

    def say(script: Script) -> None:
        number = len(script.sessions) + 1
        session = Session(number, station=station, version=version, late=True)
        script.sessions.append(session)
        script.open[number] = script.session = session

    return say


def closed(
    by: str | None = "station", how: str = "close", code: int | None = 1000, **overrides: Any
) -> Piece:
    """The session at hand ends."""

    def say(script: Script) -> None:
        session = script.here()
        del script.open[session.number]
        script.events.append(Closed(session, script.time, by, how, code, **overrides))

    return say


def on(number: int) -> Piece:
    """What follows is said in that session."""

    def say(script: Script) -> None:
        script.session = script.sessions[number - 1]

    return say


def gap(side: str = ">", size: int | None = 100) -> Piece:
    return lambda script: script.events.append(Gap(script.here(), script.time, DIRECTIONS[side], size))


def ping(side: str = ">", opcode: str = "ping", faults: tuple[Fault, ...] = ()) -> Piece:
    return lambda script: script.events.append(
        Control(script.here(), script.time, DIRECTIONS[side], opcode, b"", faults)
    )


def damaged(layer: str, *kinds: str, side: str = ">") -> Piece:
    """Bytes that could not be read, with faults of some kinds."""
    return lambda script: script.events.append(
        Damaged(
            script.here(),
            script.time,
            DIRECTIONS[side],
            layer,
            0,
            "broken",
            b"\xff",
            tuple(Fault(kind, f"{kind} was seen") for kind in kinds),
        )
    )


def faulty(line: str, *kinds: str) -> Piece:
    """A message whose frames had faults."""

    def say(script: Script) -> None:
        script.say(line)
        faults = tuple(Fault(kind, f"{kind} was seen") for kind in kinds)
        script.events[-1] = replace(script.events[-1], faults=faults)

    return say


def notice(kind: str, detail: str = "something", subject: str = "") -> Piece:
    return lambda script: script.events.append(Notice(kind, script.time, detail, subject))


# --- messages -----------------------------------------------------------------------------------------------


def call(message_id: Any, action: Any, payload: Any = None) -> str:
    return json.dumps([2, message_id, action, {} if payload is None else payload])


def result(message_id: Any, payload: Any = None) -> str:
    return json.dumps([3, message_id, {} if payload is None else payload])


def error(message_id: Any, code: Any = "InternalError", description: Any = "", details: Any = None) -> str:
    return json.dumps([4, message_id, code, description, {} if details is None else details])


def ask(message_id: str, action: str, asked: Any = None, answer: Any = None, side: str = ">") -> list[Piece]:
    """A Call and its CallResult, 100 ms later."""
    other = "<" if side == ">" else ">"
    return [f"{side} {call(message_id, action, asked)}", "+0.1s", f"{other} {result(message_id, answer)}"]


HEARTBEAT = '> [2,"1","Heartbeat",{}]'
HEARTBEAT_ANSWER = f'< [3,"1",{{"currentTime":"{CURRENT}"}}]'
BOOT_16 = ask(
    "boot",
    "BootNotification",
    {"chargePointVendor": "V", "chargePointModel": "M"},
    {"status": "Accepted", "currentTime": CURRENT, "interval": 300},
)
BOOT_2X = ask(
    "boot",
    "BootNotification",
    {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
    {"status": "Accepted", "currentTime": CURRENT, "interval": 300},
)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
"""Whatever may stand where a payload or a field should: no rule may raise for it."""


# --- judging ------------------------------------------------------------------------------------------------


def wire_events(
    *pieces: Piece | Iterable[Piece],
    version: str | None = "1.6",
    timeless: bool = False,
    end: bool = True,
) -> list[WireEvent]:
    """What a source would have emitted."""
    script = Script(version, timeless=timeless, end=end)
    for piece in _flat(pieces):
        script.say(piece)
    if end:
        for session in list(script.open.values()):
            script.session = session
            closed(None, "end-of-capture", None)(script)
    return script.events


def _flat(pieces: Iterable[Any]) -> Iterable[Piece]:
    for piece in pieces:
        if isinstance(piece, str) or callable(piece):
            yield piece
        else:
            yield from _flat(piece)


def decoded(*pieces: Piece | Iterable[Piece], name_station: str | None = None, **options: Any) -> list[Any]:
    """Numbered events and notices."""
    return Decoder(name_station=name_station).feed(wire_events(*pieces, **options))


def messages(*pieces: Piece | Iterable[Piece], **options: Any) -> list[Message]:
    return [event for event in decoded(*pieces, **options) if isinstance(event, Message)]


def judged(
    *pieces: Piece | Iterable[Piece],
    profile: str = "field",
    only: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    **options: Any,
) -> list[Finding]:
    """Every finding, in order."""
    engine = Engine(profile=profile, only=None if only is None else set(only), skip=set(skip))
    events: list[Event | Notice] = decoded(*pieces, **options)
    engine.feed(events)
    return engine.findings


def findings_of(*pieces: Piece | Iterable[Piece], **options: Any) -> dict[str, Finding]:
    """One finding of each rule that has any: the first."""
    found: dict[str, Finding] = {}
    for finding in judged(*pieces, **options):
        found.setdefault(finding.rule.id, finding)
    return found


def serious(findings: Iterable[Finding]) -> set[str]:
    """Ids of the rules with an error or a warning."""
    return {finding.rule.id for finding in findings if finding.severity != "info"}


# --- tables -------------------------------------------------------------------------------------------------

EXERCISED: set[str] = set()
"""Rules for which some test shows messages that break them. Filled when the test modules are imported."""


@dataclass(frozen=True)
class Case:
    """Messages that break a rule, and the nearest ones that do not."""

    rule: str
    breaks: tuple[Any, ...]
    legal: tuple[Any, ...]
    strict: str
    field: str
    options: dict[str, Any] = field(default_factory=dict)
    about: str = ""
    subject: str | None = None
    count: int | None = None
    events: list[int] | None = None
    also: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.rule} {self.about}".strip()

    def check_breaks(self) -> None:
        for profile, severity in (("strict", self.strict), ("field", self.field)):
            found = findings_of(*self.breaks, profile=profile, **self.options)
            assert self.rule in found, sorted(found)
            finding = found[self.rule]
            assert finding.severity == severity, (profile, finding)
            assert finding.detail
            assert finding.source
            assert self.subject is None or finding.subject == self.subject
            assert self.count is None or finding.count == self.count
            assert self.events is None or finding.events == self.events

    def check_legal(self) -> None:
        found = judged(*self.legal, **self.options)
        assert self.rule not in {finding.rule.id for finding in found}, found
        assert serious(found) <= self.also, found


def case(
    rule: str,
    breaks: Any,
    legal: Any,
    severity: str,
    field: str | None = None,
    *,
    also: Iterable[str] = (),
    about: str = "",
    subject: str | None = None,
    count: int | None = None,
    events: list[int] | None = None,
    **options: Any,
) -> Case:
    """A row of a table.

    Args:
        rule: its id.
        breaks: pieces that break it.
        legal: the nearest pieces that do not; they give no error and no warning at all in profile field.
        severity: in profile strict.
        field: in profile field, where it differs.
        also: rules that `legal` may break.
        about: what the row is about.
        subject, count, events: of the finding.
        options: version and so on.
    """
    EXERCISED.add(rule)
    as_tuple = [tuple(_flat([pieces])) for pieces in (breaks, legal)]
    return Case(
        rule, *as_tuple, severity, field or severity, options, about, subject, count, events, frozenset(also)
    )


def exercises(*rules: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks a test that shows rules being broken."""
    EXERCISED.update(rules)
    return lambda test: test
