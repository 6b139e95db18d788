"""Which charging profiles a station holds, where and for what, and what it has accepted so far.

Sources: OCPP 1.6 edition 2 §3.13, §5.4, §5.16; OCPP 2.0.1 and 2.1 part 2, functional block K.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.configuration import ACTUAL, settings_told
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, fields, finite, identifier, items, text, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.versions import V16
from ocppscope.rules.gates import limited
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.authorizations import token_of
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState, StationState

_INSTALLED: Final = 100
_SHAPES: Final = 50
_EVSES: Final = 200
_PERIODS: Final = 200
"""Periods from which on a schedule is not kept."""
_SETTINGS: Final = 100

# --- purposes and kinds ---

STATION_MAX: Final = frozenset({"ChargePointMaxProfile", "ChargingStationMaxProfile"})
"""What caps the whole station, in 1.6 and in 2.x."""
TX: Final = "TxProfile"
TX_DEFAULT: Final = "TxDefaultProfile"
EXTERNAL: Final = "ChargingStationExternalConstraints"
"""Limits that do not come from the CSMS."""
ABSOLUTE: Final = "Absolute"
RECURRING: Final = "Recurring"
RELATIVE: Final = "Relative"
DYNAMIC: Final = "Dynamic"

WITH_PROFILE: Final = ("SetChargingProfile", "RemoteStartTransaction", "RequestStartTransaction")
"""Calls that carry a charging profile."""

# --- how messages carry them ---


def profile_in(payload: Any) -> dict[str, Any]:
    """The charging profile of a Call, as on the wire; empty where it has none."""
    found = fields(payload)
    return fields(found.get("csChargingProfiles")) or fields(found.get("chargingProfile"))


def place_in(payload: Any) -> int | None:
    """The connector (1.6) or EVSE (2.x) of a Call; 0 is the station."""
    found = fields(payload)
    return whole(found.get("connectorId") if "connectorId" in found else found.get("evseId"))


def id_in(profile: dict[str, Any]) -> int | None:
    """`chargingProfileId` in 1.6, `id` in 2.x."""
    return whole(profile.get("chargingProfileId") if "chargingProfileId" in profile else profile.get("id"))


def schedules_in(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """Its schedules: one in 1.6, up to three in 2.x."""
    found = profile.get("chargingSchedule")
    return [one for one in items(found) if type(one) is dict] or ([fields(found)] if fields(found) else [])


def periods_in(schedule: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in items(schedule.get("chargingSchedulePeriod")) if type(one) is dict]


def level_in(profile: dict[str, Any]) -> int | None:
    return whole(profile.get("stackLevel"))


def purpose_in(profile: dict[str, Any]) -> str | None:
    return text(profile.get("chargingProfilePurpose"))


def kind_in(profile: dict[str, Any]) -> str | None:
    return text(profile.get("chargingProfileKind"))


def limit_in(period: dict[str, Any], name: str = "limit") -> float | None:
    try:
        return finite(period.get(name))
    except NOT_AS_EXPECTED:
        return None


# --- what is kept of them ---


@dataclass(slots=True, eq=False)
class Schedule:
    """One ChargingSchedule."""

    unit: str | None
    """`A` or `W`."""
    start: int | None
    """startSchedule, in ns."""
    duration: int | None
    """In seconds."""
    periods: tuple[tuple[int, float], ...]
    """startPeriod in seconds, and limit; empty where they are too many, or cannot be read."""


@dataclass(slots=True, eq=False)
class Profile:
    """A charging profile that the station holds."""

    id: int
    place: int | None
    """Connector (1.6) or EVSE (2.x), 0 for the station; None where a remote start named none."""
    purpose: str | None
    kind: str | None
    level: int | None
    recurrency: str | None
    transaction: str | None
    """For a TxProfile: which; None where that is not told, or not known."""
    valid_from: int | None
    """In ns."""
    valid_to: int | None
    interval: int
    """dynUpdateInterval in seconds, 0 for none (2.1)."""
    schedules: tuple[Schedule, ...]
    n: int
    """The number of the message that says that the station holds it."""
    time: int | None
    is_sure: bool = True
    """False where the station may have lost it, or more than one reading of the standard is possible."""
    remote_start: int | str | None = None
    """What tells the transaction that it came for: remoteStartId in 2.x, in 1.6 the idTag in lower case."""
    is_waiting: bool = False
    """It came with a remote start, and its transaction is not known yet."""


def _schedule(one: dict[str, Any]) -> Schedule:
    periods = periods_in(one)
    kept: list[tuple[int, float]] = []
    for period in periods if len(periods) <= _PERIODS else ():
        start, limit = whole(period.get("startPeriod")), limit_in(period)
        if start is None or limit is None:
            kept = []
            break
        kept.append((start, limit))
    return Schedule(
        text(one.get("chargingRateUnit")),
        told(one.get("startSchedule")),
        whole(one.get("duration")),
        tuple(kept),
    )


def read_profile(profile: dict[str, Any], place: int | None, event: Message) -> Profile | None:
    """What is kept of a charging profile; None where it has no id."""
    identity = id_in(profile)
    if identity is None:
        return None
    return Profile(
        identity,
        place,
        purpose_in(profile),
        kind_in(profile),
        level_in(profile),
        text(profile.get("recurrencyKind")),
        identifier(profile.get("transactionId")),
        told(profile.get("validFrom")),
        told(profile.get("validTo")),
        whole(profile.get("dynUpdateInterval")) or 0,
        tuple(_schedule(one) for one in schedules_in(profile)[:3]),
        event.n,
        event.time,
    )


# --- what tells one that is accepted from one that is not ---

Shape: TypeAlias = tuple[Any, ...]
"""By the order of FEATURES: their values; True and False for what is there or not."""


def _unit(profile: dict[str, Any]) -> Any:
    return next((text(one.get("chargingRateUnit")) for one in schedules_in(profile)), None)


def _longest(profile: dict[str, Any]) -> int:
    return max((len(periods_in(one)) for one in schedules_in(profile)), default=0)


def _in_a_schedule(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda profile: any(one.get(name) is not None for one in schedules_in(profile))


def _in_a_period(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda profile: any(
        period.get(name) is not None for one in schedules_in(profile) for period in periods_in(one)
    )


def _in_profile(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda profile: profile.get(name) is not None


FEATURES: Final[tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...]] = (
    ("chargingProfilePurpose", purpose_in),
    ("chargingProfileKind", kind_in),
    ("recurrencyKind", lambda profile: text(profile.get("recurrencyKind"))),
    ("stackLevel", level_in),
    ("chargingRateUnit", _unit),
    ("chargingSchedules", lambda profile: len(schedules_in(profile))),
    ("chargingSchedulePeriods", _longest),
    ("startSchedule", _in_a_schedule("startSchedule")),
    ("duration", _in_a_schedule("duration")),
    ("minChargingRate", _in_a_schedule("minChargingRate")),
    ("numberPhases", _in_a_period("numberPhases")),
    ("phaseToUse", _in_a_period("phaseToUse")),
    ("validFrom", _in_profile("validFrom")),
    ("validTo", _in_profile("validTo")),
    ("transactionId", _in_profile("transactionId")),
)
"""What stations are choosy about, by the name that it has on the wire."""


def shape_of(payload: Any) -> Shape:
    """Of a SetChargingProfile: its connector or EVSE, then the FEATURES of its profile."""
    profile = profile_in(payload)
    return (place_in(payload), *(read(profile) for _, read in FEATURES))


# --- those of one station ---


@dataclass(slots=True)
class Needs:
    """The latest NotifyEVChargingNeeds of an EVSE."""

    call: Message
    answer: Message | None = None


class Profiles:
    """The charging profiles of one station, and what it says of its smart charging."""

    __slots__ = ("accepted", "changed", "gone", "installed", "needs", "settings")

    def __init__(self) -> None:
        self.installed: dict[int, Profile] = Recent(_INSTALLED)
        """By id: what it holds, as far as the capture shows."""
        self.gone: dict[int, int] = Recent(_INSTALLED)
        """By id of one that was cleared or that its transaction took along: the number of that message."""
        self.changed: int | None = None
        """When what it holds changed last."""
        self.accepted: dict[Shape, int] = Recent(_SHAPES)
        """By the shape of a SetChargingProfile that it accepted: the number of the latest such answer."""
        self.needs: dict[int, Needs] = Recent(_EVSES)
        """By EVSE (2.x)."""
        self.settings: dict[str, str] = {}
        """Variables of SmartChargingCtrlr (2.x), as far as the capture shows them. `Entries` is the most that
        it holds."""

    def number(self, name: str) -> int | None:
        return whole(self.settings.get(name))

    def flag(self, name: str) -> bool | None:
        return {"true": True, "false": False}.get(self.settings.get(name, "").lower())

    def add(self, one: Profile) -> None:
        self.installed.pop(one.id, None)  # so that it is remembered from now
        self.installed[one.id] = one
        self.gone.pop(one.id, None)
        self.changed = one.time

    def remove(self, one: Profile, event: Message) -> None:
        self.installed.pop(one.id, None)
        self.gone[one.id] = event.n
        self.changed = event.time

    def is_known(self, one: Profile, station: "StationState") -> bool:
        """Whether the station surely holds it: no message is missing since."""
        return one.is_sure and one.n > station.missed


def _replace_others(station: "StationState", one: Profile, event: Message) -> None:
    """What a new profile takes the place of (1.6 §5.16), besides one of the same id.

    The standard names stack level and purpose only; whether those of another connector stay is read both ways.
    """
    known = station.profiles
    alike = [
        other
        for other in known.installed.values()
        if other.id != one.id and (other.purpose, other.level) == (one.purpose, one.level)
    ]
    for other in alike:
        if one.purpose == TX and other.transaction != one.transaction:
            continue
        if other.place == one.place:
            known.remove(other, event)
        else:
            other.is_sure = False


@learns(on_answer("SetChargingProfile"))
def learn_set(event: Message, state: "SessionState") -> None:
    payload = asked(event)
    if status_of(event) != ACCEPTED:
        return
    station = state.station
    known = station.profiles
    shape = shape_of(payload)
    known.accepted.pop(shape, None)  # so that it is remembered from now
    known.accepted[shape] = event.n
    one = read_profile(profile_in(payload), place_in(payload), event)
    if one is None:
        return
    if event.session.version == V16:
        if one.purpose == TX and one.transaction is None:
            running = station.transactions.at.get((None, one.place))
            one.transaction = running.id if running is not None else None
        _replace_others(station, one, event)
    known.add(one)


@learns(on_answer("RemoteStartTransaction", "RequestStartTransaction"))
def learn_remote_start(event: Message, state: "SessionState") -> None:
    payload = asked(event)
    if status_of(event) != ACCEPTED:
        return
    one = read_profile(profile_in(payload), place_in(payload), event)
    if one is None:
        return
    is_16 = event.session.version == V16
    one.remote_start = token_of(payload) if is_16 else whole(payload.get("remoteStartId"))
    one.transaction = identifier(fields(event.payload).get("transactionId"))
    one.is_waiting = one.transaction is None
    state.station.profiles.add(one)


@learns(on_answer("StartTransaction", gate=limited))
def learn_start(event: Message, state: "SessionState") -> None:
    """A profile that came with a RemoteStartTransaction gets its transaction."""
    installed = state.station.profiles.installed
    if event.type != CALLRESULT:
        return
    identity = identifier(fields(event.payload).get("transactionId"))
    connector, token = whole(asked(event).get("connectorId")), token_of(asked(event))
    for one in installed.values():
        if one.is_waiting and one.place in (None, connector) and one.remote_start == token:
            one.place, one.transaction, one.is_waiting = connector, identity, False
        elif one.purpose == TX and one.transaction is None and one.place == connector:
            one.transaction = identity


@learns(on_call("TransactionEvent", gate=limited))
def learn_event(event: Message, state: "SessionState") -> None:
    known = state.station.profiles
    if type(event.payload) is not dict:
        return
    info = fields(event.payload.get("transactionInfo"))
    identity = identifier(info.get("transactionId"))
    if identity is None:
        return
    remote = info.get("remoteStartId")
    if remote is not None:
        for one in known.installed.values():
            if one.is_waiting and one.remote_start == whole(remote):
                one.transaction, one.is_waiting = identity, False
                one.place = whole(fields(event.payload.get("evse")).get("id")) or one.place
    if event.payload.get("eventType") == "Ended":
        for one in [one for one in known.installed.values() if one.transaction == identity]:
            known.remove(one, event)


@learns(on_call("StopTransaction", gate=limited))
def learn_stop(event: Message, state: "SessionState") -> None:
    """A TxProfile ends with its transaction (1.6 §3.13.1)."""
    station = state.station
    known = station.profiles
    identity = identifier(fields(event.payload).get("transactionId"))
    running = station.transactions.open.get(identity or "")
    connector = running.place[1] if running is not None else None
    ended = [
        one
        for one in known.installed.values()
        if one.purpose == TX
        and not one.is_waiting
        and (
            one.transaction == identity
            if one.transaction is not None
            else connector is not None and one.place == connector
        )
    ]
    for one in ended:
        known.remove(one, event)


@learns(on_call("BootNotification"))
def learn_boot(event: Message, state: "SessionState") -> None:
    """What a station keeps over a reboot: in 1.6 that is not said, in 2.x all but TxProfiles (K01.FR.27)."""
    for one in state.station.profiles.installed.values():
        if event.session.version == V16 or one.purpose == TX:
            one.is_sure = False


@learns(on_answer("ClearChargingProfile"))
def learn_clear(event: Message, state: "SessionState") -> None:
    payload, status = asked(event), status_of(event)
    if event.call is None or status is None:
        return
    known = state.station.profiles
    for one in [one for one in known.installed.values() if one.n < event.call.n and cleared_by(payload, one)]:
        if status == ACCEPTED:
            known.remove(one, event)
        else:
            one.is_sure = False


_CRITERIA: Final = (("chargingProfilePurpose", "purpose"), ("stackLevel", "level"))


def cleared_by(payload: dict[str, Any], one: Profile) -> bool:
    """Whether a ClearChargingProfile means a profile (1.6 §5.4; 2.x K10)."""
    if one.purpose == EXTERNAL:
        return False
    identity = payload.get("id", payload.get("chargingProfileId"))
    if identity is not None:
        return whole(identity) == one.id
    criteria = fields(payload.get("chargingProfileCriteria")) or payload
    place = criteria.get("connectorId", criteria.get("evseId"))
    if place is not None and whole(place) != one.place:
        return False
    return all(criteria.get(name) in (None, getattr(one, attribute)) for name, attribute in _CRITERIA)


@learns(on_call("ReportChargingProfiles"))
def learn_report(event: Message, state: "SessionState") -> None:
    payload = fields(event.payload)
    known, place = state.station.profiles, place_in(payload)
    for told_of in items(payload.get("chargingProfile"))[:_INSTALLED]:
        one = read_profile(fields(told_of), place, event)
        if one is None:
            continue
        before = known.installed.get(one.id)
        if before is None or one.purpose == EXTERNAL or not known.is_known(before, state.station):
            known.add(one)


@learns(on_call("NotifyEVChargingNeeds"))
def learn_needs(event: Message, state: "SessionState") -> None:
    evse = place_in(event.payload)
    if evse is not None:
        needs = state.station.profiles.needs
        needs.pop(evse, None)
        needs[evse] = Needs(event)


@learns(on_answer("NotifyEVChargingNeeds"))
def learn_needs_answer(event: Message, state: "SessionState") -> None:
    evse = place_in(asked(event))
    one = state.station.profiles.needs.get(evse) if evse is not None else None
    if one is not None and one.call is event.call:
        one.answer = event


_CONTROLLER: Final = "SmartChargingCtrlr"


@learns(on_answer("GetVariables", "SetVariables"))
@learns(on_call("NotifyReport"))
def learn_settings(event: Message, state: "SessionState") -> None:
    known = state.station.profiles.settings
    for one in settings_told(event):
        if one.place is None or one.place.component != _CONTROLLER or one.attribute != ACTUAL:
            continue
        value = one.value
        if one.name == "Entries":
            value = None if one.most is None else str(one.most)
        if value is not None and (one.name in known or len(known) < _SETTINGS):
            known[one.name[:50]] = value[:1_000]
