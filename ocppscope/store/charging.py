"""Charging as rows of `transactions`, `connector_states` and `stations`, and back."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Final, TypeAlias

from ocppscope.ocpp.connectors import ConnectorState, StationInfo
from ocppscope.ocpp.transactions import Drained, Transaction
from ocppscope.store.sound import Row

_Row: TypeAlias = tuple[Any, ...]
_Columns: TypeAlias = Callable[[Any], _Row]

_TRANSACTION: Final = (
    "number station session version id evse connector id_token start stop meter_start meter_stop energy reason"
    " start_n stop_n"
).split()
_STATE: Final = "n", "station", "evse", "connector", "time", "status"
_STATION: Final = "station", "vendor", "model", "serial", "firmware"
_of_transaction: Final[_Columns] = attrgetter(*_TRANSACTION)
_of_state: Final[_Columns] = attrgetter(*_STATE)
_of_station: Final[_Columns] = attrgetter(*_STATION)


def statements(new: Drained, last: int) -> Iterator[tuple[str, list[_Row]]]:
    """What has to be written: the beginning of each statement, and its rows.

    Args:
        new: what is new since the last time.
        last: the number of the store's last event.
    """
    yield "INSERT OR REPLACE INTO transactions", [(*_of_transaction(one), last) for one in new.transactions]
    yield "INSERT INTO connector_states", list(map(_of_state, new.connector_states))
    yield "INSERT OR REPLACE INTO stations", list(map(_of_station, new.stations))


def transaction_of(row: Row) -> Transaction:
    """The transaction of a row."""
    return Transaction(*(row[name] for name in _TRANSACTION))


def station_of(row: Row) -> StationInfo:
    """What a station told of itself."""
    return StationInfo(*(row[name] for name in _STATION))


def state_of(row: Row) -> ConnectorState:
    """A connector's status."""
    return ConnectorState(*(row[name] for name in _STATE))
