"""Everything that a user can do: the one list that feeds keys, footer, help and command palette.

A view or widget takes its bindings from here by the name of its room; a config file changes keys by the name
of the action.
"""

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    name: str
    """Names it in the config file; `action_<name>` does it."""
    keys: tuple[str, ...]
    """As Textual names them."""
    title: str
    """In the footer and the palette."""
    help: str
    room: str
    """Where it can be done: `app` everywhere, `list` in every list, else the name of a view."""
    in_footer: bool = False


def _room(room: str, *actions: tuple[str, str, str, str]) -> tuple[Action, ...]:
    """Actions of one room: name, keys (a `*` before them: in the footer), title, help."""
    return tuple(
        Action(name, tuple(keys.strip("* ").split()), title, text, room, keys.startswith("*"))
        for name, keys, title, text in actions
    )


ACTIONS: Final[tuple[Action, ...]] = (
    *_room(
        "list",
        ("cursor_down", "j down", "Down", "one line down"),
        ("cursor_up", "k up", "Up", "one line up"),
        ("half_page_down", "ctrl+d", "Half a page down", "half a screen down"),
        ("half_page_up", "ctrl+u", "Half a page up", "half a screen up"),
        ("page_down", "pagedown ctrl+b", "Page down", "a screen down"),
        ("page_up", "pageup", "Page up", "a screen up"),
        ("to_start", "g home", "Start", "to the first line"),
        ("to_end", "G end", "End", "to the last line"),
    ),
    *_room(
        "app",
        ("choose", "enter l right", "Open", "open what the cursor is on"),
        ("back", "escape h left", "Back", "back to where you came from"),
        ("quit_or_back", "q", "Back or leave", "back to where you came from; from the first view: leave"),
        ("help", "* question_mark f1", "Help", "show all keys"),
        ("command_palette", "colon ctrl+p", "Palette", "find something to do by its name"),
        ("filter", "* slash", "Filter", "show only what an expression selects"),
        ("search", "ctrl+f", "Search", "go to the next line that holds a text"),
        ("search_next", "n", "Next hit", "to the next line that holds the text searched for"),
        ("search_previous", "N", "Previous hit", "to the line before that holds the text searched for"),
        ("show_sessions", "1", "Sessions", "stations and their sessions"),
        ("show_messages", "* 2", "Messages", "the messages of what was chosen"),
        ("show_ladder", "* 3", "Ladder", "station and CSMS side by side, with arrows between them"),
        ("show_findings", "* 4", "Findings", "what went wrong"),
        ("show_transactions", "* 5", "Transactions", "charging transactions"),
        ("follow", "F", "Follow", "stay at the end while more comes; a second time: stop that"),
        ("time_mode", "w", "Time", "times of day, since the first event, or since the line before"),
        ("hide_routine", "H", "Hide routine", "hide or show pings, pongs and Heartbeats"),
        (
            "mark",
            "m",
            "Mark",
            "mark the event and write a comment, or change it; without one the mark goes",
        ),
        ("mark_to_compare", "space", "Mark A/B", "mark the event as A, then another one as B"),
        ("compare", "c", "Compare", "A and B side by side"),
        ("copy", "y", "Copy", "copy the text, through the terminal and to a file"),
        ("export", "x", "Export", "write what is shown to a file"),
        ("next_finding", "e", "Next finding", "to the next event with an error or a warning"),
        ("previous_finding", "E", "Previous finding", "to the event before with an error or a warning"),
        ("change_theme", "", "Theme", "choose other colours"),
        ("leave", "ctrl+q", "Leave", "leave ocppscope"),
    ),
    *_room(
        "sessions",
        ("sort", "* s", "Sort", "sort by the next column"),
        ("reverse", "S", "Reverse", "turn the order round"),
        ("group", "o", "Group", "group sessions by station, or do not"),
        ("all_messages", "a", "All messages", "the messages of all sessions"),
    ),
    *_room(
        "messages",
        ("peer", "* a", "Answer", "from a Call to its answer, and back"),
    ),
    *_room(
        "detail",
        ("mode", "* tab", "Tree/raw/hex", "the payload as a tree, as it was sent, or the bytes of its frame"),
        ("peer", "* a", "Answer", "from a Call to its answer, and back"),
        ("next_event", "J right_square_bracket", "Next event", "the next event of the list"),
        ("previous_event", "K left_square_bracket", "Previous event", "the event before in the list"),
        ("fold", "z", "Fold", "fold or unfold an object"),
    ),
    *_room(
        "ladder",
        ("peer", "* a", "Answer", "from a Call to its answer, and back"),
    ),
    *_room(
        "compare",
        ("only_differences", "* d", "Only differences", "show only what differs, or everything"),
        ("next_difference", "* right_square_bracket", "Next difference", "to the next difference"),
        ("previous_difference", "left_square_bracket", "Previous difference", "to the difference before"),
    ),
    *_room(
        "findings",
        ("order", "* s", "Order", "order by severity, by rule, or by station"),
    ),
    *_room(
        "transactions",
        ("sort", "* s", "Sort", "sort by the next column"),
        ("reverse", "S", "Reverse", "turn the order round"),
        ("plot", "* p", "Plot", "power, energy or state of charge alone, or all of them"),
    ),
)


def bindings(room: str) -> list[BindingType]:
    """The keys of a room."""
    return [
        Binding(",".join(one.keys), one.name, one.title, show=one.in_footer, id=one.name, tooltip=one.help)
        for one in ACTIONS
        if one.room == room and one.keys
    ]
