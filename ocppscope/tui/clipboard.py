"""Copying: through the terminal, and to a file.

The terminal's way (OSC 52) reaches the clipboard of the user's own machine over SSH too, but nobody hears whether
the terminal took it. So the text goes to a file as well, and what is said names it.
"""

import os
import stat
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path
from textual.app import App

_LARGE: Final = 100_000
"""Bytes from which on many terminals cut a text, or take none of it."""


def copy_path() -> Path:
    """The file that holds what was copied last; OCPPSCOPE_COPY names another one."""
    named = os.environ.get("OCPPSCOPE_COPY")
    return Path(named).expanduser() if named else user_cache_path("ocppscope") / "copied.txt"


def copy(app: App[Any], text: str) -> str:
    """Copy a text.

    Returns:
        What was done, in a sentence.
    """
    kept = text.encode(errors="backslashreplace")  # halves of characters cannot be sent
    app.copy_to_clipboard(kept.decode())
    size = f"{len(kept):,} bytes"
    large = ", which many terminals do not take" if len(kept) > _LARGE else ""
    path = copy_path()
    try:
        _keep(path, kept)
    except OSError as error:
        return f"sent {size} to the terminal's clipboard{large}; {path} cannot be written: {error.strerror}"
    return f"sent {size} to the terminal's clipboard{large}; they are in {path} too"


def _keep(path: Path, kept: bytes) -> None:
    """Write a file that only its owner can read: messages may hold passwords."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True, mode=0o700)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "wb") as out:  # noqa: PTH123 - a descriptor
        if stat.S_ISREG(os.fstat(file).st_mode):
            os.fchmod(file, 0o600)
        out.write(kept)
