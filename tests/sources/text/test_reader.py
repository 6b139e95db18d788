"""What logs do to messages, trap by trap; and what is assumed, once each."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import Closed, Damaged, Notice, Text
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import InputError
from tests.sources.text import arrows, clock, damage, events_of, notices, script, texts
from tests.sources.text.test_dialects import (
    ACCEPTED,
    BOOT,
    DATA,
    DONE,
    HOME_ASSISTANT,
    LOGS,
    RESET,
    WEBSOCKETS,
)


def ha(time, words, text):
    return f"2025-01-02 {time} INFO (MainThread) [ocpp] CP: {words} {text}\n"


def times(events):
    return [clock(event.time) for event in events if isinstance(event, Text)]


# --- prefixes, colours, encodings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix",
    [
        "evcc  | ",
        "evcc-1  | ",
        "Apr 14 08:04:36 srvdeb evcc[510903]: ",
        "Jul  2 08:04:36 srvdeb evcc[510903]: ",
        "pr 14 08:04:36 srvdeb evcc[510903]: ",
        "2025-07-23T10:21:46.094042+0200 host evcc[3935]: ",
        "> ",
        "\x1b[36m",
        "    ",
        "`",
    ],
)
def test_what_others_put_before_a_line(prefix):
    log = f"{prefix}[ocpp  ] TRACE 2026/07/23 10:21:46 recv X: {BOOT}\n"
    assert script(events_of(log))[0] == ("text", ">", "X", "2026-07-23 10:21:46", BOOT)


def test_a_prefix_cut_off_by_its_user_leaves_no_time():
    assert script(events_of(f"recv X: {BOOT}\nsend X: {ACCEPTED}\n"))[:2] == [
        ("text", ">", "X", None, BOOT),
        ("text", "<", "X", None, ACCEPTED),
    ]


def test_the_time_of_a_prefix_serves_where_the_log_has_none():
    log = f"2025-07-23T10:21:46.094+0200 host mo[1]: [MO] Send: {BOOT}\n"
    assert script(events_of(log))[0][3] == "2025-07-23 08:21:46.094"


NAMED = BOOT.replace('"V"', '"Žižkov 전기"')
LATIN = BOOT.replace('"V"', '"Prüfstand"')
KOREAN = BOOT.replace('"V"', '"전기차"')


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (NAMED, "utf-8"),
        (NAMED, "utf-8-sig"),
        (NAMED, "utf-16"),
        (LATIN, "latin-1"),
        (KOREAN, "euc-kr"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, None])
def test_encodings(text, encoding, step):
    data = ha("03:04:05", "receive message", text).encode(encoding)
    assert texts(events_of(data, step)) == [text]


def test_crlf_and_tabs():
    log = (ha("03:04:05", "receive message", BOOT) + ha("03:04:06", "send", ACCEPTED)).replace("\n", "\r\n")
    assert texts(events_of(log)) == [BOOT, ACCEPTED]


# --- damage -------------------------------------------------------------------------------------------------


def test_damage_has_an_offset_and_a_fault():
    broken = '[2,"1","StatusNotification",{"connectorId":\t1\t"errorCode":"x"}]'
    (event,) = damage(events_of(ha("03:04:05", "receive message", broken)))
    assert (event.layer, event.offset, event.raw) == ("json", broken.index('"errorCode"'), broken)
    assert event.reason.startswith("no JSON: ")
    assert [fault.kind for fault in event.faults] == ["json.invalid"]
    assert event.direction == "cp-to-csms"
    assert event.session.station == "CP"


def test_what_is_json_but_no_message_is_for_the_decoder():
    log = ha("03:04:05", "receive message", '["2","1","Heartbeat",{}]')
    events = Decoder().feed(events_of(log))
    assert [fault.kind for event in events if isinstance(event, Damaged) for fault in event.faults] == [
        "rpc.type"
    ]


@pytest.mark.parametrize("text", ['[2,"1"]', '[3,"1"]', '[2,"1","not an action",{}]', '[2,"1",Heartbeat,{}]'])
def test_what_stands_where_a_message_does_is_kept(text):
    events = Decoder().feed(events_of(ha("03:04:05", "receive message", text)))
    assert [getattr(event, "raw", "") for event in events if not isinstance(event, Notice | Closed)] == [text]
    with pytest.raises(InputError):
        events_of(f"an array {text} of something else")


def test_offsets_are_those_of_utf_8():
    broken = '[2,"1","DataTransfer",{"vendorId":"é" x}]'
    (event,) = damage(events_of(broken))
    assert event.offset == broken.encode().index(b"x}")


def test_elided_messages_of_websockets_are_gaps():
    events = events_of(WEBSOCKETS.replace("{whole}", ""))
    assert not damage(events)
    assert [row[0] for row in script(events)].count("gap") == 1


def test_an_elision_that_makes_json_is_seen_by_its_size():
    line = "2024-11-02 19:58:31.395 DEBUG (MainThread) [websockets.server] {} TEXT '{}' [{} bytes]\n"
    whole, cut = '[3,"1",{"a":"x...y"}]', '[3,"2",{"a":"x...y"}]'
    assert texts(events_of(line.format(">", whole, len(whole)) + line.format(">", cut, 300))) == [whole]


# --- said twice -----------------------------------------------------------------------------------------------


def test_an_error_line_that_repeats_a_message_is_none():
    log = (
        ha("03:04:05.000", "receive message", BOOT)
        + "2025-01-02 03:04:05.010 ERROR (MainThread) [ocpp] Error while handling "
        + f"{{'ocpp_message': {json.loads(BOOT)!r}}}\n"
        + f"2025-01-02 03:04:05.020 ERROR (MainThread) [custom] {{'ocpp_message': '{BOOT}'}}\n"
        + ha("03:04:06.000", "send", ACCEPTED)
    )
    assert texts(events_of(log)) == [BOOT, ACCEPTED]


def test_a_message_that_was_sent_twice_is_two():
    log = ha("03:04:05.000", "receive message", BOOT) * 2
    assert texts(events_of(log)) == [BOOT, BOOT]


def test_equal_answers_of_both_sides_are_two():
    log = (
        ha("03:04:05", "receive message", '[2,"1","Heartbeat",{}]')
        + ha("03:04:05", "send", '[2,"1","ClearCache",{}]')
        + ha("03:04:05", "send", '[3,"1",{}]')
        + ha("03:04:05", "receive message", '[3,"1",{}]')
    )
    assert arrows(events_of(log)) == "><<>"


def test_two_stations_may_say_the_same():
    log = ha("03:04:05", "receive message", BOOT) + ha("03:04:05", "receive message", BOOT).replace(
        "CP:", "CQ:"
    )
    assert [row[2] for row in script(events_of(log)) if row[0] == "text"] == ["CP", "CQ"]


# --- directions -----------------------------------------------------------------------------------------------


def test_messages_show_who_logs():
    log = f"[CP9] - RX : {RESET}\n[CP9] - TX : {DONE}\n[CP9] - TX : {DATA}\n"
    assert arrows(events_of(log)) == "<>>"


def test_the_user_says_who_logs():
    log = f"[CP9] - TX : {DATA}\n"
    assert arrows(events_of(log, logged_by="station")) == ">"
    assert arrows(events_of(log, logged_by="csms")) == "<"
    (told,) = [one for one in notices(events_of(log)) if one.startswith("directions")]
    assert told == (
        "directions: 1 by guess (Calls from the station, answers from the CSMS). "
        "--as-logged-by station|csms says who logged"
    )


def test_an_answer_goes_the_other_way_than_its_call():
    log = f"{RESET}\n{BOOT}\n{ACCEPTED}\n{DONE}\n"
    assert arrows(events_of(log)) == "<><>"


def test_words_in_a_log_of_no_known_kind():
    log = f"12:00 x sent >> {BOOT}\n12:00 x received << {ACCEPTED}\n12:00 x received << {DATA}\n"
    assert arrows(events_of(log)) == "><<"


# --- times ------------------------------------------------------------------------------------------------------


def test_local_times():
    log = ha("03:04:05.678", "receive message", BOOT)
    assert times(events_of(log)) == ["2025-01-02 03:04:05.678"]
    assert times(events_of(log, zone="Europe/Berlin")) == ["2025-01-02 02:04:05.678"]
    assert times(events_of(log, zone="+05:30")) == ["2025-01-01 21:34:05.678"]
    assert notices(events_of(log))[0].startswith("times in the log have no zone: taken for UTC")
    assert not any("zone" in one for one in notices(events_of(log, zone="UTC")))


def test_the_hour_that_comes_twice():
    line = '2025-10-26 {} INFO (MainThread) [ocpp] CP: receive message [2,"{}","Heartbeat",{{}}]\n'
    log = "".join(
        line.format(time, n) for n, time in enumerate(["02:30:00", "02:59:59", "02:00:10", "03:00:01"])
    )
    assert times(events_of(log, zone="Europe/Berlin")) == [
        "2025-10-26 00:30:00",
        "2025-10-26 00:59:59",
        "2025-10-26 01:00:10",
        "2025-10-26 02:00:01",
    ]


def test_midnight():
    line = '[{}] [msg-in] [2,"{}","Heartbeat",{{}}]\n'
    log = "Test Start Time : 31-12-2024 23:59:00\n" + "".join(
        line.format(time, n)
        for n, time in enumerate(["23:59:59:999", "00:00:00:001", "23:00:00:000", "00:00:01:000"])
    )
    assert times(events_of(log)) == [
        "2024-12-31 23:59:59.999",
        "2025-01-01 00:00:00.001",
        "2025-01-01 23:00:00",
        "2025-01-02 00:00:01",
    ]


def test_dates_of_the_csms_serve_where_there_are_none():
    log = f"03:04:04 INFO: S: {BOOT}\n03:04:05 INFO: R: {ACCEPTED}\n03:04:07 INFO: S: {DATA}\n"
    assert times(events_of(log)) == ["2025-01-02 03:04:04", "2025-01-02 03:04:05", "2025-01-02 03:04:07"]
    assert "times in the log have no date: taken from the CSMS's currentTime" in notices(events_of(log))


def undated(*times_and_texts):
    return "".join(f"{time} INFO: S: {text}\n" for time, text in times_and_texts)


def beat(n):
    return f'[2,"{n}","Heartbeat",{{}}]'


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (None, ["2025-01-01 23:59:00", "2025-01-02 00:01:00", "2025-01-02 03:04:05"]),
        ("-05:00", ["2025-01-02 04:59:00", "2025-01-02 05:01:00", "2025-01-02 08:04:05"]),
    ],
)
def test_what_came_before_midnight_is_of_the_day_before(zone, expected):
    log = undated(("23:59:00", BOOT), ("00:01:00", beat(2)), ("03:04:05", ACCEPTED))
    assert times(events_of(log, zone=zone)) == expected


def test_a_log_in_local_time_and_a_csms_that_is_a_day_behind():
    now = ACCEPTED.replace("02T03:04:05", "01T23:30:00")
    assert times(events_of(undated(("00:59:00", BOOT), ("01:30:00", now), ("01:31:00", beat(2))))) == [
        "2025-01-02 00:59:00",
        "2025-01-02 01:30:00",
        "2025-01-02 01:31:00",
    ]


def test_without_a_csms_date_times_of_messages_serve():
    old, new = (
        BOOT.replace('"M"', f'"M","timestamp":"{time}"')
        for time in ("2025-01-01T20:00:00Z", "2025-01-02T23:59:58Z")
    )
    events = events_of(
        undated(("23:58:00", beat(1)), ("23:59:59", new), ("00:00:01", old.replace("1", "3", 1)))
    )
    assert times(events) == ["2025-01-02 23:58:00", "2025-01-02 23:59:59", "2025-01-03 00:00:01"]
    assert any("taken from the latest date-time in its messages" in one for one in notices(events))


def test_where_nothing_says_the_date_what_lies_between_is_true():
    events = events_of(undated(("23:59:59.5", beat(1)), ("00:00:01", beat(2))))
    assert times(events) == ["1970-01-01 23:59:59.5", "1970-01-02 00:00:01"]
    assert any("only what lies between them is true" in one for one in notices(events))
    assert clock(next(event.time for event in events if isinstance(event, Closed))) == "1970-01-02 00:00:01"


@pytest.mark.parametrize(
    ("day", "now", "expected"),
    [
        ("Dec 31", "2025-01-01T00:00:05Z", "2024-12-31 20:00:07"),
        ("Feb 29", "2024-02-29T20:00:05Z", "2024-02-29 20:00:07"),
        ("Jan  1", "2024-12-31T23:00:05Z", "2025-01-01 20:00:07"),
    ],
)
def test_a_year_that_the_csms_says(day, now, expected):
    line = f"{day} 20:00:07 host app[1]: pu8SendBuf="
    log = f"{line}{BOOT}\n{line}{ACCEPTED.replace('2025-01-02T03:04:05Z', now)}\n".replace("=[3", " Recv=[3")
    assert times(events_of(log))[0] == expected


def test_a_year_that_nothing_says():
    line = "Dec 31 20:00:07 host app[1]: x "
    assert times(events_of(f"{line}{beat(1)}\n")) == ["1972-12-31 20:00:07"]


QT = (
    'Apr/30 20:02:13 UTC --  Send BootNotification: QJsonObject({"chargePointModel":"M","chargePointVendor":"V"})\n'
    'Apr/30 20:02:14 UTC --  Recv BootNotification: QJsonObject({"status":"Accepted"%s})\n'
)


@pytest.mark.parametrize("zone", [None, "+02:00"])
def test_times_with_a_zone_and_without_a_year(zone):
    def moments(log):
        return [clock(event.time) for event in events_of(log, zone=zone) if isinstance(event, Damaged)]

    assert moments(QT % "") == ["1972-04-30 20:02:13", "1972-04-30 20:02:14"]
    now = ',"currentTime":"2024-04-30T20:02:14Z"'
    assert moments(QT % now) == ["2024-04-30 20:02:13", "2024-04-30 20:02:14"]


def test_a_line_with_a_date_dates_those_before_it():
    log = undated(("23:59:59", beat(1))) + ha("00:00:05", "receive message", beat(2))
    assert times(events_of(log)) == ["2025-01-01 23:59:59", "2025-01-02 00:00:05"]


def test_times_do_not_wait_for_their_day_for_ever():
    many = [("10:00:00", beat(n)) for n in range(1_500)]
    log = undated(*many, ("10:00:01", BOOT)) + f"10:00:02 INFO: R: {ACCEPTED}\n" + undated(("10:00:03", DATA))
    found = times(events_of(log))
    assert found[:1_502] == [None] * 1_502
    assert found[-1] == "2025-01-02 10:00:03"
    assert times(events_of(log, 1_000)) == found


def test_the_address_of_a_station_is_no_time():
    log = f"INFO:ocpp:00:11:22:33:44:55: receive message {BOOT}\n"
    assert times(events_of(log)) == [None]


def test_a_time_with_a_zone_is_taken_as_it_is():
    log = f"DEBU[2023-05-12T13:08:40+02:00] received JSON message from C: {BOOT}\n"
    assert times(events_of(log, zone="America/New_York")) == ["2023-05-12 11:08:40"]
    assert not any("zone" in one for one in notices(events_of(log)))


# --- what is told -----------------------------------------------------------------------------------------------


def test_each_thing_assumed_is_said_once():
    events = events_of(HOME_ASSISTANT * 3)
    told = [event.detail for event in events if isinstance(event, Notice)]
    assert len(told) == len(set(told))
    assert told[0] == "test.log is read as a Home Assistant log (--dialect home-assistant)"
    assert any("does not say the OCPP version" in one for one in told)


def test_several_dialects_in_one_text():
    log = HOME_ASSISTANT + "and the charger said\n" + f"[MO] Send: {BOOT}\n[MO] Recv: {ACCEPTED}\n"
    events = events_of(log)
    assert len(notices(events, "text.dialect")) == 2
    assert arrows(events) == "><<><"


def test_every_session_ends_once():
    events = events_of("".join(log for _, log, *_ in LOGS))
    ended = [event.session.number for event in events if isinstance(event, Closed)]
    assert sorted(ended) == sorted(set(ended))
    assert set(ended) == {event.session.number for event in events if hasattr(event, "session")}


ALL_LOGS = "".join(log for _, log, *_ in LOGS) + WEBSOCKETS.replace("{whole}", "")


@given(st.integers(1, 400))
def test_no_cut_changes_what_is_read(step):
    assert script(events_of(ALL_LOGS, step)) == WHOLE


WHOLE = script(events_of(ALL_LOGS))


@given(st.data())
def test_a_text_that_was_cut_anywhere_is_read(data):
    _, log, *_ = data.draw(st.sampled_from(LOGS))
    begin = data.draw(st.integers(0, len(log) - 1))
    end = data.draw(st.integers(begin, len(log)))
    cut = log[begin:end]
    try:
        events = events_of(cut or " ")
    except InputError:
        return
    Decoder().feed(events)
