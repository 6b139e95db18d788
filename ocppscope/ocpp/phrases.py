"""What each action says in one line: a template or a function for its Call, and one for its answer.

What is not here, or has another shape than the standard's, gets the generic line of `summary`. A payload without
fields has a phrase of its own. Names of fields
are those of OCPP 1.6 (edition 2 §6, security whitepaper edition 3 §5) and of 2.0.1 and 2.1 (part 2 §1);
where a 1.6 action is one of 2.x too, its template names the fields of both.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ocppscope.ocpp.lenient import NOT_AS_EXPECTED, finite
from ocppscope.ocpp.meanings import meaning
from ocppscope.ocpp.quantities import amount, number
from ocppscope.ocpp.readings import readings
from ocppscope.ocpp.templates import FORMS, Phrase, counted, data, either, listed, shortened, template, word
from ocppscope.ocpp.tunnels import COSTS, NAMES, PLUG_AND_CHARGE, inner

# --- why: reason codes ---


def _reason(value: dict[str, Any]) -> str:
    """A StatusInfoType: `TxInProgress (a transaction is running), connector 2`."""
    code, more = word(value["reasonCode"]), value.get("additionalInfo")
    means = meaning("ReasonCode", code)
    return f"{code}{f' ({means})' if means else ''}{_after(', ', more or None)}"


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
        return f"{name}: {word(status)}{_why(one.get('attributeStatusInfo'))}"
    return name if value is None else _setting(name, value)


def _why(status_info: dict[str, Any] | None) -> str:
    """Of one of several outcomes: there is no room for more than the code."""
    return "" if status_info is None else f" ({word(status_info['reasonCode'])})"


def _monitor(one: dict[str, Any]) -> str:
    outcome = _after(": ", one.get("status")) + _why(one.get("statusInfo"))
    number = _after(", monitor ", one.get("id"))
    return f"{_variable_name(one)} {word(one['type'])}{_after(' ', one.get('value'))}{outcome}{number}"


def _event(one: dict[str, Any]) -> str:
    cleared = ", cleared" if one.get("cleared") is True else ""
    return f"{_setting(_variable_name(one), one['actualValue'])} ({word(one['trigger'])}{cleared})"


# --- meter values and transactions ---


def _meter_values(payload: dict[str, Any]) -> str:
    is_2x = "evseId" in payload
    where = f"EVSE {word(payload['evseId'])}" if is_2x else f"connector {word(payload['connectorId'])}"
    return f"{where}: {readings(payload['meterValue'])}"


_HAPPENED: Final[Mapping[str, str]] = {
    "AbnormalCondition": "something is wrong",
    "Authorized": "authorized",
    "CablePluggedIn": "EV plugged in",
    "ChargingRateChanged": "charging rate changed",
    "ChargingStateChanged": "",
    "CostLimitReached": "cost limit reached",
    "Deauthorized": "no longer authorized",
    "EnergyLimitReached": "energy limit reached",
    "EVCommunicationLost": "EV lost",
    "EVConnectTimeout": "no EV came in time",
    "EVDeparted": "EV left",
    "EVDetected": "EV arrived",
    "LimitSet": "limit set",
    "MeterValueClock": "",
    "MeterValuePeriodic": "",
    "OperationModeChanged": "operation mode changed",
    "RemoteStart": "started by the CSMS",
    "RemoteStop": "stopped by the CSMS",
    "ResetCommand": "reset by the CSMS",
    "RunningCost": "running cost",
    "SignedDataReceived": "signed data",
    "SoCLimitReached": "SoC limit reached",
    "StopAuthorized": "stop authorized",
    "TariffChanged": "tariff changed",
    "TariffNotAccepted": "tariff not accepted",
    "TimeLimitReached": "time limit reached",
    "Trigger": "asked for",
    "TxResumed": "resumed",
    "UnlockCommand": "unlocked by the CSMS",
}
"""What a trigger says; nothing where the charging state or the readings say it."""
_STATES: Final[Mapping[str, str]] = {
    "Charging": "charging",
    "EVConnected": "EV connected",
    "SuspendedEV": "suspended by the EV",
    "SuspendedEVSE": "suspended by the station",
    "Idle": "no EV",
}
_REASONS_SAID: Final = frozenset(
    {
        ("Deauthorized", "DeAuthorized"),
        ("EnergyLimitReached", "EnergyLimitReached"),
        ("EVCommunicationLost", "EVDisconnected"),
        ("EVConnectTimeout", "Timeout"),
        ("EVDeparted", "EVDisconnected"),
        ("RemoteStop", "Remote"),
        ("ResetCommand", "ImmediateReset"),
        ("SoCLimitReached", "SOCLimitReached"),
        ("StopAuthorized", "Local"),
        ("TimeLimitReached", "TimeLimitReached"),
    }
)
"""Triggers of the end that say why as well as the reason does."""
_BY: Final = ("Authorized", "RemoteStart", "StopAuthorized")
"""Triggers that the token belongs to."""
_WHERE: Final = template("EVSE {evse.id}/{evse.connectorId}")
_WHICH: Final = template(
    "{offline:if offline}, tariff {transactionInfo.tariffId:short}"
    ", transaction {transactionInfo.transactionId:short}"
)


def _transaction_event(payload: dict[str, Any]) -> str:
    """A TransactionEvent as what happened: `Started, EVSE 1/1: EV plugged in, charging, 7.2 kW, transaction T1`."""
    trigger, info = word(payload["triggerReason"]), payload.get("transactionInfo", {})
    meter_values, state, reason = (
        payload.get("meterValue"),
        info.get("chargingState"),
        info.get("stoppedReason"),
    )
    what = _HAPPENED.get(trigger, trigger)
    if "idToken" in payload:
        what = _with_token(what, trigger, payload["idToken"])
    parts = (
        what,
        "" if state is None else _STATES.get(state, "") or word(state),
        "" if reason is None or (trigger, reason) in _REASONS_SAID else f"reason {word(reason)}",
        readings(meter_values) if meter_values else "",
        _cost(payload["costDetails"]) if "costDetails" in payload else "",
        _WHICH(payload),
    )
    where = _WHERE(payload)
    head = f"{word(payload['eventType'])}{', ' if where else ''}{where}"
    said = ", ".join([part for part in parts if part])
    return f"{head}: {said}" if said else head


def _with_token(what: str, trigger: str, token: dict[str, Any]) -> str:
    if token["type"] == "NoAuthorization":
        by = "by anybody"
    else:
        text = word(token["idToken"])
        by = f"by {text if len(text) <= _LONGEST_TOKEN else shortened(text)}"
    if trigger in _BY:
        return f"{what} {by}" if trigger != "RemoteStart" else f"{what} for {by[3:]}"
    return f"{what}{', ' if what else ''}authorized {by}"


_LONGEST_TOKEN: Final = 20


def _cost(details: dict[str, Any]) -> str:
    """A CostDetailsType of 2.1: `cost 3.5 EUR`."""
    cost = details["totalCost"]
    total = cost["total"]
    value = total["inclTax"] if "inclTax" in total else total["exclTax"]
    return f"cost {number(finite(value))} {word(cost['currency'])}"


def _tariff(value: dict[str, Any]) -> str:
    """A TariffType of 2.1: its id, and the first of each kind of price."""
    parts = [word(value["tariffId"])]
    for name, price, unit in _PRICES:
        prices = value.get(name, {}).get("prices")
        if prices:
            more = ", …" if len(prices) > 1 else ""
            parts.append(f"{number(finite(prices[0][price]))} {word(value['currency'])}{unit}{more}")
    return ", ".join(parts)


_PRICES: Final = (
    ("energy", "priceKwh", "/kWh"),
    ("chargingTime", "priceMinute", "/min"),
    ("idleTime", "priceMinute", "/min idle"),
    ("fixedFee", "priceFixed", " fixed"),
)


def _assignment(one: dict[str, Any]) -> str:
    evses = one.get("evseIds")
    return f"{word(one['tariffId'])} ({word(one['tariffKind'])}{f', EVSE {listed(evses)}' if evses else ''})"


def _outcome(one: dict[str, Any], name: str) -> str:
    status = word(one["status"]) + _why(one.get("statusInfo"))
    return f"{word(one[name])}: {status}" if name in one else status


def _certificate_status(one: dict[str, Any]) -> str:
    serial = shortened(one["certificateHashData"]["serialNumber"])
    return f"{serial}: {word(one['status'])} ({word(one['source'])})"


def _update(value: dict[str, Any]) -> str:
    """A ChargingScheduleUpdateType of 2.1: its unit is that of the schedule."""
    return ", ".join(f"{name} {number(finite(value[name]))}" for name in _UPDATED if name in value)


_UPDATED: Final = ("limit", "dischargeLimit", "setpoint", "setpointReactive")


def _report_der_control(payload: dict[str, Any]) -> str:
    controls = sum(len(value) for value in payload.values() if isinstance(value, list))
    more = ", more follows" if payload.get("tbc") is True else ""
    return f"request {word(payload['requestId'])}, {counted(controls, 'control')}{more}"


# --- DataTransfer ---

_ISO_15118: Final[Mapping[str, str]] = {
    "urn:iso:15118:2:2010:msgdef": "ISO 15118-2 (2010)",
    "urn:iso:15118:2:2013:msgdef": "ISO 15118-2",
    "urn:iso:std:iso:15118:-20:commonmessages": "ISO 15118-20",
}
"""Schemas of messages between EV and station, by their URN in lower case."""


def _data_transfer(payload: dict[str, Any]) -> str:
    vendor, name = payload["vendorId"], payload.get("messageId")
    known = NAMES.get(vendor)
    carried = None if known is None else inner(payload.get("data"))
    if carried is None or not isinstance(name, str):
        return _DATA_TRANSFER(payload)
    return f"{known}, {name[:_LONGEST_NAME]}: {_carried(vendor, name, carried)}"


_LONGEST_NAME: Final = 50
_DATA_TRANSFER: Final = template("{vendorId} / {messageId}: {data:data}")
_DATA_TRANSFER_ANSWER: Final = template(
    "{status}, {data:data}, {statusInfo:reason}", FORMS | {"reason": _reason}
)
_COSTS: Final[Mapping[str, Phrase]] = {
    "FinalCost": template("transaction {transactionId}, cost {cost}, {priceText}"),
    "RunningCost": template("transaction {transactionId}, cost {cost}, {state}, meter {meterValue:energy}"),
    "SetUserPrice": template("idToken {idToken}, {priceText}"),
}
"""By messageId."""


def _carried(vendor: str, name: str, message: dict[str, Any]) -> str:
    """What a message within a DataTransfer says."""
    phrase = _COSTS.get(name) if vendor == COSTS else None
    if vendor == PLUG_AND_CHARGE and name != "DataTransfer":
        phrase = ASKED.get(name)
    try:
        said = "" if phrase is None else phrase(message)
    except NOT_AS_EXPECTED:
        said = ""
    return said or data(message)


def _data_transfer_answer(payload: dict[str, Any]) -> str:
    """The vendor is in the Call, so what is known of it is told by the fields that it has."""
    carried = inner(payload["data"]) if isinstance(payload.get("data"), str) else None
    if carried is None:
        return _DATA_TRANSFER_ANSWER(payload)
    for field, action in _ANSWERS_BY_FIELD.items():
        if field in carried:
            said = ANSWERED[action](carried)
            return f"{word(payload['status'])}; {action}: {said}"
    said = STATUS(carried) if "status" in carried else data(carried)
    return f"{word(payload['status'])}: {said}"


_ANSWERS_BY_FIELD: Final[Mapping[str, str]] = {
    "idTokenInfo": "Authorize",
    "exiResponse": "Get15118EVCertificate",
    "ocspResult": "GetCertificateStatus",
    "certificateHashDataChain": "GetInstalledCertificateIds",
}


def _transaction_status(payload: dict[str, Any]) -> str:
    ongoing = payload.get("ongoingIndicator")
    state = "" if ongoing is None else "ongoing, " if ongoing is True else "ended, "
    return f"{state}{'messages' if payload['messagesInQueue'] is True else 'no messages'} in its queue"


_FORMS: Final = FORMS | {
    "profile": _profile,
    "schedule": _schedule,
    "configuration": lambda value: listed(value, _configuration_key, 3),
    "variables": lambda value: listed(value, _variable, 3),
    "monitors": lambda value: listed(value, _monitor, 2),
    "events": lambda value: listed(value, _event, 2),
    "statuses": lambda value: listed(value, lambda one: _outcome(one, "id")),
    "outcomes": lambda value: listed(value, lambda one: _outcome(one, "tariffId")),
    "reason": _reason,
    "tariff": _tariff,
    "assignments": lambda value: listed(value, _assignment, 3),
    "chain": lambda value: listed(value, _certificate_status, 2),
    "update": _update,
    "standard": lambda value: _ISO_15118.get(value.casefold(), word(value)),
}

# --- the table ---

_STATUS: Final = "{status}, {statusInfo:reason}"
_WHY: Final = ", {statusInfo:reason}"
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
    "DataTransfer": _data_transfer,
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
    "Authorize": "idTag {idTag}, idToken {idToken:token}, {certificate:certificates}",
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
    "NotifyPriorityCharging": "transaction {transactionId:short}: {activated:whether on/off}",
    "PullDynamicScheduleUpdate": "profile {chargingProfileId}",
    "ReportChargingProfiles": (
        "request {requestId}, EVSE {evseId}, {chargingLimitSource}, {chargingProfile:count profile}" + _MORE
    ),
    "SetChargingProfile": _OUTLET + ", {csChargingProfiles|chargingProfile:profile}",
    "UpdateDynamicSchedule": "profile {chargingProfileId}, {scheduleUpdate:update}",
    "UsePriorityCharging": "transaction {transactionId:short}: {activate:whether on/off}",
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
    "Get15118EVCertificate": "{action}, {exiRequest:exi}, {iso15118SchemaVersion:standard}",
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
    # 2.1: event streams, DER, battery swap, tariffs, payment
    "AFRRSignal": "signal {signal}",
    "AdjustPeriodicEventStream": "stream {id}, every {params.interval:seconds}",
    "ChangeTransactionTariff": "transaction {transactionId:short}, tariff {tariff:tariff}",
    "ClearDERControl": "{isDefault:whether defaults/controls}, {controlType}, control {controlId}",
    "ClearTariffs": "tariff {tariffIds:names}, EVSE {evseId}",
    "GetCertificateChainStatus": "{certificateStatusRequests:count certificate}",
    "GetDERControl": "request {requestId}, {controlType}, control {controlId}, {isDefault:if default}",
    "GetTariffs": "EVSE {evseId}",
    "NotifyAllowedEnergyTransfer": "transaction {transactionId:short}, {allowedEnergyTransfer:names}",
    "NotifyDERStartStop": "control {controlId} {started:whether started/stopped}, instead of {supersededIds:names}",
    "ReportDERControl": _report_der_control,
    "SetDefaultTariff": "EVSE {evseId}, tariff {tariff:tariff}",
    "VatNumberValidation": "VAT number {vatNumber}, EVSE {evseId}",
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
    "BootNotification": "{status}, interval {interval:seconds}" + _WHY,
    "ClearTariffs": "{clearTariffsResult:outcomes}",
    "ClearVariableMonitoring": "{clearMonitoringResult:statuses}",
    "DataTransfer": _data_transfer_answer,
    "Get15118EVCertificate": ("{status}, {exiResponse:exi}, contracts left {remainingContracts}" + _WHY),
    "GetCertificateChainStatus": "{certificateStatus:chain}",
    "GetCertificateStatus": "{status}, OCSP answer of {ocspResult:size}" + _WHY,
    "GetCompositeSchedule": "{status}, {chargingSchedule|schedule:schedule}" + _WHY,
    "GetConfiguration": "{configurationKey:configuration}, unknown: {unknownKey:names}",
    "GetDiagnostics": "file {fileName}",
    "GetInstalledCertificateIds": (
        "{status}, {certificateHashData|certificateHashDataChain:count certificate}" + _WHY
    ),
    "GetLocalListVersion": "version {listVersion|versionNumber}",
    "GetLog": "{status}, file {filename}" + _WHY,
    "GetPeriodicEventStream": "{constantStreamData:count stream}",
    "GetTariffs": "{status}, {tariffAssignments:assignments}" + _WHY,
    "GetTransactionStatus": _transaction_status,
    "GetVariables": "{getVariableResult:variables}",
    "Heartbeat": "{currentTime}",
    "NotifySettlement": "receipt {receiptId}, {receiptUrl:url}",
    "PullDynamicScheduleUpdate": "{status}, {scheduleUpdate:update}" + _WHY,
    "RequestStartTransaction": "{status}, transaction {transactionId}" + _WHY,
    "SetDERControl": "{status}, instead of {supersededIds:names}" + _WHY,
    "SetVariableMonitoring": "{setMonitoringResult:monitors}",
    "SetVariables": "{setVariableResult:variables}",
    "StartTransaction": "transaction {transactionId}, " + _AUTHORIZATION,
    "StopTransaction": _AUTHORIZATION,
    "TransactionEvent": (
        _AUTHORIZATION + ", cost {totalCost}, priority {chargingPriority}, {updatedPersonalMessage.content}"
    ),
    "VatNumberValidation": "{status}, {company.name}, VAT number {vatNumber}" + _WHY,
}

_NOTHING_ASKED: Final[Mapping[str, str]] = {
    "ClearCache": "forget all tokens",
    "ClearChargingProfile": "all profiles",
    "ClearTariffs": "all tariffs",
    "GetConfiguration": "all keys",
    "GetInstalledCertificateIds": "all certificates",
    "GetLocalListVersion": "version of the list?",
    "GetPeriodicEventStream": "streams?",
    "GetTransactionStatus": "messages in its queue?",
    "Heartbeat": "sign of life",
}
_NOTHING_ANSWERED: Final[Mapping[str, str]] = {
    "GetConfiguration": "no keys",
    "GetDiagnostics": "nothing to upload",
    "GetPeriodicEventStream": "no streams",
}


def nothing(action: object, *, is_answer: bool) -> str:
    """What a payload without fields says; empty for a Call that should have some."""
    if not isinstance(action, str):
        return ""
    return _NOTHING_ANSWERED.get(action, "received") if is_answer else _NOTHING_ASKED.get(action, "")


def _compiled(table: Mapping[str, str | Phrase]) -> dict[str, Phrase]:
    return {
        action: template(said, _FORMS) if isinstance(said, str) else said for action, said in table.items()
    }


ASKED: Final[Mapping[str, Phrase]] = _compiled(_ASKED)
"""By action: what a Call or Send of it says."""
ANSWERED: Final[Mapping[str, Phrase]] = _compiled(_ANSWERED)
"""By action: what its CallResult says."""
STATUS: Final[Phrase] = template(_STATUS, _FORMS)
"""What any other CallResult with a status says."""
