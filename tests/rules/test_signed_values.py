"""MV-018 and MV-020 to MV-025: signed meter values."""

import base64
import json

import pytest

from ocppscope.ocpp.signed.keys import PublicKey
from ocppscope.rules.engine import Engine
from tests.ocpp.signed.signing import Meter, reading, signed_16, type_of
from tests.rules.sessions import NOW, ask, case, decoded, findings_of, gap, judged

METER, OTHER = Meter(), Meter(secret=77)
KEY, OTHER_KEY = (PublicKey(meter.curve, meter.point) for meter in (METER, OTHER))
STOP = "2026-11-22T10:16:00Z"
ENERGY = {"measurand": "Energy.Active.Import.Register", "unit": "Wh"}
FROM, TO = reading("B", 1.5), reading("E", 2.5, "2026-11-22T10:16:00,000+0000 S")
BOTH = METER.ocmf(FROM, TO)


def started(meter_start=1500):
    asked = {"connectorId": 1, "idTag": "A", "meterStart": meter_start, "timestamp": NOW}
    return ask("1", "StartTransaction", asked, {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})


def metered(*samples, message="2", time=NOW):
    asked = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [{"timestamp": time, "sampledValue": samples}],
    }
    return ask(message, "MeterValues", asked, {})


def stopped(*samples, meter_stop=2500):
    asked = {"transactionId": 7, "meterStop": meter_stop, "timestamp": STOP}
    if samples:
        asked["transactionData"] = [{"timestamp": STOP, "sampledValue": list(samples)}]
    return ask("3", "StopTransaction", asked, {})


def transaction(data, *beside, meter_start=1500, meter_stop=2500):
    """A transaction of 1.6 with one signed value in its end."""
    signed = signed_16(data, context="Transaction.End")
    return [started(meter_start), "+60s", stopped(signed, *beside, meter_stop=meter_stop)]


def wrapped(data, meter=METER, key=None):
    return json.dumps(type_of(data, meter.oca if key is None else key))


def configured(value, name="MeterPublicKey1"):
    answer = {"configurationKey": [{"key": name, "readonly": True, "value": value}]}
    return ask("0", "GetConfiguration", {}, answer, side="<")


def event(kind, signed=None, message="1", *, value=1500, time=NOW, seq=0):
    asked = {
        "eventType": kind,
        "timestamp": time,
        "triggerReason": {"Started": "Authorized", "Updated": "MeterValuePeriodic"}.get(
            kind, "StopAuthorized"
        ),
        "seqNo": seq,
        "transactionInfo": {"transactionId": "T"} | ({"stoppedReason": "Local"} if kind == "Ended" else {}),
        "evse": {"id": 1, "connectorId": 1},
    }
    context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
    sample = {"value": value, "context": context} | ({"signedMeterValue": signed} if signed else {})
    asked["meterValue"] = [{"timestamp": time, "sampledValue": [sample]}]
    return ask(message, "TransactionEvent", asked, {})


def events_2x(signed_end=True, key=None):
    begin = type_of(METER.ocmf(FROM), METER.oca if key is None else key)
    end = type_of(METER.ocmf(TO), "")
    return [
        event("Started", begin),
        "+60s",
        event("Ended", end if signed_end else None, "2", value=2500, time=STOP, seq=1),
    ]


UNSIGNED = [started(), "+60s", stopped()]
VALID = transaction(wrapped(BOTH))
INVALID = transaction(wrapped(BOTH.replace("2.5", "9.5")), meter_stop=9500)
CASES = [
    case("MV-018", VALID, UNSIGNED, "info", subject="OCMF 1.0 valid", count=1),
    case("MV-018", events_2x(), [event("Started"), event("Ended", None, "2", value=1500, seq=1)], "info",
         version="2.0.1", about="in 2.x", count=2),
    case("MV-018", events_2x(), UNSIGNED[:0], "info", version="2.1", about="in 2.1"),
    case("MV-020", INVALID, VALID, "error", subject="it does not fit the key in the message"),
    case("MV-020", transaction(wrapped(BOTH[: BOTH.index('"SD"')] + '"SD": "3045"}')), VALID, "error",
         about="a signature cut short"),
    case("MV-020", [configured(OTHER.oca), *transaction(BOTH)], [configured(METER.oca), *transaction(BOTH)],
         "error", about="by the configuration"),
    case("MV-021", transaction(wrapped(BOTH), meter_stop=2700), VALID, "warning", subject="meterStop"),
    case("MV-021", transaction(wrapped(BOTH), meter_start=0), VALID, "warning", subject="meterStart"),
    case("MV-021", transaction(wrapped(BOTH), ENERGY | {"value": "2700", "context": "Transaction.End"}),
         transaction(wrapped(BOTH), ENERGY | {"value": "2500", "context": "Transaction.End"}),
         "warning", subject="value", about="beside it"),
    case("MV-021", [event("Started", type_of(METER.ocmf(FROM), METER.oca), value=15)], events_2x(),
         "warning", version="2.0.1", subject="value", about="in 2.x"),
    case("MV-021", transaction(wrapped(METER.ocmf(FROM, TO | {"TM": "2026-11-22T12:16:00,000+0000 S"}))),
         transaction(wrapped(METER.ocmf(FROM, TO | {"TM": "2026-11-22T12:16:00,000+0000 U"}))),
         "warning", subject="time", about="the time"),
    case("MV-022", transaction(BOTH), [configured(METER.oca, "MeterPublicKey[1]"), *transaction(BOTH)], "info"),
    case("MV-022", events_2x(key=""), events_2x(), "info", version="2.0.1", about="in 2.x"),
    case("MV-023", [started(), metered(signed_16(wrapped(METER.ocmf(FROM)), context="Transaction.Begin")), "+60s",
                    stopped(signed_16(wrapped(OTHER.ocmf(TO), OTHER), context="Transaction.End"))],
         [started(), metered(signed_16(wrapped(METER.ocmf(FROM)), context="Transaction.Begin")), "+60s",
          stopped(signed_16(wrapped(METER.ocmf(TO)), context="Transaction.End"))], "warning"),
    case("MV-023", [configured(OTHER.oca), *VALID], [configured(METER.oca), *VALID], "warning",
         about="than the configured one"),
    case("MV-024", transaction(wrapped(BOTH[:90])), VALID, "error"),
    case("MV-024", transaction("%"), VALID, "error", about="not base64"),
    case("MV-024", transaction(wrapped(BOTH, key="no key")), VALID, "error", about="a key that is none"),
    case("MV-024", transaction(wrapped(METER.ocmf(payload='{"FV":"1.0","FV":"1.1","RD":[]}'))), VALID, "error",
         about="a field twice"),
    case("MV-024", transaction("A" * 2_000_000), VALID, "error", about="megabytes"),
    case("MV-025", [started(), metered(signed_16(wrapped(METER.ocmf(FROM)), context="Transaction.Begin")),
                    "+60s", stopped()],
         [started(), metered(signed_16(wrapped(METER.ocmf(FROM)), context="Transaction.Begin")), "+60s", stopped(),
          metered(signed_16(wrapped(METER.ocmf(TO)), context="Transaction.End"), message="4", time=STOP)],
         "warning", subject="7", also=("TX16-006", "MV-004", "MV-014")),
    case("MV-025", events_2x(signed_end=False), events_2x(), "warning", version="2.0.1", about="in 2.x"),
]  # fmt: skip


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


OURS = {f"MV-{number:03}" for number in (18, 20, 21, 22, 23, 24, 25)}


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    """Nothing here, that is; what other rules say of these sessions is theirs."""
    found = judged(*one.legal, **one.options)
    assert one.rule not in {finding.rule.id for finding in found}, found
    assert {finding.rule.id for finding in found if finding.severity != "info"} & OURS == set()


def test_bytes_that_were_lost_excuse_a_missing_end():
    begin = metered(signed_16(wrapped(METER.ocmf(FROM)), context="Transaction.Begin"))
    assert "MV-025" not in findings_of(started(), begin, gap(), "+60s", stopped())


def test_a_configured_key_that_is_none_is_told():
    found = findings_of(configured("nonsense"), *transaction(BOTH))
    assert found["MV-022"].detail == (
        "signed values without a key: 1; "
        "in the configuration, the public key is no point on a curve that is known (6 bytes)"
    )


def test_a_key_that_comes_late_verifies_what_came_before():
    begin = metered(signed_16(METER.ocmf(FROM), context="Transaction.Begin"))
    found = judged(
        started(), begin, "+60s", stopped(signed_16(wrapped(METER.ocmf(TO)), context="Transaction.End"))
    )
    subjects = [finding.subject for finding in found if finding.rule.id == "MV-018"]
    assert subjects == ["OCMF 1.0 key missing", "OCMF 1.0 valid"]
    assert "MV-022" not in {finding.rule.id for finding in found}


@pytest.mark.parametrize(("key", "rules"), [(KEY, {"MV-018"}), (OTHER_KEY, {"MV-018", "MV-020"})])
def test_keys_that_are_given(key, rules):
    engine = Engine(public_keys=[key])
    engine.feed(decoded(*transaction(BOTH)))
    assert {finding.rule.id for finding in engine.findings} & OURS == rules


def test_a_given_key_is_compared_with_the_one_in_the_message():
    engine = Engine(public_keys=[OTHER_KEY])
    engine.feed(decoded(*VALID))
    assert {finding.rule.id for finding in engine.findings} & OURS == {"MV-018", "MV-023"}


def test_rules_that_are_run_alone():
    assert set(findings_of(*transaction(BOTH), only={"MV-022"})) == {"MV-022"}
    assert set(findings_of(*events_2x(signed_end=False), only={"MV-025"}, version="2.0.1")) == {"MV-025"}
    assert set(findings_of(*INVALID, only={"MV-020"})) == {"MV-020"}


def test_what_cannot_be_verified_is_named():
    text = METER.ocmf(FROM, TO).replace("secp256r1", "secp192k1")
    found = findings_of(*transaction(wrapped(text)))
    assert "secp192k1 is not supported" in found["MV-018"].detail
    assert OURS & set(found) == {"MV-018"}


def test_too_many_in_one_message():
    data = base64.b64encode(BOTH.encode()).decode()
    found = judged(started(), "+60s", stopped(*[signed_16(data) for _ in range(300)]))
    assert {finding.subject: finding.amount for finding in found if finding.rule.id == "MV-018"} == {
        "OCMF 1.0 key missing": 200,
        "left out": 100,
    }
