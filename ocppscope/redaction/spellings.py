"""Texts within texts: in base64, in hexadecimal, with percents as in URLs, with escapes as in JSON.

What is changed in them is spelt again as it was, and is as long as it was.
"""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ocppscope.redaction.scan import percent_decoded, percent_respelt, respelt, unescaped

Change: TypeAlias = Callable[[str], str]
"""Replaces what was collected in a text, and keeps its length."""

_SHORTEST: Final = 4
"""Bytes that a text has at least."""
_CLEAR: Final = 6
"""Bytes from which on something that can be read is taken for a text, though nothing of it is known."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_HEX: Final = re.compile(r"(?<![0-9a-wyz])[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2}){3,}(?![0-9a-z])", re.IGNORECASE)
_DIGIT: Final = re.compile(r"[0-9a-f]", re.IGNORECASE)


def inner_texts(text: str) -> Iterator[str]:
    """Yield what a text says in base64 or hexadecimal, as far as it can be read."""
    for match in _HEX.finditer(text):
        yield from _readable(_unhexed(match[0]))
    for match in _BASE64.finditer(text):
        yield from _readable(_decoded(match[0]))


def _readable(data: bytes) -> Iterator[str]:
    if len(data) < _CLEAR:
        return
    try:
        inner = data.decode()
    except UnicodeDecodeError:
        return
    if all(char.isprintable() or char in "\r\n\t" for char in inner):
        yield inner


def rewritten(text: str, known: Change, inside: Change) -> str:
    """A text with what is spelt otherwise in it changed.

    Args:
        text: any.
        known: for what can be no text by itself.
        inside: for what can be one.
    """
    if "%" in text:
        text = percent_respelt(text, known(percent_decoded(text)))
    if "\\" in text:
        text = respelt(text, known(unescaped(text)))
    text = _HEX.sub(lambda match: _hexed(match[0], known, inside), text)
    return _BASE64.sub(lambda match: _encoded(match[0], known, inside), text)


def _changed(data: bytes, known: Change, inside: Change) -> bytes | None:
    """Some bytes with their text changed; None where nothing in it is."""
    change = inside if any(_readable(data)) else known
    text = data.decode(errors="surrogateescape")
    new = change(text)
    if new == text:
        return None
    changed = new.encode(errors="surrogateescape")
    return changed if len(changed) == len(data) else None


# --- hexadecimal ---


def _unhexed(text: str) -> bytes:
    return bytes.fromhex(re.sub("[ :-]", "", text))


def _hexed(text: str, known: Change, inside: Change) -> str:
    new = _changed(_unhexed(text), known, inside)
    if new is None:
        return text
    digits = iter(new.hex().upper() if text == text.upper() else new.hex())
    return _DIGIT.sub(lambda _: next(digits), text)


# --- base64 ---


def _decoded(text: str) -> bytes:
    """What base64 means, of either alphabet, with or without its padding."""
    bare = text.rstrip("=").translate(_STANDARD)
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    return base64.b64decode(bare + "=" * (-len(bare) % 4))


_STANDARD: Final = str.maketrans("-_", "+/")
_OF_URLS: Final = str.maketrans("+/", "-_")


def _encoded(text: str, known: Change, inside: Change) -> str:
    """Base64 of a changed text; where it begins is not known if other letters stand in front of it."""
    for start in range(4):
        piece = text[start:].rstrip("=")
        piece = piece[: len(piece) - (len(piece) % 4 == 1)]
        data = _decoded(piece)
        if len(data) < _SHORTEST:
            return text
        new = _changed(data, known, known if start else inside)
        if new is not None:
            spelt = base64.b64encode(new).decode().rstrip("=")
            if "-" in piece or "_" in piece:
                spelt = spelt.translate(_OF_URLS)
            return text[:start] + spelt + text[start + len(piece) :]
    return text
