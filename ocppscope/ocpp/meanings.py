"""What the values of enumerations mean. They stand in `meanings.toml`, with their sources."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def meanings() -> Mapping[str, Mapping[str, str]]:
    """By type, as OCPP 2.x names it without `EnumType`, and value."""
    return tomllib.loads(Path(__file__).with_name("meanings.toml").read_text(encoding="utf-8"))


def meaning(kind: str, value: object) -> str:
    """What a value of a type means; empty where nothing is known."""
    return meanings().get(kind, {}).get(value, "") if isinstance(value, str) else ""
