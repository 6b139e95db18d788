"""WS: the transport, from the HTTP upgrade to the close (section A of the catalogue)."""

import base64
import re
from collections.abc import Mapping
from typing import Final

from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Direction,
    Fault,
    Message,
    Notice,
    Opened,
)
from ocppscope.ocpp.times import MINUTE, SECOND, duration
from ocppscope.ocpp.versions import SUBPROTOCOLS, V2X, V21, V201
from ocppscope.rules.expectations import expect, meet
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Report,
    fault_rule,
    on_call,
    on_event,
    on_fault,
    on_notice,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, ocpp_j, part_2, rfc
from ocppscope.rules.state import SessionState, StationState
from ocppscope.wire.http import parse_head

_ANY = None
_REFUSED_FOR_SUBPROTOCOL = (400, 403, 426)
_LONG_SESSION = 5 * MINUTE
_QUICK_REDIAL = MINUTE
_AT_ONCE = 10 * SECOND


@rule(
    "WS-001",
    "The station offers no OCPP subprotocol",
    ERROR,
    on_event(Opened),
    source="OCPP-J 1.6 §3.1.2; OCPP 2.0.1 and 2.1 part 4 §3.1.2",
    hint=f"set Sec-WebSocket-Protocol in the station's upgrade request to one or more of {', '.join(SUBPROTOCOLS)}",
    versions=_ANY,
)
def no_subprotocol_offered(event: Opened, state: SessionState) -> Report | None:
    if not event.request or SUBPROTOCOLS.keys() & set(event.subprotocols):
        return None
    offered = ", ".join(event.subprotocols)
    seen = f"Sec-WebSocket-Protocol offers {offered}" if offered else "there is no Sec-WebSocket-Protocol"
    return Report(f"the station never offered {event.subprotocol or 'ocpp1.6'}, nor any other OCPP: {seen}")


@rule(
    "WS-002",
    "The CSMS chose a subprotocol that was not offered",
    ERROR,
    on_event(Opened),
    source="RFC 6455 §4.1; OCPP-J 1.6 §3.2",
    hint="choose one of those that the station offers, or leave the header out and close",
    versions=_ANY,
)
def subprotocol_not_offered(event: Opened, state: SessionState) -> Report | None:
    if event.subprotocol is None or not event.request or event.subprotocol in event.subprotocols:
        return None
    offered = ", ".join(event.subprotocols) or "none"
    return Report(f"{event.subprotocol} was chosen, offered: {offered}")


@rule(
    "WS-003",
    "No subprotocol was agreed on",
    WARNING,
    on_event(Opened, Closed),
    source="OCPP-J 1.6 §3.2; OCPP 2.0.1 and 2.1 part 4 §3.2",
    hint="a CSMS that shares no version with the station completes the upgrade without the header, and closes at once",
    versions=_ANY,
)
def no_agreement(event: Opened | Closed, state: SessionState) -> Report | None:
    opened = state.opened
    if opened is None or opened.subprotocol or not opened.request:
        return None
    if isinstance(event, Opened):
        none_known = not SUBPROTOCOLS.keys() & set(opened.subprotocols)
        if none_known and opened.status in _REFUSED_FOR_SUBPROTOCOL:
            return Report(f"refused with status {opened.status} instead of 101 and a close", severity=INFO)
        return None
    if opened.status != 101:
        return None
    if state.messages:
        detail = "the answer to the upgrade names no subprotocol, and OCPP messages went on"
        return Report(detail, severity=ERROR, events=(opened.n,))
    too_early = event.how == "end-of-capture" and _between(opened, event) < _AT_ONCE
    if event.by == "csms" or too_early:
        return None
    return Report("the CSMS accepted the upgrade without a subprotocol and did not close", events=(opened.n,))


def _between(opened: Opened, closed: Closed) -> int:
    return 0 if opened.time is None or closed.time is None else closed.time - opened.time


@rule(
    "WS-004",
    "An upgrade was refused with an unexpected status",
    WARNING,
    on_event(Opened),
    source="OCPP-J 1.6 §3.2; OCPP 2.0.1 and 2.1 part 4 §3.2",
    hint="an unknown identity is answered with 404, wrong credentials with 401; stations need not follow redirects",
    versions=_ANY,
)
def unexpected_status(event: Opened, state: SessionState) -> Report | None:
    if event.status in (None, 101, 401, 404):
        return None
    known = SUBPROTOCOLS.keys() & set(event.subprotocols)
    if not known and event.status in _REFUSED_FOR_SUBPROTOCOL:
        return None  # the subprotocol is the reason: WS-003
    return Report(f"{event.path} got status {event.status}", str(event.status))


@rule(
    "WS-005",
    "The identity is not a valid one",
    ERROR,
    on_event(Opened),
    source="OCPP 2.0.1 and 2.1 part 4 §3.1.1; part 2 A00.FR.204",
    hint="at most 48 characters out of letters, digits and * - _ = + | @ . and no colon",
    versions=_ANY,
)
def invalid_identity(event: Opened, state: SessionState) -> Report | None:
    offers_2x = any(SUBPROTOCOLS.get(name) in V2X for name in event.subprotocols)
    if event.path is None or (event.session.version not in V2X and not offers_2x):
        return None
    identity = event.session.station
    if identity is None:
        return Report(f"the path {event.path} ends without an identity")
    if len(identity) > 48:
        return Report(f"{identity} has {len(identity)} characters")
    odd = re.sub(r"[A-Za-z0-9*\-_=+|@.]", "", identity)
    return Report(f"{identity} contains {' '.join(sorted(set(odd)))}") if odd else None


@rule(
    "WS-006",
    "Identity and user name differ",
    WARNING,
    on_event(Opened),
    source="OCPP-J 1.6 §6.2.1; OCPP 1.6 security whitepaper A00; OCPP 2.0.1 part 2 A00",
    hint="set the user name of HTTP Basic authentication to the station's identity",
    field=INFO,
    versions=_ANY,
)
def identity_is_not_user(event: Opened, state: SessionState) -> Report | None:
    scheme, _, user = (event.auth or "").partition(" ")
    if scheme.lower() != "basic" or event.session.station in (None, user):
        return None
    return Report(f"the path says {event.session.station}, HTTP Basic says {user}")


@rule(
    "WS-007",
    "The connection is not encrypted",
    WARNING,
    on_event(Opened),
    source="OCPP 1.6 security whitepaper §2; OCPP 2.0.1 part 2 A00",
    hint="use wss:// with HTTP Basic (security profile 2) or client certificates (3)",
    field=INFO,
    versions=_ANY,
)
def not_encrypted(event: Opened, state: SessionState) -> Report | None:
    if event.tls is not None or not event.request:
        return None
    if event.auth:
        return Report("the credentials of HTTP Basic go in clear (security profile 1)", "credentials")
    return Report("neither TLS nor credentials")


@rule(
    "WS-008",
    "TLS older than 1.2",
    ERROR,
    on_event(Opened),
    on_notice("tls.old-version"),
    source="OCPP 1.6 security whitepaper A00; OCPP 2.0.1 part 2 A00.FR.313, A00.FR.417",
    hint="allow TLS 1.2 and newer only, on both sides",
    versions=_ANY,
)
def old_tls(event: Opened | Notice, state: SessionState | None = None) -> Report | None:
    if isinstance(event, Notice):
        return Report(event.detail, event.subject)
    if event.tls is None or event.tls.version in (None, "TLSv1.2", "TLSv1.3"):
        return None
    return Report(f"{event.tls.version} was agreed")


MANDATED_SUITES = frozenset(
    {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
    }
)


@rule(
    "WS-009",
    "A cipher suite that OCPP does not name",
    WARNING,
    on_event(Opened),
    source="OCPP 1.6 security whitepaper A00; OCPP 2.0.1 part 2 A00.FR.318, .319, .421, .422",
    hint=f"others are allowed too; both sides must support {', '.join(sorted(MANDATED_SUITES))}",
    field=INFO,
    versions=_ANY,
)
def other_cipher_suite(event: Opened, state: SessionState) -> Report | None:
    tls = event.tls
    if tls is None or tls.version != "TLSv1.2" or tls.cipher is None or tls.cipher in MANDATED_SUITES:
        return None
    return Report(f"{tls.cipher} was agreed")


@rule(
    "WS-010",
    "A station is connected twice",
    WARNING,
    on_event(Opened),
    source="OCPP-J 1.6 §7; heuristic",
    hint="the older connection is likely dead: let the CSMS take the new one, close the old one, and ping",
    needs="session",
    versions=_ANY,
)
def connected_twice(event: Opened, state: SessionState) -> Report | None:
    if event.status in (None, *_REFUSED_FOR_ITS_OWN_SAKE) or event.session.station is None:
        return None
    for other in state.station.open_sessions.values():
        if not isinstance(other, Opened):
            continue
        same_server = _host(other) == _host(event)
        if other.status == 101 and (same_server or event.session.version not in V2X):
            since = (
                ""
                if other.time is None or event.time is None
                else f" after {duration(event.time - other.time)}"
            )
            detail = f"session {other.session.number} of {event.session.station} is still open{since}: " + (
                "the server keeps the dead socket"
                if event.status == 101
                else f"the server rejects the new one with status {event.status}"
            )
            return Report(detail, "" if event.status == 101 else "rejected", events=(other.n,))
    return None


_REFUSED_FOR_ITS_OWN_SAKE: Final = (401, 404)
"""Whatever else is open: WS-029 tells of these."""


@rule(
    "WS-011",
    "The station reconnects without backing off",
    INFO,
    on_event(Opened, Closed),
    source="OCPP-J 1.6 errata 3.4; OCPP 2.0.1 and 2.1 part 4 §5.3",
    hint="wait longer, by a random part too, before each new attempt (RetryBackOffWaitMinimum and its kin)",
    needs="time",
    versions=_ANY,
)
def no_back_off(event: Opened | Closed, state: SessionState) -> Report | None:
    redials, opened = state.station.redials, state.opened
    if isinstance(event, Closed):
        if opened and opened.time and event.time and event.time - opened.time > _LONG_SESSION:
            redials.clear()
        return None
    if event.session.station is None or event.session.late or event.time is None:
        return None
    last_end = state.station.last_end
    if last_end is None or state.station.open_sessions:
        return None
    gap = event.time - last_end
    if gap > _QUICK_REDIAL:
        redials.clear()
        return None
    redials.append((gap, event.n))
    del redials[:-5]
    if len(redials) < 3 or redials[-1][0] > 1.5 * redials[0][0]:
        return None
    gaps = ", ".join(f"{gap / SECOND:.1f} s" for gap, _ in redials)
    return Report(f"attempts followed the end before after {gaps}", events=tuple(n for _, n in redials[:-1]))


@rule(
    "WS-012",
    "BootNotification after a mere reconnect",
    INFO,
    on_call("BootNotification"),
    source=ocpp_j(None, "§5.3"),
    hint="send it after a boot or when its data changed; after a reconnect there is no need",
    needs="session",
    versions=V2X,
)
def boot_after_reconnect(event: Message, state: SessionState) -> Report | None:
    boot, payload = state.station.boot, event.payload
    if state.messages > 1 or not isinstance(boot, dict) or not isinstance(payload, dict):
        return None
    if payload.get("reason") not in (None, "Unknown") or state.session.late:
        return None
    same = {**boot, "reason": None} == {**payload, "reason": None}
    return Report("the same data as before, and no reason that tells of a boot") if same else None


@rule(
    "WS-013",
    "Pings come too seldom for the retries of messages",
    INFO,
    on_event(Control),
    source="OCPP-J 1.6 errata 3.11",
    hint="make WebSocketPingInterval shorter than the attempts for a message times the interval between them",
    needs="time",
    versions=_ANY,
)
def ping_interval(event: Control, state: SessionState) -> Report | None:
    if event.opcode != "ping" or event.direction != FROM_STATION or event.time is None:
        return None
    known = state.station.configuration
    attempts = _number(known.get("TransactionMessageAttempts") or known.get("MessageAttempts"))
    interval = _number(known.get("TransactionMessageRetryInterval") or known.get("MessageAttemptInterval"))
    if state.last_ping is None or not attempts or not interval:
        return None
    between = (event.time - state.last_ping) / SECOND
    if between < attempts * interval:
        return None
    return Report(f"{between:.0f} s between pings; {attempts} attempts, {interval} s apart, are over before")


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch("[0-9]{1,9}", text) else None


fault_rule(
    "WS-014",
    "OCPP in a binary frame, or not in UTF-8",
    WARNING,
    "websocket.binary",
    "websocket.utf8",
    source="OCPP-J 1.6 §4.1.2; OCPP 2.0.1 and 2.1 part 4 §4.1.2",
    hint="send messages as text frames, in UTF-8",
)


@rule(
    "WS-015",
    "The CSMS did not agree to compression",
    INFO,
    on_event(Opened),
    source="OCPP 2.0.1 and 2.1 part 4 §3.3: a CSMS has to support RFC 7692",
    hint="switch permessage-deflate on in the CSMS or its proxy",
    versions=_ANY,
)
def no_compression(event: Opened, state: SessionState) -> Report | None:
    offered = "permessage-deflate" in (event.offered_extensions or "")
    if event.status != 101 or not offered or "permessage-deflate" in (event.extensions or ""):
        return None
    return Report("the station offered permessage-deflate")


@rule(
    "WS-016",
    "The station connects to a new CSMS before it leaves the old one",
    ERROR,
    on_event(Opened),
    source=part_2("B10.FR.06"),
    hint="close the connection to the old CSMS first",
    needs="session",
    versions=(V201, V21),
)
def two_servers(event: Opened, state: SessionState) -> Report | None:
    if event.status != 101 or event.session.station is None:
        return None
    for other in state.station.open_sessions.values():
        if isinstance(other, Opened) and other.status == 101 and _host(other) != _host(event):
            detail = f"{_host(event)} while session {other.session.number} to {_host(other)} is open"
            return Report(detail, events=(other.n,))
    return None


def _host(event: Opened) -> str:
    """The CSMS by name: behind one name there may be several addresses."""
    head = parse_head(event.request)
    return (head.get("host") if head else None) or event.session.server


@rule(
    "WS-029",
    "The CSMS refused the station",
    INFO,
    on_event(Opened),
    source="OCPP-J 1.6 §3.2, §6.2; OCPP 2.0.1 and 2.1 part 4 §3.2, part 2 A00",
    hint="401: compare the station's password with the CSMS's; 404: register this identity, or mend the URL's path",
    versions=_ANY,
)
def refused(event: Opened, state: SessionState) -> Report | None:
    if event.status not in _REFUSED_FOR_ITS_OWN_SAKE:
        return None
    identity = event.session.station
    who = f"identity {identity}" if identity else "no identity"
    why = _why_unauthorized(event) if event.status == 401 else _why_unknown(event)
    return Report(f"{event.path} ({who}) got status {event.status}: {why}", str(event.status))


def _why_unauthorized(event: Opened) -> str:
    scheme, _, user = (event.auth or "").partition(" ")
    if not event.request:
        return "wrong or missing credentials"
    if not event.auth:
        return "the station sent no credentials"
    if scheme.lower() != "basic":
        return f"the station sent credentials of the scheme {scheme}"
    return f"the station's user name is {user!r}; it, or the password, is not the CSMS's"


def _why_unknown(event: Opened) -> str:
    segments = [part for part in (event.path or "").partition("?")[0].split("/") if part]
    if len(segments) > 1 and segments[-1] == segments[-2]:
        return "the identity stands twice in the path: the station puts it behind the URL by itself"
    return "unknown identity or path"


fault_rule(
    "WS-017",
    "A frame is masked wrongly",
    ERROR,
    "websocket.unmasked",
    "websocket.masked",
    source=rfc(6455, "5.1"),
    hint="a client masks every frame, a server none; a peer that is strict closes with 1002",
)
fault_rule(
    "WS-018",
    "A reserved bit is set that no extension agreed on",
    ERROR,
    "websocket.rsv",
    source=rfc(6455, "5.2"),
    hint="set RSV1 only where permessage-deflate was agreed, and then on a message's first frame only",
)
fault_rule(
    "WS-019",
    "A reserved opcode",
    ERROR,
    "websocket.reserved-opcode",
    source=rfc(6455, "5.2"),
    hint="only 0, 1, 2, 8, 9 and 10 are defined",
)
fault_rule(
    "WS-020",
    "A control frame is too long or fragmented",
    ERROR,
    "websocket.control-too-long",
    "websocket.control-fragmented",
    source=rfc(6455, "5.5"),
    hint="control frames carry at most 125 bytes, in one frame",
)
fault_rule(
    "WS-021",
    "Fragments do not fit together",
    ERROR,
    "websocket.continuation",
    "websocket.interleaved",
    source=rfc(6455, "5.4"),
    hint="a message is one frame, or a first frame and continuations up to FIN; only control frames come between",
)
fault_rule(
    "WS-022",
    "A close code or payload that is not allowed",
    ERROR,
    "websocket.close-code",
    "websocket.close-payload",
    source="RFC 6455 §5.5.1, §7.4",
    hint="close with 1000, 1001 or another registered code, or with 3000 to 4999",
)
fault_rule(
    "WS-023",
    "Invalid UTF-8",
    ERROR,
    "websocket.utf8",
    source=rfc(6455, "8.1"),
    hint="encode text as UTF-8; names and logs in other encodings are the usual cause",
)


@rule(
    "WS-024",
    "A handshake header is missing or wrong",
    ERROR,
    on_fault("http.request-header", "http.response-header", "http.key-reused"),
    source="RFC 6455 §4.1, §4.2.2",
    hint="a strict peer, or a proxy between them, refuses such a handshake",
    versions=_ANY,
)
def handshake_header(event: Opened, state: SessionState, fault: Fault) -> Report:
    who = "CSMS" if fault.kind == "http.response-header" else "station"
    section = "4.2.2" if fault.kind == "http.response-header" else "4.1"
    detail = f"the {who}'s handshake: {fault.detail}"
    if fault.subject == "target" and re.match("https?://", event.path or ""):
        detail += "; an absolute http URI is allowed, and many servers read no identity out of it"
        return Report(detail, fault.subject, WARNING, source=rfc(6455, section))
    return Report(detail, fault.subject, source=rfc(6455, section))


fault_rule(
    "WS-025",
    "A message is too big",
    ERROR,
    "websocket.too-big",
    source="heuristic: RFC 6455 §10.4 has each side limit what it takes",
    hint="raise --max-message if it is meant; otherwise look for a decompression bomb or a wrong length",
)
fault_rule(
    "WS-026",
    "A frame's length is not written in the fewest bytes",
    ERROR,
    "websocket.length",
    source=rfc(6455, "5.2"),
    hint="up to 125 bytes in the first length byte, up to 65,535 in two more, beyond that in eight",
)
fault_rule(
    "WS-027",
    "A frame after the Close",
    ERROR,
    "websocket.after-close",
    source=rfc(6455, "5.5.1"),
    hint="a Close is the last frame that a side sends",
)
fault_rule(
    "WS-028",
    "Bytes that are no WebSocket frame",
    ERROR,
    "websocket.no-frame",
    source=rfc(6455, "5.2"),
    hint="something wrote to the socket besides the WebSocket library; a peer closes with 1002",
)


# --- what is seen in the field ---


@rule(
    "WS-030",
    "The OCPP version changed between connections",
    INFO,
    on_event(Opened),
    source=HEURISTIC,
    hint="a peer that cached the old version goes on speaking it: let it take the one agreed for each connection",
    needs="session",
    versions=_ANY,
)
def version_changed(event: Opened, state: SessionState) -> Report | None:
    if event.status != 101 or event.subprotocol is None or event.session.station is None:
        return None
    noted = state.station.noted
    before = noted.get("WS-030")
    noted["WS-030"] = event.subprotocol, event.session.number, event.n
    if before is None or before[0] == event.subprotocol:
        return None
    noted["WS-030 before"] = before
    known, number, n = before
    return Report(f"session {number} agreed on {known}, this one on {event.subprotocol}", events=(n,))


@rule(
    "WS-031",
    "The handshake has an Origin",
    INFO,
    on_event(Opened),
    source="RFC 6455 §4.1, §10.2; RFC 6454 §6.2",
    hint="only browsers need an Origin: leave it out in the station, or let the CSMS take requests of any origin",
    versions=_ANY,
)
def has_origin(event: Opened, state: SessionState) -> Report | None:
    if b"rigin" not in event.request and b"RIGIN" not in event.request:
        return None
    head = parse_head(event.request)
    origin = head.get("origin") if head else None
    if origin is None:
        return None
    refused_for_it = event.status is not None and event.status >= 400 and event.status not in (401, 404)
    odd = "" if _ORIGIN.fullmatch(origin) else ", which is no origin (scheme://host)"
    if refused_for_it:
        return Report(
            f"Origin is {origin}{odd}; the CSMS refused with status {event.status}", severity=WARNING
        )
    return Report(f"Origin is {origin}{odd}") if odd else None


_ORIGIN: Final = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+")


@rule(
    "WS-032",
    "The path does not name the station as it should",
    WARNING,
    on_event(Opened),
    source="OCPP-J 1.6 §3.1.1; OCPP 2.0.1 and 2.1 part 4 §3.1.1; RFC 3986 §3.3",
    hint="the last segment of the station's URL is its identity, percent-encoded where URLs ask for it",
    versions=_ANY,
)
def unnamed_by_path(event: Opened, state: SessionState) -> Report | None:
    if event.path is None:
        return None
    identity = event.session.station
    segment = event.path.partition("?")[0].rpartition("/")[2]
    if identity is None:
        offers_2x = any(SUBPROTOCOLS.get(name) in V2X for name in event.subprotocols)
        if event.session.version in V2X or offers_2x:
            return None  # WS-005
        return Report(
            f"the last segment of the path {event.path!r} is empty: no identity can be read out of it"
        )
    if _SEGMENT.fullmatch(segment):
        return None
    return Report(
        f"the path {event.path!r} is not percent-encoded; the identity read out of it is {identity!r}"
    )


_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*")


@rule(
    "WS-033",
    "A certificate is not trusted",
    WARNING,
    on_notice("tls.not-trusted"),
    source="RFC 8446 §6.2; RFC 5246 §7.2.2",
    hint="install the root on the side that refuses, let the other one send its whole chain, and set both clocks",
    versions=_ANY,
)
def not_trusted(event: Notice) -> Report:
    return Report(event.detail, event.subject)


@rule(
    "WS-034",
    "TLS spoken to a plain port",
    WARNING,
    on_notice("tls.plain-port"),
    source=HEURISTIC,
    hint="give the station a ws:// URL, or the port where the CSMS speaks TLS",
    versions=_ANY,
)
def tls_to_plain_port(event: Notice) -> Report:
    return Report(event.detail, event.subject)


@rule(
    "WS-035",
    "A password of hexadecimal digits is refused",
    WARNING,
    on_event(Opened, Closed),
    source="OCPP-J 1.6 §6.2.1; heuristic",
    hint="decode AuthorizationKey to its 16 to 20 bytes for HTTP Basic, or let the CSMS take the digits as they are",
    versions=_ANY,
)
def hexadecimal_password(event: Opened | Closed, state: SessionState) -> Report | None:
    opened = state.opened
    if opened is None or not opened.auth or not opened.request:
        return None
    if isinstance(event, Opened):
        how = f"status {event.status}" if event.status in (401, 403) else ""
    else:
        silent = state.messages <= 1 and opened.status in (None, 101) and event.by == "csms"
        how = "a close without a message" if silent and _between(opened, event) < _AT_ONCE else ""
    size = _hex_digits(opened.request) if how else 0
    if not size:
        return None
    return Report(
        f"the password of {opened.auth.partition(' ')[2]} is {size} hexadecimal digits,"
        f" and the CSMS answered with {how}",
        events=(opened.n,),
    )


def _hex_digits(request: bytes) -> int:
    """How many digits a password has that is nothing but 32 to 40 of them; what it is goes nowhere."""
    head = parse_head(request)
    scheme, _, credentials = (head.get("authorization") or "" if head else "").strip().partition(" ")
    try:
        password = base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return 0
    return len(password) if scheme.lower() == "basic" and _HEX_KEY.fullmatch(password) else 0


_HEX_KEY: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
_ENDS: Final = 3
"""How many ends in a row make a habit."""
_IDLE: Final = 10 * SECOND
_PROPER: Final = (1000, 1001)
_SIDES: Final[Mapping[Direction, str]] = {FROM_STATION: "station", FROM_CSMS: "CSMS"}


@rule(
    "WS-036",
    "Connections end after the same time of silence, again and again",
    WARNING,
    on_event(Closed),
    source=HEURISTIC,
    hint="raise the idle timeout of the side that closes, or of the proxy before it: a server's to 3 x heartbeat",
    needs="time",
    versions=_ANY,
)
def idle_timeout(event: Closed, state: SessionState) -> Report | None:
    if event.by is None or event.time is None or state.is_partial:
        return None
    if event.by == "station" and event.how == "close" and event.code in _PROPER:
        return None
    silence = _silence(event, state)
    station = state.station
    row: list[tuple[int, int, str]] = station.noted.setdefault("WS-036", [])
    row.append((silence or 0, event.n, event.by))
    del row[:-20]
    alike = 0
    for one, _, by in reversed(row):
        if by != event.by or not silence or abs(one - silence) > max(SECOND, silence // 50):
            break
        alike += 1
    if alike < _ENDS or not silence or silence < _IDLE:
        return None
    interval = station.registration.interval or station.number("HeartbeatInterval")
    heartbeat = f"; the heartbeat interval is {interval} s" if interval else ""
    return Report(
        f"the {_name(event)} ended {alike} connections in a row, each {silence / SECOND:.0f} s after"
        f" the last frame of the station{heartbeat}",
        event.by,
        events=tuple(n for _, n, _ in row[-alike:-1]),
    )


def _silence(event: Closed, state: SessionState) -> int | None:
    """How long the station had sent nothing, in ns."""
    opened = state.opened.time if state.opened else None
    heard = [time for time in (opened, state.heard, state.last_control) if time is not None]
    return event.time - max(heard) if heard and event.time is not None else None


def _name(event: Closed) -> str:
    return {"csms": "CSMS", "station": "station"}.get(event.by or "", "")


_CODES: Final[Mapping[int, str]] = {
    1000: "normal",
    1001: "going away",
    1002: "protocol error",
    1003: "unacceptable data",
    1007: "invalid payload",
    1008: "policy violation",
    1009: "message too big",
    1010: "extension missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
}
"""RFC 6455 §7.4.1 and IANA's registry of WebSocket close codes."""
_HOW: Final = {"fin": "without a Close (FIN)", "rst": "with a reset (RST)"}


def _ending(event: Closed) -> str:
    """Who ended a connection first, and how."""
    if event.how == "end-of-capture":
        return "the capture ends"
    who = _name(event)
    if event.how != "close":
        return f"the {who} ended it {_HOW[event.how]}" if who else "it ended without a Close"
    meaning = f", {_CODES[event.code]}" if event.code is not None and event.code in _CODES else ""
    reason = f": {event.reason[:80]!r}" if event.reason else ""
    code = f"code {event.code}{meaning}{reason}" if event.code is not None else "no code"
    return f"the {who} closed first ({code})" if who else f"it was closed ({code})"


@rule(
    "WS-037",
    "A connection was not closed properly",
    INFO,
    on_event(Closed),
    source="RFC 6455 §7.1.1, §7.4.1",
    hint="ask the side that ended it: a FIN or RST without a Close means a crash, a proxy or the network between",
    needs="session",
    versions=_ANY,
)
def not_closed_properly(event: Closed, state: SessionState) -> Report | None:
    opened = state.opened
    if opened is None or opened.status != 101 or event.how == "end-of-capture" or event.by is None:
        return None
    if event.how == "close" and (event.code in (None, *_PROPER) or (event.code or 0) >= 3000):
        return None
    silence = _silence(event, state)
    since = "" if silence is None else f", {duration(silence)} after the last frame of the station"
    return Report(f"{_ending(event)}{since}")


_AWAY: Final = 2 * MINUTE
_GONE: Final = 5 * MINUTE


@rule(
    "WS-038",
    "The station stays away for long",
    INFO,
    on_event(Opened, Closed),
    source="OCPP-J 1.6 errata 3.4; OCPP 2.0.1 and 2.1 part 4 §5.3; heuristic",
    hint="a station redials after each end, also after a Close: look at its back-off, its network and its power",
    needs="time",
    versions=_ANY,
)
def stays_away(event: Opened | Closed, state: SessionState) -> Report | None:
    station = state.station
    if event.session.station is None:
        return None
    if isinstance(event, Closed):
        others = any(number != event.session.number for number in station.open_sessions)
        if event.how != "end-of-capture" and not others:
            number, ending = event.session.number, _ending(event)
            station.noted["WS-038"] = number, ending, event.n
            report = Report(f"not back {duration(_GONE)} after session {number}: {ending}")
            expect(state, "WS-038", "back", _GONE / SECOND, report, event, while_away=True)
        return None
    meet(station, "WS-038", "back")
    return _redial(event, station)


def _redial(event: Opened, station: StationState) -> Report | None:
    before, end = station.noted.pop("WS-038", None), station.last_end
    if before is None or end is None or event.time is None or event.session.late or station.open_sessions:
        return None
    if event.time - end < _AWAY:
        return None
    number, ending, n = before
    return Report(f"it redialled {duration(event.time - end)} after session {number}: {ending}", events=(n,))


_PONG_WITHIN: Final = 10 * SECOND
_DROPPED_WITHIN: Final = 2 * SECOND


@rule(
    "WS-039",
    "A ping got no pong",
    WARNING,
    on_event(Closed),
    source=rfc(6455, "5.5.2"),
    hint="the side that was pinged has to answer; until it does, let the other one not ping (WebSocketPingInterval 0)",
    needs="time",
    versions=_ANY,
)
def no_pong(event: Closed, state: SessionState) -> Report | None:
    is_of_packets = bool(event.session.client or event.session.server)  # logs need not show pongs
    if event.time is None or state.is_partial or state.heard is None or not is_of_packets:
        return None
    for pinger, ping in state.pings.items():
        waited = event.time - (ping.time or event.time)
        pinged = _SIDES[FROM_STATION if pinger == FROM_CSMS else FROM_CSMS]
        if waited >= _PONG_WITHIN:
            detail = f"the {pinged} did not answer the ping of {duration(waited)} before; {_ending(event)}"
            return Report(detail, pinged, events=(ping.n,))
        if event.how in ("fin", "rst") and _name(event) == pinged and waited <= _DROPPED_WITHIN:
            drops: list[int] = state.station.noted.setdefault(("WS-039", pinged), [])
            drops.append(ping.n)
            del drops[:-20]
            if len(drops) >= _ENDS:
                detail = (
                    f"{len(drops)} times the {pinged} ended the connection at a ping, instead of answering it"
                )
                return Report(detail, f"{pinged} drops", events=tuple(drops))
    return None
