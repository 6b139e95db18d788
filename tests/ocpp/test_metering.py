from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocppscope.ocpp.metering import BEGIN, END, UNITS, sampled
from tests.ocpp.test_lenient import JSON
from tests.rules.sessions import NOW, SECOND, START

REGISTER = "Energy.Active.Import.Register"
POWER = {"measurand": "Power.Active.Import", "unit": "W"}
CURRENT = {"measurand": "Current.Import", "unit": "A"}


def at(*values, time=NOW):
    return {"timestamp": time, "sampledValue": list(values)}


def read(*values):
    """What was measured and its value, of one moment."""
    return [(kind, value) for _, _, kind, value in sampled([at(*values)])]


# --- one value ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # The defaults (1.6 §7.43): the register of active energy, in Wh, at the outlet.
        ({"value": "1500"}, ("energy", 1500)),
        ({"value": "1500", "measurand": None, "unit": None, "phase": None}, ("energy", 1500)),
        ({"value": "1.5", "unit": "kWh"}, ("energy", 1500)),
        ({"value": "12.345", "unit": "kWh", "measurand": REGISTER}, ("energy", 12345)),
        ({"value": "7", "measurand": "Energy.Active.Export.Register"}, ("energy_export", 7)),
        ({"value": "7.36", "measurand": "Power.Active.Import", "unit": "kW"}, ("power", 7360)),
        ({"value": "7360", "measurand": "Power.Active.Import", "unit": "W"}, ("power", 7360)),
        ({"value": "11", "measurand": "Power.Active.Export", "unit": "kW"}, ("power_export", 11000)),
        ({"value": "22", "measurand": "Power.Offered", "unit": "kW"}, ("power_offered", 22000)),
        ({"value": "16", "measurand": "Current.Import", "unit": "A"}, ("current", 16)),
        ({"value": "16", "measurand": "Current.Import"}, ("current", 16)),
        ({"value": "6", "measurand": "Current.Export"}, ("current_export", 6)),
        ({"value": "32", "measurand": "Current.Offered", "unit": "A"}, ("current_offered", 32)),
        ({"value": "230.1", "measurand": "Voltage", "unit": "V"}, ("voltage", 230.1)),
        ({"value": "54", "measurand": "SoC", "unit": "Percent", "location": "EV"}, ("soc", 54)),
        ({"value": "54", "measurand": "SoC"}, ("soc", 54)),
        ({"value": "1.5", "unit": "MWh"}, ("energy", 1_500_000)),
        ({"value": "500", "measurand": "Current.Import", "unit": "mA"}, ("current", 0.5)),
        ({"value": " 5 ", "format": "Raw"}, ("energy", 5)),
        # 2.x: numbers, and a multiplier.
        ({"value": 1500}, ("energy", 1500)),
        ({"value": 1500.5, "unitOfMeasure": {}}, ("energy", 1500.5)),
        ({"value": 1.5, "unitOfMeasure": {"unit": "kWh"}}, ("energy", 1500)),
        ({"value": 15, "unitOfMeasure": {"multiplier": 2}}, ("energy", 1500)),
        ({"value": 15, "unitOfMeasure": {"unit": "kWh", "multiplier": -1}}, ("energy", 1500)),
        (POWER | {"value": 73, "unitOfMeasure": {"unit": "W", "multiplier": 2}}, ("power", 7300)),
        (
            {
                "value": 9,
                "measurand": "Power.Import.Offered",
                "unitOfMeasure": {"unit": "W", "multiplier": 0},
            },
            ("power_offered", 9),
        ),
        ({"value": 5, "signedMeterValue": {"signedMeterData": "…"}}, ("energy", 5)),
    ],
    ids=str,
)
def test_a_value(value, expected):
    assert read(value) == [expected]


@pytest.mark.parametrize(
    "value",
    [
        {"value": "AQIDBA==", "format": "SignedData"},
        {"value": "1", "format": "SignedData"},
        {"value": "1", "location": "Inlet"},
        {"value": "1", "location": "Body", "measurand": "Voltage"},
        {"value": "1", "measurand": "Power.Active.Import"},  # W or kW?
        {"value": "1", "measurand": "Power.Active.Import", "unit": "Wh"},
        {"value": "1", "measurand": "Temperature", "unit": "Celsius"},
        {"value": "1", "measurand": "Energy.Active.Import.Interval"},
        {"value": "1", "phase": "N", "measurand": "Current.Import"},
        {"value": "400", "phase": "L1-L2", "measurand": "Voltage"},
        {"value": "1,5"},
        {"value": "nan"},
        {"value": "-inf"},
        {"value": ""},
        {"value": True},
        {"value": None},
        {"value": [1]},
        {},
        {"value": "1", "unit": ["Wh"]},
        {"value": "1", "measurand": {}},
        {"value": "1", "phase": []},
        {"value": "1", "location": {}},
        {"value": "1", "context": []},
        {"value": 1, "unitOfMeasure": "Wh"},
        {"value": 1, "unitOfMeasure": {"multiplier": "3"}},
        {"value": 1, "unitOfMeasure": {"multiplier": 400}},
        {"value": 1e308, "unitOfMeasure": {"multiplier": 300}},
        {"value": 10**400},
        {"value": 1e15},
        "1500",
        None,
        7,
    ],
    ids=str,
)
def test_what_tells_nothing(value):
    assert read(value) == []


@pytest.mark.parametrize(("context", "moment"), [(BEGIN, BEGIN), (END, END), ("Sample.Periodic", None)])
def test_contexts(context, moment):
    assert sampled([at({"value": "5", "context": context})]) == [(START, moment, "energy", 5)]


def test_begin_and_end_of_one_time_are_two():
    begin, end = {"value": "5", "context": BEGIN}, {"value": "9", "context": END}
    assert sampled([at(begin, end)]) == [(START, BEGIN, "energy", 5), (START, END, "energy", 9)]


# --- phases -------------------------------------------------------------------------------------------------


def phases(fields, *values, names=("L1", "L2", "L3")):
    return [fields | {"phase": name, "value": value} for name, value in zip(names, values, strict=False)]


@pytest.mark.parametrize(
    ("fields", "values", "expected"),
    [
        (POWER, (2300, 2310.5, 2290), ("power", 6900.5)),
        ({"unit": "kWh"}, ("1.1", "1.2", "1.3"), ("energy", 3600)),
        (CURRENT, (15.8, 16.1, 0), ("current", 16.1)),
        ({"measurand": "Voltage"}, (229, 231, 230), ("voltage", 231)),
        (POWER, (2300,), ("power", 2300)),
        ({"measurand": "Power.Offered", "unit": "kW"}, (7.4, 7.4, 7.4), ("power_offered", 22200)),
    ],
)
@pytest.mark.parametrize("names", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
def test_phases_make_one_value(fields, values, expected, names):
    assert read(*phases(fields, *values, names=names)) == [expected]


def test_the_total_wins():
    assert read(*phases(POWER, 1, 2, 3), POWER | {"value": 7}) == [("power", 7)]
    assert read(POWER | {"value": 7}, *phases(POWER, 1, 2, 3)) == [("power", 7)]


def test_of_values_that_are_told_again_the_last_counts():
    assert read({"value": 0}, {"value": 1244}) == [("energy", 1244)]
    assert read(*phases(POWER, 5, 6, names=("L1", "L1-N"))) == [("power", 6)]
    assert sampled([at({"value": 5}), at({"value": 6})]) == [(START, None, "energy", 6)]


def test_neutral_and_line_to_line_are_left_out():
    assert read(*phases(CURRENT, 9, 7, names=("N", "L1"))) == [("current", 7)]
    assert read(*phases({"measurand": "Voltage"}, 400, 230, names=("L1-L2", "L1-N"))) == [("voltage", 230)]


def test_phases_in_elements_of_their_own():
    elements = [at(value) for value in phases(POWER, 1, 2, 3)]
    assert sampled(elements) == [(START, None, "power", 6)]


# --- many ---------------------------------------------------------------------------------------------------


def test_times_and_measurands_stay_apart():
    later = "2026-11-22T10:15:30Z"
    found = sampled([at({"value": 1}, POWER | {"value": 2}), at({"value": 3}, time=later), at(time=later)])
    assert found == [
        (START, None, "energy", 1),
        (START, None, "power", 2),
        (START + 30 * SECOND, None, "energy", 3),
    ]


def test_no_time():
    assert sampled([{"sampledValue": [{"value": 5}]}]) == [(None, None, "energy", 5)]
    assert sampled([at({"value": 5}, time="soon")]) == [(None, None, "energy", 5)]


def test_one_bad_value_spoils_nothing_else():
    assert read({"value": "x"}, None, {"value": "5"}) == [("energy", 5)]


SAMPLED_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "value": JSON | st.sampled_from(["5", 7, 1e308, "1e999"]),
        "measurand": JSON | st.sampled_from([REGISTER, "Power.Active.Import", "SoC"]),
        "phase": JSON | st.sampled_from(["L1", "L2-N", "N"]),
        "unit": JSON | st.sampled_from(["Wh", "kW"]),
        "context": JSON | st.sampled_from([BEGIN, END]),
        "location": JSON | st.sampled_from(["Outlet", "EV"]),
        "format": JSON,
        "unitOfMeasure": JSON
        | st.fixed_dictionaries({}, optional={"unit": JSON, "multiplier": JSON | st.integers(-500, 500)}),
    },
)
METER_VALUES = JSON | st.lists(
    JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "timestamp": JSON | st.just(NOW),
            "sampledValue": JSON | st.lists(JSON | SAMPLED_VALUES, max_size=4),
        },
    ),
    max_size=3,
)


@given(METER_VALUES)
def test_any_value_is_read(meter_values):
    for time, moment, kind, value in sampled(meter_values):
        assert time is None or type(time) is int
        assert moment in (BEGIN, END, None)
        assert kind in UNITS
        assert type(value) is float
        assert isfinite(value)
