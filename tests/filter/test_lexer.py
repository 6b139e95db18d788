import pytest

from ocppscope.filter.errors import FilterError
from ocppscope.filter.lexer import END, KEYWORD, MAX_LENGTH, PATH, STRING, SYMBOL, WORD, tokens


def lexed(text):
    return [(token.kind, token.text) for token in tokens(text)[:-1]]


def test_words_keep_what_names_and_times_have_in_them():
    for word in (
        "RPC-004",
        "2.0.1",
        "cp-to-csms",
        "10:15:30.250",
        "2026-11-22T10:15:00+01:00",
        "a/b",
        "*x",
        "Ü",
    ):
        assert lexed(word) == [(WORD, word)]


def test_symbols_need_no_spaces():
    assert lexed("latency>=10s") == [(WORD, "latency"), (SYMBOL, ">="), (WORD, "10s")]
    assert lexed("!(a&&b||c)") == [
        (KEYWORD, "not"),
        (SYMBOL, "("),
        (WORD, "a"),
        (KEYWORD, "and"),
        (WORD, "b"),
        (KEYWORD, "or"),
        (WORD, "c"),
        (SYMBOL, ")"),
    ]


def test_keywords_have_no_case():
    assert lexed("AND Or nOT Contains")[0] == (KEYWORD, "and")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a b"', "a b"),
        ("'a \"b\"'", 'a "b"'),
        (r'"a \"b\" \\ c"', r'a "b" \ c'),
        (r'"\d+\.\w"', r"\d+\.\w"),
        ('""', ""),
    ],
)
def test_strings(text, value):
    assert lexed(text) == [(STRING, value)]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("payload", ()),
        ("payload.a.b", ("a", "b")),
        ("PAYLOAD.connectorId", ("connectorId",)),
        ("payload.meterValue[*].sampledValue[ 0 ].x", ("meterValue", None, "sampledValue", 0, "x")),
        ("payload[-1]", (-1,)),
        ('payload["strange key"].x', ("strange key", "x")),
        (r"payload['a\'b']['c']", ("a'b", "c")),
        ("payload.x-y.$z", ("x-y", "$z")),
    ],
)
def test_paths(text, steps):
    (token, end) = tokens(text)
    assert (token.kind, token.text, token.steps) == (PATH, text, steps)
    assert end == (END, "", len(text), len(text), ())


def test_a_path_ends_where_an_operator_begins():
    assert lexed("payload.a==1")[0] == (PATH, "payload.a")
    assert lexed("has(payload.a)")[2] == (PATH, "payload.a")


def test_words_that_only_begin_like_a_path():
    assert lexed("payloads") == [(WORD, "payloads")]


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("action = x", 7, "= is no operator: write =="),
        ("a & b", 2, "& is no operator: write and"),
        ("a =~ b", 2, "=~ is no operator: write matches"),
        ('a "bc', 2, "the quote is not closed"),
        ("payload.", 7, "this is no path into a payload"),
        ("payload.a[x]", 9, "this is no path into a payload"),
        ('payload["a"', 11, "this is no path into a payload"),
        ("payload.a.[0]", 9, "this is no path into a payload"),
        ("a[0]", 1, "[ stands in payload paths only: put the text in quotes"),
        ("a\0", 1, "the character 0000 cannot be in a filter"),
        ("a \udc80", 2, "the character DC80 cannot be in a filter"),
        ("a" * (MAX_LENGTH + 1), MAX_LENGTH, "the filter has 10,001 characters, 10,000 are allowed"),
    ],
)
def test_mistakes(text, position, message):
    with pytest.raises(FilterError) as caught:
        tokens(text)
    assert (caught.value.position, caught.value.message) == (position, message)
