"""What stays as it was, what the user may decide, and that rules find the same."""

import base64
import json
import re

import pytest

from ocppscope import rules as _all_rules  # noqa: F401
from ocppscope.events import CALL, CALLRESULT, SEND, Closed, Message, Notice, Opened
from ocppscope.ocpp.actions import actions_of
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.paths import FieldPath
from ocppscope.ocpp.schemas import schema
from ocppscope.redaction import Options, Redactor, compare, spellings, table
from ocppscope.rules.engine import Engine
from tests.end_to_end.test_captures import FOLDER
from tests.redaction import Story, capture, decoded, redacted, shown

CAPTURES = sorted(FOLDER.glob("*.pcap*"))
VERSIONS = {"1.6": ("1.6",), "2.x": ("2.0.1", "2.1"), "2.1": ("2.1",)}


def raws(events):
    return [event.raw for event in events if isinstance(event, Message)]


def payloads(events):
    return [event.payload for event in events if isinstance(event, Message)]


# --- the table ---


def paths(node, root, seen=()) -> "set[FieldPath]":
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return set() if name in seen else paths(root["definitions"][name], root, (*seen, name))
    below = dict(node.get("properties", {}).items())
    if isinstance(node.get("items"), dict):
        below["*"] = node["items"]
    return {()} | {(name, *path) for name, one in below.items() for path in paths(one, root, seen)}


@pytest.mark.parametrize("section", VERSIONS)
def test_each_place_is_in_a_schema(section):
    for place in table.places_of(section):
        action, *path = place.split("/")
        kinds = (CALLRESULT,) if action.endswith(".answer") else (CALL, SEND)
        named = action.removesuffix(".answer")
        found = [schema(version, kind, named) for version in VERSIONS[section] for kind in kinds]
        assert any(tuple(path) in paths(one, one) for one in found if one), place


def test_secret_names_of_the_schemas_are_those_that_were_looked_at():
    names = set()
    for version in ("1.6", "2.0.1", "2.1"):
        for action in actions_of(version):
            for kind in (CALL, CALLRESULT, SEND):
                found = schema(version, kind, action)
                names |= {part for path in paths(found, found) for part in path} if found else set()
    assert {name for name in names if table.field_kind(name) == table.SECRET} == {
        "apnPassword", "basicAuthPassword", "exiRequest", "exiResponse", "password", "pspRef", "signedMeterData",
        "simPin",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", "AuthorizationKey wifi_password SimPIN apiKey HMACSecret PSK user.token".split()
)
def test_names_of_secrets(name):
    assert table.setting_kind(name) == table.SECRET


@pytest.mark.parametrize(
    "name", "HeartbeatInterval WebSocketPingInterval GetConfigurationMaxKeys Spinning".split()
)
def test_names_that_only_look_like_it(name):
    assert table.setting_kind(name) in (None, table.PLAIN)


# --- findings ---


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_rules_find_the_same(path):
    before, after, redactor, decoder = Engine(), Engine(), Redactor(Options(seed="x")), Decoder()
    batches = list(capture(path))
    for batch in batches:
        before.feed(batch)
        redactor.learn(batch)
    redactor.seal()
    for batch in batches:
        redacted_batch = decoder.feed(redactor.redact(batch))
        assert [getattr(one, "n", 0) for one in redacted_batch] == [getattr(one, "n", 0) for one in batch]
        after.feed(redacted_batch)
    proof = compare(before.findings, after.findings, redactor.summary.rules)
    assert proof.holds
    assert not proof.differing or path.name == "signed-values.pcap"
    station = next((e.session.station for b in batches for e in b if getattr(e, "session", None)), None)
    assert not station or station not in shown(
        [one for batch in batches for one in decoder.feed(redactor.redact(batch))]
    )


def test_rules_that_judge_what_was_removed_are_named():
    events = decoded(Story(Authorization="Basic Q1AtQS0wMDE6c2VjcmV0").events)
    events[0] = type(events[0])(**{name: getattr(events[0], name) for name in events[0].__slots__} | {
        "auth": "Basic CP-A-001"})  # fmt: skip
    redactor = Redactor(Options(seed="x"))
    redactor.learn(events)
    redactor.seal()
    (opened,) = redactor.redact(events)
    assert {"WS-006", "WS-007"} <= set(redactor.summary.rules)
    assert b"authorization" not in opened.request.lower()
    assert opened.auth == f"Basic {opened.path.rpartition('/')[2]}"


@pytest.mark.parametrize("key", ["00112233445566778899aabbccddeeff", "too short"])
def test_rules_that_judge_a_secret_are_named(key):
    story = Story().say([2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": key}], "<")
    events = decoded(story.events)
    redactor = Redactor(Options(seed="x"))
    redactor.learn(events)
    redactor.seal()
    before, after = Engine(), Engine()
    before.feed(events)
    after.feed(Decoder().feed(redactor.redact(events)))
    assert compare(before.findings, after.findings, redactor.summary.rules).holds
    assert "AUTH-014" in redactor.summary.rules
    assert "WS-006" not in redactor.summary.rules


def test_nothing_judges_secrets_where_there_are_none():
    redactor = Redactor(Options(seed="x"))
    redactor.learn(decoded(Story().say([2, "1", "Heartbeat", {}]).events))
    redactor.seal()
    assert not redactor.summary.rules


OCMF = (
    'OCMF|{"FV":"1.0","GS":"SERIALSERIAL77","MS":"METERMETER55","ID":"04AA11BB22","RD":[{"RV":1.5}]}'
    '|{"SA":"ECDSA-secp256r1-SHA256","SD":"3045022100aabbccdd"}'
)


@pytest.mark.parametrize("spelt", [OCMF, OCMF.encode().hex(), base64.b64encode(OCMF.encode()).decode()])
@pytest.mark.parametrize("place", ["1.6", "data", "error"])
def test_signed_meter_data_are_removed_wherever_they_stand(spelt, place):
    story = Story()
    if place == "1.6":
        sample = {"format": "SignedData", "value": spelt, "context": "Transaction.End"}
        payload = {
            "connectorId": 1,
            "meterValue": [{"timestamp": "2025-01-01T00:00:00Z", "sampledValue": [sample]}],
        }
        story.say([2, "1", "MeterValues", payload])
    elif place == "data":
        story.say([2, "1", "DataTransfer", {"vendorId": "x", "data": json.dumps({"end": spelt})}])
    else:
        story.say([4, "1", "InternalError", f"it is {spelt} in the end", {}])
    text = shown(redacted(story.events))
    inner = [text, *spellings.inner_texts(text)]
    for planted in ("SERIALSERIAL77", "METERMETER55", "04AA11BB22", "aabbccdd"):
        assert not any(planted.lower() in one.lower() for one in inner)


@pytest.mark.parametrize(
    ("login", "stars"),
    [("joe:pw123456", "********"), ("al:x1", "**"), ("admin:admin", "*****"), ("bob:", "")],
)
@pytest.mark.parametrize("where", [{"location": "%s"}, {"data": json.dumps({"note": "see %s, please"})}])
def test_logins_of_urls_are_replaced_however_short(login, stars, where):
    ((field, value),) = where.items()
    url = f"ftp://{login}@files.acme.example/up"
    story = Story().say([2, "1", "GetDiagnostics", {field: value % url}], "<")
    (event,) = [one for one in redacted(story.events) if isinstance(one, Message)]
    found = re.search(r"ftp://([^:]*):([^@]*)@", event.raw)
    assert found is not None
    user, _, _ = login.partition(":")
    assert found[2] == stars
    assert found[1] != user
    assert len(found[1]) == len(user)


def test_a_finding_that_differs_fails_the_proof():
    engine = Engine()
    engine.feed(decoded(Story().say([4, "1", "Foo", "", {}], "<").events))
    proof = compare(engine.findings, [])
    assert not proof.holds
    assert proof.differing == sorted({one.rule.id for one in engine.findings})
    assert compare(engine.findings, [], proof.differing).holds


# --- what stays ---


def test_numbers_times_energy_and_errors_stay():
    story = Story().ask("StartTransaction", {"connectorId": 1, "idTag": "48231012", "meterStart": 48231012,
                                             "timestamp": "2024-01-01T00:00:00Z"})  # fmt: skip
    values = {"connectorId": 1, "meterValue": [{"timestamp": "2024-01-01T00:00:00Z",
                                                "sampledValue": [{"value": "48231012", "unit": "Wh"}]}]}  # fmt: skip
    story.ask("MeterValues", values).say([4, "77", "NotSupported", "is not there", {}])
    before, after = decoded(story.events), redacted(story.events)
    assert payloads(after)[2] == values
    assert payloads(after)[0]["meterStart"] == 48231012
    assert payloads(after)[0]["idTag"] != "48231012"
    assert raws(before)[-1] == raws(after)[-1]


def test_booleans_and_words_of_the_standard_stay():
    story = Story().ask("Authorize", {"idTag": "Accepted"}, {"idTagInfo": {"status": "Accepted"}})
    story.ask("ChangeConfiguration", {"key": "TokenRequired", "value": "true"}, side="<")
    events = redacted(story.events)
    assert payloads(events)[0]["idTag"] != "Accepted"
    assert payloads(events)[1] == {"idTagInfo": {"status": "Accepted"}}
    assert payloads(events)[2]["value"] == "true"


def test_one_value_has_one_pseudonym_wherever_it_stands():
    story = Story(path="/ocpp/ACME%2D77").ask("BootNotification", {"chargePointSerialNumber": "ACME-77"})
    story.ask("DataTransfer", {"data": json.dumps({"of": "ACME-77"})})
    opened, boot, _, data, _ = redacted(story.events)
    name = boot.payload["chargePointSerialNumber"]
    assert name != "ACME-77"
    assert opened.session.station == name
    assert json.loads(data.payload["data"]) == {"of": name}


def test_session_addresses_are_replaced_and_loopback_stays():
    session = redacted(Story(client="203.0.113.77:50000").events)[0].session
    assert re.fullmatch(r"\d{3}\.\d\.\d{3}\.\d{2}:50000", session.client)
    assert "203.0" not in session.client
    assert session.server == "127.0.0.1:80"


def test_bytes_that_are_no_text_are_blanked():
    damaged = redacted(Story().damaged(bytes(range(128, 255)), "websocket").events)[1]
    assert damaged.raw == bytes([128, 129]) + b"\xff" * 125


def test_notices_do_not_name_the_input():
    redactor = Redactor(Options(seed="x", hidden={"/home/me/CP001.pcap", "CP001.pcap"}))
    notices = [
        Notice("file.damaged", None, "/home/me/CP001.pcap: torn", "/home/me/CP001.pcap"),
        Notice("websocket.not-ocpp", None, "198.51.100.9:1 → 198.51.100.7:2, path /x/Zq7Secret, subprotocol Zq8Tok…",
               "198.51.100.7:2 /x/Zq7Secret"),
    ]  # fmt: skip
    redactor.learn(notices)
    redactor.seal()
    told, foreign = redactor.redact(notices)
    assert (told.detail, told.subject) == ("the capture: torn", "the capture")
    for secret in ("Zq7", "Zq8", "198.51"):
        assert secret not in foreign.detail + foreign.subject


@pytest.mark.parametrize(
    ("kind", "detail", "told"),
    [
        ("file.damaged", "log: line 2: no JSON, it is left out: 'Zq7: 'x' …", "log: line 2: no JSON, it is left out: "),
        ("file.damaged", 'log: line 2: no JSON, it is left out: "Zq7\'s" …', "log: line 2: no JSON, it is left out: "),
        ("trace.no-message", 'a trace\'s record 3: msg is no OCPP message, but ["Zq7", 1…: it is left out',
         "a trace's record 3: msg is no OCPP message, but "),
    ],
)  # fmt: skip
def test_notices_do_not_quote_the_file(kind, detail, told):
    redactor = Redactor(Options(seed="x"))
    redactor.learn([])
    redactor.seal()
    (notice,) = redactor.redact([Notice(kind, None, detail, "")])
    assert notice.detail.startswith(told)
    assert "Zq7" not in notice.detail


# --- what the user may decide ---


def test_also():
    story = (
        Story().ask("DataTransfer", {"vendorId": "com.acme", "data": "project Apollo"}).close("Apollo ends")
    )
    patterns = [re.compile("Apollo"), re.compile(r"com\.acme")]
    text = shown(redacted(story.events, also=patterns))
    assert "Apollo" not in text
    assert "com.acme" not in text
    assert "project " in text


def test_vendors_where_asked():
    story = Story().ask("BootNotification", {"chargePointVendor": "Acmeworks", "chargePointModel": "Rapid9"})
    assert "Acmeworks" in shown(redacted(story.events))
    text = shown(redacted(story.events, vendors=True))
    assert "Acmeworks" not in text
    assert "Rapid9" not in text


def test_keep():
    story = Story().ask("Authorize", {"idTag": "04A1B2C3"}).ask("BootNotification", {"iccid": "8949000012"})
    kept = payloads(redacted(story.events, keep=["idTag"]))
    assert kept[0] == {"idTag": "04A1B2C3"}
    assert kept[2] != {"iccid": "8949000012"}
    assert payloads(redacted(story.events, keep=["Authorize/idTag"]))[0] == {"idTag": "04A1B2C3"}


def test_a_secret_cannot_be_kept():
    story = Story().ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "s3cr3tkey"}, side="<")
    assert "s3cr3tkey" not in shown(redacted(story.events, keep=["AuthorizationKey", "value", "password"]))


def test_the_seed_decides():
    story = Story().ask("Authorize", {"idTag": "04A1B2C3D4"})
    assert raws(redacted(story.events)) == raws(redacted(story.events))
    assert raws(redacted(story.events)) != raws(redacted(story.events, seed="another"))


def test_sessions_keep_what_is_known_of_them():
    events = redacted(Story("2.1").ask("Heartbeat", {}).close("x").events)
    assert isinstance(events[0], Opened)
    assert isinstance(events[-1], Closed)
    assert {event.session for event in events} == {events[0].session}
    assert events[0].session.version == "2.1"
