"""A folding tree laid out in columns, with what is to be said of each field behind it or below."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.cells import cell_len, chop_cells

from ocppscope.events import Message, Violation
from ocppscope.ocpp import schemas
from ocppscope.ocpp.annotations import Note, annotations
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural
from ocppscope.tui.lines import Cell, wrapped
from ocppscope.tui.tree import Tree, TreeLine

_LEAST: Final = 16
"""Columns that a constraint must have to be shown behind a line; the status line has all of it."""


class Remarks:
    """What is to be said of the fields of a message.

    Args:
        message: with the version of its session.
    """

    def __init__(self, message: Message) -> None:
        self._notes: Mapping[str, Sequence[Note]] = {} if message.error else annotations(message)
        self.wrong: dict[str, list[str]] = {}
        """By pointer: how a field breaks the schema."""
        self.lacking: dict[str, list[str]] = {}
        """By pointer of an object: the fields that it must have, and has not."""
        self.violations = violations_of(message)
        for one in self.violations:
            if one.keyword == "required":
                self.lacking.setdefault(one.pointer.rpartition("/")[0], []).append(str(one.value))
            else:
                said = one.detail.removeprefix(f"{one.pointer} is ")
                self.wrong.setdefault(one.pointer, []).append(said)
        self._within = Counter(
            above for one in self.violations for above in _above(one.pointer.rpartition("/")[0])
        )

    def notes(self, pointer: str) -> list[str]:
        """What a value means."""
        return [note.text for note in self._notes.get(pointer, ()) if note.kind != "constraint"]

    def constraint(self, pointer: str) -> str:
        """What the schema asks of a field."""
        return "; ".join(note.text for note in self._notes.get(pointer, ()) if note.kind == "constraint")

    def wrong_within(self, pointer: str) -> int:
        """How many fields break the schema in what an array or object holds."""
        return self._within[pointer]


def violations_of(message: Message) -> tuple[Violation, ...]:
    """Where a message breaks its schema; a message out of a store does not bring that along."""
    payload = message.payload
    of = schemas.validator(message.session.version or "", message.type, str(message.action))
    if of is None or not isinstance(payload, dict) or schemas.fits(of, payload):
        return ()
    return schemas.violations(of, payload, len(message.raw))


def _above(pointer: str) -> Iterator[str]:
    """A pointer, and those of all that it stands in."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]
    yield pointer


class NotedTree:
    """The rows of a tree.

    Args:
        tree: as it is folded now.
        remarks: of its message.
        width: columns there are.
    """

    def __init__(self, tree: Tree, remarks: Remarks, width: int) -> None:
        self._remarks = remarks
        self._width = width
        self._rows: list[list[Cell]] = []
        self._line_of: list[int] = []
        """By row: the number of the tree's line."""
        self._first: list[int] = []
        """By line of the tree: its first row."""
        for at, line in enumerate(tree.lines):
            self._first.append(len(self._rows))
            self._rows += self._laid_out(line)
            self._line_of += [at] * (len(self._rows) - len(self._line_of))

    def __len__(self) -> int:
        return len(self._rows)

    def cells(self, index: int) -> Sequence[Cell]:
        return self._rows[index]

    def anchor(self, index: int) -> int:
        """The number of the tree's line."""
        return self._line_of[index]

    def index_of(self, anchor: int) -> int:
        return self._first[min(anchor, len(self._first) - 1)]

    def _laid_out(self, line: TreeLine) -> Iterator[list[Cell]]:
        remarks, pointer, indent = self._remarks, line.pointer, line.indent
        if line.kind == "close":
            yield from self._lacking(pointer, f"{indent}  ")
            yield [indent + line.text]
            return
        if line.kind == "more":
            yield [(indent + line.text, "dim")]
            return
        wrong = list(remarks.wrong.get(pointer, ()))
        if line.kind == "folded" and (inside := remarks.wrong_within(pointer)):
            wrong.append(f"{plural(inside, 'violation')} inside")
        said = [("! ", visible("; ".join(wrong)), "error")] if wrong else []
        if notes := remarks.notes(pointer):
            said.append(("← ", visible("; ".join(notes)), "accent"))
        rows = self._value(line, indent, is_wrong=bool(wrong))
        left = self._width - sum(cell_len(_text(cell)) for cell in rows[-1])
        below: list[list[Cell]] = []
        for mark, text, style in said:
            size = cell_len(text) + len(mark) + 2
            if size <= left and not below:
                rows[-1].append((f"  {mark}{text}", style))
                left -= size
            else:
                below += self._paragraph(text, f"{indent}  ", mark.replace("←", "↑"), style)
        constraint = remarks.constraint(pointer)
        if constraint and left >= _LEAST + 2:
            room = left - 4
            shown = constraint if cell_len(constraint) <= room else f"{constraint[: room - 1]}…"
            rows[-1].append((f"  ({visible(shown)})", "dim"))
        yield from rows
        yield from below
        if line.kind == "value":
            yield from self._lacking(pointer, f"{indent}  ")

    def _value(self, line: TreeLine, indent: str, *, is_wrong: bool) -> list[list[Cell]]:
        """Key and value, in as many rows as they need."""
        style = "error" if is_wrong else ""
        if len(indent) + cell_len(line.name) + cell_len(line.text) <= self._width:
            return [[indent, (line.name, "bold"), (line.text, style)]]
        name = [indent, (line.name, "bold")] if line.name else [indent]
        room = max(self._width - len(indent) - 4, 8)
        if cell_len(line.name) > room:
            pieces = chop_cells(line.name + line.text, room)
            return [[f"{indent}{'    ' if at else ''}{piece}"] for at, piece in enumerate(pieces)]
        first, *_ = chop_cells(line.text, max(self._width - len(indent) - cell_len(line.name), 8))
        rows: list[list[Cell]] = [[*name, (first, style)]]
        for piece in chop_cells(line.text[len(first) :], room):
            rows.append([f"{indent}    ", (piece, style)])
        return rows

    def _lacking(self, pointer: str, indent: str) -> Iterator[list[Cell]]:
        for name in self._remarks.lacking.get(pointer, ()):
            yield from self._paragraph(visible(f'lacks "{name}"'), indent, "! ", "error")

    def _paragraph(self, text: str, indent: str, mark: str, style: str) -> Iterator[list[Cell]]:
        room = max(self._width - len(indent) - len(mark), 8)
        for at, piece in enumerate(wrapped(text, room)):
            yield [indent, (f"{' ' * len(mark) if at else mark}{piece}", style)]


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]
