"""Which events a list shows."""

import pytest

from ocppscope.filter import containing, parse
from ocppscope.store import Store
from ocppscope.tui.selection import EVERYTHING, Scope, Selection, combined, shown
from tests.tui import store_of


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store(store_of("clean-1.6.pcap", tmp_path_factory.mktemp("selection"))) as store:
        yield store


def filled(store, selection):
    while (after := selection.done) < store.last:
        until = min(after + 20, store.last)
        selection.take(after, until, selection.ask(store, after, until))
    return list(selection.numbers)


def test_everything_needs_no_question(store):
    selection = Selection(EVERYTHING, None, is_dense=True)
    assert selection.is_whole
    selection.take_all(store.last)
    assert selection.numbers == range(1, store.last + 1)
    assert selection.index_of(5) == 4
    assert 5 in selection
    assert store.last + 1 not in selection


def test_a_selection_that_has_holes_is_asked_for(store):
    selection = Selection(EVERYTHING, None, is_dense=False)
    assert filled(store, selection) == list(range(1, store.last + 1))


def test_a_filter_and_a_scope(store):
    selection = Selection(Scope("one", (1,)), parse("action == Heartbeat"), is_dense=True)
    numbers = filled(store, selection)
    assert numbers
    assert {stored.event.action for stored in store.events(numbers)} == {"Heartbeat"}
    assert filled(store, Selection(Scope("none", ()), None, is_dense=True)) == []
    assert filled(store, Selection(Scope("other", (2,)), None, is_dense=True)) == []


def test_what_was_found_twice_is_taken_once(store):
    selection = Selection(Scope("one", (1,)), None, is_dense=True)
    found = selection.ask(store, 0, store.last)
    selection.take(0, store.last, found)
    selection.take(0, store.last, found)
    assert list(selection.numbers) == list(range(1, store.last + 1))


def test_routine_can_be_hidden(store):
    chosen = shown("", hide_routine=True)
    left = store.events(filled(store, Selection(EVERYTHING, chosen, is_dense=True)))
    assert not [one for one in left if getattr(one.event, "action", None) == "Heartbeat"]
    assert not [one for one in left if type(one.event).__name__ == "Control"]
    assert 0 < len(left) < store.last
    assert shown("", hide_routine=False) is None


def test_parts_are_combined_as_wholes():
    assert combined(parse("a or b"), None, parse("c")).text == "(a or b) and (c)"
    deep = "(" * 19 + "a" + ")" * 19
    assert combined(parse(deep), parse("b"), containing('"\ud800' * 10_000)) is not None
    assert combined(None) is None
