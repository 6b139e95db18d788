"""The group of commands. A command's module is imported when it is called, so that the start stays fast."""

import gc
import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from ocppscope import __version__
from ocppscope.cli.pipes import discard_output, reader_may_leave

_COMMANDS: Final[Mapping[str, str]] = {
    "check": "Read captures, print what went wrong, and a summary.",
    "ls": "List the events of a capture, a line each.",
    "show": "Show one event whole: decoded, raw, its answer, its findings.",
    "view": "Browse a capture in the terminal; INPUT alone does the same.",
    "record": "Sit between stations and their CSMS, pass everything on unchanged, and record it.",
    "sniff": "Record what passes on a network interface.",
    "replay": "Play one side of a capture against a real peer, and compare.",
    "test": "Check and replay a folder of captures as regression tests.",
    "convert": "Write a capture in another form: a store, pcapng, a trace, tables, an HTML report.",
    "transactions": "List charging transactions, each over as many sessions as it takes.",
    "stations": "Tell of each station what it is, how it is set, and how it is connected.",
    "share": "Write a capture without its secrets, to be attached to an issue.",
    "rules": "List all rules.",
    "explain": "Explain a word: a rule, an action, a code, a setting, a field, a value.",
}


_version_option: Final = click.version_option(__version__, message="ocppscope %(version)s")


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"ocppscope.cli.{cmd_name}")
        command: click.Command = module.command
        if not any(option.name == "version" for option in command.params):
            _version_option(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A first word that is no command but an input is for `view`."""
        name = args[0]
        if name in _COMMANDS:
            return super().resolve_command(ctx, args)
        if name == "-" or os.path.exists(name):  # noqa: PTH110 - pathlib takes its time to import
            return "view", self.get_command(ctx, "view"), args
        if name.startswith("-"):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"There is no command {name!r}, nor a file of that name.{_meant(name)}", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        with reader_may_leave():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _meant(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, _COMMANDS, 1)
    return f" Did you mean {near[0]}?" if near else ""


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="INPUT is a pcap or pcapng capture (also in gzip), a store (.ocppdb), a log, a trace, or - for standard "
    "input. "
    "`ocppscope INPUT` opens it in the terminal browser.",
)
@_version_option
def _group() -> None:
    """Wireshark for OCPP: read captures of charging stations and their CSMS, and say what went wrong."""


def main() -> None:
    """Run the command line, and end with an exit code of the contract."""
    # Events die by their reference counts. The collector would walk them again and again for nothing.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may not have an arrow
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _group.main(prog_name="ocppscope", standalone_mode=False, **_colour())
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except OSError as error:
        discard_output()
        click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
        code = 1
    sys.exit(code or 0)


def _colour() -> dict[str, Any]:
    return {"color": False} if os.environ.get("NO_COLOR") else {}
