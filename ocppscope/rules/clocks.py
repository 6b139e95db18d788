"""BOOT: Heartbeats, and the clocks of both sides (section C of the catalogue).

Sources: OCPP 1.6 edition 2 §4.2, §4.6; OCPP 2.0.1 and 2.1 part 2, use cases B01, G02.
"""

from typing import Final

from ocppscope.events import FROM_STATION, Closed, Message
from ocppscope.ocpp.actions import senders_of
from ocppscope.ocpp.lenient import fields, told
from ocppscope.ocpp.times import DAY, HALF_HOUR, MINUTE, SECOND, duration
from ocppscope.rules.gates import in_quick_succession
from ocppscope.rules.registry import (
    INFO,
    SILENCE,
    WARNING,
    Report,
    learns,
    on_answer,
    on_call,
    on_event,
    on_silence,
    rule,
)
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.registration import ACCEPTED
from ocppscope.rules.tables.requests import came_after


@learns(on_call("Heartbeat"))
def learn_heartbeat(event: Message, state: SessionState) -> None:
    state.heartbeat = event.time


_FASTER: Final = 0.5
_SLOWER: Final = 1.5
_LATER: Final = SECOND
"""By which a message may be late: the station's clock and ours differ."""
_FAST_IN_A_ROW: Final = 3


def _is_of_station(event: Message) -> bool:
    """Whether it is an action that stations send."""
    action = event.action  # which may be any JSON
    return isinstance(action, str) and FROM_STATION in senders_of(event.session.version or "", action)


def _interval(station: StationState) -> int | None:
    """Nanoseconds between Heartbeats, as the CSMS said last; None where the capture does not show it."""
    seconds = station.number("HeartbeatInterval")
    if seconds is None and station.registration.status == ACCEPTED:
        seconds = station.registration.interval
    return seconds * SECOND if seconds and 0 < seconds <= 10_000_000 else None


@rule(
    "BOOT-016",
    "Heartbeats do not keep to the interval",
    WARNING,
    on_silence(),
    on_call("Heartbeat", gate=in_quick_succession),
    on_event(Closed),
    source=part_2("G02.FR.01, G02.FR.02, G02.FR.05", "§4.2, §4.6"),
    hint="a silent station is taken for offline, one that sends too many Heartbeats costs: keep to the CSMS's interval",
    needs="time",
)
def heartbeat_cadence(event: Message | Closed, state: SessionState) -> Report | None:
    heard, now = state.heard, event.time
    if heard is None or now is None or state.has_gap:
        return None
    if type(event) is Message and not _is_of_station(event):
        return None
    interval = _interval(state.station) if now - heard > SILENCE else None
    if interval is not None and now - heard > interval * _SLOWER + _LATER:
        return Report(
            f"no message for {duration(now - heard)}; the interval is {interval // SECOND} s", "silent"
        )
    if isinstance(event, Closed) or event.action != "Heartbeat":
        return None
    return _too_fast(event, state, now)


def _too_fast(event: Message, state: SessionState, now: int) -> Report | None:
    noted, last = state.station.noted, state.heartbeat
    interval = _interval(state.station)
    if last is None or interval is None or now - last >= interval * _FASTER:
        noted.pop("BOOT-016", None)
        return None
    if came_after(state.station.triggered.get("Heartbeat"), state.station.registration.call):
        return None
    numbers: list[int] = noted.setdefault("BOOT-016", [])
    numbers.append(event.n)
    del numbers[:-_FAST_IN_A_ROW]
    if len(numbers) < _FAST_IN_A_ROW:
        return None
    return Report(
        f"a Heartbeat after {duration(now - last)}; the interval is {interval // SECOND} s",
        "fast",
        events=tuple(numbers),
    )


@rule(
    "BOOT-017",
    "No Heartbeat for a day",
    INFO,
    on_call("Heartbeat"),
    on_event(Closed),
    source=part_2("G02.FR.07", "§4.6"),
    hint="send one at least every 24 hours, also where other messages keep the session busy: it sets the clock",
    needs="time",
)
def no_heartbeat_for_a_day(event: Message | Closed, state: SessionState) -> Report | None:
    last = state.heartbeat
    if last is None and state.opened is not None:
        last = state.opened.time
    if last is None or event.time is None or event.time - last <= DAY or not state.messages:
        return None
    return Report(f"none for {duration(event.time - last)}")


# --- clocks ---

_CSMS_OFF: Final = MINUTE
_HALF_HOUR_OFF: Final = 90 * SECOND


@rule(
    "BOOT-019",
    "The CSMS's clock is off",
    WARNING,
    on_answer("BootNotification", "Heartbeat"),
    source=part_2("B01.FR.06", "§6.4, §6.30"),
    hint="stations set their clocks by currentTime: set the CSMS's clock, or, if it is right, that of the capture",
    needs="time",
)
def csms_clock_is_off(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    current = told(payload.get("currentTime")) if type(payload) is dict else None
    if current is None or event.time is None:
        return None
    skew = current - event.time
    if -_CSMS_OFF <= skew <= _CSMS_OFF:
        return None
    clock, way = state.station.clock, "ahead" if skew > 0 else "behind"
    if clock.doubt:
        fits = clock.zone_for(skew)
        said = f"{clock.doubt}{fits and f': {fits} would fit'}"
        return Report(f"currentTime is {_off(skew)} the capture; {said}", way, INFO)
    half_hours = round(skew / HALF_HOUR)
    is_zone = half_hours and abs(skew - half_hours * HALF_HOUR) < _HALF_HOUR_OFF
    return Report(
        f"currentTime is {_off(skew)} the capture"
        + (f": {half_hours / 2:+g} h looks like local time" if is_zone else ""),
        way,
    )


def _off(skew: int) -> str:
    return f"{duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'}"


@learns(on_answer("BootNotification", "Heartbeat"))
def learn_csms_clock(event: Message, state: SessionState) -> None:
    current = told(fields(event.payload).get("currentTime"))
    if current is not None and event.time is not None:
        state.station.csms_ahead = current - event.time


_STATION_OFF: Final = 2 * MINUTE
_STEADY: Final = 5 * SECOND
_OFF_IN_A_ROW: Final = 3


@rule(
    "BOOT-020",
    "The station's clock is off after it was told the time",
    WARNING,
    on_call("StatusNotification"),
    source=part_2("B01.FR.06, G02", "§4.2, §4.6"),
    hint="the station sets its clock from currentTime of the answers to BootNotification and Heartbeat",
    needs="time",
)
def station_clock_is_off(event: Message, state: SessionState) -> Report | None:
    ahead = state.station.csms_ahead
    if ahead is None or event.time is None:
        return None
    then = told(fields(event.payload).get("timestamp"))
    if then is None:
        return None
    noted, skew = state.station.noted, then - event.time - ahead
    if -_STATION_OFF <= skew <= _STATION_OFF:
        noted.pop("BOOT-020", None)
        return None
    # What was queued while offline is behind too, but not always by the same amount.
    row: list[tuple[int, int]] = noted.setdefault("BOOT-020", [])
    if row and abs(row[-1][0] - skew) > _STEADY:
        row.clear()
    row.append((skew, event.n))
    del row[:-_OFF_IN_A_ROW]
    if len(row) < _OFF_IN_A_ROW:
        return None
    doubt = state.station.clock.doubt
    return Report(
        f"{_off(skew)} what the CSMS told{doubt and f'; {doubt}'}",
        "ahead" if skew > 0 else "behind",
        INFO if doubt else None,
        tuple(n for _, n in row),
    )
