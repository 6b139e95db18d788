import pytest
from hypothesis import given

from ocppscope.ocpp.connectors import ConnectorState, StationInfo
from ocppscope.ocpp.transactions import Assembler
from tests.ocpp.test_lenient import JSON
from tests.rules.sessions import BOOT_2X, BOOT_16, NOW, START, ask, call, decoded, opened, result

LATER = "2026-11-22T10:15:30Z"
IN_30_S = START + 30_000_000_000


def drained(*pieces, **options):
    assembler = Assembler()
    for event in decoded(*pieces, **options):
        assembler.feed(event)
    return assembler.drain()


def state(action, payload, **options):
    return [
        (one.evse, one.connector, one.time, one.status)
        for one in drained("> " + call("1", action, payload), **options).connector_states
    ]


# --- stations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (
            {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "S"},
            ("V", "M", "S", None),
        ),
        ({"chargePointVendor": "V", "chargeBoxSerialNumber": "B", "firmwareVersion": "1.2"}, ("V", None, "B", "1.2")),
        (
            {"chargingStation": {"vendorName": "V", "model": "M", "serialNumber": "S", "firmwareVersion": "2"}},
            ("V", "M", "S", "2"),
        ),
        ({"chargingStation": []}, (None, None, None, None)),
        ({"chargePointVendor": 5, "chargePointModel": ""}, (None, None, None, None)),
    ],
)  # fmt: skip
def test_boot(payload, told):
    assert drained("> " + call("1", "BootNotification", payload)).stations == [StationInfo("CP001", *told)]


def test_the_last_boot_counts():
    again = "> " + call("2", "BootNotification", {"chargePointVendor": "W"})
    assert drained(BOOT_16, again).stations == [StationInfo("CP001", "W", None, None, None)]


def test_each_station_has_its_own():
    found = drained(BOOT_16, opened(station="B", version="2.0.1"), BOOT_2X).stations
    assert [one.station for one in found] == ["CP001", "B"]


def test_a_station_without_identity_is_not_told_of():
    assert drained(opened(late=True), BOOT_16).stations == []


# --- connectors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": LATER},
            (None, 1, IN_30_S, "Charging"),
        ),
        (
            {"connectorId": 0, "errorCode": "NoError", "status": "Available"},
            (None, 0, START, "Available"),
        ),
        (
            {"evseId": 2, "connectorId": 1, "connectorStatus": "Occupied", "timestamp": LATER},
            (2, 1, IN_30_S, "Occupied"),
        ),
        ({"connectorId": {}, "status": "Odd"}, (None, None, START, "Odd")),
    ],
)
def test_status_notification(payload, expected):
    assert state("StatusNotification", payload) == [expected]


@pytest.mark.parametrize("payload", [{}, {"status": 1}, {"status": ""}, {"status": None, "connectorId": 1}])
def test_no_status(payload):
    assert state("StatusNotification", payload) == []


def test_the_csms_has_no_status_to_tell():
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
    assert drained("< " + call("1", "StatusNotification", payload)).connector_states == []


def test_availability_state():
    def said(status, variable="AvailabilityState", **component):
        return {
            "eventId": 1, "timestamp": LATER, "trigger": "Delta", "actualValue": status,
            "component": component, "variable": {"name": variable},
        }  # fmt: skip

    payload = {
        "generatedAt": NOW,
        "seqNo": 0,
        "eventData": [
            said("Occupied", name="Connector", evse={"id": 1, "connectorId": 2}),
            said("Available", name="EVSE", evse={"id": 3}),
            said("Available", name="ChargingStation"),
            said("12", "Power", name="Connector", evse={"id": 1, "connectorId": 2}),
            None,
        ],
    }
    assert state("NotifyEvent", payload, version="2.1") == [
        (1, 2, IN_30_S, "Occupied"),
        (3, None, IN_30_S, "Available"),
        (None, None, IN_30_S, "Available"),
    ]


def test_number_and_station():
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
    first, second = (ask(str(n), "StatusNotification", payload) for n in range(2))
    found = drained(first, opened(late=True), second)
    assert found.connector_states == [
        ConnectorState(2, "CP001", None, 1, START, "Charging"),
        ConnectorState(5, None, None, 1, START + 100_000_000, "Charging"),
    ]


@given(JSON)
def test_any_payload(payload):
    lines = [
        "> " + call("1", "BootNotification", payload),
        "> " + call("2", "BootNotification", {"chargingStation": payload}),
        "> " + call("3", "StatusNotification", payload),
        "> " + call("4", "StatusNotification", {"status": payload, "connectorId": payload, "timestamp": payload}),
        "> " + call("5", "NotifyEvent", payload),
        "> " + call("6", "NotifyEvent", {"eventData": payload}),
        "> " + call("7", "NotifyEvent", {"eventData": [{"component": payload, "actualValue": "A"}]}),
        "< " + result("1", payload),
    ]  # fmt: skip
    drained(*lines, version=None)
