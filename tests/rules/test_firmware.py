from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.rules.sessions import (
    BOOT_16,
    CURRENT,
    NOW,
    START,
    ask,
    call,
    case,
    closed,
    damaged,
    error,
    findings_of,
    gap,
    judged,
    notice,
    opened,
    result,
    serious,
    stamp,
)

E, W, I = "error", "warning", "info"
MINE = {f"FW-{n:03}" for n in range(1, 13)} | {f"LOG-{n:03}" for n in range(1, 7)}
KEY = ec.generate_private_key(ec.SECP256R1())
DAY = timedelta(days=1)
IDS = count(1)


def certificate(begins=-10 * DAY, ends=10 * DAY):
    now = datetime.fromtimestamp(START // 1_000_000_000, UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Maker")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    built = built.serial_number(7).not_valid_before(now + begins).not_valid_after(now + ends)
    return built.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


CERTIFICATE = certificate()
EXPIRED = certificate(-20 * DAY, -5 * DAY)


def update_16(retrieve=NOW, answer=None, location="https://x/f.bin", **more):
    return ask(
        "u", "UpdateFirmware", {"location": location, "retrieveDate": retrieve} | more, answer or {}, "<"
    )


def update(number=1, answer="Accepted", action="UpdateFirmware", **firmware):
    asked = {"location": "https://x/f.bin", "retrieveDateTime": NOW} | firmware
    return ask(f"u{number}", action, {"requestId": number, "firmware": asked}, {"status": answer}, "<")


def signed(number=1, answer="Accepted", **firmware):
    given = {"signingCertificate": CERTIFICATE, "signature": "c2ln"} | firmware
    return update(number, answer, "SignedUpdateFirmware", **given)


def told(*statuses, number=1, action="FirmwareStatusNotification"):
    """Statuses, ten seconds apart."""
    said = {} if number is None else {"requestId": number}
    return [[*ask(f"told {next(IDS)}", action, {"status": status} | said), "+10s"] for status in statuses]


def told_16(*statuses):
    return told(*statuses, number=None)


def told_signed(*statuses, number=1):
    return told(*statuses, number=number, action="SignedFirmwareStatusNotification")


def updated(kind="FirmwareUpdated"):
    return ask(f"event {next(IDS)}", "SecurityEventNotification", {"type": kind, "timestamp": CURRENT})


def boot(reason="FirmwareUpdate"):
    return ask(
        "boot",
        "BootNotification",
        {"reason": reason, "chargingStation": {"vendorName": "V", "model": "M"}},
        {"status": "Accepted", "currentTime": CURRENT, "interval": 300},
    )


def boot_16():
    return BOOT_16


def diagnostics(answer=None, location="https://x/"):
    return ask(
        "d",
        "GetDiagnostics",
        {"location": location},
        {"fileName": "d.zip"} if answer is None else answer,
        "<",
    )


def log(number=1, answer="Accepted", kind="DiagnosticsLog", filename="l.zip", **more):
    asked = {"logType": kind, "requestId": number, "log": {"remoteLocation": "https://x/"}} | more
    named = {} if filename is None or answer == "Rejected" else {"filename": filename}
    return ask(f"l{number}", "GetLog", asked, {"status": answer} | named, "<")


def logs(*statuses, number=1):
    return told(*statuses, number=number, action="LogStatusNotification")


def publish(number=1, answer="Accepted"):
    asked = {"location": "https://x/f.bin", "checksum": "0" * 32, "requestId": number}
    return ask(f"p{number}", "PublishFirmware", asked, {"status": answer}, "<")


def published(*statuses, number=1):
    return told(*statuses, number=number, action="PublishFirmwareStatusNotification")


def trigger(name, action="TriggerMessage"):
    return ask(f"t{name}", action, {"requestedMessage": name}, {"status": "Accepted"}, "<")


def heartbeats(minutes):
    """Half a minute and four more at a time, so that no one seems silent."""
    return [
        [*ask(f"beat {next(IDS)}", "Heartbeat", {}, {"currentTime": CURRENT}), "+240s"]
        for _ in range(minutes // 4 + 1)
    ]


def start_16(transaction=7):
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": CURRENT}
    return ask(
        "s", "StartTransaction", asked, {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}}
    )


def stop_16(transaction=7, when=CURRENT, reason="Local"):
    asked = {"transactionId": transaction, "meterStop": 1, "timestamp": when, "reason": reason}
    return ask("x", "StopTransaction", asked, {})


WELL = ("Downloading", "Downloaded", "Installing", "Installed")
V201 = {"version": "2.0.1"}
V21 = {"version": "2.1"}
PASSWORD = "hunter2secret"


# --- what is legal, and near to what is not ---


def mine(*pieces, **options):
    return {one.rule.id for one in judged(*pieces, **options)} & MINE


CASES = [
    case(
        "FW-001",
        [update_16(), told_16("Downloading", "Downloaded", "Installed")],
        [update_16(), told_16(*WELL)],
        W,
        subject="the update Installed",
        about="Installing left out",
    ),
    case(
        "FW-001",
        [update_16(), told_16("Installing")],
        [update_16(), told_16("Downloading")],
        W,
        about="begins late",
    ),
    case(
        "FW-001",
        [update_16(), told_16("Downloading", "Downloaded", "Downloaded")],
        [update_16(), told_16("Downloading", "Downloading", "Downloaded")],
        W,
        about="told again",
    ),
    case(
        "FW-001",
        [update_16(), told_16(*WELL[:3], "Downloading")],
        [update_16(), told_16("Downloading", "DownloadFailed", *WELL)],
        W,
        about="backwards; a retry",
    ),
    case(
        "FW-001",
        [update_16(), heartbeats(12)],
        [update_16(stamp(3_600)), heartbeats(12)],
        W,
        about="nothing comes",
        events=[2, 3],
    ),
    case(
        "FW-001",
        [signed(), told_signed("Downloading", "SignatureVerified")],
        [signed(), told_signed("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed")],
        W,
        about="signed",
    ),
    case(
        "FW-002",
        [update(), told("Downloading", "Downloaded", "Installed")],
        [update(), told(*WELL), updated()],
        E,
        **V201,
    ),
    case(
        "FW-002",
        [update(), told("Downloading", "Installing")],
        [
            update(retrieveDateTime=stamp(100), installDateTime=stamp(200)),
            told("DownloadScheduled", "Downloading", "DownloadPaused", "Downloading", "Downloaded"),
            told("SignatureVerified", "InstallScheduled", "Installing", "InstallRebooting", "Installed"),
            updated(),
        ],
        E,
        about="every step",
        **V21,
    ),
    case(
        "FW-002",
        [update(), told("Downloading", "Downloaded", "Downloaded")],
        [
            update(),
            told("Downloading", "Downloaded"),
            trigger("FirmwareStatusNotification"),
            told("Downloaded"),
        ],
        W,
        about="told again; triggered",
        **V21,
    ),
    case(
        "FW-002",
        [update(), told("Downloading", "DownloadFailed", "Downloading")],
        [update(), told("Downloading", "DownloadFailed"), update(2), told("Downloading", number=2)],
        W,
        about="after the end",
        **V21,
    ),
    case(
        "FW-002",
        [update(), heartbeats(12)],
        [update(answer="Rejected"), heartbeats(12)],
        W,
        about="nothing comes",
        **V201,
    ),
    case("FW-003", [update(), told("Downloading", number=None)], [update(), told("Downloading")], E, **V201),
    case("FW-003", [told("Downloading", number=None)], [told("Idle", number=None)], E, about="Idle", **V21),
    case(
        "FW-003",
        [update(), told("Downloading", number=2)],
        [
            update(),
            told("Downloading"),
            update(2, "AcceptedCanceled"),
            told("DownloadFailed"),
            told("Downloading", number=2),
        ],
        E,
        about="another",
        subject="2",
        **V21,
    ),
    case(
        "FW-003",
        [signed(), told_signed("Downloading", number=3)],
        [signed(), told_signed("Downloading")],
        E,
        about="1.6",
    ),
    case(
        "FW-011",
        [publish(), published("Downloading", number=None)],
        [publish(), published("Downloading"), published("Idle", number=None)],
        E,
        **V21,
    ),
    case(
        "FW-011",
        [publish(), published("Downloading", number=4)],
        [published("Downloading", number=4)],
        E,
        **V201,
    ),
    case(
        "FW-004",
        [update(retrieveDateTime=stamp(600)), told("Downloading")],
        [update(retrieveDateTime=stamp(600)), told("DownloadScheduled"), "+600s", told("Downloading")],
        W,
        about="to be fetched later",
        also=["BOOT-016"],
        **V201,
    ),
    case(
        "FW-004",
        [update(installDateTime=stamp(600)), told("Downloading", "Downloaded", "Installing")],
        [update(installDateTime=stamp(600)), told("Downloading", "Downloaded", "InstallScheduled")],
        W,
        about="to be installed later",
        **V21,
    ),
    case(
        "FW-004",
        [update(), told("Downloading", "Downloaded"), closed(), opened(), boot()],
        [update(), told("Downloading", "Downloaded", "InstallRebooting"), closed(), opened(), boot()],
        W,
        about="reboots",
        **V21,
    ),
    case(
        "FW-004",
        [update(), told("Downloading", "Downloaded"), closed(), opened(), boot()],
        [update(), told(*WELL[:3]), closed(), opened(), boot()],
        W,
        about="reboots to activate",
        **V201,
    ),
    case(
        "FW-005",
        update(signingCertificate=EXPIRED),
        update(signingCertificate=CERTIFICATE),
        E,
        subject="Maker",
        **V201,
    ),
    case(
        "FW-005",
        update(signingCertificate="none"),
        update(signingCertificate="none", answer="InvalidCertificate"),
        E,
        **V21,
    ),
    case(
        "FW-005",
        signed(signingCertificate=EXPIRED),
        signed(signingCertificate=EXPIRED, answer="InvalidCertificate"),
        E,
    ),
    case(
        "FW-005",
        update(signingCertificate=CERTIFICATE[:100]),
        update(),
        W,
        about="cannot be read",
        **V21,
    ),
    case(
        "FW-006",
        [update(), told(*WELL), heartbeats(8)],
        [update(), told(*WELL[:3]), updated(), told("Installed"), heartbeats(8)],
        W,
        **V201,
    ),
    case(
        "FW-006",
        [update(), told(*WELL), heartbeats(8)],
        [update(), told(*WELL), updated(), heartbeats(8)],
        W,
        **V21,
    ),
    case(
        "FW-007",
        [update(), told(*WELL[:3]), update(2)],
        [update(), told(*WELL[:3]), update(2, "AcceptedCanceled")],
        W,
        **V201,
    ),
    case(
        "FW-007",
        [update(), told(*WELL[:3]), update(2)],
        [update(), told(*WELL[:3]), update(2, "Rejected"), told("Installed"), updated(), update(3)],
        W,
        **V21,
    ),
    case(
        "FW-007",
        [update(), told("Downloading"), update(2)],
        [update(), update(2)],
        I,
        about="fetching",
        **V21,
    ),
    case(
        "FW-008",
        [update_16(), told_16(*WELL[:3]), heartbeats(70)],
        [update_16(), told_16(*WELL), boot_16()],
        W,
    ),
    case(
        "FW-008",
        [update(), told("Downloading"), heartbeats(130)],
        [update(), told("Downloading"), heartbeats(110)],
        W,
        about="fetching",
        **V201,
    ),
    case(
        "FW-008",
        [update(), told(*WELL[:3], "InstallRebooting"), closed(), "+30s", opened(), boot(), heartbeats(20)],
        [
            update(),
            told(*WELL[:3], "InstallRebooting"),
            closed(),
            "+30s",
            opened(),
            boot(),
            told("Installed"),
            updated(),
            updated("StartupOfTheDevice"),
            heartbeats(20),
        ],
        W,
        about="after the boot",
        also=["BOOT-012"],
        **V21,
    ),
    case(
        "FW-008",
        [update(), told(*WELL), updated(), heartbeats(12)],
        [update(), told(*WELL), updated(), closed(), "+30s", opened(), boot()],
        I,
        about="no boot",
        **V21,
    ),
    case(
        "FW-009",
        [start_16(), update_16(), told_16(*WELL[:3]), closed(), "+20s", opened(), BOOT_16, heartbeats(4)],
        [
            update_16(),
            told_16(*WELL[:2]),
            start_16(),
            stop_16(),
            told_16("Installing"),
            closed(),
            "+20s",
            opened(),
            BOOT_16,
        ],
        I,
    ),
    case(
        "FW-010",
        [signed(), told_signed(*WELL), update_16()],
        [
            signed(),
            told_signed(*WELL),
            [
                "< " + call("u", "UpdateFirmware", {"location": "https://x/f", "retrieveDate": NOW}),
                "> " + error("u", "NotSupported"),
            ],
        ],
        E,
    ),
    case("FW-010", [told_signed("Downloading"), update_16()], [update_16()], E),
    case("FW-012", update_16(location="/f.bin"), update_16(), W, about="no scheme", subject="scheme"),
    case("FW-012", update_16(location="gopher://x/f"), update_16(location="SFTP://x/f"), W, subject="gopher"),
    case(
        "FW-012",
        [
            ask(
                "g",
                "GetConfiguration",
                {},
                {
                    "configurationKey": [
                        {"key": "SupportedFileTransferProtocols", "readonly": True, "value": "HTTP, HTTPS"}
                    ]
                },
                "<",
            ),
            diagnostics(location="ftp://x/"),
        ],
        [
            ask(
                "g",
                "GetConfiguration",
                {},
                {
                    "configurationKey": [
                        {"key": "SupportedFileTransferProtocols", "readonly": True, "value": "FTP,HTTPS"}
                    ]
                },
                "<",
            ),
            diagnostics(location="ftp://x/"),
        ],
        W,
        about="not supported",
    ),
    case(
        "FW-012",
        update(location=f"ftp://me:{PASSWORD}@x/f"),
        update(location=f"https://me:{PASSWORD}@x/f"),
        W,
        I,
        about="a password in clear",
        **V201,
    ),
    case(
        "FW-012",
        log(log={"remoteLocation": "x"}),
        log(log={"remoteLocation": "http://anonymous:me@x/"}),
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


def test_the_state_that_never_came_is_named():
    found = findings_of(update(), told("Downloading", "Downloaded", "Installed"), version="2.1")["FW-002"]
    assert found.detail == "update 1: Installed after Downloaded; Installing never came"
    found = findings_of(log(), logs("Uploading"), heartbeats(70), version="2.1")["LOG-003"]
    assert found.detail == "log 1 is Uploading, and after 60.0 min Uploaded or a failure has not come"


def test_an_update_that_is_asked_for_again_goes_on():
    """The station need not begin anew."""
    rest = ("Downloaded", "Installing", "Installed")
    for again in ([update_16(), told_16(*rest)], [update_16(), told_16("Downloading", *rest)]):
        assert not serious(judged(BOOT_16, update_16(), told_16("Downloading"), again)) & MINE
    again = [update(1), told(*rest)]
    assert "FW-002" not in findings_of(update(1), told("Downloading"), again, version="2.0.1")
    again = [update(1), told("Downloading", "Installing")]
    assert "FW-002" in findings_of(update(1), told("Downloading"), again, version="2.0.1")


def test_a_download_that_may_be_tried_again():
    asked = {
        "requestId": 1,
        "retries": 2,
        "firmware": {"location": "https://x/f.bin", "retrieveDateTime": NOW},
    }
    request = ask("u", "UpdateFirmware", asked, {"status": "Accepted"}, "<")
    tries = told("Downloading", "DownloadFailed", "Downloading", "Downloaded")
    assert "FW-002" not in findings_of(request, tries, version="2.0.1")


@pytest.mark.parametrize(
    ("rule", "ask_for", "tell"), [("FW-003", update, told), ("FW-011", publish, published)]
)
def test_another_request_id_in_the_middle(rule, ask_for, tell):
    found = findings_of(ask_for(1), tell("Downloading"), tell("Downloaded", number=7), version="2.0.1")
    assert found[rule].severity == E


def test_a_signing_certificate_that_is_not_yet_valid():
    future = update(signingCertificate=certificate(5 * DAY, 20 * DAY), signature="c2ln")
    assert "valid from 2026-11-27" in findings_of(future, version="2.0.1")["FW-005"].detail
    assumed = notice("text.assumed", subject="date")
    assert "FW-005" not in findings_of(assumed, future, version="2.0.1")


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_statuses_of_before_the_capture(version):
    assert not mine(
        opened(late=True), told("Installing", "Installed", number=4), updated(), version=version
    ) - {"FW-008"}
    assert not mine(opened(late=True), logs("Uploaded", number=4), version=version)


@pytest.mark.parametrize("lost", [gap(), damaged("json")])
def test_statuses_that_the_capture_lost(lost):
    assert not mine(update(), told("Downloading"), lost, told("Installed"), updated(), version="2.1") - {
        "FW-008"
    }
    assert not mine(update_16(), lost, heartbeats(12))
    assert not mine(log(), logs("Uploading"), lost, heartbeats(70), version="2.1")


def test_a_status_that_is_sent_again_for_want_of_an_answer():
    again = call("x", "FirmwareStatusNotification", {"status": "Downloaded", "requestId": 1})
    pieces = [update(), told("Downloading"), f"> {again}", "+40s", f"> {again}", f"< {result('x')}"]
    assert "FW-002" not in findings_of(*pieces, version="2.1")


def test_a_status_before_the_answer_belongs_to_the_new_update():
    asked = {"requestId": 2, "firmware": {"location": "https://x/f", "retrieveDateTime": NOW}}
    pieces = [
        update(),
        told(*WELL),
        updated(),
        "< " + call("u2", "UpdateFirmware", asked),
        told("Downloading", number=2),
        "> " + result("u2", {"status": "Accepted"}),
        told("Downloaded", number=2),
        heartbeats(12),
    ]
    assert not mine(*pieces, version="2.1") - {"FW-008"}
    pieces = [
        update_16(),
        told_16(*WELL),
        "< " + call("v", "UpdateFirmware", {"location": "https://x/f", "retrieveDate": NOW}),
    ]
    assert not mine(*pieces, told_16("Downloading"), "> " + result("v"), told_16("Downloaded"))


def test_an_update_that_ends_while_the_next_is_asked_for():
    asked = {"requestId": 2, "firmware": {"location": "https://x/f", "retrieveDateTime": NOW}}
    pieces = [
        "< " + call("u2", "UpdateFirmware", asked),
        told("Installed"),
        "> " + result("u2", {"status": "Accepted"}),
    ]
    assert "FW-007" not in findings_of(update(), told(*WELL[:3]), *pieces, version="2.1")


def test_one_request_id_for_all():
    thrice = [[update(), told(*WELL), updated()] for _ in range(3)]
    assert not mine(*thrice, version="2.1") - {"FW-008"}


def test_an_update_that_waits_for_a_transaction():
    assert not mine(start_16(), update_16(), heartbeats(20))
    assert not mine(start_16(), update_16(), told_16("Downloading", "Downloaded"), heartbeats(300))
    assert mine(update_16(), told_16("Downloading", "Downloaded"), heartbeats(300)) == {"FW-008"}


def test_an_update_that_waits_for_its_time():
    later = [update(installDateTime=stamp(8 * 3600)), told("Downloading", "Downloaded", "InstallScheduled")]
    assert not mine(later, heartbeats(600), version="2.1")
    assert mine(later, heartbeats(800), version="2.1") == {"FW-008"}


def test_installing_while_charging_is_told_when_it_cut_a_transaction():
    pieces = [start_16(), update_16(), told_16(*WELL[:3]), closed(), "+20s", opened(), BOOT_16]
    found = [one for one in judged(*pieces, "+150s", heartbeats(1)) if one.rule.id == "FW-009"]
    assert [(one.severity, one.subject) for one in found] == [(I, "installing"), (W, "booted")]
    # queued while offline: it had stopped before
    pieces = [
        start_16(),
        "+5s",
        update_16(),
        told_16("Downloading", "Downloaded"),
        closed(),
        "+10s",
        opened(),
    ]
    stopped = [told_16("Installing"), closed(), "+20s", opened(), BOOT_16, stop_16(when=stamp(3)), "+150s"]
    assert not serious(one for one in judged(*pieces, *stopped, heartbeats(1)) if one.rule.id == "FW-009")


def test_a_password_is_not_shown():
    found = findings_of(update(location=f"ftp://me:{PASSWORD}@x/f"), version="2.1")["FW-012"]
    assert PASSWORD not in found.detail
    assert found.detail.startswith("UpdateFirmware names ftp:// with a user name and a password")


def test_a_code_other_than_not_supported():
    pieces = [
        signed(),
        told_signed(*WELL),
        "< " + call("u", "UpdateFirmware", {"location": "https://x", "retrieveDate": NOW}),
    ]
    assert findings_of(*pieces, "> " + error("u", "InternalError"))["FW-010"].severity == I
