"""docs/filter.md: its filters are filters, its payloads fit them, and its table of fields is whole."""

import json
import re
from pathlib import Path

import pytest

from ocppscope.events import CALL, FROM_STATION, Message, Session
from ocppscope.filter import FilterError, parse
from ocppscope.filter.fields import FIELDS

from .stores import odd

PAGE = (Path(__file__).parents[2] / "docs" / "filter.md").read_text(encoding="utf-8")


def rows(head):
    """The cells of the tables whose first column has this head."""
    for table in re.findall(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE):
        for line in table.splitlines():
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


FILTERS = [(cells[0].strip("`"), cells[1]) for cells in rows("filter")]


@pytest.mark.parametrize("text", [text for text, _ in FILTERS])
def test_every_filter_is_one(text):
    odd().select(text)


@pytest.mark.parametrize(("text", "payloads"), [one for one in FILTERS if "{" in one[1]])
def test_payloads_fit(text, payloads):
    yes, _, no = payloads.partition(", not ")
    for said, expected in ((yes, True), (no, False)):
        for payload in re.findall("`([^`]+)`", said):
            message = Message(Session(1), None, FROM_STATION, CALL, "1", "x", json.loads(payload), "", 1)
            assert parse(text).predicate()(message, ()) is expected, payload


def test_the_table_of_fields_is_whole():
    assert [cells[0].strip("`") for cells in rows("field")] == [*FIELDS, "payload…"]


@pytest.mark.parametrize("cells", list(rows("field")), ids=lambda cells: cells[0])
def test_operators_are_as_told(cells):
    field = FIELDS.get(cells[0].strip("`"))
    told = cells[3]
    if field is None or told.startswith("all"):
        without = {"contains", "matches"} if "all but" in told else set()
        operators = {"==", "!=", "<", "<=", ">", ">=", "contains", "matches", "in"} - without
    else:
        operators = set(re.findall("`([^`]+)`", told))
    assert operators == set((field or parse("payload == 1").tree.field).kind.operators)


def test_the_mistake_is_told_so():
    example = re.search(r"```\n(there is no field.*?), …\n```", PAGE, re.DOTALL)[1]
    with pytest.raises(FilterError) as caught:
        parse("acton == Heartbeat")
    assert str(caught.value).startswith(example)
