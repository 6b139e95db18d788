"""Every rule: declared whole, in the catalogue, and shown by some test."""

import importlib
import re
from pathlib import Path

import pytest

from ocppscope.ocpp.versions import JUDGED
from ocppscope.rules import __all__ as modules
from ocppscope.rules.not_judged import NOT_JUDGED
from ocppscope.rules.registry import RULES, SEVERITIES, Report, Rule, fault_rule, rule
from tests.rules import sessions

NEEDS = {"message", "exchange", "session", "start", "time"}
SCHEMA_KEYWORDS = (
    "type required enum const maxLength minLength maxItems minItems maximum minimum multipleOf other".split()
)
FIELD_INFO = {"WS-006", "WS-007", "WS-009", "TIME-007", "TIME-008", "TX16-010", "MV-002"}
TESTS = [path.stem for path in sorted(Path(__file__).parent.glob("test_*.py"))]


def test_every_rule_is_exercised():
    for name in TESTS:
        importlib.import_module(f"tests.rules.{name}")
    assert set(RULES) - sessions.EXERCISED == set()
    assert set(RULES) >= sessions.EXERCISED


@pytest.mark.parametrize("one", RULES.values(), ids=lambda one: one.id)
def test_every_rule_is_whole(one):
    for text in (one.title, one.hint):
        assert text
        assert not text.endswith(".")
    assert one.needs in NEEDS
    assert {one.severity, one.field} <= set(SEVERITIES)
    assert one.triggers
    assert one.versions is None or one.versions <= set(JUDGED)
    for version in one.versions or (*JUDGED, None):
        assert one.source_for(version)
        assert "{" not in one.source_for(version)


@pytest.mark.parametrize("one", RULES.values(), ids=lambda one: one.id)
def test_a_source_for_each_version_that_a_rule_is_for(one):
    if isinstance(one.source, str):
        return
    judged_here = one.versions or set(JUDGED)
    assert set(one.source) >= judged_here, f"no source for {judged_here - set(one.source)}"


@pytest.mark.parametrize(
    ("prefix", "count"),
    [("WS", 16), ("RPC", 32), ("TIME", 9)],
)
def test_sections_a_b_and_d_of_the_catalogue(prefix, count):
    assert {f"{prefix}-{number:03}" for number in range(1, count + 1)} <= set(RULES)


CATALOGUE = Path(__file__).parents[3] / "shared/reference/rules.md"


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the catalogue is not on this machine")
def test_every_row_of_the_catalogue_is_judged_or_said_not_to_be():
    rows = set(re.findall(r"^\| ([A-Z0-9]+-\d+) \|", CATALOGUE.read_text(), re.MULTILINE))
    soap = {one for one in rows if one.startswith("SOAP-")}
    assert rows - soap - set(RULES) - set(NOT_JUDGED) == set()
    assert set(NOT_JUDGED) <= rows - set(RULES)


def test_ids_of_section_r():
    assert {f"SCH-{keyword}" for keyword in SCHEMA_KEYWORDS} <= set(RULES)
    assert {f"WS-{number:03}" for number in range(17, 26)} <= set(RULES)
    assert {f"CAP-{number:03}" for number in range(1, 8)} <= set(RULES)
    assert "SCH-additionalProperties" not in RULES


def test_field_only_lowers_what_section_s_names():
    lowered = {one.id for one in RULES.values() if one.field != one.severity}
    assert lowered <= FIELD_INFO
    assert all(RULES[name].field == "info" for name in lowered)


def test_what_is_about_the_capture_is_no_error():
    assert all(one.severity != "error" for one in RULES.values() if one.id.startswith("CAP-"))


def test_modules_are_declared():
    assert set(modules) >= {"rpc", "websocket", "schema", "times", "capture", "configuration"}


# --- the pieces ---------------------------------------------------------------------------------------------


def test_an_id_is_taken_once():
    with pytest.raises(ValueError, match="RPC-001"):
        fault_rule("RPC-001", "again", "error", "x", source="s", hint="h")
    with pytest.raises(ValueError):
        rule("RPC-001", "again", "error", source="s", hint="h")(lambda: None)


def a_rule(**changes):
    values = {
        "id": "X",
        "title": "t",
        "severity": "error",
        "field": "warning",
        "source": {"1.6": "a", "2.0.1": "b", "2.1": "b"},
        "hint": "h",
        "needs": "message",
        "versions": None,
        "triggers": (),
        "check": None,
    }
    return Rule(**values | changes)


@pytest.mark.parametrize(
    ("profile", "override", "severity"),
    [
        ("strict", None, "error"),
        ("field", None, "warning"),
        ("strict", "info", "info"),
        ("field", "info", "info"),
        ("strict", {"strict": "warning", "field": "info"}, "warning"),
        ("field", {"strict": "warning", "field": "info"}, "info"),
    ],
)
def test_severity_in_a_profile(profile, override, severity):
    assert a_rule().severity_in(profile, Report("d", severity=override)) == severity


def test_severity_without_a_report():
    assert a_rule().severity_in("strict") == "error"


@pytest.mark.parametrize(
    ("version", "source"), [("1.6", "a"), ("2.0.1", "b"), ("2.1", "b"), (None, "a; b"), ("1.5", "a; b")]
)
def test_source_for_a_version(version, source):
    assert a_rule().source_for(version) == source
