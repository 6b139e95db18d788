from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from ocppscope.capture.upgrade import UrlError
from ocppscope.events import Opened, Session
from ocppscope.replay.handshake import (
    Deflate,
    Recorded,
    client_extensions,
    recorded,
    server_extensions,
    target,
)
from ocppscope.sources import SourceOptions, open_source
from tests.cli import CREDENTIALS, SECRET, opening
from tests.wire.packets import decode, session

CAPTURES = Path(__file__).parents[2] / "captures"


def opened(talk) -> Opened:
    return next(event for event in decode(talk) if isinstance(event, Opened))


def sample(name) -> Opened:
    batches = open_source([str(CAPTURES / name)], SourceOptions()).batches()
    return next(event for batch in batches for event in batch if isinstance(event, Opened))


def agreed(offer, answer):
    """A negotiation of the library with itself: what it offers, and what it agrees to."""
    client = ClientProtocol(parse_uri("ws://x/y"), extensions=client_extensions(offer))
    server = ServerProtocol(extensions=server_extensions(answer))
    request = client.connect()
    response = server.accept(request)
    assert response.status_code == 101
    client.process_response(response)
    said = "Sec-WebSocket-Extensions"
    return request.headers.get(said), response.headers.get(said)


# --- what was recorded ---


def test_what_the_library_does_not_make_is_kept_in_order():
    found = recorded(opened(opening(X_b="2", Content_Length="0", x_A="3")), "1.6")
    assert found.headers == [("Cookie", f"id={SECRET}"), ("X-b", "2"), ("x-A", "3")]
    assert found.authorization == f"Basic {CREDENTIALS}"
    assert found.response_headers == [("Set-Cookie", f"id={SECRET}")]
    assert (found.path, found.subprotocols, found.subprotocol) == ("/ocpp/CP001", ("ocpp1.6",), "ocpp1.6")
    assert (found.status, found.offers_deflate) == (101, False)


def test_secrets_are_not_shown():
    shown = repr(recorded(opened(opening()), "1.6"))
    assert SECRET not in shown
    assert CREDENTIALS not in shown


def test_values_beyond_ascii_survive_as_bytes():
    raw = "Säule ü".encode().decode("latin-1")
    found = recorded(opened(opening(X_Name=raw)), "1.6")
    assert ("X-Name", raw) in found.headers
    assert "X-Name: Säule ü\r\n".encode() in Headers(found.headers).serialize()


def test_a_head_with_bare_line_feeds_and_lines_that_are_no_headers():
    found = recorded(
        Opened(Session(1), 0, path="/a", request=b"GET /a HTTP/1.1\nX: 1\nnonsense\n: 2\nX:3\n\n"), None
    )
    assert found.headers == [("X", "1"), ("X", "3")]


@pytest.mark.parametrize(
    ("version", "name"), [("1.6", "ocpp1.6"), ("2.0.1", "ocpp2.0.1"), ("2.1", "ocpp2.1"), (None, None)]
)
def test_without_a_handshake_the_version_gives_the_subprotocol(version, name):
    for nothing in (None, Opened(Session(1, late=True), 0)):
        found = recorded(nothing, version)
        assert (found.subprotocols, found.subprotocol) == ((name,) if name else (), name)
        assert (found.path, found.headers, found.authorization, found.status) == (None, [], None, None)
        assert client_extensions(found) is server_extensions(found) is None


def test_what_was_recorded_wins_over_the_version():
    talk = session(Sec_WebSocket_Protocol=None)
    assert (recorded(opened(talk), "1.6").subprotocols, recorded(opened(talk), "1.6").subprotocol) == (
        ("ocpp1.6",),
        None,
    )
    half = Opened(Session(1), 0, path="/a", subprotocols=("ocpp2.0.1", "ocpp1.6"))
    assert recorded(half, "1.6").subprotocol == "ocpp1.6"
    other_half = Opened(Session(1), 0, status=101, subprotocol="ocpp2.0.1", extensions="permessage-deflate")
    assert recorded(other_half, "1.6").subprotocols == ("ocpp2.0.1",)
    assert recorded(other_half, "1.6").offered == (Deflate(),)


# --- compression ---


def test_compression_as_in_a_sample():
    found = recorded(sample("clean-2.0.1-deflate.pcap"), "2.0.1")
    assert found.offered == (Deflate(client_max_window_bits=True),)
    assert found.agreed == Deflate(server_max_window_bits=12, client_max_window_bits=12)
    assert agreed(found, found) == (
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
    )


def test_no_compression_where_there_was_none():
    found = recorded(sample("clean-1.6.pcap"), "1.6")
    assert agreed(found, found) == (None, None)


def test_several_offers_stay_in_their_order():
    offered = 'permessage-deflate; server_no_context_takeover; server_max_window_bits="10", permessage-deflate, x-zip'
    found = recorded(Opened(Session(1), 0, path="/", offered_extensions=offered), None)
    assert found.offered == (Deflate(server_no_context_takeover=True, server_max_window_bits=10), Deflate())
    assert len(client_extensions(found)) == 2
    assert found.agreed is None


def test_windows_that_zlib_cannot_make_are_the_next_larger():
    eight = Deflate(server_max_window_bits=8, client_max_window_bits=8)
    found = Recorded(offered=(eight,), agreed=eight)
    assert client_extensions(found)[0].client_max_window_bits == 9
    assert server_extensions(found)[0].server_max_window_bits == 9


@pytest.mark.parametrize(
    "header",
    ["permessage-deflate; client_max_window_bits=x", "permessage-deflate; server_max_window_bits=99"],
)
def test_nonsense_as_a_parameter_is_passed_over(header):
    found = recorded(Opened(Session(1), 0, path="/", status=101, extensions=header), None)
    assert found.agreed == Deflate()


def test_a_malformed_header_offers_nothing():
    found = recorded(Opened(Session(1), 0, path="/", offered_extensions=";;= ,"), None)
    assert client_extensions(found) is None


def test_an_agreement_that_allows_any_window():
    found = Recorded(offered=(Deflate(),), agreed=Deflate(client_max_window_bits=True))
    assert server_extensions(found)[0].client_max_window_bits is None


# --- where to ---


@pytest.mark.parametrize(
    ("url", "path", "identity", "expected"),
    [
        ("ws://h:9/ocpp", "/old/CP001", "CP002", "ws://h:9/ocpp/CP002"),
        ("ws://h:9/ocpp/", "/old/CP001", "CP002", "ws://h:9/ocpp/CP002"),
        ("ws://h:9/", "/old/CP001", "CP002", "ws://h:9/CP002"),
        ("ws://h:9", "/old/a/CP001", "CP002", "ws://h:9/old/a/CP002"),
        ("ws://h:9", "/old/CP001?k=1", "CP002", "ws://h:9/old/CP002?k=1"),
        ("ws://h:9", "/old/CP001", None, "ws://h:9/old/CP001"),
        ("ws://h:9", None, "RDAM|123", "ws://h:9/RDAM%7C123"),
        ("ws://h:9/x", None, "a/b ü", "ws://h:9/x/a%2Fb%20%C3%BC"),
        ("ws://h:9/x", "/old/a%7cb", "a|b", "ws://h:9/x/a%7cb"),  # as it was written
        ("ws://h:9/x?t=2", "/old/CP001?k=1", None, "ws://h:9/x/CP001?t=2&k=1"),
        ("ws://h:9/x/CP7?t=2", None, None, "ws://h:9/x/CP7?t=2"),
        ("ws://h:9", None, None, "ws://h:9"),
        ("http://h", "/CP001", None, "ws://h/CP001"),
        ("https://h/x", "/CP001", None, "wss://h/x/CP001"),
        ("wss://me:secret@[::1]:9/x", "/CP001", "A", "wss://me:secret@[::1]:9/x/A"),
        ("ws://h", "CP001", "A", "ws://h/A"),
        ("ws://h", "/S\xc3\xa4ule", None, "ws://h/S%C3%A4ule"),  # bytes as they were
        ("ws://h", "/S\u0142up", None, "ws://h/S%C5%82up"),  # of a source without bytes
    ],
)
def test_target(url, path, identity, expected):
    assert target(url, Recorded(path=path), identity) == expected


@pytest.mark.parametrize("url", ["csms.example/ocpp", "ftp://h/x", "ws://", "ws://h/x#y", "ws://h:99999"])
def test_a_url_that_cannot_be_connected_to(url):
    with pytest.raises(UrlError):
        target(url, Recorded(path="/CP001"), None)
