"""What is known of a device stands with the findings of a store."""

from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.store import Store, StoreWriter
from tests.rules.sessions import CURRENT, ask, opened, result, wire_events

BOOT = ask(
    "b",
    "BootNotification",
    {"chargePointVendor": "United Chargers", "chargePointModel": "GRS", "firmwareVersion": "05.43"},
    {"status": "Accepted", "currentTime": CURRENT, "interval": 300},
)


def test_the_boot_comes_after_what_was_written(tmp_path):
    path = tmp_path / "a.ocppdb"
    writer = StoreWriter(path, source="a", durable=False)
    engine, decoder = Engine(observer=writer.observe), Decoder()
    for event in wire_events(opened(subprotocols=(), subprotocol=None), "< " + result("7"), BOOT):
        events = decoder.feed([event])
        engine.feed(events)
        writer.feed(events)
        writer.commit()
    writer.finish()
    writer.close()
    with Store(path) as store:
        hints = {one.rule: one.hint for one in store.findings()}
    assert (
        "; known of United Chargers Grizzl-E 5.x: offers no subprotocol (lbbrhzn/ocpp#442;" in hints["WS-001"]
    )
    assert "known of" not in hints["RPC-006"]
