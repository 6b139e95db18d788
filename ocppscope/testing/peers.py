"""The peer of a replay, as a process: started, waited for, and surely stopped, with all that it has started."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ocppscope.testing.settings import Command

_POLL: Final = 0.02
"""Seconds between two looks."""
_GRACE: Final = 5.0
"""Seconds that a process has to end when it is asked to."""
_GRACE_OF_OTHERS: Final = 1.0
"""Seconds that those have whom it has started, once it has ended itself."""
_TAIL: Final = 8_000
"""Bytes of its output that are shown."""
_CONNECT: Final = 1.0


class PeerError(Exception):
    """A peer cannot be had. The text says why."""


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


class Peer:
    """A process that is the other side, in a group of its own (a context: at its end all of the group is stopped).

    Args:
        command: what starts it.
        placeholders: what stands for `{port}`, `{url}` … in the command; also given in the environment.
        cwd: where it runs; None: the command's own folder.

    Raises:
        PeerError: it cannot be started.
    """

    def __init__(self, command: Command, placeholders: Mapping[str, str], cwd: Path | None = None) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        line = _filled(command.line, {**placeholders, "python": sys.executable})
        environment = {"PYTHONUNBUFFERED": "1", **os.environ}
        environment |= {f"OCPPSCOPE_{name.upper()}": value for name, value in placeholders.items()}
        self.name = line if isinstance(line, str) else " ".join(line)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                line,
                shell=isinstance(line, str),
                cwd=cwd or command.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._output.close()
            what = error.filename or self.name
            raise PeerError(f"{self.name!r} cannot be started: {what}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._output.close()

    @property
    def exit_code(self) -> int | None:
        """How it has ended; None while it runs."""
        return self._process.poll()

    @property
    def ending(self) -> str:
        """How it has ended, in words."""
        code = self.exit_code
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def output(self) -> str:
        """The last of what it has said."""
        end = os.fstat(self._output.fileno()).st_size
        text = self._read(max(end - _TAIL, 0), _TAIL).decode(errors="replace")
        return text if end <= _TAIL else "…" + text.partition("\n")[2]

    def _read(self, start: int, size: int) -> bytes:
        """The file's own position is the process's too: it must not be moved."""
        return os.pread(self._output.fileno(), size, start)

    # --- waiting for it ---

    async def said(self, text: str, until: float) -> None:
        """Wait for a text in its output.

        Args:
            text: what to wait for.
            until: on the clock of the event loop.

        Raises:
            PeerError: it did not come.
        """
        wanted, read, kept = text.encode(), 0, b""
        while True:
            has_ended = self.exit_code is not None  # what it said last counts
            while block := self._read(read, 1 << 16):
                read += len(block)
                kept = (kept + block)[-len(wanted) - len(block) :]
                if wanted in kept:
                    return
            if has_ended:
                raise PeerError(f"the peer {self.ending} before it said {text!r}")
            if asyncio.get_running_loop().time() >= until:
                raise PeerError(f"the peer did not say {text!r} in time")
            await asyncio.sleep(_POLL)

    async def accepts(self, host: str, port: int, until: float) -> None:
        """Wait until it accepts connections.

        Raises:
            PeerError: it did not.
        """
        while not await accepts(host, port):
            if self.exit_code is not None:
                raise PeerError(f"the peer {self.ending} before it accepted connections at {host}:{port}")
            if asyncio.get_running_loop().time() >= until:
                raise PeerError(f"the peer did not accept connections at {host}:{port} in time")
            await asyncio.sleep(_POLL)

    async def ended(self) -> None:
        """Wait until it ends."""
        while self.exit_code is None:  # noqa: ASYNC110 - nobody else tells
            await asyncio.sleep(_POLL)

    # --- the end ---

    def stop(self) -> None:
        """End it and what it has started: asked first, then made to."""
        end = time.monotonic() + _GRACE
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        end = min(end, time.monotonic() + _GRACE_OF_OTHERS)
        while self._signal(0) and time.monotonic() < end:
            time.sleep(_POLL)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> bool:
        """Signal its group; False where nobody is left."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


async def accepts(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        async with asyncio.timeout(_CONNECT):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _filled(line: str | tuple[str, ...], placeholders: Mapping[str, str]) -> str | tuple[str, ...]:
    if isinstance(line, tuple):
        return tuple(filled(word, placeholders) for word in line)
    import shlex

    return filled(line, {name: shlex.quote(value) for name, value in placeholders.items()})


def filled(text: str, placeholders: Mapping[str, str]) -> str:
    """A text with its placeholders filled in; other braces stay."""
    for name, value in placeholders.items():
        text = text.replace(f"{{{name}}}", value)
    return text
