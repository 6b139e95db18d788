from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import CALL, CALLRESULT, FROM_CSMS, FROM_STATION
from ocppscope.ocpp import times
from ocppscope.ocpp.times import SECOND, TimeFields, parse, timestamp

NOW = 1_795_342_500 * SECOND  # 2026-11-22T10:15:00Z
HOUR = 3600 * SECOND


def at(seconds):
    return datetime.fromtimestamp(NOW // SECOND + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- parse --------------------------------------------------------------------------------------------------

FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")
ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(deadline=None)
@given(
    st.datetimes(FIRST, LAST, timezones=ZONES | st.just(UTC)),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.booleans(),
)
def test_valid_ones_are_read_as_datetime_reads_them(when, precision, zulu):
    text = when.isoformat(timespec=precision)
    if zulu and text.endswith("+00:00"):
        text = text.removesuffix("+00:00") + "Z"
    expected = datetime.fromisoformat(text)
    nanoseconds = (expected - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    moment = parse(text)
    assert moment[:2] == (nanoseconds, "")
    assert moment[2] == {"seconds": 0, "milliseconds": 3, "microseconds": 6}[precision]
    assert parse(text) == moment


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2026-11-22T10:15:00", times.NO_ZONE),
        ("2026-11-22T10:15:00.123", times.NO_ZONE),
        ("2026-11-22T10:15:00+0100", times.ODD_ZONE),
        ("2026-11-22T10:15:00-01", times.ODD_ZONE),
        ("2026-11-22 10:15:00Z", times.SPACE),
        ("2026-11-22 10:15:00", times.SPACE),
        ("2026-11-22T10:15Z", times.NO_SECONDS),
        ("2026-11-22T10:15", times.NO_SECONDS),
        ("2026-11-22T10:15:00,5Z", times.COMMA),
        ("2026-11-22T10:15:00 Z", times.SPACE_IN_ZONE),
        ("2026-11-22T10:15:00 +01:00", times.SPACE_IN_ZONE),
    ],
)
def test_wrong_forms_that_still_tell_a_time(text, wrong):
    moment = parse(text)
    assert moment[1] == wrong
    assert abs(moment[0] - NOW) <= 2 * HOUR
    assert not moment[4]


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T10:15:00Z",
        "2026-13-22T10:15:00Z",
        "2026-00-22T10:15:00Z",
        "2026-11-31T10:15:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:60:00Z",
        "2026-11-22T10:15:61Z",
        "2026-11-22T10:15:00+24:00",
        "2026-11-22T10:15:00-99:00",
        "0000-11-22T10:15:00Z",
    ],
)
def test_dates_and_times_that_do_not_exist(text):
    assert parse(text)[:2] == (None, times.IMPOSSIBLE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "now",
        "2026-11-22",
        "10:15:00Z",
        "2026-11-22T",
        "20261122T101500Z",
        "2026-11-22T10Z",
        "2026-11-22T10:15:0Z",
        "2026-11-22T10:15:00.Z",
        "2026-11-22T10:15:00ZZ",
        "2026-11-22T10:15:00Z ",
        "2026-11-22T10:15:00Z\n",
        " 2026-11-22T10:15:00Z",
        "2026-11-22T10:15:00+1:00",
        "2026-11-22T10:15:00+01:60",
        "2026-11-22T10:15:00+01:",
        "2026-11-22T10:15:00 ",
        "2026-11-22T10:15:00UTC",
        "２０２６-11-22T10:15:00Z",
        "2026-11-22T10:15:٠٠Z",
        "2026-11-22T10:15:00.١Z",
        "Sun, 22 Nov 2026 10:15:00 GMT",
        "1795342500",
        "-2026-11-22T10:15:00Z",
        "12026-11-22T10:15:00Z",
        "2026-11-22T10:15Z30Z",
    ],
)
def test_no_date_times(text):
    for before in ("2026-11-22T10:15:00Z", "2026-11-22T10:15Z", "2026-11-22T10:15 Z", text):
        parse(before)  # what was read before makes no difference
        assert parse(text)[:2] == (None, times.NO_DATE_TIME)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2016-12-31T23:59:60Z", 1_483_228_800),
        ("2026-11-22t10:15:00z", 1_795_342_500),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("9999-12-31T23:59:59-23:59", 253_402_300_799 + 86_340),
        ("0001-01-01T00:00:00+23:59", -62_135_596_800 - 86_340),
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T10:15:00-00:00", 1_795_342_500),
        ("2026-11-22T15:45:00+05:30", 1_795_342_500),
        ("2026-11-22T00:00:00-10:15", 1_795_342_500),
    ],
)
def test_edges(text, seconds):
    assert parse(text)[:2] == (seconds * SECOND, "")


def test_fractions():
    for digits in range(1, 12):
        moment = parse(f"2026-11-22T10:15:00.{'1' * digits}Z")
        assert moment[0] == NOW + int(("1" * digits)[:9].ljust(9, "0"))
        assert moment[2] == digits
        assert moment[4] is (digits <= 3)


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=8), st.integers(0, 9))
def test_the_remembered_minute_changes_nothing(offsets, digits):
    fraction = f".{'7' * digits}" if digits else ""
    for offset in offsets:
        text = at(offset).removesuffix("Z") + fraction + "Z"
        assert parse(text)[0] == NOW + offset * SECOND + int(("7" * digits).ljust(9, "0"))


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text("0123456789-:TZ.+ ,", max_size=30) | st.from_regex(times._FORM, fullmatch=True))
def test_garbage_never_raises(text):
    time, wrong, digits, zone, clean = parse(text)
    assert time is None or isinstance(time, int)
    assert (time is None) <= bool(wrong)
    assert digits >= 0
    assert isinstance(zone, str)
    assert not (clean and (wrong or digits > 3 or zone != "Z"))


# --- fields -------------------------------------------------------------------------------------------------


def faults(
    payload, path=("timestamp",), *, action="StatusNotification", kind=CALL, time=NOW, by=FROM_STATION
):
    return [fault.kind for fault in TimeFields((path,), kind, action).faults(payload, time, by)]


@pytest.mark.parametrize(
    ("offset", "kinds"),
    [
        (0, []),
        (59, []),
        (-59, []),
        (61, ["time.ahead"]),
        (3600, ["time.ahead", "time.shifted"]),
        (5400, ["time.ahead", "time.shifted"]),
        (4500, ["time.ahead"]),
        (-1800, ["time.shifted"]),
        (-3600, ["time.shifted"]),
        (-4500, ["time.behind"]),
        (-7200, ["time.behind", "time.shifted"]),
        (15 * 3600, ["time.ahead"]),
        (-30 * 86_400, ["time.behind"]),
    ],
)
def test_skew(offset, kinds):
    assert faults({"timestamp": at(offset)}) == kinds


@pytest.mark.parametrize("by", [FROM_CSMS])
def test_only_the_stations_clock_is_compared(by):
    assert faults({"timestamp": at(9_000)}, by=by) == []


def test_only_calls_are_compared():
    assert faults({"timestamp": at(9_000)}, kind=CALLRESULT) == []


def test_without_a_time_of_capture_only_the_form_is_judged():
    assert faults({"timestamp": at(9_000)}, time=None) == []
    assert faults({"timestamp": "2026-11-22"}, time=None) == ["time.form"]


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction", "SecurityEventNotification"])
def test_what_is_queued_may_be_old(action):
    assert faults({"timestamp": at(-90_000)}, action=action) == []


def test_what_is_marked_offline_may_be_old():
    assert faults({"timestamp": at(-90_000), "offline": True}, action="TransactionEvent") == []
    assert faults({"timestamp": at(-90_000), "offline": "true"}, action="TransactionEvent") == ["time.behind"]


def test_samples_of_meter_values():
    payload = {"meterValue": [{"timestamp": at(0)}, {"timestamp": at(600)}, {"timestamp": "x"}, 5]}
    path = ("meterValue", "*", "timestamp")
    assert faults(payload, path, action="MeterValues") == ["time.ahead", "time.form"]


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        (("expiryDate",), {"expiryDate": at(-90)}),
        (("firmware", "retrieveDateTime"), {"firmware": {"retrieveDateTime": at(-90)}}),
    ],
)
def test_deadlines(path, payload):
    assert faults(payload, path, action="X", by=FROM_CSMS) == ["time.past"]
    assert faults(payload, path, action="X", by=FROM_STATION) == []
    assert faults(payload, path, action="X", by=FROM_CSMS, kind=CALLRESULT) == []
    assert faults(payload, path, action="X", by=FROM_CSMS, time=NOW - HOUR) == []


def test_default_dates():
    assert faults({"timestamp": "1970-01-01T00:00:00Z"}) == ["time.epoch"]
    assert faults({"timestamp": "2000-12-31T23:59:59Z"}) == ["time.epoch"]
    assert faults({"timestamp": "2001-01-01T00:00:00Z"}) == ["time.behind"]


@pytest.mark.parametrize("value", [None, 5, True, [], {}, ["2026"]])
def test_other_types_are_the_schemas_business(value):
    assert faults({"timestamp": value}) == []
    assert faults({"meterValue": value}, ("meterValue", "*", "timestamp"), action="MeterValues") == []
    assert faults({"a": value}, ("a", "b", "*", "c")) == []


def test_an_empty_text_before_any_valid_one(monkeypatch):
    monkeypatch.setattr(times, "_moments", {})
    monkeypatch.setattr(times, "_minutes", {})
    assert parse("")[:2] == (None, times.NO_DATE_TIME)


def test_what_is_remembered_is_bounded_and_changes_nothing():
    known = {
        f"2026-01-{day:02}T{hour:02}:15:{day:02}.5Z": (day, hour)
        for day in range(1, 32)
        for hour in range(24)
    }
    first = {text: parse(text) for text in known}
    for minute in range(3 * times._MINUTES):
        parse(f"20{minute // 600 + 10}-05-05T{minute // 60 % 10:02}:{minute % 60:02}:00Z")
    assert {text: parse(text) for text in known} == first
    parse("2" * 10_000)
    assert len(times._moments) <= times._MOMENTS
    assert len(times._minutes) <= times._MINUTES
    assert max(map(len, times._moments)) <= times._KEPT


@pytest.mark.parametrize(
    "value",
    ["2026-01-01T00:00:60Z", "2026-01-01T00:00:0٣Z", "2026-01-01T00:00:00,123Z", "2026-01-01T00:00:1 Z"],
)
def test_a_minute_that_is_known_does_not_make_right_what_is_wrong(monkeypatch, value):
    monkeypatch.setattr(times, "_minutes", {})
    monkeypatch.setattr(times, "_moments", {})
    apart = parse(value)
    times._moments.clear()
    parse("2026-01-01T00:00:00Z")
    assert parse(value) == apart


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_700_000_000_000_000_000, "2023-11-14T22:13:20.000000Z"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456Z"),
        (1_700_000_000_000_000_999, "2023-11-14T22:13:20.000000Z"),
        (253_402_300_799_999_999_999, "9999-12-31T23:59:59.999999Z"),
        (253_402_300_800_000_000_000, None),
        (1 << 80, None),
    ],
)
def test_times_are_rfc_3339_in_utc_with_microseconds(time, written):
    assert timestamp(time) == written
