"""The tree that a filter is parsed to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from ocppscope.filter.fields import Field
from ocppscope.filter.lexer import Steps


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class And:
    """All of them hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Word:
    """A text is somewhere in the event."""

    text: str


@dataclass(frozen=True, slots=True)
class Has:
    """A field has a value."""

    field: Field
    steps: Steps


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value of a field fits; for `!=`: there is a value and none equals."""

    field: Field
    steps: Steps
    operator: str
    literals: tuple[Any, ...]
    """Of `in` one or more, otherwise one: what the field's kind has read."""


Leaf: TypeAlias = Word | Has | Comparison
Node: TypeAlias = Or | And | Not | Leaf


def leaves(node: Node) -> Iterator[Leaf]:
    """The terms of a tree."""
    if isinstance(node, Not):
        yield from leaves(node.part)
    elif isinstance(node, Or | And):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node
