from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.rules.tables.firmware import FIRMWARE, FIRMWARE_16, LOG, STATUS_OF, left_out
from tests.rules.sessions import (
    BOOT_16,
    ask,
    case,
    closed,
    findings_of,
    judged,
    opened,
    serious,
    stamp,
)
from tests.rules.test_firmware import (
    boot,
    diagnostics,
    heartbeats,
    log,
    logs,
    mine,
    start_16,
    told,
    told_16,
    trigger,
    update,
    update_16,
    updated,
)

E, W, I = "error", "warning", "info"
MINE = {f"FW-{n:03}" for n in range(1, 13)} | {f"LOG-{n:03}" for n in range(1, 7)}
IDS = count(1)


def uploads(*statuses):
    return told(*statuses, number=None, action="DiagnosticsStatusNotification")


WELL = ("Downloading", "Downloaded", "Installing", "Installed")
V201 = {"version": "2.0.1"}
V21 = {"version": "2.1"}


# --- anything may stand anywhere ---

ODD = [
    None,
    True,
    -1,
    1 << 80,
    1.5,
    "",
    "Downloading",
    "Idle",
    "9999-12-31T23:59:59Z",
    [],
    [[]],
    {},
    {"a": 1},
    "\ud800",
]
VALUES = st.sampled_from(ODD)
PAYLOADS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.one_of(
                VALUES, st.sampled_from(["Installing", "Installed", "Uploading", "Uploaded", "Accepted"])
            ),
            "requestId": VALUES,
            "location": st.one_of(VALUES, st.sampled_from(["ftp://a:b@c", "://", "@@://::"])),
            "fileName": VALUES,
            "filename": VALUES,
            "retrieveDate": VALUES,
            "retries": VALUES,
            "retryInterval": VALUES,
            "log": st.one_of(VALUES, st.fixed_dictionaries({"remoteLocation": VALUES})),
            "firmware": st.one_of(
                VALUES,
                st.fixed_dictionaries(
                    {
                        "location": VALUES,
                        "retrieveDateTime": VALUES,
                        "installDateTime": VALUES,
                        "signingCertificate": VALUES,
                    }
                ),
            ),
        },
    ),
)
STEPS = st.tuples(st.sampled_from(sorted({*STATUS_OF, *STATUS_OF.values()})), PAYLOADS, PAYLOADS)

CASES = [
    case(
        "LOG-001",
        [diagnostics(), uploads("Uploaded")],
        [diagnostics(), uploads("Uploading", "UploadFailed", "Uploading", "Uploaded")],
        W,
    ),
    case(
        "LOG-001",
        [diagnostics(), heartbeats(12)],
        [diagnostics({}), heartbeats(12)],
        W,
        about="nothing comes",
    ),
    case(
        "LOG-001",
        [diagnostics(), uploads("Uploading"), heartbeats(70)],
        [diagnostics(), uploads("Uploading"), heartbeats(40)],
        W,
        about="no end",
    ),
    case(
        "LOG-001",
        [BOOT_16, heartbeats(12), uploads("Uploading")],
        [BOOT_16, uploads("Uploading")],
        W,
        about="not asked for",
    ),
    case(
        "LOG-001",
        [ask("d", "GetDiagnostics", {"location": "https://x/"}, {}, "<"), uploads("Uploading")],
        [diagnostics(), uploads("Uploading")],
        I,
        about="no file",
    ),
    case(
        "LOG-002",
        [log(), logs("Uploading", number=None)],
        [log(), logs("Uploading")],
        E,
    ),
    case("LOG-002", [log(), logs("Uploading", number=2)], [log(), logs("Uploading", "Uploaded")], E, **V201),
    case(
        "LOG-002",
        [log(), logs("Uploaded")],
        [log(), logs("PermissionDenied")],
        E,
        about="Uploading left out",
        **V21,
    ),
    case(
        "LOG-003",
        [
            log(),
            logs("Uploading"),
            trigger("LogStatusNotification", "ExtendedTriggerMessage"),
            logs("Idle", number=None),
        ],
        [
            log(),
            logs("Uploading", "Uploaded"),
            trigger("LogStatusNotification", "ExtendedTriggerMessage"),
            logs("Idle", number=None),
        ],
        E,
    ),
    case(
        "LOG-003",
        [log(), logs("Uploading"), heartbeats(70)],
        [log(retries=3, retryInterval=3_600), logs("Uploading"), heartbeats(70)],
        W,
        **V201,
    ),
    case(
        "LOG-003",
        [log(), heartbeats(12)],
        [log(answer="Rejected"), heartbeats(12)],
        W,
        about="nothing comes",
        **V21,
    ),
    case(
        "LOG-004",
        [log(), logs("Uploading"), log(2)],
        [log(), logs("Uploading"), log(2, "AcceptedCanceled"), logs("Uploading", number=2)],
        W,
    ),
    case(
        "LOG-004",
        [
            log(),
            logs("Uploading"),
            log(2, "AcceptedCanceled"),
            logs("Uploading", number=2),
            "+60s",
            heartbeats(1),
        ],
        [
            log(),
            logs("Uploading"),
            log(2, "AcceptedCanceled"),
            logs("AcceptedCanceled"),
            logs("Uploading", number=2),
            "+60s",
            heartbeats(1),
        ],
        W,
        **V201,
    ),
    case(
        "LOG-004",
        [log(), logs("Uploading"), log(2, kind="SecurityLog")],
        [log(), logs("Uploading", "Uploaded"), log(2)],
        I,
        **V21,
    ),
    case("LOG-005", log(filename=None), log(), W, **V201),
    case(
        "LOG-005",
        ask(
            "l",
            "GetLog",
            {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "https://x/"}},
            {"status": "Rejected", "filename": "x"},
            "<",
        ),
        log(answer="Rejected", kind="SecurityLog"),
        W,
        **V21,
    ),
    case("LOG-005", log(answer="Rejected"), log(answer="AcceptedCanceled"), I, **V21),
    case(
        "LOG-006",
        [log(), logs("Uploading", "Uploaded", "Uploaded")],
        [log(), logs("Uploading", "Uploading", "Uploaded")],
        W,
    ),
    case(
        "LOG-006",
        [log(), logs("Uploading", "Uploaded", "Uploading")],
        [log(), logs("Uploading", "UploadFailure", "Uploading")],
        W,
        **V21,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


# --- the state that never came ---


@pytest.mark.parametrize(
    ("sequence", "before", "status", "missing"),
    [
        (FIRMWARE_16, None, "Downloading", []),
        (FIRMWARE_16, None, "Installed", ["Downloading", "Downloaded", "Installing"]),
        (FIRMWARE_16, "Downloaded", "Installed", ["Installing"]),
        (FIRMWARE, "DownloadPaused", "Downloaded", ["Downloading"]),
        (FIRMWARE, "Downloading", "SignatureVerified", ["Downloaded"]),
        (FIRMWARE, "Downloaded", "InstallRebooting", []),
        (FIRMWARE, "Installed", "Downloading", None),
        (FIRMWARE, "Installed", "Nonsense", None),
        (FIRMWARE_16, "Downloaded", "Downloading", None),
        (LOG, None, "Uploaded", ["Uploading"]),
        (LOG, "Uploaded", "Uploading", None),
    ],
)
def test_what_was_left_out(sequence, before, status, missing):
    assert left_out(sequence, before, status) == missing


def test_a_log_that_is_asked_for_again_goes_on():
    found = judged(log(1), logs("Uploading"), log(1), logs("Uploaded"), version="2.0.1")
    assert not serious(found) & MINE


def test_statuses_of_a_station_that_was_offline_are_lost():
    away = [closed(), "+60s", opened()]
    assert not mine(update(), told("Downloading"), away, told("Installing"), version="2.1")
    assert not mine(update_16(), away, told_16("Downloaded"))
    assert not mine(log(), away, logs("Uploaded"), version="2.1")
    assert not mine(update_16(), away, heartbeats(20))
    assert not mine(update(), told(*WELL[:3]), away, update(2), version="2.1")
    assert not mine(log(), logs("Uploading"), away, log(2), version="2.1")
    assert not mine(log(), logs("Uploading"), away, heartbeats(80), version="2.0.1")


@pytest.mark.parametrize("late", [True, False])
def test_one_from_before_the_capture_ends_after_the_next_was_accepted(late):
    here = opened(late=late)
    assert not mine(here, log(6), logs("Uploaded", number=5), logs("Uploading", number=6), version="2.1")
    assert not mine(
        here, update(6), told("DownloadFailed", number=5), told("Downloading", number=6), version="2.1"
    )


def test_a_canceled_update_is_not_stuck():
    pieces = [update(), told("Downloading"), update(2, "AcceptedCanceled"), told(*WELL, number=2), updated()]
    assert not mine(*pieces, boot(), heartbeats(150), version="2.1")


def test_a_station_that_may_charge_meanwhile():
    assert not serious(judged(start_16(), update_16(), told_16(*WELL)))


def test_an_untriggered_status_without_request_id():
    asked = trigger("LogStatusNotification")
    assert "LOG-002" not in findings_of(asked, logs("Uploaded", number=None), version="2.1")
    assert "LOG-002" in findings_of(
        log(), logs("Uploading"), asked, logs("Uploading", number=None), version="2.1"
    )


def test_without_times():
    pieces = [update(retrieveDateTime=stamp(600)), told(*WELL), log(), logs("Uploading"), heartbeats(100)]
    assert not mine(*pieces, version="2.1", timeless=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=8), st.sampled_from(["1.6", "2.0.1", "2.1"]))
def test_no_shape_raises(steps, version):
    pieces = [
        ask(str(n), action, asked, answer, "<" if action in STATUS_OF else ">")
        for n, (action, asked, answer) in enumerate(steps)
    ]
    judged(*pieces, "+9000s", heartbeats(1), version=version)
