"""One log for each dialect, in the manner of the catalogue of what is seen in the wild."""
# ruff: noqa: E501 - lines are as long as logs have them

import json
from pathlib import Path

import pytest

from ocppscope.events import Closed, Opened, Session
from ocppscope.sources.text.dialect import all_dialects
from tests.sources.text import arrows, clock, damage, events_of, notices, script, source_of, texts

BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
ACCEPTED = '[3,"1",{"currentTime":"2025-01-02T03:04:05Z","interval":300,"status":"Accepted"}]'
RESET = '[2,"abc","Reset",{"type":"Soft"}]'
DONE = '[3,"abc",{"status":"Accepted"}]'
DATA = '[2,"d","DataTransfer",{"vendorId":"x"}]'

HOME_ASSISTANT = f"""
2025-12-23 13:09:46.061 WARNING (SyncWorker_0) [homeassistant.loader] We found a custom integration ocpp
2025-12-23 13:09:59.759 INFO (MainThread) [ocpp] 00:80:F4:43:0B:34: receive message {BOOT}
2025-12-23 13:09:59.764 INFO (MainThread) [ocpp] 00:80:F4:43:0B:34: send {ACCEPTED}
2025-12-23 13:10:00.000 INFO (MainThread) [ocpp] 00:80:F4:43:0B:34: send {DATA}
"""
OLD_HOME_ASSISTANT = f"""
2021-06-17 14:12:04 INFO (MainThread) [ocpp] : receive message {BOOT}
2021-06-17 14:12:04 INFO (MainThread) [ocpp] : send {ACCEPTED}
"""
PYTHON = f"INFO:ocpp:CP_1: receive message {BOOT}\nINFO:ocpp:CP_1: send {ACCEPTED}\nDEBUG:ocpp:CP_1: send message {DATA}\n"
PYTHON_TIMED = f"2026-02-24 07:15:04 [INFO] ocpp: Actec: receive message {BOOT}\n2026-02-24 07:15:04 [INFO] ocpp: Actec: send {ACCEPTED}\n"
PYTHON_NAMED = f"2026-02-24 07:15:04,100 - ocpp - INFO - CP_1: receive message {BOOT}\n2026-02-24 07:15:04,200 - ocpp - INFO - CP_1: send {ACCEPTED}\n"
OPENWB = f"""
2026-06-06 21:15:04,273 - {{ocpp:456}} - {{INFO:OCPP Client}} - 45215306: send {BOOT}
2026-06-06 21:15:04,300 - {{ocpp:293}} - {{INFO:OCPP Client}} - 45215306: receive message {ACCEPTED}
2026-06-06 21:15:05,000 - {{ocpp:456}} - {{INFO:OCPP Client}} - 45215306: send {DATA}
"""
EVCC = f"""
[ocpp  ] TRACE 2026/07/23 10:21:46 recv TACW****: {BOOT}
[ocpp  ] TRACE 2026/07/23 10:21:46 send TACW****: {ACCEPTED}
[ocpp  ] TRACE 2026/07/23 10:21:47 send TACW****: {DATA}
"""
EVCC_2024 = EVCC.replace("send", "sent").replace("[ocpp  ]", "[ocpp ]")
EVCC_2023 = f"""
[ocpp  ] TRACE 2023/07/23 10:21:46 received JSON message from X: {BOOT}
[ocpp  ] TRACE 2023/07/23 10:21:46 handling incoming CALL [1, BootNotification] from X
[ocpp  ] TRACE 2023/07/23 10:21:46 sent JSON message to X: {ACCEPTED}
[ocpp  ] TRACE 2023/07/23 10:21:46 sent CALL RESULT [1] for X
"""
STEVE = f"""
[INFO ] 2019-04-14 16:22:23,564 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger - [chargeBoxId=X, sessionId=Y] Received: {BOOT}
[INFO ] 2019-04-14 16:22:23,600 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger (qtp1330912871-30) - [chargeBoxId=X, sessionId=Y] Sending: {ACCEPTED}
"""
OCPP_GO = f"""
INFO[2023-05-12T13:08:40+02:00] dispatched request 2986398606 for Charger1   logger=ocppj
DEBU[2023-05-12T13:08:40+02:00] received JSON message from Charger1: {BOOT} logger=ocppj
DEBU[2023-05-12T13:08:41+02:00] sent JSON message to Charger1: {ACCEPTED}   logger=ocppj
"""
OCPP_GO_TEXT = (
    'time="2023-05-12T13:08:40+02:00" level=debug msg="received JSON message from Charger1: '
    + BOOT.replace('"', '\\"')
    + '" logger=ocppj\n'
)
EVEREST = """
2023-12-07T04:03:32.400Z: SYS> Connecting
2023-12-07T04:03:32.455Z: ChargePoint>CentralSystem BootNotification
[
  2,
  "1",
  "BootNotification",
  {
    "chargePointModel": "M",
    "chargePointVendor": "V"
  }
]

2023-12-07T04:03:32.500Z: CentralSystem>ChargePoint  BootNotificationResponse
[
  3,
  "1",
  {
    "status": "Accepted"
  }
]

"""
EVEREST_HTML = """<html><body><table>
<tr class="ChargePoint"> <td>2023-12-07T04:03:32.455Z</td> <td>ChargePoint&gt;CentralSystem</td> <td><b>BootNotification</b></td><td><b></b></td> <td><pre lang="json">[
  2,
  "1",
  "BootNotification",
  {
    "chargePointModel": "a &lt; b & c",
    "chargePointVendor": "V"
  }
]</pre></td> </tr>
<tr class="CentralSystem"> <td>2023-12-07T04:03:32.500Z</td> <td></td> <td>CentralSystem&gt;ChargePoint</td><td><b></b></td> <td><pre lang="json">[
  3,
  "1",
  {}
]</pre></td>
"""
EVEREST_CONSOLE = f"""
2025-09-10 19:19:56.292048 [INFO] ocpp:OCPP201     :: \033[1;35mChargePoint: {BOOT}\033[1;0m
2025-09-10 19:19:56.300000 [INFO] ocpp:OCPP201     :: \033[1;36mCentralSystem: {ACCEPTED}\033[1;0m
"""
OCTT = f"""Test Case Name : TC_K_41_CS
Test Start Time : 21-08-2024 23:59:58
System Under Test (SUT) : CS
OCPP Version : OCPP 2.0.1
-----------------
[23:59:59:755] [started_testcase]  K_SmartCharging_CS
[23:59:59:763] [msg-out]  {RESET}
[00:00:00:001] [msg-in]  {DONE}
"""
OCTT_DATED = f"""[2024-05-17T09:20:43:732] [msg-in] {BOOT}
[2024-05-17T09:20:43:800] [msg-out] {ACCEPTED}
"""
MICRO_OCPP = f"[MO] Send: {BOOT}\n[MO] Recv: WS pong\n[MO] Recv: {ACCEPTED}\n[MO] Send: {DATA}\n"
ALFEN = """
2023-12-31T14:53:18.082Z:COM:ocpp_rpc.c:681:-> [2,"1","BootNotification",{"charg
2023-12-31T14:53:18.082Z:COM:ocpp_rpc.c:681:ePointVendor":"V","chargePointModel"
2023-12-31T14:53:18.082Z:COM:ocpp_rpc.c:681::"M"}]
2023-12-31T14:53:18.382Z:COM:ocpp_rpc.c:681:<- [3,"1",{"status":"Accepted"}]
"""
CITRINE = (
    "2025-11-17 14:59:32.862\tDEBUG\t/a/File.js:211\tCitrineOS Logger:WebsocketNetworkConnection\t"
    "On upgrade request GET /ocpp/CP_7 {\n  host: 'x',\n}\n"
    f"2025-11-17 14:59:33.000\tDEBUG\t/a/File.js:215\tCitrineOS Logger:Router\tReceived message {BOOT}\n"
)
JAVA = (
    f"09:55:59.134 [main] TRACE eu.chargetime.ocpp.JSONCommunicator - Receive a message: {BOOT}\n"
    f"09:56:00.134 [main] TRACE eu.chargetime.ocpp.JSONCommunicator - Send a message: {ACCEPTED}\n"
)
SPRING = (
    "2024-01-09 09:55:59.134  INFO 13700 --- [https-jsse-nio-5000-exec-8] k.d.ecos.ocpp.service.MessageLogService"
    f"  : Charger=SIG00000101, Message={BOOT}\n"
)
SAP = (
    f"debug: 4/28/2024, 9:56:31 PM CS-S-00001 | >> Command 'BootNotification' sent request payload: {BOOT}\n"
    "debug: 4/28/2024, 9:56:32 PM CS-S-00001 | << Command 'BootNotification' received response payload: "
    '{"status":"Accepted"}\n'
)
MONTA = '[09:12:13.123] [main] - [INFO] - [Emulator] - a1 - [2,\n  "1",\n  "BootNotification",\n  {}\n]\n'
SOLIDSTUDIO = f"""2023-03-27 13:09:17 info: Connecting... | {{
  chargePointId: 'vcp_16_test',
  ocppVersion: 'OCPP_1.6',
}}
2023-03-27 13:09:17 info: Sending message ➡️  {BOOT}
2023-03-27 13:09:17 info: Receive message ⬅️  {ACCEPTED}
2023-03-27 13:09:17 info: Receive message ⬅️  {RESET}
2023-03-27 13:09:18 info: Responding with ➡️  {DONE}
"""
SHIV3 = f"[2026-06-01T11:18:38.409Z] [INFO] [WebSocket] Sent: {BOOT}\n[2026-06-01T11:18:38.500Z] [INFO] [WebSocket] Received: {ACCEPTED}\n"
SHIV3_LINES = (
    "npm start\n"
    + "\n".join(
        json.dumps(
            {
                "timestamp": f"2026-06-01T11:18:38.{at}Z",
                "level": "INFO",
                "type": "WebSocket",
                "message": said,
                "cpId": "CP1",
            }
        )
        for at, said in (
            (409, f"Sent: {BOOT}"),
            (500, f"Received: {ACCEPTED}"),
            (600, 'Received: {"isTrusted":true}'),
        )
    )
    + "\n"
)
PROXY = (
    f"[09:35:55,576] [client->target] {BOOT}\n[09:35:55,600] [target->client] {ACCEPTED}\n"
    f"[09:35:56,000] [proxy->client-CONFIG] {DATA}\n"
)
ARROWS = f"2017-02-10 00:04:07 \tRENOV_0003 -> SERVER : {BOOT}\n2017-02-10 00:04:08 \tSERVER -> RENOV_0003 : {ACCEPTED}\n"
OCPP_CS = """
[2022/06/13 23:48:48] [CP-A0000001] [77] [StatusNotification] [Call] {"connectorId":1}

[2022/06/13 23:48:48] [CP-A0000001] [77] [StatusNotification] [Call] {"connectorId":1}
"""
CTEK = f"10:19:49 INFO: S: {BOOT}\n10:19:50 INFO: R: {ACCEPTED}\n"
OPEN_OCPP = f"[CP9] - TX : {BOOT}\n[CP9] - RX : {ACCEPTED}\n"
KEVIT = f"2026-03-26 00:00:00 - [TXT][CP9] : MESSAGE : {BOOT}\n"
SENSORSIOT = (
    "\x1b[92mReceived CALL 'StatusNotification' for Wallbox001. Payload: {'connectorId': 1}\x1b[0m\n"
    '\x1b[92mRAW >> [3, "3845397005", {}]\x1b[0m\n'
)
DELTA = (
    "Jan  2 20:00:07.328 OpenWrt local7.info OpenWrt[2596]: [Info][OCPP16J] send pu8SendBuf="
    f"{BOOT}\nJan  2 20:00:08.328 OpenWrt local7.info OpenWrt[2596]: [Info][OCPP16J] got pu8RecvBuf={ACCEPTED}\n"
    f"Jan  2 20:00:09.328 OpenWrt local7.info OpenWrt[2596]: [Info][OCPP16J] send pu8SendBuf={DATA}\n"
)
QT = 'Apr/30 20:02:13 UTC --  Recv BootNotification: QJsonObject({"status":"Accepted"})\n'
ABB = '>>"StatusNotification", {"connectorId":1}<<\n'

LOGS = [
    ("home-assistant", HOME_ASSISTANT, "><<", "00:80:F4:43:0B:34", "2025-12-23 13:09:59.759"),
    ("home-assistant", OLD_HOME_ASSISTANT, "><", None, "2021-06-17 14:12:04"),
    ("python-ocpp", PYTHON, "><<", "CP_1", None),
    ("python-ocpp", PYTHON_TIMED, "><", "Actec", "2026-02-24 07:15:04"),
    ("python-ocpp", PYTHON_NAMED, "><", "CP_1", "2026-02-24 07:15:04.1"),
    ("openwb", OPENWB, "><>", "45215306", "2026-06-06 21:15:04.273"),
    ("evcc", EVCC, "><<", "TACW****", "2026-07-23 10:21:46"),
    ("evcc", EVCC_2024, "><<", "TACW****", "2026-07-23 10:21:46"),
    ("evcc", EVCC_2023, "><", "X", "2023-07-23 10:21:46"),
    ("steve", STEVE, "><", "X", "2019-04-14 16:22:23.564"),
    ("ocpp-go", OCPP_GO, "><", "Charger1", "2023-05-12 11:08:40"),
    ("ocpp-go", OCPP_GO_TEXT, ">", "Charger1", "2023-05-12 11:08:40"),
    ("everest", EVEREST, "><", None, "2023-12-07 04:03:32.455"),
    ("everest-html", EVEREST_HTML, "><", None, "2023-12-07 04:03:32.455"),
    ("everest-console", EVEREST_CONSOLE, "><", None, "2025-09-10 19:19:56.292048"),
    ("octt", OCTT, "<>", None, "2024-08-21 23:59:59.763"),
    ("octt", OCTT_DATED, "><", None, "2024-05-17 09:20:43.732"),
    ("micro-ocpp", MICRO_OCPP, "><>", None, None),
    ("alfen", ALFEN, "><", None, "2023-12-31 14:53:18.082"),
    ("citrineos", CITRINE, ">", "CP_7", "2025-11-17 14:59:33"),
    ("java-ocpp", JAVA, "><", None, "2025-01-02 09:55:59.134"),
    ("spring", SPRING, ">", "SIG00000101", "2024-01-09 09:55:59.134"),
    ("sap-simulator", SAP, ">", "CS-S-00001", "2024-04-28 21:56:31"),
    ("monta", MONTA, ">", None, "1970-01-01 09:12:13.123"),
    ("solidstudio", SOLIDSTUDIO, "><<>", "vcp_16_test", "2023-03-27 13:09:17"),
    ("shiv3", SHIV3, "><", None, "2026-06-01 11:18:38.409"),
    ("shiv3", SHIV3_LINES, "><", "CP1", "2026-06-01 11:18:38.409"),
    ("proxy", PROXY, "><<", None, "2025-01-02 09:35:55.576"),
    ("arrow-to-server", ARROWS, "><", "RENOV_0003", "2017-02-10 00:04:07"),
    ("ocpp-cs", OCPP_CS, ">", "CP-A0000001", "2022-06-13 23:48:48"),
    ("ctek", CTEK, "><", None, "2025-01-02 10:19:49"),
    ("open-ocpp", OPEN_OCPP, "><", "CP9", None),
    ("kevit", KEVIT, ">", "CP9", "2026-03-26 00:00:00"),
    ("sensorsiot", SENSORSIOT, "<", "Wallbox001", None),
    ("delta", DELTA, "><>", None, "2025-01-02 20:00:07.328"),
    ("unknown", f"{BOOT}\n...\n{ACCEPTED},1969.6,0\n", "><", None, None),
]


@pytest.mark.parametrize(("name", "log", "ways", "station", "time"), LOGS)
def test_a_dialect(name, log, ways, station, time):
    source = source_of(log)
    events = [event for batch in source.batches() for event in batch]
    found = [row for row in script(events) if row[0] == "text"]
    assert next(iter(source.dialects)) == name
    assert (arrows(events), found[0][2], found[0][3]) == (ways, station, time)


@pytest.mark.parametrize(("name", "log", "ways", "station", "time"), LOGS)
def test_a_dialect_that_is_named_is_the_same(name, log, ways, station, time):
    if name not in ("unknown", "arrow-to-server"):
        assert arrows(events_of(log, dialect=name)) == ways


def test_intact_messages_are_as_the_log_has_them():
    for log in (HOME_ASSISTANT, EVCC, STEVE, SOLIDSTUDIO, CTEK, OCPP_GO, OCPP_GO_TEXT, EVEREST_CONSOLE):
        assert texts(events_of(log))[0] == BOOT
    assert texts(events_of(EVEREST))[1] == '[\n  3,\n  "1",\n  {\n    "status": "Accepted"\n  }\n]'
    assert '"a < b & c"' in texts(events_of(EVEREST_HTML))[0]
    assert texts(events_of(ALFEN))[0] == BOOT
    assert texts(events_of(OCPP_CS)) == ['[2,"77","StatusNotification",{"connectorId":1}]']


def test_versions():
    assert session_of(OCTT).version == "2.0.1"
    assert session_of(SOLIDSTUDIO).version == "1.6"
    assert session_of(EVCC).version is None


def session_of(log) -> Session:
    return next(event.session for event in events_of(log) if hasattr(event, "session"))


# --- what has no array --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "way", "station"),
    [(SAP, "<", "CS-S-00001"), (SENSORSIOT, ">", "Wallbox001"), (QT, "<", None), (ABB, None, None)],
)
def test_messages_without_an_id_are_shown_as_damaged(log, way, station):
    (event,) = damage(events_of(log))
    assert "the log does not show its message id" in event.reason
    assert event.session.station == station
    assert {None: None, ">": "cp-to-csms", "<": "csms-to-cp"}[way] == event.direction


MONTA_PAYLOADS = """\
[09:12:13.123] [main] - [INFO] - [Emulator] - a1 - [1] {
  "connectorId" : 1,
  "status" : "Available"
}
[09:12:14.123] [main] - [INFO] - [Emulator] - a1 - [1] { "currentTime" : "2025-01-02T03:04:05Z" }
[09:12:15.123] [main] - [INFO] - [Emulator] -  - [1] {
  "cut" : [ 1,
[09:12:16.123] [main] - [INFO] - [Emulator] - a1 - [2,
  "1",
  "Heartbeat",
  {}
]
"""


@pytest.mark.parametrize("step", [1, 40, None])
def test_payloads_without_a_message_over_several_lines(step):
    events = events_of(MONTA_PAYLOADS, step)
    whole, short, cut = damage(events)
    assert json.loads(whole.raw) == {"connectorId": 1, "status": "Available"}
    assert json.loads(short.raw) == {"currentTime": "2025-01-02T03:04:05Z"}
    assert cut.raw == '{\n  "cut" : [ 1,'
    assert all("the log does not show its message id" in event.reason for event in (whole, short, cut))
    assert [event.direction for event in (whole, short)] == [None, None]
    assert texts(events) == ['[2,\n  "1",\n  "Heartbeat",\n  {}\n]']


def test_a_log_of_connections_alone_is_known_too():
    line = "2025-11-17 14:59:32.862\tDEBUG\t/p.js:211\tCitrineOS Logger:W\tOn upgrade request GET /CP_7 {\n"
    assert any("--dialect citrineos" in one for one in notices(events_of(line), "text.dialect"))


# --- sessions -----------------------------------------------------------------------------------------------

STEVE_LINE = (
    "[INFO ] 2019-04-14 16:22:{:02},000 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger - "
    "[chargeBoxId={}, sessionId={}] {}\n"
)


def test_steve_shows_connections():
    log = "".join(
        STEVE_LINE.format(*row)
        for row in [
            (1, "A", "s1", "New connection is established"),
            (2, "A", "s1", f"Received: {BOOT}"),
            (3, "B", "s2", f"Received: {BOOT}"),
            (4, "A", "s1", "Connection is closed, status: CloseStatus[code=1006, reason=gone away]"),
            (5, "A", "s3", f"Received: {BOOT}"),
            (6, "A", "s4", f"Received: {BOOT.replace('1', '2')}"),
        ]
    )
    events = events_of(log)
    assert [(row[0], row[2]) for row in script(events)][:2] == [("opened", "A"), ("text", "A")]
    closed = [event for event in events if isinstance(event, Closed)]
    assert (closed[0].code, closed[0].reason, closed[0].how) == (1006, "gone away", "close")
    numbers = [event.session.number for event in events if type(event).__name__ == "Text"]
    assert numbers == [1, 2, 3, 4]
    assert len(closed) == 4
    unsaid = events_of(log.replace("gone away", "null"))
    assert next(event.reason for event in unsaid if isinstance(event, Closed)) is None


WEBSOCKETS = """\
2024-11-02 19:58:31.390 DEBUG (MainThread) [websockets.server] < GET /pulsar HTTP/1.1
2024-11-02 19:58:31.391 DEBUG (MainThread) [websockets.server] < Sec-WebSocket-Protocol: ocpp1.6
2024-11-02 19:58:31.392 DEBUG (MainThread) [websockets.server] > HTTP/1.1 101 Switching Protocols
2024-11-02 19:58:31.393 DEBUG (MainThread) [websockets.server] > Sec-WebSocket-Protocol: ocpp1.6
2024-11-02 19:58:31.394 DEBUG (MainThread) [websockets.server] = connection is OPEN
2024-11-02 19:58:31.395 DEBUG (MainThread) [websockets.server] < TEXT '[2,"40ec","BootNotif...Model":"M"}]' [98 bytes]
{whole}2024-11-02 19:58:31.400 DEBUG (MainThread) [websockets.server] > TEXT '[3,"40ec",{}]' [13 bytes]
2024-11-02 19:58:31.500 DEBUG (MainThread) [websockets.server] > PING '' [0 bytes]
2024-11-02 19:58:31.501 DEBUG (MainThread) [websockets.server] < PONG '' [0 bytes]
2024-11-02 19:58:32.000 DEBUG (MainThread) [websockets.server] > CLOSE 1001 (going away) bye [5 bytes]
2024-11-02 19:58:32.001 DEBUG (MainThread) [websockets.server] = connection is CLOSED
"""


def test_websockets_shows_handshakes_pings_and_closes():
    events = events_of(WEBSOCKETS.replace("{whole}", ""))
    assert [row[:2] + row[4:] for row in script(events)] == [
        ("opened", "", "/pulsar"),
        ("gap", ">", None),
        ("text", "<", '[3,"40ec",{}]'),
        ("control", "<", "ping"),
        ("control", ">", "pong"),
        ("closed", "", "close"),
    ]
    opened = next(event for event in events if isinstance(event, Opened))
    assert isinstance(opened, Opened)
    assert (opened.subprotocols, opened.subprotocol, opened.status) == (("ocpp1.6",), "ocpp1.6", 101)
    assert opened.session.version == "1.6"
    assert clock(opened.time) == "2024-11-02 19:58:31.394"
    (closed,) = [event for event in events if isinstance(event, Closed)]
    assert (closed.by, closed.code, closed.reason) == ("csms", 1001, "bye")
    assert next(event.size for event in events if type(event).__name__ == "Gap") == 98
    assert "1 message left out" in notices(events, "text.elided")[0]


def test_what_websockets_leaves_out_another_logger_may_have():
    whole = (
        "2024-11-02 19:58:31.396 INFO (MainThread) [ocpp] pulsar: receive message "
        '[2,"40ec","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]\n'
        '2024-11-02 19:58:31.399 INFO (MainThread) [ocpp] pulsar: send [3,"40ec",{}]\n'
    )
    events = events_of(WEBSOCKETS.replace("{whole}", whole))
    assert [row[0] for row in script(events)] == ["opened", "text", "text", "control", "control", "closed"]
    assert {event.session.number for event in events if hasattr(event, "session")} == {1}


# --- logs of other projects -----------------------------------------------------------------------------------

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "logs"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize(
    ("name", "dialect", "messages", "station", "first", "version"),
    [
        ("home-assistant.log", "home-assistant", 218, None, "2025-12-23 13:09:59.759", None),
        ("octt-tc-k-41.log", "octt", 24, None, "2024-08-21 12:24:30.763", "2.0.1"),
        ("solidstudio-vcp.log", "solidstudio", 12, "vcp_16_test", "2023-03-27 13:09:17", "1.6"),
        ("home-assistant-debugging.md", "websockets", 5, "pulsar", "2022-03-16 16:35:40", "1.6"),
    ],
)
def test_the_corpus(name, dialect, messages, station, first, version):
    source = source_of((CORPUS / name).read_bytes(), 1 << 15)
    events = [event for batch in source.batches() for event in batch]
    found = [row for row in script(events) if row[0] == "text"]
    assert source.dialects == {dialect: messages}
    assert len(found) == messages
    assert {row[2] for row in found} == {station}
    assert found[0][3] == first
    assert not damage(events)
    sent = arrows(events)
    if dialect != "websockets":
        assert sent.count(">") == sent.count("<") == messages // 2
    assert {event.session.version for event in events if hasattr(event, "session")} == {version}


def test_every_dialect_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "logs.md").read_text()
    assert [name for name in all_dialects() if f"`{name}`" not in page] == []
