"""The options that say how to read inputs. What they set up is in `options`: it imports all decoders."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_SIZES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

EXIT_FINDINGS: Final = 1
EXIT_UNREADABLE: Final = 3


class UnreadableInput(click.ClickException):
    """An input that cannot be read at all."""

    exit_code = EXIT_UNREADABLE


class SizeType(click.ParamType[int]):
    """Bytes: 512K, 16M, 100MB, 1G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([KMG]?)(i?B)?", value.strip(), re.IGNORECASE)
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is no size: write bytes, or 512K, 16M, 1G", param, ctx)
        return int(match[1]) * _SIZES[match[2].upper()]


def reading_options(function: F) -> F:
    """Add the options that say how to read inputs; the command gets them as `reading`."""
    existing = click.Path(exists=True, dir_okay=False, path_type=Path)
    options = (
        click.option("--keylog", multiple=True, type=existing, help="TLS secrets, in NSS key log format."),
        click.option(
            "--tls-key",
            multiple=True,
            type=existing,
            help="The server's RSA key (PEM), for RSA key exchange.",
        ),
        click.option(
            "--decode-as",
            multiple=True,
            type=click.IntRange(1, 65535),
            metavar="PORT",
            help="Take this port for HTTP and WebSocket, whatever it looks like.",
        ),
        click.option(
            "--max-message",
            type=SizeType(),
            default="16M",
            show_default=True,
            help="Largest message to read, also after inflating.",
        ),
        click.option("--station", multiple=True, metavar="ID", help="Only this station; may be repeated."),
        click.option("--name-station", metavar="ID", help="The identity, where the input shows none."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def reading_words(reading: Mapping[str, Any]) -> list[str]:
    """The shared options once more as words of a command line, for another process."""
    words = []
    for name, value in reading.items():
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        words += [f"--{name.replace('_', '-')}={one}" for one in values]
    return words
