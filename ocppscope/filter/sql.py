"""From a tree to SQL over the tables of a store; what SQL cannot say is asked of the predicate's own functions."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from ocppscope.filter import fields
from ocppscope.filter.fields import Field
from ocppscope.filter.kinds import SqlTerm, joined
from ocppscope.filter.predicate import Match, matcher
from ocppscope.filter.tree import And, Comparison, Has, Leaf, Node, Not, Or, Word

_FINDINGS: Final = "SELECT p.n FROM proofs p JOIN findings f USING (finding)"
_FUNCTION: Final = "ocppscope_"
_numbers: Final = count(1)
"""Of functions: no two filters on one connection share a name."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A filter over the tables of a store: `SELECT n FROM events e JOIN sessions s USING (session) WHERE …`."""

    where: str
    """Never NULL."""
    parameters: list[Any]
    functions: Mapping[str, Callable[..., bool]]
    """What `install` is to make known."""
    needs_sessions: bool
    """Otherwise `events e` will do."""


def install(connection: sqlite3.Connection, sql: Sql) -> None:
    """Make the functions of a filter known to a connection."""
    for name, function in sql.functions.items():
        connection.create_function(name, -1, function, deterministic=True)


def compiled(node: Node) -> Sql:
    """The SQL for a tree."""
    compiler = _Compiler()
    where, parameters = compiler.node(node)
    return Sql(where, parameters, compiler.functions, compiler.needs_sessions)


class _Compiler:
    """Collects what a tree needs."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., bool]] = {}
        self.needs_sessions = False

    def node(self, node: Node) -> SqlTerm:
        if isinstance(node, Not):
            where, parameters = self.node(node.part)
            return f"NOT {where}", parameters
        if not isinstance(node, And | Or):
            return self._leaf(node)
        terms = sorted(map(self.node, node.parts), key=lambda term: _FUNCTION in term[0])  # quick ones first
        where = joined([where for where, _ in terms], "AND" if isinstance(node, And) else "OR")
        return where, [parameter for _, parameters in terms for parameter in parameters]

    def _leaf(self, leaf: Leaf) -> SqlTerm:
        if isinstance(leaf, Word):
            return self._call(matcher(leaf), fields.searched_row, fields.SEARCHED), []
        if leaf.field.judged is not None:
            return self._of_findings(leaf)
        return self._of_columns(leaf)

    def _of_columns(self, leaf: Has | Comparison) -> SqlTerm:
        """A term about a field that columns hold."""
        field, (column, *_) = leaf.field, leaf.field.row
        if field.from_row is not None:
            return self._call(matcher(leaf), field.from_row, field.row), []
        self._use(column)
        if isinstance(leaf, Has):
            return f"({column} IS NOT NULL)", []
        term = self._condition(field, leaf)
        if term is None:
            return self._call(matcher(leaf), None, field.row), []
        where, parameters = term
        return f"ifnull({'NOT ' if leaf.operator == '!=' else ''}{where}, 0)", parameters

    def _of_findings(self, leaf: Has | Comparison) -> SqlTerm:
        """A term about the findings that an event proves."""
        proven = "e.n IN (SELECT n FROM proofs)"
        term = None if isinstance(leaf, Has) else self._condition(leaf.field, leaf)
        if isinstance(leaf, Has) or term is None:
            return f"({proven})", []
        where, parameters = term
        if leaf.operator == "!=":
            return f"({proven} AND e.n NOT IN ({_FINDINGS} WHERE {where}))", parameters
        return f"(e.n IN ({_FINDINGS} WHERE {where}))", parameters

    def _condition(self, field: Field, leaf: Comparison) -> SqlTerm | None:
        """A comparison in SQL, as if `!=` were `==`; None where only a function can tell."""
        operator = "==" if leaf.operator == "!=" else leaf.operator
        term = field.kind.sql(operator, leaf.literals, field.row[0])
        return term and (f"({term[0]})", term[1])

    def _call(self, match: Match, from_row: Callable[..., Any] | None, columns: tuple[str, ...]) -> str:
        """A call of a function with the columns of a row."""
        for column in columns:
            self._use(column)
        name = f"{_FUNCTION}{next(_numbers)}"
        self.functions[name] = match if from_row is None else _composed(match, from_row)
        return f"{name}({', '.join(columns)})"

    def _use(self, column: str) -> None:
        self.needs_sessions |= column.startswith("s.")


def _composed(match: Match, from_row: Callable[..., Any]) -> Callable[..., bool]:
    return lambda *row: match(from_row(*row))
