"""Arrays are found wherever they stand, once, whole or damaged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.sources.text.scanner import ELIDED, Scanner

HEARTBEAT = '[2,"1","Heartbeat",{}]'
ANSWER = '[3,"1",{"currentTime":"2025-01-02T03:04:05Z"}]'


def found(text, step=None):
    data = text.encode() if isinstance(text, str) else text
    scanner = Scanner()
    step = step or max(len(data), 1)
    out = [one for at in range(0, len(data), step) for one in scanner.feed(data[at : at + step])]
    return out + list(scanner.close())


def whole(text, step=None):
    return [one.text for one in found(text, step) if one.value is not None and one.sure]


# --- any array in any text ----------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(st.text(max_size=6), json_values, max_size=4)
ids = st.text(min_size=1, max_size=12)
actions = st.from_regex(r"[A-Z][A-Za-z]{2,15}", fullmatch=True)
messages = st.one_of(
    st.tuples(st.just(2), ids, actions, payloads),
    st.tuples(st.just(3), ids, payloads),
    st.tuples(st.just(4), ids, actions, st.text(max_size=8), payloads),
    st.tuples(st.just(6), ids, actions, payloads),
).map(list)
styles = st.sampled_from(
    [
        lambda value: json.dumps(value, separators=(",", ":")),
        json.dumps,
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: json.dumps(value, indent=2),
    ]
)
around = st.text(max_size=40).filter(lambda text: "[" not in text)
"""What begins like a message and is none has tests of its own."""


@given(around, messages, styles, around, st.integers(1, 50))
def test_any_message_in_any_text_is_found_once(before, message, style, after, step):
    text = style(message)
    assert whole(before + text + after) == [text]
    assert whole(before + text + after, step) == [text]


@given(st.lists(st.tuples(around, messages, styles), max_size=5), st.integers(1, 80))
def test_all_of_several_are_found_in_their_order(parts, step):
    texts = [style(message) for _, message, style in parts]
    log = "".join(f"{before}{text}\n" for (before, _, _), text in zip(parts, texts, strict=True))
    assert whole(log) == texts
    assert found(log, step) == found(log)


@given(messages, st.integers(1, 3), around)
def test_json_in_strings_of_json(message, level, after):
    text = wrapped = json.dumps(message, separators=(",", ":"))
    for _ in range(level):
        wrapped = json.dumps(wrapped)
    assert whole(f"msg={wrapped} {after}") == [text]


@given(messages)
def test_python_reprs(message):
    (one,) = found(f"ERROR {message!r} was not understood")
    assert one.value == message


@given(st.text(alphabet="[]{}\"\\,:23 \n'aé…", max_size=60), st.integers(1, 20))
def test_no_text_breaks_it_and_no_cut_changes_what_is_found(text, step):
    assert found(text, step) == found(text)


@given(st.binary(max_size=80), st.integers(1, 20))
def test_no_bytes_break_it(data, step):
    assert found(data, step) == found(data)
    assert HEARTBEAT in whole(data.replace(b"[", b"") + b"\n" + HEARTBEAT.encode())


# --- where it stands ----------------------------------------------------------------------------------------


def test_what_stands_before_and_after():
    (one,) = found(f"2025 a\n2025 b {HEARTBEAT} end\n")
    assert (one.head, one.tail, one.form) == (b"2025 b ", b" end", "json")


def test_an_array_on_a_line_of_its_own_has_the_line_before():
    assert found(f"2025 sent:\n  {HEARTBEAT}\n")[0].head == b"2025 sent:\n  "
    assert found(f"2025 sent:\n  {HEARTBEAT}\n", 3)[0].head == b"2025 sent:\n  "
    assert [one.head for one in found(f"x {HEARTBEAT} y\n{ANSWER}\n")] == [b"x ", b""]


def test_several_on_a_line():
    assert [(one.head, one.text) for one in found(f"a {HEARTBEAT} b {ANSWER}")] == [
        (b"a ", HEARTBEAT),
        (b" b ", ANSWER),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[2, 3, 4]",
        '[2,"a",[1]]',
        '[3,"a","b"]',
        '["2","a"]',
        "[2,",
        "[3, 4, {}, ]",
        '[2,"id","not an action",{}]',
        '[6,"x"]',
        "value [4, 'a']",
        "matrix [[2,3],[4,5]]",
        '[2,"quoted", and prose goes on',
    ],
)
def test_other_arrays_are_not_taken_for_messages(text):
    assert whole(text) == []
    assert not any(one.sure for one in found(text))
    assert whole(f"{text}\n{HEARTBEAT}") == [HEARTBEAT]


def test_a_message_within_an_array_or_object():
    assert whole(f"[{HEARTBEAT},{ANSWER}]") == [HEARTBEAT, ANSWER]
    assert whole(f'{{"payload":{HEARTBEAT}}}') == [HEARTBEAT]
    assert whole(f'[2,"x",{HEARTBEAT}]') == [HEARTBEAT]


@pytest.mark.parametrize(
    "text", ['["2","1","Heartbeat",{}]', '[3,7,{"a":1}]', '[2,7,"Heartbeat",{}]', '[3,"a",null]']
)
def test_what_stations_get_wrong_is_a_message_still(text):
    assert whole(text) == [text]


# --- forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (HEARTBEAT, "json"),
        ("[2, '1', 'Heartbeat', {}]", "repr"),
        (r"[2,\"1\",\"Heartbeat\",{}]", "escaped"),
        (r"[2,\\\"1\\\",\\\"Heartbeat\\\",{}]", "escaped"),
        (r"[\n  2,\n  \"1\",\n  \"Heartbeat\",\n  {}\n]", "escaped"),
        ('"[2,""1"",""Heartbeat"",{}]"', "csv"),
        ("[2,&quot;1&quot;,&quot;Heartbeat&quot;,{}]", "html"),
        ('[2,"1","Heart\nbeat",{}]', "wrapped"),
        ('[2,"1",\x1b[32m"Heartbeat"\x1b[0m,{}]', "coloured"),
    ],
)
def test_forms(text, form):
    (one,) = found(f"x {text} y\n")
    assert one.form == form
    assert one.value == [2, "1", "Heartbeat", {}]


def test_json_within_a_python_string():
    (one,) = found("""b'[2,"1","DataTransfer",{"data":"it\\'s"}]'""")
    assert one.value[3] == {"data": "it's"}


def test_quotes_and_brackets_within_strings():
    text = r'[2,"]","DataTransfer",{"a":"\"]}[","b":"\\"}]'
    assert whole(f"{text} and ] more }}") == [text]


def test_pretty_json_over_many_lines_and_behind_prefixes():
    text = json.dumps([2, "1", "DataTransfer", {"a": [{"b": n} for n in range(200)]}], indent=4)
    assert whole(f"2025 sent {text}\n2025 next") == [text]
    prefixed = "\n".join(f"evcc  | {line}" for line in f"2025 sent {text}".splitlines())
    assert json.loads(whole(prefixed)[0]) == json.loads(text)
    journal = "\n".join(f"Apr 14 08:04:36 host evcc[51]: {line}" for line in f"2025 sent {text}".splitlines())
    assert json.loads(whole(journal)[0]) == json.loads(text)


def test_crlf():
    assert whole(f"a {HEARTBEAT}\r\nb {ANSWER}\r\n") == [HEARTBEAT, ANSWER]


def test_lines_wrapped_within_a_date_time():
    text = '[2,"1","StatusNotification",{"timestamp":"2025-01-02T\n03:04:05Z"}]'
    assert whole(f"x {text}\n2025-01-02 03:04:06 y") == [text.replace("\n", "")]


# --- damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('[2,"1","StatusNotification",{"connectorId":\t1\t"errorCode":"x"}]', None),
        ('[2,"1","StatusNotification",{"connectorId":1,}]', None),
        ('[2,"1","StatusNotification",{"connectorId":1', None),
        ('[2,"1","StatusNot', None),
        ('[3,"1",{"a":"b"c"}]', None),
        ("[2, '1', 'Heartbeat', {'a': <Enum.x: 1>}]", None),
    ],
)
def test_damaged_messages_are_kept(text, shown):
    log = f"2025-01-02 03:04:05 x {text}\n2025-01-02 03:04:06 y {HEARTBEAT}\n"
    for step in (None, 7):
        first, second = found(log, step)
        assert (first.value, first.text, first.sure) == (None, shown or text, True)
        assert second.text == HEARTBEAT
        assert second.head == b"2025-01-02 03:04:06 y "


def test_a_message_that_another_one_cuts_off():
    first, second = found(f'[MO] Send: [2,"1","Heart11:52:55.587 > [MO] Recv: {ANSWER}\n')
    assert first.text == '[2,"1","Heart'
    assert (second.head, second.text) == (b"11:52:55.587 > [MO] Recv: ", ANSWER)


def test_prose_after_a_cut_message_is_not_swallowed():
    log = f'[2,"1","StatusNotification",{{"a":1\nI hope this helps. See also\n\n{HEARTBEAT}\n'
    first, second = found(log)
    assert first.text == '[2,"1","StatusNotification",{"a":1'
    assert second.text == HEARTBEAT


def test_elided_messages_are_marked():
    for text in ('[2,"1","Boot...":"x"}]', '[3,"1",{"a":"b...c}]', '[3,"1",{"a…'):
        (one,) = found(f"> TEXT '{text}' [98 bytes]\n")
        assert (one.value, one.note) == (None, ELIDED)


def test_the_end_of_the_text_within_a_message():
    (one,) = found('x [2,"1","Heartbeat",\n')
    assert (one.value, one.text, one.note) == (None, '[2,"1","Heartbeat",', "the text ends within it")


# --- bounds -------------------------------------------------------------------------------------------------


def test_a_line_without_end_is_taken_in_pieces():
    line = (f"x{HEARTBEAT}-- and so on --" * 30_000).encode()
    assert len(line) > 1 << 20
    for step in (1 << 15, len(line)):
        assert len(whole(line, step)) == 30_000


def test_a_message_that_lies_across_pieces_of_a_line():
    long = json.dumps([2, "1", "DataTransfer", {"data": "x" * 100_000}])
    line = "y" * ((1 << 20) - 10) + long + "z" * 10 + long + HEARTBEAT
    assert whole(line, 1 << 15) == [long, long, HEARTBEAT]


def test_a_message_without_end_is_given_up():
    scanner = Scanner(max_message=1 << 20)
    out = list(scanner.feed(b'[2,"1","DataTransfer",{"data":"'))
    for _ in range(100):
        out += scanner.feed(b"x" * (1 << 16))
    assert len(scanner._waiting) <= 16
    out += list(scanner.feed(f"\n2025-01-01 00:00:00 {HEARTBEAT}\n".encode())) + list(scanner.close())
    assert len(out) == 2
    assert len(out[0].text) <= 1 << 16
    assert "more than 1,048,576 bytes" in out[0].note
    assert out[1].text == HEARTBEAT


@pytest.mark.parametrize(
    "piece", ['[2,"x', "[2,1 ", "[2,'x", '[2,\\"x', '[3,"a",{"', "[[2,", '[3,"a",{}', "[2,&quot;a"]
)
def test_what_is_made_to_take_long_does_not(piece):
    line = piece * (300_000 // len(piece)) + f"\n2025-01-01 00:00:00 {HEARTBEAT}\n"
    assert whole(line)[-1] == HEARTBEAT
