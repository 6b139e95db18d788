"""`check --quirks`, the user's own file, and what is shown of a quirk."""

import json
from xml.etree import ElementTree as ET

import pytest

from tests.cli import lines, opening, run, saved
from tests.wire.packets import call

QUIRK = """
[[quirk]]
device = "Legrand of mine"
text = "does so"
source = "me"
match = {vendor = "Legrand*"}
explains = [{rules = "SCH-enum"}]
"""
SHIPPED = "sends the errorCode Error, which there is not (lbbrhzn/ocpp#1248)"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the user's config file is, or would be."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("OCPPSCOPE_CONFIG", str(folder / "config.toml"))
    return folder


@pytest.fixture
def log(tmp_path):
    messages = [
        [2, "1", "BootNotification", {"chargePointVendor": "Legrand", "chargePointModel": "M"}],
        [3, "1", {"status": "Accepted", "currentTime": "2026-11-22T10:15:00Z", "interval": 300}],
        [2, "2", "StatusNotification", {"connectorId": 1, "errorCode": "Error", "status": "Available"}],
        [3, "2", {}],
    ]
    path = tmp_path / "station.log"
    path.write_text("\n".join(map(json.dumps, messages)))
    return str(path)


def test_text_has_a_caret_under_the_byte(tmp_path):
    talk = opening().client(call('[2,"3","Heartbeat",{"a":,}]'))
    shown = run("check", saved(tmp_path, talk.close())).stdout.splitlines()
    at = shown.index('         [2,"3","Heartbeat",{"a":,}]')
    assert shown[at + 1] == " " * (9 + 24) + "^"
    assert "at byte 24: a comma where a value belongs" in shown[at - 1]


def mine(tmp_path, text=QUIRK):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


def known(*options):
    (finding,) = [one for one in lines("check", "--json", *options) if one["rule"] == "SCH-enum"]
    return finding.get("quirk")


def test_text_says_it_in_a_line_under_the_finding(log):
    shown = run("check", log).stdout.splitlines()
    assert f"         known  Legrand Green'up: {SHIPPED}" in shown


def test_json_has_it_where_there_is_one(log):
    assert known(log) == {
        "text": "Legrand Green'up: sends the errorCode Error, which there is not",
        "source": "lbbrhzn/ocpp#1248",
    }
    others = [one for one in lines("check", "--json", log) if one["rule"] != "SCH-enum"]
    assert others
    assert not any("quirk" in one for one in others)


def test_junit_and_sarif_have_it_in_their_text(log):
    suite = ET.fromstring(run("check", log, "--format", "junit").stdout)
    assert any(SHIPPED in (failure.text or "") for failure in suite.iter("failure"))
    results = json.loads(run("check", log, "--format", "sarif").stdout)["runs"][0]["results"]
    assert any(SHIPPED in one["message"]["text"] for one in results)


def test_nothing_is_hidden(log):
    assert run("check", log).exit_code == 1


def test_files_that_are_named_come_first(log, tmp_path):
    assert known(log, "--quirks", mine(tmp_path)) == {"text": "Legrand of mine: does so", "source": "me"}
    other = tmp_path / "other.toml"
    other.write_text(QUIRK.replace("mine", "others"))
    assert known(log, "--quirks", other, "--quirks", mine(tmp_path))["text"].startswith("Legrand of others")


def test_what_ships_still_counts(log, tmp_path):
    assert (
        known(log, "--quirks", mine(tmp_path, QUIRK.replace("Legrand*", "Other")))["source"]
        == "lbbrhzn/ocpp#1248"
    )


def test_the_user_s_own_file(log, folder):
    (folder / "quirks.toml").write_text(QUIRK)
    assert known(log)["source"] == "me"


def test_an_own_file_that_is_wrong_is_left_out(log, folder):
    (folder / "quirks.toml").write_text(QUIRK.replace("source", "sauce"))
    done = run("check", "--json", log)
    assert done.exit_code == 1
    assert (
        "quirks.toml, line 2, quirk 1: sauce is not known: did you mean source?; it is left out"
        in done.stderr
    )
    assert "lbbrhzn/ocpp#1248" in done.stdout


def test_a_named_file_that_is_wrong_is_wrong_usage(log, tmp_path):
    done = run("check", log, "--quirks", mine(tmp_path, QUIRK.replace("SCH-enum", "SCH-enumm")))
    assert done.exit_code == 2
    assert "mine.toml, line 2, quirk 1: there is no rule SCH-enumm: did you mean SCH-enum?" in done.stderr
    done = run("check", log, "--quirks", tmp_path / "none.toml")
    assert done.exit_code == 2
    assert "none.toml cannot be read: No such file" in done.stderr
