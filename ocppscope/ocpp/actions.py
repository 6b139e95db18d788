"""The actions of each version, and which side may send them.

Sources: OCPP 1.6 edition 2, chapters 4 and 5, with the security whitepaper edition 3; OCPP 2.0.1 edition 3
and 2.1 edition 1, part 2: the sender named in each use case.
"""

from collections.abc import Mapping
from typing import Final

from ocppscope.events import FROM_CSMS, FROM_STATION, Direction
from ocppscope.ocpp.versions import V16, V21, V201

_BY_STATION_16: Final = """
    Authorize BootNotification DataTransfer DiagnosticsStatusNotification FirmwareStatusNotification Heartbeat
    MeterValues StartTransaction StatusNotification StopTransaction
    LogStatusNotification SecurityEventNotification SignCertificate SignedFirmwareStatusNotification
"""
_BY_CSMS_16: Final = """
    CancelReservation ChangeAvailability ChangeConfiguration ClearCache ClearChargingProfile DataTransfer
    GetCompositeSchedule GetConfiguration GetDiagnostics GetLocalListVersion RemoteStartTransaction
    RemoteStopTransaction ReserveNow Reset SendLocalList SetChargingProfile TriggerMessage UnlockConnector
    UpdateFirmware
    CertificateSigned DeleteCertificate ExtendedTriggerMessage GetInstalledCertificateIds GetLog
    InstallCertificate SignedUpdateFirmware
"""
_BY_STATION_201: Final = """
    Authorize BootNotification ClearedChargingLimit DataTransfer FirmwareStatusNotification
    Get15118EVCertificate GetCertificateStatus Heartbeat LogStatusNotification MeterValues NotifyChargingLimit
    NotifyCustomerInformation NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent
    NotifyMonitoringReport NotifyReport PublishFirmwareStatusNotification ReportChargingProfiles
    ReservationStatusUpdate SecurityEventNotification SignCertificate StatusNotification TransactionEvent
"""
_BY_CSMS_201: Final = """
    CancelReservation CertificateSigned ChangeAvailability ClearCache ClearChargingProfile ClearDisplayMessage
    ClearVariableMonitoring CostUpdated CustomerInformation DataTransfer DeleteCertificate GetBaseReport
    GetChargingProfiles GetCompositeSchedule GetDisplayMessages GetInstalledCertificateIds GetLocalListVersion
    GetLog GetMonitoringReport GetReport GetTransactionStatus GetVariables InstallCertificate PublishFirmware
    RequestStartTransaction RequestStopTransaction ReserveNow Reset SendLocalList SetChargingProfile
    SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile SetVariableMonitoring SetVariables
    TriggerMessage UnlockConnector UnpublishFirmware UpdateFirmware
"""
_BY_STATION_21: Final = (
    _BY_STATION_201
    + """
    BatterySwap ClosePeriodicEventStream GetCertificateChainStatus NotifyDERAlarm NotifyDERStartStop
    NotifyPeriodicEventStream NotifyPriorityCharging NotifySettlement OpenPeriodicEventStream
    PullDynamicScheduleUpdate ReportDERControl VatNumberValidation
"""
)
_BY_CSMS_21: Final = (
    _BY_CSMS_201
    + """
    AdjustPeriodicEventStream AFRRSignal ChangeTransactionTariff ClearDERControl ClearTariffs GetDERControl
    GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer NotifyWebPaymentStarted RequestBatterySwap
    SetDERControl SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging
"""
)

BY_SENDER: Final[Mapping[str, Mapping[Direction, frozenset[str]]]] = {
    V16: {FROM_STATION: frozenset(_BY_STATION_16.split()), FROM_CSMS: frozenset(_BY_CSMS_16.split())},
    V201: {FROM_STATION: frozenset(_BY_STATION_201.split()), FROM_CSMS: frozenset(_BY_CSMS_201.split())},
    V21: {FROM_STATION: frozenset(_BY_STATION_21.split()), FROM_CSMS: frozenset(_BY_CSMS_21.split())},
}

SENT_UNANSWERED: Final = frozenset({"NotifyPeriodicEventStream"})
"""What goes as SEND, and only so (OCPP 2.1 part 2, N15.FR.01)."""


_ALL: Final = {version: senders[FROM_STATION] | senders[FROM_CSMS] for version, senders in BY_SENDER.items()}
_NONE: Final[frozenset[str]] = frozenset()


def actions_of(version: str) -> frozenset[str]:
    """Every action of a version; empty for one that is not judged."""
    return _ALL.get(version, _NONE)


def senders_of(version: str, action: str) -> frozenset[Direction]:
    """Which sides may send the action as a Call; empty where the version does not know it."""
    return frozenset(
        direction for direction, actions in BY_SENDER.get(version, {}).items() if action in actions
    )


def versions_of(action: str) -> tuple[str, ...]:
    """The judged versions that know the action."""
    return tuple(version for version in BY_SENDER if action in actions_of(version))
