"""No secret that is planted anywhere in a capture is in what is shared of it."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocppscope.events import Message
from ocppscope.export import FORMATS, Order
from ocppscope.redaction import table
from tests.redaction import Story, redacted, shown


def message(action, payload, answer=None, version="1.6", side=">"):
    return lambda secret: Story(version).ask(action, _in(payload, secret), _in(answer or {}, secret), side)


def _in(value, secret):
    if isinstance(value, dict):
        return {key: _in(below, secret) for key, below in value.items()}
    if isinstance(value, list):
        return [_in(below, secret) for below in value]
    return value(secret) if callable(value) else secret if value == "?" else value


def nested(payload):
    return lambda secret: json.dumps(_in(payload, secret))


def base64_of(payload):
    return lambda secret: base64.b64encode(nested(payload)(secret).encode()).decode()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def token(value, kind="ISO14443"):
    return {"idToken": value, "type": kind}


KNOWN = {
    "idTag": message("Authorize", {"idTag": "?"}),
    "parentIdTag": message("Authorize", {"idTag": "A"}, {"idTagInfo": {"status": "Accepted", "parentIdTag": "?"}}),
    "local list": message("SendLocalList", {"localAuthorizationList": [{"idTag": "?"}]}, side="<"),
    "idToken": message("Authorize", {"idToken": token("?")}, version="2.0.1"),
    "eMAID": message("Authorize", {"idToken": token("?", "eMAID")}, version="2.1"),
    "key code": message("Authorize", {"idToken": token("?", "KeyCode")}, version="2.0.1"),
    "group": message("Authorize", {}, {"idTokenInfo": {"status": "Accepted", "groupIdToken": token("?", "Central")}},
                     version="2.0.1"),
    "additional": message("Authorize", {"idToken": {**token("A"), "additionalInfo": [
        {"additionalIdToken": "?", "type": "x"}]}}, version="2.0.1"),
    "tokens": message("GetTariffs", {}, {"tariffAssignments": [{"idTokens": ["A", "?"]}]}, version="2.1", side="<"),
    "contracts": message("Get15118EVCertificate", {"prioritizedEMAIDs": ["?"]}, version="2.1"),
    "iccid": message("BootNotification", {"iccid": "?"}),
    "imsi": message("BootNotification", {"chargingStation": {"modem": {"imsi": "?"}}}, version="2.0.1"),
    "serial": message("BootNotification", {"chargePointSerialNumber": "?", "meterSerialNumber": "B"}),
    "meter": message("BootNotification", {"meterSerialNumber": "?"}),
    "serial 2": message("BootNotification", {"chargingStation": {"serialNumber": "?"}}, version="2.0.1"),
    "customer": message("CustomerInformation", {"customerIdentifier": "?"}, version="2.0.1", side="<"),
    "key": message("ChangeConfiguration", {"key": "AuthorizationKey", "value": "?"}, side="<"),
    "key, turned": message("ChangeConfiguration", {"value": "?", "key": "authorizationkey"}, side="<"),
    "keys": message("GetConfiguration", {}, {"configurationKey": [{"key": "Wifi_Passphrase", "value": "?"}]}, side="<"),
    "variable": message("SetVariables", {"setVariableData": [{
        "attributeValue": "?", "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}]},
        version="2.0.1", side="<"),
    "report": message("NotifyReport", {"reportData": [{"component": {"name": "X"}, "variable": {"name": "simPIN"},
        "variableAttribute": [{"value": "?"}]}]}, version="2.0.1"),
    "event": message("NotifyEvent", {"eventData": [{"component": {"name": "X"}, "variable": {"name": "ApiKey"},
        "actualValue": "?"}]}, version="2.0.1"),
    "profile": message("SetNetworkProfile", {"connectionData": {"vpn": {"key": "?"}}}, version="2.0.1", side="<"),
    "apn": message("SetNetworkProfile", {"connectionData": {"apn": {"apnPassword": "?"}}}, version="2.0.1", side="<"),
    "data": message("DataTransfer", {"vendorId": "v", "data": nested({"deep": [{"wifi_password": "?"}]})}),
    "data in data": message("DataTransfer", {"data": nested({"more": nested({"secret": {"of": ["?"]}})})}),
    "data in base64": message("DataTransfer", {"data": base64_of({"idTag": "?", "padding": "some more text"})}),
    "parameter": message("DataTransfer", {"data": nested({"name": "token", "value": "?"})}),
    "custom": message("Heartbeat", {"customData": {"vendorId": "v", "rfid": "?"}}, version="2.0.1"),
    "words": message("DataTransfer", {"data": lambda secret: f"login password={secret}; retry"}),
    "XML": message("DataTransfer", {"data": lambda secret: f"<a><password>{secret}</password></a>"}),
    "element": message("StatusNotification", {"info": lambda secret: f"no session for token={secret}"}),
    "URL": message("UpdateFirmware", {"location": lambda secret: f"ftp://fw:{secret}@127.0.0.1/x"}, side="<"),
    "URL user": message("UpdateFirmware", {"location": lambda secret: f"ftp://{secret}:x@127.0.0.1/x"}, side="<"),
    "URL host": message("UpdateFirmware", {"location": lambda secret: f"https://{secret}.example/x.bin"}, side="<"),
    "URL query": message("GetLog", {"log": {"remoteLocation": lambda secret: f"https://127.0.0.1/u?sig={secret}"}},
                         version="2.0.1", side="<"),
    "damaged": lambda secret: Story().say('[2,"1","Authorize",{"idTag":"' + secret),
    "damaged more": lambda secret: Story().say('[2,"1,"Authorize",{"idTag":"' + secret + '"}]'),
    "damaged bytes": lambda secret: Story().damaged(b'[2,"1","X",{"password":"' + secret.encode() + b'","a":"\xff"}]'),
    "identity": lambda secret: Story(path=f"/ocpp/{secret}"),
    "identity, spelt": lambda secret: Story(path="/ocpp/" + "".join(f"%{ord(char):02x}" for char in secret)),
    "tenant": lambda secret: Story(path=f"/ws/{secret}/CP1"),
    "query": lambda secret: Story(path=f"/ws/CP1?auth_token={secret}"),
    "user": lambda secret: Story(Authorization=basic(secret, "x")),
    "password": lambda secret: Story(Authorization=basic("CP-A-001", secret)),
    "bearer": lambda secret: Story(Authorization=f"Bearer {secret}"),
    "api key": lambda secret: Story(X_Api_Key=secret),
    "cookie": lambda secret: Story(Cookie=f"session={secret}"),
    "host": lambda secret: Story(X_Forwarded_Host=f"{secret}.example:443"),
    "subprotocol": lambda secret: Story(Sec_WebSocket_Protocol=f"ocpp1.6, {secret}"),
}  # fmt: skip
"""Where a secret stands so that it is known for one."""

ONLY_THERE = {
    "unknown header": lambda secret: Story(X_Foo=f"a {secret}"),
    "vendor's secret": lambda secret: Story(X_Acme_Secret=secret),
    "folded": lambda secret: Story(Authorization=f"Basic\r\n {secret}"),
    "compressed": lambda secret: Story().damaged(b"\xc1\x10" + secret.encode(), "deflate"),
    "masked": lambda secret: Story().damaged(bytes(255 - byte for byte in secret.encode()) * 4, "websocket"),
}


def _escaped(secret):
    return "".join(f"\\u{ord(char):04X}" for char in secret)


ELSEWHERE = {
    "id": lambda story, secret: story.say([2, f"{secret}-17", "Heartbeat", {}]),
    "action": lambda story, secret: story.say([2, "11", secret, {}]),
    "code": lambda story, secret: story.say([4, "12", secret, "", {}]),
    "description": lambda story, secret: story.say([4, "9", "InternalError", f"no {secret}, sorry", {}], "<"),
    "details": lambda story, secret: story.say([4, "9", "InternalError", "", {"who": [f"<{secret}>"]}], "<"),
    "key": lambda story, secret: story.ask("DataTransfer", {"vendorId": "v", "data": json.dumps({secret: 1})}),
    "escaped": lambda story, secret: story.say('[2,"7","DataTransfer",{"data":"' + _escaped(secret) + '"}]'),
    "nested, escaped": lambda story, secret: story.ask("DataTransfer", {"data": '{"a":"' + _escaped(secret) + '"}'}),
    "word": lambda story, secret: story.ask("DataTransfer", {"vendorId": "v", "data": f"seen {secret} twice"}),
    "file": lambda story, secret: story.ask("GetDiagnostics", {}, {"fileName": f"log_{secret}_1.zip"}, "<"),
    "lower case": lambda story, secret: story.ask("DataTransfer", {"data": f"x {secret.lower()} y"}),
    "torn": lambda story, secret: story.say('[2,"8","DataTransfer",{"data":"' + secret),
    "no JSON": lambda story, secret: story.say(f"hello {secret}!"),
    "bytes": lambda story, secret: story.damaged(b'[2,"8","' + secret.encode() + b'\xff"]'),
    "ping": lambda story, secret: story.ping(b"from " + secret.encode()),
    "base64": lambda story, secret: story.ask(
        "DataTransfer", {"data": base64.b64encode(f"the card is {secret} today".encode()).decode()}
    ),
    "base64 of JSON": lambda story, secret: story.ask("DataTransfer", {"data": base64_of({"a": ["?"]})(secret)}),
    "URL": lambda story, secret: story.ask(
        "GetDiagnostics", {"location": f"ftp://127.0.0.1/{quote(secret)}/"}, side="<"
    ),
}  # fmt: skip

SECRETS = st.one_of(
    st.from_regex(r"[A-Za-z][A-Za-z0-9]{6,18}", fullmatch=True),
    st.from_regex(r"[0-9A-F]{8,20}", fullmatch=True),
    st.from_regex(r"[A-Z]{2}[0-9]{4}-[a-z0-9]{2,6}", fullmatch=True),
)
STATIC = shown(redacted(Story().ask("DataTransfer", {"vendorId": "v"}).events)).lower()


def _is_told(secret):
    return secret.lower() in STATIC or secret.lower() in table.common()


def _seen(story, secret):
    """Where a secret is in what is shared of a story, with what stands around it."""
    text = shown(redacted(story.events))
    at = text.lower().find(secret.lower())
    return "" if at < 0 else text[max(at - 99, 0) : at + 99]


@pytest.mark.parametrize("place", [*KNOWN, *ONLY_THERE])
@settings(max_examples=6)
@given(secret=SECRETS)
def test_a_secret_is_not_where_it_was(place, secret):
    assume(not _is_told(secret))
    assert not _seen((KNOWN | ONLY_THERE)[place](secret), secret)


@settings(max_examples=200)
@given(
    secret=SECRETS,
    place=st.sampled_from(sorted(KNOWN)),
    others=st.lists(st.sampled_from(sorted(ELSEWHERE)), max_size=5),
)
def test_a_secret_is_nowhere(secret, place, others):  # fmt: skip
    assume(not _is_told(secret))
    story = KNOWN[place](secret)
    for other in others:
        ELSEWHERE[other](story, secret)
    story.close(f"bye {secret}")
    assert not _seen(story, secret)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_secret_is_in_any_format(tmp_path, name):
    secrets, story = {}, Story(path="/ocpp/Zq7Identity", Authorization=basic("Zq8User", "Zq9Password"))
    for at, make in enumerate(("idTag", "key", "data in data", "URL", "damaged", "serial")):
        secrets[make] = f"Xk{at}Planted"
        story.events += KNOWN[make](secrets[make]).events[1:]
    for event in story.events:  # all of the first one's session
        object.__setattr__(event, "session", story.events[0].session)
    for other in ELSEWHERE.values():
        other(story, "Xk0Planted")
    story.close("Zq7Identity leaves")
    try:
        output = FORMATS[name].open(Order(tmp_path / "out", "test"))
    except ImportError:
        pytest.skip("is not there yet")
    output.feed(redacted(story.events), read=0, size=None)
    output.finish(found="{}")
    output.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir()).lower()
    assert written
    for secret in (*secrets.values(), "Zq7Identity", "Zq8User", "Zq9Password"):
        assert secret.lower().encode() not in written


def test_texts_change_only_where_something_is_replaced():
    before = '[2, "1" ,"Authorize",{ "idTag" :"\\u0041bc\\/\\u00e9X","n":1.0e3, "a":"2024-01-01T00:00:00Z"}]'
    after = next(event.raw for event in redacted(Story().say(before).events) if isinstance(event, Message))
    start, end = before.index("\\u0041"), before.index('","n"')
    assert (after[:start], after[end:]) == (before[:start], before[end:])
    assert after[start:end] != before[start:end]
    assert "\\/\\u00" in after
