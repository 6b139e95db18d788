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
    "URL path": message("GetLog", {"log": {"remoteLocation": lambda secret: f"https://127.0.0.1/up/{secret}/x.zip"}},
                        version="2.0.1", side="<"),
    "URL fragment": message("UpdateFirmware", {"location": lambda secret: f"https://127.0.0.1/x#{secret}"}, side="<"),
    "URL, bare query": message("UpdateFirmware", {"location": lambda secret: f"ftp://127.0.0.1/x?{secret}"}, side="<"),
    "URL without host": message("DataTransfer", {"data": lambda secret: f"/upload?x=1&sig={secret}"}),
    "URL of CSMS": message("SetNetworkProfile", {"connectionData": {
        "ocppCsmsUrl": lambda secret: f"wss://127.0.0.1/{secret}"}}, version="2.0.1", side="<"),
    "URL in setting": message("ChangeConfiguration", {"key": "BackendUrl", "value": "?"}, side="<"),
    "host in setting": message("SetVariables", {"setVariableData": [{"attributeValue": "?", "component": {"name": "X"},
        "variable": {"name": "TimeServer"}}]}, version="2.0.1", side="<"),
    "apn name": message("SetNetworkProfile", {"connectionData": {"apn": {"apn": "?"}}}, version="2.0.1", side="<"),
    "apn user": message("SetNetworkProfile", {"connectionData": {"apn": {"apnUserName": "?"}}}, version="2.0.1",
                        side="<"),
    "basic password": message("SetNetworkProfile", {"connectionData": {"basicAuthPassword": "?"}}, version="2.1",
                              side="<"),
    "result": message("GetVariables", {}, {"getVariableResult": [{"attributeValue": "?",
        "component": {"name": "X"}, "variable": {"name": "BasicAuthPassword"}}]}, version="2.0.1", side="<"),
    "identity in report": message("NotifyReport", {"reportData": [{"component": {"name": "SecurityCtrlr"}, "variable": {
        "name": "Identity"}, "variableAttribute": [{"value": "?"}]}]}, version="2.0.1"),
    "SSID": message("ChangeConfiguration", {"key": "WifiSsid", "value": "?"}, side="<"),
    "EV": message("NotifyEVChargingNeeds", {"chargingNeeds": {"customData": {"vendorId": "v", "evcc_id": "?"}}},
                  version="2.0.1"),
    "spelt otherwise": message("DataTransfer", {"data": nested({"customer-email": "?"})}),
    "snakes": message("DataTransfer", {"data": nested({"id_tag": "?"})}),
    "object": message("Heartbeat", {"customData": {"vendorId": "v", "driver": {"name": ["?"]}}}, version="2.0.1"),
    "technical": message("NotifyEvent", {"eventData": [{"techInfo": lambda secret: f"user={secret}, failed"}]},
                         version="2.0.1"),
    "sentence": lambda secret: Story().say([4, "1", "InternalError", f"idTag '{secret}' is not known", {}], "<"),
    "spaces": message("DataTransfer", {"data": lambda secret: f"password='a {secret} b'; retry"}),
    "arrow": message("DataTransfer", {"data": lambda secret: f"password => {secret}"}),
    "pair": message("DataTransfer", {"data": nested([["user", "x"], ["password", "?"]])}),
    "XML attribute": message("DataTransfer", {"data": lambda secret: f'<p name="password" value="{secret}"/>'}),
    "XML identity": message("DataTransfer", {"data": lambda secret: f"<c:chargeBoxId>{secret}</c:chargeBoxId>"}),
    "message of a vendor": message("DataTransfer", {"vendorId": "v", "messageId": "SetApiKey", "data": "?"}),
    "Basic in a text": message("DataTransfer", {"data": lambda secret: f"sent Authorization: {basic('CP', secret)}"}),
    "hexadecimal": message("ChangeConfiguration", {
        "key": "AuthorizationKey", "value": lambda secret: secret.encode().hex()}, side="<"),
    "unknown action": lambda secret: Story().say([2, "1", "FooBar", {"x": {"token": [{"y": secret}]}}]),
    "unknown type": lambda secret: Story().say([9, "1", "FooBar", {"token": secret}]),
    "damaged": lambda secret: Story().say('[2,"1","Authorize",{"idTag":"' + secret),
    "damaged key": lambda secret: Story().say(f"[2,'1','X',{{'key':'AuthorizationKey','value':'{secret}'}}]"),
    "damaged, turned": lambda secret: Story().say(f"[2,'1','X',{{'value': '{secret}', 'key': 'BasicAuthPassword'}}]"),
    "name cut": lambda secret: Story().say('[2,"1","ChangeConfiguration",{"value":"' + secret + '","key":"Authorizat'),
    "damaged head": lambda secret: Story().damaged(
        f"GET /x HTTP/1.1\r\nAuthorization: {basic('a', secret)}\r\n".encode(), "http"),
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
    "Host": lambda secret: Story(Host=f"{secret}.example:9000"),
    "Origin": lambda secret: Story(Origin=f"https://{secret}.example"),
    "Referer": lambda secret: Story(Referer=f"https://127.0.0.1/{secret}/"),
    "target": lambda secret: Story(path=f"ws://{secret}:pw@127.0.0.1/ocpp/CP1"),
    "bare query": lambda secret: Story(path=f"/ws/CP1?{secret}"),
    "subprotocol": lambda secret: Story(Sec_WebSocket_Protocol=f"ocpp1.6, {secret}"),
}  # fmt: skip
"""Where a secret stands so that it is known for one."""

ONLY_THERE = {
    "unknown header": lambda secret: Story(X_Foo=f"a {secret}"),
    "vendor's secret": lambda secret: Story(X_Acme_Secret=secret),
    "folded": lambda secret: Story(Authorization=f"Basic\r\n {secret}"),
    "body": lambda secret: Story().damaged(
        f"HTTP/1.1 404 no\r\nServer: x\r\n\r\nno {secret} here".encode(), "http"
    ),
    "line cut": lambda secret: Story().damaged(f"GET /x HTTP/1.1\r\nAuthorizat {secret}".encode(), "http"),
    "greeting": message(
        "Authorize",
        {},
        {"idTokenInfo": {"personalMessage": {"content": lambda secret: f"Hi {secret}!"}}},
        version="2.0.1",
    ),
    "display": message(
        "SetDisplayMessage",
        {"message": {"message": {"content": lambda secret: f"Hi {secret}!"}}},
        version="2.0.1",
        side="<",
    ),
    "displayed": message(
        "NotifyDisplayMessages",
        {"messageInfo": [{"message": {"content": lambda secret: f"Hi {secret}!"}}]},
        version="2.0.1",
    ),
    "customer": message(
        "NotifyCustomerInformation", {"data": lambda secret: f"Mr {secret}"}, version="2.0.1"
    ),
    "EXI": message(
        "Get15118EVCertificate",
        {"exiRequest": lambda secret: base64.b64encode(b"\x80\x98" + secret.encode()).decode()},
        version="2.0.1",
    ),
    "compressed": lambda secret: Story().damaged(b"\xc1\x10" + secret.encode(), "deflate"),
    "masked": lambda secret: Story().damaged(bytes(255 - byte for byte in secret.encode()) * 4, "websocket"),
}


def _escaped(secret):
    return "".join(f"\\u{ord(char):04X}" for char in secret)


def _percents(secret):
    return "".join(f"%{ord(char):02X}" for char in secret)


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
    "base64 in a text": lambda story, secret: story.ask(
        "DataTransfer", {"data": f"sent {base64.b64encode(b'u:' + secret.encode()).decode()}, then nothing"}
    ),
    "base64 of bytes": lambda story, secret: story.ask(
        "DataTransfer", {"data": base64.b64encode(b"\x80\x98\xff" + secret.encode()).decode()}
    ),
    "base64 of URLs": lambda story, secret: story.ask(
        "DataTransfer", {"data": base64.urlsafe_b64encode(f"<??>{secret}~~?>".encode()).decode().rstrip("=")}
    ),
    "base64, glued": lambda story, secret: story.ask(
        "DataTransfer", {"data": "/in/" + base64.b64encode(secret.encode()).decode()}
    ),
    "hexadecimal": lambda story, secret: story.ask("DataTransfer", {"data": f"0x{secret.encode().hex()}!"}),
    "HEXADECIMAL": lambda story, secret: story.ask("DataTransfer", {"data": secret.encode().hex(" ").upper()}),
    "percents": lambda story, secret: story.ask("DataTransfer", {"data": f"at {_percents(secret)}/x"}),
    "escapes in a text": lambda story, secret: story.ask("DataTransfer", {"data": f"at {_escaped(secret)}!"}),
    "key, spelt otherwise": lambda story, secret: story.ask(
        "DataTransfer", {"data": json.dumps({secret.encode().hex(): 1})}
    ),
    "ID, spelt otherwise": lambda story, secret: story.say([2, secret.encode().hex(), "Heartbeat", {}]),
    "details in text": lambda story, secret: story.say(
        [4, "9", "InternalError", "", {"a": json.dumps({"b": json.dumps([secret])})}], "<"
    ),
    "status": lambda story, secret: story.ask(
        "Reset", {}, {"statusInfo": {"reasonCode": "X", "additionalInfo": f"by {secret}"}}, "<"
    ),
    "pong of bytes": lambda story, secret: story.ping(b"\x00\x01\xff\xfe" + secret.encode() + bytes(4)),
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


def _spellings(secret):
    """How it may be written, base64 as far as its letters depend on nothing else."""
    data = secret.encode()
    yield secret
    yield data.hex()
    yield data.hex(" ")
    yield _percents(secret)
    yield _escaped(secret)
    for pad in range(3):
        spelt = base64.b64encode(bytes(pad) + data).decode().rstrip("=")
        yield spelt[(pad * 8 + 5) // 6 : len(spelt) - 1]


def _seen(story, secret):
    """Where a secret is in what is shared of a story, with what stands around it."""
    text = shown(redacted(story.events))
    for spelt in _spellings(secret):
        at = text.lower().find(spelt.lower())
        if at >= 0:
            return text[max(at - 99, 0) : at + 99]
    return ""


@pytest.mark.parametrize("place", [*KNOWN, *ONLY_THERE])
@settings(max_examples=6)
@given(secret=SECRETS)
def test_a_secret_is_not_where_it_was(place, secret):
    assume(not _is_told(secret))
    assert not _seen((KNOWN | ONLY_THERE)[place](secret), secret)


@settings(max_examples=300)
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


@pytest.mark.parametrize("place", KNOWN)
@pytest.mark.parametrize("secret", ["Zk7Planted", "9F04A7C2E1", "NL0815-x7k"])
def test_what_is_known_from_one_place_is_nowhere_else(place, secret):
    story = KNOWN[place](secret)
    for other in ELSEWHERE.values():
        other(story, secret)
    assert not _seen(story, secret)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_secret_is_in_any_format(tmp_path, name):
    secrets, story = {}, Story(path="/ocpp/Zq7Identity", Authorization=basic("Zq8User", "Zq9Password"))
    for at, make in enumerate([*KNOWN, *ONLY_THERE]):
        secrets[make] = f"Xk{at}Planted"
        story.events += (KNOWN | ONLY_THERE)[make](secrets[make]).events[1:]
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
