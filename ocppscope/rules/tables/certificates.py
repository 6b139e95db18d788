"""Certificates that a station asks for and has, and what else the capture shows of its security.

Sources: OCPP 1.6 security whitepaper edition 3, A02, A04, A05, M03 to M05; OCPP 2.0.1 and 2.1 part 2, functional
blocks A and M, use case B09.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.certificates import Certificate, chain
from ocppscope.ocpp.configuration import ACTUAL, settings_told
from ocppscope.ocpp.lenient import fields, items, text, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import SECOND
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.requests import asked, status_of

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

STATION: Final = "ChargingStationCertificate"
ROOTS: Final = frozenset({"CSMSRootCertificate", "CentralSystemRootCertificate"})
"""By which a station knows its CSMS: in 2.x, and in 1.6."""
_ALL_ROOTS: Final = (
    "CSMSRootCertificate",
    "ManufacturerRootCertificate",
    "MORootCertificate",
    "OEMRootCertificate",
    "V2GRootCertificate",
)
_SIGNINGS: Final = 8
_USUAL_WAIT: Final = 3_600
"""Seconds, where the capture does not show CertSigningWaitMinimum."""
_ENTRIES: Final = 100
_LISTED: Final = 50
"""Entries of a list of certificates that are looked at."""
_OWN: Final = 4
_SLOTS: Final = 20

HashKey: TypeAlias = tuple[str, str, str, str]
"""hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber."""


@dataclass(slots=True, eq=False)
class Signing:
    """A SignCertificate."""

    call: Message
    status: str | None = None
    """As the CSMS answered."""
    signed: int | None = None
    """The number of the CertificateSigned that came of it."""
    done: int | None = None
    """The number of the station's answer that accepted that."""
    waited: int | None = None
    """Where it repeats one that came to nothing: how long after that, in ns."""
    repeats: int = 0
    """How many in a row came to nothing before."""

    @property
    def type(self) -> str | None:
        return text(fields(self.call.payload).get("certificateType"))

    @property
    def id(self) -> int | None:
        return whole(fields(self.call.payload).get("requestId"))

    def is_given_up(self, waited: int, minimum: int | None) -> bool:
        """Whether one that comes so long after it (ns) begins anew, rather than to repeat it."""
        return waited > 4 * max(self.waited or 0, (minimum or _USUAL_WAIT) * SECOND)

    def fits(self, payload: dict[str, Any]) -> bool:
        """Whether a CertificateSigned may come of it."""
        identity, kind = whole(payload.get("requestId")), text(payload.get("certificateType"))
        if identity is not None and self.id is not None:
            return identity == self.id
        return None in (kind, self.type) or kind == self.type


@dataclass(slots=True, eq=False)
class Listed:
    """A certificate that the station says it has."""

    type: str | None
    n: int
    """The number of the message that says so."""
    session: int
    deleted: int | None = None
    """The number of the answer that says it is deleted."""


@dataclass(slots=True)
class Security:
    """What the capture shows of one station's certificates and security."""

    signings: list[Signing] = field(default_factory=list)
    """The latest SignCertificates."""
    own: list[Certificate] = field(default_factory=list)
    """Certificates for the connection to the CSMS that it accepted."""
    roots: dict[str, Certificate] = field(default_factory=dict)
    """By certificateType: the root that it accepted last."""
    listed: Recent[HashKey, Listed] = field(default_factory=lambda: Recent(_ENTRIES))
    absent: dict[str, int] = field(default_factory=dict)
    """By certificateType: the number of the answer that says that it has none."""
    events: Recent[str, int] = field(default_factory=lambda: Recent(50))
    """By type of security event: the number of the latest message that told of one."""
    changed: int = 0
    """The number of the latest answer that accepted to install a certificate."""
    knows_whitepaper: bool = False
    """1.6: it has used a message of the security whitepaper."""
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of SecurityCtrlr (2.x)."""
    slots: dict[int, int] = field(default_factory=dict)
    """By configurationSlot: the securityProfile that SetNetworkProfile put there (2.x)."""

    def pending(self) -> Iterator[Signing]:
        """SignCertificates that no certificate came of, the latest first."""
        return (one for one in reversed(self.signings) if one.done is None and one.status != "Rejected")

    def told_since(self, number: int, *types: str) -> bool:
        """Whether one of these security events was told after a message."""
        return any(self.events.get(one, 0) > number for one in types)


def hash_key(data: Any) -> HashKey | None:
    """What CertificateHashDataType tells; None where a field is missing."""
    data = fields(data)
    found = [text(data.get(name)) for name in ("issuerNameHash", "issuerKeyHash", "serialNumber")]
    algorithm = text(data.get("hashAlgorithm"))
    if algorithm is None or None in found:
        return None
    name, key, serial = (str(one).lower() for one in found)
    return algorithm, name, key, serial.lstrip("0")


def hashes_listed(payload: dict[str, Any]) -> Iterator[tuple[HashKey, str | None]]:
    """The certificates of the answer to a GetInstalledCertificateIds, with their types (2.x)."""
    for entry in items(payload.get("certificateHashData"))[:_LISTED]:  # 1.6
        key = hash_key(entry)
        if key is not None:
            yield key, None
    for entry in map(fields, items(payload.get("certificateHashDataChain"))[:_LISTED]):
        kind = text(entry.get("certificateType"))
        for data in (entry.get("certificateHashData"), *items(entry.get("childCertificateHashData"))[:_OWN]):
            key = hash_key(data)
            if key is not None:
                yield key, kind


def types_asked(payload: dict[str, Any]) -> tuple[str, ...]:
    """Which certificateTypes a GetInstalledCertificateIds asks for."""
    wanted = payload.get("certificateType")
    if wanted is None:
        return _ALL_ROOTS
    return tuple(one for one in (items(wanted) or [wanted])[:_LISTED] if text(one) is not None)


# --- what fills it ---


@learns(on_call("SignCertificate"))
def learn_signing(event: Message, state: "SessionState") -> None:
    known, minimum = state.station.security, state.station.number("CertSigningWaitMinimum")
    new = Signing(event)
    for one in known.pending():
        if one.type == new.type and one.status is not None:
            if event.time is not None and one.call.time is not None:
                waited = event.time - one.call.time
                if one.is_given_up(waited, minimum):
                    break
                new.waited = waited
            new.repeats = one.repeats + 1
            break
    known.signings.append(new)
    del known.signings[:-_SIGNINGS]


@learns(on_answer("SignCertificate"))
def learn_signing_answer(event: Message, state: "SessionState") -> None:
    for one in state.station.security.signings:
        if one.call is event.call:
            one.status = status_of(event)


@learns(on_call("CertificateSigned"))
def learn_signed(event: Message, state: "SessionState") -> None:
    payload = fields(event.payload)
    for one in state.station.security.pending():
        if one.fits(payload):
            one.signed = event.n
            return


@learns(on_answer("CertificateSigned"))
def learn_signed_answer(event: Message, state: "SessionState") -> None:
    if status_of(event) != "Accepted" or event.call is None:
        return
    known, payload = state.station.security, asked(event)
    for one in known.signings:
        if one.signed == event.call.n:
            one.done = event.n
    certificates = chain(text_of(payload.get("certificateChain")))
    if certificates and certificates[0] is not None and payload.get("certificateType") in (None, STATION):
        known.own.append(certificates[0])
        del known.own[:-_OWN]


def text_of(value: Any) -> str:
    """A certificate, as a string of any length; empty for anything else."""
    return value if type(value) is str else ""


@learns(on_answer("InstallCertificate"))
def learn_installed(event: Message, state: "SessionState") -> None:
    payload = asked(event)
    kind = text(payload.get("certificateType"))
    if status_of(event) != "Accepted" or kind is None:
        return
    known = state.station.security
    known.absent.pop(kind, None)
    known.changed = event.n
    certificates = chain(text_of(payload.get("certificate")))
    if certificates and certificates[0] is not None and len(known.roots) < _SLOTS:
        known.roots[kind] = certificates[0]


@learns(on_answer("GetInstalledCertificateIds"))
def learn_listed(event: Message, state: "SessionState") -> None:
    if event.type != CALLRESULT:
        return
    known, status = state.station.security, status_of(event)
    if status == "NotFound" and event.call is not None:
        for kind in types_asked(asked(event)):
            if len(known.absent) < _SLOTS:
                known.absent[kind] = event.n
    for key, of in hashes_listed(fields(event.payload)):
        known.listed[key] = Listed(of, event.n, event.session.number)
        if of is not None:
            known.absent.pop(of, None)


@learns(on_answer("DeleteCertificate"))
def learn_deleted(event: Message, state: "SessionState") -> None:
    key = hash_key(asked(event).get("certificateHashData"))
    one = state.station.security.listed.get(key) if key else None
    if one is not None and status_of(event) == "Accepted":
        one.deleted = event.n


@learns(on_call("SecurityEventNotification"))
def learn_security_event(event: Message, state: "SessionState") -> None:
    kind = text(fields(event.payload).get("type"))
    if kind is not None:
        state.station.security.events[kind] = event.n


@learns(on_call("SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification"))
def learn_whitepaper(event: Message, state: "SessionState") -> None:
    state.station.security.knows_whitepaper = True


@learns(on_answer("GetVariables", "SetVariables"))
def learn_settings(event: Message, state: "SessionState") -> None:
    if "SecurityCtrlr" in (event.raw if event.call is None else event.call.raw):
        _learn_settings(event, state)


@learns(on_call("NotifyReport"))
def learn_report(event: Message, state: "SessionState") -> None:
    if "SecurityCtrlr" in event.raw:
        _learn_settings(event, state)


def _learn_settings(event: Message, state: "SessionState") -> None:
    known = state.station.security.settings
    for one in settings_told(event):
        if one.place is None or one.place.component != "SecurityCtrlr" or one.attribute != ACTUAL:
            continue
        if one.value is not None and not one.is_pending and (one.name in known or len(known) < _ENTRIES):
            known[one.name] = one.value


@learns(on_answer("SetNetworkProfile"))
def learn_network_profile(event: Message, state: "SessionState") -> None:
    payload = asked(event)
    slot, profile = (
        whole(payload.get("configurationSlot")),
        whole(fields(payload.get("connectionData")).get("securityProfile")),
    )
    known = state.station.security.slots
    if status_of(event) != "Accepted" or slot is None or profile is None:
        return
    if slot in known or len(known) < _SLOTS:
        known[slot] = profile
