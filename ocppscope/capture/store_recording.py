"""A recording as a store: events and findings, written as they come, in one file or in rotating ones."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocppscope.capture.files import Rotation, Series, Tell
from ocppscope.events import Closed, Event, Notice, Opened, Session
from ocppscope.rules.engine import Finding
from ocppscope.rules.registry import Profile, Report
from ocppscope.store import StoreWriter
from ocppscope.store.schema import BESIDE


class StoreRecording:
    """A store that is written live.

    Args:
        path: of the file; where it rotates, its numbered names come from this one.
        rotation: when to begin the next file.
        source: what is recorded, for people.
        profile: of the severities.
        tell: told of what goes wrong.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, rotation: Rotation, source: str, profile: Profile, tell: Tell) -> None:
        self._series = Series(path, rotation)
        self._rotation = rotation
        self._source = source
        self._profile = profile
        self._tell = tell
        self._is_failing = self._is_stuck = False
        self._open: dict[Session, Opened] = {}
        self._started = 0
        self.paths: list[Path] = []
        try:
            self._writer = self._begin()
        except sqlite3.Error as error:
            raise OSError(0, str(error)) from error

    def _begin(self) -> StoreWriter:
        path = self._series.next()
        writer = StoreWriter(path, source=self._source)
        writer.note(profile=self._profile)
        writer.resume(list(self._open.values()))
        self.paths.append(path)
        self._series.prune()
        self._begun = _size(path)
        return writer

    def observe(self, finding: Finding, report: Report, numbers: tuple[int, ...]) -> None:
        """Take in what a rule reports (`rules.engine.Observer`)."""
        self._writer.observe(finding, report, numbers)

    def feed(self, events: Sequence[Event | Notice]) -> None:
        """Take in events, after the rules have seen them."""
        with self._writing():
            self._writer.feed(events)
        for event in events:
            if isinstance(event, Opened):
                self._open[event.session] = event
            elif isinstance(event, Closed):
                self._open.pop(event.session, None)

    def mark(self, n: int, comment: str) -> None:
        """Mark an event with what was done to it."""
        self._writer.mark(n, comment)

    def forget(self, findings: Collection[Finding]) -> None:
        """Nothing more comes of some findings."""
        self._writer.forget(findings)

    def flush(self, now: int) -> None:
        """Write what waits, and begin the next file if it is time to.

        Args:
            now: nanoseconds since the epoch.
        """
        self._started = self._started or now
        with self._writing():
            if self._is_failing:
                self._recover()
            self._writer.commit()
        if self._rotation.is_on:
            size = _size(self.paths[-1]) - self._begun
            if self._rotation.is_due(size, now - self._started):
                self._started = now
                self._rotate()

    def _rotate(self) -> None:
        old, path = self._writer, self.paths[-1]
        try:
            self._writer = self._begin()
        except (sqlite3.Error, OSError) as error:
            if not self._is_stuck:
                self._is_stuck = True
                self._tell(f"the next file cannot be made: {error}; {path} goes on")
            return
        self._is_stuck = False
        try:
            old.finish()
        except sqlite3.Error as error:
            self._tell(f"{path} cannot be completed: {error}; what is recorded so far is in it")
            old.close()

    def _recover(self) -> None:
        """See whether there is room again: write something, and the handshakes that may be among what is lost."""
        self._writer.resume(list(self._open.values()))
        self._writer.commit(profile=self._profile)
        self._is_failing = False
        self._tell(f"{self.paths[-1]} is written again; some events are lost in it")

    def close(self) -> None:
        """The recording ends: the store is complete."""
        with self._writing():
            self._writer.finish()
        self._writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Lose what cannot be written, and say so once, rather than end what is recorded."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._writer.abandon()
            if not self._is_failing:
                self._is_failing = True
                self._tell(
                    f"{self.paths[-1]} cannot be written: {error}; events are lost in it until there is room. "
                    "Sessions are passed on meanwhile"
                )


def _size(path: Path) -> int:
    beside = (path.with_name(path.name + end) for end in BESIDE)
    return sum(one.stat().st_size for one in (path, *beside) if one.exists())
