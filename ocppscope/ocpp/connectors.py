"""What stations tell of themselves and of their connectors.

Sources: BootNotification and StatusNotification of OCPP 1.6 edition 2 (§6.3, §6.47), 2.0.1 and 2.1 part 2;
NotifyEvent with the variable AvailabilityState, another way in 2.0.1 and the preferred one in 2.1 (use case G01).
"""

from collections.abc import Iterator
from typing import Any

from ocppscope.events import Message, event
from ocppscope.ocpp.lenient import fields, items, text, told, whole


@event
class StationInfo:
    """What a station told of itself when it booted; None for what it did not tell."""

    station: str
    vendor: str | None
    model: str | None
    serial: str | None
    firmware: str | None


@event
class ConnectorState:
    """A connector's, an EVSE's or a whole station's status, from some moment on."""

    n: int
    """The number of the message that says so; one NotifyEvent may say it of several connectors."""
    station: str | None
    evse: int | None
    """None in 1.6."""
    connector: int | None
    """In 1.6 counted over the whole station, 0 for itself; in 2.x counted within its EVSE."""
    time: int | None
    """That the station tells, in ns; else that of the capture."""
    status: str
    """As on the wire."""


def booted(message: Message, payload: dict[str, Any]) -> StationInfo | None:
    """Read a BootNotification; None where the station has no identity."""
    station = message.session.station
    return None if station is None else described(station, payload)


def described(station: str, payload: dict[str, Any]) -> StationInfo:
    """Read what a BootNotification tells of a station that is called so."""
    get = payload.get
    if "chargingStation" in payload:  # 2.x
        get = fields(payload["chargingStation"]).get
        return StationInfo(
            station,
            text(get("vendorName")),
            text(get("model")),
            text(get("serialNumber")),
            text(get("firmwareVersion")),
        )
    return StationInfo(
        station,
        text(get("chargePointVendor")),
        text(get("chargePointModel")),
        text(get("chargePointSerialNumber")) or text(get("chargeBoxSerialNumber")),
        text(get("firmwareVersion")),
    )


def status_told(message: Message, payload: dict[str, Any]) -> Iterator[ConnectorState]:
    """Read a StatusNotification."""
    get = payload.get
    status = text(get("connectorStatus")) or text(get("status"))
    if status is not None:
        yield ConnectorState(
            message.n,
            message.session.station,
            whole(get("evseId")),
            whole(get("connectorId")),
            told(get("timestamp")) or message.time,
            status,
        )


def availability_told(message: Message, payload: dict[str, Any]) -> Iterator[ConnectorState]:
    """Read from a NotifyEvent (2.x) what it says of AvailabilityState."""
    for one in map(fields, items(payload.get("eventData"))):
        status = text(one.get("actualValue"))
        if status is not None and fields(one.get("variable")).get("name") == "AvailabilityState":
            evse = fields(fields(one.get("component")).get("evse"))
            yield ConnectorState(
                message.n,
                message.session.station,
                whole(evse.get("id")),
                whole(evse.get("connectorId")),
                told(one.get("timestamp")) or message.time,
                status,
            )
