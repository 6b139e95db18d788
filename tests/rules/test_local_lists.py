import pytest

from tests.rules.sessions import (
    ask,
    call,
    case,
    closed,
    findings_of,
    judged,
    opened,
    result,
)

E, W, I = "error", "warning", "info"
V2, V21 = {"version": "2.0.1"}, {"version": "2.1"}
ACCEPTED = {"status": "Accepted"}


def send_list(version, kind="Full", tags=("A",), status="Accepted", message_id=None):
    entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in tags]
    asked = {"listVersion": version, "updateType": kind, "localAuthorizationList": entries}
    return ask(message_id or f"l{version}{kind}", "SendLocalList", asked, {"status": status}, "<")


def send_list_2x(version, kind="Full", tags=("A",), status="Accepted"):
    token = {"type": "ISO14443"}
    entries = [{"idToken": token | {"idToken": tag}, "idTokenInfo": {"status": "Accepted"}} for tag in tags]
    asked = {"versionNumber": version, "updateType": kind, "localAuthorizationList": entries}
    return ask(f"l{version}{kind}", "SendLocalList", asked, {"status": status}, "<")


def version(number):
    return ask("v", "GetLocalListVersion", {}, {"listVersion": number}, "<")


def version_2x(number):
    return ask("v", "GetLocalListVersion", {}, {"versionNumber": number}, "<")


def use_of_list(value):
    about = {"component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": "Enabled"}}
    answer = {"setVariableResult": [about | {"attributeStatus": "Accepted"}]}
    return ask("e", "SetVariables", {"setVariableData": [about | {"attributeValue": value}]}, answer, "<")


def without(*tags):
    entries = [{"idToken": {"idToken": tag, "type": "ISO14443"}} for tag in tags]
    asked = {"versionNumber": 6, "updateType": "Differential", "localAuthorizationList": entries}
    return ask("w", "SendLocalList", asked, ACCEPTED, "<")


UNANSWERED = f"< {call('u', 'SendLocalList', {'versionNumber': 6, 'updateType': 'Full'})}"

CASES = [
    case("LIST-001", send_list(0), send_list(1), E),
    case("LIST-001", send_list_2x(-1), send_list_2x(1), E, **V2),
    case(
        "LIST-002",
        [send_list(5), send_list(4, "Differential")],
        [send_list(5), send_list(4, "Differential", status="VersionMismatch")],
        E,
    ),
    case(
        "LIST-002",
        [send_list_2x(5), send_list_2x(5, "Differential")],
        [send_list_2x(5), send_list_2x(6, "Differential")],
        E,
        **V2,
    ),
    case("LIST-003", send_list(1, tags=("AB", "ab")), send_list(1, tags=("AB", "AC")), E),
    case("LIST-003", send_list_2x(1, tags=("AB", "ab")), send_list_2x(1, tags=("AB", "AC")), E, **V2),
    case(
        "LIST-004",
        [send_list(1, "Differential", status="Failed"), send_list(2, "Differential")],
        [send_list(1, "Differential", status="Failed"), send_list(2)],
        W,
    ),
    case("LIST-005", [send_list(5), version(4)], [send_list(5), version(5)], E),
    case("LIST-005", [send_list(5), version(0)], [send_list(5, tags=()), version(0)], E, about="none"),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_a_list_that_crosses_the_question():
    crossing = [
        send_list(5),
        f"< {call('v', 'GetLocalListVersion')}",
        send_list(6),
        f"> {result('v', {'listVersion': 5})}",
    ]
    assert "LIST-005" not in findings_of(crossing)


@pytest.mark.parametrize(
    "pieces",
    [
        [use_of_list("false"), version_2x(0)],
        [without("A"), version_2x(0)],
        [UNANSWERED, closed(), "+60s", opened(), version_2x(6)],
    ],
)
def test_versions_that_differ_for_a_reason(pieces):
    assert not judged(send_list_2x(5), pieces, only=["LIST-005"], **V2)
    assert judged(send_list_2x(5), pieces[:-1], version_2x(4), only=["LIST-005"], **V2)
