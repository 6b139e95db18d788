"""From the tokens of a filter to its tree.

    or    = and ("or" and)*
    and   = not ("and"? not)*
    not   = "not" not | "(" or ")" | "has" "(" field ")" | term
    term  = field operator value | field "not"? "in" "(" value ("," value)* ")" | word

At each place the parser notes what it would take there: a mistake shows it as what was expected, and
completion offers it.
"""

from typing import Any, Final, NamedTuple, NoReturn

from ocppscope.filter.errors import FilterError, UnfitError, meant, short
from ocppscope.filter.fields import FIELDS, PAYLOAD, Field
from ocppscope.filter.kinds import EQUAL, ORDER, TEXTUAL, Text, pattern
from ocppscope.filter.lexer import END, KEYWORD, PATH, STRING, SYMBOL, WORD, Steps, Token, tokens
from ocppscope.filter.tree import And, Comparison, Has, Node, Not, Or, Word

MAX_DEPTH: Final = 20
"""Of parentheses and `not`: SQLite's own parser takes little more."""

TERM: Final = "term"
FIELD: Final = "field"
OPERATOR: Final = "operator"
VALUE: Final = "value"

_SYMBOLS: Final = frozenset({*EQUAL[:2], *ORDER})
_WORDS: Final = frozenset({*TEXTUAL, "in"})
_EXPECTED: Final = {TERM: ("a field", "a word", "has(…)", "not", "("), FIELD: ("a field",)}


class Want(NamedTuple):
    """What may stand at a place: TERM, FIELD, OPERATOR or VALUE of a field, or the text of a token."""

    what: str
    field: Field | None = None
    steps: Steps = ()
    """Of a value that is compared with what stands at a path."""
    operation: str = ""
    """Of a value: what it is compared by."""

    @property
    def names(self) -> tuple[str, ...]:
        """It in words."""
        if self.field is None:
            return _EXPECTED.get(self.what, (self.what,))
        kind = self.field.kind
        if self.what == OPERATOR:
            return kind.operators
        return (kind.name,) if isinstance(kind, Text) else (*kind.choices(), *kind.examples)


class Parser:
    """Parses one filter.

    Attributes:
        wants: what may stand at the place that it has come to.
    """

    def __init__(self, text: str, of: list[Token]) -> None:
        self._text = text
        self._tokens = of
        self._at = 0
        self._depth = 0
        self.wants: list[Want] = []

    def parse(self) -> Node:
        """The tree.

        Raises:
            FilterError: the tokens are no filter.
        """
        if self._next.kind == END:
            self._want(TERM)
            self._fail("the filter is empty")
        node = self._or()
        if self._next.kind != END:
            self._fail(f"{self._shown()} does not belong here")
        return node

    # --- tokens ---

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _want(self, what: str, field: Field | None = None, steps: Steps = (), operation: str = "") -> None:
        self.wants.append(Want(what, field, steps, operation))

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        self.wants.clear()
        return token

    def _accept(self, text: str) -> bool:
        """Take a keyword or a symbol, if it is the next token."""
        self._want(text)
        token = self._next
        if token.kind not in (KEYWORD, SYMBOL) or token.text != text:
            return False
        self._take()
        return True

    def _require(self, text: str) -> None:
        if not self._accept(text):
            self._fail(f"{self._found()} where {text} is missing")

    def _shown(self) -> str:
        token = self._next
        return short(self._text[token.start : token.end])

    def _found(self) -> str:
        return "the filter ends" if self._next.kind == END else f"{self._shown()} stands"

    def _fail(
        self, message: str, token: Token | None = None, expected: tuple[str, ...] | None = None
    ) -> NoReturn:
        token = token or self._next
        if expected is None:
            expected = tuple(dict.fromkeys(name for want in self.wants for name in want.names))
        raise FilterError(message, self._text, token.start, token.end - token.start, expected)

    # --- grammar ---

    def _or(self) -> Node:
        parts = [self._and()]
        while self._accept("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._accept("and") or self._begins_term():
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _begins_term(self) -> bool:
        token = self._next
        return token.kind in (WORD, STRING, PATH) or token.text in ("not", "has", "(")

    def _not(self) -> Node:
        self._want(TERM)
        token = self._next
        if token.kind not in (KEYWORD, SYMBOL):
            return self._term()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"this nests more than {MAX_DEPTH} deep", expected=())
        node = self._nested(token.text)
        self._depth -= 1
        return node

    def _nested(self, text: str) -> Node:
        if text not in ("not", "(", "has"):
            self._fail(f"{self._found()} where a term is missing")
        self._take()
        if text == "not":
            return Not(self._not())
        if text == "has":
            return self._has()
        node = self._or()
        self._require(")")
        return node

    def _has(self) -> Node:
        self._require("(")
        self._want(FIELD)
        token = self._next
        if token.kind not in (WORD, PATH):
            self._fail("has(…) takes a field")
        field = self._field(self._take())
        self._require(")")
        return Has(field, token.steps)

    def _term(self) -> Node:
        token = self._next
        if token.kind not in (WORD, STRING, PATH):
            self._fail(f"{self._found()} where a term is missing")
        self._take()
        if token.kind == PATH:
            self._want(OPERATOR, PAYLOAD)
        elif token.kind == WORD and token.text.lower() in FIELDS:
            self._want(OPERATOR, FIELDS[token.text.lower()])
        found = self._operator()
        if found is None:
            if token.steps:
                path = short(token.text)
                self._fail(f"{path} is not compared with anything: write an operator, or has({path})")
            return Word(token.text)
        if token.kind == STRING:
            self._fail("a text in quotes is no field", token, tuple(FIELDS))
        operator, turned = found
        comparison = self._comparison(self._field(token), token, operator)
        return Not(comparison) if turned else comparison

    def _field(self, token: Token) -> Field:
        if token.kind == PATH:
            return PAYLOAD
        field = FIELDS.get(token.text.lower())
        if field is None:
            names = (*FIELDS, "payload.…")
            self._fail(f"there is no field {short(token.text)}{meant(token.text, FIELDS)}", token, names)
        return field

    def _operator(self) -> tuple[Token, bool] | None:
        """Take an operator, if one is next; and whether `not` stood before it."""
        token = self._next
        if token.kind == KEYWORD and token.text == "not":
            after = self._tokens[self._at + 1]
            if after.kind == KEYWORD and after.text in _WORDS:
                self._take()
                return self._take(), True
            return None
        if token.text not in (_SYMBOLS if token.kind == SYMBOL else _WORDS if token.kind == KEYWORD else ()):
            return None
        return self._take(), False

    def _comparison(self, field: Field, named: Token, operator: Token) -> Comparison:
        kind, operation = field.kind, operator.text
        if operation not in kind.operators:
            message = f"{operation} does not go with {short(named.text)}, which is {kind.name}"
            self._fail(message, operator, kind.operators)
        steps = named.steps
        literals = self._list(field, steps) if operation == "in" else (self._value(field, steps, operation),)
        return Comparison(field, steps, operation, literals)

    def _list(self, field: Field, steps: Steps) -> tuple[Any, ...]:
        self._require("(")
        values = [self._value(field, steps, "==")]
        while self._accept(","):
            values.append(self._value(field, steps, "=="))
        self._require(")")
        return tuple(values)

    def _value(self, field: Field, steps: Steps, operation: str) -> Any:
        self._want(VALUE, field, steps, operation)
        token = self._next
        if token.steps:
            self._fail(f"{self._shown()} is a path where a value is missing: put a text in quotes")
        if token.kind not in (WORD, STRING, PATH):
            self._fail(f"{self._found()} where a value is missing")
        try:
            literal = self._literal(field, operation, token)
        except UnfitError as error:
            self._fail(str(error), token, error.expected)
        self._take()
        return literal

    def _literal(self, field: Field, operation: str, token: Token) -> Any:
        if operation == "contains":
            return token.text
        if operation == "matches":
            return pattern(token)
        return field.kind.read(token, operation)


def parse(text: str) -> Node:
    """Parse a filter.

    Raises:
        FilterError: it is none.
    """
    return Parser(text, tokens(text)).parse()
