import pytest

from ocppscope.cli.replay_report import Report, comparison_lines, comparison_record
from ocppscope.ocpp.difference import Difference
from ocppscope.replay.performing import Performance
from ocppscope.replay.player import Tally
from ocppscope.replay.script import MISSING, Comparison, Script


def comparison(expected, actual, *differences, action="Authorize", kind="answer", step=7, n=9, latency=None):
    return Comparison(step, n, action, kind, expected, actual, differences, latency)


def test_an_unexpected_call_is_told_with_its_payload():
    one = comparison(MISSING, {"type": "So\x1bft"}, action="Reset", kind="call", step=None, n=None)
    assert comparison_lines(one)[0].split() == ["-", "\x1b[31munexpected\x1b[0m", "Reset"]
    assert "\x1b" not in comparison_lines(one)[1]
    assert len(comparison_lines(comparison(MISSING, {"a": "x" * 9999}))[1]) < 400


def test_what_is_no_message_is_told_as_text():
    one = comparison(MISSING, "no JSON", action=None, kind="send", step=None, n=None)
    assert comparison_lines(one) == [comparison_lines(one)[0], "       no JSON"]


def test_a_close():
    changed = Difference("", "changed", 1000, 1011, "")
    head, line = comparison_lines(comparison(1000, 1011, changed, action=None, kind="close"))
    assert "close (event 9)" in head
    assert line == "       /: 1000 ≠ 1011"


def test_a_record_of_what_is_missing():
    record = comparison_record(comparison({}, MISSING))
    assert (record["actual"], record["equal"], record["outcome"], record["latencyMs"]) == (
        None,
        False,
        "missing",
        None,
    )
    assert comparison_record(comparison({}, {}, latency=1_234_567))["latencyMs"] == 1.235


@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_was_compared(as_json, capsys):
    report = Report(Script("CP1", "1.6", "station", []), as_json=as_json)
    assert not report.end([Performance(Tally(), ["a\x1b[2Jnote"], [])])
    out, err = capsys.readouterr()
    assert ("nothing was compared" in out) != as_json
    assert "\x1b[2J" not in out + err


def test_the_worst_of_the_clones_counts(capsys):
    report = Report(Script("CP1", "1.6", "station", []), as_json=True)
    report.begin(2)
    diverged = Tally()
    diverged.counts["diverged"] = 1
    assert report.end([Performance(Tally(unplayed=1), [], []), Performance(diverged, [], [])])
    assert '"verdict":"diverged"' in capsys.readouterr().out


def test_progress_is_shown_on_a_terminal(capsys, monkeypatch):
    report = Report(Script("CP1", "1.6", "station", []), as_json=False)
    report.begin(2)
    report.count(comparison({}, {}))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report.count(comparison({}, MISSING))
    report.ended(Performance(Tally(), [], []))
    assert capsys.readouterr().err == "\r\x1b[K2 compared, 1 not as recorded; 0 of 2 have ended"
