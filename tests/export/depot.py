"""What stations of a depot said on one day: charging with meter values, and a few things that went wrong."""

import json

from ocppscope.events import FROM_CSMS, FROM_STATION, Closed, Opened, Session, Text
from ocppscope.export import Order
from ocppscope.export.html import HtmlReport
from ocppscope.ocpp.decoder import Decoder
from ocppscope.ocpp.times import MINUTE, SECOND, timestamp

START = 1_780_000_000 * SECOND  # 2026-05-28T20:26:40Z
SECRET = "c3RhdGlvbjpzZXNhbWU="


class Day:
    """One station's day in one session; each word of it can be chosen."""

    def __init__(self, number=1, station="DEPOT-01", word="Model X"):
        self.session = Session(number, "10.0.0.1:40001", "10.0.0.100:9000", station, "1.6")
        self.time = START
        self.events = []
        self._id = 0
        head = f"GET /ocpp/{word} HTTP/1.1\r\nAuthorization: Basic {SECRET}\r\n\r\n"
        self._add(
            Opened,
            f"/ocpp/{station}",
            ("ocpp1.6",),
            "ocpp1.6",
            101,
            auth="Basic station",
            request=head.encode(errors="replace"),
            response=b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        )
        boot = {"chargePointVendor": word, "chargePointModel": word, "firmwareVersion": word}
        self.call("BootNotification", boot, {"currentTime": self.now, "interval": 300, "status": "Accepted"})

    def _add(self, kind, *rest, **more):
        self.events.append(kind(self.session, self.time, *rest, **more))

    @property
    def now(self):
        return timestamp(self.time)[:-4] + "Z"

    def call(self, action, payload, answer=None, identity=None):
        """A Call of the station, and its answer if it has one."""
        self._id += 1
        identity = identity or str(self._id)
        self.say(json.dumps([2, identity, action, payload]))
        self.time += SECOND
        if answer is not None:
            self.say(json.dumps([3, identity, answer]), FROM_CSMS)

    def say(self, text, direction=FROM_STATION):
        self._add(Text, direction, text)

    def status(self, word, connector=1):
        self.call(
            "StatusNotification",
            {"connectorId": connector, "errorCode": "NoError", "status": word, "timestamp": self.now},
            {},
        )

    def charge(self, token="TAG", transaction=100, minutes=60, unit="W"):
        """A transaction with a meter value a minute: 11 kW, state of charge from 20 %."""
        self.status("Preparing")
        start = {"connectorId": 1, "idTag": token, "meterStart": 5000, "timestamp": self.now}
        self.call(
            "StartTransaction", start, {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}}
        )
        self.status("Charging")
        for minute in range(1, minutes + 1):
            self.time += MINUTE
            values = [
                {"value": "11000", "measurand": "Power.Active.Import", "unit": unit},
                {
                    "value": str(5000 + minute * 183),
                    "measurand": "Energy.Active.Import.Register",
                    "unit": "Wh",
                },
                {"value": str(20 + minute // 2), "measurand": "SoC", "unit": "Percent"},
            ]
            sampled = [{"timestamp": self.now, "sampledValue": values}]
            self.call(
                "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": sampled}, {}
            )
        stop = {"transactionId": transaction, "meterStop": 5000 + minutes * 183, "timestamp": self.now}
        self.call("StopTransaction", {**stop, "reason": "EVDisconnected"}, {})
        self.status("Finishing")

    def go_wrong(self, word="one"):
        """A field of the wrong type, and no JSON."""
        self.call("StartTransaction", {"connectorId": word, "idTag": word})
        self.say('[2,"x","Heartbeat",{', FROM_CSMS)

    def close(self, reason="bye"):
        self._add(Closed, "station", "close", 1000, reason)
        return self.events


def usual_day():
    day = Day()
    day.status("Available")
    day.charge()
    day.status("Available")
    day.go_wrong()
    return day.close()


def report(path, events, limits=None, **order):
    """Write events as a report, and return its text."""
    output = HtmlReport(Order(path, "depot.pcap", **order), limits)
    try:
        output.feed(Decoder().feed(events), read=0, size=None)
        output.finish(found="{}")
    finally:
        output.close()
    return path.read_text()
