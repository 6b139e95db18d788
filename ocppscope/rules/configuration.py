"""What the capture shows of a station's configuration. No rules: these learn what rules of others need."""

from typing import Any

from ocppscope.events import CALLRESULT, Message
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.state import SessionState


@learns(on_call("BootNotification"))
def learn_boot(event: Message, state: SessionState) -> None:
    state.station.boot = event.payload


@learns(on_answer("GetConfiguration"))
def learn_configuration(event: Message, state: SessionState) -> None:
    """1.6: the keys that were asked for."""
    for entry in _items(event.payload, "configurationKey"):
        _remember(state, entry.get("key"), entry.get("value"))


@learns(on_answer("ChangeConfiguration"))
def learn_change(event: Message, state: SessionState) -> None:
    """1.6: a key that was set."""
    if event.type == CALLRESULT and event.call and isinstance(event.payload, dict):
        asked = event.call.payload
        if event.payload.get("status") == "Accepted" and isinstance(asked, dict):
            _remember(state, asked.get("key"), asked.get("value"))


@learns(on_answer("GetVariables"))
def learn_variables(event: Message, state: SessionState) -> None:
    """2.x: the variables that were asked for."""
    for entry in _items(event.payload, "getVariableResult"):
        _remember(state, _name(entry), entry.get("attributeValue"))


@learns(on_answer("SetVariables"))
def learn_set_variables(event: Message, state: SessionState) -> None:
    """2.x: the variables that were set."""
    asked = _items(event.call.payload, "setVariableData") if event.call else []
    for entry, result in zip(asked, _items(event.payload, "setVariableResult"), strict=False):
        if result.get("attributeStatus") == "Accepted":
            _remember(state, _name(entry), entry.get("attributeValue"))


def _items(payload: Any, name: str) -> list[dict[str, Any]]:
    items = payload.get(name) if isinstance(payload, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _name(entry: dict[str, Any]) -> Any:
    variable = entry.get("variable")
    return variable.get("name") if isinstance(variable, dict) else None


_LIMIT = 5_000


def _remember(state: SessionState, key: Any, value: Any) -> None:
    known = state.station.configuration
    if isinstance(key, str) and isinstance(value, str) and len(known) < _LIMIT:
        known[key] = value
