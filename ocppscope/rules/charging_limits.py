"""Limits of charging: how they are reported, negotiated, updated and kept to (section L of the catalogue).

Sources: OCPP 2.0.1 and 2.1 part 2, use cases K09 to K13, K15, K17; of 2.1 K18, K21, K28 too. What is measured is
compared with the composite limit as OCPP 1.6 §3.13 and K01 describe it.
"""

from collections.abc import Iterator
from typing import Any, Final

from ocppscope.events import FROM_CSMS, Event, Message
from ocppscope.ocpp.lenient import fields, finite, identifier, items, text, told, whole
from ocppscope.ocpp.metering import CURRENT, POWER, Reading, sampled
from ocppscope.ocpp.quantities import amount
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import MINUTE, SECOND, duration
from ocppscope.ocpp.versions import V2X, V16, V21
from ocppscope.rules.composite import Limit, limits
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.gates import limited
from ocppscope.rules.registry import ERROR, INFO, WARNING, Report, learns, on_answer, on_call, rule
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.profiles import (
    DYNAMIC,
    EXTERNAL,
    TX,
    Profile,
    place_in,
    profile_in,
    purpose_in,
    read_profile,
)
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of
from ocppscope.rules.tables.transactions import IS_AWAITED, Transaction

# --- reports of profiles ---

_ASKED: Final = "SC-019 asked"
"""By requestId: whether the station said that there is no more to come."""
_GET: Final = "GetChargingProfiles"
_REPORT: Final = "ReportChargingProfiles"
_NEXT_PART: Final = 300
"""Seconds for the next part of a report."""
_CRITERIA: Final = ("chargingProfilePurpose", "stackLevel", "chargingLimitSource")


@rule(
    "SC-019",
    "GetChargingProfiles and its report do not fit each other",
    ERROR,
    on_call(_GET, _REPORT),
    source=part_2("K09.FR.01, K09.FR.02, K09.FR.03"),
    hint="the CSMS asks by ids or by criteria, not by both; the station repeats requestId, and says tbc in all parts "
    "but the last",
    needs="session",
    versions=V2X,
)
def profiles_reported(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    if event.action == _GET:
        return _odd_criteria(payload)
    request, asked_for = whole(payload.get("requestId")), _asked_for(event, state)
    meet(state.station, "SC-019", request)
    if not asked_for or request is None or state.is_partial:
        return None
    if request not in asked_for:
        return Report(f"a report has requestId {request}, which no GetChargingProfiles has", "requestId")
    if asked_for[request]:
        return Report(f"a report for request {request} follows one that said that it was the last", "tbc")
    if payload.get("tbc") is True:
        report = Report(f"after a report for request {request} with tbc true no other came", "tbc")
        expect(state, "SC-019", request, _NEXT_PART, unless_lost(state, report), event)
    return None


def _odd_criteria(payload: dict[str, Any]) -> Report | None:
    wanted = fields(payload.get("chargingProfile"))
    criteria = [name for name in _CRITERIA if wanted.get(name) is not None]
    if wanted.get("chargingProfileId") is None:
        if criteria or payload.get("evseId") is not None:
            return None
        return Report("it names neither ids nor criteria", "criteria")
    if not criteria:
        return None
    return Report(f"it names ids as well as {' and '.join(criteria)}", "criteria")


def _asked_for(event: Message, state: SessionState) -> dict[int, bool] | None:
    """By requestId of this session: whether the last part of its report has come; None where none was asked."""
    session, known = state.station.noted.get(_ASKED, (None, None))
    return known if session == event.session.number else None


@learns(on_call(_GET, _REPORT))
def learn_request(event: Message, state: SessionState) -> None:
    payload = fields(event.payload)
    request = whole(payload.get("requestId"))
    if request is None:
        return
    known = _asked_for(event, state)
    if event.action == _GET:
        if known is None:
            known = Recent(100)
            state.station.noted[_ASKED] = event.session.number, known
        known[request] = False
    elif known is not None and request in known:
        known[request] = payload.get("tbc") is not True


@rule(
    "SC-020",
    "ClearChargingProfile does not say what to clear",
    ERROR,
    on_call("ClearChargingProfile"),
    source=part_2("K10.FR.02"),
    hint="the CSMS names chargingProfileId, or at least one of evseId, purpose and stack level",
    versions=V2X,
)
def clears_nothing(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict or payload.get("chargingProfileId") is not None:
        return None
    criteria = fields(payload.get("chargingProfileCriteria"))
    if any(criteria.get(name) is not None for name in ("evseId", "chargingProfilePurpose", "stackLevel")):
        return None
    return Report("it names neither chargingProfileId nor criteria")


# --- what an EV needs (ISO 15118) ---

_NEEDS: Final = "NotifyEVChargingNeeds"
_SET: Final = "SetChargingProfile"
_PROFILE_WITHIN: Final = 60
"""Seconds: an EV waits no longer for its schedules."""
_CROSSING: Final = 2
"""Seconds in which a profile that was on its way anyway may come."""


@rule(
    "SC-021",
    "NotifyEVChargingNeeds and the profile for it do not fit each other",
    WARNING,
    on_answer(_NEEDS),
    on_call(_SET),
    source=part_2("K15.FR.08, K15.FR.17"),
    hint="the CSMS accepts the needs, then sends a TxProfile within 60 s; where it has none it answers Processing, "
    "or Rejected (2.1: NoChargingProfile)",
    needs="time",
    versions=V2X,
)
def needs_and_profile(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        return _profile_came(event, state)
    evse = place_in(asked(event))
    if status_of(event) != ACCEPTED or evse is None:
        return None
    set_last = station.requests.get(_SET)
    if set_last is not None and set_last.call.n > event.call.n and place_in(set_last.asked) == evse:
        return None  # it was faster than the answer
    running = station.transactions.at.get((evse, None))

    def verdict() -> Report | None:
        if state.has_gap or (running is not None and not running.is_open):
            return None
        return Report(f"no profile for EVSE {evse} within {_PROFILE_WITHIN} s", f"EVSE {evse}")

    expect(state, "SC-021", evse, _PROFILE_WITHIN, verdict, event, blames=FROM_CSMS)
    return None


def _profile_came(event: Message, state: SessionState) -> Report | None:
    evse = place_in(event.payload)
    needs = state.station.profiles.needs.get(evse) if evse is not None else None
    if needs is None or purpose_in(profile_in(event.payload)) != TX:
        return None
    meet(state.station, "SC-021", evse)
    told_at = needs.call.time
    if needs.answer is not None or needs.call.session is not event.session or state.is_partial:
        return None
    if event.time is None or told_at is None or not _CROSSING * SECOND < event.time - told_at < MINUTE:
        return None
    return Report(
        f"a TxProfile for EVSE {evse} was sent {duration(event.time - told_at)} after the needs came, "
        "before they were answered",
        f"EVSE {evse}",
        events=(needs.call.n,),
    )


@rule(
    "SC-022",
    "The needs of an EV are told for AC and DC, or for neither",
    ERROR,
    on_call(_NEEDS),
    source=part_2("K15.FR.06"),
    hint="the station tells acChargingParameters or dcChargingParameters, as the EV charges "
    "(2.1: or v2xChargingParameters, with ISO 15118-20)",
    versions=V2X,
)
def odd_needs(event: Message, state: SessionState) -> Report | None:
    needs = fields(fields(event.payload).get("chargingNeeds"))
    names = ("acChargingParameters", "dcChargingParameters")
    known = (*names, "v2xChargingParameters") if event.session.version == V21 else names
    told_of = [name for name in known if needs.get(name) is not None]
    if not needs or (told_of and not set(names) <= set(told_of)):
        return None
    said = " and ".join(told_of) or f"no {' or '.join(known)}"
    return Report(f"the needs have {said}", said)


# --- limits of others than the CSMS ---

_NOTIFY: Final = "NotifyChargingLimit"
_CLEARED: Final = "ClearedChargingLimit"
_TOLD: Final = "SC-023 told"
_TOLD_WITHIN: Final = 60
_CHANGED_WITHIN: Final = 120
_CHANGES: Final = frozenset({"ChargingRateChanged", "ChargingStateChanged", "OperationModeChanged"})
"""Trigger reasons that tell of another rate."""
_SURELY: Final = 20
"""Per cent by which a limit has to change, where the station's LimitChangeSignificance is not higher."""


@rule(
    "SC-023",
    "An external limit is not told as it has to be",
    ERROR,
    on_call(_NOTIFY, _CLEARED, _REPORT),
    on_call("TransactionEvent", gate=IS_AWAITED),
    source=part_2("K11.FR.04, K11.FR.05, K12.FR.04, K13.FR.02"),
    hint="the station tells of each change with NotifyChargingLimit, whose source is not CSO, and of another rate with "
    "a TransactionEvent ChargingRateChanged",
    needs="time",
    versions=V2X,
)
def external_limit(event: Message, state: SessionState) -> Report | None:
    payload, station = event.payload, state.station
    if type(payload) is not dict:
        return None
    if event.action == "TransactionEvent":
        if text(payload.get("triggerReason")) in _CHANGES or payload.get("eventType") == "Ended":
            meet(station, "SC-023", identifier(fields(payload.get("transactionInfo")).get("transactionId")))
        return None
    if event.action == _REPORT:
        _compare_external(event, state)
        return None
    station.noted[_TOLD] = event.n
    meet(station, "SC-023", _TOLD)
    if event.action == _CLEARED:
        return None
    if fields(payload.get("chargingLimit")).get("chargingLimitSource") == "CSO":
        return Report("chargingLimitSource is CSO", "chargingLimitSource")
    _expect_rate(event, state)
    return None


def _significance(station: StationState) -> float:
    try:
        return max(_SURELY, finite(station.profiles.settings.get("LimitChangeSignificance")))
    except (TypeError, ValueError, OverflowError):
        return _SURELY


def _only_limit(profile: Profile) -> tuple[float, str] | None:
    """The limit of a profile that has only one, and its unit."""
    if profile.kind == DYNAMIC or len(profile.schedules) != 1 or len(profile.schedules[0].periods) != 1:
        return None
    return profile.schedules[0].periods[0][1], profile.schedules[0].unit or ""


def _compare_external(event: Message, state: SessionState) -> None:
    """An external limit that is another than in the report before has to be told meanwhile."""
    station, payload = state.station, fields(event.payload)
    known, told_last = station.profiles, station.noted.get(_TOLD, 0)
    for one in items(payload.get("chargingProfile"))[:100]:
        now = read_profile(fields(one), place_in(payload), event)
        before = known.installed.get(now.id) if now is not None and now.purpose == EXTERNAL else None
        if now is None or before is None or before.purpose != EXTERNAL or told_last > before.n:
            continue
        limit, was = _only_limit(now), _only_limit(before)
        if limit is None or was is None or limit[1] != was[1] or not known.is_known(before, station):
            continue
        if state.is_partial or abs(limit[0] - was[0]) * 100 <= _significance(station) * abs(was[0]):
            continue
        report = Report(
            f"external limit {now.id} went from {amount(*was)} to {amount(*limit)}, and no {_NOTIFY} came",
            f"limit {now.id}",
            events=(before.n,),
        )
        expect(state, "SC-023", _TOLD, _TOLD_WITHIN, unless_lost(state, report), event)


def _expect_rate(event: Message, state: SessionState) -> None:
    """What charges faster than an external limit allows has to slow down, and tell."""
    payload, station = fields(event.payload), state.station
    evse, running = place_in(payload), station.transactions.running()
    those = [one for one in running if one.place[0] == evse] if evse else running
    profile = read_profile({"id": 0, "chargingSchedule": payload.get("chargingSchedule")}, evse, event)
    limit = None if profile is None else _only_limit(profile)
    if len(those) != 1 or limit is None or state.is_partial or profile is None:
        return
    one, schedule = those[0], profile.schedules[0]
    latest = one.latest
    if one.id is None or latest is None or event.time is None or latest.time is None:
        return
    if schedule.start is not None and not -MINUTE < event.time - schedule.start < MINUTE:
        return
    told_of = fields(latest.payload)
    measured = _measured(told_of.get("meterValue"), limit[1])
    if (
        text(told_of.get("triggerReason")) in _CHANGES
        or event.time - latest.time > 5 * MINUTE
        or measured is None
    ):
        return
    if measured[3] <= limit[0] * (1 + _significance(station) / 100) + _SLACK.get(limit[1], 0):
        return
    report = Report(
        f"transaction {one.id} charged with {amount(measured[3], limit[1])}, an external limit of "
        f"{amount(*limit)} was told, and no TransactionEvent ChargingRateChanged within {_CHANGED_WITHIN} s",
        f"transaction {one.id}",
        events=(latest.n,),
    )

    def verdict() -> Report | None:
        return None if state.has_gap or not one.is_open else report

    expect(state, "SC-023", one.id, _CHANGED_WITHIN, verdict, event)


# --- dynamic profiles and priority charging (2.1) ---

_PULL: Final = "PullDynamicScheduleUpdate"
_UPDATE: Final = "UpdateDynamicSchedule"
_PULL_MARGIN: Final = 60
_LONGEST: Final = 86_400


@rule(
    "SC-029",
    "A dynamic charging profile is not updated as it has to be",
    ERROR,
    on_answer(_SET, _UPDATE, _PULL),
    on_call(_PULL),
    source="OCPP 2.1 part 2 K28.FR.06, K28.FR.10, K28.FR.11",
    hint="the station asks with PullDynamicScheduleUpdate each dynUpdateInterval, and rejects updates of profiles that "
    "it does not hold, or that are not Dynamic",
    needs="time",
    versions=(V21,),
)
def dynamic_update(event: Message, state: SessionState) -> Report | None:
    payload, known = asked(event) if event.call else fields(event.payload), state.station.profiles
    if event.action == _SET:
        one = read_profile(profile_in(payload), place_in(payload), event)
        if one is not None and status_of(event) == ACCEPTED:
            _expect_pull(one, event.n, event, state)
        return None
    identity = whole(payload.get("chargingProfileId"))
    if identity is None:
        return None
    held = known.installed.get(identity)
    if event.call is None:
        meet(state.station, "SC-029", identity)
    if held is not None:
        _expect_pull(held, held.n, event, state)
    if event.action != _UPDATE or event.call is None or status_of(event) != ACCEPTED:
        return None
    gone = known.gone.get(identity)
    if held is None and gone is not None and state.station.missed < gone < event.call.n:
        said = f"an update of profile {identity} was accepted, which the station no longer holds"
        return Report(said, f"profile {identity}", events=(gone, event.call.n))
    if held is None or held.n > event.call.n or held.kind in (None, DYNAMIC):
        return None
    said = f"an update of profile {identity} was accepted, which is {held.kind[:50]}"
    is_known = known.is_known(held, state.station)
    return Report(said, f"profile {identity}", events=(held.n, event.call.n)) if is_known else None


def _expect_pull(one: Profile, installed: int, event: Message, state: SessionState) -> None:
    if one.kind != DYNAMIC or not 0 < one.interval <= _LONGEST:
        return
    station = state.station

    def verdict() -> Report | None:
        held = station.profiles.installed.get(one.id)
        if held is None or held.n != installed or not station.profiles.is_known(held, station):
            return None
        if state.has_gap or not _is_used(held, station, event):
            return None
        return Report(
            f"profile {one.id} has dynUpdateInterval {one.interval} s, and no {_PULL} came within "
            f"{one.interval + _PULL_MARGIN} s",
            f"profile {one.id}",
            events=(installed,),
        )

    expect(state, "SC-029", one.id, one.interval + _PULL_MARGIN, verdict, event)


def _is_used(held: Profile, station: StationState, since: Event) -> bool:
    """Whether a dynamic profile had a transaction to limit, and was valid, all the time since an event."""
    began, now = since.time, (since.time or 0) + (held.interval + _PULL_MARGIN) * SECOND
    if began is None or (held.valid_from or 0) > began or (held.valid_to is not None and held.valid_to < now):
        return False
    lasts = [one.duration for one in held.schedules if one.duration is not None]
    if lasts and began + min(lasts) * SECOND < now:
        return False  # after that without an update it no longer counts (K28.FR.13)
    return any(
        (one.start is None or one.start.n < since.n)
        and held.place in (None, 0, one.place[0])
        and held.transaction in (None, one.id)
        for one in station.transactions.running()
    )


_USE: Final = "UsePriorityCharging"
_PRIORITY: Final = "NotifyPriorityCharging"
_ACTIVE: Final = "SC-030 active"
"""By transaction: whether priority charging is on, and the number of the message that said so."""


@rule(
    "SC-030",
    "Priority charging changes, and nothing is told",
    ERROR,
    on_answer(_USE),
    on_call(_PRIORITY),
    source="OCPP 2.1 part 2 K21.FR.05, K21.FR.08",
    hint="after it accepted UsePriorityCharging the station sends NotifyPriorityCharging",
    needs="time",
    versions=(V21,),
)
def priority_untold(event: Message, state: SessionState) -> None:
    station, known = state.station, state.station.noted.setdefault(_ACTIVE, Recent(100))
    if event.call is None:
        payload = fields(event.payload)
        identity = identifier(payload.get("transactionId"))
        meet(station, "SC-030", identity)
        if identity is not None:
            known[identity] = payload.get("activated"), event.n
        return
    payload = asked(event)
    identity, wanted = identifier(payload.get("transactionId")), payload.get("activate")
    if status_of(event) != ACCEPTED or identity is None or type(wanted) is not bool:
        return
    active, told_at = known.get(identity, (False, 0))
    if active == wanted or told_at > event.call.n:
        return

    def verdict() -> Report | None:
        running = station.transactions.open.get(identity)
        if state.has_gap or running is None or (running.start is None and identity not in known):
            return None  # it may have been so before the capture
        return Report(
            f"priority charging of transaction {identity} was accepted to be {'on' if wanted else 'off'}, and no "
            f"{_PRIORITY} came within {_TOLD_WITHIN} s",
            f"transaction {identity}",
        )

    expect(state, "SC-030", identity, _TOLD_WITHIN, verdict, event)


# --- what is measured ---

_RAMP: Final = 60 * SECOND
"""What a car gets to come down to a new limit."""
_ASIDE: Final = 5 * SECOND
"""By how much a reading's time may be off."""
_OLDEST: Final = 5 * MINUTE
_TOLERANCE: Final = 1.1
_SLACK: Final = {"A": 0.5, "W": 100.0}
_KINDS: Final = {"A": CURRENT, "W": POWER}


@rule(
    "SC-031",
    "More is drawn than the charging profiles allow",
    INFO,
    on_call("MeterValues", "TransactionEvent", gate=limited),
    source="heuristic; OCPP 1.6 §3.13, OCPP 2.0.1 and 2.1 part 2 K01",
    hint="compare the station's GetCompositeSchedule with the profiles: it may count a limit otherwise, or not heed it",
    needs="time",
)
def above_limit(event: Message, state: SessionState) -> Report | None:
    station, payload = state.station, event.payload
    if event.time is None or type(payload) is not dict:
        return None
    meter_values = payload.get("meterValue")
    if type(meter_values) is not list or not meter_values:
        return None
    found = _charging(event, payload, station)
    if found is None:
        return None
    one, place = found
    times = [told(fields(element).get("timestamp")) for element in meter_values]
    now = max((time for time in times if time is not None), default=event.time)
    taken = min(now, event.time)
    changed = station.profiles.changed
    if abs(event.time - now) > _OLDEST or changed is None or taken - changed < _RAMP:
        return None
    since, until = now - _RAMP - _ASIDE, now + _ASIDE
    if one.started is not None and one.started > since:
        return None
    for limit in limits(station, one, place, since, until):
        measured = _measured(meter_values, limit.unit)
        if measured is None or measured[0] not in (None, now):
            continue
        if measured[3] > limit.value * _TOLERANCE + _SLACK[limit.unit]:
            at = "connector" if event.session.version == V16 else "EVSE"
            return _above(limit, measured[3], f"{at} {place}")
    return None


def _above(limit: Limit, value: float, place: str) -> Report:
    profile = limit.profile
    return Report(
        f"{place} draws {amount(value, limit.unit)}, where {profile.purpose} {profile.id} (stackLevel "
        f"{profile.level}) allows {amount(limit.value, limit.unit)}",
        place,
        events=(profile.n,),
    )


def _charging(
    event: Message, payload: dict[str, Any], station: StationState
) -> tuple[Transaction, int] | None:
    """The transaction that was measured, and its connector or EVSE; None where all of it is not known."""
    known = station.transactions
    if event.action == "TransactionEvent":
        info = fields(payload.get("transactionInfo"))
        one = known.open.get(identifier(info.get("transactionId")) or "")
        place = one.place[0] if one is not None else None
    else:
        place = place_in(payload)
        one = known.at.get((None, place) if event.session.version == V16 else (place, None))
        told_of = payload.get("transactionId")
        if one is not None and told_of is not None and identifier(told_of) != one.id:
            return None
    if one is None or not place or one.id is None or one.start is None or one.start.n < station.missed:
        return None
    return one, place


def _measured(meter_values: Any, unit: str) -> Reading | None:
    """The latest reading of the unit's kind; of currents only those of phases, for what others sum up is not said."""
    kind = _KINDS.get(unit)
    if kind == CURRENT:
        meter_values = [
            {"timestamp": element.get("timestamp"), "sampledValue": list(_of_phases(element))}
            for element in map(fields, items(meter_values))
        ]
    found = [one for one in sampled(meter_values) if one[2] == kind and one[1] is None]
    return max(found, key=lambda one: one[0] or 0, default=None)


def _of_phases(element: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in items(element.get("sampledValue")):
        if type(one) is dict and text(one.get("phase")) is not None:
            yield one
