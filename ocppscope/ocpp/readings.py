"""What a meter says, in words: `7.2 kW, 12.41 kWh, SoC 54 %`.

Sources: OCPP 1.6 edition 2 §7.43 SampledValue with the defaults of its fields; OCPP 2.0.1 and 2.1 part 2,
SampledValueType and UnitOfMeasureType.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.ocpp.quantities import energy, finite, number, power

DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
_OUTLET: Final = "Outlet"
"""The location of a value that names none."""

Units: TypeAlias = Mapping[str | None, float]
"""What a unit counts. None is a unit that is not said: Wh for energy, by the standard; V, A and % because
there is no other. Power without a unit may be W or kW, so nothing is said of it."""
_ENERGY: Final[Units] = {"Wh": 1, None: 1, "kWh": 1000}
_POWER: Final[Units] = {"W": 1, "kW": 1000}

_Kind: TypeAlias = tuple[str, str, Units, Callable[[Iterable[float]], float], Callable[[float], str]]
"""Measurand, what is said before it, its units, how its phases make one value, and that value in words."""
_POWERS: Final[tuple[_Kind, ...]] = (
    ("Power.Active.Import", "", _POWER, sum, power),
    ("Power.Active.Export", "export ", _POWER, sum, power),
)
_INSTEAD_OF_POWER: Final[tuple[_Kind, ...]] = (
    ("Voltage", "", {"V": 1, None: 1}, max, lambda volts: f"{volts:.0f} V"),
    ("Current.Import", "", {"A": 1, None: 1}, max, lambda amperes: f"{amperes:.1f} A".replace(".0 ", " ")),
)
_THE_OTHERS: Final[tuple[_Kind, ...]] = (
    (DEFAULT_MEASURAND, "", _ENERGY, sum, energy),
    ("Energy.Active.Export.Register", "export ", _ENERGY, sum, energy),
    ("Energy.Active.Import.Interval", "interval ", _ENERGY, sum, energy),
    ("SoC", "SoC ", {"Percent": 1, None: 1}, max, lambda percent: f"{number(percent)} %"),
)
_KNOWN: Final = frozenset(kind[0] for kind in (*_POWERS, *_INSTEAD_OF_POWER, *_THE_OTHERS))

_TOTAL: Final = 0
_PHASES: Final[Mapping[str | None, int]] = {
    None: _TOTAL, "L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3,
}  # fmt: skip

Sampled: TypeAlias = dict[str, Any]


def readings(values: list[Sampled]) -> str:
    """What the sampled values of one moment say.

    Of several locations the outlet counts; where there is only another one, it is named. A value without a
    phase is the total. Where there is none the phases are summed; of voltage and current the highest is taken.
    Voltage and current are said only where power is not.

    Raises:
        TypeError, AttributeError, ValueError, ArithmeticError, LookupError: the values have another shape than
            the standard's.
    """
    found: dict[str, list[Sampled]] = {}
    for one in values:
        measurand = one.get("measurand", DEFAULT_MEASURAND)
        if measurand in found:
            found[measurand].append(one)
        elif measurand in _KNOWN:
            found[measurand] = [one]
    said = _told(_POWERS, found) or _told(_INSTEAD_OF_POWER, found)
    said += _told(_THE_OTHERS, found)
    return ", ".join(said) or _other(values)


def scaled(one: Sampled, units: Units) -> float | None:
    """A sampled value in the smallest of its units; None where its unit is not one of them."""
    unit, multiplier = one.get("unit"), 0
    if "unitOfMeasure" in one:
        unit, multiplier = one["unitOfMeasure"].get("unit"), one["unitOfMeasure"].get("multiplier", 0)
    counts = units.get(unit)
    if counts is None or one.get("format") == "SignedData":
        return None
    value = finite(one["value"]) * counts
    return value * 10.0**multiplier if multiplier else value


def _told(kinds: tuple[_Kind, ...], found: dict[str, list[Sampled]]) -> list[str]:
    said: list[str] = []
    for kind in kinds:
        ones = found.get(kind[0])
        if ones is None:
            continue
        measurand, before, units, combined, in_words = kind
        place = ones[0].get("location", _OUTLET)
        if len(ones) == 1:
            value = scaled(ones[0], units)
        else:
            value, place = _one_of(ones, units, combined)
        # Most stations give nothing back, and some say so all the time.
        if value is None or (not value and before == "export " and len(found) > 1):
            continue
        said.append(before + in_words(value))
        if place != _OUTLET and measurand != "SoC":
            said[-1] += f" at {place}"
    return said


def _one_of(
    ones: list[Sampled], units: Units, combined: Callable[[Iterable[float]], float]
) -> tuple[float | None, str]:
    """Of several values of a measurand the one that tells most, and where it was taken."""
    places: dict[str, dict[int, float]] = {}
    for one in ones:
        phase, value = _PHASES.get(one.get("phase")), scaled(one, units)
        if phase is not None and value is not None:
            places.setdefault(one.get("location", _OUTLET), {})[phase] = value
    if not places:
        return None, _OUTLET
    place = _OUTLET if _OUTLET in places else next(iter(places))
    phases = places[place]
    return (phases[_TOTAL] if _TOTAL in phases else combined(phases.values())), place


def _other(values: list[Sampled]) -> str:
    """The first of values that are all of another kind."""
    if not values:
        return "no values"
    one = values[0]
    if one.get("format") == "SignedData":
        return "signed data"
    unit = one.get("unit") or one.get("unitOfMeasure", {}).get("unit", "")
    return f"{one.get('measurand', DEFAULT_MEASURAND)} {str(one['value'])[:30]} {unit}".rstrip()
