"""Copying, and what is said of it."""

import os
import stat
from unittest.mock import Mock

import pytest

from ocppscope.tui.clipboard import copy, copy_path


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "new" / "copied.txt"
    monkeypatch.setenv("OCPPSCOPE_COPY", str(path))
    return path


def test_the_text_goes_to_the_terminal_and_to_a_file(path):
    app = Mock()
    assert copy(app, "Grüße") == f"sent 7 bytes to the terminal's clipboard; they are in {path} too"
    app.copy_to_clipboard.assert_called_once_with("Grüße")
    assert path.read_text() == "Grüße"
    copy(app, "less")
    assert path.read_text() == "less"


def test_nobody_else_can_read_it(path):
    path.parent.mkdir()
    path.touch(0o644)
    copy(Mock(), "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    path.parent.rmdir()
    copy(Mock(), "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_text_that_terminals_cut(path):
    assert "sent 100,001 bytes to the terminal's clipboard, which many terminals do not take;" in copy(
        Mock(), "x" * 100_001
    )


def test_a_file_that_cannot_be_written_is_told(path):
    path.mkdir(parents=True)
    assert copy(Mock(), "x").endswith(f"; {path} cannot be written: Is a directory")


def test_half_a_character(path):
    app = Mock()
    copy(app, "a\ud800")
    app.copy_to_clipboard.assert_called_once_with("a\\ud800")
    assert path.read_text() == "a\\ud800"


def test_where_the_file_is(monkeypatch, tmp_path):
    monkeypatch.delenv("OCPPSCOPE_COPY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if os.name == "posix":
        assert copy_path().name == "copied.txt"
        assert copy_path().parent.name == "ocppscope"
