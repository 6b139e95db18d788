"""A legal station with its CSMS: whatever it does, in whatever order, no rule may call it an error.

Each method of a station is something that happens to it. It returns nothing and says messages, or does nothing
where it cannot happen at the time.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.rules.sessions import CURRENT, Piece, ask, closed, opened, stamp

Payload = dict[str, Any]
INTERVAL = 300
SAMPLED_EVERY = 60
ACCEPTED = {"status": "Accepted"}


class Connector:
    """One connector, which in 2.x is an EVSE."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.status = "Available"
        self.register = 1_000 * number
        self.transaction: Any = None
        self.tag = ""
        self.seq_no = 0
        self.state: str | None = None
        self.reservation: int | None = None


class Station:
    """What stations of all versions have in common."""

    version = ""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.now = 0.0
        self.heard = 0.0
        self.ids = count(1)
        self.numbers = count(100)
        self.connectors = [Connector(1), Connector(2)]
        self.boot("PowerUp")

    # --- time and messages ---

    def wait(self, seconds: float) -> None:
        """Let time pass; a Heartbeat goes out in every interval."""
        while self.now + seconds - self.heard > INTERVAL - 10:
            step = max(self.heard + INTERVAL - 10 - self.now, 0)
            self._pass(step)
            seconds -= step
            self.say("Heartbeat", {}, {"currentTime": CURRENT})
        self._pass(max(seconds, 0))

    def _pass(self, seconds: float) -> None:
        self.pieces.append(f"+{seconds:.3f}s")
        self.now += seconds

    def say(self, action: str, asked: Payload, answer: Payload | None = None) -> None:
        self._exchange(action, asked, answer, ">")

    def be_asked(self, action: str, asked: Payload, answer: Payload | None = None) -> None:
        self._exchange(action, asked, answer, "<")

    def _exchange(self, action: str, asked: Payload, answer: Payload | None, side: str) -> None:
        self.pieces.extend(ask(f"id {next(self.ids)}", action, asked, answer, side))
        self.now += 0.1
        self.heard = self.now
        self._pass(1)

    def free(self) -> Iterator[Connector]:
        return (one for one in self.connectors if one.status == "Available" and one.reservation is None)

    def busy(self) -> Iterator[Connector]:
        return (one for one in self.connectors if one.transaction is not None)

    # --- what versions do in their own way ---

    def boot(self, reason: str) -> None:
        raise NotImplementedError

    def tell(self, connector: Connector, status: str) -> None:
        raise NotImplementedError

    # --- what happens to all ---

    def reconnect(self) -> None:
        """The connection breaks for a moment; nothing happens meanwhile."""
        self.pieces.append(closed("station", "fin", None))
        self._pass(15)
        self.pieces.append(opened())
        self.heard = self.now

    def transfer_data(self) -> None:
        self.say("DataTransfer", {"vendorId": "V", "data": "x"}, {"status": "UnknownVendorId"})

    def clear_cache(self) -> None:
        self.be_asked("ClearCache", {}, ACCEPTED)

    def idle(self) -> None:
        self.wait(1_000)

    def trigger_heartbeat(self) -> None:
        self.be_asked("TriggerMessage", {"requestedMessage": "Heartbeat"}, ACCEPTED)
        self.say("Heartbeat", {}, {"currentTime": CURRENT})


class Station16(Station):
    """OCPP 1.6."""

    version = "1.6"

    def boot(self, reason: str) -> None:
        asked = {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1.0"}
        self.say("BootNotification", asked, ACCEPTED | {"currentTime": CURRENT, "interval": INTERVAL})
        self._status(0, "Available")
        for one in self.connectors:
            one.status = "Available"
            self._status(one.number, one.status)

    def _status(self, number: int, status: str) -> None:
        asked = {"connectorId": number, "errorCode": "NoError", "status": status, "timestamp": CURRENT}
        self.say("StatusNotification", asked)

    def tell(self, connector: Connector, status: str) -> None:
        connector.status = status
        self._status(connector.number, status)

    def authorize(self, tag: str, status: str = "Accepted") -> None:
        self.say("Authorize", {"idTag": tag}, {"idTagInfo": {"status": status}})

    def charge(self) -> None:
        for one in self.free():
            self.tell(one, "Preparing")
            self.wait(5)
            one.tag = f"TAG{one.number}"
            self.authorize(one.tag)
            self._start(one)
            return

    def _start(self, one: Connector) -> None:
        one.transaction = next(self.numbers)
        asked = {
            "connectorId": one.number,
            "idTag": one.tag,
            "meterStart": one.register,
            "timestamp": CURRENT,
        }
        if one.reservation is not None:
            asked["reservationId"] = one.reservation
            one.reservation = None
        self.say("StartTransaction", asked, {"transactionId": one.transaction, "idTagInfo": ACCEPTED})
        self.tell(one, "Charging")

    def measure(self) -> None:
        for one in self.busy():
            self.wait(SAMPLED_EVERY)
            if one.status == "Charging":
                one.register += 120
            power = "7200" if one.status == "Charging" else "0"
            values = [
                {"value": str(one.register), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                {"value": power, "measurand": "Power.Active.Import", "unit": "W"},
            ]
            asked = {"connectorId": one.number, "transactionId": one.transaction}
            self.say("MeterValues", asked | {"meterValue": [{"timestamp": CURRENT, "sampledValue": values}]})

    def suspend(self) -> None:
        for one in self.busy():
            if one.status == "Charging":
                self.tell(one, "SuspendedEV")
                return

    def resume(self) -> None:
        for one in self.busy():
            if one.status == "SuspendedEV":
                self.tell(one, "Charging")
                return

    def _stop(self, one: Connector, reason: str, **more: Any) -> None:
        asked = {"transactionId": one.transaction, "meterStop": one.register, "timestamp": CURRENT}
        one.transaction = None
        self.say(
            "StopTransaction", asked | {"reason": reason} | more, {"idTagInfo": ACCEPTED} if more else {}
        )

    def stop(self) -> None:
        for one in self.busy():
            self.wait(20)
            self._stop(one, "Local", idTag=one.tag)
            self.tell(one, "Finishing")
            return

    def pull_the_plug(self) -> None:
        for one in self.busy():
            self.wait(20)
            self._stop(one, "EVDisconnected")
            self.tell(one, "Finishing")
            self.tell(one, "Available")
            return

    def unplug(self) -> None:
        for one in self.connectors:
            if one.status == "Finishing":
                self.wait(20)
                self.tell(one, "Available")

    def start_remotely(self) -> None:
        for one in self.free():
            one.tag = "REMOTE"
            if any(other.tag == one.tag for other in self.busy()):
                return
            self.be_asked("RemoteStartTransaction", {"idTag": one.tag, "connectorId": one.number}, ACCEPTED)
            self.tell(one, "Preparing")
            self.authorize(one.tag)
            self._start(one)
            return

    def stop_remotely(self) -> None:
        for one in self.busy():
            self.wait(20)
            self.be_asked("RemoteStopTransaction", {"transactionId": one.transaction}, ACCEPTED)
            self._stop(one, "Remote")
            self.tell(one, "Finishing")
            return

    def reset(self) -> None:
        self.be_asked("Reset", {"type": "Soft"}, ACCEPTED)
        for one in list(self.busy()):
            self._stop(one, "SoftReset")
        self.reconnect()
        self._pass(30)
        self.boot("RemoteReset")
        for one in self.connectors:
            one.reservation = None

    def reserve(self) -> None:
        for one in self.free():
            number = next(self.numbers)
            asked = {
                "connectorId": one.number,
                "expiryDate": stamp(self.now + 100_000),
                "idTag": "HERS",
                "reservationId": number,
            }
            self.be_asked("ReserveNow", asked, ACCEPTED)
            self.tell(one, "Reserved")
            one.reservation = number
            return

    def use_reservation(self) -> None:
        for one in self.connectors:
            if one.reservation is not None and not any(other.tag == "HERS" for other in self.busy()):
                one.tag = "HERS"
                self.authorize(one.tag)
                self.tell(one, "Preparing")
                self._start(one)
                return

    def cancel_reservation(self) -> None:
        for one in self.connectors:
            if one.reservation is not None:
                self.be_asked("CancelReservation", {"reservationId": one.reservation}, ACCEPTED)
                one.reservation = None
                self.tell(one, "Available")
                return

    def refuse_card(self) -> None:
        for one in self.free():
            self.tell(one, "Preparing")
            self.authorize("STRANGER", "Invalid")
            self.wait(60)
            self.tell(one, "Available")
            return

    def fault(self) -> None:
        for one in self.free():
            asked = {"connectorId": one.number, "errorCode": "GroundFailure", "timestamp": CURRENT}
            self.say("StatusNotification", asked | {"status": "Faulted"})
            self.wait(30)
            self.tell(one, "Available")
            return

    def disable_and_enable(self) -> None:
        for one in self.free():
            asked = {"connectorId": one.number}
            self.be_asked("ChangeAvailability", asked | {"type": "Inoperative"}, ACCEPTED)
            self.tell(one, "Unavailable")
            self.wait(60)
            self.be_asked("ChangeAvailability", asked | {"type": "Operative"}, ACCEPTED)
            self.tell(one, "Available")
            return

    def configure(self) -> None:
        keys = [
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
            {"key": "MeterValueSampleInterval", "readonly": False, "value": "0"},
            {"key": "ConnectionTimeOut", "readonly": False, "value": "60"},
        ]
        self.be_asked("GetConfiguration", {}, {"configurationKey": keys})
        asked = {"key": "ConnectionTimeOut", "value": "90"}
        self.be_asked("ChangeConfiguration", asked, ACCEPTED)

    def limit(self) -> None:
        periods = [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}]
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
        }
        self.be_asked("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile}, ACCEPTED)

    def lift_limits(self) -> None:
        self.be_asked("ClearChargingProfile", {}, ACCEPTED)

    def send_list(self) -> None:
        number = next(self.numbers)
        entries = [{"idTag": "TAG1", "idTagInfo": ACCEPTED}]
        asked = {"listVersion": number, "updateType": "Full", "localAuthorizationList": entries}
        self.be_asked("SendLocalList", asked, ACCEPTED)
        self.be_asked("GetLocalListVersion", {}, {"listVersion": number})

    def upload_diagnostics(self) -> None:
        self.be_asked("GetDiagnostics", {"location": "https://x.example/up"}, {"fileName": "a.zip"})
        for status in ("Uploading", "Uploaded"):
            self.say("DiagnosticsStatusNotification", {"status": status})

    def update_firmware(self) -> None:
        if any(self.busy()) or any(one.status != "Available" or one.reservation for one in self.connectors):
            return
        asked = {"location": "https://x.example/fw", "retrieveDate": stamp(self.now + 5)}
        self.be_asked("UpdateFirmware", asked)
        self._pass(5)
        for status in ("Downloading", "Downloaded", "Installing", "Installed"):
            self.say("FirmwareStatusNotification", {"status": status})
        self.reconnect()
        self.boot("FirmwareUpdate")

    def trigger_status(self) -> None:
        one = self.connectors[0]
        asked = {"requestedMessage": "StatusNotification", "connectorId": one.number}
        self.be_asked("TriggerMessage", asked, ACCEPTED)
        self._status(one.number, one.status)


class Station2X(Station):
    """OCPP 2.0.1; 2.1 with another `version`."""

    version = "2.0.1"

    def boot(self, reason: str) -> None:
        asked = {
            "reason": reason,
            "chargingStation": {"vendorName": "V", "model": "M", "firmwareVersion": "1"},
        }
        self.say("BootNotification", asked, ACCEPTED | {"currentTime": CURRENT, "interval": INTERVAL})
        for one in self.connectors:
            self.tell(one, "Available")

    def tell(self, connector: Connector, status: str) -> None:
        connector.status = status
        place = {"evseId": connector.number, "connectorId": 1}
        self.say("StatusNotification", {"timestamp": CURRENT, "connectorStatus": status} | place)

    def _token(self, tag: str) -> Payload:
        return {"idToken": tag, "type": "ISO14443"}

    def _event(
        self, one: Connector, kind: str, reason: str, info: Payload | None = None, **more: Any
    ) -> None:
        if "chargingState" in (info or {}):
            one.state = (info or {})["chargingState"]
        asked = {
            "eventType": kind,
            "timestamp": CURRENT,
            "triggerReason": reason,
            "seqNo": one.seq_no,
            "transactionInfo": {"transactionId": one.transaction} | (info or {}),
        }
        one.seq_no += 1
        has_token = "idToken" in more and kind != "Ended"
        self.say("TransactionEvent", asked | more, {"idTokenInfo": ACCEPTED} if has_token else {})

    def _begin(self, one: Connector) -> None:
        one.transaction, one.seq_no, one.state = f"tx {next(self.numbers)}", 0, None

    def authorize(self, tag: str, status: str = "Accepted") -> None:
        self.say("Authorize", {"idToken": self._token(tag)}, {"idTokenInfo": {"status": status}})

    def _place(self, one: Connector) -> Payload:
        return {"id": one.number, "connectorId": 1}

    def charge(self) -> None:
        for one in self.free():
            one.tag = f"TAG{one.number}"
            self._begin(one)
            self.tell(one, "Occupied")
            self._event(
                one, "Started", "CablePluggedIn", {"chargingState": "EVConnected"}, evse=self._place(one)
            )
            self.wait(5)
            self.authorize(one.tag)
            self._event(one, "Updated", "Authorized", idToken=self._token(one.tag))
            self._event(one, "Updated", "ChargingStateChanged", {"chargingState": "Charging"})
            return

    def _values(self, one: Connector, context: str = "Sample.Periodic") -> list[Payload]:
        sample = {"measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "Wh"}}
        return [
            {"timestamp": CURRENT, "sampledValue": [sample | {"value": one.register, "context": context}]}
        ]

    def measure(self) -> None:
        for one in self.busy():
            self.wait(SAMPLED_EVERY)
            if one.state == "Charging":
                one.register += 120
            info = {"chargingState": one.state} if one.state else None
            self._event(one, "Updated", "MeterValuePeriodic", info, meterValue=self._values(one))

    def suspend(self) -> None:
        for one in self.busy():
            if one.state == "Charging":
                self._event(one, "Updated", "ChargingStateChanged", {"chargingState": "SuspendedEV"})
                return

    def resume(self) -> None:
        for one in self.busy():
            if one.state == "SuspendedEV":
                self._event(one, "Updated", "ChargingStateChanged", {"chargingState": "Charging"})
                return

    def stop(self) -> None:
        for one in self.busy():
            self.wait(20)
            token = self._token(one.tag)
            self._event(one, "Ended", "StopAuthorized", {"stoppedReason": "Local"}, idToken=token)
            one.transaction = None
            return

    def unplug(self) -> None:
        for one in self.connectors:
            if one.status == "Occupied" and one.transaction is None:
                self.wait(20)
                self.tell(one, "Available")

    def pull_the_plug(self) -> None:
        for one in self.busy():
            self.wait(20)
            self._event(one, "Ended", "EVCommunicationLost", {"stoppedReason": "EVDisconnected"})
            one.transaction = None
            self.tell(one, "Available")
            return

    def start_remotely(self) -> None:
        for one in self.free():
            one.tag, remote = "REMOTE", next(self.numbers)
            if any(other.tag == one.tag for other in self.busy()):
                return
            asked = {"idToken": self._token(one.tag), "remoteStartId": remote, "evseId": one.number}
            self.be_asked("RequestStartTransaction", asked, ACCEPTED)
            self._begin(one)
            more = {"idToken": self._token(one.tag), "evse": self._place(one)}
            self._event(one, "Started", "RemoteStart", {"remoteStartId": remote}, **more)
            self.tell(one, "Occupied")
            self._event(
                one, "Updated", "CablePluggedIn", {"chargingState": "EVConnected"}, evse=self._place(one)
            )
            self._event(one, "Updated", "ChargingStateChanged", {"chargingState": "Charging"})
            return

    def stop_remotely(self) -> None:
        for one in self.busy():
            self.wait(20)
            self.be_asked("RequestStopTransaction", {"transactionId": one.transaction}, ACCEPTED)
            self._event(one, "Ended", "RemoteStop", {"stoppedReason": "Remote"})
            one.transaction = None
            return

    def ask_status(self) -> None:
        for one in self.busy():
            answer = {"ongoingIndicator": True, "messagesInQueue": False}
            self.be_asked("GetTransactionStatus", {"transactionId": one.transaction}, answer)
            return

    def reset(self) -> None:
        self.be_asked("Reset", {"type": "Immediate"}, ACCEPTED)
        for one in list(self.busy()):
            self._event(one, "Ended", "ResetCommand", {"stoppedReason": "ImmediateReset"})
            one.transaction = None
        self.say("SecurityEventNotification", {"type": "ResetOrReboot", "timestamp": CURRENT})
        self.reconnect()
        self._pass(30)
        self.boot("RemoteReset")
        self.say("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": CURRENT})
        for one in self.connectors:
            one.reservation = None

    def reserve(self) -> None:
        for one in self.free():
            number = next(self.numbers)
            asked = {"id": number, "expiryDateTime": stamp(self.now + 100_000), "evseId": one.number}
            self.be_asked("ReserveNow", asked | {"idToken": self._token("HERS")}, ACCEPTED)
            self.tell(one, "Reserved")
            one.reservation = number
            return

    def cancel_reservation(self) -> None:
        for one in self.connectors:
            if one.reservation is not None:
                self.be_asked("CancelReservation", {"reservationId": one.reservation}, ACCEPTED)
                one.reservation = None
                self.tell(one, "Available")
                return

    def disable_and_enable(self) -> None:
        for one in self.free():
            asked = {"evse": {"id": one.number}}
            self.be_asked("ChangeAvailability", asked | {"operationalStatus": "Inoperative"}, ACCEPTED)
            self.tell(one, "Unavailable")
            self.wait(60)
            self.be_asked("ChangeAvailability", asked | {"operationalStatus": "Operative"}, ACCEPTED)
            self.tell(one, "Available")
            return

    def report(self) -> None:
        number = next(self.numbers)
        self.be_asked("GetBaseReport", {"requestId": number, "reportBase": "FullInventory"}, ACCEPTED)
        about = {"component": {"name": "TxCtrlr"}, "variable": {"name": "EVConnectionTimeOut"}}
        data = [about | {"variableAttribute": [{"value": "60"}]}]
        for part in range(3):
            asked = {"requestId": number, "generatedAt": CURRENT, "seqNo": part, "reportData": data}
            self.say("NotifyReport", asked | ({"tbc": True} if part < 2 else {}))

    def set_variables(self) -> None:
        about = {"component": {"name": "TxCtrlr"}, "variable": {"name": "EVConnectionTimeOut"}}
        asked = {"setVariableData": [about | {"attributeValue": "60"}]}
        self.be_asked("SetVariables", asked, {"setVariableResult": [about | {"attributeStatus": "Accepted"}]})

    def limit(self) -> None:
        periods = [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}]
        profile = {
            "id": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": [{"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}],
        }
        self.be_asked("SetChargingProfile", {"evseId": 0, "chargingProfile": profile}, ACCEPTED)

    def upload_log(self) -> None:
        number = next(self.numbers)
        asked = {
            "requestId": number,
            "logType": "DiagnosticsLog",
            "log": {"remoteLocation": "https://x.example/up"},
        }
        self.be_asked("GetLog", asked, ACCEPTED | {"filename": "a.zip"})
        for status in ("Uploading", "Uploaded"):
            self.say("LogStatusNotification", {"status": status, "requestId": number})

    def send_list(self) -> None:
        number = next(self.numbers)
        entries = [{"idToken": self._token("TAG1"), "idTokenInfo": ACCEPTED}]
        asked = {"versionNumber": number, "updateType": "Full", "localAuthorizationList": entries}
        self.be_asked("SendLocalList", asked, ACCEPTED)
        self.be_asked("GetLocalListVersion", {}, {"versionNumber": number})


class Station21(Station2X):
    """OCPP 2.1."""

    version = "2.1"


def happenings(station: type[Station]) -> list[str]:
    """What may happen to a station."""
    helpers = {"boot", "tell", "say", "be_asked", "wait", "free", "busy", "authorize"}
    return sorted(
        name
        for name in dir(station)
        if not name.startswith("_") and name not in helpers and callable(getattr(station, name))
    )
