"""What was measured during a transaction, as charts."""

from array import array
from collections.abc import Mapping
from typing import Final

from ocppscope.ocpp import metering, quantities
from ocppscope.ocpp.transactions import Assembler, Transaction
from ocppscope.store import Store
from ocppscope.tui.plot import Chart, Series

KINDS: Final[Mapping[str, tuple[str, tuple[float, ...]]]] = {
    metering.POWER: ("power", (0,)),
    metering.ENERGY: ("energy", (0,)),
    metering.SOC: ("SoC", (0, 100)),
    metering.POWER_EXPORT: ("export", (0,)),
    metering.ENERGY_EXPORT: ("exported", (0,)),
    metering.POWER_OFFERED: ("offered", (0,)),
    metering.CURRENT: ("current", (0,)),
    metering.CURRENT_OFFERED: ("offered", (0,)),
    metering.CURRENT_EXPORT: ("export", (0,)),
    metering.VOLTAGE: ("voltage", ()),
}
"""What was measured: its word, and the values that its scale shows in any case."""
_TOGETHER: Final = (metering.POWER, metering.ENERGY, metering.SOC)
"""What is shown together; where there is none of it, all that there is."""
_REGISTERS: Final = (metering.ENERGY, metering.ENERGY_EXPORT)
"""What counts on from one transaction to the next: shown from where it was at the start."""
_SMALL: Final = 100
"""Wh below which kWh need three decimals: a scale would else begin and end with the same words."""


class Samples:
    """What was measured during one transaction, read as it comes."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        """The transaction's."""
        self.series: dict[str, Series] = {}
        self._assembler = Assembler()
        self._last = 0
        self._own: int | None = None
        """The number by which our own assembler knows the transaction."""

    def read(self, store: Store, of: Transaction) -> None:
        """Take in what is new of a transaction.

        Its messages are assembled once more, now with all that was measured: a store does not keep that beside
        the messages that say it.
        """
        for message in store.charging_messages(of, after=self._last):
            self._assembler.feed(message)
            self._last = message.n
        new = self._assembler.drain()
        for one in new.transactions:
            if self._own is None and (one.start_n, one.id) == (of.start_n, of.id):
                self._own = one.number
        for sample in new.samples:
            if sample.transaction == self._own and sample.time is not None:
                self.series.setdefault(sample.measurand, Series()).add(sample.time, sample.value)

    @property
    def span(self) -> list[int]:
        """The first and the last time; of none nothing."""
        ends = [series.times[at] for series in self.series.values() for at in (0, -1)]
        return [min(ends), max(ends)] if ends else []

    def kinds(self, alone: str | None) -> list[str]:
        """What is to be plotted: one of KINDS alone, if there is anything of it, else what belongs together."""
        if alone in self.series:
            return [alone]
        there = [kind for kind in KINDS if kind in self.series]
        return [kind for kind in there if kind in _TOGETHER] or there

    def next_kind(self, alone: str | None) -> str | None:
        """What is plotted alone after another kind; None, which is all of them, after the last."""
        kinds = [None, *(kind for kind in KINDS if kind in self.series)]
        at = kinds.index(alone) if alone in kinds else 0
        return kinds[(at + 1) % len(kinds)]


def chart(kind: str, series: Series, one: Transaction) -> Chart:
    """The chart of one kind of samples, with a scale in units that people read."""
    word, always = KINDS[kind]
    if kind in _REGISTERS:
        series = _from_start(series, one.meter_start if kind == metering.ENERGY else None)
    lowest, highest = min((min(series.values), *always)), max((max(series.values), *always))
    if lowest == highest:
        highest = lowest + 1
    unit = metering.UNITS[kind]
    labels = [
        energy(value, highest - lowest) if unit == "Wh" else quantities.amount(value, unit)
        for value in (highest, lowest)
    ]
    return Chart(word, series, lowest, highest, (labels[0], labels[1]))


def energy(watt_hours: float, among: float | None = None) -> str:
    """`12410` is `12.41 kWh`, and `6` is `0.006 kWh`.

    Args:
        watt_hours: how much.
        among: how much it is told apart from; itself where it stands alone.
    """
    decimals = 3 if abs(watt_hours if among is None else among) < _SMALL else 2
    return f"{watt_hours / 1000:z,.{decimals}f} kWh"


def _from_start(series: Series, start: int | None) -> Series:
    """How much a register has counted on. Some stations tell a lifetime register at the start, and samples from 0."""
    lowest = min(series.values)
    origin = lowest if start is None or start > lowest else start
    since = Series()
    since.times = series.times
    since.values = array("d", [value - origin for value in series.values])
    return since
