import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from ocppscope.capture.faults.frames import PING, TEXT, compose
from ocppscope.capture.faults.session import MAX_HELD, Close, End, FaultedSession, Mark, Send
from ocppscope.capture.faults.spec import parse_fault
from ocppscope.events import FROM_CSMS, FROM_STATION
from tests.wire.packets import CONTINUATION, frame

from .stage import (
    BOOT,
    HEARTBEAT,
    MILLISECOND,
    RESET,
    SECOND,
    START,
    TIME,
    Stage,
    header,
    meter,
    opened,
    peers,
    sent,
    texts_of,
)

NEVER = "drop when action == NoSuchAction"
PING_FRAME = ("PING", b"beat")
COMBINATIONS = [(client, server) for client in (False, True) for server in (False, True)]


def ping(stage):
    stage.peers[FROM_STATION].send_ping(b"beat")
    return stage.feed(FROM_STATION, sent(stage.peers[FROM_STATION]))


# --- each kind ---


def test_delay_holds_a_message_and_all_behind_it():
    stage = Stage("delay 5s when action == Heartbeat").station(BOOT, HEARTBEAT, meter(1))
    assert stage.at_csms == [BOOT]
    assert stage.session.due == START + 5 * SECOND
    assert stage.wait(5 * SECOND - 1).at_csms == []
    assert stage.wait(1).at_csms == [HEARTBEAT, meter(1)]
    assert stage.session.due is None
    assert stage.marks == ["delayed by 5 s (delay 5s when action == Heartbeat)"]


def test_delays_count_from_when_a_message_came():
    stage = Stage("delay 5s", "delay 200ms").station(BOOT).wait(SECOND).station(HEARTBEAT)
    assert stage.wait(4 * SECOND).at_csms == []
    assert stage.wait(200 * MILLISECOND).at_csms == [BOOT]
    assert stage.wait(SECOND).at_csms == [HEARTBEAT]
    assert [mark.split(" (")[0] for mark in stage.marks] == ["delayed by 5 s", "delayed by 0.2 s"] * 2


def test_drop():
    stage = Stage("drop when action == MeterValues").station(BOOT, meter(1), HEARTBEAT)
    assert stage.at_csms == [BOOT, HEARTBEAT]
    assert [output for output in stage.outputs if isinstance(output, Mark)] == [
        Mark(FROM_STATION, meter(1), "dropped (drop when action == MeterValues)")
    ]


def test_an_answer_is_dropped_by_its_calls_action():
    """The other direction is not handled by frames, but read."""
    stage = Stage("drop when action == Heartbeat and direction == csms").station(BOOT, HEARTBEAT)
    assert stage.session.directions == {FROM_CSMS}
    assert stage.at_csms == [BOOT, HEARTBEAT]
    stage.csms('[3,"1",{}]', TIME)
    assert stage.at_station == ['[3,"1",{}]']


def test_a_latency_is_known():
    stage = Stage("drop when latency > 3s").station(HEARTBEAT).wait(4 * SECOND).csms(TIME)
    assert stage.at_station == []


def test_duplicate():
    stage = Stage("duplicate when action == Heartbeat").station(BOOT, HEARTBEAT, meter(1))
    assert stage.at_csms == [BOOT, HEARTBEAT, HEARTBEAT, meter(1)]
    assert stage.marks == ["sent 2 times (duplicate when action == Heartbeat)"]


def test_reorder_puts_the_next_message_first():
    stage = Stage("reorder").station(meter(1))
    assert stage.at_csms == []
    assert stage.station(meter(2)).at_csms == [meter(2), meter(1)]
    assert stage.station(meter(3), meter(4)).at_csms == [meter(4), meter(3)]
    assert len(stage.marks) == 2
    assert stage.marks[0] == "held back until the next message has gone by (reorder)"


def test_reorder_waits_five_seconds_at_most():
    stage = Stage("reorder").station(meter(1))
    assert stage.wait(5 * SECOND - 1).at_csms == []
    assert stage.wait(1).at_csms == [meter(1)]
    assert stage.station(meter(2)).at_csms == []


def test_what_is_dropped_goes_before_nothing():
    stage = Stage("reorder when action == BootNotification", "drop when action == Heartbeat")
    assert stage.station(BOOT, HEARTBEAT).at_csms == []
    assert stage.station(meter(1)).at_csms == [meter(1), BOOT]


def test_what_is_held_back_goes_out_before_a_close_and_an_end():
    stage = Stage("reorder").station(meter(1))
    stage.peers[FROM_STATION].send_close(1000)
    assert stage.feed(FROM_STATION, sent(stage.peers[FROM_STATION])).at_csms[0] == meter(1)
    stage = Stage("reorder").station(meter(1)).end(FROM_STATION)
    assert stage.at_csms == [meter(1)]
    assert stage.ends == [End(FROM_STATION)]


def test_corrupt_changes_one_byte():
    stage = Stage("corrupt").station(BOOT)
    (text,) = stage.at_csms
    assert len(text) == len(BOOT)
    ((at, was, now),) = [(n, a, b) for n, (a, b) in enumerate(zip(BOOT, text, strict=True)) if a != b]
    assert stage.marks == [f"byte {at} replaced: {was!r} by {now!r} (corrupt)"]


def test_nothing_to_corrupt():
    stage = Stage("corrupt").station("")
    assert stage.at_csms == [""]
    assert stage.marks == ["not corrupted: there is no byte that could be replaced (corrupt)"]


def test_close_tells_both_sides_and_is_the_end():
    stage = Stage('close 1011 "no more" when action == Heartbeat').station(BOOT, HEARTBEAT)
    closing = ("CLOSE", (1011).to_bytes(2, "big") + b"no more")
    assert isinstance(stage.outputs[-1], Close)
    assert stage.at_csms == [BOOT, closing]
    assert stage.at_station == [closing]
    assert stage.marks[0].startswith("not passed on, both sides closed with 1011 'no more' (")
    count = len(stage.outputs)
    stage.feed(FROM_STATION, compose(TEXT, BOOT.encode(), key=b"1234")).feed(FROM_CSMS, b"\x81").end(
        FROM_STATION
    )
    assert len(stage.outputs) == count
    assert stage.session.due is None
    assert stage.session.wake(stage.now) == []


def test_close_without_a_reason():
    stage = Stage("close 1000").station(BOOT)
    assert stage.at_csms == [("CLOSE", b"\x03\xe8")]
    assert stage.marks == ["not passed on, both sides closed with 1000 (close 1000)"]


def test_close_waits_its_turn():
    stage = Stage("delay 5s when action == Heartbeat", "close 1001 when action == MeterValues")
    stage.station(HEARTBEAT, meter(1))
    assert not stage.ends
    assert stage.wait(5 * SECOND).at_csms == [HEARTBEAT, ("CLOSE", b"\x03\xe9")]


def test_close_ends_half_a_frame_first():
    stage = Stage("stall 5s when direction == csms", "close 1000 when direction == station")
    stage.csms(RESET).station(BOOT)
    assert stage.at_station == [RESET, ("CLOSE", b"\x03\xe8")]


def test_close_puts_nothing_into_a_frame():
    """The CSMS is in the midst of one, of which the bytes are passed on as they come."""
    stage = Stage("close 1000 when direction == station").feed(FROM_CSMS, frame(TEXT, b"[3,")[:4])
    stage.station(BOOT)
    assert stage.at_station == []
    assert stage.ends == [Close()]


def test_answer():
    stage = Stage('answer NotSupported "not today" when action == BootNotification')
    stage.station(BOOT, HEARTBEAT)
    assert stage.at_csms == [HEARTBEAT]
    assert stage.at_station == ['[4,"1","NotSupported","not today",{}]']
    assert stage.marks[0].startswith("not passed on, answered with the CALLERROR NotSupported (")


def test_answer_is_masked_towards_the_csms():
    stage = Stage("callerror InternalError when direction == csms").csms(RESET)
    assert stage.at_csms == ['[4,"r","InternalError","",{}]']  # `websockets` refuses unmasked frames
    assert stage.at_station == []


def test_only_calls_are_answered():
    stage = Stage("answer InternalError").station(HEARTBEAT, "no JSON").csms(TIME)
    assert stage.at_csms == ["no JSON"]
    assert TIME in stage.at_station


def test_an_answer_can_be_late():
    stage = Stage("delay 3s", "answer InternalError").station(HEARTBEAT)
    assert stage.at_station == []
    assert stage.wait(3 * SECOND).at_station == ['[4,"2","InternalError","",{}]']


def test_an_answer_waits_for_the_message_under_way():
    """What the CSMS says is passed on as it comes, also half a message."""
    stage = Stage("answer InternalError when direction == station")
    first, pinging = frame(TEXT, b"[3,", fin=False), frame(PING, b"beat")
    last, more = frame(CONTINUATION, b'"x",{}]'), frame(TEXT, RESET.encode())
    stage.feed(FROM_CSMS, first + pinging).station(HEARTBEAT)
    assert stage.at_station == [PING_FRAME]
    stage.feed(FROM_CSMS, last[:3])
    assert stage.at_station == []
    stage.feed(FROM_CSMS, last[3:] + more)
    assert stage.at_station == ['[3,"x",{}]', '[4,"2","InternalError","",{}]', RESET]


def test_no_answer_follows_a_close():
    stage = Stage("answer InternalError when direction == station")
    stage.peers[FROM_CSMS].send_close(1000)
    stage.feed(FROM_CSMS, sent(stage.peers[FROM_CSMS])).station(HEARTBEAT)
    assert stage.at_station == [("CLOSE", b"\x03\xe8")]


def test_replace():
    stage = Stage('replace /chargePointModel {"a":[1, 2]} when type == CALL').station(BOOT)
    assert stage.at_csms == [BOOT.replace('"M"', '{"a":[1, 2]}')]
    assert stage.marks[0].startswith('/chargePointModel replaced by {"a":[1, 2]} (')


def test_replace_in_a_result():
    stage = Stage("replace /currentTime null").station(HEARTBEAT).csms(TIME)
    assert stage.at_station == ['[3,"2",{"currentTime":null}]']
    assert stage.at_csms == [HEARTBEAT]
    assert stage.marks[0] == "nothing replaced: there is no /currentTime (replace /currentTime null)"


def test_replace_after_corrupt():
    """What the one has broken the other cannot read."""
    stage = Stage("corrupt", "replace /chargePointModel 7").station(BOOT)
    assert len(stage.at_csms) == 1
    assert len(stage.marks) == 2


def test_stall_tears_a_message():
    stage = Stage("stall 5s when action == Heartbeat").station(HEARTBEAT)
    data = stage.bytes[FROM_STATION]
    assert len(data) == (6 + len(HEARTBEAT)) // 2
    ping(stage).station(meter(1))
    assert stage.wait(5 * SECOND - 1).bytes[FROM_STATION] == data
    assert stage.wait(1).at_csms == [HEARTBEAT, PING_FRAME, meter(1)]
    assert stage.marks == ["stalled in its middle for 5 s (stall 5s when action == Heartbeat)"]


def test_a_stall_begins_when_it_is_its_turn():
    stage = Stage("delay 2s when action == BootNotification", "stall 5s when action == Heartbeat")
    stage.station(BOOT, HEARTBEAT).wait(2 * SECOND)
    assert stage.at_csms == [BOOT]
    assert stage.wait(5 * SECOND - 1).at_csms == []
    assert stage.wait(1).at_csms == [HEARTBEAT]


def test_several_faults_act_on_one_message():
    stage = Stage("replace /connectorId 2", "duplicate", "delay 1s").station(meter(1))
    changed = meter(1).replace('"connectorId":1', '"connectorId":2')
    assert stage.wait(SECOND).at_csms == [changed, changed]
    assert len(stage.marks) == 3


@pytest.mark.parametrize("last", ["drop", "close 1000", "answer InternalError"])
def test_nothing_happens_after_the_last_fault(last):
    assert len(Stage(last, "duplicate").station(HEARTBEAT).marks) == 1


def test_what_is_no_message_is_hit_without_a_filter():
    stage = Stage("duplicate").station("no JSON", b"\xff\xfe")
    assert stage.at_csms == ["no JSON"] * 2 + ["\ufffd\ufffd"] * 2
    stage = Stage("duplicate when action != Heartbeat").station("no JSON", b"\xff\xfe")
    assert stage.at_csms == ["no JSON", "\ufffd\ufffd"]
    stage = Stage("duplicate when event == damaged").station("no JSON", HEARTBEAT)
    assert stage.at_csms == ["no JSON", "no JSON", HEARTBEAT]


def test_the_version_need_not_be_agreed():
    """No message is kept back until it is known whether it is OCPP."""
    session = FaultedSession([parse_fault("drop")], opened(subprotocols=(), subprotocol=None), seed=1)
    outputs = session.feed(FROM_STATION, compose(TEXT, b"hello", key=b"1234"), START)
    assert outputs == [Mark(FROM_STATION, "hello", "dropped (drop)")]


# --- order ---


def test_a_ping_passes_what_is_delayed():
    stage = Stage("delay 5s").station(BOOT)
    assert ping(stage).at_csms == [PING_FRAME]


def test_a_close_does_not():
    stage = Stage("delay 5s").station(BOOT)
    stage.peers[FROM_STATION].send_close(1000)
    stage.feed(FROM_STATION, sent(stage.peers[FROM_STATION]))
    assert stage.at_csms == []
    assert stage.wait(5 * SECOND).at_csms == [BOOT, ("CLOSE", b"\x03\xe8")]


def test_a_ping_between_fragments_goes_at_once():
    stage = Stage(NEVER)
    first, last = frame(TEXT, b"[2,", fin=False, masked=True), frame(CONTINUATION, b'"1"]', masked=True)
    stage.feed(FROM_STATION, first + frame(PING, b"beat", masked=True))
    assert stage.bytes[FROM_STATION] == frame(PING, b"beat", masked=True)
    stage.feed(FROM_STATION, last)
    assert stage.bytes[FROM_STATION] == frame(PING, b"beat", masked=True) + first + last


def test_the_end_waits_for_what_is_held():
    stage = Stage("delay 5s").station(BOOT).feed(FROM_STATION, b"\x81").end(FROM_STATION)
    assert stage.ends == []
    stage.wait(5 * SECOND)
    assert stage.bytes[FROM_STATION][-1:] == b"\x81"
    assert stage.ends == [End(FROM_STATION)]
    assert stage.end(FROM_CSMS).ends == [End(FROM_STATION), End(FROM_CSMS)]


# --- bytes ---


def test_no_direction_is_handled_where_nothing_can_happen():
    stage = Stage("drop when station == CP002 and action == Heartbeat")
    assert stage.session.directions == frozenset()
    data = frame(TEXT, HEARTBEAT.encode(), masked=True)
    assert stage.session.feed(FROM_STATION, data[:3], START) == [Send(FROM_STATION, data[:3])]
    assert stage.session.feed(FROM_STATION, data[3:], START) == [Send(FROM_STATION, data[3:])]


def test_a_stream_that_cannot_be_read_is_passed_on():
    stage = Stage("drop").station(BOOT)
    odd = frame(3, b"what?", masked=True) + frame(TEXT, HEARTBEAT.encode(), masked=True)
    stage.feed(FROM_STATION, frame(TEXT, b"[", fin=False, masked=True) + odd).feed(FROM_STATION, b"more")
    assert stage.bytes[FROM_STATION] == frame(TEXT, b"[", fin=False, masked=True) + odd + b"more"
    assert stage.marks[1] == (
        "no faults from here on, the bytes are passed on as they are: "
        "a frame begins with 0x83 and claims 5 bytes"
    )
    assert len(stage.marks) == 2


def test_what_cannot_be_inflated_is_passed_on():
    stage = Stage("drop when action == Heartbeat", takeovers=(False, False)).station(BOOT)
    assert stage.at_csms == [BOOT]
    broken = frame(TEXT, b"\xff\xff\xff", rsv=4, masked=True)
    after = frame(TEXT, HEARTBEAT.encode(), masked=True)
    stage.feed(FROM_STATION, broken + after)
    assert stage.bytes[FROM_STATION] == broken + after
    assert "no valid deflate data" in stage.marks[0]


def test_compression_that_was_not_agreed():
    stage = Stage("drop").feed(FROM_STATION, frame(TEXT, b"\x00", rsv=4, masked=True))
    assert stage.bytes[FROM_STATION] == frame(TEXT, b"\x00", rsv=4, masked=True)
    assert "not agreed" in stage.marks[0]


def test_a_message_that_is_too_big_is_passed_on():
    stage = Stage("drop", max_message=100)
    data = frame(TEXT, b"x" * 101, masked=True)
    stage.feed(FROM_STATION, data)
    assert stage.bytes[FROM_STATION] == data


def test_an_unmasked_message_stays_unmasked():
    stage = Stage("replace /connectorId 2").feed(FROM_STATION, frame(TEXT, meter(1).encode()))
    assert stage.bytes[FROM_STATION] == frame(TEXT, meter(1).replace('Id":1', 'Id":2').encode())


def test_the_sender_is_told_to_wait():
    stage = Stage("delay 5s")
    text = '[2,"1","DataTransfer",{"data":"' + "x" * (MAX_HELD // 4) + '"}]'
    for _ in range(3):
        stage.feed(FROM_STATION, compose(TEXT, text.encode(), key=b"1234"))
    assert not stage.session.is_full(FROM_STATION)
    stage.feed(FROM_STATION, compose(TEXT, text.encode(), key=b"1234"))
    assert stage.session.is_full(FROM_STATION)
    assert not stage.session.is_full(FROM_CSMS)
    assert not stage.wait(5 * SECOND).session.is_full(FROM_STATION)


def test_a_sender_whose_answers_wait_is_told_to_wait():
    stage = Stage(f'answer InternalError "{"x" * 5000}" when direction == station')
    stage.feed(FROM_CSMS, b"\x81")
    for _ in range(MAX_HELD // 5000 + 1):
        stage.station(HEARTBEAT)
    assert stage.session.is_full(FROM_STATION)


@given(st.data())
def test_any_chunking_gives_the_same_bytes(data):
    """Without compression, what nothing happens to is not touched."""
    texts = [BOOT, HEARTBEAT, "", "no JSON", meter(1)]
    stream = b"".join(
        [
            *(frame(TEXT, text.encode(), masked=True) for text in texts),
            frame(PING, b"beat", masked=True),
            *(frame(2, b"\xff", masked=True), frame(TEXT, b'[2,"7"', fin=False, masked=True)),
            *(frame(CONTINUATION, b"", fin=False, masked=True), frame(CONTINUATION, b"]", masked=True)),
            frame(TEXT, b"x" * 300, masked=True),
            frame(8, b"\x03\xe8", masked=True),
        ]
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    stage = Stage(NEVER)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        stage.feed(FROM_STATION, stream[start:end])
    assert stage.end(FROM_STATION).bytes[FROM_STATION] == stream
    assert stage.marks == []


@given(st.data())
def test_any_chunking_gives_the_same_texts_with_compression(data):
    takeovers = data.draw(st.sampled_from(COMBINATIONS))
    bits = data.draw(st.sampled_from([(15, 15), (9, 9), (10, 12)]))
    texts = data.draw(st.lists(st.sampled_from([BOOT, HEARTBEAT, "", meter(1), "x" * 3000]), max_size=8))
    for direction in (FROM_STATION, FROM_CSMS):
        stage = Stage(NEVER, takeovers=takeovers, bits=bits)
        for text in texts:
            stage.peers[direction].send_text(text.encode())
        stream = sent(stage.peers[direction])
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            stage.feed(direction, stream[start:end])
        assert (stage.at_csms if direction == FROM_STATION else stage.at_station) == texts


@pytest.mark.parametrize("takeovers", COMBINATIONS)
@pytest.mark.parametrize("bits", [(15, 15), (9, 10)])
def test_what_follows_a_dropped_compressed_message_can_be_read(takeovers, bits):
    stage = Stage("drop when payload.meterValue.value == 1", takeovers=takeovers, bits=bits)
    stage.station(BOOT, meter(1), meter(2), meter(1), HEARTBEAT).csms(RESET, RESET)
    assert stage.at_csms == [BOOT, meter(2), HEARTBEAT]
    assert stage.at_station == [RESET, RESET]


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "stall 1s", "delay 1s", "replace /connectorId 2"])
def test_each_kind_with_compression(fault):
    texts = [meter(n) for n in range(4)]
    plain = Stage(fault).station(*texts).wait(10 * SECOND).at_csms
    assert Stage(fault, takeovers=(False, False)).station(*texts).wait(10 * SECOND).at_csms == plain


def test_an_answer_in_a_compressed_session():
    stage = Stage("answer InternalError when action == Heartbeat", takeovers=(False, False))
    stage.station(BOOT, HEARTBEAT, BOOT).csms('[3,"1",{}]')
    assert stage.at_csms == [BOOT, BOOT]
    assert stage.at_station == ['[4,"2","InternalError","",{}]', '[3,"1",{}]']


def test_what_came_uncompressed_goes_out_so():
    stage = Stage(NEVER, takeovers=(False, False)).station(BOOT)
    compressed = stage.bytes[FROM_STATION]
    assert compressed[0] == 0xC1
    plain = compose(TEXT, BOOT.encode(), key=b"1234")
    stage.feed(FROM_STATION, plain)
    assert stage.bytes[FROM_STATION] == compressed + plain


def test_fragments_of_a_compressed_message():
    stage = Stage(NEVER, takeovers=(False, False))
    station = stage.peers[FROM_STATION]
    station.send_text(BOOT[:20].encode(), fin=False)
    station.send_continuation(BOOT[20:].encode(), fin=True)
    assert stage.feed(FROM_STATION, sent(station)).at_csms == [BOOT]


# --- chance ---


def fates(station="CP001", seed=7, nth=1, others=(), kind="drop"):
    """Which of many messages are dropped, and what was sent instead of them."""
    stage = Stage(f"{kind} p=0.3", path=f"/ocpp/{station}", seed=seed, nth=nth)
    for n in range(100):
        stage.station(meter(n))
        for other in others:
            stage.csms(other)
    return stage.at_csms


def test_a_seed_repeats_what_happened():
    assert fates() == fates()
    assert 50 < len(fates()) < 85
    assert fates(kind="corrupt") == fates(kind="corrupt")


@pytest.mark.parametrize("other", [{"seed": 8}, {"station": "CP002"}, {"nth": 2}])
def test_other_seeds_stations_and_sessions_have_other_fates(other):
    assert fates() != fates(**other)


def test_the_other_direction_does_not_matter():
    assert fates() == fates(others=[RESET])


def test_each_direction_has_its_own_fate():
    stage = Stage("drop p=0.3")
    for n in range(100):
        stage.station(meter(n)).csms(meter(n))
    assert stage.at_csms == fates()
    assert stage.at_station != fates()


def test_mask_keys_are_repeated():
    def sent_bytes():
        return Stage("replace /connectorId 2").station(*map(meter, range(5))).bytes[FROM_STATION]

    assert sent_bytes() == sent_bytes()


def test_stations_are_independent():
    """Whatever one does, the other has its own fate."""
    alone = fates("CP002")
    fates("CP001")
    assert fates("CP002") == alone


def test_chance_is_asked_only_of_messages_that_fit():
    stage = Stage("drop when action == MeterValues p=0.3")
    for n in range(100):
        stage.station(HEARTBEAT, meter(n))
    dropped = Stage("drop when action == MeterValues p=0.3").station(*map(meter, range(100))).at_csms
    assert [text for text in stage.at_csms if text != HEARTBEAT] == dropped


def test_chance_is_not_asked_where_a_kind_cannot_act():
    stage = Stage("answer InternalError p=0.3")
    for n in range(50):
        stage.station(f'[3,"x{n}",{{}}]', meter(n))
    alone = Stage("answer InternalError p=0.3").station(*map(meter, range(50)))
    assert [text for text in stage.at_csms if text.startswith("[2")] == alone.at_csms


def test_it_is_quick():
    """A million messages take no more than a minute or two: nothing is done over and over."""
    stage = Stage(NEVER)
    data = frame(TEXT, meter(1).encode(), masked=True) * 2000
    start = time.perf_counter()
    stage.session.feed(FROM_STATION, data, START)
    assert time.perf_counter() - start < 5


def test_the_stage_itself():
    """The peers understand each other without a session between them."""
    station, csms = peers((False, False))
    station.send_text(BOOT.encode())
    csms.receive_data(sent(station))
    assert texts_of(csms.events_received(), []) == [BOOT]
    assert header((True, False), (9, 15)).startswith("permessage-deflate; client_no_context_takeover")
    assert Opcode.TEXT == TEXT
