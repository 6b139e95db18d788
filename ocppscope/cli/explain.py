"""`ocppscope explain`: what a word means: a rule, an action, a code, a setting, a field, a value."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from ocppscope.cli import text
from ocppscope.cli.topics import Topic, near, topics_of
from ocppscope.export import records
from ocppscope.ocpp.versions import V2X, V16

_NAME_COLUMNS: Final = 38
_LABEL_COLUMNS: Final = 12
_OCCURS_SHOWN: Final = 12


@click.command()
@click.argument("word", metavar="WORD")
@click.option("--json", "as_json", is_flag=True, help="What was found, one thing a line, as JSON.")
def command(*, word: str, as_json: bool) -> None:
    """Explain WORD: a rule, an action, an error code, a configuration key or variable, a field, a value of
    a field, a code that closes a WebSocket, a security event.

    Upper and lower case are the same. The first letters of rules, such as RPC, list all of them.
    """
    found = topics_of(word)
    if not found:
        meant = near(word)
        hint = f" Did you mean {_either(meant)}?" if meant else " `ocppscope rules` lists the rules."
        raise click.BadParameter(f"Nothing is known of {word!r}.{hint}", param_hint="WORD")
    if as_json:
        for topic in found:
            sys.stdout.buffer.write(records.line(topic))
        return
    for at, topic in enumerate(found):
        if at:
            click.echo()
        _TELL[topic["kind"]](topic)


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


# --- pieces ---


def _title(name: str, what: str) -> None:
    click.echo(text.wrapped(what, "  ", f"{click.style(name, bold=True)}  "))


def _say(label: str, value: str) -> None:
    """A labelled paragraph."""
    if value:
        indent = " " * (_LABEL_COLUMNS + 2)
        click.echo(text.wrapped(value, indent, f"  {click.style(f'{label:<{_LABEL_COLUMNS}}', dim=True)}"))


def _means(topic: Topic) -> None:
    if topic.get("meaning"):
        click.echo(text.wrapped(topic["meaning"], "  "))


def _of(versions: list[str] | None) -> str:
    if versions is None:
        return "all versions"
    return f"OCPP {_and(versions)}" if versions else "no version"


def _and(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


# --- a rule ---


def _rule(topic: Topic) -> None:
    _title(topic["name"], topic["title"])
    severity = topic["severity"]
    differs = "" if severity["field"] == severity["strict"] else f", {severity['strict']} in profile strict"
    _say("severity", f"{severity['field']}{differs}")
    _say("versions", _of(topic["versions"]).removeprefix("OCPP "))
    _say("looks at", "; ".join(topic["looksAt"]))
    _say("needs", _NEEDS.get(topic["needs"], topic["needs"]))
    _say("source", topic["source"])
    _say("hint", topic["hint"])


_NEEDS: Final[Mapping[str, str]] = {
    "message": "the message alone",
    "exchange": "a Call and its answer",
    "session": "the session so far",
    "start": "the start of the session",
    "time": "times of capture",
}


def _rules(topic: Topic) -> None:
    _title(topic["name"], f"rules, {len(topic['rules'])} of them")
    for one in topic["rules"]:
        click.echo(text.wrapped(one["title"], " " * 18, f"  {one['rule']:<16}"))


# --- an action ---


def _action(topic: Topic) -> None:
    versions = topic["versions"]
    senders = {who for one in versions.values() for who in one["sentBy"]}
    by = "sent by the " + " and the ".join(sorted(senders, reverse=True))
    _title(topic["name"], f"action of {_of(list(versions))}, {by}")
    _means(topic)
    for part in ("request", "response"):
        for group in ([V16], list(V2X)):
            told = [
                version for version in group if version in versions and versions[version][part] is not None
            ]
            if told:
                _heading(f"{part.capitalize()} in {_and(told)}")
                _print_fields({version: versions[version][part] for version in told})


def _heading(title: str) -> None:
    click.echo()
    click.echo(f"  {click.style(title, bold=True)}")


def _print_fields(by_version: Mapping[str, list[dict[str, Any]]]) -> None:
    """The fields of one or more versions in one list; where they differ, the newest counts, and it is said."""
    fields: dict[str, dict[str, dict[str, Any]]] = {}
    for version in sorted(by_version, reverse=True):
        for one in by_version[version]:
            fields.setdefault(one["path"], {})[version] = one
    if not fields:
        click.echo("    no fields")
    for path, versions in fields.items():
        _print_field(path, versions, list(by_version))


def _print_field(path: str, versions: Mapping[str, dict[str, Any]], all_versions: list[str]) -> None:
    one = next(iter(versions.values()))
    above, _, name = path.rpartition(".")
    depth = above.count(".") + 1 if above else 0
    star = click.style("*", fg="yellow") if one["required"] else " "
    said = _limits(one)
    others = {version: _limits(other) for version, other in versions.items() if _limits(other) != said}
    said += "".join(f"; in {version} {limits}" for version, limits in others.items())
    if len(versions) < len(all_versions):
        said += f"; {_and(list(versions))} only"
    head = f"  {star} {'  ' * depth}{name}"
    gap = max(_NAME_COLUMNS - text.columns_of(click.unstyle(head)), 2)
    values = _enumeration(versions)
    if text.columns_of(f"{click.unstyle(head)}{' ' * gap}{said}: {values}") <= text.width():
        said += f": {values}" if values else ""
        values = ""
    click.echo(text.wrapped(said, " " * _NAME_COLUMNS, head + " " * gap))
    if values:  # too many for the column of types
        click.echo(text.wrapped(values, "    " + "  " * (depth + 2), dim=True))


def _enumeration(versions: Mapping[str, Mapping[str, Any]]) -> str:
    """The values that a field may have, the newest version's; the new ones are named."""
    newest, one = next(iter(versions.items()))
    had = set(list(versions.values())[-1]["enum"])
    new = [value for value in one["enum"] if value not in had]
    return ", ".join(one["enum"]) + (f"; {newest} only: {', '.join(new)}" if new else "")


def _limits(one: Mapping[str, Any]) -> str:
    return ", ".join((one["type"], *one["limits"]))


# --- a field, a value ---


def _field(topic: Topic) -> None:
    occurs = topic["occurs"]
    versions = sorted({version for one in occurs for version in one["versions"]})
    _title(topic["name"], f"field of {_of(versions)}")
    _occurs(occurs)


def _value(topic: Topic) -> None:
    _title(topic["name"], f"value of {topic['type']}")
    _means(topic)
    _occurs(topic["occurs"])


def _occurs(rows: list[dict[str, Any]]) -> None:
    for one in rows[:_OCCURS_SHOWN]:
        place = click.style(f"{one['in']} ", dim=True) + one["path"]
        limits = f", {', '.join(one['limits'])}" if one["limits"] else ""
        click.echo(
            text.wrapped(f"{one['type']}{limits} ({', '.join(one['versions'])})", " " * 6, f"  {place}  ")
        )
    if len(rows) > _OCCURS_SHOWN:
        click.echo(f"  and {len(rows) - _OCCURS_SHOWN} places more (--json has all)")


# --- codes, events, settings ---


def _error(topic: Topic) -> None:
    _title(topic["name"], f"error code of {_of(topic['versions'])}")
    _means(topic)
    if "otherVersions" in topic:
        others = "2.x" if topic["versions"] == [V16] else "1.6"
        _say(f"in {others}", topic["otherVersions"])


def _close_code(topic: Topic) -> None:
    _title(topic["name"], "code that closes a WebSocket")
    _means(topic)
    _say("source", topic["source"])


def _security_event(topic: Topic) -> None:
    _title(topic["name"], f"security event of {_of(topic['versions'])}")
    _means(topic)
    critical = topic["critical"]
    where = "" if critical == topic["versions"] else f" in {_and(critical)}" if critical else ""
    _say("critical", f"yes{where}: the CSMS has to be told" if critical else "no: it need only be logged")


def _key(topic: Topic) -> None:
    must = ", every station of it has it" if topic["required"] else ""
    _title(topic["name"], f"configuration key of {_of(topic['versions'])}")
    _means(topic)
    _type(topic)
    _say("access", _ACCESS.get(topic["access"], topic["access"]))
    _say("profile", f"{topic['profile']}{must}")


_ACCESS: Final[Mapping[str, str]] = {"R": "read only", "W": "write only", "RW": "read and write"}


def _variable(topic: Topic) -> None:
    component = "any component" if topic["component"] == "*" else topic["component"]
    _title(topic["name"], f"variable of {component}, {_of(topic['versions'])}")
    _means(topic)
    _type(topic)


def _type(topic: Topic) -> None:
    _say("type", f"{topic['type']}{', in ' + topic['unit'] if topic['unit'] else ''}")


def _component(topic: Topic) -> None:
    _title(topic["name"], f"component of {_of(topic['versions'])}")
    for one in topic["variables"]:
        head = f"  {one['variable']}"
        click.echo(text.wrapped(one["meaning"], " " * _NAME_COLUMNS, f"{head:<{_NAME_COLUMNS}}"))


_TELL: Final[Mapping[str, Callable[[Topic], None]]] = {
    "action": _action,
    "close code": _close_code,
    "component": _component,
    "configuration key": _key,
    "error code": _error,
    "field": _field,
    "rule": _rule,
    "rules": _rules,
    "security event": _security_event,
    "value": _value,
    "variable": _variable,
}
