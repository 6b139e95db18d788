import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocppscope.events import Damaged, Notice, Session
from ocppscope.export import FORMATS, Order
from ocppscope.export.html import HtmlReport, svg
from ocppscope.export.html.charging import states_span
from ocppscope.export.html.data import Limits, text_of
from ocppscope.export.html.markup import Markup, joined, tag
from ocppscope.export.html.scales import largest_distance, scale, times
from ocppscope.filter import parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.times import DAY, MILLISECOND, SECOND
from tests.export.depot import SECRET, START, Day, report, usual_day

ELEMENTS = set(
    "html head meta title style body header h1 small p b nav a main section h2 h3 ul li span div table thead tbody"
    " tr th td article code dl dt dd details summary figure figcaption svg line text path rect noscript label select"
    " option input button ol footer script".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class id href tabindex role aria-label aria-hidden open hidden type value"
    " autocomplete x y x1 x2 y1 y2 d width height viewbox preserveaspectratio overflow text-anchor".split()
)
HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><!--",
    "<img src=x onerror=alert(1)>",
    "]]></svg>",
    "\" onload='x' y=\"",
    "&lt;b&gt;&#x3c;",
    "\x00\x1b[31m\x9b\u202e\u2028",
    "\ud800",
    "javascript:alert(1)",
    "{{x}}${y}\\",
)


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in ("meta", "input"):
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_comment(self, data):
        raise AssertionError(data)

    handle_pi = unknown_decl = handle_comment

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def of(self, name, **having):
        return [has for one, has in self.elements if one == name and having.items() <= has.items()]

    @property
    def text(self):
        return " ".join(
            part for name, some in self.texts.items() if name not in ("script", "style") for part in some
        )

    @property
    def data(self):
        return json.loads(self.texts["script"][0])

    @property
    def events(self):
        return self.data["events"]


def assert_ours(page):
    """Nothing is in a page that a template of ours has not put there, and nothing leads out of it."""
    assert not page.open
    for name, attributes in page.elements:
        assert name in ELEMENTS
        assert set(attributes) <= ATTRIBUTES, (name, attributes)
        assert attributes.get("href", "#").startswith("#")
    assert [has.get("type") for has in page.of("script")] == ["application/json", None]
    assert len(page.of("style")) == len(page.of("body")) == len(page.of("head")) == 1


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return report(tmp_path_factory.mktemp("day") / "r.html", usual_day())


def messages_of(events):
    return [event for event in events if type(event).__name__ == "Text"]


# --- what is in it ------------------------------------------------------------------------------------------


def test_all_events_are_there_as_they_were_said(day):
    page = Page(day)
    said = [row[11] for row in page.events]
    assert [text for text in said if text.startswith("[")] == [
        event.text for event in messages_of(usual_day())
    ]
    assert [row[0] for row in page.events] == list(range(1, len(said) + 1))
    assert page.events[1][4:8] == ["CALL", "BootNotification", "1", "Model X Model X, firmware Model X"]
    assert page.events[2][3:5] == [2, "CALLRESULT"]
    assert page.events[2][9:11] == [2, 1_000_000]
    assert page.data["sessions"] == [[1, "DEPOT-01", "1.6"]]


def test_findings_are_there_with_their_proof_without_a_script(day):
    page = Page(day)
    assert '/connectorId is "one": it must be of type integer' in page.text
    assert "OCPP 1.6 JSON schemas" in page.text
    proofs = {has["href"] for has in page.of("a") if re.match(r"#m\d", has["href"])}
    assert proofs
    assert proofs <= {f"#m{row[0]}" for row in page.events}
    quoted = [text for text in page.texts["code"] if '"connectorId": "one"' in text]
    assert quoted
    proven = {number for row in page.events for number in row[13] or ()}
    assert proven == {number for number, *_ in page.data["findings"]}
    assert all(page.of("li", id=f"f{number}") for number in proven)


def test_a_transaction_is_plotted(day):
    page = Page(day)
    assert [has["class"] for has in page.of("svg") if "plot" in has.get("class", "")] == [
        "plot power",
        "plot energy",
        "plot soc",
    ]
    words = page.texts["text"]
    assert {"15 kW", "15 kWh", "100 %", "Power", "Energy", "SoC", "21:00", "Charging"} <= set(words)
    assert {"Transaction 100", "TAG", "10.980 kWh", "5.000 kWh → 15.980 kWh"} <= {
        text for some in page.texts.values() for text in some
    }


def test_a_connector_has_its_states_over_time(day):
    page = Page(day)
    found = [
        has["class"] for has in page.of("svg") if has.get("class", "").startswith("state") and "x" in has
    ]
    one = ["available", "preparing", "charging", "finishing"]
    assert found[-5:] == [f"state {word}" for word in (*one, "available")]
    assert "6 states" in page.text or "5 states" in page.text


def test_the_same_capture_makes_the_same_report(day, tmp_path):
    assert report(tmp_path / "again.html", usual_day()) == day


def test_nothing_happened(tmp_path):
    page = Page(report(tmp_path / "r.html", []))
    assert_ours(page)
    assert page.events == []
    assert "No errors, no warnings, no notes." in page.text


# --- safety -------------------------------------------------------------------------------------------------


def test_a_policy_forbids_all_that_is_not_ours(day):
    page = Page(day)
    assert_ours(page)
    (policy,) = (
        has["content"] for has in page.of("meta") if has.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert set(rules) == {"default-src", "base-uri", "form-action", "script-src", "style-src"}
    for name, text in (("script-src", page.texts["script"][1]), ("style-src", page.texts["style"][0])):
        assert rules[name] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert not re.search(
        r"https?://|url\(|@import|innerHTML|eval\(", page.texts["script"][1] + page.texts["style"][0]
    )


words = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from([*HOSTILE, "<", ">", "&", '"', "'", "-->", "a"]), min_size=1, max_size=3).map(
        "".join
    ),
    st.text(min_size=1, max_size=8),
)


# What is read of a capture is Unicode; only escapes in JSON may make halves of characters.
plain = words.filter(lambda text: not re.search("[\ud800-\udfff]", text))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(station=plain, word=plain, token=words, action=words)
def test_whatever_was_captured_is_text(tmp_path, station, word, token, action):
    day = Day(station=station, word=word)
    day.status(token)
    day.charge(token=token, minutes=2, transaction=7)
    day.go_wrong(word)
    day.call(action, {word: token}, {"status": action}, identity=token)
    day.say(word)
    day.session.client = station
    events = day.close(reason=word)
    path = tmp_path / "r.html"
    path.unlink(missing_ok=True)
    page = Page(report(path, events, wanted=None))
    assert_ours(page)
    said = [row[11] for row in page.events if row[3] and row[4] != "damaged"]
    assert said == [event.text for event in messages_of(events) if event.text in said]
    assert len(page.events) == len(events)


def test_the_name_of_the_input_is_text(tmp_path):
    output = HtmlReport(Order(tmp_path / "r.html", HOSTILE[0], wanted=parse("action == '<b>'")))
    output.finish()
    page = Page((tmp_path / "r.html").read_text())
    assert_ours(page)
    assert "only what fits the filter action == '<b>'" in page.text


def test_secrets_are_not_shown(day):
    assert SECRET not in day
    assert "Authorization: (not shown)" in Page(day).events[0][11]


def test_the_secrets_of_a_damaged_handshake_are_not_shown():
    raw = b"GET / HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\r\n"
    assert "c2VjcmV0" not in text_of(Damaged(Session(1), 0, None, "http", 3, "odd", raw))
    assert "c2VjcmV0" not in text_of(Damaged(Session(1), 0, None, "http", 3, "odd", raw.decode()))


# --- bounds -------------------------------------------------------------------------------------------------


def test_a_large_text_is_cut_and_says_so(tmp_path):
    day = Day()
    day.call("DataTransfer", {"vendorId": "x", "data": "y" * 1_000_000}, {"status": "Accepted"})
    page = Page(report(tmp_path / "r.html", day.close()))
    (row,) = (row for row in page.events if row[12])
    assert len(row[11]) == Limits().text
    assert row[12] > 1_000_000
    assert (tmp_path / "r.html").stat().st_size < 200_000


def test_texts_have_a_bound_together(tmp_path):
    page = Page(report(tmp_path / "r.html", usual_day(), replace(Limits(), texts=2_000)))
    assert sum(len(row[11]) for row in page.events) == 2_000
    assert page.events[-10][12] > 0 == len(page.events[-10][11])
    assert page.events[-1][7] == "closed by the station, code 1000: bye"


def test_of_many_events_those_that_prove_something_are_kept(tmp_path):
    said = []
    text = report(tmp_path / "r.html", usual_day(), replace(Limits(), events=12), tell=said.append)
    page = Page(text)
    assert len(page.events) == 12
    assert said == [
        f"{tmp_path / 'r.html'} holds 12 of {len(usual_day())} events: a store (.ocppdb) keeps all"
    ]
    assert "12 are here: those that prove findings, and the first ones" in page.text
    assert any(row[4] == "damaged" for row in page.events)
    assert [row[0] for row in page.events] == sorted(row[0] for row in page.events)


def test_of_many_findings_and_transactions_some_are_shown(tmp_path):
    day = Day()
    for number in range(6):
        day.charge(transaction=number, minutes=1)
        day.go_wrong()
    limits = replace(Limits(), findings=2, transactions=4, plots=3, connectors=0)
    page = Page(report(tmp_path / "r.html", day.close(), limits))
    assert "2 of " in page.text
    assert len(page.data["findings"]) == 2
    assert "The first 3 of 4 transactions are plotted." in page.text
    assert re.search(r"The first 4 of \d+ transactions are in the table\.", page.text)
    assert len([has for has in page.of("details") if has.get("class") == "transaction"]) == 3
    assert "The first 0 of 1 connectors." in page.text
    assert_ours(page)


# --- writing it ---------------------------------------------------------------------------------------------


def test_only_what_fits_a_filter(tmp_path):
    page = Page(report(tmp_path / "r.html", usual_day(), wanted=parse("action == BootNotification")))
    assert [row[5] for row in page.events] == ["BootNotification", "BootNotification"]
    assert "only what fits the filter" in page.text


def test_a_report_grows_and_says_that_it_is_not_all(tmp_path):
    path = tmp_path / "r.html"
    output = FORMATS["html"].open(Order(path, "live"))
    events = Decoder().feed(usual_day())
    output.feed(events[:4], read=0, size=None)
    output.flush()
    page = Page(path.read_text())
    assert len(page.events) == 4
    assert "more was to come" in page.text
    output.feed([*events[4:], Notice("file.damaged", None, "torn")], read=0, size=None)
    output._next = float("inf")
    output.flush()  # too soon
    assert len(Page(path.read_text()).events) == 4
    output.leave()
    output.close()
    page = Page(path.read_text())
    assert len(page.events) == len(events)
    assert "reading was broken off" in page.text


def test_the_store_in_between_is_removed(tmp_path):
    output = HtmlReport(Order(tmp_path / "r.html", "x"))
    assert output._path.exists()
    output.finish()
    assert not output._path.parent.exists()


# --- its parts ----------------------------------------------------------------------------------------------


def test_markup():
    assert tag("p", "<", Markup("<b>"), 1_000, None, ["a", ("b",)]) == "<p>&lt;<b>1,000ab</p>"
    assert (
        tag("input", class_='a"b', hidden=True, open=False, aria_label=None)
        == '<input class="a&quot;b" hidden>'
    )
    assert joined(()) == ""


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_a_scale_holds_its_values_and_is_round(one, other):
    lowest, highest = sorted((one, other))
    axis = scale(lowest, highest)
    size = axis.ticks[-1] - axis.ticks[0]
    assert axis.ticks[0] <= lowest + size * 1e-6
    assert highest - size * 1e-6 <= axis.ticks[-1]
    assert 2 <= len(axis.ticks) <= 6


@given(st.integers(START, START + 4000 * DAY), st.integers(MILLISECOND, 4000 * DAY))
def test_times_of_an_axis_can_be_told_apart(since, length):
    found = times((since, since + length))
    assert 1 <= len(found) <= 5
    assert len({word for _, word in found}) == len(found)
    assert all(since <= time <= since + length for time, _ in found)


def test_times_that_no_calendar_has():
    assert times((1 << 62, (1 << 62) + SECOND))
    assert times((-(1 << 80), 1 << 80))


def test_no_peak_is_lost_of_many_samples():
    points = [(at * SECOND, 1.0) for at in range(20_000)]
    points[7_777] = (7_777 * SECOND, 500.0)
    drawn = svg._thinned(points, (0, 20_000 * SECOND))
    assert len(drawn) <= 4 * 500
    assert points[7_777] in drawn
    assert drawn[0] == points[0]
    assert drawn[-1] == points[-1]


def test_a_curve_has_gaps_where_nothing_was_measured():
    points = [(at * SECOND, 1.0) for at in (0, 1, 2, 3, 60, 61, 62)]
    assert largest_distance([time for time, _ in points]) == 5 * SECOND
    assert svg.chart("Power", "W", points, (0, 70 * SECOND)).count('class="curve"') == 2
    assert svg.chart("Power", "W", points[:1], (0, SECOND)).count('class="dots"') == 1


def test_states_before_and_after_what_is_shown():
    states = [(-5 * SECOND, "Charging"), (10 * SECOND, "Odd <b>"), (99 * SECOND, "Faulted")]
    drawn = svg.strip(states, (0, 20 * SECOND), "one")
    assert "state charging" in drawn
    assert "Odd &lt;b&gt;" in drawn
    assert "state faulted" not in drawn


def test_a_session_that_ended_by_another_clock_is_not_looked_at():
    assert states_span([[(0, "Available")]], []) == (0, SECOND)


# --- what was not answered ----------------------------------------------------------------------------------


@pytest.mark.parametrize("events", [1_000, 6])
def test_calls_without_an_answer_are_named(tmp_path, events):
    """Also where their answers, or those of others, are not in the report."""
    day = Day()
    day.call("Heartbeat", {})
    for _ in range(5):
        day.call("Heartbeat", {}, {"currentTime": day.now})
    page = Page(report(tmp_path / "r.html", day.close(), replace(Limits(), events=events)))
    assert page.data["unanswered"] == [4]


def test_a_transaction_over_two_sessions_is_plotted_whole(tmp_path):
    first, second = Day(), Day(number=2)
    first.charge(minutes=10)
    del first.events[-6:]  # the last value, the end, and the state after it
    second.time = first.time
    values = [{"value": "99", "measurand": "SoC", "unit": "Percent"}]
    sampled = [{"timestamp": second.now, "sampledValue": values}]
    second.call("MeterValues", {"connectorId": 1, "transactionId": 100, "meterValue": sampled}, {})
    page = Page(report(tmp_path / "r.html", [*first.close(), *second.close()]))
    assert any("SoC: 10 samples" in text for text in page.texts["title"])
