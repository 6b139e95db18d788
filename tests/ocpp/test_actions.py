from pathlib import Path

import ocpp
import pytest

from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.ocpp.actions import BY_SENDER, SENT_UNANSWERED, actions_of, senders_of, versions_of
from ocppscope.ocpp.versions import JUDGED, SUBPROTOCOLS, V2X

FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}


@pytest.mark.parametrize("version", FOLDERS)
def test_the_table_has_exactly_the_actions_that_have_schemas(version):
    folder = Path(ocpp.__file__).parent / FOLDERS[version] / "schemas"
    names = {path.stem for path in folder.glob("*.json")}
    assert {name.removesuffix("Request").removesuffix("Response") for name in names} == actions_of(version)


def test_judged_versions_have_tables():
    assert tuple(BY_SENDER) == JUDGED
    assert set(V2X) < set(JUDGED) < set(SUBPROTOCOLS.values())


@pytest.mark.parametrize("version", FOLDERS)
def test_only_data_transfer_goes_both_ways(version):
    assert BY_SENDER[version][FROM_STATION] & BY_SENDER[version][FROM_CSMS] == {"DataTransfer"}


@pytest.mark.parametrize(
    ("version", "action", "senders"),
    [
        ("1.6", "BootNotification", {FROM_STATION}),
        ("1.6", "Reset", {FROM_CSMS}),
        ("1.6", "DataTransfer", {FROM_STATION, FROM_CSMS}),
        ("1.6", "SignCertificate", {FROM_STATION}),
        ("1.6", "TransactionEvent", set()),
        ("2.0.1", "CostUpdated", {FROM_CSMS}),
        ("2.0.1", "ClearedChargingLimit", {FROM_STATION}),
        ("2.0.1", "StartTransaction", set()),
        ("2.0.1", "PullDynamicScheduleUpdate", set()),
        ("2.1", "PullDynamicScheduleUpdate", {FROM_STATION}),
        ("2.1", "UpdateDynamicSchedule", {FROM_CSMS}),
        ("2.1", "OpenPeriodicEventStream", {FROM_STATION}),
        ("2.1", "AdjustPeriodicEventStream", {FROM_CSMS}),
        ("2.1", "BatterySwap", {FROM_STATION}),
        ("2.1", "RequestBatterySwap", {FROM_CSMS}),
        ("2.1", "NotifyWebPaymentStarted", {FROM_CSMS}),
        ("2.1", "VatNumberValidation", {FROM_STATION}),
        ("2.1", "heartbeat", set()),
        ("1.5", "Heartbeat", set()),
    ],
)
def test_senders(version, action, senders):
    assert senders_of(version, action) == senders


def test_later_versions_of_2x_know_all_of_the_earlier():
    for direction in (FROM_STATION, FROM_CSMS):
        assert BY_SENDER["2.0.1"][direction] < BY_SENDER["2.1"][direction]


def test_versions_of():
    assert versions_of("Heartbeat") == ("1.6", "2.0.1", "2.1")
    assert versions_of("StartTransaction") == ("1.6",)
    assert versions_of("TransactionEvent") == ("2.0.1", "2.1")
    assert versions_of("Foo") == ()


def test_what_is_sent_is_known():
    assert actions_of("2.1") >= SENT_UNANSWERED
    assert actions_of("1.5") == frozenset()
