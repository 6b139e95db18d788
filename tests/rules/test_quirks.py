"""Known devices: which findings their quirks explain, and files of quirks that cannot be used."""

from fnmatch import fnmatchcase

import pytest

from ocppscope.ocpp.connectors import StationInfo
from ocppscope.rules import quirks
from ocppscope.rules.engine import Engine
from ocppscope.rules.quirks import Explains, Match, QuirkError, is_from, is_up_to, load, shipped, version_of
from ocppscope.rules.registry import RULES
from tests.rules.sessions import (
    CURRENT,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    ask,
    call,
    closed,
    decoded,
    findings_of,
    judged,
    opened,
)

FINE = [HEARTBEAT, HEARTBEAT_ANSWER]
QUIRK = """
[[quirk]]
text = "does so"
source = "somebody/something#1"
match = {vendor = "Legrand*"}
explains = [{rules = "SCH-enum", field = "errorCode"}]
"""


def boot(vendor, model="M", firmware=None, message_id="boot"):
    asked = {"chargePointVendor": vendor, "chargePointModel": model}
    asked |= {"firmwareVersion": firmware} if firmware else {}
    return ask(
        message_id, "BootNotification", asked, {"status": "Accepted", "currentTime": CURRENT, "interval": 300}
    )


def boot_2x(vendor, model="M"):
    asked = {"reason": "PowerUp", "chargingStation": {"vendorName": vendor, "model": model}}
    return ask(
        "boot", "BootNotification", asked, {"status": "Accepted", "currentTime": CURRENT, "interval": 300}
    )


WRONG_CODE = "> " + call(
    "1", "StatusNotification", {"connectorId": 1, "errorCode": "Error", "status": "Available"}
)


# --- versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("firmware", "version"),
    [
        ("1.8.21", (1, 8, 21)),
        ("TAC3Z9119006710273::V1.8.21", (1, 8, 21)),
        ("05.43", (5, 43)),
        ("GWM-07.020-03_GCW-10.18-05.7", (5, 7)),
        ("THOR_11AS-V5.2.4-20230307-NOVO", (5, 2, 4)),
        ("v6", (6,)),
        ("", None),
        (None, None),
        ("beta", None),
        ("9" * 10_000, (999_999_999,)),
    ],
)
def test_the_version_in_the_name_of_a_firmware(firmware, version):
    assert version_of(firmware) == version


@pytest.mark.parametrize(
    ("version", "bound", "is_in"),
    [
        ("1.8.9", "1.8.21", True),
        ("1.8.21", "1.8.21", True),
        ("1.8.21.3", "1.8.21", True),
        ("1.8.22", "1.8.21", False),
        ("1.9", "1.8.21", False),
        ("1.8", "1.8.21", True),
        ("5.653", "5", True),
        ("6.0", "5", False),
    ],
)
def test_up_to_a_version(version, bound, is_in):
    assert is_up_to(version_of(version), version_of(bound)) == is_in


@pytest.mark.parametrize(
    ("version", "bound", "is_in"),
    [
        ("6", "6.0", True),
        ("6.1", "6", True),
        ("5.99", "6", False),
        ("1.8.9", "1.8.21", False),
        ("1.10", "1.9", True),
    ],
)
def test_from_a_version(version, bound, is_in):
    assert is_from(version_of(version), version_of(bound)) == is_in


# --- matching -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(vendor=("ABB",)), True),
        (Match(vendor=("abb*",)), True),
        (Match(vendor=("Other", "A?B")), True),
        (Match(vendor=("Other",)), False),
        (Match(model=("*TAC*",)), True),
        (Match(vendor=("ABB",), model=("Terra",)), False),
        (Match(firmware=("*V1.8*",)), True),
        (Match(firmware_from=(1, 8), firmware_to=(1, 9)), True),
        (Match(firmware_to=(1, 8, 20)), False),
        (Match(firmware_from=(2,)), False),
    ],
)
def test_match(match, fits):
    info = StationInfo("CP001", "ABB ", "CDT_TACW22::NET_WIFI", None, "TAC3Z9119006710273::V1.8.21")
    assert match.fits(info) == fits


def test_what_was_not_told_fits_no_condition():
    nothing = StationInfo("CP001", None, None, None, None)
    assert not Match(vendor=("*",)).fits(nothing)
    assert not Match(firmware_to=(9,)).fits(nothing)
    assert Match().fits(nothing)


@pytest.mark.parametrize(
    ("explains", "fits"),
    [
        (Explains(("SCH-enum",)), True),
        (Explains(("SCH-*",)), True),
        (Explains(("SCH-type", "RPC-*")), False),
        (Explains(("SCH-enum",), subject=("StatusNotification *",)), True),
        (Explains(("SCH-enum",), subject=("/errorCode",)), False),
        (Explains(("SCH-enum",), detail=("*Error*",)), True),
        (Explains(("SCH-enum",), detail=("Error",)), False),
        (Explains(("SCH-enum",), action=("StatusNotification",)), True),
        (Explains(("SCH-enum",), action=("MeterValues",)), False),
        (Explains(("SCH-enum",), field=("/errorCode",)), True),
        (Explains(("SCH-enum",), field=("errorCode",)), True),
        (Explains(("SCH-enum",), field=("status",)), False),
        (Explains(("SCH-enum",), action=("StatusNotification",), field=("status", "errorCode")), True),
    ],
)
def test_explains(explains, fits):
    assert explains.fits("SCH-enum", "StatusNotification /errorCode", '/errorCode is "Error"') == fits


# --- findings -----------------------------------------------------------------------------------------------


def test_a_finding_says_what_explains_it():
    finding = findings_of(boot("Legrand"), WRONG_CODE)["SCH-enum"]
    assert finding.quirk.text == "sends the errorCode Error, which there is not"
    assert finding.quirk.source == "lbbrhzn/ocpp#1248"
    assert finding.severity == "error"


def test_the_boot_may_come_later_or_never():
    assert findings_of(opened(subprotocols=(), subprotocol=None), boot("United Chargers", "GRS-*", "05.43"))[
        "WS-001"
    ].quirk
    assert findings_of(WRONG_CODE)["SCH-enum"].quirk is None
    assert findings_of(boot("Other"), WRONG_CODE)["SCH-enum"].quirk is None


def test_the_boot_of_another_session_of_the_station():
    found = findings_of(boot("Legrand"), closed(), "+5s", opened(), WRONG_CODE)
    assert found["SCH-enum"].quirk
    found = findings_of(boot("Legrand"), opened(station="CP002"), WRONG_CODE)
    assert found["SCH-enum"].quirk is None


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"chargePointVendor": 7}, {"chargingStation": "x"}])
def test_a_boot_of_any_shape(payload):
    found = findings_of("> " + call("b", "BootNotification", payload), WRONG_CODE)
    assert found["SCH-enum"].quirk is None


def test_2x():
    found = findings_of(boot_2x("FoxESS", "A022KP1"), closed(), "+400s", opened(), version="2.0.1")
    assert "6 to 19 minutes" in found["WS-038"].quirk.text


def test_a_user_s_quirks_come_first(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(QUIRK)
    engine = Engine(quirks=load(path) + shipped())
    engine.feed(decoded(boot("Legrand"), WRONG_CODE, [opened(subprotocols=(), subprotocol=None)]))
    (finding,) = [one for one in engine.findings if one.rule.id == "SCH-enum"]
    assert finding.quirk.said == "Legrand: does so (somebody/something#1)"


# --- those that ship ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", shipped().quirks, ids=lambda one: f"{one.device}: {one.text}"[:60])
def test_every_quirk_names_rules_that_there_are(one):
    assert one.source.count("#") == 1
    assert not one.text.endswith(".")
    for explains in one.explains:
        for pattern in explains.rules:
            assert any(fnmatchcase(name, pattern) for name in RULES), pattern


def a_station_like(match):
    """What a station says of itself that fits."""

    def plain(patterns):
        return patterns[0].replace("*", "x") if patterns else "anything"

    version = match.firmware_to or match.firmware_from
    firmware = ".".join(map(str, version)) if version else None
    return plain(match.vendor), plain(match.model), firmware


@pytest.mark.parametrize("one", shipped().quirks, ids=lambda one: f"{one.device}: {one.text}"[:60])
def test_every_quirk_explains_a_finding_of_a_station_like_it(one):
    """Of each match and each part of `explains`; another device's finding of the same words it leaves alone."""
    known = quirks.Quirks([one])
    for match in one.match:
        vendor, model, firmware = a_station_like(match)
        told = {"chargePointVendor": vendor, "chargePointModel": model}
        told |= {"firmwareVersion": firmware} if firmware else {}
        for explains in one.explains:
            rule = next(name for name in RULES if fnmatchcase(name, explains.rules[0]))
            subject = (explains.subject or explains.action or ("x",))[0].replace("*", "x")
            if explains.field:
                subject += " " + explains.field[0].replace("*", "/x")
            detail = (explains.detail or ("x",))[0].replace("*", "x")
            assert known.explain(told, rule, subject, detail) is one
            assert known.explain(told | {"chargePointVendor": "nobody"}, rule, subject, detail) is None


PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 3,
    "chargingProfilePurpose": "ChargePointMaxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    },
}
REJECTED = ask(
    "p", "SetChargingProfile", {"connectorId": 0, "csChargingProfiles": PROFILE}, {"status": "Rejected"}, "<"
)
ASKED = ask("g", "GetConfiguration", {"key": ["MeterValuesSampledData"]}, {"unknownKey": []}, "<")
AWAY = [closed("station", "fin", None), "+30s", opened()]
TAC = ("ABB", "CDT_TACW22::NET_WIFI", "TAC3Z9119006710273::V1.8.21")


def started(transaction, status="Accepted"):
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 100, "timestamp": CURRENT}
    return ask(
        "st", "StartTransaction", asked, {"transactionId": transaction, "idTagInfo": {"status": status}}
    )


def sampled(**changes):
    values = [{"timestamp": CURRENT, "sampledValue": [{"value": "1"} | changes]}]
    return ask("m", "MeterValues", {"connectorId": 1, "meterValue": values}, {})


@pytest.mark.parametrize(
    ("pieces", "rule", "words"),
    [
        ([boot(*TAC), ASKED, AWAY, boot(*TAC, "b2"), ASKED, AWAY, boot(*TAC, "b3")], "BOOT-024", "reboot"),
        ([boot(*TAC), REJECTED], "SC-032", "stack level 3"),
        ([boot("Autel", "MaxiCharger"), REJECTED], "SC-032", "Relative profile"),
        ([boot("ZJ BENY"), '> [2,"1","MeterValues",{"a":[,{}]}]'], "RPC-001", "[,{"),
        ([boot("wallbe"), '> [2,"1","Heartbeat",{}]\x00'], "RPC-001", "NUL"),
        ([boot("United Chargers", "GRS-*", "05.43"), '> [2,"1","Heart'], "RPC-001", "truncates"),
        ([boot("Charge Amps AB", "HALO"), sampled(unit="Hz")], "SCH-enum", "Hz"),
        (
            [
                boot("Growatt", "THOR_11AS"),
                sampled(),
                WRONG_CODE.replace('"status"', '"timestamp": "2026-11-22T10:15:00", "status"'),
            ],
            "TIME-001",
            "without a zone",
        ),
        ([boot("Hager", "XEV"), started(-1, "ConcurrentTx")], "TX16-007", "ConcurrentTx"),
        ([boot("Enercab"), sampled(value=" 12 ")], "MV-013", "pads"),
        ([boot("Timxon"), REJECTED], "SC-032", "NotSupported"),
        ([boot("EN+"), FINE, closed("csms", "close", 1011)], "WS-037", "pings"),
        ([boot("JIGU", "WeGood", "1.4"), closed("csms"), "+400s", opened()], "WS-038", "does not redial"),
    ],
)
def test_what_is_found_of_a_device(pieces, rule, words):
    found = [one for one in judged(pieces) if one.rule.id == rule and one.quirk]
    assert found, sorted(findings_of(pieces))
    assert words in found[0].quirk.text


# --- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[quirk", "is no TOML"),
        ("", "there is no [[quirk]]"),
        ("quirk = 1", "there is no [[quirk]]"),
        ("[[quirks]]\na = 1", "quirks is not known: each quirk begins with a line [[quirk]]"),
        (QUIRK.replace("text", "txet"), "line 2, quirk 1: txet is not known: did you mean text?"),
        (QUIRK + QUIRK.replace("source", "zzz"), "line 8, quirk 2: zzz is not known: known are device, text"),
        (QUIRK.replace('"does so"', "7"), 'quirk 1: text has to be a text: text = "…"'),
        (QUIRK.replace('"somebody/something#1"', '" "'), "source has to be a text"),
        (QUIRK.replace("match", "device = 1\nmatch"), "device has to be a text"),
        (QUIRK.replace('{vendor = "Legrand*"}', "{}"), "match has to say which devices"),
        (QUIRK.replace('{vendor = "Legrand*"}', '"Legrand"'), "match has to say which devices"),
        (QUIRK.replace("vendor", "vendro"), "match.vendro is not known: did you mean vendor?"),
        (QUIRK.replace('"Legrand*"', "[1]"), "match.vendor has to be a text or an array of texts"),
        (
            QUIRK.replace('"Legrand*"', '"L", firmware-to = "latest"'),
            "match.firmware-to has to hold a version",
        ),
        (QUIRK.replace('"Legrand*"', '"L", firmware-to = 1.8'), "match.firmware-to has to be a text"),
        (QUIRK.replace('[{rules = "SCH-enum", field = "errorCode"}]', "[]"), "explains has to be an array"),
        (QUIRK.replace('rules = "SCH-enum", ', ""), "explains.rules has to name rules"),
        (QUIRK.replace("field", "fields"), "explains.fields is not known: did you mean field?"),
        (QUIRK.replace("SCH-enum", "sch-enu"), "there is no rule sch-enu: did you mean"),
        (QUIRK.replace("SCH-enum", "XYZ-999"), "line 2, quirk 1: there is no rule XYZ-999"),
    ],
)
def test_a_file_that_is_wrong_says_where_and_what_to_do(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QuirkError) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    for path, said in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(QuirkError, match=said):
            load(path)
    path = tmp_path / "latin.toml"
    path.write_bytes(b'text = "\xff"')
    with pytest.raises(QuirkError, match="byte 8: no UTF-8"):
        load(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(QuirkError, match="too large"):
        load(path)


def test_rules_by_wildcards_and_several_matches(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        QUIRK.replace(
            '{vendor = "Legrand*"}', '[{vendor = "A"}, {vendor = "B", firmware-from = "2"}]'
        ).replace("SCH-enum", "SCH-*")
    )
    (one,) = load(path).quirks
    assert one.device == "A"
    known = quirks.Quirks([one])
    finding = "SCH-type", "StatusNotification /errorCode", ""
    assert known.explain({"chargePointVendor": "A"}, *finding)
    assert known.explain({"chargePointVendor": "B", "firmwareVersion": "2.1"}, *finding)
    assert not known.explain({"chargePointVendor": "B", "firmwareVersion": "1.9"}, *finding)
    assert not known.explain({"chargePointVendor": "B"}, *finding)
