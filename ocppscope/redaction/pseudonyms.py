"""Values of the same form and length in place of those that tell who somebody is.

Letters become letters of the same case, digits digits; what is hexadecimal stays so, addresses stay addresses, and
what separates stays. The seed keys an HMAC: without it nobody can go back, nor test a guess.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Final

RUN: Final = 4
"""Characters of an original that may not stand in a row in what replaces it."""
_STRICT: Final = 64
_LONG: Final = 200
_LOOSE: Final = 256
_LATIN: Final = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþ"
"""Letters of two bytes that have a capital of two bytes."""
_HEX: Final = re.compile(r"(?=[^a-f]*[a-f])[0-9a-f]+(?:[:. _-][0-9a-f]+)*")
_PRIVATE: Final = re.compile(r"10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|169\.254\.|127\.")
_IPV4: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_TOP_LEVEL: Final = 3


def fold(text: str) -> str:
    """A text in lower case, of the same length."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def cased(new: str, old: str) -> str:
    """A text with the capitals of another one of the same length."""
    if old == old.lower():
        return new
    return "".join(
        big if was.isupper() and len(big := char.upper()) == 1 else char
        for char, was in zip(new, old, strict=True)
    )


class Pseudonyms:
    """Maps each value to another one, and no two to the same.

    Args:
        seed: with the same seed and the same values come the same pseudonyms; None: drawn at random.
    """

    def __init__(self, seed: str | None = None) -> None:
        self._key = hashlib.sha256((seed if seed is not None else secrets.token_hex(32)).encode()).digest()
        self._coined: dict[str, str] = {}
        self._used: set[str] = set()
        self._originals: dict[str, set[str]] = {}
        """Values by their first characters: none of them may turn up in a pseudonym."""

    def assign(self, values: Iterable[tuple[str, str]]) -> None:
        """Coin for a whole capture at once: the order in which its values came does not matter.

        Args:
            values: kinds and values.
        """
        kinds = {fold(value): kind for kind, value in values if value}
        for value in kinds:
            self._originals.setdefault(value[:RUN], set()).add(value)
        for value, kind in sorted(kinds.items()):
            self._of(kind, value)

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of a value, in its capitals."""
        return cased(self._of(kind, fold(value)), value)

    def _of(self, kind: str, value: str) -> str:
        known = self._coined.get(value)
        if known is None:
            known = self._coined[value] = self._coin(kind, value)
            self._used.add(known)
        return known

    def _coin(self, kind: str, value: str) -> str:
        form = _Form(kind, value)
        best = None
        # In a long one a few characters that are the same are chance, and no attempt is without.
        strict = _STRICT if len(value) <= _LONG else 1
        for attempt in range(strict + _LOOSE):
            candidate = form.fill(self._stream(kind, value, attempt))
            if candidate in self._used or candidate == value or not form.admits(candidate):
                continue
            if not self._reveals(form, candidate):
                return candidate
            best = best or candidate
            if attempt + 1 >= strict:
                break
        # Of a form that has few values, which are all used but for some; the last of them may be the value itself.
        return best or next(one for one in form.all() if one not in self._used)

    def _stream(self, kind: str, value: str, attempt: int) -> Iterator[int]:
        said = f"{kind}\0{value}\0{attempt}".encode(errors="surrogatepass")
        for block in count():
            yield from hmac.digest(self._key, said + block.to_bytes(4, "big"), "sha256")

    def _reveals(self, form: "_Form", candidate: str) -> bool:
        """Whether part of its original, or a whole other one, stands in a candidate."""
        if candidate in self._originals.get(candidate[:RUN], ()):
            return True
        for at in range(len(candidate) - RUN + 1):
            run = candidate[at : at + RUN]
            if run in form.runs and form.is_free(at, at + RUN):
                return True
            if any(len(one) >= RUN and candidate.startswith(one, at) for one in self._originals.get(run, ())):
                return True
        return False


class _Form:
    """What a pseudonym of a value may be: what to choose from, at each place."""

    def __init__(self, kind: str, value: str) -> None:
        self.runs = {value[at : at + RUN] for at in range(len(value) - RUN + 1)}
        self._value = value
        self._is_ipv4 = _IPV4.fullmatch(value) is not None
        self._choices: list[Sequence[str]]
        self._kept = 0
        """Characters at the start that stay."""
        if self._is_ipv4:
            self._take_address(value)
            return
        is_hex = _HEX.fullmatch(value) is not None and (any(map(str.isdigit, value)) or len(value) >= 8)
        self._choices = [_choices(char, "abcdef" if is_hex else _LETTERS) for char in value]
        if is_hex and value.startswith("fe80:"):
            self._keep(5)
        elif value.removeprefix("-").isdecimal():  # it may be a number
            first = len(value) - len(value.removeprefix("-"))
            self._choices[first] = "0" if value[first] == "0" else "123456789"
        host, dot, top = value.rpartition(".")
        if kind == "host" and dot and host and top.isalpha() and len(top) <= _TOP_LEVEL:
            self._choices[len(host) :] = list(value[len(host) :])

    def _take_address(self, value: str) -> None:
        octets = value.split(".")
        self._choices = []
        for octet in octets:
            self._choices += [_OCTETS.get(len(octet), (octet,)), "."]
        self._choices.pop()
        if private := _PRIVATE.match(value):  # what is private stays so
            self._kept = private.end()
            fixed = private[0].count(".")
            self._choices[: 2 * fixed] = [*value[: self._kept]]

    def _keep(self, count: int) -> None:
        self._kept = count
        self._choices[:count] = list(self._value[:count])

    def fill(self, stream: Iterator[int]) -> str:
        return "".join(
            choice[0] if len(choice) == 1 else choice[(next(stream) << 8 | next(stream)) % len(choice)]
            for choice in self._choices
        )

    def admits(self, candidate: str) -> bool:
        """Whether it is what its form says."""
        return not self._is_ipv4 or bool(_PRIVATE.match(candidate)) == bool(self._kept)

    def is_free(self, start: int, end: int) -> bool:
        """Whether something between two places could be another character."""
        if self._is_ipv4:
            return start >= self._kept
        return any(len(choice) > 1 for choice in self._choices[start:end])

    def all(self) -> Iterator[str]:
        """Every value of this form, the last places first; the value itself is one of them."""
        for number in count():
            made, rest = [], number
            for choice in reversed(self._choices):
                rest, digit = divmod(rest, len(choice))
                made.append(choice[digit])
            if rest:
                return
            yield "".join(reversed(made))


_OCTETS: Final[Mapping[int, Sequence[str]]] = {
    1: [str(octet) for octet in range(10)],
    2: [str(octet) for octet in range(10, 100)],
    3: [str(octet) for octet in range(100, 256)],
}
_DIGITS: Final = "0123456789"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def _choices(char: str, letters: str) -> str:
    if char in _DIGITS:
        return _DIGITS
    if char in _LETTERS:
        return letters
    if not char.isalnum():
        return char
    return _LATIN if "ß" <= char <= "ÿ" else _near(char)


def _near(char: str) -> str:
    """Letters or digits of the same category, and of the same size in UTF-8."""
    kind, start = unicodedata.category(char), ord(char) & ~0x3F
    near = map(chr, range(start, start + 0x40))
    return "".join(one for one in near if unicodedata.category(one) == kind and len(fold(one)) == 1) or char


def removed(value: str) -> str:
    """What stands where a secret was."""
    return "*" * len(value)
