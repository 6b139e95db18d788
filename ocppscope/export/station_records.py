"""Stations as JSON objects, by the contract of the command line, and their settings without secrets."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ocppscope.export.charging_records import seconds
from ocppscope.ocpp.configuration import Setting
from ocppscope.ocpp.stations import Boot, Connector, Ending, Report, Station
from ocppscope.ocpp.times import timestamp
from ocppscope.redaction import patterns, table

HIDDEN: Final = "(not shown)"


def shown_value(setting: Setting) -> str | None:
    """The value of a setting, without what would let somebody in."""
    value = setting.value
    if not value:
        return value
    if table.setting_kind(setting.name) == table.SECRET:
        return HIDDEN
    return _without_secrets(value, patterns.find(value))


def shown_path(path: str) -> str:
    """A request's path, without the secrets of its query."""
    before, mark, query = path.partition("?")
    return before + mark + _without_secrets(query, patterns.query(query))


def _without_secrets(value: str, found: Iterable[patterns.Sensitive]) -> str:
    secrets = {one for kind, one in found if kind == table.SECRET}
    for secret in sorted(secrets, key=len, reverse=True):
        value = value.replace(secret, HIDDEN)
    return value


def station_record(one: Station) -> dict[str, Any]:
    """One station, as `stations --json` prints it."""
    return {
        "chargePointId": one.name,
        "session": one.session,
        "ocppVersions": list(one.versions),
        "messages": one.messages,
        "first": timestamp(one.first),
        "last": timestamp(one.last),
        "boot": None if one.boot is None else _boot(one.boot),
        "boots": one.boots,
        "bootReasons": dict(one.boot_reasons),
        "bootStatuses": dict(one.boot_statuses),
        "heartbeatIntervalS": one.interval,
        "firmwares": [
            {"version": told.version, "timestamp": timestamp(told.time), "n": told.n}
            for told in one.firmwares
        ],
        "connectors": [_connector(connector) for connector in one.connectors.values()],
        "configuration": [_setting(setting) for setting in one.settings.values()],
        "configurationLeftOut": one.settings_left_out,
        "unknownKeys": list(one.unknown_keys),
        "reports": [_report(report) for report in one.reports.values()],
        "securityProfile": {
            "seen": _counts(one.profiles, "profile"),
            "configured": one.profile_set,
            "clientCertificates": list(one.certificates),
        },
        "sessions": {
            "count": one.sessions,
            "open": len(one.open),
            "ends": [_ending(*found) for found in one.ends.most_common()],
            "refused": _counts(one.refused, "status"),
        },
        "subprotocols": {"offered": list(one.offered), "agreed": list(one.agreed)},
        "extensions": {"offered": list(one.offered_extensions), "agreed": list(one.extensions)},
        "paths": [shown_path(path) for path in one.paths],
        "addresses": list(one.addresses),
        "servers": list(one.servers),
        "serverNames": list(one.server_names),
        "tls": [{"version": version, "cipher": cipher} for version, cipher in one.tls],
        "auth": list(one.users),
    }


def _counts(counts: Counter[Any], name: str) -> list[Mapping[str, Any]]:
    return [{name: value, "sessions": count} for value, count in counts.most_common()]


def _boot(boot: Boot) -> dict[str, Any]:
    return {
        "n": boot.n,
        "timestamp": timestamp(boot.time),
        "vendor": boot.info.vendor,
        "model": boot.info.model,
        "serialNumber": boot.info.serial,
        "chargeBoxSerialNumber": boot.box_serial,
        "firmwareVersion": boot.info.firmware,
        "meterType": boot.meter_type,
        "meterSerialNumber": boot.meter_serial,
        "iccid": boot.has_iccid,
        "imsi": boot.has_imsi,
        "reason": boot.reason,
    }


def _connector(one: Connector) -> dict[str, Any]:
    return {
        "evseId": one.evse,
        "connectorId": one.connector,
        "status": one.latest.status,
        "since": timestamp(one.latest.time),
        "errorCode": one.error,
        "errorCodes": dict(one.errors),
        "changes": one.count,
        "secondsByStatus": {status: seconds(spent) for status, spent in one.spent.items()},
        "states": [
            {"status": change.status, "timestamp": timestamp(change.time), "n": change.n}
            for change in one.changes
        ],
    }


def _setting(one: Setting) -> dict[str, Any]:
    """What was not said is left out: there are many."""
    place = one.place
    told: dict[str, Any] = (
        {}
        if place is None
        else {
            "component": place.component,
            "componentInstance": place.instance,
            "evseId": place.evse,
            "connectorId": place.connector,
        }
    )
    name = (
        {"key": one.name}
        if place is None
        else {
            "variable": one.name,
            "variableInstance": one.instance,
            "attribute": one.attribute,
        }
    )
    told |= name | {
        "mutability": one.mutability,
        "unit": one.unit,
        "dataType": one.data_type,
        "minLimit": one.least,
        "maxLimit": one.most,
        "valuesList": one.choices,
        "afterReboot": one.is_pending or None,
    }
    return {key: value for key, value in told.items() if value is not None} | {"value": shown_value(one)}


def _report(one: Report) -> dict[str, Any]:
    return {
        "requestId": one.request,
        "parts": len(one.parts),
        "variables": one.variables,
        "complete": one.is_complete,
    }


def _ending(ending: Ending, count: int) -> dict[str, Any]:
    how, by, code = ending
    return {"how": how, "by": by, "code": code, "sessions": count}
