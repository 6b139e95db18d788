"""What a replay has found, in plain lines."""

import json
from typing import Any, Final

from ocppscope.ocpp.difference import Difference
from ocppscope.ocpp.visible import visible
from ocppscope.replay.script import Comparison

_SHORT: Final = 200
_SAID: Final = 300


def comparison_lines(comparison: Comparison) -> list[str]:
    """A comparison that is not equal: what it is about, and a line for each difference."""
    name = visible(comparison.action or comparison.kind)
    kind = f" {comparison.kind}" if comparison.kind == "answer" and comparison.action else ""
    place = "" if comparison.n is None else f" (event {comparison.n})"
    head = f"{name}{kind}{place}"
    match comparison.outcome:
        case "missing":
            return [f"{head}: did not come"]
        case "unexpected":
            return [f"{head}: came, and was never recorded", f"    {_json(comparison.actual, _SAID)}"]
        case _:
            return [f"{head}: differs", *(f"    {_difference(one)}" for one in comparison.differences)]


def _difference(one: Difference) -> str:
    where = f"{visible(one.pointer)}: " if one.pointer else ""
    if one.kind == "missing":
        return f"{where}expected {_json(one.expected)}, and it is missing"
    if one.kind == "added":
        return f"{where}{_json(one.actual)} was not expected"
    return f"{where}expected {_json(one.expected)}, got {_json(one.actual)}"


def _json(value: Any, longest: int = _SHORT) -> str:
    try:
        text = visible(json.dumps(value, ensure_ascii=False))
    except TypeError:
        text = visible(repr(value))
    return text if len(text) <= longest else f"{text[:longest]}…"
