"""Writes a store while its capture is read: in batches, each of which a reader sees whole or not at all."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ocppscope import __version__
from ocppscope.events import Closed, Event, Message, Notice, Opened, Session
from ocppscope.filter import Sql, install
from ocppscope.ocpp.transactions import Assembler
from ocppscope.rules.engine import Finding
from ocppscope.rules.registry import SEVERITIES, Report, Severity
from ocppscope.store import charging, rows
from ocppscope.store.schema import APPLICATION, INDEXES, TABLES, VERSION

_EVERY: Final = 0.25
"""Seconds between two commits."""
_PATIENCE: Final = 10.0
"""Seconds to wait for others who write: for a mark that a user sets."""
_LARGEST: Final = (1 << 63) - 1
_RANK: Final[Mapping[Severity, int]] = {severity: -at for at, severity in enumerate(SEVERITIES)}


class StoreWriter:
    """Writes one store.

    Args:
        path: of a file that is not there yet.
        source: what is read, for people.
        durable: False for a store that is thrown away: a crash of the machine may damage it.
        clock: in seconds, from any start.

    Raises:
        sqlite3.Error, OSError: the file cannot be written; it is not there then.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: str,
        durable: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it may hold passwords
        self._database = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
        self._is_open = True
        self._clock = clock
        self._listed: list[rows.Row] = []
        """Events since the last commit."""
        self._notices: list[tuple[int, Notice]] = []
        """With the number of the event before each."""
        self._sessions: dict[int, list[Any]] = {}
        self._touched: set[int] = set()
        """Sessions with other events than messages since the last commit."""
        self._findings: dict[int, tuple[int, Finding]] = {}
        """By identity: the finding's number and itself."""
        self._numbered = 0
        self._to_write: dict[int, Finding] = {}
        self._severities: dict[int, Severity] = {}
        """By event that is to come: the gravest of the findings that it proves."""
        self._raised: dict[int, Severity] = {}
        """The same of events that were written before."""
        self._proofs: list[tuple[int, int, str | None]] = []
        self._marks: list[tuple[int, str]] = []
        self._resumed: set[int] = set()
        """Sessions that are older than this store."""
        self._assembler = Assembler(samples=False)
        self._written = 0
        self._is_selection = False
        self._last_commit = clock()
        try:
            self._create(source, durable)
        except sqlite3.Error:
            self.close()
            path.unlink()
            raise

    def _create(self, source: str, durable: bool) -> None:
        run = self._database.execute
        run("PRAGMA page_size = 8192")
        run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
        self._lock()
        # With the tables: nobody sees the one without the other.
        run(f"PRAGMA application_id = {APPLICATION}")
        for statement in TABLES.split(";\n"):
            run(statement)
        run(f"PRAGMA user_version = {VERSION}")
        self.note(source=source, program=__version__, writer=os.getpid(), complete=0)
        run("COMMIT")

    def _lock(self) -> None:
        """Begin to write. Between two commits nothing is locked: others may set marks."""
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")

    def note(self, **facts: Any) -> None:
        """Set entries of `meta`."""
        self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())

    # --- taking in ---

    def observe(self, finding: Finding, report: Report, numbers: tuple[int, ...]) -> None:
        """Take in what a rule reports: an observer of `rules.engine.Engine`."""
        known = self._findings.get(id(finding))
        if known is None:
            self._numbered += 1
            known = self._findings[id(finding)] = self._numbered, finding
        number = known[0]
        self._to_write[number] = finding
        detail = report.detail.replace("{amount}", f"{report.amount:,}")
        differs = detail if detail != finding.template else None
        for n in numbers:
            if n:
                self._proofs.append((n, number, differs))
                severities = self._raised if n <= self._written else self._severities
                worst = severities.get(n)
                if worst is None or _RANK[finding.severity] > _RANK[worst]:
                    severities[n] = finding.severity

    def feed(self, events: Iterable[Event | Notice], *, read: int = 0, size: int | None = None) -> None:
        """Take in a batch of events, after the rules have seen it.

        Args:
            events: in order.
            read: bytes of the input that were read so far.
            size: bytes of the input; None where that is not known.
        """
        sessions, severities, assemble = self._sessions, self._severities, self._assembler.feed
        listed: list[rows.Row] = []
        is_first = False
        for event in events:
            if type(event) is Message:
                number = event.session.number
                known = sessions.get(number) or self._begin(event.session, event.time)
                known[_MESSAGES] += 1
                assemble(event)
            elif isinstance(event, Notice):
                self._notices.append((listed[-1][0] if listed else self._written, event))
                continue
            else:
                self._other(event)
            listed.append(rows.row_of(event, severities.get(event.n)))
        if listed:
            self._listed += listed
            is_first = not self._written
            self._written = max(self._written, listed[-1][0])  # a handshake that is said again is older
            severities.clear()
        if is_first or self._clock() - self._last_commit >= _EVERY:
            self.commit(read=read, size=size)

    def resume(self, opened: Iterable[Opened]) -> None:
        """Take in the handshakes of sessions that go on, of which something is not in this store."""
        handshakes = sorted(opened, key=lambda one: one.n)
        self._resumed.update(one.session.number for one in handshakes)
        self.feed(handshakes)

    def mark(self, n: int, comment: str) -> None:
        """Mark an event, as a user can."""
        self._marks.append((n, comment))

    def forget(self, findings: Iterable[Finding]) -> None:
        """Remember some findings no longer than until they are written: nothing more is reported of them."""
        for finding in findings:
            self._findings.pop(id(finding), None)

    def _begin(self, session: Session, start: int | None) -> list[Any]:
        known = self._sessions[session.number] = [session, start, 0, None, None]
        return known

    def _other(self, event: Event) -> None:
        number = event.session.number
        known = self._sessions.get(number) or self._begin(event.session, event.time)
        self._touched.add(number)
        if isinstance(event, Opened):
            known[_OPENED] = event
        elif isinstance(event, Closed):
            known[_CLOSED] = event

    # --- writing ---

    def commit(self, **facts: Any) -> None:
        """Write what has come since the last commit, and entries of `meta` with it."""
        self._lock()
        self._insert_events()
        notices = [(after, one.kind, one.time, one.detail, one.subject) for after, one in self._notices]
        self._insert("INSERT INTO notices", notices)
        self._insert("INSERT OR REPLACE INTO marks", self._marks)
        sessions = [
            _session_row(*known, resumed=number in self._resumed)
            for number, known in self._sessions.items()
            if known[_MESSAGES] or number in self._touched
        ]
        self._insert("INSERT INTO sessions", sessions, _MORE_OF_A_SESSION)
        findings = [_finding_row(*one) for one in self._to_write.items()]
        self._insert("INSERT OR REPLACE INTO findings", findings)
        self._insert("INSERT OR IGNORE INTO proofs", self._proofs)
        for into, new in charging.statements(self._assembler.drain(), self._written):
            self._insert(into, new)
        self._database.executemany(_GRAVER, [(one, n, one) for n, one in self._raised.items()])
        self.note(**facts)
        self._database.execute("COMMIT")
        for number, known in list(self._sessions.items()):
            known[_MESSAGES] = 0
            if known[_CLOSED] is not None:
                del self._sessions[number]
        self._nothing_waits()
        self._last_commit = self._clock()

    def _insert_events(self) -> None:
        try:
            self._database.executemany(_EVENTS, self._listed)
        except (OverflowError, UnicodeEncodeError):  # as in `_insert`; those before it are in already
            self._database.executemany(_EVENTS, [tuple(map(_storable, row)) for row in self._listed])

    def _insert(self, into: str, values: list[tuple[Any, ...]], conflict: str = "") -> None:
        if not values:
            return
        statement = f"{into} VALUES ({', '.join('?' * len(values[0]))}) {conflict}"
        run = self._database.execute
        run("SAVEPOINT batch")
        try:
            self._database.executemany(statement, values)
        except (OverflowError, UnicodeEncodeError):  # half a surrogate, an integer beyond 64 bits
            run("ROLLBACK TO batch")
            self._database.executemany(statement, [tuple(map(_storable, row)) for row in values])
        run("RELEASE batch")

    def select(self, where: Sql, text: str) -> None:
        """Keep only some of the events so far, and the findings that they prove.

        Events keep their numbers. Findings that no event ever proved stay.

        Args:
            where: the condition.
            text: the filter, as the user wrote it.
        """
        self.commit(filter=text)
        self._lock()
        install(self._database, where)
        self._database.execute("CREATE TEMP TABLE kept (n INTEGER PRIMARY KEY)")
        selection = f"SELECT e.n FROM events e JOIN sessions s USING (session) WHERE ({where.where})"  # noqa: S608
        self._database.execute(f"INSERT INTO kept {selection}", where.parameters)
        for statement in _OTHERS_GO:
            self._database.execute(statement)
        self._is_selection = True

    def finish(self, **facts: Any) -> int:
        """The capture ends: write the rest, and that the store is complete.

        Returns:
            How many events it holds.
        """
        self._explain()
        return self._end(1, facts)

    def _explain(self) -> None:
        """What a station is may have come after what was found of it."""
        hints = [(_hint(finding), number) for number, finding in self._findings.values() if finding.quirk]
        self._database.executemany("UPDATE findings SET hint = ? WHERE finding = ?", hints)

    def abandon(self) -> None:
        """Forget what came since the last commit: taking it in was broken off halfway."""
        self._database.rollback()
        (self._written,) = self._database.execute("SELECT ifnull(max(n), 0) FROM events").fetchone()
        self._sessions.clear()
        self._nothing_waits()
        self._assembler.drain()

    def _nothing_waits(self) -> None:
        for waiting in (
            self._listed,
            self._touched,
            self._notices,
            self._to_write,
            self._raised,
            self._proofs,
            self._marks,
        ):
            waiting.clear()

    def leave(self, **facts: Any) -> None:
        """The reading ends before the capture does: write the rest, in a store that is not complete."""
        self._end(0, facts)

    def _end(self, complete: int, facts: Mapping[str, Any]) -> int:
        self.commit(**facts)
        self._lock()
        events: int = self._database.execute("SELECT count(*) FROM events").fetchone()[0]
        for statement in INDEXES.split(";\n"):
            self._database.execute(statement)
        self.commit(complete=complete, writer=None)
        if self._is_selection:
            self._database.execute("VACUUM")  # what was left out must not stay in the file's free pages
        self.close()
        return events

    def close(self) -> None:
        """Leave the store as the last commit left it."""
        if self._is_open:
            self._is_open = False
            self._database.rollback()
            self._database.close()


_EVENTS: Final = f"INSERT OR IGNORE INTO events VALUES ({', '.join('?' * rows.COLUMNS)})"  # noqa: S608
_GRAVER: Final = (
    "UPDATE events SET severity = ? WHERE n = ? AND (severity IS NULL OR severity = 'info' OR 'error' = ?)"
)
_MORE_OF_A_SESSION: Final = """
ON CONFLICT (session) DO UPDATE SET
  station = excluded.station,
  version = excluded.version,
  version_inferred = excluded.version_inferred,
  late = excluded.late,
  duplicate_of = excluded.duplicate_of,
  tls = ifnull(excluded.tls, tls),
  auth = ifnull(excluded.auth, auth),
  status = ifnull(excluded.status, status),
  start = ifnull(start, excluded.start),
  end = ifnull(excluded.end, end),
  messages = messages + excluded.messages,
  closed = ifnull(excluded.closed, closed),
  closed_by = ifnull(excluded.closed_by, closed_by),
  close_code = ifnull(excluded.close_code, close_code)
"""
"""A session is forgotten with its end; what comes after a Close still belongs to it."""
_OTHERS_GO: Final = (
    "DELETE FROM events WHERE n NOT IN (SELECT n FROM kept)",
    """DELETE FROM findings WHERE finding IN (SELECT finding FROM proofs)
    AND finding NOT IN (SELECT finding FROM proofs WHERE n IN (SELECT n FROM kept))""",
    "DELETE FROM proofs WHERE n NOT IN (SELECT n FROM kept)",
    """DELETE FROM transactions WHERE ifnull(start_n, 0) NOT IN (SELECT n FROM kept)
    AND ifnull(stop_n, 0) NOT IN (SELECT n FROM kept) AND NOT EXISTS (
    SELECT 1 FROM events e WHERE e.session = transactions.session AND action IN ('MeterValues', 'TransactionEvent')
    AND e.n BETWEEN ifnull(start_n, 0) AND ifnull(stop_n, as_of))""",
    "DELETE FROM connector_states WHERE n NOT IN (SELECT n FROM kept)",
    "DELETE FROM sessions WHERE session NOT IN (SELECT session FROM events)",
    "DELETE FROM stations WHERE station NOT IN (SELECT station FROM sessions WHERE station IS NOT NULL)",
    """UPDATE sessions SET messages = ifnull((SELECT count FROM (
    SELECT session AS one, count(*) AS count FROM events WHERE event = 'message' GROUP BY session
    ) WHERE one = session), 0)""",
    "DROP TABLE kept",
)
_MESSAGES, _OPENED, _CLOSED = 2, 3, 4
"""Places in what is known of a session: itself, its start, its messages since the last commit, its Opened and
its Closed."""


def _session_row(
    session: Session,
    start: int | None,
    messages: int,
    opened: Opened | None,
    closed: Closed | None,
    *,
    resumed: bool,
) -> tuple[Any, ...]:
    tls = opened and opened.tls
    return (
        session.number,
        session.station,
        session.version,
        session.version_inferred,
        session.late or resumed,
        session.duplicate_of,
        session.client,
        session.server,
        tls and (tls.version or "TLS"),
        opened and opened.auth,
        opened and opened.status,
        start,
        closed and closed.time,
        messages,
        closed and closed.how,
        closed and closed.by,
        closed and closed.code,
    )


def _hint(finding: Finding) -> str:
    """What to do, and what is known of such a device."""
    quirk = finding.quirk
    return f"{finding.rule.hint}; known of {quirk.said}" if quirk else finding.rule.hint


def _finding_row(number: int, finding: Finding) -> tuple[Any, ...]:
    rule, session = finding.rule, finding.session
    return (
        number,
        rule.id,
        finding.severity,
        rule.title,
        finding.detail,
        _hint(finding),
        finding.source,
        finding.subject,
        session and session.number,
        finding.direction,
        finding.count,
        finding.first,
        finding.last,
    )


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        return None
    return value
