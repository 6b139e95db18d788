import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.filter import FilterError, parse
from ocppscope.filter.tree import And, Comparison, Has, Not, Or, Word


def shown(node):
    """A tree as a text with all its parentheses."""
    if isinstance(node, Or | And):
        return f"({f' {type(node).__name__.lower()} '.join(map(shown, node.parts))})"
    if isinstance(node, Not):
        return f"not {shown(node.part)}"
    if isinstance(node, Word):
        return node.text
    if isinstance(node, Has):
        return f"has({node.field.name})"
    assert isinstance(node, Comparison)
    return f"{node.field.name} {node.operator}"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", "a"),
        ("a b c", "(a and b and c)"),
        ("a or b and c or d", "(a or (b and c) or d)"),
        ("a b or c", "((a and b) or c)"),
        ("not a b", "(not a and b)"),
        ("a not b", "(a and not b)"),
        ("not not a", "not not a"),
        ("not (a or b) c", "(not (a or b) and c)"),
        ("(a or b) (c)", "((a or b) and c)"),
        ("!a && b || c", "((not a and b) or c)"),
        ("a OR b And c", "(a or (b and c))"),
        ("action == x y", "(action == and y)"),
        ("ACTION == and_more", "action =="),
        ("action in (a, b) c", "(action in and c)"),
        ("action not in (a)", "not action in"),
        ("action not contains a", "not action contains"),
        ("Heartbeat not action == x", "(Heartbeat and not action ==)"),
        ("has(Latency) and HAS(payload.x)", "(has(latency) and has(payload))"),
        ("action session", "(action and session)"),
        ("payload", "payload"),
        ('"not" "("', "(not and ()"),
        ("error error == x", "(error and error ==)"),
    ],
)
def test_trees(text, tree):
    assert shown(parse(text).tree) == tree


@pytest.mark.parametrize(
    ("text", "position", "length", "message", "expected"),
    [
        ("", 0, 1, "the filter is empty", "has(…)"),
        ("   ", 3, 1, "the filter is empty", "a field"),
        ("acton == x", 0, 5, "there is no field acton; did you mean action?", "action"),
        ("has(lat)", 4, 3, "there is no field lat; did you mean latency?", "latency"),
        ("has latency", 4, 7, "latency stands where ( is missing", "("),
        ("has(", 4, 1, "has(…) takes a field", "a field"),
        ("has(latency", 11, 1, "the filter ends where ) is missing", ")"),
        ("(a", 2, 1, "the filter ends where ) is missing", ")"),
        ("a)", 1, 1, ") does not belong here", "or"),
        ("a, b", 1, 1, ", does not belong here", "and"),
        ("a and", 5, 1, "the filter ends where a term is missing", "a word"),
        ("a or or b", 5, 2, "or stands where a term is missing", "not"),
        ("()", 1, 1, ") stands where a term is missing", "a field"),
        ("== 1", 0, 2, "== stands where a term is missing", "a field"),
        ("contains x", 0, 8, "contains stands where a term is missing", "a field"),
        ("action ==", 9, 1, "the filter ends where a value is missing", "a text"),
        ("type == and", 8, 3, "and stands where a value is missing", "CALL"),
        (
            "action == payload.x",
            10,
            9,
            "payload.x is a path where a value is missing: put a text in quotes",
            "a text",
        ),
        (
            "payload.x",
            9,
            1,
            "payload.x is not compared with anything: write an operator, or has(payload.x)",
            "==",
        ),
        ('"a" == 1', 0, 3, "a text in quotes is no field", "action"),
        ("type in CALL", 8, 4, "CALL stands where ( is missing", "("),
        ("type in (CALL", 13, 1, "the filter ends where ) is missing", ","),
        ("type in ()", 9, 1, ") stands where a value is missing", "CALL"),
        ("type in (CALL, x)", 15, 1, "'x' is not a message type", "SEND"),
        ("type == CAL", 8, 3, "'CAL' is not a message type; did you mean CALL?", "CALL"),
        ("type > CALL", 5, 1, "> does not go with type, which is a message type", "in"),
        ("direction == cp", 13, 2, "'cp' is not a direction", "station"),
        ("severity == eror", 12, 4, "'eror' is not a severity; did you mean error?", "warning"),
        ("event == open", 9, 4, "'open' is not an event; did you mean opened?", "opened"),
        ("rule == RPC-0004", 8, 8, "'RPC-0004' is not a rule; did you mean RPC-004?", "RPC-004"),
        ("close == later", 9, 5, "'later' is not a way to close", "end-of-capture"),
        ("close > fin", 8, 3, "'fin' is no close code: only codes have an order", "1000"),
        ("latency > 10", 10, 2, "10 needs a unit", "10s"),
        ("latency > 10 s", 10, 2, "10 needs a unit", "10s"),
        ("latency > soon", 10, 4, "'soon' is not a duration", "340ms"),
        ("latency contains 1", 8, 8, "contains does not go with latency, which is a duration", ">="),
        ("size > 4KX", 7, 3, "'4KX' is not a size", "4KB"),
        ("session == 1.5", 11, 3, "'1.5' is not the number of a session", "1"),
        ("session < " + "9" * 30, 10, 30, f"'{'9' * 30}' is not the number of a session", "1"),
        ("time > 25:00", 7, 5, "'25:00' is not a time", "10:15"),
        ("time > 2026-02-30", 7, 10, "'2026-02-30' is not a time", "2026-11-22"),
        ("payload.x > null", 12, 4, "null has no order", "a number"),
        (
            'action matches "("',
            15,
            3,
            "no regular expression: missing ), unterminated subpattern at position 0",
            None,
        ),
    ],
)
def test_mistakes(text, position, length, message, expected):
    with pytest.raises(FilterError) as caught:
        parse(text)
    error = caught.value
    assert error.message == message
    assert (error.position, error.length, error.text) == (position, length, text)
    assert expected in error.expected if expected else error.expected == ()


@pytest.mark.parametrize(
    "text", ["(" * 5_000, "not " * 2_400 + "a", "has(" * 2_000, "(" * 21 + "a" + ")" * 21]
)
def test_deep_filters_are_refused(text):
    with pytest.raises(FilterError):
        parse(text)
    assert parse("(" * 20 + "a" + ")" * 20)


@pytest.mark.parametrize(
    "pattern", ["(" * 4_000 + ")" * 4_000, "a{99999999999999999999}", "(?P<1>a)", "[", "*", "(?i", "\\"]
)
def test_bad_patterns_are_refused(pattern):
    with pytest.raises(FilterError):
        parse(f"action matches '{pattern}'")


def test_patterns_that_python_warns_of_are_taken():
    assert parse('action matches "[[a]"')


def test_uses_findings():
    assert parse("a or not severity == error").uses_findings
    assert parse("has(rule)").uses_findings
    assert not parse("a and has(latency)").uses_findings


PIECES = st.sampled_from(
    "action type payload payload.x payload[*] severity rule close time latency size session == != < <= > >= = & "
    "&& || ! ( ) , and or not in contains matches has has( [ ] \" ' \\ . * 1 10s 10:15 4KB error CALL RPC-001 true "
    "null 2026-11-22 Ü \0 \ud800 \n".split(" ")
)


@given(
    st.one_of(
        st.text(max_size=40), st.lists(PIECES, max_size=12).map(" ".join), st.lists(PIECES).map("".join)
    )
)
def test_any_text_is_a_filter_or_a_filter_error(text):
    found = parsed(text)
    if isinstance(found, FilterError):
        assert 0 <= found.position <= len(text)
        assert found.length >= 1
        assert "^" in str(found)
    else:
        found.predicate()
        found.sql()


def parsed(text):
    try:
        return parse(text)
    except FilterError as error:
        return error
