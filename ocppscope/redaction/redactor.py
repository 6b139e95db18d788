"""Events of a capture in, the same events without what nobody else should see out."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from ocppscope.events import (
    CALL,
    SEND,
    Closed,
    Control,
    Damaged,
    Event,
    Gap,
    Message,
    Notice,
    Opened,
    Session,
    Text,
    Tls,
    WireEvent,
)
from ocppscope.redaction import heads, patterns, spellings, table, texts
from ocppscope.redaction.needles import Needles
from ocppscope.redaction.patterns import Sensitive
from ocppscope.redaction.pseudonyms import Pseudonyms
from ocppscope.redaction.scan import percent_decoded, unescaped
from ocppscope.redaction.texts import Texts
from ocppscope.store.rows import OF_THE_DECODER

_KEPT: Final = "kept"
_NEVER_TEXT: Final = frozenset({"deflate", "tls"})
_READABLE: Final = 0.8
"""The part of some bytes that can be read, from which on they are taken for a text."""
_PATH: Final = re.compile(r"(?<=path )\S+?(?=,? subprotocol|,|$)|(?<= )/\S*")
_OFFERED: Final = re.compile(r"(?<=subprotocol ).*")
_OF_FILES: Final = ("file.", "trace.")
_QUOTED: Final = re.compile(r"""(?<!\w)(?:'.*'|".*")|(?<=, but ).*(?=: it is left out)""", re.DOTALL)
"""What a notice quotes of a file that is no message; whatever stands around messages is not carried."""
_SIGNED: Final = re.compile("signedMeter|SignedData|publicKey")
_BASIC: Final = re.compile(r"(basic )(?!\()(.*)", re.IGNORECASE | re.DOTALL)

W = TypeVar("W", Opened, Text, Control, Damaged, Gap, Closed)


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says about what is sensitive."""

    seed: str | None = None
    """The same one gives the same pseudonyms; None: drawn at random."""
    also: Sequence[re.Pattern[str]] = ()
    """What they match is sensitive, too."""
    keep: Collection[str] = ()
    """What stays as it is: names of fields, places such as `Authorize/idTag`, whole kinds such as `identity`.
    Secrets are removed all the same."""
    vendors: bool = False
    """Names of vendors and models are sensitive, too."""
    hidden: Collection[str] = ()
    """Names of inputs, which notices carry."""

    def of_field(self, name: str, place: str) -> str | None:
        """What a field holds; `kept` for one that stays as it is."""
        return self._wanted(table.field_kind(name, place), name, place)

    def of_setting(self, name: str) -> str | None:
        """What the value of a configuration key, a variable or a parameter is."""
        return self._wanted(table.setting_kind(name), name, "")

    def _wanted(self, kind: str | None, name: str, place: str) -> str | None:
        if kind == table.SECRET:
            return kind
        if self.keep and any(one.lower() in (name.lower(), place.lower()) for one in self.keep):
            return _KEPT
        return None if kind == table.VENDOR and not self.vendors else kind


@dataclass(frozen=True, slots=True)
class Summary:
    """What was replaced."""

    values: Mapping[str, int]
    """Different values, by kind."""
    places: Mapping[str, int]
    """How often they stood somewhere, by kind."""
    rules: Mapping[str, str]
    """Rules that judge what was removed, and what that is."""


class Redactor:
    """Learns what is sensitive in a capture, and then replaces it.

    Args:
        options: what the user says.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._kinds: dict[str, str] = {}
        """By value: what it is."""
        self._kept: set[str] = set()
        self._judged: set[str] = set()
        """What was there that is removed, and that rules judge."""
        self._matched: set[str] = set()
        """Patterns of the user's that matched something."""
        self._seen: set[int] = set()
        """Sessions of which a message was learnt."""
        self._sessions: dict[int, Session] = {}
        self._needles: Needles | None = None

    @property
    def summary(self) -> Summary:
        assert self._needles is not None
        values = Counter(self._kinds.values())
        judged = self._judged | ({"secrets"} if values[table.SECRET] else set())
        rules = {rule: what for rule, what in table.rules().items() if what in judged}
        return Summary(values, dict(self._needles.replaced), rules)

    @property
    def unmatched(self) -> list[str]:
        """Patterns of the user's that match nothing in the capture."""
        return [one.pattern for one in self._options.also if one.pattern not in self._matched]

    # --- the first pass ---

    def learn(self, events: Iterable[Event | Notice]) -> None:
        """Collect what is sensitive in the next events."""
        for event in events:
            self._collect(self._of(event))

    def _collect(self, found: Iterable[Sensitive]) -> None:
        for kind, value in found:
            if not value or (kind not in (table.SECRET, "also") and not any(map(str.isalnum, value))):
                continue
            if kind == _KEPT or (kind in self._options.keep and kind != table.SECRET):
                self._kept.add(value)
                continue
            known = self._kinds.get(value)
            if known is None or _RANK[kind] < _RANK[known]:
                self._kinds[value] = kind

    def _of(self, event: Event | Notice) -> Iterator[Sensitive]:
        if isinstance(event, Notice):
            for text in (event.detail, event.subject):
                yield from patterns.find(text)
                yield from patterns.domains(text)
                yield from self._also(text)
                for path in _PATH.findall(text) if event.kind == "websocket.not-ocpp" else ():
                    yield from heads.find_in_target(path)
            return
        if isinstance(event, Message):
            if event.session.number not in self._seen:
                self._seen.add(event.session.number)
                yield from self._of_session(event.session)
            if _SIGNED.search(event.raw):
                self._judged.add("signed meter data")
            yield from texts.find(event.raw, self._options, _action(event))
            yield from self._also(event.raw)
            return
        yield from self._of_session(event.session)
        if isinstance(event, Opened):
            yield from self._of_opened(event)
        elif isinstance(event, Control):
            yield from self._of_bytes(event.payload)
        elif isinstance(event, Damaged):
            if isinstance(event.raw, str):
                yield from self._of_damaged(event.raw)
            elif event.layer == "http":
                yield from heads.find(event.raw)
            else:
                yield from self._of_bytes(event.raw)
        elif isinstance(event, Closed) and event.reason:
            yield from self._free(event.reason)
        for fault in event.faults:
            yield from self._free(fault.detail)

    def _of_session(self, session: Session) -> Iterator[Sensitive]:
        if session.station:
            yield "identity", session.station
        yield from patterns.hosts(session.client)
        yield from patterns.hosts(session.server)

    def _of_opened(self, event: Opened) -> Iterator[Sensitive]:
        if event.path:
            yield from heads.find_in_target(event.path)
        for name in (*event.subprotocols, event.subprotocol):
            if name and not heads.is_known(name):
                yield "subprotocol", name
        if event.auth:
            self._judged.add("authorization")
            if match := _BASIC.fullmatch(event.auth):
                yield "user", match[2]
        if event.tls and event.tls.server_name:
            yield from patterns.hosts(event.tls.server_name)
        for head in (event.request, event.response):
            yield from heads.find(head)
            yield from self._also(head.decode("latin-1"))

    def _of_bytes(self, data: bytes) -> Iterator[Sensitive]:
        text = _readable(data)
        if text is not None:
            yield from self._of_damaged(text)

    def _of_damaged(self, text: str) -> Iterator[Sensitive]:
        yield from texts.find(text, self._options)
        yield from patterns.named(text)
        yield from self._free(text)

    def _free(self, text: str) -> Iterator[Sensitive]:
        yield from texts.find_free(text, self._options)
        yield from self._also(text)

    def _also(self, text: str) -> Iterator[Sensitive]:
        if not self._options.also:
            return
        said = {text, percent_decoded(text), *spellings.inner_texts(text)}
        while (meant := unescaped(text)) not in said:  # JSON in JSON
            said.add(meant)
            text = meant
        for pattern in self._options.also:
            found = {match[0] for one in said for match in pattern.finditer(one)} - {""}
            if found:
                self._matched.add(pattern.pattern)
            yield from (("also", value) for value in sorted(found))

    def seal(self) -> None:
        """All events were learnt: choose pseudonyms."""
        for value in self._kept:
            if self._kinds.get(value) != table.SECRET:
                self._kinds.pop(value, None)
        values = [(kind, value) for value, kind in self._kinds.items()]
        pseudonyms = Pseudonyms(self._options.seed)
        pseudonyms.assign((kind, value) for kind, value in values if kind != table.SECRET)
        # Of values that differ in their capitals alone, the first kind counts.
        values.sort(key=lambda one: -_RANK[one[0]])
        self._needles = Needles(values, pseudonyms)
        self._texts = Texts(self._needles, self._options)

    # --- the second pass ---

    def redact(self, events: Iterable[Event | Notice]) -> list[WireEvent]:
        """The next events once more, as a source would emit them: numbered, for a decoder of their own."""
        return [self._redacted(event) for event in events]

    def _redacted(self, event: Event | Notice) -> WireEvent:
        if isinstance(event, Notice):
            return self._notice(event)
        session = self._session(event.session)
        faults = tuple(
            replace(one, detail=self._texts.free(one.detail), subject=self._texts.free(one.subject))
            for one in event.faults
            if not one.kind.startswith(OF_THE_DECODER)
        )
        if isinstance(event, Message):
            text = self._texts.message(event.raw, _action(event))
            return Text(session, event.time, event.direction, text, (), faults, event.n)
        if isinstance(event, Damaged):
            is_read = len(faults) < len(event.faults)
            return self._damaged(replace(event, session=session, faults=faults), is_read=is_read)
        if isinstance(event, Opened):
            return self._opened(replace(event, session=session, faults=faults))
        if isinstance(event, Control):
            payload = self._bytes(event.payload)
            return replace(event, session=session, faults=faults, payload=payload)
        if isinstance(event, Closed):
            reason = event.reason and self._texts.free(event.reason)
            return replace(event, session=session, faults=faults, reason=reason)
        return replace(event, session=session, faults=faults)

    def _session(self, session: Session) -> Session:
        new = self._sessions.get(session.number)
        if new is None:
            new = self._sessions[session.number] = Session(
                session.number,
                station=session.station and self._whole(session.station),
                version=None if session.version_inferred else session.version,
            )
        new.client, new.server = self._endpoint(session.client), self._endpoint(session.server)
        new.late, new.ended, new.duplicate_of = session.late, session.ended, session.duplicate_of
        return new

    def _whole(self, value: str) -> str:
        assert self._needles is not None
        return self._needles.whole(value) or self._needles.replace(value)

    def _endpoint(self, address: str) -> str:
        if not address:
            return address
        host, colon, port = address.rpartition(":")
        bare = host.strip("[]")
        return host.replace(bare, self._whole(bare), 1) + colon + port if bare else self._whole(address)

    def _opened(self, event: Opened) -> Opened:
        needles = self._needles
        assert needles is not None
        tls = event.tls and Tls(
            event.tls.version,
            event.tls.cipher,
            event.tls.server_name and self._whole(event.tls.server_name),
        )
        auth = event.auth
        if auth and (match := _BASIC.fullmatch(auth)):
            auth = match[1] + self._whole(match[2])
        return replace(
            event,
            path=event.path and heads.target(event.path, needles),
            subprotocols=tuple(heads.subprotocol(name, needles) for name in event.subprotocols),
            subprotocol=event.subprotocol and heads.subprotocol(event.subprotocol, needles),
            extensions=event.extensions and self._texts.free(event.extensions),
            offered_extensions=event.offered_extensions and self._texts.free(event.offered_extensions),
            tls=tls,
            auth=auth,
            request=heads.head(event.request, needles),
            response=heads.head(event.response, needles),
        )

    def _damaged(self, event: Damaged, *, is_read: bool) -> Damaged | Text:
        """What is damaged; a text, where it was one before the decoder had read it."""
        reason = self._texts.free(event.reason)
        if isinstance(event.raw, str):
            raw = self._texts.message(event.raw)
            if is_read and event.layer in ("json", "rpc") and event.direction is not None:
                return Text(event.session, event.time, event.direction, raw, (), event.faults, event.n)
            return replace(event, raw=raw, reason=reason)
        assert self._needles is not None
        if event.layer == "http" and _readable(event.raw) is not None:
            return replace(event, raw=heads.head(event.raw, self._needles), reason=reason)
        if event.layer in _NEVER_TEXT or _readable(event.raw) is None:  # masked, compressed, encrypted
            blank = event.raw[:2] + b"\xff" * max(len(event.raw) - 2, 0)
            return replace(event, raw=blank, reason=reason)
        return replace(event, raw=self._bytes(event.raw), reason=reason)

    def _bytes(self, data: bytes) -> bytes:
        text = data.decode(errors="surrogateescape")
        new = self._texts.free(self._texts.message(text))
        return data if new == text else new.encode(errors="surrogateescape")

    def _notice(self, event: Notice) -> Notice:
        detail, subject = event.detail, event.subject
        for name in sorted(self._options.hidden, key=len, reverse=True):
            detail, subject = detail.replace(name, "the capture"), subject.replace(name, "the capture")
        if event.kind == "websocket.not-ocpp":
            detail, subject = (self._foreign(text) for text in (detail, subject))
        if event.kind.startswith(_OF_FILES):
            detail = _QUOTED.sub(lambda match: re.sub(r"\S", "*", match[0]), detail)
        return replace(event, detail=self._texts.free(detail), subject=self._texts.free(subject))

    def _foreign(self, text: str) -> str:
        needles = self._needles
        assert needles is not None
        text = _PATH.sub(lambda match: heads.target(match[0], needles), text)
        return _OFFERED.sub(lambda match: re.sub(r"[^\s,]", "*", match[0]), text)


_RANK: Final = {kind: at for at, kind in enumerate(table.KINDS)}


def _action(event: Message) -> str | None:
    return event.action if type(event.action) is str and event.type not in (CALL, SEND) else None


def _readable(data: bytes) -> str | None:
    """Some bytes as a text; None where they are none."""
    text = data.decode(errors="surrogateescape")
    clear = sum(char.isprintable() or char in "\r\n\t" for char in text)
    return text if clear >= _READABLE * len(text) else None
