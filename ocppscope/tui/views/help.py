"""All keys, as they are bound now."""

from collections.abc import Iterable
from typing import Final

from textual import events
from textual.widget import Widget

from ocppscope.tui.actions import ACTIONS
from ocppscope.tui.lines import Cell, FixedLines, wrapped
from ocppscope.tui.settings import config_path
from ocppscope.tui.views.base import View

_KEYS: Final = 20
"""Columns of the keys."""
_ROOMS: Final = {"list": "In every list", "app": "Everywhere"}
_MARKS: Final = (
    ("E W i", "an error, a warning, a note: findings that the message proves"),
    ("→ ←", "from the station to the CSMS; from the CSMS to the station"),
    ("A B *", "marked to compare; marked with a comment"),
    ("1.6?", "the version was concluded from the messages, not agreed in the handshake"),
)
_SHORT: Final = {"question_mark": "?", "slash": "/", "colon": ":", "left_square_bracket": "[",
                 "right_square_bracket": "]"}  # fmt: skip


class HelpView(View):
    """The keys of a view, of its list, and of all views.

    Args:
        room: the view that help was asked in.
    """

    ROOM = "help"
    HEADING = "help"

    def __init__(self, room: str) -> None:
        super().__init__()
        self._room = room
        self._lines = FixedLines(id="help")

    def body(self) -> Iterable[Widget]:
        yield self._lines

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        """Lay the lines out for the new width."""
        self._lines.show(list(self._all(max(self.size.width - 2, _KEYS + 20))), self._lines.cursor)
        self.show_status()

    def _all(self, width: int) -> Iterable[list[Cell]]:
        for room in (self._room, "app", "list"):
            actions = [one for one in ACTIONS if one.room == room]
            if not actions:
                continue
            yield [(_ROOMS.get(room, f"In {room}"), "title")]
            for one in actions:
                keys = " ".join(map(key_name, self.browser.settings.keys_of(one.name))) or "palette"
                yield from _explained(keys, f"{one.help} ({one.name})", width)
            yield [""]
        yield [("Marks", "title")]
        for mark, meaning in _MARKS:
            yield from _explained(mark, meaning, width)
        yield [""]
        yield [("Filters", "title")]
        for example in (
            "action == StatusNotification and payload.status == Faulted",
            "latency > 10s     severity >= warning     rule == RPC-004     time >= 10:15",
            'payload.meterValue[*].sampledValue[*].measurand == "Voltage"',
            "has(payload.transactionId)     a word alone searches texts",
        ):
            yield [f"  {example}"]
        yield [""]
        yield [("Keys, theme and more can be changed in", "dim"), f" {config_path()}"]


def _explained(what: str, meaning: str, width: int) -> Iterable[list[Cell]]:
    """What something means, beside it, on as many lines as it takes."""
    first, *more = wrapped(meaning, width - _KEYS)
    yield [(f"  {what:<{_KEYS - 2}}", "bold"), first]
    for line in more:
        yield [" " * _KEYS, line]


def key_name(key: str) -> str:
    """A key as people write it."""
    return _SHORT.get(key, key.replace("ctrl+", "Ctrl-"))
