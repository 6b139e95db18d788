"""Text out of a capture, before it is shown."""

import re
from typing import Final

_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # lines and the direction of text
    "\ud800-\udfff]"  # halves of characters, which no terminal can be sent
)


def visible(text: str) -> str:
    """A text from a capture in one line, its control characters as pictures: it must not move the cursor."""
    return text if text.isprintable() else _CONTROL.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "\ufffd"
