"""What was collected of a capture, looked for in its texts: wherever it stands, in whatever capitals."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from ocppscope.redaction import patterns, table
from ocppscope.redaction.pseudonyms import RUN, Pseudonyms, cased, fold, removed

_SURE: Final = 8
"""Characters from which on a value is found also inside a word."""
_SURE_SECRET: Final = 6


class Needles:
    """Replaces collected values in texts by others of their length.

    Args:
        values: kinds and values, each once.
        pseudonyms: that were assigned to them.
    """

    def __init__(self, values: Iterable[tuple[str, str]], pseudonyms: Pseudonyms) -> None:
        self.replaced: Counter[str] = Counter()
        """How often, by kind."""
        self._by_start: dict[str, list[str]] = {}
        self._known: dict[str, tuple[str, str]] = {}
        """By value, in lower case: its kind, and what replaces it."""
        short: list[str] = []
        for kind, value in values:
            folded = fold(value)
            new = removed(folded) if kind == table.SECRET else pseudonyms.of(kind, folded)
            self._known[folded] = kind, new
            is_common = folded in table.common() and kind != "also"
            if len(folded) < RUN and kind == "also":
                short.append(folded)
            elif len(folded) >= RUN and not is_common and not patterns.is_time(value):
                self._by_start.setdefault(folded[:RUN], []).append(folded)
        for found in self._by_start.values():
            found.sort(key=len, reverse=True)  # the longest that fits
        short.sort(key=len, reverse=True)
        self._short = re.compile("|".join(map(re.escape, short))) if short else None
        """What the user asked for, however short."""

    def whole(self, value: str) -> str | None:
        """What replaces a value; None where it was not collected."""
        folded = fold(value)
        known = self._known.get(folded)
        if known is None:
            return None
        self.replaced[known[0]] += 1
        return cased(known[1], value)

    def is_asked(self, value: str) -> bool:
        """Whether a value is one that the user asked for."""
        return self._known.get(fold(value), ("",))[0] == "also"

    def is_short(self, value: str) -> bool:
        """Whether a value was collected that is too short to be looked for, and yet tells who somebody is."""
        return (
            1 < len(value) < RUN
            and fold(value) in self._known
            and any(map(str.isdigit, value))
            and any(map(str.isalpha, value))
        )

    def replace(self, text: str) -> str:
        """A text with what was collected replaced; as long as it was."""
        if self._short is not None:
            text = self._replace_short(text, self._short)
        if "://" in text and "@" in text:
            text = patterns.with_logins(text, self._of_login)
        low, starts = fold(text), self._by_start
        hits = [at for at in range(len(low) - RUN + 1) if low[at : at + RUN] in starts]
        if not hits:
            return text
        times = patterns.times(text)
        parts, done = [], 0
        for at in hits:
            if at < done:
                continue
            found = next((one for one in starts[low[at : at + RUN]] if self._stands(one, low, at)), None)
            if found is None or any(start <= at and at + len(found) <= end for start, end in times):
                continue
            kind, new = self._known[found]
            self.replaced[kind] += 1
            parts += [text[done:at], cased(new, text[at : at + len(found)])]
            done = at + len(found)
        return "".join([*parts, text[done:]])

    def _of_login(self, kind: str, value: str) -> str:
        """What replaces a user or a password of a URL: it may be too short, or too common, to be looked for."""
        new = self.whole(value)
        if kind != table.SECRET or new is None:
            return new or value
        return removed(value)  # also where it is the user as well

    def _replace_short(self, text: str, short: re.Pattern[str]) -> str:
        parts, done = [], 0
        for match in short.finditer(fold(text)):
            start, end = match.span()
            parts += [text[done:start], self.whole(text[start:end]) or ""]
            done = end
        return "".join([*parts, text[done:]])

    def _stands(self, value: str, low: str, at: int) -> bool:
        end = at + len(value)
        if not low.startswith(value, at):
            return False
        kind = self._known[value][0]
        if len(value) >= (_SURE_SECRET if kind == table.SECRET else _SURE) or kind == "also":
            return True
        return not (low[at - 1 : at].isalnum() or low[end : end + 1].isalnum())
