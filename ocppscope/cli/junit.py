"""The parts of a JUnit report: text in XML 1.0."""

import html
import re
from typing import Final

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def attribute(value: str) -> str:
    """The value of an attribute, with its quotes."""
    return f'"{body(value)}"'


def body(value: str) -> str:
    """Text, without the characters that XML 1.0 cannot hold."""
    return html.escape(_NOT_XML.sub("\ufffd", value))
