"""What a meter measured, as numbers: sampled values with their defaults filled in, in units of the SI.

Sources: OCPP 1.6 edition 2 §7.43 SampledValue, §7.31 Measurand, §3.16.3 on phases; OCPP 2.0.1 and 2.1 part 2,
SampledValueType, UnitOfMeasureType, MeasurandEnumType.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.ocpp.lenient import items, told

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
}
"""What a sample's value counts, by what was measured."""

BEGIN: Final = "Transaction.Begin"
END: Final = "Transaction.End"

Reading: TypeAlias = tuple[int | None, str | None, str, float]
"""The time that the station tells, in ns (None: it tells none); BEGIN or END of the transaction, or None; what
was measured, one of UNITS; the value. A plain tuple: several are made of most messages."""

_Scale: TypeAlias = Mapping[Any, float]
"""How much a unit is. None is a unit that is not said: Wh for energy, by the standard; A, V and % because there
is no other. Power without one may be W or kW, so it is nothing that can be drawn."""
_ENERGY: Final[_Scale] = {None: 1, "Wh": 1, "kWh": 1000, "MWh": 1e6}
_POWER: Final[_Scale] = {"W": 1, "kW": 1000, "MW": 1e6}
_CURRENT: Final[_Scale] = {None: 1, "A": 1, "mA": 0.001}
_VOLTAGE: Final[_Scale] = {None: 1, "V": 1, "mV": 0.001, "kV": 1000}
_PERCENT: Final[_Scale] = {None: 1, "Percent": 1, "%": 1}

_OUTLET: Final = frozenset({None, "Outlet"})
_ANYWHERE: Final = frozenset({None, "Outlet", "EV", "Inlet", "Cable", "Body"})

_MEASURANDS: Final[Mapping[Any, tuple[str, _Scale, frozenset[str | None]]]] = {
    None: (ENERGY, _ENERGY, _OUTLET),
    "Energy.Active.Import.Register": (ENERGY, _ENERGY, _OUTLET),
    "Energy.Active.Export.Register": (ENERGY_EXPORT, _ENERGY, _OUTLET),
    "Power.Active.Import": (POWER, _POWER, _OUTLET),
    "Power.Active.Export": (POWER_EXPORT, _POWER, _OUTLET),
    "Power.Offered": (POWER_OFFERED, _POWER, _OUTLET),
    "Power.Import.Offered": (POWER_OFFERED, _POWER, _OUTLET),
    "Current.Import": (CURRENT, _CURRENT, _OUTLET),
    "Current.Export": (CURRENT_EXPORT, _CURRENT, _OUTLET),
    "Current.Offered": (CURRENT_OFFERED, _CURRENT, _OUTLET),
    "Current.Import.Offered": (CURRENT_OFFERED, _CURRENT, _OUTLET),
    "Voltage": (VOLTAGE, _VOLTAGE, _OUTLET),
    "SoC": (SOC, _PERCENT, _ANYWHERE),
}
"""By measurand: what it is called here, its units, and where it has to be measured to be the station's output.
The state of charge can be the vehicle's only, whatever is said."""

_TOTAL: Final = 0
_LINES: Final[Mapping[Any, int]] = {
    None: _TOTAL, "L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3,
}  # fmt: skip
"""A value without a phase is the total. The neutral conductor and voltages between lines are left out."""
_MOMENTS: Final[Mapping[Any, str]] = {BEGIN: BEGIN, END: END}

_TOGETHER: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    kind: sum if unit in ("W", "Wh") else max for kind, unit in UNITS.items()
}
"""How the phases make one value, where there is no total."""
_LARGEST: Final = 1e15
"""No meter shows more; infinite values and NaN are left out with what is beyond it."""
_DECIMALS: Final = 6
"""Enough for any meter; further ones are made by calculating in binary."""


def sampled(meter_values: Any) -> list[Reading]:
    """Read a `meterValue` or `transactionData`: an array of a timestamp and the values sampled at it.

    Phases of one time belong together, also where each has an element of its own.

    Args:
        meter_values: as it was on the wire; what cannot be read in it is passed over.
    """
    found: dict[tuple[int | None, str | None, str], float] = {}
    phases: dict[tuple[int | None, str | None, str], dict[int, float]] = {}
    for element in items(meter_values):
        if type(element) is not dict:
            continue
        time = told(element.get("timestamp"))
        for one in items(element.get("sampledValue")):
            try:
                value = _value(one)
            except (AttributeError, TypeError, ValueError, ArithmeticError):  # of values of any other type
                continue
            if value is None:
                continue
            moment, kind, line, number = value
            key = time, moment, kind
            if line == _TOTAL:
                found.setdefault(key, number)
            elif key not in phases:
                phases[key] = {line: number}
            else:
                phases[key].setdefault(line, number)
    for key, lines in phases.items():
        if key not in found:
            found[key] = _together(key[2], lines)
    return [(*key, value) for key, value in found.items()]


def _value(one: dict[str, Any]) -> tuple[str | None, str, int, float] | None:
    """Context, kind, line and value of one sampled value; None for what is not wanted or not known."""
    get = one.get
    measurand = _MEASURANDS.get(get("measurand"))
    if measurand is None:
        return None
    kind, scale, places = measurand
    line, unit, measure = _LINES.get(get("phase")), get("unit"), get("unitOfMeasure")
    number: Any = get("value")
    if line is None or get("location") not in places or get("format") == "SignedData" or type(number) is bool:
        return None
    multiplier = 0
    if measure is not None:
        unit, multiplier = measure.get("unit"), measure.get("multiplier")
    factor = scale.get(unit)
    if factor is None:
        return None
    value = float(number)
    if multiplier:
        factor *= 10.0**multiplier
    if factor != 1:
        value = round(value * factor, _DECIMALS)
    return (_MOMENTS.get(get("context")), kind, line, value) if -_LARGEST < value < _LARGEST else None


def _together(kind: str, lines: Mapping[int, float]) -> float:
    if len(lines) == 1:
        return next(iter(lines.values()))
    return round(_TOGETHER[kind](lines.values()), _DECIMALS)
