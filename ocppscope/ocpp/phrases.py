"""What each action says in one line: a template or a function for its Call, and one for its answer.

What is not here, or has another shape than the standard's, gets the generic line of `summary`. Names of fields
are those of OCPP 1.6 (edition 2 §6, security whitepaper edition 3 §5) and of 2.0.1 and 2.1 (part 2 §1);
where a 1.6 action is one of 2.x too, its template names the fields of both.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ocppscope.ocpp.lenient import finite
from ocppscope.ocpp.quantities import amount
from ocppscope.ocpp.readings import readings
from ocppscope.ocpp.templates import FORMS, Phrase, either, listed, shortened, template, word

# --- charging profiles ---


def _profile(value: dict[str, Any]) -> str:
    parts = [word(value["chargingProfilePurpose"])]
    if "recurrencyKind" in value:
        parts.append(word(value["recurrencyKind"]))
    if "transactionId" in value:
        parts.append(f"transaction {shortened(value['transactionId'])}")
    parts.append(_schedule(value["chargingSchedule"]))
    return ", ".join(parts)


def _schedule(value: Any) -> str:
    """A ChargingScheduleType, or the array of them that 2.x allows: `16 A`, `3 periods, 0 A to 16 A`."""
    if isinstance(value, list):
        return _schedule(value[0]) if len(value) == 1 else f"{len(value)} schedules"
    periods, unit = value["chargingSchedulePeriod"], value["chargingRateUnit"]
    limits = [finite(one["limit"]) for one in periods if "limit" in one]
    if not limits:  # 2.1: by a set point, or by what the operation mode says
        return f"{len(periods)} periods without a limit"
    if len(periods) == 1:
        return amount(limits[0], unit)
    return f"{len(periods)} periods, {amount(min(limits), unit)} to {amount(max(limits), unit)}"


# --- variables and configuration keys ---

_SECRET: Final = re.compile("AuthorizationKey|Password|Passphrase|Secret", re.IGNORECASE)
"""In names of what a list of messages, often passed on, is not to give away."""


def _setting(name: str, value: Any) -> str:
    return f"{name} = {'(not shown)' if _SECRET.search(name) else word(value)}"


def _change_configuration(payload: dict[str, Any]) -> str:
    return _setting(word(payload["key"]), payload["value"])


def _configuration_key(one: dict[str, Any]) -> str:
    return _setting(word(one["key"]), one.get("value", "(no value)"))


def _variable_name(one: dict[str, Any]) -> str:
    """`Connector[1/2].Available(L1)`: component, EVSE and connector, variable, instance."""
    component, variable = one["component"], one.get("variable", {})
    evse = component.get("evse")
    at = "" if evse is None else f"[{word(evse['id'])}{_after('/', evse.get('connectorId'))}]"
    instance = "" if "instance" not in component else f"({word(component['instance'])})"
    name = _after(".", variable.get("name"))
    inner = "" if "instance" not in variable else f"({word(variable['instance'])})"
    return f"{word(component['name'])}{instance}{at}{name}{inner}"


def _after(separator: str, value: Any) -> str:
    return "" if value is None else f"{separator}{word(value)}"


def _variable(one: dict[str, Any]) -> str:
    """One of GetVariables, SetVariables or their answers: what was asked, or became of it."""
    kind = one.get("attributeType", "Actual")
    name = _variable_name(one) + ("" if kind == "Actual" else f" ({word(kind)})")
    status, value = one.get("attributeStatus", "Accepted"), one.get("attributeValue")
    if status != "Accepted" or (value is None and "attributeStatus" in one):
        return f"{name}: {word(status)}"
    return name if value is None else _setting(name, value)


def _monitor(one: dict[str, Any]) -> str:
    outcome = _after(": ", one.get("status"))
    number = _after(", monitor ", one.get("id"))
    return f"{_variable_name(one)} {word(one['type'])}{_after(' ', one.get('value'))}{outcome}{number}"


def _event(one: dict[str, Any]) -> str:
    cleared = ", cleared" if one.get("cleared") is True else ""
    return f"{_setting(_variable_name(one), one['actualValue'])} ({word(one['trigger'])}{cleared})"


_FORMS: Final = FORMS | {
    "profile": _profile,
    "schedule": _schedule,
    "configuration": lambda value: listed(value, _configuration_key, 3),
    "variables": lambda value: listed(value, _variable, 3),
    "monitors": lambda value: listed(value, _monitor, 2),
    "events": lambda value: listed(value, _event, 2),
    "statuses": lambda value: listed(value, lambda one: f"{word(one['id'])}: {word(one['status'])}"),
}

# --- meter values and transactions ---


def _meter_values(payload: dict[str, Any]) -> str:
    is_2x = "evseId" in payload
    where = f"EVSE {word(payload['evseId'])}" if is_2x else f"connector {word(payload['connectorId'])}"
    return f"{where}: {readings(payload['meterValue'])}"


_TRANSACTION: Final = template(
    ", EVSE {evse.id}/{evse.connectorId}, {transactionInfo.chargingState}"
    ", reason {transactionInfo.stoppedReason}, idToken {idToken.idToken}"
)
_WHICH: Final = template(", {offline:if offline}, transaction {transactionInfo.transactionId:short}")


def _transaction_event(payload: dict[str, Any]) -> str:
    meter_values = payload.get("meterValue")
    parts = (
        f"{word(payload['eventType'])} ({word(payload['triggerReason'])})",
        _TRANSACTION(payload),
        readings(meter_values) if meter_values else "",
        _WHICH(payload),
    )
    return ", ".join([part for part in parts if part])


def _transaction_status(payload: dict[str, Any]) -> str:
    ongoing = payload.get("ongoingIndicator")
    state = "" if ongoing is None else "ongoing, " if ongoing is True else "ended, "
    return f"{state}{'messages' if payload['messagesInQueue'] is True else 'no messages'} in its queue"


# --- the table ---

_STATUS: Final = "{status}, {statusInfo.reasonCode}, {statusInfo.additionalInfo}"
_REPORT: Final = "request {requestId}, part {seqNo:part}"
_MORE: Final = ", {tbc:if more follows}"
_PLACE: Final = "connector {connectorId}, EVSE {evse.id}/{evse.connectorId}"
"""Of an action that names a connector in 1.6 and an EVSEType in 2.x."""
_OUTLET: Final = "connector {connectorId}, EVSE {evseId}"
"""Of one that names a connector in 1.6 and an EVSE in 2.x."""
_FILE_STATUS: Final = "{status}, request {requestId}"
_FIRMWARE: Final = (
    "{location|firmware.location:url}, request {requestId}"
    ", from {retrieveDate|firmware.retrieveDateTime}, install from {firmware.installDateTime}"
)
_AUTHORIZATION: Final = (
    "{idTagInfo.status|idTokenInfo.status}, parent {idTagInfo.parentIdTag}"
    ", group {idTokenInfo.groupIdToken.idToken}"
    ", until {idTagInfo.expiryDate|idTokenInfo.cacheExpiryDateTime}"
)

_ASKED: Final[Mapping[str, str | Phrase]] = {
    # Provisioning, availability
    "BootNotification": (
        "{chargePointVendor|chargingStation.vendorName} {chargePointModel|chargingStation.model}"
        ", firmware {firmwareVersion|chargingStation.firmwareVersion}"
        ", serial {chargePointSerialNumber|chargeBoxSerialNumber|chargingStation.serialNumber}, {reason}"
    ),
    "ChangeAvailability": _PLACE + ": {type|operationalStatus}",
    "ChangeConfiguration": _change_configuration,
    "DataTransfer": "{vendorId} / {messageId}: {data:data}",
    "GetBaseReport": "{reportBase}, request {requestId}",
    "GetConfiguration": "{key:names}",
    "GetReport": "request {requestId}, {componentCriteria:names}, {componentVariable:count variable}",
    "GetVariables": "{getVariableData:variables}",
    "NotifyReport": f"{_REPORT}, {{reportData:count variable}}{_MORE}",
    "Reset": "{type}, EVSE {evseId}",
    "SetNetworkProfile": (
        "slot {configurationSlot}, {connectionData.ocppCsmsUrl:url}"
        ", {connectionData.ocppInterface}, security profile {connectionData.securityProfile}"
    ),
    "SetVariables": "{setVariableData:variables}",
    "StatusNotification": either(
        "evseId",
        "EVSE {evseId}/{connectorId}: {connectorStatus}",
        "connector {connectorId}: {status}, {errorCode:unless NoError}, {info}"
        ", vendor error {vendorErrorCode}",
    ),
    "TriggerMessage": "{requestedMessage} {customTrigger}, " + _PLACE,
    "ExtendedTriggerMessage": "{requestedMessage}, connector {connectorId}",
    "UnlockConnector": either("evseId", "EVSE {evseId}/{connectorId}", "connector {connectorId}"),
    # Authorization, reservation
    "Authorize": "idTag {idTag}, idToken {idToken:token}",
    "CancelReservation": "reservation {reservationId}",
    "ReservationStatusUpdate": "reservation {reservationId}: {reservationUpdateStatus}",
    "ReserveNow": (
        _OUTLET + ", {connectorType}, reservation {reservationId|id}, idTag {idTag}, idToken {idToken:token}"
        ", until {expiryDate|expiryDateTime}"
    ),
    "SendLocalList": (
        "{updateType}, version {listVersion|versionNumber}, {localAuthorizationList:count entry}"
    ),
    # Transactions, meter values
    "CostUpdated": "transaction {transactionId:short}, cost {totalCost}",
    "GetTransactionStatus": "transaction {transactionId}",
    "MeterValues": _meter_values,
    "RemoteStartTransaction": "connector {connectorId}, idTag {idTag}, {chargingProfile:profile}",
    "RemoteStopTransaction": "transaction {transactionId}",
    "RequestStartTransaction": (
        "EVSE {evseId}, idToken {idToken:token}, remote start {remoteStartId}, {chargingProfile:profile}"
    ),
    "RequestStopTransaction": "transaction {transactionId}",
    "StartTransaction": (
        "connector {connectorId}, idTag {idTag}, meter {meterStart:energy}, reservation {reservationId}"
    ),
    "StopTransaction": (
        "transaction {transactionId}, meter {meterStop:energy}, reason {reason}, idTag {idTag}"
        ", {transactionData:count reading}"
    ),
    "TransactionEvent": _transaction_event,
    # Smart charging
    "ClearChargingProfile": (
        "profile {id|chargingProfileId}, connector {connectorId}, EVSE {chargingProfileCriteria.evseId}"
        ", {chargingProfilePurpose|chargingProfileCriteria.chargingProfilePurpose}"
        ", stack level {stackLevel|chargingProfileCriteria.stackLevel}"
    ),
    "ClearedChargingLimit": "EVSE {evseId}, {chargingLimitSource}",
    "GetChargingProfiles": (
        "request {requestId}, EVSE {evseId}, {chargingProfile.chargingProfilePurpose}"
        ", profile {chargingProfile.chargingProfileId:names}"
    ),
    "GetCompositeSchedule": _OUTLET + ", {duration:seconds}, in {chargingRateUnit}",
    "NotifyChargingLimit": (
        "EVSE {evseId}, {chargingLimit.chargingLimitSource}, {chargingSchedule:schedule}"
    ),
    "NotifyEVChargingNeeds": (
        "EVSE {evseId}, {chargingNeeds.requestedEnergyTransfer}"
        ", {chargingNeeds.acChargingParameters.energyAmount:energy}"
        ", SoC {chargingNeeds.dcChargingParameters.stateOfCharge:amount %}"
        ", until {chargingNeeds.departureTime}"
    ),
    "NotifyEVChargingSchedule": "EVSE {evseId}, {chargingSchedule:schedule}",
    "NotifyPriorityCharging": "transaction {transactionId:short}, {activated:if on}",
    "PullDynamicScheduleUpdate": "profile {chargingProfileId}",
    "ReportChargingProfiles": (
        "request {requestId}, EVSE {evseId}, {chargingLimitSource}, {chargingProfile:count profile}" + _MORE
    ),
    "SetChargingProfile": _OUTLET + ", {csChargingProfiles|chargingProfile:profile}",
    "UpdateDynamicSchedule": "profile {chargingProfileId}, limit {scheduleUpdate.limit}",
    "UsePriorityCharging": "transaction {transactionId:short}, {activate:if on}",
    # Firmware, logs, diagnostics
    "DiagnosticsStatusNotification": _FILE_STATUS,
    "FirmwareStatusNotification": _FILE_STATUS,
    "GetDiagnostics": "{location:url}, from {startTime}, to {stopTime}",
    "GetLog": (
        "{logType}, {log.remoteLocation:url}, request {requestId}"
        ", from {log.oldestTimestamp}, to {log.latestTimestamp}"
    ),
    "LogStatusNotification": _FILE_STATUS,
    "PublishFirmware": "{location:url}, request {requestId}",
    "PublishFirmwareStatusNotification": _FILE_STATUS + ", {location:names}",
    "SignedFirmwareStatusNotification": _FILE_STATUS,
    "SignedUpdateFirmware": _FIRMWARE,
    "UnpublishFirmware": "checksum {checksum}",
    "UpdateFirmware": _FIRMWARE,
    # Security, certificates
    "CertificateSigned": "{certificateType}, {certificateChain:certificates}",
    "DeleteCertificate": "serial {certificateHashData.serialNumber}, {certificateHashData.hashAlgorithm}",
    "Get15118EVCertificate": "{action}, {iso15118SchemaVersion}",
    "GetCertificateStatus": "serial {ocspRequestData.serialNumber}",
    "GetInstalledCertificateIds": "{certificateType:names}",
    "InstallCertificate": "{certificateType}, {certificate:certificates}",
    "SecurityEventNotification": "{type}, {techInfo}",
    "SignCertificate": "{certificateType}, request of {csr:size}",
    # Monitoring, diagnosis
    "ClearVariableMonitoring": "monitor {id:names}",
    "CustomerInformation": "request {requestId}, {report:if report}, {clear:if clear}",
    "GetMonitoringReport": (
        "request {requestId}, {monitoringCriteria:names}, {componentVariable:count variable}"
    ),
    "NotifyCustomerInformation": f"{_REPORT}, {{data:size}}{_MORE}",
    "NotifyEvent": "{eventData:events}" + _MORE,
    "NotifyMonitoringReport": f"{_REPORT}, {{monitor:count variable}}{_MORE}",
    "SetMonitoringBase": "{monitoringBase}",
    "SetMonitoringLevel": "severity {severity}",
    "SetVariableMonitoring": "{setMonitoringData:monitors}",
    # Display messages
    "ClearDisplayMessage": "message {id}",
    "GetDisplayMessages": "request {requestId}, message {id:names}, {priority}, {state}",
    "NotifyDisplayMessages": "request {requestId}, {messageInfo:count message}" + _MORE,
    "SetDisplayMessage": "message {message.id}, {message.priority}: {message.message.content}",
    # 2.1: event streams, DER, battery swap, payment
    "AFRRSignal": "signal {signal}",
    "AdjustPeriodicEventStream": "stream {id}, every {params.interval:seconds}",
    "BatterySwap": "{eventType}, request {requestId}, {batteryData:count battery}, idToken {idToken:token}",
    "ClosePeriodicEventStream": "stream {id}",
    "NotifyDERAlarm": "{controlType}, {gridEventFault}, {alarmEnded:if ended}",
    "NotifyPeriodicEventStream": "stream {id}, {data:count value}",
    "NotifySettlement": "{status}, {settlementAmount}, transaction {transactionId:short}",
    "NotifyWebPaymentStarted": "EVSE {evseId}, time-out {timeout:seconds}",
    "OpenPeriodicEventStream": (
        "stream {constantStreamData.id}, monitor {constantStreamData.variableMonitoringId}"
        ", every {constantStreamData.params.interval:seconds}"
    ),
    "RequestBatterySwap": "request {requestId}, idToken {idToken:token}",
    "SetDERControl": "{controlType}, control {controlId}, {isDefault:if default}",
}

_ANSWERED: Final[Mapping[str, str | Phrase]] = {
    "Authorize": _AUTHORIZATION + ", certificate {certificateStatus}",
    "BootNotification": "{status}, interval {interval:seconds}, {statusInfo.reasonCode}",
    "ClearVariableMonitoring": "{clearMonitoringResult:statuses}",
    "DataTransfer": "{status}, {data:data}",
    "GetCompositeSchedule": "{status}, {chargingSchedule|schedule:schedule}",
    "GetConfiguration": "{configurationKey:configuration}, unknown: {unknownKey:names}",
    "GetDiagnostics": "file {fileName}",
    "GetInstalledCertificateIds": "{status}, {certificateHashData|certificateHashDataChain:count certificate}",
    "GetLocalListVersion": "version {listVersion|versionNumber}",
    "GetLog": "{status}, file {filename}",
    "GetTransactionStatus": _transaction_status,
    "GetVariables": "{getVariableResult:variables}",
    "Heartbeat": "{currentTime}",
    "RequestStartTransaction": "{status}, transaction {transactionId}",
    "SetVariableMonitoring": "{setMonitoringResult:monitors}",
    "SetVariables": "{setVariableResult:variables}",
    "StartTransaction": "transaction {transactionId}, " + _AUTHORIZATION,
    "StopTransaction": _AUTHORIZATION,
    "TransactionEvent": (
        _AUTHORIZATION + ", cost {totalCost}, priority {chargingPriority}, {updatedPersonalMessage.content}"
    ),
}


def _compiled(table: Mapping[str, str | Phrase]) -> dict[str, Phrase]:
    return {
        action: template(said, _FORMS) if isinstance(said, str) else said for action, said in table.items()
    }


ASKED: Final[Mapping[str, Phrase]] = _compiled(_ASKED)
"""By action: what a Call or Send of it says."""
ANSWERED: Final[Mapping[str, Phrase]] = _compiled(_ANSWERED)
"""By action: what its CallResult says."""
STATUS: Final[Phrase] = template(_STATUS)
"""What any other CallResult with a status says."""
