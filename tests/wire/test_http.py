"""Heads as they stand on the wire, and what is said of them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.wire.http import (
    accept_for,
    authorization,
    parse_head,
    request_faults,
    response_faults,
)
from tests.wire.packets import KEY, head, refusal, switching, upgrade


def auth_of(value):
    return authorization(parse_head(upgrade(Authorization=value)))


def basic(credentials):
    return "Basic " + base64.b64encode(credentials).decode()


# --- heads --------------------------------------------------------------------------------------------------


def test_a_request():
    request = parse_head(upgrade("/ocpp/CP%20001?x=1"))
    assert (request.method, request.target, request.status) == ("GET", "/ocpp/CP%20001?x=1", 0)
    assert request.get("host") == "csms.example"
    assert request.is_upgrade
    assert request.raw == upgrade("/ocpp/CP%20001?x=1")


def test_a_response():
    response = parse_head(refusal(401, b"denied"))
    assert (response.status, response.target, response.content_length) == (401, "", 6)


@pytest.mark.parametrize(
    "first", ["HTTP/1.1 101", "HTTP/1.0 101 ", "HTTP/1.1 101 Switching Protocols, of course"]
)
def test_a_reason_phrase_may_be_missing(first):
    assert parse_head(head(first, {})).status == 101


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
    ],
)
def test_what_is_no_head(raw):
    assert parse_head(raw) is None


def test_header_names_are_of_any_case_and_values_joined():
    request = parse_head(b"GET / HTTP/1.1\r\nSEC-websocket-Protocol:ocpp2.0.1 , \r\nX\r\n"
                         b"Sec-WebSocket-Protocol:\tocpp1.6\r\n\r\n")  # fmt: skip
    assert request.tokens("sec-websocket-protocol") == ["ocpp2.0.1", "ocpp1.6"]
    assert request.get("x") is None
    assert request.tokens("x") == []


@pytest.mark.parametrize(
    ("value", "length"),
    [("12", 12), ("0", 0), ("-1", None), ("1e3", None), ("9" * 19, None), ("5, 5", None), ("²", None)],
)
def test_content_length(value, length):
    assert parse_head(refusal(400, Content_Length=value)).content_length == length


@given(st.binary(max_size=300))
def test_any_bytes_do_no_harm(data):
    for raw in (data, b"GET / HTTP/1.1\r\n" + data, b"HTTP/1.1 101 x\r\nSec-WebSocket-Key:" + data):
        if read := parse_head(raw):
            request_faults(read)
            response_faults(read, read)
            authorization(read)
            assert read.content_length is None or read.content_length >= 0


# --- who it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (basic(b"CP001:s3cret"), "Basic CP001"),
        (basic("Säule:s3cret".encode()), "Basic Säule"),
        (basic(b"\xff:s3cret"), "Basic \\xff"),
        (basic(b":s3cret"), "Basic "),
        ("basic  " + base64.b64encode(b"CP001:s3cret").decode(), "basic CP001"),
        ("Basic\t" + base64.b64encode(b"CP001:s3cret").decode(), "Basic CP001"),
        (basic(b"s3cret"), "Basic (no user)"),
        ("Basic s3cret", "Basic (not base64)"),
        ("Basic s3crét", "Basic (not base64)"),
        ("Bearer s3cret", "Bearer"),
        ("s3cret", "(no scheme)"),
        (base64.b64encode(b"CP001:s3cret").decode(), "(no scheme)"),
        ("", "(no scheme)"),
    ],
)
def test_auth_shows_scheme_and_user(value, shown):
    assert auth_of(value) == shown


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20))
def test_auth_never_shows_the_secret(noise):
    secret = "s3cret"
    for value in (noise + basic(b"CP:" + secret.encode()), f"{noise} {secret}", f"Basic{noise} {secret}"):
        shown = auth_of(value)
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown


# --- what a handshake lacks ---------------------------------------------------------------------------------


def test_nothing_is_wrong_with_a_handshake_that_is_right():
    request = parse_head(upgrade(Connection="keep-alive, upgrade", Upgrade="WebSocket"))
    assert request_faults(request) == []
    assert response_faults(request, parse_head(switching())) == []


def test_the_accept_of_the_standard():
    assert accept_for(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Upgrade", None, "no Upgrade header"),
        ("Upgrade", "h2c", "'h2c', expected websocket"),
        ("Connection", None, "no Connection header"),
        ("Connection", "keep-alive", "'keep-alive', expected Upgrade"),
        ("Host", None, "no Host header"),
        ("Sec-WebSocket-Key", "c2hvcnQ=", "expected 16 bytes in base64"),
        ("Sec-WebSocket-Key", "not base64", "expected 16 bytes in base64"),
        ("Sec-WebSocket-Key", "é", "expected 16 bytes in base64"),
        ("Sec-WebSocket-Version", None, "no Sec-WebSocket-Version header"),
        ("Sec-WebSocket-Version", "8", "'8', expected 13"),
    ],
)
def test_a_request_header_that_is_missing_or_wrong_is_named(name, value, said):
    (fault,) = request_faults(parse_head(upgrade(**{name.replace("-", "_"): value})))
    assert (fault.kind, fault.subject) == ("http.request-header", name)
    assert said in fault.detail


def test_a_request_without_a_key_is_still_an_upgrade_and_one_without_upgrade_too():
    assert parse_head(upgrade(Sec_WebSocket_Key=None)).is_upgrade
    assert parse_head(upgrade(Upgrade=None)).is_upgrade
    assert not parse_head(upgrade(Upgrade=None, Sec_WebSocket_Key=None)).is_upgrade


@pytest.mark.parametrize(("method", "target"), [("POST", "/x"), ("GET", "http://csms/x")])
def test_a_request_line_that_opens_no_websocket(method, target):
    (fault,) = request_faults(parse_head(upgrade(target, method)))
    assert fault.subject in {"method", "target"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Upgrade", None, "no Upgrade header"),
        ("Upgrade", "websockets", "expected websocket"),
        ("Connection", "close", "expected Upgrade"),
        ("Sec-WebSocket-Accept", None, "no Sec-WebSocket-Accept header"),
        ("Sec-WebSocket-Accept", "wrong", "expected s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ],
)
def test_a_response_header_that_is_missing_or_wrong_is_named(name, value, said):
    response = parse_head(switching(**{name.replace("-", "_"): value}))
    (fault,) = response_faults(parse_head(upgrade()), response)
    assert (fault.kind, fault.subject) == ("http.response-header", name)
    assert said in fault.detail


def test_no_accept_is_expected_where_there_was_no_key():
    assert response_faults(parse_head(upgrade(Sec_WebSocket_Key=None)), parse_head(switching())) == []
