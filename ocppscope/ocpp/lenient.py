"""Values of payloads, read leniently: any JSON may stand anywhere, and what cannot serve is None.

Rules say what is wrong with a value; here only what can still be told from it counts. `finite` alone raises:
it is for lines that say something else where a value cannot serve.
"""

from math import isfinite
from typing import Any, Final

from ocppscope.ocpp.times import YEAR_2001, parse

_LARGEST: Final = (1 << 63) - 1
"""What a database's integer holds. A year beyond 2262 is more, in nanoseconds."""
_LONGEST: Final = 1_000
"""Characters; the longest name or identifier of any version has 255 (2.1: 2,500 for free text)."""
_MOST: Final = 1e12
NOT_AS_EXPECTED: Final = (TypeError, AttributeError, ValueError, ArithmeticError, LookupError)
"""What it raises to read a payload of another shape than the standard's as if it had the standard's."""


def text(value: Any) -> str | None:
    """A name or an identifier."""
    return value if type(value) is str and 0 < len(value) <= _LONGEST else None


def identifier(value: Any) -> str | None:
    """The same, or an integer, as which 1.6 has a transactionId."""
    return str(value) if type(value) is int and -_LARGEST <= value <= _LARGEST else text(value)


def whole(value: Any) -> int | None:
    """An integer; a fraction is rounded, and a string may hold it."""
    if type(value) is not int:
        if value is None:  # the commonest, and an exception takes long
            return None
        try:
            value = round(finite(value))
        except (TypeError, ValueError):
            return None
    return value if -_LARGEST <= value <= _LARGEST else None


def finite(value: Any) -> float:
    """A finite number; a string may hold it, as it does every sampled value of OCPP 1.6.

    Raises:
        TypeError: it is neither a number nor a string.
        ValueError: it is a string that holds no number, or no finite one.
        OverflowError: it is an integer beyond any floating-point number.
    """
    if type(value) is bool:
        raise TypeError
    found = float(value)
    if not isfinite(found):
        raise ValueError
    return found


def number(value: Any) -> float | None:
    """A number; a string that holds one is none, and neither is one that no station can mean."""
    return float(value) if type(value) in (int, float) and abs(value) < _MOST else None


def told(value: Any) -> int | None:
    """The time that a station tells, in ns; None also where its clock was never set (before 2001)."""
    if type(value) is not str:
        return None
    time = parse(value)[0]
    return time if time is not None and YEAR_2001 <= time <= _LARGEST else None


def fields(value: Any) -> dict[str, Any]:
    """An object; empty for anything else."""
    return value if type(value) is dict else {}


def items(value: Any) -> list[Any]:
    """An array; empty for anything else."""
    return value if type(value) is list else []
