"""The filter language: one for lists, checks, exports, screens and stores. `docs/filter.md` tells it to users.

A filter becomes a tree, and the tree a predicate over events, or SQL over the tables of a store whose payload
terms ask the same functions as the predicate.
"""

from dataclasses import dataclass

from ocppscope.filter import parser, predicate, sql
from ocppscope.filter.completion import Completion, Known, complete, form, is_unfinished
from ocppscope.filter.errors import FilterError
from ocppscope.filter.predicate import Judged, Predicate
from ocppscope.filter.sql import Sql, install
from ocppscope.filter.tree import And, Node, Word, leaves

__all__ = [
    "Completion",
    "Filter",
    "FilterError",
    "Judged",
    "Known",
    "Predicate",
    "Sql",
    "both",
    "complete",
    "containing",
    "form",
    "install",
    "is_unfinished",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that has been parsed."""

    text: str
    tree: Node

    @property
    def uses_findings(self) -> bool:
        """Whether it asks for rules or severities, so that events must have been judged."""
        return any(not isinstance(leaf, Word) and leaf.field.judged is not None for leaf in leaves(self.tree))

    def predicate(self) -> Predicate:
        """The function that says whether an event fits, given the findings that the event proves."""
        return predicate.compiled(self.tree)

    def sql(self) -> Sql:
        """The same for the tables of a store."""
        return sql.compiled(self.tree)


def both(one: Filter, other: Filter) -> Filter:
    """The filter of which both parts must hold."""
    return Filter(f"({one.text}) and ({other.text})", And((one.tree, other.tree)))


def containing(text: str) -> Filter:
    """The filter that searches for a text, whatever that holds."""
    return Filter(repr(text), Word(text))


def parse(text: str) -> Filter:
    """Parse a filter.

    Raises:
        FilterError: it is none; says where, and what would be valid there.
    """
    return Filter(text, parser.parse(text))
