import pytest

from ocppscope.ocpp.quantities import amount


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (12410, "Wh", "12.41 kWh"),
        (12.41, "kWh", "12.41 kWh"),
        (0.5, "MWh", "500.00 kWh"),
        (999, "W", "999 W"),
        (999.6, "W", "1.0 kW"),
        (7.2, "kW", "7.2 kW"),
        (0.15, "MW", "150.0 kW"),
        (-0.2, "W", "0 W"),
        (54, "Percent", "54 %"),
        (54.5, "%", "54.5 %"),
        (16, "A", "16 A"),
        (500, "mA", "500 mA"),
        (23.5, "Celsius", "23.5 Celsius"),
        (119, "s", "119 s"),
        (86_400 * 3, "s", "3.0 d"),
    ],
)
def test_amounts(value, unit, said):
    assert amount(value, unit) == said
