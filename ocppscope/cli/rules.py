"""`ocppscope rules`: every rule."""

import sys

import click

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.cli import text
from ocppscope.export import records
from ocppscope.rules.registry import RULES


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One rule a line, as JSON.")
def command(*, as_json: bool) -> None:
    """List all rules: id, severity, title, and where the standard says so."""
    for one in RULES.values():
        if as_json:
            sys.stdout.buffer.write(records.line(records.rule_record(one)))
            continue
        differs = "" if one.field == one.severity else f" ({one.severity} in profile strict)"
        head = f"{text.severity_word(one.field)} {one.id:<16} "
        click.echo(text.wrapped(one.title + differs, " " * 26, head))
        click.echo(click.style(text.wrapped(one.source_for(None), " " * 26), dim=True))
