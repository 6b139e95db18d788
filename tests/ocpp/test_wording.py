"""The words for events."""

import pytest

from ocppscope.events import Closed, Control, Gap, Opened, Session
from ocppscope.ocpp import wording

SESSION = Session(1, "10.0.0.1:1", "10.0.0.2:2")


def test_words():
    assert wording.plural(1, "station") == "1 station"
    assert wording.plural(0, "station") == "0 stations"
    assert wording.plural(1_234, "message") == "1,234 messages"
    assert wording.clock(None) == wording.clock(1 << 80) == "-"
    assert wording.clock(1_700_000_000_123_456_789) == "22:13:20.123"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Closed(SESSION, 0, "csms", "close", None), "closed by the CSMS, code none"),
        (Closed(SESSION, 0, None, "close", 1000, "bye"), "closed, code 1000: bye"),
        (Closed(SESSION, 0, "station", "fin"), "connection ended by the station (FIN) without a Close"),
        (Closed(SESSION, 0, "csms", "rst"), "connection reset by the CSMS (RST)"),
        (Closed(SESSION, 0, None, "end-of-capture"), "still open at the end of the capture"),
        (Gap(SESSION, 0, "cp-to-csms", None), "GAP: unknown bytes are not in the capture"),
        (Control(SESSION, 0, "cp-to-csms", "pong", b""), "pong"),
        (
            Opened(SESSION, 0, "/x", status=101, subprotocol=None),
            "opened, no subprotocol: /x at 10.0.0.2:2",
        ),
        (Opened(SESSION, 0, "/x", status=500), "REFUSED with status 500: /x at 10.0.0.2:2"),
        (Opened(SESSION, 0, "/x"), "upgrade without an answer: /x at 10.0.0.2:2"),
        (
            Opened(Session(2, "10.0.0.1:1", "10.0.0.2:2", late=True), 0),
            "first seen here, after its start: 10.0.0.1:1 → 10.0.0.2:2",
        ),
        (Opened(Session(2, late=True), 0), "first seen here, after its start"),
        (Opened(Session(2), 0, "/x", status=101, subprotocol="ocpp1.6"), "opened, ocpp1.6: /x"),
    ],
)
def test_what(event, said):
    assert wording.what(event) == said


def test_arrows():
    assert wording.arrow(Gap(SESSION, 0, "cp-to-csms", 1)) == "→"
    assert wording.arrow(Gap(SESSION, 0, "csms-to-cp", 1)) == "←"
    assert wording.arrow(Opened(SESSION, 0)) == " "
