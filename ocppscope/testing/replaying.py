"""The second half of a test: one side of the capture, played against a peer that is started for it, or is there."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from ocppscope.capture import tls
from ocppscope.ocpp.visible import visible
from ocppscope.replay.pace import parse_pace
from ocppscope.replay.performing import Performance, Wishes, play_csms, play_station
from ocppscope.replay.player import Manner, Verdict
from ocppscope.replay.reading import ScriptError, Selection, script_of
from ocppscope.replay.script import Comparison, Script, Side
from ocppscope.replay.sockets import Manners
from ocppscope.testing.peers import Peer, PeerError, accepts, free_port
from ocppscope.testing.reading import CannotReadError, Seen, events, require_ocpp
from ocppscope.testing.settings import Command, Values
from ocppscope.testing.telling import comparison_lines

TIMEOUT: Final = 60_000_000_000
"""Nanoseconds that a replay may take, with the start of its peer."""
WAIT: Final = 10_000_000_000
"""Nanoseconds to wait for each thing that the peer is to do."""
_HOST: Final = "127.0.0.1"
_KEPT: Final = 200
"""Comparisons that are told; of all, their number is known."""
_PRESENT: Final = 10.0
"""Seconds to wait for a CSMS that others start, where nothing is said: in a folder of tests it is all of them."""
_LAST_WORDS: Final = 0.5
"""Seconds that what is under way has when the peer has failed."""
_CANCELLED: Final = "interrupted"
"""The note of a replay that was ended by us, who tell why."""
_PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}


class CannotReplayError(Exception):
    """A replay cannot even begin. The text says why.

    Args:
        text: for people.
        output: of the peer, where one was started.
    """

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


@dataclass(slots=True)
class Result:
    """What has come of a replay."""

    title: str
    """What was played against what."""
    expected: Verdict = "same"
    verdict: Verdict = "incomplete"
    equal: int = 0
    diverged: int = 0
    missing: int = 0
    unexpected: int = 0
    unplayed: int = 0
    """Our own messages that could not be sent."""
    comparisons: list[Comparison] = field(default_factory=list)
    """Those that are not equal, the first 200."""
    notes: list[str] = field(default_factory=list)
    latencies: list[int] = field(default_factory=list)
    """Nanoseconds from our Calls to their answers."""
    trouble: str | None = None
    """What ended the replay before its time."""
    output: str = ""
    """The last of what the peer has said, where it was started for this."""

    @property
    def is_as_expected(self) -> bool:
        """Whether the test passes."""
        return self.trouble is None and self.verdict == self.expected and not self.is_empty

    @property
    def is_empty(self) -> bool:
        """Nothing could be compared: that proves nothing."""
        return not (self.equal or self.diverged or self.missing or self.unexpected)

    def lines(self) -> list[str]:
        """What there is to tell, the verdict first."""
        counts = {
            "equal": self.equal,
            "diverged": self.diverged,
            "missing": self.missing,
            "unexpected": self.unexpected,
            "not played": self.unplayed,
        }
        said = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        wanted = "" if self.expected == "same" else f", expected {self.expected}"
        lines = [f"{self.title}: {self.verdict}{wanted} ({said or 'nothing was compared'})"]
        lines += [self.trouble] if self.trouble else []
        for one in self.comparisons:
            lines += comparison_lines(one)
        told = self.diverged + self.missing + self.unexpected
        if told > len(self.comparisons):
            lines.append(f"and {told - len(self.comparisons):,} more that are not as recorded")
        return lines + [f"note: {visible(note)}" for note in self.notes]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def observe(self, comparison: Comparison) -> None:
        """Take a comparison."""
        outcome = comparison.outcome
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome != "equal" and len(self.comparisons) < _KEPT:
            self.comparisons.append(comparison)

    def finish(self, performance: Performance) -> None:
        """Take what came of it all."""
        self.verdict = performance.tally.verdict
        for outcome, count in performance.tally.counts.items():  # what came after all is not missing any more
            setattr(self, outcome, count)
        self.unplayed = performance.tally.unplayed
        self.notes = list(performance.notes)
        self.latencies = list(performance.latencies)


# --- what is to be played ---


def script_for(path: Path, side: Side, input_: Values, replay: Values) -> Script:
    """The script of a capture.

    Args:
        path: of the capture.
        side: that is played.
        input_: the values of `[input]`.
        replay: those of `[replay]`.

    Raises:
        CannotReplayError: there is nothing to play.
    """
    selection = Selection(station=replay.get("station"), sessions=replay.get("session", ()))
    seen = Seen()
    try:
        try:
            return script_of(events(path, input_, seen), side, selection)
        except ScriptError:
            require_ocpp(path, seen)
            raise
    except (CannotReadError, ScriptError) as error:
        raise CannotReplayError(f"nothing to replay in {path.name}: {error}") from error


def wishes_for(side: Side, replay: Values) -> Wishes:
    """How a script is to be played.

    Raises:
        CannotReplayError: a certificate cannot be read.
    """
    manners = Manners(
        identity=replay.get("identity"),
        subprotocol=replay.get("subprotocol"),
        headers=list(replay.get("headers", {}).items()),
        user=replay.get("user"),
        tls=_tls(side, replay),
    )
    return Wishes(
        pace=parse_pace(replay.get("pace", "answer"), replay.get("max_gap", 5_000_000_000)),
        manner=Manner(wait=replay.get("wait", WAIT), refuses_unknown=replay.get("unknown") == "error"),
        manners=manners,
        tokens=replay.get("tokens", {}),
        ignore=replay.get("ignore", ()),
        keep_times=replay.get("keep_times", False),
    )


def _tls(side: Side, replay: Values) -> ssl.SSLContext | None:
    ca, cert, key = (replay.get(name) for name in ("ca", "cert", "key"))
    try:
        if side == "csms":
            return tls.station_context(cert, key, ca) if cert else None
        if replay.get("to", "").startswith(("wss:", "https:")):
            return tls.upstream_context(ca, cert, key, replay.get("insecure", False))
    except tls.TlsFileError as error:
        raise CannotReplayError(str(error)) from error
    return None


# --- the station ---


async def play_as_station(path: Path, input_: Values, replay: Values) -> Result:
    """Play the station, against a CSMS that is started for it or is at its URL.

    Raises:
        CannotReplayError: there is nothing to play, or nobody to play against.
    """
    command: Command | None = replay.get("command")
    if command is None and "to" not in replay:
        raise CannotReplayError("a station is replayed to a URL (to), or to a CSMS that a command starts")
    port = str(free_port())
    said_url: str = replay.get("to", f"ws://{_HOST}:{{port}}")
    url = said_url.replace("{port}", port)
    script = script_for(path, "station", input_, replay)
    wishes = wishes_for("station", {**replay, "to": url})
    result = Result(f"station {visible(script.station or '(unnamed)')} against {_plain(url)}")
    result.expected = replay.get("verdict", "same")
    until = asyncio.get_running_loop().time() + replay.get("timeout", TIMEOUT) / 1e9
    host, near_port = _address(url)
    if command is None:
        patience = until if "timeout" in replay else min(until, asyncio.get_running_loop().time() + _PRESENT)
        await _present(host, near_port, url, patience)
        await _finish(result, play_station(script, url, wishes, result.observe), until)
        return result
    if await accepts(host, near_port):
        raise CannotReplayError(
            f"somebody accepts connections at {host}:{near_port} already, so that the peer would not be what is "
            "tested: write {port} in its command for a port that is free"
        )
    station = wishes.manners.identity or script.station or ""
    with _started(command, {"port": port, "url": url, "station": station}, replay) as peer:
        try:
            if "ready" in replay:
                await peer.said(replay["ready"], until)
            else:
                await peer.accepts(host, near_port, until)
        except PeerError as error:
            raise CannotReplayError(str(error), peer.output()) from error
        await _finish(result, play_station(script, url, wishes, result.observe), until, peer)
        result.output = peer.output()
    return result


def _started(command: Command, placeholders: dict[str, str], replay: Values) -> Peer:
    try:
        return Peer(command, placeholders, replay.get("cwd"))
    except PeerError as error:
        raise CannotReplayError(str(error)) from error


async def _present(host: str, port: int, url: str, until: float) -> None:
    """Wait for a CSMS that others start."""
    while not await accepts(host, port):
        if asyncio.get_running_loop().time() >= until:
            raise CannotReplayError(
                f"nobody accepts connections at {_plain(url)}: start the CSMS, or correct the URL"
            )
        await asyncio.sleep(0.05)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _plain(url: str) -> str:
    """A URL without its user."""
    parts = urlsplit(url)
    return visible(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())


# --- the CSMS ---


async def play_as_csms(
    path: Path,
    input_: Values,
    replay: Values,
    listening: Callable[[int], object] | None = None,
    stopping: asyncio.Event | None = None,
) -> Result:
    """Play the CSMS, for a station that is started for it or connects of itself.

    Args:
        path: of the capture.
        input_: the values of `[input]`.
        replay: those of `[replay]`.
        listening: called with the port.
        stopping: ends it where it is.

    Raises:
        CannotReplayError: there is nothing to play, or nowhere to listen.
    """
    script = script_for(path, "csms", input_, replay)
    wishes = wishes_for("csms", replay)
    host, wanted_port = replay.get("listen", (_HOST, 0))
    station = replay.get("identity") or script.station or ""
    result = Result(f"CSMS for {visible(script.station or 'a station')}", replay.get("verdict", "same"))
    until = asyncio.get_running_loop().time() + replay.get("timeout", TIMEOUT) / 1e9
    command: Command | None = replay.get("command")
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def listens(port: int) -> None:
        ready.set_result(port)
        if listening:
            listening(port)

    play = asyncio.ensure_future(play_csms(script, (host, wanted_port), wishes, result.observe, listens))
    try:
        begun: set[asyncio.Future[Any]] = {play, ready}
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await play  # raises
        with contextlib.ExitStack() as stack:
            peer = None
            if command is not None:
                port = ready.result()
                scheme = "wss" if wishes.manners.tls else "ws"
                here = _HOST if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
                shown = f"[{here}]" if ":" in here else here
                url = f"{scheme}://{shown}:{port}"
                placeholders = {"port": str(port), "url": url, "station": station}
                peer = stack.enter_context(_started(command, placeholders, replay))
            await _finish(result, play, until, peer, stopping)
            result.output = peer.output() if peer else ""
    except OSError as error:
        raise CannotReplayError(f"nobody can listen on {host}:{wanted_port}: {error.strerror}") from error
    finally:
        ready.cancel()
        await _cancelled(play)
    return result


# --- the end of a replay ---


async def _finish(
    result: Result,
    play: "Coroutine[Any, Any, Performance] | asyncio.Task[Performance]",
    until: float,
    peer: Peer | None = None,
    stopping: asyncio.Event | None = None,
) -> None:
    """Wait for the end of a replay: its own, the end of its time, or what ends it earlier."""
    task = asyncio.ensure_future(play)
    early = asyncio.ensure_future(_ends_early(peer, stopping))
    left = max(until - asyncio.get_running_loop().time(), 0)
    try:
        await asyncio.wait({task, early}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and early.done():
            await asyncio.wait({task}, timeout=_LAST_WORDS)
        if not task.done():
            result.trouble = early.result() if early.done() else "it took too long: its timeout is over"
    finally:
        await _cancelled(early)
        await _cancelled(task)
    if not task.cancelled():
        result.finish(task.result())
    if result.trouble:
        result.notes = [note for note in result.notes if note != _CANCELLED]


async def _ends_early(peer: Peer | None, stopping: asyncio.Event | None) -> str:
    """Wait for what ends a replay before its end; say what that is."""
    if stopping is not None:
        await stopping.wait()
        return "it was stopped before its end"
    if peer is not None:
        await peer.ended()
        if peer.exit_code:  # one that ends well may have left another process behind
            return f"the peer {peer.ending}"
    await asyncio.Event().wait()
    raise AssertionError


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


# --- for those who have no event loop of their own ---


class RecordedCsms:
    """The CSMS of a capture, played in a thread (a context).

    Args:
        path: of the capture.
        input_: the values of `[input]`.
        replay: those of `[replay]`.
    """

    def __init__(self, path: Path, input_: Values, replay: Values) -> None:
        self._arguments = path, input_, {name: value for name, value in replay.items() if name != "command"}
        self._has_begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ocppscope recorded CSMS", daemon=True)
        self._scheme = "wss" if "cert" in replay else "ws"
        self._host = replay.get("listen", (_HOST, 0))[0]
        self.port = 0
        """Where it listens."""

    @property
    def url(self) -> str:
        """Where stations connect: they append their identity, as OCPP-J has it; any path will do."""
        here = _HOST if self._host in ("", "0.0.0.0", "::") else self._host  # noqa: S104 - compared, not bound
        return f"{self._scheme}://{f'[{here}]' if ':' in here else here}:{self.port}"

    @property
    def is_over(self) -> bool:
        """Whether all has been played."""
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        self._has_begun.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def result(self) -> Result:
        """Wait for the end, and say what has come of it.

        Raises:
            CannotReplayError: something went wrong on the way.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def stop(self) -> None:
        """End it where it is."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._result = asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._error = error
        finally:
            self._has_begun.set()

    async def _main(self) -> Result:
        self._loop = asyncio.get_running_loop()

        def listening(port: int) -> None:
            self.port = port
            self._has_begun.set()

        return await play_as_csms(*self._arguments, listening, self._stopping)


__all__ = [
    "CannotReplayError",
    "RecordedCsms",
    "Result",
    "play_as_csms",
    "play_as_station",
    "script_for",
    "wishes_for",
]
