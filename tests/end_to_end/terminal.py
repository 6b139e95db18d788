"""A real pseudo-terminal with a real program in it, and an emulator that says what it shows."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress

import pyte

PATIENCE = 60  # seconds, for a machine that does much else at the time


class Terminal:
    """Runs `ocppscope` in a terminal of its own.

    Args:
        words: the command line.
        stdin: bytes come through a pipe, as from another program; None: the terminal is standard input.
        env: more environment variables.
    """

    def __init__(self, *words, piped=False, size=(80, 24), **env):
        columns, lines = size
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ocppscope", *map(str, words)],
            stdin=subprocess.PIPE if piped else slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - there are no threads
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "", **env},
        )
        self.slave = slave

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        for descriptor in (self.master, self.slave):
            if descriptor is not None:
                os.close(descriptor)

    @property
    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, text):
        """Wait until the screen shows a text."""
        self._until(lambda: text in self.shown, f"the screen never showed {text!r}")
        return self.shown

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ends(self):
        """Wait for the program's end.

        Returns:
            Its exit code.
        """
        self._until(lambda: self.process.poll() is not None, "the program does not end")
        self._read(0)
        return self.process.returncode

    def hang_up(self):
        """Close the terminal, as a lost ssh connection does."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = None
        return self.process.wait(PATIENCE)

    def _until(self, is_so, otherwise):
        end = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > end:
                raise AssertionError(f"{otherwise}; it shows\n{self.shown}")
            self._read(0.05)

    def _read(self, wait):
        ready, _, _ = select.select([self.master], [], [], wait)
        if ready:
            self.stream.feed(os.read(self.master, 1 << 16))
