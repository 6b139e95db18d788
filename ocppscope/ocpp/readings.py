"""What a meter says, in words: `7.2 kW, 12.41 kWh, SoC 54 %`. What is known of sampled values is in `metering`."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ocppscope.ocpp import metering
from ocppscope.ocpp.lenient import finite
from ocppscope.ocpp.metering import KINDS, LINES, OUTLET, Sampled, scaled
from ocppscope.ocpp.quantities import energy, number, percent, power

_Said: TypeAlias = tuple[str, str, Callable[[float], str]]
"""What was measured, what is said before it, and its value in words."""
_POWERS: Final[tuple[_Said, ...]] = (
    (metering.POWER, "", power),
    (metering.POWER_EXPORT, "export ", power),
)
_INSTEAD_OF_POWER: Final[tuple[_Said, ...]] = (
    (metering.VOLTAGE, "", lambda volts: f"{volts:.0f} V"),
    (metering.CURRENT, "", lambda amperes: f"{amperes:.1f} A".replace(".0 ", " ")),
)
_THE_OTHERS: Final[tuple[_Said, ...]] = (
    (metering.ENERGY, "", energy),
    (metering.ENERGY_EXPORT, "export ", energy),
    (metering.ENERGY_INTERVAL, "interval ", energy),
    (metering.SOC, "SoC ", percent),
)


def readings(meter_values: list[dict[str, Any]]) -> str:
    """What a `meterValue` says, of several moments the last.

    Of several locations the outlet counts; where there is only another one, it is named. Voltage and current
    are said only where power is not.

    Raises:
        TypeError, AttributeError, ValueError, ArithmeticError, LookupError: it has another shape than the
            standard's.
    """
    values, more = meter_values[-1]["sampledValue"], ""
    if len(meter_values) > 1:
        values, more = _last(meter_values)
    found: dict[str, list[Sampled]] = {}
    for one in values:
        kind = KINDS.get(one.get("measurand"))
        if kind in found:
            found[kind].append(one)
        elif kind is not None:
            found[kind] = [one]
    said = _told(_POWERS, found) or _told(_INSTEAD_OF_POWER, found)
    said += _told(_THE_OTHERS, found)
    return (", ".join(said) or _other(values)) + more


def _last(elements: list[dict[str, Any]]) -> tuple[list[Sampled], str]:
    """The values of the last moment, and what is said of the others.

    Elements of one time are one moment: some stations have an element for each phase.
    """
    times = [element.get("timestamp") for element in elements]
    together = [element for element, time in zip(elements, times, strict=True) if time == times[-1]]
    moments = len(set(times))
    more = f" (last of {moments})" if moments > 1 else ""
    return [one for element in together for one in element["sampledValue"]], more


def _told(kinds: tuple[_Said, ...], found: dict[str, list[Sampled]]) -> list[str]:
    said: list[str] = []
    for kind, before, in_words in kinds:
        ones = found.get(kind)
        if ones is None:
            continue
        if len(ones) > 1:
            value, place = _one_of(kind, ones)
        else:
            one = ones[0]
            value, place = scaled(one, kind) if one.get("phase") in LINES else None, one.get("location")
        # Most stations give nothing back, and some say so all the time.
        if value is None or (not value and before == "export " and len(found) > 1):
            continue
        said.append(before + in_words(value))
        if place is not None and place != OUTLET and kind != metering.SOC:
            said[-1] += f" at {place}"
    return said


def _one_of(kind: str, ones: list[Sampled]) -> tuple[float | None, Any]:
    """Of several values of a kind the one that tells most, and where it was taken."""
    places: dict[str, dict[int, float]] = {}
    for one in ones:
        line, value = LINES.get(one.get("phase")), scaled(one, kind)
        if line is not None and value is not None:
            places.setdefault(one.get("location") or OUTLET, {})[line] = value
    if not places:
        return None, OUTLET
    place = OUTLET if OUTLET in places else next(iter(places))
    return metering.together(kind, places[place]), place


def _other(values: list[Sampled]) -> str:
    """The first of values that are all of another kind."""
    if not values:
        return "no values"
    one = values[0]
    if metering.is_signed(one):
        return "signed data"
    unit, multiplied = metering.unit_of(one)
    value = str(one["value"])[:30] if multiplied == 1 else number(finite(one["value"]) * multiplied)
    return f"{one.get('measurand') or metering.DEFAULT_MEASURAND} {value} {unit or ''}".rstrip()
