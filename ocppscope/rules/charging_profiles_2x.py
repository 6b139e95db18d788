"""What only charging profiles of OCPP 2.0.1 and 2.1 can have wrong (section L of the catalogue).

Sources: OCPP 2.0.1 and 2.1 part 2, use cases K01, K04, K10, K15, K28; of 2.1 the errata of 2025-06 and 2025-09 too.
"""

from typing import Any, Final

from ocppscope.events import Message
from ocppscope.ocpp.lenient import fields, identifier, text, whole
from ocppscope.ocpp.versions import V2X, V21
from ocppscope.rules.registry import ERROR, WARNING, Report, on_answer, on_call, rule
from ocppscope.rules.smart_charging import named, odd_start, purpose_name
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.connectors import AVAILABLE
from ocppscope.rules.tables.profiles import (
    DYNAMIC,
    EXTERNAL,
    RELATIVE,
    STATION_MAX,
    TX,
    TX_DEFAULT,
    Profile,
    id_in,
    kind_in,
    periods_in,
    place_in,
    profile_in,
    purpose_in,
    read_profile,
    schedules_in,
)
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of
from ocppscope.rules.waiting import is_held_up

_SET: Final = "SetChargingProfile"
_START: Final = "RequestStartTransaction"

# --- what it is for, and where ---


@rule(
    "SC-008",
    "startSchedule does not fit chargingProfileKind",
    ERROR,
    on_call(_SET, _START),
    source=part_2("K01.FR.40, K01.FR.41"),
    hint="the CSMS says when an Absolute or Recurring schedule starts; a Relative one has no startSchedule",
    versions=V2X,
)
def odd_start_2x(event: Message, state: SessionState) -> Report | None:
    return odd_start(event)


@rule(
    "SC-009",
    "A TxProfile without EVSE or transactionId",
    ERROR,
    on_call(_SET),
    source=part_2("K01.FR.03, K01.FR.16"),
    hint="the CSMS sets a TxProfile on an EVSE above 0, and names its transaction",
    versions=V2X,
)
def of_no_transaction(event: Message, state: SessionState) -> Report | None:
    profile, evse = profile_in(event.payload), place_in(event.payload)
    if purpose_in(profile) != TX:
        return None
    missing = "" if profile.get("transactionId") is not None else "names no transaction"
    if evse == 0:
        missing += f"{' and ' if missing else ''}is set on EVSE 0"
    return Report(f"{named(profile)} {missing}", missing) if missing else None


@rule(
    "SC-010",
    "A TxProfile is accepted although its transaction does not run there",
    ERROR,
    on_answer(_SET),
    source=part_2("K01.FR.09, K01.FR.33"),
    hint="the station rejects a TxProfile for a transaction that it does not know, or that runs elsewhere",
    needs="session",
    versions=V2X,
)
def not_running(event: Message, state: SessionState) -> Report | None:
    payload, call = asked(event), event.call
    profile, evse = profile_in(payload), place_in(payload)
    wanted = identifier(profile.get("transactionId"))
    if (
        call is None
        or status_of(event) != ACCEPTED
        or purpose_in(profile) != TX
        or not evse
        or wanted is None
    ):
        return None
    known = state.station.transactions
    one, running = known.find(wanted), known.at.get((evse, None))
    said, number_of = None, 0
    if one is not None:
        if one.stop is not None and one.stop.n < call.n:
            said, number_of = "which had ended", one.stop.n
        elif one.stop is None and one.place[0] not in (None, evse) and one.latest is not None:
            said, number_of = f"which runs on EVSE {one.place[0]}", one.latest.n
    elif running is not None and running.start is not None and not running.missing:
        if running.start.n < call.n:
            said, number_of = f"where transaction {running.id} runs", running.start.n
    elif running is None:
        number_of = _shown_available(evse, call, state)
        said = "whose EVSE is Available" if number_of else None
    if said is None:
        return None
    return Report(
        f"{named(profile)} was accepted for EVSE {evse} and transaction {wanted}, {said}",
        f"EVSE {evse}",
        events=(number_of, call.n),
    )


def _shown_available(evse: int, call: Message, state: SessionState) -> int:
    """The number of the message that says that nothing is plugged in; 0 where that is not sure."""
    station = state.station
    stati = [one for place, one in station.connectors.items() if place[0] == evse]
    if not stati or state.is_partial or is_held_up(state, call):
        return 0
    if any(one.place[0] in (None, evse) for one in station.transactions.running()):
        return 0
    is_so = all(
        one.status == AVAILABLE and station.missed < one.n < call.n and one.session == call.session.number
        for one in stati
    )
    ended = station.transactions.last.get((evse, None))
    if not is_so or (ended is not None and ended.stop is not None and ended.stop.n > call.n):
        return 0
    return max(one.n for one in stati)


@rule(
    "SC-011",
    "A ChargingStationMaxProfile that cannot be",
    ERROR,
    on_call(_SET),
    source=part_2("K04.FR.03, K01.FR.38"),
    hint="the CSMS sets it on EVSE 0, as Absolute or Recurring: it is not about any transaction",
    versions=V2X,
)
def odd_station_max(event: Message, state: SessionState) -> list[Report]:
    profile, evse = profile_in(event.payload), place_in(event.payload)
    if purpose_in(profile) not in STATION_MAX:
        return []
    found = []
    if evse:
        found.append(Report(f"{named(profile)} is set on EVSE {evse}", "evseId"))
    if kind_in(profile) == RELATIVE:
        found.append(Report(f"{named(profile)} is Relative", "chargingProfileKind"))
    return found


@rule(
    "SC-012",
    "The CSMS sets or clears ChargingStationExternalConstraints",
    ERROR,
    on_call(_SET, "ClearChargingProfile"),
    source=part_2("K01.FR.22, K10.FR.06"),
    hint="the CSMS leaves them alone: they come from another system than the CSMS",
    versions=V2X,
)
def external_constraints(event: Message, state: SessionState) -> Report | None:
    if event.action == _SET:
        profile = profile_in(event.payload)
        if purpose_in(profile) != EXTERNAL:
            return None
        return Report(f"{named(profile)} is set by the CSMS", "set")
    criteria = fields(fields(event.payload).get("chargingProfileCriteria"))
    return Report(f"{EXTERNAL} are to be cleared", "cleared") if purpose_in(criteria) == EXTERNAL else None


@rule(
    "SC-013",
    "Two charging profiles of one purpose and stack level at one time",
    WARNING,
    on_call(_SET),
    source=part_2("K01.FR.06, K01.FR.39, K01.FR.52, K01.FR.53"),
    hint="the CSMS gives the new profile the id of the one that it replaces, or another stack level",
    needs="session",
    versions=V2X,
)
def conflicting(event: Message, state: SessionState) -> Report | None:
    known = state.station.profiles
    if not known.installed:
        return None
    new = read_profile(profile_in(event.payload), place_in(event.payload), event)
    if new is None or new.purpose in (None, EXTERNAL) or new.level is None:
        return None
    for one in known.installed.values():
        if (
            one.id != new.id
            and (one.purpose, one.level) == (new.purpose, new.level)
            and _share_a_place(one, new)
            and _overlap(one, new, event.time)
            and known.is_known(one, state.station)
        ):
            said = f"{new.purpose} {new.id} has stackLevel {new.level} as {one.id} has, on EVSE {new.place}"
            return Report(said[:200], purpose_name(profile_in(event.payload)), events=(one.n,))
    return None


def _share_a_place(one: Profile, new: Profile) -> bool:
    if new.purpose == TX:
        return new.transaction is not None and one.transaction == new.transaction
    return one.place == new.place or (new.purpose == TX_DEFAULT and 0 in (one.place, new.place))


def _overlap(one: Profile, new: Profile, now: int | None) -> bool:
    """Whether both are valid at some time."""
    begins = max(one.valid_from or 0, new.valid_from or now or 0)
    ends = [time for time in (one.valid_to, new.valid_to) if time is not None]
    return all(begins < end for end in ends)


# --- what it holds ---


@rule(
    "SC-014",
    "phaseToUse for more than one phase",
    ERROR,
    on_call(_SET, _START),
    source=part_2("K01.FR.19"),
    hint="the CSMS names phaseToUse only where numberPhases is 1; where it is left out it is 3",
    versions=V2X,
)
def odd_phase(event: Message, state: SessionState) -> Report | None:
    for schedule in schedules_in(profile_in(event.payload)):
        for period in periods_in(schedule):
            phase, phases = period.get("phaseToUse"), period.get("numberPhases")
            if phase is not None and phases != 1:
                shown = "no numberPhases" if phases is None else f"numberPhases {whole(phases)}"
                return Report(f"phaseToUse is {whole(phase)}, with {shown}", shown)
    return None


@rule(
    "SC-015",
    "More charging schedules than the EV can choose from",
    WARNING,
    on_call(_SET),
    source=part_2("K01.FR.34, K15.FR.07"),
    hint="the CSMS sends one schedule; up to three where NotifyEVChargingNeeds told of an EV that speaks ISO 15118",
    needs="start",
    versions=V2X,
)
def too_many_schedules(event: Message, state: SessionState) -> Report | None:
    profile, evse = profile_in(event.payload), place_in(event.payload)
    count, station = len(schedules_in(profile)), state.station
    if count < 2:
        return None
    if count > 3:
        return Report(f"{named(profile)} has {count} schedules", f"EVSE {evse}")
    if evse in station.profiles.needs or (not evse and station.profiles.needs) or state.is_partial:
        return None
    running = station.transactions.at.get((evse, None))
    if purpose_in(profile) == TX and (
        running is None or running.start is None or running.start.n < station.missed
    ):
        return None  # it may have come before the capture
    return Report(
        f"{named(profile)} has {count} schedules, and no NotifyEVChargingNeeds came", f"EVSE {evse}"
    )


# --- what is new in 2.1 ---

_PRIORITY: Final = "PriorityCharging"
_ADDITIONAL: Final = frozenset({_PRIORITY, "LocalGeneration"})


@rule(
    "SC-025",
    "A PriorityCharging profile that cannot be, or a purpose that the station does not support",
    ERROR,
    on_call(_SET),
    on_answer(_SET),
    source="OCPP 2.1 part 2 K01.FR.70, K01.FR.71, K01.FR.120; errata K01.FR.73, K01.FR.111",
    hint="a PriorityCharging profile has no duration and only charges; the station rejects purposes that "
    "SupportedAdditionalPurposes leaves out",
    versions=(V21,),
)
def odd_priority(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        return _unsupported_purpose(event, state)
    profile = profile_in(event.payload)
    if purpose_in(profile) != _PRIORITY:
        return None
    for schedule in schedules_in(profile):
        if schedule.get("duration") is not None:
            return Report(f"{named(profile)} has a duration of {whole(schedule['duration'])} s", "duration")
        for period in periods_in(schedule):
            mode = period.get("operationMode")
            if mode is not None and mode != "ChargingOnly":
                return Report(f"{named(profile)} has operationMode {text(mode)}", "operationMode")
    return None


def _unsupported_purpose(event: Message, state: SessionState) -> Report | None:
    profile = profile_in(asked(event))
    purpose = purpose_in(profile)
    supported = state.station.profiles.settings.get("SupportedAdditionalPurposes")
    if event.call is None or supported is None or purpose not in _ADDITIONAL or status_of(event) != ACCEPTED:
        return None
    if purpose in [one.strip() for one in supported.split(",")]:
        return None
    return Report(
        f"{named(profile)} was accepted, where SupportedAdditionalPurposes is {supported[:100]!r}",
        purpose,
        events=(event.call.n,),
    )


@rule(
    "SC-026",
    "A dynamic charging profile that cannot be",
    ERROR,
    on_call(_SET, _START),
    on_answer(_SET),
    source="OCPP 2.1 part 2 K01.FR.121, K01.FR.122, K28.FR.01",
    hint="a Dynamic profile has one schedule with one period; dynUpdateInterval and dynUpdateTime are for Dynamic ones",
    versions=(V21,),
)
def odd_dynamic(event: Message, state: SessionState) -> Report | None:
    profile = profile_in(event.payload if event.call is None else asked(event))
    is_dynamic = kind_in(profile) == DYNAMIC
    if event.call is not None:
        if not is_dynamic or state.station.profiles.flag("SupportsDynamicProfiles") is not False:
            return None
        said = f"{named(profile)} was accepted, where SupportsDynamicProfiles is false"
        is_accepted = status_of(event) == ACCEPTED
        return Report(said, "SupportsDynamicProfiles", events=(event.call.n,)) if is_accepted else None
    if not is_dynamic:
        for name in ("dynUpdateInterval", "dynUpdateTime"):
            if profile.get(name) is not None and kind_in(profile) is not None:
                return Report(f"{named(profile)} is {kind_in(profile)}, with {name}", name)
        return None
    schedules = schedules_in(profile)
    if len(schedules) > 1:
        return Report(f"{named(profile)} is Dynamic, with {len(schedules)} schedules", "chargingSchedule")
    periods = len(periods_in(schedules[0])) if schedules else 0
    if periods > 1:
        return Report(f"{named(profile)} is Dynamic, with {periods} periods", "chargingSchedulePeriod")
    return None


@rule(
    "SC-027",
    "A charging profile is accepted that asks for what the station does not support",
    ERROR,
    on_answer(_SET),
    source="OCPP 2.1 part 2 K01.FR.123, K01.FR.124, K01.FR.125, K01.FR.126",
    hint="the station rejects what SmartChargingCtrlr says that it does not support",
    needs="session",
    versions=(V21,),
)
def unsupported(event: Message, state: SessionState) -> list[Report]:
    known = state.station.profiles
    if event.call is None or not known.settings or status_of(event) != ACCEPTED:
        return []
    profile = profile_in(asked(event))
    found = []
    for schedule in schedules_in(profile):
        for name, variable, is_asked in (
            ("useLocalTime", "SupportsUseLocalTime", schedule.get("useLocalTime") is True),
            ("randomizedDelay", "SupportsRandomizedDelay", bool(whole(schedule.get("randomizedDelay")))),
            ("limitAtSoC", "SupportsLimitAtSoC", bool(fields(schedule.get("limitAtSoC")))),
            ("evseSleep", "SupportsEvseSleep", _sleeps(schedule)),
        ):
            if is_asked and known.flag(variable) is False:
                said = f"{named(profile)} has {name} and was accepted, where {variable} is false"
                found.append(Report(said, name, events=(event.call.n,)))
    return found


def _sleeps(schedule: dict[str, Any]) -> bool:
    """As errata 2025-09 have it: while it is Idle an EVSE may sleep."""
    return any(
        period.get("evseSleep") is True and period.get("operationMode") != "Idle"
        for period in periods_in(schedule)
    )


@rule(
    "SC-028",
    "The CSMS uses an id that is kept for external constraints",
    WARNING,
    on_call(_SET, _START),
    source="OCPP 2.1 part 2 K01.FR.80, K01.FR.81, K01.FR.82",
    hint="the CSMS gives its profiles ids above MaxExternalConstraintsId",
    needs="session",
    versions=(V21,),
)
def reserved_id(event: Message, state: SessionState) -> Report | None:
    profile, most = profile_in(event.payload), state.station.profiles.number("MaxExternalConstraintsId")
    identity = id_in(profile)
    if identity is None or most is None or identity > most:
        return None
    return Report(f"{named(profile)} has an id that is not above {most}")
