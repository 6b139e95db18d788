"""What is wrong with the records of a trace: told one by one, and from some number on only counted."""

from typing import Final

from ocppscope.events import Notice

_TOLD: Final = 10
DAMAGE: Final = "damage"
CONTRADICTION: Final = "raw that the other fields contradict"
NO_MESSAGE: Final = "no message"
_NOTICES: Final = {
    DAMAGE: "file.damaged",
    CONTRADICTION: "trace.contradiction",
    NO_MESSAGE: "trace.no-message",
}
"""What is told by each: only of damage could a part of the file not be read."""


class Trouble:
    """Of one file.

    Args:
        title: the file's name, for people.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._counts: dict[str, int] = {}
        """By kind."""
        self._last: dict[str, str] = {}

    def notice(self, place: str, what: str, kind: str = DAMAGE) -> list[Notice]:
        """Note what is wrong.

        Args:
            place: where: `line 17`.
            what: what was found, and what follows.
            kind: `DAMAGE`, `CONTRADICTION` or `NO_MESSAGE`; each is counted by itself.

        Returns:
            How to tell it; nothing where that was told often enough.
        """
        self._counts[kind] = count = self._counts.get(kind, 0) + 1
        self._last[kind] = place
        return [self._told(kind, f"{place}: {what}")] if count <= _TOLD else []

    def assumed(self, subject: str, what: str) -> Notice:
        """What the file does not say."""
        return Notice("text.assumed", None, f"{self._title}: {what}", f"{self._title}: {subject}")

    def end(self) -> list[Notice]:
        """The file ends: tell how many were not told."""
        return [
            self._told(
                kind,
                f"{count - _TOLD:,} more records like those named before ({kind}), up to {self._last[kind]}",
                ": more",  # a finding of its own, as its words would be lost in that of the first
            )
            for kind, count in self._counts.items()
            if count > _TOLD
        ]

    def _told(self, kind: str, text: str, subject: str = "") -> Notice:
        return Notice(_NOTICES[kind], None, f"{self._title}: {text}", f"{self._title}{subject}")
