"""Reads a store: pages by key, selections as numbers of events, and what stands in its other tables.

A store may grow while it is read. Every method sees the state of the writer's last commit.
"""

import os
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from ocppscope.events import CALL, Damaged, Event, Message, Notice, Session, WireEvent
from ocppscope.filter import Sql, install
from ocppscope.ocpp.connectors import ConnectorState, StationInfo
from ocppscope.ocpp.transactions import Transaction
from ocppscope.store import charging, processes, rows, sound
from ocppscope.store.errors import StoreError
from ocppscope.store.schema import APPLICATION, VERSION

_ENDLESS: Final = (1 << 63) - 1
_OF_DAMAGE: Final = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that is not as it should be; SQLITE_ERROR: tables or columns are missing."""
_CHARGING: Final = "('StartTransaction', 'StopTransaction', 'MeterValues', 'TransactionEvent')"
_PATIENCE: Final = 5.0
"""Seconds to wait where a mark is set while the writer commits."""
_SAID_AT_MOST: Final = 100
"""Characters of what SQLite says."""
_AT_ONCE: Final = 500
"""Keys in one statement, and rows of a pass through all events."""
_GLANCE: Final = 5_000
"""Events at each end of a store that are looked at where only some are."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One event of a store, and what a list shows beside it."""

    event: Event
    severity: str | None
    """Of the gravest finding that it proves."""
    answers: int | None
    """The number of the Call that it answers."""

    @property
    def n(self) -> int:
        """The event's number."""
        return self.event.n


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session, and how much there is in it."""

    session: Session
    tls: str | None
    """The version of TLS; None for none, or where its start was not seen."""
    auth: str | None
    status: int | None
    """The HTTP status of its handshake."""
    start: int | None
    end: int | None
    """None while it is open."""
    messages: int
    errors: int
    warnings: int
    closed: str | None
    """How it ended: `close`, `fin`, `rst`, `end-of-capture`."""
    closed_by: str | None
    close_code: int | None


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding."""

    number: int
    rule: str
    severity: str
    title: str
    detail: str
    """What was seen; of the finding of one event what was seen there."""
    hint: str
    source: str
    session: int | None
    station: str | None
    direction: str | None
    count: int
    first: int | None
    last: int | None


def _brief(error: sqlite3.Error) -> str:
    """What SQLite says, without what it quotes of the content and in other lines."""
    return str(error).partition("\n")[0].partition(" with text ")[0][:_SAID_AT_MOST].rstrip(".: ")


class Store:
    """One store, open for reading; only its marks can be changed.

    Args:
        path: the file.

    Raises:
        StoreError: it is none, is damaged, or was made by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sessions: dict[int, Session] = {}
        self._installed: Sql | None = None
        try:
            self._database = self._connect()
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be opened as a store: {_brief(error)}") from error
        try:
            self._expect_store()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise StoreError(f"{self.path} is not there")
        uri = f"{self.path.absolute().as_uri()}?{self._mode()}"
        database = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_PATIENCE
        )
        database.row_factory = sqlite3.Row
        database.text_factory = partial(str, encoding="utf-8", errors="replace")
        return database

    def _mode(self) -> str:
        if os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK):
            return "mode=rw"
        # Where no files can be made beside it, SQLite reads it only as one that nobody changes: without its log.
        return "mode=ro" if self._has_log() else "mode=ro&immutable=1"

    def _has_log(self) -> bool:
        """Whether what was written last may be in the file beside it."""
        try:
            return self.path.with_name(f"{self.path.name}-wal").stat().st_size > 0
        except OSError:
            return False

    def _expect_store(self) -> None:
        with self._reading():
            application = self._value("PRAGMA application_id")
            version = self._value("PRAGMA user_version")
            if application != APPLICATION:
                raise StoreError(f"{self.path} is an SQLite file, but no store of ocppscope")
            if version > VERSION:
                program = self.meta.get("program", "a newer version")
                raise StoreError(
                    f"{self.path} was made by ocppscope {program} and has format {version}; this version "
                    f"reads format {VERSION} and older: install a newer ocppscope"
                )
            for table, columns in sound.COLUMNS.items():
                self._all(f"SELECT {', '.join(columns)} FROM {table} LIMIT 0")  # noqa: S608 - our own names

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code == sqlite3.SQLITE_CANTOPEN and self._has_log():
                raise StoreError(
                    f"{self.path} cannot be read: a part of it is in {self.path.name}-wal, which takes write "
                    "permission in its folder: copy both files to a folder of yours"
                ) from error
            if code not in _OF_DAMAGE:
                raise StoreError(f"{self.path} cannot be read: {_brief(error)}") from error
            raise StoreError(
                f"{self.path} is damaged: {_brief(error)}. Convert the capture that it was made of once more"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _all(self, statement: str, *parameters: Any) -> list[sqlite3.Row]:
        with self._reading():
            return self._database.execute(statement, parameters).fetchall()

    def _rows(self, table: str, statement: str, *parameters: Any) -> list[sound.Row]:
        """Rows of a table, each as it may be."""
        return sound.sound(table, self._all(statement, *parameters))

    def _numbers(self, statement: str, *parameters: Any) -> list[int]:
        """The first columns that are numbers."""
        return [row[0] for row in self._all(statement, *parameters) if type(row[0]) is int]

    def _value(self, statement: str, *parameters: Any) -> Any:
        found = self._all(statement, *parameters)
        return found[0][0] if found else None

    def interrupt(self) -> None:
        """Break off what another thread is reading: it gets a StoreError."""
        self._database.interrupt()

    # --- the whole ---

    @property
    def meta(self) -> Mapping[str, Any]:
        """The entries of `meta`: `complete`, `writer`, `read` and `size` are numbers, others texts, or None."""
        return sound.meta(map(tuple, self._all("SELECT key, value FROM meta")))

    @property
    def last(self) -> int:
        """The number of the last event; 0 where there is none."""
        return self._value("SELECT max(n) FROM events") or 0

    @property
    def version(self) -> int:
        """Changes whenever somebody else has written to the store."""
        return int(self._value("PRAGMA data_version"))

    @property
    def is_complete(self) -> bool:
        """Whether its writer came to the end of the capture."""
        return bool(self.meta.get("complete"))

    @property
    def has_writer(self) -> bool:
        """Whether the process that writes it is still there, as far as this machine knows."""
        writer = self.meta.get("writer")
        return writer is not None and processes.is_there(writer)

    def check(self) -> None:
        """Look for damage; takes as long as reading the whole file.

        Raises:
            StoreError: there is some.
        """
        if self._value("PRAGMA quick_check(1)") != "ok":
            raise StoreError(
                f"{self.path} is damaged: SQLite finds faults in its pages. What can be read is shown; convert "
                "the capture once more"
            )

    # --- events ---

    def session(self, number: int) -> Session:
        """One session. The same object each time, brought up to date by `sessions`."""
        if number not in self._sessions:
            self.sessions()
        return self._sessions.get(number) or self._sessions.setdefault(number, Session(number))

    def sessions(self) -> list[SessionRow]:
        """All sessions, in the order in which they began."""
        found = self._rows(
            "sessions",
            "SELECT s.*, ifnull(sum(f.severity = 'error'), 0) errors,"
            " ifnull(sum(f.severity = 'warning'), 0) warnings"
            " FROM sessions s LEFT JOIN findings f USING (session) GROUP BY session ORDER BY session",
        )
        return [self._session_row(row) for row in found]

    def _session_row(self, row: sound.Row) -> SessionRow:
        session = self._sessions.setdefault(row["session"], Session(row["session"]))
        for name in ("client", "server", "station", "version", "duplicate_of"):
            setattr(session, name, row[name])
        session.version_inferred, session.late = bool(row["version_inferred"]), bool(row["late"])
        session.ended = row["closed"] is not None
        names = "tls auth status start end messages errors warnings closed closed_by close_code"  # as in SessionRow
        return SessionRow(session, *(row[name] for name in names.split()))

    def events(self, numbers: Sequence[int]) -> list[Stored]:
        """Events by their numbers, in that order; those that are not there are left out."""
        if not numbers:
            return []
        if isinstance(numbers, range) and numbers.step == 1:
            found = self._rows(
                "events", "SELECT * FROM events WHERE n BETWEEN ? AND ? ORDER BY n", numbers[0], numbers[-1]
            )
            return [self._stored(row) for row in found]
        by_number: dict[int, Stored] = {}
        for at in range(0, len(numbers), _AT_ONCE):
            some = list(numbers[at : at + _AT_ONCE])
            places = ", ".join("?" * len(some))
            for row in self._rows("events", f"SELECT * FROM events WHERE n IN ({places})", *some):  # noqa: S608
                by_number[row["n"]] = self._stored(row)
        return [by_number[n] for n in numbers if n in by_number]

    def size_of(self, numbers: Sequence[int]) -> int:
        """How many bytes the texts of some events have together."""
        if not numbers:
            return 0
        some = ", ".join(str(int(n)) for n in numbers)
        return self._value(f"SELECT sum(size) FROM events WHERE n IN ({some})") or 0  # noqa: S608

    def event(self, n: int) -> Stored | None:
        """One event; None where there is no such number."""
        found = self.events((n,))
        return found[0] if found else None

    def _stored(self, row: sound.Row) -> Stored:
        event = rows.event_of(self.session(row["session"]), row)
        return Stored(event, row["severity"], row["answers"])

    def answer_of(self, n: int, after: int = 0) -> int | None:
        """The number of the answer to a Call.

        Args:
            n: the Call.
            after: up to which event there is none.
        """
        found = self._value("SELECT n FROM events WHERE n > ? AND answers = ? LIMIT 1", max(n, after), n)
        answer: int | None = found
        return answer

    def unanswered(self, first: int, last: int) -> set[int]:
        """The Calls from one number to another to which no answer came."""
        found = self._all(
            "SELECT n FROM events e WHERE n BETWEEN ? AND ? AND type = 'CALL' AND NOT EXISTS"
            " (SELECT 1 FROM events a WHERE a.answers = e.n)",
            first,
            last,
        )
        return {row[0] for row in found}

    def select(
        self,
        where: Sql | None = None,
        *,
        sessions: Iterable[int] | None = None,
        after: int = 0,
        until: int | None = None,
    ) -> "array[int]":
        """The numbers of some events, ascending.

        Args:
            where: a filter's condition.
            sessions: only these; None: all.
            after: only events with a higher number.
            until: only events up to this number.
        """
        span = (after + 1, until if until is not None else _ENDLESS)
        statement, parameters = self._statement("e.n", where, span, sessions)
        with self._reading():
            return array(
                "q", (row[0] for row in self._database.execute(f"{statement} ORDER BY e.n", parameters))
            )

    def sessions_where(self, where: Sql, after: int = 0, until: int | None = None) -> set[int]:
        """The numbers of the sessions in which a filter selects something (`after`, `until`: as in `select`)."""
        span = (after + 1, _ENDLESS if until is None else until)
        statement, parameters = self._statement("DISTINCT e.session", where, span, None)
        return {row[0] for row in self._all(statement, *parameters)}

    def next_where(self, where: Sql, n: int, step: int, sessions: Iterable[int] | None = None) -> int | None:
        """The event nearest to another one, after it (`step` 1) or before it (-1), that a filter selects.

        Where there is none, the first, or the last, of all.
        """
        after, before = (n + 1, _ENDLESS), (1, n - 1)
        order = "ORDER BY e.n" if step > 0 else "ORDER BY e.n DESC"
        for span in (after, before) if step > 0 else (before, after):
            statement, parameters = self._statement("e.n", where, span, sessions)
            found = self._value(f"{statement} {order} LIMIT 1", *parameters)
            if found is not None:
                return int(found)
        return None

    def _statement(
        self, columns: str, where: Sql | None, span: tuple[int, int], sessions: Iterable[int] | None
    ) -> tuple[str, list[Any]]:
        """A query of `events`: what a filter selects from one number to another."""
        conditions, parameters = ["e.n BETWEEN ? AND ?"], list(span)
        if sessions is not None:
            conditions.append(f"e.session IN ({', '.join(str(int(one)) for one in sessions)})")
        joins = ""
        if where is not None:
            if where is not self._installed:
                install(self._database, where)
                self._installed = where
            joins = " JOIN sessions s USING (session)" if where.needs_sessions else ""
            conditions.append(f"({where.where})")
            parameters += where.parameters
        # Only numbers and names of ours are in the text: what a user wrote comes as parameters.
        return f"SELECT {columns} FROM events e{joins} WHERE {' AND '.join(conditions)}", parameters  # noqa: S608

    def wire_events(self, follow: Callable[[], bool] | None = None) -> Iterator[list[WireEvent]]:
        """What the source emitted of which the store was made, in order; its sessions are new objects.

        Args:
            follow: called at the end of a store that is still written, to wait for more; False from it ends
                the reading.

        Raises:
            StoreError: the store is damaged; what came before has been given.
        """
        sessions: dict[int, Session] = {}
        again = True
        after, noticed = 0, 0
        damaged: list[int] = []
        while again:
            # In this order: what was written before the writer left is read once more after it was seen to go.
            again = follow is not None and self.has_writer
            last = self.last
            self._renew(sessions)
            while after < last:
                found = self._rows(
                    "events", "SELECT * FROM events WHERE n > ? ORDER BY n LIMIT ?", after, _AT_ONCE
                )
                after = found[-1]["n"]
                notices = self._notices(noticed, after - 1)
                noticed += len(notices)
                events = self._in_order(sessions, found, notices)
                damaged += [
                    event.n for event in events if isinstance(event, Damaged) and event.reason is rows.DAMAGED
                ]
                yield events
            notices = self._notices(noticed, last)
            noticed += len(notices)
            yield [_notice(row) for row in notices]
            again = again and follow is not None and follow()
        if damaged:
            yield [self._notice_of_damage(damaged)]

    def _notice_of_damage(self, damaged: Sequence[int]) -> Notice:
        others = f" and {len(damaged) - 1:,} more" if damaged[1:] else ""
        detail = (
            f"{self.path} is damaged: event {damaged[0]}{others} cannot be read. Convert the capture that it was "
            "made of once more"
        )
        return Notice("file.damaged", None, detail, str(self.path))

    def _renew(self, sessions: dict[int, Session]) -> None:
        """Add the sessions that are new."""
        is_whole = "filter" not in self.meta
        for row in self.sessions():
            session = replace(row.session, ended=False)
            if session.version_inferred and is_whole:  # the decoder concludes it once more
                session.version, session.version_inferred = None, False
            sessions.setdefault(session.number, session)

    def _notices(self, known: int, until: int) -> list[sound.Row]:
        """The notices that came before events up to a number, but for those known."""
        return self._rows(
            "notices", "SELECT * FROM notices WHERE rowid > ? AND after <= ? ORDER BY rowid", known, until
        )

    def _in_order(
        self, sessions: dict[int, Session], found: list[sound.Row], notices: list[sound.Row]
    ) -> list[WireEvent]:
        events: list[WireEvent] = []
        waiting = iter(notices)
        notice = next(waiting, None)
        for row in found:
            while notice is not None and notice["after"] < row["n"]:
                events.append(_notice(notice))
                notice = next(waiting, None)
            number = row["session"]
            session = sessions.get(number) or sessions.setdefault(number, Session(number))
            events.append(rows.wire_event(session, row))
        return events

    # --- findings ---

    def findings(self) -> list[FindingRow]:
        """All findings, the gravest first, then in the order in which they were seen."""
        found = self._rows(
            "findings",
            "SELECT f.*, s.station, NULL AS said FROM findings f LEFT JOIN sessions s USING (session)"
            " ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, finding",
        )
        return [_finding(row) for row in found]

    def findings_of(self, n: int) -> list[FindingRow]:
        """The findings that an event proves."""
        found = self._rows(
            "findings",
            "SELECT f.*, s.station, p.detail AS said FROM proofs p JOIN findings f USING (finding)"
            " LEFT JOIN sessions s USING (session) WHERE p.n = ? ORDER BY finding",
            n,
        )
        return [_finding(row) for row in found]

    def proven(self, first: int, last: int) -> list[tuple[int, int]]:
        """From one event to another: numbers of events, each with that of a finding that it proves."""
        found = self._all("SELECT n, finding FROM proofs WHERE n BETWEEN ? AND ? ORDER BY n", first, last)
        return [(n, finding) for n, finding in found if type(n) is int and type(finding) is int]

    def proofs(self, finding: int, most: int = -1) -> "array[int]":
        """The numbers of the events that prove a finding, ascending; of many the first ones."""
        return array(
            "q", self._numbers("SELECT n FROM proofs WHERE finding = ? ORDER BY n LIMIT ?", finding, most)
        )

    def findings_where(self, where: Sql) -> set[int]:
        """The numbers of the findings of which a filter selects a proof."""
        statement, parameters = self._statement("1", where, (1, _ENDLESS), None)
        proof = f"{statement} AND e.n IN (SELECT n FROM proofs WHERE finding = outermost.finding)"  # noqa: S608
        found = self._all(f"SELECT finding FROM findings outermost WHERE EXISTS ({proof})", *parameters)  # noqa: S608
        return {row[0] for row in found}

    def findings_state(self) -> tuple[int, int]:
        """How many findings there are, and how often they were seen: what is new shows in it."""
        state = self._all("SELECT count(*), ifnull(sum(count), 0) FROM findings")[0]
        return state[0], state[1]

    # --- marks ---

    def marks(self) -> dict[int, str]:
        """The events that a user marked, and the comments."""
        found = self._rows("marks", "SELECT n, comment FROM marks ORDER BY n")
        return {row["n"]: row["comment"] for row in found}

    def mark(self, n: int, comment: str = "") -> None:
        """Mark an event."""
        with self._reading():
            self._database.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (n, comment))

    def unmark(self, n: int) -> None:
        """Take a mark away."""
        with self._reading():
            self._database.execute("DELETE FROM marks WHERE n = ?", (n,))

    # --- charging ---

    def transactions(self, sessions: Iterable[int] | None = None, *, after: int = 0) -> list[Transaction]:
        """Charging transactions, in the order in which they were first seen.

        Args:
            sessions: only those that were first seen, or stopped, in one of these; None: all.
            after: only those that have changed since this was the store's last event.
        """
        condition = ""
        if sessions is not None:
            some = ", ".join(str(int(one)) for one in sessions)
            stopped = "(SELECT e.session FROM events e WHERE e.n = t.stop_n)"
            condition = f" AND (t.session IN ({some}) OR {stopped} IN ({some}))"
        statement = f"SELECT t.* FROM transactions t WHERE as_of > ?{condition} ORDER BY number"  # noqa: S608
        return [charging.transaction_of(row) for row in self._rows("transactions", statement, after)]

    def charging_messages(self, of: Transaction, *, after: int = 0) -> Iterator[Message]:
        """Yield what was said of charging, from the start of a transaction to its end, by its station.

        Args:
            of: the transaction.
            after: only messages with a higher number.
        """
        calls: dict[int, Message] = {}
        statement = (
            f"SELECT * FROM events WHERE n BETWEEN ? AND ? AND action IN {_CHARGING} AND session IN"  # noqa: S608
            " (SELECT session FROM sessions WHERE session = ? OR station = ?) ORDER BY n"
        )
        first, last = max(after + 1, of.start_n or 1), of.stop_n or _ENDLESS
        for row in self._rows("events", statement, first, last, of.session, of.station):
            stored = self._stored(row)
            message = stored.event
            if not isinstance(message, Message):  # damaged
                continue
            if message.type == CALL:
                calls[message.n] = message
            yield replace(message, call=calls.pop(stored.answers or 0, None))

    def connector_states(self, of: Transaction, since: int, until: int) -> list[ConnectorState]:
        """What its station told of a transaction's connector, by time, begun with the state that `since` found.

        Args:
            of: the transaction.
            since: from when on, in ns by the station's clock.
            until: up to when.
        """
        if of.evse is None and of.connector is None:
            return []
        # In 2.x a transaction, or a state, may be of an EVSE without saying which connector of it.
        place = "station IS ? AND evse IS ? AND (connector IS ? OR evse NOT NULL AND (? IS NULL OR connector IS NULL))"
        where: list[Any] = [of.station, of.evse, of.connector, of.connector]
        if of.station is None:
            place += " AND (SELECT session FROM events e WHERE e.n = c.n) = ?"
            where.append(of.session)
        states = f"SELECT * FROM connector_states c WHERE {place} AND time"  # noqa: S608
        found = self._rows(
            "connector_states", f"{states} <= ? ORDER BY time DESC, rowid DESC LIMIT 1", *where, since
        )
        found += self._rows(
            "connector_states",
            f"{states} > ? AND time <= ? ORDER BY time, rowid",
            *where,
            since,
            min(until, _ENDLESS),
        )
        return [charging.state_of(row) for row in found]

    def station(self, identity: str | None) -> StationInfo | None:
        """What a station told of itself when it booted last; None where no boot was seen."""
        found = self._rows("stations", "SELECT * FROM stations WHERE station = ?", identity)
        return charging.station_of(found[0]) if found else None

    def selected(self, where: Sql, after: int, until: int) -> list[tuple[int, int]]:
        """The sessions and numbers of what a filter selects after one event and up to another, ascending."""
        statement, parameters = self._statement("e.session, e.n", where, (after + 1, until), None)
        return list(map(tuple, self._all(f"{statement} ORDER BY e.n", *parameters)))

    def known(self) -> dict[str, set[str]]:
        """What fields have for values: all stations and versions, and the actions near the beginning and the end.

        The events between would have to be read for actions that are nowhere else.
        """
        sessions = self._all("SELECT DISTINCT station, version FROM sessions")
        actions = self._all(
            "SELECT action FROM events WHERE n <= ?"
            " UNION SELECT action FROM events WHERE n > (SELECT max(n) FROM events) - ?",
            _GLANCE,
            _GLANCE,
        )
        columns = {
            "station": [row[0] for row in sessions],
            "version": [row[1] for row in sessions],
            "action": [row[0] for row in actions],
        }
        # A damaged store may hold anything in its columns.
        return {field: {one for one in found if type(one) is str} for field, found in columns.items()}


def _notice(row: sound.Row) -> Notice:
    return Notice(row["kind"], row["time"], row["detail"], row["subject"])


def _finding(row: sound.Row) -> FindingRow:
    return FindingRow(
        row["finding"],
        row["rule"],
        row["severity"],
        row["title"],
        row["said"] or row["detail"],
        row["hint"],
        row["source"],
        row["session"],
        row["station"],
        row["direction"],
        row["count"],
        row["first"],
        row["last"],
    )
