"""From the events of a capture to a script: which station, which sessions, and what of them is played.

Nothing of what is not chosen is kept while reading, but what each station is called and how much there is of it. What
the capture lacks is told in the script's notes; what cannot be played at all is a ScriptError.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NoReturn, TypeAlias

from ocppscope.capture.faults.frames import compose
from ocppscope.events import (
    CALL,
    FROM_CSMS,
    FROM_STATION,
    SEND,
    Closed,
    Control,
    Damaged,
    Direction,
    Event,
    Gap,
    Message,
    Notice,
    Opened,
    Session,
)
from ocppscope.filter import Filter
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural
from ocppscope.replay.script import Act, Kind, Script, Side, Step

_OURS: Final[dict[Side, Direction]] = {"station": FROM_STATION, "csms": FROM_CSMS}
_OTHER: Final[dict[Direction, Direction]] = {FROM_STATION: FROM_CSMS, FROM_CSMS: FROM_STATION}
_WHO: Final[dict[Direction, str]] = {FROM_STATION: "the station", FROM_CSMS: "the CSMS"}
_NOTES: Final = 20
_LISTED: Final = 20
_PINGS: Final = 100
"""Pings that wait for their pongs."""
_LARGE: Final = 1 << 16
"""Characters beyond which an answer's `call` may be without its text (`correlation`)."""

_CONTINUATION, _TEXT, _BINARY = 0, 1, 2
_NO_MASK: Final = bytes(4)
"""What a station's broken frames are masked with: so their payload can be read in a hex dump."""
_OPCODE: Final = re.compile(r"opcode (\d+)")

_Played: TypeAlias = Message | Control | Damaged | Closed


class ScriptError(Exception):
    """What was asked for cannot be played. The text says what was found instead, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a capture is to be played; all of it by default. Bounds belong to what they bound."""

    station: str | None = None
    """Its identity; `session 3` is the station of a session that shows none. None: the only one that there is."""
    sessions: tuple[int, ...] = ()
    """Numbers; empty: all. One that is named is played even where it is a second sighting of another."""
    first: int | None = None
    """Number of an event."""
    last: int | None = None
    since: int | None = None
    """Nanoseconds since the epoch; events without a time are left out where a time is asked for."""
    until: int | None = None
    wanted: Filter | None = None
    """What fits is played, its Calls and answers come along, and so do the ends of its sessions."""

    def bounds(self, event: Event) -> bool:
        """Whether an event lies between the bounds."""
        n, time = event.n, event.time
        if (self.first is not None and n < self.first) or (self.last is not None and n > self.last):
            return False
        if time is None:
            return self.since is None and self.until is None
        return (self.since is None or time >= self.since) and (self.until is None or time <= self.until)


def script_of(events: Iterable[Event | Notice], side: Side, selection: Selection) -> Script:
    """Make a script of a capture.

    Args:
        events: all of the capture's, as a decoder gives them.
        side: the one that is played.
        selection: what is played of it.

    Raises:
        ScriptError: the selection fits nothing, or several stations, or what it fits cannot be played.
    """
    reading = _Reading(side, selection)
    for event in events:
        if not isinstance(event, Notice):
            reading.take(event)
    return reading.script()


def name_of(session: Session) -> str:
    """What the station of a session is called: its identity, or the session where that is not known."""
    return session.station or f"session {session.number}"


@dataclass(slots=True)
class _Station:
    """What is known of a station, whether it is chosen or not."""

    first: int | None = None
    """The first event that could be played."""
    messages: int = 0
    sessions: dict[int, None] = field(default_factory=dict)
    """Numbers, in order."""
    has_identity: bool = False

    def __str__(self) -> str:
        of = f" in session {next(iter(self.sessions))}" if len(self.sessions) == 1 else ""
        many = f" in {len(self.sessions)} sessions" if len(self.sessions) > 1 else ""
        from_event = f", from event {self.first} on" if self.first is not None else ""
        return f"{plural(self.messages, 'message')}{of if self.has_identity else ''}{many}{from_event}"


class _Part:
    """What is played of one session."""

    def __init__(self, session: Session, first: int) -> None:
        self.session = session
        self.first = first
        """The number of its first event."""
        self.opened: Opened | None = None
        self.closed: Closed | None = None
        self.ended: int | None = None
        """The number of its Closed, which may lie beyond the selection."""
        self.events: dict[int, _Played] = {}
        """By number; not in order, where Calls came along after their answers."""
        self.notes: list[tuple[int, str]] = []
        """Each with the number of its event."""
        self.left_out: tuple[int, str] | None = None
        """Why it cannot be played, and the event that shows it."""
        self.is_wanted = False
        """Something of it was selected, beside its end."""
        self.is_in_bounds = False
        self.spoke: set[Direction] = set()
        """Who said a message that can be said again, selected or not."""
        self.called: set[Direction] = set()
        self.has_gaps = False
        """Bytes of it are not in the capture, or cannot be read."""
        self.unreadable: dict[Direction, int] = {}
        """By side: the first event that the capture does not hold in full."""
        self._is_silent = True
        self._late: list[int] = []
        self._pings: dict[Direction, deque[bytes]] = defaultdict(lambda: deque(maxlen=_PINGS))
        self._large: dict[int, Message] = {}
        """Large messages that were not selected: what answers them may be."""

    def take(self, event: Event, *, in_bounds: bool, is_wanted: bool) -> None:
        """Take the session's next event.

        Args:
            event: numbered.
            in_bounds: it lies between the bounds of the selection.
            is_wanted: it fits the filter, too.
        """
        self.is_in_bounds |= in_bounds
        if self.ended is not None:
            self._late.append(event.n)
            return
        is_empty = isinstance(event, Closed) or (isinstance(event, Opened) and event.status is None)
        self.is_wanted |= is_wanted and not is_empty
        self._is_silent &= isinstance(event, Opened | Closed)
        if isinstance(event, Message):
            self._message(event, is_wanted=is_wanted)
        elif isinstance(event, Control):
            self._control(event, is_wanted=is_wanted)
        elif isinstance(event, Damaged):
            self._damaged(event, is_wanted=is_wanted)
        elif isinstance(event, Opened):
            self.opened = event
        elif isinstance(event, Closed):
            self._closed(event, in_bounds=in_bounds)
        elif in_bounds:
            self._gap(event)

    def _message(self, event: Message, *, is_wanted: bool) -> None:
        self.spoke.add(event.direction)
        if event.type == CALL:
            self.called.add(event.direction)
        if event.type not in (CALL, SEND) and event.call is None:
            if is_wanted:
                why = "answers what is not in the capture, or nothing at all"
                self.notes.append((event.n, f"event {event.n} {why}, and is left out"))
        elif is_wanted or (event.call is not None and event.call.n in self.events):
            self._keep(event)
        elif len(event.raw) > _LARGE:
            self._large[event.n] = event
        if event.call is not None:
            self._large.pop(event.call.n, None)

    def _keep(self, message: Message) -> None:
        """Keep a message, and what it answers."""
        self.events[message.n] = message
        asked = message.call
        if asked is not None and asked.n not in self.events:
            self._keep(self._large.get(asked.n, asked))

    def _control(self, event: Control, *, is_wanted: bool) -> None:
        if event.opcode == "ping":
            self._pings[event.direction].append(event.payload)
        elif self._answers_a_ping(event):
            return  # the library that holds the connection sends it
        if is_wanted:
            self.events[event.n] = event

    def _answers_a_ping(self, pong: Control) -> bool:
        pings = self._pings[_OTHER[pong.direction]]
        if pong.payload not in pings:
            return False
        while pings.popleft() != pong.payload:  # one pong may answer several (RFC 6455 §5.5.3)
            pass
        return True

    def _damaged(self, event: Damaged, *, is_wanted: bool) -> None:
        if event.direction is not None and wire_bytes(event) is not None:
            self.spoke.add(event.direction)
            if is_wanted:
                self.events[event.n] = event
            return
        if event.direction is not None:
            self.unreadable.setdefault(event.direction, event.n)
        self.has_gaps = True
        if is_wanted:
            whose = f" of {_WHO[event.direction]}" if event.direction else ""
            self.notes.append(
                (event.n, f"event {event.n}{whose} cannot be read ({event.reason}), and is left out")
            )

    def _gap(self, event: Gap) -> None:
        self.has_gaps = True
        size = "bytes" if event.size is None else plural(event.size, "byte")
        verb = "is" if event.size == 1 else "are"
        whose = _WHO[event.direction]
        self.notes.append((event.n, f"event {event.n}: {size} of {whose} {verb} not in the capture"))

    def _closed(self, event: Closed, *, in_bounds: bool) -> None:
        self.ended = event.n
        self._large.clear()
        self._pings.clear()
        if in_bounds:
            self.closed = event
            if event.by is not None and event.how != "end-of-capture":
                self.events[event.n] = event

    # --- when all was read ---

    @property
    def why_not(self) -> tuple[int, str] | None:
        """Why it is not played, with the number of the event that shows it, as far as is known by now."""
        opened = self.opened
        is_refused = opened is not None and opened.status is None and not self.session.late
        if self.left_out is None and opened is not None and is_refused and self._is_silent:
            where = f"session {self.session.number} (event {opened.n})"
            return opened.n, f"{where} got no answer to its handshake, and is left out"
        return self.left_out

    def all_notes(self) -> list[tuple[int, str]]:
        """What a user should know of it, each with the number of its event."""
        return self.notes + self._of_the_handshake() + self._after_the_end()

    def _after_the_end(self) -> list[tuple[int, str]]:
        if not self._late:
            return []
        n, count = self._late[0], len(self._late)
        what = f"{plural(count, 'event')} after the end of session {self.session.number}"
        return [(n, f"{what} (from event {n} on) {'is' if count == 1 else 'are'} left out")]

    def _of_the_handshake(self) -> list[tuple[int, str]]:
        opened = self.opened
        asked, answered = opened is not None and opened.path is not None, opened is not None and opened.status
        lacking = {
            (False, False): "its handshake",
            (False, True): "the station's half of its handshake",
            (True, False): "the CSMS's half of its handshake",
        }.get((asked, bool(answered)))
        n = self.first
        where = f"session {self.session.number} (event {n})"
        return [(n, f"{where}: {lacking} is not in the capture")] if lacking else []


class _Reading:
    """Reads one capture."""

    def __init__(self, side: Side, selection: Selection) -> None:
        if selection.wanted is not None and selection.wanted.uses_findings:
            raise ScriptError(
                "the filter asks for rules or severities, which are not known here: "
                "select by what is in the messages, or by number with --from and --until"
            )
        self._side = side
        self._ours = _OURS[side]
        self._selection = selection
        self._predicate = selection.wanted.predicate() if selection.wanted else None
        self._stations: dict[str, _Station] = {}
        self._parts: dict[Session, _Part] = {}
        self._gone: set[int] = set()
        """Sessions that have ended, and of which nothing is played."""
        self._left_out: list[tuple[str, int, str]] = []
        """What is not played though it was asked for: the station, the event that shows why, and why."""
        self._playable = 0
        """Stations of which something was selected."""
        self._is_mixed = False
        """There are several stations, and none was chosen: what is left to do is to list them."""

    def take(self, event: Event) -> None:
        """Take the capture's next event."""
        session = event.session
        in_bounds = self._selection.bounds(event)
        is_wanted = in_bounds and (self._predicate is None or self._predicate(event, ()))
        name = name_of(session)
        left_out = self._why_not(event) if isinstance(event, Opened) else ""
        self._count(name, event, could_be_played=is_wanted and not left_out)
        if self._is_mixed or not self._is_chosen(session, name) or session.number in self._gone:
            return
        part = self._parts.get(session)
        if part is None:
            part = self._parts[session] = _Part(session, event.n)
        if left_out:
            part.left_out = event.n, left_out
        if part.left_out is None or isinstance(event, Opened | Closed):
            part.take(event, in_bounds=in_bounds, is_wanted=is_wanted)
        if isinstance(event, Closed):
            self._settle(part)

    def _settle(self, part: _Part) -> None:
        """Forget a session that has ended, if it is not played."""
        why_not = part.why_not
        if why_not is not None and part.is_in_bounds:
            self._left_out.append((name_of(part.session), *why_not))
        if why_not is not None or not part.is_wanted:
            del self._parts[part.session]
            self._gone.add(part.session.number)

    def _is_chosen(self, session: Session, name: str) -> bool:
        chosen = self._selection
        if chosen.sessions and session.number not in chosen.sessions:
            return False
        return chosen.station in (None, name)

    def _why_not(self, opened: Opened) -> str:
        """Why a session cannot be played, as its handshake shows; empty where it can."""
        session = opened.session
        where = f"session {session.number} (event {opened.n})"
        if session.duplicate_of is not None and session.number not in self._selection.sessions:
            return f"{where} is session {session.duplicate_of} seen again, and is left out"
        if opened.status not in (None, 101):
            return f"{where} was refused with status {opened.status}, and is left out"
        return ""

    def _count(self, name: str, event: Event, *, could_be_played: bool) -> None:
        """Note that there is this station, and that there are two where one was to be."""
        session = event.session
        station = self._stations.setdefault(name, _Station())
        station.has_identity = session.station is not None
        station.messages += isinstance(event, Message) and session.duplicate_of is None
        station.sessions[session.number] = None
        if station.first is not None or not could_be_played or not self._is_chosen(session, name):
            return
        part = self._parts.get(session)
        is_left_out = part is not None and part.left_out is not None
        said_nothing = isinstance(event, Closed) or (isinstance(event, Opened) and event.status is None)
        if is_left_out or said_nothing:
            return
        station.first = event.n
        self._playable += 1
        if self._playable > 1:
            self._is_mixed = True
            self._parts.clear()

    # --- when all was read ---

    def script(self) -> Script:
        """Make the script of what was read."""
        if not self._stations:
            raise ScriptError("there is no session of OCPP in the capture: nothing can be played")
        self._expect_one_station()
        for part in list(self._parts.values()):
            self._settle(part)
        played = sorted(self._parts.values(), key=lambda part: part.first)
        if not played:
            self._nothing_to_play()
        self._expect_our_side(played)
        acts = _acts(played, self._ours)
        name = name_of(played[0].session)
        notes = [
            *((n, why) for whose, n, why in self._left_out if whose == name),
            *_of_versions(played),
            *_overlaps(played),
            *_missing_peer(played, _OTHER[self._ours]),
        ]
        of_events = [note for part in played for note in part.all_notes()] + list(_unanswered(acts))
        return Script(
            station=played[0].session.station,
            version=next((part.session.version for part in played if part.session.version), None),
            side=self._side,
            acts=acts,
            notes=_shortened([text for _, text in sorted(notes)] + [text for _, text in sorted(of_events)]),
        )

    def _expect_one_station(self) -> None:
        chosen = self._selection
        if self._is_mixed:
            playable = {name: one for name, one in self._stations.items() if one.first is not None}
            raise ScriptError(
                f"there are {len(playable)} stations in what is to be played: "
                f"choose one with --station\n{_listed(playable)}"
            )
        if chosen.station is not None and chosen.station not in self._stations:
            from difflib import get_close_matches

            near = get_close_matches(chosen.station, self._stations, 3)
            meant = f" (did you mean {' or '.join(visible(name) for name in near)}?)" if near else ""
            raise ScriptError(
                f"there is no station {visible(chosen.station)} in the capture{meant}: "
                f"name one of these\n{_listed(self._stations)}"
            )
        known = {number for one in self._stations.values() for number in one.sessions}
        if chosen.station is not None:
            known = set(self._stations[chosen.station].sessions)
        if missing := [number for number in chosen.sessions if number not in known]:
            whose = f" of station {visible(chosen.station)}" if chosen.station is not None else ""
            verb, word = ("is", "session") if len(missing) == 1 else ("are", "sessions")
            raise ScriptError(
                f"there {verb} no {word} {_numbers(missing)}{whose} in the capture: "
                f"there {'is' if len(known) == 1 else 'are'} {_numbers(sorted(known))}"
            )

    def _nothing_to_play(self) -> NoReturn:
        if self._left_out:
            reasons = _shortened([why for _, _, why in self._left_out])
            raise ScriptError("no session can be played:\n" + "\n".join(f"  {why}" for why in reasons))
        raise ScriptError(
            "nothing in the capture fits the selection: widen what --from, --until, --session and --filter "
            f"leave of these\n{_listed(self._stations)}"
        )

    def _expect_our_side(self, played: list[_Part]) -> None:
        """Refuse what shows nothing of the side that is to be played, though the other one asked for answers."""
        ours, theirs = self._ours, _OTHER[self._ours]
        if any(ours in part.spoke for part in played):
            return
        unreadable = [part.unreadable[ours] for part in played if ours in part.unreadable]
        if unreadable:
            raise ScriptError(
                f"nothing that {_WHO[ours]} says can be read, from event {unreadable[0]} on: there is nothing to play. "
                "Capture from the start of a session, which compressed messages refer back to"
            )
        asked = next((part for part in played if theirs in part.called), None)
        if asked is not None:
            other = "csms" if self._side == "station" else "station"
            raise ScriptError(
                f"{_WHO[ours]} is not in the capture: from event {asked.first} on only {_WHO[theirs]} speaks, "
                f"and there is nothing to play. Capture where both pass, or play the other one: --as {other}"
            )


# --- steps ---


def _acts(parts: list[_Part], ours: Direction) -> list[Act]:
    """Number what is played, and link answers to what they answer."""
    rows = [sorted(part.events.items()) for part in parts]
    numbers = {n: number for number, n in enumerate(n for row in rows for n, _ in row)}
    answers: dict[int, int] = {}
    for row in rows:
        for n, event in row:
            if isinstance(event, Message) and event.call is not None and event.call.type == CALL:
                answers.setdefault(event.call.n, numbers[n])
    acts = []
    for part, row in zip(parts, rows, strict=True):
        steps = [_step(event, numbers, answers.get(n), ours) for n, event in row]
        is_known = part.opened is not None and (
            part.opened.path is not None or part.opened.status is not None
        )
        acts.append(Act(part.opened if is_known else None, steps, part.closed, has_gaps=part.has_gaps))
    return acts


def _step(event: _Played, numbers: dict[int, int], answer: int | None, ours: Direction) -> Step:
    number, n, time = numbers[event.n], event.n, event.time
    if isinstance(event, Closed):
        is_ours = event.by == ("station" if ours == FROM_STATION else "csms")
        return Step(number, n, time, is_ours, "close", code=event.code, reason=event.reason or "")
    is_ours = event.direction == ours
    if isinstance(event, Control):
        return Step(number, n, time, is_ours, event.opcode, data=event.payload)
    if isinstance(event, Damaged):
        return Step(number, n, time, is_ours, "damaged", data=wire_bytes(event) or b"")
    kind: Kind = "call" if event.type == CALL else "send" if event.type == SEND else "answer"
    call = numbers.get(event.call.n) if event.call is not None else None
    return Step(number, n, time, is_ours, kind, event, call=call, answer=answer)


def wire_bytes(damaged: Damaged) -> bytes | None:
    """The frame of something that its sender broke: what was kept of it, in a header as it was.

    Returns:
        None where it is the capture that does not hold it: what was lost, cut, or compressed against what was not
        seen. Sent again, that would break what was whole.
    """
    raw, kinds = damaged.raw, {fault.kind for fault in damaged.faults}
    key = _NO_MASK if damaged.direction == FROM_STATION else None
    if isinstance(raw, str):
        return compose(_TEXT, raw.encode(errors="surrogatepass"), key=key)
    if damaged.layer == "utf8":
        opcode = _BINARY if "websocket.binary" in kinds else _TEXT
        return compose(opcode, raw, key=key)
    if "deflate.broken" in kinds:
        return compose(_TEXT, raw, key=key, rsv1=True)
    if "websocket.no-frame" in kinds:
        return raw
    if "websocket.continuation" in kinds:
        return compose(_CONTINUATION, raw, key=key)
    opcode_said = _OPCODE.search(damaged.reason)
    if "websocket.reserved-opcode" in kinds and opcode_said:
        return compose(int(opcode_said[1]) & 0x0F, raw, key=key)
    return None


# --- notes ---


def _of_versions(parts: list[_Part]) -> Iterator[tuple[int, str]]:
    first = parts[0]
    for part in parts:
        session = part.session
        if session.version_inferred:
            how = f"that it is OCPP {session.version} was concluded from its messages"
            yield part.first, f"session {session.number} (event {part.first}): {how}"
        if session.version != first.session.version:
            other = session.version or "an unknown version"
            than = f"session {first.session.number} speaks {first.session.version or 'an unknown one'}"
            yield part.first, f"session {session.number} (event {part.first}) speaks OCPP {other}, {than}"


def _overlaps(parts: list[_Part]) -> Iterator[tuple[int, str]]:
    for before, after in pairwise(parts):
        if before.ended is None or before.ended > after.first:
            one, other = before.session.number, after.session.number
            when = f"session {other} began (event {after.first}) before session {one} had ended"
            yield after.first, f"{when}: they are played one after the other, in the order of their start"


def _missing_peer(parts: list[_Part], theirs: Direction) -> Iterator[tuple[int, str]]:
    for part in parts:
        if part.spoke and theirs not in part.spoke:
            who, number, n = _WHO[theirs], part.session.number, part.first
            yield n, f"session {number} (event {n}) shows nothing of {who}: there is nothing to compare with"


def _unanswered(acts: list[Act]) -> Iterator[tuple[int, str]]:
    for act in acts:
        for step in act.steps:
            if step.kind == "call" and step.answer is None and step.message is not None:
                who = _WHO[step.message.direction]
                yield step.n, f"event {step.n}: {visible(str(step.action))[:50]} of {who} was never answered"


def _shortened(notes: list[str]) -> list[str]:
    if len(notes) <= _NOTES:
        return notes
    return [*notes[:_NOTES], f"and {len(notes) - _NOTES:,} more notes like these"]


def _listed(stations: dict[str, _Station]) -> str:
    """Stations, a line each, and what to do about those without a name."""
    lines = [f"  {visible(name)}: {station}" for name, station in list(stations.items())[:_LISTED]]
    if len(stations) > _LISTED:
        lines.append(f"  and {len(stations) - _LISTED:,} more")
    if not all(station.has_identity for station in stations.values()):
        lines.append("where the capture shows no handshake, --name-station says what the station is called")
    return "\n".join(lines)


def _numbers(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:_LISTED]]
    return ", ".join(shown) + (" …" if len(numbers) > _LISTED else "")
