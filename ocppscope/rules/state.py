"""The state tables that rules look at, kept once for all of them.

Stations outlive their sessions. Each table is bounded by the number of stations, or forgets its oldest
entries.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Direction,
    Event,
    Gap,
    Message,
    Notice,
    Opened,
    Session,
)
from ocppscope.ocpp.lenient import whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.signed.keys import PublicKey
from ocppscope.ocpp.times import HALF_HOUR, SHIFT_TOLERANCE
from ocppscope.rules.expectations import Expectation, Expectations, is_back
from ocppscope.rules.tables.authorizations import Authorization
from ocppscope.rules.tables.certificates import Security
from ocppscope.rules.tables.connectors import Connector, Place
from ocppscope.rules.tables.deliveries import Deliveries
from ocppscope.rules.tables.firmware import Jobs
from ocppscope.rules.tables.flows import Flows
from ocppscope.rules.tables.local_list import LocalList
from ocppscope.rules.tables.meters import Meters
from ocppscope.rules.tables.profiles import Profiles
from ocppscope.rules.tables.registration import Registration
from ocppscope.rules.tables.requests import Request
from ocppscope.rules.tables.reservations import Reservations
from ocppscope.rules.tables.transactions import Transactions

_STATIONS: Final = 100_000
_ENDED: Final = 1_000
_TOKENS: Final = 500


_OF_TIMES: Final = frozenset({"zone", "date", "year", "date of messages", "no date"})
"""What of times may have to be assumed, as the subjects of such notices name it."""
_LARGEST_ZONE: Final = 28  # half hours


@dataclass(slots=True)
class Clock:
    """What is known of the times of the capture: logs may leave out their zone, or their date."""

    assumed: set[str] = field(default_factory=set)
    """What had to be assumed; what lies between two times is true all the same."""

    def take(self, notice: Notice) -> None:
        """Take in what is assumed of a log; how its version or its station is known says nothing of times."""
        if notice.kind == "text.assumed":
            self.assumed |= {notice.subject.rpartition(": ")[2]} & _OF_TIMES

    @property
    def doubt(self) -> str:
        """Why its times may be wrong, in half a sentence; empty where they are not in doubt."""
        if not self.assumed:
            return ""
        return f"the {'zone' if self.assumed == {'zone'} else 'date'} of the capture was assumed"

    def zone_for(self, ahead: int) -> str:
        """The zone of a log whose UTC is off by so many ns from true times; empty where no zone explains that."""
        half_hours = round(-ahead / HALF_HOUR)
        is_zone = (
            0 < abs(half_hours) <= _LARGEST_ZONE and abs(ahead + half_hours * HALF_HOUR) < SHIFT_TOLERANCE
        )
        if not is_zone or self.assumed != {"zone"}:
            return ""
        hours, half = divmod(abs(half_hours), 2)
        return f"--assume-tz={'-' if half_hours < 0 else '+'}{hours:02}:{half * 30:02}"


@dataclass(slots=True)
class StationState:
    """One station, over all its sessions."""

    clock: Clock = field(default_factory=Clock)
    """That of the capture."""

    expectations: Expectations = field(default_factory=Expectations)
    """Those of all stations."""
    open_sessions: dict[int, Event] = field(default_factory=dict)
    """By number: the Opened, or in a log that shows none the first event."""
    last_end: int | None = None
    """When its last session ended, or its last attempt at one."""
    redials: list[tuple[int, int]] = field(default_factory=list)
    """Of its latest reconnects in a row: how long after the end before (ns), and the Opened's number."""
    answered: set[str | None] = field(default_factory=set)
    """Actions that got a CallResult."""
    configuration: dict[str, str] = field(default_factory=dict)
    """Configuration keys (1.6) and variables (2.x), as far as the capture shows their values."""
    latest: dict[tuple[Any, ...], int] = field(default_factory=dict)
    """By entity (a connector's status, a transaction): the latest time that its messages told, in ns."""
    half_hours_off: int = 0
    """By how many half hours the times of its latest messages in a row were off."""
    times_off: list[int] = field(default_factory=list)
    """The numbers of those messages."""
    expected: dict[str, dict[Hashable, Expectation]] = field(default_factory=dict)
    """By rule and key: what has to follow, and may be met. Only rules that expect something are in it."""
    looks: dict[tuple[str, Hashable], Expectation] = field(default_factory=dict)
    """By rule and key: what is to be looked at again after a time."""
    waiting: list[Expectation] = field(default_factory=list)
    """What fell due while the station was offline."""
    offline_since: int | None = None
    """When its last session ended before the one at hand began."""
    catching_up: int | None = None
    """When the latest message came that it had queued before the session at hand; None where it sends what is new."""
    csms_ahead: int | None = None
    """By how much the CSMS's clock was ahead of the capture's when it told the time last, in ns."""
    registration: Registration = field(default_factory=Registration)
    connectors: dict[Place, Connector] = field(default_factory=dict)
    transactions: Transactions = field(default_factory=Transactions)
    authorizations: Recent[str, Authorization] = field(default_factory=lambda: Recent(_TOKENS))
    """By idTag or idToken, in lower case."""
    flows: Flows = field(default_factory=Flows)
    local_list: LocalList = field(default_factory=LocalList)
    reservations: Reservations = field(default_factory=Reservations)
    requests: dict[str, Request] = field(default_factory=dict)
    """By action: what the CSMS asked last."""
    deliveries: Deliveries = field(default_factory=Deliveries)
    profiles: Profiles = field(default_factory=Profiles)
    """Charging profiles."""
    meters: Meters = field(default_factory=Meters)
    """What was measured."""
    missed: int = 0
    """The number of the latest event after which messages of it are missing: bytes that were lost or could not
    be read, a session found without its beginning."""
    triggered: Recent[str, Message] = field(default_factory=lambda: Recent(50))
    """By action: the latest TriggerMessage or ExtendedTriggerMessage that asked for it."""
    meter_keys: tuple[PublicKey, ...] = ()
    """Public keys of meters that whoever judges knows from elsewhere: those of all stations."""
    jobs: Jobs = field(default_factory=Jobs)
    """Updates of firmware, and uploads of logs."""
    security: Security = field(default_factory=Security)
    signed: Any = None
    """What `signed_values` keeps."""
    noted: dict[Any, Any] = field(default_factory=dict)
    """What single rules keep, by a key of their own that begins with the rule's id."""

    @property
    def boot(self) -> Any:
        """The payload of its last BootNotification; None where there is none."""
        return self.registration.call.payload if self.registration.call else None

    def number(self, name: str, default: int | None = None) -> int | None:
        """A configuration key or variable that counts something, as far as the capture shows it."""
        found = whole(self.configuration.get(name))
        return default if found is None else found

    def flag(self, name: str) -> bool | None:
        """A configuration key or variable that is true or false; None where it is not known."""
        return _FLAGS.get(self.configuration.get(name, "").strip().lower())


_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}


@dataclass(slots=True)
class SessionState:
    """One session."""

    session: Session
    station: StationState
    opened: Opened | None = None
    messages: int = 0
    has_gap: bool = False
    """Bytes were lost, or frames could not be read: what seems missing may have been there."""
    unread: dict[Direction, int] = field(default_factory=dict)
    """By side: its texts that could not be read, each of which an orphan answer may belong to."""
    call_errors: dict[str, list[int]] = field(default_factory=dict)
    """By action: numbers of the CallErrors that refused it."""
    requests: Recent[tuple[str, Any], int] = field(default_factory=lambda: Recent(100))
    """By action and requestId: numbers of Calls of the CSMS that are not answered yet."""
    last_ping: int | None = None
    """When the station's latest ping came."""
    last_control: int | None = None
    """When its latest ping or pong came."""
    pings: dict[Direction, Control] = field(default_factory=dict)
    """By side: its first ping that got no pong yet."""
    heard: int | None = None
    """When the station's latest message came; rules that look at one see when the one before it came."""
    heartbeat: int | None = None
    """When its latest Heartbeat came."""
    has_caught_up: bool = False
    """A message of a transaction has come that is younger than the session: the older ones came before it."""
    checks: Any = None
    """The engine's: which functions look at which message."""

    @property
    def is_judged(self) -> bool:
        """A session that is seen twice is judged once."""
        return self.session.duplicate_of is None

    @property
    def is_partial(self) -> bool:
        """The capture does not hold all of the session so far."""
        return self.session.late or self.has_gap


class Tables:
    """All state of one capture."""

    def __init__(self, public_keys: Iterable[PublicKey] = ()) -> None:
        self.expectations = Expectations()
        self.clock = Clock()
        self._meter_keys = tuple(public_keys)
        self.sessions: dict[Session, SessionState] = {}
        self._stations: Recent[str, StationState] = Recent(_STATIONS)
        self._ended: Recent[Session, None] = Recent(_ENDED)

    def begin(self, event: Event) -> SessionState:
        """The state of a session that is new, with its first event."""
        session = event.session
        if session.station is None:
            station = self._new_station()
        else:
            station = self._stations.get(session.station) or self._new_station()
            self._stations[session.station] = station
        state = SessionState(session, station)
        if session not in self._ended:  # frames may follow a Close
            self.sessions[session] = state
            if not isinstance(event, Opened) and state.is_judged:
                self._is_here(event, station)
        return state

    def _new_station(self) -> StationState:
        return StationState(self.clock, self.expectations, meter_keys=self._meter_keys)

    def _is_here(self, event: Event, station: StationState) -> None:
        """A station has connected, or is found to be."""
        if event.session.number not in station.open_sessions:
            station.offline_since = station.last_end
            is_back(station, event.time)
        station.open_sessions[event.session.number] = event

    def before(self, event: Event, state: SessionState) -> None:
        """Take in what rules are to know when they look at an event that is no message."""
        if isinstance(event, Opened):
            state.opened = event
            if event.session.late:
                state.station.missed = event.n
        elif isinstance(event, Gap):
            state.has_gap = True
            state.station.missed = event.n
        elif isinstance(event, Damaged) and event.direction:
            state.station.missed = event.n
            if event.layer in ("tls", "websocket", "deflate"):
                state.has_gap = True
            else:
                state.unread[event.direction] = state.unread.get(event.direction, 0) + 1

    def after(self, event: Event, state: SessionState) -> None:
        """Take in what later events are to be compared with."""
        if isinstance(event, Opened):
            self._is_here(event, state.station)
        elif isinstance(event, Control):
            if event.direction == FROM_STATION:
                state.last_control = event.time
            if event.opcode == "ping":
                state.pings.setdefault(event.direction, event)
                if event.direction == FROM_STATION:
                    state.last_ping = event.time
            else:
                state.pings.pop(FROM_CSMS if event.direction == FROM_STATION else FROM_STATION, None)
        elif isinstance(event, Closed):
            state.station.open_sessions.pop(event.session.number, None)
            state.station.last_end = event.time
            self.end(event.session)

    def end(self, session: Session) -> None:
        """Forget a session."""
        self.sessions.pop(session, None)
        self._ended[session] = None
