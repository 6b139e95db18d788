"""What is known of single devices: which findings a quirk of theirs explains.

Devices are told apart by what their BootNotification says. `quirks.toml` holds those that ship, `docs/quirks.md`
describes the format; a user's own files come before them. A finding that a quirk explains is shown as any other:
it is as wrong as before, but nobody has to look for the reason.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import translate
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from ocppscope.ocpp.connectors import StationInfo, described
from ocppscope.rules.registry import RULES

Version: TypeAlias = tuple[int, ...]

_LARGEST: Final = 1_000_000
_LONGEST: Final = 200
"""Characters that are looked at of what a station tells of itself."""
_DIGITS: Final = 9
"""Digits that a part of a version has at most; what is longer is a date or a serial number."""
_DOTTED: Final = re.compile(r"\d+(?:\.\d+)+")
_NUMBER: Final = re.compile(r"\d+")


class QuirkError(ValueError):
    """A file of quirks cannot be used; the message names file, place and remedy."""


def version_of(firmware: str | None) -> Version | None:
    """The version in a firmware's name: the last of its numbers with dots, else its last number.

    `TAC3Z9119006710273::V1.8.21` is 1.8.21, `05.43` is 5.43.

    Returns:
        None where there is no number.
    """
    runs = _DOTTED.findall(firmware or "") or _NUMBER.findall(firmware or "")
    if not runs:
        return None
    return tuple(int(part[-_DIGITS:]) for part in runs[-1].split("."))


def is_up_to(version: Version, bound: Version) -> bool:
    """Whether a version is not later than a bound; 1.8.21.3 still counts as 1.8.21."""
    return version[: len(bound)] <= bound


def is_from(version: Version, bound: Version) -> bool:
    """Whether a version is not earlier than a bound; 6 counts as 6.0."""
    return version + (0,) * (len(bound) - len(version)) >= bound


@cache
def _pattern(wildcards: str) -> re.Pattern[str]:
    return re.compile(translate(wildcards), re.IGNORECASE)


def _fits(patterns: Sequence[str], text: str | None) -> bool:
    """Whether a text fits one of some patterns; without patterns any does."""
    return not patterns or (text is not None and any(_pattern(one).match(text.strip()) for one in patterns))


@dataclass(frozen=True, slots=True)
class Match:
    """Which devices have a quirk, by what their BootNotification says."""

    vendor: tuple[str, ...] = ()
    """Patterns with `*` and `?`, of which one has to fit, whatever the case; none: any vendor."""
    model: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()
    firmware_from: Version | None = None
    firmware_to: Version | None = None

    def fits(self, info: StationInfo) -> bool:
        """Whether a station is one of them."""
        if not (
            _fits(self.vendor, info.vendor)
            and _fits(self.model, info.model)
            and _fits(self.firmware, info.firmware)
        ):
            return False
        if self.firmware_from is None and self.firmware_to is None:
            return True
        version = version_of(info.firmware)
        return (
            version is not None
            and (self.firmware_from is None or is_from(version, self.firmware_from))
            and (self.firmware_to is None or is_up_to(version, self.firmware_to))
        )


@dataclass(frozen=True, slots=True)
class Explains:
    """Findings that a quirk explains: those of some rules, whose texts fit."""

    rules: tuple[str, ...]
    subject: tuple[str, ...] = ()
    detail: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    """The subject's first word."""
    field: tuple[str, ...] = ()
    """The rest of the subject: a JSON pointer; or the last name in it."""

    def fits(self, rule: str, subject: str, detail: str) -> bool:
        """Whether a finding is one of them, by the id of its rule and its texts."""
        if not _fits(self.rules, rule):
            return False
        action, _, field = subject.partition(" ")  # of a violation: `StatusNotification /errorCode`
        return (
            _fits(self.subject, subject)
            and _fits(self.detail, detail)
            and _fits(self.action, action)
            and (_fits(self.field, field) or _fits(self.field, field.rpartition("/")[2]))
        )


@dataclass(frozen=True, slots=True)
class Quirk:
    """What is known of some devices."""

    device: str
    """Which they are, for people."""
    text: str
    """What they do, in a sentence without its full stop."""
    source: str
    """Where it was seen: an issue thread, a release note."""
    match: tuple[Match, ...]
    """One of them has to fit."""
    explains: tuple[Explains, ...]
    last_firmware: str | None = None
    """The latest firmware that was seen to do so."""

    @property
    def said(self) -> str:
        """All of it in one line."""
        seen = f"; last seen in {self.last_firmware}" if self.last_firmware else ""
        return f"{self.device}: {self.text} ({self.source}{seen})"


class Quirks:
    """Quirks in the order in which they are looked at."""

    def __init__(self, quirks: Iterable[Quirk]) -> None:
        self.quirks: Final = tuple(quirks)
        self._of: Callable[..., tuple[Quirk, ...]] = lru_cache(maxsize=1_000)(self._fitting)

    def __add__(self, other: "Quirks") -> "Quirks":
        return Quirks((*self.quirks, *other.quirks))

    def explain(self, boot: Any, rule: str, subject: str, detail: str) -> Quirk | None:
        """The quirk that explains a finding.

        Args:
            boot: the payload of the station's BootNotification; what is none fits nothing.
            rule: the id of the finding's rule.
            subject: what it is about.
            detail: what it says.
        """
        if type(boot) is not dict:
            return None
        info = described("", boot)
        key = info.vendor, info.model, info.firmware
        for one in self._of(*(part and part[:_LONGEST] for part in key)):
            if any(explains.fits(rule, subject, detail) for explains in one.explains):
                return one
        return None

    def _fitting(self, vendor: str | None, model: str | None, firmware: str | None) -> tuple[Quirk, ...]:
        info = StationInfo("", vendor, model, None, firmware)
        return tuple(one for one in self.quirks if any(match.fits(info) for match in one.match))


@cache
def shipped() -> Quirks:
    """Those that come with the program."""
    path = Path(__file__).with_name("quirks.toml")
    return Quirks(_read(path.read_text(encoding="utf-8"), path.name))


def load(path: Path) -> Quirks:
    """Read a user's file.

    Raises:
        QuirkError: it cannot be read, or something in it is wrong.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise QuirkError(f"{path} is too large for a file of quirks: {_LARGEST:,} bytes at most")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise QuirkError(f"{path}, byte {error.start}: no UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise QuirkError(f"{path} cannot be read: {error.strerror or error}") from error
    quirks = _read(text, str(path))
    for at, one in enumerate(quirks):
        for explains in one.explains:
            for pattern in explains.rules:
                if not any(_fits((pattern,), name) for name in RULES):
                    by_name = {name.lower(): name for name in RULES}
                    near = get_close_matches(pattern.lower(), by_name, n=1)
                    tip = f"did you mean {by_name[near[0]]}? " if near else ""
                    raise QuirkError(
                        f"{_place(str(path), text, at)}: there is no rule {pattern}:"
                        f" {tip}`ocppscope rules` lists them"
                    )
    return Quirks(quirks)


# --- reading ---


_QUIRK_KEYS: Final = ("device", "text", "source", "last-firmware", "match", "explains")
_MATCH_KEYS: Final = ("vendor", "model", "firmware", "firmware-from", "firmware-to")
_EXPLAINS_KEYS: Final = ("rules", "subject", "detail", "action", "field")
_HEADER: Final = re.compile(r"^\s*\[\[\s*quirk\s*\]\]", re.MULTILINE)


def _place(name: str, text: str, at: int) -> str:
    headers = list(_HEADER.finditer(text))
    line = f", line {text.count(chr(10), 0, headers[at].end()) + 1}" if at < len(headers) else ""
    return f"{name}{line}, quirk {at + 1}"


@dataclass(slots=True)
class _Reader:
    """Reads one table, and knows where it stands."""

    place: str
    table: Mapping[str, Any]
    what: str = ""
    known: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in self.table:
            if name not in self.known:
                near = get_close_matches(str(name), self.known, n=1)
                tip = f"did you mean {near[0]}?" if near else f"known are {', '.join(self.known)}"
                self.fail(f"{self.what}{name} is not known: {tip}")

    def fail(self, text: str) -> NoReturn:
        raise QuirkError(f"{self.place}: {text}")

    def text(self, name: str) -> str:
        value = self.table.get(name)
        if not isinstance(value, str) or not value.strip():
            self.fail(f'{self.what}{name} has to be a text: {name} = "…"')
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """One text or an array of them."""
        value = self.table.get(name, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(one, str) and one.strip() for one in found):
            self.fail(f'{self.what}{name} has to be a text or an array of texts: {name} = ["…", "…"]')
        return tuple(one.strip() for one in found)

    def version(self, name: str) -> Version | None:
        if name not in self.table:
            return None
        value = version_of(self.text(name))
        if value is None:
            self.fail(f'{self.what}{name} has to hold a version: {name} = "1.8.21"')
        return value


def _read(text: str, name: str) -> list[Quirk]:
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise QuirkError(f"{name} is no TOML: {error}; docs/quirks.md shows the format") from error
    unknown = [key for key in tables if key != "quirk"]
    quirks = tables.get("quirk")
    if unknown or not isinstance(quirks, list) or not all(isinstance(one, dict) for one in quirks):
        said = f"{unknown[0]} is not known" if unknown else "there is no [[quirk]]"
        raise QuirkError(f"{name}: {said}: each quirk begins with a line [[quirk]]")
    return [_quirk(_place(name, text, at), one) for at, one in enumerate(quirks)]


def _quirk(place: str, table: Mapping[str, Any]) -> Quirk:
    reader = _Reader(place, table, known=_QUIRK_KEYS)
    said, source = reader.text("text"), reader.text("source")
    matches = table.get("match")
    match = tuple(
        _match(place, one) for one in (matches if isinstance(matches, list) and matches else [matches])
    )
    explains = table.get("explains")
    if not isinstance(explains, list) or not explains or not all(isinstance(one, dict) for one in explains):
        raise QuirkError(
            f'{place}: explains has to be an array of tables: explains = [{{rules = "RPC-001"}}]'
        )
    device = (
        reader.text("device") if "device" in table else " ".join((*match[0].vendor[:1], *match[0].model[:1]))
    )
    return Quirk(
        device.replace("*", "").strip() or "this device",
        said,
        source,
        match,
        tuple(_explains(place, one) for one in explains),
        reader.text("last-firmware") if "last-firmware" in table else None,
    )


def _match(place: str, table: Any) -> Match:
    if not isinstance(table, dict) or not table:
        raise QuirkError(
            f'{place}: match has to say which devices: match = {{vendor = "ABB", model = "*TAC*"}}'
        )
    reader = _Reader(place, table, "match.", _MATCH_KEYS)
    return Match(
        reader.texts("vendor"),
        reader.texts("model"),
        reader.texts("firmware"),
        reader.version("firmware-from"),
        reader.version("firmware-to"),
    )


def _explains(place: str, table: Mapping[str, Any]) -> Explains:
    reader = _Reader(place, table, "explains.", _EXPLAINS_KEYS)
    rules = reader.texts("rules")
    if not rules:
        raise QuirkError(f'{place}: explains.rules has to name rules: rules = ["SCH-enum", "RPC-001"]')
    return Explains(
        rules, reader.texts("subject"), reader.texts("detail"), reader.texts("action"), reader.texts("field")
    )
