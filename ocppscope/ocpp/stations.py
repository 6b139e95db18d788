"""Stations, assembled from events: what each is, how it is set, and how it is connected.

Sources: BootNotification, StatusNotification and the configuration of OCPP 1.6 edition 2; functional blocks A
(security profiles), B (device model) and G (availability) of 2.0.1 and 2.1 part 2; for 1.6 the security white paper.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.events import (
    CALL,
    CALLRESULT,
    FROM_STATION,
    Closed,
    Event,
    Message,
    Notice,
    Opened,
    Session,
    event,
)
from ocppscope.ocpp.configuration import ACTUAL, Setting, SettingKey, settings_told
from ocppscope.ocpp.connectors import ConnectorState, StationInfo, availability_told, described, status_told
from ocppscope.ocpp.lenient import fields, text, whole
from ocppscope.ocpp.recent import Recent

_STATIONS: Final = 100_000
_SESSIONS: Final = 1_000
"""Sessions of a station that may be open at once."""
_VARIOUS: Final = 20
"""Different values of one kind that are kept of a station: addresses, ciphers, versions …"""
_FIRMWARES: Final = 100
_CONNECTORS: Final = 1_000
_CHANGES: Final = 20
"""Changes of a connector's status that are kept: the last."""
_SETTINGS: Final = 10_000
_REPORTS: Final = 20
_PARTS: Final = 10_000
_NO_ERROR: Final = "NoError"

UNSECURED: Final = 0
BASIC: Final = 1
TLS_BASIC: Final = 2
TLS_CERTIFICATE: Final = 3


@event
class Boot:
    """What a station told of itself when it booted, with what only this view wants; None for what was not told."""

    n: int
    time: int | None
    """When it was captured."""
    info: StationInfo
    """Its station is called ``""`` where the identity is not known."""
    box_serial: str | None
    """1.6: of the charge box, where the charge point's own is told as well."""
    meter_type: str | None
    meter_serial: str | None
    has_iccid: bool
    """It told the number of its SIM card. The number itself is of no use here, and tells too much."""
    has_imsi: bool
    reason: str | None
    """2.x: why it booted."""


@event
class Firmware:
    """A firmware that a station told at a boot, other than at the boot before."""

    n: int
    time: int | None
    version: str


@event
class Change:
    """A status that a connector told, other than the one before."""

    n: int
    time: int | None
    status: str


class Connector:
    """A connector, an EVSE or a whole station, and its status over time."""

    __slots__ = ("changes", "connector", "count", "error", "errors", "evse", "spent")

    def __init__(self, evse: int | None, connector: int | None) -> None:
        self.evse = evse
        self.connector = connector
        self.changes: list[Change] = []
        """The last ones, in the order in which they came."""
        self.count = 0
        """How often the status changed after it was first told."""
        self.spent: Counter[str] = Counter()
        """Nanoseconds by status, up to the last change."""
        self.error: str | None = None
        """The last error code (1.6), with the vendor's where it has one; None for none."""
        self.errors: Counter[str] = Counter()
        """How often each error code was told (1.6)."""

    @property
    def latest(self) -> Change:
        return self.changes[-1]

    def tell(self, state: ConnectorState) -> None:
        """Take in a status."""
        before = self.changes[-1] if self.changes else None
        if before is not None and before.status == state.status:
            return
        if before is not None:
            self.count += 1
            if before.time is not None and state.time is not None and len(self.spent) < _VARIOUS:
                self.spent[before.status] += max(state.time - before.time, 0)
        self.changes = [*self.changes, Change(state.n, state.time, state.status)][-_CHANGES:]


class Report:
    """The parts of one report on the device model (2.x)."""

    __slots__ = ("is_finished", "parts", "request", "variables")

    def __init__(self, request: int) -> None:
        self.request = request
        self.parts: set[int] = set()
        """Sequence numbers that came."""
        self.variables = 0
        self.is_finished = False
        """A part said that none follows."""

    @property
    def is_complete(self) -> bool:
        return self.is_finished and len(self.parts) == max(self.parts) + 1


class Station:
    """One station. What is kept in dicts with None is a set that keeps its order."""

    def __init__(self, name: str | None, session: int) -> None:
        self.name = name
        """Its identity; None where no handshake was seen, and then the session is a station of its own."""
        self.session = session
        """The first one's number."""
        self.messages = 0
        self.first: int | None = None
        """When the first event was captured, in ns."""
        self.last: int | None = None
        # what it is
        self.boot: Boot | None = None
        """What it told last."""
        self.boots = 0
        self.boot_reasons: Counter[str] = Counter()
        self.boot_statuses: Counter[str] = Counter()
        """What the CSMS answered."""
        self.interval: int | None = None
        """Seconds between heartbeats, as the CSMS asked for them last."""
        self.firmwares: list[Firmware] = []
        # how it is set
        self.settings: dict[SettingKey, Setting] = {}
        self.settings_left_out = 0
        self.unknown_keys: dict[str, None] = {}
        """1.6: keys that were asked for, and that it does not know."""
        self.reports: dict[int, Report] = Recent(_REPORTS)
        self.connectors: dict[tuple[int | None, int | None], Connector] = {}
        # how it is connected
        self.sessions = 0
        self.refused: Counter[int] = Counter()
        """Handshakes that were refused, by HTTP status."""
        self.ends: Counter[Ending] = Counter()
        self.open: dict[int, None] = {}
        """Sessions that have not ended."""
        self.versions: dict[str, None] = {}
        self.offered: dict[str, None] = {}
        """Subprotocols."""
        self.agreed: dict[str, None] = {}
        self.paths: dict[str, None] = {}
        self.addresses: dict[str, None] = {}
        """Without ports."""
        self.servers: dict[str, None] = {}
        self.tls: dict[tuple[str | None, str | None], None] = {}
        """Versions with ciphers."""
        self.server_names: dict[str, None] = {}
        self.users: dict[str, None] = {}
        """With which it authenticated."""
        self.extensions: dict[str, None] = {}
        """Of WebSocket, as agreed; without their parameters."""
        self.offered_extensions: dict[str, None] = {}
        self.certificates: dict[str, None] = {}
        """Subjects of those that it showed."""
        self.profiles: Counter[int | None] = Counter()
        """Sessions by security profile, as their handshakes look; None: with TLS, and without anything that the
        capture lets see to tell who the station is."""

    @property
    def profile_set(self) -> int | None:
        """The security profile by the station's configuration."""
        found = (
            one for one in self.settings.values() if one.name == "SecurityProfile" and one.attribute == ACTUAL
        )
        return next((whole(one.value) for one in found), None)


Ending: TypeAlias = tuple[str, str | None, int | None]
"""How a session ended, by whom, and the code: as in Closed."""


def security_profile(opened: Opened) -> int | None:
    """The security profile that a handshake looks like; None where it cannot be told.

    With TLS and neither credentials nor a certificate that the capture shows, it is 3 or a fault.
    """
    tls = opened.tls
    if tls is None:
        return BASIC if opened.auth else UNSECURED
    if tls.client_certificate is not None:
        return TLS_CERTIFICATE
    return TLS_BASIC if opened.auth else None


class StationAssembler:
    """Assembles the stations of one capture. Memory grows with them, and of each it is bounded."""

    def __init__(self) -> None:
        self._stations: Recent[str | int, Station] = Recent(_STATIONS)
        self._takers: Mapping[tuple[int, Any], Callable[[Station, Message, dict[str, Any]], None]] = {
            (CALL, "BootNotification"): self._booted,
            (CALLRESULT, "BootNotification"): self._boot_answered,
            (CALL, "StatusNotification"): self._status,
            (CALL, "NotifyEvent"): self._notified,
            (CALL, "NotifyReport"): self._reported,
            (CALLRESULT, "GetConfiguration"): self._configured,
            (CALLRESULT, "ChangeConfiguration"): self._set,
            (CALLRESULT, "GetVariables"): self._set,
            (CALLRESULT, "SetVariables"): self._set,
        }

    @property
    def stations(self) -> Iterable[Station]:
        """All, in the order in which they were first seen."""
        return self._stations.values()

    def feed(self, events: Iterable[Event | Notice]) -> None:
        """Take the decoder's next events."""
        for one in events:
            if not isinstance(one, Notice) and one.session.duplicate_of is None:
                self._take(one)

    def _take(self, one: Event) -> None:
        station, time = self._station(one.session), one.time
        if time is not None:
            if station.first is None:
                station.first = time
            station.last = time
        if type(one) is Message:
            station.messages += 1
            if one.session.number not in station.open:  # a log need not show how a session began
                _begin(station, one.session)
            try:
                take = self._takers.get((one.type, one.action))
            except TypeError:  # an action that cannot be a key
                return
            if take is not None:
                take(station, one, fields(one.payload))
        elif isinstance(one, Opened):
            _opened(station, one)
        elif isinstance(one, Closed):
            _ended(station, one)

    def _station(self, session: Session) -> Station:
        key = session.station or session.number
        station = self._stations.get(key)
        if station is None:
            station = self._stations[key] = Station(session.station, session.number)
        if session.version is not None:
            _add(station.versions, session.version)
        return station

    # --- what it is ---

    def _booted(self, station: Station, message: Message, payload: dict[str, Any]) -> None:
        if message.direction != FROM_STATION:
            return
        boot = _boot(message, payload)
        station.boot = boot
        station.boots += 1
        _count(station.boot_reasons, boot.reason)
        known, told = station.firmwares[-1].version if station.firmwares else None, boot.info.firmware
        if told is not None and told != known and len(station.firmwares) < _FIRMWARES:
            station.firmwares.append(Firmware(message.n, message.time, told))

    def _boot_answered(self, station: Station, message: Message, payload: dict[str, Any]) -> None:
        if message.direction != FROM_STATION:
            _count(station.boot_statuses, text(payload.get("status")))
            station.interval = whole(payload.get("interval")) or station.interval

    # --- its connectors ---

    def _status(self, station: Station, message: Message, payload: dict[str, Any]) -> None:
        if message.direction != FROM_STATION:
            return
        self._tell(station, status_told(message, payload))
        connector = station.connectors.get((whole(payload.get("evseId")), whole(payload.get("connectorId"))))
        code, vendors = text(payload.get("errorCode")), text(payload.get("vendorErrorCode"))
        if connector is not None and code is not None:
            connector.error = None
            if code != _NO_ERROR:
                connector.error = code if vendors is None else f"{code} ({vendors})"
                _count(connector.errors, code)

    def _notified(self, station: Station, message: Message, payload: dict[str, Any]) -> None:
        if message.direction == FROM_STATION:
            self._tell(station, availability_told(message, payload))

    def _tell(self, station: Station, states: Iterable[ConnectorState]) -> None:
        for state in states:
            place = state.evse, state.connector
            connector = station.connectors.get(place)
            if connector is None:
                if len(station.connectors) >= _CONNECTORS:
                    continue
                connector = station.connectors[place] = Connector(*place)
            connector.tell(state)

    # --- how it is set ---

    def _set(self, station: Station, message: Message, _: dict[str, Any]) -> None:
        for setting in settings_told(message):
            known = station.settings.get(setting.key)
            if known is not None:
                station.settings[setting.key] = _together(known, setting)
            elif len(station.settings) < _SETTINGS:
                station.settings[setting.key] = setting
            else:
                station.settings_left_out += 1

    def _configured(self, station: Station, message: Message, payload: dict[str, Any]) -> None:
        self._set(station, message, payload)
        unknown = payload.get("unknownKey")
        for key in unknown if type(unknown) is list and message.direction == FROM_STATION else ():
            if type(key) is str:
                _add(station.unknown_keys, key)

    def _reported(self, station: Station, message: Message, payload: dict[str, Any]) -> None:
        if message.direction != FROM_STATION:
            return
        self._set(station, message, payload)
        request, part = whole(payload.get("requestId")), whole(payload.get("seqNo"))
        if request is None:
            return
        report = station.reports.get(request)
        if report is None or (part == 0 and 0 in report.parts):  # a new one under an old number
            report = station.reports[request] = Report(request)
        if part is not None and part >= 0 and len(report.parts) < _PARTS:
            report.parts.add(part)
        data = payload.get("reportData")
        report.variables += len(data) if type(data) is list else 0
        report.is_finished = report.is_finished or payload.get("tbc") is not True


def _together(known: Setting, new: Setting) -> Setting:
    """What is known of a setting with what is said anew; what that does not say stays as it was."""
    return Setting(
        new.name,
        known.value if new.value is None else new.value,
        new.place,
        new.instance,
        new.attribute,
        new.mutability or known.mutability,
        new.unit or known.unit,
        new.data_type or known.data_type,
        known.least if new.least is None else new.least,
        known.most if new.most is None else new.most,
        new.choices or known.choices,
        new.is_pending,
    )


def _boot(message: Message, payload: dict[str, Any]) -> Boot:
    info = described(message.session.station or "", payload)
    get, modem = payload.get, payload
    if "chargingStation" in payload:  # 2.x
        modem = fields(fields(get("chargingStation")).get("modem"))
    box = text(get("chargeBoxSerialNumber"))
    return Boot(
        message.n,
        message.time,
        info,
        None if box == info.serial else box,
        text(get("meterType")),
        text(get("meterSerialNumber")),
        text(modem.get("iccid")) is not None,
        text(modem.get("imsi")) is not None,
        text(get("reason")),
    )


# --- how it is connected ---


def _begin(station: Station, session: Session) -> None:
    if len(station.open) < _SESSIONS:
        station.open[session.number] = None
        station.sessions += 1
        _add(station.addresses, session.client.rpartition(":")[0])
        _add(station.servers, session.server)


def _opened(station: Station, one: Opened) -> None:
    session = one.session
    if one.status is not None and one.status != 101:
        _count(station.refused, one.status)
        _add(station.addresses, session.client.rpartition(":")[0])
        _add(station.servers, session.server)
    else:
        _begin(station, session)
    for name in one.subprotocols:
        _add(station.offered, name)
    _add(station.agreed, one.subprotocol)
    _add(station.paths, one.path)
    for names, sent in (
        (station.extensions, one.extensions),
        (station.offered_extensions, one.offered_extensions),
    ):
        for part in sent.split(",") if sent else ():
            _add(names, part.partition(";")[0].strip())
    if one.tls is not None:
        _add(station.tls, (one.tls.version, one.tls.cipher))
        _add(station.server_names, one.tls.server_name)
        _add(station.certificates, one.tls.client_certificate)
    if one.auth is not None:
        _add(station.users, one.auth)
    if one.request and one.status in (101, None):  # without it, nothing is known of what it was sent through
        station.profiles[security_profile(one)] += 1


def _ended(station: Station, one: Closed) -> None:
    if one.session.number in station.open:
        del station.open[one.session.number]
        _count(station.ends, (one.how, one.by, one.code))


_Name: TypeAlias = Any


def _add(names: dict[_Name, None], name: _Name) -> None:
    if name is not None and name not in names and len(names) < _VARIOUS and name != "":
        names[name] = None


def _count(counts: Counter[_Name], name: _Name) -> None:
    if name is not None and (name in counts or len(counts) < _VARIOUS):
        counts[name] += 1
