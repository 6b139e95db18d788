"""A report as its reader has it: opened from disk in a real browser. Skipped where there is none."""

import json
import re
from pathlib import Path

import pytest

from tests.cli import run
from tests.end_to_end.chromium import PATH, Chromium
from tests.export.depot import Day, report

pytestmark = pytest.mark.skipif(PATH is None, reason="there is no Chromium")

CAPTURES = Path(__file__).parents[2] / "captures"
EVIL = "</script><img src=x onerror=\"window.hacked='yes'\"><svg onload=\"window.hacked='yes'\">"
CHOSEN = "document.querySelector('.row[aria-selected=true] .n').textContent"
HEADING = "document.querySelector('#detail h3').textContent"
COUNT = "document.getElementById('count').textContent"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    try:
        browser = Chromium(tmp_path_factory.mktemp("chromium"))
    except (TimeoutError, OSError) as error:
        pytest.skip(f"Chromium does not start here: {error}")
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of a report, in which all that a station can choose is hostile."""
    day = Day(station=EVIL, word=EVIL)
    day.status("Available")
    day.charge(token=EVIL, minutes=90)
    day.call("DataTransfer", {"vendorId": EVIL, "data": EVIL}, identity=EVIL)
    day.go_wrong(EVIL)
    path = tmp_path_factory.mktemp("report") / "r.html"
    report(path, day.close(reason=EVIL))
    return path.as_uri()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The address of a report with 100,000 events."""
    path = tmp_path_factory.mktemp("large") / "r.html"
    text = report(path, Day().close())
    call = [
        1,
        1_780_000_000_000_000,
        1,
        "CALL",
        "Heartbeat",
        "7",
        "",
        None,
        None,
        None,
        '[2,"7","Heartbeat",{}]',
        0,
        0,
        0,
    ]
    rows = [json.dumps([n, *call]) for n in range(1, 100_001)]
    rows[76_999] = rows[76_999].replace("Heartbeat", "Needle")
    begin, end = text.index('"events":[') + 10, text.index('],"unanswered"')
    path.write_text(text[:begin] + ",".join(rows) + text[end:])
    return path.as_uri()


def test_a_capture_converted_by_the_command(chromium, tmp_path):
    path = tmp_path / "report.html"
    assert run("convert", CAPTURES / "rogue-station.pcap", path).exit_code == 0
    chromium.open(path.as_uri())
    assert chromium.troubles() == []
    assert chromium.requests() == [path.as_uri()]
    assert chromium.value(COUNT) == "21 events"
    assert chromium.value("document.querySelectorAll('.finding.error').length") > 3


def test_nothing_hostile_runs_and_nothing_is_asked_for(chromium, page):
    chromium.open(f"{page}#m1")
    for _ in range(20):
        chromium.press("ArrowDown")
    assert chromium.value("window.hacked") is None
    assert chromium.value("document.querySelectorAll('img, iframe, link, object').length") == 0
    assert chromium.value("document.querySelector('#summary td:nth-child(2)').textContent") == EVIL
    assert chromium.troubles() == []
    assert chromium.requests() == [page]


@pytest.mark.parametrize(
    "attempt",
    [
        "fetch('http://127.0.0.1:9/x').catch(() => 0)",
        "new Image().src = 'http://127.0.0.1:9/x'",
        "document.body.insertAdjacentHTML('beforeend', '<p onclick=\"window.hacked=1\">')",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked=1'}))",
        "new WebSocket('ws://127.0.0.1:9/')",
    ],
)
def test_the_policy_holds(chromium, page, attempt):
    """Also for what a mistake of ours would let in."""
    chromium.open(page)
    chromium.value(
        "document.addEventListener('securitypolicyviolation', (one) => { window.violated = one.violatedDirective })"
    )
    chromium.value(f"void ({attempt})")
    if "onclick" in attempt:
        chromium.value("document.body.lastElementChild.click()")
    chromium.wait("window.violated")
    assert chromium.value("window.hacked") is None


def test_a_finding_leads_to_its_proof_and_back(chromium, page):
    chromium.open(page)
    n = chromium.value("document.querySelector('.finding .proofs a').getAttribute('href')")[2:]
    chromium.value("document.querySelector('.finding .proofs a').click()")
    chromium.wait(f"document.querySelector('#detail h3')?.textContent.startsWith('{n} ')")
    assert chromium.value("document.activeElement.id") == "list"
    chromium.value("document.querySelector('#detail a[href^=\"#f\"]').click()")
    chromium.wait("location.hash.startsWith('#f')")
    top = chromium.value("document.querySelector(location.hash).getBoundingClientRect().top")
    assert 0 < top < 900


def test_an_event_is_shown_whole(chromium, page):
    chromium.open(f"{page}#m2")
    chromium.wait("document.querySelector('#detail pre')")
    assert chromium.value(HEADING) == "2 BootNotification"
    shown = chromium.value("document.querySelector('#detail pre').textContent")
    assert json.loads(shown)[3]["chargePointModel"] == EVIL
    assert '\n    "chargePointModel": ' in shown
    chromium.open(f"{page}#m1")
    chromium.wait("document.querySelector('#detail pre')")
    assert "Authorization: (not shown)" in chromium.value("document.querySelector('#detail pre').textContent")


def test_searching(chromium, page):
    chromium.open(page)
    everything = chromium.value(COUNT)
    chromium.press("/")
    assert chromium.value("document.activeElement.id") == "search"
    chromium.press(*"metervalues")
    chromium.wait(f"{COUNT}.startsWith('180 of ')")
    chromium.open(f"{page}#messages?action=MeterValues&direction=2")
    assert chromium.value(COUNT).startswith("90 of ")
    chromium.open(f"{page}#messages?findings")
    assert 3 < int(chromium.value(COUNT).split(" of ")[0]) < 30
    assert chromium.value("[...document.querySelectorAll('.row .mark')].every((one) => one.textContent)")
    chromium.value("document.getElementById('clear').click()")
    assert chromium.value(COUNT) == everything


def test_a_hundred_thousand_events(chromium, large):
    chromium.open(large)
    assert chromium.value(COUNT) == "100,000 events"
    chromium.value("document.getElementById('list').focus()")
    chromium.press("End")
    assert chromium.value(CHOSEN) == "100,000"
    chromium.press("Home", "PageDown", "ArrowDown", "ArrowUp", "ArrowUp")
    assert 5 < int(chromium.value(CHOSEN)) < 60
    chromium.press("Enter")
    assert chromium.value("document.activeElement.id") == "detail"
    chromium.press("Escape")
    assert chromium.value("document.activeElement.id") == "list"
    chromium.value("document.getElementById('list').scrollTop = 1e9")
    chromium.wait("[...document.querySelectorAll('.row .n')].some((one) => one.textContent === '100,000')")
    assert chromium.value("document.querySelectorAll('*').length") < 3_000
    search = """(() => {
        const began = performance.now();
        const search = document.getElementById("search");
        search.value = "needle";
        document.getElementById("by-action").dispatchEvent(new Event("change"));
        return performance.now() - began;
    })()"""
    assert chromium.value(search) < 2_000  # milliseconds; about 30 where nothing else runs
    assert chromium.value(COUNT) == "1 of 100,000 events"
    chromium.value("location.hash = '#m50000'")
    chromium.wait("document.querySelector('#detail h3')?.textContent === '50,000 Heartbeat'")
    assert chromium.value(COUNT) == "100,000 events"
    assert chromium.value(CHOSEN) == "50,000"


def test_the_ladder(chromium, page, large):
    chromium.open(page)
    ways = chromium.value(
        "[...document.querySelectorAll('.ladder .arrow')].slice(0, 4).map((one) => one.className)"
    )
    assert ways == ["arrow  whole", "arrow up", "arrow down answer", "arrow up"]
    ends = chromium.value(
        "[...document.querySelectorAll('.ends span')].map((one) => one.getBoundingClientRect().left)"
    )
    assert ends[0] < ends[1]
    chromium.open(large)
    assert chromium.value("document.querySelectorAll('.ladder li').length") == 300
    assert (
        chromium.value("document.getElementById('ladder-note').textContent")
        == "The first 300 of 100,000 events."
    )
    chromium.value("document.getElementById('ladder-more').click()")
    assert chromium.value("document.querySelectorAll('.ladder li').length") == 600


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_width_and_light(chromium, page, width, scheme):
    chromium.open(f"{page}#m2", width, scheme=scheme)
    assert chromium.value("document.documentElement.scrollWidth") == width
    colours = [
        [int(part) for part in re.findall(r"\d+", chromium.value(f"getComputedStyle(document.body).{name}"))]
        for name in ("color", "backgroundColor")
    ]
    assert (sum(colours[0]) > sum(colours[1])) == (scheme == "dark")
    size = chromium.value("document.querySelector('.plot').getBoundingClientRect().width")
    assert 0.8 * width < size + 130
    assert size < width


def test_without_a_script(chromium, page):
    chromium.open("about:blank#")
    chromium("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium("Page.navigate", url=page)
        told, wanted = (
            "",
            ("it must be of type integer", "Why it ended", "20 kW", "This part needs JavaScript"),
        )
        for _ in range(1_000):  # the page is looked at while it is still being read
            found = chromium("DOMSnapshot.captureSnapshot", computedStyles=[])
            texts = [found["strings"][at] for at in found["documents"][0]["layout"]["text"] if at >= 0]
            told = " ".join(texts)
            if all(one in told for one in wanted):
                break
    finally:
        chromium("Emulation.setScriptExecutionDisabled", value=False)
    for one in wanted:
        assert one in told
    assert "with findings only" not in told


def test_on_paper(chromium, page):
    chromium.open(page)
    chromium("Emulation.setEmulatedMedia", media="print")
    assert chromium.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    chromium.value("dispatchEvent(new Event('beforeprint'))")
    assert chromium.value("document.querySelectorAll('details:not([open])').length") == 0
    chromium.value("dispatchEvent(new Event('afterprint'))")
    assert chromium.value("document.querySelectorAll('details:not([open])').length") > 0
    chromium("Emulation.setEmulatedMedia", media="")


ROWS = "document.querySelectorAll('#rows .row').length"
RUNGS = "document.querySelectorAll('#ladder-rows li').length"
CUT = """[...document.querySelectorAll('.wide, #list, #rows, .row .said, .arrow')].filter((one) =>
    one.scrollHeight > one.clientHeight + 2 || one.scrollWidth > one.clientWidth + 2).length"""


def test_all_that_was_said_is_on_paper(chromium, page):
    chromium.open(page, width=700)
    rows, rungs = chromium.value(ROWS), chromium.value(RUNGS)
    count = int(chromium.value(COUNT).split()[0])
    assert rows < count
    chromium("Emulation.setEmulatedMedia", media="print")
    chromium.value("dispatchEvent(new Event('beforeprint'))")
    assert (chromium.value(ROWS), chromium.value(RUNGS)) == (count, count)
    assert chromium.value(CUT) == 0
    assert f"{count} events, a line each" in chromium.value("document.getElementById('paper').innerText")
    chromium.value("dispatchEvent(new Event('afterprint'))")
    chromium("Emulation.setEmulatedMedia", media="")
    chromium.wait(f"{ROWS} < {count}")
    assert chromium.value(RUNGS) == rungs
    assert chromium.value("getComputedStyle(document.getElementById('paper')).display") == "none"


def test_what_is_searched_for_is_on_paper(chromium, page):
    chromium.open(f"{page}#messages?action=MeterValues&direction=2")
    chromium.value("dispatchEvent(new Event('beforeprint'))")
    assert chromium.value(ROWS) == 90
    chromium.value("dispatchEvent(new Event('afterprint'))")


def test_a_browser_prints_it_by_itself(chromium, page):
    chromium.open(page)
    chromium.value(
        "addEventListener('beforeprint', () => { window.printed = document.querySelectorAll('.row').length })"
    )
    assert chromium("Page.printToPDF")["data"]
    assert chromium.value("window.printed") == int(chromium.value(COUNT).split()[0])


def test_paper_has_an_end(chromium, large):
    chromium.open(large)
    chromium.value("dispatchEvent(new Event('beforeprint'))")
    assert (chromium.value(ROWS), chromium.value(RUNGS)) == (5000, 5100)
    told = chromium.value("document.getElementById('paper').textContent")
    assert told.startswith("On paper: the first 5,000 of 100,000 events")
    chromium.value("dispatchEvent(new Event('afterprint'))")
    chromium.wait(f"{ROWS} < 100")
