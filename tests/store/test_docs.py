"""docs/store.md: it names every column, and its queries give what it shows."""

import re
import sqlite3
from pathlib import Path

import pytest

from ocppscope.store.schema import APPLICATION, TABLES, VERSION
from tests.cli import everything, run, saved
from tests.end_to_end.test_captures import FOLDER

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"From `captures/(\S+)`:\n\n```sql\n(.*?)```\n```\n(.*?)```", PAGE, re.DOTALL)


def first_table(text):
    """The names in the first table of a text."""
    return re.findall(r"^\| `(\w+)` \|", f"\n{text}".partition("\n\n|")[2].partition("\n\n")[0], re.MULTILINE)


def columns():
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)
    names = [
        name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
    ]
    found = {name: [row[1] for row in database.execute(f"PRAGMA table_info({name})")] for name in names}
    database.close()
    return found


def test_every_column_is_told_in_its_order():
    sections = dict(re.findall(r"^##+ (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
    sections["messages"] = sections.pop("Messages")
    assert {name: first_table(sections[name]) for name in columns()} == columns()


@pytest.mark.parametrize(("name", "query", "shown"), QUERIES, ids=[query[:40] for _, query, _ in QUERIES])
def test_a_query_gives_what_is_shown(tmp_path, name, query, shown):
    run("convert", FOLDER / name, tmp_path / "x.ocppdb")
    database = sqlite3.connect(tmp_path / "x.ocppdb")
    found = database.execute(query)
    rows = [[one[0] for one in found.description], *found.fetchall()]
    database.close()
    assert "".join("|".join("" if one is None else str(one) for one in row) + "\n" for row in rows) == shown


def test_there_are_queries():
    assert len(QUERIES) >= 5


def test_keys_of_meta(tmp_path):
    told = set(
        re.findall(r"^\| `(\w+)` \|", PAGE.partition("| key | value |")[2].partition("##")[0], re.MULTILINE)
    )
    run("convert", "--filter", "event == gap", saved(tmp_path, everything()), tmp_path / "x.ocppdb")
    database = sqlite3.connect(tmp_path / "x.ocppdb")
    keys = {key for (key,) in database.execute("SELECT key FROM meta")}
    database.close()
    assert keys == told - {"error"}


def test_numbers():
    assert f"0x{APPLICATION:X}" in PAGE
    assert f"`PRAGMA user_version` is {VERSION}" in PAGE
