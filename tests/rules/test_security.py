from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.sessions import (
    BOOT_16,
    CURRENT,
    NOW,
    START,
    ask,
    call,
    case,
    closed,
    error,
    findings_of,
    gap,
    judged,
    notice,
    opened,
    result,
    serious,
)

E, W, I = "error", "warning", "info"
MINE = {f"SEC-{n:03}" for n in range(1, 14)}
V201 = {"version": "2.0.1"}
V21 = {"version": "2.1"}
IDS = count(1)
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
DAY = timedelta(days=1)
AT = datetime.fromtimestamp(START // 1_000_000_000, UTC)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@cache
def built(
    subject="CP001", key=KEY, serial=0xABCDEF012345, begins=-10 * DAY, ends=10 * DAY, issuer=None, by=OTHER
):
    made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer or subject))
    made = made.public_key(key.public_key()).serial_number(serial)
    return made.not_valid_before(AT + begins).not_valid_after(AT + ends).sign(by, hashes.SHA256())


def pem(*args, **options):
    return built(*args, **options).public_bytes(Encoding.PEM).decode()


@cache
def csr(key=KEY):
    made = x509.CertificateSigningRequestBuilder().subject_name(name("CP001")).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


GOOD = pem(issuer="CA")
EXPIRED = pem(issuer="CA", begins=-20 * DAY, ends=-5 * DAY)
FUTURE = pem(issuer="CA", begins=5 * DAY, ends=20 * DAY)
FOREIGN = pem(issuer="CA", key=OTHER)
ROOT = built("Root", key=OTHER, serial=0x123456789ABC)
NEXT_ROOT = pem("Next", key=KEY, issuer="Root", serial=9)
OTHER_ROOT = pem("Next", key=KEY, by=KEY, serial=9)


def hash_data(of, issuer, **changes):
    made = ocsp.OCSPRequestBuilder().add_certificate(of, issuer, hashes.SHA256()).build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": made.issuer_name_hash.hex(),
        "issuerKeyHash": made.issuer_key_hash.hex().upper(),
        "serialNumber": f"{of.serial_number:X}",
    } | changes


OF_ROOT = hash_data(ROOT, ROOT)
OF_OWN = hash_data(built(issuer="CA"), built("CA", key=OTHER))


def sign(kind=None, number=None, key=KEY, answer="Accepted"):
    asked = {"csr": csr(key)}
    if kind is not None:
        asked["certificateType"] = kind
    if number is not None:
        asked["requestId"] = number
    return ask(f"sign {next(IDS)}", "SignCertificate", asked, {"status": answer})


def signed(chain=GOOD, answer="Accepted", **more):
    return ask(
        f"signed {next(IDS)}",
        "CertificateSigned",
        {"certificateChain": chain} | more,
        {"status": answer},
        "<",
    )


def install(certificate=None, answer="Accepted", kind="CSMSRootCertificate"):
    asked = {
        "certificateType": kind,
        "certificate": certificate or pem("Root", key=OTHER, serial=0x123456789ABC),
    }
    return ask(f"install {next(IDS)}", "InstallCertificate", asked, {"status": answer}, "<")


def install_16(certificate=None, answer="Accepted"):
    return install(certificate, answer, "CentralSystemRootCertificate")


def delete(data, answer="Accepted"):
    return ask(
        f"delete {next(IDS)}", "DeleteCertificate", {"certificateHashData": data}, {"status": answer}, "<"
    )


def listed(*data, kind="CSMSRootCertificate"):
    entries = [{"certificateType": kind, "certificateHashData": one} for one in data]
    answer = {"status": "Accepted", "certificateHashDataChain": entries} if data else {"status": "NotFound"}
    return ask(f"list {next(IDS)}", "GetInstalledCertificateIds", {"certificateType": [kind]}, answer, "<")


def listed_16(*data):
    asked = {"certificateType": "CentralSystemRootCertificate"}
    answer = {"status": "Accepted", "certificateHashData": list(data)}
    return ask(f"list {next(IDS)}", "GetInstalledCertificateIds", asked, answer, "<")


def told(kind, more=None):
    asked = {"type": kind, "timestamp": CURRENT} | ({"techInfo": more} if more else {})
    return ask(f"event {next(IDS)}", "SecurityEventNotification", asked)


def configure(key, value, answer="Accepted"):
    return ask(
        f"set {next(IDS)}", "ChangeConfiguration", {"key": key, "value": value}, {"status": answer}, "<"
    )


def variable(component, variable, value):
    return {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": value}


def get(component, name, value):
    of = variable(component, name, value)
    asked = {"getVariableData": [{"component": of["component"], "variable": of["variable"]}]}
    answer = {"getVariableResult": [of | {"attributeStatus": "Accepted"}]}
    return ask(f"get {next(IDS)}", "GetVariables", asked, answer, "<")


def put(component, name, value, answer="Accepted"):
    of = variable(component, name, value)
    said = {"component": of["component"], "variable": of["variable"], "attributeStatus": answer}
    return ask(
        f"put {next(IDS)}", "SetVariables", {"setVariableData": [of]}, {"setVariableResult": [said]}, "<"
    )


def network(profile, answer="Accepted", slot=1, **more):
    data = {
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://x",
        "messageTimeout": 30,
        "securityProfile": profile,
        "ocppInterface": "Wired0",
        "ocppVersion": "OCPP20",
    }
    asked = {"configurationSlot": slot, "connectionData": data | more}
    return ask(f"net {next(IDS)}", "SetNetworkProfile", asked, {"status": answer}, "<")


def boot(reason="PowerUp"):
    return ask(
        f"boot {next(IDS)}",
        "BootNotification",
        {"reason": reason, "chargingStation": {"vendorName": "V", "model": "M"}},
        {"status": "Accepted", "currentTime": CURRENT, "interval": 300},
    )


def heartbeats(minutes):
    answer = {"currentTime": CURRENT}
    return [[*ask(f"beat {next(IDS)}", "Heartbeat", {}, answer), "+240s"] for _ in range(minutes // 4 + 1)]


def trigger(wanted, action="TriggerMessage"):
    return ask(f"trigger {next(IDS)}", action, {"requestedMessage": wanted}, {"status": "Accepted"}, "<")


def reset():
    return ask(f"reset {next(IDS)}", "Reset", {"type": "Hard"}, {"status": "Accepted"}, "<")


def ocsp_status(status, action="GetCertificateStatus"):
    data = OF_ROOT | {"responderURL": "http://x"}
    return ask(f"ocsp {next(IDS)}", action, {"ocspRequestData": data}, {"status": status})


def chain_status(status):
    asked = {
        "certificateStatusRequests": [
            {"certificateHashData": OF_ROOT, "source": "OCSP", "urls": ["http://x"]}
        ]
    }
    one = {"certificateHashData": OF_ROOT, "source": "OCSP", "status": status, "nextUpdate": NOW}
    return ask(f"ocsp {next(IDS)}", "GetCertificateChainStatus", asked, {"certificateStatus": [one]})


WAITS = get("SecurityCtrlr", "CertSigningWaitMinimum", "60")
NEEDS_OLD = get("SecurityCtrlr", "AdditionalRootCertificateCheck", "true")
MINE_OWN = "ChargingStationCertificate"
V2G = "V2GCertificate"
SECRET = "hunter2"

PLAIN = opened(tls=None)
CASES = [
    case("SEC-001", [WAITS, sign(), heartbeats(4)], [WAITS, sign(), signed(), heartbeats(4)], W, **V201),
    case("SEC-001", [sign(), heartbeats(64)], [sign(), heartbeats(40)], I, about="nobody knows how long"),
    case(
        "SEC-001",
        [WAITS, sign(), "+30s", sign()],
        [WAITS, sign(), "+61s", sign(), "+10s", signed()],
        W,
        about="too soon",
        subject="too soon",
        **V21,
    ),
    case(
        "SEC-001",
        [sign(), "+61s", sign(), "+61s", sign()],
        [sign(), "+61s", sign(), "+61s", trigger("SignChargingStationCertificate"), sign()],
        W,
        about="not doubled",
        subject="back-off",
        **V201,
    ),
    case(
        "SEC-001",
        [get("SecurityCtrlr", "CertSigningRepeatTimes", "1"), sign(), "+10s", sign(), "+20s", sign()],
        [get("SecurityCtrlr", "CertSigningRepeatTimes", "1"), sign(), "+10s", sign()],
        W,
        about="too often",
        subject="repeats",
        **V21,
    ),
    case(
        "SEC-002",
        [sign(), signed(), signed(pem(issuer="CA", serial=77))],
        [sign(), signed(), sign(), signed()],
        E,
    ),
    case(
        "SEC-002", [sign(answer="Rejected"), signed()], [sign(answer="Rejected"), sign(), signed()], E, **V21
    ),
    case("SEC-002", signed(), [sign(), signed()], I, about="from before the capture"),
    case("SEC-002", [sign(), signed(EXPIRED)], [sign(), signed()], E, about="expired", **V201),
    case("SEC-002", [sign(), signed("none")], [sign(), signed("none", "Rejected")], E, about="no PEM"),
    case(
        "SEC-002",
        [sign(), signed(GOOD[:200])],
        [sign(), signed(GOOD[:200], "Rejected")],
        W,
        about="cannot be read",
    ),
    case(
        "SEC-002",
        [sign(), signed(FOREIGN)],
        [sign(), signed(FOREIGN, "Rejected")],
        W,
        about="another key",
        subject="key",
    ),
    case(
        "SEC-002",
        [sign(), signed(EXPIRED, "Rejected"), heartbeats(8)],
        [sign(), signed(EXPIRED, "Rejected"), told("InvalidChargingStationCertificate"), heartbeats(8)],
        E,
        about="not told",
        also=["SEC-011"],
        **V201,
    ),
    case("SEC-003", [sign(V2G), sign()], [sign(V2G), sign(MINE_OWN)], W, **V201),
    case(
        "SEC-003",
        [trigger("SignV2GCertificate"), sign()],
        [trigger("SignChargingStationCertificate"), sign()],
        W,
        **V21,
    ),
    case(
        "SEC-004",
        [get("SecurityCtrlr", "MaxCertificateChainSize", "100"), sign(), signed()],
        [get("SecurityCtrlr", "MaxCertificateChainSize", "10000"), sign(), signed()],
        W,
        **V201,
    ),
    case(
        "SEC-004",
        [get("SecurityCtrlr", "MaxCertificateChainSize", "100"), sign(), signed()],
        [get("SecurityCtrlr", "MaxCertificateChainSize", "100"), sign(), signed(answer="Rejected")],
        W,
        **V21,
    ),
    case(
        "SEC-005",
        [sign(number=4), signed()],
        [sign(number=4), signed(requestId=4)],
        E,
        subject="missing",
        **V21,
    ),
    case(
        "SEC-005",
        [sign(number=4), signed(requestId=5)],
        [sign(number=4), signed(requestId=5, answer="Rejected")],
        E,
        subject="unknown",
        **V21,
    ),
    case(
        "SEC-006",
        [configure("SecurityProfile", "2"), configure("SecurityProfile", "1")],
        [configure("SecurityProfile", "2"), configure("SecurityProfile", "1", "Rejected")],
        E,
    ),
    case(
        "SEC-006",
        [configure("SecurityProfile", "2"), configure("SecurityProfile", "2")],
        [configure("SecurityProfile", "1"), configure("SecurityProfile", "2")],
        W,
        about="the same",
    ),
    case(
        "SEC-006",
        [get("SecurityCtrlr", "SecurityProfile", "2"), network(1)],
        [get("SecurityCtrlr", "SecurityProfile", "2"), network(1, "Rejected"), network(3)],
        E,
        **V201,
    ),
    case(
        "SEC-006",
        [
            get("SecurityCtrlr", "SecurityProfile", "3"),
            get("SecurityCtrlr", "AllowSecurityProfileDowngrade", "false"),
            network(2),
        ],
        [
            get("SecurityCtrlr", "SecurityProfile", "3"),
            get("SecurityCtrlr", "AllowSecurityProfileDowngrade", "true"),
            network(2),
        ],
        E,
        about="from 3 to 2",
        **V21,
    ),
    case("SEC-006", network(1), network(2), W, about="by TLS", **V21),
    case(
        "SEC-007",
        [PLAIN, listed(), network(2), put("OCPPCommCtrlr", "NetworkConfigurationPriority", "1")],
        [PLAIN, listed(), install(), network(2), put("OCPPCommCtrlr", "NetworkConfigurationPriority", "1")],
        E,
        **V201,
    ),
    case(
        "SEC-007",
        [listed(), network(3), put("OCPPCommCtrlr", "NetworkConfigurationPriority", "0,1", "RebootRequired")],
        [listed(), network(3), put("OCPPCommCtrlr", "NetworkConfigurationPriority", "1", "Rejected")],
        E,
        **V21,
    ),
    case("SEC-008", told("TamperDetectionActivated"), told("InvalidMessages"), I),
    case(
        "SEC-008", told("ShoeStolen"), told("AttemptedReplayAttacks"), I, about="not of the standard", **V21
    ),
    case(
        "SEC-009",
        [told("InvalidMessages"), boot(), heartbeats(8)],
        [told("InvalidMessages"), boot(), told("StartupOfTheDevice"), heartbeats(8)],
        W,
        also=["BOOT-003", "BOOT-012"],
        **V201,
    ),
    case(
        "SEC-009",
        [boot(), heartbeats(8)],
        [boot(), told("ResetOrReboot"), heartbeats(8)],
        W,
        I,
        also=["BOOT-012"],
        **V21,
    ),
    case(
        "SEC-009",
        [told("InvalidMessages"), reset(), closed(), "+20s", opened(), BOOT_16, heartbeats(8)],
        [
            told("InvalidMessages"),
            reset(),
            told("ResetOrReboot"),
            closed(),
            "+20s",
            opened(),
            BOOT_16,
            heartbeats(8),
        ],
        W,
        also=["BOOT-011"],
    ),
    case(
        "SEC-009",
        [told("InvalidMessages"), put("ClockCtrlr", "DateTime", NOW), heartbeats(8)],
        [
            told("InvalidMessages"),
            put("ClockCtrlr", "DateTime", NOW),
            told("SettingSystemTime"),
            heartbeats(8),
        ],
        W,
        subject="SettingSystemTime",
        **V21,
    ),
    case(
        "SEC-010",
        [sign(), signed(), delete(OF_OWN)],
        [sign(), signed(), delete(OF_OWN, "Failed"), delete(OF_ROOT)],
        E,
        subject="own",
    ),
    case(
        "SEC-010",
        [listed(OF_ROOT), delete(OF_ROOT, "NotFound")],
        [listed(OF_ROOT), delete(OF_ROOT), delete(OF_ROOT, "NotFound")],
        E,
        about="listed, not found",
        **V21,
    ),
    case(
        "SEC-010",
        [install(), listed(OF_ROOT | {"issuerKeyHash": "00" * 32})],
        [install(), listed(OF_ROOT)],
        E,
        about="another hash",
        **V201,
    ),
    case(
        "SEC-010",
        [install_16(), listed_16(OF_ROOT | {"issuerNameHash": "00" * 32})],
        [install_16(), listed_16(OF_ROOT)],
        E,
    ),
    case(
        "SEC-010",
        [NEEDS_OLD, install(), install(OTHER_ROOT)],
        [NEEDS_OLD, install(), install(NEXT_ROOT)],
        E,
        about="not signed by the old",
        **V201,
    ),
    case("SEC-010", install_16("none"), install_16("none", "Rejected"), E, about="no PEM"),
    case("SEC-010", install(GOOD[:200]), install(GOOD[:200], "Rejected"), W, about="cannot be read", **V21),
    case("SEC-011", [sign(), signed(EXPIRED, "Rejected")], [sign(), signed()], W),
    case(
        "SEC-011",
        [sign(), signed(FUTURE)],
        [sign(), signed(pem(issuer="CA", begins=timedelta(minutes=10)))],
        W,
        **V201,
    ),
    case("SEC-011", install(pem("Old", begins=-9 * DAY, ends=-DAY)), install(), W, subject="Old", **V21),
    case("SEC-012", configure("AuthorizationKey", SECRET), configure("AuthorizationKey", "0f" * 20), W),
    case("SEC-012", configure("AuthorizationKey", "0f" * 21), configure("AuthorizationKey", "0f" * 16), W),
    case(
        "SEC-012",
        configure("AuthorizationKey", "x" * 20),
        configure("AuthorizationKey", "0F" * 18),
        I,
        about="text",
    ),
    case("SEC-012", configure("AuthorizationKey", "0" * 20), configure("CpoName", "x"), I, about="10 bytes"),
    case(
        "SEC-012",
        put("SecurityCtrlr", "BasicAuthPassword", SECRET),
        put("SecurityCtrlr", "BasicAuthPassword", SECRET * 3),
        W,
        **V201,
    ),
    case("SEC-012", network(2, basicAuthPassword=SECRET), network(2, basicAuthPassword="x" * 60), W, **V21),
    case("SEC-013", ocsp_status("Failed"), ocsp_status("Accepted"), W, also=["SCH-required"], **V201),
    case("SEC-013", chain_status("Failed"), chain_status("Good"), W, **V21),
    case("SEC-013", chain_status("Revoked"), chain_status("Good"), I, **V21),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


def mine(*pieces, **options):
    return {one.rule.id for one in judged(*pieces, **options)} & MINE


def test_certificates_for_two_uses():
    pieces = [
        sign(V2G),
        sign(MINE_OWN, key=OTHER),
        signed(FOREIGN, certificateType=MINE_OWN),
        signed(certificateType=V2G),
    ]
    assert not mine(*pieces, version="2.1")


def test_a_second_series_of_requests():
    """Each day the station asks anew, and gives up after two repetitions."""
    series = [sign(), "+60s", sign(), "+120s", sign()]
    settings = [put("SecurityCtrlr", "CertSigningRepeatTimes", "2")]
    for waits in ([], [put("SecurityCtrlr", "CertSigningWaitMinimum", "60")]):
        found = judged(settings, waits, series, heartbeats(60 * 24), series, signed(), **V201)
        assert not [one for one in found if one.rule.id == "SEC-001" and one.subject]


@pytest.mark.parametrize(("answer", "found"), [("Accepted", True), ("Rejected", False)])
def test_a_certificate_type_that_a_trigger_asks_for(answer, found):
    asked = {"requestedMessage": "SignV2GCertificate"}
    asked_for = ask("t", "TriggerMessage", asked, {"status": answer}, "<")
    assert ("SEC-003" in findings_of(asked_for, sign(), **V201)) is found


def test_a_profile_that_the_session_shows_to_be_in_use():
    chosen = put("OCPPCommCtrlr", "NetworkConfigurationPriority", "1")
    assert "SEC-007" not in findings_of(listed(), network(2), chosen, **V201)


def test_a_log_that_does_not_tell_its_zone_or_its_date():
    new = signed(pem(issuer="CA", begins=timedelta(hours=5)))
    found = {
        subject: findings_of(notice("text.assumed", subject=subject), sign(), one, **V201)
        for subject, one in (("zone", new), ("date", signed(EXPIRED)))
    }
    assert "SEC-011" in findings_of(sign(), new, **V201)
    assert not [one for one in found.values() if {"SEC-002", "SEC-011"} & set(one)]
    sure = findings_of(notice("text.assumed", subject="zone"), sign(), signed(EXPIRED), **V201)
    assert {"SEC-002", "SEC-011"} <= set(sure)


def test_one_that_was_asked_for_before_the_capture():
    asked = [sign(MINE_OWN), signed(certificateType=MINE_OWN)]
    assert not mine(*asked, signed(certificateType=V2G), version="2.1")
    assert not mine(sign(), signed(), gap(), signed(pem(issuer="CA", serial=5)), version="2.0.1") - {
        "SEC-002"
    }


def test_certificate_signed_is_sent_again():
    line = call("x", "CertificateSigned", {"certificateChain": GOOD})
    answer = result("x", {"status": "Accepted"})
    assert not mine(sign(), f"< {line}", "+40s", f"> {answer}", f"< {line}", f"> {answer}")


def test_a_certificate_after_one_that_was_rejected():
    assert not serious(
        one for one in judged(sign(), signed(FOREIGN, "Rejected"), signed()) if one.rule.id in MINE
    )


def test_waits_that_double():
    pieces = [WAITS, sign(), "+61s", sign(), "+125s", sign(), "+10s", signed()]
    found = [one for one in judged(*pieces, version="2.1") if one.rule.id == "SEC-001"]
    assert [one.direction for one in found] == ["csms-to-cp"]  # that it did not answer


def test_a_sign_certificate_after_a_reboot_starts_anew():
    pieces = [WAITS, sign(), "+5s", closed(), "+5s", opened(), sign(), "+5s", signed()]
    assert not mine(*pieces, version="2.1")


def test_where_the_capture_lost_something_nothing_is_missing():
    assert not mine(WAITS, sign(), gap("<"), heartbeats(4), version="2.1")
    assert not mine(told("InvalidMessages"), boot(), gap(), heartbeats(8), version="2.1") - {"SEC-008"}


@pytest.mark.parametrize(
    ("reason", "ids"), [("Triggered", set()), ("Unknown", set()), ("Watchdog", {"SEC-009"})]
)
def test_what_is_no_boot(reason, ids):
    assert mine(boot(reason), heartbeats(8), version="2.1") == ids


def test_a_station_of_16_without_the_whitepaper_tells_no_events():
    assert not mine(reset(), closed(), "+20s", opened(), BOOT_16, heartbeats(8))


def test_new_firmware_of_16():
    status = {"status": "Installed"}
    pieces = [told("InvalidMessages"), ask("f", "FirmwareStatusNotification", status)]
    assert findings_of(*pieces, heartbeats(8))["SEC-009"].subject == "FirmwareUpdated"
    assert not mine(*pieces, told("FirmwareUpdated"), heartbeats(8)) - {"SEC-008"}


def test_a_name_of_another_version():
    found = findings_of(told("InvalidCentralSystemCertificate", "why"), version="2.1")["SEC-008"]
    assert found.detail == "InvalidCentralSystemCertificate, a name of OCPP 1.6: why"


def test_two_certificates_with_one_serial_number():
    old = hash_data(ROOT, built("Root", key=KEY))
    assert not mine(install(), listed(old, OF_ROOT), version="2.1")
    other = OF_ROOT | {"issuerNameHash": "00" * 32, "issuerKeyHash": "00" * 32, "serialNumber": "1"}
    assert not mine(install(pem("Root", key=OTHER, serial=1)), listed(other), version="2.1")
    assert not mine(install(), listed(old, kind="V2GRootCertificate"), version="2.1")


def test_a_serial_number_with_zeros_and_capitals():
    assert not mine(
        install(), listed(OF_ROOT | {"serialNumber": "00" + OF_ROOT["serialNumber"]}), version="2.1"
    )


def test_the_old_root_is_not_asked_for():
    assert not mine(install(), install(OTHER_ROOT), version="2.0.1")
    assert not mine(NEEDS_OLD, install(), install(), version="2.0.1")
    assert not mine(NEEDS_OLD, install(), install(OTHER_ROOT, "Rejected"), version="2.0.1")


def test_a_listed_certificate_that_may_be_gone():
    assert not mine(listed(OF_ROOT), install(NEXT_ROOT), delete(OF_ROOT, "NotFound"), version="2.1")
    assert not mine(listed(OF_ROOT), closed(), opened(), delete(OF_ROOT, "NotFound"), version="2.1")


def test_a_client_certificate_says_that_the_profile_is_3():
    from ocppscope.events import Tls

    here = opened(tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", None, "CN=CP001"))
    found = findings_of(here, network(2), version="2.1")["SEC-006"]
    assert found.severity == W
    assert "client certificate" in found.detail
    assert "SEC-006" not in findings_of(opened(tls=None), network(1), version="2.1")


def test_the_profile_of_a_network_configuration_is_another():
    other = get("NetworkConfiguration", "SecurityProfile", "3")
    assert "SEC-006" not in findings_of(other, network(2), version="2.1")


def test_a_profile_out_of_a_report():
    entry = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "SecurityProfile"},
        "variableAttribute": [{"value": "3"}],
    }
    report = ask("n", "NotifyReport", {"requestId": 1, "seqNo": 0, "generatedAt": NOW, "reportData": [entry]})
    assert "SEC-006" in findings_of(report, network(1), version="2.0.1")


def test_an_error_for_a_certificate_status():
    asked = {"ocspRequestData": OF_ROOT | {"responderURL": "http://x"}}
    pieces = ["> " + call("o", "GetCertificateStatus", asked), "< " + error("o", "InternalError")]
    assert findings_of(*pieces, version="2.1")["SEC-013"].detail == "GetCertificateStatus got InternalError"


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_no_password_is_shown(version):
    pieces = [configure("AuthorizationKey", SECRET), put("SecurityCtrlr", "BasicAuthPassword", SECRET)]
    found = [
        one
        for one in judged(*pieces, network(1, basicAuthPassword=SECRET), version=version)
        if one.rule.id == "SEC-012"
    ]
    assert found
    assert not any(SECRET in one.detail for one in found)


def test_without_times():
    pieces = [WAITS, sign(), sign(), signed(EXPIRED, "Rejected"), boot(), heartbeats(60)]
    assert not mine(*pieces, version="2.1", timeless=True)


def test_late_sessions():
    assert not serious(judged(opened(late=True), signed(), network(1), version="2.0.1", skip=["CAP-002"]))


# --- anything may stand anywhere ---

ODD = [
    None,
    True,
    -1,
    1 << 80,
    1.5,
    "",
    "0",
    "Accepted",
    "Rejected",
    "9999-12-31T23:59:59Z",
    [],
    [[]],
    {},
    {"a": 1},
    "\ud800",
]
VALUES = st.sampled_from(
    [*ODD, GOOD, EXPIRED, csr(), "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n\x00"]
)
DATA = st.one_of(
    VALUES,
    st.just(OF_ROOT),
    st.fixed_dictionaries(dict.fromkeys(OF_ROOT, VALUES)),
)
ENTRY = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "component": st.one_of(VALUES, st.just({"name": "SecurityCtrlr"})),
            "variable": st.one_of(
                VALUES,
                st.sampled_from(
                    [
                        {"name": "SecurityProfile"},
                        {"name": "BasicAuthPassword"},
                        {"name": "NetworkConfigurationPriority"},
                    ]
                ),
            ),
            "attributeValue": VALUES,
            "attributeStatus": VALUES,
            "certificateType": VALUES,
            "certificateHashData": DATA,
            "childCertificateHashData": VALUES,
            "status": VALUES,
        },
    ),
)
LISTS = st.one_of(VALUES, st.lists(ENTRY, max_size=2))
PAYLOADS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.one_of(VALUES, st.sampled_from(["Accepted", "Rejected", "NotFound", "Failed"])),
            "csr": VALUES,
            "certificateChain": VALUES,
            "certificate": VALUES,
            "certificateType": st.one_of(
                VALUES, st.just("CSMSRootCertificate"), st.just(["CSMSRootCertificate"])
            ),
            "requestId": VALUES,
            "certificateHashData": st.one_of(DATA, st.lists(DATA, max_size=2)),
            "certificateHashDataChain": LISTS,
            "certificateStatus": LISTS,
            "setVariableData": LISTS,
            "setVariableResult": LISTS,
            "getVariableResult": LISTS,
            "reportData": LISTS,
            "connectionData": st.one_of(
                VALUES, st.fixed_dictionaries({"securityProfile": VALUES, "basicAuthPassword": VALUES})
            ),
            "configurationSlot": VALUES,
            "key": st.sampled_from(["SecurityProfile", "AuthorizationKey", None]),
            "value": VALUES,
            "type": VALUES,
            "techInfo": VALUES,
            "ocspResult": VALUES,
            "statusInfo": VALUES,
            "reason": VALUES,
        },
    ),
)
BY_STATION = [
    "SignCertificate",
    "SecurityEventNotification",
    "NotifyReport",
    "GetCertificateStatus",
    "GetCertificateChainStatus",
    "Get15118EVCertificate",
    "BootNotification",
]
BY_CSMS = [
    "CertificateSigned",
    "InstallCertificate",
    "DeleteCertificate",
    "GetInstalledCertificateIds",
    "SetNetworkProfile",
    "SetVariables",
    "GetVariables",
    "ChangeConfiguration",
]
STEPS = st.tuples(st.sampled_from(BY_STATION + BY_CSMS), PAYLOADS, PAYLOADS)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=8), st.sampled_from(["1.6", "2.0.1", "2.1"]))
def test_no_shape_raises(steps, version):
    pieces = [
        ask(str(n), action, asked, answer, "<" if action in BY_CSMS else ">")
        for n, (action, asked, answer) in enumerate(steps)
    ]
    judged(*pieces, "+9000s", heartbeats(1), version=version)
