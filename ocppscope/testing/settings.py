"""What a test's TOML may say: tables of keys, each with what reads its value. Whatever is not in them is a mistake.

The same keys are the keyword arguments of the pytest fixtures.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.capture.upgrade import Upstream, UrlError
from ocppscope.filter.literals import NANOSECONDS, quantity
from ocppscope.replay.comparing import pattern
from ocppscope.replay.pace import parse_pace
from ocppscope.replay.player import Verdict
from ocppscope.rules.registry import RULES, SEVERITIES
from ocppscope.sources.text.clock import zone_named
from ocppscope.sources.text.dialect import all_dialects

Reader: TypeAlias = Callable[[Any, Path], Any]
"""Reads a value; paths in it are relative to the folder.

Raises:
    ValueError: with what was expected.
"""
Table: TypeAlias = Mapping[str, Reader]
Values: TypeAlias = dict[str, Any]


class SettingsError(Exception):
    """What a TOML says cannot be meant. The text names the file, the line, the key, and what was expected."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A rule that is to be found."""

    rule: str
    count: int | None = None
    """How often, in all; None: at least once."""


@dataclass(frozen=True, slots=True)
class Command:
    """What starts a peer."""

    line: str | tuple[str, ...]
    """For the shell, or words."""
    folder: Path
    """Where it runs, unless `cwd` says otherwise."""


@dataclass(slots=True)
class Settings:
    """What the TOML files of a capture say, read."""

    skip: str | None = None
    """Why the test is left out."""
    input: Values = field(default_factory=dict)
    check: Values | None = field(default_factory=dict)
    """None: it is not checked."""
    replay: Values | None = None
    """None: it is not replayed."""
    is_not_replayed: bool = False
    """Somebody said so (`replay = false`)."""


# --- readers of values ---


def _text(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text")
    return value


def _maybe_empty(value: Any, _: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")  # noqa: TRY004 - all that is wrong with a value is a ValueError
    return value


def _flag(value: Any, _: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004
    return value


def _one_of(*names: str) -> Reader:
    def read(value: Any, _: Path) -> str:
        if value not in names or not isinstance(value, str):
            raise ValueError(f"expected {' or '.join(names)}{meant(str(value), names)}")
        return value

    return read


def _many(item: Reader) -> Reader:
    """A list of values; one stands for a list of one."""

    def read(value: Any, folder: Path) -> tuple[Any, ...]:
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(item(one, folder) for one in values)

    return read


def _number(low: int, high: int) -> Reader:
    def read(value: Any, _: Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"expected a number from {low} to {high}")
        return value

    return read


def _duration(value: Any, _: Path) -> int:
    """Nanoseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return round(value * 1e9)
    found = quantity(value.strip(), NANOSECONDS) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected a duration: 200ms, 5s, 1min, or a number of seconds")
    return found


def _path(value: Any, folder: Path) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError("expected a path")
    return folder / value


def _file(value: Any, folder: Path) -> Path:
    path = _path(value, folder)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _texts(value: Any, _: Path) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(one, str) for pair in value.items() for one in pair
    ):
        raise ValueError('expected a table of texts, such as { OLD = "NEW" }')
    return dict(value)


def _pace(value: Any, _: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("expected recorded, answer, asap, or a factor such as x10")  # noqa: TRY004
    parse_pace(value)
    return value


def _pointer(value: Any, _: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a pointer such as /interval or BootNotification/interval")  # noqa: TRY004
    pattern(value)
    return value


def _url(value: Any, _: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a URL such as ws://127.0.0.1:9000/ocpp")  # noqa: TRY004
    # A port takes the place of {port} later, a user is none of the host's.
    plain = re.sub("//[^/@]*@", "//", value.replace("{port}", "1"))
    try:
        Upstream.of(plain)
    except UrlError as error:
        raise ValueError(str(error)) from error
    return value


def _endpoint(value: Any, _: Path) -> tuple[str, int]:
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not port.isdecimal() or int(port) > 0xFFFF:
        raise ValueError("expected HOST:PORT, such as 127.0.0.1:9000, or :0 for any free port")
    return host.strip("[]"), int(port)


def _command(value: Any, folder: Path) -> Command:
    words = tuple(map(str, value)) if isinstance(value, list | tuple) else ()
    if isinstance(value, str) and value.strip():
        return Command(value, folder)
    if not words or not all(isinstance(one, str | os.PathLike) for one in value):
        raise ValueError(
            'expected a command: a text for the shell, or a list of words such as ["node", "csms.js"]'
        )
    return Command(words, folder)


def _expected(value: Any, folder: Path) -> tuple[Expected, ...]:
    if not isinstance(value, list):
        raise ValueError('expected a list such as ["RPC-004", { rule = "WS-007", count = 1 }]')  # noqa: TRY004
    return tuple(_expected_rule(one, folder) for one in value)


def _expected_rule(value: Any, folder: Path) -> Expected:
    named = value if isinstance(value, dict) else {"rule": value}
    for key in named:
        if key not in ("rule", "count"):
            raise ValueError(f"{key!r} is not known there: expected rule and count")
    name = named.get("rule")
    by_name = {one.lower(): one for one in RULES}
    rule = by_name.get(name.lower()) if isinstance(name, str) else None
    if rule is None:
        raise ValueError(
            f"there is no rule {name}: `ocppscope rules` lists them{meant(str(name).upper(), RULES)}"
        )
    count = named.get("count")
    return Expected(rule, None if count is None else _number(1, 1 << 31)(count, folder))


def _dialect(value: Any, _: Path) -> str:
    known = all_dialects()
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"there is no dialect {value!r}: docs/logs.md lists them{meant(str(value), known)}")
    return value


def _zone(value: Any, _: Path) -> tzinfo:
    try:
        return zone_named(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("expected a time zone such as Europe/Berlin, or +02:00") from None


_INPUT: Final[Table] = {
    "keylog": _many(_file),
    "tls_key": _many(_file),
    "decode_as": _many(_number(1, 65535)),
    "name_station": _text,
    "dialect": _dialect,
    "assume_tz": _zone,
    "as_logged_by": _one_of("station", "csms"),
}
_CHECK: Final[Table] = {
    "profile": _one_of("field", "strict"),
    "expected": _expected,
    "fail_on": _one_of(*SEVERITIES, "never"),
}
_REPLAY: Final[Table] = {
    "as": _one_of("station", "csms"),
    "to": _url,
    "listen": _endpoint,
    "command": _command,
    "cwd": _path,
    "ready": _text,
    "timeout": _duration,
    "wait": _duration,
    "station": _text,
    "session": _many(_number(1, 1 << 31)),
    "identity": _text,
    "pace": _pace,
    "max_gap": _duration,
    "ignore": _many(_pointer),
    "tokens": _texts,
    "verdict": _one_of(*get_args(Verdict)),
    "unknown": _one_of("default", "error"),
    "keep_times": _flag,
    "user": _maybe_empty,
    "subprotocol": _text,
    "headers": _texts,
    "ca": _file,
    "cert": _file,
    "key": _file,
    "insecure": _flag,
}
_TABLES: Final[Mapping[str, Table]] = {"input": _INPUT, "check": _CHECK, "replay": _REPLAY}
KEYS: Final = frozenset({"skip", *_TABLES})
"""What may stand at the top of a TOML."""


def keys_of(table: Literal["input", "check", "replay"]) -> tuple[str, ...]:
    """The keys of a table, in their order."""
    return tuple(_TABLES[table])


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a message that says which known word is near; empty where none is."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), 2)
    return f"; {' or '.join(near)} may be meant" if near else ""


def read_options(options: Mapping[str, Any], folder: Path, *, leave_out: Iterable[str] = ()) -> Values:
    """Read keyword arguments that are keys of `[replay]` or `[input]`.

    Raises:
        SettingsError: one is not known, or its value cannot be meant.
    """
    table = {name: read for name, read in {**_INPUT, **_REPLAY}.items() if name not in leave_out}
    return _read(table, options, folder, lambda key: f"{key}=…")


def split_options(values: Values) -> tuple[Values, Values]:
    """Those of `[input]`, and those of `[replay]`."""
    of_input = {key: value for key, value in values.items() if key in _INPUT}
    return of_input, {key: value for key, value in values.items() if key not in _INPUT}


def _read(table: Table, said: Mapping[str, Any], folder: Path, where: Callable[[str], str]) -> Values:
    values: Values = {}
    for key, value in said.items():
        if key not in table:
            raise SettingsError(f"{where(key)}: {key!r} is not known{meant(key, table)}")
        try:
            values[key] = table[key](value, folder)
        except ValueError as error:
            raise SettingsError(f"{where(key)}: {error}") from error
    return values


# --- files ---


def read_file(path: Path) -> Settings:
    """Read one TOML file, by itself.

    Raises:
        SettingsError: it cannot be read, or says what cannot be meant.
    """
    text, said = _toml(path)
    for key in said:
        if key not in KEYS:
            raise SettingsError(
                f"{_at(path, text, key)}: {key!r} is not known{meant(key, (*KEYS, *_REPLAY, *_CHECK))}"
            )
    settings = Settings(check={}, replay=None)
    for name, table in _TABLES.items():
        if name not in said:
            continue
        value = said[name]
        if value is False and name != "input":
            setattr(settings, name, None)
            settings.is_not_replayed |= name == "replay"
            continue
        if not isinstance(value, dict):
            instead = "a table" if name == "input" else "a table, or false"
            raise SettingsError(f"{_at(path, text, name)}: {name}: expected {instead}")
        at = partial(_at, path, text, table=name)
        setattr(settings, name, _read(table, value, path.parent, at))
    skip = said.get("skip")
    if skip is not None and not isinstance(skip, str):
        raise SettingsError(f"{_at(path, text, 'skip')}: skip: expected a text that says why")
    settings.skip = skip or None
    return settings


def is_of_a_test(path: Path) -> bool:
    """Whether a TOML file says something about a test: others, such as pyproject.toml, are none of our business."""
    try:
        return not KEYS.isdisjoint(_toml(path)[1])
    except SettingsError:
        return False


def merged(paths: Iterable[Path]) -> Settings:
    """What several files say together: of each table, later files win key by key.

    Raises:
        SettingsError: one of them cannot be read, or says what cannot be meant.
    """
    whole = Settings()
    for path in paths:
        said = _toml(path)[1]
        one = read_file(path)
        whole.skip = one.skip if "skip" in said else whole.skip
        whole.input |= one.input
        for name in ("check", "replay"):
            if name in said:
                own = getattr(one, name)
                setattr(whole, name, None if own is None else {**(getattr(whole, name) or {}), **own})
        if "replay" in said:
            whole.is_not_replayed = one.is_not_replayed
    return whole


def _toml(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no UTF-8, as TOML is: byte {error.start}") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}") from error


def _at(path: Path, text: str, key: str, table: str | None = None) -> str:
    """Where a key stands: its file, and its line where that can be told."""
    name = rf"[\"']?{re.escape(key)}[\"']?"
    if table is None:
        header, inside = rf"\s*\[\[?\s*{name}\s*[].]|\s*{name}\s*[=.]", None
    else:
        header = rf"\s*\[\[?\s*{table}\s*\.\s*{name}\s*[].]|\s*{table}\s*(\.\s*{name}|=.*\b{name})\s*[=.]"
        inside = rf"\s*{name}\s*[=.]"
    now = None
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*\[\[?\s*([^\]\s]+)\s*\]", line):
            now = found[1]
        is_there = re.match(header, line) and (now is None or found)
        if is_there or (inside and now == table and re.match(inside, line)):
            return f"{path}:{number}"
    return str(path)
