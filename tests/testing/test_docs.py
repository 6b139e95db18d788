"""docs/regression-tests.md: its projects are built as written there, and do what is said there."""

import os
import re
import subprocess
import sys

import pytest

from ocppscope.testing import settings
from tests.cli import run
from tests.testing.examples import DOCS, blocks

PASSES, CSMS_FAILS, FIRMWARE_PASSES, FIRMWARE_FAILS = blocks("console")


def normalised(text):
    text = re.sub(r"\(\d+\.\d s\)", "(0.2 s)", text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


def console(project, monkeypatch):
    """What the commands of a console block print: the prompt, and the output without what differs by nature."""
    monkeypatch.chdir(project)
    result = run("test", "captures")
    return f"$ ocppscope test captures\n{normalised(result.stdout)}"


def changed(path, *replacements):
    text = path.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_the_csms_passes(projects, monkeypatch):
    assert console(projects / "csms-project", monkeypatch) == PASSES


def test_a_changed_csms_fails(projects, monkeypatch):
    project = projects / "csms-project"
    changed(
        project / "csms.py",
        ('interval=300, status="Accepted"', 'interval=300, status="Pending"'),
        (
            'Authorize({"status": "Accepted"})',
            'Authorize({"status": "Accepted", "parent_id_tag": "FLEET-7"})',
        ),
    )
    assert console(project, monkeypatch) == CSMS_FAILS


def test_the_firmware_passes(projects, monkeypatch):
    assert console(projects / "firmware-project", monkeypatch) == FIRMWARE_PASSES


def test_changed_firmware_fails(projects, monkeypatch):
    project = projects / "firmware-project"
    text = (project / "charger.py").read_text()
    charging = next(line for line in text.splitlines(keepends=True) if "Charging" in line)
    changed(project / "charger.py", (charging, ""), ('reason="Local"', 'reason="Other"'))
    assert console(project, monkeypatch) == FIRMWARE_FAILS


@pytest.mark.parametrize(("project", "count"), [("csms-project", 4), ("firmware-project", 2)])
def test_in_pytest(projects, project, count):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "ocppscope.pytest_plugin", "-W", "error"]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", "tests"],
        cwd=projects / project,
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{count} passed" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 0


def test_every_key_is_in_the_table():
    text = DOCS.read_text()
    table = text[text.index("| `skip` |") : text.index("Paths are relative")]
    cells = re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)
    names = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    known = {key for name in ("input", "check", "replay") for key in settings.keys_of(name)}
    assert names == known | {"skip", "check", "replay"}
