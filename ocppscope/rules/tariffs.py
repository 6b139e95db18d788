"""TRF: what charging costs (section O of the catalogue).

Sources: OCPP 2.0.1 and 2.1 part 2, functional block I.
"""

from collections.abc import Iterator
from typing import Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, identifier, items, number, text
from ocppscope.ocpp.versions import V2X, V21
from ocppscope.rules.expectations import expect, meet, unless_lost
from ocppscope.rules.gates import says_something
from ocppscope.rules.registry import ERROR, WARNING, Report, numbers_of, on_answer, on_call, rule
from ocppscope.rules.sources import part_2
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.requests import ACCEPTED, asked, status_of
from ocppscope.rules.tables.transactions import id_in, tells_more

_CHANGED_WITHIN: Final = 60


# --- cost and tariffs ---


@rule(
    "TRF-001",
    "The CSMS does not tell the total cost at the end",
    WARNING,
    on_call("CostUpdated"),
    on_answer("TransactionEvent"),
    source=part_2("I02.FR.01, I03.FR.02"),
    hint="a CSMS that tells running costs answers Ended with totalCost, 0 where it was free",
    needs="session",
    versions=V2X,
)
def no_total_cost(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        known = state.station.transactions.find(identifier(fields(event.payload).get("transactionId")))
        if known is not None:
            known.noted["cost"] = event.n
        return None
    payload, answer = asked(event), fields(event.payload)
    if not answer and payload.get("eventType") != "Ended":
        return None
    if event.type != CALLRESULT or state.has_gap:
        return None
    known = state.station.transactions.find(id_in(payload))
    if known is None or payload.get("costDetails") is not None:
        return None
    if payload.get("eventType") != "Ended":
        if answer.get("totalCost") is not None:
            known.noted["cost"] = event.n
        return None
    told_before = known.noted.get("cost")
    if answer.get("totalCost") is not None or told_before is None:
        return None
    return Report(f"transaction {known.id} had a running cost", events=(told_before, *numbers_of(event.call)))


_PRICES: Final = ("energy", "chargingTime", "idleTime", "fixedFee", "reservationTime", "reservationFixed")


def _elements(tariff: dict[str, Any]) -> int:
    return sum(len(items(fields(tariff.get(name)).get("prices"))) for name in _PRICES)


def _currency(value: Any) -> str | None:
    return text(fields(value).get("currency"))


@rule(
    "TRF-002",
    "A tariff is not answered, or not taken over, as it should be",
    ERROR,
    on_answer("SetDefaultTariff", "ChangeTransactionTariff"),
    on_call("TransactionEvent", gate=tells_more),
    source="OCPP 2.1 part 2 I07.FR.01, I07.FR.02, I11.FR.01 to I11.FR.07",
    hint="answer TooManyElements, TxNotFound or NoCurrencyChange; after Accepted tell TariffChanged with the tariffId",
    needs="session",
    versions=(V21,),
)
def tariff(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        return _tariff_changed(event, state)
    payload = asked(event)
    if status_of(event) != ACCEPTED:
        return None
    most, count = state.station.number("MaxElements[Tariff]"), _elements(fields(payload.get("tariff")))
    if most is not None and 0 < most < count:
        return Report(
            f"{count} price elements were accepted; the station takes {most}",
            "elements",
            None,
            numbers_of(event.call),
        )
    if event.action == "SetDefaultTariff":
        return None
    known = state.station.transactions.find(identifier(payload.get("transactionId")))
    if known is None:
        return None
    if known.stop is not None and known.stop.n < event.call.n:
        return Report(f"transaction {known.id} has ended", "ended", None, numbers_of(known.stop, event.call))
    before, now = known.noted.get("currency"), _currency(payload.get("tariff"))
    known.noted["currency"] = now or before
    if before and now and before != now:
        return Report(
            f"the currency of transaction {known.id} changes from {before} to {now}",
            "currency",
            None,
            numbers_of(event.call),
        )
    report = Report(
        f"no event with triggerReason TariffChanged of transaction {known.id} within {_CHANGED_WITHIN} s"
    )
    expect(state, "TRF-002", known.id, _CHANGED_WITHIN, unless_lost(state, report), event)
    return None


def _tariff_changed(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    trigger, info = payload.get("triggerReason"), fields(payload.get("transactionInfo"))
    if trigger != "TariffChanged" and payload.get("eventType") != "Ended":
        return None
    if state.station.expected:
        meet(state.station, "TRF-002", identifier(info.get("transactionId")))
    if trigger != "TariffChanged" or info.get("tariffId") is not None:
        return None
    return Report("TariffChanged without a tariffId", "tariffId")


_COSTS: Final = ("fixed", "energy", "chargingTime", "idleTime", "reservationTime", "reservationFixed")
_CENT: Final = 0.01


def _costs(details: dict[str, Any]) -> Iterator[Report]:
    total = fields(details.get("totalCost"))
    for kind in ("exclTax", "inclTax"):
        whole_sum = number(fields(total.get("total")).get(kind))
        parts = [number(fields(total.get(name)).get(kind)) for name in _COSTS if total.get(name) is not None]
        known = [part for part in parts if part is not None]
        if whole_sum is None or not known or len(known) < len(parts):
            continue
        if abs(sum(known) - whole_sum) > _CENT * (len(known) + 1):
            yield Report(f"total {kind} is {whole_sum:g}, its parts make {sum(known):g}", f"total {kind}")
    periods = list(map(fields, items(details.get("chargingPeriods"))))
    without = [one for one in periods if one.get("tariffId") is None]
    if without:
        yield Report(f"{len(without)} of {len(periods)} chargingPeriods have no tariffId", "tariffId")


@rule(
    "TRF-003",
    "Cost or tariff of a transaction do not add up",
    ERROR,
    on_call("TransactionEvent", gate=tells_more),
    on_answer("TransactionEvent", "Authorize", gate=says_something),
    source="OCPP 2.1 part 2 I08.FR.09, I12.FR.01, I12.FR.03, I12.FR.04, I12.FR.17",
    hint="a driver's tariff has no validFrom; a station that reckons costs tells them with RunningCost and with Ended",
    needs="session",
    versions=(V21,),
)
def costs(event: Message, state: SessionState) -> list[Report]:
    payload = event.payload
    if type(payload) is not dict:
        return []
    if event.call is not None:
        own = fields(fields(payload.get("idTokenInfo")).get("tariff")) or fields(payload.get("tariff"))
        if own.get("validFrom") is None:
            return []
        return [Report("the driver's tariff has a validFrom", "validFrom", None, numbers_of(event.call))]
    details = payload.get("costDetails")
    if details is not None:
        known = state.station.transactions.find(id_in(payload))
        if known is not None:
            known.noted["details"] = event.n
        return list(_costs(fields(details)))
    if payload.get("triggerReason") == "RunningCost":
        return [Report("triggerReason RunningCost without costDetails", "RunningCost")]
    if payload.get("eventType") != "Ended":
        return []
    known = state.station.transactions.find(id_in(payload))
    before = known.noted.get("details") if known is not None else None
    if known is None or before is None:
        return []
    return [
        Report(f"Ended of transaction {known.id} has no costDetails, as before", "Ended", None, (before,))
    ]
