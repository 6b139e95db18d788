"""The player on a clock of the test's own: nothing here takes any time."""

import pytest

from ocppscope.replay.player import SendPing, SendRaw
from tests.replay.messages import SECOND
from tests.replay.screenplay import BOOT, BOOTED, Recorded, Rehearsal

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
RESET = {"type": "Soft"}
ACCEPTED = {"status": "Accepted"}
START = {"connectorId": 1, "idTag": "T", "meterStart": 1, "timestamp": "2023-11-14T22:13:25Z"}
REMOTE = {"idTag": "T", "connectorId": 1}
TAG = {"idTagInfo": {"status": "Accepted"}}


def status(value):
    return STATUS | {"status": value}


def booted():
    return Recorded().open().call(1, "station", "BootNotification", BOOT, BOOTED)


# --- order and time ---


def test_a_message_goes_when_its_gap_has_passed():
    play = Rehearsal(booted().call(3, "station", "StatusNotification", STATUS, {}).close(4))
    assert play.done == []
    play.until(0.99)
    assert play.done == []
    play.until(1)
    assert play.said() == [(1, "BootNotification")]


def test_the_gap_begins_when_the_answer_has_come():
    play = Rehearsal(booted().call(3, "station", "StatusNotification", STATUS, {}).close(4))
    play.until(11).answers(BOOTED).until(12.8)
    assert play.actions() == ["BootNotification"]
    play.until(20).answers({})
    assert play.said()[1] == (12.9, "StatusNotification")  # 1.9 s lay between the answer and it
    play.until(30)
    assert play.done[-1] == (20.9, ("close", 1000, "close"))
    play.closes()
    assert (play.verdict, play.is_over) == ("same", True)
    assert play.player.latencies == [10 * SECOND, 7.1 * SECOND]


def test_a_gap_is_cut_to_the_longest_one():
    recorded = booted().call(3600, "station", "StatusNotification", STATUS, {})
    play = Rehearsal(recorded, max_gap=2).until(1).answers(BOOTED).until(100)
    assert play.said()[1] == (3, "StatusNotification")


@pytest.mark.parametrize(("pace", "at"), [("x10", 0.29), ("answer", 0.1), ("asap", 0.1)])
def test_paces(pace, at):
    play = Rehearsal(booted().call(3, "station", "StatusNotification", STATUS, {}), pace=pace)
    play.until(0.1).answers(BOOTED).until(9)
    assert play.said() == [(0.1 if pace == "x10" else 0, "BootNotification"), (at, "StatusNotification")]


def test_who_is_woken_late_does_not_stay_late():
    recorded = Recorded("2.1").open()
    for number in range(3):
        payload = {"id": 1, "pending": 0, "basetime": "2023-11-14T22:13:21Z", "data": []}
        recorded.text(1 + number, "station", [6, f"s{number}", "NotifyPeriodicEventStream", payload])
    play = Rehearsal(recorded)
    play.until(1)
    play._now += SECOND // 2  # the second one is half a second late
    play._take(play.player.wake(play._now))
    play._now += SECOND
    play._take(play.player.wake(play._now))
    play.until(9)
    assert [at for at, _ in play.said()] == [1, 2.5, 3]


def test_a_call_of_the_peer_that_is_early_does_not_eat_the_gaps():
    recorded = booted().call(3, "station", "StatusNotification", STATUS, {})
    recorded.call(100, "csms", "Reset", RESET, ACCEPTED).close(101)
    play = Rehearsal(recorded)
    play.calls("Reset", RESET).until(1).answers(BOOTED).until(9)
    assert play.said()[2] == (2.9, "StatusNotification")
    play.answers({}).until(60)
    # 97 s lay between the last answer and the Close, of which 5 are waited.
    assert play.done[-1] == (14, ("close", 1000, "close"))
    assert play.closes().verdict == "same"


def test_answers_may_come_in_another_order():
    recorded = Recorded().open()
    recorded.text(1, "station", [2, "a", "StatusNotification", status("Available")])
    recorded.text(1.1, "station", [2, "b", "MeterValues", {"connectorId": 1, "meterValue": []}])
    recorded.text(1.2, "csms", [3, "a", {}]).text(1.3, "csms", [3, "b", {}]).close(2)
    play = Rehearsal(recorded).until(2)
    assert play.actions() == ["StatusNotification", "MeterValues"]
    play.answers({}, "MeterValues").until(9)
    assert len(play.done) == 2  # the first answer is waited for
    play.answers({}, "StatusNotification").until(20).closes()
    assert play.outcomes() == [("equal", "MeterValues"), ("equal", "StatusNotification")]
    assert play.verdict == "same"


def test_the_peers_call_comes_before_what_followed_it():
    recorded = booted().call(2, "csms", "RemoteStartTransaction", REMOTE, ACCEPTED)
    recorded.call(3, "station", "StatusNotification", STATUS, {})
    play = Rehearsal(recorded).until(1).answers(BOOTED).until(20)
    assert play.actions() == ["BootNotification"]
    play.calls("RemoteStartTransaction", REMOTE).until(40)
    assert play.said()[1:] == [(20.1, ["p1", ACCEPTED]), (21, "StatusNotification")]


def test_what_does_not_come_is_missing_and_play_goes_on():
    recorded = booted().call(2, "csms", "RemoteStartTransaction", REMOTE, ACCEPTED)
    recorded.call(3, "station", "StatusNotification", STATUS, {}).close(4)
    play = Rehearsal(recorded, wait=30).until(1).answers(BOOTED).until(30.9)
    assert play.outcomes() == [("equal", "BootNotification")]
    play.until(31)
    assert play.outcomes()[1:] == [("missing", "RemoteStartTransaction")]
    play.until(40).answers({}).until(50).closes()
    assert play.actions() == ["BootNotification", "StatusNotification"]
    assert play.verdict == "incomplete"
    assert play.player.tally.counts == {"equal": 2, "diverged": 0, "missing": 1, "unexpected": 0}
    assert play.player.tally.unplayed == 0  # an answer to what was never asked could not be played


def test_what_was_missing_may_come_after_all():
    recorded = booted().call(2, "csms", "RemoteStartTransaction", REMOTE, ACCEPTED)
    recorded.call(30, "station", "StatusNotification", STATUS, {})
    play = Rehearsal(recorded, wait=10).until(1).answers(BOOTED).until(12)
    play.calls("RemoteStartTransaction", REMOTE).until(13)
    assert play.said()[1] == (12.1, ["p1", ACCEPTED])
    assert play.player.tally.counts["missing"] == 0
    assert "step 2 (event 4, RemoteStartTransaction) came after all" in play.notes[-1]


def test_an_answer_that_never_comes():
    play = Rehearsal(booted().call(2, "station", "StatusNotification", STATUS, {}), wait=7).until(40)
    assert play.said() == [(1, "BootNotification"), (8.9, "StatusNotification")]
    assert play.outcomes() == [("missing", "BootNotification"), ("missing", "StatusNotification")]


def test_asap_does_not_wait_for_what_the_peer_does_of_itself_until_the_end():
    recorded = booted().call(2, "csms", "Reset", RESET, ACCEPTED)
    recorded.call(3, "station", "StatusNotification", STATUS, {}).close(4)
    play = Rehearsal(recorded, pace="asap", wait=5)
    assert play.actions() == ["BootNotification"]  # but for answers
    play.answers(BOOTED)
    assert play.actions() == ["BootNotification", "StatusNotification"]
    play.answers({})
    assert len(play.done) == 2
    play.until(1).calls("Reset", RESET)
    assert play.done[-1] == (1, ("close", 1000, "close"))
    assert play.closes().verdict == "same"


def test_heartbeats_come_as_they_like():
    recorded = booted().call(2, "csms", "Reset", RESET, ACCEPTED)
    recorded.call(3, "station", "Heartbeat", {}, {"currentTime": "x"}).close(4)
    play = Rehearsal(recorded, side="csms", wait=5)
    play.calls("Heartbeat", {}, "h1").calls("Heartbeat", {}, "h2").calls("BootNotification", BOOT, "b")
    play.until(3).answers(ACCEPTED, "Reset").closes()
    assert play.verdict == "same"
    assert {m[1] for _, m in play.done if m[0] == 3} == {"h1", "h2", "b"}
    play = Rehearsal(recorded, side="csms", wait=5)
    play.calls("BootNotification", BOOT, "b").until(3).answers(ACCEPTED, "Reset").until(4).closes()
    assert play.verdict == "same"


def test_a_capture_without_times_is_played_without_gaps():
    script = booted().close(2).script()
    for step in script.steps:
        step.time = None
    play = Rehearsal(script).until(0)
    play.answers(BOOTED)
    assert [at for at, _ in play.done] == [0, 0]


# --- what the peer is told, and what is learned ---


def test_a_live_transaction_id_is_used_in_the_place_of_the_recorded_one():
    recorded = Recorded().open().call(1, "station", "StartTransaction", START, {"transactionId": 7, **TAG})
    stop = {"transactionId": 7, "meterStop": 2, "timestamp": "2023-11-14T22:13:26Z"}
    recorded.call(2, "csms", "RemoteStopTransaction", {"transactionId": 7}, ACCEPTED)
    recorded.call(3, "station", "StopTransaction", stop, {})
    play = Rehearsal(recorded, pace="answer").answers({"transactionId": 9000, **TAG})
    play.calls("RemoteStopTransaction", {"transactionId": 9000})
    assert play.payload("StopTransaction")["transactionId"] == 9000
    assert play.payload("StopTransaction")["timestamp"] != stop["timestamp"]
    play.answers({}).closes()
    assert play.verdict == "same"


def test_ids_of_messages_are_new():
    play = Rehearsal(booted(), pace="asap")
    assert play.done[0][1] == [2, "m1", "BootNotification", BOOT]


def test_answers_have_the_ids_of_the_live_calls():
    play = Rehearsal(Recorded().open().call(1, "csms", "Reset", RESET, ACCEPTED, after=2))
    play.until(5).calls("Reset", RESET, "live").until(6.9)
    assert play.done == []
    play.until(7)
    assert play.said() == [(7, ["live", ACCEPTED])]


def test_a_recorded_error_is_said_again():
    error = ["NotSupported", "no", {"a": 1}]
    play = Rehearsal(Recorded().open().call(1, "csms", "Reset", RESET, error), pace="asap")
    play.calls("Reset", RESET, "live")
    assert play.done[0][1] == [4, "live", *error]


def test_calls_are_matched_by_likeness_then_by_order():
    recorded = Recorded().open()
    for at, value in enumerate(("Preparing", "Charging", "Finishing", "Charging")):
        answer = {"status": value + str(at)}
        recorded.call(at + 1, "csms", "DataTransfer", {"vendorId": "v", "data": value}, answer)
    play = Rehearsal(recorded, pace="asap")
    for number, value in enumerate(("Charging", "Finishing", "Charging", "Preparing")):
        play.calls("DataTransfer", {"vendorId": "v", "data": value}, f"p{number}")
    answers = [(one[0], one[1]["status"]) for _, one in play.said()]
    assert answers == [("p0", "Charging1"), ("p1", "Finishing2"), ("p2", "Charging3"), ("p3", "Preparing0")]
    assert play.closes().verdict == "same"


def test_a_call_that_is_not_alike_stands_for_the_first():
    recorded = Recorded().open()
    for value in ("A", "B"):
        recorded.call(1, "csms", "DataTransfer", {"vendorId": value}, {"status": value})
    play = (
        Rehearsal(recorded, pace="asap")
        .calls("DataTransfer", {"vendorId": "C"})
        .calls("DataTransfer", {"vendorId": "B"})
    )
    assert [(one.outcome, [d.pointer for d in one.differences]) for one in play.compared] == [
        ("diverged", ["/vendorId"]),
        ("equal", []),
    ]


def test_a_call_that_the_capture_never_saw_gets_a_default_answer():
    play = Rehearsal(booted(), pace="asap").calls("GetConfiguration", {"key": ["A"]}, "g")
    assert play.done[-1][1] == [3, "g", {"configurationKey": [], "unknownKey": ["A"]}]
    assert play.outcomes() == [("unexpected", "GetConfiguration")]
    assert play.verdict == "diverged"


@pytest.mark.parametrize(
    "message", [[2, "g", "GetConfiguration", {}], [2, "g", "Nonsense", {}], [2, "g", 5, {}]]
)
def test_unknown_calls_are_refused_if_so_wished(message):
    play = Rehearsal(booted(), pace="asap", refuses_unknown=True).says(message)
    assert play.done[-1][1] == [4, "g", "NotImplemented", "", {}]


def test_what_was_never_answered_is_not_answered_now():
    recorded = (
        Recorded().open().call(1, "csms", "Reset", RESET).call(60, "station", "Heartbeat", {}, {}).close(61)
    )
    play = Rehearsal(recorded, pace="answer").calls("Reset", RESET)
    assert play.actions() == ["Heartbeat"]
    assert all(m[0] == 2 for _, m in play.done)


@pytest.mark.parametrize("lost", [True, False])
def test_an_answer_that_the_capture_may_lack_is_made_up(lost):
    recorded = Recorded().open().call(0, "station", "Heartbeat", {}).call(1, "csms", "Reset", RESET)
    recorded = recorded.gap(2, "station").close(100) if lost else recorded  # or it ends there
    play = Rehearsal(recorded, pace="answer").calls("Reset", RESET, "live")
    assert play.done[1][1] == [3, "live", {"status": "Rejected"}]
    assert play.outcomes() == [("equal", "Reset")]


def test_an_answer_to_a_call_that_was_never_answered():
    recorded = Recorded().open().call(1, "station", "Authorize", {"idTag": "T"}).close(99)
    play = Rehearsal(recorded, pace="asap").answers(TAG)
    assert play.outcomes() == [("unexpected", "Authorize")]
    cut_off = Recorded().open().call(1, "station", "Authorize", {"idTag": "T"})
    assert Rehearsal(cut_off, pace="asap").answers(TAG).closes().verdict == "same"


def test_integers_of_any_size_are_sent_as_they_were():
    big = 1 << 80
    recorded = Recorded().open().call(1, "station", "DataTransfer", {"vendorId": "v", "data": big}, ACCEPTED)
    play = Rehearsal(recorded, pace="asap")
    assert play.payload("DataTransfer")["data"] == big


# --- what differs ---


def test_a_changed_answer_diverges_in_its_place():
    play = Rehearsal(booted(), pace="asap").answers(BOOTED | {"status": "Pending"})
    (one,) = play.compared
    assert (one.step, one.n, one.action, one.kind, one.outcome) == (
        1,
        3,
        "BootNotification",
        "answer",
        "diverged",
    )
    assert [(d.pointer, d.expected, d.actual) for d in one.differences] == [
        ("/status", "Accepted", "Pending")
    ]
    assert play.verdict == "diverged"


def test_an_error_in_the_place_of_an_answer_and_the_reverse():
    play = Rehearsal(booted(), pace="asap").answers(["InternalError", "", {}])
    assert [d.pointer for d in play.compared[0].differences] == [""]
    assert play.compared[0].differences[0].detail
    recorded = Recorded().open().call(1, "station", "BootNotification", BOOT, ["InternalError", "x", {}])
    play = Rehearsal(recorded, pace="asap").answers(BOOTED)
    assert [d.pointer for d in play.compared[0].differences] == [""]
    assert Rehearsal(recorded, pace="asap").answers(["InternalError", "y", {}]).closes().verdict == "same"


@pytest.mark.parametrize("text", ["no JSON", "{}", "[9]", '[2,"a"]'])
def test_what_is_no_message_is_told(text):
    play = Rehearsal(booted(), pace="asap").says(text)
    assert play.outcomes() == [("unexpected", None)]
    assert "is no message" in play.notes[-1]


def test_answers_to_nothing_and_second_answers_are_unexpected():
    play = (
        Rehearsal(booted(), pace="asap")
        .answers(BOOTED)
        .answers(BOOTED)
        .says([3, "nobody", {}])
        .says([3, 7, {}])
    )
    assert [outcome for outcome, _ in play.outcomes()] == ["equal", *["unexpected"] * 3]


def test_an_answer_to_what_could_not_be_read_is_to_the_last_call():
    play = Rehearsal(Recorded("2.0.1").open().call(1, "station", "Heartbeat", {}, {}), pace="asap")
    play.says([4, "-1", "RpcFrameworkError", "", {}])
    assert play.outcomes() == [("diverged", "Heartbeat")]


# --- CallResultErrors (2.1) ---


def disputed(by):
    """A Call by the other one; who called finds its answer wrong."""
    recorded = Recorded("2.1").open()
    recorded.call(1, by, "DataTransfer", {"vendorId": "v"}, ACCEPTED)
    return (
        recorded.text(1.2, by, [5, "r1", "FormatViolation", "", {}])
        .call(2, "station", "Heartbeat", {}, {})
        .close(3)
    )


def test_a_dispute_of_ours_has_the_id_of_the_live_answer():
    play = Rehearsal(disputed("station")).until(1).answers(ACCEPTED).until(1.2)
    assert play.done[-1][1] == [5, "m1", "FormatViolation", "", {}]


def test_a_dispute_of_the_peers():
    play = Rehearsal(disputed("csms"), pace="answer").calls("DataTransfer", {"vendorId": "v"}, "live")
    assert play.actions() == []
    play.says([5, "live", "FormatViolation", "", {}]).answers({}, "Heartbeat").closes()
    assert play.verdict == "same"
    play = Rehearsal(disputed("csms"), pace="answer").says([5, "?", "FormatViolation", "", {}])
    assert play.outcomes() == [("unexpected", None)]


@pytest.mark.parametrize("pace", ["answer", "asap"])
def test_a_dispute_about_what_never_came_is_missing_with_it(pace):
    play = Rehearsal(disputed("csms"), pace=pace, wait=5)
    play.until(5 if pace == "answer" else 0).answers({}, "Heartbeat").until(11).closes()
    missing = [one.action for one in play.compared if one.outcome == "missing"]
    assert missing == ["DataTransfer", "DataTransfer"]


# --- pings, damage, ends ---


def test_pings_are_sent_and_those_of_the_peer_not_waited_for():
    recorded = booted().ping(2, "station", b"ours").ping(2.5, "csms").close(3)
    play = Rehearsal(recorded).until(1).answers(BOOTED).until(9)
    assert play.done[1:] == [(1.9, SendPing(b"ours")), (2.9, ("close", 1000, "close"))]


def test_what_is_damaged_is_left_out_or_sent_as_it_was():
    recorded = booted().damaged(2, "station", '{"half').close(3)
    play = Rehearsal(recorded).until(1).answers(BOOTED).until(9)
    assert [type(what) for _, what in play.done] == [list, tuple]
    assert "event 4 is damaged and was left out: --raw sends it as it was" in play.notes
    play = Rehearsal(recorded, is_raw=True).until(1).answers(BOOTED).until(9)
    raw = play.done[1][1]
    assert isinstance(raw, SendRaw)
    assert raw.data.endswith(b'{"half')


@pytest.mark.parametrize("how", ["close", "fin", "rst"])
def test_the_recorded_end(how):
    code = 4001 if how == "close" else None
    play = Rehearsal(booted().close(2, code=code, how=how), pace="answer").answers(BOOTED)
    assert play.done[-1][1] == ("close", code, how)


def test_a_capture_that_ends_first_is_closed_when_all_is_done():
    play = Rehearsal(booted(), pace="answer").answers(BOOTED)
    assert play.done[-1][1] == ("close", 1000, "close")
    assert play.closes().is_over


def test_the_close_of_the_peer_is_waited_for_and_compared():
    recorded = booted().close(2, by="csms", code=1001)
    play = Rehearsal(recorded, pace="answer", wait=9).answers(BOOTED)
    assert len(play.done) == 1
    assert play.closes(1001).verdict == "same"
    play = Rehearsal(recorded, pace="answer", wait=9).answers(BOOTED).closes(1011)
    assert play.compared[-1].outcome == "diverged"
    assert play.compared[-1].differences[0].detail == "1001 ≠ 1011"
    play = Rehearsal(recorded, pace="answer", wait=9).answers(BOOTED).until(20)
    assert play.done[-1] == (9, ("close", 1000, "close"))
    assert play.outcomes()[-1] == ("missing", None)
    assert play.closes().verdict == "incomplete"


def test_a_peer_that_closes_early_is_told_with_the_step():
    recorded = (
        booted()
        .call(2, "station", "StatusNotification", STATUS, {})
        .call(3, "csms", "Reset", RESET, ACCEPTED)
    )
    play = Rehearsal(recorded.close(9)).until(1).answers(BOOTED).closes(1008, "go away")
    assert (
        "the peer closed the connection with code 1008 (go away) before step 2 (event 4, StatusNotification)"
        in play.notes
    )
    assert play.outcomes() == [
        ("equal", "BootNotification"),
        ("missing", "StatusNotification"),
        ("missing", "Reset"),
    ]
    assert (play.player.tally.unplayed, play.verdict, play.is_over) == (1, "incomplete", True)


def test_a_peer_that_breaks_off():
    play = Rehearsal(booted().close(9)).closes(None)
    assert any("without a Close before step 0 (event 2, BootNotification)" in note for note in play.notes)


def test_a_close_as_recorded_but_too_early():
    recorded = booted().call(2, "station", "StatusNotification", STATUS, {}).close(3, by="csms", code=1001)
    play = Rehearsal(recorded, pace="answer").answers(BOOTED).closes(1001)
    assert play.verdict == "incomplete"
    assert any("before step 3 (event 5, its answer to StatusNotification)" in note for note in play.notes)


def test_nothing_is_heard_after_the_end():
    play = Rehearsal(booted().close(2), pace="asap").answers(BOOTED).closes()
    play.says([2, "x", "Reset", RESET]).closes()
    assert play.verdict == "same"
    assert play.is_over


# --- several sessions ---


def two_sessions():
    recorded = booted().close(2)
    return recorded.open(5).call(6, "station", "StatusNotification", STATUS, {}).close(7)


def test_it_reconnects_where_the_capture_did():
    play = Rehearsal(two_sessions()).until(1).answers(BOOTED).until(2).closes().until(30)
    assert play.opened == [(0, 0), (5, 1)]
    assert play.said()[-1] == (6, "StatusNotification")
    play.answers({}).until(40).closes()
    assert (play.verdict, play.is_over) == ("same", True)


def test_calls_of_one_session_are_not_answered_in_another():
    play = Rehearsal(two_sessions(), pace="asap").closes()
    assert play.actions() == ["BootNotification", "StatusNotification"]
    play.says([3, "m1", BOOTED])
    assert play.outcomes()[-1] == ("unexpected", None)


def test_nobody_is_there():
    play = Rehearsal(two_sessions(), opens=False).fails()
    assert "session 1 could not be opened (step 0, event 2): nobody is there" in play.notes
    assert (play.verdict, play.is_over, play.player.tally.unplayed) == ("incomplete", True, 2)
    assert play.outcomes() == [("missing", "BootNotification"), ("missing", "StatusNotification")]


def test_a_peer_that_was_there_is_tried_again():
    play = Rehearsal(two_sessions(), opens=False, wait=3, pace="answer").opens().answers(BOOTED).closes()
    play.fails().until(0.9)
    assert play.opened == [(0, 0), (0, 1)]
    play.until(1).fails().until(2).fails()
    assert play.opened == [(0, 0), (0, 1), (1, 1), (2, 1)]
    assert play.is_over
    assert "session 2 could not be opened (step 3, event 6): nobody is there" in play.notes
    assert play.verdict == "incomplete"


def test_it_is_stopped():
    play = Rehearsal(two_sessions(), pace="answer")
    play.player.stop("interrupted")
    play.player.stop("again")
    assert play.outcomes() == [("missing", "BootNotification"), ("missing", "StatusNotification")]
    assert play.player.tally.unplayed == 1  # what is on the second session
    assert play.notes[-1] == "interrupted"


def test_notes_are_bounded():
    play = Rehearsal(booted(), pace="asap")
    for _ in range(300):
        play.says("x")
    assert len(play.notes) == 100
    assert play.player.tally.counts["unexpected"] == 300


def test_a_long_capture_of_which_the_peer_does_nothing_is_played_in_linear_time():
    recorded = Recorded().open()
    for at in range(4000):
        recorded.call(at, "csms", "Reset", RESET, ACCEPTED)
        recorded.call(at + 0.5, "station", "StatusNotification", STATUS, {})
    play = Rehearsal(recorded, pace="asap")
    for number in range(4000):
        play.says([3, f"m{number + 1}", {}])
    assert play.player.tally.counts["equal"] == 4000
