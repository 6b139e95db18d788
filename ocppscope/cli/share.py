"""`ocppscope share`: a capture that can be attached to a bug report."""

import contextlib
import gzip
import io
import json
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.cli.counts import Counts
from ocppscope.cli.options import EXIT_FINDINGS, OpenInput, Reading, UnreadableInput, reading_options
from ocppscope.events import Notice
from ocppscope.export import FORMATS, SHARED, Order
from ocppscope.export.open_ocpp_trace import is_carried
from ocppscope.ocpp import wording
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.visible import visible
from ocppscope.redaction import Options, Proof, Redactor, Summary, compare, table
from ocppscope.rules.engine import Engine, Finding
from ocppscope.rules.registry import SEVERITIES

_PREFERRED: Final = ("open-ocpp-trace", "pcapng")
"""Formats that can be replayed, the best first; the first that there is is the default."""
_MESSAGES_ONLY: Final = (
    *(name for name in FORMATS if name.startswith(("open-ocpp-trace", "csv"))),
    "parquet",
)
"""Formats that have no place for what is no message, such as a refused handshake."""
_FOR_PEOPLE: Final = ("html", "markdown", "mermaid")
"""Formats that are not made to be read again, though a message may be found in them."""
_PACKED: Final = ".gz"
_NEVER_PACKED: Final = "ocppdb"
"""SQLite needs a plain file."""
_NAME: Final = "shared-capture"
"""Says nothing, unlike the names of inputs."""
_NO_MESSAGE: Final = (
    "it holds no message that a trace could carry, and so it is written as pcapng: replay has nothing to play"
)
_FINDINGS_TOLD: Final = 50
_WHAT: Final[Mapping[str, str]] = {
    "identity": "station identities",
    "serial": "serial numbers, and keys of certificates",
    "sim": "SIM cards (ICCID, IMSI)",
    "token": "idTags and idTokens",
    "user": "user names",
    "person": "words about persons and organisations",
    "host": "host names",
    "address": "network addresses",
    "name": "names in certificates",
    "path": "parts of request paths",
    "query": "values in queries of URLs",
    "subprotocol": "unknown subprotocols",
    "vendor": "vendors and models (--vendors)",
    "also": "what --also matches",
    table.SECRET: "secrets, removed",
}


def _default_format() -> str:
    return next(name for name in _PREFERRED if name in FORMATS)


def _patterns(
    ctx: click.Context, param: click.Parameter, value: Sequence[str]
) -> tuple[re.Pattern[str], ...]:
    found = []
    for text in value:
        try:
            found.append(re.compile(text))
        except re.error as error:
            raise click.BadParameter(f"{text!r} is no regular expression: {error}", ctx, param) from error
        if found[-1].match(""):
            raise click.BadParameter(f"{text!r} matches nothing at all, and so everywhere", ctx, param)
    return tuple(found)


def _fields(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    for field in value:
        if field in _WHAT and field != table.SECRET:
            continue
        name = field.rpartition("/")[2]
        kind = table.field_kind(name, field) or table.setting_kind(name)
        if kind == table.SECRET:
            raise click.BadParameter(f"{field} is a secret, which is always removed", ctx, param)
        if kind in (None, table.PLAIN):
            kinds = ", ".join(kind for kind in _WHAT if kind != table.SECRET)
            raise click.BadParameter(
                f"{field or 'nothing'} is no field that would be replaced, and no kind ({kinds})", ctx, param
            )
        if "/" in field and not table.is_place(field):
            raise click.BadParameter(
                f"{field} is no place of OCPP: Authorize/idTag and Authorize.answer/idTagInfo/parentIdTag are",
                ctx,
                param,
            )
    return tuple(value)


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("-o", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT",
              help="Where to; .gz packs it. Otherwise a file in this folder, whose name says nothing.")  # fmt: skip
@click.option("--to", "name", type=click.Choice(list(FORMATS)),
              help="The format; otherwise OUT's extension tells.")  # fmt: skip
@click.option("--also", multiple=True, metavar="REGEX", callback=_patterns,
              help="Replace what this matches, too.")  # fmt: skip
@click.option("--keep", multiple=True, metavar="FIELD", callback=_fields,
              help="Leave it as it is: a field (idTag, Authorize/idTag) or a kind (identity, host).")  # fmt: skip
@click.option("--vendors", is_flag=True, help="Replace names of vendors and models, too.")
@click.option(
    "--seed", metavar="TEXT", help="The same text gives the same pseudonyms; otherwise random. Keep it."
)
@click.option("--force", is_flag=True, help="Replace OUT, and the text beside it, if they are there.")
@reading_options
def command(
    *,
    source: str,
    target: Path | None,
    name: str | None,
    also: tuple[re.Pattern[str], ...],
    keep: tuple[str, ...],
    vendors: bool,
    seed: str | None,
    force: bool,
    **reading: Any,
) -> None:
    """Write what can be attached in public: pseudonyms for who somebody is, nothing where secrets were.

    Two files: the capture, which can be checked and replayed as before, and a text for the issue (.md), which is
    also printed. Numbers, times, energy, actions and errors stay. Read docs/share.md, and look before you attach.

    Exit codes: 0, 1 an INPUT that could be read in part only, or in which `check` finds something else afterwards,
    2 wrong usage, 3 one that cannot be read or holds no OCPP message, 130 interrupted: nothing is written.
    """
    is_chosen = name is not None or target is not None
    name, target, text = _place(name, target, source, force=force)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # which would leave the folder behind
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with TemporaryDirectory(prefix="ocppscope-") as folder:  # which nobody else can read
        share = _Share(_spooled(source, Path(folder)), Reading(**reading), Options(seed, also, keep, vendors))
        try:
            share.learn()
            if not share.has_messages and name in _MESSAGES_ONLY:
                if is_chosen:
                    raise click.UsageError(
                        f"{name} carries messages, of which there is none: say --to pcapng"
                    )
                click.echo(f"Note: {_NO_MESSAGE}", err=True)
                name, target, text = _place("pcapng", None, source, force=force)
            made = share.write(name, Path(folder) / f"made{FORMATS[name].extension}")
        except KeyboardInterrupt:
            sys.exit(130)
        try:
            _put(made, target)
            markdown = share.markdown(target.name)
            text.write_text(markdown, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    click.echo(markdown, nl=False)
    click.echo(visible(f"{target}: {share.counts}"), err=True)
    for line in share.said():
        click.echo(line, err=True)
    for pattern in share.unmatched:
        click.echo(visible(f"Warning: --also {pattern} matches nothing in it"), err=True)
    click.echo(f"{text} is for the issue. Look through both before you attach them.", err=True)
    if share.is_damaged or not share.proof.holds:
        sys.exit(EXIT_FINDINGS)


def _place(name: str | None, target: Path | None, source: str, *, force: bool) -> tuple[str, Path, Path]:
    """The format, the file and the text beside it, as far as they are not said.

    Raises:
        click.BadParameter: the format is not clear, or one of the files is there.
    """
    if target is None:
        name = name or _default_format()
        packed = "" if name == _NEVER_PACKED else _PACKED
        target = Path(f"{_NAME}{FORMATS[name].extension}{packed}")
    name = name or _format_of(target)
    if name == _NEVER_PACKED and target.name.lower().endswith(_PACKED):
        raise click.BadParameter("a store cannot be packed: SQLite needs a plain file", param_hint="-o")
    bare = target.name.removesuffix(_PACKED).removesuffix(FORMATS[name].extension)
    text = target.with_name(f"{bare}.md")
    for path in (target, text):
        if not path.exists():
            continue
        if source != "-" and Path(source).exists() and path.samefile(source):
            raise click.BadParameter(f"{path} is the input: name another file", param_hint="-o")
        if not force:
            raise click.BadParameter(f"{path} is there already: --force replaces it", param_hint="-o")
    return name, target, text


def _format_of(target: Path) -> str:
    bare = target.name.lower().removesuffix(_PACKED)
    for name in (_default_format(), *FORMATS):
        if bare.endswith(FORMATS[name].extension):
            return name
    raise click.BadParameter(
        f"the format of {target.name} is not clear: say --to {'|'.join(FORMATS)}", param_hint="-o"
    )


def _spooled(source: str, folder: Path) -> str:
    """A name that can be read twice."""
    if source != "-":
        return source
    spool = folder / "input"
    with spool.open("xb") as file:
        spool.chmod(0o600)
        shutil.copyfileobj(sys.stdin.buffer, file)
    return str(spool)


def _put(made: Path, target: Path) -> None:
    """Move what was made to where it is to be, packed if its name says so."""
    with made.open("rb") as file, target.open("wb") as out:
        if not target.name.lower().endswith(_PACKED):
            shutil.copyfileobj(file, out)
            return
        with gzip.GzipFile("", "wb", fileobj=out, mtime=0) as packed:  # neither a name nor a time
            shutil.copyfileobj(file, packed)


class _Share:
    """One capture on its way out."""

    def __init__(self, source: str, settings: Reading, options: Options) -> None:
        self._source = source
        self._settings = settings
        hidden = {source, click.format_filename(source), Path(source).name, "standard input"}
        self._redactor = Redactor(Options(options.seed, options.also, options.keep, options.vendors, hidden))
        self._before, self._after = Engine(), Engine()
        self._read_back: Proof | None = None
        self.counts = Counts()
        self.is_damaged = False
        self.has_messages = False
        """A record of a trace can carry at least one event."""

    @property
    def proof(self) -> Proof:
        return compare(self._before.findings, self._after.findings, self._summary.rules)

    @property
    def unmatched(self) -> list[str]:
        return self._redactor.unmatched

    @property
    def _summary(self) -> Summary:
        return self._redactor.summary

    def learn(self) -> None:
        """Read it once."""
        opened = self._settings.open([self._source])
        try:
            for batch in opened.batches():
                self.has_messages = self.has_messages or any(map(is_carried, batch))
                self._redactor.learn(batch)
                self._before.feed(batch)
            opened.require_ocpp()
        finally:
            opened.close()
        self.is_damaged = opened.counts.damaged_file
        self._redactor.seal()

    def write(self, name: str, path: Path) -> Path:
        """Read it once more, and write what may be seen of it."""
        decoder = Decoder()
        output = FORMATS[name].open(Order(path, "a capture without its secrets (ocppscope share)"))
        try:
            with self._again() as opened:
                for batch in opened.batches():
                    redacted = decoder.feed(self._redactor.redact(batch))
                    self._after.feed(redacted)
                    self.counts.feed(redacted)
                    output.feed(redacted, read=opened.read, size=opened.size)
            output.feed([Notice(SHARED, None, " ".join(self.said()))], read=0, size=None)
            output.finish(found="{}", redaction=json.dumps(self._facts()))
        finally:
            output.close()
        self._read_back = None if name in _FOR_PEOPLE else self._checked(path)
        return path

    @contextlib.contextmanager
    def _again(self) -> Iterator[OpenInput]:
        """The input for the second time: what is to be said of it was said."""
        with contextlib.redirect_stderr(io.StringIO()):
            opened = self._settings.open([self._source])
            try:
                yield opened
            finally:
                opened.close()

    def _checked(self, path: Path) -> Proof | None:
        """What `check` finds in what was written; None where the format cannot be read."""
        plain = Reading((), (), self._settings.decode_as, self._settings.max_message, (), None)
        engine = Engine()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                opened = plain.open([str(path)])
                for batch in opened.batches():
                    engine.feed(batch)
        except UnreadableInput:
            return None
        return compare(self._before.findings, engine.findings, self._summary.rules)

    # --- what is said of it ---

    def said(self) -> list[str]:
        """What was replaced, and that nothing else changed: a sentence a line."""
        return [*self._replaced(), *self._proven()]

    def _facts(self) -> dict[str, Any]:
        summary, proof = self._summary, self.proof
        return {
            "values": summary.values,
            "places": summary.places,
            "findings": proof.after,
            "same": not proof.differing,
            "differing": proof.differing,
            "depending": dict(summary.rules),
        }

    def _replaced(self) -> list[str]:
        summary = self._summary
        lines = []
        for kind in table.KINDS:
            places = summary.places.get(kind, 0)
            if places:
                times = "once" if places == 1 else f"{places:,} times"
                lines.append(f"Replaced {times}: {_WHAT[kind]}.")
        return lines or ["Nothing in it was sensitive."]

    def _proven(self) -> list[str]:
        proof, rules = self.proof, self._summary.rules
        found = wording.plural(proof.after, "finding")
        lines = [f"`check` finds the same before and after: {found}."]
        if not proof.holds:
            lines = [f"`check` does NOT find the same before and after: {', '.join(proof.differing)}."]
        elif proof.differing:
            lines = [f"`check` finds the same before and after, but for {', '.join(proof.differing)}."]
        if rules:
            parts = ", ".join(sorted(set(rules.values())))
            lines.append(f"Rules that judge what was removed ({parts}): {', '.join(sorted(rules))}.")
        if self._read_back is not None and (
            differing := set(self._read_back.differing) - set(proof.differing)
        ):
            lines.append(
                f"In this format, which does not carry all of it, they differ: {', '.join(sorted(differing))}."
            )
        return lines

    def markdown(self, name: str) -> str:
        """The text for the issue."""
        findings = sorted(self._after.findings, key=lambda one: SEVERITIES.index(one.severity))
        lines = ["### Capture", "", f"`{name}`: {_escaped(str(self.counts))}", "", "### Findings", ""]
        if findings:
            lines += ["| rule | severity | what | where |", "|---|---|---|---|"]
            lines += [_row(one) for one in findings[:_FINDINGS_TOLD]]
        else:
            lines.append("`ocppscope check` finds nothing.")
        if len(findings) > _FINDINGS_TOLD:
            lines += ["", f"and {len(findings) - _FINDINGS_TOLD:,} more."]
        lines += [
            "", "### To see it", "", "```",
            *(visible(shlex.join(words)) for words in self._commands(name)),
            "```",
            "", "### What was replaced", "",
            *(f"- {line}" for line in self.said()), "",
        ]  # fmt: skip
        return "\n".join(lines)

    def _commands(self, name: str) -> Iterator[list[str]]:
        """What shows it again, to be pasted into a shell."""
        path = f"./{name}" if name.startswith("-") else name
        yield ["ocppscope", "check", path]
        if not self.has_messages:
            return
        station = next(iter(self.counts.stations), None) if len(self.counts.stations) > 1 else None
        only = [f"--station={station}"] if station else []
        yield ["ocppscope", "replay", path, "--as", "station", "--to", "ws://localhost:9000/ocpp", *only]


def _row(finding: Finding) -> str:
    events = " ".join(f"#{number}" for number in finding.events[:5])
    times = f", {finding.count:,} times" if finding.count > 1 else ""
    session = f"session {finding.session.number}" if finding.session else "capture"
    cells = (
        finding.rule.id,
        finding.severity,
        f"{finding.rule.title}: {finding.detail}",
        f"{session} {events}{times}",
    )
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    """A text in which nothing is Markdown, nor calls anybody."""
    return re.sub(r"([\\`*_\[\]<>|@#~])", r"\\\1", visible(text)).replace("\n", " ")
