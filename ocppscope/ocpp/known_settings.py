"""What can be set on a station: the configuration keys of 1.6, and the variables of 2.x that matter most.

They stand in `configuration_keys.toml` and `variables.toml`, with their sources.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from ocppscope.events import event

ANY_COMPONENT: Final = "*"
"""Stands for the component of variables that any may have."""


@event
class KnownSetting:
    """A configuration key, or a variable.

    Attributes:
        name: as on the wire.
        group: the profile of 1.6 or the document that names a key; the component of a variable.
        type: of its value: boolean, integer, decimal, string, dateTime, CSL and the lists of 2.x.
        unit: of its value; empty where it has none.
        access: of a key: R, W, RW, as the CSMS may; empty for a variable.
        required: of a key: whether each station of that profile has it.
        says: what it means.
    """

    name: str
    group: str
    type: str
    unit: str
    access: str
    required: bool
    says: str


def _read(file: str) -> list[KnownSetting]:
    tables = tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    return [
        KnownSetting(
            name,
            group,
            one["type"],
            one.get("unit", ""),
            one.get("access", ""),
            one.get("required", False),
            one["says"],
        )
        for group, table in tables.items()
        for name, one in table.items()
    ]


@cache
def configuration_keys() -> Mapping[str, KnownSetting]:
    """The configuration keys of 1.6, by name."""
    return {one.name: one for one in _read("configuration_keys.toml")}


@cache
def variables() -> Mapping[tuple[str, str], KnownSetting]:
    """The variables of 2.x, by component and name; ANY_COMPONENT has those that any may have."""
    return {(one.group, one.name): one for one in _read("variables.toml")}


def variable(component: str, name: str) -> KnownSetting | None:
    """What is known of a variable of a component."""
    found = variables()
    return found.get((component, name)) or found.get((ANY_COMPONENT, name))
