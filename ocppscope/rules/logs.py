"""LOG: diagnostics and logs (section M of the catalogue).

LOG-006 says what the field adds: statuses that are told again.

Sources: OCPP 1.6 edition 2 §4.4, §5.9; OCPP 1.6 security whitepaper edition 3, N01; OCPP 2.0.1 and 2.1 part 2, use
case N01.
"""

from typing import Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, text, whole
from ocppscope.ocpp.times import DAY, HOUR, MINUTE, SECOND, duration
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.jobs import (
    DIAGNOSTICS,
    LOG,
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
from ocppscope.rules.sources import HEURISTIC, part_2, whitepaper
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.firmware import (
    ENDS,
    IDLE,
    Job,
    id_of,
    left_out,
    sequence_of,
)
from ocppscope.rules.tables.requests import asked, status_of

# --- diagnostics and logs ---

_UPLOADED_WITHIN: Final = HOUR
_RESUMES_WITHIN: Final = 10 * MINUTE


def _retries(job: Job) -> int:
    """How long the retries that the CSMS asked for may take, in ns."""
    retries, interval = whole(job.asked.get("retries")), whole(job.asked.get("retryInterval"))
    return min(max(retries or 0, 0) * max(interval or 0, 0) * SECOND, 7 * DAY)


def _expect_uploaded(event: Message, state: SessionState, rule_id: str, end: str) -> None:
    """The end of an upload that has begun."""
    station, status = state.station, status_in(event)
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
        f"{name_of(job)} is Uploading, and after {duration(waits)} {end} has not come",
        name_of(job),
        WARNING,
        proof_of(job),
    )

    def verdict() -> Report | None:
        latest = station.jobs.latest.get(action)
        is_going_on = latest is not None and latest.id == identity and not latest.is_over
        return report if is_going_on and is_here_since(event, station) else None

    expect(state, rule_id, (job.action, job.id, "end"), waits / SECOND, verdict, event)


@rule(
    "LOG-001",
    "The statuses of an upload of diagnostics are not in order",
    WARNING,
    on_call(DIAGNOSTICS),
    on_answer("GetDiagnostics"),
    source="OCPP 1.6 §4.4, §5.9",
    hint="where the station names a file, it tells Uploading and then Uploaded or UploadFailed; else nothing",
    needs="session",
    versions=(V16,),
)
def diagnostics_out_of_order(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        expect_begin(event, state, "LOG-001")
        return None
    meet_begin(event, state, "LOG-001")
    _expect_uploaded(event, state, "LOG-001", "Uploaded or UploadFailed")
    found = out_of_order(event, state, WARNING)
    return found or _not_asked_for(event, state)


def _not_asked_for(event: Message, state: SessionState) -> Report | None:
    station, status = state.station, status_in(event)
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
    on_call(LOG),
    source=whitepaper("N01.FR.07, N01.FR.08, N01.FR.12", "N01.FR.07, N01.FR.08, N01.FR.13"),
    hint="the station repeats the requestId of GetLog, and tells Uploading when it begins",
    needs="session",
)
def wrong_log(event: Message, state: SessionState) -> Report | None:
    station, status = state.station, status_in(event)
    trigger, latest = station.triggered.get(LOG), station.jobs.latest.get(LOG)
    is_over = latest is None or latest.is_over
    if not (trigger is not None and is_over and id_of(event) is None):
        found = wrong_request(event, state)
        if found is not None:
            return found
    job = station.jobs.find(event)
    if job is None or status is None or job.status is not None or not is_seen_through(job, event, state):
        return None
    if job.repeats is not None or not left_out(sequence_of(state.session.version, LOG), None, status):
        return None
    return Report(
        f"{name_of(job)}: {status}, and Uploading never came", f"{name_of(job)} begin", events=proof_of(job)
    )


_LOG_ENDS: Final = "Uploaded or a failure"


@rule(
    "LOG-003",
    "The end of an upload of a log is not told",
    ERROR,
    on_call(LOG),
    on_answer("GetLog"),
    source=whitepaper("N01.FR.09, N01.FR.10", "N01.FR.09, N01.FR.10"),
    hint="the station tells Uploaded, or why it failed: UploadFailure, BadMessage, PermissionDenied …",
    needs="session",
)
def log_without_end(event: Message, state: SessionState) -> Report | None:
    if event.call is not None:
        expect_begin(event, state, "LOG-003")
        return None
    meet_begin(event, state, "LOG-003")
    _expect_uploaded(event, state, "LOG-003", _LOG_ENDS)
    if status_in(event) != IDLE:
        return None
    job = state.station.jobs.latest.get(LOG)
    if job is None or job.status != "Uploading" or job.cancelled is not None:
        return None
    if not is_seen_through(job, event, state):
        return None
    meet(state.station, "LOG-003", (job.action, job.id, "end"))
    return Report(
        f"Idle, where {name_of(job)} was Uploading; {_LOG_ENDS} never came",
        name_of(job),
        events=proof_of(job),
    )


_CANCELED_WITHIN: Final = 60


@rule(
    "LOG-004",
    "A second GetLog during an upload does not cancel the first",
    WARNING,
    on_answer("GetLog"),
    on_call(LOG),
    source=whitepaper("N01.FR.11", "N01.FR.12, N01.FR.20"),
    hint="the station answers AcceptedCanceled; in 2.x it then tells AcceptedCanceled for the upload that it canceled",
    needs="session",
)
def second_log(event: Message, state: SessionState) -> Report | None:
    station = state.station
    if event.call is None:
        if status_in(event) in ENDS[LOG]:
            meet(station, "LOG-004", id_of(event))
        return None
    before, status = station.jobs.latest.get(LOG), status_of(event)
    if before is None or before.status != "Uploading" or before.cancelled is not None:
        return None
    if not is_seen_through(before, event, state) or before.n > event.call.n or before.id is None:
        return None
    if before.id == id_of(event.call):
        return None  # the same is asked for again
    if status == "AcceptedCanceled" and state.session.version != V16:
        report = Report(
            f"{name_of(before)} was canceled, and no LogStatusNotification AcceptedCanceled came for it within"
            f" {_CANCELED_WITHIN} s",
            name_of(before),
            events=proof_of(before),
        )

        def verdict() -> Report | None:
            return report if is_here_since(event, station) else None

        expect(state, "LOG-004", before.id, _CANCELED_WITHIN, verdict, event)
    if status != "Accepted":
        return None
    is_same = before.asked.get("logType") == asked(event).get("logType")
    return Report(
        f"Accepted, where {name_of(before)} was Uploading",
        f"{name_of(before)} accepted",
        None if is_same else INFO,  # logs of two kinds might go side by side
        events=(*proof_of(before), event.call.n),
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
    on_call(LOG),
    source=HEURISTIC,
    hint="the station tells each status once, and nothing more after the end",
    needs="session",
)
def log_again(event: Message, state: SessionState) -> Report | None:
    job = state.station.jobs.find(event)
    if job is None or job.status is None:
        return None
    return out_of_order(event, state, WARNING)
