import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION
from ocppscope.rules.registry import RULES
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    ask,
    call,
    case,
    closed,
    error,
    findings_of,
    gap,
    judged,
    opened,
    result,
    serious,
    stamp,
)

E, W, I = "error", "warning", "info"
SECRET = "correct-horse"

_ids = iter(range(1, 1_000_000))


def new():
    return f"m{next(_ids)}"


def info(status="Accepted", parent=None, expires=None):
    found = {"status": status, "parentIdTag": parent, "expiryDate": expires}
    return {name: value for name, value in found.items() if value is not None}


def authorize(tag="A", status="Accepted", parent=None, expires=None):
    return ask(new(), "Authorize", {"idTag": tag}, {"idTagInfo": info(status, parent, expires)})


def start(tag="A", transaction=7, connector=1, status="Accepted", parent=None, when=CURRENT):
    asked = {"connectorId": connector, "idTag": tag, "meterStart": 0, "timestamp": when}
    return ask(
        new(), "StartTransaction", asked, {"transactionId": transaction, "idTagInfo": info(status, parent)}
    )


def stop(tag=None, transaction=7, **more):
    asked = {"transactionId": transaction, "meterStop": 1000, "timestamp": CURRENT} | more
    return ask(new(), "StopTransaction", asked | ({"idTag": tag} if tag else {}))


def status(connector=1):
    asked = {"connectorId": connector, "errorCode": "NoError", "status": "Available", "timestamp": CURRENT}
    return ask(new(), "StatusNotification", asked)


def configured(**keys):
    known = [{"key": key, "readonly": False, "value": str(value)} for key, value in keys.items()]
    return ask(new(), "GetConfiguration", {}, {"configurationKey": known}, "<")


def remote(tag="A"):
    return ask(new(), "RemoteStartTransaction", {"connectorId": 1, "idTag": tag}, {"status": "Accepted"}, "<")


def local_list(*tags, kind="Full"):
    entries = [{"idTag": tag, "idTagInfo": info()} for tag in tags]
    asked = {"listVersion": 1, "localAuthorizationList": entries, "updateType": kind}
    return ask(new(), "SendLocalList", asked, {"status": "Accepted"}, "<")


def clear_cache():
    return ask(new(), "ClearCache", {}, {"status": "Accepted"}, "<")


def list_version(number, name="listVersion"):
    return ask(new(), "GetLocalListVersion", {}, {name: number}, "<")


def later(seconds):
    return [f"+{seconds}s", ask(new(), "Heartbeat", {}, {"currentTime": CURRENT})]


# --- 2.x ---


def token(name="A", kind="ISO14443"):
    return {"idToken": name, "type": kind}


def told(status="Accepted", **more):
    return {"idTokenInfo": {"status": status} | more}


def authorize_2x(one=None, answer=None):
    return ask(new(), "Authorize", {"idToken": one or token()}, answer or told())


def event(
    kind="Started", number=0, one=None, answer=None, charging="Charging", transaction="T", evse=1, **more
):
    asked = {
        "eventType": kind,
        "timestamp": CURRENT,
        "triggerReason": "Authorized" if one else "ChargingStateChanged",
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction, "chargingState": charging},
        "evse": {"id": evse, "connectorId": 1},
    }
    if answer is None and one:
        answer = told()
    return ask(new(), "TransactionEvent", asked | ({"idToken": one} if one else {}) | more, answer)


def variables(component="TxCtrlr", **values):
    results = [
        {
            "attributeStatus": "Accepted",
            "attributeValue": str(value),
            "component": {"name": component},
            "variable": {"name": name},
        }
        for name, value in values.items()
    ]
    asked = [{"component": one["component"], "variable": one["variable"]} for one in results]
    return ask(new(), "GetVariables", {"getVariableData": asked}, {"getVariableResult": results}, "<")


def request_start(one):
    asked = {"idToken": one, "remoteStartId": 1, "evseId": 1}
    return ask(new(), "RequestStartTransaction", asked, {"status": "Accepted"}, "<")


def set_key(name, value=SECRET):
    return ask(new(), "ChangeConfiguration", {"key": name, "value": value}, {"status": "Accepted"}, "<")


NOBODY = token("", "NoAuthorization")
CENTRAL = token("c", "Central")
ONE = configured(NumberOfConnectors=1)
NEITHER = configured(AuthorizationCacheEnabled="false", LocalAuthListEnabled="false")
NEITHER_2X = [variables("AuthCacheCtrlr", Enabled="false"), variables("LocalAuthListCtrlr", Enabled="false")]

NO_ENERGY = variables(StopTxOnInvalidId="true", MaxEnergyOnInvalidId=0)

CASES = [
    case("AUTH-001", authorize("A" * 21), authorize("A" * 20), E, subject="Authorize idTag"),
    case(
        "AUTH-001", authorize(parent="P" * 21), authorize(parent="P" * 20), E, subject="Authorize parentIdTag"
    ),
    case("AUTH-001", local_list("A" * 21), local_list("A" * 20), E, about="in a list"),
    case(
        "AUTH-002",
        [authorize(status="Blocked"), start()],
        [authorize(status="Blocked"), authorize(), start()],
        W,
        subject="a",
        events=[3, 4],
    ),
    case(
        "AUTH-002",
        [authorize(status="Invalid"), start()],
        [authorize(status="Invalid"), remote(), start()],
        W,
        about="started by the CSMS",
    ),
    case(
        "AUTH-002",
        [authorize("a", status="Invalid"), start("A")],
        [authorize("b", status="Invalid"), start("A")],
        W,
        about="upper and lower case",
    ),
    case("AUTH-003", start(), [authorize(), start()], I),
    case("AUTH-003", start(), [remote(), start()], I, about="started by the CSMS"),
    case("AUTH-003", start(), [local_list("A"), start()], I, about="on the list"),
    case(
        "AUTH-004",
        [configured(StopTransactionOnInvalidId="true"), start(status="Invalid"), later(121)],
        [
            configured(StopTransactionOnInvalidId="true"),
            start(status="Invalid"),
            stop(reason="DeAuthorized"),
            later(121),
        ],
        W,
    ),
    case(
        "AUTH-004",
        [configured(StopTransactionOnInvalidId="true"), start(status="Blocked"), later(121)],
        [configured(StopTransactionOnInvalidId="false"), start(status="Blocked"), later(121)],
        W,
        about="not asked for",
    ),
    case(
        "AUTH-005",
        [ONE, authorize(), start(), "+600s", authorize(), stop("A")],
        [ONE, authorize(), start(), "+600s", stop("A")],
        E,
    ),
    case(
        "AUTH-005",
        [ONE, authorize(), start(), "+600s", authorize(), stop("a")],
        [authorize(), start(), "+600s", authorize("B", parent="P"), stop()],
        E,
        about="another token",
    ),
    case(
        "AUTH-005",
        [status(1), status(2), authorize(), start(), "+600s", authorize(), stop("A")],
        [status(1), status(2), authorize(), start(), "+600s", authorize(), "+60s", stop("A")],
        W,
        about="it may have been for the other connector",
    ),
    case(
        "AUTH-006",
        [authorize("A", parent="P"), start("A", parent="P"), authorize("B", parent="Q"), stop("B")],
        [authorize("A", parent="P"), start("A", parent="P"), authorize("B", parent="p"), stop("B")],
        W,
        subject="b",
    ),
    case(
        "AUTH-006",
        [authorize("A"), start("A"), authorize("B"), stop("B")],
        [authorize("A"), start("A"), authorize("B"), stop("B", reason="Other")],
        W,
        about="no groups at all",
    ),
    *(
        case(
            "AUTH-007",
            [
                NO_ENERGY,
                authorize_2x(),
                event(one=token(), answer=told(refusal)),
                later(121),
            ],
            [
                NO_ENERGY,
                authorize_2x(),
                event(one=token(), answer=told(refusal)),
                ending,
                later(121),
            ],
            E,
            version=version,
            about=f"{version} {refusal}",
        )
        for version, refusal, ending in (
            ("2.0.1", "Invalid", event("Updated", 1, charging="SuspendedEVSE", triggerReason="Deauthorized")),
            (
                "2.1",
                "Blocked",
                event(
                    "Ended",
                    1,
                    triggerReason="Deauthorized",
                    transactionInfo={
                        "transactionId": "T",
                        "stoppedReason": "DeAuthorized",
                        "chargingState": "EVConnected",
                    },
                ),
            ),
        )
    ),
    case(
        "AUTH-008",
        authorize_2x(token("X", "NoAuthorization")),
        authorize_2x(NOBODY),
        E,
        version="2.0.1",
        subject="Authorize",
    ),
    case(
        "AUTH-008",
        event(one=token("X", "NoAuthorization"), answer=told()),
        event(one=NOBODY, answer=told()),
        E,
        version="2.1",
    ),
    *(
        case(
            "AUTH-009",
            event(one=NOBODY, answer=told("Invalid")),
            event(one=NOBODY, answer=told()),
            E,
            version=version,
            about=version,
        )
        for version in ("2.0.1", "2.1")
    ),
    case(
        "AUTH-010",
        [request_start(CENTRAL), authorize_2x(CENTRAL)],
        [request_start(token()), authorize_2x(token())],
        E,
        version="2.0.1",
        events=[2, 4],
    ),
    case(
        "AUTH-010",
        [request_start(CENTRAL), authorize_2x(CENTRAL)],
        [request_start(CENTRAL), authorize_2x(token("d", "Central"))],
        E,
        version="2.1",
        about="of elsewhere",
    ),
    case(
        "AUTH-011",
        authorize_2x(answer=told(language2="en")),
        authorize_2x(answer=told(language1="de", language2="en")),
        W,
        version="2.0.1",
        subject="language1",
    ),
    case(
        "AUTH-011",
        authorize_2x(answer=told(language1="de", language2="DE")),
        authorize_2x(answer=told(language1="de")),
        W,
        version="2.1",
        subject="language2",
    ),
    case(
        "AUTH-011",
        authorize(expires=stamp(-200_000)),
        authorize(expires=stamp(-3600)),
        I,
        subject="expiryDate",
    ),
    case("AUTH-012", [NEITHER, start()], [NEITHER, authorize(), start()], I),
    case(
        "AUTH-012",
        [list_version(0), clear_cache(), start()],
        [list_version(0), clear_cache(), authorize(), start()],
        I,
        about="cleared",
    ),
    *(
        case(
            "AUTH-012",
            [NEITHER_2X, event(one=token())],
            [NEITHER_2X, authorize_2x(), event(one=token())],
            I,
            version=version,
            about=version,
        )
        for version in ("2.0.1", "2.1")
    ),
    case(
        "AUTH-013",
        [authorize(), start(), start(transaction=8, connector=2)],
        [authorize(), start(), start(transaction=8, connector=2, status="ConcurrentTx")],
        W,
        I,
        subject="a",
    ),
    *(
        case(
            "AUTH-013",
            [
                authorize_2x(),
                event(one=token(), answer=told()),
                event(one=token(), transaction="U", evse=2, answer=told()),
            ],
            [
                authorize_2x(),
                event(one=token(), answer=told()),
                event(one=token("B"), transaction="U", evse=2, answer=told()),
            ],
            W,
            I,
            version=version,
            about=version,
        )
        for version in ("2.0.1", "2.1")
    ),
    case(
        "AUTH-014",
        set_key("AuthorizationKey"),
        set_key("HeartbeatInterval", "300"),
        I,
        subject="AuthorizationKey",
    ),
    case(
        "AUTH-014",
        authorize_2x(token("1234", "KeyCode")),
        authorize_2x(token("1234", "Central")),
        I,
        version="2.0.1",
        subject="KeyCode",
    ),
    case(
        "AUTH-014",
        variables("SecurityCtrlr", BasicAuthPassword=SECRET),
        variables(OfflineThreshold=60),
        I,
        version="2.1",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


# --- starting -----------------------------------------------------------------------------------------------

REFUSED = authorize(status="Invalid")


@pytest.mark.parametrize(
    "legal",
    [
        # Offline, it is allowed by AllowOfflineTxForUnknownId.
        [REFUSED, closed(), "+60s", opened(), start(when=stamp(30))],
        [REFUSED, closed(), "+60s", opened(), start()],
        [REFUSED, "+60s", local_list("A"), start()],
        [remote(), REFUSED, "+5s", remote(), start()],
        [start(status="Invalid"), stop(), start(transaction=8)],
    ],
)
def test_refused_tokens_that_may_start(legal):
    assert not judged(legal, only=["AUTH-002"])


@pytest.mark.parametrize(
    "explained",
    [
        [opened(late=True), start()],
        [gap(), start()],
        [closed(), "+60s", opened(), start(when=stamp(30))],
        [authorize("a"), closed(), opened(), start("A")],
    ],
)
def test_starts_that_nothing_is_said_about(explained):
    assert not judged(explained, only=["AUTH-003", "AUTH-012"])


def test_starts_without_asking_are_one_finding():
    found = judged([[start(f"T{n}", n), stop(transaction=n)] for n in range(5)], only=["AUTH-003"])
    assert [one.count for one in found] == [5]


# --- ending -------------------------------------------------------------------------------------------------

STOPS = configured(StopTransactionOnInvalidId="true")


@pytest.mark.parametrize(
    "legal",
    [
        [start(status="Invalid"), later(121)],
        [STOPS, start(status="Invalid"), gap(), later(121)],
        [STOPS, start(status="Invalid"), later(100)],
        [
            STOPS,
            start(status="Invalid"),
            f"> {call('a', 'StopTransaction', {'transactionId': 7, 'meterStop': 1, 'timestamp': stamp()})}",
            f"< {error('a')}",
            later(121),
        ],
        [STOPS, start(status="Invalid"), closed(), "+300s", opened(), stop(), later(121)],
    ],
)
def test_refused_transactions_that_may_go_on(legal):
    assert not judged(legal, only=["AUTH-004"])


@pytest.mark.parametrize(
    "legal",
    [
        [start(), authorize(), stop()],
        [start(), authorize(), stop("A", reason="Remote")],
        [authorize(), start(), stop("A")],
        [start(), authorize(), closed(), opened(), stop("A")],
        [authorize(), start(), start("A", 8, 2), authorize(), stop("A")],
        [authorize(), stop("A")],
        [start("B"), authorize(), stop("A")],
    ],
)
def test_stops_without_a_needless_question(legal):
    assert not judged(legal, only=["AUTH-005"])


def test_a_late_capture_may_have_missed_other_connectors():
    found = judged(opened(late=True), start(), authorize(), stop("A"), only=["AUTH-005"])
    assert [one.severity for one in found] == [W]


@pytest.mark.parametrize(
    "legal",
    [
        # What was never told cannot be compared.
        [start("A"), stop("B")],
        [stop("B")],
        [authorize("A", parent="P"), start("A"), authorize("B", parent="P"), stop("B")],
        [authorize("A"), start("A"), authorize("B", parent="A"), stop("B")],
        [authorize("A", parent="B"), start("A"), authorize("B"), stop("B")],
        [authorize("A"), start("A"), authorize("B"), stop("B", reason="Remote")],
        [local_list("A"), authorize("A", parent="P"), start("A"), authorize("B", parent="P"), stop("B")],
    ],
)
def test_stops_of_one_group(legal):
    assert not judged(legal, only=["AUTH-006"])


STOPS_2X = variables(StopTxOnInvalidId="true")


@pytest.mark.parametrize(
    "legal",
    [
        [event(one=token(), answer=told("Invalid")), later(121)],
        [
            STOPS_2X,
            variables(MaxEnergyOnInvalidId=500),
            event(one=token(), answer=told("Invalid")),
            later(121),
        ],
        # Somebody else's token cannot stop it.
        [
            STOPS_2X,
            event(one=token(), answer=told()),
            event("Updated", 1, token("B"), told("Invalid")),
            later(121),
        ],
        [STOPS_2X, event(one=token(), answer=told("Invalid"), charging="EVConnected"), later(121)],
        [STOPS_2X, event(one=token(), answer=told("Invalid")), gap(), later(121)],
        [STOPS_2X, event(one=token(), answer=told("Invalid")), event("Updated", 5), later(121)],
        [STOPS_2X, event(one=token(), answer={}), later(121)],
    ],
)
def test_refused_transactions_of_2x_that_may_go_on(legal):
    assert not judged(legal, only=["AUTH-007"], version="2.0.1")


def test_some_energy_may_be_allowed():
    pieces = [STOPS_2X, event(one=token(), answer=told("Invalid")), later(121)]
    assert [one.severity for one in judged(pieces, only=["AUTH-007"], version="2.0.1")] == [W]


# --- caches and lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "legal"),
    [
        ("1.6", [configured(AuthorizationCacheEnabled="false"), start()]),
        ("1.6", [configured(LocalAuthListEnabled="false"), start()]),
        ("1.6", [clear_cache(), start()]),
        ("1.6", [list_version(3), clear_cache(), start()]),
        ("1.6", [list_version(0), local_list("B", kind="Differential"), clear_cache(), start()]),
        ("1.6", [NEITHER, remote(), start()]),
        ("2.0.1", [NEITHER_2X, event(one=token(), offline=True)]),
        ("2.0.1", [NEITHER_2X, event(one=NOBODY, answer=told())]),
        ("2.0.1", [NEITHER_2X, request_start(token()), event(one=token())]),
        ("2.0.1", [variables("TxCtrlr", Enabled="false"), event(one=token())]),
        ("2.0.1", [NEITHER_2X, event("Ended", 3, token(), triggerReason="StopAuthorized")]),
    ],
)
def test_tokens_that_the_station_may_know(version, legal):
    assert "AUTH-012" not in {one.rule.id for one in judged(legal, version=version, only=["AUTH-012"])}


def test_what_was_accepted_since_is_in_the_cache():
    found = judged(list_version(0), clear_cache(), start(), stop(), start(transaction=8), only=["AUTH-012"])
    assert [one.count for one in found] == [1]


def test_an_empty_list_is_none():
    found = findings_of(clear_cache(), local_list(), start())["AUTH-012"]
    assert found.detail.endswith("the cache has been cleared since and there is no local list")


@pytest.mark.parametrize(
    "legal",
    [
        [start(), stop(), start(transaction=8, connector=2)],
        [start(), start(transaction=8)],
        [start(status="Invalid"), start(transaction=8, connector=2)],
        [start(), start("B", 8, 2)],
    ],
)
def test_one_transaction_at_a_time(legal):
    assert not judged(legal, only=["AUTH-013"])


# --- secrets ------------------------------------------------------------------------------------------------


def firmware(location):
    return ask(new(), "UpdateFirmware", {"location": location, "retrieveDate": stamp(60)}, {}, "<")


def network(**data):
    asked = {"configurationSlot": 1, "connectionData": data}
    return ask(new(), "SetNetworkProfile", asked, {"status": "Accepted"}, "<")


@pytest.mark.parametrize(
    ("version", "pieces", "name"),
    [
        ("1.6", set_key("AuthorizationKey"), "AuthorizationKey"),
        ("1.6", set_key("WifiPassword"), "WifiPassword"),
        ("1.6", set_key("AuthorizationKey", ""), None),
        ("1.6", configured(AuthorizationKey=SECRET), "AuthorizationKey"),
        ("1.6", configured(AuthorizationKey=""), None),
        ("1.6", firmware(f"ftp://user:{SECRET}@example.org/f.bin"), "a password in location"),
        ("1.6", firmware("ftp://user@example.org/f.bin"), None),
        ("1.6", firmware("https://example.org/a:b@c"), None),
        ("1.6", firmware("ftp://example.org:21/f.bin"), None),
        ("2.0.1", network(apn={"apn": "x", "apnPassword": SECRET}), "apnPassword"),
        ("2.0.1", network(vpn={"key": SECRET}), "key"),
        ("2.1", network(basicAuthPassword=SECRET), "basicAuthPassword"),
        ("2.0.1", event(one=token(SECRET, "KeyCode")), "KeyCode"),
        ("2.0.1", event(one=token()), None),
        (
            "2.0.1",
            ask(
                "s",
                "SetVariables",
                {
                    "setVariableData": [
                        {
                            "component": {"name": "SecurityCtrlr"},
                            "variable": {"name": "BasicAuthPassword"},
                            "attributeValue": SECRET,
                        }
                    ]
                },
                {"setVariableResult": []},
                "<",
            ),
            "BasicAuthPassword",
        ),
    ],
)
def test_secrets(version, pieces, name):
    found = judged(pieces, only=["AUTH-014"], version=version)
    assert [one.subject for one in found] == ([name] if name else [])
    assert all(SECRET not in one.detail for one in found)


# --- whole sessions -----------------------------------------------------------------------------------------


def test_a_day_with_1_6():
    day = [
        BOOT_16,
        status(0),
        status(1),
        authorize("A", parent="P"),
        start("A", parent="P"),
        later(200),
        authorize("B", parent="P"),
        stop("B"),
        later(200),
        remote("C"),
        authorize("C"),
        start("C", 8),
        later(100),
        stop("C", 8),
    ]
    assert not {one for one in serious(judged(day)) if one.startswith("AUTH")}


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_day_with_2x(version):
    day = [
        BOOT_2X,
        STOPS_2X,
        authorize_2x(),
        event(one=token(), answer=told()),
        later(200),
        event("Ended", 1, token(), told(), "EVConnected", triggerReason="StopAuthorized"),
        request_start(CENTRAL),
        event(one=CENTRAL, transaction="U", answer=told()),
        later(200),
    ]
    assert not {one for one in serious(judged(day, version=version)) if one.startswith("AUTH")}


OURS = [one for one in RULES if one.startswith("AUTH-")]
SHAPES = [None, True, 0, -1, 1.5, 1 << 70, "", "1", "x" * 3000, [], [1], {}, {"a": 1}, "9999-12-31T23:59:59Z"]
NAMES = """
    idTag idToken type idTagInfo idTokenInfo status parentIdTag groupIdToken expiryDate language1 language2
    transactionId transactionInfo eventType triggerReason connectorId evse id timestamp reason localAuthorizationList
    updateType
    listVersion setVariableData getVariableResult attributeValue variable component name key value configurationKey
    connectionData vpn apn location firmware log remoteLocation remoteStartId chargingState
""".split()
WORDS = [
    "Accepted",
    "Invalid",
    "NoAuthorization",
    "Central",
    "KeyCode",
    "A",
    "Started",
    "Ended",
    "ftp://a:b@c",
    "Full",
]
VALUES = st.recursive(
    st.sampled_from([*SHAPES, *WORDS]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=6,
)
PAYLOADS = st.one_of(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), VALUES)
STATION = "Authorize StartTransaction StopTransaction TransactionEvent NotifyReport".split()
CSMS = """
    SendLocalList GetLocalListVersion ClearCache RemoteStartTransaction RequestStartTransaction ReserveNow
    ChangeConfiguration GetConfiguration SetVariables GetVariables SetNetworkProfile UpdateFirmware GetLog
""".split()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(STATION + CSMS), PAYLOADS, PAYLOADS), max_size=12), st.data())
def test_no_payload_is_too_odd(said, data):
    version = data.draw(st.sampled_from(["1.6", "2.0.1", "2.1"]))
    pieces = []
    for action, asked, answer in said:
        sides, number = "><" if action in STATION else "<>", new()
        pieces += [
            f"{sides[0]} {call(number, action, asked)}",
            f"{sides[1]} {result(number, answer)}",
            "+130s",
        ]
    judged(pieces, later(130), version=version, only=OURS)


@pytest.mark.parametrize("name", NAMES)
def test_shapes(name):
    for version, shape in ((version, shape) for version in ("1.6", "2.0.1", "2.1") for shape in SHAPES):
        odd = [
            ask(new(), action, {name: shape}, {name: shape}, side)
            for action, side in (
                ("Authorize", ">"),
                ("StartTransaction", ">"),
                ("TransactionEvent", ">"),
                ("SetVariables", "<"),
            )
        ]
        judged(odd, version=version, only=OURS)


# --- what waited in the queue ---

BEGUN = {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": stamp()}
CONCURRENT = authorize(status="ConcurrentTx")


def refused_once(asked, *meanwhile):
    """A Call that gets a CallError, and is sent again after what comes in between."""
    first = new()
    yield f"> {call(first, 'StartTransaction', asked)}"
    yield f"< {error(first)}"
    yield from meanwhile
    yield ask(new(), "StartTransaction", asked, {"transactionId": 7, "idTagInfo": info()})


@pytest.mark.parametrize(
    "legal",
    [
        # It began before the token was refused: sent again, and held up behind another.
        [authorize(), *refused_once(BEGUN, "+2s", CONCURRENT)],
        [authorize(), refused_once(BEGUN | {"idTag": "B"}, "+60s", CONCURRENT), start(when=stamp(1))],
    ],
)
def test_starts_that_are_older_than_the_refusal(legal):
    assert not judged(legal, only=["AUTH-002"])


def test_the_next_transaction_is_not_the_one_that_is_stopped():
    waits = refused_once(BEGUN, "+50s", authorize(), "+10s")
    legal = [status(), authorize(), waits, stop("A", timestamp=stamp(20)), later(1)]
    assert not judged(legal, only=["AUTH-005"])


def test_how_many_connectors_there_are_may_not_be_known():
    found = judged(authorize(), start(), "+600s", authorize(), stop("A"), only=["AUTH-005"])
    assert [one.severity for one in found] == [W]


@pytest.mark.parametrize(
    "legal",
    [
        [configured(MaxEnergyOnInvalidId="3000"), start(status="Invalid"), later(121)],
        # Sent twice, and accepted in the end.
        [
            [
                f"> {call('t1', 'StartTransaction', BEGUN)}",
                "+31s",
                f"> {call('t2', 'StartTransaction', BEGUN)}",
            ],
            f"< {result('t1', {'transactionId': 7, 'idTagInfo': info('Invalid')})}",
            f"< {result('t2', {'transactionId': 7, 'idTagInfo': info()})}",
            later(200),
        ],
    ],
)
def test_transactions_that_may_go_on(legal):
    assert not judged(configured(StopTransactionOnInvalidId="true"), legal, only=["AUTH-004"])


def test_it_is_the_station_that_goes_on():
    found = judged(
        configured(StopTransactionOnInvalidId="true"),
        start(status="Invalid"),
        later(200),
        only=["AUTH-004"],
    )
    assert [one.direction for one in found] == [FROM_STATION]


@pytest.mark.parametrize("masked", ["****", "xxxxxxxx", "•••"])
def test_a_secret_that_is_masked(masked):
    assert not judged(
        set_key("AuthorizationKey", masked), configured(AuthorizationKey=masked), only=["AUTH-014"]
    )


def test_a_start_that_is_sent_again_counts_once():
    found = judged(NEITHER, refused_once(BEGUN, "+60s"), only=["AUTH-003", "AUTH-012"])
    assert [(one.rule.id, one.count) for one in found] == [("AUTH-003", 1), ("AUTH-012", 1)]


def test_where_bytes_are_missing_the_first_transaction_may_have_ended():
    second = start(transaction=8, connector=2)
    assert judged(start(), second, only=["AUTH-013"])
    assert not judged(start(), gap(), second, only=["AUTH-013"])


def test_a_long_parent():
    found = findings_of(authorize(parent="x" * 21))["AUTH-001"]
    assert found.detail == "Authorize has a parentIdTag of 21 characters, at most 20 are allowed"
    assert found.direction == FROM_CSMS
