"""Captures and stores of them, for filters to be asked of both."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ocppscope import rules
from ocppscope.events import (
    FROM_CSMS,
    FROM_STATION,
    Closed,
    Control,
    Damaged,
    Gap,
    Notice,
    Opened,
    Session,
    Text,
)
from ocppscope.filter import FilterError, install, parse
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store.writer import StoreWriter

CAPTURES = Path(__file__).parents[2] / "captures"
START = 1_795_342_500_000_000_000  # 2026-11-22T10:15:00Z
SECOND = 1_000_000_000
assert rules.__all__  # importing them declares the rules


@dataclass
class Kept:
    """Events, the findings that each proves, and the store of both."""

    events: list
    judged: dict
    database: sqlite3.Connection

    def by_predicate(self, text):
        fits = parse(text).predicate()
        return [event.n for event in self.events if fits(event, self.judged[event.n])]

    def by_sql(self, text):
        sql = parse(text).sql()
        install(self.database, sql)
        joins = " JOIN sessions s USING (session)" if sql.needs_sessions else ""
        statement = f"SELECT e.n FROM events e{joins} WHERE e.n > 0 AND ({sql.where}) ORDER BY e.n"
        return [n for (n,) in self.database.execute(statement, sql.parameters)]

    def select(self, text):
        """The numbers of the events that fit, once both have said the same."""
        found = self.by_predicate(text)
        assert self.by_sql(text) == found, text
        return found


def kept(batches):
    """Decode, judge and store what a source emits."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        writer = StoreWriter(path, source="test")
        judged = defaultdict(set)

        def observe(finding, report, numbers):
            writer.observe(finding, report, numbers)
            for n in numbers:
                judged[n].add((finding.rule.id, finding.severity))

        decoder, engine, events = Decoder(), Engine(observer=observe), []
        for batch in batches:
            decoded = decoder.feed(batch)
            engine.feed(decoded)
            writer.feed(decoded)
            events += [event for event in decoded if not isinstance(event, Notice)]
        writer.finish()
        database = sqlite3.connect(":memory:")
        with sqlite3.connect(path) as source:
            source.backup(database)
        source.close()
    return Kept(events, judged, database)


@cache
def capture(name):
    return kept(open_source([str(CAPTURES / name)], SourceOptions()).batches())


@cache
def odd():
    """What captures seldom hold."""
    one, two, nameless = Session(1, station="CP001"), Session(2, station="CPÄ-2"), Session(3)
    time = iter(range(START, START + 3600 * SECOND, 7 * SECOND + 1))
    deep = '{"a":' * 300 + "1" + "}" * 300

    def said(session, direction, text):
        return Text(session, next(time), direction, text)

    def station(text, session=one):
        return said(session, FROM_STATION, text)

    def csms(text, session=one):
        return said(session, FROM_CSMS, text)

    batch = [
        Opened(one, next(time), "/ocpp/CP001", ("ocpp1.6",), "ocpp1.6", 101),
        station('[2,"1","StartTransaction",{"connectorId":1,"idTag":"0042","meterStart":"230.50"}]'),
        csms('[3,"1",{"transactionId":null,"idTagInfo":{"status":"Accepted"}}]'),
        station('[2,2,"Frobnicate",{"strange key":[1,2,[3,{"x":"deep"}]],"e":[],"flag":true,"word":"true"}]'),
        csms('[4,2,"NotImplemented","no","gar nichts"]'),
        csms('[4,"nobody",null,7,{}]'),
        station('[2,"3",17,{"big":123456789012345678901234567890,"float":1e300,"neg":-0.5}]'),
        station('[2,null,"MeterValues",null]'),
        station('[2,"4","MeterValues",[1,"two"]]'),
        station(f'[2,"5","DataTransfer",{deep}]'),
        station(
            '[2,"6","MeterValues",{"at":"2026-11-22T11:20:00+01:00","then":"2026-11-22","clock":"10:15"}]'
        ),
        station('[2,"7","Nonsense",{"text":"Überspannung\\u0000\\n\\u212a","k":""}]'),
        station("[2,"),
        station('{"no": "frame"}'),
        Control(one, next(time), FROM_STATION, "ping", b"beat\xff"),
        Control(one, next(time), FROM_CSMS, "pong", b""),
        Damaged(one, next(time), FROM_STATION, "utf8", 3, "no UTF-8", b"[2,\xff\xfeBoot]"),
        Gap(one, next(time), FROM_CSMS, 100),
        Closed(one, next(time), "csms", "close", 1006, "bye"),
        Opened(two, None, "/CP%C3%84-2", ("ocpp2.1",), "ocpp2.1", 101),
        Text(two, None, FROM_STATION, '[2,"a","Heartbeat",{}]'),
        Text(two, None, FROM_CSMS, '[3,"a",{"currentTime":"2026-11-22T10:15:00.123456Z"}]'),
        Text(two, -5 * SECOND, FROM_STATION, '[6,"s","NotifyPeriodicEventStream",{"id":1}]'),
        Text(two, 1, FROM_CSMS, '[5,"a","InternalError","",{}]'),
        Closed(two, None, None, "rst"),
        station('[2,"8","heartbeat",{}]', nameless),
        Closed(nameless, next(time), "station", "fin"),
    ]
    return kept([batch])


def agree_or_refuse(text):
    """A text is a filter of which both say the same, or it is refused."""
    try:
        parse(text)
    except FilterError:
        return
    odd().select(text)
