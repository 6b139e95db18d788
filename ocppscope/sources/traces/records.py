"""Records of a trace, one at a time: Open OCPP Trace v1.1, and the many forms that are a message with a few fields.

Open OCPP Trace is read by its rules for consumers: `raw` is what was on the wire, the other fields only say it
again; unknown fields are ignored. A message without `raw` is put together from its fields.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, Literal, TypeAlias

import orjson

from ocppscope.events import (
    CALL,
    CALLERROR,
    CALLRESULT,
    CALLRESULTERROR,
    FROM_CSMS,
    FROM_STATION,
    SEND,
    TYPE_NAMES,
    Closed,
    Control,
    Direction,
    Notice,
    Opened,
    RpcError,
    Text,
    WireEvent,
)
from ocppscope.ocpp import rpc
from ocppscope.ocpp.directing import OTHER, sender_of
from ocppscope.sources.traces import riders
from ocppscope.sources.traces.sessions import Sessions, Talk, Viewpoint, found_late
from ocppscope.sources.traces.trouble import CONTRADICTION, NO_MESSAGE, Trouble
from ocppscope.sources.traces.words import (
    DIRECTION_NAMES,
    LIKE_A_MESSAGE,
    MESSAGE_NAMES,
    STATION_NAMES,
    TIME_NAMES,
    VERSION_NAMES,
    direction_of,
    lacks_zone,
    named,
    side_of,
    time_of,
    version_of,
)

__all__ = ["Records", "is_record", "message_in"]

_TYPES: Final = {name: kind for kind, name in TYPE_NAMES.items()}
_PLAIN: Final = {"CALL": CALL, "CALLRESULT": CALLRESULT}
_DIRECTIONS: Final[dict[Any, Direction]] = {FROM_STATION: FROM_STATION, FROM_CSMS: FROM_CSMS}
_CARRYING: Final = ("CALL", "CALLRESULT", "CALLERROR")
_SOAP: Final = "S"
"""What an OCPP version over SOAP ends with: it is told from the same one over JSON, whose schemas are others."""
_WORDED: Final = re.compile(r"\s*([A-Za-z]{2,12})\b[^\[\]{}\"]{0,20}?(?=\[)")
"""`Sent: ` before a message."""


def is_record(value: Any) -> bool:
    """Whether a JSON value is a record of a trace, or a bare message."""
    if isinstance(value, list):
        return _is_message(value)
    if not isinstance(value, dict):
        return False
    return _is_open_ocpp_trace(value) or _layout_of(value) is not None


def written(value: Any) -> str:
    """A JSON value as a text."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # it writes less deep than it reads
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_message(value: list[Any]) -> bool:
    return 2 <= len(value) <= 6 and type(value[0]) is int and 2 <= value[0] <= 6


def _is_open_ocpp_trace(record: dict[str, Any]) -> bool:
    return (
        type(record.get("messageType")) is str
        and record["messageType"] in _TYPES
        and record.get("direction") in _DIRECTIONS
    )


def message_in(value: Any) -> tuple[str, str] | None:
    """A message in a field, and the word that stands before it, if any; None where there is none.

    A message that is no text was text on the wire; its spelling is not known.
    """
    if isinstance(value, list):
        return (written(value), "") if _is_message(value) else None
    if not isinstance(value, str):
        return None
    if LIKE_A_MESSAGE.match(value):
        return value, ""
    worded = _WORDED.match(value)
    if worded and side_of(worded[1]) and LIKE_A_MESSAGE.match(value, worded.end()):
        return value[worded.end() :], worded[1]
    return None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which field of a record is what."""

    message: str
    time: str | None
    station: str | None
    direction: str | None
    version: str | None


def _layout_of(record: dict[str, Any]) -> _Layout | None:
    """Find out what the fields of a record are; None where none holds a message."""
    names = [name for name in MESSAGE_NAMES if (field := named(record, [name])) and message_in(record[field])]
    if not names:
        return None
    message = named(record, names)
    assert message is not None
    return _Layout(
        message,
        named(record, TIME_NAMES),
        named(record, STATION_NAMES),
        named(record, DIRECTION_NAMES),
        named(record, VERSION_NAMES),
    )


_ZONE: Final = "times have no zone: taken for UTC. --assume-tz names another"
_DIRECTION: Final = (
    "nothing shows who sent some messages: Calls are taken for the station's, answers for the CSMS's. "
    "--as-logged-by station|csms says who wrote them down"
)
_STATION: Final = "some messages name no station: --name-station names it"

Waiting: TypeAlias = tuple[Talk, int | None, str, str | None, Any]
"""What `Records.message` takes, without what takes the event."""


class Records:
    """Makes events of the records of one file.

    Args:
        sessions: of the capture.
        trouble: of the file.
        file: told from the other files of the capture by this.
        zone: of times that name none; None: UTC.
        logged_by: who wrote `sent` and `received`; None: that is learned.

    Attributes:
        station: of all records that name none; filled in where a file says it once.
        version: the same of the OCPP version.
        waiting: takes messages that are to be directed later, in another order; None: none are.
        others: records that hold no message.
    """

    def __init__(
        self,
        sessions: Sessions,
        trouble: Trouble,
        file: int = 0,
        *,
        zone: tzinfo | None = None,
        logged_by: Literal["station", "csms"] | None = None,
    ) -> None:
        self.zone = zone
        self.station: str | None = None
        self.version: str | None = None
        self.waiting: list[Waiting] | None = None
        self.others = 0
        self.read = 0
        self._sessions = sessions
        self._trouble = trouble
        self._file = file
        self._talks: dict[Any, Talk] = {}
        """By what tells them apart in the records of this file."""
        self._layouts: dict[tuple[str, ...], _Layout] = {}
        self._viewpoint = Viewpoint(FROM_CSMS if logged_by == "csms" else FROM_STATION)
        self._is_zone_told = False
        self._addresses: dict[str, Direction] = {}
        """Who sends from an address, where records have addresses and no direction."""

    # --- one record ---

    def take(self, line: bytes | bytearray, place: Callable[[], str], out: list[WireEvent]) -> bool:
        """Read one record, and add its events.

        Args:
            line: the record, whole.
            place: gives where it stands, for people.
            out: takes the events.

        Returns:
            False where it is no JSON, or none to its end: nothing was done then.
        """
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        if self._short(record, out):
            self.read += 1
        else:
            self._value(record, place, out)
        return True

    def _value(self, record: Any, place: Callable[[], str], out: list[WireEvent]) -> None:
        """Add the events of a record that is not on the plain path."""
        if isinstance(record, dict):
            if _is_open_ocpp_trace(record):
                self._open_ocpp_trace(record, place, out)
            elif record.get("event") in _LISTED:  # `ls --json` prints more than messages
                self.others += 1
                return
            else:
                self._any(record, place, out)
        elif isinstance(record, list) and _is_message(record):
            self.message(self.talk(None, None, None, out), None, written(record), None, out)
        else:
            out += self._trouble.notice(
                place(), f"no record, but {_kind(record)}: it is left out", NO_MESSAGE
            )
            return
        self.read += 1

    def _short(self, record: Any, out: list[WireEvent]) -> bool:
        """The plain path: a Call or CallResult in a record of Open OCPP Trace, of a session that is known, whose
        `raw` is what its other fields say.
        """
        try:
            raw, kind = record["raw"], _PLAIN[record["messageType"]]
            message_id, payload = record["messageId"], record["payload"]
            action = record["action"] if kind == CALL else None
            read = rpc.as_written(raw, kind, message_id, action, payload)
            if read is None:
                read = rpc.read(raw)
                if read[:4] != (kind, message_id, action, payload):
                    return False
            if "meta" in record and riders.OWN in record["meta"]:
                own = record["meta"][riders.OWN]
                talk = self._talks["own", own["session"]]
                is_plain = len(own) == 1
            else:
                talk = self._talks[record.get("chargePointId")]
                is_plain = record.get("ocppVersion") in talk.versions
            direction, time = _DIRECTIONS[record["direction"]], time_of(record["timestamp"])
        except (LookupError, TypeError, ValueError, rpc.UnreadableError):
            return False
        if not is_plain or time is None or not talk.has_begun or record.get("transport") != "json":
            return False
        talk.last = time
        out.append(Text(talk.session, time, direction, raw, (), (), 0, read))
        return True

    # --- Open OCPP Trace ---

    def _open_ocpp_trace(
        self, record: dict[str, Any], place: Callable[[], str], out: list[WireEvent]
    ) -> None:
        direction = _DIRECTIONS[record["direction"]]
        text = self._text_of(record, place, out)
        time = time_of(record.get("timestamp"))
        meta = record.get("meta")
        own = meta.get(riders.OWN) if isinstance(meta, dict) else None
        if isinstance(own, dict):
            try:
                self._own(own, record, direction, time, text, out)
            except ValueError as error:
                what = f"meta.ocppscope is none that ocppscope writes ({error}): the rest of it is left out"
                out += self._trouble.notice(place(), what)
            else:
                return
        station = record.get("chargePointId")
        version = version_of(record.get("ocppVersion"))
        if version is not None and record.get("transport") == "soap":
            version += _SOAP
        number = record.get("session") if "n" in record else None  # of `ls --json`
        talk = self.talk(station, version, time, out, number)
        if type(record.get("ocppVersion")) is str and record.get("transport") != "soap":
            talk.versions.add(record["ocppVersion"])
        out.append(Text(talk.session, time, direction, text))

    def _text_of(self, record: dict[str, Any], place: Callable[[], str], out: list[WireEvent]) -> str:
        """The message as it was on the wire."""
        raw = record.get("raw")
        if type(raw) is not str:
            return _made_of_fields(record)
        if record.get("transport") == "soap":  # `raw` is XML
            return _made_of_fields(record)
        try:
            kind, message_id, action, payload, error, _ = rpc.read(raw)
        except rpc.UnreadableError as wrong:
            if record["messageType"] not in _CARRYING:
                return raw
            what = f"raw is no message ({wrong}), its other fields count"
            out += self._trouble.notice(place(), what, CONTRADICTION)
            return _made_of_fields(record)
        said = {
            "messageType": TYPE_NAMES[kind],
            "messageId": message_id,
            "action": action if kind in (CALL, SEND) else record.get("action"),
            "payload": payload if error is None else record.get("payload"),
            "error": _error_in(record.get("error"), error),
        }
        wrong_fields = [name for name, value in said.items() if name in record and record[name] != value]
        if wrong_fields:
            what = f"raw and {', '.join(wrong_fields)} disagree, raw counts"
            out += self._trouble.notice(place(), what, CONTRADICTION)
        return raw

    def _own(
        self,
        own: dict[str, Any],
        record: dict[str, Any],
        direction: Direction,
        time: int | None,
        text: str,
        out: list[WireEvent],
    ) -> None:
        """A record that we wrote, and what rides along."""
        for facts in _list(own, "sessions"):
            self._begin(facts)
        self._ride(_list(own, "before"), out)
        time = own["time"] if "time" in own and type(own["time"]) in (int, type(None)) else time
        talk = self._numbered(own.get("session"), record)
        if not talk.has_begun:
            out += _beginning_of(talk, time)
        faults = riders.faults_from(talk.session, own["faults"]) if "faults" in own else ()
        talk.last = time
        out.append(Text(talk.session, time, direction, text, faults=faults))
        self._ride(_list(own, "after"), out)

    def _ride(self, those: list[Any], out: list[WireEvent]) -> None:
        for rider in those:
            if not isinstance(rider, dict):
                raise ValueError("no rider")  # noqa: TRY004 - it is the value of a file
            if rider.get("event") == "notice":
                out.append(riders.notice_of(rider))
                continue
            talk = self._numbered(rider.get("session"), {})
            event = riders.event_of(talk.session, rider)
            if isinstance(event, Opened):
                talk.has_begun = True
            elif not talk.has_begun:
                out += _beginning_of(talk, event.time)
            if isinstance(event, Closed):
                talk.session.ended = True
            out.append(event)

    def _begin(self, facts: Any) -> None:
        if not isinstance(facts, dict) or type(facts.get("session")) is not int:
            raise ValueError("no session")
        number = facts["session"]
        key = "own", number
        if key not in self._talks:
            self._talks[key] = self._sessions.begin((self._file, *key), number=number)
            riders.learn(self._talks[key].session, facts)

    def _numbered(self, number: Any, record: dict[str, Any]) -> Talk:
        """A session by the number that it has in our own traces."""
        if type(number) is not int:
            raise ValueError("no number of a session")
        talk = self._talks.get(("own", number))
        if talk is None:  # its first record was cut away
            self._begin({"session": number})
            talk = self._talks["own", number]
            station = record.get("chargePointId")
            talk.session.station = station if type(station) is str else None
            talk.session.version = version_of(record.get("ocppVersion"))
        return talk

    # --- other forms ---

    def _any(self, record: dict[str, Any], place: Callable[[], str], out: list[WireEvent]) -> None:
        shape = tuple(record)
        layout = self._layouts.get(shape)
        found = message_in(record[layout.message]) if layout else None
        if layout is None or found is None:
            layout = _layout_of(record)
            if layout is None:
                self._without_message(record, place, out)
                return
            if len(self._layouts) < 1_000:
                self._layouts[shape] = layout
            found = message_in(record[layout.message])
            assert found is not None
        text, word = found
        time = self.time(record[layout.time], out) if layout.time else None
        talk = self._talk_of(record, layout, time, out)
        said = record.get(layout.direction) if layout.direction else None
        source = record.get("src_ip")
        self.message(talk, time, text, said if isinstance(said, str) else word, out, source)

    def _talk_of(
        self, record: dict[str, Any], layout: _Layout | None, time: int | None, out: list[WireEvent]
    ) -> Talk:
        station = record.get(layout.station) if layout and layout.station else None
        version = version_of(record.get(layout.version)) if layout and layout.version else None
        if station is None and "src_ip" in record and "dst_ip" in record:
            pair = frozenset((str(record["src_ip"]), str(record["dst_ip"])))
            return self.talk(None, version, time, out, pair)
        return self.talk(station, version, time, out)

    def _without_message(
        self, record: dict[str, Any], place: Callable[[], str], out: list[WireEvent]
    ) -> None:
        """A ping or pong, or a record that is none of a message."""
        field = named(record, MESSAGE_NAMES)
        value = record[field] if field else None
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in ("ping", "pong") and "src_ip" in record:
            time = self.time(record.get(named(record, TIME_NAMES) or ""), out)
            talk = self._talk_of(record, None, time, out)
            sender = self._addresses.get(str(record["src_ip"]))
            if sender is None:
                sender = OTHER[self._addresses.get(str(record.get("dst_ip")), FROM_CSMS)]
            out.append(Control(talk.session, time, sender, "ping" if word == "ping" else "pong", b""))
        elif isinstance(value, list):  # a message is meant
            out += self._trouble.notice(
                place(), f"{field} is no OCPP message, but {_shown(value)}: it is left out", NO_MESSAGE
            )
        else:
            self.others += 1

    def message(
        self,
        talk: Talk,
        time: int | None,
        text: str,
        said: str | None,
        out: list[WireEvent],
        source: Any = None,
    ) -> None:
        """Add a message whose direction is to be found.

        Args:
            talk: its session.
            time: when.
            text: the message.
            said: the word for its direction; None for none.
            out: takes the event.
            source: the address that it came from, where that is known.
        """
        if self.waiting is not None:
            self.waiting.append((talk, time, text, said, source))
            return
        direction, read = direction_of(said) if said else None, None
        talk.last = time
        if direction is None:
            side = side_of(said) if said else None
            word = self._viewpoint.word(side) or (self._addresses.get(str(source)) if source else None)
            try:
                read = rpc.read(text)
            except rpc.UnreadableError:
                direction = word or FROM_STATION
            else:
                kind, message_id, action, *_ = read
                direction = talk.directing.direction(kind, message_id, action, word)
                if kind == CALL and sender_of(action):
                    if side is not None:
                        self._viewpoint.learn(side, direction)
                    if source:
                        self._addresses[str(source)] = direction
        out.append(Text(talk.session, time, direction, text, read=read))

    def time(self, value: Any, out: list[WireEvent]) -> int | None:
        """The time that a field tells; that a zone is assumed is said when that is first done."""
        time = time_of(value, self.zone)
        if self.zone is None and not self._is_zone_told and time is not None and lacks_zone(value):
            self._is_zone_told = True
            out.append(self._trouble.assumed("zone", _ZONE))
        return time

    def end(self) -> list[Notice]:
        """The file ends: what else was assumed."""
        out = []
        talks = [talk for key, talk in self._talks.items() if not (type(key) is tuple and key[0] == "own")]
        if any(talk.directing.guessed for talk in talks):
            out.append(self._trouble.assumed("direction", _DIRECTION))
        if any(talk.has_begun and talk.session.station is None for talk in talks):
            out.append(self._trouble.assumed("station", _STATION))
        return out

    def talk(
        self, station: Any, version: str | None, time: int | None, out: list[WireEvent], more: Any = None
    ) -> Talk:
        """The session of a station.

        Args:
            station: its identity; None where none is told.
            version: the OCPP version that is told with it.
            time: of what is seen of it.
            out: takes its beginning.
            more: what tells apart sessions that have the same station.
        """
        name = str(station) if type(station) in (int, str) and station != "" else None
        key = name if more is None else (name, more)
        talk = self._talks.get(key)
        if talk is not None and _is_another(talk.session.version, version):
            out.append(talk.end())  # it came back with another version
            talk = self._begin_talk(key, name, version, None)
        elif talk is None:
            talk = self._begin_talk(key, name, version, more)
        if not talk.has_begun:
            out.append(found_late(talk, time))
        talk.last = time
        return talk

    def _begin_talk(self, key: Any, name: str | None, version: str | None, more: Any) -> Talk:
        name = name or self.station
        shared = ("station", name) if more is None else (self._file, key)
        talk = self._sessions.find(shared)
        if talk is None or talk.session.ended:
            talk = self._sessions.begin(shared, number=more if type(more) is int else None)
        self._talks[key] = talk
        talk.session.station = talk.session.station or name
        if talk.session.version is None:
            talk.session.version = version or self.version
        return talk

    def learn(self, facts: dict[str, Any]) -> None:
        """What a file says of all its records: `metadata` of ocpp-debugkit."""
        found = facts | (facts["metadata"] if isinstance(facts.get("metadata"), dict) else {})
        station = found.get(named(found, STATION_NAMES) or "")
        version = found.get(named(found, VERSION_NAMES) or "")
        self.station = station if type(station) is str else self.station
        self.version = version_of(version) or self.version
        unnamed = self._talks.get(None)
        if unnamed is not None:  # it is said after the records
            unnamed.session.station = unnamed.session.station or self.station


def _beginning_of(talk: Talk, time: int | None) -> list[Opened]:
    """A session of our own traces begins with something else: its Opened was left out, or it had none, in a log."""
    if talk.session.late:
        talk.has_begun = True
        return []
    return [found_late(talk, time)]


def _is_another(known: str | None, version: str | None) -> bool:
    return known is not None and version is not None and known != version


_LISTED: Final = ("opened", "control", "damaged", "gap", "closed")


def _made_of_fields(record: dict[str, Any]) -> str:
    """The text of a message whose `raw` is not known."""
    kind, message_id, payload = _TYPES[record["messageType"]], record.get("messageId"), record.get("payload")
    if kind in (CALLERROR, CALLRESULTERROR):
        error = record.get("error")
        said = error if isinstance(error, dict) else {}
        parts = [said.get("code", ""), said.get("description", ""), said.get("details", {})]
    elif kind == CALLRESULT:
        parts = [{} if payload is None else payload]
    else:
        parts = [record.get("action"), {} if payload is None else payload]
    return written([kind, message_id, *parts])


def _error_in(said: Any, error: RpcError | None) -> Any:
    """What `error` of a record would say if it agreed with `raw`: only what it says is compared."""
    if not isinstance(said, dict) or error is None:
        return said
    whole = {"code": error.code, "description": error.description, "details": error.details}
    return said | {name: value for name, value in whole.items() if name in said}


def _list(own: dict[str, Any], name: str) -> list[Any]:
    value = own.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"{name} is no array")  # noqa: TRY004 - it is the value of a file
    return value


def _kind(value: Any) -> str:
    kinds = {str: "a string", dict: "an object", list: "an array", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(value: Any) -> str:
    text = written(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
