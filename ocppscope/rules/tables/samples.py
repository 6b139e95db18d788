"""Sampled values as rules look at them: what each is of, found once for each shape of message, and the numbers.

A station sends the same measurands again and again; only the numbers change. So a list of sampled values is
compared with the last ones, value by value, and what is known of their shape is known of it. Sources: OCPP 1.6
edition 2 §7.31 Measurand, §7.43 SampledValue, §7.45 UnitOfMeasure; OCPP 2.0.1 and 2.1 part 2, SampledValueType,
UnitOfMeasureType, and the appendix on standardised units.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, finite
from ocppscope.ocpp.metering import (
    BEGIN,
    CURRENT,
    CURRENT_EXPORT,
    CURRENT_OFFERED,
    DEFAULT_ENERGY_UNIT,
    DEFAULT_MEASURAND,
    END,
    ENERGY,
    KINDS,
    LINES,
    OUTLET,
    POWER,
    SOC,
    TOTAL,
    VOLTAGE,
    is_signed,
    unit_of,
)
from ocppscope.ocpp.quantities import SCALES
from ocppscope.ocpp.recent import Recent

PERIODIC: Final = "Sample.Periodic"
"""The context of a value that names none."""
CLOCK: Final = "Sample.Clock"
TRIGGER: Final = "Trigger"

# --- units ---

_QUANTITIES: Final[Mapping[str, tuple[str, float]]] = {
    **{unit: (base, factor) for base, scale in SCALES.items() for unit, factor in scale.items()},
    "varh": ("varh", 1),
    "kvarh": ("varh", 1_000),
    "VAh": ("VAh", 1),
    "kVAh": ("VAh", 1_000),
    "var": ("var", 1),
    "kvar": ("var", 1_000),
    "VA": ("VA", 1),
    "kVA": ("VA", 1_000),
    "Celsius": ("temperature", 1),
    "Celcius": ("temperature", 1),
    "Fahrenheit": ("temperature", 1),
    "K": ("temperature", 1),
    "Hz": ("Hz", 1),
    "Hertz": ("Hz", 1),
    "RPM": ("RPM", 1),
}
"""By unit as it is written: the quantity that it measures, and how much of its base unit it is."""
_IN_LOWER_CASE: Final[Mapping[str, str]] = {
    unit.lower(): unit
    for unit in reversed(tuple(_QUANTITIES))
    if unit != "MW"  # mW is another one
}

_FITTING: Final[tuple[tuple[str, frozenset[str]], ...]] = tuple(
    (name, frozenset(quantities.split()))
    for name, quantities in (
        ("Energy.Active.", "Wh"),
        ("Energy.Reactive.", "varh VAh Wh"),  # Wh is the default of all energies
        ("Energy.Apparent.", "VAh varh Wh"),
        ("EnergyRequest.", "Wh"),
        ("Power.Active.", "W VA"),
        ("Power.Reactive.", "var VA W"),
        ("Power.Factor", "%"),
        ("Power.", "W VA"),
        ("Current.", "A"),
        ("Voltage", "V"),
        ("SoC", "%"),
        ("Temperature", "temperature"),
        ("Frequency", "Hz"),
        ("RPM", "RPM"),
    )
)
"""By the beginning of a measurand's name: what its unit may measure. The first that fits counts."""
_VARIANTS: Final[Mapping[str, str]] = {"Celcius": "Temperature", "Hertz": "Frequency", "Hz": "Frequency"}
"""Spellings of 1.6 that its schema, its text and its errata do not agree about, and the measurand of each."""

LEFT_OUT: Final = "MV-019"
"""The rule about what is left out."""

# --- what a value may be ---

_ANY: Final = 1e15
"""No meter shows more."""
_NEAR_THE_VEHICLE: Final = frozenset({OUTLET, "Cable", "EV"})
"""Locations at which the limits below hold; what feeds a whole site is beyond them."""
LOWEST_VOLTAGE: Final = 80
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    POWER: (-100, _ANY),
    VOLTAGE: (LOWEST_VOLTAGE, 1_300),  # MCS has 1,250 V
    CURRENT: (-_ANY, 3_500),  # and 3,000 A
    CURRENT_EXPORT: (-_ANY, 3_500),
}
"""By what is measured: the least and the most that a charging station's outlet can have, in units of the SI."""

_LEAST: Final = 1e-12
"""What a value is multiplied by is no less; nothing is measured in smaller parts."""
_LONGEST_NAME: Final = 60
_KEPT: Final = 1_000
_LONGEST_KEPT: Final = 100
"""Values of a list whose shape is remembered."""


@dataclass(slots=True, eq=False)
class Channel:
    """What one sampled value is of."""

    measurand: str
    """With the default filled in."""
    unit: str | None
    """As on the wire; None for none."""
    phase: str | None
    context: str
    location: str
    kind: str | None
    """One of `metering.UNITS`, for what is reckoned with."""
    factor: float | None
    """By what the value is to be multiplied; None where the unit is not known."""
    is_signed: bool
    key: tuple[str, ...]
    """Which series of values it belongs to, of one connector or EVSE: measurand, phase, location, quantity."""
    low: float = -_ANY
    high: float = _ANY
    """What it may be, in its own unit."""
    problems: tuple[tuple[str, str, str], ...] = ()
    """What is to be said of it whatever its value is: rule, subject, detail."""

    @property
    def name(self) -> str:
        """For people: `Current.Import L1`, `SoC at EV`."""
        said = self.measurand if self.phase is None else f"{self.measurand} {self.phase}"
        return said if self.location == OUTLET else f"{said} at {self.location}"


Register: TypeAlias = tuple[int, tuple[str, ...], float, Channel]
"""Where it stands in the list, its key, its factor, and what else is known of it."""


@dataclass(slots=True, eq=False)
class Shape:
    """What a list of sampled values is of."""

    channels: tuple[Channel, ...]
    compared: list[tuple[dict[str, Any], float, float]] = field(default_factory=list)
    """For each value: itself as it was last, but for its number, and what that may be. Empty where lists of this
    shape cannot be compared."""
    problems: tuple[tuple[str, str, str], ...] = ()
    """What is to be said of it whatever its numbers are: rule, subject, detail."""
    defaults: tuple[tuple[str, str, str], ...] = ()
    """The same of what is left out: in 2.x that is common, and of no interest."""
    registers: tuple[Register, ...] = ()
    """Those that count on; what was read at the begin of the transaction is apart."""
    begins: tuple[Register, ...] = ()
    energy: Register | None = None
    """The register of what the vehicle got in all."""
    watts: tuple[tuple[int, float], ...] = ()
    """What makes up the power that it gets: where they stand, and their factors."""
    amperes_offered: tuple[int, float] | None = None
    line_amperes: tuple[tuple[int, float], ...] = ()
    context: str | None = None
    """That of all of them; None where they differ."""
    contexts: frozenset[str] = frozenset()
    """Those of which more is to be said than that they are periodic."""
    lines: frozenset[tuple[str, str]] = frozenset()
    """Measurands and phases of what is measured periodically by phase."""


_shapes: Final[Recent[tuple[Any, ...], Shape]] = Recent(_KEPT)
"""Those that were met lately: stations of one model send the same."""

Numbers: TypeAlias = list[float | None]


def read_as(shape: Shape, samples: list[Any]) -> tuple[Numbers, bool] | None:
    """The numbers of a list of sampled values, and whether any of them is odd; None where it has another shape."""
    compared = shape.compared
    if len(compared) != len(samples):
        return None
    numbers: Numbers = []
    odd = False
    try:
        for (last, low, high), one in zip(compared, samples, strict=True):
            last["value"] = value = one["value"]
            if last != one:
                return None
            number = float(value)
            numbers.append(number)
            if not low <= number <= high:
                odd = True
    except NOT_AS_EXPECTED:
        return None
    if odd:
        numbers = [number if number is not None and -_ANY < number < _ANY else None for number in numbers]
    return numbers, odd


def read_anew(samples: list[Any]) -> tuple[Shape, Numbers, bool]:
    """The same where nothing like it came before."""
    shape = _shape_of(samples)
    numbers: Numbers = []
    odd = False
    for channel, one in zip(shape.channels, samples, strict=True):
        number = None
        if type(one) is dict and not channel.is_signed:
            try:
                number = finite(one["value"])
            except NOT_AS_EXPECTED:
                odd = True
            else:
                if not channel.low <= number <= channel.high:
                    odd = True
                    number = number if -_ANY < number < _ANY else None
        numbers.append(number)
    return shape, numbers, odd


def _shape_of(samples: list[Any]) -> Shape:
    if len(samples) > _LONGEST_KEPT:
        return make_shape(samples)
    key = tuple(map(_key, samples))
    shape = _shapes.get(key)
    if shape is None:
        shape = _shapes[key] = make_shape(samples)
        if all(map(_is_plain, samples)) and not any(channel.is_signed for channel in shape.channels):
            shape.compared = [
                (dict(one), channel.low, channel.high)
                for channel, one in zip(shape.channels, samples, strict=True)
            ]
    return shape


def _is_plain(one: Any) -> bool:
    """Whether it can be compared at no cost: it has nothing in it that is large or deep."""
    if type(one) is not dict or "signedMeterValue" in one:
        return False
    unit = one.get("unitOfMeasure")
    values = [*one.values(), *(unit.values() if type(unit) is dict else ())]
    return all(
        value is unit or type(value) in _SCALARS or (type(value) is str and len(value) <= _LONGEST_NAME)
        for value in values
    )


_SCALARS: Final = frozenset({int, float, bool, type(None)})


def _key(one: Any) -> tuple[Any, ...]:
    """What tells a sampled value's shape."""
    if type(one) is not dict:
        return ()
    fields = ("measurand", "phase", "context", "location", "format")
    unit, multiplied = _unit(one)
    return (
        *(_name(one.get(name)) for name in fields),
        unit,
        multiplied,
        len(one),
        "signedMeterValue" in one,
        _is_padded(one),
        _is_plain(one),
    )


def _name(value: Any) -> str | None:
    if value is None or (type(value) is str and len(value) <= _LONGEST_NAME):
        return value
    return "?"


def _unit(one: dict[str, Any]) -> tuple[str | None, float]:
    try:
        unit, multiplied = unit_of(one)
        multiplied = finite(multiplied)
    except NOT_AS_EXPECTED:
        return "?", 1
    return (_name(unit), multiplied) if _LEAST <= multiplied <= 1 / _LEAST else ("?", 1)


def _is_padded(one: dict[str, Any]) -> bool:
    value = one.get("value")
    if type(value) is not str or len(value) < 2:
        return False
    return value != value.strip() or (value[0] == "0" and value[1].isdigit())


# --- what a shape is of ---


def make_shape(samples: Iterable[Any]) -> Shape:
    """Find out what a list of sampled values is of."""
    channels = tuple(_channel(one if type(one) is dict else {"format": "SignedData"}) for one in samples)
    shape = Shape(channels)
    counted = [
        (at, channel.key, 1 if channel.factor is None else channel.factor, channel)
        for at, channel in enumerate(channels)
        if channel.measurand.endswith(".Register") and not channel.is_signed
    ]
    shape.registers = _apart(one for one in counted if one[3].context != BEGIN)
    shape.begins = _apart(one for one in counted if one[3].context == BEGIN)
    contexts = {channel.context for channel in channels}
    shape.context = contexts.pop() if len(contexts) == 1 else None
    shape.contexts = frozenset(channel.context for channel in channels) & {BEGIN, END, CLOCK, TRIGGER}
    shape.lines = frozenset(
        (channel.measurand, channel.phase)
        for channel in channels
        if channel.phase is not None and channel.context == PERIODIC and channel.location == OUTLET
    )
    _find_flows(shape)
    problems = [problem for channel in channels for problem in channel.problems]
    problems = list(dict.fromkeys([*problems, *_twice(channels)]))
    shape.problems = tuple(one for one in problems if one[0] != LEFT_OUT)[:_LONGEST_KEPT]
    shape.defaults = tuple(one for one in problems if one[0] == LEFT_OUT)[:_LONGEST_KEPT]
    return shape


def _apart(registers: Iterable[Register]) -> tuple[Register, ...]:
    """Those that are told twice at one time may be of two meters: the second has a series of its own."""
    found: list[Register] = []
    times: dict[tuple[str, ...], int] = {}
    for at, key, factor, channel in registers:
        before = times[key] = times.get(key, -1) + 1
        found.append((at, (*key, str(before)) if before else key, factor, channel))
    return tuple(found)


def _find_flows(shape: Shape) -> None:
    """What the vehicle gets: at the outlet, or where else the only meter is."""
    for one in shape.registers:
        channel = one[3]
        is_total = channel.kind == ENERGY and channel.phase is None and channel.factor is not None
        if is_total and (shape.energy is None or channel.location == OUTLET):
            shape.energy = one
    where = OUTLET if shape.energy is None else shape.energy[3].location
    powers: dict[int, tuple[int, float]] = {}
    for at, channel in enumerate(shape.channels):
        line = LINES.get(channel.phase)
        if channel.factor is None or line is None or channel.is_signed or channel.context in (BEGIN, END):
            continue
        found = at, channel.factor
        if channel.kind == CURRENT_OFFERED and line == TOTAL:
            shape.amperes_offered = found
        elif channel.location != where:
            continue
        elif channel.kind == POWER:
            powers[line] = found
        elif channel.kind == CURRENT and line != TOTAL:
            shape.line_amperes += (found,)
    if TOTAL in powers:
        shape.watts = (powers[TOTAL],)
    elif len(powers) == 3:
        shape.watts = tuple(powers.values())


def _channel(one: dict[str, Any]) -> Channel:
    get = one.get
    said, phase = _name(get("measurand")), _name(get("phase"))
    unit, multiplied = _unit(one)
    measurand = said or DEFAULT_MEASURAND
    kind = KINDS.get(said)
    is_energy = measurand.startswith("Energy")
    quantity, factor = _QUANTITIES.get(unit or (DEFAULT_ENERGY_UNIT if is_energy else ""), (unit or "", None))
    if unit is None and kind in (SOC, VOLTAGE, CURRENT, CURRENT_EXPORT, CURRENT_OFFERED):
        factor = 1  # there is no other
    location = _name(get("location")) or OUTLET
    signed = is_signed(one)
    channel = Channel(
        measurand,
        unit,
        phase,
        _name(get("context")) or PERIODIC,
        location,
        kind,
        None if factor is None else factor * multiplied,
        signed,
        (measurand, phase or "", location, quantity),
    )
    if not signed:
        _set_limits(channel)
        channel.problems = tuple(_problems(channel, one))
    return channel


def _set_limits(channel: Channel) -> None:
    if channel.kind == SOC:
        channel.low, channel.high = 0, 100
    limits = _LIMITS.get(channel.kind or "")
    if limits and channel.factor and channel.location in _NEAR_THE_VEHICLE:
        low, high = limits
        channel.low, channel.high = max(low / channel.factor, -_ANY), min(high / channel.factor, _ANY)


def _problems(channel: Channel, one: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    measurand, unit = channel.measurand, channel.unit
    lacks_unit = unit is None and "unitOfMeasure" not in one and measurand.startswith("Energy")
    if one.get("measurand") is None:
        lacking = "no measurand" if not lacks_unit else "neither measurand nor unit"
        as_read = measurand if not lacks_unit else f"{measurand} in {DEFAULT_ENERGY_UNIT}"
        yield LEFT_OUT, "measurand", f"{lacking} is told: {as_read} is meant"
    elif lacks_unit:
        yield LEFT_OUT, "unit", f"no unit of {measurand} is told: {DEFAULT_ENERGY_UNIT} is meant"
    if _is_padded(one):
        yield "padded", measurand, f"{measurand} is {one['value'][:40]!r}"
    if unit is None:
        return
    if _VARIANTS.get(unit) == measurand:
        yield "MV-012", unit, f"the unit of {measurand} is {unit}"
    fitting = next((fits for name, fits in _FITTING if measurand.startswith(name)), None)
    if fitting is None:
        return
    quantity, _ = _QUANTITIES.get(unit, (None, None))
    if quantity is None:
        meant = _IN_LOWER_CASE.get(unit.lower())
        if meant is not None and _QUANTITIES[meant][0] in fitting:
            yield (
                "MV-011",
                f"{measurand} {unit}",
                f"the unit of {measurand} is {unit}, and is written {meant}",
            )
    elif quantity not in fitting:
        yield "MV-011", f"{measurand} {unit}", f"the unit of {measurand} is {unit}"


def _twice(channels: tuple[Channel, ...]) -> Iterable[tuple[str, str, str]]:
    """Phases that are told under two names, or only under a name that nobody looks for."""
    by_place: dict[tuple[str, str, str], set[str | None]] = {}
    for channel in channels:
        by_place.setdefault((channel.measurand, channel.location, channel.context), set()).add(channel.phase)
    for (measurand, _, _), phases in by_place.items():
        both = [line for line in ("L1", "L2", "L3") if line in phases and f"{line}-N" in phases]
        if both and measurand != "Voltage":
            named = ", ".join(f"{line} and {line}-N" for line in both)
            yield "MV-015", f"{measurand} twice", f"{measurand} has a value for {named} each"
        if measurand == "Current.Import" and phases == {"N"}:
            yield "MV-015", "N", "Current.Import has a value for phase N, and none for L1, L2, L3 or in all"
