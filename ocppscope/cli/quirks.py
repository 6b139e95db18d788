"""`--quirks`: what a user knows of devices, besides what ships."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
from platformdirs import user_config_path

from ocppscope.ocpp.visible import visible
from ocppscope.rules.quirks import QuirkError, Quirks, load, shipped


def own_file() -> Path:
    """The user's own file of quirks: beside the config file, also where OCPPSCOPE_CONFIG names another one."""
    named = os.environ.get("OCPPSCOPE_CONFIG")
    folder = Path(named).parent if named else user_config_path("ocppscope")
    return folder / "quirks.toml"


def _read(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> Quirks | None:
    """What the files say, then the user's own one, then what ships; None: only that."""
    found: list[Quirks] = []
    try:
        found = [load(Path(name)) for name in value]
    except QuirkError as error:
        raise click.BadParameter(visible(str(error)), ctx, param) from error
    own = own_file()
    if own.is_file():
        try:
            found.append(load(own))
        except QuirkError as error:  # nobody asked for it by name: the capture is judged all the same
            click.echo(visible(f"Warning: {error}; it is left out"), err=True)
    return sum(found, start=Quirks(())) + shipped() if found else None


quirks_option = click.option(
    "--quirks",
    multiple=True,
    metavar="FILE",
    callback=_read,
    help="What you know of devices (docs/quirks.md): findings that it explains say so.",
)
"""Gives the command its `quirks`: Quirks, or None for those that ship."""
