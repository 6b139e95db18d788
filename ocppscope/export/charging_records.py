"""Charging transactions as JSON objects, by the contract of the command line. An id that is none is null."""

from collections.abc import Iterator
from typing import Any, Final

from ocppscope.ocpp.signed.records import NOT_SIGNED
from ocppscope.ocpp.times import SECOND, timestamp
from ocppscope.ocpp.transaction_details import Details
from ocppscope.ocpp.transactions import Transaction

_NONE_KNOWN: Final = Details()


def transaction_record(one: Transaction) -> dict[str, Any]:
    """One transaction, as `transactions --json` prints it. Energy and registers are in Wh."""
    more = one.details or _NONE_KNOWN
    return {
        "number": one.number,
        "chargePointId": one.station,
        "ocppVersion": one.version,
        "session": one.session,
        "sessions": more.sessions,
        "transactionId": one.id,
        "evseId": one.evse,
        "connectorId": one.connector,
        "idToken": one.id_token,
        "idTokenType": more.id_token_type,
        "idTokenStatus": more.id_token_status,
        "start": timestamp(one.start),
        "stop": timestamp(one.stop),
        "durationS": None if one.start is None or one.stop is None else seconds(one.stop - one.start),
        "energyWh": one.energy,
        "meterStart": one.meter_start,
        "meterStop": one.meter_stop,
        "reason": one.reason,
        "stopIdToken": more.stop_id_token,
        "chargingState": more.charging_state,
        "timeSpentChargingS": more.time_charging,
        "remoteStartId": more.remote_start,
        "reservationId": more.reservation,
        "startAgeS": seconds(more.start_age),
        "stopAgeS": seconds(more.stop_age),
        "oldestAgeS": seconds(more.oldest),
        "offlineEvents": more.offline_events,
        "gaps": list(_gaps(one, more)),
        "totalCost": more.total_cost,
        "costBy": more.cost_by,
        "currency": more.currency,
        "tariffId": more.tariff,
        "signedValues": _signed(more),
        "startN": one.start_n,
        "stopN": one.stop_n,
    }


def _signed(more: Details) -> dict[str, Any]:
    """The verdict on its signed meter values, and what they say alone; energy in Wh."""
    known = more.signed
    if known is None:
        return {"verdict": NOT_SIGNED}
    return {
        "verdict": known.verdict,
        "reason": known.reason or None,
        "format": known.format or None,
        "energyWh": known.energy,
        "values": known.values,
        "keyFrom": known.source,
    }


def seconds(time: int | None) -> float | None:
    """A span of time in s, to the millisecond."""
    return None if time is None else round(time / SECOND, 3)


def _gaps(one: Transaction, more: Details) -> Iterator[dict[str, Any]]:
    if one.start_n is None:
        yield {"missing": "start"}
    for first, last in more.seq_nos.missing or ():
        yield {"missing": "seqNo", "from": first, "to": last, "count": last - first + 1}
    for begin, end in more.holes:
        yield {
            "missing": "meterValues",
            "from": timestamp(begin),
            "to": timestamp(end),
            "seconds": seconds(end - begin),
        }
    if more.is_followed and one.stop_n is None:
        yield {"missing": "stop"}
