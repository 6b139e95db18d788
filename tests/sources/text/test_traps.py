"""What the catalogue of log formats warns of, dialect by dialect, as far as no other test has it."""
# ruff: noqa: E501 - lines are as long as logs have them

import json

import pytest

from ocppscope.events import Message
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import InputError
from tests.sources.text import arrows, damage, events_of, notices, script, source_of, texts
from tests.sources.text.test_dialects import ACCEPTED, BOOT, DATA, DONE, EVEREST_HTML, OCTT, RESET

HA = "2025-12-23 13:09:{:02}.000 {} (MainThread) [{}] {}\n"


def times(events):
    return [row[3] for row in script(events) if row[0] == "text"]


# --- Home Assistant -----------------------------------------------------------------------------------------


def test_a_charger_that_sends_pretty_json():
    pretty = json.dumps(json.loads(BOOT), indent=4)
    log = HA.format(1, "INFO", "ocpp", f"CP: receive message {pretty}") + HA.format(
        2, "INFO", "ocpp", f"CP: send {ACCEPTED}"
    )
    assert texts(events_of(log)) == [pretty, ACCEPTED]
    assert texts(events_of(log.replace("\n", "\r\n"))) == [pretty.replace("\n", "\r\n"), ACCEPTED]


def test_dicts_of_python_beside_the_messages_are_none():
    log = (
        HA.format(1, "DEBUG", "custom_components.ocpp", "{'connector_id': 1, 'x': [2, 'a', {'b': [3, 'c']}]}")
        + HA.format(1, "INFO", "ocpp", f"CP: receive message {BOOT}")
        + HA.format(1, "DEBUG", "custom_components.ocpp", "ChargePoint(values=[2, 3, 4], id='1')")
    )
    assert texts(events_of(log)) == [BOOT]


def test_ids_that_were_made_unrecognisable():
    hidden = [text.replace('"1"', '"REDACTEDSERIAL"') for text in (BOOT, ACCEPTED)]
    clear = RESET.replace("abc", "REDACTEDSERIAL")
    log = "".join(
        HA.format(at, "INFO", "ocpp", f"CP: {words} {text}")
        for at, (words, text) in enumerate(
            [
                ("receive message", hidden[0]),
                ("send", hidden[1]),
                ("send", clear),
                ("receive message", DONE.replace("abc", "REDACTEDSERIAL")),
            ]
        )
    )
    events = events_of(log)
    assert arrows(events) == "><<>"
    answers = [one for one in Decoder().feed(events_of(log)) if isinstance(one, Message) and one.call]
    assert [one.action for one in answers] == ["BootNotification", "Reset"]


# --- Python's ocpp ------------------------------------------------------------------------------------------


def test_lines_of_structlog_beside_those_of_logging():
    said = json.dumps(
        {"event": f"CP_1: send {ACCEPTED}", "level": "info", "timestamp": "2026-02-24T07:15:05Z"}
    )
    log = f"2026-02-24 07:15:04 [INFO] ocpp: CP_1: receive message {BOOT}\n{said}\n"
    assert texts(events_of(log)) == [BOOT, ACCEPTED]
    assert arrows(events_of(log)) == "><"
    assert times(events_of(log)) == ["2026-02-24 07:15:04", "2026-02-24 07:15:05"]


def test_a_repr_in_the_place_of_json():
    log = f"INFO:ocpp:CP_1: receive message {json.loads(BOOT)!r}\n"
    assert texts(events_of(log)) == [BOOT]


# --- SteVe --------------------------------------------------------------------------------------------------

STEVE = "[INFO ] 2019-04-14 16:22:{:02},000 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger - [chargeBoxId={}, sessionId={}] {}\n"


def test_a_spreadsheet_between():
    status = '[2,"1","StatusNotification",{"connectorId": 1,"errorCode":"NoError","status":"Available"}]'
    line = STEVE.format(1, "X", "s", f"Received: {status}").rstrip()
    (event,) = damage(events_of(line.replace(",", "\t").replace(" ", "\t") + f"\n{line}\n"))
    assert event.raw.startswith('[2\t"1"\t"StatusNotification"\t{"connectorId":\t1')
    assert (event.offset, event.layer) == (3, "json")


def test_error_details_that_are_a_text():
    error = '[4,"1","InternalError","sorry","de.rwth.Exception: x"]'
    log = STEVE.format(1, "X", "s", f"Received: {BOOT}") + STEVE.format(2, "X", "s", f"Sending: {error}")
    assert texts(events_of(log)) == [BOOT, error]
    assert arrows(events_of(log)) == "><"


def test_the_charge_box_counts_where_the_session_is_that_of_another():
    log = STEVE.format(1, "A", "s1", f"Received: {BOOT}") + STEVE.format(2, "B", "s1", f"Received: {BOOT}")
    assert [row[2] for row in script(events_of(log)) if row[0] == "text"] == ["A", "B"]


def test_what_was_never_sent_is_no_message():
    log = STEVE.format(1, "X", "s", f"Received: {BOOT}") + STEVE.format(
        2, "X", "s", f"Attempted to send to closed session: {RESET}"
    )
    events = events_of(log)
    assert texts(events) == [BOOT]
    assert notices(events, "text.unsent") == ["1 message left out that the log says could not be sent"]


# --- EVerest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Unknown", "", "CallError"])
def test_an_error_of_which_the_type_is_not_known(name):
    error = '[\n  4,\n  "1",\n  "InternalError",\n  "",\n  {}\n]'
    log = (
        f"2023-12-07T04:03:32.455Z: ChargePoint>CentralSystem BootNotification\n{BOOT}\n\n"
        f"2023-12-07T04:03:32.500Z: CentralSystem>ChargePoint  {name}\n{error}\n\n"
    )
    assert texts(events_of(log)) == [BOOT, error]
    assert arrows(events_of(log)) == "><"


def test_html_that_was_appended_to():
    first, second = EVEREST_HTML.replace("</table>", ""), EVEREST_HTML.replace('"1"', '"2"')
    log = f"{first}</table></body></html>\n{second}"
    assert arrows(events_of(log)) == "><><"


def test_the_console_in_a_journal_and_lines_without_a_message():
    line = "2026-05-21T15:17:02.094042+0200 host manager[3935]: [INFO] ocpp:OCPP201     :: {}\n"
    log = line.format(f"\x1b[1;35mChargePoint: {BOOT}\x1b[1;0m") + line.format(
        "CentralSystem: BootNotificationResponse"
    )
    assert texts(events_of(log)) == [BOOT]
    assert times(events_of(log)) == ["2026-05-21 13:17:02.094042"]


# --- test tools and firmwares -------------------------------------------------------------------------------


def test_a_header_in_local_time_over_lines_in_utc():
    log = f"Test Start Time : 17-05-2024 11:20:43\n[2024-05-17T09:20:43:732] [msg-in] {BOOT}\n"
    assert times(events_of(log)) == ["2024-05-17 09:20:43.732"]


def test_a_tool_that_tests_a_csms():
    log = (
        OCTT.replace("(SUT) : CS", "(SUT) : CSMS")
        .replace("msg-out", "x")
        .replace("msg-in", "msg-out")
        .replace("x]", "msg-in]")
    )
    assert arrows(events_of(log)) == "<>"


@pytest.mark.parametrize("name", ["MO", "AO", "OCPP"])
def test_the_names_of_micro_ocpp(name):
    log = f"11:52:55.587 > [{name}] Send: {BOOT}\n11:52:55.987 > [{name}] Recv: {ACCEPTED}\n"
    source = source_of(log)
    events = [event for batch in source.batches() for event in batch]
    assert source.dialects == {"micro-ocpp": 2}
    assert (arrows(events), times(events)[0]) == ("><", "2025-01-02 11:52:55.587")


def test_a_serial_monitor_that_lost_a_line_end():
    log = f"11:52:55.587 > [MO] Send: {BOOT}11:52:55.987 > [MO] Recv: {ACCEPTED}\n"
    assert texts(events_of(log)) == [BOOT, ACCEPTED]
    assert arrows(events_of(log)) == "><"
    assert times(events_of(log)) == ["2025-01-02 11:52:55.587", "2025-01-02 11:52:55.987"]


def test_markdown_within_values_and_nine_digits():
    text = '[2,"1","Heartbeat",{"a":"**x**","timestamp":"2025-01-02T03:04:05.123456789Z"}]'
    assert texts(events_of(f"**[MO] Send: {text}**\n")) == [text]


def test_a_charger_that_starts_anew_within_its_log():
    log = f"10:19:49 INFO: S: {BOOT}\n10:19:50 INFO: R: {ACCEPTED}\n-- restart\n10:05:00 INFO: S: {BOOT}\n"
    assert arrows(events_of(log)) == "><>"
    assert times(events_of(log))[-1] == "2025-01-02 10:05:00"


def test_fragments_of_a_syslog():
    line = "Jul 18 20:00:07.328 OpenWrt local7.info OpenWrt[2596]: [Info][OCPP16J] send pu8SendBuf="
    events = events_of(f"{line}{BOOT[:40]}\n{line}{DATA}\n")
    assert [event.raw for event in damage(events)] == [BOOT[:40]]
    assert texts(events) == [DATA]


# --- others -------------------------------------------------------------------------------------------------


def test_a_proxy_that_answers_itself():
    log = f"[09:35:55,576] [IMMEDIATE-BOOT] [client->proxy] {BOOT}\n[09:35:55,600] [proxy->client-BOOT] {ACCEPTED}\n"
    assert arrows(events_of(log)) == "><"


def test_what_a_proxy_logs_on_both_its_sides_is_one():
    log = f"[09:35:55,576] [client->proxy] {BOOT}\n[09:35:55,580] [proxy->target] {BOOT}\n"
    assert texts(events_of(log)) == [BOOT]


def test_objects_printed_beside_the_messages():
    log = (
        "OcppMessage{time=1483308284000, stationId=SERVER, requestType=null, messageType=3, id=1148}\n"
        f"2017-02-10 00:04:07 \tRENOV_0003 -> SERVER : {BOOT}\n"
    )
    assert texts(events_of(log)) == [BOOT]


def test_errors_of_the_sap_simulator():
    log = (
        "error: 4/28/2024, 9:56:31\u202fPM CS-S-00001 | Request command 'StatusNotification' error: x {\"a\":1}\n"
        f"debug: 4/28/2024, 9:56:31\u202fPM CS-S-00001 | >> Command 'BootNotification' sent request payload: {BOOT}\n"
    )
    assert times(events_of(log)) == ["2024-04-28 21:56:31"]


def test_what_was_made_unreadable_is_said_to_be_no_message():
    log = "2025-01-02 03:04:05 < TEXT 'q\\x17\\x02KZ[[' [98 bytes]\n2025-01-02 03:04:06 > TEXT 'mQ==' [4 bytes]\n"
    with pytest.raises(InputError, match="holds no OCPP message"):
        events_of(log)
