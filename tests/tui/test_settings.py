"""The config file."""

from pathlib import Path

import pytest

from ocppscope.tui import settings
from ocppscope.tui.actions import ACTIONS
from tests.tui import drive, press, screen_of, store_of


def saved(folder, text):
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_without_a_file_everything_is_as_it_comes(tmp_path):
    found = settings.load(tmp_path / "none.toml")
    assert found == settings.Settings()
    assert found.keys_of("filter") == ("slash",)


def test_what_a_file_says(tmp_path):
    found = settings.load(
        saved(tmp_path, 'theme = "nord"\nhide_routine = true\ntime_mode = "delta"\n[keys]\nfilter = "f /"\n')
    )
    assert (found.theme, found.hide_routine, found.time_mode) == ("nord", True, "delta")
    assert found.keys_of("filter") == ("f", "slash")
    assert found.keymap == {"filter": "f,slash"}
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("theme = ", "cannot be read"),
        ("color = 1", "color = 1 means nothing"),
        ('time_mode = "now"', "absolute, relative, delta"),
        ('[keys]\nfly = "f"', "no action fly"),
        ("[keys]\nfilter = 1", "keys.filter must be keys"),
        ('[keys]\nfilter = " "', "keys.filter must be keys"),
    ],
)
def test_mistakes_are_told_and_keep_nobody_from_looking(tmp_path, text, told):
    found = settings.load(saved(tmp_path, text))
    assert told in found.problems[0]
    assert str(tmp_path) in found.problems[0]
    assert found.keys == {}


def test_the_environment_names_another_file(monkeypatch):
    monkeypatch.setenv("OCPPSCOPE_CONFIG", "/elsewhere/config.toml")
    assert settings.config_path() == Path("/elsewhere/config.toml")
    monkeypatch.delenv("OCPPSCOPE_CONFIG")
    assert settings.config_path().name == "config.toml"


def test_a_rebound_key_works_and_the_help_names_it(tmp_path):
    changed = settings.Settings(keys={"show_messages": ("f2",)})

    async def script(browser, pilot):
        await press(pilot, "2")
        assert "messages" not in screen_of(browser)[0]
        await press(pilot, "f2")
        assert "messages" in screen_of(browser)[0]
        await press(pilot, "question_mark")
        assert any(line.strip().startswith("f2 ") for line in screen_of(browser))

    drive(store_of("clean-1.6.pcap", tmp_path), script, size=(80, 70), settings=changed)


def test_no_key_means_two_things_in_one_room():
    for room in {one.room for one in ACTIONS}:
        keys = [key for one in ACTIONS if one.room in (room, "app", "list") for key in one.keys]
        doubled = {key for key in keys if keys.count(key) > 1}
        own = {key for one in ACTIONS if one.room == room for key in one.keys}
        assert not doubled - own, room
