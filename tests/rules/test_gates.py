"""Gates shut out nothing: with and without them the same is found in every session that the tests write down."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from ocppscope.rules.registry import LEARNERS, RULES, Trigger
from tests.rules.sessions import Case, judged

TESTS = [path.stem for path in sorted(Path(__file__).parent.glob("test_*.py"))]
DIVIDED = "BOOT-016"
"""One of its triggers has a gate so that the other one and it are not both for the same message."""


def ungated(trigger: Trigger) -> Trigger:
    return replace(trigger, gates=())


def sides(one: Case) -> list[str]:
    """All that is found in both sessions of a case."""
    return [
        str(
            (
                finding.rule.id,
                finding.severity,
                finding.subject,
                finding.detail,
                finding.count,
                finding.events,
            )
        )
        for pieces in (one.breaks, one.legal)
        for finding in sorted(
            judged(*pieces, **one.options), key=lambda finding: (finding.rule.id, finding.subject)
        )
    ]


@pytest.mark.parametrize("name", TESTS)
def test_gates_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch):
    cases: list[Case] = getattr(importlib.import_module(f"tests.rules.{name}"), "CASES", [])
    gated = list(map(sides, cases))
    for one in [one for one in RULES.values() if one.id != DIVIDED]:
        monkeypatch.setitem(RULES, one.id, replace(one, triggers=tuple(map(ungated, one.triggers))))
    monkeypatch.setattr(
        "ocppscope.rules.engine.LEARNERS", [(ungated(trigger), one) for trigger, one in LEARNERS]
    )
    assert list(map(sides, cases)) == gated
