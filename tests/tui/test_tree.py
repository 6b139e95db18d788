import json

from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.schemas import pointer_of
from ocppscope.tui.tree import Tree

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(codec="ascii"), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def shown(tree):
    return [f"{line.indent}{line.name}{line.text}" for line in tree.lines]


def test_json_with_a_pointer_for_each_line():
    tree = Tree({"a": [1, "x"], "b/c": {}, "d": {"e": None}})
    assert shown(tree) == [
        "{",
        '  "a": [',
        "    1,",
        '    "x"',
        "  ],",
        '  "b/c": {},',
        '  "d": {',
        '    "e": null',
        "  }",
        "}",
    ]
    assert [line.pointer for line in tree.lines] == [
        "",
        "/a",
        "/a/0",
        "/a/1",
        "/a",
        "/b~1c",
        "/d",
        "/d/e",
        "/d",
        "",
    ]


@given(JSON)
def test_the_lines_are_the_json(payload):
    tree = Tree(payload)
    for line in tree.lines:
        assert line.text.isprintable()
    if all(line.text.isascii() for line in tree.lines):
        assert json.loads("\n".join(shown(tree))) == payload


@given(JSON, st.data())
def test_folding_and_unfolding_comes_back(payload, data):
    tree = Tree(payload)
    before = shown(tree)
    at = data.draw(st.integers(0, len(tree.lines) - 1))
    there = tree.fold(at)
    if tree.lines[there].kind == "folded":
        assert len(tree.lines) < len(before)
        assert tree.fold(there) == there
    assert shown(tree) == before


def test_folding_a_value_folds_what_it_stands_in():
    tree = Tree({"a": {"b": 1, "c": 2}})
    assert tree.fold(2) == 1
    assert shown(tree) == ["{", '  "a": {… 2 fields}', "}"]
    assert tree.fold(1) == 1
    assert tree.fold(4) == 1, "a closing line folds what it closes"
    assert Tree(5).fold(0) == 0


def test_a_long_array_begins_folded():
    tree = Tree({"values": list(range(200))})
    assert shown(tree) == ["{", '  "values": [… 200 items]', "}"]
    tree.fold(1)
    assert len(tree.lines) == 204


def test_of_a_very_long_array_more_show_when_they_are_asked_for():
    tree = Tree(list(range(20_000)))
    assert shown(tree)[-3:] == ["  499,", "  … 19,500 more (Enter shows some)", "]"]
    assert tree.fold(501) == 501
    assert shown(tree)[-3:] == ["  4999,", "  … 15,000 more (Enter shows some)", "]"]
    tree.fold(5001)
    assert shown(tree)[-2:] == ["  19999", "]"]


def test_a_huge_payload_has_few_lines():
    tree = Tree([[[[0] * 90 for _ in range(90)] for _ in range(90)] for _ in range(20)])
    assert len(tree.lines) < 6_000


def test_deep_nesting():
    payload = 1
    for _ in range(512):
        payload = [payload]
    tree = Tree(payload)
    assert len(tree.lines) == 1025
    assert tree.lines[512].indent == " " * 32 + "512: "


def test_control_characters_and_long_texts():
    tree = Tree({"a\u202e": "\x1b[31m\u009b", "b": "x" * 10_000})
    assert tree.lines[1].name == '"a\ufffd": '
    assert tree.lines[1].text == '"\\u001b[31m\ufffd",'
    assert tree.lines[2].text.endswith('x…" (10,000 characters)')


def test_what_is_looked_for_or_what_holds_it():
    tree = Tree({"a": {"b": [1]}, "c": 2})
    assert tree.lines[tree.index_of("/a/b/0")].text == "1"
    tree.fold(tree.index_of("/a"))
    assert tree.index_of("/a/b/0") == 1


def test_pointers_of_keys_that_look_like_others():
    tree = Tree({"a/b": {"~": 1}})
    assert tree.lines[2].pointer == pointer_of(["a/b", "~"])
