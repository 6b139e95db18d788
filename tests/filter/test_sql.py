import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.filter import FilterError, install, parse

from .stores import CAPTURES, agree_or_refuse, capture, odd

FILTERS = [
    "action == heartbeat",
    "action != Heartbeat",
    "not action == Heartbeat",
    "not (action != Heartbeat)",
    "action in (Heartbeat, bootnotification, 17)",
    "action not in (Heartbeat)",
    "action >= M and action < n",
    "action contains notif",
    'action matches "^(Boot|Meter)"',
    "has(action)",
    "not has(action)",
    "type == CALL",
    "type != call",
    "type in (PING, PONG, CALLERROR, SEND)",
    "type matches ^CALLR",
    "direction == station",
    "direction != csms",
    "not has(direction)",
    "session == 1",
    "session != 2",
    "session > 1",
    "session <= 9223372036854775807",
    "station == cp001",
    "station != CP001",
    "station == CPÄ-2",
    "station contains cpä",
    "station > A",
    "not has(station)",
    "id == 1",
    "id == null",
    "id in (2, a)",
    "id > 3",
    "version == 1.6",
    "version >= 2.0",
    "version != 1.6",
    "time >= 10:15 and time < 10:16",
    "time == 10:15",
    "time != 10:15",
    "time == 2026-11-22",
    "time in (10:15, 10:17)",
    "time > 2026-11-22T10:15:30Z",
    "time <= 1970-01-01",
    "time > 23:00",
    "has(time)",
    "latency > 1ms",
    "latency <= 1h",
    "latency < 99999999999999999d",
    "has(latency)",
    "size > 100",
    "size <= 1KiB",
    "size == 7",
    "has(size)",
    "summary contains accepted",
    "summary != x",
    "has(summary)",
    'summary matches "[A-Z]"',
    "severity == error",
    "severity >= warning",
    "severity < warning",
    "severity != error",
    "has(severity)",
    "not has(rule)",
    "rule == RPC-001",
    "rule != rpc-001",
    "rule contains RPC",
    "rule in (WS-007, RPC-001)",
    "error == notimplemented",
    "error != x",
    "error == null",
    "has(error)",
    "close == rst",
    "close == csms",
    "close != rst",
    "close == 1006",
    "close >= 1001",
    "close < 1006",
    "close in (1000, fin)",
    "close contains 100",
    "close matches end",
    "has(close)",
    "event == opened",
    "event != message",
    "event in (gap, damaged)",
    "event contains o",
    "Heartbeat",
    "boot",
    "überSPANNUNG",
    "CP001 beat",
    "DAMAGED or GAP",
    "not closed",
    '"[2,"',
    "payload.connectorId == 1",
    "payload.connectorId != 1",
    "not payload.connectorId == 1",
    "payload.meterStart > 230",
    "payload.idTag == 0042",
    "payload.idTag == 42",
    "has(payload.transactionId)",
    "payload.transactionId == null",
    "payload.transactionId != null",
    "payload.flag == true",
    "payload.word == true",
    'payload.word == "true"',
    'payload["strange key"] == 3',
    'payload["strange key"][0] == 1',
    'payload["strange key"][-1].x == deep',
    'payload["strange key"][*] >= 2',
    'payload["strange key"].x contains EE',
    "payload.e != 1",
    "has(payload.e[*])",
    "payload.big > 1e20",
    "payload.big == 123456789012345678901234567890",
    "payload.float >= 1e300",
    "payload.neg < 0",
    "payload.at == 10:20",
    "payload.at > 2026-11-22T10:00Z",
    "payload.then == 2026-11-22",
    "payload.clock in (10:15, x)",
    "payload contains two",
    "payload == two",
    "has(payload)",
    "payload contains aaa",
    "payload.a.a.a.a contains a",
    'payload.meterValue[*].sampledValue[*].measurand == "Voltage"',
    "payload.meterValue.sampledValue.value > 230",
    "payload.currentTime < 2026-11-22T10:15:00.123Z",
    "payload.currentTime == 2026-11-22T10:15:00.123Z",
    "payload.text matches K",
    "action == MeterValues and payload.connectorId == 1 or severity >= warning",
    "not (Heartbeat or not (type == CALL and not (latency > 1s)))",
]


@pytest.mark.parametrize("text", FILTERS)
def test_predicate_and_sql_agree_on_odd_events(text):
    odd().select(text)


@pytest.mark.parametrize("name", sorted(path.name for path in CAPTURES.glob("*.pcap*")))
def test_predicate_and_sql_agree_on_captures(name):
    for text in FILTERS:
        capture(name).select(text)


def test_most_filters_tell_events_apart():
    everything = len(odd().events)
    dull = [text for text in FILTERS if len(odd().select(text)) in (0, everything)]
    assert len(dull) < len(FILTERS) / 3, dull


TERMS = st.sampled_from(FILTERS)
FILTER = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("({}) ({})".format, inner, inner),
    ),
    max_leaves=6,
)


@given(FILTER)
def test_predicate_and_sql_agree_on_combinations(text):
    odd().select(text)


FIELDS = (
    "action type direction session station id version time latency size summary error close event".split()
)
PATHS = ["payload", "payload.connectorId", "payload.a", 'payload["strange key"]', "payload.at"]
VALUES = """
    1 0 -1 1e400 Heartbeat CALL "1" 10:15 2026-11-22 10s 1KB true null station a rst 1006 gap Ä
""".split()
VALUES += ["9" * 300, "9" * 400, "9" * 18 + "d"]


@given(
    st.sampled_from(FIELDS + PATHS),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains", "matches"]),
    st.sampled_from(VALUES),
)
def test_predicate_and_sql_agree_on_any_comparison(field, operator, value):
    agree_or_refuse(f"{field} {operator} {value}")
    agree_or_refuse(f"not {field} {operator} {value}")
    agree_or_refuse(f"{field} in ({value}, {value})")


def test_terms_about_columns_of_events_need_nothing_else():
    sql = parse("action == Heartbeat and (latency > 1s or severity == error)").sql()
    assert not sql.functions
    assert not sql.needs_sessions
    assert parse("station == x").sql().needs_sessions
    assert parse("x").sql().needs_sessions


def test_quick_terms_come_first():
    where = parse("payload.x == 1 and action == Heartbeat").sql().where
    assert where.index("e.action") < where.index("ocppscope_")


def test_two_filters_share_a_connection():
    store = odd()
    one, two = parse("Heartbeat").sql(), parse("boot").sql()
    assert not one.functions.keys() & two.functions.keys()
    rows = store.database.execute("SELECT n FROM events")
    rows.fetchone()
    install(store.database, one)  # while a statement is being read


@pytest.mark.parametrize("joint", [" ", " or ", " and not "])
def test_long_filters_fit_sqlite(joint):
    odd().select(joint.join(["a"] * 1_000))
    odd().select(joint.join(["size>1"] * 600))


@pytest.mark.parametrize("leaf", ["a", "rule != RPC-001", "time in (10:15, 10:16)"])
@pytest.mark.parametrize("form", ["({leaf} {joint} {inner})", "({inner} {joint} {leaf})"])
def test_the_deepest_filters_fit_sqlite(form, leaf):
    text = turned = leaf
    for at in range(20):
        text = form.format(leaf=leaf, inner=text, joint=("or", "and")[at % 2])
        if at < 10:
            turned = "not " + form.format(leaf=leaf, inner=turned, joint=("or", "and")[at % 2])
    odd().select(text)
    odd().select(turned)
    with pytest.raises(FilterError, match="nests more than 20 deep"):
        parse(f"({text})")
