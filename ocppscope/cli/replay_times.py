"""Durations and points in a capture, as `replay` takes them."""

from typing import Any, Final

import click

from ocppscope.filter.literals import NANOSECONDS, quantity
from ocppscope.ocpp.times import parse


class _Duration(click.ParamType[int]):
    """Nanoseconds: 200ms, 5s, 1min."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = quantity(value.strip(), NANOSECONDS)
        if found is None:
            self.fail(f"{value!r} is no duration: write 200ms, 5s, 1min or 1h", param, ctx)
        return found


DURATION: Final = _Duration()


def point_of(text: str | None, option: str) -> tuple[int | None, int | None]:
    """A point in a capture: the number of an event, or a time in nanoseconds since the epoch.

    Raises:
        click.BadParameter: it is neither.
    """
    if text is None:
        return None, None
    if text.isdecimal():
        return int(text), None
    time = parse(text)[0]
    if time is None:
        raise click.BadParameter(
            f"{text!r} is neither the number of an event nor a time such as 2026-11-22T18:05:09Z",
            param_hint=option,
        )
    return None, time
