"""From what the scanner finds to events: dated, named, directed, once each, in sessions."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import cache
from typing import Any, Final, Literal, TypeVar

import orjson

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Direction,
    Fault,
    Gap,
    Notice,
    Opened,
    Session,
    Text,
    WireEvent,
)
from ocppscope.ocpp import rpc
from ocppscope.ocpp.decoder import identity_of
from ocppscope.ocpp.lenient import told
from ocppscope.ocpp.versions import SUBPROTOCOLS
from ocppscope.ocpp.wording import plural
from ocppscope.sources.text.clock import STAMP, Clock
from ocppscope.sources.text.dialect import IN, OUT, UNSENT, Dialect, Side, Word
from ocppscope.sources.text.direction import OTHER, Directions, OpenCalls
from ocppscope.sources.text.forms import load
from ocppscope.sources.text.scanner import ELIDED, Found, Seen

__all__ = ["UNKNOWN", "Reader"]

UNKNOWN: Final = Dialect(
    "unknown",
    "a log of no known kind",
    re.compile(
        rb"(?i:(?<![a-z])(?P<word>received|receive|recv|rcvd|rx|incoming|in|sent|sending|send|tx|outgoing|out)"
        rb"(?![a-z])|(?P<arrow><<|<-+|<|>>|-+>|>))[^a-zA-Z<>]{0,12}\Z"
    ),
    words={
        **dict.fromkeys(b"received receive recv rcvd rx incoming in << <- < <-- <---".split(), IN),
        **dict.fromkeys(b"sent sending send tx outgoing out >> -> > --> --->".split(), OUT),
    },
)
_NAME: Final = re.compile(
    rb"(?i:charge_?(?:box|point|r)_?id|charger|cp_?id|station_?id|charge_?(?:box|point)|charging_?station(?:_?id)?)"
    rb"[\"']?\s*[=:]\s*[\"']?(?P<station>[\w.*-]{1,48})"
)
_TIME_AFTER: Final = re.compile(rb"\"@?(?i:timestamp|time|ts|date)\"\s*:\s*\"?([^\"\\,}]{10,40})")
_NOT_SHAPE: Final = b"0123456789.,:;-+/TZ \t"
_ANSI: Final = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
_NOW: Final = re.compile(r'"currentTime"\s*:\s*"([^"]{10,40})"')
_DATED: Final = re.compile(r'"(20[1-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d[^"]{0,20})"')
_LOOKED_INTO: Final = 4_096
"""Characters of a message in which a date is looked for."""
_HELD: Final = 1_000
_HELD_SIZE: Final = 4 << 20
_BYTES: Final = re.compile(rb"'?\s*\[(\d+) bytes")
_BEGIN: Final = re.compile(r'\[\s*([2-6])\s*,\s*"([^"]{1,60}?)"(?:,\s*"([A-Za-z]*))?')
_RECENT: Final = 16
_GAPS: Final = 4
_SHAPES: Final = 1_000
_SAME_MOMENT: Final = 2_000_000_000
"""Nanoseconds between two loggers' lines of one message."""
_IN_A_ROW: Final = 2
"""Messages from one sighting to the other, where their times do not say that they are the same."""
_SESSIONS: Final = 50_000

_Timed = TypeVar("_Timed", bound=WireEvent)


class _Live:
    """A session that has not ended."""

    __slots__ = ("calls", "connection", "is_fresh", "key", "session", "time")

    def __init__(self, session: Session, key: bytes | None, connection: bytes | None) -> None:
        self.session = session
        self.key = key
        self.connection = connection
        self.calls = OpenCalls()
        self.time: int | None = None
        self.is_fresh = True
        """Nothing was seen of it but that it was opened."""


@dataclass(slots=True)
class _Handshake:
    """What debug lines have shown of an upgrade so far."""

    path: str | None = None
    offered: tuple[str, ...] = ()
    agreed: str | None = None
    status: int | None = None


class _Line:
    """What stands before a message, or on a line with a mark."""

    __slots__ = ("connection", "dialect", "head", "station", "time", "word")

    def __init__(
        self,
        dialect: Dialect | None,
        head: bytes,
        time: int | None = None,
        station: bytes | None = None,
        connection: bytes | None = None,
        word: Word | None = None,
    ) -> None:
        self.dialect = dialect
        self.head = head
        self.time = time
        self.station = station
        self.connection = connection
        self.word = word


class Reader:
    """Makes events of what is found in one text.

    Args:
        dialects: those that it may be in, in the order in which to ask them.
        title: the text's name, for people.
        zone: of times that say none; None: UTC is assumed.
        logged_by: the side that logs, if the user says it.
        on_dialect: called when a dialect is met for the first time.
    """

    def __init__(
        self,
        dialects: Iterable[Dialect],
        title: str,
        zone: tzinfo | None = None,
        logged_by: Side | None = None,
        on_dialect: Callable[[Dialect], None] = lambda _: None,
    ) -> None:
        self.messages = 0
        self.damaged = 0
        self.elided = 0
        self.repeated = 0
        self.unsent = 0
        self.dialects: Counter[str] = Counter()
        """How many messages each dialect had."""
        self._title = title
        self._on_dialect = on_dialect
        self._ask = list(dialects)
        self._owners = {mark: one for one in self._ask for mark in one.marks}
        self._latest_dialect = UNKNOWN
        self._shapes: dict[bytes, Dialect] = {}
        self._clock = Clock(zone)
        self._directions = Directions(logged_by)
        self._number = 0
        self._live: dict[bytes | None, _Live] = {}
        self._latest: _Live | None = None
        self._named: bytes | None = None
        self._version: str | None = None
        self._handshake = _Handshake()
        self._recent: dict[tuple[Any, Any], tuple[Any, _Line, int]] = {}
        self._sighted = 0
        self._gaps: dict[tuple[Any, Any], Gap] = {}
        """Messages left out, which another logger may yet have."""
        self._held = self._held_size = 0
        """How many wait or have waited for their day, and their characters."""
        self._opened_by: Dialect | None = None
        """The first dialect that showed a connection: all that is known of a log without messages."""
        self._told: set[str] = set()
        self._out: list[WireEvent] = []

    def feed(self, found: Iterable[Found | Seen]) -> list[WireEvent]:
        """Take what the scanner found next."""
        for one in found:
            if type(one) is Seen:
                self._mark(one)
            else:
                self._array(one)  # type: ignore[arg-type]
            if self._clock.dating is not None:
                self._date_all()
            if self._clock.undated:
                self._hold(one)
        self._tell_times()
        if self._clock.undated is not None:  # what has no date yet is held until it has
            return []
        out, self._out = self._out, []
        return out

    def close(self) -> list[WireEvent]:
        """End the text."""
        self._out += self._gaps.values()
        self._gaps.clear()
        self._clock.end()
        if self._clock.dating is not None:
            self._date_all()
        self._tell_times()
        self._tell_at_end()
        for live in list(self._live.values()):
            self._end(live, Closed(live.session, live.time, None, "end-of-capture"))
        out, self._out = self._out, []
        return out

    # --- lines ---

    def _line(self, head: bytes) -> _Line:
        """Read what stands before a message."""
        if b"\x1b" in head:
            head = _ANSI.sub(b"", head)
        dialect = self._latest_dialect
        match = None if dialect is UNKNOWN else dialect.head.search(head)
        if match is None:
            dialect, match = self._recognised(head)
        if match is None:
            name = _NAME.search(head)
            return _Line(dialect, head, self._stamp(head), name["station"] if name else None)
        groups = (*match.groups(), None)
        at_time, at_station, at_connection, at_word, other_time, other_word = _places(dialect)
        raw = groups[at_time] or groups[other_time]
        station = groups[at_station] or None
        said = groups[at_word] or groups[other_word]
        word: Word | None = None
        if said is not None:
            word = dialect.words.get(said) or dialect.words.get(said.lower())
        if dialect is UNKNOWN and station is None and (name := _NAME.search(head)):
            station = name["station"]
        time = self._clock.read(raw) if raw else self._stamp(head)
        return _Line(dialect, head, time, station, groups[at_connection], word)

    def _recognised(self, head: bytes) -> tuple[Dialect, re.Match[bytes] | None]:
        """Find the dialect of a line; lines of one shape, whatever their digits, are of one dialect."""
        shape = _shape(head)
        dialect = self._shapes.get(shape)
        match = None if dialect is None else dialect.head.search(head)
        if dialect is not UNKNOWN and match is None:
            for dialect in self._ask:
                match = dialect.head.search(head)
                if match is not None:
                    break
            else:
                dialect, match = UNKNOWN, UNKNOWN.head.search(head)
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            self._shapes[shape] = dialect
        assert dialect is not None
        self._latest_dialect = dialect
        return dialect, match

    def _stamp(self, head: bytes) -> int | None:
        match = STAMP.search(head)
        return self._clock.read(match[0]) if match else None

    def _met(self, dialect: Dialect) -> None:
        name = dialect.name
        self.dialects[name] += 1
        if self.dialects[name] == 1:
            how = f"is read as {dialect.title} (--dialect {name})"
            if dialect is UNKNOWN:
                how = "has messages in no dialect that is known: of each, only what its line shows is told"
            self._notice("text.dialect", f"{self._title} {how}", name)
            self._on_dialect(dialect)

    # --- arrays ---

    def _array(self, found: Found) -> None:
        line = self._line(found.head)
        if found.tail:
            self._read_tail(line, found.tail)
        dialect = line.dialect
        assert dialect is not None
        if line.word == UNSENT:
            self.unsent += 1
            return
        value, text = found.value, found.text
        if dialect.elides and value is not None and _is_elided(found):
            value = None
            found = found._replace(note=ELIDED)
        if value is None:
            self._broken(found, line)
            return
        if not found.sure and dialect is UNKNOWN:
            return
        if dialect.entities and "&" in text:
            text = text.replace("&lt;", "<").replace("&gt;", ">")
        if self._is_second_sighting(value, line):
            self.repeated += 1
            return
        self._message(line, value, text)

    def _read_tail(self, line: _Line, tail: bytes) -> None:
        """In lines of JSON the fields with the station and the time may follow the message."""
        if line.station is None and (name := _NAME.search(tail)):
            line.station = name["station"]
        if line.time is None and (time := _TIME_AFTER.search(tail)):
            line.time = self._clock.read(time[1])

    def _message(self, line: _Line, value: list[Any], text: str) -> None:
        dialect = line.dialect
        assert dialect is not None
        if self.dialects[dialect.name]:
            self.dialects[dialect.name] += 1
        else:
            self._met(dialect)
        if self._gaps and dialect.elides:
            self._let_gaps_out()
        live = self._session(line)
        direction = self._directions.of(live.calls, value, line.word, dialect)
        self.messages += 1
        live.is_fresh = False
        self._out.append(Text(live.session, line.time, direction, text))
        if self._clock.wants_day:
            self._look_for_day(text)

    def _look_for_day(self, text: str) -> None:
        """Find out the day of times that have none."""
        if (now := _NOW.search(text)) and (time := told(now[1])) is not None:
            self._clock.see_now(time)
        if not self._clock.undated:
            return
        for match in _DATED.finditer(text, 0, _LOOKED_INTO):
            if (time := told(match[1])) is not None:
                self._clock.see_within(time)

    def _hold(self, one: Found | Seen) -> None:
        """One more waits for its day: not for ever, and not for any room."""
        self._held += 1
        self._held_size += len(one.text) if type(one) is Found else len(one[2])
        if self._held >= _HELD or self._held_size > _HELD_SIZE:
            self._clock.give_up()
            self._date_all()

    def _date_all(self) -> None:
        """Give everything that waits for its day the time that it has, or none."""
        dating, self._clock.dating = self._clock.dating, None

        def dated(time: int | None) -> int | None:
            if time is None or time >= 0:
                return time
            return dating(time) if dating is not None else None

        def of(event: _Timed) -> _Timed:
            return event if event.time is None or event.time >= 0 else replace(event, time=dated(event.time))

        self._out = [of(event) for event in self._out]
        self._gaps = {key: of(gap) for key, gap in self._gaps.items()}
        for live in self._live.values():
            live.time = dated(live.time)
        for _, line, _ in self._recent.values():
            line.time = dated(line.time)

    def _broken(self, found: Found, line: _Line) -> None:
        dialect = line.dialect
        assert dialect is not None
        if found.note == ELIDED and dialect.elides:
            self._elide(found, line)
            return
        if not found.sure and dialect is UNKNOWN:
            return
        try:
            rpc.read(found.text)
        except rpc.UnreadableError as error:
            self._met(dialect)
            layer, offset, faults = error.layer, error.offset, error.faults
            reason = f"{error} ({found.note})" if found.note else str(error)
        else:  # it can be read after all, as in the other encoding
            self._message(line, load(found.text), found.text)
            return
        live = self._session(line)
        self.damaged += 1
        direction = self._directions.by_word(line.word, dialect)
        self._out.append(
            Damaged(live.session, line.time, direction, layer, offset, reason, found.text, faults)
        )

    def _elide(self, found: Found, line: _Line) -> None:
        """The logger left the middle out: a message that is not there, unless another logger has it whole."""
        assert line.dialect is not None
        begin = _BEGIN.match(found.text)
        if begin is None:
            return
        self.elided += 1
        kind, message_id, action = begin[1], begin[2], begin[3] or ""
        size = _BYTES.search(found.tail) or _BYTES.search(found.text.encode())
        if (int(kind), message_id) in self._recent:
            return
        self._let_gaps_out()
        live = self._session(line)
        if kind == "2" and action:
            direction = self._directions.glimpse(live.calls, message_id, action, line.word, line.dialect)
        else:
            waiting = live.calls.waiting(message_id)
            direction = OTHER[waiting[-1]] if waiting else self._directions.by_word(line.word, line.dialect)
        if direction is not None:
            gap = Gap(live.session, line.time, direction, int(size[1]) if size else None)
            self._gaps[int(kind), message_id] = gap

    def _let_gaps_out(self) -> None:
        """Another line of the logger that leaves out: what waits is not told by any other, or was not in time."""
        has_other = len(self.dialects) > 1
        while len(self._gaps) > (_GAPS if has_other else 0):
            self._out.append(self._gaps.pop(next(iter(self._gaps))))

    def _is_second_sighting(self, value: list[Any], line: _Line) -> bool:
        """Whether another logger has just said the same."""
        key = value[0], value[1]
        if self._gaps:
            self._gaps.pop(key, None)
        before = self._recent.pop(key, None)
        self._sighted += 1
        if before is not None and before[0] == value and self._is_same_sighting(*before[1:], line):
            self._recent[key] = before
            return True
        self._recent[key] = value, line, self._sighted
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
        return False

    def _is_same_sighting(self, one: _Line, sighted: int, other: _Line) -> bool:
        if one.time is None or other.time is None:
            if self._sighted - sighted > _IN_A_ROW:
                return False
        elif abs(other.time - one.time) > _SAME_MOMENT:
            return False
        if one.station and other.station and one.station != other.station:
            return False
        ways = (self._directions.by_word(line.word, line.dialect) for line in (one, other))
        first, second = ways
        if first is not None and second is not None and first != second:
            return False
        if one.dialect is other.dialect:
            assert one.dialect is not None
            if one.word is not None and other.word is not None and one.word != other.word:
                return False
            return one.dialect.repeats or _shape(one.head) != _shape(other.head)
        return True

    # --- sessions ---

    def _session(self, line: _Line) -> _Live:
        station = line.station or self._named
        live = self._find(station, line.connection)
        if line.time is not None:
            live.time = line.time
        return live

    def _find(self, station: bytes | None, connection: bytes | None) -> _Live:
        live = self._live.get(station)
        if live is None and station is None and self._latest is not None and len(self._live) == 1:
            live = self._latest  # there is only one that it can be of
        if live is None:
            return self._begin(station, connection)
        if connection is not None and live.connection != connection:
            if live.connection is None:
                live.connection = connection
            else:
                self._end(live, Closed(live.session, live.time, None, "end-of-capture"))
                return self._begin(station, connection)
        return live

    def _begin(self, station: bytes | None, connection: bytes | None = None, *, late: bool = True) -> _Live:
        self._number += 1
        name = station.decode(errors="replace") if station else None
        live = _Live(
            Session(self._number, station=name, version=self._version, late=late), station, connection
        )
        self._live[station] = self._latest = live
        if len(self._live) > _SESSIONS:
            eldest = next(iter(self._live.values()))
            self._end(eldest, Closed(eldest.session, eldest.time, None, "end-of-capture"))
        return live

    def _end(self, live: _Live, closed: Closed) -> None:
        live.session.ended = True
        self._out.append(closed)
        self._live.pop(live.key, None)
        if self._latest is live:
            self._latest = None

    # --- marks ---

    def _mark(self, seen: Seen) -> None:
        part = seen.match.groupdict()
        if seen.payload is not None:
            part["payload"] = seen.payload
        _MARKS[seen.mark.says](self, seen, {key: value for key, value in part.items() if value is not None})

    def _marked_line(self, seen: Seen, part: dict[str, bytes]) -> _Line:
        raw = part.get("time")
        line = seen.line
        dialect = self._owners.get(seen.mark)
        said = part.get("word", b"")
        word = (dialect.words.get(said) if dialect else None) or _WORDS.get(said.lower())
        time = self._clock.read(raw) if raw else self._stamp(line)
        return _Line(dialect, line, time, part.get("station"), part.get("connection"), word)

    def _mark_date(self, seen: Seen, part: dict[str, bytes]) -> None:  # noqa: ARG002
        self._clock.see_date(part["date"])

    def _mark_version(self, seen: Seen, part: dict[str, bytes]) -> None:  # noqa: ARG002
        version = part["version"].decode(errors="replace").lower().removeprefix("ocpp").lstrip("_ ")
        version = {"16": "1.6", "1.6j": "1.6", "201": "2.0.1", "21": "2.1"}.get(version, version)
        if version in SUBPROTOCOLS.values():
            self._version = version
            for live in self._live.values():
                live.session.version = live.session.version or version

    def _mark_station(self, seen: Seen, part: dict[str, bytes]) -> None:  # noqa: ARG002
        self._named = part["station"]

    def _mark_request(self, seen: Seen, part: dict[str, bytes]) -> None:  # noqa: ARG002
        self._handshake = _Handshake(path=part["path"].decode(errors="replace"))

    def _mark_subprotocol(self, seen: Seen, part: dict[str, bytes]) -> None:  # noqa: ARG002
        names = tuple(name.strip() for name in part["names"].decode(errors="replace").split(","))
        if self._handshake.status is not None or (self._handshake.offered and len(names) == 1):
            self._handshake.agreed = names[0]
        else:
            self._handshake.offered = names

    def _mark_status(self, seen: Seen, part: dict[str, bytes]) -> None:
        self._handshake.status = int(part["status"])
        if self._handshake.path is not None and self._handshake.status != 101:
            self._mark_opened(seen, part)  # refused

    def _mark_opened(self, seen: Seen, part: dict[str, bytes]) -> None:
        line = self._marked_line(seen, part)
        shake, self._handshake = self._handshake, _Handshake()
        if "path" in part:
            shake.path = part["path"].decode(errors="replace")
        if "names" in part:
            shake.agreed = part["names"].decode(errors="replace")
        name = identity_of(shake.path) if shake.path else None
        station = line.station or (name.encode() if name else self._named)
        before = self._live.get(station)
        if before is not None and before.is_fresh and not before.session.late:  # two loggers say so
            before.session.version = SUBPROTOCOLS.get(shake.agreed or "", before.session.version)
            return
        if before is not None:
            self._end(before, Closed(before.session, before.time, None, "end-of-capture"))
        live = self._begin(station, line.connection, late=False)
        live.time = line.time
        live.session.version = SUBPROTOCOLS.get(shake.agreed or "", live.session.version)
        path = shake.path or (f"/{station.decode(errors='replace')}" if station else None)
        status = shake.status or 101
        self._opened_by = self._opened_by or self._dialect_of(seen)
        self._out.append(Opened(live.session, line.time, path, shake.offered, shake.agreed, status))
        if status != 101:
            self._end(live, Closed(live.session, line.time, None, "fin"))

    def _mark_closed(self, seen: Seen, part: dict[str, bytes]) -> None:
        line = self._marked_line(seen, part)
        station = line.station or self._named
        live = self._live.get(station)
        if live is None and line.station is None and len(self._live) == 1:
            live = self._latest
        if live is None:
            return
        if live.connection is not None and line.connection not in (None, live.connection):
            return  # the end of an older connection of that station
        code = int(part["code"]) if "code" in part else None
        reason = part["reason"].decode(errors="replace") if part.get("reason") else None
        side = self._directions.by_word(line.word, self._dialect_of(seen))
        by: Side | None = None if side is None else "station" if side == FROM_STATION else "csms"
        self._end(live, Closed(live.session, line.time, by, "close" if code else "fin", code, reason))

    def _mark_ping(self, seen: Seen, part: dict[str, bytes]) -> None:
        self._control(seen, part, "ping")

    def _mark_pong(self, seen: Seen, part: dict[str, bytes]) -> None:
        self._control(seen, part, "pong")

    def _control(self, seen: Seen, part: dict[str, bytes], opcode: Literal["ping", "pong"]) -> None:
        line = self._marked_line(seen, part)
        direction = self._directions.by_word(line.word, self._dialect_of(seen))
        likely: Direction = FROM_STATION if opcode == "ping" else FROM_CSMS
        live = self._session(line)
        self._out.append(Control(live.session, line.time, direction or likely, opcode, b""))

    def _mark_parts(self, seen: Seen, part: dict[str, bytes]) -> None:
        """A message of which the log has the parts: id, action, type and payload, but not the array."""
        dialect = self._dialect_of(seen) or UNKNOWN
        line = self._marked_line(seen, part)
        line.dialect = dialect
        payload = load(part["payload"])
        if payload is None or "id" not in part:
            what = part.get("action", b"a message").decode(errors="replace")
            missing = "its payload is no JSON" if "id" in part else "the log does not show its message id"
            reason = f"{what} is not whole: {missing}"
            self._met(dialect)
            self.damaged += 1
            live = self._session(line)
            direction = self._directions.by_word(line.word, dialect)
            raw = part["payload"].decode(errors="replace")
            faults = (Fault("json.invalid", reason),) if "id" in part else ()
            self._out.append(Damaged(live.session, line.time, direction, "json", 0, reason, raw, faults))
            if self._clock.wants_day:
                self._look_for_day(raw)
            return
        kind = _KINDS.get(part.get("type", b"call").lower(), 2)
        message_id, action = (
            part["id"].decode(errors="replace"),
            part.get("action", b"").decode(errors="replace"),
        )
        begin = orjson.dumps([kind, message_id, action] if kind == 2 else [kind, message_id]).decode()
        text = f"{begin[:-1]},{part['payload'].decode(errors='replace').strip()}]"
        value = load(text)
        if value is not None:
            if self._is_second_sighting(value, line):
                self.repeated += 1
            else:
                self._message(line, value, text)

    def _dialect_of(self, seen: Seen) -> Dialect | None:
        return self._owners.get(seen.mark)

    # --- what is told ---

    def _notice(self, kind: str, detail: str, subject: str) -> None:
        self._out.append(Notice(kind, None, detail, f"{self._title}: {subject}"))

    def _tell(self, subject: str, detail: str) -> None:
        if subject not in self._told:
            self._told.add(subject)
            self._notice("text.assumed", detail, subject)

    def _tell_times(self) -> None:
        """Say what is assumed of times before the messages that have them: whoever judges these has to know."""
        new = sorted(self._clock.assumed - self._told)
        if not new:
            return
        first = next((i for i, one in enumerate(self._out) if not isinstance(one, Notice)), len(self._out))
        self._out, rest = self._out[:first], self._out[first:]
        for subject in new:
            self._tell(subject, _TIMES[subject])
        self._out += rest

    def _tell_at_end(self) -> None:
        if not self.dialects and self._opened_by is not None:
            self._met(self._opened_by)
        if not self.messages:
            return
        sessions = [live.session for live in self._live.values()]
        by = self._directions.told_by
        if by["nothing"] or by["word"]:
            shown = ", ".join(f"{by[how]:,} by {words}" for how, words in _HOW.items() if by[how])
            self._tell("direction", f"directions: {shown}. --as-logged-by station|csms says who logged")
        if any(one.station is None for one in sessions):
            self._tell(
                "station", "the log does not name the station of some messages: --name-station names it"
            )
        if self._version is None and any(one.version is None or one.version_inferred for one in sessions):
            self._tell(
                "version",
                "the log does not say the OCPP version: it is concluded from the messages, as far as they show it",
            )
        if self.unsent:
            self._notice(
                "text.unsent",
                f"{plural(self.unsent, 'message')} left out that the log says could not be sent",
                "unsent",
            )
        if self.elided:
            self._notice(
                "text.elided",
                f"{plural(self.elided, 'message')} left out, whose middle the log does not show (…): "
                "log the ocpp logger too, not only websockets",
                "elided",
            )


_TIMES: Final = {
    "zone": "times in the log have no zone: taken for UTC. --assume-tz names another",
    "date": "times in the log have no date: taken from the CSMS's currentTime",
    "year": "times in the log have no year: taken from dates in it",
    "date of messages": "times in the log have no date: taken from the latest date-time in its messages",
    "no date": "times in the log have no date, and nothing in it says one: only what lies between them is true",
}
_HOW: Final = {
    "action": "the action",
    "answer": "the Call they answer",
    "log": "what the log says",
    "word": "its words, from where others show who logs",
    "nothing": "guess (Calls from the station, answers from the CSMS)",
}
_WORDS: Final[dict[bytes, Word]] = {
    **dict.fromkeys((b"<", b"in", b"recv", b"received", b"receive", b"recv:"), IN),
    **dict.fromkeys((b">", b"out", b"send", b"sent", b"sending"), OUT),
    b"cp": FROM_STATION,
    b"csms": FROM_CSMS,
}
_KINDS: Final = {b"call": 2, b"callresult": 3, b"2": 2, b"3": 3}
_MARKS: Final[dict[str, Callable[[Reader, Seen, dict[str, bytes]], None]]] = {
    "date": Reader._mark_date,  # noqa: SLF001 - a table of its own methods
    "version": Reader._mark_version,  # noqa: SLF001
    "station": Reader._mark_station,  # noqa: SLF001
    "request": Reader._mark_request,  # noqa: SLF001
    "subprotocol": Reader._mark_subprotocol,  # noqa: SLF001
    "status": Reader._mark_status,  # noqa: SLF001
    "opened": Reader._mark_opened,  # noqa: SLF001
    "closed": Reader._mark_closed,  # noqa: SLF001
    "ping": Reader._mark_ping,  # noqa: SLF001
    "pong": Reader._mark_pong,  # noqa: SLF001
    "parts": Reader._mark_parts,  # noqa: SLF001
}


@cache
def _places(dialect: Dialect) -> tuple[int, int, int, int, int, int]:
    """Where, among the groups of its pattern, these are; the place behind the last for what it has not."""
    index = dialect.head.groupindex
    names = ("time", "station", "connection", "word", "at", "arrow")
    return tuple(index.get(name, 0) - 1 for name in names)  # type: ignore[return-value]


def _shape(head: bytes) -> bytes:
    return head.translate(None, _NOT_SHAPE)


def _is_elided(found: Found) -> bool:
    """Whether the logger says of what it shows that there was more."""
    size = _BYTES.match(found.tail)
    return size is not None and "..." in found.text and int(size[1]) != len(found.text.encode())
