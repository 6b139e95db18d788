"""Signed readings beside the unsigned ones that were sent with them.

A signed register is compared with the value of the same sample, and with `meterStart` and `meterStop`. Registers
that count a transaction, or make good for the losses of a cable, are others than the meter's total: they may
agree, and are never said to differ.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from ocppscope.ocpp import metering
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, items, told
from ocppscope.ocpp.metering import (
    BEGIN,
    END,
    ENERGY,
    ENERGY_EXPORT,
    KINDS,
    OUTLET,
    Sampled,
    is_signed,
    unit_of,
)
from ocppscope.ocpp.signed.records import SignedReading
from ocppscope.ocpp.times import SECOND, duration

_OBIS: Final = re.compile(r"(?:[0-9A-Za-z]+-[0-9A-Za-z]+:)?([0-9A-Fa-f]+)\.0*(?:8|17)\.")
_DIRECTIONS: Final = {"1": ENERGY, "2": ENERGY_EXPORT}
_UNITS: Final = {None: 1, "Wh": 1, "kWh": 1000}
_LEAST: Final = Decimal(1)
"""Wh; `meterStart` and `meterStop` tell no less, and some round and some cut."""
_POWER: Final = Decimal(400_000) / 3600
"""Wh that the fastest chargers deliver in a second."""
_APART: Final = 60 * SECOND
_SYNCHRONIZED: Final = "S"


def register(reading: SignedReading) -> str | None:
    """Which total of the meter a reading is: `metering.ENERGY` or `metering.ENERGY_EXPORT`; None: no total."""
    if reading.energy is None or not reading.usable:
        return None
    if reading.obis is None:
        return ENERGY
    match = _OBIS.match(reading.obis)
    return _DIRECTIONS.get(match[1].lstrip("0")) if match else None


def total(readings: Iterable[SignedReading], moment: str | None = None) -> SignedReading | None:
    """The last reading of what was imported; of a transaction's begin or end, where one is asked for."""
    found = None
    for one in readings:
        if register(one) == ENERGY and (moment is None or one.moment == moment):
            found = one
    return found


def differences(readings: Sequence[SignedReading], one: Sampled, element: dict[str, Any]) -> Iterator[str]:
    """Where the sample of a signed value says something else.

    Args:
        readings: those in the signed value.
        one: the sampled value that it came in.
        element: the MeterValue with that and its neighbours.
    """
    context = one.get("context")
    time = told(element.get("timestamp"))
    for other in items(element.get("sampledValue")):
        try:
            found = _unsigned(one, other, context)
        except NOT_AS_EXPECTED:
            continue
        if found is not None:
            kind, value, step = found
            wanted = [reading for reading in readings if register(reading) == kind]
            yield from _value(wanted, value, step, other.get("context") or context, time)
    yield from _time(readings, time, context)


def _unsigned(one: Sampled, other: Sampled, context: Any) -> tuple[str, Decimal, Decimal] | None:
    """What is measured, how much in Wh, and how exactly, of a value that belongs to a signed one."""
    kind = KINDS.get(other.get("measurand"))
    if kind not in (ENERGY, ENERGY_EXPORT) or is_signed(other) or other.get("phase") is not None:
        return None
    if other is not one and (
        other.get("signedMeterValue") is not None
        or (context is not None and other.get("context") not in (None, context))
    ):
        return None
    if other.get("location") not in (None, OUTLET):
        return None
    unit, multiplied = unit_of(other)
    if unit not in _UNITS:
        return None
    factor = Decimal(_UNITS[unit]) * Decimal(multiplied).normalize()
    written = Decimal(str(other["value"]))
    if not written.is_finite() or abs(written.adjusted()) > 15:
        return None
    exponent = written.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return kind, written * factor, Decimal(1).scaleb(min(exponent, 0)) * factor


def _value(
    readings: list[SignedReading], value: Decimal, step: Decimal, context: Any, time: int | None
) -> Iterator[str]:
    readings = [one for one in readings if one.moment == context] or readings
    apart = []
    for one in readings:
        energy = one.energy
        assert energy is not None
        allowed = max(one.step, step, _LEAST)
        if context not in (BEGIN, END) and one.time is not None and time is not None:
            allowed += _POWER * min(Decimal(abs(one.time - time)) / SECOND + 1, Decimal(60))
        if abs(energy - value) <= allowed:
            return
        apart.append((abs(energy - value), energy))
    if apart:
        yield f"the sample says {_energy(value)}, the signed register {_energy(min(apart)[1])}"


def _time(readings: Sequence[SignedReading], time: int | None, context: Any) -> Iterator[str]:
    """A begin may be sent again at the end, so that only what else there is has to fit."""
    if time is None or context == metering.BEGIN:
        return
    readings = [one for one in readings if one.moment == context] or readings
    told_times = [one.time for one in readings if one.time is not None and one.clock == _SYNCHRONIZED]
    apart = [abs(one - time) for one in told_times]
    if apart and min(apart) > _APART:
        yield f"the sample's time and the signed one are {duration(min(apart))} apart"


def differs_from(name: str, told_value: int, reading: SignedReading) -> str:
    """Where `meterStart` or `meterStop` says something else than the signed register; empty where not."""
    energy = reading.energy
    if energy is None or abs(energy - told_value) <= max(reading.step, _LEAST):
        return ""
    return f"{name} says {_energy(Decimal(told_value))}, the signed register {_energy(energy)}"


def _energy(value: Decimal) -> str:
    return f"{value.normalize():,f} Wh"
