"""FW: firmware updates (section M of the catalogue).

FW-012 says what the field adds: where files are fetched from.

Sources: OCPP 1.6 edition 2 §4.5, §5.19 with errata 3.49; OCPP 1.6 security whitepaper edition 3, L01; OCPP 2.0.1 and
2.1 part 2, use cases L01 to L03.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ocppscope.events import CALLERROR, CALLRESULT, Message
from ocppscope.ocpp.certificates import chain
from ocppscope.ocpp.lenient import fields, text, told
from ocppscope.ocpp.times import DAY, HOUR, MINUTE, SECOND, duration, timestamp
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.jobs import (
    FIRMWARE,
    SIGNED_FIRMWARE,
    expect_begin,
    is_here_since,
    is_seen_through,
    meet_begin,
    name_of,
    out_of_order,
    proof_of,
    status_in,
    wrong_request,
)
from ocppscope.rules.registry import ERROR, INFO, WARNING, Report, on_answer, on_call, rule
from ocppscope.rules.sources import HEURISTIC, WHITEPAPER, part_2, whitepaper
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.certificates import text_of
from ocppscope.rules.tables.firmware import (
    IDLE,
    STATUS_OF,
    Job,
    id_of,
)
from ocppscope.rules.tables.requests import asked, status_of
from ocppscope.rules.tables.transactions import Transaction

CLOCKS: Final = MINUTE
"""By how much the clocks of the CSMS, the station and the capture may differ."""


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
    on_call(FIRMWARE, SIGNED_FIRMWARE),
    on_answer("UpdateFirmware", "SignedUpdateFirmware"),
    source=f"OCPP 1.6 §4.5, §5.19; {WHITEPAPER} L01.FR.01",
    hint="the station tells each step: Downloading, Downloaded, Installing, Installed, or that it has failed",
    needs="session",
    versions=(V16,),
)
def update_out_of_order_16(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        expect_begin(event, state, "FW-001", _to_retrieve(asked(event), event))
        return None
    meet_begin(event, state, "FW-001")
    return out_of_order(event, state, WARNING)


@rule(
    "FW-002",
    "The statuses of a firmware update are not in order",
    ERROR,
    on_call(FIRMWARE),
    on_answer("UpdateFirmware"),
    source=part_2("L01.FR.01, L02.FR.01"),
    hint="the station tells each new state once: Downloading, Downloaded, Installing, Installed, or that it has failed",
    needs="session",
    versions=V2X,
)
def update_out_of_order(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        expect_begin(event, state, "FW-002")
        return None
    meet_begin(event, state, "FW-002")
    return out_of_order(event, state, ERROR)


@rule(
    "FW-003",
    "FirmwareStatusNotification without the requestId of its update",
    ERROR,
    on_call(FIRMWARE, SIGNED_FIRMWARE),
    source=whitepaper("L01.FR.10, L01.FR.21", "L01.FR.10, L01.FR.20"),
    hint="the station repeats the requestId of the request that started the update, in each status but Idle",
    needs="session",
)
def wrong_update(event: Message, state: SessionState) -> Report | None:
    if event.action == FIRMWARE and state.session.version == V16:
        return None
    return wrong_request(event, state)


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
    return wrong_request(event, state)


# --- when, and whether at all ---


def _installs_at(job: Job) -> int | None:
    return told(fields(job.asked.get("firmware")).get("installDateTime"))


_INSTALLS: Final = frozenset({"Installing", "InstallRebooting", "Installed"})
_NOT_INSTALLING: Final = frozenset({"Downloaded", "SignatureVerified", "InstallScheduled"})


@rule(
    "FW-004",
    "A firmware update is not told to be scheduled",
    WARNING,
    on_call(FIRMWARE, "BootNotification"),
    source=part_2("L01.FR.13, L01.FR.15, L01.FR.16, L01.FR.32"),
    hint="the station tells DownloadScheduled or InstallScheduled where it waits, InstallRebooting before it reboots",
    needs="time",
    versions=V2X,
)
def not_scheduled(event: Message, state: SessionState) -> Report | None:
    if event.action == "BootNotification":
        return _rebooted_untold(event, state)
    status, job = status_in(event), state.station.jobs.find(event)
    if job is None or job.answer is None or event.time is None or job.cancelled is not None:
        return None
    if not is_seen_through(job, event, state):
        return None
    if job.status is None and status in ("Downloading", "Downloaded"):
        retrieve = told(fields(job.asked.get("firmware")).get("retrieveDateTime"))
        if retrieve is not None and job.answer.time is not None and retrieve > job.answer.time + CLOCKS:
            early = " and before retrieveDateTime" if retrieve > event.time + CLOCKS else ""
            return Report(
                f"{name_of(job)} was to be fetched {duration(retrieve - job.answer.time)} later:"
                f" {status} came without DownloadScheduled{early}",
                name_of(job),
                events=proof_of(job),
            )
    if status in _INSTALLS and job.status in ("Downloaded", "SignatureVerified") and job.time is not None:
        install = _installs_at(job)
        if install is not None and install > job.time + CLOCKS:
            early = " and before installDateTime" if install > event.time + CLOCKS else ""
            return Report(
                f"{name_of(job)} was to be installed {duration(install - job.time)} after it was {job.status}:"
                f" {status} came without InstallScheduled{early}",
                name_of(job),
                events=proof_of(job),
            )
    return None


def _rebooted_untold(event: Message, state: SessionState) -> Report | None:
    """L01.FR.15; where it reboots to activate what is installed, it need not say so (L01.FR.32)."""
    job = state.station.jobs.latest.get(FIRMWARE)
    if job is None or job.status not in _NOT_INSTALLING or job.cancelled is not None:
        return None
    if fields(event.payload).get("reason") != "FirmwareUpdate" or job.n <= state.station.missed:
        return None
    return Report(
        f"it booted for {name_of(job)}, which was {job.status}: InstallRebooting was not told",
        name_of(job),
        events=proof_of(job),
    )


_SUBJECT: Final = 80
"""Characters of a certificate's name that are shown."""


@rule(
    "FW-005",
    "An invalid signing certificate is accepted",
    ERROR,
    on_answer("UpdateFirmware", "SignedUpdateFirmware"),
    source=whitepaper("L01.FR.23, L01.FR.24", "L01.FR.21, L01.FR.22"),
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
    on_call(FIRMWARE, "SecurityEventNotification"),
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
    if status_in(event) != "Installed" or job is None or "Installed" in job.seen:
        return
    if station.security.told_since(job.call.n if job.call else 0, "FirmwareUpdated"):
        return
    within = 300
    report = Report(
        f"no FirmwareUpdated within {duration(within * SECOND)} of Installed of {name_of(job)}", name_of(job)
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
    before = state.station.jobs.latest.get(FIRMWARE)
    if status_of(event) != "Accepted" or event.call is None or before is None or not before.is_going_on:
        return None
    if before.status is None or not is_seen_through(before, event, state) or before.n > event.call.n:
        return None
    return Report(
        f"Accepted, where {name_of(before)} was {before.status}",
        name_of(before),
        None if before.status in _INSTALLATION else INFO,  # an update that is fetched may go on beside it
        events=(*proof_of(before), event.call.n),
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
    on_call(FIRMWARE, SIGNED_FIRMWARE, "BootNotification"),
    source=part_2("L01.FR.28, L01.FR.32; heuristic", "§4.5; heuristic"),
    hint="the station tells how the update ended, after the reboot too; ask it with TriggerMessage, look at its log",
    needs="time",
)
def stuck_update(event: Message, state: SessionState) -> None:
    station = state.station
    if event.action == "BootNotification":
        meet(station, "FW-008", "boot")
        for action in (FIRMWARE, SIGNED_FIRMWARE):
            job = station.jobs.latest.get(action)
            if job is not None and job.status in ("Installing", "InstallRebooting") and not job.is_over:
                _expect_end(event, state, job, job.status, _AFTER_BOOT, " and the station has booted since")
        return
    status, job = status_in(event), station.jobs.find(event)
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
        f"{name_of(job)} is {status}{also}, and after {duration(waits)} {ends} has not come", name_of(job)
    )

    def verdict() -> Report | None:
        latest = station.jobs.latest.get(action)
        if latest is None or latest.id != identity or latest.status != status:
            return None
        if not is_here_since(event, station):
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
        f"{name_of(job)} is Installed, and no BootNotification came since it was asked for, nor within"
        f" {duration(_BOOTS_WITHIN * SECOND)} after: is the new firmware in use?",
        f"{name_of(job)} boot",
        INFO,
        (job.call.n,),
    )

    def verdict() -> Report | None:
        return report if is_here_since(event, station) else None

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
    on_call(FIRMWARE, SIGNED_FIRMWARE, "BootNotification"),
    source=part_2("L01.FR.06", "§4.5; errata 3.49"),
    hint="a station that cannot charge meanwhile waits until all transactions have ended",
    needs="session",
)
def installs_while_charging(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.action == "BootNotification":
        _expect_stopped(event, state)
        return None
    status = status_in(event)
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
        cut = [one for one in running if one.is_open or (one.stopped or 0) > began + CLOCKS]
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
    source=f"{WHITEPAPER} L01.FR.20",
    hint="the station answers UpdateFirmware with the CallError NotSupported; the CSMS sends SignedUpdateFirmware",
    needs="session",
    versions=(V16,),
)
def unsigned_update(event: Message, state: SessionState) -> Report | None:
    if event.call is None:
        return None
    signed = state.station.requests.get("SignedUpdateFirmware")
    told_of = state.station.jobs.latest.get(SIGNED_FIRMWARE)
    by = signed.answer if signed is not None else None
    if by is None or by.type != CALLRESULT:
        if told_of is None:
            return None
        proof: tuple[int, ...] = proof_of(told_of)
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
