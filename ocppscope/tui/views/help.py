"""All keys, as they are bound now."""

from collections.abc import Iterable
from typing import Final

from textual.widget import Widget

from ocppscope.tui.actions import ACTIONS
from ocppscope.tui.lines import Cell, FixedLines
from ocppscope.tui.settings import config_path
from ocppscope.tui.views.base import View

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

    def on_mount(self) -> None:
        super().on_mount()
        self._lines.show(list(self._all()))

    def _all(self) -> Iterable[list[Cell]]:
        for room in (self._room, "app", "list"):
            actions = [one for one in ACTIONS if one.room == room]
            if not actions:
                continue
            yield [(_ROOMS.get(room, f"In {room}"), "title")]
            for one in actions:
                keys = " ".join(map(key_name, self.browser.settings.keys_of(one.name))) or "palette"
                yield [(f"  {keys:<22}", "bold"), one.help, (f"  ({one.name})", "dim")]
            yield [""]
        yield [("Marks", "title")]
        for mark, meaning in _MARKS:
            yield [(f"  {mark:<22}", "bold"), meaning]
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


def key_name(key: str) -> str:
    """A key as people write it."""
    return _SHORT.get(key, key.replace("ctrl+", "Ctrl-"))
