"""`--public-key`: keys of meters that the capture does not have."""

from collections.abc import Sequence
from pathlib import Path

import click

from ocppscope.ocpp.signed.keys import PublicKey, read_keys
from ocppscope.ocpp.signed.records import UnreadableError, UnsupportedError
from ocppscope.ocpp.visible import visible

_LARGEST = 1_000_000


def _read(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> tuple[PublicKey, ...]:
    found: list[PublicKey] = []
    for given in value:
        try:
            found += read_keys(_text_of(given))
        except (UnreadableError, UnsupportedError) as error:
            raise click.BadParameter(
                f"{visible(given[:80])}: {error}. Give a file or the key itself: PEM, DER in hex or base64, or"
                " oca:base16:asn1:…",
                ctx,
                param,
            ) from error
    return tuple(dict.fromkeys(found))


def _text_of(given: str) -> str:
    """What a file holds; what names no file is the key itself."""
    path = Path(given)
    try:
        if not path.is_file():
            return given
        if path.stat().st_size > _LARGEST:
            raise click.BadParameter(f"{visible(given)} is too large for a file of public keys")
        data = path.read_bytes()
    except OSError:  # also: no name of a file can be that long
        return given
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()  # DER


public_key_option = click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="KEY",
    callback=_read,
    help="A meter's public key, or a file of them, for signed meter values.",
)
