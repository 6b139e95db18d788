"""What is wrong with a filter, shown where it is wrong."""

from collections.abc import Iterable
from typing import Final
from unicodedata import east_asian_width

from ocppscope.ocpp.visible import visible

_SHOWN: Final = 100
"""Characters of a long filter that are shown around a mistake."""
_EXPECTED: Final = 20
"""Values that are shown of many that would be valid."""


class FilterError(Exception):
    """A text is no filter.

    Attributes:
        message: what is wrong, in a sentence without its full stop.
        text: the filter.
        position: where, in characters.
        length: of what is wrong, at least 1; it may stand at the end of the text.
        expected: what would be valid there.
    """

    def __init__(
        self, message: str, text: str, position: int, length: int = 1, expected: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position
        self.length = max(length, 1)
        self.expected = tuple(expected)

    def __str__(self) -> str:
        """The message, the filter, carets under what is wrong, and what would be valid there."""
        start = max(0, self.position - _SHOWN // 2)
        shown = visible(self.text[start : start + _SHOWN])
        at = self.position - start
        carets = "^" * max(_columns(shown[at : at + self.length]), 1)
        lines = [visible(self.message), f"  {shown}", f"  {' ' * _columns(shown[:at])}{carets}"]
        if self.expected:
            more = ", …" if len(self.expected) > _EXPECTED else ""
            lines.append(f"expected: {', '.join(self.expected[:_EXPECTED])}{more}")
        return "\n".join(lines)


class UnfitError(Exception):
    """A value does not fit its field; the parser makes a FilterError of it.

    Attributes:
        expected: what would be valid.
    """

    def __init__(self, message: str, expected: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.expected = tuple(expected)


def short(text: str) -> str:
    """A piece of a filter in a message."""
    return text if len(text) <= 40 else f"{text[:39]}…"


def meant(word: str, names: Iterable[str]) -> str:
    """The end of a sentence that names what may have been meant; empty where nothing is near."""
    from difflib import get_close_matches  # seldom needed, and not quick to import

    by_fold = {name.lower(): name for name in names}
    near = get_close_matches(word.lower()[:60], by_fold, 1, 0.6)
    return f"; did you mean {by_fold[near[0]]}?" if near else ""


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
