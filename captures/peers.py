"""The peers of the sample captures: a station and a CSMS for each version, out of the `ocpp` package.

They answer what the other side asks. What they do of themselves, and when, is said in `make.py`.
"""

import asyncio
import datetime as dt
import itertools
import json
import uuid
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ocpp import v16, v21, v201
from ocpp.routing import after, on
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection


def now() -> str:
    """The time of day as OCPP writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Meter:
    """The register of a connector: it counts what the power makes of the time that really passes."""

    register: float
    """Wh."""
    power: float = 11_040.0
    """W."""
    running_since: float | None = None

    def start(self) -> None:
        self.running_since = asyncio.get_running_loop().time()

    def stop(self) -> None:
        self.register, self.running_since = self._now(), None

    def _now(self) -> float:
        if self.running_since is None:
            return self.register
        seconds = asyncio.get_running_loop().time() - self.running_since
        return self.register + self.power * seconds / 3600

    @property
    def energy(self) -> int:
        """In whole Wh."""
        return int(self._now())

    def phases(self, wobble: float) -> Iterator[tuple[str, float]]:
        """The current of each phase, in A."""
        for at, phase in enumerate(("L1", "L2", "L3")):
            yield phase, round(self.power / 690 - (wobble + 0.1 * at) % 0.5, 1)


class SigningMeter:
    """A meter under calibration law: it signs its register at the begin and the end of a transaction (OCMF 1.0)."""

    MOMENTS: ClassVar = {"Transaction.Begin": "B", "Transaction.End": "E"}

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._page = itertools.count(1)
        self.is_honest = True
        """Where it is not, what was signed is altered afterwards."""

    def signed(self, energy: int, context: str) -> dict[str, str]:
        """A SignedMeterValue for a register in Wh."""
        when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S,%f")[:-3] + "+0000 S"
        reading = {
            "TM": when,
            "TX": self.MOMENTS[context],
            "RV": energy / 1000,
            "RI": "01-00:01.08.00*FF",
            "RU": "kWh",
        }
        about = {
            "FV": "1.0",
            "GI": "Example",
            "GS": "815",
            "PG": f"T{next(self._page)}",
            "MV": "Example",
            "MS": "4711",
        }
        payload = json.dumps(about | {"IS": True, "IT": "ISO14443", "RD": [reading | {"ST": "G"}]})
        signature = self._key.sign(payload.encode(), ec.ECDSA(hashes.SHA256())).hex()
        if not self.is_honest:
            payload = payload.replace(f'"RV": {energy / 1000}', f'"RV": {energy / 1000 + 1}')
        ocmf = f'OCMF|{payload}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature}"}}'
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "signed_meter_data": b64encode(ocmf.encode()).decode(),
            "signing_method": "ECDSA-secp256r1-SHA256",
            "encoding_method": "OCMF",
            "public_key": b64encode(f"oca:base16:asn1:{public.hex()}".encode()).decode(),
        }


class Station16(v16.ChargePoint):
    """A charge point: one connector, one meter, a few keys. The answers to what a central system asks."""

    def __init__(self, identity: str, socket: ClientConnection) -> None:
        super().__init__(identity, socket)
        self.socket = socket
        self.meter = Meter(register=482_310)
        self.keys = {
            "HeartbeatInterval": "300",
            "MeterValueSampleInterval": "60",
            "NumberOfConnectors": "1",
            "AuthorizeRemoteTxRequests": "false",
        }
        self.remote_start = asyncio.Event()
        self.remote_stop = asyncio.Event()
        self.beaten = asyncio.Event()

    @on("GetConfiguration")
    def _get_configuration(self, key: Sequence[str] = ()) -> Any:
        wanted = key or list(self.keys)
        known = [
            {"key": one, "readonly": one == "NumberOfConnectors", "value": self.keys[one]}
            for one in wanted
            if one in self.keys
        ]
        unknown = [one for one in wanted if one not in self.keys]
        return v16.call_result.GetConfiguration(configuration_key=known, unknown_key=unknown or None)

    @on("ChangeConfiguration")
    def _change_configuration(self, key: str, value: str) -> Any:
        if key not in self.keys:
            return v16.call_result.ChangeConfiguration(status="NotSupported")
        self.keys[key] = value
        return v16.call_result.ChangeConfiguration(status="Accepted")

    @on("SetChargingProfile")
    def _set_charging_profile(self, **_: Any) -> Any:
        return v16.call_result.SetChargingProfile(status="Accepted")

    @on("TriggerMessage")
    def _trigger_message(self, requested_message: str) -> Any:
        known = requested_message == "Heartbeat"
        return v16.call_result.TriggerMessage(status="Accepted" if known else "NotImplemented")

    @after("TriggerMessage")
    async def _triggered(self, requested_message: str) -> None:
        if requested_message == "Heartbeat":
            await self.call(v16.call.Heartbeat())
            self.beaten.set()

    @on("RemoteStartTransaction")
    def _remote_start(self, **_: Any) -> Any:
        self.remote_start.set()
        return v16.call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")
    def _remote_stop(self, **_: Any) -> Any:
        self.remote_stop.set()
        return v16.call_result.RemoteStopTransaction(status="Accepted")

    # What it does of itself.

    async def boot(self, model: str = "Duo 22") -> None:
        await self.call(
            v16.call.BootNotification(
                charge_point_vendor="Example",
                charge_point_model=model,
                charge_point_serial_number="EX-22-004711",
                firmware_version="1.6.4",
            )
        )
        await self.status("Available", connector=0)
        await self.status("Available")

    async def status(self, status: str, connector: int = 1) -> None:
        await self.call(
            v16.call.StatusNotification(
                connector_id=connector, error_code="NoError", status=status, timestamp=now()
            )
        )

    async def start_transaction(self, token: str) -> int:
        await self.status("Preparing")
        started = await self.call(
            v16.call.StartTransaction(
                connector_id=1, id_tag=token, meter_start=self.meter.energy, timestamp=now()
            )
        )
        self.meter.start()
        await self.status("Charging")
        return int(started.transaction_id)

    async def charge(self, transaction: int, samples: int) -> None:
        """Send meter values, one a second."""
        for at in range(samples):
            await asyncio.sleep(1)
            await self.call(
                v16.call.MeterValues(
                    connector_id=1,
                    transaction_id=transaction,
                    meter_value=[{"timestamp": now(), "sampled_value": list(self._samples(at / 7))}],
                )
            )

    def _samples(self, wobble: float) -> Iterator[dict[str, str]]:
        def sample(value: float, measurand: str, unit: str, **more: str) -> dict[str, str]:
            return {
                "value": str(value),
                "context": "Sample.Periodic",
                "measurand": measurand,
                "unit": unit,
                **more,
            }

        yield sample(self.meter.energy, "Energy.Active.Import.Register", "Wh", location="Outlet")
        yield sample(self.meter.power, "Power.Active.Import", "W")
        for phase, current in self.meter.phases(wobble):
            yield sample(current, "Current.Import", "A", phase=phase)

    async def stop_transaction(self, transaction: int, reason: str, token: str | None = None) -> None:
        self.meter.stop()
        await self.call(
            v16.call.StopTransaction(
                transaction_id=transaction,
                meter_stop=self.meter.energy,
                timestamp=now(),
                reason=reason,
                id_tag=token,
            )
        )
        await self.status("Finishing")
        await asyncio.sleep(0.1)
        await self.status("Available")


class Csms16(v16.ChargePoint):
    """A central system: knows every token, numbers the transactions."""

    _transactions = itertools.count(90_417)

    @on("BootNotification")
    def _boot(self, **_: Any) -> Any:
        return v16.call_result.BootNotification(current_time=now(), interval=300, status="Accepted")

    @on("StatusNotification")
    def _status(self, **_: Any) -> Any:
        return v16.call_result.StatusNotification()

    @on("SecurityEventNotification")
    def _security_event(self, **_: Any) -> Any:
        return v16.call_result.SecurityEventNotification()

    @on("Heartbeat")
    def _heartbeat(self) -> Any:
        return v16.call_result.Heartbeat(current_time=now())

    @on("Authorize")
    def _authorize(self, **_: Any) -> Any:
        return v16.call_result.Authorize(id_tag_info={"status": "Accepted", "parent_id_tag": "FLEET-7"})

    @on("StartTransaction")
    def _start(self, **_: Any) -> Any:
        return v16.call_result.StartTransaction(
            transaction_id=next(self._transactions), id_tag_info={"status": "Accepted"}
        )

    @on("MeterValues")
    def _meter_values(self, **_: Any) -> Any:
        return v16.call_result.MeterValues()

    @on("StopTransaction")
    def _stop(self, **_: Any) -> Any:
        return v16.call_result.StopTransaction(id_tag_info={"status": "Accepted"})


class Station2x:
    """A charging station of OCPP 2: one EVSE, one meter. Mixed into the ChargePoint of 2.0.1 and of 2.1."""

    def __init__(self, identity: str, socket: ClientConnection) -> None:
        super().__init__(identity, socket)
        self.socket = socket
        self.meter = Meter(register=1_204_775)
        self.remote_stop = asyncio.Event()
        self.beaten = asyncio.Event()
        self.reported = asyncio.Event()
        self.sequence = itertools.count()
        self.transaction = ""
        self.signing: SigningMeter | None = None
        """What signs the values at the begin and the end of transactions; None: nothing does."""

    @on("GetVariables")
    def _get_variables(self, get_variable_data: list[dict[str, Any]]) -> Any:
        known = {"TxUpdatedInterval": "60", "HeartbeatInterval": "300"}
        result = []
        for one in get_variable_data:
            name = one["variable"]["name"]
            answer = {"component": one["component"], "variable": one["variable"]}
            if name in known:
                result.append(answer | {"attribute_status": "Accepted", "attribute_value": known[name]})
            else:
                result.append(answer | {"attribute_status": "UnknownVariable"})
        return self._call_result.GetVariables(get_variable_result=result)

    @on("SetVariables")
    def _set_variables(self, set_variable_data: list[dict[str, Any]]) -> Any:
        result = [
            {"attribute_status": "Accepted", "component": one["component"], "variable": one["variable"]}
            for one in set_variable_data
        ]
        return self._call_result.SetVariables(set_variable_result=result)

    @on("GetBaseReport")
    def _get_base_report(self, **_: Any) -> Any:
        return self._call_result.GetBaseReport(status="Accepted")

    @after("GetBaseReport")
    async def _report(self, request_id: int, **_: Any) -> None:
        parts = (
            [_reported("SampledDataCtrlr", "TxUpdatedInterval", "1", "integer")],
            [
                _reported("OCPPCommCtrlr", "HeartbeatInterval", "300", "integer"),
                _reported("AuthCtrlr", "Enabled", "true", "boolean"),
            ],
        )
        for number, part in enumerate(parts):
            await self.call(
                self._call.NotifyReport(
                    request_id=request_id,
                    generated_at=now(),
                    seq_no=number,
                    tbc=part is not parts[-1],
                    report_data=part,
                )
            )
        self.reported.set()

    @on("TriggerMessage")
    def _trigger_message(self, **_: Any) -> Any:
        return self._call_result.TriggerMessage(status="Accepted")

    @after("TriggerMessage")
    async def _triggered(self, **_: Any) -> None:
        await self.call(self._call.Heartbeat())
        self.beaten.set()

    @on("RequestStopTransaction")
    def _request_stop(self, **_: Any) -> Any:
        self.remote_stop.set()
        return self._call_result.RequestStopTransaction(status="Accepted")

    # What it does of itself.

    async def boot(self, model: str) -> None:
        station = {
            "model": model,
            "vendorName": "Example",
            "serialNumber": "EX-50-000815",
            "firmwareVersion": "3.2.0",
        }
        await self.call(self._call.BootNotification(reason="PowerUp", charging_station=station))
        await self.status("Available")

    async def status(self, status: str) -> None:
        await self.call(
            self._call.StatusNotification(timestamp=now(), connector_status=status, evse_id=1, connector_id=1)
        )

    async def authorize(self, token: dict[str, str]) -> None:
        await self.call(self._call.Authorize(id_token=token))

    async def event(self, kind: str, trigger: str, state: str, context: str = "", **more: Any) -> None:
        """Send a TransactionEvent, with meter values where a reading context is given."""
        info = {"transaction_id": self.transaction, "charging_state": state}
        if "stopped_reason" in more:
            info["stopped_reason"] = more.pop("stopped_reason")
        if context:
            more["meter_value"] = [{"timestamp": now(), "sampled_value": list(self._samples(context))}]
        await self.call(
            self._call.TransactionEvent(
                event_type=kind,
                timestamp=now(),
                trigger_reason=trigger,
                seq_no=next(self.sequence),
                transaction_info=info,
                **more,
            )
        )

    def _samples(self, context: str) -> Iterator[dict[str, Any]]:
        def sample(value: float, measurand: str, unit: str, **more: str) -> dict[str, Any]:
            return {
                "value": value,
                "context": context,
                "measurand": measurand,
                "unit_of_measure": {"unit": unit},
                **more,
            }

        energy = self.meter.energy
        register = sample(energy, "Energy.Active.Import.Register", "Wh", location="Outlet")
        if self.signing is not None and context in SigningMeter.MOMENTS:
            register["signed_meter_value"] = self.signing.signed(energy, context)
        yield register
        if context == "Sample.Periodic":
            yield sample(self.meter.power, "Power.Active.Import", "W")
            for phase, current in self.meter.phases(0.2):
                yield sample(current, "Current.Import", "A", phase=phase)

    async def begin_transaction(self, token: dict[str, str]) -> None:
        self.sequence, self.transaction = itertools.count(), str(uuid.uuid4())
        await self.status("Occupied")
        evse = {"id": 1, "connector_id": 1}
        await self.event("Started", "CablePluggedIn", "EVConnected", "Transaction.Begin", evse=evse)
        await self.authorize(token)
        await self.event("Updated", "Authorized", "EVConnected", id_token=token)
        self.meter.start()
        await self.event("Updated", "ChargingStateChanged", "Charging")

    async def charge(self, samples: int) -> None:
        """Send meter values, one a second."""
        for _ in range(samples):
            await asyncio.sleep(1)
            await self.event("Updated", "MeterValuePeriodic", "Charging", "Sample.Periodic")

    async def end_transaction(self, trigger: str, reason: str, **more: Any) -> None:
        self.meter.stop()
        await self.event("Ended", trigger, "EVConnected", "Transaction.End", stopped_reason=reason, **more)
        await self.status("Available")


def _reported(component: str, variable: str, value: str, data_type: str) -> dict[str, Any]:
    return {
        "component": {"name": component},
        "variable": {"name": variable},
        "variable_attribute": [{"type": "Actual", "value": value, "mutability": "ReadWrite"}],
        "variable_characteristics": {"data_type": data_type, "supports_monitoring": False},
    }


class Csms2x:
    """A CSMS of OCPP 2: knows every token. Mixed into the ChargePoint of 2.0.1 and of 2.1."""

    def __init__(self, identity: str, socket: ServerConnection) -> None:
        super().__init__(identity, socket)
        self.socket = socket

    @on("BootNotification")
    def _boot(self, **_: Any) -> Any:
        return self._call_result.BootNotification(current_time=now(), interval=300, status="Accepted")

    @on("StatusNotification")
    def _status(self, **_: Any) -> Any:
        return self._call_result.StatusNotification()

    @on("Heartbeat")
    def _heartbeat(self) -> Any:
        return self._call_result.Heartbeat(current_time=now())

    @on("NotifyReport")
    def _notify_report(self, **_: Any) -> Any:
        return self._call_result.NotifyReport()

    @on("Authorize")
    def _authorize(self, **_: Any) -> Any:
        return self._call_result.Authorize(id_token_info={"status": "Accepted"})

    @on("TransactionEvent")
    def _transaction_event(self, id_token: Any = None, **_: Any) -> Any:
        info = {"status": "Accepted"} if id_token else None
        return self._call_result.TransactionEvent(id_token_info=info)

    @on("OpenPeriodicEventStream")
    def _open_stream(self, **_: Any) -> Any:
        return self._call_result.OpenPeriodicEventStream(status="Accepted")

    @on("ClosePeriodicEventStream")
    def _close_stream(self, **_: Any) -> Any:
        return self._call_result.ClosePeriodicEventStream()


class Station201(Station2x, v201.ChargePoint):
    """A charging station of OCPP 2.0.1."""


class Csms201(Csms2x, v201.ChargePoint):
    """A CSMS of OCPP 2.0.1."""


class Station21(Station2x, v21.ChargePoint):
    """A charging station of OCPP 2.1, with a variable that can be streamed."""

    MONITOR = 31
    STREAM = 4

    @on("SetVariableMonitoring")
    def _set_monitoring(self, set_monitoring_data: list[dict[str, Any]]) -> Any:
        one = set_monitoring_data[0]
        same = {name: one[name] for name in ("type", "severity", "component", "variable")}
        return self._call_result.SetVariableMonitoring(
            set_monitoring_result=[same | {"id": self.MONITOR, "status": "Accepted"}]
        )

    @on("ClearVariableMonitoring")
    def _clear_monitoring(self, **_: Any) -> Any:
        result = [{"id": self.MONITOR, "status": "Accepted"}]
        return self._call_result.ClearVariableMonitoring(clear_monitoring_result=result)

    async def open_stream(self) -> None:
        stream = {
            "id": self.STREAM,
            "variable_monitoring_id": self.MONITOR,
            "params": {"interval": 1, "values": 2},
        }
        await self.call(self._call.OpenPeriodicEventStream(constant_stream_data=stream))

    async def stream(self, *values: tuple[float, str]) -> None:
        """Send a Send. `ocpp` 2.1.0 knows the action but not the message type, so it is written here."""
        data = [{"t": offset, "v": value} for offset, value in values]
        payload = {"id": self.STREAM, "pending": 0, "basetime": now(), "data": data}
        await self.socket.send(json.dumps([6, str(uuid.uuid4()), "NotifyPeriodicEventStream", payload]))

    async def close_stream(self) -> None:
        await self.call(self._call.ClosePeriodicEventStream(id=self.STREAM))


class Csms21(Csms2x, v21.ChargePoint):
    """A CSMS of OCPP 2.1."""
