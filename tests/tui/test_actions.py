"""The list of actions, and the page that tells of it."""

from pathlib import Path

from ocppscope.tui.actions import ACTIONS, bindings
from ocppscope.tui.views.help import key_name

PAGE = (Path(__file__).parents[2] / "docs" / "view.md").read_text(encoding="utf-8")


def test_the_page_tells_of_every_key():
    told = [line for line in PAGE.splitlines() if line.startswith(("| `", "| palette"))]
    for one in ACTIONS:
        keys = " ".join(f"`{key_name(key)}`" for key in one.keys) or "palette"
        row = f"| {keys} | {one.help} | "
        assert any(line.startswith(row) and line.endswith(f" {one.name} |") for line in told), one.name


def test_bindings_are_named_as_the_config_file_names_them():
    for room in ("app", "list", "sessions"):
        names = {one.name for one in ACTIONS if one.room == room and one.keys}
        assert {binding.id for binding in bindings(room)} == names
