"""What updates of firmware and uploads of logs have in common: they begin, go on and end as their sequence says.

Sources: as in `tables.firmware`, `rules.firmware` and `rules.logs`.
"""

from collections.abc import Mapping
from typing import Final

from ocppscope.events import Message
from ocppscope.ocpp.lenient import fields, text, whole
from ocppscope.ocpp.times import SECOND, duration
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.registry import WARNING, Report, Severity
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.firmware import (
    BEGINNINGS,
    IDLE,
    REQUEST_OF,
    STATUS_OF,
    Job,
    id_of,
    is_accepted,
    left_out,
    sequence_of,
)
from ocppscope.rules.tables.requests import status_of

FIRMWARE: Final = "FirmwareStatusNotification"
SIGNED_FIRMWARE: Final = "SignedFirmwareStatusNotification"
LOG: Final = "LogStatusNotification"
DIAGNOSTICS: Final = "DiagnosticsStatusNotification"
BEGUN_WITHIN: Final = 600
"""Seconds for a station to tell something of what it has accepted, from when it is to begin."""


_NOUNS: Final[Mapping[str, str]] = {
    FIRMWARE: "update",
    SIGNED_FIRMWARE: "update",
    "PublishFirmwareStatusNotification": "publication",
    LOG: "log",
    DIAGNOSTICS: "upload",
}


def name_of(job: Job) -> str:
    noun = _NOUNS[job.action]
    return f"the {noun}" if job.id is None else f"{noun} {job.id}"


def status_in(event: Message) -> str | None:
    return text(fields(event.payload).get("status"))


def asked_job(event: Message, state: SessionState) -> Job | None:
    """What an answer is about, as it was before that."""
    job = state.station.jobs.asked.get(STATUS_OF.get(event.action or "", ""))
    return job if job is not None and job.call is event.call else None


def is_seen_through(job: Job, event: Message, state: SessionState) -> bool:
    """Whether everything between a job's latest message and this one is in the capture, and could be sent.

    Only messages about transactions and security are kept for later when a station is offline.
    """
    if job.status is not None:
        return job.session == event.session.number and job.n > state.station.missed
    return (
        job.answer is not None and job.answer.session is event.session and job.answer.n > state.station.missed
    )


def is_triggered(job: Job, station: StationState) -> bool:
    """Whether the CSMS has asked for the status since it was told."""
    names = (job.action, FIRMWARE) if job.action == SIGNED_FIRMWARE else (job.action,)
    return any(station.triggered[name].n > job.n for name in names if name in station.triggered)


def is_here_since(event: Message, station: StationState) -> bool:
    """Whether a station has stayed connected since a message, and the capture holds all that it sent."""
    return event.session.number in station.open_sessions and station.missed <= event.n


def proof_of(job: Job) -> tuple[int, ...]:
    """The messages that say how a job stands."""
    return tuple(
        number
        for number in (job.call.n if job.call else 0, job.answer.n if job.answer else 0, job.n)
        if number
    )


# --- one status after the other ---


def out_of_order(event: Message, state: SessionState, left: Severity) -> Report | None:
    """What is wrong with a status after the one before.

    Args:
        event: the message that tells it.
        state: of its session.
        left: the severity where a status between the two was not told.
    """
    status, job = status_in(event), state.station.jobs.find(event)
    sequence = sequence_of(state.session.version, event.action)
    if job is None or status is None or status not in sequence or job.cancelled is not None:
        return None
    if not is_seen_through(job, event, state) or state.station.deliveries.again(event) is not None:
        return None
    if job.status is None and job.repeats is not None:
        goes_on = status == job.repeats or status in sequence.get(job.repeats, ())
        if goes_on:
            return None
    if job.status == "DownloadFailed" and status in BEGINNINGS and _may_retry(job):
        return None
    if status == job.status:
        if status in sequence[status] or is_triggered(job, state.station):
            return None
        return Report(
            f"{name_of(job)}: {status} again", f"{name_of(job)} {status} again", WARNING, events=proof_of(job)
        )
    missing = left_out(sequence, job.status, status)
    if not missing and missing is not None:
        return None
    before = job.status or "its acceptance"
    if missing is None:
        return Report(
            f"{name_of(job)}: {status} after {before}",
            f"{name_of(job)} {status}",
            WARNING,
            events=proof_of(job),
        )
    return Report(
        f"{name_of(job)}: {status} after {before}; {' and '.join(missing)} never came",
        f"{name_of(job)} {status}",
        left,
        events=proof_of(job),
    )


def _may_retry(job: Job) -> bool:
    """Whether the CSMS lets the station try again, as far as the capture shows what it asked."""
    return job.call is None or (whole(job.asked.get("retries")) or 0) > 0


def expect_begin(event: Message, state: SessionState, rule_id: str, seconds: float = 0) -> None:
    """A station that accepts to do something says when it does."""
    job = asked_job(event, state)
    if job is None or job.status is not None or not is_accepted(event, state.session.version):
        return
    report = Report(
        f"{name_of(job)} was accepted, and no {job.action} came within {duration(BEGUN_WITHIN * SECOND)}"
        + (" of when it was to begin" if seconds else ""),
        name_of(job),
        WARNING,
        (event.call.n,) if event.call else (),
    )
    station = state.station

    def verdict() -> Report | None:
        if job.status or job.cancelled or not is_here_since(event, station):
            return None
        if job.action in (FIRMWARE, SIGNED_FIRMWARE) and station.transactions.running():
            return None  # it waits until no one charges
        return report

    expect(state, rule_id, (job.action, job.id), max(seconds, 0) + BEGUN_WITHIN, verdict, event)


def meet_begin(event: Message, state: SessionState, rule_id: str) -> None:
    job = state.station.jobs.find(event)
    if job is not None and status_in(event) != IDLE:
        meet(state.station, rule_id, (job.action, job.id))


# --- which one it is about ---


def wrong_request(event: Message, state: SessionState) -> Report | None:
    """What is wrong with the requestId of a status."""
    payload, action = fields(event.payload), event.action or ""
    status, identity = text(payload.get("status")), id_of(event)
    if status is None or status == IDLE:
        return None
    jobs = state.station.jobs
    latest = jobs.latest.get(action)
    if payload.get("requestId") is None:
        last = f"; {REQUEST_OF[action]} {latest.id} came last" if latest and latest.id is not None else ""
        return Report(
            f"{status} has no requestId{last}", "missing", events=proof_of(latest) if latest else ()
        )
    if identity is None or jobs.find(event) is not None or latest is None or latest.answer is None:
        return None
    if status not in BEGINNINGS and (action == LOG or latest.status is None):
        return None  # one that was asked for before the capture may still come to its end
    is_sure = latest.answer.session is event.session and latest.answer.n > state.station.missed
    if not is_sure or status_of(latest.answer) == "AcceptedCanceled":
        return None
    return Report(
        f"requestId is {identity}, and {REQUEST_OF[action]} said {latest.id}",
        str(identity),
        events=proof_of(latest),
    )
