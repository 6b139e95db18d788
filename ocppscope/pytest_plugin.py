"""Fixtures for pytest: `ocpp_replay` plays the station of a capture against a CSMS, `ocpp_csms` its CSMS for a station.

pytest loads this at each start of each user, so that what it needs is imported when a fixture is called.
"""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import pytest

if TYPE_CHECKING:
    from ocppscope.replay.player import Verdict
    from ocppscope.replay.script import Side
    from ocppscope.testing.replaying import RecordedCsms, Result
    from ocppscope.testing.settings import Values

Capture: TypeAlias = "str | os.PathLike[str]"


class Replay(Protocol):
    """What `ocpp_replay` is."""

    def __call__(
        self,
        capture: Capture,
        to: str | None = None,
        *,
        expect: "Verdict | None" = "same",
        **options: Any,
    ) -> "Result":
        """Play the station of a capture against a CSMS.

        Args:
            capture: its file: beside the test, or from the working directory.
            to: URL of the CSMS; None: what `to` or `command` says, here or in the capture's TOML.
            expect: the verdict: `same`, `diverged`, `incomplete`; None: any, the result says which.
            options: keys of `[replay]` and `[input]`; they win over the capture's TOML.

        Raises:
            AssertionError: the verdict is another one, or there is nothing to play, or nobody to play against.
            ValueError: an option, or the capture's TOML, says what cannot be meant.
            FileNotFoundError: there is no such capture.
            RuntimeError: it was called in an event loop.
        """


class Csms(Protocol):
    """A recorded CSMS that listens: what `ocpp_csms` opens."""

    url: str
    """Where stations connect: they append their identity."""
    port: int

    def result(self) -> "Result":
        """Wait until all has been played, or its time is over.

        Raises:
            AssertionError: the verdict is not the expected one; the text says what differs.
        """


class Open(Protocol):
    """What `ocpp_csms` is."""

    def __call__(
        self, capture: Capture, *, expect: "Verdict | None" = "same", **options: Any
    ) -> AbstractContextManager[Csms]:
        """Play the CSMS of a capture, on a free port, while the block runs.

        Where the block ends well and `result` was not asked for, it is at the end of the block.

        Args:
            capture: its file: beside the test, or from the working directory.
            expect: as for `ocpp_replay`.
            options: as for `ocpp_replay`.
        """


@pytest.fixture
def ocpp_replay(request: pytest.FixtureRequest) -> Replay:
    """Replay the station of a capture against a CSMS: `ocpp_replay("boot.pcapng", to=url)`."""
    folder = request.path.parent

    def replay(
        capture: Capture, to: str | None = None, *, expect: "Verdict | None" = "same", **options: Any
    ) -> "Result":
        __tracebackhide__ = True
        from ocppscope.testing.running import replayed

        _require_no_loop("ocpp_replay(…)", "asyncio.to_thread(ocpp_replay, …)")
        if to is not None:
            options["to"] = to
        path = _capture(capture, folder)
        input_, values = _values(path, folder, "station", options)
        result = _run(lambda: replayed(path, input_, values))
        return _judged(result, expect)

    return replay


@pytest.fixture
def ocpp_csms(request: pytest.FixtureRequest) -> Open:
    """Play the CSMS of a capture for a station: `with` it `as csms`, the station connects to `csms.url`."""
    folder = request.path.parent

    def opened(
        capture: Capture, *, expect: "Verdict | None" = "same", **options: Any
    ) -> AbstractContextManager[Csms]:
        __tracebackhide__ = True
        from ocppscope.testing.replaying import RecordedCsms

        path = _capture(capture, folder)
        input_, values = _values(path, folder, "csms", options)
        return _JudgedCsms(RecordedCsms(path, input_, values), expect)

    return opened


class _JudgedCsms:
    """A recorded CSMS of which the result is judged (a context)."""

    def __init__(self, csms: "RecordedCsms", expect: "Verdict | None") -> None:
        self._csms = csms
        self._expect = expect
        self._was_asked = False
        self.url = ""
        self.port = 0

    def __enter__(self) -> Self:
        __tracebackhide__ = True
        _run(self._csms.__enter__)
        self.url, self.port = self._csms.url, self._csms.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        try:
            if kind is None and not self._was_asked:
                self.result()
        finally:
            self._csms.stop()

    def result(self) -> "Result":
        """See `Csms`."""
        __tracebackhide__ = True
        if not self._csms.is_over:
            _require_no_loop("result()", "asyncio.to_thread(csms.result)")
        self._was_asked = True
        return _judged(_run(self._csms.result), self._expect)


def _capture(capture: Capture, folder: Path) -> Path:
    __tracebackhide__ = True
    beside = folder / capture
    path = beside if beside.exists() else Path(capture).absolute()
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no capture {os.fspath(capture)}, neither in {folder} nor in {Path.cwd()}"
        )
    return path


def _values(path: Path, folder: Path, side: "Side", options: dict[str, Any]) -> "tuple[Values, Values]":
    """The values of `[input]` and of `[replay]`: the TOML's, where it plays the same side, and the call's own."""
    __tracebackhide__ = True
    from ocppscope.testing.case import settings_of
    from ocppscope.testing.settings import SettingsError, read_options, split_options

    try:
        settings = settings_of(path, path.parent)
        said = read_options(options, folder, leave_out=("as", "verdict"))
    except SettingsError as error:
        raise ValueError(str(error)) from None
    of_input, of_replay = split_options(said)
    replay = settings.replay or {}
    if replay.get("as", "station") != side:
        replay = {}
    if (
        "to" in of_replay and "command" not in of_replay
    ):  # a peer that is there, in the place of one to be started
        replay = {key: value for key, value in replay.items() if key not in ("command", "ready", "cwd")}
    return settings.input | of_input, {**replay, **of_replay, "as": side}


def _run(play: "Callable[[], Any]") -> Any:
    __tracebackhide__ = True
    from ocppscope.testing.replaying import CannotReplayError

    try:
        return play()
    except CannotReplayError as error:
        said = f"\nthe peer said:\n{error.output}" if error.output.strip() else ""
        raise AssertionError(f"{error}{said}") from None


def _judged(result: "Result", expect: "Verdict | None") -> "Result":
    __tracebackhide__ = True
    if expect is None:
        return result
    result.expected = expect
    if not result.is_as_expected:
        said = f"\nthe peer said:\n{result.output}" if result.output.strip() else ""
        raise AssertionError(f"{result}{said}")
    return result


def _require_no_loop(call: str, instead: str) -> None:
    """A replay takes its time: it must not stop the loop in which the peer may run."""
    __tracebackhide__ = True
    if "asyncio" not in sys.modules:
        return
    import asyncio  # not quick to import: only where somebody else has

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{call} would stop the event loop that this test runs in: await {instead}")
