"""Names, words and times of the many writers of traces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.sources.traces.recognition import delimiter_of, shape_of
from ocppscope.sources.traces.words import direction_of, named, side_of, stamp, time_of, version_of


@pytest.mark.parametrize(
    ("words", "direction"),
    [
        (
            "CS_TO_CSMS CP->CSMS cp-to-csms ChargePoint>CentralSystem station→server fromStation to_csms",
            FROM_STATION,
        ),
        ("CSMS_TO_CS CSMS->CP csms-to-cp CentralSystem>ChargePoint server:client from_csms", FROM_CSMS),
        ("UNKNOWN in sent csms cp-to-cp", None),
    ],
)
def test_directions(words, direction):
    assert {direction_of(word) for word in words.split()} == {direction}


def test_sides():
    assert {side_of(word) for word in ("Sent", "out", "TX", "outgoing")} == {"out"}
    assert {side_of(word) for word in ("Received", "in", "RX", "recv")} == {"in"}
    assert side_of("cp-to-csms") is None


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ("1.6", "1.6"),
        ("ocpp2.0.1", "2.0.1"),
        ("OCPP 1.6J", "1.6"),
        ("2.1", "2.1"),
        ("9", "9"),
        ("x", None),
        (1.6, None),
    ],
)
def test_versions(value, version):
    assert version_of(value) == version


def test_the_likeliest_name_counts():
    assert named(["id", "charge_point_id", "Station"], ["chargepointid", "station"]) == "charge_point_id"
    assert named(["id"], ["station"]) is None


@given(time=st.integers(0, 253_402_300_799_999_999_999))
def test_a_stamp_is_the_time(time):
    text = stamp(time)
    assert text is not None
    assert time_of(text) == time
    assert time_of(text) == time  # and once more by what was remembered


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:0٣Z",
        "2026-01-01T00:00:00x5Z",
        "2026-13-01T00:00:00Z",
        "",
        "Z",
    ],
)
def test_no_times(text):
    assert time_of("2026-01-01T00:00:00Z") == 1_767_225_600_000_000_000
    assert time_of(text) is None


def test_a_time_beyond_the_calendar_has_no_stamp():
    assert stamp(1 << 80) is None
    assert stamp(None) is None


MESSAGE = '[2,"1","Heartbeat",{}]'


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        ('{"message":[2,"1","Heartbeat",{}]}\n', "lines"),
        ('{"messageType":"CALL","direction":"cp-to-csms","raw":"…', "lines"),
        ('[{"messageType":"CALL","direction":"cp-to-csms","raw":"…', "values"),
        (f"{MESSAGE}\n{MESSAGE}", "lines"),
        (f"[{MESSAGE},", "values"),
        ('{"traceId":"x",\n"events": [ {"message": [2, "1"', "object"),
        ('{"log": {"version": "1.2",', "har"),
        ('time,msg\n1,"[2,""1"",""Heartbeat"",{}]"\n', "csv"),
        ('msg\n"[2,""1"",""Heartbeat"",{}]"\n', "csv"),
        # and what is none
        (
            '{"level":"info","event":"started"}\n{"level":"info","event":"CP_1: receive message [2,1]"}\n',
            None,
        ),
        ('{"a":1}', None),
        ("[]", None),
        ('{"events": [{"a": 1}]}', None),
        ("INFO:ocpp:CP_1: receive message " + MESSAGE, None),
        ("2026-01-01 00:00:00, INFO, " + MESSAGE + "\n" + "2026-01-01 00:00:00, INFO, " + MESSAGE, None),
        ("[12:24:30:763] [msg-out]  " + MESSAGE + "\n", None),
        ("[INFO ] 2019-04-14 16:22:23,564 - Sending: " + MESSAGE + "\n", None),
        ("a,b\n1,2\n", None),
        ("", None),
    ],
)
def test_shapes(head, shape):
    assert shape_of(head.encode()) == shape


def test_delimiters():
    for mark in ",;\t|":
        assert delimiter_of(f'a{mark}b\n1{mark}"[2,""1"",""X"",{{}}]"\n'.encode()) == mark
