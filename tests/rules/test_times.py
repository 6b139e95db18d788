import pytest

from tests.rules.sessions import NOW, ask, call, case, closed, findings_of, judged, notice, opened

E, W, I = "error", "warning", "info"
SAMPLES = [{"value": "1"}]


def status(message_id="s", when=NOW, connector=1):
    asked = {"connectorId": connector, "errorCode": "NoError", "status": "Available", "timestamp": when}
    return ask(message_id, "StatusNotification", asked)


def status_2x(message_id="s", when=NOW, connector=1):
    asked = {"timestamp": when, "connectorStatus": "Available", "evseId": 1, "connectorId": connector}
    return ask(message_id, "StatusNotification", asked)


def heartbeat(when):
    return ask("h", "Heartbeat", {}, {"currentTime": when})


def start(message_id="t", when=NOW, transaction=7):
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": when}
    answer = {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}}
    return ask(message_id, "StartTransaction", asked, answer)


def stop(message_id="u", when=NOW, transaction=7):
    return ask(
        message_id, "StopTransaction", {"transactionId": transaction, "meterStop": 1, "timestamp": when}
    )


def meter(message_id, *times, transaction=7):
    asked = {"connectorId": 1, "meterValue": [{"timestamp": t, "sampledValue": SAMPLES} for t in times]}
    return ask(
        message_id, "MeterValues", asked | ({"transactionId": transaction} if transaction is not None else {})
    )


def event(message_id, when=NOW, transaction="T", **changes):
    asked = {
        "eventType": "Updated",
        "timestamp": when,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 1,
        "transactionInfo": {"transactionId": transaction},
    }
    return ask(message_id, "TransactionEvent", asked | changes)


def reserve(when):
    asked = {"connectorId": 1, "expiryDate": when, "idTag": "A", "reservationId": 1}
    return ask("r", "ReserveNow", asked, {"status": "Accepted"}, "<")


def update(when):
    asked = {"requestId": 1, "firmware": {"location": "https://x", "retrieveDateTime": when}}
    return ask("f", "UpdateFirmware", asked, {"status": "Accepted"}, "<")


def log(oldest, latest):
    wanted = {"remoteLocation": "https://x", "oldestTimestamp": oldest, "latestTimestamp": latest}
    asked = {"log": wanted, "logType": "DiagnosticsLog", "requestId": 1}
    return ask("l", "GetLog", asked, {"status": "Accepted"}, "<")


def diagnostics(first, last):
    asked = {"location": "https://x", "startTime": first, "stopTime": last}
    return ask("d", "GetDiagnostics", asked, {}, "<")


def local_list(expires):
    entry = {"idTag": "A", "idTagInfo": {"status": "Expired", "expiryDate": expires}}
    asked = {"listVersion": 1, "localAuthorizationList": [entry], "updateType": "Full"}
    return ask("k", "SendLocalList", asked, {"status": "Accepted"}, "<")


def shifted(by, count=3):
    return [status(str(i), f"2026-11-22T{by}:15:0{i}Z") for i in range(count)]


MIDWAY = ["TX2-001", "TX2-009"]  # the transactions are seen from their middle on
CASES = [
    # form: without a zone or with an odd one, field only informs
    case(
        "TIME-001",
        heartbeat("2026-11-22T10:15:00"),
        heartbeat(NOW),
        W,
        I,
        about="no zone",
        subject="Heartbeat /currentTime no time zone",
    ),
    case(
        "TIME-001",
        heartbeat("2026-11-22T11:15:00+0100"),
        heartbeat("2026-11-22T11:15:00+01:00"),
        W,
        I,
        about="+0100",
    ),
    case("TIME-001", heartbeat("2026-11-22T11:15:00+01"), heartbeat(NOW), W, I, about="+01"),
    case("TIME-001", heartbeat("2026-11-22T10:15:00"), heartbeat(NOW), E, I, version="2.0.1"),
    case(
        "TIME-001",
        heartbeat("2026-11-22T11:15:00+0100"),
        heartbeat("2026-11-22T10:15:00z"),
        E,
        I,
        version="2.1",
    ),
    *(
        case(
            "TIME-001",
            heartbeat(wrong),
            heartbeat(NOW),
            severity,
            about=f"{wrong} {version}",
            version=version,
        )
        for version, severity in (("1.6", W), ("2.0.1", E), ("2.1", E))
        for wrong in (
            "2026-11-22 10:15:00Z",
            "2026-11-22T10:15Z",
            "2026-11-22",
            "2026-02-30T10:15:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T10:15:61Z",
            "now",
            "",
            "2026-11-22T10:15:00,5Z",
            "2026-11-22T10:15:00 Z",
            "2026-11-22T10:15:00+01:60",
            "1795342500",
        )
    ),
    case(
        "TIME-002",
        heartbeat("2026-11-22T10:15:00.1234Z"),
        heartbeat("2026-11-22T10:15:00.123Z"),
        E,
        version="2.0.1",
    ),
    case(
        "TIME-002",
        heartbeat("2026-11-22T10:15:00.123456789Z"),
        heartbeat("2026-11-22T10:15:00.0Z"),
        E,
        version="2.1",
    ),
    case("TIME-003", heartbeat("2026-11-22T11:15:00+01:00"), heartbeat(NOW), I),
    case("TIME-003", heartbeat("2026-11-22T10:15:00+00:00"), heartbeat(NOW), I, version="2.0.1"),
    case("TIME-004", status(when="2026-11-22T10:17:00Z"), status(when="2026-11-22T10:15:59Z"), W, events=[2]),
    case(
        "TIME-004",
        event("1", "2026-11-22T10:17:00Z"),
        event("1", "2026-11-22T10:15:30Z"),
        W,
        also=MIDWAY,
        version="2.0.1",
    ),
    case(
        "TIME-004",
        meter("1", "2026-11-22T10:17:00Z"),
        meter("1", NOW),
        W,
        about="samples",
        subject="MeterValues /meterValue/*/timestamp",
    ),
    case("TIME-005", status(when="2026-11-22T09:00:00Z"), status(when="2026-11-22T09:15:00Z"), W),
    case(
        "TIME-005",
        event("1", "2026-11-22T08:00:00Z"),
        event("1", "2026-11-22T08:00:00Z", offline=True),
        W,
        version="2.1",
        also=MIDWAY,
        about="offline",
    ),
    case(
        "TIME-005",
        status(when="2026-11-22T08:07:00Z"),
        start(when="2026-11-22T08:00:00Z"),
        W,
        about="1.6 queues transactions",
    ),
    case(
        "TIME-005",
        status(when="2026-11-22T08:07:00Z"),
        ask(
            "e",
            "SecurityEventNotification",
            {"type": "StartupOfTheDevice", "timestamp": "2026-11-22T08:07:00Z"},
        ),
        W,
        about="security events are queued",
    ),
    case(
        "TIME-006",
        [status("1"), status("2", "2026-11-22T10:14:59Z")],
        [status("1"), status("2")],
        W,
        subject="status",
        events=[4],
    ),
    case(
        "TIME-006",
        [status("1"), status("2", "2026-11-22T10:14:59Z")],
        [status("1"), status("2", "2026-11-22T10:14:59Z", 2)],
        W,
        about="another connector",
    ),
    case(
        "TIME-006",
        [event("1"), event("2", "2026-11-22T10:14:59Z")],
        [event("1"), event("2", "2026-11-22T10:14:59Z", "U")],
        W,
        also=MIDWAY,
        version="2.0.1",
        subject="transaction",
    ),
    case(
        "TIME-006",
        meter("1", NOW, "2026-11-22T10:14:59Z"),
        meter("1", "2026-11-22T10:14:59Z", NOW),
        W,
        about="within a message",
    ),
    case(
        "TIME-006",
        [meter("1", NOW), stop("2", "2026-11-22T10:14:59Z")],
        [meter("1", NOW), stop("2")],
        W,
        about="stop",
    ),
    case(
        "TIME-006",
        [status("1"), closed(), "+9s", opened(), status("2", "2026-11-22T10:14:59Z")],
        [status("1"), closed(), "+9s", opened(station="CP002"), status("1", "2026-11-22T10:14:59Z")],
        W,
        about="over sessions of one station",
    ),
    case("TIME-007", status(when="1970-01-01T00:00:12Z"), status(), W, I),
    case("TIME-007", event("1", "2000-01-01T00:00:00Z"), event("1"), W, I, also=MIDWAY, version="2.1"),
    case("TIME-008", shifted(12), shifted(12, 2), W, I, also=["TIME-004"]),
    case("TIME-008", shifted("09"), shifted("09", 2), W, I, about="behind"),
    case(
        "TIME-008",
        [status(str(i), f"2026-11-22T15:45:0{i}Z") for i in range(3)],
        [
            status("1", "2026-11-22T12:15:00Z"),
            status("2", "2026-11-22T13:15:00Z"),
            status("3", "2026-11-22T14:15:00Z"),
        ],
        W,
        I,
        about="half hours; not three different ones",
        also=["TIME-004"],
    ),
    case(
        "TIME-009",
        reserve("2026-11-22T10:00:00Z"),
        reserve("2026-11-22T11:00:00Z"),
        W,
        subject="ReserveNow /expiryDate",
    ),
    case("TIME-009", update("2026-11-22T10:00:00Z"), update("2026-11-22T10:14:30Z"), W, version="2.0.1"),
    case(
        "TIME-009",
        reserve("2026-11-22T10:00:00Z"),
        local_list("2026-01-01T00:00:00Z"),
        W,
        about="a tag may have expired",
    ),
    case(
        "TIME-009",
        log(NOW, "2026-11-22T10:00:00Z"),
        log("2026-11-22T10:00:00Z", NOW),
        W,
        also=["LOG-005"],
        version="2.1",
    ),
    case("TIME-009", diagnostics(NOW, "2026-11-22T10:00:00Z"), diagnostics("2026-11-22T10:00:00Z", NOW), W),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def test_what_the_csms_says_of_the_future_is_no_skew():
    assert not judged(reserve("2027-01-01T00:00:00Z"))


@pytest.mark.parametrize("transaction", [None, True, [1], {"a": 1}, 1.5])
def test_a_transaction_id_of_another_type_has_no_order(transaction):
    asked = {"transactionId": transaction, "meterStop": 1, "timestamp": "2026-11-22T10:14:59Z"}
    found = findings_of(meter("1", NOW), "> " + call("2", "StopTransaction", asked))
    assert "TIME-006" not in found


def test_a_clock_that_is_corrected_goes_forward():
    assert "TIME-006" not in findings_of(status("1", "2026-11-22T10:14:00Z"), status("2"))


def test_local_time_is_told_once_it_lasts():
    finding = findings_of(shifted(12, 5))["TIME-008"]
    assert finding.count == 3
    assert finding.events == [2, 4, 6, 8, 10]


def assuming(what):
    return notice("text.assumed", f"the {what} was assumed", f"a.log: {what}")


def test_a_zone_that_was_assumed_is_not_the_stations_fault():
    found = findings_of(assuming("zone"), shifted(12))
    assert not {"TIME-004", "TIME-005"} & set(found)
    off = "times are off by +2 h, message after message"
    fits = "the zone of the capture was assumed: --assume-tz=-02:00 would fit"
    assert (found["TIME-008"].severity, found["TIME-008"].detail) == ("info", f"{off}; {fits}")
    told = findings_of(assuming("zone"), heartbeat("2026-11-22T12:15:00Z"), shifted(12))
    assert told["BOOT-019"].severity == "info"
    assert told["BOOT-019"].detail.endswith("of the capture was assumed: --assume-tz=-02:00 would fit")
    assert not {"TIME-004", "TIME-005", "TIME-008", "BOOT-020"} & set(told)


@pytest.mark.parametrize("what", ["zone", "date", "year", "date of messages"])
def test_what_no_zone_explains_is_told_with_the_doubt(what):
    found = findings_of(
        assuming(what),
        status("1", "2026-11-22T08:27:00Z"),
        status("2", "2026-11-22T10:47:00Z"),
        reserve("2026-11-22T10:00:00Z"),
    )
    for rule in ("TIME-004", "TIME-005", "TIME-009"):
        assert found[rule].severity == "info"
        assert found[rule].detail.endswith(
            f"the {'zone' if what == 'zone' else 'date'} of the capture was assumed"
        )


def test_a_log_without_any_date_says_nothing_of_clocks():
    found = findings_of(
        assuming("no date"), shifted("02"), status("9", "2027-03-01T10:15:00Z"), profile="strict"
    )
    assert not {"TIME-004", "TIME-005", "TIME-008"} & set(found)


def test_other_assumptions_say_nothing_of_times():
    assert findings_of(assuming("station"), status("1", "2026-11-22T10:47:00Z"))["TIME-004"].severity == W


def test_times_of_free_form_fields_are_left_alone():
    assert not judged(
        ask("1", "DataTransfer", {"vendorId": "V", "data": "2026-11-22"}, {"status": "Accepted"}),
        skip=["BOOT-001"],
    )


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_status_of_2x(version):
    assert not judged(status_2x(), version=version)
    assert "TIME-006" in findings_of(status_2x("1"), status_2x("2", "2026-11-22T10:14:00Z"), version=version)


def test_a_transaction_that_stops_before_it_starts_is_told_once():
    found = findings_of(start(), stop(when="2026-11-22T10:14:00Z"))
    assert "TX16-011" in found
    assert "TIME-009" not in found
