"""Stores, made as `convert` makes them."""

from ocppscope import rules
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store import Store, StoreWriter
from tests.cli import everything
from tests.wire.packets import pcap

assert rules.__all__  # importing them declares the rules


def source_of(folder, talk=None, name="test.pcap"):
    """A source of what was said, or of a session with an event of each kind."""
    path = folder / name
    packets = (talk or everything()).packets
    path.write_bytes(pcap(packets))
    return open_source([str(path)], SourceOptions())


def decoded(batches):
    """The numbered events of a source's batches, and notices."""
    decoder = Decoder()
    return [event for batch in batches for event in decoder.feed(batch)]


def fill(writer, events):
    """Judge events and write them."""
    engine = Engine(observer=writer.observe)
    engine.feed(events)
    writer.feed(events)
    return engine


def stored(folder, events, name="test.ocppdb"):
    """A complete store of events."""
    path = folder / name
    writer = StoreWriter(path, source="test")
    fill(writer, events)
    writer.finish()
    return Store(path)
