"""Records of each form, and what is wrong with some, become the events that a pcap file gives."""

import gzip
import json
from datetime import UTC

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Control, Notice, Opened, Text
from ocppscope.ocpp import rpc
from ocppscope.sources import InputError, SourceOptions, open_source
from ocppscope.sources.traces import trace_file
from ocppscope.sources.traces.cutting import Items, Lines, Rows

BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
BOOTED = '[3,"1",{"status":"Accepted","currentTime":"2026-01-01T00:00:00Z","interval":300}]'
RESET = '[2,"7","Reset",{"type":"Soft"}]'
DONE = '[3,"7",{"status":"Accepted"}]'
TALK = (BOOT, BOOTED, RESET, DONE)
WAYS = (FROM_STATION, FROM_CSMS, FROM_CSMS, FROM_STATION)
STARTED = 1_767_225_600_000_000_000
SECOND = 1_000_000_000
TIMES = [f"2026-01-01T00:00:0{at}.000Z" for at in range(4)]


def record(text, direction, timestamp=TIMES[0], **more):
    """A record of Open OCPP Trace."""
    value = json.loads(text)
    kind = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR"}[value[0]]
    fields = {
        "schemaVersion": "1.1",
        "timestamp": timestamp,
        "ocppVersion": "1.6",
        "transport": "json",
        "chargePointId": "CP1",
        "direction": direction,
        "messageType": kind,
        "messageId": value[1],
    }
    if kind == "CALL":
        fields["action"] = value[2]
    if kind == "CALLERROR":
        fields["error"] = dict(zip(("code", "description", "details"), value[2:], strict=True))
    else:
        fields["payload"] = value[-1]
    return fields | {"raw": text} | more


RECORDS = [record(*one) for one in zip(TALK, WAYS, TIMES, strict=True)]


def lines(*values):
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.fixture
def read(tmp_path):
    def events(*contents, **options):
        names = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number}.trace"
            path.write_bytes(content if isinstance(content, bytes) else lines(*content))
            names.append(str(path))
        source = open_source(names, SourceOptions(**options))
        return [event for batch in source.batches() for event in batch]

    return events


def texts(events):
    return [(event.direction, event.text) for event in events if isinstance(event, Text)]


def times(events):
    return [event.time for event in events if isinstance(event, Text)]


def notices(events):
    """What is wrong with the records."""
    told = [event for event in events if isinstance(event, Notice) and event.kind != "text.assumed"]
    return [event.detail.partition(": ")[2] for event in told]


def stations(events):
    return {event.session.station for event in events if not isinstance(event, Notice)}


ALL = list(zip(WAYS, TALK, strict=True))
AT = [STARTED + at * SECOND for at in range(4)]


# --- Open OCPP Trace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        lines(*RECORDS),
        lines(*RECORDS).replace(b"\n", b"\r\n\r\n"),
        b"\xef\xbb\xbf" + lines(*RECORDS),
        b"".join(orjson.dumps(one) + b"\n" for one in RECORDS),
        json.dumps(RECORDS).encode(),
        json.dumps(RECORDS, indent=2).encode(),
        orjson.dumps(RECORDS),
        b"\n".join(json.dumps(one, indent=2).encode() for one in RECORDS),
        gzip.compress(lines(*RECORDS)),
        json.dumps({"records": RECORDS}).encode(),
    ],
    ids="lines crlf bom dense array indented dense-array jq gzip object".split(),
)
def test_open_ocpp_trace(read, content):
    events = read(content)
    assert texts(events) == ALL
    assert times(events) == AT
    assert notices(events) == []
    first, last = events[0], events[-1]
    assert isinstance(first, Opened)
    assert isinstance(last, Closed)
    assert (first.session.station, first.session.version, first.session.late) == ("CP1", "1.6", True)
    assert (last.how, last.time) == ("end-of-capture", AT[3])


def test_raw_is_what_was_on_the_wire(read):
    spelt = '[2, "1" ,"Heartbeat",{ "x" : 1.50 }]'
    events = read([*RECORDS, record(spelt, FROM_STATION), record(spelt, FROM_STATION)])
    assert texts(events)[-1] == (FROM_STATION, spelt)
    assert notices(events) == []


@pytest.mark.parametrize(
    "spelt",
    [
        BOOT,
        BOOTED,
        '[2, "1" ,"Heartbeat",{ "x" : 1.50 }]',
        '[2,"1","Heartbeat",{"x":1,"x":2}]',
        '[2,"1","Heartbeat",null]',
        '[3,"1",null]',
        '[2,1,"Heartbeat",{}]',
        '[2,"1\\",\\"Heartbeat","Reset",{}]',
        '[4,"9","InternalError","sorry",{}]',
    ],
)
def test_what_is_handed_on_is_what_reading_says(read, spelt):
    texts = [event for event in read([RECORDS[0], record(spelt, FROM_STATION)]) if isinstance(event, Text)]
    assert texts[-1].text == spelt
    for one in texts:
        assert one.read in (None, rpc.read(one.text))


def test_an_id_that_would_fit_only_without_its_escapes(read):
    split = record(
        BOOT, FROM_STATION, raw='[2,"a","b","Heartbeat",{}]', messageId='a","b', action="Heartbeat"
    )
    events = read([RECORDS[0], split | {"payload": {}}])
    assert notices(events) == ["line 2: raw and messageId, action, payload disagree, raw counts"]


def test_without_raw_the_fields_count(read):
    error = '[4,"9","InternalError","sorry",{"a":1}]'
    all_of_them = [*RECORDS, record(error, FROM_CSMS)]
    for one in all_of_them:
        assert texts(read([{name: value for name, value in one.items() if name != "raw"}])) == [
            (one["direction"], one["raw"])
        ]


def test_where_raw_and_the_fields_disagree_raw_counts(read):
    wrong = record(BOOT, FROM_STATION, messageId="2", payload={}, action="Heartbeat")
    error = record('[4,"9","InternalError","sorry",{}]', FROM_CSMS, error={"code": "X"})
    events = read([RECORDS[0], wrong, error, record(BOOTED, FROM_CSMS, messageType="CALL", action="X")])
    assert [text for _, text in texts(events)] == [BOOT, BOOT, error["raw"], BOOTED]
    assert notices(events) == [
        "line 2: raw and messageId, action, payload disagree, raw counts",
        "line 3: raw and error disagree, raw counts",
        "line 4: raw and messageType disagree, raw counts",
    ]


def test_what_disagrees_is_a_finding_and_no_damage_of_the_file(read):
    events = read([RECORDS[0], RECORDS[1] | {"messageId": "other"}, 7, {"payload": [1, 2]}, *RECORDS[2:]])
    assert [event.kind for event in events if isinstance(event, Notice)] == [
        "trace.contradiction",
        "trace.no-message",
        "trace.no-message",
    ]


def test_raw_that_is_no_message(read):
    events = read([record(BOOT, FROM_STATION, raw=BOOT[:20])])
    assert texts(events) == [(FROM_STATION, BOOT)]
    assert notices(events)[0].startswith("line 1: raw is no message (no JSON")


def test_unknown_fields_are_ignored(read):
    odd = record(BOOT, FROM_STATION, meta={"vendor": [1]}, future={"raw": "x"}, schemaVersion="9.9")
    assert texts(read([odd, odd])) == [ALL[0]] * 2


def test_soap_is_made_of_its_fields_and_not_judged_by_the_schemas_of_json(read):
    events = read([record(BOOT, FROM_STATION, transport="soap", raw="<soap:Envelope/>")])
    assert texts(events) == [ALL[0]]
    assert events[0].session.version == "1.6S"


def test_soap_and_json_of_one_station_are_two_sessions(read):
    soap = RECORDS[0] | {"transport": "soap", "raw": "<Envelope/>"}
    events = read([soap, soap, *RECORDS])
    assert [event.session.version for event in events if isinstance(event, Opened)] == ["1.6S", "1.6"]
    assert [event.session.version for event in events if isinstance(event, Text)] == ["1.6S"] * 2 + [
        "1.6"
    ] * 4


def test_records_that_name_no_transport(read):
    bare = [{name: value for name, value in one.items() if name != "transport"} for one in RECORDS]
    assert texts(read(bare)) == texts(read(RECORDS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"timestamp": 12},
        {"timestamp": "yesterday"},
        {"chargePointId": ["a"]},
        {"chargePointId": 5},
        {"ocppVersion": {}},
        {"messageId": None},
        {"payload": "x"},
        {"meta": 3},
        {"meta": {"ocppscope": 3}},
        {"meta": {"ocppscope": {"session": "x"}}},
        {"meta": {"ocppscope": {"session": [1]}}},
        {"meta": {"ocppscope": {"session": 1, "before": [{"event": "opened", "session": 1, "status": "x"}]}}},
        {"meta": {"ocppscope": {"session": 1, "before": 7}}},
        {"meta": {"ocppscope": {"session": 1, "sessions": [4]}}},
        {"meta": {"ocppscope": {"session": 1, "faults": [{"kind": 3}]}}},
        {"meta": {"ocppscope": {"session": 1, "after": [{"event": "notice"}]}}},
        {"raw": 5},
        {"transport": None},
    ],
    ids=str,
)
def test_wrong_types(read, wrong):
    events = read([RECORDS[0], RECORDS[1] | wrong, *RECORDS[2:]])
    found = texts(events)
    assert (found[0], found[-2:]) == (ALL[0], ALL[2:])
    assert found[1] == ALL[1] or wrong.keys() <= {"payload", "messageId", "raw"}


def test_each_station_is_a_session(read):
    events = read([record(BOOT, FROM_STATION, chargePointId=name) for name in ("A", "B", "A", "C", "B")])
    assert [event.session.station for event in events if isinstance(event, Text)] == ["A", "B", "A", "C", "B"]
    assert [event.session.number for event in events if isinstance(event, Opened)] == [1, 2, 3]


def test_several_files_are_one_capture(read):
    events = read(RECORDS[:2], RECORDS[2:])
    assert texts(events) == ALL
    assert sum(isinstance(event, Opened) for event in events) == 1


def test_a_station_that_comes_back_with_another_version(read):
    events = read(
        [
            RECORDS[0],
            record(BOOT, FROM_STATION, ocppVersion="ocpp2.0.1"),
            RECORDS[1] | {"ocppVersion": "2.0.1"},
        ]
    )
    assert [event.session.version for event in events if isinstance(event, Opened)] == ["1.6", "2.0.1"]
    assert [event.session.number for event in events if isinstance(event, Text)] == [1, 2, 2]


# --- ocpp-debugkit ------------------------------------------------------------------------------------------

MEANT = ("CS_TO_CSMS", "CSMS_TO_CS", "CSMS_TO_CS", "CS_TO_CSMS")
EVENTS = [
    {"timestamp": time, "direction": way, "message": json.loads(text)}
    for time, way, text in zip(TIMES, MEANT, TALK, strict=True)
]
ABOUT = {"traceId": "x", "metadata": {"stationId": "CP1", "ocppVersion": "1.6", "description": '"events": ['}}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ABOUT | {"events": EVENTS}).encode(),
        json.dumps(ABOUT | {"events": EVENTS}, indent=2).encode(),
        json.dumps({"events": EVENTS} | ABOUT, indent=2).encode(),
        orjson.dumps({"events": EVENTS} | ABOUT),
    ],
)
def test_an_object_with_events(read, content):
    events = read(content)
    assert texts(events) == ALL
    assert times(events) == AT
    assert stations(events) == {"CP1"}
    assert notices(events) == []


@pytest.mark.parametrize("content", [lines(*EVENTS), json.dumps(EVENTS).encode()])
def test_events_in_lines_and_in_an_array(read, content):
    assert texts(read(content)) == ALL


@pytest.mark.parametrize(
    "content", [json.dumps([json.loads(text) for text in TALK]).encode(), "\n".join(TALK).encode()]
)
def test_bare_messages_are_directed_by_their_actions(read, content):
    events = read(content)
    assert texts(events) == ALL
    assert times(events) == [None] * 4


@pytest.mark.parametrize(
    ("timestamp", "time"),
    [
        ("2026-01-01T00:00:00Z", STARTED),
        ("2026-01-01T01:00:00.5+01:00", STARTED + SECOND // 2),
        (1_767_225_600, STARTED),
        (1_767_225_600.25, STARTED + SECOND // 4),
        (1_767_225_600_123, STARTED + 123_000_000),
        ("1767225600123", STARTED + 123_000_000),
        (None, None),
        ("", None),
        ("soon", None),
    ],
)
def test_forms_of_time(read, timestamp, time):
    assert times(read([EVENTS[0] | {"timestamp": timestamp}])) == [time]


def test_an_unknown_direction_is_found(read):
    without = [{"timestamp": None, "message": one["message"], "direction": "UNKNOWN"} for one in EVENTS]
    assert texts(read(without)) == ALL


def test_there_is_no_limit_of_10_000(read):
    many = [
        {"timestamp": at, "direction": "CS_TO_CSMS", "message": [2, str(at), "Heartbeat", {}]}
        for at in range(10_500)
    ]
    assert len(texts(read(json.dumps({"events": many}).encode()))) == 10_500


# --- proxies, simulators, exports ---------------------------------------------------------------------------


def test_a_proxys_lines(read):
    ways = ("CP->CSMS", "CSMS->CP", "CSMS->CP", "CP->CSMS")
    content = [
        {
            "timestamp": time,
            "charge_point_id": "CP1",
            "direction": way,
            "is_text": True,
            "message": json.loads(text),
        }
        for time, way, text in zip(TIMES, ways, TALK, strict=True)
    ]
    events = read(content)
    assert texts(events) == ALL
    assert stations(events) == {"CP1"}


def test_a_generators_lines_with_addresses_and_pings(read):
    pairs = [("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")]
    content = [
        {
            "timestamp": 0,
            "src_ip": pairs[way != FROM_STATION][0],
            "dst_ip": pairs[way != FROM_STATION][1],
            "msg": text,
        }
        for way, text in ALL
    ]
    content.append(content[0] | {"msg": "ping"})
    content.append(content[1] | {"msg": "pong"})
    content.append(content[1] | {"msg": '[2,"x","DataTransfer",{"vendorId":"v"}]'})
    events = read(content)
    assert texts(events)[:4] == ALL
    assert texts(events)[4][0] == FROM_CSMS
    controls = [(event.direction, event.opcode) for event in events if isinstance(event, Control)]
    assert controls == [(FROM_STATION, "ping"), (FROM_CSMS, "pong")]
    assert sum(isinstance(event, Opened) for event in events) == 1


def test_a_queues_lines(read):
    content = [
        {"timestamp": time, "message_type": "Call", "payload": json.loads(text)}
        for time, text in zip(TIMES, TALK, strict=True)
    ]
    assert texts(read(content)) == ALL


def test_an_export_with_the_newest_first(read):
    content = [{"timestamp": time, "payload": text} for time, text in zip(TIMES, TALK, strict=True)]
    assert texts(read(json.dumps(content[::-1]).encode())) == ALL
    assert texts(read(json.dumps(content).encode())) == ALL
    turned, plain = read(json.dumps(content[::-1]).encode()), read(json.dumps(content).encode())
    assert [event.time for event in turned] == [event.time for event in plain]


def test_a_simulators_lines(read):
    words = ("Sent", "Received", "Received", "Sent")
    content = [
        {"timestamp": time, "level": "info", "type": "WebSocket", "message": f"{word}: {text}", "cpId": "CP1"}
        for time, word, text in zip(TIMES, words, TALK, strict=True)
    ]
    content.insert(
        0, {"timestamp": TIMES[0], "level": "info", "type": "Status", "message": "Connecting", "cpId": "CP1"}
    )
    content.append(content[1] | {"message": 'Received: {"isTrusted":true}'})
    events = read(content)
    assert texts(events) == ALL
    assert notices(events) == []


# --- CSV ----------------------------------------------------------------------------------------------------


def table(header, rows, delimiter=","):
    def cell(value):
        return f'"{value.replace(chr(34), chr(34) * 2)}"'

    return "\r\n".join([header, *(delimiter.join(map(cell, row)) for row in rows)]).encode()


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("timestamp,id,action,msg", "tsam"),
        ("device_ID,message,timestamp", "smt"),
        ("payload;when;station", "mts"),
        ("Zeit\tNachricht\tchargePointId", "tms"),
    ],
)
def test_csv(read, header, order):
    delimiter = next(mark for mark in ",;\t" if mark in header)
    rows = [
        ["x" if kind == "a" else {"t": time, "s": "CP1", "m": text}[kind] for kind in order]
        for time, text in zip(TIMES, TALK, strict=True)
    ]
    events = read(table(header, rows, delimiter))
    assert texts(events) == ALL
    assert times(events) == AT
    assert stations(events) == {"CP1"}


def test_csv_with_directions_line_breaks_and_empty_rows(read):
    pretty = json.dumps(json.loads(BOOT), indent=1)
    content = table(
        "time,direction,raw", [(TIMES[0], "csms-to-cp", pretty), (TIMES[1], "", ""), (TIMES[2], "in", RESET)]
    )
    events = read(content)
    assert texts(events) == [(FROM_CSMS, pretty), (FROM_CSMS, RESET)]


def test_csv_with_the_ids_of_messages(read):
    content = table("id,message", [(json.loads(text)[1], text) for text in TALK])
    assert stations(read(content)) == {None}


def test_csv_that_breaks_off(read):
    content = table("timestamp,msg", list(zip(TIMES, TALK, strict=True)))
    events = read(content[:-20])
    assert texts(events) == ALL[:3]
    assert notices(events) == ["row 5: it breaks off"]


def test_times_without_a_zone(read):
    from datetime import timedelta, timezone

    content = table(
        "timestamp,msg", [("2026-01-01 00:00:00.5", BOOT), ("2026-01-01 00:00:00.5+00:00", BOOTED)]
    )
    assert times(read(content)) == [STARTED + SECOND // 2] * 2
    zone = timezone(timedelta(hours=2))
    assert times(read(content, zone=zone)) == [STARTED + SECOND // 2 - 7_200 * SECOND, STARTED + SECOND // 2]


@pytest.mark.parametrize(
    ("logged_by", "direction"), [("csms", FROM_CSMS), ("station", FROM_STATION), (None, FROM_STATION)]
)
def test_who_wrote_sent(read, logged_by, direction):
    transfer = '[2,"1","DataTransfer",{"vendorId":"v"}]'
    assert texts(read(table("dir,msg", [("sent", transfer)]), logged_by=logged_by)) == [(direction, transfer)]


def test_who_wrote_sent_is_learned(read):
    transfer = '[2,"1","DataTransfer",{"vendorId":"v"}]'
    events = read(table("dir,msg", [("sent", RESET), ("received", transfer)]))
    assert texts(events) == [(FROM_CSMS, RESET), (FROM_STATION, transfer)]


# --- HAR ----------------------------------------------------------------------------------------------------


def har(messages, **entry):
    socket = {
        "startedDateTime": TIMES[0],
        "request": {
            "url": "wss://u:secret@csms.example/ocpp/CP1",
            "headers": [{"name": "Sec-WebSocket-Protocol", "value": "ocpp1.6, ocpp2.0.1"}],
        },
        "response": {"status": 101, "headers": [{"name": "sec-websocket-protocol", "value": "ocpp1.6"}]},
        "_webSocketMessages": messages,
    }
    return json.dumps(
        {"log": {"version": "1.2", "entries": [{"request": {}}, socket | entry]}}, indent=1
    ).encode()


def test_har(read):
    words = ("send", "receive", "receive", "send")
    messages = [
        {"type": word, "time": STARTED / SECOND + at, "opcode": 1, "data": text}
        for at, (word, text) in enumerate(zip(words, TALK, strict=True))
    ]
    events = read(har([*messages, {"type": "send", "opcode": 2, "data": "AAA="}, {"type": "send"}]))
    assert texts(events) == ALL
    assert times(events) == AT
    opened = events[0]
    assert (opened.path, opened.status, opened.subprotocol, opened.time) == (
        "/ocpp/CP1",
        101,
        "ocpp1.6",
        STARTED,
    )
    assert opened.subprotocols == ("ocpp1.6", "ocpp2.0.1")
    assert opened.session.server == "csms.example"
    assert notices(events) == ["record 2, WebSocket message 6: it has no data"]


def test_har_without_websockets(tmp_path):
    path = tmp_path / "x.har"
    path.write_bytes(har(None))
    source = open_source([str(path)], SourceOptions())
    assert [event for batch in source.batches() for event in batch] == []
    assert source.found == {"HTTP exchange": 2, "WebSocket in a HAR file": 0}


# --- what is wrong ------------------------------------------------------------------------------------------


def test_a_wrong_line_in_the_middle(read):
    good = lines(*RECORDS).splitlines(keepends=True)
    events = read(b"".join([good[0], b'{"raw": oops}\n', b"17\n", *good[1:]]))
    assert texts(events) == ALL
    assert notices(events) == [
        "line 2: no JSON, it is left out: '{\"raw\": oops}'",
        "line 3: no record, but a number: it is left out",
    ]


def test_many_wrong_lines_are_counted(read):
    events = read(lines(RECORDS[0]) + b"{oops\n" * 50 + lines(RECORDS[1]))
    assert texts(events) == ALL[:2]
    told = [event.detail for event in events if isinstance(event, Notice)]
    assert len(told) == 11
    assert told[-1].endswith("40 more records like those named before (damage), up to line 51")


def test_a_torn_last_line(read):
    events = read(lines(*RECORDS)[:-30])
    assert texts(events) == ALL[:3]
    assert notices(events)[0].startswith('line 4: the last line breaks off: \'{"schemaVersion"')
    assert texts(read(lines(*RECORDS)[:-1])) == ALL


@pytest.mark.parametrize("form", [json.dumps, lambda value: json.dumps(value, indent=2)])
def test_a_wrong_item_of_an_array(read, form):
    for wrong, right in (('"CP1"', "oops"), ('"direction":', '"direction:')):
        content = form([RECORDS[0], RECORDS[1], RECORDS[2], RECORDS[3]])
        at = content.index(wrong, content.index(TIMES[2]))
        events = read((content[:at] + right + content[at + len(wrong) :]).encode())
        assert [one for one in texts(events) if one in (ALL[0], ALL[1], ALL[3])] == [ALL[0], ALL[1], ALL[3]]
        assert (
            notices(events) == ["record 3: it is no JSON: it is left out"] or "record 3" in notices(events)[0]
        )


def test_a_torn_array(read):
    content = json.dumps(RECORDS).encode()
    events = read(content[:-1])
    assert texts(events) == ALL
    assert notices(events) == ["its end: the array is not closed: the file is not whole"]
    events = read(content[:-40])
    assert texts(events) == ALL[:3]
    assert notices(events)[0] == "record 4: it breaks off: it is left out"


def test_gzip_that_breaks_off(read):
    packed = gzip.compress(lines(*RECORDS * 500), mtime=0)
    events = read(packed[:-200])
    assert len(texts(events)) > 1_000
    assert "gzip breaks off" in next(event.detail for event in events if isinstance(event, Notice))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"name": "x", "version": 1}', "found a JSON object with the names name, version"),
        (b"[]", "found an empty JSON array"),
        (b'[{"a": 1}]', "found a JSON array whose first item is a JSON object with the names a"),
        (b'{\n "a": {\n "b": [1]', "found JSON with the names a, b …"),
    ],
)
def test_json_that_is_no_trace(read, content, said):
    with pytest.raises(InputError, match="is JSON, but no trace: expected records") as error:
        read(content)
    assert said in str(error.value)


def test_traces_and_logs_do_not_join(read):
    with pytest.raises(InputError, match="is a trace, which cannot be joined with logs"):
        read(RECORDS, b"some words\n" * 10)


SOUND = [
    lines(*RECORDS),
    json.dumps(RECORDS, indent=1).encode(),
    orjson.dumps(RECORDS),
    json.dumps(ABOUT | {"events": EVENTS}).encode(),
    table("timestamp,msg", list(zip(TIMES, TALK, strict=True))),
    har([{"type": "send", "time": 1, "opcode": 1, "data": BOOT}]),
]


@given(at=st.integers(0, 3_000), byte=st.binary(max_size=3), size=st.integers(0, 5), form=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_whatever_is_damaged_is_read_or_told(at, byte, size, form):
    data = SOUND[form]
    data = data[: at % len(data)] + byte + data[at % len(data) + size :]
    sizes = [at % 97 + 1] * 5
    assert read_in_pieces(data, sizes) == read_in_pieces(data, sizes)


# --- in any pieces ------------------------------------------------------------------------------------------

PIECES = st.lists(st.integers(1, 400), max_size=30)


def cut(data, sizes):
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


def read_in_pieces(data, sizes):
    sessions = trace_file.Sessions()
    trouble = trace_file.Trouble("x")
    records = trace_file.Records(sessions, trouble)
    shape = trace_file.shape_of(data)
    if shape in ("lines", None):
        reader = trace_file.LineReader(records, trouble, 1 << 20)
    elif shape == "har":
        reader = trace_file.ItemReader(trace_file.HarEntries(sessions, trouble, 0), trouble, 1 << 20, b"]}}")
    elif shape == "csv":
        reader = trace_file.TableReader(records, trouble, 1 << 20)
    else:
        reader = trace_file.ItemReader(records, trouble, 1 << 20, b"]}" if shape == "object" else None)
    events = [event for piece in cut(data, sizes) for event in reader.feed(piece)]
    events += reader.end()
    return [
        (event.time, event.direction, event.text) for event in events if isinstance(event, Text)
    ], notices(events)


BROKEN = json.dumps(RECORDS).replace('"CP1"', "oops", 1).encode()


@pytest.mark.parametrize(
    "data",
    [
        lines(*RECORDS),
        json.dumps(RECORDS, indent=1).encode(),
        orjson.dumps(RECORDS),
        json.dumps(ABOUT | {"events": EVENTS}).encode(),
        table("timestamp,msg", list(zip(TIMES, TALK, strict=True))),
        lines(*RECORDS)[:-9],
        BROKEN,
    ],
    ids="lines indented array object csv torn broken".split(),
)
@given(sizes=PIECES)
@settings(max_examples=30, deadline=None)
def test_any_pieces_give_the_same(data, sizes):
    assert read_in_pieces(data, sizes) == read_in_pieces(data, [])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 10**6)
    | st.text(max_size=6)
    | st.sampled_from(["]", "{", '"', "\\"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", '"', "b}"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values=st.lists(JSON, max_size=6), sizes=PIECES, indent=st.sampled_from([None, 1]))
@settings(max_examples=100, deadline=None)
def test_items_are_those_of_the_array(values, sizes, indent):
    found, lost = [], []

    def take(item):
        try:
            found.append(orjson.loads(item))
        except orjson.JSONDecodeError:
            return False
        return True

    items = Items(take, lambda *why: lost.append(why), 1 << 20)
    for piece in cut(json.dumps(values, indent=indent).encode()[1:], sizes):
        items.feed(piece)
    items.end()
    assert (found, lost, items.count, items.rest) == (values, [], len(values), b"")


@given(data=st.binary(max_size=200), sizes=PIECES)
@settings(max_examples=50, deadline=None)
def test_lines_and_rows_lose_nothing(data, sizes):
    cutter = Lines(1 << 20)
    found = [line for piece in cut(data, sizes) for line in cutter.feed(piece)]
    assert b"\n".join([*found, cutter.end()]) == data
    rows = Rows(1 << 20)
    found = [row for piece in cut(data, sizes) for row in rows.feed(piece)]
    assert b"\n".join([*found, *rows.end()]) == data


def test_a_large_array_is_never_held_whole():
    largest = 0

    def take(_item):
        nonlocal largest
        largest = max(largest, len(items._buffer))
        return True

    items = Items(take, lambda *_: None, 1 << 20)
    for _ in range(2_000):
        items.feed(orjson.dumps(RECORDS)[1:-1] + b",")
    assert items.count == 8_000
    assert largest < 10_000


def test_a_value_that_is_too_large_is_given_up():
    lost, found = [], []
    items = Items(lambda item: found.append(item) or True, lambda *why: lost.append(why), 1_000)
    items.feed(b'{"a":1},{"a":2},{"a":"' + b"x" * 2_000)
    items.feed(b'"},{"a":4}]')
    items.end()
    assert lost[0] == (3, "it is too large")
    assert len(found) >= 2


# --- what is assumed ----------------------------------------------------------------------------------------


def assumed(events):
    return [
        event.subject.rpartition(": ")[2] for event in events if getattr(event, "kind", "") == "text.assumed"
    ]


@pytest.mark.parametrize(
    ("time", "direction", "station", "expected"),
    [
        ("2024-01-15 08:00:00", "CP->CSMS", "CP1", ["zone"]),
        ("2024-01-15T08:00:00+01:00", "CP->CSMS", "CP1", []),
        (1_705_305_600, "CP->CSMS", "CP1", []),
        ("1705305600", "CP->CSMS", None, ["station"]),
        ("2024-01-15T08:00:00Z", None, "CP1", ["direction"]),
        (None, None, None, ["direction", "station"]),
    ],
)
def test_what_was_assumed_is_said_once(read, time, direction, station, expected):
    message = [2, "1", "DataTransfer", {"vendorId": "x"}]
    record = {"timestamp": time, "direction": direction, "stationId": station, "message": message}
    assert assumed(read([record, record])) == expected


def test_a_zone_that_the_user_says_is_not_assumed(read):
    table = b'time,message,station\n2024-01-15 08:00:00,"[2,""1"",""Heartbeat"",{}]",CP1\n'
    assert assumed(read(table)) == ["zone"]
    assert assumed(read(table, zone=UTC)) == []
