"""CAP: what the capture itself does not hold, or what had to be assumed of it."""

from ocppscope.events import Closed, Gap, Notice, Opened, Session
from ocppscope.ocpp.versions import JUDGED
from ocppscope.rules.registry import (
    INFO,
    WARNING,
    Report,
    fault_rule,
    on_event,
    on_notice,
    on_second_sighting,
    rule,
)
from ocppscope.rules.sources import HEURISTIC
from ocppscope.rules.state import SessionState


def _ends(session: Session) -> str:
    """Its two ends; logs and traces show no addresses, there it is the station."""
    if session.client or session.server:
        return f"{session.client or '?'} → {session.server or '?'}"
    return session.station or "a station without a name"


def _is_of_packets(session: Session) -> bool:
    """Whether addresses are known of it: logs and traces have none."""
    return bool(session.client or session.server)


@rule(
    "CAP-001",
    "Bytes were lost",
    WARNING,
    on_event(Gap),
    source=HEURISTIC,
    hint="capture nearer to the station or the CSMS, with a larger buffer (tcpdump -B) and no snap length",
    needs="session",
    versions=None,
)
def bytes_lost(event: Gap, state: SessionState) -> Report | None:
    if not _is_of_packets(event.session):
        return None
    who = "station" if event.direction == "cp-to-csms" else "CSMS"
    if event.size is None:
        return Report(
            f"bytes that the {who} sent are not in the capture, nobody knows how many", event.direction
        )
    return Report(
        f"{{amount}} bytes that the {who} sent are not in the capture", event.direction, amount=event.size
    )


@rule(
    "CAP-002",
    "The session began before it was captured",
    INFO,
    on_event(Opened),
    source=HEURISTIC,
    hint="start the capture before the station connects; rules that need the start keep quiet",
    needs="session",
    versions=None,
)
def starts_late(event: Opened, state: SessionState) -> Report | None:
    if not event.session.late:
        return None
    if event.status is not None:
        return Report(f"{_ends(event.session)} goes on from an earlier recording")
    what = "the answer to the upgrade" if event.path else "the handshake"
    return Report(f"{what} of {_ends(event.session)} is not in the capture")


@rule(
    "CAP-003",
    "One session was captured twice",
    INFO,
    on_second_sighting(),
    source="RFC 6455 §4.1: the Sec-WebSocket-Key is random for each connection",
    hint="nothing to do: it is judged once; capture on one interface to see it once",
    needs="session",
    versions=None,
)
def seen_twice(event: Opened, state: SessionState) -> Report:
    session = event.session
    return Report(
        f"{_ends(session)} has the Sec-WebSocket-Key of session {session.duplicate_of}: "
        "the same session, seen on another interface or behind a proxy"
    )


@rule(
    "CAP-004",
    "TLS without the keys to read it",
    WARNING,
    on_notice("tls.unreadable"),
    source=HEURISTIC,
    hint="let one side write its keys (SSLKEYLOGFILE) for --keylog; an RSA key exchange opens with --tls-key",
    versions=None,
)
def unreadable_tls(event: Notice) -> Report:
    return Report(event.detail, event.subject)


fault_rule(
    "CAP-005",
    "Compressed messages cannot be read",
    WARNING,
    "deflate.lost",
    "deflate.broken",
    source="RFC 7692 §7.1.1: with context takeover each message is compressed against those before it",
    hint="capture from the start without loss, or turn permessage-deflate (or its context takeover) off",
    needs="session",
)


@rule(
    "CAP-006",
    "The OCPP version was assumed",
    INFO,
    on_event(Closed),
    source=HEURISTIC,
    hint="capture the handshake, or make both sides agree on a subprotocol",
    needs="session",
    versions=None,
)
def version_assumed(event: Closed, state: SessionState) -> Report | None:
    session = event.session
    if session.version_inferred:
        return Report(f"no subprotocol was agreed or seen; the messages are those of OCPP {session.version}")
    if session.version is None and state.messages:
        return Report("no subprotocol was agreed or seen, and the messages fit several versions")
    return None


@rule(
    "CAP-007",
    "The capture has no times",
    INFO,
    on_event(Opened, Closed),
    source=HEURISTIC,
    hint="log with date, time and zone; rules that need times keep quiet",
    needs="session",
    versions=None,
)
def no_times(event: Opened | Closed, state: SessionState) -> Report | None:
    if event.time is not None or (isinstance(event, Closed) and state.opened is not None):
        return None  # what a log does not show the beginning of is told at its end
    return Report("latency, time-outs and clocks cannot be judged")


@rule(
    "CAP-008",
    "A WebSocket that is not OCPP",
    INFO,
    on_notice("websocket.not-ocpp"),
    source=HEURISTIC,
    hint="nothing to do: it is left alone",
    versions=None,
)
def not_ocpp(event: Notice) -> Report:
    return Report(event.detail, event.subject)


@rule(
    "CAP-009",
    "The file is damaged",
    WARNING,
    on_notice("file.damaged"),
    source=HEURISTIC,
    hint="what was read before that place is judged; capture again, or stop the writer before copying the file",
    versions=None,
)
def damaged_file(event: Notice) -> Report:
    return Report(event.detail)


@rule(
    "CAP-010",
    "Packets of a link type that is not supported",
    WARNING,
    on_notice("link.unsupported"),
    source=HEURISTIC,
    hint="capture on an Ethernet, loopback, cooked or raw IP interface",
    versions=None,
)
def unsupported_link(event: Notice) -> Report:
    return Report(event.detail, event.subject)


@rule(
    "CAP-011",
    "A version without rules",
    INFO,
    on_event(Opened),
    source=HEURISTIC,
    hint="only the framing of its messages is judged",
    needs="session",
    versions=None,
)
def not_judged(event: Opened, state: SessionState) -> Report | None:
    version = event.session.version
    return None if version is None or version in JUDGED else Report(f"OCPP {version} was agreed")


@rule(
    "CAP-012",
    "Something was made to go wrong on purpose",
    INFO,
    on_notice("record.fault"),
    source=HEURISTIC,
    hint="`record --fault` did it: findings about what follows may be its doing, not the peers'",
    versions=None,
)
def put_in(event: Notice) -> Report:
    return Report(event.detail, event.subject)


@rule(
    "CAP-013",
    "What the input does not say was assumed",
    INFO,
    on_notice("text.assumed"),
    source=HEURISTIC,
    hint="say what is known better: --assume-tz, --as-logged-by, --name-station; or log it",
    versions=None,
)
def assumed(event: Notice) -> Report | None:
    # Of the version CAP-006 tells, of each session by itself.
    return None if event.subject.endswith(": version") else Report(event.detail, event.subject)


@rule(
    "CAP-014",
    "The log leaves messages out",
    WARNING,
    on_event(Gap),
    source=HEURISTIC,
    hint="log what shows messages whole: of Python's ocpp the logger `ocpp` at INFO, as websockets shortens them",
    needs="session",
    versions=None,
)
def left_out_of_log(event: Gap, state: SessionState) -> Report | None:
    if _is_of_packets(event.session):
        return None
    who = "station" if event.direction == "cp-to-csms" else "CSMS"
    if event.size is None:
        return Report(f"a message that the {who} sent is not shown whole", event.direction)
    return Report(
        f"messages that the {who} sent, of {{amount}} bytes, are not shown whole",
        event.direction,
        amount=event.size,
    )


@rule(
    "CAP-015",
    "A record of the trace contradicts its raw",
    WARNING,
    on_notice("trace.contradiction"),
    source="Open OCPP Trace v1.1: raw is authoritative",
    hint="nothing to do here: raw was judged; the program that wrote the trace has to write both from one message",
    versions=None,
)
def contradiction(event: Notice) -> Report:
    return Report(event.detail, event.subject)


@rule(
    "CAP-016",
    "A record of the trace holds no message",
    WARNING,
    on_notice("trace.no-message"),
    source=HEURISTIC,
    hint="the program that wrote the trace has to put the OCPP-J array into the record, in `raw`",
    versions=None,
)
def no_message(event: Notice) -> Report:
    return Report(event.detail, event.subject)
