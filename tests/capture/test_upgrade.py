"""Requests on their way to another server: what changes in them, and that nothing else does."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.capture.upgrade import NotHttpError, Requests, Upstream, UrlError
from ocppscope.wire.http import HEAD_LIMIT

BINARY_PASSWORD = base64.b64encode(b"CP001:" + bytes(range(256))).decode()
REQUEST = (
    "GET /station/CP%20001?a=1 HTTP/1.1\r\n"
    "hOST:  station.facing:9000 \r\n"
    "Upgrade: websocket\r\n"
    "x-Odd :\tvalue  \r\n"
    f"AUTHORIZATION: Basic {BINARY_PASSWORD}\r\n"
    "X-Twice: b\r\n"
    "Connection: Upgrade\r\n"
    "X-Twice: a\r\n"
    "X-Host: station.facing:9000\r\n"
    "Folded: one\r\n two\r\n"
    "X-Latin: Zapfs\xe4ule\r\n"
    "\r\n"
).encode("latin-1")
FRAME = b"\x81\x85\x01\x02\x03\x04" + bytes(5)


def sent(*chunks, url="ws://csms.example:8080/ocpp", extra=()):
    requests = Requests(Upstream.of(url), extra)
    return b"".join(requests.feed(chunk) for chunk in chunks)


def in_pieces(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


# --- where it goes ---


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://csms.example", Upstream("csms.example", 80, is_tls=False)),
        ("wss://csms.example", Upstream("csms.example", 443, is_tls=True)),
        ("http://csms.example:81/", Upstream("csms.example", 81, is_tls=False, path="/")),
        ("https://[::1]:8443/a/b?k=v", Upstream("::1", 8443, is_tls=True, path="/a/b", query="k=v")),
        ("ws://h/Zapfsäule 日?ü", Upstream("h", 80, False, "/Zapfs%C3%A4ule%20%E6%97%A5", "%C3%BC")),
        ("ws://h/a%20b", Upstream("h", 80, False, "/a%20b")),
    ],
)
def test_urls(url, expected):
    assert Upstream.of(url) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("csms.example:9000", "ws://"),
        ("ftp://csms.example", "ws://"),
        ("ws:///path", "and a host"),
        ("ws://h:99999", "is no URL"),
        ("ws://[::1", "is no URL"),
        (f"ws://{'a' * 64}.example", "is no URL"),
        ("ws://user:secret@h", "station's own credentials"),
        ("ws://h/#x", "fragment"),
    ],
)
def test_what_is_no_url(url, said):
    with pytest.raises(UrlError, match=said) as caught:
        Upstream.of(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("ws://csms.example", "csms.example"),
        ("ws://csms.example:443", "csms.example:443"),
        ("wss://csms.example:443", "csms.example"),
        ("wss://csms.example:80", "csms.example:80"),
        ("ws://[::1]:9000", "[::1]:9000"),
        ("ws://[::1]", "[::1]"),
    ],
)
def test_the_host_header_of_a_url(url, authority):
    assert Upstream.of(url).authority == authority


@pytest.mark.parametrize(
    ("url", "asked", "expected"),
    [
        ("ws://h/ocpp", "/station/CP%20001", "/ocpp/CP%20001"),
        ("ws://h/ocpp/", "/CP001", "/ocpp/CP001"),
        ("ws://h/ocpp", "/a/CP001/", "/ocpp/CP001"),
        ("ws://h/", "/a/b/CP001", "/CP001"),
        ("ws://h", "/a/b/CP001", "/a/b/CP001"),
        ("ws://h", "/", "/"),
        ("ws://h/ocpp?k=v", "/CP001?x=1", "/ocpp/CP001?k=v&x=1"),
        ("ws://h?k=v", "/CP001", "/CP001?k=v"),
        ("ws://h/ocpp", "/CP001?next=/a/b", "/ocpp/CP001?next=/a/b"),
        ("ws://h/ocpp", "ws://proxy:9000/x/CP001?q", "/ocpp/CP001?q"),
        ("ws://h", "http://proxy:9000/x/CP%2F001", "/x/CP%2F001"),
    ],
)
def test_the_identity_is_appended_where_the_url_has_a_path_and_the_path_kept_where_not(url, asked, expected):
    assert Upstream.of(url).target(asked) == expected


# --- heads ---


def test_only_host_and_path_change():
    expected = REQUEST.replace(b"/station/CP%20001", b"/ocpp/CP%20001").replace(
        b"hOST:  station.facing:9000 ", b"hOST:  csms.example:8080 "
    )
    assert sent(REQUEST) == expected
    assert sent(REQUEST, url="ws://csms.example:8080") == expected.replace(b"/ocpp/", b"/station/")


def test_nothing_changes_where_the_station_names_the_csms_itself():
    requests = Requests(None)
    assert requests.feed(REQUEST + FRAME) == REQUEST + FRAME


def test_a_host_beyond_ascii_is_sent_as_dns_knows_it():
    assert b"hOST:  xn--sule-loa.example " in sent(REQUEST, url="ws://säule.example")


def test_a_head_without_host_gets_none():
    head = b"GET /CP1 HTTP/1.1\r\nX: 1\r\n\r\n"
    assert sent(head) == head.replace(b"/CP1", b"/ocpp/CP1")


def test_headers_are_added_on_request_only_and_at_the_end():
    added = sent(REQUEST, extra=["X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: http"])
    asked = b"X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: station.facing:9000\r\n\r\n"
    assert added == sent(REQUEST)[:-2] + asked


@settings(max_examples=60)
@given(cuts=st.lists(st.integers(0, 2000), max_size=12), tail=st.binary(max_size=40))
def test_any_cut_of_a_conversation_gives_the_same(cuts, tail):
    post = (
        b"POST /a/CP1 HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /b HTTP/1.1\r\nHost: y\r\n\r\n.."
    )
    talk = post + b"HEAD /c/CP2 HTTP/1.1\r\nhost:z\r\n\r\n" + REQUEST + b"\x81" + tail
    expected = (
        post.replace(b"/a/", b"/ocpp/").replace(b"Host: x", b"Host: csms.example:8080")
        + b"HEAD /ocpp/CP2 HTTP/1.1\r\nhost:csms.example:8080\r\n\r\n"
        + sent(REQUEST)
        + b"\x81"
        + tail
    )
    assert sent(*in_pieces(talk, cuts)) == expected


def test_frames_that_come_early_pass_at_once_even_byte_by_byte():
    requests = Requests(Upstream.of("ws://h"))
    requests.feed(REQUEST)
    assert [requests.feed(bytes([byte])) for byte in FRAME] == [bytes([byte]) for byte in FRAME]


def test_a_second_head_is_rewritten_however_it_is_cut():
    talk = REQUEST.replace(b"Upgrade: websocket\r\n", b"") + REQUEST
    assert sent(*(bytes([byte]) for byte in talk)) == sent(talk)
    assert sent(talk).count(b"GET /ocpp/CP%20001?a=1 HTTP") == 2


def test_what_looks_like_the_start_of_a_head_waits_and_can_be_had():
    requests = Requests(Upstream.of("ws://h"))
    requests.feed(REQUEST)
    for early in (b"GET /no-head", b"D"):
        assert requests.feed(early) == b""
        assert requests.rest() == early
        assert requests.rest() == b""
    assert requests.feed(FRAME) == FRAME


def test_a_body_whose_length_nobody_tells_passes():
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    requests = Requests(Upstream.of("ws://h"))
    assert requests.feed(chunked + b"2\r\n..\r\n0\r\n\r\n") == chunked + b"2\r\n..\r\n0\r\n\r\n"
    assert requests.feed(REQUEST) == sent(REQUEST, url="ws://h")


def test_heads_that_nobody_can_read_pass_unchanged():
    odd = b"GET no HTTP at all\r\nHost: a\r\n\r\n"
    assert sent(odd) == odd


# --- what is no HTTP ---


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"\x16\x03\x01\x02\x00\x01", "speaks TLS, and this port does not.*--cert and --key, or --tls-auto"),
        (b"\x16", "speaks TLS"),
        (b"\x00\x01\x02", "begins with 00 01 02"),
        (b"hello world", "begins with 'hello wo'"),
        (b"HELLO", "begins with 'HELLO'"),
        (b"GETTING", "begins with 'GETTING'"),
        (b"\x81\x85abcd", "begins with 81 85"),
        (b"SSH-2.0-OpenSSH", "begins with 'SSH-2.0-'"),
    ],
)
def test_garbage_is_told(first, said):
    with pytest.raises(NotHttpError, match=said):
        sent(first)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT"])
def test_every_start_of_a_request_is_waited_for(method):
    requests = Requests(Upstream.of("ws://h"))
    for byte in f"{method} /CP1 HTTP/1.1\r\n".encode():
        assert requests.feed(bytes([byte])) == b""
    assert requests.feed(b"\r\n") == f"{method} /CP1 HTTP/1.1\r\n\r\n".encode()


def test_a_head_that_does_not_end_is_told():
    with pytest.raises(NotHttpError, match="more than 65,536 bytes"):
        sent(b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT)
