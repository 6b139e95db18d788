"""`ls`: a line for each event, whatever it holds."""

import re

import pytest

from ocppscope.cli import ls, text
from ocppscope.cli.options import OpenInput
from tests.cli import everything, lines, run, saved
from tests.wire.packets import (
    MILLISECOND,
    SECOND,
    Conversation,
    answer,
    call,
    frame,
    pcap,
    refusal,
    session,
    switching,
    upgrade,
)

EXPECTED = """\
     1  22:13:20.005  CP001            opened, ocpp1.6: /ocpp/CP001 at 10.0.0.2:9000
     2  22:13:20.006  CP001         →  Heartbeat: sign of life
     3  22:13:20.007  CP001         ←  Heartbeat answer: 2023-11-14T22:13:20Z  [1 ms]
     4  22:13:20.008  CP001         →  ! StatusNotification: connector 1: Faulted, Error
     5  22:13:20.009  CP001         ←  StatusNotification CALLERROR: InternalError: sorry (MEANING)  [1 ms]
     6  22:13:20.010  CP001         →  ping
     7  22:13:20.011  CP001         ←  pong
     8  22:13:20.012  CP001         →  ! DAMAGED (json): no JSON: unexpected character, expected a JSON \
value at byte 26
     9  22:13:20.013  CP001         →  ! DAMAGED (utf8): not UTF-8 from byte 2 on
    10  22:13:20.014  CP001         →  ! DAMAGED (websocket): opcode 3 is reserved
    11  22:13:20.016  CP001         →  GAP: 28 bytes are not in the capture
    12  22:13:20.016  CP001         ←  ! answer to a Call that was not seen: currentTime 2023-11-14T22:13:20Z
    13  22:13:20.017  CP001            closed by the station, code 1000: done
""".replace("MEANING", "the receiver failed while it worked on the message")


def test_every_kind_of_event_has_its_line(tmp_path):
    done = run("ls", saved(tmp_path, everything()))
    assert done.stdout == EXPECTED
    assert (done.exit_code, done.stderr) == (0, "")


def column(path, mode):
    return [line[8:20].strip() for line in run("ls", "--time", mode, path).stdout.splitlines()]


def test_times(tmp_path):
    talk = session().client(call()).wait(3 * SECOND).server(answer()).close()
    path = saved(tmp_path, talk)
    assert run("ls", "--time", "absolute", path).stdout == run("ls", path).stdout
    assert column(path, "absolute") == ["22:13:20.005", "22:13:20.006", "22:13:23.007", "22:13:23.008"]
    assert column(path, "relative") == ["0.000000", "0.001000", "3.002000", "3.003000"]
    assert column(path, "delta") == ["0.000000", "0.001000", "3.001000", "0.001000"]


@pytest.mark.parametrize("mode", ["absolute", "relative", "delta"])
def test_an_event_without_a_time_keeps_the_columns(mode):
    shown = ls._TimeColumn(mode)
    assert shown.show(None) == f"{'-':>12}"
    assert len(shown.show(1_700_000_000 * SECOND)) == 12
    assert len(shown.show(1 << 80)) >= 12


def test_time_may_go_backwards(tmp_path):
    talk = session().client(call()).wait(-500 * MILLISECOND).server(answer())
    assert column(saved(tmp_path, talk), "delta")[2] == "-0.499000"


def test_a_session_without_a_station_is_named_by_its_number(tmp_path):
    talk = Conversation().client(call()).server(answer()).client(call('[2,"2","Heartbeat",{}]'))
    done = run("ls", saved(tmp_path, talk))
    assert {line[22:31] for line in done.stdout.splitlines()} == {"session 1"}
    assert "first seen here, after its start: 10.0.0.1:50000 → 10.0.0.2:9000" in done.stdout


def test_notices_are_talk_not_data(tmp_path):
    foreign = Conversation().open().client(upgrade("/chat", Sec_WebSocket_Protocol="chat"))
    foreign.server(switching(Sec_WebSocket_Protocol="chat")).client(call("hello")).close()
    other = Conversation(client="10.0.0.9:1").open().client(upgrade()).server(refusal(404)).close()
    path = saved(tmp_path, pcap([*foreign.packets, *other.packets]))
    done = run("ls", path)
    assert done.exit_code == 0
    assert done.stderr.startswith("websocket.not-ocpp: 10.0.0.1:50000 → 10.0.0.2:9000, path /chat")
    assert "chat" not in done.stdout
    assert "REFUSED with status 404: /ocpp/CP001" in done.stdout
    assert len(lines("ls", "--json", path)) == 2


def test_a_piped_line_is_never_cut(tmp_path):
    name = "STATION-WITH-QUITE-A-LONG-NAME"
    talk = Conversation().open().client(upgrade(f"/{name}")).server(switching()).client(call()).close()
    assert run("ls", saved(tmp_path, talk)).stdout.count(f"  {name}  ") == 3


def test_a_terminals_line_is_cut_to_its_width(tmp_path, monkeypatch):
    talk = Conversation().open().client(upgrade("/STATION-WITH-QUITE-A-LONG-NAME")).server(switching())
    wide = '[2,"1","DataTransfer",{"vendorId":"日本語","data":"' + "日本語" * 20 + '"}]'
    talk.client(call(wide)).close()
    plain = saved(tmp_path, everything())
    for path in (plain, saved(tmp_path, talk, "wide.pcap")):
        whole = run("ls", "--json", path).stdout.count("\n")
        for columns in (50, 80, 200):
            monkeypatch.setattr(text, "width", lambda columns=columns: columns)
            shown = run("ls", path).stdout.splitlines()
            assert len(shown) == whole
            assert max(map(text.columns_of, shown)) <= columns
    assert "STATION-WIT…" in run("ls", tmp_path / "wide.pcap").stdout


def test_colour_does_not_count_as_width(tmp_path, monkeypatch):
    path = saved(tmp_path, everything())
    for columns in range(40, 60):
        monkeypatch.setattr(text, "width", lambda columns=columns: columns)
        coloured = run("ls", path, color=True).stdout
        assert re.sub("\x1b\\[[0-9]*m", "", coloured) == run("ls", path).stdout
        assert coloured.count("\x1b[31m") == coloured.count("\x1b[0m")
    assert "\x1b[31m!\x1b[0m StatusNot" in coloured


def test_control_characters_cannot_move_the_cursor(tmp_path):
    identity = "".join(f"%{byte:02x}" for byte in b"CP\n\x1b[31m")
    talk = Conversation().open().client(upgrade(f"/{identity}")).server(switching())
    talk.client(call('[2,"1","DataTransfer",{"vendorId":"a\\nb\\u001b[2J\\u009b"}]'))
    talk.client(frame(8, b"\x03\xe8bye\r\n\x1b[2J", masked=True)).close()
    shown = run("ls", saved(tmp_path, talk), color=True).stdout
    assert len(shown.splitlines()) == 3
    assert "\x1b" not in shown.replace("\x1b[31m!\x1b[0m", "")
    assert "CP␊␛[31m" in shown
    assert "DataTransfer: a␊b␛[2J\ufffd" in shown
    assert "bye␍␊␛[2J" in shown


def test_interrupting_a_follower_shows_what_there_was(tmp_path, monkeypatch):
    real = OpenInput.batches

    def stopped(self):
        yield from real(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(OpenInput, "batches", stopped)
    done = run("ls", saved(tmp_path, everything()))
    assert done.exit_code == 130
    assert done.stdout == EXPECTED
