import pytest

from tests.rules.sessions import CURRENT, ask, case, findings_of, gap, stamp

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
BEAT = ask("h", "Heartbeat", {}, {"currentTime": CURRENT})
TOKEN = {"idToken": "04A1", "type": "ISO14443"}


def tell(kind, number, reason="ChargingRateChanged", answer=None, info=None, **more):
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": reason,
        "seqNo": number,
        "transactionInfo": {"transactionId": "T"} | (info or {}),
    }
    return ask(f"t{number}", "TransactionEvent", asked | more, answer or {})


def started(reason="CablePluggedIn", answer=None, **more):
    return tell("Started", 0, reason, answer, evse={"id": 1, "connectorId": 1}, **more)


def ended(number=2, answer=None, info=None, **more):
    return tell("Ended", number, "EVDeparted", answer, info, **more)


COST = ask("c", "CostUpdated", {"totalCost": 1.5, "transactionId": "T"}, {}, "<")
FREE = {"totalCost": 0}


def prices(count):
    return {"energy": {"prices": [{"priceKwh": 0.5}] * count}}


def tariff(count=1, **more):
    return {"tariffId": "X", "currency": "EUR"} | prices(count) | more


def change(status="Accepted", message_id="x", **more):
    asked = {"transactionId": "T", "tariff": tariff(**more)}
    return ask(message_id, "ChangeTransactionTariff", asked, {"status": status}, "<")


def configured(name, value, instance=None):
    about = {
        "component": {"name": "C"},
        "variable": {"name": name} | ({"instance": instance} if instance else {}),
    }
    answer = {"getVariableResult": [about | {"attributeStatus": "Accepted", "attributeValue": value}]}
    return ask("v", "GetVariables", {"getVariableData": [about]}, answer, "<")


def default_tariff(count, status="Accepted"):
    return ask("d", "SetDefaultTariff", {"evseId": 0, "tariff": tariff(count)}, {"status": status}, "<")


def details(total, tariff_id="X", energy=1.0):
    period = {"startPeriod": CURRENT} | ({"tariffId": tariff_id} if tariff_id else {})
    costs = {
        "currency": "EUR",
        "typeOfCost": "NormalCost",
        "energy": {"exclTax": energy},
        "total": {"exclTax": total},
    }
    usage = {"energy": 1, "chargingTime": 1, "idleTime": 1}
    return {"totalCost": costs, "totalUsage": usage, "chargingPeriods": [period]}


def running(number=1, **costs):
    return tell("Updated", number, "RunningCost", costDetails=details(**{"total": 1.0} | costs))


ACCEPTED_TOKEN = {"idTokenInfo": {"status": "Accepted"}}


def rules_of(*pieces):
    return set(findings_of(*pieces, **V21))


CASES = [
    case("TRF-001", [started(), COST, ended(1)], [started(), COST, ended(1, FREE)], W, **V2),
    case(
        "TRF-001",
        [started(), tell("Updated", 1, answer={"totalCost": 1}), ended()],
        [started(), tell("Updated", 1), ended()],
        W,
        about="in answers",
        **V21,
    ),
    case(
        "TRF-002",
        [configured("MaxElements", "2", "Tariff"), default_tariff(3)],
        [configured("MaxElements", "2", "Tariff"), default_tariff(3, "TooManyElements")],
        E,
        subject="elements",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), ended(1), change()],
        [started(), ended(1), change("TxNotFound")],
        E,
        subject="ended",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), change(), "+70s", BEAT],
        [started(), change(), tell("Updated", 1, "TariffChanged", info={"tariffId": "X"}), "+70s", BEAT],
        E,
        about="nothing told",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), change(), change(message_id="z", currency="CHF")],
        [started(), change(), change("NoCurrencyChange", "z", currency="CHF")],
        E,
        subject="currency",
        **V21,
    ),
    case(
        "TRF-002",
        [started(), tell("Updated", 1, "TariffChanged")],
        [started(), tell("Updated", 1, "TariffChanged", info={"tariffId": "X"})],
        E,
        subject="tariffId",
        **V21,
    ),
    case(
        "TRF-003",
        ask("u", "Authorize", {"idToken": TOKEN}, ACCEPTED_TOKEN | {"tariff": tariff(validFrom=stamp())}),
        ask("u", "Authorize", {"idToken": TOKEN}, ACCEPTED_TOKEN | {"tariff": tariff()}),
        E,
        subject="validFrom",
        **V21,
    ),
    case(
        "TRF-003", [started(), running(total=2.0)], [started(), running()], E, subject="total exclTax", **V21
    ),
    case(
        "TRF-003", [started(), running(tariff_id=None)], [started(), running()], E, subject="tariffId", **V21
    ),
    case(
        "TRF-003",
        [started(), tell("Updated", 1, "RunningCost")],
        [started(), running()],
        E,
        subject="RunningCost",
        **V21,
    ),
    case(
        "TRF-003",
        [started(), running(), ended()],
        [started(), running(), ended(costDetails=details(1.0))],
        E,
        subject="Ended",
        **V21,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_lost_bytes_may_have_held_what_is_missing():
    assert "TRF-002" not in rules_of(started(), change(), gap(), "+70s", BEAT)


def test_taxes_are_summed_apart():
    costs = details(1.0)
    costs["totalCost"]["total"]["inclTax"] = 1.2
    assert "TRF-003" not in rules_of(started(), tell("Updated", 1, "RunningCost", costDetails=costs))
