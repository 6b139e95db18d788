"""The options that say how to read inputs. What they set up is in `options`: it imports all decoders."""

import re
from collections.abc import Callable, Mapping
from datetime import tzinfo
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


class ZoneType(click.ParamType[tzinfo]):
    """A time zone: an IANA name, or an offset from UTC."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tzinfo:
        if isinstance(value, tzinfo):
            return value
        from ocppscope.sources.text.clock import zone_named

        try:
            return zone_named(value)
        except ValueError:
            self.fail(f"{value!r} is no time zone: write a name such as Europe/Berlin, or +02:00", param, ctx)


class DialectType(click.ParamType[str]):
    """The name of a log dialect."""

    name = "dialect"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from ocppscope.sources.text.dialect import all_dialects

        known = all_dialects()
        if value not in known:
            self.fail(f"there is no dialect {value!r}: choose one of {', '.join(sorted(known))}", param, ctx)
        return str(value)


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
        click.option(
            "--dialect", type=DialectType(), metavar="NAME", help="Read a log as this program writes it."
        ),
        click.option(
            "--assume-tz",
            type=ZoneType(),
            metavar="ZONE",
            help="Of times in logs that say none: Europe/Berlin, +02:00. Default: UTC.",
        ),
        click.option(
            "--as-logged-by",
            type=click.Choice(["station", "csms"]),
            help="Which side wrote the log, where its messages do not show it.",
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
