"""What a meter measured, as numbers: sampled values with their defaults filled in, in units of the SI.

What is known of sampled values stands here, for whoever reads them. Sources: OCPP 1.6 edition 2 §7.43
SampledValue, §7.31 Measurand, §3.16.3 on phases; OCPP 2.0.1 and 2.1 part 2, MeterValueType, SampledValueType,
UnitOfMeasureType, MeasurandEnumType.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, items, told
from ocppscope.ocpp.quantities import SCALES

# --- what is measured ---

POWER: Final = "power"
ENERGY: Final = "energy"
SOC: Final = "soc"
CURRENT: Final = "current"
VOLTAGE: Final = "voltage"
POWER_OFFERED: Final = "power_offered"
CURRENT_OFFERED: Final = "current_offered"
POWER_EXPORT: Final = "power_export"
ENERGY_EXPORT: Final = "energy_export"
CURRENT_EXPORT: Final = "current_export"
ENERGY_INTERVAL: Final = "energy_interval"
"""What was charged since the value before. It is the state of nothing at a time, and no sample."""

UNITS: Final[Mapping[str, str]] = {
    POWER: "W",
    ENERGY: "Wh",
    SOC: "%",
    CURRENT: "A",
    VOLTAGE: "V",
    POWER_OFFERED: "W",
    CURRENT_OFFERED: "A",
    POWER_EXPORT: "W",
    ENERGY_EXPORT: "Wh",
    CURRENT_EXPORT: "A",
    ENERGY_INTERVAL: "Wh",
}
"""What a value counts, by what was measured."""

DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
KINDS: Final[Mapping[Any, str]] = {
    None: ENERGY,
    DEFAULT_MEASURAND: ENERGY,
    "Energy.Active.Export.Register": ENERGY_EXPORT,
    "Energy.Active.Import.Interval": ENERGY_INTERVAL,
    "Power.Active.Import": POWER,
    "Power.Active.Export": POWER_EXPORT,
    "Power.Offered": POWER_OFFERED,
    "Power.Import.Offered": POWER_OFFERED,
    "Current.Import": CURRENT,
    "Current.Export": CURRENT_EXPORT,
    "Current.Offered": CURRENT_OFFERED,
    "Current.Import.Offered": CURRENT_OFFERED,
    "Voltage": VOLTAGE,
    "SoC": SOC,
}
"""What was measured, one of UNITS, by measurand; None is a measurand that is not said."""

# --- its unit ---

DEFAULT_ENERGY_UNIT: Final = "Wh"
"""The only unit that the standard has for a value without one."""
_SCALES: Final[Mapping[str, Mapping[Any, float]]] = {
    kind: SCALES[unit] if unit == "W" else {None: 1, **SCALES[unit]} for kind, unit in UNITS.items()
}
"""How much a unit is. None is a unit that is not said: Wh for energy, by the standard; A, V and % because there
is no other. Power without one may be W or kW, so nothing can be said of it."""
_SIGNED: Final = "SignedData"
_LARGEST: Final = 1e15
"""No meter shows more; infinite values and NaN are left out with what is beyond it."""
_DECIMALS: Final = 6
"""Enough for any meter; further ones are made by calculating in binary."""

# --- where, and when ---

OUTLET: Final = "Outlet"
"""The location of a value that names none. What is measured there is what the station delivers."""
TOTAL: Final = 0
LINES: Final[Mapping[Any, int]] = {
    None: TOTAL, "L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3,
}  # fmt: skip
"""By phase. A value without one is the total. The neutral conductor and voltages between lines are left out."""
_TOGETHER: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    kind: sum if unit in ("W", "Wh") else max for kind, unit in UNITS.items()
}
"""How the phases make one value, where there is no total."""

BEGIN: Final = "Transaction.Begin"
END: Final = "Transaction.End"
_MOMENTS: Final[Mapping[Any, str]] = {BEGIN: BEGIN, END: END}

Sampled: TypeAlias = dict[str, Any]
"""A SampledValue, as it was on the wire. A field that is null is one that is not there."""


def is_signed(one: Sampled) -> bool:
    """Whether a value is no number, but a signature with a number somewhere in it."""
    return one.get("format") == _SIGNED


def unit_of(one: Sampled) -> tuple[Any, float]:
    """The unit as written, None for none, and by what the value is to be multiplied to count it.

    Raises:
        TypeError, AttributeError, ArithmeticError: it has another shape than the standard's.
    """
    measure = one.get("unitOfMeasure")
    if measure is None:  # 1.6
        return one.get("unit"), 1
    multiplier = measure.get("multiplier")
    return measure.get("unit"), 10.0**multiplier if multiplier else 1


def scaled(one: Sampled, kind: str) -> float | None:
    """A value in the unit of its kind; None where its own unit is another, or not known, and for signed data.

    Raises:
        TypeError, AttributeError, ValueError, ArithmeticError, LookupError: it has another shape than the
            standard's, or is no number that a meter shows.
    """
    if "unitOfMeasure" in one:
        unit, multiplied = unit_of(one)
    else:
        unit, multiplied = one.get("unit"), 1
    factor = _SCALES[kind].get(unit)
    if factor is None or one.get("format") == _SIGNED:
        return None
    number = one["value"]
    if type(number) is bool:
        raise TypeError
    value = float(number)
    if factor != 1 or multiplied != 1:
        value = round(value * factor * multiplied, _DECIMALS)
    if not -_LARGEST < value < _LARGEST:
        raise ValueError
    return value


def together(kind: str, lines: Mapping[int, float]) -> float:
    """What was measured on all lines: the total, where that was told; else the phases' sum or, of voltage,
    current and the state of charge, the highest of them.
    """
    if TOTAL in lines:
        return lines[TOTAL]
    if len(lines) == 1:
        return next(iter(lines.values()))
    return round(_TOGETHER[kind](lines.values()), _DECIMALS)


Reading: TypeAlias = tuple[int | None, str | None, str, float]
"""The time that the station tells, in ns (None: it tells none); BEGIN or END of the transaction, or None; what
was measured, one of UNITS; the value. A plain tuple: several are made of most messages."""


def sampled(meter_values: Any) -> list[Reading]:
    """Read a `meterValue` or `transactionData`: an array of a timestamp and the values sampled at it.

    Phases of one time belong together, also where each has an element of its own. The standard does not say
    what a value means that is told twice at one time: the last counts, which was sampled later, if any was.
    Only the outlet's values are read; the state of charge can be the vehicle's only, whatever is said.

    Args:
        meter_values: as it was on the wire; what cannot be read in it is passed over.
    """
    found: dict[tuple[int | None, str | None, str], dict[int, float]] = {}
    for element in items(meter_values):
        if type(element) is not dict:
            continue
        time = told(element.get("timestamp"))
        for one in items(element.get("sampledValue")):
            try:
                value = _value(one)
            except NOT_AS_EXPECTED:
                continue
            if value is None:
                continue
            moment, kind, line, number = value
            key = time, moment, kind
            if key in found:
                found[key][line] = number
            else:
                found[key] = {line: number}
    return [(*key, together(key[2], lines)) for key, lines in found.items()]


def _value(one: Sampled) -> tuple[str | None, str, int, float] | None:
    """Context, kind, line and value of one sampled value; None for what is not wanted or not known."""
    get = one.get
    kind, line, place = KINDS.get(get("measurand")), LINES.get(get("phase")), get("location")
    if kind is None or line is None or kind == ENERGY_INTERVAL:
        return None
    if place is not None and place != OUTLET and kind != SOC:
        return None
    value = scaled(one, kind)
    return None if value is None else (_MOMENTS.get(get("context")), kind, line, value)
