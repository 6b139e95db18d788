import pytest

from ocppscope.sources.text.clock import zone_named
from ocppscope.testing.settings import (
    Command,
    Expected,
    Settings,
    SettingsError,
    is_of_a_test,
    merged,
    read_file,
    read_options,
    split_options,
)

SECOND = 1_000_000_000
EVERYTHING = """
[input]
decode_as = 9000
name_station = "CP1"
keylog = "keys.txt"

[check]
profile = "strict"
expected = ["rpc-004", { rule = "WS-007", count = 1 }]
fail_on = "info"

[replay]
as = "csms"
to = "wss://user:secret@csms.example:{port}/ocpp"
listen = ":0"
command = ["node", "csms.js", "{port}"]
cwd = ".."
ready = "listening"
timeout = 90
wait = "200ms"
station = "CP1"
session = [1, 3]
identity = "CP2"
pace = "x10"
ignore = ["/interval", "BootNotification/status"]
tokens = { OLD = "NEW" }
headers = { X-Tenant = "7" }
user = ""
verdict = "diverged"
"""


def toml(folder, text, name="boot.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_all_is_read(tmp_path):
    (tmp_path / "keys.txt").touch()
    found = read_file(toml(tmp_path, EVERYTHING))
    assert found.input == {"decode_as": (9000,), "name_station": "CP1", "keylog": (tmp_path / "keys.txt",)}
    assert found.check == {
        "profile": "strict",
        "expected": (Expected("RPC-004"), Expected("WS-007", 1)),
        "fail_on": "info",
    }
    assert found.replay == {
        "as": "csms",
        "to": "wss://user:secret@csms.example:{port}/ocpp",
        "listen": ("", 0),
        "command": Command(("node", "csms.js", "{port}"), tmp_path),
        "cwd": tmp_path / "..",
        "ready": "listening",
        "timeout": 90 * SECOND,
        "wait": SECOND // 5,
        "station": "CP1",
        "session": (1, 3),
        "identity": "CP2",
        "pace": "x10",
        "ignore": ("/interval", "BootNotification/status"),
        "tokens": {"OLD": "NEW"},
        "headers": {"X-Tenant": "7"},
        "user": "",
        "verdict": "diverged",
    }


def test_how_a_log_is_read(tmp_path):
    found = read_file(
        toml(tmp_path, "[input]\ndialect = 'evcc'\nassume_tz = '+02:00'\nas_logged_by = 'csms'")
    )
    assert found.input == {"dialect": "evcc", "assume_tz": zone_named("+02:00"), "as_logged_by": "csms"}


def test_an_empty_one_says_nothing(tmp_path):
    assert merged([toml(tmp_path, "")]) == Settings(check={}, replay=None)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("chek = false", 1, "'chek' is not known; check may be meant"),
        ("\n[chek]\nprofile = 'field'", 2, "check may be meant"),
        ("[check]\n\nprofil = 'field'", 3, "'profil' is not known; profile may be meant"),
        ("[replay]\nas = 'station'\n# to\ntoo = 'ws://a'", 4, "'too' is not known; to may be meant"),
        ("replay.pacce = 'asap'", 1, "pace may be meant"),
        ("[check]\nto = ''\n[replay]\nto = 'csms.example'", 2, "'to' is not known"),
        ("[replay]\nto = 'csms.example'", 2, "expected ws://"),
        (
            "[input]\ndialect = 'evc'",
            2,
            "there is no dialect 'evc': docs/logs.md lists them; evcc may be meant",
        ),
        ("[input]\nassume_tz = 'Nowhere/Land'", 2, "expected a time zone such as Europe/Berlin"),
        ("[input]\nassume_tz = 2", 2, "expected a time zone"),
        ("[input]\nas_logged_by = 'me'", 2, "expected station or csms"),
        ("[replay]\nto = 7", 2, "expected a URL"),
        ("[replay]\npace = 'fast'", 2, "'fast' is no pace"),
        ("[replay]\nwait = 'long'", 2, "expected a duration"),
        ("[replay]\nwait = true", 2, "expected a duration"),
        ("[replay]\nsession = 0", 2, "expected a number"),
        ("[replay]\nas = 'chargepoint'", 2, "expected station or csms"),
        ("[replay]\nignore = 'Botnotification/x'", 2, "BootNotification may be meant"),
        ("[replay]\ntokens = { a = 1 }", 2, "expected a table of texts"),
        ("[replay]\n[replay.tokens]\na = 1", 2, "expected a table of texts"),
        ("[replay]\ncommand = []", 2, "expected a command"),
        ("[replay]\nlisten = '9000'", 2, "expected HOST:PORT"),
        ("[replay]\nca = 'none.pem'", 2, "there is no file"),
        ("[check]\nexpected = ['RPC-04']", 2, "there is no rule RPC-04"),
        ("[check]\nexpected = 'RPC-004'", 2, "expected a list"),
        ("[check]\nexpected = [{ rule = 'RPC-004', times = 1 }]", 2, "'times' is not known there"),
        ("replay = true", 1, "expected a table, or false"),
        ("input = false", 1, "expected a table"),
        ("skip = true", 1, "expected a text that says why"),
        ("replay = { as = 'cms' }", 1, "csms may be meant"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, line, says):
    path = toml(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        read_file(path)
    place, _, rest = str(error.value).partition(": ")
    assert says in rest
    assert place == f"{path}:{2 if text.startswith('[replay]') and 'replay.tokens' in text else line}"


def test_a_file_that_is_no_toml(tmp_path):
    with pytest.raises(SettingsError, match=r"boot.toml is no TOML: .*line 2"):
        read_file(toml(tmp_path, "a = 1\n[[["))
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(SettingsError, match="is no UTF-8, as TOML is: byte 5"):
        read_file(tmp_path / "latin.toml")


def test_the_nearer_file_wins_key_by_key(tmp_path):
    outer = toml(
        tmp_path, "skip = 'later'\n[check]\nprofile = 'strict'\nfail_on = 'info'\n[replay]\nto = 'ws://a'"
    )
    inner = toml(tmp_path, "skip = ''\n[check]\nfail_on = 'error'\n[replay]\npace = 'asap'", "inner.toml")
    found = merged([outer, inner])
    assert found == Settings(
        check={"profile": "strict", "fail_on": "error"}, replay={"to": "ws://a", "pace": "asap"}
    )


def test_false_takes_away_and_a_table_brings_back(tmp_path):
    outer = toml(tmp_path, "[replay]\nto = 'ws://a'")
    off = toml(tmp_path, "check = false\nreplay = false", "off.toml")
    on = toml(tmp_path, "[replay]\nas = 'csms'", "on.toml")
    assert merged([outer, off]) == Settings(check=None, replay=None, is_not_replayed=True)
    assert merged([outer, off, on]) == Settings(check=None, replay={"as": "csms"})


def test_options_of_a_call(tmp_path):
    said = read_options({"wait": 0.5, "keylog": [], "ignore": ["/a"]}, tmp_path)
    assert split_options(said) == ({"keylog": ()}, {"wait": SECOND // 2, "ignore": ("/a",)})
    with pytest.raises(SettingsError, match=r"^ignored=…: 'ignored' is not known; ignore may be meant$"):
        read_options({"ignored": "/a"}, tmp_path)
    with pytest.raises(SettingsError, match="'as' is not known"):
        read_options({"as": "csms"}, tmp_path, leave_out=["as"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[replay]", True), ("skip = 'x'", True), ("[project]\nname = 'x'", False), ("[[[", False), ("", False)],
)
def test_what_is_of_a_test(tmp_path, text, expected):
    assert is_of_a_test(toml(tmp_path, text)) is expected
