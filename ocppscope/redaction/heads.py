"""Handshakes: request targets and the heads of HTTP messages."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from ocppscope.ocpp.versions import SUBPROTOCOLS
from ocppscope.redaction import patterns, table
from ocppscope.redaction.needles import Needles
from ocppscope.redaction.patterns import Sensitive
from ocppscope.redaction.pseudonyms import removed
from ocppscope.redaction.scan import percent_decoded, percent_respelt
from ocppscope.wire.http import authorization, parse_head

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_REQUEST: Final = re.compile(r"([A-Z]{3,10} )(\S.*?)(\s+HTTP/[0-9.]*\s*)?")
_HEADER: Final = re.compile(r"[\w-]+:")
_HOSTS: Final = frozenset(
    {
        "host", "origin", "referer", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-server",
        "x-real-ip",
    }
)  # fmt: skip
_PROTOCOL: Final = "sec-websocket-protocol"


def _segments(target: str) -> tuple[str, list[str], str]:
    """What comes before a target's path, its segments, and its query with the question mark."""
    path, mark, query = target.partition("?")
    before = ""
    if "://" in path:
        scheme, _, rest = path.partition("://")
        host, _, path = rest.partition("/")
        before = f"{scheme}://{host}/"
    return before, path.split("/"), mark + query


def _is_kept(segment: str) -> bool:
    return not segment or segment.lower() in table.kept_segments()


def find_in_target(target: str) -> Iterator[Sensitive]:
    """What is sensitive in a request target: who the station is, other segments, its query."""
    before, segments, query = _segments(target)
    for at, segment in enumerate(segments):
        if at == len(segments) - 1:
            if segment:
                yield "identity", percent_decoded(segment)
                yield "identity", unquote(segment)
        elif not _is_kept(segment):
            yield "path", percent_decoded(segment)
    yield from patterns.find(before)
    yield from patterns.query(query[1:])


def target(text: str, needles: Needles) -> str:
    """A request target with the same form, and nobody's."""
    before, segments, query = _segments(text)
    new = [_segment(one, needles) if not _is_kept(one) or at == len(segments) - 1 else one
           for at, one in enumerate(segments)]  # fmt: skip
    return needles.replace(before) + "/".join(new) + _query(query, needles)


def _segment(raw: str, needles: Needles) -> str:
    value = percent_decoded(raw)
    return percent_respelt(raw, needles.whole(value) or needles.replace(value))


def _query(query: str, needles: Needles) -> str:
    parts = re.split("([&;#])", query[1:])
    for at, part in enumerate(parts):
        name, equals, raw = part.partition("=")
        if not equals:
            name, raw = "", part
        value = percent_decoded(raw)
        is_secret = table.is_secret_name(unquote(name))
        new = removed(value) if is_secret else needles.whole(value) or needles.replace(value)
        parts[at] = f"{needles.replace(name)}{equals}{percent_respelt(raw, new)}"
    return query[:1] + "".join(parts)


def subprotocol(name: str, needles: Needles) -> str:
    """A subprotocol; some carry a token where a name belongs."""
    if is_known(name):
        return name
    return needles.whole(name) or needles.replace(name)


def is_known(name: str) -> bool:
    return name in SUBPROTOCOLS or re.fullmatch(r"ocpp[0-9.]*j?", name, re.IGNORECASE) is not None


def find(head: bytes) -> Iterator[Sensitive]:
    """What is sensitive in a head."""
    name = ""
    for at, line in enumerate(_LINE.findall(head.decode("latin-1"))):
        text = line.strip("\r\n")
        if at == 0 and not _HEADER.match(text):
            if match := _REQUEST.fullmatch(text):
                yield from find_in_target(match[2])
            continue
        if not text:  # what follows is no head, and nothing of it stays
            return
        if text[:1] in (" ", "\t"):  # the line before goes on
            value = text
        else:
            name, _, value = text.partition(":")
            name = name.strip().lower()
        value = value.strip()
        if _is_removed(name):
            yield from _credentials(value)
        elif name == _PROTOCOL:
            for one in re.split(r"[,\s]+", value):
                if one and not is_known(one):
                    yield "subprotocol", one
        elif name in _HOSTS:
            yield from patterns.hosts(value)
        if not _is_removed(name):
            yield from patterns.find(value)


def _credentials(value: str) -> Iterator[Sensitive]:
    """Of a header that lets somebody in: words that may turn up elsewhere."""
    said = parse_head(b"GET / HTTP/1.1\r\nAuthorization: " + value.encode("latin-1"))
    scheme, _, user = (authorization(said) or "" if said else "").partition(" ")
    if scheme.lower() == "basic" and user and not user.startswith("("):
        yield "user", user
        yield from patterns.basic(value.rsplit(maxsplit=1)[-1])
    for word in re.split(r"[\s,;]+", value):
        bare = word.partition("=")[2] if re.match(r"[\w-]+=.", word) else word
        bare = bare.strip('"')
        if len(bare) >= 6 and bare.lower() not in ("bearer", "digest", "basic"):
            yield table.SECRET, bare


def _is_removed(name: str) -> bool:
    return name in table.removed_headers() or (
        name not in table.kept_headers() and table.is_secret_name(name.replace("-", "_"))
    )


def head(raw: bytes, needles: Needles) -> bytes:
    """A head without credentials; headers that nobody knows keep their names only, and a body nothing."""
    lines, name, is_body = [], "", False
    for at, line in enumerate(_LINE.findall(raw.decode("latin-1"))):
        text = line.rstrip("\r\n")
        end = line[len(text) :]
        if is_body:
            lines.append(_starred(line))
            continue
        if at == 0 and not _HEADER.match(text):
            match = _REQUEST.fullmatch(text)
            said = (
                f"{match[1]}{target(match[2], needles)}{match[3] or ''}" if match else needles.replace(text)
            )
            lines.append(said + end)
            continue
        goes_on = text[:1] in (" ", "\t")
        field, colon, value = ("", "", text) if goes_on else text.partition(":")
        name = name if goes_on else field.strip().lower()
        is_body = not text
        if not goes_on and not colon:  # a line that breaks off, or is no header
            lines.append(_starred(line))
            continue
        if _is_removed(name):
            needles.replaced[table.SECRET] += not goes_on
            continue
        lines.append(f"{field}{colon}{_header(name, value, needles) if text else ''}{end}")
    return "".join(lines).encode("latin-1", errors="replace")


def _header(name: str, value: str, needles: Needles) -> str:
    if name == _PROTOCOL:
        return re.sub(r"[^,\s]+", lambda match: subprotocol(match[0], needles), value)
    if name in _HOSTS:
        value = re.sub(r"[^,\s;=\"/:\[\]]+", lambda match: _host(match[0], needles), value)
        return needles.replace(value)
    if name in table.kept_headers():
        return needles.replace(value)
    return _starred(value)


def _starred(text: str) -> str:
    return re.sub(r"\S", "*", text)


def _host(word: str, needles: Needles) -> str:
    return word if word.lower() in table.common() else needles.whole(word) or word
