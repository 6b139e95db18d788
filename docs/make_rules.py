"""Make docs/rules.md: every rule, as the registry has it, and what is not judged.

Usage: python docs/make_rules.py [FILE]

FILE is where to write it, instead of docs/rules.md.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ocppscope import rules
from ocppscope.ocpp.versions import JUDGED, V21, V201
from ocppscope.rules.not_judged import NOT_JUDGED
from ocppscope.rules.registry import RULES, Rule

PLACE: Final = Path(__file__).with_name("rules.md")
_HEAD: Final = """\
# Rules

<!-- Made by docs/make_rules.py (make docs). What is changed here is lost. -->

`ocppscope check` judges by these {count} rules; `ocppscope rules` lists them, `ocppscope explain RULE` tells of one.
What a rule says of a capture is a finding. Its severity is that of profile `field`; where profile `strict` has another,
that stands behind it. *Needs* is what a capture must hold to be judged: a message alone, a Call and its answer
(exchange), the session so far, its start, or times of capture.

| rules | what they are about | how many |
|---|---|---|
"""
_COLUMNS: Final = """\
| rule | what is wrong | versions | severity | needs | source | what to do |
|---|---|---|---|---|---|---|
"""
_CATALOGUE: Final = re.compile(r" \(sections? [A-Z].*?of the catalogue\)")


def document(of: Mapping[str, Rule], not_judged: Mapping[str, str]) -> str:
    """The text of docs/rules.md."""
    groups: dict[str, list[Rule]] = {}
    for one in of.values():
        groups.setdefault(_group(one.id), []).append(one)
    titles = _titles()
    text = _HEAD.format(count=len(of))
    for name, ones in groups.items():
        text += f"| [{name}](#{name.lower()}) | {_cell(titles.get(name, ''))} | {len(ones)} |\n"
    for name, ones in groups.items():
        about = titles.get(name)
        text += f"\n## {name}\n\n{f'{about[:1].upper()}{about[1:]}.' if about else ''}".rstrip()
        text += f"\n\n{_COLUMNS}{''.join(map(_row, ones))}"
    return text + _left_out(not_judged)


def _group(rule_id: str) -> str:
    return rule_id.partition("-")[0]


def _row(one: Rule) -> str:
    versions = "all" if one.versions is None else ", ".join(v for v in JUDGED if v in one.versions)
    severity = one.field if one.field == one.severity else f"{one.field} (strict: {one.severity})"
    cells: Iterable[str] = (one.id, one.title, versions, severity, one.needs, _source(one), one.hint)
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _source(one: Rule) -> str:
    """Where the standard says so; 2.0.1 and 2.1 mostly say it in the same place."""
    if isinstance(one.source, str):
        return one.source
    places = dict(one.source)
    for_201, for_21 = places.get(V201, ""), places.get(V21, "")
    if for_201 and for_201.replace(V201, V21, 1) == for_21:
        places[V201] = for_201.replace(V201, f"{V201} and {V21}", 1)
        del places[V21]
    return "; ".join(dict.fromkeys(places.values()))


def _cell(text: str) -> str:
    """A text in a table: nothing in it is markup."""
    return re.sub(r"([|<>*`\[\]_])", r"\\\1", " ".join(text.split()))


def _left_out(not_judged: Mapping[str, str]) -> str:
    text = "\n## Not judged\n\n"
    if not not_judged:
        return f"{text}Nothing.\n"
    text += "What the standard asks for here does not show on the wire.\n\n"
    text += "| rule | what is missing on the wire |\n|---|---|\n"
    return text + "".join(
        f"| {_cell(name)} | {_cell(missing)} |\n" for name, missing in sorted(not_judged.items())
    )


def _titles() -> dict[str, str]:
    """By the letters that ids begin with: what the docstring of their module says of them, `BOOT: registration`."""
    titles = {}
    for found in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."):
        first = (importlib.import_module(found.name).__doc__ or "").split("\n\n")[0]
        names, colon, about = " ".join(first.split()).partition(": ")
        if colon and re.fullmatch(r"[A-Z0-9]+((, | and )[A-Z0-9]+)*", names):
            about = _CATALOGUE.sub("", about).rstrip(".")
            titles |= dict.fromkeys(re.split(", | and ", names), about)
    return titles


def main(place: Path) -> None:
    """Write the document."""
    place.write_text(document(RULES, NOT_JUDGED), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE)
