"""WS: the transport, from the HTTP upgrade to the close (section A of the catalogue)."""

import re

from ocppscope.events import FROM_STATION, Closed, Control, Fault, Message, Notice, Opened
from ocppscope.ocpp.times import MINUTE, SECOND
from ocppscope.ocpp.versions import SUBPROTOCOLS, V2X, V21, V201
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
from ocppscope.rules.sources import ocpp_j, part_2, rfc
from ocppscope.rules.state import SessionState
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
    return Report(
        f"Sec-WebSocket-Protocol offers {offered}" if offered else "there is no Sec-WebSocket-Protocol"
    )


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
    hint="the older connection is likely dead: let the CSMS close it when the station connects anew, and ping",
    needs="session",
    versions=_ANY,
)
def connected_twice(event: Opened, state: SessionState) -> Report | None:
    if event.status != 101 or event.session.station is None:
        return None
    for other in state.station.open_sessions.values():
        same_server = _host(other) == _host(event)
        if other.status == 101 and (same_server or event.session.version not in V2X):
            detail = f"session {other.session.number} of {event.session.station} is still open"
            return Report(detail, events=(other.n,))
    return None


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
        if other.status == 101 and _host(other) != _host(event):
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
    why = {401: "wrong or missing credentials", 404: "unknown identity or path"}.get(event.status or 0)
    who = f"identity {event.session.station}" if event.session.station else "no identity"
    return (
        Report(f"{event.path} ({who}) got status {event.status}: {why}", str(event.status)) if why else None
    )


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
    return Report(f"the {who}'s handshake: {fault.detail}", fault.subject, source=rfc(6455, section))


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
