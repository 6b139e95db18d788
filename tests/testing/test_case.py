import gzip
from pathlib import Path

import pytest

from ocppscope.testing.case import case_of, cases_of
from ocppscope.testing.settings import SettingsError

CLEAN = Path(__file__).parents[2] / "captures" / "clean-1.6.pcap"


def capture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CLEAN.read_bytes())
    return path


def test_captures_are_found_by_content(tmp_path):
    capture(tmp_path / "b.whatever")
    capture(tmp_path / "a" / "deep" / "c.pcap")
    (tmp_path / "z.pcap.gz").write_bytes(gzip.compress(CLEAN.read_bytes()))
    (tmp_path / "notes.pcap").write_text("no capture at all")
    (tmp_path / "empty.pcap").touch()
    capture(tmp_path / ".git" / "c.pcap")
    capture(tmp_path / ".hidden.pcap")
    (tmp_path / "gone.pcap").symlink_to("nowhere")
    assert [case.name for case in cases_of(tmp_path)] == ["a/deep/c.pcap", "b.whatever", "z.pcap.gz"]


def test_a_text_is_a_capture_if_it_holds_a_message(tmp_path):
    said = 'CP1 sent [2,"1","Heartbeat",{}]\n' * 3
    for name in ("csms.log", "README.md", "meant.md"):
        (tmp_path / name).write_text(said)
    (tmp_path / "meant.toml").write_text("[check]")
    (tmp_path / "other.log").write_text("nothing of interest\n" * 100)
    assert [case.name for case in cases_of(tmp_path)] == ["csms.log", "meant.md"]


def test_each_has_its_toml_and_the_defaults_of_its_folders(tmp_path):
    capture(tmp_path / "a" / "one.pcap")
    capture(tmp_path / "a" / "two.pcap.gz")
    (tmp_path / "tests.toml").write_text("[check]\nprofile = 'strict'\nfail_on = 'info'")
    (tmp_path / "a" / "tests.toml").write_text("[check]\nfail_on = 'never'")
    (tmp_path / "a" / "one.toml").write_text("[check]\nprofile = 'field'")
    (tmp_path / "a" / "two.toml").write_text("skip = 'not now'")
    one, two = cases_of(tmp_path)
    assert (one.settings.check, one.settings.skip) == ({"profile": "field", "fail_on": "never"}, None)
    assert (two.settings.check, two.settings.skip) == ({"profile": "strict", "fail_on": "never"}, "not now")


def test_defaults_above_the_root_do_not_count(tmp_path):
    (tmp_path / "tests.toml").write_text("skip = 'all'")
    capture(tmp_path / "a" / "one.pcap")
    assert cases_of(tmp_path / "a")[0].settings.skip is None


def test_a_capture_alone(tmp_path):
    path = capture(tmp_path / "one.pcap")
    (tmp_path / "one.toml").write_text("skip = 'why'")
    (case,) = cases_of(path)
    assert (case.name, case.settings.skip) == ("one.pcap", "why")


def test_a_toml_beside_no_capture(tmp_path):
    (tmp_path / "lost.toml").write_text("[check]")
    (tmp_path / "text.toml").write_text("[check]")
    (tmp_path / "text.pcap").write_text("no capture")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'")
    lost, text = cases_of(tmp_path)
    assert (lost.name, text.name) == ("lost.toml", "text.toml")
    assert "is beside no capture: expected one such as lost.pcapng" in lost.problem


def test_a_mistake_is_the_cases_own_and_that_of_defaults_is_everybodys(tmp_path):
    path = capture(tmp_path / "one.pcap")
    capture(tmp_path / "two.pcap")
    (tmp_path / "one.toml").write_text("skipp = 'x'")
    one, two = cases_of(tmp_path)
    assert "'skipp' is not known; skip may be meant" in one.problem
    assert two.problem is None
    assert case_of(path, tmp_path).problem == one.problem
    (tmp_path / "tests.toml").write_text("skipp = 'x'")
    with pytest.raises(SettingsError, match=r"tests.toml:1: 'skipp'"):
        cases_of(tmp_path)
