import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.events import CALL
from ocppscope.rules.registry import RULES
from ocppscope.rules.tables.meters import Balance, Meters, resolution
from ocppscope.rules.tables.samples import make_shape, read_anew, read_as
from tests.rules.sessions import (
    BOOT_2X,
    BOOT_16,
    CURRENT,
    ask,
    call,
    case,
    closed,
    findings_of,
    gap,
    judged,
    opened,
    serious,
    stamp,
)

E, W, I = "error", "warning", "info"
REGISTER = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
_ids = itertools.count()


def an_id():
    return f"m{next(_ids)}"


# --- 1.6 ----------------------------------------------------------------------------------------------------


def sv(value, measurand=REGISTER, unit="Wh", **more):
    said = {"value": value if isinstance(value, str) else str(value), "measurand": measurand, "unit": unit}
    return {name: one for name, one in (said | more).items() if one is not None}


def start(meter=1000, connector=1, transaction=7, when=CURRENT, status="Accepted"):
    asked = {"connectorId": connector, "idTag": "A", "meterStart": meter, "timestamp": when}
    return ask(
        an_id(), "StartTransaction", asked, {"transactionId": transaction, "idTagInfo": {"status": status}}
    )


def stop(meter=9000, transaction=7, when=CURRENT, data=None):
    asked = {
        "transactionId": transaction,
        "meterStop": meter,
        "timestamp": when,
        "idTag": "A",
        "reason": "Local",
    }
    if data is not None:
        asked["transactionData"] = data
    return ask(an_id(), "StopTransaction", asked, {"idTagInfo": {"status": "Accepted"}})


def at(*samples, when=CURRENT):
    return {"timestamp": when, "sampledValue": list(samples)}


def mv(*samples, when=CURRENT, connector=1, transaction=7, elements=None):
    asked = {"connectorId": connector, "meterValue": elements or [at(*samples, when=when)]}
    return ask(
        an_id(), "MeterValues", asked | ({} if transaction is None else {"transactionId": transaction})
    )


def registers(*values, every=60, **more):
    return [[f"+{every}s", mv(sv(value, **more))] for value in values]


def charge(*values, meter=1000, every=60, end=9000, **more):
    """A transaction with a register's values."""
    return [start(meter), registers(*values, every=every, **more), "+10s", stop(end)]


def config(**keys):
    entries = [{"key": key, "readonly": False, "value": str(value)} for key, value in keys.items()]
    return ask(an_id(), "GetConfiguration", {}, {"configurationKey": entries}, "<")


def boot(**more):
    asked = {"chargePointVendor": "V", "chargePointModel": "M"} | more
    answer = {"status": "Accepted", "currentTime": CURRENT, "interval": 300}
    return ask(an_id(), "BootNotification", asked, answer)


# --- 2.x ----------------------------------------------------------------------------------------------------


def sv2(value, measurand=REGISTER, unit="Wh", multiplier=None, **more):
    measure = {name: one for name, one in (("unit", unit), ("multiplier", multiplier)) if one is not None}
    said = {"value": value, "measurand": measurand, "unitOfMeasure": measure or None}
    return {name: one for name, one in (said | more).items() if one is not None}


def event(
    seq, *samples, kind="Updated", trigger="MeterValuePeriodic", state="Charging", when=CURRENT, **more
):
    info = {"transactionId": more.pop("transaction", "T")} | ({"chargingState": state} if state else {})
    asked = {
        "eventType": kind,
        "timestamp": when,
        "triggerReason": trigger,
        "seqNo": seq,
        "transactionInfo": info,
    }
    if samples:
        asked["meterValue"] = [at(*samples, when=when)]
    return ask(an_id(), "TransactionEvent", asked | more)


BEGINS = {"context": "Transaction.Begin"}
ENDS = {"context": "Transaction.End"}
EVSE = {"evse": {"id": 1, "connectorId": 1}}


def started(*samples, seq=0, **more):
    return event(seq, *samples, kind="Started", trigger="CablePluggedIn", state="EVConnected", **EVSE | more)


def charging(seq=1, **more):
    return event(seq, trigger="ChargingStateChanged", **more)


def ended(seq, *samples, **more):
    info = {
        "transactionId": more.pop("transaction", "T"),
        "chargingState": "Idle",
        "stoppedReason": "EVDisconnected",
    }
    more = {"transactionInfo": info} | more
    return event(seq, *samples, kind="Ended", trigger="EVCommunicationLost", **more)


def charge2(*values, every=60, **more):
    """A transaction with a register's values."""
    return [
        started(),
        charging(),
        [[f"+{every}s", event(2 + n, sv2(value, **more))] for n, value in enumerate(values)],
        "+10s",
        ended(2 + len(values)),
    ]


def mv2(*samples, evse=1, when=CURRENT):
    return ask(an_id(), "MeterValues", {"evseId": evse, "meterValue": [at(*samples, when=when)]})


def variables(component, **values):
    entries = [
        {
            "attributeStatus": "Accepted",
            "attributeValue": str(value),
            "component": {"name": component},
            "variable": {"name": name},
        }
        for name, value in values.items()
    ]
    asked = [{"component": one["component"], "variable": one["variable"]} for one in entries]
    return ask(an_id(), "GetVariables", {"getVariableData": asked}, {"getVariableResult": entries}, "<")


def status2(evse, connector=1):
    asked = {"timestamp": CURRENT, "connectorStatus": "Available", "evseId": evse, "connectorId": connector}
    return ask(an_id(), "StatusNotification", asked)


V2 = {"version": "2.0.1"}
V3 = {"version": "2.1"}
SAMPLED = {"MeterValueSampleInterval": 60}


def flow(*pairs, every=60, unit="Wh", power_unit="W", **more):
    """Energy and power, again and again."""
    return [
        [f"+{every}s", mv(sv(energy, unit=unit), sv(power, POWER, power_unit), **more)]
        for energy, power in pairs
    ]


def clocked(value, when=CURRENT, **more):
    return mv(sv(value, context="Sample.Clock"), when=when, **more)


CASES = [
    # MV-001
    case(
        "MV-001",
        charge(1000, 1500, 1400),
        charge(1000, 1500, 1500, 1600),
        E,
        subject=f"connector 1 {REGISTER}",
    ),
    case(
        "MV-001", charge2(1000, 1500, 1400), charge2(1000, 1500, 1500), E, subject=f"EVSE 1 {REGISTER}", **V2
    ),
    case("MV-001", charge2(1000, 1500, 1400), charge2(1000, 1500, 1500), E, **V3),
    case(
        "MV-001",
        charge(1000, 1500, 1400),
        [start(), registers(1500), "+60s", mv(sv(1400), when=stamp(30)), "+10s", stop()],
        E,
        about="a late delivery is older",
        also=["TIME-006"],
    ),
    case(
        "MV-001",
        charge("17137319.55", "17137319.00", meter=17137319, end=17137319),
        charge("17137319.55", "17137319", meter=17137319, end=17137319),
        W,
        about="less than 1 Wh; fewer digits are no decrease",
    ),
    case(
        "MV-001",
        charge("269456", "269440", meter=269456, end=269470),
        [start(269456), registers("269456"), "+60s", mv(sv("269.45", unit="kWh")), "+60s", stop(269470)],
        E,
        about="kWh with two decimals",
    ),
    case(
        "MV-001",
        [start(), mv(sv(1000)), "+10s", stop(2000, data=[at(sv(1500)), at(sv(1200), when=stamp(60))])],
        [start(), mv(sv(1000)), "+10s", stop(2000, data=[at(sv(1000), when=stamp(1)), at(sv(2000))])],
        E,
        about="in transactionData",
    ),
    case(
        "MV-001",
        charge(400, meter=500, end=600),
        charge(500, meter=500, end=600),
        W,
        about="below meterStart",
        subject="connector 1 meterStart",
    ),
    case(
        "MV-001",
        [start(), registers(1500), "+10s", stop(1400)],
        [start(), registers(1500), "+10s", stop(1500)],
        W,
        about="above meterStop",
        subject="connector 1 meterStop",
    ),
    case(
        "MV-001",
        charge(1000, 1500, 1400, measurand="Energy.Reactive.Import.Register", unit="varh", phase="L1"),
        [
            start(),
            mv(sv(1500, phase="L1"), sv(1400, phase="L2"), sv(1300, location="Inlet"), sv(1000)),
            "+10s",
            stop(),
        ],
        E,
        about="each measurand, phase and location has its own",
    ),
    # MV-002
    case(
        "MV-002",
        [charge(end=3000), start(0, transaction=8), stop(10, 8)],
        [charge(end=3000), start(3000, transaction=8), stop(3010, 8)],
        I,
    ),
    case(
        "MV-002",
        [start(4_076_000), mv(sv(104)), "+60s", stop(4_077_000)],
        [start(4_076_000), mv(sv(4_076_104)), "+60s", stop(4_077_000)],
        I,
        about="only its values do",
        subject="connector 1",
    ),
    case(
        "MV-002",
        [
            [started(sv2(0, **BEGINS)), charging(), "+60s", ended(2, sv2(500, **ENDS))],
            [started(sv2(0, **BEGINS), transaction="U"), "+60s", ended(1, sv2(500, **ENDS), transaction="U")],
        ],
        [
            [started(sv2(0, **BEGINS)), charging(), "+60s", ended(2, sv2(500, **ENDS))],
            [
                started(sv2(500, **BEGINS), transaction="U"),
                "+60s",
                ended(1, sv2(500, **ENDS), transaction="U"),
            ],
        ],
        I,
        **V2,
    ),
    # MV-003
    case("MV-003", charge(1000, 2000, 17_000_000, end=18_000_000), charge(1000, 2000, 60_000, end=61_000), W),
    case("MV-003", charge2(1000, 2000, 17_000_000), charge2(1000, 2000, 60_000), W, **V2),
    # MV-004
    case("MV-004", [start(connector=2), mv(sv(1000)), stop()], [start(connector=1), mv(sv(1000)), stop()], E),
    case(
        "MV-004",
        [start(), "+10s", stop(), "+10s", mv(sv(9000))],
        [start(), "+10s", stop(), "+10s", mv(sv(9000), transaction=None)],
        W,
        about="after the stop",
    ),
    case(
        "MV-004",
        [start(), "+10s", stop(), "+120s", mv(sv(9000))],
        [start(), "+110s", mv(sv(9000)), "+10s", stop(9000)],
        E,
        about="sampled after the stop",
    ),
    case(
        "MV-004",
        [start(), "+60s", mv(sv(1000), transaction=99)],
        [
            start(transaction=7),
            start(connector=2, transaction=99),
            "+60s",
            mv(sv(1000), transaction=99, connector=2),
        ],
        E,
        about="of no known one",
    ),
    case("MV-004", mv(sv(1000)), mv(sv(1000), transaction=None), I, about="the capture lacks its start"),
    # MV-005
    case("MV-005", mv(sv(1000), connector=0), mv(sv(1000), connector=0, transaction=None), W),
    # MV-006
    case(
        "MV-006",
        [config(**SAMPLED), charge(1, 2, 3, 4, 5, 6, meter=0, every=100)],
        [config(**SAMPLED), charge(1, 2, 3, 4, 5, 6, meter=0, every=60)],
        W,
        subject="connector 1 MeterValueSampleInterval",
    ),
    case(
        "MV-006",
        [config(**SAMPLED), start(), "+250s", mv(sv(1), transaction=None), stop()],
        [config(**SAMPLED), start(), "+200s", stop(1000), "+100s", mv(sv(1), transaction=None)],
        W,
        about="none at all",
        subject="transaction 7",
    ),
    case(
        "MV-006",
        [config(**SAMPLED), start(), "+250s", mv(sv(1), transaction=None), stop()],
        [config(**SAMPLED, MeterValuesSampledData=""), start(), "+250s", mv(sv(1), transaction=None), stop()],
        W,
        about="no measurands are wanted",
    ),
    case(
        "MV-006",
        [config(**SAMPLED), charge(1, 2, 3, 4, 5, 6, meter=0, every=20)],
        [config(**SAMPLED), charge(1, 2, 3, 4, meter=0, every=20)],
        I,
        about="sooner",
    ),
    case(
        "MV-006",
        [config(ClockAlignedDataInterval=60), [["+120s", clocked(1, transaction=None)] for _ in range(6)]],
        [config(ClockAlignedDataInterval=60), [["+60s", clocked(1, transaction=None)] for _ in range(6)]],
        W,
        about="clock-aligned",
    ),
    # MV-007
    case(
        "MV-007",
        [variables("SampledDataCtrlr", TxUpdatedInterval=60), charge2(1, 2, 3, 4, 5, 6, every=100)],
        [variables("SampledDataCtrlr", TxUpdatedInterval=60), charge2(1, 2, 3, 4, 5, 6, every=60)],
        W,
        **V2,
    ),
    case(
        "MV-007",
        [
            variables("AlignedDataCtrlr", Interval=60),
            [["+120s", mv2(sv2(1, context="Sample.Clock"))] for _ in range(6)],
        ],
        [
            variables("AlignedDataCtrlr", Interval=60),
            [["+60s", mv2(sv2(1, context="Sample.Clock"))] for _ in range(6)],
        ],
        W,
        **V3,
    ),
    case(
        "MV-007",
        [variables("SampledDataCtrlr", TxUpdatedInterval=60), started(), charging(), "+250s", ended(2)],
        [
            variables("SampledDataCtrlr", TxUpdatedInterval=60),
            started(),
            charging(),
            "+60s",
            event(2, sv2(1)),
            "+200s",
            ended(3),
        ],
        W,
        about="none at all",
        subject="transaction T",
        **V2,
    ),
    # MV-008
    case(
        "MV-008",
        [
            variables("AlignedDataCtrlr", SendDuringIdle="true"),
            started(),
            "+60s",
            mv2(sv2(1, context="Sample.Clock")),
        ],
        [
            variables("AlignedDataCtrlr", SendDuringIdle="true"),
            started(),
            "+60s",
            mv2(sv2(1, context="Sample.Clock"), evse=2),
            ended(1),
            "+60s",
            mv2(sv2(1, context="Sample.Clock")),
        ],
        E,
        subject="EVSE 1",
        **V2,
    ),
    case(
        "MV-008",
        [
            variables("AlignedDataCtrlr", SendDuringIdle="true"),
            started(),
            "+60s",
            event(1, sv2(1, context="Sample.Clock"), trigger="MeterValueClock"),
        ],
        [
            variables("AlignedDataCtrlr", SendDuringIdle="false"),
            started(),
            "+60s",
            event(1, sv2(1, context="Sample.Clock"), trigger="MeterValueClock", state="EVConnected"),
            "+60s",
            mv2(sv2(1, context="Sample.Clock")),
        ],
        E,
        **V3,
    ),
    # MV-009
    case(
        "MV-009",
        [BOOT_2X, status2(1), status2(2), "+150s", mv2(sv2(1), evse=3)],
        [BOOT_2X, status2(1), status2(2), "+150s", mv2(sv2(1), evse=2), mv2(sv2(1), evse=0)],
        E,
        **V2,
    ),
    case(
        "MV-009", mv2(sv2(1), evse=-1), mv2(sv2(1), evse=1), E, about="negative", also=["SCH-minimum"], **V3
    ),
    case(
        "MV-009",
        [opened(late=True), status2(1), "+150s", mv2(sv2(1), evse=3)],
        mv2(sv2(1), evse=3),
        I,
        about="not all may be in the capture",
        **V2,
    ),
    # MV-010
    case(
        "MV-010",
        [started(), event(1, sv2(1), evse={"id": 2}, state="EVConnected")],
        [started(), event(1, sv2(1), evse={"id": 1}, state="EVConnected")],
        W,
        **V3,
    ),
    case(
        "MV-010",
        [started(), event(1, sv2(1), evse={"id": 2}, state="EVConnected")],
        [
            event(
                0, kind="Started", trigger="Authorized", state=None, idToken={"idToken": "A", "type": "Local"}
            ),
            event(1, sv2(1), trigger="CablePluggedIn", state="EVConnected", evse={"id": 2, "connectorId": 1}),
        ],
        W,
        about="it may become known later",
        also=["SCH-enum", "TX2-021"],
        **V2,
    ),
    # MV-011
    *(
        case(
            "MV-011",
            mv(sv(1, measurand, wrong), transaction=None),
            mv(sv(1, measurand, right), transaction=None),
            W,
            about=f"{measurand} {wrong}",
            subject=f"{measurand} {wrong}",
        )
        for measurand, wrong, right in [
            (REGISTER, "W", "kWh"),
            (REGISTER, "varh", None),
            (POWER, "Wh", "kW"),
            (POWER, "A", None),
            ("Power.Offered", "A", "W"),
            ("Current.Import", "V", "A"),
            ("Voltage", "A", "V"),
            ("SoC", "V", "Percent"),
            ("Temperature", "Percent", "Celsius"),
            ("Frequency", "V", None),
            ("Energy.Reactive.Import.Register", "kW", "kvarh"),
            ("Power.Reactive.Import", "kvarh", "kvar"),
            ("Power.Factor", "W", None),
        ]
    ),
    case("MV-011", mv2(sv2(1, POWER, "A")), mv2(sv2(1, POWER, "kW")), W, **V2),
    case("MV-011", mv2(sv2(1, REGISTER, "KWH")), mv2(sv2(1, REGISTER, "Btu")), W, about="case", **V3),
    case(
        "MV-011",
        mv2(sv2(1, "Power.Import.Offered", "A")),
        mv2(sv2(1, "Display.RemainingTimeToTargetSOC", "min"), sv2(1, "Vendor.Thing", "W")),
        W,
        about="nothing is known of others",
        also=["SCH-enum", "RPC-022"],
        **V3,
    ),
    # MV-012
    case(
        "MV-012",
        mv(sv(20, "Temperature", "Celcius"), transaction=None),
        mv(sv(20, "Temperature", "Celsius"), transaction=None),
        I,
    ),
    case(
        "MV-012",
        mv(sv(50, "Frequency", "Hertz"), transaction=None),
        mv(sv(50, "Frequency", None), transaction=None),
        I,
    ),
    # MV-013
    *(
        case(
            "MV-013",
            mv(sv(wrong), transaction=None),
            mv(sv(right), transaction=None),
            severity,
            about=wrong,
            subject=REGISTER,
        )
        for wrong, right, severity in [
            ("12,5", "12.5", W),
            ("NaN", "0", W),
            ("-Infinity", "-1", W),
            ("", "0.00", W),
            ("on", "1e3", W),
            ("1e400", "1e5", W),
            ("12.5 Wh", "+12.5", W),
            ("  12.5", "12.5", I),
            ("00012.5", "0", I),
        ]
    ),
    case("MV-013", mv2(sv2("12,5")), mv2(sv2(12.5)), W, **V2),
    # MV-014
    case(
        "MV-014",
        [start(), "+90s", mv(sv(1000, **BEGINS)), stop()],
        [
            start(),
            mv(sv(1000, **BEGINS)),
            "+90s",
            stop(data=[at(sv(1000, **BEGINS), when=stamp(0)), at(sv(9000, **ENDS))]),
        ],
        W,
        about="Begin",
        subject="connector 1 Transaction.Begin",
    ),
    case(
        "MV-014",
        [started(sv2(1, **BEGINS)), "+90s", event(1, sv2(1, **BEGINS), state="EVConnected")],
        [started(), "+90s", event(1, sv2(1, **BEGINS), state="EVConnected")],
        W,
        about="Begin; the EVSE may have become known only then",
        **V2,
    ),
    case(
        "MV-014",
        [start(), mv(sv(1000, **ENDS)), "+60s", mv(sv(1500)), stop()],
        [start(), mv(sv(1000)), "+60s", mv(sv(1500, **ENDS)), stop()],
        W,
        about="End, and on it goes",
        subject="connector 1 Transaction.End",
    ),
    case(
        "MV-014",
        [start(), mv(sv(1000, **ENDS)), "+90s", stop(1000)],
        [start(), mv(sv(1000, **ENDS)), "+30s", stop(1000)],
        W,
        about="End long before",
    ),
    case(
        "MV-014",
        [config(ClockAlignedDataInterval=900), clocked(1, stamp(100), transaction=None)],
        [config(ClockAlignedDataInterval=900), clocked(1, stamp(3), transaction=None)],
        W,
        about="off the clock",
    ),
    case(
        "MV-014",
        [variables("AlignedDataCtrlr", Interval=3600), mv2(sv2(1, context="Sample.Clock"), when=stamp(100))],
        [variables("AlignedDataCtrlr", Interval=3600), mv2(sv2(1, context="Sample.Clock"), when=stamp(3))],
        W,
        about="off the clock, of a zone that is not known",
        **V3,
    ),
    case(
        "MV-014",
        mv(sv(1, context="Trigger"), transaction=None),
        [
            ask("t", "TriggerMessage", {"requestedMessage": "MeterValues"}, {"status": "Accepted"}, "<"),
            mv(sv(1, context="Trigger"), transaction=None),
        ],
        W,
        about="Trigger",
    ),
    # MV-015
    case(
        "MV-015",
        mv(sv(1, POWER, "W", phase="L1"), sv(1, POWER, "W", phase="L1-N"), transaction=None),
        mv(sv(1, POWER, "W", phase="L1"), sv(230, "Voltage", "V", phase="L1-N"), transaction=None),
        W,
    ),
    case(
        "MV-015",
        mv(sv("15.6", "Current.Import", "A", phase="N"), transaction=None),
        mv(
            sv("15.6", "Current.Import", "A", phase="N"),
            sv("15.6", "Current.Import", "A", phase="L1"),
            transaction=None,
        ),
        W,
        about="N",
        subject="N",
    ),
    case(
        "MV-015",
        mv2(sv2(1, POWER, "W", phase="L1"), sv2(1, POWER, "W", phase="L1-N")),
        mv2(sv2(1, POWER, "W", phase="L1"), sv2(1, POWER, "W", phase="L2")),
        W,
        **V2,
    ),
    case(
        "MV-015",
        [
            start(),
            [
                ["+60s", mv(*(sv(1, POWER, "W", phase=p) for p in lines))]
                for lines in (("L1", "L2", "L3"), ("L1",), ("L1",))
            ],
        ],
        [
            start(),
            [
                ["+60s", mv(elements=[at(sv(1, POWER, "W", phase=p)) for p in ("L1", "L2", "L3")])]
                for _ in range(3)
            ],
        ],
        W,
        I,
        about="others than before; an element for each",
    ),
    # MV-016
    *(
        case(
            "MV-016",
            mv(sv(wrong, measurand, unit), transaction=None),
            mv(sv(right, measurand, unit), transaction=None),
            W,
            about=f"{measurand} {wrong}",
        )
        for measurand, unit, wrong, right in [
            ("SoC", "Percent", 101, 100),
            ("SoC", "Percent", -1, 0),
            (POWER, "W", -7200, 0),
            (POWER, "kW", "-7.2", "-0.01"),
            ("Voltage", "V", 23000, 920),
            ("Voltage", "V", -230, 0),
            ("Current.Import", "A", 16000, 500),
        ]
    ),
    case(
        "MV-016",
        mv(sv(23, "Voltage", "V", phase="L1-N"), sv(16, "Current.Import", "A", phase="L1"), transaction=None),
        mv(
            sv(12, "Voltage", "V", phase="L2-N"),
            sv(230, "Voltage", "V", phase="L1-N"),
            sv(16, "Current.Import", "A", phase="L1"),
            sv(0, "Current.Import", "A", phase="L2"),
            transaction=None,
        ),
        W,
        about="a current without a voltage",
    ),
    case(
        "MV-016",
        [
            start(),
            [
                ["+20s", mv(sv(32, "Current.Import", "A", phase="L1"), sv(16, "Current.Offered", "A"))]
                for _ in range(2)
            ],
        ],
        [
            start(),
            [
                [
                    "+20s",
                    mv(sv(current, "Current.Import", "A", phase="L1"), sv(offered, "Current.Offered", "A")),
                ]
                for current, offered in ((32, 32), (32, 16), (16, 16), (48, 16), (16, 16))
            ],
        ],
        W,
        about="above the offer",
        subject="connector 1 Current.Offered",
    ),
    case(
        "MV-016",
        mv2(sv2(16, "Current.Import", "A", 3)),
        mv2(sv2(10_000, "Voltage", "V", location="Inlet"), evse=0),
        W,
        about="multiplier; what feeds the site",
        **V3,
    ),
    # MV-017
    case(
        "MV-017",
        [config(**SAMPLED), start(), registers(1, 2), "+260s", mv(sv(3)), stop()],
        [config(**SAMPLED), start(), registers(1, 2), "+150s", mv(sv(3)), stop()],
        W,
        subject="connector 1 Sample.Periodic",
    ),
    case(
        "MV-017",
        [
            variables("SampledDataCtrlr", TxUpdatedInterval=60),
            started(),
            charging(),
            "+30s",
            event(2, sv2(1)),
            "+260s",
            event(3, sv2(2)),
        ],
        [
            variables("SampledDataCtrlr", TxUpdatedInterval=60),
            started(),
            charging(),
            "+30s",
            event(2, sv2(1)),
            "+150s",
            event(3, sv2(2)),
        ],
        W,
        **V2,
    ),
    case(
        "MV-017",
        [start(), registers(1, 2, 3, 4, 5, every=30), "+200s", mv(sv(9)), stop()],
        [start(), registers(1, 2, 3, 4, 5, every=30), "+100s", mv(sv(9)), stop()],
        I,
        about="what was usual",
    ),
    # MV-019
    case(
        "MV-019", mv(sv(1, None, None), transaction=None), mv(sv(1), transaction=None), I, subject="measurand"
    ),
    case(
        "MV-019",
        mv(sv(1, unit=None), transaction=None),
        mv(sv(50, "Frequency", None), transaction=None),
        I,
        subject="unit",
    ),
    # MV-026
    case(
        "MV-026",
        [start(), flow(*((1361 + n // 6, 9400) for n in range(40))), stop()],
        [start(), flow(*((1361 + 157 * n, 9400) for n in range(40))), stop(20_000)],
        W,
        about="kWh labelled Wh",
        subject="connector 1 1,000",
    ),
    case(
        "MV-026",
        [start(), flow(*((1000 + 157 * n, "9.4") for n in range(16))), stop()],
        [start(), flow(*((1000 + 157 * n, "9.4") for n in range(16)), power_unit="kW"), stop()],
        W,
        about="kW labelled W",
        subject="connector 1 1/1,000",
    ),
    case(
        "MV-026",
        [start(), flow(*((1000 + 61 * n, 11_000) for n in range(40))), stop()],
        [start(), flow(*((1000 + 61 * n, 11_000 if n % 3 else 100) for n in range(40))), stop()],
        W,
        about="one phase of three; a power that changes all the time",
        subject="connector 1 3",
    ),
    case(
        "MV-026",
        [
            started(),
            charging(),
            [["+60s", event(2 + n, sv2(1000 + 157 * n), sv2(9.4, POWER, "W"))] for n in range(16)],
        ],
        [
            started(),
            charging(),
            [["+60s", event(2 + n, sv2(1000 + 157 * n), sv2(9.4, POWER, "W", 3))] for n in range(16)],
        ],
        W,
        about="multiplier",
        **V2,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_breaks(one):
    one.check_breaks()


@pytest.mark.parametrize("one", CASES, ids=str)
def test_legal(one):
    one.check_legal()


# --- what is legal ------------------------------------------------------------------------------------------


NOT_HERE = {"MV-019", "MV-018", *(f"MV-{n:03}" for n in range(20, 26))}


def mine(*pieces, **options):
    """Findings of these rules, without what is told of defaults and of signed values."""
    return {
        rule: finding
        for rule, finding in findings_of(*pieces, **options).items()
        if rule.startswith("MV-") and rule not in NOT_HERE
    }


BEATS = [["+240s", ask(f"beat {n}", "Heartbeat", {}, {"currentTime": CURRENT})] for n in range(4)]


@pytest.mark.parametrize("transaction", [None, 0])
def test_values_that_do_not_tell_of_which_transaction_they_are(transaction):
    values = registers(*range(1000, 1008), transaction=transaction)
    found = findings_of(boot(), config(MeterValueSampleInterval=60), start(), values)
    assert "MV-006" not in found


def test_values_that_were_dropped_while_the_station_was_offline():
    away = ["+60s", closed(), "+2800s", opened(), BEATS]
    assert "MV-006" not in findings_of(boot(), config(MeterValueSampleInterval=900), start(), away)
    interval = variables("SampledDataCtrlr", TxUpdatedInterval=900)
    assert "MV-007" not in findings_of(BOOT_2X, interval, started(), charging(), away, version="2.0.1")


def test_an_evse_of_which_nothing_was_told_before_the_connection_broke():
    told, values = [BOOT_2X, status2(1)], ["+300s", mv2(sv2(1000), evse=2)]
    away = [closed(), "+10s", opened()]
    assert findings_of(told, values, version="2.0.1")["MV-009"].severity == E
    assert findings_of(told, away, values, version="2.0.1")["MV-009"].severity == I


def test_clock_aligned_values_of_the_end_have_an_interval_of_their_own():
    aligned = [at(sv2(1000, context="Sample.Clock"), when=stamp(60))]
    interval = variables("AlignedDataCtrlr", Interval=900)
    end = event(1, kind="Ended", trigger="EVDeparted", meterValue=aligned)
    assert "MV-014" not in findings_of(interval, started(), "+300s", end, version="2.0.1")


def test_a_register_over_a_reboot_may_be_another_meters():
    finding = mine(start(), registers(1500), boot(), registers(1400))["MV-001"]
    assert finding.severity == "info"
    assert "reboot" in finding.detail


def test_a_meter_that_was_replaced_may_show_less():
    assert not mine(
        boot(meterSerialNumber="1"), start(), registers(1500), boot(meterSerialNumber="2"), registers(0)
    )


def test_each_transaction_has_registers_of_its_own():
    assert not mine(charge(1500, end=1600), start(0, 2, 8), "+60s", mv(sv(5), connector=2, transaction=8))


def test_what_is_sent_again_is_no_decrease_and_no_gap():
    again = [mv(sv(1500), when=stamp(60)), mv(sv(1600), when=stamp(120))]
    assert not mine(config(**SAMPLED), start(), "+120s", again, again, "+60s", mv(sv(1700)), stop())


def test_two_values_of_one_time_have_no_order():
    assert not mine(start(), mv(elements=[at(sv(1500)), at(sv(1400))]), "+60s", mv(sv(1500)), stop())
    assert not mine(start(), mv(elements=[at(sv(1400)), at(sv(1500))]), "+60s", mv(sv(1400)), stop())


def test_a_begin_that_is_repeated_is_no_decrease():
    """Growatt THOR tells it in each message, with the time of the message."""
    said = [["+20s", mv(sv(value), sv(1000, **BEGINS))] for value in (1010, 1020, 1030, 1040)]
    found = mine(start(), said, stop())
    assert set(found) == {"MV-014"}
    assert found["MV-014"].count == 1


def test_a_drop_that_recovers_is_no_jump():
    found = mine(charge(16_000_000, 0, 16_000_100, meter=16_000_000, end=16_000_200))
    assert set(found) == {"MV-001"}
    assert found["MV-001"].count == 1


def test_a_register_that_stays_low_is_told_once():
    assert mine(charge(1500, 1000, 1100, 1200))["MV-001"].count == 1


def test_values_without_a_time_are_of_when_they_came():
    said = [["+60s", mv(elements=[{"sampledValue": [{"value": value}]}])] for value in ("5000", "3000")]
    finding = mine(start(0), said, stop(5000))["MV-001"]
    assert (
        finding.detail == f"{REGISTER} goes from 5000 Wh to 3000 Wh within 1.0 min"
        or "60.1 s" in finding.detail
    )


def test_a_clock_that_was_never_set_orders_nothing():
    said = [["+60s", mv(sv(value), when="1970-01-01T00:01:00Z")] for value in (5000, 3000)]
    assert not mine(start(0), said)


def test_a_clock_that_is_set_back_is_no_decrease():
    said = [mv(sv(5000)), "+60s", mv(sv(5100), when=stamp(-3600)), "+60s", mv(sv(5200), when=stamp(-3540))]
    assert not mine(start(1000), said)


def test_signed_data_is_no_number():
    signed = sv("OCMF|{}|{}", format="SignedData", context="Transaction.End")
    assert not mine(start(), mv(signed, sv(1500)), "+60s", mv(signed, sv(1600)), stop())


def test_session_values_are_told_once_for_a_transaction():
    found = mine(start(4_000_000), registers(104, 230, 350), stop(4_000_350))
    assert set(found) == {"MV-002", "MV-001"} or set(found) == {"MV-002"}
    assert found["MV-002"].count == 1


def test_kwh_are_no_session_values():
    assert "MV-002" not in mine(start(361_000), registers(361, 361), stop(361_500))


def test_a_retry_of_a_start_at_0_is_not_another_transaction():
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": stamp(0)}
    again = [
        ask(an_id(), "StartTransaction", asked, {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    ] * 2
    assert not mine(again, stop(500))


# --- transactions -------------------------------------------------------------------------------------------


def test_values_of_another_transaction_are_a_guess_in_a_late_session():
    found = mine(opened(late=True), start(), "+60s", mv(sv(1000), transaction=99))
    assert found["MV-004"].severity == "info"


def test_what_waited_in_the_queue_is_older_than_the_transaction():
    found = mine(start(), "+60s", mv(sv(1000), when=stamp(-500), transaction=99))
    assert found["MV-004"].severity == "info"


@pytest.mark.parametrize("transaction", [0, -1])
def test_no_transaction_is_told_elsewhere(transaction):
    assert not mine(mv(sv(1), transaction=transaction), mv(sv(1), transaction=transaction, connector=0))


def test_an_id_of_0_that_was_given_counts():
    assert "MV-001" in mine(start(transaction=0), [["+60s", mv(sv(v), transaction=0)] for v in (1500, 1400)])


def test_a_second_id_of_a_start_that_was_sent_again():
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": stamp(0)}
    both = [
        ask(an_id(), "StartTransaction", asked, {"transactionId": n, "idTagInfo": {"status": "Accepted"}})
        for n in (7, 8)
    ]
    assert not mine(both, "+60s", mv(sv(1000), transaction=7))


def test_a_start_without_an_answer_may_have_any_id():
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": stamp(0)}
    found = mine("> " + call("s", "StartTransaction", asked), "+60s", mv(sv(1000)))
    assert found["MV-004"].severity == "info"


def test_values_that_come_again_after_the_stop():
    line = "> " + call(
        "m",
        "MeterValues",
        {"connectorId": 1, "transactionId": 7, "meterValue": [at(sv(1000), when=stamp(1))]},
    )
    again = line.replace('"m"', '"n"')
    assert "MV-004" not in mine(start(), "+1s", line, "+40s", stop(), again)


def test_clock_aligned_values_that_waited_are_no_fault():
    assert "MV-008" not in mine(
        variables("AlignedDataCtrlr", SendDuringIdle="true"),
        started(when=stamp(-600)),
        "+200s",
        mv2(sv2(1, context="Sample.Clock"), when=stamp(2)),
        version="2.0.1",
    )


def test_send_during_idle_of_one_evse():
    entry = {
        "attributeStatus": "Accepted",
        "attributeValue": "true",
        "component": {"name": "AlignedDataCtrlr", "evse": {"id": 2}},
        "variable": {"name": "SendDuringIdle"},
    }
    asked = {"getVariableData": [{"component": entry["component"], "variable": entry["variable"]}]}
    said = ask("v", "GetVariables", asked, {"getVariableResult": [entry]}, "<")
    clock = [started(), "+60s", mv2(sv2(1, context="Sample.Clock"))]
    assert "MV-008" not in mine(said, clock, version="2.0.1")


# --- pace ---------------------------------------------------------------------------------------------------


def test_no_gap_where_the_station_was_offline():
    assert not mine(
        config(**SAMPLED), start(), registers(1000, 1001), closed(), "+600s", opened(), mv(sv(1002)), stop()
    )


def test_no_gap_where_bytes_were_lost():
    assert not mine(config(**SAMPLED), start(), registers(1000), gap(), "+600s", mv(sv(1001)), stop())


def test_no_gap_in_what_waited_in_the_queue():
    old = [mv(sv(1000 + n), when=stamp(n * 400)) for n in range(4)]
    assert not mine(config(**SAMPLED), start(), closed(), "+2000s", opened(), old)


def test_nothing_is_charged_in_the_gap():
    status = {"connectorId": 1, "errorCode": "NoError", "status": "SuspendedEV"}
    said = [start(), registers(1000, 1001), ask("s", "StatusNotification", status), "+600s", mv(sv(1002))]
    assert mine(config(**SAMPLED), said)["MV-017"].severity == "info"


def test_an_interval_that_is_changed_counts_from_then():
    changed = ask(
        "c",
        "ChangeConfiguration",
        {"key": "MeterValueSampleInterval", "value": "300"},
        {"status": "Accepted"},
        "<",
    )
    assert not mine(
        config(**SAMPLED), start(), registers(1000, 1001), changed, registers(*range(1002, 1008), every=300)
    )


def test_an_interval_of_0_is_none():
    assert not mine(config(MeterValueSampleInterval=0), start(), "+900s", mv(sv(1), transaction=None), stop())


def test_values_are_not_expected_of_a_transaction_that_was_refused():
    assert not mine(config(**SAMPLED), start(status="Invalid"), "+900s", mv(sv(1), transaction=None))


def test_a_capture_without_times_has_no_pace():
    assert not mine(config(**SAMPLED), charge(1000, 1001, 1002, 1003, 1004, 1005, every=200), timeless=True)


def test_no_values_are_expected_while_nothing_is_charged():
    said = [
        variables("SampledDataCtrlr", TxUpdatedInterval=60),
        started(),
        charging(),
        "+30s",
        event(2, trigger="ChargingStateChanged", state="SuspendedEV"),
        "+600s",
        ended(3),
    ]
    assert not mine(said, version="2.0.1")


# --- energy and power ---------------------------------------------------------------------------------------


def test_the_factor_is_said():
    finding = mine(start(361_000), flow(*((361 + n // 6, 9400) for n in range(60))), stop(370_000))["MV-026"]
    assert "9.4 kW" in finding.detail
    assert "multiplied by 1,000" in finding.detail
    assert "kWh" in finding.detail


def test_power_by_phases_is_added_up():
    def flows(factor):
        phased = [sv(3600, POWER, "W", phase=phase) for phase in ("L1", "L2", "L3")]
        return [["+60s", mv(sv(1000 + round(180 * n * factor)), *phased)] for n in range(40)]

    assert "MV-026" not in mine(start(), flows(1), stop(99_000))
    assert "MV-026" in mine(start(), flows(1 / 3), stop(99_000))


def test_one_phase_alone_says_nothing_of_the_power():
    said = [["+60s", mv(sv(1000 + 180 * n), sv(3600, POWER, "W", phase="L1"))] for n in range(40)]
    assert "MV-026" not in mine(start(), said, stop(99_000))


def test_an_element_for_each_value():
    said = [["+60s", mv(elements=[at(sv(1000 + 157 * n)), at(sv("9.4", POWER, "W"))])] for n in range(16)]
    assert "MV-026" in mine(start(), said, stop(99_000))


@pytest.mark.parametrize("every", [1, 10, 60, 900])
@pytest.mark.parametrize("digits", [0, 3])
def test_energy_that_agrees(every, digits):
    said, energy, power = [], 5000.0, 0
    for n in range(120):
        now = (0, 7200, 11_000, 11_000, 3000, 11_000, 7200, 7200)[n // 15]
        energy += (power + now) / 2 * every / 3600
        power = now
        said.append((f"{energy:.{digits}f}", power))
    assert not mine(start(5000), flow(*said, every=every), stop(10**7))


def test_a_register_that_moves_seldom_agrees():
    said = [(1000 + n // 15 * 2350, 9400) for n in range(90)]
    assert not mine(start(), flow(*said), stop(99_000))


def test_a_gap_is_not_weighed():
    balance = Balance()
    for n in range(50):
        assert balance.step((n + 1) * 3_600_000_000_000, n * 1000.0, 9.4, n) is None


# --- readings -----------------------------------------------------------------------------------------------


def test_a_list_of_the_same_shape_is_compared():
    first, second = ([sv(n, phase="L1"), sv(n, "Voltage", "V")] for n in (1, 230))
    shape, numbers, odd = read_anew(first)
    assert (numbers, odd) == ([1, 1], True)  # 1 V
    assert read_as(shape, second) == ([230, 230], False)
    assert read_anew(second)[0] is shape


@pytest.mark.parametrize(
    "other",
    [
        [sv(1)],
        [sv(1), sv(1, "Voltage", "V"), sv(1)],
        [sv(1), sv(1, "Voltage", "kV")],
        [sv(1), 5],
        [sv(1), {}],
        [sv(1), None],
        [sv("x"), sv(1, "Voltage", "V")],
    ],
)
def test_a_list_of_another_shape(other):
    shape, _, _ = read_anew([sv(1), sv(1, "Voltage", "V")])
    assert read_as(shape, other) is None


def test_what_is_deep_or_large_is_not_kept():
    deep = sv(1) | {"customData": {"vendorId": "V"}}
    large = sv(1) | {"format": "x" * 1000}
    for one in (deep, large):
        assert not read_anew([one])[0].compared
    assert not read_anew([sv(1)] * 200)[0].compared


@pytest.mark.parametrize(
    ("value", "unit", "smallest"),
    [("1", "Wh", 1), ("1.00", "Wh", 0.01), ("1.00", "kWh", 10), (1e20, "Wh", 1)],
)
def test_resolution(value, unit, smallest):
    assert resolution(value, make_shape([sv(value, unit=unit)]).channels[0]) == pytest.approx(smallest)


# --- whatever the payload is --------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.just(10**400),
    st.floats(),
    st.sampled_from(
        ["", "1", "NaN", "1e400", "9999-12-31T23:59:59Z", stamp(60), stamp(0), "Wh", "kWh", "Charging", "T"]
    ),
)
NAMES = (
    "connectorId evseId transactionId meterValue transactionData timestamp sampledValue value measurand unit phase"
    " context location format unitOfMeasure multiplier transactionInfo eventType triggerReason evse id meterStop"
    " meterStart chargingState offline signedMeterValue"
).split()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)
SAMPLE = st.fixed_dictionaries(
    {"value": st.one_of(SCALARS, st.sampled_from(["1", "2", "3000", "5,5"]), st.integers(0, 10**9))},
    optional={
        "measurand": st.sampled_from(
            [REGISTER, POWER, "Voltage", "Current.Import", "Current.Offered", "SoC", "Power.Offered", 5]
        ),
        "unit": st.sampled_from(["Wh", "kWh", "W", "A", "", None, 7, ["x"]]),
        "unitOfMeasure": st.one_of(
            SCALARS,
            st.fixed_dictionaries({"multiplier": st.sampled_from([0, 3, -3, 400, -400, "3", None, 1.5])}),
        ),
        "phase": st.sampled_from(["L1", "L2", "L3", "N", "L1-N", None, {}]),
        "context": st.sampled_from(
            ["Sample.Clock", "Transaction.Begin", "Transaction.End", "Trigger", None, 3]
        ),
        "location": st.sampled_from(["Outlet", "EV", "Inlet", None, []]),
        "format": st.sampled_from(["Raw", "SignedData", 1]),
        "signedMeterValue": SCALARS,
    },
)
ELEMENTS = st.lists(
    st.one_of(
        ANYTHING,
        st.fixed_dictionaries(
            {
                "timestamp": st.one_of(SCALARS, st.integers(-9, 900).map(stamp)),
                "sampledValue": st.lists(SAMPLE, max_size=4),
            }
        ),
    ),
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["MeterValues", "TransactionEvent", "StopTransaction", "StartTransaction"]),
            st.one_of(
                ANYTHING,
                st.fixed_dictionaries(
                    {"meterValue": ELEMENTS, "transactionData": ELEMENTS},
                    optional={
                        "transactionId": st.sampled_from([7, 8, "7", None, True, [], 10**400]),
                        "connectorId": SCALARS,
                        "evseId": SCALARS,
                        "evse": ANYTHING,
                        "timestamp": st.integers(0, 900).map(stamp),
                        "eventType": st.sampled_from(["Started", "Updated", "Ended", 1]),
                        "triggerReason": st.sampled_from(["MeterValueClock", "MeterValuePeriodic", [], 1]),
                        "transactionInfo": st.fixed_dictionaries(
                            {
                                "transactionId": st.sampled_from(["T", "U", 5, None, []]),
                                "chargingState": SCALARS,
                            }
                        ),
                        "meterStart": SCALARS,
                        "meterStop": SCALARS,
                    },
                ),
            ),
            SCALARS,
        ),
        max_size=6,
    ),
    st.sampled_from(["1.6", "2.0.1", "2.1"]),
)
def test_no_rule_raises(said, version):
    settings_of = [
        config(MeterValueSampleInterval=60, ClockAlignedDataInterval=900),
        variables("AlignedDataCtrlr", SendDuringIdle="true", Interval=900),
        variables("SampledDataCtrlr", TxUpdatedInterval=60),
    ]
    pieces = [
        ["+5s", ask(an_id(), action, payload, {"transactionId": answer, "idTagInfo": {"status": "Accepted"}})]
        for action, payload, answer in said
    ]
    judged(settings_of, pieces, "+900s", version=version)


def test_much_of_everything():
    many = [at(*(sv(n, f"X{n}.Register") for n in range(300)), when=stamp(k)) for k in range(20)]
    pieces = [mv(elements=many), [mv(sv(1), transaction=n, connector=n) for n in range(1, 1000)]]
    assert {rule for rule in mine(pieces) if rule != "MV-004"} <= {"MV-011"}


def test_tables_are_bounded():
    meters = Meters()
    for n in range(5000):
        meters.courses[n] = meters.ends[n] = meters.clocks[n] = None
    assert len(meters.courses) < 500
    assert len(meters.ends) < 500
    assert len(meters.clocks) < 500


def test_every_rule_of_the_section_is_declared():
    expected = {f"MV-{n:03}" for n in range(1, 20)} | {"MV-026"}
    assert expected <= set(RULES)
    assert all(RULES[name].triggers for name in expected)
    assert json.loads(call("1", "MeterValues"))[0] == CALL


# --- a station that is right --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1380, 3680, 7360, 11_040, 22_080, 150_000]), min_size=5, max_size=30),
    st.sampled_from([1, 5, 10, 30, 60, 300, 900]),
    st.sampled_from([("Wh", 0, 1), ("Wh", 2, 1), ("kWh", 2, 1000), ("kWh", 3, 1000)]),
    st.integers(0, 10**8),
    st.booleans(),
    st.booleans(),
)
def test_a_legal_charge_gives_nothing(powers, every, written, register, phased, is_queued):
    unit, digits, divisor = written

    def shown(energy):
        return f"{energy / divisor:.{digits}f}"

    energy, said, before = float(register), [], 0
    for n, watts in enumerate(powers):
        energy += (before + watts) / 2 * every / 3600
        before = watts
        samples = [sv(shown(energy), unit=unit, context="Sample.Periodic"), sv(watts, POWER, "W")]
        if phased:
            samples += [
                sv(round(watts / 690, 1), "Current.Import", "A", phase=f"L{line}") for line in (1, 2, 3)
            ]
            samples += [sv(230, "Voltage", "V", phase=f"L{line}-N") for line in (1, 2, 3)]
        said.append(["+0s" if is_queued else f"+{every}s", mv(*samples, when=stamp((n + 1) * every))])
    wait = f"+{every * len(powers)}s"
    pieces = [
        start(register, when=stamp(0)),
        [closed(), wait, opened()] if is_queued else "+0s",
        said,
        stop(round(energy) + 1, when=stamp(len(powers) * every)),
    ]
    assert not mine(config(MeterValueSampleInterval=every), pieces, profile="strict")


def test_a_boot_and_a_whole_charge():
    statuses = [
        ask(an_id(), "StatusNotification", {"connectorId": n, "errorCode": "NoError", "status": "Available"})
        for n in (0, 1)
    ]
    found = judged(BOOT_16, statuses, config(**SAMPLED), charge(1000, 1200, 1400, 1600))
    assert not serious(found), found


# --- further ------------------------------------------------------------------------------------------------


def test_two_meters_under_one_name_are_apart():
    said = [["+60s", mv(sv(1500 + n), sv(1400 + n))] for n in range(5)]
    assert not mine(start(), said, stop())
    assert "MV-001" in mine(start(), said, mv(sv(1600), sv(1300)), stop())


def test_a_clock_that_was_set_back_makes_no_jump():
    said = [
        ["+600s", mv(sv(1000 + n * 25_000), when=stamp(600 * n - (3600 if n > 2 else 0)))]
        for n in range(1, 12)
    ]
    assert "MV-003" not in mine(start(), said)


def test_what_a_station_needs_for_itself_is_no_factor():
    said = [(1000 + n * 10, 60) for n in range(200)]
    assert not mine(start(), flow(*said), stop(99_000))


def test_clock_aligned_values_go_on_through_transactions():
    """Those of 2.x come as MeterValues, in a transaction as TransactionEvents."""
    clock = {"context": "Sample.Clock"}
    said = [
        variables("AlignedDataCtrlr", Interval=900),
        [["+900s", mv2(sv2(n, **clock))] for n in range(3)],
        started(),
        [
            ["+900s", event(1 + n, sv2(3, **clock), trigger="MeterValueClock", state="EVConnected")]
            for n in range(16)
        ],
        ended(17),
        [["+900s", mv2(sv2(n, **clock))] for n in range(3)],
    ]
    assert not {"MV-007", "MV-017"} & set(mine(said, version="2.0.1"))


def test_clock_aligned_values_are_not_missed_during_a_transaction():
    said = [
        variables("AlignedDataCtrlr", Interval=900, SendDuringIdle="true"),
        [["+900s", mv2(sv2(n, context="Sample.Clock"))] for n in range(3)],
        started(),
        "+9000s",
        ended(1),
        [["+900s", mv2(sv2(n, context="Sample.Clock"))] for n in range(3)],
    ]
    assert not {"MV-007", "MV-008", "MV-017"} & set(mine(said, version="2.0.1"))


def test_a_transaction_whose_end_was_lost_may_be_over():
    said = [variables("AlignedDataCtrlr", SendDuringIdle="true"), started(), BOOT_2X, "+60s"]
    assert "MV-008" not in mine(said, mv2(sv2(1, context="Sample.Clock")), version="2.0.1")


def test_a_vendor_may_ask_in_its_own_way():
    asked = ask("d", "DataTransfer", {"vendorId": "V", "messageId": "meter now"}, {"status": "Accepted"}, "<")
    assert not mine(asked, mv(sv(1, context="Trigger"), transaction=None))
