import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.ocpp.rpc import MAX_DEPTH, MAX_ID, UnreadableError, as_written, frame, load, read


def kinds(text):
    return [fault.kind for fault in load(text)[1]]


def unreadable(text):
    with pytest.raises(UnreadableError) as caught:
        read(text)
    return caught.value


# --- load: JSON ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        (" ", 0),
        ("[", 1),
        ("[1,2", 4),
        ('[2,"1","Heartbeat",{}', 21),
        ('["é",]', 5),
        ('["😀😀" 1]', 12),
        ('["日本","x]', 14),
        ("[NaN]", 1),
        ("[Infinity]", 1),
        ("[-]", 2),
        ("[01]", 1),
        ("[1e400]", 1),
        ("['a']", 1),
        ('{"a":1,}', 7),
        ("[1] 2", 4),
        ("[\x00]", 1),
        ('["\x00"]', 2),
        ('["\t"]', 2),
        ("\ufeff[]", 0),
        ("nul", 3),
        ("[,{", 1),
    ],
)
def test_where_json_breaks(text, offset):
    error = unreadable(text)
    assert error.layer == "json"
    assert [fault.kind for fault in error.faults] == ["json.invalid"]
    # How far the parser had come is its own business by a byte; it is never outside the text.
    assert abs(error.offset - offset) <= 1
    assert 0 <= error.offset <= len(text.encode())
    assert f"at byte {error.offset}" in str(error)


@pytest.mark.parametrize("text", ['"\ud800"', '["\udfff"]', '["\\ud800"]', '["\\udc00\\ud800"]', "\ud800"])
def test_lone_surrogates(text):
    assert unreadable(text).layer == "json"


def test_the_offset_counts_bytes():
    assert unreadable('["é"').offset == 5
    assert unreadable('["e"').offset == 4
    assert unreadable('["😀"').offset == 7


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth(opening):
    closing = "]" if opening == "[" else "}"

    def nested(depth):
        return opening * (depth - 1) + "[]" + closing * (depth - 1)

    for depth in (1, 254, 255, 256, MAX_DEPTH):
        assert kinds(nested(depth)) == []
    for depth in (MAX_DEPTH + 1, 1_000, 1_024, 1_025, 5_000, 100_000):
        error = unreadable(nested(depth))
        assert error.layer == "json"
        assert [fault.kind for fault in error.faults] == ["json.too-deep"]
    assert [fault.kind for fault in unreadable(nested(MAX_DEPTH + 1)).faults] == ["json.too-deep"]


def test_depth_is_not_the_number_of_brackets():
    assert kinds("[" + ",".join(["[]"] * 5_000) + "]") == []
    assert kinds(json.dumps("[" * 5_000)) == []


def test_bomb_of_a_megabyte():
    assert unreadable("[" * 1_000_000).layer == "json"
    assert unreadable('{"":' * 250_000).layer == "json"
    value, faults = load("[" + "[]," * 333_333 + "[]]")
    assert len(value) == 333_334
    assert faults == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"b":2,"a":3}',
        '[2,"1","X",{"a":{"b":1,"b":2}}]',
        '[{"a":1},{"a":1,"a":2}]',
        '{ "a" : 1 ,\n\t"a" : 2 }',
        '{"a":"x:y","a":2}',
        '{"a":"\\u003a","a":2}',
        '{"a":":","a":"\\u003a:"}',
        '{"a\\u003a":1,"a:":2}',
        '{"\\u0061":1,"a":2}',
        '{"":1,"":2}',
        '{"a":{},"a":{"b":":::"}}',
        '{"x":"\\u003a\\u003a","a":1,"a":2}',
        '{"a:":"\\":","a:":1}',
    ],
)
def test_duplicate_keys(text):
    assert "json.duplicate-key" in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1},{"a":1}]',
        '{"a":{"a":{"a":1}}}',
        '{"a":"a:a:a"}',
        '{ "a" : ":" , "b" : "\\u003a" }',
        '{"a":1,"A":2}',
        '{"a b":1,"ab":2}',
        '{"a, b": 1, "c: d": 2}',
    ],
)
def test_keys_that_stand_once_in_each_object(text):
    assert kinds(text) == []


def test_a_duplicate_key_names_the_key_and_how_often():
    (fault,) = load('{"k":1,"k":2,"k":3}')[1]
    assert fault.subject == "k"
    assert "3 times" in fault.detail


def test_the_last_of_two_keys_counts():
    assert load('{"a":1,"a":2}')[0] == {"a": 2}


@pytest.mark.parametrize(
    "digits", [str(2**63 - 1), str(2**63), str(2**64 - 1), str(-(2**63)), "1" * 19, "-" + "9" * 18, "0", "-0"]
)
def test_the_largest_integers_that_fit(digits):
    value, faults = load(f"[{digits}]")
    assert faults == ()
    assert value == [int(digits)]


@pytest.mark.parametrize(
    "digits", [str(2**64), str(-(2**63) - 1), "9" * 20, "9" * 40, "-" + "9" * 100, "1" + "0" * 300]
)
def test_integers_beyond_64_bits(digits):
    assert kinds(f"[{digits}]") == ["json.big-integer"]
    assert kinds(f'[2, "1", "X", {{"a": [{digits}]}}]') == ["json.big-integer"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1.0]", 1.0),
        ("[1e3]", 1000.0),
        ("[1E+3]", 1000.0),
        ("[230.10]", 230.1),
        ("[0.1000000000000000055511151231257827]", 0.1),
        ("[12345678901234567890.5]", 12345678901234567890.5),
        ("[1e-400]", 0.0),
        ("[-0.0]", -0.0),
        ("[1e308]", 1e308),
        ("[123456789012345678901e2]", 1.23456789012345678901e22),
    ],
)
def test_other_spellings_of_numbers(text, value):
    read_value, faults = load(text)
    assert faults == ()
    assert math.isclose(read_value[0], value) or read_value[0] == value


@pytest.mark.parametrize(
    "text",
    [
        '["\\u0041"]',
        '["\\/"]',
        '["\\u003a"]',
        '["\\n"]',
        '["\\ud83d\\ude00"]',
        "[ 1 , 2 ]",
        "[\r\n]",
        '["a, b: c"]',
    ],
)
def test_escapes_and_white_space(text):
    assert load(text) == (json.loads(text), ())


def test_digits_in_texts_are_no_integers():
    assert kinds(json.dumps(["1" * 50, {"2" * 30: "x"}])) == []
    assert kinds('["\\u0031' + "1" * 40 + '"]') == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=30,
)


@settings(deadline=None)
@given(
    VALUES,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]),
    st.sampled_from([None, 1]),
)
def test_what_is_written_is_read_and_has_no_faults(value, ascii_only, separators, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators, indent=indent)
    assert load(text) == (value, ())


@settings(deadline=None)
@given(VALUES, st.data())
def test_a_key_written_twice_is_found_wherever_it_is(value, data):
    key = json.dumps(data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=5)))
    inner = f"{{{key}:1, {key}:{json.dumps(value)}}}"
    around = data.draw(st.sampled_from(["{}", "[{}]", '{{"x":{}}}', '[{{"x":[1,{}]}},"a:b"]']))
    assert "json.duplicate-key" in kinds(around.format(inner))


@settings(deadline=None)
@given(st.integers(min_value=2**64) | st.integers(max_value=-(2**63) - 1), VALUES)
def test_a_big_integer_is_found_wherever_it_is(number, value):
    assert "json.big-integer" in kinds(f'[{json.dumps(value)}, {{"a": {number}}}]')


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text('[]{},:"0123456789.eE-+\\unltrfas \n') | VALUES.map(json.dumps))
def test_any_text_is_read_or_unreadable(text):
    try:
        parts = read(text)
    except UnreadableError as error:
        check_unreadable(error, text)
    else:
        assert len(parts) == 6


def check_unreadable(error, text):
    assert error.layer in ("json", "rpc")
    assert error.faults
    assert str(error)
    if error.layer == "json":
        assert 0 <= error.offset <= len(text.encode(errors="surrogatepass"))


# --- frame --------------------------------------------------------------------------------------------------

FRAMES = [
    ('[2,"i","Act",{"a":1}]', (2, "i", "Act", {"a": 1}, None)),
    ('[3,"i",{"a":1}]', (3, "i", None, {"a": 1}, None)),
    ('[6,"i","Act",{}]', (6, "i", "Act", {}, None)),
]


@pytest.mark.parametrize(("text", "parts"), FRAMES)
def test_frames_with_nothing_wrong(text, parts):
    assert read(text) == (*parts, ())
    assert frame(json.loads(text)) == (*parts, ())


@pytest.mark.parametrize("kind", [4, 5])
def test_errors(kind):
    *parts, error, faults = read(f'[{kind},"i","Code","text",{{"a":1}}]')
    assert parts == [kind, "i", None, None]
    assert (error.code, error.description, error.details) == ("Code", "text", {"a": 1})
    assert faults == ()


def frame_kinds(value):
    return [fault.kind for fault in frame(value)[-1]]


@pytest.mark.parametrize(
    "value",
    [
        [2, "i", "Act"],
        [2, "i", "Act", {}, None],
        [3, "i"],
        [3, "i", {}, {}],
        [4, "i", "Code", ""],
        [4, "i", "Code", "", {}, 1],
        [5, "i", "Code", "", {}, {}],
        [6, "i", "Act"],
        [2, "i", 7, {}],
        [2, "i", None, {}],
        [2, "i", "Act", []],
        [3, "i", "x"],
        [3, "i", False],
        [3, "i", 0],
        [4, "i", 7, "", {}],
        [4, "i", None, "", {}],
    ],
)
def test_faulty_frames_are_still_messages(value):
    assert "rpc.frame" in frame_kinds(value)


@pytest.mark.parametrize("value", [[2], [2, "i"], [3], [4], [5], [6], [6, "i"], {}, "x", 1, None, True, 1.5])
def test_what_is_too_short_or_no_array_is_no_message(value):
    error = unreadable(json.dumps(value))
    assert error.layer == "rpc"
    assert [fault.kind for fault in error.faults] == ["rpc.frame"]


@pytest.mark.parametrize(
    "kind", [0, 1, 7, -2, 22, True, "2", None, {}, [2], 2.5, "Heartbeat", [[[[]]]], 2**64 - 1, ""]
)
def test_unknown_message_types(kind):
    error = unreadable(json.dumps([kind, "i", "Act", {}]))
    assert error.layer == "rpc"
    assert error.offset == 1
    assert [fault.kind for fault in error.faults] == ["rpc.type"]


def test_an_empty_array():
    error = unreadable("[]")
    assert [fault.kind for fault in error.faults] == ["rpc.type"]


@pytest.mark.parametrize(
    ("message_id", "fault"),
    [
        (1, "rpc.id-integer"),
        (0, "rpc.id-integer"),
        (-1, "rpc.id-integer"),
        (1.5, "rpc.id"),
        (1.0, "rpc.id"),
        (None, "rpc.id"),
        (True, "rpc.id"),
        ([], "rpc.id"),
        ({"a": 1}, "rpc.id"),
        ("x" * (MAX_ID + 1), "rpc.id"),
    ],
)
@pytest.mark.parametrize(
    "rest", [[2, "Act", {}], [3, {}], [4, "Code", "", {}], [5, "Code", "", {}], [6, "Act", {}]]
)
def test_ids_of_every_type(message_id, fault, rest):
    value = [rest[0], message_id, *rest[1:]]
    assert frame_kinds(value) == [fault]
    assert frame(value)[1] == message_id
    assert read(json.dumps(value))[1] == message_id


@pytest.mark.parametrize("message_id", ["", "x" * MAX_ID, "é" * MAX_ID, "-1", "\x00"])
def test_ids_that_are_strings(message_id):
    assert read(json.dumps([2, message_id, "Act", {}])) == (2, message_id, "Act", {}, None, ())


@pytest.mark.parametrize("value", [[2, "i", "Act", None], [3, "i", None], [6, "i", "Act", None]])
def test_null_payload(value):
    assert frame_kinds(value) == ["rpc.payload-null"]
    assert frame(value)[3] is None


@pytest.mark.parametrize(
    ("description", "details", "subjects"),
    [
        ("", {}, []),
        ("x" * 255, {"a": 1}, []),
        ("x" * 256, {}, ["errorDescription"]),
        (None, {}, ["errorDescription"]),
        (5, {}, ["errorDescription"]),
        ("", None, ["errorDetails"]),
        ("", "text", ["errorDetails"]),
        ("", [], ["errorDetails"]),
        ([], "", ["errorDescription", "errorDetails"]),
    ],
)
@pytest.mark.parametrize("kind", [4, 5])
def test_description_and_details_of_errors(kind, description, details, subjects):
    faults = frame([kind, "i", "Code", description, details])[-1]
    assert [fault.subject for fault in faults] == subjects
    assert all(fault.kind == "rpc.error-fields" for fault in faults)


def test_faults_of_json_and_of_the_frame_come_together():
    *_, faults = read('[2,1,"Act",{"a":1,"a":2}]')
    assert {fault.kind for fault in faults} == {"json.duplicate-key", "rpc.id-integer"}


@settings(deadline=None)
@given(st.lists(VALUES, max_size=7))
def test_any_array_is_a_message_or_none(value):
    try:
        kind, message_id, _, payload, error, _ = frame(value)
    except UnreadableError as error:
        check_unreadable(error, "")
    else:
        assert kind in (2, 3, 4, 5, 6)
        assert message_id == value[1]
        assert (error is not None) == (kind in (4, 5))
        assert payload is None or payload == value[-1] or payload in value


# --- parts that are known from elsewhere --------------------------------------------------------------------


def dense(*parts):
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("payload", [{}, {"a": [1, 2.5, None, "ü\n"]}])
def test_parts_as_they_are_written(payload):
    assert as_written(dense(2, "7", "Heartbeat", payload), 2, "7", "Heartbeat", payload) == (
        2,
        "7",
        "Heartbeat",
        payload,
        None,
        (),
    )
    assert as_written(dense(3, "7", payload), 3, "7", None, payload) == (3, "7", None, payload, None, ())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[3, "7", {}]', (3, "7", None, {})),
        ('[3,"7",{"a":1,"a":2}]', (3, "7", None, {"a": 2})),
        ('[3,"a","b",{}]', (3, 'a","b', None, {})),
        ("[3,7,{}]", (3, 7, None, {})),
        ('[3,"7",null]', (3, "7", None, None)),
        ('[2,"7",5,{}]', (2, "7", 5, {})),
        (dense(3, "7" * (MAX_ID + 1), {}), (3, "7" * (MAX_ID + 1), None, {})),
    ],
)
def test_parts_that_take_a_closer_look(text, parts):
    assert as_written(text, *parts) is None


def test_parts_that_are_too_deep():
    payload = {}
    for _ in range(300):
        payload = {"a": payload}
    assert as_written("", 3, "7", None, payload) is None


@given(st.sampled_from([2, 3]), st.text() | st.integers(), st.text() | st.none(), VALUES)
def test_parts_say_what_reading_says(kind, message_id, action, payload):
    text = dense(kind, message_id, action, payload) if kind == 2 else dense(kind, message_id, payload)
    found = as_written(text, kind, message_id, action if kind == 2 else None, payload)
    assert found is None or found == read(text)
