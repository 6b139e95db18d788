import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocppscope.events import CALL, CALLRESULT, SEND, Message
from ocppscope.ocpp.actions import BY_SENDER, actions_of
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.phrases import _HAPPENED, _REASONS_SAID, _STATES, ANSWERED, ASKED
from ocppscope.ocpp.schemas import schema, validator
from ocppscope.ocpp.summary import summary
from ocppscope.sources.inputs import SourceOptions, open_source
from tests.ocpp.payloads import all_schemas, payload_of
from tests.rules.sessions import call, messages

CAPTURES = Path(__file__).parents[2] / "captures"
NOW = "2026-11-22T10:15:00Z"


def of(line, **options):
    return summary(messages(line, **options)[-1])


def asked(action, payload, kind=CALL):
    return summary(SimpleNamespace(type=kind, action=action, payload=payload, error=None))


def answered(action, payload):
    return asked(action, payload, CALLRESULT)


# --- calls --------------------------------------------------------------------------------------------------

PROFILE = {
    "chargingProfileId": 100,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}
PERIODS = [{"startPeriod": 0, "limit": 11000}, {"startPeriod": 900, "limit": 0}, {"startPeriod": 1800}]
RATE = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
POWER = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
DEEP = {
    "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}, "instance": "a"},
    "variable": {"name": "Voltage", "instance": "L1"},
}
TOKEN = {"idToken": "04A1B2", "type": "ISO14443"}
PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"

CALLS_16 = [
    ("Authorize", {"idTag": "04A1B2"}, "idTag 04A1B2"),
    (
        "BootNotification",
        {
            "chargePointVendor": "Example",
            "chargePointModel": "Duo 22",
            "firmwareVersion": "1.2.3",
            "chargePointSerialNumber": "X1",
        },
        "Example Duo 22, firmware 1.2.3, serial X1",
    ),
    ("BootNotification", {"chargePointModel": "Duo 22"}, "Duo 22"),
    ("CancelReservation", {"reservationId": 7}, "reservation 7"),
    ("CertificateSigned", {"certificateChain": PEM * 2}, "2 certificates"),
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, "connector 1: Inoperative"),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}, "HeartbeatInterval = 300"),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "3A"}, "AuthorizationKey = (not shown)"),
    ("ClearCache", {}, "forget all tokens"),
    ("ClearChargingProfile", {}, "all profiles"),
    (
        "ClearChargingProfile",
        {"connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 2},
        "connector 1, TxProfile, stack level 2",
    ),
    ("DataTransfer", {"vendorId": "org.example", "messageId": "Ping"}, "org.example / Ping"),
    ("DataTransfer", {"vendorId": "org.example", "messageId": "M", "data": "x=1"}, "org.example / M: x=1"),
    ("DiagnosticsStatusNotification", {"status": "Uploading"}, "Uploading"),
    ("ExtendedTriggerMessage", {"requestedMessage": "Heartbeat"}, "Heartbeat"),
    ("FirmwareStatusNotification", {"status": "Downloading"}, "Downloading"),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 3600}, "connector 1, 3600 s"),
    ("GetConfiguration", {}, "all keys"),
    ("GetConfiguration", {"key": ["A", "B"]}, "A, B"),
    ("GetConfiguration", {"key": list("ABCDEFG")}, "A, B, C, D and 3 more"),
    ("GetDiagnostics", {"location": "ftp://u:secret@h/d", "startTime": NOW}, f"ftp://h/d, from {NOW}"),
    ("GetInstalledCertificateIds", {"certificateType": "ManufacturerRootCertificate"}, None),
    (
        "GetLog",
        {"logType": "SecurityLog", "requestId": 4, "log": {"remoteLocation": "https://h/l"}},
        "SecurityLog, https://h/l, request 4",
    ),
    ("Heartbeat", {}, "sign of life"),
    (
        "InstallCertificate",
        {"certificateType": "CentralSystemRootCertificate", "certificate": PEM},
        "CentralSystemRootCertificate, 1 certificate",
    ),
    ("LogStatusNotification", {"status": "Uploaded", "requestId": 4}, "Uploaded, request 4"),
    (
        "RemoteStartTransaction",
        {"idTag": "04A1B2", "connectorId": 1, "chargingProfile": PROFILE},
        "connector 1, idTag 04A1B2, TxDefaultProfile, 16 A",
    ),
    ("RemoteStopTransaction", {"transactionId": 42}, "transaction 42"),
    (
        "ReserveNow",
        {"connectorId": 1, "expiryDate": NOW, "idTag": "04A1B2", "reservationId": 7},
        f"connector 1, reservation 7, idTag 04A1B2, until {NOW}",
    ),
    ("Reset", {"type": "Hard"}, "Hard"),
    (
        "SecurityEventNotification",
        {"type": "SettingSystemTime", "timestamp": NOW, "techInfo": "+2 s"},
        "SettingSystemTime, +2 s",
    ),
    (
        "SendLocalList",
        {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [{"idTag": "A"}]},
        "Full, version 3, 1 entry",
    ),
    (
        "SendLocalList",
        {"listVersion": 3, "updateType": "Full", "localAuthorizationList": []},
        "Full, version 3, 0 entries",
    ),
    (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": PROFILE},
        "connector 1, TxDefaultProfile, 16 A",
    ),
    ("SignCertificate", {"csr": "x" * 1200}, "request of 1,200 characters"),
    (
        "StartTransaction",
        {"connectorId": 1, "idTag": "04A1B2", "meterStart": 12410, "timestamp": NOW},
        "connector 1, idTag 04A1B2, meter 12.41 kWh",
    ),
    ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}, None),
    (
        "StatusNotification",
        {"connectorId": 1, "errorCode": "HighTemperature", "status": "Faulted", "vendorErrorCode": "E7"},
        "connector 1: Faulted, HighTemperature, vendor error E7",
    ),
    (
        "StopTransaction",
        {"transactionId": 42, "meterStop": 19800, "timestamp": NOW, "reason": "EVDisconnected"},
        "transaction 42, meter 19.80 kWh, reason EVDisconnected",
    ),
    (
        "TriggerMessage",
        {"requestedMessage": "BootNotification", "connectorId": 1},
        "BootNotification, connector 1",
    ),
    ("UnlockConnector", {"connectorId": 1}, "connector 1"),
    (
        "UpdateFirmware",
        {"location": "https://h/f.bin", "retrieveDate": NOW},
        f"https://h/f.bin, from {NOW}",
    ),
]

CALLS_2X = [
    ("Authorize", {"idToken": TOKEN}, "idToken 04A1B2 (ISO14443)"),
    (
        "BootNotification",
        {"reason": "PowerUp", "chargingStation": {"vendorName": "Example", "model": "Quad"}},
        "Example Quad, PowerUp",
    ),
    (
        "ChangeAvailability",
        {"operationalStatus": "Operative", "evse": {"id": 1, "connectorId": 2}},
        "EVSE 1/2: Operative",
    ),
    ("ChangeAvailability", {"operationalStatus": "Operative"}, "Operative"),
    ("CostUpdated", {"transactionId": "T1", "totalCost": 3.5}, "transaction T1, cost 3.5"),
    ("CustomerInformation", {"requestId": 1, "report": True, "clear": False}, "request 1, report"),
    ("DataTransfer", {"vendorId": "V", "data": {"a": 1, "b": 2}}, "V: object of 2 fields"),
    ("DataTransfer", {"vendorId": "V", "data": [1]}, "V: 1 item"),
    ("GetBaseReport", {"requestId": 5, "reportBase": "FullInventory"}, "FullInventory, request 5"),
    ("GetVariables", {"getVariableData": [RATE]}, "SampledDataCtrlr.TxUpdatedInterval"),
    (
        "GetVariables",
        {"getVariableData": [DEEP | {"attributeType": "Target"}]},
        "Connector(a)[1/2].Voltage(L1) (Target)",
    ),
    ("GetVariables", {"getVariableData": [POWER] * 5}, "EVSE[1].Power, EVSE[1].Power, EVSE[1].Power and 2 more"),
    (
        "NotifyEvent",
        {"eventData": [POWER | {"trigger": "Alerting", "actualValue": "11"}], "seqNo": 0, "tbc": True},
        "EVSE[1].Power = 11 (Alerting), more follows",
    ),
    (
        "NotifyReport",
        {"requestId": 5, "seqNo": 1, "tbc": False, "reportData": [RATE] * 40},
        "request 5, part 2, 40 variables",
    ),
    ("NotifyReport", {"requestId": 5, "seqNo": 0, "tbc": True}, "request 5, part 1, more follows"),
    (
        "RequestStartTransaction",
        {"evseId": 1, "idToken": TOKEN, "remoteStartId": 9},
        "EVSE 1, idToken 04A1B2 (ISO14443), remote start 9",
    ),
    ("RequestStopTransaction", {"transactionId": "T1"}, "transaction T1"),
    ("Reset", {"type": "OnIdle", "evseId": 1}, "OnIdle, EVSE 1"),
    (
        "SetChargingProfile",
        {
            "evseId": 1,
            "chargingProfile": {
                "chargingProfilePurpose": "TxProfile",
                "recurrencyKind": "Daily",
                "transactionId": "5366aa77-61ac-4d2f-aeb3-c9c42d324bd6",
                "chargingSchedule": [{"chargingRateUnit": "W", "chargingSchedulePeriod": PERIODS}],
            },
        },
        "EVSE 1, TxProfile, Daily, transaction 5366aa77…, 3 periods, 0 W to 11.0 kW",
    ),
    (
        "SetDisplayMessage",
        {"message": {"id": 1, "priority": "InFront", "message": {"format": "UTF8", "content": "Hi"}}},
        "message 1, InFront: Hi",
    ),
    (
        "SetNetworkProfile",
        {
            "configurationSlot": 1,
            "connectionData": {
                "ocppCsmsUrl": "wss://u:p@h",
                "ocppInterface": "Wired0",
                "securityProfile": 2,
                "basicAuthPassword": "secret",
            },
        },
        "slot 1, wss://h, Wired0, security profile 2",
    ),
    (
        "SetVariableMonitoring",
        {"setMonitoringData": [POWER | {"type": "Periodic", "severity": 8, "value": 1}]},
        "EVSE[1].Power Periodic 1",
    ),
    ("SetVariables", {"setVariableData": [RATE | {"attributeValue": "60"}]}, None),
    (
        "SetVariables",
        {
            "setVariableData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "attributeValue": "secret",
                }
            ]
        },
        "SecurityCtrlr.BasicAuthPassword = (not shown)",
    ),
    ("StatusNotification", {"evseId": 1, "connectorId": 2, "connectorStatus": "Occupied"}, "EVSE 1/2: Occupied"),
    ("TriggerMessage", {"requestedMessage": "Heartbeat", "evse": {"id": 1}}, "Heartbeat, EVSE 1"),
    ("UnlockConnector", {"evseId": 1, "connectorId": 2}, "EVSE 1/2"),
]  # fmt: skip
WORDS = {  # where the line is longer than the payload
    "GetInstalledCertificateIds": "ManufacturerRootCertificate",
    "StatusNotification": "connector 1: Charging",
    "SetVariables": "SampledDataCtrlr.TxUpdatedInterval = 60",
}


@pytest.mark.parametrize(("action", "payload", "line"), CALLS_16 + CALLS_2X)
def test_calls(action, payload, line):
    assert asked(action, payload) == (WORDS[action] if line is None else line)


ANSWERS = [
    ("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": "F7"}}, "Accepted, parent F7"),
    ("Authorize", {"idTokenInfo": {"status": "Blocked"}}, "Blocked"),
    ("BootNotification", {"status": "Accepted", "currentTime": NOW, "interval": 300}, "Accepted, interval 300 s"),
    ("ChangeConfiguration", {"status": "RebootRequired"}, "RebootRequired"),
    ("ClearVariableMonitoring", {"clearMonitoringResult": [{"id": 31, "status": "NotFound"}]}, "31: NotFound"),
    ("DataTransfer", {"status": "Accepted", "data": "pong"}, "Accepted, pong"),
    (
        "GetConfiguration",
        {"configurationKey": [{"key": "A", "value": "1"}, {"key": "B"}], "unknownKey": ["C"]},
        "A = 1, B = (no value), unknown: C",
    ),
    ("GetLocalListVersion", {"listVersion": 3}, "version 3"),
    ("GetTransactionStatus", {"ongoingIndicator": True, "messagesInQueue": False}, "ongoing, no messages in its queue"),
    (
        "GetVariables",
        {"getVariableResult": [RATE | {"attributeStatus": "Accepted", "attributeValue": "60"}]},
        "SampledDataCtrlr.TxUpdatedInterval = 60",
    ),
    (
        "GetVariables",
        {"getVariableResult": [RATE | {"attributeStatus": "UnknownVariable"}]},
        "SampledDataCtrlr.TxUpdatedInterval: UnknownVariable",
    ),
    ("Heartbeat", {"currentTime": NOW}, NOW),
    ("Reset", {"status": "Rejected", "statusInfo": {"reasonCode": "InUse"}}, "Rejected, InUse"),
    (
        "SetVariableMonitoring",
        {"setMonitoringResult": [POWER | {"type": "Periodic", "severity": 8, "id": 31, "status": "Accepted"}]},
        "EVSE[1].Power Periodic: Accepted, monitor 31",
    ),
    (
        "SetVariables",
        {"setVariableResult": [RATE | {"attributeStatus": "Accepted"}]},
        "SampledDataCtrlr.TxUpdatedInterval: Accepted",
    ),
    ("StartTransaction", {"transactionId": 42, "idTagInfo": {"status": "Accepted"}}, "transaction 42, Accepted"),
    ("StatusNotification", {}, "received"),
    ("GetConfiguration", {}, "no keys"),
    ("StopTransaction", {"idTagInfo": {"status": "Expired"}}, "Expired"),
    ("TransactionEvent", {"totalCost": 3.5, "idTokenInfo": {"status": "Accepted"}}, "Accepted, cost 3.5"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "payload", "line"), ANSWERS)
def test_answers(action, payload, line):
    assert answered(action, payload) == line


def test_the_tables_name_actions_only():
    known = frozenset().union(*map(actions_of, BY_SENDER))
    assert not set(ASKED) - known
    assert not set(ANSWERED) - known


# --- meters -------------------------------------------------------------------------------------------------


def sampled(value, measurand=None, unit=None, **others):
    fields = {"value": value, "measurand": measurand, "unit": unit, **others}
    return {name: field for name, field in fields.items() if field is not None}


IMPORT, POWER_IN = "Energy.Active.Import.Register", "Power.Active.Import"
L1, L2, L3 = ({"phase": phase} for phase in ("L1", "L2", "L3"))

METERS = [
    ([sampled("12410")], "12.41 kWh"),  # measurand, unit and location have defaults
    ([sampled("12.41", IMPORT, "kWh")], "12.41 kWh"),
    (
        [
            sampled("12410", IMPORT, "Wh"),
            sampled("7.2", POWER_IN, "kW"),
            sampled("54", "SoC", "Percent", location="EV"),
        ],
        "7.2 kW, 12.41 kWh, SoC 54 %",
    ),
    ([sampled("850", POWER_IN, "W")], "850 W"),
    ([sampled("-0.2", POWER_IN, "W")], "0 W"),
    ([sampled("7200", POWER_IN), sampled("1", IMPORT)], "0.00 kWh"),  # W or kW? Who knows
    ([sampled("7200", POWER_IN, "W", phase=None), sampled("1", POWER_IN, "W", **L1)], "7.2 kW"),
    ([sampled("2400", POWER_IN, "W", phase=phase) for phase in ("L1", "L2", "L3")], "7.2 kW"),
    ([sampled("2400", POWER_IN, "W", phase=phase) for phase in ("L1-N", "L2-N", "L3-N")], "7.2 kW"),
    (
        [sampled("230.2", "Voltage", "V", phase="L1-N"), sampled("15.94", "Current.Import", "A", **L1)],
        "230 V, 15.9 A",
    ),
    ([sampled(v, "Current.Import", "A", **p) for v, p in (("16.0", L1), ("15", L2), ("0", L3))], "16 A"),
    ([sampled("3", "Current.Import", "A", phase="N"), sampled("5", "Current.Import", "A", **L1)], "5 A"),
    ([sampled("7200", POWER_IN, "W"), sampled("16", "Current.Import", "A")], "7.2 kW"),
    ([sampled("0", "Power.Active.Export", "W"), sampled("7200", POWER_IN, "W")], "7.2 kW"),
    ([sampled("5000", "Power.Active.Export", "W")], "export 5.0 kW"),
    ([sampled("310", "Energy.Active.Import.Interval", "Wh")], "interval 0.31 kWh"),
    ([sampled("99000", location="Inlet"), sampled("12410", location="Outlet")], "12.41 kWh"),
    ([sampled("99000", location="Inlet")], "99.00 kWh at Inlet"),
    ([sampled("0AF3", format="SignedData")], "signed data"),
    ([sampled("23.5", "Temperature", "Celsius")], "Temperature 23.5 Celsius"),
    ([], "no values"),
    ([sampled("0.5", IMPORT, "MWh")], "500.00 kWh"),
    ([sampled("15900", "Current.Import", "mA")], "15.9 A"),
    ([{"value": "12410", "measurand": None, "unit": None, "location": None, "phase": None}], "12.41 kWh"),
    ([sampled("0"), sampled("12410")], "12.41 kWh"),
    ([sampled("1", context="Transaction.Begin"), sampled("2000", context="Transaction.End")], "2.00 kWh"),
    ([sampled("3", "Current.Import", "A", phase="N")], "Current.Import 3 A"),  # that says nothing of the others
    ([sampled("400", "Voltage", "V", phase="L1-L2"), sampled("1")], "0.00 kWh"),
    # 2.x
    ([sampled(12.41, unitOfMeasure={"unit": "kWh"})], "12.41 kWh"),
    ([sampled(1241, IMPORT, unitOfMeasure={"multiplier": 1})], "12.41 kWh"),
    ([sampled(72, POWER_IN, unitOfMeasure={"unit": "W", "multiplier": 2})], "7.2 kW"),
    ([sampled(235, "Temperature", unitOfMeasure={"unit": "Celsius", "multiplier": -1})], "Temperature 23.5 Celsius"),
    ([sampled(5, "Current.Import.Offered", unitOfMeasure={"unit": "A"})], "Current.Import.Offered 5 A"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "said"), METERS)
def test_meter_values(values, said):
    moment = {"timestamp": NOW, "sampledValue": values}
    assert asked("MeterValues", {"connectorId": 1, "meterValue": [moment]}) == f"connector 1: {said}"
    assert asked("MeterValues", {"evseId": 1, "meterValue": [moment]}) == f"EVSE 1: {said}"


def test_the_last_of_several_meter_values():
    moments = [
        {"timestamp": time, "sampledValue": [sampled(value)]}
        for time, value in (("2026-11-22T10:14:00Z", "1000"), (NOW, "2000"))
    ]
    line = asked("MeterValues", {"connectorId": 1, "meterValue": moments})
    assert line == "connector 1: 2.00 kWh (last of 2)"
    payload = {"eventType": "Updated", "triggerReason": "MeterValuePeriodic", "meterValue": moments}
    line = asked("TransactionEvent", payload)
    assert line == "Updated: 2.00 kWh (last of 2)"


def test_phases_in_elements_of_their_own_are_one_moment():
    moments = [
        {"timestamp": time, "sampledValue": [sampled(value, POWER_IN, "W", phase=phase)]}
        for time, value in (("2026-11-22T10:14:00Z", "1000"), (NOW, "2400"))
        for phase in ("L1", "L2", "L3")
    ]
    line = asked("MeterValues", {"connectorId": 1, "meterValue": moments[3:]})
    assert line == "connector 1: 7.2 kW"
    line = asked("MeterValues", {"connectorId": 1, "meterValue": moments})
    assert line == "connector 1: 7.2 kW (last of 2)"


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "", "x", None, True, [], {}, "9" * 500])
def test_what_is_no_number_gets_the_generic_line(value):
    moment = {"timestamp": NOW, "sampledValue": [{"value": value}]}
    line = asked("MeterValues", {"connectorId": 1, "meterValue": [moment]})
    assert line.startswith(f"connectorId 1, timestamp {NOW}, value ") or value in ([], {})


TX = {"transactionId": "5366aa77-61ac-4d2f-aeb3-c9c42d324bd6"}
WATTS = [sampled(7200, POWER_IN, unitOfMeasure={"unit": "W"})]
METER = [{"timestamp": NOW, "sampledValue": [*WATTS, sampled(12410, unitOfMeasure={"unit": "Wh"})]}]
AT = {"id": 1, "connectorId": 1}

HAPPENED = [
    (
        "Started", "CablePluggedIn",
        {"transactionInfo": TX | {"chargingState": "Charging"}, "evse": AT, "meterValue": METER, "offline": True},
        "Started, EVSE 1/1: EV plugged in, charging, 7.2 kW, 12.41 kWh, offline, transaction 5366aa77…",
    ),
    (
        "Started", "CablePluggedIn",
        {"transactionInfo": TX | {"chargingState": "EVConnected"}, "evse": {"id": 2}, "idToken": TOKEN},
        "Started, EVSE 2: EV plugged in, authorized by 04A1B2, EV connected, transaction 5366aa77…",
    ),
    (
        "Started", "Authorized",
        {"transactionInfo": TX, "evse": AT, "idToken": TOKEN},
        "Started, EVSE 1/1: authorized by 04A1B2, transaction 5366aa77…",
    ),
    (
        "Updated", "Authorized",
        {"transactionInfo": TX, "idToken": {"idToken": "", "type": "NoAuthorization"}},
        "Updated: authorized by anybody, transaction 5366aa77…",
    ),
    (
        "Updated", "Authorized",
        {"transactionInfo": TX, "idToken": {"idToken": "9f6b2a4e-0000-4d2f-aeb3-c9c42d324bd6", "type": "Central"}},
        "Updated: authorized by 9f6b2a4e…, transaction 5366aa77…",
    ),
    (
        "Started", "RemoteStart",
        {"transactionInfo": TX | {"remoteStartId": 9}, "evse": AT, "idToken": TOKEN},
        "Started, EVSE 1/1: started by the CSMS for 04A1B2, transaction 5366aa77…",
    ),
    (
        "Updated", "ChargingStateChanged",
        {"transactionInfo": TX | {"chargingState": "SuspendedEV"}},
        "Updated: suspended by the EV, transaction 5366aa77…",
    ),
    (
        "Updated", "MeterValuePeriodic",
        {"transactionInfo": TX | {"chargingState": "Charging"}, "meterValue": METER},
        "Updated: charging, 7.2 kW, 12.41 kWh, transaction 5366aa77…",
    ),
    (
        "Ended", "RemoteStop",
        {"transactionInfo": {"transactionId": "T1", "stoppedReason": "Remote"}},
        "Ended: stopped by the CSMS, transaction T1",
    ),
    (
        "Ended", "StopAuthorized",
        {"transactionInfo": {"transactionId": "T1", "stoppedReason": "Local"}, "idToken": TOKEN},
        "Ended: stop authorized by 04A1B2, transaction T1",
    ),
    (
        "Ended", "EVCommunicationLost",
        {"transactionInfo": {"transactionId": "T1", "chargingState": "Idle", "stoppedReason": "EVDisconnected"}},
        "Ended: EV lost, no EV, transaction T1",
    ),
    (
        "Ended", "AbnormalCondition",
        {"transactionInfo": {"transactionId": "T1", "stoppedReason": "GroundFault"}},
        "Ended: something is wrong, reason GroundFault, transaction T1",
    ),
    (
        "Updated", "RunningCost",
        {
            "transactionInfo": {"transactionId": "T1", "tariffId": "day"},
            "costDetails": {
                "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 3, "inclTax": 3.57}}
            },
        },
        "Updated: running cost, cost 3.57 EUR, tariff day, transaction T1",
    ),
    ("Updated", "SomethingNew", {"transactionInfo": {"transactionId": "T1"}}, "Updated: SomethingNew, transaction T1"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "trigger", "fields", "line"), HAPPENED)
def test_a_transaction_event_is_told_as_what_happened(kind, trigger, fields, line):
    payload = {"eventType": kind, "timestamp": NOW, "triggerReason": trigger, "seqNo": 0, **fields}
    assert asked("TransactionEvent", payload) == line


def test_every_trigger_and_state_has_words():
    root = schema("2.1", CALL, "TransactionEvent")["definitions"]
    assert set(_HAPPENED) >= set(root["TriggerReasonEnumType"]["enum"])
    assert set(_STATES) == set(root["ChargingStateEnumType"]["enum"])
    reasons = set(root["ReasonEnumType"]["enum"])
    assert not {reason for _, reason in _REASONS_SAID} - reasons


# --- reasons, costs, tunnels --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "info", "line"),
    [
        ("Reset", {"reasonCode": "TxInProgress"}, "Rejected, TxInProgress (a transaction is running)"),
        (
            "UnlockConnector",
            {"reasonCode": "FixedCable", "additionalInfo": "see label"},
            "Rejected, FixedCable (the cable is fixed to the station), see label",
        ),
        ("ClearCache", {"reasonCode": "Homemade", "additionalInfo": ""}, "Rejected, Homemade"),
        ("RequestStartTransaction", {"reasonCode": "TxStarted"}, None),
        ("GetLog", {"reasonCode": "Unspecified"}, "Rejected, Unspecified (no reason is given)"),
    ],
)
def test_reason_codes_are_explained(action, info, line):
    said = answered(action, {"status": "Rejected", "statusInfo": info})
    assert said == (line or "Rejected, TxStarted (a transaction has started already)")


def test_of_one_of_several_outcomes_the_code_is_told():
    one = RATE | {"attributeStatus": "Rejected", "attributeStatusInfo": {"reasonCode": "ReadOnly"}}
    line = answered("SetVariables", {"setVariableResult": [one]})
    assert line == "SampledDataCtrlr.TxUpdatedInterval: Rejected (ReadOnly)"


EXI = "gAQ8" * 100
TARIFF = {
    "tariffId": "day",
    "currency": "EUR",
    "energy": {"prices": [{"priceKwh": 0.45}, {"priceKwh": 0.35}]},
    "fixedFee": {"prices": [{"priceFixed": 1}]},
}


@pytest.mark.parametrize(
    ("action", "payload", "line"),
    [
        (
            "Get15118EVCertificate",
            {"action": "Install", "exiRequest": EXI, "iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef"},
            "Install, EXI of 300 bytes, ISO 15118-2",
        ),
        ("SetDefaultTariff", {"evseId": 0, "tariff": TARIFF}, "EVSE 0, tariff day, 0.45 EUR/kWh, …, 1 EUR fixed"),
        ("ClearTariffs", {}, "all tariffs"),
        ("ClearDERControl", {"isDefault": True, "controlType": "VoltVar"}, "defaults, VoltVar"),
        ("NotifyDERStartStop", {"controlId": "c", "started": False, "timestamp": NOW}, "control c stopped"),
        ("UsePriorityCharging", {"transactionId": "T1", "activate": False}, "transaction T1: off"),
        ("ReportDERControl", {"requestId": 3, "curve": [{}, {}], "gradient": [{}]}, "request 3, 3 controls"),
        ("UpdateDynamicSchedule", {"chargingProfileId": 4, "scheduleUpdate": {"limit": 16}}, "profile 4, limit 16"),
    ],
)  # fmt: skip
def test_calls_of_2x_that_carry_something(action, payload, line):
    assert asked(action, payload) == line


@pytest.mark.parametrize(
    ("action", "payload", "line"),
    [
        ("Get15118EVCertificate", {"status": "Accepted", "exiResponse": EXI}, "Accepted, EXI of 300 bytes"),
        (
            "GetTariffs",
            {
                "status": "Accepted",
                "tariffAssignments": [{"tariffId": "day", "tariffKind": "DefaultTariff", "evseIds": [1]}],
            },
            "Accepted, day (DefaultTariff, EVSE 1)",
        ),
        (
            "ClearTariffs",
            {"clearTariffsResult": [{"tariffId": "day", "status": "Accepted"}, {"status": "NoTariff"}]},
            "day: Accepted, NoTariff",
        ),
        (
            "GetCertificateChainStatus",
            {
                "certificateStatus": [
                    {"certificateHashData": {"serialNumber": "0A"}, "source": "OCSP", "status": "Good"}
                ]
            },
            "0A: Good (OCSP)",
        ),
    ],
)
def test_answers_of_2x_that_carry_something(action, payload, line):
    assert answered(action, payload) == line


def tunnel(message_id, carried, vendor="org.openchargealliance.iso15118pnc"):
    return asked("DataTransfer", {"vendorId": vendor, "messageId": message_id, "data": json.dumps(carried)})


@pytest.mark.parametrize(
    ("message_id", "carried", "line"),
    [
        (
            "Authorize",
            {"idToken": {"idToken": "DE8AA1A2B3C4D5", "type": "eMAID"}, "certificate": PEM * 3},
            "Plug & Charge, Authorize: idToken DE8AA1A2B3C4D5 (eMAID), 3 certificates",
        ),
        ("Authorize", {"idToken": "DE8AA1A2B3C4D5"}, "Plug & Charge, Authorize: idToken DE8AA1A2B3C4D5"),
        (
            "Get15118EVCertificate",
            {"action": "Update", "exiRequest": EXI, "iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef"},
            "Plug & Charge, Get15118EVCertificate: Update, EXI of 300 bytes, ISO 15118-2",
        ),
        ("SignCertificate", {"csr": "x" * 100}, "Plug & Charge, SignCertificate: request of 100 characters"),
        ("Homemade", {"a": 1}, "Plug & Charge, Homemade: object of 1 field"),
        ("Authorize", {"idToken": 5}, "Plug & Charge, Authorize: object of 1 field"),
        ("DataTransfer", {"vendorId": "a"}, "Plug & Charge, DataTransfer: object of 1 field"),
    ],
)
def test_plug_and_charge_in_16(message_id, carried, line):
    assert tunnel(message_id, carried) == line


def test_costs_in_16():
    vendor = "org.openchargealliance.costmsg"
    running = {"transactionId": 42, "cost": 3.5, "state": "Charging", "meterValue": 12410}
    line = tunnel("RunningCost", running, vendor)
    assert line == "cost, RunningCost: transaction 42, cost 3.5, Charging, meter 12.41 kWh"
    line = tunnel("FinalCost", {"transactionId": 42, "cost": 3.5, "priceText": "Thank you"}, vendor)
    assert line == "cost, FinalCost: transaction 42, cost 3.5, Thank you"


@pytest.mark.parametrize(
    ("carried", "line"),
    [
        (
            {"status": "Accepted", "exiResponse": EXI},
            "Accepted; Get15118EVCertificate: Accepted, EXI of 300 bytes",
        ),
        ({"idTokenInfo": {"status": "Blocked"}}, "Accepted; Authorize: Blocked"),
        ({"status": "Rejected"}, "Accepted: Rejected"),
        ({"a": 1}, "Accepted: object of 1 field"),
    ],
)
def test_answers_in_a_tunnel(carried, line):
    assert answered("DataTransfer", {"status": "Accepted", "data": json.dumps(carried)}) == line


@pytest.mark.parametrize(
    "data", ["{", "[1]", "text", "", "{" * 5_000, '{"a":"' + "x" * 100_000 + '"}', 5, None]
)
def test_a_tunnel_that_carries_nothing_readable(data):
    payload = {"vendorId": "org.openchargealliance.iso15118pnc", "messageId": "Authorize", "data": data}
    assert asked("DataTransfer", payload).startswith("org.openchargealliance.iso15118pnc / Authorize")


# --- every action -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("version", "kind", "action", "root"),
    [pytest.param(*one, id=f"{one[0]} {one[1]} {one[2]}") for one in all_schemas()],
)
def test_every_action_of_every_version(version, kind, action, root, full):
    payload = payload_of(root, root, full)
    checker = validator(version, kind, action)
    assert checker.is_valid(payload), [error.message for error in checker.iter_errors(payload)]
    line = asked(action, payload, kind)
    check(line)
    assert line.strip()
    phrases = ANSWERED if kind == CALLRESULT else ASKED
    if action in phrases and payload:
        phrases[action](payload)  # a phrase takes what the schema allows


BROKE = "InternalError: the receiver failed while it worked on the message"
SELDOM = "OccurenceConstraintViolation: a field is there too often, or too seldom"


@pytest.mark.parametrize("action", [None, 5, [], {}, "Foo"])
def test_an_empty_payload_of_what_is_no_action(action):
    assert asked(action, {}) == ""
    assert answered(action, {}) == ("received" if action == "Foo" else "")


# --- the generic line ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        ({}, ""),
        ({"idTag": "A"}, "idTag A"),
        ({"connectorId": 1, "status": "Available"}, "Available, connectorId 1"),
        (
            {"eventType": "Started", "seqNo": 0, "transactionInfo": {"transactionId": "T"}},
            "Started, seqNo 0, transactionId T",
        ),
        ({"list": [1, 2]}, "list 2 items"),
        ({"list": [1]}, "list 1 item"),
        ({"list": []}, "list 0 items"),
        ({"list": [{"a": 1, "b": 2}]}, "a 1, b 2"),
        ({"a": None, "b": True}, "a null, b true"),
        ({"a": {}}, ""),
        ({"status": {"deep": 1}}, "deep 1"),
    ],
)
def test_unknown_actions(payload, line):
    assert of("> " + call("1", "Foo", payload)) == line


@pytest.mark.parametrize(
    ("action", "payload", "line"),
    [
        ("StatusNotification", {"connectorId": {}, "status": "Faulted"}, "Faulted"),
        ("StartTransaction", {"meterStart": "many"}, "meterStart many"),
        ("GetVariables", {"getVariableData": {}}, ""),
        ("Reset", {"kind": "Hard"}, "kind Hard"),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, "connectorId 1, meterValue 0 items"),
    ],
)
def test_a_payload_of_another_shape_gets_the_generic_line(action, payload, line):
    assert asked(action, payload) == line


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            '< [4,"1","InternalError","it broke",{}]',
            "InternalError: it broke (the receiver failed while it worked on the message)",
        ),
        ('< [4,"1","InternalError","",{}]', BROKE),
        ('< [4,"1","InternalError",null,null]', BROKE),
        ('< [4,"1","OccurenceConstraintViolation","",{}]', SELDOM),
        ('< [4,"1","HomemadeError","",{}]', "HomemadeError"),
        ('< [4,"1",null]', "None"),
        ('< [4,"1",5,["a"],{}]', "5: ['a']"),
        ('< [3,"1",null]', ""),
        ('< [3,"1","text"]', "text"),
        ('< [3,"1",[1,2]]', "[1, 2]"),
    ],
)
def test_others(line, text):
    assert of(line) == text


# --- any payload --------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
GOOD = {}
for action, payload, _ in CALLS_16 + CALLS_2X + ANSWERS:
    GOOD.setdefault(action, []).append(payload)


@st.composite
def nearly_right(draw):
    """A good payload in which something has another type."""
    action = draw(st.sampled_from(sorted(GOOD)))
    payload = json.loads(json.dumps(draw(st.sampled_from(GOOD[action]))))
    node = payload
    while isinstance(node, dict | list) and node:
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if draw(st.booleans()) or not isinstance(node[key], dict | list):
            node[key] = draw(JSON)
            break
        node = node[key]
    return action, payload


def check(line):
    assert isinstance(line, str)
    assert len(line) <= 100
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in line)


@given(
    st.sampled_from(sorted(set(ASKED) | set(ANSWERED) | {"Foo"})),
    JSON,
    st.sampled_from([CALL, CALLRESULT, SEND]),
)
@example(
    "MeterValues",
    {
        "connectorId": 1,
        "meterValue": [{"sampledValue": [{"value": 1, "unitOfMeasure": {"multiplier": 10**9}}]}],
    },
    CALL,
)
@example("Reset", {"type": "\x1b[2J\u202e"}, CALL)
def test_any_payload(action, payload, kind):  # fmt: skip
    check(asked(action, payload, kind))


@given(nearly_right(), st.sampled_from([CALL, CALLRESULT]))
def test_payloads_that_are_nearly_right(given, kind):
    check(asked(*given, kind))


@pytest.mark.parametrize(
    "payload",
    [
        {"a": "x" * 10_000},
        {f"key{n}": n for n in range(1_000)},
        {"x" * 5_000: 1},
        {"status": "x" * 500},
        {"a": {f"k{n}": "x" * 50 for n in range(20)}},
    ],
)
def test_at_most_about_a_hundred_characters(payload):
    line = of("> " + call("1", "Foo", payload))
    assert len(line) <= 100
    assert line.endswith("…")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_deep_payloads(opening, closing):
    depth = 500 // len(closing)
    deep = opening * depth + "1" + closing * depth
    assert isinstance(of(f'> [2,"1","Foo",{{"deep":{deep}}}]'), str)
    assert isinstance(of(f'> [3,"1",{deep}]'), str)


def test_wide_and_deep_payloads():
    node = {"leaf": 1}
    for _ in range(8):
        node = dict.fromkeys("abcd", node)
    assert len(asked("Foo", node)) <= 100


# --- real messages ------------------------------------------------------------------------------------------


def lines_of(capture):
    decoder = Decoder()
    batches = open_source([str(CAPTURES / capture)], SourceOptions()).batches()
    found = [one for batch in batches for one in decoder.feed(batch) if isinstance(one, Message)]
    return {f"{one.action} {one.type}: {summary(one)}" for one in found}


@pytest.mark.parametrize(
    ("capture", "lines"),
    [
        (
            "clean-1.6.pcap",
            {
                "BootNotification 2: Example Duo 22, firmware 1.6.4, serial EX-22-004711",
                "GetConfiguration 3: NumberOfConnectors = 1, MeterValueSampleInterval = 60",
                "MeterValues 2: connector 1: 11.0 kW, 482.31 kWh",
                "SetChargingProfile 2: connector 0, TxDefaultProfile, 16 A",
                "StartTransaction 3: transaction 90417, Accepted",
                "StopTransaction 2: transaction 90417, meter 482.32 kWh, reason Local, idTag 04A1B2C3D4E5F6",
            },
        ),
        (
            "clean-2.0.1-deflate.pcap",
            {
                "NotifyReport 2: request 7001, part 1, 1 variable, more follows",
                "SetVariables 2: SampledDataCtrlr.TxUpdatedInterval = 1",
                "StatusNotification 2: EVSE 1/1: Available",
                "Authorize 2: idToken 04A1B2C3D4E5F6 (ISO14443)",
            },
        ),
        (
            "send-2.1.pcap",
            {
                "NotifyPeriodicEventStream 6: stream 4, 2 values",
                "OpenPeriodicEventStream 2: stream 4, monitor 31, every 1 s",
            },
        ),
    ],
)
def test_captures(capture, lines):
    assert not lines - lines_of(capture)
