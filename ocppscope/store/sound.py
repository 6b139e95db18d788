"""Rows as the tables promise them.

SQLite keeps any value in any column, and a file may be damaged: what has no business in a column counts as
absent.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.rules.registry import SEVERITIES
from ocppscope.store.schema import TABLES

Row: TypeAlias = sqlite3.Row | dict[str, Any]
"""Columns by name; a dict where some had to go."""

_KINDS: Final[Mapping[str, type]] = {"TEXT": str, "INTEGER": int, "BLOB": bytes}
_ABSENT: Final[Mapping[type, Any]] = {str: "", int: 0}
"""What takes the place of a value that must not be NULL."""
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "direction": (FROM_STATION, FROM_CSMS),
    "severity": SEVERITIES,
    "closed": ("close", "fin", "rst", "end-of-capture"),
    "closed_by": ("station", "csms"),
}
_NUMBERS_OF_META: Final = frozenset({"complete", "writer", "read", "size"})


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: type | None = None
    """None: any."""
    is_required: bool = False

    def sound(self, value: Any) -> Any:
        choices = _CHOICES.get(self.name)
        is_of_kind = value is not None and (self.kind is None or type(value) is self.kind)
        if is_of_kind and (choices is None or value in choices):
            return value
        if not self.is_required or self.kind is None:
            return None
        return _ABSENT[self.kind] if choices is None else choices[-1]


_JOINED: Final = {"station": _Column("station", str), "said": _Column("said", str)}
"""Columns of other tables that queries add."""


def _declared() -> dict[str, dict[str, _Column]]:
    tables = {}
    for name, text in re.findall(r"^CREATE TABLE (\w+) \(\n(.*?)^\)", TABLES, re.MULTILINE | re.DOTALL):
        columns = re.findall(r"^  ([a-z_]+)(?: ([A-Z]+))?(?:.*(NOT NULL))?.*$", text, re.MULTILINE)
        tables[name] = {
            column: _Column(column, _KINDS.get(kind), bool(required)) for column, kind, required in columns
        }
    return tables


_TABLES: Final = _declared()
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {name: tuple(columns) for name, columns in _TABLES.items()}
"""The columns of each table."""


class _Shape:
    """The columns of one query."""

    def __init__(self, table: str, names: tuple[str, ...]) -> None:
        known = _JOINED | _TABLES[table]
        self._columns = [known.get(name) or _Column(name) for name in names]
        self._chosen = [at for at, name in enumerate(names) if name in _CHOICES]
        self._good: set[tuple[Any, ...]] = set()
        """Types, and values of which there is a choice: almost all rows have one of a few."""

    def sound(self, row: sqlite3.Row) -> Row:
        shape = (*map(type, row), *[row[at] for at in self._chosen])
        if shape in self._good:
            return row
        values = [column.sound(value) for column, value in zip(self._columns, row, strict=True)]
        if all(value is before for value, before in zip(values, row, strict=True)):
            self._good.add(shape)
            return row
        return {column.name: value for column, value in zip(self._columns, values, strict=True)}


@cache
def _shape(table: str, names: tuple[str, ...]) -> _Shape:
    return _Shape(table, names)


def sound(table: str, found: list[sqlite3.Row]) -> list[Row]:
    """Rows of a table, without what does not belong there.

    Args:
        table: its name.
        found: rows with some of its columns.
    """
    if not found:
        return []
    shape = _shape(table, tuple(found[0].keys()))
    return [shape.sound(row) for row in found]


def meta(found: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """The entries of `meta`: integers where they are due, texts everywhere else."""
    return {
        key: value
        for key, value in found
        if value is None or type(value) is (int if key in _NUMBERS_OF_META else str)
    }
