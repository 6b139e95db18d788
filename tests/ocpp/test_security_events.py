import pytest

from ocppscope.ocpp.meanings import meanings
from ocppscope.ocpp.security_events import is_critical, security_events


@pytest.mark.parametrize(
    ("event", "version", "critical"),
    [
        ("FirmwareUpdated", "1.6", True),
        ("TamperDetectionActivated", "2.0.1", True),
        ("FailedToAuthenticateAtCsms", "2.1", False),
        ("FailedToAuthenticateAtCsms", "1.6", None),  # it has another name there
        ("InvalidFirmwareSignature", "1.6", False),
        ("InvalidFirmwareSignature", "2.0.1", True),
        ("MaintenanceLoginFailed", "1.6", None),
        ("MaintenanceLoginFailed", "2.1", True),
        ("Homemade", "2.1", None),
        (5, "2.1", None),
        ("FirmwareUpdated", None, None),
    ],
)
def test_critical(event, version, critical):
    assert is_critical(event, version) is critical


def test_every_event_has_a_meaning_and_is_critical_only_where_it_is_known():
    assert set(security_events()) <= set(meanings()["SecurityEvent"])
    for one in security_events().values():
        assert set(one.critical) <= set(one.versions) <= {"1.6", "2.0.1", "2.1"}
