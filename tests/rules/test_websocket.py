import base64

import pytest

from ocppscope.events import Fault, Tls
from ocppscope.ocpp.versions import SUBPROTOCOLS
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    HEARTBEAT,
    HEARTBEAT_ANSWER,
    ask,
    call,
    case,
    closed,
    damaged,
    faulty,
    findings_of,
    judged,
    notice,
    opened,
    ping,
)

E, W, I = "error", "warning", "info"
FINE = [HEARTBEAT, HEARTBEAT_ANSWER]
REFUSED = {"status": 404, "subprotocol": None}
OTHER_SUITE = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"
DEFLATE = "permessage-deflate; client_max_window_bits"


def redials(*gaps, last_lasts="1s", **options):
    pieces = [opened(**options), closed("csms", "fin", None)]
    for seconds in gaps:
        pieces += [f"+{seconds}s", opened(**options), f"+{last_lasts}", closed("csms", "fin", None)]
    return pieces


def configured(*entries):
    known = [{"key": key, "readonly": False, "value": value} for key, value in entries]
    return ask("c", "GetConfiguration", {}, {"configurationKey": known}, "<")


PINGED = [ping(), "+0.1s", ping("<", "pong")]
RETRIES = configured(("TransactionMessageAttempts", "3"), ("TransactionMessageRetryInterval", "20"))


def head(*lines):
    first = "GET /ocpp/CP001 HTTP/1.1", "Host: csms", *lines
    return ("\r\n".join(first) + "\r\n\r\n").encode()


def basic(password):
    credentials = base64.b64encode(f"CP001:{password}".encode("latin-1")).decode()
    return head(f"Authorization: Basic {credentials}")


def idle(*seconds, by="csms", how="close"):
    """Sessions that end after so much silence."""
    return [
        [
            opened(),
            ask(f"{at} {by}", "Heartbeat", {}, {"currentTime": CURRENT}),
            f"+{one}s",
            closed(by, how, 1000 if how == "close" else None),
            "+5s",
        ]
        for at, one in enumerate(seconds)
    ]


def boot(message_id, **changes):
    asked = {"reason": "Unknown", "chargingStation": {"vendorName": "V", "model": "M"}} | changes
    return ask(
        message_id, "BootNotification", asked, {"status": "Accepted", "currentTime": CURRENT, "interval": 300}
    )


def twice(**second):
    return [opened(), FINE, "+60s", opened(**second), ask("2", "Heartbeat", {}, {"currentTime": CURRENT})]


CASES = [
    case("WS-001", opened(subprotocols=(), subprotocol=None), opened(), E),
    case("WS-001", opened(subprotocols=("ocpp", "OCPP1.6"), subprotocol=None, status=400), opened(), E),
    case("WS-001", opened(subprotocols=("ocpp3",), subprotocol=None, status=404), opened(late=True), E),
    case(
        "WS-002",
        opened(subprotocol="ocpp2.0.1"),
        opened(subprotocols=("ocpp2.0.1", "ocpp1.6")),
        E,
        events=[1],
    ),
    case("WS-002", opened(subprotocols=(), subprotocol="ocpp1.6"), [], E, about="nothing was offered"),
    case("WS-003", [opened(subprotocol=None), FINE], FINE, E, about="messages went on", events=[1, 4]),
    case(
        "WS-003",
        [opened(subprotocol=None), "+60s", closed("station")],
        [opened(subprotocol=None), closed("csms")],
        W,
        about="the CSMS does not close",
    ),
    case(
        "WS-003",
        [opened(subprotocol=None, subprotocols=("ocpp9",), status=400), closed("csms", "fin")],
        [opened(status=401, subprotocol=None), closed("csms", "fin")],
        I,
        about="refused",
    ),
    case(
        "WS-003",
        [opened(subprotocol=None), "+60s"],
        [opened(subprotocol=None), "+0.1s"],
        W,
        about="the capture ends at once",
    ),
    *(
        case("WS-004", opened(status=status, subprotocol=None), opened(**REFUSED), W, subject=str(status))
        for status in (302, 403, 500, 503)
    ),
    case(
        "WS-029",
        opened(status=401, subprotocol=None),
        opened(status=None, subprotocol=None),
        I,
        subject="401",
    ),
    case(
        "WS-029",
        opened(status=404, subprotocol=None),
        opened(status=None, subprotocol=None),
        I,
        subject="404",
    ),
    case("WS-004", opened(status=400, subprotocol=None), opened(status=401, subprotocol=None), W),
    case("WS-005", opened(station="A" * 49), opened(station="A" * 48), E, version="2.0.1"),
    case(
        "WS-005",
        opened(path="/CP%3A1"),
        opened(path="/CP%40*-_%3D%2B%7C.1"),
        E,
        about=":",
        also=["WS-006"],
        version="2.1",
    ),
    case(
        "WS-005", opened(path="/ocpp/"), opened(path="/ocpp/CP001?token=1"), E, about="none", version="2.0.1"
    ),
    case(
        "WS-005",
        opened(path="/CP:1", subprotocols=("ocpp2.1", "ocpp1.6")),
        opened(path="/CP:1"),
        E,
        about="offers 2.1",
    ),
    case("WS-006", opened(auth="Basic CP002"), opened(path="/ocpp/CP%30%301"), W, I),
    case("WS-006", opened(auth="basic cp001"), opened(auth=None), W, I, about="case"),
    case("WS-006", opened(auth="Basic "), opened(auth="Bearer"), W, I, about="empty"),
    case("WS-007", opened(tls=None), opened(), W, I, subject="credentials"),
    case("WS-007", opened(tls=None, auth=None), opened(auth=None), W, I, subject=""),
    case("WS-008", opened(tls=Tls("TLSv1.1", OTHER_SUITE)), opened(tls=Tls("TLSv1.2", None)), E),
    case("WS-008", opened(tls=Tls("SSLv3", None)), opened(tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256")), E),
    case(
        "WS-008",
        notice("tls.old-version", "TLSv1.0", "s"),
        opened(tls=Tls()),
        E,
        about="unreadable",
        subject="s",
    ),
    case("WS-009", opened(tls=Tls("TLSv1.2", OTHER_SUITE)), opened(), W, I),
    case(
        "WS-009",
        opened(tls=Tls("TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA")),
        opened(tls=Tls("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")),
        W,
        I,
        about="1.3 is not looked at",
    ),
    case("WS-010", [opened(), opened()], [opened(), closed(), opened()], W, events=[1, 2]),
    case("WS-010", [opened(), opened()], [opened(), opened(station="CP002")], W, about="2.x", version="2.1"),
    case(
        "WS-010", [opened(), opened(server="other:1")], [opened(), opened(**REFUSED)], W, about="1.6 servers"
    ),
    case("WS-011", redials(5, 5, 5), redials(5, 10, 20), I),
    case("WS-011", redials(2, 2, 2, **REFUSED), redials(61, 61, 61), I, about="refused each time"),
    case("WS-011", redials(5, 5, 5, 5), redials(5, 5), I, about="goes on"),
    case(
        "WS-011",
        redials(5, 5, 5),
        redials(5, 5, 5, 5, last_lasts="400s"),
        I,
        about="long sessions between",
        also=["WS-036"],
    ),
    case(
        "WS-012",
        [boot("1"), closed(), "+60s", opened(), boot("2")],
        [boot("1"), closed(), "+60s", opened(), boot("2", reason="PowerUp")],
        I,
        version="2.0.1",
    ),
    case(
        "WS-012",
        [boot("1"), closed(), "+60s", opened(), boot("2")],
        [boot("1"), closed(), "+60s", opened(), boot("2", chargingStation={"vendorName": "V", "model": "N"})],
        I,
        about="changed data",
        version="2.1",
    ),
    case(
        "WS-012",
        [boot("1"), closed(), "+60s", opened(), boot("2")],
        [boot("1"), ask("x", "Heartbeat", {}, {"currentTime": CURRENT}), boot("2")],
        I,
        about="in the same session",
        version="2.1",
    ),
    case("WS-013", [RETRIES, PINGED, "+60s", PINGED], [RETRIES, PINGED, "+59s", PINGED], I, events=[6]),
    case(
        "WS-013",
        [RETRIES, PINGED, "+99s", PINGED],
        [PINGED, "+600s", PINGED],
        I,
        about="unknown configuration",
    ),
    case(
        "WS-013",
        [RETRIES, PINGED, "+99s", PINGED],
        [RETRIES, ping("<"), ping(opcode="pong"), "+99s", ping("<"), ping(opcode="pong")],
        I,
        about="of the CSMS",
    ),
    case(
        "WS-013",
        [RETRIES, PINGED, "+99s", PINGED],
        [RETRIES, PINGED, "+99s", ping(opcode="pong")],
        I,
        about="pong",
    ),
    case("WS-014", faulty(HEARTBEAT, "websocket.binary"), FINE, W),
    case("WS-014", damaged("utf8", "websocket.utf8"), FINE, W),
    case(
        "WS-015",
        opened(offered_extensions=DEFLATE),
        opened(offered_extensions=DEFLATE, extensions="permessage-deflate"),
        I,
    ),
    case("WS-015", opened(offered_extensions=DEFLATE, extensions="x-webkit"), opened(), I),
    case(
        "WS-015",
        opened(offered_extensions=DEFLATE),
        opened(offered_extensions=DEFLATE, status=401, subprotocol=None),
        I,
        about="refused",
    ),
    case(
        "WS-016",
        twice(server="10.0.0.3:9000"),
        [opened(), FINE, closed(), "+60s", opened(server="10.0.0.3:9000")],
        E,
        version="2.0.1",
        events=[1, 4],
    ),
    case(
        "WS-016",
        twice(server="10.0.0.3:9000"),
        twice(server="10.0.0.3:9000", station="CP002"),
        E,
        version="2.1",
    ),
    case(
        "WS-024",
        opened(faults=(Fault("http.request-header", "there is no Upgrade", "Upgrade"),)),
        opened(),
        E,
        subject="Upgrade",
    ),
    case(
        "WS-024",
        opened(faults=(Fault("http.response-header", "wrong", "Sec-WebSocket-Accept"),)),
        opened(),
        E,
        subject="Sec-WebSocket-Accept",
    ),
    case("WS-024", opened(faults=(Fault("http.key-reused", "again"),)), opened(), E, about="key"),
    case(
        "WS-024",
        opened(
            path="http://csms/ocpp/CP001",
            faults=(Fault("http.request-header", "the request target is not a path", "target"),),
        ),
        opened(),
        W,
        about="an absolute http URI",
    ),
    case(
        "WS-010",
        [opened(), opened(status=409, subprotocol=None)],
        [opened(), opened(**REFUSED)],
        W,
        about="the new one is rejected",
        subject="rejected",
        also=["WS-004"],
    ),
    case(
        "WS-030",
        [opened(), closed(), "+5s", opened(version="2.0.1")],
        [opened(), closed(), "+5s", opened()],
        I,
        events=[1, 3],
    ),
    case(
        "WS-030",
        [opened(), closed(), "+5s", opened(version="2.0.1")],
        [opened(), closed(), "+5s", opened(version="2.0.1", station="CP002")],
        I,
        about="another station",
    ),
    case("WS-031", opened(request=head("Origin: file://")), opened(request=head("Origin: https://csms")), I),
    case(
        "WS-031",
        opened(request=head("Origin: https://csms"), status=403, subprotocol=None),
        opened(request=head("Origin: null")),
        W,
        about="refused",
    ),
    case("WS-032", opened(path="/ocpp/"), opened(path="/CP001"), W, about="empty"),
    case("WS-032", opened(path="/ocpp/CP#1", auth=None), opened(path="/ocpp/CP%231", auth=None), W),
    case(
        "WS-032",
        opened(path="/ocpp/CP%1", auth=None),
        opened(path="/ocpp/CP001?a=#", auth=None),
        W,
        about="%",
    ),
    case("WS-033", notice("tls.not-trusted", "unknown_ca", "s"), opened(), W, subject="s"),
    case("WS-034", notice("tls.plain-port", "HTTP", "s"), opened(), W, subject="s"),
    case(
        "WS-035",
        opened(request=basic("c0ffee" * 6), status=401, subprotocol=None),
        opened(request=basic("c0ffee" * 5), status=401, subprotocol=None),
        W,
        about="too short",
    ),
    case(
        "WS-035",
        [opened(request=basic("0123456789ABCDEF" * 2)), "+1s", closed("csms", "fin", None)],
        [opened(request=basic("0123456789ABCDEF" * 2)), FINE, "+1s", closed("csms", "fin", None)],
        W,
        about="a silent close",
    ),
    case(
        "WS-035",
        opened(request=basic("c0ffee" * 6), status=403, subprotocol=None),
        opened(request=basic("\x00\xff" * 16), status=401, subprotocol=None),
        W,
        about="bytes",
        also=["WS-004"],
    ),
    case("WS-036", idle(60, 60.2, 59.9), idle(60, 45, 60), W, subject="csms", events=[4, 8, 12]),
    case("WS-036", idle(60, 60, 60), idle(60, 60), W, about="twice"),
    case("WS-036", idle(60, 60, 60), idle(5, 5, 5), W, about="short"),
    case(
        "WS-036", idle(60, 60, 60, how="rst"), idle(60, 60, 60, by="station"), W, about="the station closes"
    ),
    case(
        "WS-036",
        idle(60, 60, 60, by="station", how="fin"),
        [idle(60, 60, by="station", how="fin"), idle(60)],
        W,
        about="by either",
    ),
    case("WS-037", [FINE, closed("csms", "fin", None)], [FINE, closed("csms", "close", 1000)], I),
    case("WS-037", [FINE, closed("station", "rst", None)], [FINE, closed("csms", "close", None)], I),
    case("WS-037", [FINE, closed("csms", "close", 1011)], [FINE, closed("csms", "close", 4001)], I),
    case(
        "WS-037",
        [FINE, closed("csms", "fin", None)],
        [opened(**REFUSED), closed("csms", "fin", None)],
        I,
        about="refused",
    ),
    case(
        "WS-038",
        [FINE, closed("csms"), "+200s", opened()],
        [FINE, closed("csms"), "+100s", opened()],
        I,
        about="redials late",
        events=[4, 5],
    ),
    case(
        "WS-038",
        [
            FINE,
            closed("csms"),
            opened(station="CP002"),
            "+301s",
            ask("9", "Heartbeat", {}, {"currentTime": CURRENT}),
        ],
        [
            FINE,
            closed("csms"),
            opened(station="CP002"),
            "+299s",
            ask("9", "Heartbeat", {}, {"currentTime": CURRENT}),
        ],
        I,
        about="does not redial",
    ),
    case(
        "WS-039",
        [FINE, ping("<"), "+20s", closed("csms", "close", 1011)],
        [FINE, ping("<"), ping(">", "pong"), "+20s", closed("csms", "close", 1000)],
        W,
        subject="station",
    ),
    case(
        "WS-039",
        [FINE, ping(">"), "+20s", closed("station", "fin", None)],
        [FINE, ping(">"), "+1s", closed("station", "fin", None)],
        W,
        subject="CSMS",
    ),
    case(
        "WS-039",
        3 * [opened(), FINE, ping("<"), "+0.1s", closed("station", "rst", None), "+30s"],
        2 * [opened(), FINE, ping("<"), "+0.1s", closed("station", "rst", None), "+30s"],
        W,
        about="drops",
        subject="station drops",
        also=["RPC-004"],
    ),
]
BY_FAULT = {
    "WS-017": ("websocket.unmasked", "websocket.masked"),
    "WS-018": ("websocket.rsv",),
    "WS-019": ("websocket.reserved-opcode",),
    "WS-020": ("websocket.control-too-long", "websocket.control-fragmented"),
    "WS-021": ("websocket.continuation", "websocket.interleaved"),
    "WS-022": ("websocket.close-code", "websocket.close-payload"),
    "WS-023": ("websocket.utf8",),
    "WS-025": ("websocket.too-big",),
    "WS-026": ("websocket.length",),
    "WS-027": ("websocket.after-close",),
    "WS-028": ("websocket.no-frame",),
}
CASES += [
    case(rule, [FINE, faulty('> [2,"2","Heartbeat",{}]', kind)], FINE, E, about=f"{kind} at {where}")
    if where == "text"
    else case(
        rule, [FINE, damaged("websocket", kind)], [FINE, damaged("websocket")], E, about=f"{kind} at {where}"
    )
    if where == "damaged"
    else case(
        rule, [FINE, ping(faults=(Fault(kind, "seen"),))], [FINE, ping()], E, about=f"{kind} at {where}"
    )
    for rule, kinds in BY_FAULT.items()
    for kind in kinds
    for where in ("text", "damaged", "ping")
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
def test_registered_subprotocols_are_known(subprotocol):
    pieces = opened(subprotocols=(subprotocol,), subprotocol=subprotocol)
    assert not {"WS-001", "WS-002", "WS-003"} & set(findings_of(pieces))


def test_framing_is_judged_where_no_version_is_known():
    found = findings_of(opened(version=None), faulty(HEARTBEAT, "websocket.unmasked"))
    assert found["WS-017"].severity == E


def test_several_fragments_wrong_in_one_way_are_one_finding():
    lines = [faulty(f'> [2,"{i}","Foo",{{}}]', "websocket.unmasked") for i in range(30)]
    finding = findings_of(lines)["WS-017"]
    assert finding.count == 30
    assert finding.events == list(range(2, 22))


@pytest.mark.parametrize("rule", ["WS-001", "WS-002", "WS-003", "WS-007", "WS-012", "WS-015"])
def test_a_late_session_says_nothing_of_its_handshake(rule):
    found = findings_of(
        BOOT_2X, closed(), "+60s", opened(late=True), boot("2"), closed("station"), version="2.0.1"
    )
    assert rule not in found


def test_a_late_session_is_no_second_connection():
    assert "WS-010" not in findings_of(opened(late=True, path="/CP001"), opened())


def test_a_dead_connection_to_the_same_server_is_not_two_servers():
    found = findings_of(twice(), version="2.0.1")
    assert "WS-016" not in found
    assert found["WS-010"].severity == W


def test_the_version_that_was_agreed_counts():
    assert "RPC-019" in findings_of(opened(version="2.1"), "> " + call("1", "StartTransaction"))


def test_nothing_is_said_of_a_clean_handshake():
    assert not judged(opened(), BOOT_16)


@pytest.mark.parametrize("status", [101, 401, 403, None])
@pytest.mark.parametrize(
    "path", ["", "/", "//", "CP001", "?", "/%", "/é\x80", "http://", "/a/a?b/c", "/" + "x" * 5000]
)
@pytest.mark.parametrize(
    "request_",
    [
        b"\xff",
        b"GET",
        head("Origin:", "Authorization:"),
        head("Authorization: Basic"),
        head("Authorization: Basic \xe9", "Origin: \x00"),
        head("Authorization: Basic ===", "Authorization: Basic x"),
        head("Authorization: Bearer " + "a" * 40),
    ],
)
def test_no_rule_raises(request_, path, status):
    judged(
        opened(request=request_, path=path, status=status, auth="Basic"),
        ping(),
        closed("csms", "close", 99_999, reason="\x00" * 500),
        opened(request=request_, path=path, late=True),
        ping("<", "pong"),
        closed(None, "rst", None),
    )
