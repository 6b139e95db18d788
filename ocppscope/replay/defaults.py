"""What a side that we play answers to a Call that its capture never saw.

A played station does nothing, and says so: it refuses what it would have to do, in the words that the action has
for that, and accepts what costs nothing. A played CSMS takes what it is told, and refuses what would need a back
office. Choices stand in the tables below; the rest of an answer follows from its schema.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ocppscope.events import CALLRESULT, FROM_CSMS, FROM_STATION, Direction
from ocppscope.ocpp.actions import senders_of
from ocppscope.ocpp.schemas import fits, schema, validator
from ocppscope.ocpp.times import MILLISECOND, timestamp
from ocppscope.ocpp.versions import V16
from ocppscope.replay.script import Side

Schema: TypeAlias = dict[str, Any]

INTERVAL: Final = 300
"""Seconds between heartbeats."""

_PEER: Final[Mapping[Side, Direction]] = {"station": FROM_CSMS, "csms": FROM_STATION}

_ACCEPTING: Final = ("UnknownVendorId", "Accepted")
_REFUSING: Final = (
    "UnknownVendorId", "NotSupported", "NotImplemented", "NoProfiles", "NoTariff", "NoFirmware", "NotFound",
    "Unknown", "UnknownComponent", "Rejected", "UnlockFailed", "Failed",
)  # fmt: skip
_FAILING: Final = ("Rejected", "Failed")
"""Statuses in the order in which they are preferred: the first that an action has is answered."""

_COSTS_NOTHING: Final = frozenset({"ClearCache", "NotifyAllowedEnergyTransfer"})
"""What a station accepts: it has no cache, and takes notice."""
_NEEDS_BACK_OFFICE: Final = frozenset(
    """
    Get15118EVCertificate GetCertificateChainStatus GetCertificateStatus NotifyEVChargingNeeds
    PullDynamicScheduleUpdate SignCertificate VatNumberValidation
    """.split()
)
"""What a CSMS refuses: it signs nothing, asks nobody, and computes no schedules."""

_EACH: Final[Mapping[str, tuple[str, str, str]]] = {
    "ClearTariffs": ("clearTariffsResult", "tariffIds", "tariffId"),
    "ClearVariableMonitoring": ("clearMonitoringResult", "id", "id"),
    "GetCertificateChainStatus": ("certificateStatus", "certificateStatusRequests", ""),
    "GetVariables": ("getVariableResult", "getVariableData", ""),
    "SetVariableMonitoring": ("setMonitoringResult", "setMonitoringData", ""),
    "SetVariables": ("setVariableResult", "setVariableData", ""),
}
"""Answers with a result for each thing asked for: the field of the answer, that of the Call, and the name that an
item of the Call has in the result where it is a scalar. What is asked for is repeated in its result."""
_ALSO_REPEATED: Final = ("attributeType", "tariffId")
"""Of what a result need not have."""

_Extra: TypeAlias = Callable[[Any, int], dict[str, Any]]
"""Fields from the Call's payload and the time."""


def _unknown_keys(payload: Any, _: int) -> dict[str, Any]:
    return {"configurationKey": [], "unknownKey": _items(payload, "key")}


def _transaction(_: Any, now: int) -> dict[str, Any]:
    # Unlike those before for 24 days, in 31 bits.
    return {"transactionId": now // MILLISECOND % ((1 << 31) - 1) + 1}


def _token_info(payload: Any, _: int) -> dict[str, Any]:
    """A token is answered wherever it is presented (2.x part 2, E and C: TransactionEvent with an idToken)."""
    has_token = isinstance(payload, dict) and "idToken" in payload
    return {"idTokenInfo": {"status": "Accepted"}} if has_token else {}


def _vat_number(payload: Any, _: int) -> dict[str, Any]:
    repeated = payload if isinstance(payload, dict) else {}
    return {name: repeated[name] for name in ("vatNumber", "evseId") if name in repeated}


_EXTRA: Final[Mapping[str, _Extra]] = {
    "BootNotification": lambda _, __: {"interval": INTERVAL},
    "GetConfiguration": _unknown_keys,
    "StartTransaction": _transaction,
    "TransactionEvent": _token_info,
    "VatNumberValidation": _vat_number,
}
_NO_LIST: Final = {"listVersion": -1}
"""There is no local list (1.6 §5.10); in 2.x that is version 0, as of an empty one (D02)."""


def default_answer(version: str, action: str, payload: Any, side: Side, now: int) -> Any:
    """The payload of an answer that fits its schema.

    Args:
        version: OCPP version.
        action: of the Call.
        payload: of the Call, whatever it is.
        side: the one that is played: it answers.
        now: nanoseconds since the epoch.

    Returns:
        None for what the peer cannot ask in this version: `NotImplemented` is the answer then.
    """
    if _PEER[side] not in senders_of(version, action):
        return None
    root, check = schema(version, CALLRESULT, action), validator(version, CALLRESULT, action)
    if root is None or check is None:
        return None  # a Send
    maker = _Maker(root, _preferred(side, action), _text_of(now))
    answer = maker.answer(version, action, payload, now)
    # What is repeated of a Call that is wrong may be wrong in the answer.
    return answer if fits(check, answer) else maker.answer(version, action, {}, now)


def _preferred(side: Side, action: str) -> tuple[str, ...]:
    if side == "csms":
        return _FAILING if action in _NEEDS_BACK_OFFICE else _ACCEPTING
    return _ACCEPTING if action in _COSTS_NOTHING else _REFUSING


def _text_of(now: int) -> str:
    """RFC 3339 in UTC, with milliseconds: as many digits as 2.x allows."""
    return f"{(timestamp(now) or '')[:23]}Z"


class _Maker:
    """Makes values that fit a schema, with the first status of a preference."""

    def __init__(self, root: Schema, preferred: tuple[str, ...], now: str) -> None:
        self._root = root
        self._preferred = preferred
        self._now = now

    def answer(self, version: str, action: str, payload: Any, now: int) -> dict[str, Any]:
        answer: dict[str, Any] = self._made(self._root)
        if action in _EACH:
            field, asked, name = _EACH[action]
            item = self._root["properties"][field]["items"]
            each = [self._result(item, {name: one} if name else one) for one in _items(payload, asked)]
            answer[field] = each or answer[field]
        if action in _EXTRA:
            answer |= _EXTRA[action](payload, now)
        if action == "GetLocalListVersion" and version == V16:
            answer |= _NO_LIST
        return answer

    def _result(self, node: Schema, asked: Any) -> Any:
        """The result for one thing asked for."""
        names = {*self._resolved(node)["required"], *_ALSO_REPEATED}
        fields = asked if isinstance(asked, dict) else {}
        return self._made(node) | {name: value for name, value in fields.items() if name in names}

    def _made(self, node: Schema) -> Any:
        node = self._resolved(node)
        if "enum" in node:
            return next((one for one in self._preferred if one in node["enum"]), node["enum"][0])
        if node.get("format") == "date-time":
            return self._now
        return _OF_TYPE[node["type"]](self, node)

    def object(self, node: Schema) -> dict[str, Any]:
        return {name: self._made(node["properties"][name]) for name in node.get("required", ())}

    def array(self, node: Schema) -> list[Any]:
        return [self._made(node["items"]) for _ in range(node.get("minItems", 0))]

    def _resolved(self, node: Schema) -> Schema:
        while "$ref" in node:
            node = self._root["definitions"][node["$ref"].rpartition("/")[2]]
        return node


_OF_TYPE: Final[Mapping[str, Callable[[_Maker, Schema], Any]]] = {
    "object": _Maker.object,
    "array": _Maker.array,
    "string": lambda _, node: "-" * node.get("minLength", 0),
    "integer": lambda _, node: int(node.get("minimum", 0)),
    "number": lambda _, node: int(node.get("minimum", 0)),
    "boolean": lambda _, __: False,
}


def _items(payload: Any, field: str) -> list[Any]:
    """An array in a payload; empty where it is none."""
    items = payload.get(field) if isinstance(payload, dict) else None
    return items if isinstance(items, list) else []
