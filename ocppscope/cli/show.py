"""`ocppscope show`: one event whole."""

import json
import sys
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import click
import orjson

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.cli import text
from ocppscope.cli.options import EXIT_FINDINGS, Reading, reading_options
from ocppscope.events import Control, Damaged, Event, Message, Notice, Opened
from ocppscope.export import records
from ocppscope.ocpp import errors, schedules, schemas, wording
from ocppscope.ocpp.annotations import Carried, annotations, carried
from ocppscope.ocpp.lenient import NOT_AS_EXPECTED
from ocppscope.ocpp.times import duration, timestamp
from ocppscope.ocpp.visible import visible
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.registry import Profile, Report

_CARET_CONTEXT: Final = 60
_SHOWN_WHOLE: Final = 400
_HEX_SHOWN: Final = 256
_PERIODS_SHOWN: Final = 48


@dataclass(slots=True)
class _Shown:
    """What there is to say of the event."""

    n: int
    event: Event | None = None
    answer: Message | None = None
    findings: dict[int, tuple[Finding, str]] = field(default_factory=dict)
    """By the identity of the finding: it, and what it says of this event."""

    def observe(self, finding: Finding, report: Report, numbers: tuple[int, ...]) -> None:
        if self.n in numbers:
            detail = report.detail.replace("{amount}", f"{report.amount:,}")
            self.findings.setdefault(id(finding), (finding, detail))

    def look_at(self, event: Event | Notice) -> None:
        if isinstance(event, Notice):
            return
        if event.n == self.n:
            self.event = event
        elif self.answer is None and isinstance(event, Message) and event.call and event.call.n == self.n:
            self.answer = event


@click.command()
@click.argument("source", metavar="INPUT")
@click.argument("n", type=click.IntRange(1), metavar="N")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--profile",
    type=click.Choice(["field", "strict"]),
    default="field",
    show_default=True,
    help="Severities.",
)
@reading_options
def command(*, source: str, n: int, as_json: bool, profile: Profile, **reading: Any) -> None:
    """Show event N of a capture whole: decoded, annotated, raw, its answer, its findings."""
    shown = _Shown(n)
    engine = Engine(profile=profile, observer=shown.observe)
    opened = Reading(**reading).open([source])
    last = 0
    for batch in opened.batches():
        engine.feed(batch)
        for event in batch:
            shown.look_at(event)
            last = last if isinstance(event, Notice) else event.n
    opened.require_ocpp()
    if shown.event is None:
        message = f"{source} has no event {n}: its events are 1 to {last}"
        raise click.BadParameter(message, param_hint="N")
    if as_json:
        _print_json(shown, opened.name)
    else:
        _print_text(shown.event, shown)
    if opened.counts.damaged_file:
        sys.exit(EXIT_FINDINGS)


def _print_json(shown: _Shown, name: str) -> None:
    assert shown.event is not None
    record = records.event_record(shown.event)
    record["answer"] = shown.answer and records.event_record(shown.answer)
    record["violations"] = [
        {"pointer": one.pointer, "keyword": one.keyword, "constraint": one.constraint, "detail": one.detail}
        for one in getattr(shown.event, "violations", ())
    ]
    record["findings"] = [
        {**records.finding_record(finding, name), "detail": detail}
        for finding, detail in shown.findings.values()
    ]
    sys.stdout.buffer.write(records.line(record))


# --- text ---


def _print_text(event: Event, shown: _Shown) -> None:
    session = event.session
    click.echo(
        text.wrapped(wording.what(event), "  ", click.style(f"Event {event.n}: ", bold=True), bold=True)
    )
    _field("time", timestamp(event.time) or "not known")
    who = {"→": "station → CSMS", "←": "CSMS → station"}.get(wording.arrow(event), "")
    ends = f", {session.client or '?'} → {session.server or '?'}" if session.client or session.server else ""
    _field("session", f"{session.number}, station {session.station or 'unnamed'}{ends}")
    _field("direction", who)
    _field(
        "version",
        f"OCPP {session.version}{' (assumed)' if session.version_inferred else ''}"
        if session.version
        else "not known",
    )
    if isinstance(event, Message):
        _print_message(event, shown)
    elif isinstance(event, Opened):
        _print_opened(event)
    elif isinstance(event, Damaged):
        _print_damaged(event)
    elif isinstance(event, Control):
        _field("length", f"{len(event.payload)} bytes")
        _field("payload", event.payload.hex(" "))
    for finding, detail in shown.findings.values():
        click.echo()
        head = f"{text.severity_word(finding.severity)} {finding.rule.id} "
        click.echo(text.wrapped(finding.rule.title, " " * 9, head, bold=True))
        click.echo(text.wrapped(detail, " " * 9))
        click.echo(click.style(text.wrapped(finding.source, " " * 16, " " * 9 + "source "), dim=True))
        click.echo(text.wrapped(finding.rule.hint, " " * 16, " " * 9 + "hint   "))


def _print_message(event: Message, shown: _Shown) -> None:
    _field("message id", json.dumps(event.id, ensure_ascii=False))
    if event.call is not None:
        _field("answers", f"#{event.call.n} {event.call.action} after {duration(event.latency or 0)}")
    if shown.answer is not None:
        _field("answer", f"#{shown.answer.n} {wording.what(shown.answer)}")
    if event.error is not None:
        code = event.error.code
        meaning = errors.explain(event.session.version, code) or errors.meaning_of(code)
        _field("error code", f"{code}{': ' + meaning if meaning else ''}")
        _field("description", str(event.error.description))
        _heading("Details")
        _print_payload(event.error.details, event)
    else:
        _heading("Payload")
        _print_payload(event.payload, event)
        _print_schedules(event.payload)
    _heading("Raw")
    click.echo(_raw(event.raw))
    if shown.answer is not None:
        _heading(f"Answer, #{shown.answer.n}")
        click.echo(_raw(shown.answer.raw))


def _raw(text: str) -> str:
    """As on the wire, but for what would move the cursor."""
    return "\n".join(map(visible, text.split("\n")))


def _print_payload(payload: Any, event: Message) -> None:
    """The payload, with what is to be said of a line behind it."""
    wrong: dict[str | None, list[str]] = {}
    for one in event.violations:
        if one.keyword != "required":
            wrong.setdefault(one.pointer, []).append(one.detail.removeprefix(f"{one.pointer} is "))
    notes = annotations(event) if payload is event.payload else {}
    within = carried(event) if payload is event.payload else None
    for pointer, line in _lines(payload):
        said = wrong.get(pointer) or [
            note.text for note in notes.get(pointer or "", ()) if note.kind != "constraint"
        ]
        _print_noted(visible(line), "; ".join(said))
        if within is not None and pointer == within.pointer:
            _print_carried(within)
    for one in event.violations:
        if one.keyword == "required":
            click.echo(text.wrapped(one.detail, "  ", click.style("! ", fg="red"), fg="red"))


def _print_carried(within: Carried) -> None:
    """The JSON that a text holds, below the text."""
    for pointer, line in _lines(within.value):
        said = [note.text for note in within.notes.get(pointer or "", ()) if note.kind != "constraint"]
        _print_noted(f"    ┊ {visible(line)}", "; ".join(said))


def _print_schedules(value: Any) -> None:
    """Each charging schedule of several periods as a table."""
    if isinstance(value, list):
        for one in value:
            _print_schedules(one)
    elif isinstance(value, dict):
        if "chargingSchedulePeriod" in value:
            _print_schedule(value)
        for one in value.values():
            _print_schedules(one)


def _print_schedule(schedule: dict[str, Any]) -> None:
    try:
        found = schedules.rows(schedule)
    except NOT_AS_EXPECTED:
        return
    if len(found) < 2:
        return
    _heading("Charging schedule")
    for one in found[:_PERIODS_SHOWN]:
        until = "the end" if one.until is None else schedules.clock(one.until)
        at = f"  {one.at[:19]}Z" if one.at else ""
        click.echo(visible(f"{schedules.clock(one.start):>9} to {until:<9}{at}  {one.says}"))
    if len(found) > _PERIODS_SHOWN:
        click.echo(f"          and {len(found) - _PERIODS_SHOWN:,} periods more")


def _print_noted(line: str, note: str) -> None:
    """A line and, behind it or below where there is no room, what is to be said of it."""
    if not note:
        click.echo(line)
    elif text.columns_of(f"{line}  ← {note}") <= text.width():
        click.echo(f"{line}  {click.style('← ' + visible(note), fg='yellow')}")
    else:
        indent = " " * (len(line) - len(line.lstrip()))
        click.echo(line)
        click.echo(
            text.wrapped(note, f"{indent}  ", f"{indent}{click.style('↑ ', fg='yellow')}", fg="yellow")
        )


_Line: TypeAlias = tuple[str | None, str]


def _lines(value: Any, pointer: str = "", indent: str = "", name: str = "", comma: str = "") -> list[_Line]:
    """Pretty-printed JSON, each line with the JSON pointer of what it shows (None: a closing line)."""
    if not isinstance(value, dict | list) or not value:
        return [(pointer, f"{indent}{name}{orjson.dumps(value).decode()}{comma}")]
    is_object = isinstance(value, dict)
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    lines: list[_Line] = [(pointer, f"{indent}{name}{'{' if is_object else '['}")]
    for at, (key, item) in enumerate(items, 1):
        label = f"{json.dumps(key, ensure_ascii=False)}: " if is_object else ""
        below = schemas.pointer_of([key])
        lines += _lines(item, pointer + below, indent + "  ", label, "," if at < len(items) else "")
    lines.append((None, f"{indent}{'}' if is_object else ']'}{comma}"))
    return lines


def _print_opened(event: Opened) -> None:
    asked, answered = "none" if event.request else "not seen", "none" if event.response else "not seen"
    _field("path", event.path or "not seen")
    _field("status", str(event.status or "not seen"))
    _field("offered", ", ".join(event.subprotocols) or asked)
    _field("agreed", event.subprotocol or answered)
    _field("extensions", event.extensions or answered)
    if event.tls:
        _field("TLS", ", ".join(part for part in (event.tls.version, event.tls.cipher) if part))
    _field("credentials", event.auth or asked)
    for title, head in (("Request", event.request), ("Response", event.response)):
        if head:
            _heading(title)
            click.echo(wording.without_secrets(head).rstrip())


def _print_damaged(event: Damaged) -> None:
    raw = event.raw.encode() if isinstance(event.raw, str) else event.raw
    _field("layer", event.layer)
    _field("breaks at", f"byte {event.offset} of {len(raw)}")
    _heading("Raw")
    if event.layer in ("json", "rpc", "utf8"):
        whole = len(raw) <= _SHOWN_WHOLE
        start = 0 if whole else max(event.offset - _CARET_CONTEXT, 0)
        end = len(raw) if whole else event.offset + _CARET_CONTEXT
        before = ("…" if start else "") + raw[start : event.offset].decode(errors="replace")
        after = raw[event.offset : end].decode(errors="replace") + ("…" if end < len(raw) else "")
        before = visible(before)
        click.echo(before + visible(after))
        click.echo(" " * text.columns_of(before) + click.style("^", fg="red", bold=True))
    else:
        for at in range(0, min(len(raw), _HEX_SHOWN), 16):
            row = raw[at : at + 16]
            shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            click.echo(f"{at:06x}  {row.hex(' '):<47}  {shown}")
        if len(raw) > _HEX_SHOWN:
            click.echo(f"… and {len(raw) - _HEX_SHOWN:,} bytes more (--json has all)")


def _heading(title: str) -> None:
    click.echo()
    click.echo(click.style(title, bold=True))


def _field(name: str, value: str) -> None:
    if value:
        click.echo(text.wrapped(value, " " * 13, f"{name + ':':<13}"))
