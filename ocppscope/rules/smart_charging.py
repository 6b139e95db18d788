"""SC: charging profiles and limits (section L of the catalogue).

Here are what a profile holds, in every version, and how it is answered. Sources: OCPP 1.6 edition 2 §3.13, §5.16,
§7.8 to §7.14, §9.4 with errata 3.38 to 3.66; OCPP 2.0.1 and 2.1 part 2, use case K01.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from operator import ne
from typing import Any, Final

from ocppscope.events import CALLERROR, Message
from ocppscope.ocpp.lenient import fields, identifier, text, told, whole
from ocppscope.ocpp.schedules import clock
from ocppscope.ocpp.times import duration
from ocppscope.ocpp.versions import V16, V21
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Profile,
    Report,
    Severity,
    on_answer,
    on_call,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.connectors import AVAILABLE
from ocppscope.rules.tables.profiles import (
    ABSOLUTE,
    FEATURES,
    RECURRING,
    RELATIVE,
    STATION_MAX,
    TX,
    WITH_PROFILE,
    Shape,
    id_in,
    kind_in,
    level_in,
    periods_in,
    place_in,
    profile_in,
    purpose_in,
    schedules_in,
    shape_of,
)
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of
from ocppscope.rules.waiting import is_held_up, misses_messages

_SET: Final = "SetChargingProfile"


def purpose_name(profile: dict[str, Any]) -> str:
    return (purpose_in(profile) or "")[:50]


def named(profile: dict[str, Any]) -> str:
    identity = id_in(profile)
    return f"{purpose_name(profile) or 'a profile'} {'' if identity is None else identity}".rstrip()


# --- what it is for, and where (1.6) ---


@rule(
    "SC-001",
    "A ChargePointMaxProfile for a connector",
    ERROR,
    on_call(_SET),
    source="OCPP 1.6 §3.13.1, §5.16; errata 3.53",
    hint="the CSMS sets a ChargePointMaxProfile on connector 0: it caps the station as a whole",
    versions=(V16,),
)
def max_of_a_connector(event: Message, state: SessionState) -> Report | None:
    profile, connector = profile_in(event.payload), place_in(event.payload)
    if not connector or purpose_in(profile) not in STATION_MAX:
        return None
    return Report(f"{named(profile)} is set on connector {connector}", f"connector {connector}")


@rule(
    "SC-002",
    "A TxProfile without its transaction",
    ERROR,
    on_call(_SET),
    on_answer(_SET),
    source="OCPP 1.6 §3.13.1, §5.16",
    hint="a TxProfile is set on the connector of a running transaction, with its transactionId; the station "
    "rejects any other",
    needs="session",
    versions=(V16,),
)
def no_transaction(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload) if event.call is None else asked(event)
    profile, connector = profile_in(payload), place_in(payload)
    if purpose_in(profile) != TX:
        return None
    if event.call is None:
        if connector != 0:
            return None
        return Report(f"{named(profile)} is set on connector 0, which has no transactions", "connector 0")
    if status_of(event) != ACCEPTED or not connector:
        return None
    wrong = _wrong_transaction(event, state, connector, identifier(profile.get("transactionId")))
    if wrong is None:
        return None
    said, numbers = wrong
    return Report(
        f"{named(profile)} was accepted for connector {connector}, {said}",
        f"connector {connector}",
        events=(*numbers, event.call.n),
    )


def _wrong_transaction(
    event: Message, state: SessionState, connector: int, wanted: str | None
) -> tuple[str, tuple[int, ...]] | None:
    """Why a TxProfile has no transaction there, and the messages that show it; None where that is not sure."""
    call, station = event.call, state.station
    if call is None:
        return None
    known, running = station.transactions, station.transactions.at.get((None, connector))
    named = known.find(wanted)
    if named is not None and named.stop is not None and named.stop.n < call.n:
        return f"and transaction {wanted} had ended", (named.stop.n,)
    if named is not None and named.is_open and named.start is not None and named.place[1] != connector:
        return f"and transaction {wanted} runs on connector {named.place[1]}", (named.start.n,)
    if running is not None:
        if wanted is None or running.id in (None, wanted) or running.start is None or named is not None:
            return None
        if running.start_answer is None or running.start_answer.n > call.n:
            return None
        if misses_messages(state, running.start.n):
            return None  # that one may have ended, and another begun
        return f"where transaction {running.id} runs, not {wanted}", (running.start.n,)
    last = known.last.get((None, connector))
    if last is not None and last.stop is not None and last.stop.n > call.n:
        return None
    status = station.connectors.get((None, connector))
    if status is None or status.status != AVAILABLE or status.n > call.n or status.n < station.missed:
        return None
    if status.session != event.session.number or state.is_partial or is_held_up(state, call):
        return None
    if any(one.place[1] == connector for one in known.running()):
        return None
    return "which is Available, without a transaction", (status.n,)


@rule(
    "SC-003",
    "A transactionId in a profile that is for no transaction",
    INFO,
    on_call(_SET),
    source="OCPP 1.6 §5.16",
    hint="the CSMS leaves transactionId out of profiles other than TxProfile: stations pass it over, or reject it",
    versions=(V16,),
)
def transaction_named(event: Message, state: SessionState) -> Report | None:
    profile = profile_in(event.payload)
    purpose, transaction = purpose_in(profile), identifier(profile.get("transactionId"))
    if transaction is None or purpose in (None, TX):
        return None
    return Report(f"{named(profile)} names transaction {transaction}", purpose or "")


# --- its schedules ---


def _told_schedules(event: Message) -> list[dict[str, Any]]:
    """The schedules that a message tells first-hand."""
    payload = fields(event.payload)
    return schedules_in(profile_in(payload) or payload)


@rule(
    "SC-004",
    "The periods of a charging schedule do not follow each other from its start on",
    ERROR,
    on_call(*WITH_PROFILE, "NotifyChargingLimit", "NotifyEVChargingSchedule"),
    source=part_2("K01.FR.31, K01.FR.35", "§7.13, §7.14; errata 3.45"),
    hint="the first period begins at 0, and each begins after the one before",
)
def odd_periods(event: Message, state: SessionState) -> Report | None:
    schedules = _told_schedules(event)
    if event.action == _SET and not schedules:
        return None
    for schedule in schedules:
        wrong = _out_of_order(schedule, event.session.version)
        if wrong:
            return Report(wrong, event.action or "")
    return None


def _out_of_order(schedule: dict[str, Any], version: str | None) -> str | None:
    listed = schedule.get("chargingSchedulePeriod")
    if version == V16 and listed == []:
        return "the charging schedule has no period"
    before: int | None = None
    for place, period in enumerate(periods_in(schedule), 1):
        start = period.get("startPeriod")
        if type(start) is not int:
            return None
        if before is None and start != 0:
            return f"the first period begins at {start} s"
        if before is not None and start <= before:
            return f"period {place} begins at {start} s, the one before at {before} s"
        before = start
    return None


_DECIMALS: Final = {V21: 6}
"""By version: digits after the point; 1 in the others."""
_EACH_PERIOD: Final = tuple(
    f"{name}{line}" for name in ("limit", "dischargeLimit", "setpoint") for line in ("", "_L2", "_L3")
)


@rule(
    "SC-005",
    "A charging limit with too many decimals",
    WARNING,
    on_call(*WITH_PROFILE, "ReportChargingProfiles", "NotifyChargingLimit", "NotifyEVChargingSchedule"),
    on_answer("GetCompositeSchedule"),
    source={
        **part_2("§2.11", "§7.13, §7.14"),
        V21: "OCPP 2.1 part 2 §2.1.4",
    },
    hint="round limit and minChargingRate to one decimal, in 2.1 to six",
)
def too_precise(event: Message, state: SessionState) -> Report | None:
    allowed = _DECIMALS.get(event.session.version or "", 1)
    for name, value in _limits_told(event):
        if type(value) is float and _decimals(value) > allowed:
            return Report(f"{name} is {value!r}: {_decimals(value)} decimals", f"{event.action} {name}")
    return None


def _limits_told(event: Message) -> Iterator[tuple[str, Any]]:
    payload = fields(event.payload)
    told_of = [profile_in(payload) or payload]
    if event.action == "ReportChargingProfiles":
        listed = payload.get("chargingProfile")
        told_of = [fields(one) for one in listed] if type(listed) is list else []
    elif event.action == "GetCompositeSchedule":
        composite = fields(payload.get("schedule"))
        told_of = [payload, {"chargingSchedule": composite}]
    for one in told_of:
        for schedule in schedules_in(one):
            yield "minChargingRate", schedule.get("minChargingRate")
            for period in periods_in(schedule):
                for name in _EACH_PERIOD:
                    if name in period:
                        yield name, period[name]


def _decimals(value: float) -> int:
    """Digits after the point, as the shortest way to write it has them."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(-exponent, 0) if type(exponent) is int else 0


@rule(
    "SC-006",
    "recurrencyKind does not fit chargingProfileKind",
    WARNING,
    on_call(_SET, "RemoteStartTransaction"),
    source="OCPP 1.6 §7.8; errata 3.56",
    hint="the CSMS names a recurrencyKind where the kind is Recurring, and only there",
    versions=(V16,),
)
def odd_recurrency(event: Message, state: SessionState) -> Report | None:
    profile = profile_in(event.payload)
    kind, recurrency = kind_in(profile), profile.get("recurrencyKind")
    if kind is None or (kind == RECURRING) == (recurrency is not None):
        return None
    if kind == RECURRING:
        said = f"{named(profile)} is Recurring, and does not say how"
    else:
        said = f"{named(profile)} is {kind}, with recurrencyKind {text(recurrency)}"
    return Report(said, f"{purpose_name(profile)} {kind[:50]}".lstrip())


def odd_start(event: Message) -> Report | None:
    """What is wrong with startSchedule: schedules that are Relative have none, others have one."""
    profile = profile_in(event.payload)
    kind = kind_in(profile)
    if kind not in (ABSOLUTE, RECURRING, RELATIVE):
        return None
    for schedule in schedules_in(profile):
        is_told = schedule.get("startSchedule") is not None
        if is_told == (kind == RELATIVE):
            said = "with a startSchedule" if is_told else "without startSchedule"
            return Report(f"{named(profile)} is {kind}, {said}", purpose_name(profile))
    return None


@rule(
    "SC-007",
    "startSchedule does not fit chargingProfileKind",
    WARNING,
    on_call(_SET, "RemoteStartTransaction"),
    source="OCPP 1.6 §7.9, §7.13",
    hint="the CSMS says when an Absolute or Recurring schedule starts; a Relative one starts with the transaction",
    versions=(V16,),
)
def odd_start_16(event: Message, state: SessionState) -> Report | None:
    return odd_start(event)


# --- how it is answered (1.6) ---

_FEATURE_PROFILE: Final = "SmartCharging"
_NOT_SUPPORTED: Final = "NotSupported"
_INCOMPLETE: Final[Mapping[Profile, Severity]] = {"strict": ERROR, "field": WARNING}


@rule(
    "SC-016",
    "SetChargingProfile is not refused as it has to be",
    ERROR,
    on_answer(_SET),
    source="OCPP 1.6 §5.16; errata 3.38, 3.39",
    hint="the station answers CallError PropertyConstraintViolation to values that it does not know, and NotSupported "
    "where it has no smart charging",
    needs="exchange",
    versions=(V16,),
)
def not_refused(event: Message, state: SessionState) -> list[Report]:
    status = status_of(event)
    if event.call is None or status in (None, _NOT_SUPPORTED):
        return []  # where there is no smart charging, values need not be known
    found, numbers, station = [], (event.call.n,), state.station
    for violation in event.call.violations:
        if violation.keyword == "enum":
            said = f"{violation.pointer} is {str(violation.value)[:50]}, and the answer is {status}"
            found.append(Report(said, violation.pointer, events=numbers))
    connector, connectors = place_in(event.call.payload), station.number("NumberOfConnectors")
    if connector is not None and connectors and not 0 <= connector <= connectors:
        said = f"connectorId is {connector}, where NumberOfConnectors is {connectors}, and the answer is {status}"
        found.append(Report(said, "connectorId", events=numbers))
    supported = station.configuration.get("SupportedFeatureProfiles", "")
    if supported and not _is_in(_FEATURE_PROFILE, supported):
        said = f"SupportedFeatureProfiles is {supported[:100]}, and the answer is {status}"
        # Where it is taken, the list may be what is wrong.
        severity = _INCOMPLETE if status == ACCEPTED else None
        found.append(Report(said, "SupportedFeatureProfiles", severity, numbers))
    return found


def _listed(value: str) -> list[str]:
    return [one.strip().lower() for one in value.replace(";", ",").split(",") if one.strip()]


def _is_in(wanted: str, value: str) -> bool:
    return wanted.lower() in value.lower().replace(" ", "")


# --- what the station can do ---

_UNITS: Final = {"a": "A", "current": "A", "w": "W", "power": "W"}
"""How stations name the units that they allow (1.6 §9.4; errata 3.88; 2.x RateUnit)."""


def _setting(station: StationState, version: str | None, v16: str, v2x: str) -> tuple[str, str] | None:
    """The name and value of a configuration key (1.6) or variable, as far as the capture shows it."""
    name = v16 if version == V16 else v2x
    value = (station.configuration if version == V16 else station.profiles.settings).get(name)
    return None if value is None else (name, value)


@rule(
    "SC-017",
    "chargingRateUnit is not one that the station takes",
    ERROR,
    on_call(*WITH_PROFILE),
    source=part_2("K01.FR.26, SmartChargingCtrlr.RateUnit", "§9.4; errata 3.88"),
    hint="the CSMS uses A or W, as the station allows",
    needs="session",
)
def unit_not_allowed(event: Message, state: SessionState) -> Report | None:
    schedules = schedules_in(profile_in(event.payload))
    if not schedules:
        return None
    setting = _setting(
        state.station, event.session.version, "ChargingScheduleAllowedChargingRateUnit", "RateUnit"
    )
    if setting is None:
        return None
    name, value = setting
    allowed = {_UNITS.get(one) for one in _listed(value)}
    for schedule in schedules:
        unit = schedule.get("chargingRateUnit")
        if unit in ("A", "W") and allowed and None not in allowed and unit not in allowed:
            return Report(f"chargingRateUnit is {unit}, where {name} is {value[:50]}", unit)
    return None


_EVERY: Final = {"Daily": 86_400, "Weekly": 604_800}


@rule(
    "SC-018",
    "The times of a charging profile do not fit each other",
    WARNING,
    on_call(*WITH_PROFILE),
    source=part_2("K01", "§7.8, §7.13; errata 3.43, 3.44, 3.65, 3.66"),
    hint="validFrom comes before validTo, a schedule lasts beyond its last period, and no longer than it recurs",
)
def odd_times(event: Message, state: SessionState) -> list[Report]:
    profile = profile_in(event.payload)
    found = []
    begins, ends = told(profile.get("validFrom")), told(profile.get("validTo"))
    if begins is not None and ends is not None and begins > ends:
        said = f"{named(profile)} is valid from {duration(begins - ends)} after it ends"
        found.append(Report(said, "validTo"))
    every = _EVERY.get(text(profile.get("recurrencyKind")) or "") if kind_in(profile) == RECURRING else None
    for schedule in schedules_in(profile):
        lasts = whole(schedule.get("duration"))
        last = max((whole(one.get("startPeriod")) or 0 for one in periods_in(schedule)), default=0)
        if lasts is not None and lasts < last:
            said = f"a schedule of {clock(lasts)} has a period that begins at {clock(last)}"
            found.append(Report(said, "duration"))
        longest = max(lasts or 0, last)
        if every is not None and longest > every:
            said = f"a {text(profile.get('recurrencyKind'))} schedule goes on until {clock(longest)}"
            found.append(Report(said, "recurrencyKind"))
    return found


@rule(
    "SC-024",
    "A charging profile is more than the station says it can take",
    WARNING,
    on_call(*WITH_PROFILE),
    source=part_2("K01, SmartChargingCtrlr", "§3.13.5, §9.4"),
    hint="the CSMS keeps to the highest stack level, the most periods and the most profiles that the station tells",
    needs="session",
)
def too_much(event: Message, state: SessionState) -> list[Report]:
    profile, station, version = profile_in(event.payload), state.station, event.session.version
    if not profile:
        return []
    found = []
    longest = max((len(periods_in(one)) for one in schedules_in(profile)), default=0)
    for what, value, v16, v2x in (
        ("stackLevel", level_in(profile), "ChargeProfileMaxStackLevel", "ProfileStackLevel"),
        ("chargingSchedulePeriods", longest, "ChargingScheduleMaxPeriods", "PeriodsPerSchedule"),
        ("profiles", _held_with(profile, event, state), "MaxChargingProfilesInstalled", "Entries"),
    ):
        setting = _setting(station, version, v16, v2x)
        most = whole(setting[1]) if setting is not None else None
        if setting is None or value is None or most is None or most < 0 or value <= most:
            continue
        said = f"stackLevel {value}" if what == "stackLevel" else f"{value} {what}"
        found.append(Report(f"{said}, where {setting[0]} is {most}", what))
    return found


def _held_with(profile: dict[str, Any], event: Message, state: SessionState) -> int | None:
    """How many profiles the station holds with this one, which may take the place of others."""
    known = state.station.profiles
    purpose, level = purpose_in(profile), level_in(profile)
    others = [
        one
        for one in known.installed.values()
        if one.id != id_in(profile)
        and known.is_known(one, state.station)
        and (one.valid_to is None or event.time is None or one.valid_to > event.time)
        and (one.purpose, one.level) != (purpose, level)
    ]
    return len(others) + 1


# --- a profile that is refused (field failures) ---

_REFUSED: Final = "SC-032 refused"
_SHOWN: Final = 6


@rule(
    "SC-032",
    "A charging profile is refused",
    INFO,
    on_answer(_SET),
    source=HEURISTIC,
    hint="change what differs from a profile that the station takes, one thing at a time: the stack level, the unit, "
    "the kind, then what is optional",
    needs="exchange",
)
def refused(event: Message, state: SessionState) -> Report | None:
    if event.call is None or not profile_in(event.call.payload):
        return None
    known, shape = state.station.profiles.accepted, shape_of(event.call.payload)
    if status_of(event) == ACCEPTED:
        return None if known else _taken_at_last(event, shape, state)
    how = _refusal(event)
    if how is None:
        return None
    profile, place = profile_in(event.call.payload), place_in(event.call.payload)
    at = "connector" if event.session.version == V16 else "EVSE"
    said = (
        f"{named(profile)} for {at} {place} was answered {how}{_without_transaction(profile, place, state)}"
    )
    numbers: tuple[int, ...] = (event.call.n,)
    if not known:
        state.station.noted[_REFUSED] = shape, event.n
        said += "; no profile of this station was accepted before"
    elif shape in known:
        said += "; one that differs in its times and limits at most was accepted before"
        numbers = known[shape], event.call.n
    else:
        nearest = min(reversed(known), key=lambda other: sum(map(ne, shape, other)))
        said += f"; the nearest one that was accepted has {_differences(shape, nearest, at)}"
        numbers = known[nearest], event.call.n
    return Report(said, f"{purpose_name(profile)}, stackLevel {level_in(profile)}", events=numbers)


def _taken_at_last(event: Message, shape: Shape, state: SessionState) -> Report | None:
    """The first one that is accepted, after others were refused."""
    before = state.station.noted.pop(_REFUSED, None)
    if before is None or before[0] == shape:
        return None
    at = "connector" if event.session.version == V16 else "EVSE"
    said = f"the first profile that was accepted has {_differences(before[0], shape, at)}"
    return Report(said, "accepted", events=(before[1],))


def _refusal(event: Message) -> str | None:
    """How a profile was refused, and why, where that is told; None where it was not."""
    if event.type == CALLERROR and event.error is not None:
        how: str | None = str(event.error.code)
        why = [text(event.error.description)]
    else:
        how = status_of(event)
        info = fields(fields(event.payload).get("statusInfo"))
        why = [text(info.get("reasonCode")), text(info.get("additionalInfo"))]
    if how is None:
        return None
    told_why = ": ".join(one for one in why if one is not None)[:150]
    return f"{how[:50]} ({told_why})" if told_why else how[:50]


def _without_transaction(profile: dict[str, Any], place: int | None, state: SessionState) -> str:
    """What explains that a TxProfile was refused."""
    if purpose_in(profile) != TX or state.is_partial:
        return ""
    running = state.station.transactions.running()
    return "" if any(place in one.place for one in running) else " while no transaction was running there"


def _differences(shape: Shape, there: Shape, at: str) -> str:
    """What another shape has, and this one has not, in words."""
    names = at, *(name for name, _ in FEATURES)
    found = [
        _difference(name, has, here)
        for name, here, has in zip(names, shape, there, strict=True)
        if here != has
    ]
    return ", ".join(found[:_SHOWN])


def _difference(name: str, has: Any, here: Any) -> str:
    if has is None or type(has) is bool:
        return name if has else f"no {name}"
    shown = f"{has} {name}" if name.endswith("s") else f"{name} {has}"
    return shown if here is None else f"{shown} (here {here})"
