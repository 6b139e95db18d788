import pytest

from ocppscope.export.station_records import HIDDEN, shown_path, shown_value
from ocppscope.ocpp.configuration import Place, Setting


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        (Setting("AuthorizationKey", "4f4f"), HIDDEN),
        (Setting("AuthorizationKey", ""), ""),
        (Setting("AuthorizationKey", None), None),
        (Setting("BasicAuthPassword", "x", Place("SecurityCtrlr")), HIDDEN),
        (Setting("WifiPassword", "x"), HIDDEN),
        (Setting("HeartbeatInterval", "300"), "300"),
        (Setting("SecurityProfile", "2"), "2"),
        (Setting("CsmsUrl", "wss://u:pw@h/ocpp?token=abc"), f"wss://u:{HIDDEN}@h/ocpp?token={HIDDEN}"),
    ],
)
def test_values(setting, shown):
    assert shown_value(setting) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/ocpp/CP001", "/ocpp/CP001"),
        ("/ocpp/CP001?token=abc&v=2", f"/ocpp/CP001?token={HIDDEN}&v=2"),
        ("/ocpp/CP001?", "/ocpp/CP001?"),
    ],
)
def test_paths(path, shown):
    assert shown_path(path) == shown
