"""`ocppscope stations`: what each station is, how it is set, and how it is connected."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import click

from ocppscope.cli import text
from ocppscope.cli.options import EXIT_FINDINGS, Reading, reading_options
from ocppscope.export import records
from ocppscope.export.station_records import shown_path, shown_value, station_record
from ocppscope.ocpp.configuration import ACTUAL, Place, Setting
from ocppscope.ocpp.quantities import number
from ocppscope.ocpp.stations import (
    BASIC,
    TLS_BASIC,
    TLS_CERTIFICATE,
    UNSECURED,
    Connector,
    Ending,
    Station,
    StationAssembler,
)
from ocppscope.ocpp.times import SECOND, duration, timestamp
from ocppscope.ocpp.visible import visible
from ocppscope.ocpp.wording import plural

_LABEL: Final = 14
_INDENT: Final = "  "
_NAMED: Final = 6
"""Values of one kind that are named."""
_WHOLE: Final = 3
"""Stations of which each setting is shown."""
_PROFILES: Final = {
    UNSECURED: "0, neither TLS nor credentials",
    BASIC: "1, credentials without TLS",
    TLS_BASIC: "2, TLS and credentials",
    TLS_CERTIFICATE: "3, TLS and a client certificate",
    None: "TLS, and no credentials: 3 if a client certificate was shown, which the capture does not let see",
}
_WEAK: Final = (UNSECURED, BASIC)


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("--json", "as_json", is_flag=True, help="One station a line, as JSON.")
@reading_options
def command(*, source: str, as_json: bool, **reading: Any) -> None:
    """Tell of each station of a capture what it is, how it is set, and how it is connected.

    Configuration is what the capture shows of it; passwords and keys are not shown. Where there are many stations,
    their settings are counted only: --station ID names one.
    """
    opened = Reading(**reading).open([source])
    assembler = StationAssembler()
    for batch in opened.batches():
        assembler.feed(batch)
    opened.require_ocpp()
    found = list(assembler.stations)
    if as_json:
        for one in found:
            sys.stdout.buffer.write(records.line(station_record(one)))
    else:
        for at, one in enumerate(found):
            if at:
                click.echo()
            _print(one, with_settings=len(found) <= _WHOLE)
    sys.stdout.flush()
    if opened.counts.damaged_file:
        sys.exit(EXIT_FINDINGS)


def _print(one: Station, *, with_settings: bool) -> None:
    name = one.name or f"session {one.session}, station without a known identity"
    versions = f"  OCPP {', '.join(map(visible, one.versions))}" if one.versions else ""
    click.echo(click.style(visible(name), bold=True) + versions)
    for label, lines, style in (*_what_it_is(one), *_how_it_is_connected(one)):
        _field(label, lines, **style)
    _connectors(one)
    if one.settings:
        _settings(one, is_whole=with_settings)


_Field = tuple[str, list[str], dict[str, Any]]


def _field(label: str, lines: list[str], **style: Any) -> None:
    for line in filter(None, lines):
        first = _INDENT + click.style(f"{label:<{_LABEL}}", dim=True)
        click.echo(text.wrapped(line, " " * (len(_INDENT) + _LABEL), first, **style))
        label = ""


def _list(names: Iterable[str | None]) -> str:
    known = [name for name in names if name]
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more


def _moment(time: int | None) -> str:
    return (timestamp(time) or "-")[:19].replace("T", " ")


# --- what it is ---


def _what_it_is(one: Station) -> Iterator[_Field]:
    boot = one.boot
    if boot is not None:
        info = boot.info
        firmware = f"firmware {info.firmware}" if info.firmware else ""
        yield "device", [_list([f"{info.vendor or '?'} {info.model or '?'}", firmware])], {}
        yield "serial", [_list([info.serial, boot.box_serial and f"charge box {boot.box_serial}"])], {}
        yield "meter", [_list([boot.meter_type, boot.meter_serial and f"serial {boot.meter_serial}"])], {}
        told = [name for name, is_told in (("ICCID", boot.has_iccid), ("IMSI", boot.has_imsi)) if is_told]
        yield "SIM card", [f"{' and '.join(told)} told" if told else ""], {}
        yield "boots", [_boots(one, boot.time)], {}
    if len(one.firmwares) > 1:
        yield "firmware", [f"{told.version}, from {_moment(told.time)} on" for told in one.firmwares], {}


def _boots(one: Station, last: int | None) -> str:
    said = [f"{one.boots:,}, the last at {_moment(last)}"]
    said += [_counted(one.boot_reasons), _counted(one.boot_statuses)]
    if one.interval:
        said.append(f"heartbeat every {duration(one.interval * SECOND)}")
    return "; ".join(filter(None, said))


def _counted(counts: Counter[str]) -> str:
    """`3 × Rejected, Accepted`."""
    return _list(name if count == 1 else f"{count:,} × {name}" for name, count in counts.most_common())


# --- how it is connected ---


def _how_it_is_connected(one: Station) -> Iterator[_Field]:
    profiles = one.profiles
    is_weak = any(profile in profiles for profile in _WEAK)
    lines = [
        f"profile {_PROFILES[profile]}" + (f" ({plural(count, 'session')})" if len(profiles) > 1 else "")
        for profile, count in profiles.most_common()
    ]
    yield "security", lines, {"fg": "yellow"} if is_weak else {}
    if one.profile_set is not None:
        yield "" if lines else "security", [f"SecurityProfile is set to {one.profile_set}"], {}
    yield "certificate", [_list(one.certificates)], {}
    yield "credentials", [_list(one.users)], {}
    yield "TLS", [_list(" ".join(filter(None, pair)) for pair in one.tls)], {}
    yield "server", [_list([*one.server_names, *one.servers])], {}
    yield "path", [_list(map(shown_path, one.paths))], {}
    yield "address", [_list(one.addresses)], {}
    yield "subprotocols", [_subprotocols(one)], {}
    yield "extensions", [_extensions(one)], {}
    yield "sessions", [_sessions(one)], {}
    refused = [
        f"{plural(count, 'handshake')} with status {status}" for status, count in one.refused.most_common()
    ]
    yield "refused", refused, {"fg": "yellow"}


def _subprotocols(one: Station) -> str:
    offered, agreed = _list(one.offered), _list(one.agreed)
    if offered == agreed:
        return offered
    return f"{agreed or 'none'} (offered: {offered or 'none'})"


def _extensions(one: Station) -> str:
    if not one.extensions and not one.offered_extensions:
        return ""
    return _list(one.extensions) or f"none (offered: {_list(one.offered_extensions)})"


def _sessions(one: Station) -> str:
    ends = [(f"{count:,} × " if count > 1 else "") + _end(ending) for ending, count in one.ends.most_common()]
    if one.open:
        ends.append(f"{len(one.open):,} not ended")
    span = f"{plural(one.messages, 'message')}, {_moment(one.first)} to {_moment(one.last)}"
    if not one.sessions:
        return "none"
    return "; ".join(filter(None, (f"{one.sessions:,} with {span}", _list(ends))))


def _end(ending: Ending) -> str:
    how, by, code = ending
    of = f" by the {'station' if by == 'station' else 'CSMS'}" if by else ""
    return {
        "close": f"closed{of}" + (f" ({code})" if code is not None else ""),
        "fin": f"ended{of} without a Close (FIN)",
        "rst": f"reset{of} (RST)",
        "end-of-capture": "open at the end of the capture",
    }[how]


# --- connectors and settings ---


def _connectors(one: Station) -> None:
    label = (
        "EVSEs" if any(connector.evse is not None for connector in one.connectors.values()) else "connectors"
    )
    ordered = sorted(one.connectors.values(), key=lambda each: (each.evse or 0, each.connector or 0))
    _field(label, [_connector(each) for each in ordered])


def _connector(one: Connector) -> str:
    place = "/".join(str(part) for part in (one.evse, one.connector) if part is not None) or "station"
    said = f"{place}: {one.latest.status}"
    if one.error is not None:
        said += f", {one.error}"
    said += f" since {_moment(one.latest.time)}"
    if one.count:
        spent = ", ".join(f"{status} {duration(time)}" for status, time in one.spent.most_common(_NAMED))
        said += f"; {plural(one.count, 'change')}" + (f": {spent}" if spent else "")
    return said


def _settings(one: Station, *, is_whole: bool) -> None:
    known = one.settings.values()
    is_2x = any(setting.place is not None for setting in known)
    count = plural(len(known) + one.settings_left_out, "variable" if is_2x else "key")
    reports = [
        f"report {report.request}: {plural(len(report.parts), 'part')}, "
        + ("complete" if report.is_complete else "not complete")
        for report in one.reports.values()
    ]
    hint = "" if is_whole else f"; --station {one.name} shows them" if one.name else "; --json shows them"
    _field("configuration", [count + hint, *reports])
    for heading, settings in _by_place(known) if is_whole else ():
        if heading:
            click.echo(f"{_INDENT * 2}{click.style(visible(heading), bold=True)}")
        for setting in settings:
            first = _INDENT * (3 if heading else 2)
            _print_setting(setting, first)
    if one.unknown_keys:
        _field("unknown keys", [_list(one.unknown_keys)])


def _by_place(known: Iterable[Setting]) -> Iterator[tuple[str, list[Setting]]]:
    """Settings by component, each in the order of the names."""
    groups: dict[str, list[Setting]] = {}
    for setting in known:
        groups.setdefault(_place(setting.place), []).append(setting)
    for heading in sorted(groups):
        yield heading, sorted(groups[heading], key=lambda one: (one.name, one.instance or "", one.attribute))


def _place(place: Place | None) -> str:
    if place is None:
        return ""
    said = place.component + (f"[{place.instance}]" if place.instance else "")
    where = "/".join(str(part) for part in (place.evse, place.connector) if part is not None)
    return f"{said} of EVSE {where}" if where else said


def _print_setting(one: Setting, indent: str) -> None:
    name = one.name + (f"[{one.instance}]" if one.instance else "")
    name += f" ({one.attribute})" if one.attribute != ACTUAL else ""
    value = shown_value(one)
    unit = f" {one.unit}" if one.unit else ""
    said = f"{name} = " + ("(no value)" if value is None else f"{value}{unit}")
    more = list(_about(one))
    tail = f"  ({', '.join(more)})" if more else ""
    click.echo(text.wrapped(said + tail, f"{indent}  ", indent))


def _about(one: Setting) -> Iterator[str]:
    if one.mutability in ("ReadOnly", "WriteOnly"):
        yield "read-only" if one.mutability == "ReadOnly" else "write-only"
    if one.least is not None or one.most is not None:
        least = "" if one.least is None else number(one.least)
        yield f"{least}…{'' if one.most is None else number(one.most)}"
    if one.choices:
        yield f"one of {one.choices}"
    if one.is_pending:
        yield "after a reboot"
