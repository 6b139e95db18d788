"""Amounts in words: energy in kWh, power in kW, spans of time in what people count."""

from math import isfinite
from typing import Any

from ocppscope.ocpp.times import SECOND, duration


def energy(watt_hours: float) -> str:
    """`12410` is `12.41 kWh`."""
    return f"{watt_hours / 1000:z.2f} kWh"


def power(watts: float) -> str:
    """`7200` is `7.2 kW`; below 1 kW in W."""
    return f"{watts / 1000:z.1f} kW" if abs(watts) >= 999.5 else f"{watts:z.0f} W"


def amount(value: float, unit: str) -> str:
    """A value with its unit, in the unit that people read: `16 A`, `7.2 kW`, `54 %`."""
    if unit in ("Wh", "kWh"):
        return energy(value * 1000 if unit == "kWh" else value)
    if unit in ("W", "kW"):
        return power(value * 1000 if unit == "kW" else value)
    if unit == "s":
        return f"{number(value)} s" if abs(value) < 120 else duration(round(value * SECOND))
    return f"{number(value)} {'%' if unit == 'Percent' else unit}"


def number(value: float) -> str:
    """With at most two decimals."""
    return f"{value:z.2f}".rstrip("0").rstrip(".")


def finite(value: Any) -> float:
    """A number, also where it is written as a string (every sampled value of OCPP 1.6 is).

    Raises:
        TypeError: it is neither.
        ValueError: it is a string that holds no number, or no finite one.
    """
    if isinstance(value, bool):
        raise TypeError
    found = float(value)
    if not isfinite(found):
        raise ValueError
    return found
