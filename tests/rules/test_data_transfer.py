import json

import pytest

from tests.rules.sessions import (
    ask,
    case,
    findings_of,
)

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
ACCEPTED = {"status": "Accepted"}


def transfer(status, **more):
    return ask("d", "DataTransfer", {"vendorId": "V"}, {"status": status} | more)


TUNNEL = {"vendorId": "org.openchargealliance.iso15118pnc", "messageId": "Authorize"}

CASES = [
    case("DT-001", transfer("UnknownVendorId", data="x"), transfer("Accepted", data="x"), E),
    case("DT-001", transfer("UnknownMessageId", data="x"), transfer("UnknownMessageId"), E, **V2),
    case(
        "DT-002",
        ask("d", "DataTransfer", TUNNEL | {"data": json.dumps({"certificate": "x"})}, ACCEPTED),
        transfer("Accepted"),
        I,
        subject="Authorize",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_tunnel_whose_data_is_no_json():
    found = findings_of(ask("d", "DataTransfer", TUNNEL | {"data": "x"}, ACCEPTED))
    assert "no JSON object" in found["DT-002"].detail
