"""docs/rules.md holds what the registry does, and what is not judged."""

import importlib.util
from pathlib import Path

from ocppscope.rules.not_judged import NOT_JUDGED
from ocppscope.rules.registry import RULES, Rule
from tests.cli import run

DOCS = Path(__file__).parents[2] / "docs"


def maker():
    spec = importlib.util.spec_from_file_location("make_rules", DOCS / "make_rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rule_of(rule_id, **fields):
    given = {
        "title": "A | bar <b>",
        "severity": "error",
        "field": "warning",
        "source": {"1.6": "OCPP 1.6 §5", "2.0.1": "OCPP 2.0.1 part 2 A01", "2.1": "OCPP 2.1 part 2 A01"},
        "hint": "mend [it]",
        "needs": "exchange",
        "versions": frozenset({"2.1", "1.6"}),
        "triggers": (),
        "check": None,
    }
    return Rule(rule_id, **(given | fields))


def test_the_document_is_up_to_date():
    made = maker().document(RULES, NOT_JUDGED)
    assert (DOCS / "rules.md").read_text(encoding="utf-8") == made, "run make docs"


def test_a_row_of_a_rule():
    text = maker().document({"RPC-999": rule_of("RPC-999")}, {})
    assert (
        "| RPC-999 | A \\| bar \\<b\\> | 1.6, 2.1 | warning (strict: error) | exchange |"
        " OCPP 1.6 §5; OCPP 2.0.1 and 2.1 part 2 A01 | mend \\[it\\] |\n"
    ) in text
    assert "\n## RPC\n\nThe framework of Calls and answers.\n\n| rule |" in text
    assert "| [RPC](#rpc) | the framework of Calls and answers | 1 |\n" in text
    assert text.endswith("## Not judged\n\nNothing.\n")


def test_a_rule_for_every_version_with_one_source():
    text = maker().document({"ZZZ-1": rule_of("ZZZ-1", versions=None, source="heuristic", field="error")}, {})
    assert " | all | error | exchange | heuristic | " in text
    assert "\n## ZZZ\n\n| rule |" in text


def test_what_is_not_judged():
    text = maker().document({}, {"B-2": "a | sensor", "A-1": "the display"})
    assert "| A-1 | the display |\n| B-2 | a \\| sensor |\n" in text
    assert text.endswith("|\n")


def test_no_rule_is_both_judged_and_not():
    assert not set(NOT_JUDGED) & set(RULES)
    assert not [missing for missing in NOT_JUDGED.values() if missing.endswith(".") or not missing]


def test_the_maker_writes_the_file(tmp_path):
    maker().main(tmp_path / "rules.md")
    assert run("rules").exit_code == 0
    text = (tmp_path / "rules.md").read_text(encoding="utf-8")
    assert all(f"\n| {rule_id} | " in text for rule_id in RULES)
