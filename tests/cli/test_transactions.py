"""`transactions`: a table for people, an object a line for programs."""

import json
import re
from pathlib import Path

import pytest

from ocppscope.cli import text
from tests.cli import lines, run, saved
from tests.ocpp.test_transactions import event, metered, start, stop
from tests.rules.sessions import wire_events
from tests.wire.packets import Conversation, answer, call, refusal, session, switching, together, upgrade

CAPTURES = Path(__file__).parents[2] / "captures"
CORPUS = Path(__file__).parents[3] / "shared/corpus"


def trace(folder, *pieces, version="1.6"):
    """Messages as a file in Open OCPP Trace form."""
    from ocppscope.ocpp.times import timestamp

    path = folder / "trace.jsonl"
    with path.open("w") as file:
        for one in wire_events(*pieces, version=version):
            if hasattr(one, "text"):
                record = {
                    "trace_version": "1.1",
                    "timestamp": timestamp(one.time),
                    "direction": one.direction,
                    "chargePointId": "CP001",
                    "ocppVersion": version,
                    "raw": one.text,
                }
                file.write(json.dumps(record) + "\n")
    return path


def test_a_clean_capture():
    done = run("transactions", CAPTURES / "clean-1.6.pcap")
    assert done.stdout == (
        "LIS-0117\n"
        "Start UTC            Conn  Transaction  idTag           Length   kWh  Reason\n"
        "2026-11-22 18:05:09  1     90417        04A1B2C3D4E5F6   2.0 s  0.01  Local\n"
        "2026-11-22 18:05:12  1     90418        APP-20417        1.0 s  0.00  Remote\n"
        "\n"
        "2 transactions: 0.01 kWh\n"
    )
    assert (done.exit_code, done.stderr) == (0, "")


def test_json_has_what_is_known_and_null_for_the_rest():
    first, _ = lines("transactions", "--json", CAPTURES / "clean-1.6.pcap")
    assert first == {
        "number": 1,
        "chargePointId": "LIS-0117",
        "ocppVersion": "1.6",
        "session": 1,
        "sessions": 1,
        "transactionId": "90417",
        "evseId": None,
        "connectorId": 1,
        "idToken": "04A1B2C3D4E5F6",
        "idTokenType": None,
        "idTokenStatus": "Accepted",
        "start": "2026-11-22T18:05:09.883000Z",
        "stop": "2026-11-22T18:05:11.894000Z",
        "durationS": 2.011,
        "energyWh": 6,
        "meterStart": 482310,
        "meterStop": 482316,
        "reason": "Local",
        "stopIdToken": "04A1B2C3D4E5F6",
        "chargingState": None,
        "timeSpentChargingS": None,
        "remoteStartId": None,
        "reservationId": None,
        "startAgeS": pytest.approx(0, abs=0.01),
        "stopAgeS": pytest.approx(0, abs=0.01),
        "oldestAgeS": pytest.approx(0, abs=0.01),
        "offlineEvents": 0,
        "gaps": [],
        "totalCost": None,
        "costBy": None,
        "currency": None,
        "tariffId": None,
        "signedValues": {"verdict": "not signed"},
        "startN": 18,
        "stopN": 26,
    }


@pytest.mark.parametrize("name", ["clean-2.0.1-deflate.pcap", "send-2.1.pcap"])
def test_2x(name):
    (one,) = lines("transactions", "--json", CAPTURES / name)
    assert (one["evseId"], one["connectorId"], one["idTokenType"], one["gaps"]) == (1, 1, "ISO14443", [])
    assert one["reason"]
    assert run("transactions", CAPTURES / name).stdout.splitlines()[1].startswith("Start UTC            EVSE")


def odd_ones():
    return [
        start(),
        [metered(f"m{minute}", minute) for minute in (1, 2, 3, 4, 5, 12, 13)],
        "+3600s",
        start("s2", 8, minutes=20, tag="OTHER"),
        stop("e2", transaction=8, minutes=30),
    ]


def test_what_is_odd_stands_below(tmp_path):
    done = run("transactions", trace(tmp_path, odd_ones()))
    assert done.stdout.splitlines() == [
        "CP001",
        "Start UTC            Conn  Transaction  idTag    Length   kWh  Reason",
        "2026-11-22 10:15:00  1     7            TAG           -  0.50  end lost",
        "    no meter values 10:20:00–10:27:00 (7.0 min)",
        "2026-11-22 10:35:00  1     8            OTHER  10.0 min  2.00  Local",
        "    start came 40.0 min late · stop came 30.0 min late",
        "",
        "2 transactions, 1 without an end: 2.50 kWh",
    ]


def test_gaps_in_json(tmp_path):
    first, second = lines("transactions", "--json", trace(tmp_path, odd_ones()))
    hole = {
        "missing": "meterValues",
        "from": "2026-11-22T10:20:00.000000Z",
        "to": "2026-11-22T10:27:00.000000Z",
        "seconds": 420.0,
    }
    assert (first["gaps"], second["gaps"]) == ([hole, {"missing": "stop"}], [])
    assert (second["startAgeS"], second["durationS"]) == (pytest.approx(2400, abs=2), 600)


def test_2x_with_gaps_and_a_cost(tmp_path):
    info = {"remoteStartId": 77, "tariffId": "NIGHT"}
    cost = {"totalCost": {"currency": "EUR", "total": {"inclTax": 4.2}}}
    pieces = [
        event("Updated", 3, minutes=1, info=info, offline=True),
        event("Ended", 6, minutes=2, reservationId=5, costDetails=cost),
    ]
    path = trace(tmp_path, pieces, version="2.1")
    table = run("transactions", path).stdout.splitlines()
    assert table[2].split() == ["not", "seen", "-", "T", "-", "-", "-", "Local"]
    assert table[3:5] == [
        "    1 event made offline · 2 events missing: seqNo 4–5",
        "    cost 4.20 EUR · tariff NIGHT · remote start 77 · reservation 5",
    ]
    (one,) = lines("transactions", "--json", path)
    assert one["gaps"] == [{"missing": "start"}, {"missing": "seqNo", "from": 4, "to": 5, "count": 2}]
    assert (one["totalCost"], one["currency"], one["costBy"]) == (4.2, "EUR", "station")


def test_it_fits_a_terminal(monkeypatch):
    monkeypatch.setattr(text, "width", lambda: 80)
    for name in ("clean-2.0.1-deflate.pcap", "clean-1.6.pcap"):
        shown = run("transactions", CAPTURES / name).stdout.splitlines()
        assert max(map(len, shown)) <= 80
    assert shown[3].startswith("           18:05:12  1     90418")  # the same day is not said again


def begun(name, client):
    asked = '{"connectorId":1,"idTag":"T","meterStart":0,"timestamp":"2026-11-22T10:15:00Z"}'
    talk = Conversation(client=client).open().client(upgrade(f"/ocpp/{name}")).server(switching())
    talk.client(call(f'[2,"1","StartTransaction",{asked}]'))
    return talk.server(answer('[3,"1",{"transactionId":5,"idTagInfo":{"status":"Blocked"}}]')).close()


def test_several_stations_have_a_column(tmp_path):
    path = saved(tmp_path, together(begun("A", "10.0.0.1:5"), begun("B", "10.0.0.2:5")))
    shown = run("transactions", path).stdout.splitlines()
    assert [line.split()[2] for line in shown[1:5:2]] == ["A", "B"]
    assert shown[2] == "    token Blocked"
    assert [one["chargePointId"] for one in lines("transactions", "--json", "--station", "B", path)] == ["B"]


def test_nothing_to_tell(tmp_path):
    done = run("transactions", saved(tmp_path, session().client(call()).server(answer()).close()))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No charging transaction.\n")


def test_no_ocpp(tmp_path):
    path = saved(tmp_path, b"")
    assert run("transactions", path).exit_code == 3
    talk = Conversation().open().client(b"GET / HTTP/1.1\r\n\r\n").server(refusal(404))
    done = run("transactions", saved(tmp_path, talk))
    assert (done.exit_code, "holds no OCPP" in done.stderr) == (3, True)
    assert "No charging" not in done.stderr


def test_a_damaged_file_is_told(tmp_path):
    whole = (CAPTURES / "clean-1.6.pcap").read_bytes()
    done = run("transactions", saved(tmp_path, whole[:-5]))
    assert (done.exit_code, done.stdout.count("90417")) == (1, 1)


@pytest.mark.skipif(not CORPUS.exists(), reason="needs the shared corpus")
@pytest.mark.parametrize("path", sorted(CORPUS.rglob("*.*")) if CORPUS.exists() else [])
@pytest.mark.parametrize("command", ["transactions", "stations"])
def test_the_corpus(path, command):
    assert run(command, path).exit_code in (0, 1, 3)
    assert run(command, "--json", path).exit_code in (0, 1, 3)


PAGE = Path(__file__).parents[2] / "docs/transactions.md"
EXAMPLES = re.findall(r"```\n\$ ocppscope (.*)\n((?:(?!```).*\n)*)```", PAGE.read_text())


@pytest.mark.parametrize(("words", "shown"), EXAMPLES)
def test_what_the_docs_show(words, shown, monkeypatch):
    monkeypatch.chdir(PAGE.parents[1])
    assert run(*words.split()).stdout == shown


def test_the_docs_name_every_field():
    (one, _) = lines("transactions", "--json", CAPTURES / "clean-1.6.pcap")
    assert [name for name in one if f"`{name}`" not in PAGE.read_text()] == []
    assert len(EXAMPLES) == 2
