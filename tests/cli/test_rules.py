"""`rules`: every rule, with both severities and its source."""

import pytest

from ocppscope.cli import text
from ocppscope.rules.registry import RULES
from tests.cli import lines, run


def test_every_rule_has_its_lines():
    done = run("rules")
    assert (done.exit_code, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    assert len(shown) == 2 * len(RULES)
    for one, head, source in zip(RULES.values(), shown[::2], shown[1::2], strict=True):
        assert head.startswith(f"{one.field:<8} {one.id:<16} {one.title}")
        assert source == " " * 26 + one.source_for(None)


def test_a_severity_that_differs_in_the_other_profile_is_told():
    shown = run("rules").stdout
    for one in RULES.values():
        differs = f"{one.title} ({one.severity} in profile strict)"
        assert (differs in shown) == (one.field != one.severity)


def test_json_is_one_rule_a_line():
    assert [one["rule"] for one in lines("rules", "--json")] == list(RULES)


@pytest.mark.parametrize("columns", [60, 80])
def test_no_line_is_wider_than_the_terminal(monkeypatch, columns):
    monkeypatch.setattr(text, "width", lambda: columns)
    for line in run("rules").stdout.splitlines():
        assert text.columns_of(line) <= columns, line
