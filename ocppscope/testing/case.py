"""Test cases: the captures of a folder, each with what its TOML says about it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ocppscope.events import Message
from ocppscope.ocpp.decoder import Decoder
from ocppscope.sources import InputError, Source, SourceOptions, open_source
from ocppscope.sources.capture_file import CaptureFiles
from ocppscope.sources.stored import StoredCapture
from ocppscope.testing.settings import Settings, SettingsError, is_of_a_test, merged, read_file

DEFAULTS: Final = "tests.toml"
"""What holds for all captures of its folder, and of those below it."""
_NO_LOGS: Final = frozenset(
    ".c .cfg .cpp .css .go .h .htm .html .ini .ipynb .java .js .kt .md .php .py .rb .rs .rst .sh .sql .svg .toml "
    ".ts .xml .yaml .yml".split()
)
"""Programs and documents may quote messages; one that is meant as a capture has a TOML."""
_LOOKED_AT: Final = 4 << 20
"""Bytes of a text in which its first message is looked for."""
_NOT_ENTERED: Final = frozenset({"__pycache__", "node_modules"})


@dataclass(slots=True)
class Case:
    """One capture that is a test."""

    name: str
    """Its path, from the folder of the tests."""
    path: Path
    settings: Settings = field(default_factory=Settings)
    problem: str | None = None
    """Why it cannot be run: of its TOML, or of the file itself."""


def cases_of(root: Path) -> list[Case]:
    """The test cases of a folder and all below it, sorted; of a file, itself.

    What holds a capture is found out from its content. Hidden folders are not entered.

    Raises:
        SettingsError: a `tests.toml` says what cannot be meant: that is nobody's case.
    """
    if not root.is_dir():
        return [case_of(root, root.parent)]
    captures: list[Case] = []
    with_capture: set[Path] = set()
    tomls: list[Path] = []
    for path in _files(root):
        if path.name == DEFAULTS:
            read_file(path)
        elif path.suffix == ".toml":
            tomls.append(path)
        elif is_capture(path):
            captures.append(case_of(path, root))
            with_capture.update(_toml_names(path))
    for path in tomls:
        if path not in with_capture and is_of_a_test(path):
            why = f"{path} is beside no capture: expected one such as {path.stem}.pcapng, {path.stem}.ocppdb"
            captures.append(Case(_name(path, root), path, problem=why))
    return sorted(captures, key=lambda case: case.name)


def case_of(path: Path, root: Path) -> Case:
    """The case of one capture.

    Args:
        path: of the capture.
        root: where the tests begin: of it, and each folder from it to the capture, a `tests.toml` counts.
    """
    case = Case(_name(path, root), path)
    try:
        case.settings = settings_of(path, root)
    except SettingsError as error:
        case.problem = str(error)
    return case


def settings_of(path: Path, root: Path) -> Settings:
    """What is said about a capture, by its own TOML and by the defaults of its folders.

    Raises:
        SettingsError: that cannot be meant.
    """
    folders = [path.parent]
    while folders[-1] != root and root in folders[-1].parents:
        folders.append(folders[-1].parent)
    files = [folder / DEFAULTS for folder in reversed(folders)]
    files += _toml_names(path)
    return merged(one for one in files if one.is_file())


def is_capture(path: Path) -> bool:
    """Whether a file is one that can be read, by its content; a text is one if it holds a message."""
    try:
        source = open_source([str(path)], SourceOptions())
        try:
            if isinstance(source, CaptureFiles | StoredCapture):
                return True
            is_meant = any(toml.is_file() for toml in _toml_names(path))
            return (is_meant or path.suffix.lower() not in _NO_LOGS) and _holds_a_message(source)
        finally:
            source.close()
    except InputError:
        return False


def _holds_a_message(source: Source) -> bool:
    decoder = Decoder()
    for batch in source.batches():
        if any(isinstance(event, Message) for event in decoder.feed(batch)):
            return True
        if source.read > _LOOKED_AT:
            return False
    return False


def _toml_names(path: Path) -> tuple[Path, ...]:
    """`boot.toml` of `boot.pcapng` and of `boot.pcap.gz`."""
    stem = path.with_suffix("") if path.suffix == ".gz" else path
    return (stem.with_suffix(".toml"),)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _NOT_ENTERED)
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file():
                yield path
