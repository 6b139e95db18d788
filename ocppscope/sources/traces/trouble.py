"""What is wrong with the records of a trace: told one by one, and from some number on only counted."""

from typing import Final

from ocppscope.events import Notice

_TOLD: Final = 10


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

    def notice(self, place: str, what: str, kind: str = "damage") -> list[Notice]:
        """Note what is wrong.

        Args:
            place: where: `line 17`.
            what: what was found, and what follows.
            kind: what is counted together.

        Returns:
            How to tell it; nothing where that was told often enough.
        """
        self._counts[kind] = count = self._counts.get(kind, 0) + 1
        self._last[kind] = place
        return [self._told(f"{place}: {what}")] if count <= _TOLD else []

    def end(self) -> list[Notice]:
        """The file ends: tell how many were not told."""
        return [
            self._told(
                f"{count - _TOLD:,} more records like those named before ({kind}), up to {self._last[kind]}"
            )
            for kind, count in self._counts.items()
            if count > _TOLD
        ]

    def _told(self, text: str) -> Notice:
        return Notice("file.damaged", None, f"{self._title}: {text}", self._title)
