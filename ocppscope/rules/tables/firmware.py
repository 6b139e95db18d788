"""Updates of firmware and uploads of logs: which are going on, and what they have told.

Sources: OCPP 1.6 edition 2 §4.4, §4.5, §5.9, §5.19; OCPP 1.6 security whitepaper edition 3, L01, N01; OCPP 2.0.1 and
2.1 part 2, use cases L01 to L03, N01, with FirmwareStatusEnumType and UploadLogStatusEnumType.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, text, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.versions import V16
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.tables.requests import status_of

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

STATUS_OF: Final[Mapping[str, str]] = {
    "UpdateFirmware": "FirmwareStatusNotification",
    "SignedUpdateFirmware": "SignedFirmwareStatusNotification",
    "PublishFirmware": "PublishFirmwareStatusNotification",
    "GetDiagnostics": "DiagnosticsStatusNotification",
    "GetLog": "LogStatusNotification",
}
"""By request: the action that tells how it goes."""
REQUEST_OF: Final[Mapping[str, str]] = {status: request for request, status in STATUS_OF.items()}
IDLE: Final = "Idle"
"""Nothing is going on; told only when a trigger asks for it."""
ACCEPTED: Final = frozenset({"Accepted", "AcceptedCanceled"})

Sequence: TypeAlias = Mapping[str | None, tuple[str, ...]]
"""By status told last (None: nothing so far): what may be told next, the usual one first."""

FIRMWARE_16: Final[Sequence] = {
    None: ("Downloading", "DownloadFailed"),
    "Downloading": ("Downloaded", "Downloading", "DownloadFailed"),
    "Downloaded": ("Installing", "InstallationFailed"),
    "Installing": ("Installed", "InstallationFailed"),
    # It has retries, and no requestId: a station may also begin another update by itself.
    "DownloadFailed": ("Downloading",),
    "InstallationFailed": ("Downloading", "Installing"),
    "Installed": ("Downloading",),
}
"""1.6 §4.5: a station need not fail, and what it has downloaded it installs."""
_NO_INSTALLATION: Final = ("InstallVerificationFailed", "InstallationFailed")
FIRMWARE: Final[Sequence] = {
    None: ("Downloading", "DownloadScheduled", "DownloadFailed"),
    "DownloadScheduled": ("Downloading", "DownloadPaused", "DownloadFailed"),
    "Downloading": ("Downloaded", "Downloading", "DownloadPaused", "DownloadScheduled", "DownloadFailed"),
    "DownloadPaused": ("Downloading", "DownloadScheduled", "DownloadFailed"),
    "Downloaded": (
        "Installing",
        "SignatureVerified",
        "InstallScheduled",
        "InstallRebooting",
        "InvalidSignature",
        *_NO_INSTALLATION,
    ),
    "SignatureVerified": ("Installing", "InstallScheduled", "InstallRebooting", *_NO_INSTALLATION),
    "InstallScheduled": ("Installing", "InstallRebooting", *_NO_INSTALLATION),
    "InstallRebooting": ("Installing", "Installed", *_NO_INSTALLATION),
    "Installing": ("Installed", "InstallRebooting", *_NO_INSTALLATION),
    "Installed": ("InstallRebooting",),  # activated by a reboot that follows (L01.FR.28, L02.FR.21)
    "DownloadFailed": (),
    "InvalidSignature": (),
    "InstallVerificationFailed": ("InstallationFailed",),
    "InstallationFailed": (),
}
"""2.x, and 1.6 with the security whitepaper: L01, figure of the firmware update process."""
DIAGNOSTICS: Final[Sequence] = {
    None: ("Uploading", "UploadFailed"),
    "Uploading": ("Uploaded", "Uploading", "UploadFailed"),
    "UploadFailed": ("Uploading",),
    "Uploaded": ("Uploading",),
}
_NO_UPLOAD: Final = (
    "UploadFailure",
    "BadMessage",
    "PermissionDenied",
    "NotSupportedOperation",
    "AcceptedCanceled",
)
LOG: Final[Sequence] = {
    None: ("Uploading", *_NO_UPLOAD),
    "Uploading": ("Uploaded", "Uploading", *_NO_UPLOAD),
    "Uploaded": (),
    **dict.fromkeys(_NO_UPLOAD[:-1], ("Uploading",)),  # there are retries
    "AcceptedCanceled": (),
}
_SEQUENCES: Final[Mapping[tuple[bool, str], Sequence]] = {
    (True, "FirmwareStatusNotification"): FIRMWARE_16,
    (True, "SignedFirmwareStatusNotification"): FIRMWARE,
    (False, "FirmwareStatusNotification"): FIRMWARE,
    (True, "DiagnosticsStatusNotification"): DIAGNOSTICS,
    (True, "LogStatusNotification"): LOG,
    (False, "LogStatusNotification"): LOG,
}
ENDS: Final[Mapping[str, frozenset[str]]] = {
    "FirmwareStatusNotification": frozenset(
        {"Installed", "DownloadFailed", "InvalidSignature", "InstallVerificationFailed", "InstallationFailed"}
    ),
    "SignedFirmwareStatusNotification": frozenset(
        {"Installed", "DownloadFailed", "InvalidSignature", "InstallVerificationFailed", "InstallationFailed"}
    ),
    "PublishFirmwareStatusNotification": frozenset(
        {"Published", "DownloadFailed", "InvalidChecksum", "PublishFailed"}
    ),
    "DiagnosticsStatusNotification": frozenset({"Uploaded", "UploadFailed"}),
    "LogStatusNotification": frozenset({"Uploaded", *_NO_UPLOAD}),
}
"""By action: what is told when it is over."""
_ANY_END: Final = frozenset().union(*ENDS.values())


def sequence_of(version: str | None, action: str | None) -> Sequence:
    """What may follow what; empty for what has no order."""
    return _SEQUENCES.get((version == V16, action or ""), {})


def left_out(sequence: Sequence, before: str | None, status: str) -> list[str] | None:
    """What should have been told between two statuses; empty where one follows the other, None where it never can."""
    ways: deque[list[str]] = deque([[]])
    seen: set[str | None] = {before}
    while ways:
        way = ways.popleft()
        following = sequence.get(way[-1] if way else before, ())
        if status in following:
            return way
        for one in following:
            if one not in seen and one not in _ANY_END:
                seen.add(one)
                ways.append([*way, one])
    return None


@dataclass(slots=True, eq=False)
class Job:
    """One update or upload."""

    action: str
    """That tells how it goes."""
    id: int | None
    """Its requestId; None where the version has none."""
    call: Message | None
    """What the CSMS asked; None where that is not in the capture."""
    answer: Message | None = None
    """The CallResult that accepted it."""
    status: str | None = None
    """As told last, but Idle."""
    n: int = 0
    """The number of the message that told it."""
    time: int | None = None
    session: int = 0
    """The number of the session that it was told in."""
    seen: set[str] = field(default_factory=set)
    """Statuses that were told so far."""
    cancelled: int | None = None
    """The number of the answer that accepted a later one in its stead."""
    repeats: str | None = None
    """How far the one had come that it asks for again, with the same id; a station may just go on with that."""

    @property
    def is_over(self) -> bool:
        return self.status in ENDS[self.action] or self.cancelled is not None

    @property
    def is_going_on(self) -> bool:
        return (self.status is not None or self.answer is not None) and not self.is_over

    @property
    def asked(self) -> dict[str, Any]:
        return fields(self.call.payload) if self.call else {}

    @property
    def latest(self) -> int:
        """The number of the latest message that says how it stands."""
        return self.n or (self.answer.n if self.answer else 0)

    def tell(self, status: str, event: Message) -> None:
        if self.is_over and status not in ENDS[self.action]:
            self.seen.clear()
        self.status, self.n, self.time = status, event.n, event.time
        self.session = event.session.number
        if len(self.seen) < _STATUSES:
            self.seen.add(status)


_STATUSES: Final = 30
_KEPT: Final = 20


class Jobs:
    """Those of one station."""

    __slots__ = ("asked", "by_id", "latest")

    def __init__(self) -> None:
        self.asked: dict[str, Job] = {}
        """By action: what the CSMS asked, and the station has not answered."""
        self.latest: dict[str, Job] = {}
        """By action: the one that was accepted, or told of itself, last."""
        self.by_id: Recent[tuple[str, int], Job] = Recent(_KEPT)
        """By action and requestId."""

    def find(self, event: Message) -> Job | None:
        """The one that a message tells of; None where that is not known."""
        action, identity = event.action or "", id_of(event)
        asked = self.asked.get(action)
        if identity is None:
            # Before the answer to what asks for it only a beginning can belong to that.
            status = fields(event.payload).get("status")
            if asked is not None and (action not in self.latest or status in BEGINNINGS):
                return asked
            return self.latest.get(action)
        if asked is not None and asked.id == identity:
            return asked
        return self.by_id.get((action, identity))

    def keep(self, job: Job) -> None:
        self.latest[job.action] = job
        if job.id is not None:
            self.by_id[job.action, job.id] = job


BEGINNINGS: Final = frozenset({"Downloading", "DownloadScheduled", "Uploading"})


def id_of(event: Message) -> int | None:
    return whole(fields(event.payload).get("requestId"))


def is_accepted(answer: Message, version: str | None) -> bool:
    """Whether a station does what one of these asks for."""
    if answer.type != CALLRESULT:
        return False
    if answer.action == "GetDiagnostics":
        return text(fields(answer.payload).get("fileName")) is not None
    return (answer.action == "UpdateFirmware" and version == V16) or status_of(answer) in ACCEPTED


@learns(on_call(*STATUS_OF))
def learn_request(event: Message, state: "SessionState") -> None:
    action = STATUS_OF[event.action or ""]
    state.station.jobs.asked[action] = Job(action, id_of(event), event)


@learns(on_answer(*STATUS_OF))
def learn_answer(event: Message, state: "SessionState") -> None:
    jobs, action = state.station.jobs, STATUS_OF[event.action or ""]
    job = jobs.asked.get(action)
    if job is None or job.call is not event.call:
        return
    del jobs.asked[action]
    if not is_accepted(event, state.session.version):
        return
    before = jobs.latest.get(action)
    if before is not None and not before.is_over:
        before.cancelled = event.n
        if before.id == job.id:
            job.repeats = before.status or before.repeats
    job.answer = event
    jobs.keep(job)


@learns(on_call(*REQUEST_OF))
def learn_status(event: Message, state: "SessionState") -> None:
    status = text(fields(event.payload).get("status"))
    if status is None or status == IDLE:
        return
    jobs = state.station.jobs
    job = jobs.find(event)
    if job is None:
        job = Job(event.action or "", id_of(event), None)
        jobs.keep(job)
    job.tell(status, event)
