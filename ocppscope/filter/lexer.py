"""From the text of a filter to its tokens."""

import re
from typing import Final, NamedTuple, NoReturn, TypeAlias

from ocppscope.filter.errors import FilterError

MAX_LENGTH: Final = 10_000

WORD: Final = "word"
STRING: Final = "string"
PATH: Final = "path"
KEYWORD: Final = "keyword"
SYMBOL: Final = "symbol"
END: Final = "end"

KEYWORDS: Final = frozenset({"and", "or", "not", "in", "contains", "matches", "has"})
_SPELT: Final = {"&&": "and", "||": "or", "!": "not"}

Steps: TypeAlias = tuple[str | int | None, ...]
"""A path into a payload: keys, indexes, and None for any item."""


class Token(NamedTuple):
    """A piece of a filter."""

    kind: str
    text: str
    """Of a string what is between the quotes; of a keyword or a symbol its usual spelling."""
    start: int
    end: int
    steps: Steps = ()
    """Of a path."""


_SPACE: Final = re.compile(r"\s*")
_SYMBOL: Final = re.compile(r"==|!=|<=|>=|&&|\|\||[<>()!,]")
_MISSPELT: Final = re.compile(r"=~|[=&|]")
_MEANT: Final = {"=~": "matches", "=": "==", "&": "and", "|": "or"}
_WORD: Final = re.compile(r"""[^\s()\[\],"'=!<>&|]+""")
_STRING: Final = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL)
_ESCAPE: Final = re.compile(r"""\\(["'\\])""")
_NAME: Final = re.compile(r"\.([\w$-]+)")
_INDEX: Final = re.compile(r"\[\s*(?:(\*)|(-?\d{1,9}))\s*\]")
_PAYLOAD: Final = re.compile(r"payload(?=[.\[\s()\],=!<>&|]|$)", re.IGNORECASE)


def tokens(text: str) -> list[Token]:
    """The tokens of a filter; the last one is END.

    Raises:
        FilterError: it is too long, or has a character or a quote that belongs nowhere.
    """
    if len(text) > MAX_LENGTH:
        message = f"the filter has {len(text):,} characters, {MAX_LENGTH:,} are allowed"
        raise FilterError(message, text, MAX_LENGTH)
    for at, char in enumerate(text) if not text.isprintable() else ():
        if char == "\0" or "\ud800" <= char <= "\udfff":  # SQLite takes neither
            raise FilterError(f"the character {ord(char):04X} cannot be in a filter", text, at)
    found: list[Token] = []
    at = _skip(text, 0)
    while at < len(text):
        found.append(_token(text, at))
        at = _skip(text, found[-1].end)
    found.append(Token(END, "", len(text), len(text)))
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match
    return match.end()


def _token(text: str, at: int) -> Token:
    if match := _SYMBOL.match(text, at):
        spelt = _SPELT.get(match[0])
        return Token(KEYWORD if spelt else SYMBOL, spelt or match[0], at, match.end())
    if match := _MISSPELT.match(text, at):
        right = _MEANT[match[0]]
        raise FilterError(f"{match[0]} is no operator: write {right}", text, at, len(match[0]), (right,))
    if text[at] in "\"'":
        value, end = _string(text, at)
        return Token(STRING, value, at, end)
    if _PAYLOAD.match(text, at):
        return _path(text, at)
    match = _WORD.match(text, at)
    if match is None:
        raise FilterError(f"{text[at]} stands in payload paths only: put the text in quotes", text, at)
    word = match[0].lower()
    if word in KEYWORDS:
        return Token(KEYWORD, word, at, match.end())
    return Token(WORD, match[0], at, match.end())


def _string(text: str, at: int) -> tuple[str, int]:
    """What is between quotes, and where it ends. A backslash stays, but before a quote or another one."""
    match = _STRING.match(text, at)
    if match is None:
        raise FilterError("the quote is not closed", text, at, len(text) - at, (text[at],))
    return _ESCAPE.sub(r"\1", match[2]), match.end()


def _path(text: str, start: int) -> Token:
    at = start + len("payload")
    steps: list[str | int | None] = []
    while at < len(text):
        if match := _NAME.match(text, at):
            steps.append(match[1])
        elif match := _INDEX.match(text, at):
            steps.append(None if match[1] else int(match[2]))
        elif text[at : at + 2] in ('["', "['"):
            key, at = _string(text, at + 1)
            steps.append(key)
            if text[at : at + 1] != "]":
                _bad_path(text, at, "]")
            at += 1
            continue
        else:
            break
        at = match.end()
    if _WORD.match(text, at) or text[at : at + 1] in ("[", '"', "'"):
        _bad_path(text, at, ".name", "[*]", "[0]", '["key"]')
    return Token(PATH, text[start:at], start, at, tuple(steps))


def _bad_path(text: str, at: int, *expected: str) -> NoReturn:
    raise FilterError("this is no path into a payload", text, at, 1, expected)
