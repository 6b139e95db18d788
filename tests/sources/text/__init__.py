"""Helpers: a text in, what is found in it out."""

from ocppscope.events import FROM_STATION, Closed, Control, Damaged, Gap, Notice, Opened, Text
from ocppscope.ocpp.times import timestamp
from ocppscope.sources.text.capture import TextCapture
from ocppscope.sources.text.clock import zone_named


class Given:
    """Stands for `sources.blocks.Blocks`: a text in pieces."""

    title = name = "test.log"

    def __init__(self, data, step=None):
        self.data = data.encode() if isinstance(data, str) else data
        self.step = step or max(len(self.data), 1)
        self.size, self.read, self.head = len(self.data), 0, self.data[: 1 << 15]

    def __iter__(self):
        for at in range(0, len(self.data), self.step):
            self.read = min(at + self.step, self.size)
            yield self.data[at : at + self.step]

    def close(self):
        pass


def source_of(data, step=None, *, zone=None, **options):
    return TextCapture([Given(data, step)], zone=zone_named(zone) if zone else None, **options)


def events_of(data, step=None, **options):
    return [event for batch in source_of(data, step, **options).batches() for event in batch]


def script(events):
    """What happened, a tuple for each event: what, which way, whose, when, what text."""
    told = []
    for event in events:
        if isinstance(event, Notice):
            continue
        name = {
            Text: "text",
            Damaged: "damaged",
            Control: "control",
            Gap: "gap",
            Opened: "opened",
            Closed: "closed",
        }[type(event)]
        way = getattr(event, "direction", None)
        arrow = "" if way is None else ">" if way == FROM_STATION else "<"
        text = getattr(event, "text", None) or getattr(event, "raw", None)
        if isinstance(event, Closed):
            text = event.how
        if isinstance(event, Opened):
            text = event.path
        if isinstance(event, Control):
            text = event.opcode
        told.append((name, arrow, event.session.station, clock(event.time), text))
    return told


def clock(time):
    """`2025-01-02 03:04:05.678`, without the zeros at its end; None for no time."""
    return timestamp(time)[:-1].replace("T", " ").rstrip("0").rstrip(".") if time is not None else None


def texts(events):
    return [event.text for event in events if isinstance(event, Text)]


def arrows(events):
    return "".join(
        ">" if event.direction == FROM_STATION else "<" for event in events if isinstance(event, Text)
    )


def notices(events, kind="text.assumed"):
    return [event.detail for event in events if isinstance(event, Notice) and event.kind == kind]


def damage(events):
    return [event for event in events if isinstance(event, Damaged)]
