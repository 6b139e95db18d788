"""HTML and SVG made of Python values: whatever is not markup of ours is escaped, so no caller can forget to."""

import html
from collections.abc import Iterable
from typing import Final, TypeAlias

from ocppscope.ocpp.visible import visible


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"
"""What an element may hold: markup as it is, other texts escaped, None as nothing, and any of them in rows."""

_VOID: Final = frozenset({"meta", "input", "br", "wbr"})
"""Elements that have no end tag."""


def escaped(text: str) -> Markup:
    """A text of a capture, to be read as text wherever it stands: its control characters are pictures."""
    return Markup(html.escape(visible(text)))


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: what it holds.
        attributes: by name, with `_` for `-` and an `_` behind what Python keeps for itself (`class_`); True is
            an attribute without a value, None and False are none.
    """
    head = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        written = key.rstrip("_").replace("_", "-")
        head.append(written if value is True else f'{written}="{escaped(str(value))}"')
    opening = f"<{' '.join(head)}>"
    return Markup(opening if name in _VOID else f"{opening}{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """Several of them, one after the other."""
    return Markup("".join(map(_written, children)))


def _written(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escaped(child)
    return f"{child:,}" if isinstance(child, int) else joined(child)
