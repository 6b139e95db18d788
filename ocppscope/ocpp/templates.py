"""Templates of phrases, such as `connector {connectorId}: {status}, {errorCode:unless NoError}`.

They make a line of a payload. In braces stands where a value is (`a.b` is b in a; `a|b` is whichever is there),
behind a colon the form that it takes (FORMS), perhaps with a word for it. A value that is not there, or whose
form is empty, leaves no trace: neither does the text before it. So one template tells of all versions of an
action.

Payloads come from the wire. One of another shape than the standard's raises one of `lenient.NOT_AS_EXPECTED`.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from ocppscope.ocpp.lenient import finite
from ocppscope.ocpp.quantities import amount, energy

Phrase: TypeAlias = Callable[[dict[str, Any]], str]
"""What a payload says."""
Form: TypeAlias = Callable[[Any], str]
"""What a value says; empty for nothing worth saying."""
Forms: TypeAlias = dict[str, Callable[..., str]]
"""By name; one that takes a word takes it after the value."""

LONGEST: Final = 100
"""Characters of a line."""
_KEPT: Final = LONGEST + 1
"""Of a value: one more than fits, so that a line shows that it was cut."""
_NAMES_SHOWN: Final = 4
_PART: Final = re.compile(r"([^{]*)\{([^}:]+)(?::(\w+)(?: ([^}]+))?\}|\})")
_SEPARATORS: Final = " ,:/=."


def word(value: Any) -> str:
    """A scalar as it stands in JSON, but for its quotes.

    Raises:
        TypeError: it is no scalar.
    """
    if type(value) is str:
        return value[:_KEPT]
    if type(value) is int or type(value) is float:
        return str(value)
    if value is None or type(value) is bool:
        return {None: "null", True: "true", False: "false"}[value]
    raise TypeError


def counted(count: int, name: str) -> str:
    """`1 entry`, `40 variables`."""
    if count != 1:
        name = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    return f"{count:,} {name}"


def listed(values: Any, form: Form = word, shown: int = _NAMES_SHOWN) -> str:
    """The first values of an array, and how many follow; a value that is no array is its own only one."""
    if not isinstance(values, list):
        return form(values)
    said = [form(value) for value in values[:shown]]
    return ", ".join(said) + (f" and {len(values) - shown:,} more" if len(values) > shown else "")


def shortened(value: Any) -> str:
    """An id in as much as tells it from its neighbours: a UUID takes a third of the line."""
    text = word(value)
    return text if len(text) <= 12 else f"{text[:8]}…"


def data(value: Any) -> str:
    """What may be anything: a scalar itself, else how much there is of it."""
    if isinstance(value, dict):
        return f"object of {counted(len(value), 'field')}"
    return counted(len(value), "item") if isinstance(value, list) else word(value)


_CREDENTIALS: Final = re.compile(r"(?<=//)[^/@\s]*@")


def url(value: Any) -> str:
    """A URL without a password that it may carry: lists are passed on more lightly than captures."""
    return word(_CREDENTIALS.sub("", value))


def token(value: Any) -> str:
    """An IdTokenType: `04A1B2 (ISO14443)`; a mere text, as some send it for Plug & Charge in 1.6."""
    if isinstance(value, str):
        return word(value)
    return f"{word(value['idToken'])} ({word(value['type'])})"


def exi(value: str) -> str:
    """A message of ISO 15118 between EV and CSMS, in base64: how much there is of it."""
    return f"EXI of {counted(len(value) * 3 // 4 - value[-2:].count('='), 'byte')}"


FORMS: Final[Forms] = {
    "energy": lambda value: energy(finite(value)),
    "seconds": lambda value: f"{word(value)} s",
    "amount": lambda value, unit: amount(finite(value), unit),
    "count": lambda value, name: counted(len(value), name) if isinstance(value, list) else word(value),
    "size": lambda value: counted(len(value), "character"),
    "certificates": lambda value: counted(value.count("-----BEGIN"), "certificate"),
    "part": lambda value: str(value + 1),
    "if": lambda value, name: name if value is True else "",
    "whether": lambda value, names: names.split("/")[0 if value is True else 1],
    "unless": lambda value, ordinary: "" if value == ordinary else word(value),
    "names": listed,
    "short": shortened,
    "data": data,
    "url": url,
    "token": token,
    "exi": exi,
}
"""Forms by name; a template may take more."""

_Part: TypeAlias = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...], Form]
"""The text before a value; the same at the start of a line; where the value may be; its form."""


def template(text: str, forms: Forms = FORMS) -> Phrase:
    """Compile a template."""
    parts = tuple(_part(forms, *match.groups()) for match in _PART.finditer(text))
    assert _PART.sub("", text) == "", text
    return partial(_fill, parts)


def _part(forms: Forms, before: str, paths: str, form: str | None, argument: str | None) -> _Part:
    split = [path.split(".") for path in paths.split("|")]
    said: Form = word if form is None else forms[form]
    if argument is not None:
        said = _with(said, argument)
    return before, before.lstrip(_SEPARATORS), tuple((path[0], tuple(path[1:])) for path in split), said


def _with(form: Callable[..., str], argument: str) -> Form:
    return lambda value: form(value, argument)


def _fill(parts: tuple[_Part, ...], payload: dict[str, Any]) -> str:
    line = ""
    for before, at_start, paths, form in parts:
        for name, deeper in paths:
            value = payload.get(name)
            for step in deeper:
                if value is None:
                    break
                value = value.get(step)
            if value is not None:
                said = value[:_KEPT] if form is word and type(value) is str else form(value)
                if said:
                    line = f"{line}{before}{said}" if line else f"{at_start}{said}"
                break
    return line


def either(field: str, with_it: str, without_it: str) -> Phrase:
    """One template where the payload has a field, which tells the versions apart, another where it has not."""
    first, second = template(with_it), template(without_it)
    return lambda payload: first(payload) if field in payload else second(payload)
