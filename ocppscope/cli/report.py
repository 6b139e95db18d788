"""How `check` prints its verdicts: text for people, JSON lines, JUnit and SARIF for machines."""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final
from urllib.parse import quote

import click

from ocppscope import __version__
from ocppscope.cli import junit, text
from ocppscope.cli.counts import Counts
from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.export import records
from ocppscope.ocpp import wording
from ocppscope.ocpp.visible import visible
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.registry import RULES, SEVERITIES, Severity

_SESSIONS_NAMED: Final = 3
_CLEAN: Final = "no errors, no warnings"
_TOLD_ALREADY: Final = frozenset({"CAP-013"})
"""Rules whose findings people have read on stderr, while the input was read."""


class Verdict:
    """What is to be said of one capture."""

    def __init__(self, name: str, engine: Engine, counts: Counts) -> None:
        self.name = name
        self.counts = counts
        self.shown: list[Finding] | None = None
        """Those that the user asked for; None: all."""
        self._engine = engine

    @property
    def findings(self) -> list[Finding]:
        """The gravest first, then by the first event that shows them."""
        findings = self._engine.findings if self.shown is None else self.shown
        return sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), min(one.events, default=0)))

    @property
    def not_shown(self) -> str:
        """The end of a line that tells how many findings the user did not ask for."""
        hidden = 0 if self.shown is None else len(self._engine.findings) - len(self.shown)
        return f"; {wording.plural(hidden, 'finding')} not shown (--filter)" if hidden else ""

    def has(self, severities: Collection[Severity]) -> bool:
        return any(finding.severity in severities for finding in self.findings)


def _as_json(verdicts: Iterable[Verdict]) -> None:
    for verdict in verdicts:
        for finding in verdict.findings:
            sys.stdout.buffer.write(records.line(records.finding_record(finding, verdict.name)))


# --- text ---


def _as_text(verdicts: Iterable[Verdict]) -> None:
    for at, verdict in enumerate(verdicts):
        if at:
            click.echo()
        findings = [one for one in verdict.findings if one.rule.id not in _TOLD_ALREADY]
        grave = [finding for finding in findings if finding.severity != "info"]
        if not grave:
            _print_clean(verdict, findings)
            continue
        click.echo(click.style(visible(verdict.name), bold=True))
        for group in _groups(findings):
            click.echo()
            _print_group(group)
        click.echo()
        click.echo(text.wrapped(f"{_tally(findings)} in {verdict.counts}{verdict.not_shown}", "  ", ""))


def _print_clean(verdict: Verdict, notes: list[Finding]) -> None:
    """One line; and one for each note that is more than a severity which the profile has lowered."""
    lowered = dict.fromkeys(one.rule.id for one in notes if one.rule.severity != "info")
    said = f"; notes: {', '.join(lowered)} (--json shows them)" if lowered else ""
    about = f"{_CLEAN} in {verdict.counts}{said}" if verdict.counts.messages else "no message to judge"
    line = text.wrapped(f"{about}{verdict.not_shown}", "    ", f"{visible(verdict.name)}: ")
    click.echo(line.replace(_CLEAN, click.style(_CLEAN, fg="green", bold=True), 1))
    for group in _groups([one for one in notes if one.rule.severity == "info"]):
        note = f"{group[0].rule.id} {group[0].rule.title}: {group[0].detail}"
        note += f" (and in {wording.plural(len(group) - 1, 'more session')})" if len(group) > 1 else ""
        click.echo(text.wrapped(note, " " * 9, "    note "))
        if group[0].quirk:
            click.echo(text.wrapped(group[0].quirk.said, " " * 16, f"{' ' * 9}known  "))


def _tally(findings: list[Finding]) -> str:
    counts = {name: sum(finding.severity == name for finding in findings) for name in SEVERITIES}
    words = {"error": "error", "warning": "warning", "info": "note"}
    parts = [wording.plural(count, words[name]) for name, count in counts.items() if count]
    return ", ".join(parts)


def _groups(findings: list[Finding]) -> list[list[Finding]]:
    """Findings that differ in nothing but the session."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.rule.id, finding.subject), []).append(finding)
    return list(groups.values())


def _print_group(group: list[Finding]) -> None:
    finding = group[0]
    head = f"{text.severity_word(finding.severity)} {finding.rule.id:<9} "
    indent = " " * 9
    click.echo(text.wrapped(finding.rule.title, indent, head, bold=True))
    for one in group[:_SESSIONS_NAMED]:
        click.echo(text.wrapped(f"{_where(one)}{one.detail}", indent))
        if one.quote is not None:
            click.echo(text.pointed(one.quote.before, one.quote.after, indent))
        click.echo(text.wrapped(_proof(one), indent, dim=True))
        if one.quirk:
            click.echo(text.wrapped(one.quirk.said, indent + "       ", f"{indent}known  "))
    if len(group) > _SESSIONS_NAMED:
        click.echo(f"{indent}and in {wording.plural(len(group) - _SESSIONS_NAMED, 'more session')}")
    click.echo(click.style(text.wrapped(finding.source, indent + "       ", f"{indent}source "), dim=True))
    click.echo(text.wrapped(finding.rule.hint, indent + "       ", f"{indent}hint   "))


def _where(finding: Finding) -> str:
    session = finding.session
    if session is None:
        return ""
    who = {FROM_STATION: ", station → CSMS", FROM_CSMS: ", CSMS → station"}.get(finding.direction or "", "")
    return f"{session.station or 'unnamed station'}, session {session.number}{who}: "


def _proof(finding: Finding) -> str:
    shown = " ".join(f"#{number}" for number in finding.events[:8])
    more = " …" if len(finding.events) > 8 or finding.count > len(finding.events) > 0 else ""
    times = f"{finding.count:,} times, from " if finding.count > 1 else ""
    until = f" to {wording.clock(finding.last)}" if finding.count > 1 else ""
    at = (
        f"{times}{wording.clock(finding.first)}{until}"
        if finding.first is not None
        else times.rstrip(", from")
    )
    return "  ".join(part for part in (at, shown + more) if part)


# --- for machines ---


def _as_junit(verdicts: Iterable[Verdict]) -> None:
    """A test suite for each capture; a test case for each rule that was broken, or one that passed."""
    lines = [junit.HEAD, '<testsuites name="ocppscope">']
    for verdict in verdicts:
        findings = verdict.findings
        failures = sum(finding.severity != "info" for finding in findings)
        name = junit.attribute(verdict.name)
        count = max(len(findings), 1)
        lines.append(f'  <testsuite name={name} tests="{count}" failures="{failures}" errors="0">')
        lines += [_test_case(finding, name) for finding in findings]
        if not findings:
            lines.append(f'    <testcase classname={name} name="no findings"/>')
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    click.echo("\n".join(lines))


def _test_case(finding: Finding, name: str) -> str:
    title = junit.attribute(f"{finding.rule.id} {_where(finding)}{finding.subject}".strip(": "))
    known = f"\nknown: {finding.quirk.said}" if finding.quirk else ""
    body = junit.body(f"{finding.detail}\n{_proof(finding)}\n{finding.source}\n{finding.rule.hint}{known}")
    message = junit.attribute(finding.rule.title)
    start = f"    <testcase classname={name} name={title}>"
    if finding.severity == "info":
        return f"{start}<system-out>{body}</system-out></testcase>"
    return f'{start}<failure type="{finding.severity}" message={message}>{body}</failure></testcase>'


def _as_sarif(verdicts: Iterable[Verdict]) -> None:
    """SARIF 2.1.0, which code hosts show beside a change."""
    levels: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "note"}
    found = [(verdict, finding) for verdict in verdicts for finding in verdict.findings]
    used = dict.fromkeys(finding.rule.id for _, finding in found)
    run = {
        "tool": {
            "driver": {
                "name": "ocppscope",
                "version": __version__,
                "rules": [
                    {
                        "id": rule_id,
                        "shortDescription": {"text": RULES[rule_id].title},
                        "help": {"text": RULES[rule_id].hint},
                    }
                    for rule_id in used
                ],
            }
        },
        "results": [
            {
                "ruleId": finding.rule.id,
                "level": levels[finding.severity],
                "message": {"text": f"{_where(finding)}{finding.detail} ({finding.source}){_known(finding)}"},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(verdict.name)}}}],
                "occurrenceCount": finding.count,
                "properties": {"events": finding.events},
            }
            for verdict, finding in found
        ],
    }
    click.echo(json.dumps({"version": "2.1.0", "$schema": _SARIF_SCHEMA, "runs": [run]}, indent=2))


def _known(finding: Finding) -> str:
    return f". Known: {finding.quirk.said}" if finding.quirk else ""


_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

FORMATS: Final[Mapping[str, Callable[[Iterable[Verdict]], None]]] = {
    "text": _as_text,
    "json": _as_json,
    "junit": _as_junit,
    "sarif": _as_sarif,
}
