"""Scripts written by hand, and a player that is led through them by a clock of the test's own."""

import itertools
import json
from random import Random

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Control, Damaged, Gap, Opened, Session, Text
from ocppscope.ocpp.decoder import Decoder
from ocppscope.replay.comparing import Comparer
from ocppscope.replay.living import LivingValues, fresh_values
from ocppscope.replay.pace import parse_pace
from ocppscope.replay.player import Close, Done, Manner, Open, Player, SendPing, SendRaw, SendText
from ocppscope.replay.reading import Selection, script_of
from tests.replay.messages import NOW, RECORDED, SECOND

BOOTED = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}
BOOT = {"chargePointVendor": "v", "chargePointModel": "m"}


class Recorded:
    """A capture. Times are seconds from its start; who calls says so by `station` and `csms`."""

    def __init__(self, version="1.6"):
        self._version = version
        self._wire = []
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self._session = None

    def open(self, at=0.0):
        name = f"ocpp{self._version}"
        self._session = Session(next(self._numbers), station="CP1", version=self._version)
        self._wire.append(Opened(self._session, self._time(at), "/ocpp/CP1", (name,), name, 101))
        return self

    def call(self, at, by, action, payload, answer=None, after=0.1):
        """A Call, and where there is one its answer, so many seconds later: a payload, or `[code, …]`."""
        message_id = f"r{next(self._ids)}"
        self.text(at, by, [2, message_id, action, payload])
        if answer is not None:
            other = "csms" if by == "station" else "station"
            error = [4, message_id, *answer] if isinstance(answer, list) else [3, message_id, answer]
            self.text(at + after, other, error)
        return self

    def text(self, at, by, message):
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        return self._add(Text(self._session, self._time(at), _FROM[by], text))

    def ping(self, at, by, payload=b"p"):
        return self._add(Control(self._session, self._time(at), _FROM[by], "ping", payload))

    def damaged(self, at, by, raw):
        return self._add(Damaged(self._session, self._time(at), _FROM[by], "json", 0, "no JSON", raw))

    def gap(self, at, by):
        return self._add(Gap(self._session, self._time(at), _FROM[by], 10))

    def close(self, at, by="station", code=1000, how="close"):
        return self._add(Closed(self._session, self._time(at), by, how, code, ""))

    def script(self, side="station"):
        events = sorted(self._wire, key=lambda event: event.time)
        return script_of(Decoder().feed(events), side, Selection())

    def _add(self, event):
        self._wire.append(event)
        return self

    def _time(self, at):
        return RECORDED + round(at * SECOND)


_FROM = {"station": FROM_STATION, "csms": FROM_CSMS}


class Rehearsal:
    """A player, and the peer that the test is. Times are seconds from its start."""

    def __init__(
        self, recorded, side="station", pace="recorded", max_gap=5.0, opens=True, ignore=(), **manner
    ):
        script = recorded.script(side) if isinstance(recorded, Recorded) else recorded
        if "wait" in manner:
            manner["wait"] = round(manner["wait"] * SECOND)
        living = LivingValues(script.version, side, fresh=fresh_values(Random(1)))
        ids = itertools.count(1)
        self.player = Player(
            script,
            living,
            Comparer(living, ignore),
            pace=parse_pace(pace, round(max_gap * SECOND)),
            manner=Manner(**manner),
            new_id=lambda: f"m{next(ids)}",
        )
        self.player.observe = self._observe
        self.compared = []
        """Comparisons."""
        self.done = []
        """What the player did: when, and what."""
        self.opened = []
        self.is_over = False
        self._opens = opens
        self._now = NOW
        self._take(self.player.start(self._now))

    # --- the clock ---

    @property
    def now(self):
        return (self._now - NOW) / SECOND

    def until(self, at):
        """Let time pass; the player is woken whenever it asked to be."""
        end = NOW + round(at * SECOND)
        while self.player.due is not None and self.player.due <= end:
            self._now = max(self._now, self.player.due)
            self._take(self.player.wake(self._now))
        self._now = max(self._now, end)
        return self

    # --- the peer ---

    def opens(self):
        self._take(self.player.opened(self._now))
        return self

    def fails(self, why="nobody is there"):
        self._take(self.player.failed(why, self._now))
        return self

    def says(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self._take(self.player.received(text, self._now))
        return self

    def calls(self, action, payload, message_id="p1"):
        return self.says([2, message_id, action, payload])

    def answers(self, payload, to=None):
        """Answer the last Call of an action; of any where none is named."""
        asked = [m for _, m in self.done if isinstance(m, list) and m[0] == 2 and to in (None, m[2])]
        message_id = asked[-1][1]
        return self.says([4, message_id, *payload] if isinstance(payload, list) else [3, message_id, payload])

    def closes(self, code=1000, reason=""):
        self._take(self.player.closed(code, reason, self._now))
        return self

    # --- what came of it ---

    def said(self):
        """Action, or answer, and when."""
        return [(at, m[2] if m[0] in (2, 6) else m[1:]) for at, m in self.done if isinstance(m, list)]

    def actions(self):
        return [m[2] for _, m in self.done if isinstance(m, list) and m[0] in (2, 6)]

    def payload(self, action):
        return next(m[3] for _, m in self.done if isinstance(m, list) and m[0] in (2, 6) and m[2] == action)

    def outcomes(self):
        return [(one.outcome, one.action) for one in self.compared]

    @property
    def verdict(self):
        return self.player.tally.verdict

    @property
    def notes(self):
        return self.player.notes

    def _observe(self, comparison):
        self.compared.append(comparison)

    def _take(self, outputs):
        self.player.judge()
        for output in outputs:
            if isinstance(output, SendText):
                self.done.append((self.now, json.loads(output.text)))
            elif isinstance(output, Open):
                self.opened.append((self.now, output.act))
                if self._opens:
                    self.opens()
            elif isinstance(output, Done):
                self.is_over = True
            elif isinstance(output, Close):
                self.done.append((self.now, ("close", output.code, output.how)))
            else:
                assert isinstance(output, SendPing | SendRaw)
                self.done.append((self.now, output))
