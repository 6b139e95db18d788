"""What can be told from its form, wherever it stands: URLs, addresses, credentials."""

import base64
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias
from urllib.parse import unquote

from ocppscope.redaction import table
from ocppscope.redaction.scan import unescaped

Sensitive: TypeAlias = tuple[str, str]
"""A kind and a value."""

_URL: Final = re.compile(
    r"""\b[a-z][a-z0-9+.-]{1,20}://(?:([^\s/@"'<>\\]*)@)?"""
    r"""(\[[0-9a-f:.%]+\]|[^\s/:?\#"'@,;<>\\()\[\]]+)(?::[0-9]+)?([^\s"'<>\\]*)""",
    re.IGNORECASE,
)
_IPV4: Final = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])")
_IPV6: Final = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_MAC: Final = re.compile(r"(?<![\w:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:-])", re.IGNORECASE)
_MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@([\w-]+(?:\.[\w-]+)+)")
_NAME: Final = r"""(?<![\w.-])([A-Za-z_][\w.-]{1,60})\\*["']?"""
_VALUE: Final = r"""(?:(?<!\\)"((?:[^"\\]|\\.)+)|\\*"([^"\\]+)|\\*'([^'\\]+)|\\*["']?([^\s"',;&}\]\\|]+))"""
_NAMED: Final = re.compile(rf"{_NAME}\s{{0,3}}(?:=>|->|[:=|])\s{{0,3}}{_VALUE}", re.DOTALL)
_TOLD: Final = re.compile(
    r"""(?<![\w.-])([A-Za-z_]\w{1,60})\s{1,3}(?:(?:is|was|of|for|from)\s)?"""
    r"""(?:"([^"]{4,60})"|'([^']{4,60})'|((?=[\w.*-]*[0-9])[\w.*-]{6,}))"""
)
"""A name and a value in a sentence: `idTag 04AB12CD is not known`."""
_PAIR: Final = re.compile(
    r"""(?<![\w.-])(name|key|id|variable|param|parameter|setting)\\*["']?\s?[:=]\s?\\*["']([\w.-]{2,60})\\*["'][\s,;]*"""
    r"""\\*["']?(?:value|val|data)\\*["']?\s?[:=]\s?\\*["']([^"'\\]+)""",
    re.IGNORECASE,
)
_TURNED: Final = re.compile(
    r"""(?<![\w.-])(?:value|val|data)\\*["']?\s?[:=]\s?\\*["']([^"'\\]+)\\*["'][\s,;]*"""
    r"""\\*["']?(name|key|id|variable|param|parameter|setting)\\*["']?\s?[:=]\s?\\*["']([\w.-]{2,60})""",
    re.IGNORECASE,
)
_ELEMENT: Final = re.compile(r"<(?:[\w-]+:)?([A-Za-z_][\w.-]{1,60})(?:\s[^<>]{0,200})?>([^<>]+)</")
_CREDENTIALS: Final = re.compile(r"\b(bearer|basic)\s+([\w.~+/=-]{8,})", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_OCMF: Final = re.compile(r"OCMF\s*\|\s*\{[^|]*(?:\|\s*(?:\{[^{}|]*\}?)?)?")
"""Signed meter data: who, which meter, and a signature over both."""
_QUERY: Final = re.compile(r"""\?([\w.%-]+=[^\s"'<>\\]*)""")
_PHONE: Final = re.compile(r"(?<![\w+.])\+[1-9][0-9]{0,3}(?:[ ()/-]{0,2}[0-9]){7,12}(?![\w.])")
_DOMAIN: Final = re.compile(r"(?<![\w.-])(?:[a-z0-9-]{1,63}\.)+[a-z]{2,}(?![\w.-])", re.IGNORECASE)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.,]+(?:Z|[+-][0-9:]+)?)?")
_SURE: Final = (table.SECRET, "token", "sim", "serial", "identity", "user")
"""Kinds of which a name in a sentence is enough, if its value looks like one."""
_PLAIN: Final = re.compile(r"[\w.-]*")
_HERE: Final = ("127.", "0.0.0.0", "255.255.255.255")  # noqa: S104


def times(text: str) -> list[tuple[int, int]]:
    """Where dates stand: they stay as they are."""
    return [match.span() for match in _TIME.finditer(text)]


def is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def find(text: str) -> Iterator[Sensitive]:
    """What in a text is sensitive by its form."""
    if "://" in text:
        for match in _URL.finditer(text):
            yield from _of_url(match[1] or "", match[2], match[3])
    if "." in text:
        yield from (("address", match[0]) for match in _IPV4.finditer(text) if _is_address(match[0]))
    if text.count(":") >= 2:
        yield from (("address", match[0]) for match in _IPV6.finditer(text) if _is_address(match[0]))
    yield from (("address", match[0]) for match in _MAC.finditer(text))
    if "@" in text:
        logins = [match.span(1) for match in _URL.finditer(text)] if "://" in text else []
        for match in _MAIL.finditer(text):
            if any(start <= match.start() <= end for start, end in logins):
                continue  # a password, and a host
            yield "user", match[0]
            yield from hosts(match[1])
    if "?" in text:
        for match in _QUERY.finditer(text):
            yield from query(match[1])
    if "+" in text:
        yield from (("sim", match[0]) for match in _PHONE.finditer(text))
    if "OCMF" in text:
        yield from ((table.SECRET, match[0]) for match in _OCMF.finditer(text))
    if not _PLAIN.fullmatch(text):
        yield from _said(text)
    for match in _CREDENTIALS.finditer(text):
        yield table.SECRET, match[2]
        if match[1].lower() == "basic":
            yield from basic(match[2])
    yield from ((table.SECRET, match[0]) for match in _JWT.finditer(text))


def _said(text: str) -> Iterator[Sensitive]:
    """Values beside their names: in a sentence, in XML, in whatever has `name=value`."""
    for match in _NAMED.finditer(text):
        value = _value(match)
        kind = _inline_kind(match[1], is_sure="=" in match[0] or any(map(str.isdigit, value)))
        if kind is not None and "://" not in match[0]:
            yield kind, value
            yield kind, unescaped(value)
    for match in _TOLD.finditer(text):
        kind = table.field_kind(match[1])
        if kind in _SURE:
            yield kind, match[2] or match[3] or match[4]
    if "</" in text:
        for match in _ELEMENT.finditer(text):
            kind = table.field_kind(match[1])
            if kind not in (None, table.PLAIN, table.VENDOR):
                yield kind, match[2]
    for name, value in _pairs(text):
        kind = table.setting_kind(name)
        if kind in _SURE:
            yield kind, value


def _value(match: re.Match[str]) -> str:
    """What stands beside a name; between quotes, as it is spelt there."""
    value: str = next(filter(None, match.groups()[1:]))
    return value


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names of settings and their values, as `<parameter name="…" value="…"/>` has them."""
    yield from ((match[2], match[3]) for match in _PAIR.finditer(text))
    yield from ((match[3], match[1]) for match in _TURNED.finditer(text))


def _inline_kind(name: str, *, is_sure: bool) -> str | None:
    """What stands after a name in a sentence: only what can be nothing else."""
    kind = table.field_kind(name)
    if kind in (table.SECRET, "token", "sim"):
        return kind
    return kind if kind in _SURE and is_sure else None


def named(text: str) -> Iterator[Sensitive]:
    """Names and values in a text whose structure cannot be trusted."""
    for match in _NAMED.finditer(text):
        kind, value = table.field_kind(match[1]), _value(match)
        if kind is not None and kind not in (table.PLAIN, table.VENDOR) and value not in "{[":
            yield kind, value
            yield kind, unescaped(value)
    for name, value in _pairs(text):
        kind = table.setting_kind(name)
        if kind is not None and kind not in (table.PLAIN, table.VENDOR):
            yield kind, value


def basic(word: str) -> Iterator[Sensitive]:
    """Of Basic credentials: who, the password, and the password as 1.6 writes the AuthorizationKey."""
    try:
        data = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
    except ValueError:
        return
    user, colon, password = data.partition(b":")
    if colon and user:
        yield "user", user.decode(errors="replace")
    if password:
        yield table.SECRET, password.decode(errors="replace")
        yield table.SECRET, password.hex()


def domains(text: str) -> Iterator[Sensitive]:
    """Host names that stand in a text without a scheme."""
    for match in _DOMAIN.finditer(text):
        yield from hosts(match[0])


def hosts(text: str) -> Iterator[Sensitive]:
    """Of what names a host, or several: `csms.example:443`, `[2001:db8::1]:80`, `10.0.0.1, 10.0.0.2`."""
    for part in re.split(r"[\s,;=\"]+", text):
        bare = part.partition("://")[2] or part
        bare = bare.rpartition("@")[2].partition("/")[0]
        if bare.startswith("["):
            bare = bare[1:].partition("]")[0]
        elif bare.count(":") == 1:
            bare = bare.partition(":")[0]
        if bare and _is_address(bare):
            yield "address", bare
        elif bare.lower() not in table.common() and re.search(r"[^\W\d_]", bare) and not _is_literal(bare):
            yield "host", bare
            yield from (
                ("host", label)
                for label in bare.split(".")[:-1]  # `acme` of csms.acme.example may stand alone elsewhere
                if len(label) > 3 and label.lower() not in table.common()
            )


def query(text: str) -> Iterator[Sensitive]:
    """The values of a query (without its question mark), and of a fragment behind it."""
    for part in re.split("[&;#]", text):
        name, equals, value = part.partition("=")
        value = value if equals else name
        if value:
            kind = table.SECRET if equals and table.is_secret_name(unquote(name)) else "query"
            yield kind, value
            yield kind, unquote(value)


def _path(text: str) -> Iterator[Sensitive]:
    """The parts of a path that are not usual ones."""
    for segment in text.split("/"):
        if segment.lower() not in table.kept_segments() and any(map(str.isalnum, segment)):
            yield "path", segment
            yield "path", unquote(segment)


def _of_url(login: str, host: str, rest: str) -> Iterator[Sensitive]:
    user, _, password = login.partition(":")
    for kind, value in (("user", user), (table.SECRET, password)):
        if value:
            yield kind, value
            yield kind, unquote(value)
    yield from hosts(host)
    path, _, more = rest.rstrip(".,;:!)]}").replace("#", "?", 1).partition("?")
    yield from _path(path)
    yield from query(more)


def with_logins(text: str, change: Callable[[str, str], str]) -> str:
    """A text with the users and passwords of its URLs changed where they stand, each by its kind."""
    parts, done = [], 0
    for match in _URL.finditer(text):
        if match[1]:
            user, colon, password = match[1].partition(":")
            start, end = match.span(1)
            parts += [text[done:start], change("user", user), colon, change(table.SECRET, password)]
            done = end
    return "".join([*parts, text[done:]])


def _is_literal(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    """Whether it is an address, and not one that everybody has."""
    return _is_literal(text) and not text.startswith(_HERE) and text not in ("::", "::1")
