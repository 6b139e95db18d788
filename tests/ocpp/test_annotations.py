import json
from base64 import b64encode
from dataclasses import replace
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
    annotations,
    carried,
)
from ocppscope.ocpp.meanings import meanings
from ocppscope.ocpp.schemas import schema
from ocppscope.ocpp.tunnels import PLUG_AND_CHARGE
from tests.ocpp.payloads import all_schemas, payload_of
from tests.ocpp.test_certificates import certificate_of
from tests.ocpp.test_summary import JSON, nearly_right
from tests.rules.sessions import ask, messages

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
        stack = [_Field("", title, example(root, root), "", {}, {}, root, "", "", "")]
        while stack:
            for field in _children(stack.pop(), root):
                stack.append(field)
                for value in field.node.get("enum", ()):
                    field.value = value
                    yield f"{title} {field.pointer}", field, value, message(action, {}, version, kind)


def example(node, root, depth=0):
    """A payload with every field of a schema."""
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    if node.get("type") == "array":
        return [example(node["items"], root, depth + 1)]
    if "properties" in node and depth < 12:
        return {name: example(inner, root, depth + 1) for name, inner in node["properties"].items()}
    return ""


def test_every_enumeration_of_16_hasmeanings():
    silent = {
        (place, value)
        for place, field, value, within in enumerations("1.6")
        if value not in SAY_IT_THEMSELVES and not _meaning(field, within)
    }
    assert not silent


UNTOLD = frozenset(
    """APNAuthentication CertificateStatusSource Connector DERUnit Data DayOfWeek EvseKind IslandingDetection
    MessageFormat OCPPInterface OCPPTransport OCPPVersion PowerDuringCessation VPN""".split()
)
"""Types whose values say it themselves, or what only a handbook of their trade can explain."""


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_the_enumerations_of_2x_have_meanings(version):
    silent = {
        (field.type or field.name, value)
        for _, field, value, within in enumerations(version)
        if value not in SAY_IT_THEMSELVES and field.type not in UNTOLD and not _meaning(field, within)
    }
    assert not silent


FREE = (
    "Action",
    "CloseCode",
    "IdToken",
    "ReasonCode",
    "VendorErrorCode",
    "SecurityEvent",
    "ValueFormat",
    "UnitOfMeasure",
    "ChargingLimitSource",
)
"""Types that some version has as a plain string."""


def test_there_is_no_meaning_of_what_no_schema_has():
    values = {value for version in BY_SENDER for _, _, value, _ in enumerations(version)}
    strange = {name: set(of) - values for name, of in meanings().items() if name not in FREE}
    assert not {name: those for name, those in strange.items() if those}


def test_meanings_are_short():
    for text in (text for of in meanings().values() for text in of.values()):
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


def test_what_looks_like_a_certificate():
    pem = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
    found = said("content", "CertificateSigned", {"certificateChain": pem * 2})
    assert found == {"/certificateChain": "PEM, 2 certificates: cannot be read; cannot be read"}


def test_certificates_have_names_and_dates():
    found = said("content", "InstallCertificate", {"certificate": certificate_of("CS1")}, "2.0.1")
    assert found == {
        "/certificate": "PEM, 1 certificate: CS1 signed by itself, 2026-01-01 to 2027-01-01, EC secp256r1"
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("gAQ8AAAA", "EXI, 6 bytes"),
        ("AAAA", "3 bytes that do not begin as EXI does"),
        ("", "0 bytes that do not begin as EXI does"),
        ("no base64!", None),
    ],
)
def test_messages_of_iso_15118(value, text):
    payload = {
        "action": "Install",
        "exiRequest": value,
        "iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef",
    }
    assert said("content", "Get15118EVCertificate", payload, "2.0.1").get("/exiRequest") == text


SCHEDULE = {
    "chargingRateUnit": "A",
    "duration": 7200,
    "chargingSchedulePeriod": [
        {"startPeriod": 0, "limit": 16.0, "numberPhases": 1},
        {"startPeriod": 3600, "limit": 0},
    ],
}


def test_a_charging_schedule_in_one_line():
    payload = {"connectorId": 1, "csChargingProfiles": {"chargingSchedule": SCHEDULE}}
    found = said("content", "SetChargingProfile", payload)
    assert found == {"/csChargingProfiles/chargingSchedule": "0:00 16 A, 1 phase, 1:00 0 A, ends at 2:00"}
    payload = {"evseId": 1, "chargingProfile": {"chargingSchedule": [SCHEDULE]}}
    assert list(said("content", "SetChargingProfile", payload, "2.0.1")) == [
        "/chargingProfile/chargingSchedule/0"
    ]


# --- configuration keys, variables, codes -------------------------------------------------------------------


def test_configuration_keys_have_meanings_and_units():
    one = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
    payload = {
        "configurationKey": [one, {"key": "Homemade", "value": "300"}],
        "unknownKey": ["NumberOfConnectors"],
    }
    meanings_said = said("meaning", "GetConfiguration", payload, kind=CALLRESULT)
    assert meanings_said == {"/configurationKey/0/key": "silence after which the station sends a Heartbeat"}
    assert said("unit", "GetConfiguration", payload, kind=CALLRESULT) == {
        "/configurationKey/0/value": "5.0 min"
    }
    assert said("unit", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}) == {
        "/value": "5.0 min"
    }
    assert said("unit", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "soon"}) == {}
    asked = said("meaning", "GetConfiguration", {"key": ["NumberOfConnectors"]})
    assert asked == {"/key/0": "physical connectors of the station"}
    assert said("meaning", "DataTransfer", {"key": "HeartbeatInterval"}) == {}


@pytest.mark.parametrize(
    ("action", "kind", "list_of", "value"),
    [
        ("SetVariables", CALL, "setVariableData", {"attributeValue": "90"}),
        ("GetVariables", CALLRESULT, "getVariableResult", {"attributeValue": "90"}),
        ("NotifyEvent", CALL, "eventData", {"actualValue": "90"}),
        ("NotifyReport", CALL, "reportData", {"variableAttribute": [{"value": "90"}]}),
    ],
)
def test_variables_have_meanings_and_units(action, kind, list_of, value):
    component = {"name": "OCPPCommCtrlr"}
    payload = {list_of: [{"component": component, "variable": {"name": "MessageTimeout"}, **value}]}
    found = said("meaning", action, payload, "2.0.1", kind)
    assert found[f"/{list_of}/0/variable/name"] == "how long an answer is waited for"
    assert list(said("unit", action, payload, "2.0.1", kind).values()) == ["90 s"]
    assert f"/{list_of}/0/component/name" not in found


@pytest.mark.parametrize(
    ("action", "payload", "version", "pointer", "text"),
    [
        ("Reset", {"statusInfo": {"reasonCode": "TxInProgress"}}, "2.0.1", "/statusInfo/reasonCode", "a transaction"),
        ("StatusNotification", {"vendorErrorCode": "CX008"}, "1.6", "/vendorErrorCode", "ChargeX: somebody pressed"),
        ("NotifyEvent", {"eventData": [{"techCode": "CX014"}]}, "2.1", "/eventData/0/techCode", "ChargeX: fault of"),
    ],
)  # fmt: skip
def test_codes(action, payload, version, pointer, text):
    kind = CALLRESULT if action == "Reset" else CALL
    assert said("meaning", action, payload, version, kind)[pointer].startswith(text)
    assert said("meaning", "StatusNotification", {"vendorErrorCode": "E7"}) == {}


@pytest.mark.parametrize(
    ("event", "version", "ends"),
    [
        ("FirmwareUpdated", "1.6", "; critical: it has to be sent"),
        ("InvalidTLSVersion", "1.6", "; not critical: it need only be logged"),
        ("InvalidTLSVersion", "2.1", "; critical: it has to be sent"),
        ("CsmsFailedToAuthenticate", "1.6", "who it is"),
    ],
)
def test_security_events_are_critical_or_not(event, version, ends):
    assert said("meaning", "SecurityEventNotification", {"type": event}, version)["/type"].endswith(ends)


# --- inside of a DataTransfer -------------------------------------------------------------------------------


def test_json_without_a_known_vendor_is_shown_as_it_is():
    found = carried(message("DataTransfer", {"vendorId": "x", "data": '{"a": [1]}'}))
    assert (found.pointer, found.value, found.notes) == ("/data", {"a": [1]}, {})


@pytest.mark.parametrize("data", ["{", "text", "", 5, None, {"a": 1}])
def test_what_carries_no_json(data):
    assert carried(message("DataTransfer", {"vendorId": "x", "data": data})) is None
    assert carried(message("Authorize", {"data": "{}"})) is None
    assert carried(message("DataTransfer", data)) is None


def test_plug_and_charge_has_notes_of_its_own():
    inside = {"idToken": {"idToken": "DE8AA1A2B3C4D5", "type": "eMAID"}}
    payload = {"vendorId": PLUG_AND_CHARGE, "messageId": "Authorize", "data": json.dumps(inside)}
    call = message("DataTransfer", payload)
    assert said("content", "DataTransfer", payload)["/data"] == (
        "JSON: object of 1 field, Authorize of OCPP 2.0.1"
    )
    notes = carried(call).notes["/idToken/type"]
    assert notes[0].text.startswith("contract id of Plug & Charge")
    answer = message("DataTransfer", {"data": '{"idTokenInfo":{"status":"Blocked"}}'}, kind=CALLRESULT)
    assert carried(answer).notes == {}  # what it answers was not seen
    answer = replace(answer, call=call)
    assert carried(answer).notes["/idTokenInfo/status"][0].text == "the token is blocked"


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


def test_every_action_of_every_version():
    for version, kind, action, root in all_schemas():
        for full in (False, True):
            notes = annotations(message(action, payload_of(root, root, full), version, kind))
            assert all(note.text.isprintable() for of in notes.values() for note in of)


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


def test_a_signed_value_is_read_and_verified_where_it_has_its_key():
    reading = (
        '{"FV":"1.0","RD":[{"TM":"2026-11-22T10:15:00,000+0000 S","TX":"B","RV":1.5,"RU":"kWh","ST":"G"}]}'
    )
    value = f'OCMF|{reading}|{{"SD":"00"}}'
    sampled = [{"value": value, "format": "SignedData"}]
    asked = {"connectorId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": sampled}]}
    (message, _) = messages(ask("1", "MeterValues", asked))
    (note,) = [
        one for one in annotations(message)["/meterValue/0/sampledValue/0/value"] if one.kind == "content"
    ]
    assert note.text.startswith("OCMF 1.0")
    assert "1.5 kWh" in note.text
    assert "key missing" in note.text


def test_a_signed_value_of_2x_is_read_too():
    signed = {
        "signedMeterData": b64encode(b"OCMF|{|{}").decode(),
        "signingMethod": "",
        "encodingMethod": "OCMF",
        "publicKey": "",
    }
    sampled = [{"value": 1.5, "signedMeterValue": signed}]
    asked = {"evseId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": sampled}]}
    (message, _) = messages(ask("1", "MeterValues", asked), version="2.0.1")
    pointer = "/meterValue/0/sampledValue/0/signedMeterValue/signedMeterData"
    (note,) = [one for one in annotations(message)[pointer] if one.kind == "content"]
    assert "OCMF" in note.text
