"""Units, and amounts in words: energy in kWh, power in kW, spans of time in what people count."""

from collections.abc import Callable, Mapping
from typing import Final

from ocppscope.ocpp.times import SECOND, duration

SCALES: Final[Mapping[str, Mapping[str, float]]] = {
    "Wh": {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000},
    "W": {"W": 1, "kW": 1_000, "MW": 1_000_000},
    "A": {"A": 1, "mA": 0.001},
    "V": {"V": 1, "mV": 0.001, "kV": 1_000},
    "%": {"%": 1, "Percent": 1},
}
"""By the unit that is reckoned with: what payloads count in, and how much of that unit it is.

1.6 knows Wh, kWh, W, kW, A, V and Percent only, 2.x any string. The others leave no doubt about what they mean.
"""
_KNOWN: Final[Mapping[str, tuple[str, float]]] = {
    written: (unit, factor) for unit, scale in SCALES.items() for written, factor in scale.items()
}


def energy(watt_hours: float) -> str:
    """`12410` is `12.41 kWh`."""
    return f"{watt_hours / 1000:z.2f} kWh"


def power(watts: float) -> str:
    """`7200` is `7.2 kW`; below 1 kW in W."""
    return f"{watts / 1000:z.1f} kW" if abs(watts) >= 999.5 else f"{watts:z.0f} W"


def percent(value: float) -> str:
    return f"{number(value)} %"


_IN_WORDS: Final[Mapping[str, Callable[[float], str]]] = {"Wh": energy, "W": power, "%": percent}


def amount(value: float, unit: str) -> str:
    """A value with its unit, in the unit that people read: `16 A`, `7.2 kW`, `54 %`."""
    if unit == "s":
        return f"{number(value)} s" if abs(value) < 120 else duration(round(value * SECOND))
    known, factor = _KNOWN.get(unit, (unit, 1))
    in_words = _IN_WORDS.get(known)
    return f"{number(value)} {unit}" if in_words is None else in_words(value * factor)


def number(value: float) -> str:
    """With at most two decimals."""
    return f"{value:z.2f}".rstrip("0").rstrip(".")
