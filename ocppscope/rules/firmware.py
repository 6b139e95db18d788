"""FW and LOG: firmware updates, diagnostics and logs (section M of the catalogue).

FW-012 and LOG-006 say what the field adds: where files are fetched from or sent to, and statuses that are told again.

Sources: OCPP 1.6 edition 2 §4.4, §4.5, §5.9, §5.19 with errata 3.49; OCPP 1.6 security whitepaper edition 3, L01, N01;
OCPP 2.0.1 and 2.1 part 2, use cases L01 to L03 and N01.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ocppscope.events import CALLERROR, CALLRESULT, Message
from ocppscope.ocpp.certificates import chain
from ocppscope.ocpp.lenient import fields, text, told, whole
from ocppscope.ocpp.times import DAY, HOUR, MINUTE, SECOND, duration, timestamp
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.registry import ERROR, INFO, WARNING, Report, Severity, on_answer, on_call, rule
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.certificates import text_of
from ocppscope.rules.tables.firmware import (
    BEGINNINGS,
    ENDS,
    IDLE,
    REQUEST_OF,
    STATUS_OF,
    Job,
    id_of,
    is_accepted,
    left_out,
    sequence_of,
)
from ocppscope.rules.tables.requests import asked, status_of
from ocppscope.rules.tables.transactions import Transaction

_FIRMWARE: Final = "FirmwareStatusNotification"
_SIGNED: Final = "SignedFirmwareStatusNotification"
_LOG: Final = "LogStatusNotification"
_DIAGNOSTICS: Final = "DiagnosticsStatusNotification"
_WHITEPAPER: Final = "OCPP 1.6 security whitepaper"
_BEGUN_WITHIN: Final = 600
"""Seconds for a station to tell something of what it has accepted, from when it is to begin."""
_CLOCKS: Final = MINUTE
"""By how much the clocks of the CSMS, the station and the capture may differ."""


def _whitepaper(of: str, v2x: str) -> dict[str, str]:
    return part_2(v2x) | {V16: f"{_WHITEPAPER} {of}"}


_NOUNS: Final[Mapping[str, str]] = {
    _FIRMWARE: "update",
    _SIGNED: "update",
    "PublishFirmwareStatusNotification": "publication",
    _LOG: "log",
    _DIAGNOSTICS: "upload",
}


def _name(job: Job) -> str:
    noun = _NOUNS[job.action]
    return f"the {noun}" if job.id is None else f"{noun} {job.id}"


def _status(event: Message) -> str | None:
    return text(fields(event.payload).get("status"))


def _asked_job(event: Message, state: SessionState) -> Job | None:
    """What an answer is about, as it was before that."""
    job = state.station.jobs.asked.get(STATUS_OF.get(event.action or "", ""))
    return job if job is not None and job.call is event.call else None


def _is_seen_through(job: Job, event: Message, state: SessionState) -> bool:
    """Whether everything between a job's latest message and this one is in the capture, and could be sent.

    Only messages about transactions and security are kept for later when a station is offline.
    """
    if job.status is not None:
        return job.session == event.session.number and job.n > state.station.missed
    return (
        job.answer is not None and job.answer.session is event.session and job.answer.n > state.station.missed
    )


def _is_triggered(job: Job, station: StationState) -> bool:
    """Whether the CSMS has asked for the status since it was told."""
    names = (job.action, _FIRMWARE) if job.action == _SIGNED else (job.action,)
    return any(station.triggered[name].n > job.n for name in names if name in station.triggered)


def _is_here_since(event: Message, station: StationState) -> bool:
    """Whether a station has stayed connected since a message, and the capture holds all that it sent."""
    return event.session.number in station.open_sessions and station.missed <= event.n


def _proof(job: Job) -> tuple[int, ...]:
    """The messages that say how a job stands."""
    return tuple(
        number
        for number in (job.call.n if job.call else 0, job.answer.n if job.answer else 0, job.n)
        if number
    )


# --- one status after the other ---


def _out_of_order(event: Message, state: SessionState, left: Severity) -> Report | None:
    """What is wrong with a status after the one before.

    Args:
        event: the message that tells it.
        state: of its session.
        left: the severity where a status between the two was not told.
    """
    status, job = _status(event), state.station.jobs.find(event)
    sequence = sequence_of(state.session.version, event.action)
    if job is None or status is None or status not in sequence or job.cancelled is not None:
        return None
    if not _is_seen_through(job, event, state) or state.station.deliveries.again(event) is not None:
        return None
    if job.status is None and job.repeats is not None:
        goes_on = status == job.repeats or status in sequence.get(job.repeats, ())
        if goes_on:
            return None
    if job.status == "DownloadFailed" and status in BEGINNINGS and _may_retry(job):
        return None
    if status == job.status:
        if status in sequence[status] or _is_triggered(job, state.station):
            return None
        return Report(
            f"{_name(job)}: {status} again", f"{_name(job)} {status} again", WARNING, events=_proof(job)
        )
    missing = left_out(sequence, job.status, status)
    if not missing and missing is not None:
        return None
    before = job.status or "its acceptance"
    if missing is None:
        return Report(
            f"{_name(job)}: {status} after {before}", f"{_name(job)} {status}", WARNING, events=_proof(job)
        )
    return Report(
        f"{_name(job)}: {status} after {before}; {' and '.join(missing)} never came",
        f"{_name(job)} {status}",
        left,
        events=_proof(job),
    )


def _may_retry(job: Job) -> bool:
    """Whether the CSMS lets the station try again, as far as the capture shows what it asked."""
    return job.call is None or (whole(job.asked.get("retries")) or 0) > 0


def _expect_begin(event: Message, state: SessionState, rule_id: str, seconds: float = 0) -> None:
    """A station that accepts to do something says when it does."""
    job = _asked_job(event, state)
    if job is None or job.status is not None or not is_accepted(event, state.session.version):
        return
    report = Report(
        f"{_name(job)} was accepted, and no {job.action} came within {duration(_BEGUN_WITHIN * SECOND)}"
        + (" of when it was to begin" if seconds else ""),
        _name(job),
        WARNING,
        (event.call.n,) if event.call else (),
    )
    station = state.station

    def verdict() -> Report | None:
        if job.status or job.cancelled or not _is_here_since(event, station):
            return None
        if job.action in (_FIRMWARE, _SIGNED) and station.transactions.running():
            return None  # it waits until no one charges
        return report

    expect(state, rule_id, (job.action, job.id), max(seconds, 0) + _BEGUN_WITHIN, verdict, event)


def _begins(event: Message, state: SessionState, rule_id: str) -> None:
    job = state.station.jobs.find(event)
    if job is not None and _status(event) != IDLE:
        meet(state.station, rule_id, (job.action, job.id))


def _until(value: Any, event: Message) -> float:
    """Seconds from a message to a time that the CSMS has named; 0 where that has passed, or is not known."""
    time = told(value)
    return 0 if time is None or event.time is None else max((time - event.time) / SECOND, 0)


def _to_retrieve(payload: dict[str, Any], event: Message) -> float:
    """Seconds until the firmware may be fetched."""
    return _until(
        payload.get("retrieveDate") or fields(payload.get("firmware")).get("retrieveDateTime"), event
    )


@rule(
    "FW-001",
    "The statuses of a firmware update are not in order",
    WARNING,
    on_call(_FIRMWARE, _SIGNED),
    on_answer("UpdateFirmware", "SignedUpdateFirmware"),
    source=f"OCPP 1.6 §4.5, §5.19; {_WHITEPAPER} L01.FR.01",
    hint="the station tells each step: Downloading, Downloaded, Installing, Installed, or that it has failed",
    needs="session",
    versions=(V16,),
)
def update_out_of_order_16(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        _expect_begin(event, state, "FW-001", _to_retrieve(asked(event), event))
        return None
    _begins(event, state, "FW-001")
    return _out_of_order(event, state, WARNING)


@rule(
    "FW-002",
    "The statuses of a firmware update are not in order",
    ERROR,
    on_call(_FIRMWARE),
    on_answer("UpdateFirmware"),
    source=part_2("L01.FR.01, L02.FR.01"),
    hint="the station tells each new state once: Downloading, Downloaded, Installing, Installed, or that it has failed",
    needs="session",
    versions=V2X,
)
def update_out_of_order(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        _expect_begin(event, state, "FW-002")
        return None
    _begins(event, state, "FW-002")
    return _out_of_order(event, state, ERROR)


# --- which one it is about ---


def _wrong_request(event: Message, state: SessionState) -> Report | None:
    """What is wrong with the requestId of a status."""
    payload, action = fields(event.payload), event.action or ""
    status, identity = text(payload.get("status")), id_of(event)
    if status is None or status == IDLE:
        return None
    jobs = state.station.jobs
    latest = jobs.latest.get(action)
    if payload.get("requestId") is None:
        last = f"; {REQUEST_OF[action]} {latest.id} came last" if latest and latest.id is not None else ""
        return Report(f"{status} has no requestId{last}", "missing", events=_proof(latest) if latest else ())
    if identity is None or jobs.find(event) is not None or latest is None or latest.answer is None:
        return None
    if status not in BEGINNINGS and (action == _LOG or latest.status is None):
        return None  # one that was asked for before the capture may still come to its end
    is_sure = latest.answer.session is event.session and latest.answer.n > state.station.missed
    if not is_sure or status_of(latest.answer) == "AcceptedCanceled":
        return None
    return Report(
        f"requestId is {identity}, and {REQUEST_OF[action]} said {latest.id}",
        str(identity),
        events=_proof(latest),
    )


@rule(
    "FW-003",
    "FirmwareStatusNotification without the requestId of its update",
    ERROR,
    on_call(_FIRMWARE, _SIGNED),
    source=_whitepaper("L01.FR.10, L01.FR.21", "L01.FR.10, L01.FR.20"),
    hint="the station repeats the requestId of the request that started the update, in each status but Idle",
    needs="session",
)
def wrong_update(event: Message, state: SessionState) -> Report | None:
    if event.action == _FIRMWARE and state.session.version == V16:
        return None
    return _wrong_request(event, state)


@rule(
    "FW-011",
    "PublishFirmwareStatusNotification without the requestId of its request",
    ERROR,
    on_call("PublishFirmwareStatusNotification"),
    source=part_2("L03.FR.01, L04, FR.05"),
    hint="the local controller repeats the requestId of PublishFirmware in each status but Idle",
    needs="session",
    versions=V2X,
)
def wrong_publication(event: Message, state: SessionState) -> Report | None:
    return _wrong_request(event, state)


# --- when, and whether at all ---


def _installs_at(job: Job) -> int | None:
    return told(fields(job.asked.get("firmware")).get("installDateTime"))


_INSTALLS: Final = frozenset({"Installing", "InstallRebooting", "Installed"})
_NOT_INSTALLING: Final = frozenset({"Downloaded", "SignatureVerified", "InstallScheduled"})


@rule(
    "FW-004",
    "A firmware update is not told to be scheduled",
    WARNING,
    on_call(_FIRMWARE, "BootNotification"),
    source=part_2("L01.FR.13, L01.FR.15, L01.FR.16, L01.FR.32"),
    hint="the station tells DownloadScheduled or InstallScheduled where it waits, InstallRebooting before it reboots",
    needs="time",
    versions=V2X,
)
def not_scheduled(event: Message, state: SessionState) -> Report | None:
    if event.action == "BootNotification":
        return _rebooted_untold(event, state)
    status, job = _status(event), state.station.jobs.find(event)
    if job is None or job.answer is None or event.time is None or job.cancelled is not None:
        return None
    if not _is_seen_through(job, event, state):
        return None
    if job.status is None and status in ("Downloading", "Downloaded"):
        retrieve = told(fields(job.asked.get("firmware")).get("retrieveDateTime"))
        if retrieve is not None and job.answer.time is not None and retrieve > job.answer.time + _CLOCKS:
            early = " and before retrieveDateTime" if retrieve > event.time + _CLOCKS else ""
            return Report(
                f"{_name(job)} was to be fetched {duration(retrieve - job.answer.time)} later:"
                f" {status} came without DownloadScheduled{early}",
                _name(job),
                events=_proof(job),
            )
    if status in _INSTALLS and job.status in ("Downloaded", "SignatureVerified") and job.time is not None:
        install = _installs_at(job)
        if install is not None and install > job.time + _CLOCKS:
            early = " and before installDateTime" if install > event.time + _CLOCKS else ""
            return Report(
                f"{_name(job)} was to be installed {duration(install - job.time)} after it was {job.status}:"
                f" {status} came without InstallScheduled{early}",
                _name(job),
                events=_proof(job),
            )
    return None


def _rebooted_untold(event: Message, state: SessionState) -> Report | None:
    """L01.FR.15; where it reboots to activate what is installed, it need not say so (L01.FR.32)."""
    job = state.station.jobs.latest.get(_FIRMWARE)
    if job is None or job.status not in _NOT_INSTALLING or job.cancelled is not None:
        return None
    if fields(event.payload).get("reason") != "FirmwareUpdate" or job.n <= state.station.missed:
        return None
    return Report(
        f"it booted for {_name(job)}, which was {job.status}: InstallRebooting was not told",
        _name(job),
        events=_proof(job),
    )


_SUBJECT: Final = 80
"""Characters of a certificate's name that are shown."""


@rule(
    "FW-005",
    "An invalid signing certificate is accepted",
    ERROR,
    on_answer("UpdateFirmware", "SignedUpdateFirmware"),
    source=_whitepaper("L01.FR.23, L01.FR.24", "L01.FR.21, L01.FR.22"),
    hint="the station checks the certificate and answers InvalidCertificate; the CSMS sends a valid one in PEM",
    needs="exchange",
)
def accepted_invalid_certificate(event: Message, state: SessionState) -> Report | None:
    sent = fields(asked(event).get("firmware")).get("signingCertificate")
    if event.call is None or status_of(event) not in ("Accepted", "AcceptedCanceled") or not text_of(sent):
        return None
    found = chain(text_of(sent))
    events = (event.call.n,)
    if not found:
        return Report("signingCertificate holds no certificate in PEM", events=events)
    one = found[0]
    if one is None:
        return Report("signingCertificate cannot be read", severity=WARNING, events=events)
    if event.time is None or state.station.clock.assumed - {"zone"}:
        return None
    if event.time < one.begins - DAY:
        return Report(
            f"signingCertificate {one.subject[:_SUBJECT]!r} is valid from {(timestamp(one.begins) or '')[:10]} on",
            one.subject[:_SUBJECT],
            events=events,
        )
    if event.time > one.ends + DAY:
        return Report(
            f"signingCertificate {one.subject[:_SUBJECT]!r} had expired on {(timestamp(one.ends) or '')[:10]}",
            one.subject[:_SUBJECT],
            events=events,
        )
    return None


@rule(
    "FW-006",
    "Installed, and no security event FirmwareUpdated",
    WARNING,
    on_call(_FIRMWARE, "SecurityEventNotification"),
    source=part_2("L01.FR.31"),
    hint="the station sends SecurityEventNotification with type FirmwareUpdated",
    needs="time",
    versions=V2X,
)
def update_without_event(event: Message, state: SessionState) -> None:
    station = state.station
    if event.action == "SecurityEventNotification":
        if fields(event.payload).get("type") == "FirmwareUpdated":
            meet(station, "FW-006", "event")
        return
    job = station.jobs.find(event)
    if _status(event) != "Installed" or job is None or "Installed" in job.seen:
        return
    if station.security.told_since(job.call.n if job.call else 0, "FirmwareUpdated"):
        return
    within = 300
    report = Report(
        f"no FirmwareUpdated within {duration(within * SECOND)} of Installed of {_name(job)}", _name(job)
    )

    def verdict() -> Report | None:
        return None if station.missed > event.n else report

    expect(state, "FW-006", "event", within, verdict, event)


_INSTALLATION: Final = _NOT_INSTALLING | {"InstallRebooting", "Installing"}


@rule(
    "FW-007",
    "A second firmware update is accepted without canceling the first",
    WARNING,
    on_answer("UpdateFirmware"),
    source=part_2("L01.FR.24, L01.FR.27, L02.FR.15"),
    hint="the station cancels the update that is going on and answers AcceptedCanceled, or answers Rejected",
    needs="session",
    versions=V2X,
)
def second_update(event: Message, state: SessionState) -> Report | None:
    before = state.station.jobs.latest.get(_FIRMWARE)
    if status_of(event) != "Accepted" or event.call is None or before is None or not before.is_going_on:
        return None
    if before.status is None or not _is_seen_through(before, event, state) or before.n > event.call.n:
        return None
    return Report(
        f"Accepted, where {_name(before)} was {before.status}",
        _name(before),
        None if before.status in _INSTALLATION else INFO,  # an update that is fetched may go on beside it
        events=(*_proof(before), event.call.n),
    )


_STUCK_AFTER: Final[Mapping[str, int]] = {
    "Downloading": 2 * HOUR,
    "Downloaded": 4 * HOUR,
    "SignatureVerified": 4 * HOUR,
    "InstallScheduled": 4 * HOUR,
    "InstallRebooting": HOUR,
    "Installing": HOUR,
}
"""How long a step may take, in ns."""
_AFTER_BOOT: Final = 15 * MINUTE
_BOOTS_WITHIN: Final = 600


@rule(
    "FW-008",
    "A firmware update does not come to an end",
    WARNING,
    on_call(_FIRMWARE, _SIGNED, "BootNotification"),
    source=part_2("L01.FR.28, L01.FR.32; heuristic", "§4.5; heuristic"),
    hint="the station tells how the update ended, after the reboot too; ask it with TriggerMessage, look at its log",
    needs="time",
)
def stuck_update(event: Message, state: SessionState) -> None:
    station = state.station
    if event.action == "BootNotification":
        meet(station, "FW-008", "boot")
        for action in (_FIRMWARE, _SIGNED):
            job = station.jobs.latest.get(action)
            if job is not None and job.status in ("Installing", "InstallRebooting") and not job.is_over:
                _expect_end(event, state, job, job.status, _AFTER_BOOT, " and the station has booted since")
        return
    status, job = _status(event), station.jobs.find(event)
    if status is None or status == IDLE:
        return
    if job is None:
        job = Job(event.action or "", id_of(event), None)
    meet(station, "FW-008", (job.action, job.id))
    if job.cancelled is not None:
        return
    if status in _STUCK_AFTER:
        waits = _STUCK_AFTER[status]
        install = _installs_at(job)
        if status != "Downloading" and install is not None and event.time is not None:
            waits += max(install - event.time, 0)
        _expect_end(event, state, job, status, waits)
    elif status == "Installed" and job.call is not None:
        _expect_boot(event, state, job)


def _expect_end(
    event: Message, state: SessionState, job: Job, status: str, waits: int, also: str = ""
) -> None:
    """The next step, or the end."""
    station, identity, action = state.station, job.id, job.action
    ends = "Downloaded or DownloadFailed" if status == "Downloading" else "Installed or InstallationFailed"
    report = Report(
        f"{_name(job)} is {status}{also}, and after {duration(waits)} {ends} has not come", _name(job)
    )

    def verdict() -> Report | None:
        latest = station.jobs.latest.get(action)
        if latest is None or latest.id != identity or latest.status != status:
            return None
        if not _is_here_since(event, station):
            return None
        if latest.cancelled is not None or (status in _NOT_INSTALLING and station.transactions.running()):
            return None  # it waits until no one charges
        return report

    expect(state, "FW-008", (action, identity), waits / SECOND, verdict, event)


def _expect_boot(event: Message, state: SessionState, job: Job) -> None:
    """New firmware needs no reboot, but nearly always has one."""
    station = state.station
    boot = station.registration.call
    if job.call is None or (boot is not None and boot.n > job.call.n):
        return
    report = Report(
        f"{_name(job)} is Installed, and no BootNotification came since it was asked for, nor within"
        f" {duration(_BOOTS_WITHIN * SECOND)} after: is the new firmware in use?",
        f"{_name(job)} boot",
        INFO,
        (job.call.n,),
    )

    def verdict() -> Report | None:
        return report if _is_here_since(event, station) else None

    expect(state, "FW-008", "boot", _BOOTS_WITHIN, verdict, event)


_FORGETS: Final = frozenset(
    {"Downloading", "DownloadScheduled", "InstallationFailed", "InstallVerificationFailed"}
)
_FOR_TRANSACTIONS: Final = 120
"""Seconds after a boot for what was queued to arrive."""


@rule(
    "FW-009",
    "Transactions go on while firmware is installed",
    WARNING,
    on_call(_FIRMWARE, _SIGNED, "BootNotification"),
    source=part_2("L01.FR.06", "§4.5; errata 3.49"),
    hint="a station that cannot charge meanwhile waits until all transactions have ended",
    needs="session",
)
def installs_while_charging(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.action == "BootNotification":
        _expect_stopped(event, state)
        return None
    status = _status(event)
    if status in _FORGETS:
        station.noted.pop("FW-009", None)
    if status != "Installing":
        return None
    running = [
        one
        for one in station.transactions.running()
        if one.start is not None and one.start.n > station.missed
    ][:_SHOWN]
    if not running:
        return None
    station.noted["FW-009"] = event, running
    # It may charge and install at once; that it does not is seen when it boots.
    return Report(f"Installing, while {_names(running)} goes on", "installing", INFO, _starts(running))


_SHOWN: Final = 5


def _names(transactions: Iterable[Transaction]) -> str:
    return "transaction " + ", ".join(one.id or "without id" for one in transactions)


def _starts(transactions: Iterable[Transaction]) -> tuple[int, ...]:
    return tuple(one.start.n for one in transactions if one.start is not None)


def _expect_stopped(event: Message, state: SessionState) -> None:
    found: tuple[Message, list[Transaction]] | None = state.station.noted.pop("FW-009", None)
    if found is None:
        return
    installing, running = found
    if installing.time is None or event.time is None or event.time > installing.time + 2 * HOUR:
        return
    began = installing.time

    def verdict() -> Report | None:
        cut = [one for one in running if one.is_open or (one.stopped or 0) > began + _CLOCKS]
        if not cut or state.has_gap:
            return None
        return Report(
            f"{_names(cut)} was going on when it was told to be Installing, and the station booted",
            "booted",
            events=(installing.n, *_starts(cut)),
        )

    expect(state, "FW-009", "stopped", _FOR_TRANSACTIONS, verdict, event)


@rule(
    "FW-010",
    "UpdateFirmware is accepted by a station that installs signed firmware",
    ERROR,
    on_answer("UpdateFirmware"),
    source=f"{_WHITEPAPER} L01.FR.20",
    hint="the station answers UpdateFirmware with the CallError NotSupported; the CSMS sends SignedUpdateFirmware",
    needs="session",
    versions=(V16,),
)
def unsigned_update(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        return None
    signed = state.station.requests.get("SignedUpdateFirmware")
    told_of = state.station.jobs.latest.get(_SIGNED)
    by = signed.answer if signed is not None else None
    if by is None or by.type != CALLRESULT:
        if told_of is None:
            return None
        proof: tuple[int, ...] = _proof(told_of)
    else:
        proof = (by.n,)
    if event.type == CALLRESULT:
        return Report("UpdateFirmware got a CallResult, where SignedUpdateFirmware is known", events=proof)
    code = event.error.code if event.type == CALLERROR and event.error is not None else "NotSupported"
    if code == "NotSupported":
        return None
    return Report(
        f"UpdateFirmware got {str(code)[:40]}, where NotSupported is asked for", "code", INFO, proof
    )


# --- where from, where to ---

_SCHEMES: Final = frozenset({"ftp", "ftps", "http", "https", "sftp"})
_IN_CLEAR: Final = frozenset({"ftp", "http"})
_PROTOCOLS: Final = ("SupportedFileTransferProtocols", "FileTransferProtocols")
"""What a station says it can: in 1.6, and in 2.x."""


def _location(payload: dict[str, Any]) -> Any:
    within = fields(payload.get("firmware")), fields(payload.get("log"))
    return payload.get("location") or within[0].get("location") or within[1].get("remoteLocation")


@rule(
    "FW-012",
    "A location that a station may not reach, or that gives its password away",
    WARNING,
    on_call(*STATUS_OF),
    source=HEURISTIC,
    hint="the CSMS names a URL in a scheme that the station supports; https, ftps or sftp where it holds a password",
    needs="session",
)
def odd_location(event: Message, state: SessionState) -> list[Report]:
    location = text(_location(fields(event.payload)))
    if location is None:
        return []
    scheme, separator, rest = location.strip().partition("://")
    scheme = scheme.lower()
    if not separator:
        return [Report(f"{event.action} names a location without a scheme such as https://", "scheme")]
    found = []
    supported = _supported(state.station)
    shown = scheme[:20]
    if supported and scheme not in supported:
        found.append(
            Report(
                f"{event.action} names {shown}://, and the station supports {', '.join(sorted(supported))}",
                shown,
            )
        )
    elif not supported and scheme not in _SCHEMES:
        found.append(
            Report(f"{event.action} names {shown}://, which is none of {', '.join(sorted(_SCHEMES))}", shown)
        )
    login, at, _ = rest.partition("/")[0].rpartition("@")
    user, colon, _ = login.partition(":")
    if at and colon and scheme in _IN_CLEAR and user.lower() != "anonymous":
        found.append(
            Report(
                f"{event.action} names {shown}:// with a user name and a password, which go in clear",
                f"{shown} password",
                {"strict": WARNING, "field": INFO},
            )
        )
    return found


def _supported(station: StationState) -> set[str]:
    """Schemes in lower case; empty where the capture does not show them."""
    known = next((station.configuration[name] for name in _PROTOCOLS if name in station.configuration), "")
    return {one.strip().lower() for one in known[:_LONGEST].split(",")} - {""}


_LONGEST: Final = 1_000


# --- diagnostics and logs ---

_UPLOADED_WITHIN: Final = HOUR
_RESUMES_WITHIN: Final = 10 * MINUTE


def _retries(job: Job) -> int:
    """How long the retries that the CSMS asked for may take, in ns."""
    retries, interval = whole(job.asked.get("retries")), whole(job.asked.get("retryInterval"))
    return min(max(retries or 0, 0) * max(interval or 0, 0) * SECOND, 7 * DAY)


def _expect_uploaded(event: Message, state: SessionState, rule_id: str, end: str) -> None:
    """The end of an upload that has begun."""
    station, status = state.station, _status(event)
    if status is None or status == IDLE:
        return
    job = station.jobs.find(event)
    if job is None:
        job = Job(event.action or "", id_of(event), None)
    meet(station, rule_id, (job.action, job.id, "end"))
    if status in ENDS[job.action] or job.cancelled is not None:
        return
    waits, identity, action = _UPLOADED_WITHIN + _retries(job), job.id, job.action
    report = Report(
        f"{_name(job)} is Uploading, and after {duration(waits)} {end} has not come",
        _name(job),
        WARNING,
        _proof(job),
    )

    def verdict() -> Report | None:
        latest = station.jobs.latest.get(action)
        is_going_on = latest is not None and latest.id == identity and not latest.is_over
        return report if is_going_on and _is_here_since(event, station) else None

    expect(state, rule_id, (job.action, job.id, "end"), waits / SECOND, verdict, event)


@rule(
    "LOG-001",
    "The statuses of an upload of diagnostics are not in order",
    WARNING,
    on_call(_DIAGNOSTICS),
    on_answer("GetDiagnostics"),
    source="OCPP 1.6 §4.4, §5.9",
    hint="where the station names a file, it tells Uploading and then Uploaded or UploadFailed; else nothing",
    needs="session",
    versions=(V16,),
)
def diagnostics_out_of_order(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        _expect_begin(event, state, "LOG-001")
        return None
    _begins(event, state, "LOG-001")
    _expect_uploaded(event, state, "LOG-001", "Uploaded or UploadFailed")
    found = _out_of_order(event, state, WARNING)
    return found or _not_asked_for(event, state)


def _not_asked_for(event: Message, state: SessionState) -> Report | None:
    station, status = state.station, _status(event)
    request = station.requests.get("GetDiagnostics")
    if status != "Uploading":
        return None
    if request is None:
        boot = station.registration.call
        if state.is_partial or boot is None or boot.time is None or event.time is None:
            return None
        if event.time < boot.time + _RESUMES_WITHIN:
            return None  # it may have been asked for before the boot, and be tried again
        return Report("Uploading, and no GetDiagnostics since the station booted", "not asked for")
    if request.answer is None or request.answer.type != CALLRESULT:
        return None
    if text(fields(request.answer.payload).get("fileName")) is not None:
        return None
    return Report(
        "Uploading, and the answer to GetDiagnostics names no file",
        "no file",
        INFO,
        (request.call.n, request.answer.n),
    )


@rule(
    "LOG-002",
    "LogStatusNotification without its requestId, or without Uploading",
    ERROR,
    on_call(_LOG),
    source=_whitepaper("N01.FR.07, N01.FR.08, N01.FR.12", "N01.FR.07, N01.FR.08, N01.FR.13"),
    hint="the station repeats the requestId of GetLog, and tells Uploading when it begins",
    needs="session",
)
def wrong_log(event: Message, state: SessionState) -> Report | None:
    station, status = state.station, _status(event)
    trigger, latest = station.triggered.get(_LOG), station.jobs.latest.get(_LOG)
    is_over = latest is None or latest.is_over
    if not (trigger is not None and is_over and id_of(event) is None):
        found = _wrong_request(event, state)
        if found is not None:
            return found
    job = station.jobs.find(event)
    if job is None or status is None or job.status is not None or not _is_seen_through(job, event, state):
        return None
    if job.repeats is not None or not left_out(sequence_of(state.session.version, _LOG), None, status):
        return None
    return Report(
        f"{_name(job)}: {status}, and Uploading never came", f"{_name(job)} begin", events=_proof(job)
    )


_LOG_ENDS: Final = "Uploaded or a failure"


@rule(
    "LOG-003",
    "The end of an upload of a log is not told",
    ERROR,
    on_call(_LOG),
    on_answer("GetLog"),
    source=_whitepaper("N01.FR.09, N01.FR.10", "N01.FR.09, N01.FR.10"),
    hint="the station tells Uploaded, or why it failed: UploadFailure, BadMessage, PermissionDenied …",
    needs="session",
)
def log_without_end(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        _expect_begin(event, state, "LOG-003")
        return None
    _begins(event, state, "LOG-003")
    _expect_uploaded(event, state, "LOG-003", _LOG_ENDS)
    if _status(event) != IDLE:
        return None
    job = state.station.jobs.latest.get(_LOG)
    if job is None or job.status != "Uploading" or job.cancelled is not None:
        return None
    if not _is_seen_through(job, event, state):
        return None
    meet(state.station, "LOG-003", (job.action, job.id, "end"))
    return Report(
        f"Idle, where {_name(job)} was Uploading; {_LOG_ENDS} never came", _name(job), events=_proof(job)
    )


_CANCELED_WITHIN: Final = 60


@rule(
    "LOG-004",
    "A second GetLog during an upload does not cancel the first",
    WARNING,
    on_answer("GetLog"),
    on_call(_LOG),
    source=_whitepaper("N01.FR.11", "N01.FR.12, N01.FR.20"),
    hint="the station answers AcceptedCanceled; in 2.x it then tells AcceptedCanceled for the upload that it canceled",
    needs="session",
)
def second_log(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        if _status(event) in ENDS[_LOG]:
            meet(station, "LOG-004", id_of(event))
        return None
    before, status = station.jobs.latest.get(_LOG), status_of(event)
    if before is None or before.status != "Uploading" or before.cancelled is not None:
        return None
    if not _is_seen_through(before, event, state) or before.n > event.call.n or before.id is None:
        return None
    if before.id == id_of(event.call):
        return None  # the same is asked for again
    if status == "AcceptedCanceled" and state.session.version != V16:
        report = Report(
            f"{_name(before)} was canceled, and no LogStatusNotification AcceptedCanceled came for it within"
            f" {_CANCELED_WITHIN} s",
            _name(before),
            events=_proof(before),
        )

        def verdict() -> Report | None:
            return report if _is_here_since(event, station) else None

        expect(state, "LOG-004", before.id, _CANCELED_WITHIN, verdict, event)
    if status != "Accepted":
        return None
    is_same = before.asked.get("logType") == asked(event).get("logType")
    return Report(
        f"Accepted, where {_name(before)} was Uploading",
        f"{_name(before)} accepted",
        None if is_same else INFO,  # logs of two kinds might go side by side
        events=(*_proof(before), event.call.n),
    )


@rule(
    "LOG-005",
    "The answer to GetLog does not fit",
    WARNING,
    on_answer("GetLog"),
    source=part_2("N01.FR.01, N01.FR.05"),
    hint="the station names the file with Accepted; it answers Rejected, without one, where there is no such log",
    needs="exchange",
    versions=V2X,
)
def odd_log_answer(event: Message, state: SessionState) -> Report | None:
    status, has_name = status_of(event), text(fields(event.payload).get("filename")) is not None
    if event.call is None or status is None:
        return None
    kind = text(asked(event).get("logType")) or "log"
    events = (event.call.n,)
    if status in ("Accepted", "AcceptedCanceled") and not has_name:
        return Report(f"{status} for {kind[:30]}, without a filename", status, events=events)
    if status == "Rejected" and has_name:
        return Report(f"Rejected for {kind[:30]}, with a filename", status, events=events)
    if status == "Rejected" and kind == "DiagnosticsLog":
        return Report("DiagnosticsLog is Rejected: the station has none", "rejected", INFO, events)
    return None


@rule(
    "LOG-006",
    "A status of a log is told again, or after the end",
    WARNING,
    on_call(_LOG),
    source=HEURISTIC,
    hint="the station tells each status once, and nothing more after the end",
    needs="session",
)
def log_again(event: Message, state: SessionState) -> Report | None:
    job = state.station.jobs.find(event)
    if job is None or job.status is None:
        return None
    return _out_of_order(event, state, WARNING)
