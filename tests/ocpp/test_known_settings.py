from ocppscope.ocpp.known_settings import ANY_COMPONENT, configuration_keys, variable, variables

TYPES = {
    "boolean",
    "integer",
    "decimal",
    "string",
    "dateTime",
    "CSL",
    "JSON",
    "OptionList",
    "MemberList",
    "SequenceList",
}
UNITS = {"", "s", "Wh", "W", "A", "V", "Hz", "%", "bytes", "times", "Celsius"}


def test_every_setting_is_complete():
    for one in (*configuration_keys().values(), *variables().values()):
        assert one.type in TYPES, one.name
        assert one.unit in UNITS, one.name
        assert 10 < len(one.says) <= 100, one.name
        assert not one.says.endswith("."), one.name
        assert one.access in {"", "R", "W", "RW", "R or RW"}, one.name


def test_keys_say_whether_they_may_be_written():
    keys = configuration_keys()
    assert all(one.access for one in keys.values())
    assert keys["HeartbeatInterval"].unit == "s"
    assert (keys["NumberOfConnectors"].access, keys["NumberOfConnectors"].required) == ("R", True)


def test_a_variable_that_any_component_may_have():
    assert variable("Connector", "Problem") is variables()[ANY_COMPONENT, "Problem"]
    assert variable("TxCtrlr", "EVConnectionTimeOut").unit == "s"
    assert variable("TxCtrlr", "Homemade") is None
