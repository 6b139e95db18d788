"""`stations`: a block for people, an object a line for programs."""

from pathlib import Path

import pytest

from ocppscope.cli import stations, text
from tests.cli import CREDENTIALS, SECRET, lines, opening, run, saved
from tests.cli.test_transactions import trace
from tests.rules.sessions import NOW, ask
from tests.wire.packets import answer, call, session

CAPTURES = Path(__file__).parents[2] / "captures"


def test_a_clean_capture():
    done = run("stations", CAPTURES / "clean-2.0.1-deflate.pcap")
    assert done.stdout == (
        "MUC-2041  OCPP 2.0.1\n"
        "  device        Example Quad 50, firmware 3.2.0\n"
        "  serial        EX-50-000815\n"
        "  boots         1, the last at 2026-11-22 18:05:13; PowerUp; Accepted; heartbeat every 5.0 min\n"
        "  security      profile 0, neither TLS nor credentials\n"
        "  server        127.0.0.1:33501\n"
        "  path          /ocpp/MUC-2041\n"
        "  address       127.0.0.1\n"
        "  subprotocols  ocpp2.0.1\n"
        "  extensions    permessage-deflate\n"
        "  sessions      1 with 38 messages, 2026-11-22 18:05:13 to 2026-11-22 18:05:15; closed by the CSMS (1001)\n"
        "  EVSEs         1/1: Available since 2026-11-22 18:05:15; 2 changes: Occupied 2.0 s, Available 15 ms\n"
        "  configuration 3 variables\n"
        "                report 7001: 2 parts, complete\n"
        "    AuthCtrlr\n"
        "      Enabled = true\n"
        "    OCPPCommCtrlr\n"
        "      HeartbeatInterval = 300\n"
        "    SampledDataCtrlr\n"
        "      TxUpdatedInterval = 1\n"
    )
    assert (done.exit_code, done.stderr) == (0, "")


def test_json():
    (one,) = lines("stations", "--json", CAPTURES / "tls-1.3.pcapng")
    assert (one["chargePointId"], one["ocppVersions"], one["boots"]) == ("BER-0042", ["1.6"], 1)
    assert one["boot"]["firmwareVersion"] == "1.6.4"
    assert one["configuration"][0] == {"key": "HeartbeatInterval", "mutability": "ReadWrite", "value": "300"}
    assert one["unknownKeys"] == ["AuthorizationKey"]
    assert one["tls"] == [{"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}]
    assert one["securityProfile"] == {
        "seen": [{"profile": 2, "sessions": 1}],
        "configured": None,
        "clientCertificates": [],
    }
    assert one["sessions"] == {
        "count": 1,
        "open": 0,
        "ends": [{"how": "close", "by": "station", "code": 1000, "sessions": 1}],
        "refused": [],
    }
    last = one["connectors"][-1]
    assert (last["connectorId"], last["status"], last["changes"]) == (1, "Available", 4)
    assert [state["status"] for state in last["states"]][:2] == ["Available", "Preparing"]


def test_stations_that_were_refused():
    done = run("stations", CAPTURES / "refused-handshake.pcap").stdout
    assert "1 handshake with status 401" in done
    assert "sessions      none" in done


def test_a_capture_that_begins_late():
    shown = run("stations", CAPTURES / "late-start.pcap").stdout
    assert shown.startswith("session 1, station without a known identity  OCPP 1.6\n")


def settings(version="1.6"):
    keys = [
        {"key": "AuthorizationKey", "readonly": False, "value": SECRET},
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "BackendUrl", "readonly": True, "value": f"wss://cp:{SECRET}@csms.example/ocpp"},
    ]
    asked = {"key": "WifiPassword", "value": SECRET}
    return [
        ask("1", "GetConfiguration", {}, {"configurationKey": keys}, side="<"),
        ask("2", "ChangeConfiguration", asked, {"status": "RebootRequired"}, side="<"),
    ]


def test_secrets_are_not_shown(tmp_path):
    path = trace(tmp_path, settings())
    shown = run("stations", path).stdout
    assert shown.splitlines()[-5:] == [
        "  configuration 4 keys",
        "    AuthorizationKey = (not shown)",
        "    BackendUrl = wss://cp:(not shown)@csms.example/ocpp  (read-only)",
        "    HeartbeatInterval = 300",
        "    WifiPassword = (not shown)  (after a reboot)",
    ]
    assert SECRET not in shown + run("stations", "--json", path).stdout


def test_secrets_of_handshakes_are_not_shown(tmp_path):
    talk = opening(f"/ocpp/CP001?token={SECRET}").client(call()).server(answer()).close()
    path = saved(tmp_path, talk)
    for shown in (run("stations", path).stdout, run("stations", "--json", path).stdout):
        assert SECRET not in shown
        assert CREDENTIALS not in shown
        assert "Basic CP001" in shown


def test_variables_with_unit_and_limits(tmp_path):
    data = [
        {
            "component": {"name": "EVSE", "evse": {"id": 1}},
            "variable": {"name": "Power", "instance": "x"},
            "variableAttribute": [{"type": "MaxSet", "value": "22000", "mutability": "ReadOnly"}],
            "variableCharacteristics": {"unit": "W", "dataType": "decimal", "maxLimit": 22000.5},
        },
        {
            "component": {"name": "SecurityCtrlr"},
            "variable": {"name": "BasicAuthPassword"},
            "variableAttribute": [{"mutability": "WriteOnly"}],
            "variableCharacteristics": {"dataType": "string"},
        },
        {
            "component": {"name": "SecurityCtrlr"},
            "variable": {"name": "SecurityProfile"},
            "variableAttribute": [{"value": "2"}],
            "variableCharacteristics": {"dataType": "OptionList", "valuesList": "1,2,3"},
        },
    ]
    payload = {"requestId": 5, "generatedAt": NOW, "seqNo": 0, "tbc": True, "reportData": data}
    path = trace(tmp_path, ask("r", "NotifyReport", payload, {}), version="2.0.1")
    shown = run("stations", path).stdout.splitlines()
    assert shown[-7:] == [
        "  configuration 3 variables",
        "                report 5: 1 part, not complete",
        "    EVSE of EVSE 1",
        "      Power[x] (MaxSet) = 22000 W  (read-only, …22000.5)",
        "    SecurityCtrlr",
        "      BasicAuthPassword = (no value)  (write-only)",
        "      SecurityProfile = 2  (one of 1,2,3)",
    ]
    assert "  security      SecurityProfile is set to 2" in shown
    (one,) = lines("stations", "--json", path)
    assert one["configuration"][0] == {
        "component": "EVSE",
        "evseId": 1,
        "variable": "Power",
        "variableInstance": "x",
        "attribute": "MaxSet",
        "mutability": "ReadOnly",
        "unit": "W",
        "dataType": "decimal",
        "maxLimit": 22000.5,
        "value": "22000",
    }


def test_of_many_stations_settings_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(stations, "_WHOLE", 0)
    shown = run("stations", trace(tmp_path, settings())).stdout
    assert shown.splitlines()[-1] == "  configuration 4 keys; --station CP001 shows them"


def test_it_fits_a_terminal(monkeypatch):
    monkeypatch.setattr(text, "width", lambda: 80)
    for name in ("clean-2.0.1-deflate.pcap", "clean-1.6.pcap", "tls-1.3.pcapng"):
        assert max(map(len, run("stations", CAPTURES / name).stdout.splitlines())) <= 80


@pytest.mark.parametrize("talk", [session().client(b"").close(), None])
def test_inputs_without_ocpp(tmp_path, talk):
    path = saved(tmp_path, b"" if talk is None else talk)
    done = run("stations", path)
    assert done.exit_code == (3 if talk is None else 0)


def test_a_damaged_file_is_told(tmp_path):
    whole = (CAPTURES / "clean-1.6.pcap").read_bytes()
    done = run("stations", saved(tmp_path, whole[:-5]))
    assert (done.exit_code, done.stdout.count("LIS-0117")) == (1, 2)
