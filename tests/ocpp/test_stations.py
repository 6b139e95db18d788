from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION, Message, Notice, Session, Tls
from ocppscope.ocpp import stations
from ocppscope.ocpp.stations import StationAssembler
from tests.ocpp.test_lenient import JSON
from tests.rules.sessions import (
    BOOT_16,
    HEARTBEAT,
    MINUTE,
    NOW,
    SECOND,
    START,
    ask,
    closed,
    decoded,
    notice,
    opened,
)

WITH_CERTIFICATE = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "csms.example", "CN=CP001")


def told(*pieces, **options):
    assembler = StationAssembler()
    assembler.feed(decoded(*pieces, **options))
    return list(assembler.stations)


def only(*pieces, **options):
    (found,) = told(*pieces, **options)
    return found


def boot(firmware=None, status="Accepted", **more):
    payload = {"chargePointVendor": "V", "chargePointModel": "M", **more}
    if firmware is not None:
        payload["firmwareVersion"] = firmware
    return ask("b", "BootNotification", payload, {"status": status, "currentTime": NOW, "interval": 300})


# --- what it is ---


def test_boot_of_1_6():
    one = only(
        boot(
            "1.0",
            chargePointSerialNumber="S",
            chargeBoxSerialNumber="B",
            iccid="8949",
            meterType="T",
            meterSerialNumber="N",
        )
    )
    assert one.boot is not None
    info = one.boot.info
    assert (info.vendor, info.model, info.serial, info.firmware) == ("V", "M", "S", "1.0")
    assert (one.boot.box_serial, one.boot.meter_type, one.boot.meter_serial) == ("B", "T", "N")
    assert (one.boot.has_iccid, one.boot.has_imsi) == (True, False)
    assert (one.name, one.boots, one.interval) == ("CP001", 1, 300)


def test_boot_of_2x():
    device = {"vendorName": "V", "model": "M", "serialNumber": "S", "modem": {"imsi": "262"}}
    payload = {"reason": "Watchdog", "chargingStation": device}
    answer = {"status": "Pending", "currentTime": NOW, "interval": 10}
    one = only(ask("b", "BootNotification", payload, answer), version="2.0.1")
    assert one.boot is not None
    assert (one.boot.info.serial, one.boot.reason) == ("S", "Watchdog")
    assert (one.boot.has_iccid, one.boot.has_imsi) == (False, True)
    assert (one.boot_reasons, one.boot_statuses) == (Counter(["Watchdog"]), Counter(["Pending"]))


def test_a_station_without_identity_tells_of_itself_too():
    one = only(opened(late=True, path=None), BOOT_16)
    assert one.boot is not None
    assert (one.name, one.session, one.boot.info.vendor) == (None, 1, "V")


def test_firmware_over_time():
    one = only(boot("1.0"), "+60s", boot("1.0"), "+60s", boot("1.1", "Rejected"), boot(), boot("1.1"))
    assert [(told.version, told.time) for told in one.firmwares] == [
        ("1.0", START),
        ("1.1", START + 120.2 * SECOND),
    ]
    assert (one.boots, one.boot_statuses) == (5, Counter(Accepted=4, Rejected=1))


# --- connectors ---


def status(connector, value, code="NoError", **more):
    asked = {"connectorId": connector, "errorCode": code, "status": value, **more}
    return ask("s", "StatusNotification", asked, {})


def test_connectors_over_time():
    one = only(
        status(0, "Available"),
        status(1, "Available"),
        "+59.8s",
        status(1, "Charging"),
        status(1, "Charging"),  # told again
        "+119.8s",
        status(1, "Faulted", "OtherError", vendorErrorCode="E7"),
        status(1, "Available"),
    )
    station, first = one.connectors.values()
    assert (station.connector, station.latest.status, station.count) == (0, "Available", 0)
    assert [change.status for change in first.changes] == ["Available", "Charging", "Faulted", "Available"]
    assert (first.count, first.error, first.errors) == (3, None, Counter(["OtherError"]))
    assert first.spent["Charging"] == pytest.approx(2 * MINUTE)


def test_an_error_stands_until_none_is_told():
    one = only(status(1, "Faulted", "OtherError", vendorErrorCode="E7"))
    assert one.connectors[None, 1].error == "OtherError (E7)"


def test_evses_of_2x_by_either_message():
    asked = {"timestamp": NOW, "connectorStatus": "Available", "evseId": 2, "connectorId": 1}
    data = {
        "timestamp": NOW,
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
        "actualValue": "Occupied",
    }
    one = only(
        ask("1", "StatusNotification", asked, {}),
        ask("2", "NotifyEvent", {"eventData": [data]}, {}),
        version="2.1",
    )
    (connector,) = one.connectors.values()
    assert (connector.evse, connector.connector) == (2, 1)
    assert [change.status for change in connector.changes] == ["Available", "Occupied"]


def test_connectors_and_their_changes_are_bounded():
    flapping = [status(1, ("Available", "Faulted")[at % 2]) for at in range(60)]
    one = only(flapping, [status(number, "Available") for number in range(2, 1_100)])
    assert len(one.connectors) == 1_000
    assert (len(one.connectors[None, 1].changes), one.connectors[None, 1].count) == (20, 59)


# --- how it is set ---


def test_settings_go_on_from_message_to_message():
    keys = [
        {"key": "A", "readonly": False, "value": "1"},
        {"key": "SecurityProfile", "readonly": True, "value": "2"},
    ]
    payload = {"configurationKey": keys, "unknownKey": ["B", 7]}
    one = only(
        ask("1", "GetConfiguration", {}, payload, side="<"),
        ask("2", "ChangeConfiguration", {"key": "A", "value": "5"}, {"status": "RebootRequired"}, side="<"),
    )
    setting, _ = one.settings.values()
    assert (setting.value, setting.mutability, setting.is_pending) == ("5", "ReadWrite", True)
    assert (one.profile_set, list(one.unknown_keys)) == (2, ["B"])


def report(part, *, more, request=3, names=("A",)):
    data = [
        {
            "component": {"name": "C"},
            "variable": {"name": name},
            "variableAttribute": [{"value": str(part)}],
            "variableCharacteristics": {"unit": "s", "dataType": "integer", "supportsMonitoring": False},
        }
        for name in names
    ]
    payload = {"requestId": request, "generatedAt": NOW, "seqNo": part, "tbc": more, "reportData": data}
    return ask(f"r{part}", "NotifyReport", payload, {})


@pytest.mark.parametrize(
    ("parts", "is_complete"),
    [
        ([report(0, more=True), report(1, more=False, names="B")], True),
        ([report(1, more=False), report(0, more=True)], True),
        ([report(0, more=True)], False),
        ([report(0, more=True), report(2, more=False)], False),
        ([report(1, more=False)], False),
    ],
)
def test_reports_are_complete_or_not(parts, is_complete):
    one = only(parts, version="2.0.1")
    assert one.reports[3].is_complete == is_complete
    assert one.reports[3].variables == len(parts)


def test_a_value_that_is_read_keeps_the_unit_that_was_reported():
    read = {
        "component": {"name": "C"},
        "variable": {"name": "A"},
        "attributeStatus": "Accepted",
        "attributeValue": "9",
    }
    one = only(
        report(0, more=False),
        ask("g", "GetVariables", {}, {"getVariableResult": [read]}, side="<"),
        version="2.1",
    )
    (setting,) = one.settings.values()
    assert (setting.value, setting.unit, setting.data_type) == ("9", "s", "integer")


def test_settings_are_bounded(monkeypatch):
    monkeypatch.setattr(stations, "_SETTINGS", 2)
    one = only(report(0, more=False, names="ABCD"), version="2.0.1")
    assert (len(one.settings), one.settings_left_out) == (2, 2)


# --- how it is connected ---


@pytest.mark.parametrize(
    ("handshake", "profile"),
    [
        ({"tls": None, "auth": None}, 0),
        ({"tls": None}, 1),
        ({}, 2),
        ({"tls": WITH_CERTIFICATE, "auth": None}, 3),
        ({"auth": None}, None),
    ],
)
def test_security_profiles(handshake, profile):
    one = only(opened(**handshake), HEARTBEAT)
    assert one.profiles == Counter([profile])


@pytest.mark.parametrize("handshake", [{"request": b""}, {"status": 401}, {"late": True}])
def test_no_profile_where_no_session_shows_it(handshake):
    assert not only(opened(**({"request": b""} | handshake))).profiles


def test_sessions_and_how_they_ended():
    one = only(
        [opened(extensions="permessage-deflate; server_no_context_takeover"), closed()],
        [opened(offered_extensions="permessage-deflate, x-other"), closed()],
        [opened(tls=WITH_CERTIFICATE, subprotocols=("ocpp2.0.1", "ocpp1.6")), closed("csms", "rst", None)],
        [opened(status=401), closed(None, "fin", None)],
        opened(),
        HEARTBEAT,
        end=False,
    )
    assert (one.sessions, len(one.open), one.refused) == (4, 1, Counter([401]))
    assert one.ends == Counter({("close", "station", 1000): 2, ("rst", "csms", None): 1})
    assert (list(one.offered), list(one.agreed)) == (["ocpp1.6", "ocpp2.0.1"], ["ocpp1.6"])
    assert (list(one.extensions), list(one.offered_extensions)) == (
        ["permessage-deflate"],
        ["permessage-deflate", "x-other"],
    )
    assert (list(one.addresses), list(one.servers)) == (["10.0.0.1"], ["10.0.0.2:9000"])
    assert (list(one.certificates), list(one.server_names)) == (["CN=CP001"], ["csms.example"])
    assert (list(one.users), list(one.paths)) == (["Basic CP001"], ["/ocpp/CP001"])
    assert [version for version, _ in one.tls] == ["TLSv1.2", "TLSv1.3"]


def test_a_log_need_not_show_how_a_session_began():
    session = Session(1, "10.0.0.1:5", "10.0.0.2:80", "CP", "1.6")
    assembler = StationAssembler()
    for n in (1, 2):
        assembler.feed([Message(session, None, FROM_STATION, 2, str(n), "Heartbeat", {}, "", n)])
    (one,) = assembler.stations
    assert (one.sessions, one.messages, list(one.versions)) == (1, 2, ["1.6"])
    assert (one.first, one.last, list(one.addresses)) == (None, None, ["10.0.0.1"])


def test_second_sightings_and_notices_count_for_nothing():
    one = only(HEARTBEAT, notice("tls.no-keys"), opened(duplicate_of=1), HEARTBEAT)
    assert (one.sessions, one.messages) == (1, 1)


def test_stations_apart():
    assert [one.name for one in told(BOOT_16, closed(), opened(station="CP2"), BOOT_16)] == ["CP001", "CP2"]


# --- whatever comes ---

ACTIONS = st.sampled_from(
    "BootNotification StatusNotification NotifyEvent NotifyReport GetConfiguration ChangeConfiguration GetVariables "
    "SetVariables".split()
)
PAYLOAD = JSON | st.dictionaries(
    st.sampled_from(
        "chargingStation modem firmwareVersion status connectorStatus connectorId evseId errorCode vendorErrorCode "
        "eventData reportData requestId seqNo tbc unknownKey configurationKey interval reason timestamp".split()
    ),
    JSON | st.sampled_from(["Available", NOW, -1, 10**30, ["x"]]),
)


@given(st.lists(st.tuples(ACTIONS | JSON, st.integers(2, 6), st.booleans(), PAYLOAD)))
def test_any_payload_can_be_taken(said):
    session = Session(1, station="CP")
    assembler = StationAssembler()
    assembler.feed([Notice("x", None, "")])
    for n, (action, kind, is_up, payload) in enumerate(said, 1):
        direction = FROM_STATION if is_up else FROM_CSMS
        assembler.feed([Message(session, n, direction, kind, "1", action, payload, "", n)])
    for one in assembler.stations:
        assert one.profile_set is None
        assert all(report.is_complete in (True, False) for report in one.reports.values())
