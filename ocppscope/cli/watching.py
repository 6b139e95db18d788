"""`--view` of `record` and `sniff`: the command itself as a child, and the browser on the store that it writes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from ocppscope.cli.live import Recordings
from ocppscope.cli.view import (
    PREFIX,
    PROGRAM,
    at_the_end,
    browse,
    expect_terminal,
    heed_signals,
    locked,
    remove_stale,
)

_PATIENCE: Final = 10.0
"""Seconds that the recording has to be completed in."""
_LOOK: Final = 1.0
"""Seconds between two looks at whether the browser is still there."""
_PARENT: Final = "OCPPSCOPE_PARENT"
"""Tells a recording for which browser it is made."""


def watch(recordings: Recordings, words: Sequence[str], name: str) -> None:
    """Start this command line once more without `--view`, browse what it records, and stop it with the browser.

    Args:
        recordings: the values of the shared options.
        words: the command line.
        name: of what is recorded, for people.

    Raises:
        click.UsageError: there is no terminal, or the store rotates.
    """
    expect_terminal("")
    heed_signals()
    if recordings.rotation.is_on and recordings.store is not None:
        raise click.UsageError("--view follows one store, which cannot rotate: leave --rotate or --view out")
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = locked(folder)
    store = recordings.store or folder / "live.ocppdb"
    said = [word for word in words if word != "--view"]
    if recordings.store is None:
        said += ["-o", str(store)]
    errors = folder / "errors"
    with errors.open("wb") as stderr:
        recorder = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            [*PROGRAM, *said],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for the browser
            env={**os.environ, _PARENT: str(os.getpid())},
            pass_fds=(lock,),  # the folder is needed until both have gone
        )
    at_the_end(lambda: _end(recorder, folder, errors))
    threading.Thread(target=remove_stale).start()
    code = browse(path=store, name=name, loader=recorder, errors=errors, follow=True)
    sys.exit(recorder.poll() or code)


def end_with_browser() -> None:
    """In a recording that was started for a browser: end as a user would end it, when the browser is gone."""
    parent = os.environ.pop(_PARENT, None)
    if parent is None:
        return

    def look() -> None:
        while os.getppid() == int(parent):
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, daemon=True).start()


def _end(recorder: "subprocess.Popen[bytes]", folder: Path, errors: Path) -> None:
    recorder.send_signal(signal.SIGINT)
    try:
        recorder.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        recorder.kill()
        recorder.wait()
    sys.stderr.write(errors.read_text(errors="replace"))  # the summary, and what went wrong
    shutil.rmtree(folder, ignore_errors=True)
