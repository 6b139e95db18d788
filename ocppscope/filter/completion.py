"""What may be typed next. The parser says what it would take at the cursor; this puts names to it.

Only what is real is offered: names of the language, values that there are. How any other value is written is
told by `form`, and is never inserted.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from typing import Any, Final, NamedTuple

from ocppscope.filter.errors import FilterError, UnfitError
from ocppscope.filter.fields import FIELDS, PAYLOAD
from ocppscope.filter.kinds import ORDER, TEXTUAL
from ocppscope.filter.lexer import END, KEYWORD, PATH, STRING, WORD, Steps, Token, tokens
from ocppscope.filter.parser import FIELD, OPERATOR, TERM, VALUE, Parser, Want

Known = Mapping[str, Collection[str]]
"""Values that are known to occur, by field."""

_PATH: Final = re.compile(r"(?<![\w.-])(payload(?:\.[\w$-]+|\[[^\]]*\])*)\.([\w$-]*)$", re.IGNORECASE)
_BEGUN_STEP: Final = re.compile(r"\.|\[\s*(?:\*|-?\d{0,9})\s*")
_OPERATORS: Final = {
    "==": "equals",
    "!=": "has a value, and none that equals",
    "<": "is below, or before",
    "<=": "is at most",
    ">": "is above, or after",
    ">=": "is at least",
    "contains": "has the text in it",
    "matches": "fits the regular expression",
    "in": "is one of",
}
_FIELDS: Final = {
    **{name: field.help for name, field in FIELDS.items()},
    "payload.": "a field of the payload",
}
_TERMS: Final = {**_FIELDS, "has(": "a field has a value", "not": "the term does not hold"}
_TEXTUAL_FORMS: Final = {"contains": "a text", "matches": "a regular expression"}
_JSON_FORMS: Final = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "date-time": "a time: 10:15, 2026-11-22, 2026-11-22T10:15Z",
}


class Completion(NamedTuple):
    """A text to put in the place of what stands from `start` to the cursor, and what it means."""

    start: int
    text: str
    help: str


class _Offer(NamedTuple):
    """A name that may stand at a place."""

    name: str
    help: str
    is_value: bool = False
    is_exact: bool = False
    """Its case counts."""

    def goes_on(self, typed: str) -> bool:
        return self.name.lower().startswith(typed.lower())

    def is_meant(self, typed: str) -> bool:
        """Whether this is it already."""
        return self.name == typed if self.is_exact else self.name.lower() == typed.lower()


class _Around(NamedTuple):
    """What is known besides the place."""

    known: Known
    actions: frozenset[str]
    """That the filter names, in lower case."""


def complete(text: str, cursor: int, known: Known | None = None) -> list[Completion]:
    """What may be typed at the cursor.

    What goes on from a begun word comes in its place. A word that is whole already stays: what may stand
    after it comes first, with the space that it needs.

    Args:
        text: the filter.
        cursor: a place in it; what follows it does not count.
        known: values that are known to occur, by field: they are offered before all others.
    """
    around = _Around(known or {}, _named_actions(text))
    text = text[:cursor]
    start, typed, offers = _of_path(text, around) or _of_word(text, around)
    if not typed:
        return [Completion(start, offer.name, offer.help) for offer in offers] or _next(text, around)
    quote = typed[0] if typed[0] in "\"'" else ""
    word = typed[1:] if quote else typed
    begun = [offer for offer in offers if offer.goes_on(word) and (offer.is_value or not quote)]
    whole = [] if quote else [offer for offer in begun if offer.is_meant(word)]
    following = _next(text, around) if whole or not begun else []
    longer = [offer for offer in begun if offer not in whole]
    written = ((_written(offer, quote), offer.help) for offer in longer)
    return [*following, *(Completion(start, name, about) for name, about in written if name)]


def form(text: str, cursor: int) -> str:
    """How the value that is missing at the cursor, or begun there, is written: `a duration: 340ms, 10s`.

    Empty where there is none, where it is whole, and where the values to choose from say it.
    """
    around = _Around({}, _named_actions(text))
    start, wants = _place(text[:cursor])
    typed = text[start:cursor]
    for want in wants:
        if want.what == VALUE and not (typed and _fits(want, typed)):
            return _form(want, around)
    return ""


def is_unfinished(error: FilterError, known: Known | None = None) -> bool:
    """Whether what is wrong with a filter is only that it has not been typed to its end."""
    text, at = error.text, error.position
    if at >= len(text.rstrip()):
        return True
    rest = text[at:]
    if error.expected == (rest[0],) or rest in ("&", "|"):  # a quote is not closed
        return True
    if "[*]" in error.expected and _BEGUN_STEP.fullmatch(rest):
        return True
    if at + error.length < len(text):
        return False
    return bool(complete(text, len(text), known)) or _can_go_on(text)


# --- places ---


def _lexed(text: str) -> list[Token]:
    """The tokens up to what is none, without END."""
    try:
        return tokens(text)[:-1]
    except FilterError as error:
        return _lexed(text[: error.position]) if error.position < len(text) else []


def _place(text: str) -> tuple[int, list[Want]]:
    """Where the word that is being typed begins, and what may stand there: nothing after a mistake."""
    found, start = _lexed(text), len(text)
    try:
        tokens(text)
    except FilterError as error:  # it is half a string, or half an operator
        if error.position == len(text):
            return start, []
        start = error.position
    else:
        if found and found[-1].end == len(text) and _is_typed(found[-1]):
            start = found.pop().start
    wants = _wants(text, [*found, Token(END, "", start, start)])
    if start < len(text) and any(want.what == "and" for want in wants):
        wants.append(Want(TERM))  # terms may stand side by side
    return start, wants


def _is_typed(token: Token) -> bool:
    """Whether more may be typed to a token."""
    return (
        token.kind in (WORD, KEYWORD) or token.text in ("<", ">") or (token.kind == PATH and not token.steps)
    )


def _wants(text: str, of: list[Token]) -> list[Want]:
    """What may stand at the end of the tokens."""
    parser = Parser(text, of)
    try:
        parser.parse()
    except FilterError as error:
        if error.position != of[-1].start:
            return []
    return parser.wants


def _next(text: str, around: _Around) -> list[Completion]:
    """What may stand after the text, and the space that it needs."""
    try:
        found = tokens(text)
    except FilterError:
        return []
    is_close = not text or text[-1].isspace() or text[-1] in "(!"
    completions = []
    for want in _wants(text, found):
        for offer in _offers(want, around):
            if name := _written(offer, ""):
                space = "" if is_close or name in (")", ",") else " "
                completions.append(Completion(len(text), space + name, offer.help))
    return completions


def _of_word(text: str, around: _Around) -> tuple[int, str, list[_Offer]]:
    start, wants = _place(text)
    if start == len(text):
        return start, "", []
    return start, text[start:], [offer for want in wants for offer in _offers(want, around)]


def _of_path(text: str, around: _Around) -> tuple[int, str, list[_Offer]] | None:
    match = _PATH.search(text)
    if match is None:
        return None
    try:
        tokens(text[: match.start()])  # it may be in a text
        steps = tokens(match[1])[0].steps
    except FilterError:
        return None
    names: dict[str, dict[str, None]] = {}
    for action, node in _nodes(steps, around):
        for name in node.get("properties", ()):
            names.setdefault(name, {})[action] = None
    offers = [_Offer(name, _few(names[name]), is_exact=True) for name in sorted(names)]
    return match.start(2), match[2], offers


def _named_actions(text: str) -> frozenset[str]:
    """The actions that a filter asks for, in lower case."""
    found = _lexed(text)
    named: list[Token] = []
    for at, token in enumerate(found):
        is_denied = at and found[at - 1].text == "not"
        if token.kind != WORD or token.text.lower() != "action" or is_denied:
            continue
        operation = found[at + 1].text if at + 1 < len(found) else ""
        if operation == "==":
            named += found[at + 2 : at + 3]
        elif operation == "in":
            named += takewhile(lambda one: one.text != ")", found[at + 2 :])
    return frozenset(token.text.lower() for token in named if token.kind in (WORD, STRING))


# --- names ---


def _offers(want: Want, around: _Around) -> Iterator[_Offer]:
    if want.what == VALUE:
        is_exact = want.field is PAYLOAD
        for name, about in _values(want, around).items():
            yield _Offer(name, about, is_value=True, is_exact=is_exact)
        return
    if want.what in (TERM, FIELD):
        names: Mapping[str, str] = _TERMS if want.what == TERM else _FIELDS
    elif want.what == OPERATOR and want.field is not None:
        names = {name: _OPERATORS[name] for name in want.field.kind.operators}
    else:
        names = {want.what: ""}
    for name, about in names.items():
        yield _Offer(name, about)


def _values(want: Want, around: _Around) -> Mapping[str, str]:
    """The values that there are, those that are known to occur first."""
    assert want.field is not None
    if want.operation == "matches":
        return {}
    if want.field is PAYLOAD:
        return {} if want.operation in ORDER else _payload_values(want.steps, around)
    choices = want.field.kind.choices()
    known = {name: choices.get(name, "") for name in sorted(around.known.get(want.field.name, ()))}
    return {name: about for name, about in (known | {**choices}).items() if _fits(want, name)}


def _fits(want: Want, text: str) -> bool:
    """Whether a text is such a value."""
    assert want.field is not None
    if want.operation in TEXTUAL:
        return True
    try:
        want.field.kind.read(Token(WORD, text, 0, len(text)), want.operation)
    except UnfitError:
        return False
    return True


def _written(offer: _Offer, quote: str) -> str:
    """A name as a filter takes it: in quotes where one stands already or it needs them; empty if none takes it."""
    name = offer.name
    if not offer.is_value:
        return name
    if not name.isprintable():
        return ""
    if not quote:
        found = _lexed(name)
        if len(found) == 1 and found[0].kind == WORD and found[0].text == name:
            return name
        quote = '"'
    escaped = name.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _form(want: Want, around: _Around) -> str:
    assert want.field is not None
    kind = want.field.kind
    if want.operation in TEXTUAL:
        return _TEXTUAL_FORMS[want.operation]
    if want.field is PAYLOAD and (nodes := _nodes(want.steps, around)):
        types = {_type(node) for _, node in nodes} - {""}
        if types <= {*_JSON_FORMS}:
            return "; ".join(_JSON_FORMS[one] for one in _JSON_FORMS if one in types)
    if kind.examples:
        return f"{kind.name}: {', '.join(kind.examples)}"
    return "" if kind.choices() else kind.name


def _can_go_on(text: str) -> bool:
    """Whether the value that is being typed is the beginning of one: some example ends as it could."""
    start, wants = _place(text)
    typed = text[start:]
    return any(
        _fits(want, typed + example[at:])
        for want in wants
        if want.what == VALUE and want.field is not None
        for example in want.field.kind.examples
        for at in range(len(example))
    )


# --- payloads ---


def _payload_values(steps: Steps, around: _Around) -> dict[str, str]:
    """The values that the schemas name at a path, and the actions that have them; first those of known actions."""
    found: dict[str, dict[str, None]] = {}
    for action, node in _nodes(steps, around):
        for value in ("true", "false") if node.get("type") == "boolean" else node.get("enum", ()):
            found.setdefault(str(value), {})[action] = None
    occurring = {*around.known.get("action", ())}
    names = sorted(found, key=lambda name: (occurring.isdisjoint(found[name]), name == "false", name))
    return {name: _few(found[name]) for name in names}


def _type(node: dict[str, Any]) -> str:
    """A type, or `date-time`; empty where the values are offered."""
    if "enum" in node or node.get("type") == "boolean":
        return ""
    return "date-time" if node.get("format") == "date-time" else str(node.get("type"))


def _few(actions: Iterable[str]) -> str:
    actions = list(actions)
    return ", ".join(actions[:3]) + (" …" if len(actions) > 3 else "")


def _nodes(steps: Steps, around: _Around) -> list[tuple[str, dict[str, Any]]]:
    """What the schemas say of a path: those of the actions that the filter names, if they have it, else all."""
    found = [(action, node) for action, root in _schemas() if (node := _node(root, steps))]
    return [one for one in found if one[0].lower() in around.actions] or found


@cache
def _schemas() -> tuple[tuple[str, dict[str, Any]], ...]:
    from ocppscope.events import CALL, CALLRESULT, SEND
    from ocppscope.ocpp.actions import BY_SENDER, actions_of
    from ocppscope.ocpp.schemas import schema

    return tuple(
        (action, found)
        for version in BY_SENDER
        for action in sorted(actions_of(version))
        for kind in (CALL, CALLRESULT, SEND)
        if (found := schema(version, kind, action))
    )


def _node(root: dict[str, Any], steps: Steps) -> dict[str, Any]:
    """What a schema says of a path; nothing where it does not have it."""
    node = _inside(root, root)
    for step in steps:
        if isinstance(step, str):
            node = _inside(node.get("properties", {}).get(step, {}), root)
    return node


def _inside(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """What a reference, or an array, is about."""
    while "$ref" in node or "items" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node["items"]
    return node
