"""What the capture shows of a station's configuration. No rules: these learn what rules of others need."""

from typing import Final

from ocppscope.events import CALLRESULT, FROM_STATION, Message
from ocppscope.ocpp.configuration import ACTUAL, settings_told
from ocppscope.rules.registry import learns, on_answer, on_call
from ocppscope.rules.state import SessionState

CHOICES: Final = ".valuesList"
"""What is put behind a variable's name for the values that it may have."""
_LIMIT: Final = 5_000


@learns(on_call("NotifyReport"))
@learns(on_answer("GetConfiguration", "ChangeConfiguration", "GetVariables", "SetVariables"))
def learn_settings(event: Message, state: SessionState) -> None:
    """Keys (1.6) and variables (2.x) by name; those of one name are told apart by instance: `Name[Instance]`."""
    if event.direction != FROM_STATION or (event.type != CALLRESULT and event.call is not None):
        return
    known = state.station.configuration
    for one in settings_told(event):
        name = f"{one.name}[{one.instance}]" if one.instance else one.name
        if one.value is not None and one.attribute == ACTUAL and not one.is_pending:
            _remember(known, name, one.value)
        if one.choices is not None:
            _remember(known, name + CHOICES, one.choices)


def _remember(known: dict[str, str], name: str, value: str) -> None:
    if name in known or len(known) < _LIMIT:
        known[name] = value
