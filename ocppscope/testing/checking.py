"""The first half of a test: what the rules find in the capture, and whether that is what is expected."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ocppscope.ocpp.wording import plural
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.registry import RULES, SEVERITIES
from ocppscope.testing.reading import Seen, batches, require_ocpp
from ocppscope.testing.settings import Expected, Values

_SHOWN: Final = 3
"""Findings of a rule that are told one by one."""


def check(path: Path, input_: Values, wanted: Values) -> list[str]:
    """Judge a capture.

    Args:
        path: of the capture.
        input_: the values of `[input]`.
        wanted: those of `[check]`.

    Returns:
        What is not as expected, in lines; empty where all is.

    Raises:
        CannotReadError: there is nothing to judge.
    """
    engine = Engine(profile=wanted.get("profile", "field"))
    seen = Seen()
    for batch in batches(path, input_, seen):
        engine.feed(batch)
    findings = engine.findings
    expected: tuple[Expected, ...] = wanted.get("expected", ())
    if not seen.messages and not expected:
        require_ocpp(path, seen)
    least = wanted.get("fail_on") or ("warning" if "expected" in wanted else "error")
    grave = SEVERITIES[: SEVERITIES.index(least) + 1] if least in SEVERITIES else ()
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule.id, []).append(finding)
    lines = [f"the file could be read in part only: {one}" for one in seen.damage]
    for one in expected:
        lines += _missing(one, by_rule.get(one.rule, []))
    named = {one.rule for one in expected}
    for rule, found in by_rule.items():
        counted = [finding for finding in found if finding.severity in grave]
        if rule not in named and counted:
            lines += _surplus(counted, is_told="expected" in wanted)
    return lines


def _missing(expected: Expected, found: list[Finding]) -> Iterator[str]:
    title = RULES[expected.rule].title
    times = sum(finding.count for finding in found)
    if not found:
        yield f"{expected.rule} is expected, and was not found: {title}"
    elif expected.count is not None and expected.count != times:
        yield f"{expected.rule} is expected {plural(expected.count, 'time')}, and was found {times:,}: {title}"
        yield from _shown(found)


def _surplus(found: list[Finding], *, is_told: bool) -> Iterator[str]:
    rule = found[0].rule
    surplus = ", and is not expected" if is_told else ""
    yield f"{found[0].severity} {rule.id} was found{surplus}: {rule.title}"
    yield from _shown(found)


def _shown(found: list[Finding]) -> Iterator[str]:
    for finding in found[:_SHOWN]:
        where = f"session {finding.session.number}: " if finding.session else ""
        proof = " ".join(f"#{number}" for number in finding.events[:8])
        times = f" ({plural(finding.count, 'time')})" if finding.count > 1 else ""
        yield f"    {where}{finding.detail}{times}{'  ' if proof else ''}{proof}"
    if len(found) > _SHOWN:
        yield f"    and {len(found) - _SHOWN:,} more"
