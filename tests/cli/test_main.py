"""The group: help, versions, exit codes, and what it does where the output cannot take what it prints."""

import gc

import click
import pytest

from ocppscope import __version__
from ocppscope.cli import ls, main, view
from ocppscope.cli.options import OpenInput
from tests.cli import everything, run, saved

COMMANDS = ["check", "ls", "show", "view", "convert", "rules"]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_the_commands_on_stdout(option):
    done = run(option)
    assert done.exit_code == 0
    assert done.stderr == ""
    for name in COMMANDS:
        assert f"\n  {name}" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(name, option):
    done = run(name, option)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: ocppscope {name} ")


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)])
def test_the_version_is_everywhere(words):
    for _ in range(2):
        done = run(*words, "--version")
        assert (done.exit_code, done.stdout) == (0, f"ocppscope {__version__}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "There is no command 'frobnicate', nor a file of that name.\n"),
        (["chek"], "There is no command 'chek', nor a file of that name. Did you mean check?"),
        (["missing.pcap"], "There is no command 'missing.pcap', nor a file of that name.\n"),
        (["--frob", "x.pcap"], "No such option"),
        (["convert", "x"], "Missing argument 'OUTPUT'"),
        (["check"], "Missing argument 'INPUT...'"),
        (["ls"], "Missing argument 'INPUT'"),
        (["show", "x.pcap"], "Missing argument 'N'"),
        (["show", "x.pcap", "0"], "0 is not in the range"),
        (["show", "x.pcap", "two"], "'two' is not a valid integer"),
        (["ls", "--time", "local", "x"], "'local' is not one of"),
        (["check", "--fail-on", "note", "x"], "'note' is not one of"),
        (["check", "--profile", "lax", "x"], "'lax' is not one of"),
        (["check", "--format", "html", "x"], "'html' is not one of"),
        (["rules", "--frob"], "No such option"),
    ],
)
def test_wrong_usage_is_2_and_told_on_stderr(words, said):
    done = run(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert "Usage: ocppscope" in done.stderr


def test_without_a_command_there_is_help():
    done = run()
    assert done.exit_code == 2
    assert "Usage: ocppscope" in done.output


def test_an_input_alone_is_viewed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(view, "expect_terminal", asked.append)
    monkeypatch.setattr(view, "_start", lambda *_, **__: {})
    monkeypatch.setattr(view, "browse", lambda **what: asked.append(what["follow"]) or 5)
    path = saved(tmp_path, everything())
    for words in ([str(path), "--follow"], ["-"]):
        assert run(*words).exit_code == 5
    assert asked == [str(path), True, "-", False]


def test_a_command_wins_over_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").write_text("not looked at")
    assert "CAP-001" in run("rules").stdout


@pytest.mark.parametrize("wrong", [KeyboardInterrupt, click.Abort])
def test_an_interrupted_command_is_130(tmp_path, monkeypatch, wrong):
    real = OpenInput.batches

    def stop(self):
        yield from real(self)
        raise wrong

    monkeypatch.setattr(OpenInput, "batches", stop)
    path = saved(tmp_path, everything())
    assert run("ls", path).exit_code == 130
    assert run("show", path, 1).exit_code == 130


def test_a_full_disk_is_told_without_a_traceback(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    discarded = []
    monkeypatch.setattr(ls.records, "event_record", full)
    monkeypatch.setattr(main, "discard_output", lambda: discarded.append(True))
    done = run("ls", "--json", saved(tmp_path, everything()))
    assert done.exit_code == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"
    assert discarded


def test_the_garbage_collector_is_tuned_for_events(monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    run("--version")
    assert frozen


def test_no_color_is_obeyed_also_on_a_terminal(tmp_path):
    path = saved(tmp_path, everything())
    for words in (["check", path], ["ls", path], ["show", path, 4], ["rules"]):
        assert "\x1b[" in run(*words, color=True).stdout
        assert "\x1b[" not in run(*words, color=True, NO_COLOR="1").stdout
        assert "\x1b[" not in run(*words).stdout
