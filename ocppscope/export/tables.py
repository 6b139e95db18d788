"""CSV (RFC 4180): a header, then rows; what all formats of that kind share."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from ocppscope.export.files import FrontToEnd


class Table(FrontToEnd):
    """A CSV file (`export.Output`)."""

    columns: ClassVar[Sequence[str]]

    def begin(self) -> None:
        self.write(csv_rows([self.columns]))


def csv_rows(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as bytes; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(errors="replace")
