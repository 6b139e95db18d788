"""The user's config file, in TOML: keys, theme, and how a browser begins. `docs/view.md` shows one."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from ocppscope.tui.actions import ACTIONS

TIME_MODES: Final = ("absolute", "relative", "delta")


@dataclass(slots=True)
class Settings:
    """What the config file says, and what is wrong with it."""

    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By action: the keys that do it."""
    theme: str = "textual-dark"
    hide_routine: bool = False
    time_mode: str = TIME_MODES[0]
    problems: list[str] = field(default_factory=list)
    """For the user, once; a config file that is wrong does not keep anybody from looking at a capture."""

    def keys_of(self, name: str) -> tuple[str, ...]:
        """The keys of an action."""
        if name in self.keys:
            return self.keys[name]
        return next((one.keys for one in ACTIONS if one.name == name), ())

    @property
    def keymap(self) -> dict[str, str]:
        """The changed keys, as Textual takes them."""
        return {name: ",".join(keys) for name, keys in self.keys.items()}


def config_path() -> Path:
    """Where the config file is; OCPPSCOPE_CONFIG names another one."""
    named = os.environ.get("OCPPSCOPE_CONFIG")
    return Path(named) if named else user_config_path("ocppscope") / "config.toml"


def load(path: Path | None = None) -> Settings:
    """Read the config file; without one the settings are the defaults."""
    path = path or config_path()
    settings = Settings()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return settings
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        settings.problems.append(f"{path} cannot be read: {error}")
        return settings
    for name, value in values.items():
        _take(settings, name, value, path)
    return settings


def _take(settings: Settings, name: str, value: Any, path: Path) -> None:
    if name == "keys" and isinstance(value, dict):
        _take_keys(settings, value, path)
    elif name == "theme" and isinstance(value, str):
        settings.theme = value
    elif name == "hide_routine" and isinstance(value, bool):
        settings.hide_routine = value
    elif name == "time_mode" and value in TIME_MODES:
        settings.time_mode = value
    else:
        known = f"keys, theme, hide_routine, time_mode ({', '.join(TIME_MODES)})"
        settings.problems.append(f"{path}: {name} = {value!r} means nothing; it may hold {known}")


def _take_keys(settings: Settings, keys: dict[str, Any], path: Path) -> None:
    names = {one.name for one in ACTIONS}
    for name, value in keys.items():
        if name not in names:
            settings.problems.append(f"{path}: there is no action {name}; the help (?) names them")
        elif not isinstance(value, str) or not value.split():
            settings.problems.append(f"{path}: keys.{name} must be keys with spaces between them")
        else:
            settings.keys[name] = tuple(_NAMES.get(key, key) for key in value.split())


_NAMES: Final = {"/": "slash", "?": "question_mark", ":": "colon", "[": "left_square_bracket",
                 "]": "right_square_bracket", ".": "full_stop", ",": "comma", ";": "semicolon"}  # fmt: skip
"""Textual's names for keys that people write as they are."""
