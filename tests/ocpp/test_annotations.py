import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import CALL, CALLRESULT, FROM_STATION, Message, Session
from ocppscope.ocpp.actions import BY_SENDER, actions_of
from ocppscope.ocpp.annotations import (
    MAX_FIELDS,
    Note,
    _children,
    _Field,
    _meaning,
    _meanings,
    annotations,
)
from ocppscope.ocpp.schemas import schema
from tests.ocpp.test_summary import JSON, nearly_right

NOW = "2026-11-22T10:15:00Z"
TIME = 1_795_342_500_000_000_000


def message(action, payload, version="1.6", kind=CALL, time=TIME):
    return Message(Session(1, version=version), time, FROM_STATION, kind, "1", action, payload, "", 1)


def said(kind, /, *args, **options):
    """What notes of one kind say, by pointer."""
    notes = annotations(message(*args, **options))
    found = {pointer: [note.text for note in of if note.kind == kind] for pointer, of in notes.items()}
    return {pointer: texts[0] for pointer, texts in found.items() if texts}


# --- units --------------------------------------------------------------------------------------------------


def sampled(**one):
    return {"connectorId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": [one]}]}


@pytest.mark.parametrize(
    ("action", "payload", "version", "units"),
    [
        ("StartTransaction", {"meterStart": 12410}, "1.6", {"/meterStart": "12.41 kWh"}),
        ("StopTransaction", {"meterStop": -1}, "1.6", {"/meterStop": "0.00 kWh"}),
        ("StopTransaction", {"meterStop": "1000"}, "1.6", {}),
        ("GetDiagnostics", {"retryInterval": 60}, "1.6", {"/retryInterval": "60 s"}),
        ("GetCompositeSchedule", {"duration": 86400}, "1.6", {"/duration": "24.0 h"}),
        (
            "SetChargingProfile",
            {
                "x": {
                    "chargingRateUnit": "W",
                    "minChargingRate": 500,
                    "y": [{"limit": 11000.0, "startPeriod": 0}],
                }
            },
            "1.6",
            {"/x/minChargingRate": "500 W", "/x/y/0/limit": "11.0 kW", "/x/y/0/startPeriod": "0 s"},
        ),
        (
            "SetChargingProfile",
            {"chargingProfile": {"chargingSchedule": [{"chargingRateUnit": "A", "p": [{"limit_L2": 16.5}]}]}},
            "2.1",
            {"/chargingProfile/chargingSchedule/0/p/0/limit_L2": "16.5 A"},
        ),
        ("UpdateDynamicSchedule", {"scheduleUpdate": {"limit": 16}}, "2.1", {}),  # in whichever unit it had
        (
            "NotifyEVChargingNeeds",
            {"dc": {"stateOfCharge": 54, "evMaxCurrent": 200, "evMaxPower": 50000}},
            "2.0.1",
            {"/dc/stateOfCharge": "54 %", "/dc/evMaxCurrent": "200 A", "/dc/evMaxPower": "50.0 kW"},
        ),
    ],
)
def test_units(action, payload, version, units):
    assert said("unit", action, payload, version) == units


@pytest.mark.parametrize(
    ("one", "version", "text"),
    [
        ({"value": "12410"}, "1.6", "12.41 kWh, as no unit is given"),
        ({"value": "12.41", "unit": "kWh"}, "1.6", "12.41 kWh"),
        ({"value": "54", "measurand": "SoC", "unit": "Percent"}, "1.6", "54 %"),
        ({"value": "7200", "measurand": "Power.Active.Import"}, "1.6", None),
        ({"value": "0AF3", "format": "SignedData"}, "1.6", None),
        ({"value": 72, "unitOfMeasure": {"unit": "W", "multiplier": 2}}, "2.0.1", "7.2 kW"),
        ({"value": 12410, "unitOfMeasure": {}}, "2.0.1", "12.41 kWh, as no unit is given"),
        ({"value": 1, "unitOfMeasure": {"unit": "W", "multiplier": 10**9}}, "2.0.1", None),
        ({"value": 1, "unitOfMeasure": 5}, "2.0.1", None),
        ({"value": {}}, "2.0.1", None),
        ({"value": 1, "unitOfMeasure": {"unit": "\x1b[2J"}}, "2.0.1", "1 ␛[2J"),
    ],
)
def test_sampled_values(one, version, text):
    found = said("unit", "MeterValues", sampled(**one), version)
    assert found == ({} if text is None else {"/meterValue/0/sampledValue/0/value": text})


# --- meanings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload", "version", "kind", "pointer", "begins"),
    [
        ("StatusNotification", {"status": "SuspendedEV"}, "1.6", CALL, "/status", "the station offers energy"),
        ("StatusNotification", {"errorCode": "WeakSignal"}, "1.6", CALL, "/errorCode", "weak radio"),
        ("StatusNotification", {"connectorStatus": "Occupied"}, "2.1", CALL, "/connectorStatus", "in use"),
        ("BootNotification", {"status": "Pending"}, "1.6", CALLRESULT, "/status", "the CSMS wants to set"),
        ("BootNotification", {"status": "Rejected"}, "2.0.1", CALLRESULT, "/status", "the CSMS does not take"),
        ("BootNotification", {"reason": "Watchdog"}, "2.0.1", CALL, "/reason", "its watchdog"),
        ("StopTransaction", {"reason": "PowerLoss"}, "1.6", CALL, "/reason", "the power failed"),
        ("Authorize", {"idTagInfo": {"status": "Blocked"}}, "1.6", CALLRESULT, "/idTagInfo/status", "the token is"),
        ("Authorize", {"idToken": {"type": "eMAID"}}, "2.1", CALL, "/idToken/type", "contract id"),
        ("Authorize", {"idToken": {"type": "eMAID"}}, "2.0.1", CALL, "/idToken/type", "contract id"),
        ("TransactionEvent", {"triggerReason": "EVDetected"}, "2.0.1", CALL, "/triggerReason", "an EV stands"),
        ("SecurityEventNotification", {"type": "InvalidMessages"}, "1.6", CALL, "/type", "invalid messages"),
        ("SecurityEventNotification", {"type": "SettingSystemTime"}, "2.1", CALL, "/type", "its clock"),
        ("ReserveNow", {"status": "Occupied"}, "1.6", CALLRESULT, "/status", "not possible: in use"),
        ("ChangeAvailability", {"status": "Scheduled"}, "2.0.1", CALLRESULT, "/status", "agreed, to be done"),
        ("LogStatusNotification", {"status": "BadMessage"}, "1.6", CALL, "/status", "the server did not"),
        (
            "MeterValues",
            sampled(value="1"),
            "1.6",
            CALL,
            "/meterValue/0/sampledValue/0/value",
            "Energy.Active.Import.Register",
        ),
        (
            "MeterValues",
            sampled(value="1", context="Sample.Clock"),
            "1.6",
            CALL,
            "/meterValue/0/sampledValue/0/context",
            "at a time of the clock",
        ),
    ],
)  # fmt: skip
def test_meanings(action, payload, version, kind, pointer, begins):
    assert said("meaning", action, payload, version, kind)[pointer].startswith(begins)


def test_values_without_a_meaning_have_none():
    assert (
        said("meaning", "StatusNotification", {"status": "Exploded", "errorCode": 5, "info": "Faulted"}) == {}
    )


SAY_IT_THEMSELVES = frozenset(
    "Accepted Rejected SHA256 SHA384 SHA512 L1 L2 L3 A V W Wh kW kWh Percent Celsius Fahrenheit Hertz".split()
)


def enumerations(version):
    """Every field with an enumeration: the field, as the walk over a payload sees it, and its values."""
    for action, kind in product(sorted(actions_of(version)), (CALL, CALLRESULT)):
        root = schema(version, kind, action)
        if root is None:
            continue
        title = action if kind == CALL else f"{action}Response"
        stack = [_Field("", title, example(root, root), "", {}, root, "", "", "")]
        while stack:
            for field in _children(stack.pop(), root):
                stack.append(field)
                for value in field.node.get("enum", ()):
                    field.value = value
                    yield f"{title} {field.pointer}", field, value


def example(node, root, depth=0):
    """A payload with every field of a schema."""
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    if node.get("type") == "array":
        return [example(node["items"], root, depth + 1)]
    if "properties" in node and depth < 12:
        return {name: example(inner, root, depth + 1) for name, inner in node["properties"].items()}
    return ""


def test_every_enumeration_of_16_has_meanings():
    silent = {
        (place, value)
        for place, field, value in enumerations("1.6")
        if value not in SAY_IT_THEMSELVES and not _meaning(field, None)
    }
    assert not silent


FREE = ("IdToken", "SecurityEvent", "ValueFormat", "UnitOfMeasure", "ChargingLimitSource")
"""Types that some version has as a plain string."""


def test_there_is_no_meaning_of_what_no_schema_has():
    values = {value for version in BY_SENDER for _, _, value in enumerations(version)}
    strange = {name: set(of) - values for name, of in _meanings().items() if name not in FREE}
    assert not {name: those for name, those in strange.items() if those}


def test_meanings_are_short():
    for text in (text for meanings in _meanings().values() for text in meanings.values()):
        assert len(text) <= 85
        assert not text.endswith(".")


# --- constraints, times, content ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload", "version", "pointer", "text"),
    [
        ("Authorize", {"idTag": "A"}, "1.6", "/idTag", "required string, at most 20"),
        ("StartTransaction", {"timestamp": NOW}, "1.6", "/timestamp", "required date-time"),
        ("StartTransaction", {"reservationId": 1}, "1.6", "/reservationId", "optional integer"),
        ("Reset", {"type": "Hard"}, "1.6", "/type", "required string, one of 2: Hard, Soft"),
        ("Authorize", {"x/y": 1}, "1.6", "/x~1y", "not in the schema"),
        ("MeterValues", {"meterValue": []}, "1.6", "/meterValue", "required array, at least 1"),
        ("GetConfiguration", {"key": ["A"]}, "1.6", "/key/0", "string, at most 50"),
        ("StatusNotification", {"evseId": 1}, "2.1", "/evseId", "required integer, from 0"),
        (
            "Authorize",
            {"idToken": {"idToken": "A"}},
            "2.0.1",
            "/idToken/idToken",
            "required string, at most 36",
        ),
    ],
)
def test_constraints(action, payload, version, pointer, text):
    assert said("constraint", action, payload, version)[pointer] == text


def test_of_many_options_the_first_are_named():
    text = said("constraint", "StatusNotification", {"errorCode": "NoError"})["/errorCode"]
    assert text.startswith("required string, one of 16: ConnectorLockFailure, ")
    assert text.endswith(", …")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NOW, None),
        ("2026-11-22T10:15:01Z", None),
        ("2026-11-22T10:15:02.500Z", "2.5 s after the capture"),
        ("2026-11-22T08:15:00Z", "2.0 h before the capture"),
        ("yesterday", None),
        (5, None),
    ],
)
def test_times(value, text):
    assert said("time", "StartTransaction", {"timestamp": value}).get("/timestamp") == text
    assert said("time", "StartTransaction", {"timestamp": value}, time=None) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"a":1,"b":2}', "JSON: object of 2 fields"),
        (" [1]", "JSON: 1 item"),
        ("{a", None),
        ("[" * 5000, None),
        ("plain", None),
        ("", None),
        (5, None),
    ],
)
def test_json_inside_of_a_data_transfer(value, text):
    for kind in (CALL, CALLRESULT):
        assert said("content", "DataTransfer", {"data": value}, kind=kind).get("/data") == text
    assert said("content", "Authorize", {"idTag": value}) == {}


def test_certificates():
    pem = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
    found = said("content", "CertificateSigned", {"certificateChain": pem * 2})
    assert found == {"/certificateChain": "PEM: 2 certificates"}


# --- any payload --------------------------------------------------------------------------------------------


def test_the_notes_of_a_field_and_their_order():
    notes = annotations(message("BootNotification", {"interval": 300}, kind=CALLRESULT))
    assert notes == {"/interval": (Note("unit", "5.0 min"), Note("constraint", "required integer"))}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1", "1.5", None])
def test_what_has_no_fields(version):
    for payload in ({}, [], None, 5, "text"):
        assert annotations(message("Heartbeat", payload, version)) == {}
    assert annotations(message(None, {"status": "Accepted"}, version, CALLRESULT)) == {}


def test_large_payloads_are_bounded():
    assert len(annotations(message("GetConfiguration", {"key": ["A"] * 1_000_000}))) == MAX_FIELDS
    deep = json.loads('{"idTag":' * 500 + "1" + "}" * 500)
    assert annotations(message("Authorize", deep))


@given(
    st.sampled_from(sorted(actions_of("2.1") | actions_of("1.6"))),
    JSON,
    st.sampled_from(["1.6", "2.0.1", "2.1"]),
)
def test_any_payload(action, payload, version):
    for kind in (CALL, CALLRESULT):
        annotations(message(action, payload, version, kind))


@given(nearly_right(), st.sampled_from(["1.6", "2.0.1", "2.1"]), st.sampled_from([CALL, CALLRESULT]))
def test_payloads_that_are_nearly_right(given, version, kind):
    for notes in annotations(message(*given, version, kind)).values():
        assert all(note.text for note in notes)
