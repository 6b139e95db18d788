"""AUTH: who may charge, and what is said of them (section F of the catalogue)."""

from collections.abc import Iterator
from typing import Any, Final

from ocppscope.events import CALL, CALLRESULT, Message
from ocppscope.ocpp.configuration import settings_told
from ocppscope.ocpp.lenient import fields, identifier, items, text, told, whole
from ocppscope.ocpp.recent import Recent
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.versions import V2X, V16
from ocppscope.rules.expectations import look_again
from ocppscope.rules.gates import says_something
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Report,
    learns,
    on_answer,
    on_call,
    on_violation,
    rule,
)
from ocppscope.rules.sources import HEURISTIC, part_2
from ocppscope.rules.state import SessionState, StationState
from ocppscope.rules.tables.authorizations import ACCEPTED, Authorization, token_of
from ocppscope.rules.tables.transactions import LOCAL, WITH_TOKEN, Transaction
from ocppscope.rules.waiting import is_held_up, misses_messages

_SOON: Final = 120
"""Seconds within which a transaction that is not allowed has ended."""

# --- what is remembered ---

_ASKED: Final = "AUTH-003 asked"
_REMOTE: Final = "AUTH-003 remote"
_TOKENS: Final = 500


@learns(on_call("Authorize"))
def learn_asked(event: Message, state: SessionState) -> None:
    token = token_of(fields(event.payload))
    if token is not None:
        _remember(state.station, _ASKED, token, event)


@learns(on_call("RemoteStartTransaction", "RequestStartTransaction"))
def learn_remote(event: Message, state: SessionState) -> None:
    token = token_of(fields(event.payload))
    if token is not None:
        _remember(state.station, _REMOTE, token, event)


def _remember(station: StationState, what: str, token: str, event: Message) -> None:
    known: Recent[str, Message] | None = station.noted.get(what)
    if known is None:
        known = station.noted[what] = Recent(_TOKENS)
    known.pop(token, None)  # so that it is remembered from now
    known[token] = event


def _noted(station: StationState, what: str, token: str) -> Message | None:
    known: Recent[str, Message] | None = station.noted.get(what)
    return known.get(token) if known is not None else None


def _began_offline(state: SessionState, time: int | None) -> bool:
    """Whether something is older than the session: then it could not be authorized by the CSMS."""
    opened = state.opened
    return opened is not None and opened.time is not None and time is not None and time < opened.time


_CLOCKS_DIFFER: Final = 5 * SECOND


def _is_older(made: int | None, time: int | None) -> bool:
    """Whether what a message tells of was over before something else happened: it waited in the station's queue."""
    return made is not None and time is not None and made < time - _CLOCKS_DIFFER


# --- the token itself ---


@rule(
    "AUTH-001",
    "An idTag is too long",
    ERROR,
    on_violation(),
    source="OCPP 1.6 §7.28; errata 3.58, 3.74",
    hint="an idTag has at most 20 characters, and upper and lower case are the same",
    versions=(V16,),
)
def long_tag(event: Message, state: SessionState) -> list[Report]:
    return [
        Report(
            f"{event.action} has {_A[name]} of {len(one.value)} characters, at most 20 are allowed",
            f"{event.action} {name}",
        )
        for one in event.violations
        if one.keyword == "maxLength"
        and type(one.value) is str
        and (name := one.pointer.rpartition("/")[2]) in _A
    ]


_A: Final = {"idTag": "an idTag", "parentIdTag": "a parentIdTag"}


@rule(
    "AUTH-008",
    "A token of type NoAuthorization is not empty",
    ERROR,
    on_call("Authorize", "RequestStartTransaction", "ReserveNow"),
    on_call("TransactionEvent", gate=WITH_TOKEN),
    source=part_2("C02.FR.01"),
    hint='a start button identifies nobody: send idToken "" with type NoAuthorization',
    versions=V2X,
)
def token_of_nobody(event: Message, state: SessionState) -> Report | None:
    token = event.payload.get("idToken") if type(event.payload) is dict else None
    if type(token) is not dict or token.get("type") != "NoAuthorization":
        return None
    name = text(token.get("idToken"))
    return (
        Report(f"{event.action} has NoAuthorization with the idToken {name[:36]!r}", str(event.action))
        if name
        else None
    )


@rule(
    "AUTH-009",
    "NoAuthorization was not accepted",
    ERROR,
    on_answer("TransactionEvent", gate=says_something),
    source=part_2("C02.FR.02"),
    hint="the CSMS answers a token of type NoAuthorization with Accepted: it is the station that lets anybody charge",
    needs="exchange",
    versions=V2X,
)
def nobody_refused(event: Message, state: SessionState) -> Report | None:
    info = event.payload.get("idTokenInfo") if type(event.payload) is dict else None
    if type(info) is not dict or event.call is None:
        return None
    token = fields(fields(event.call.payload).get("idToken"))
    status = text(info.get("status"))
    if token.get("type") != "NoAuthorization" or status in (None, ACCEPTED):
        return None
    return Report(
        f"a transaction without authorization was answered {status}", str(status), events=(event.call.n,)
    )


@rule(
    "AUTH-010",
    "Authorize for a token that the CSMS has sent itself",
    ERROR,
    on_call("Authorize"),
    source=part_2("C03.FR.01"),
    hint="a token of type Central came with RequestStartTransaction: start without asking",
    needs="session",
    versions=V2X,
)
def central_token(event: Message, state: SessionState) -> Report | None:
    payload = fields(event.payload)
    token = token_of(payload)
    if token is None or fields(payload.get("idToken")).get("type") != "Central":
        return None
    request = _noted(state.station, _REMOTE, token)
    if request is None or fields(fields(request.payload).get("idToken")).get("type") != "Central":
        return None
    return Report(
        f"Authorize for {_shown(token)} of type Central, which RequestStartTransaction told",
        events=(request.n,),
    )


def _shown(token: str) -> str:
    return token if len(token) <= 40 else f"{token[:40]}…"


@rule(
    "AUTH-011",
    "What is said of a token contradicts itself",
    WARNING,
    on_answer("Authorize", "StartTransaction", "StopTransaction", "TransactionEvent", gate=says_something),
    source=part_2("C01.FR.10, C01.FR.11", "§7.27"),
    hint="give language1 before language2, and two different ones; accept no token that has expired",
    needs="exchange",
)
def contradiction(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    info = payload.get("idTokenInfo") or payload.get("idTagInfo")
    if type(info) is not dict:
        return None
    if event.session.version == V16:
        return _accepted_expired(event, info)
    second, first = info.get("language2"), info.get("language1")
    if type(second) is not str:
        return None
    if first is None:
        return Report(f"idTokenInfo has language2 {second[:20]!r} without language1", "language1")
    if type(first) is str and first.lower() == second.lower():
        return Report(f"language1 and language2 are both {second[:20]!r}", "language2")
    return None


def _accepted_expired(event: Message, info: dict[str, Any]) -> Report | None:
    """1.6: the date is when a cached entry ends; a tag that ended long ago would be Expired."""
    time = told(info.get("expiryDate"))
    if time is None or event.time is None or info.get("status") != ACCEPTED:
        return None
    if event.time - time < _A_DAY * SECOND:
        return None
    days = (event.time - time) // (_A_DAY * SECOND)
    return Report(f"idTagInfo is Accepted, but its expiryDate was {days} days ago", "expiryDate", INFO)


_A_DAY: Final = 86_400

# --- starting ---


@rule(
    "AUTH-002",
    "A transaction was started with a token that was refused",
    WARNING,
    on_call("StartTransaction"),
    source="OCPP 1.6 §4.1",
    hint="after a refusal the station starts nothing with this token, unless a local list or a remote start allows it",
    needs="session",
    versions=(V16,),
)
def started_though_refused(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    token = token_of(payload) if type(payload) is dict else None
    known = state.station.authorizations.get(token) if token is not None else None
    if token is None or known is None or known.status == ACCEPTED or known.action != "Authorize":
        return None
    started, opened = told(payload.get("timestamp")), state.opened
    remote = _noted(state.station, _REMOTE, token)
    if (
        opened is None
        or known.n < opened.n
        or _began_offline(state, started)
        or _is_older(started, known.time)
        or state.station.deliveries.again(event) is not None
        or (remote is not None and remote.n > known.n)
    ):
        return None
    return Report(
        f"StartTransaction with {_shown(token)}, though Authorize was answered {known.status}",
        _shown(token),
        events=(known.n,),
    )


@rule(
    "AUTH-003",
    "A transaction was started without Authorize",
    INFO,
    on_call("StartTransaction"),
    source="OCPP 1.6 §4.1, §3.5; AuthorizeRemoteTxRequests",
    hint="legal where a local list, the cache or the station itself knows the token; see LocalPreAuthorize",
    needs="start",
    versions=(V16,),
)
def started_without_asking(event: Message, state: SessionState) -> Report | None:
    token = _started_unasked(event, state)
    return (
        Report(f"StartTransaction with {_shown(token)}, for which no Authorize was sent") if token else None
    )


def _started_unasked(event: Message, state: SessionState) -> str | None:
    """The token that a transaction was started with, if nothing in the capture allowed it."""
    payload, station = event.payload, state.station
    if type(payload) is not dict:
        return None
    token = token_of(payload)
    if token is None or state.is_partial or _noted(station, _ASKED, token) or _noted(station, _REMOTE, token):
        return None
    known = station.authorizations.get(token)
    if known is not None and known.action == "SendLocalList":
        return None
    if station.deliveries.again(event) is not None:
        return None  # it was told when it was sent first
    return None if _began_offline(state, told(payload.get("timestamp"))) else token


@rule(
    "AUTH-012",
    "No Authorize for a token that the station cannot know",
    INFO,
    on_call("StartTransaction"),
    on_call("TransactionEvent", gate=WITH_TOKEN),
    source=part_2("C01.FR.02, C10.FR.03", "§3.5, §4.1"),
    hint="where neither a cache nor a local list knows a token, the station asks the CSMS with Authorize",
    needs="session",
)
def cannot_know(event: Message, state: SessionState) -> Report | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    if event.action == "TransactionEvent":
        asked = payload.get("idToken")
        if (
            type(asked) is not dict
            or text(asked.get("type")) in _NEEDS_NO_CSMS
            or payload.get("offline") is True
        ):
            return None
        if payload.get("eventType") != "Started" and payload.get("triggerReason") != "Authorized":
            return None
        if fields(payload.get("transactionInfo")).get("remoteStartId") is not None:
            return None
    station = state.station
    if _CACHE not in station.noted and "AuthorizationCacheEnabled" not in station.configuration:
        return None
    token = _started_unasked(event, state)
    if token is None:
        return None
    why = _unknowable(station, station.authorizations.get(token))
    return Report(f"{event.action} with {_shown(token)} without Authorize, though {why}") if why else None


_NEEDS_NO_CSMS: Final = frozenset({"NoAuthorization", "Central", "DirectPayment"})

_CACHE: Final = "AUTH-012 cache"
"""False: there is none; else the number of the answer that it was cleared with."""
_LIST: Final = "AUTH-012 list"
"""False: there is none, or it is empty."""


def _unknowable(station: StationState, known: Authorization | None) -> str | None:
    """Why neither the cache nor the local list can hold a token; None where one of them may."""
    cache = station.noted.get(_CACHE)
    if station.flag("AuthorizationCacheEnabled") is False:
        cache = False
    has_list = station.noted.get(_LIST)
    if station.flag("LocalAuthListEnabled") is False:
        has_list = False
    if has_list is not False or cache is None or cache is True:
        return None
    if cache is False:
        return "the cache is off and there is no local list"
    if known is not None and known.n > cache:
        return None
    return "the cache has been cleared since and there is no local list"


@learns(on_answer("ClearCache", "SendLocalList", "GetLocalListVersion"))
def learn_lists(event: Message, state: SessionState) -> None:
    if event.type != CALLRESULT:
        return
    noted, payload = state.station.noted, fields(event.payload)
    if event.action == "ClearCache":
        if payload.get("status") == ACCEPTED and noted.get(_CACHE) is not False:
            noted[_CACHE] = event.n
    elif event.action == "GetLocalListVersion":
        version = whole(payload.get("listVersion", payload.get("versionNumber")))
        noted[_LIST] = version is None or version > 0
    elif payload.get("status") == ACCEPTED and event.call is not None:
        asked = fields(event.call.payload)
        is_empty = asked.get("updateType") == "Full" and not asked.get("localAuthorizationList")
        noted[_LIST] = not is_empty


@learns(on_answer("GetVariables", "SetVariables"))
@learns(on_call("NotifyReport"))
def learn_controllers(event: Message, state: SessionState) -> None:
    """2.x: whether there is a cache and a local list at all."""
    if event.type not in (CALL, CALLRESULT):
        return
    for one in settings_told(event):
        place = one.place
        if place is None or one.name != "Enabled" or one.is_pending or one.value is None:
            continue
        what = _CONTROLLERS.get(place.component.lower())
        if what is not None:
            state.station.noted[what] = one.value.lower() != "false"


_CONTROLLERS: Final = {"authcachectrlr": _CACHE, "localauthlistctrlr": _LIST}


@rule(
    "AUTH-013",
    "One token in two transactions at once",
    WARNING,
    on_answer("StartTransaction", "TransactionEvent", gate=says_something),
    source=part_2("AuthorizationStatusEnumType", "§7.2"),
    hint="the CSMS answers ConcurrentTx, unless it means to allow several transactions for this token",
    needs="session",
)
def concurrent(event: Message, state: SessionState) -> Report | None:
    payload, call = event.payload, event.call
    if type(payload) is not dict or call is None:
        return None
    info = payload.get("idTokenInfo") or payload.get("idTagInfo")
    if type(info) is not dict or info.get("status") != ACCEPTED:
        return None
    asked = fields(call.payload)
    token = token_of(asked)
    if token is None or text(fields(asked.get("idToken")).get("type")) in _NEEDS_NO_CSMS:
        return None
    transactions = state.station.transactions
    if event.action == "StartTransaction":
        here = transactions.starting.get(call.n)
    elif asked.get("eventType") == "Started":
        here = transactions.find(identifier(fields(asked.get("transactionInfo")).get("transactionId")))
    else:
        return None
    if here is None:
        return None
    for other in transactions.at.values():
        if other is here or other.token != token or other.place == here.place:
            continue
        if other.start is not None and misses_messages(state, other.start.n):
            continue  # it may have ended
        if other.is_open and other.id is not None and other.status in (None, ACCEPTED):
            return Report(
                f"{_shown(token)} was Accepted while transaction {other.id} runs with it elsewhere",
                _shown(token),
                # It may be allowed for this token, or be one that stands for everybody.
                {"strict": WARNING, "field": INFO},
                tuple(message.n for message in (other.start, call) if message is not None),
            )
    return None


# --- ending ---


@rule(
    "AUTH-004",
    "A transaction that was refused goes on",
    WARNING,
    on_answer("StartTransaction", gate=says_something),
    source="OCPP 1.6 §4.8; errata 3.17",
    hint="with StopTransactionOnInvalidId the station stops at once, with the reason DeAuthorized",
    needs="session",
    versions=(V16,),
)
def refused_goes_on(event: Message, state: SessionState) -> None:
    call, status = event.call, fields(fields(event.payload).get("idTagInfo")).get("status")
    if status == ACCEPTED or call is None or text(status) is None:
        return
    one = state.station.transactions.starting.get(call.n)
    if one is None or state.station.flag("StopTransactionOnInvalidId") is not True:
        return
    if state.station.number("MaxEnergyOnInvalidId"):
        return  # so that the car can drive away
    waited = 0 if event.time is None or call.time is None else (event.time - call.time) / SECOND

    def verdict() -> Report | None:
        if not one.is_open or one.status == ACCEPTED or is_held_up(state, event):
            return None
        return Report(
            f"transaction {one.id} was answered {status}, but was not stopped within {_SOON} s, "
            "though StopTransactionOnInvalidId is true",
            f"connector {one.place[1]}",
            events=(call.n, event.n),
        )

    look_again(state, "AUTH-004", call.n, waited + _SOON, verdict, call)


@rule(
    "AUTH-005",
    "Authorize for the token that the transaction was started with",
    ERROR,
    on_call("StopTransaction"),
    source="OCPP 1.6 §4.1",
    hint="the token that started a transaction may stop it: send StopTransaction without asking",
    needs="session",
    versions=(V16,),
)
def asked_to_stop(event: Message, state: SessionState) -> Report | None:
    payload, station = event.payload, state.station
    if type(payload) is not dict or payload.get("reason", LOCAL) != LOCAL:
        return None
    token, one = token_of(payload), _stopped(payload, station)
    if token is None or one is None or one.start is None or one.token != token:
        return None
    asked = _noted(station, _ASKED, token)
    if asked is None or asked.n < one.start.n or asked.session is not event.session:
        return None
    if event.time is None or asked.time is None or event.time - asked.time > _TO_STOP * SECOND:
        return None
    if _is_older(told(payload.get("timestamp")), asked.time):
        return None  # it was for the next transaction
    if _is_used_elsewhere(station, token, one):
        return None
    surely = _has_one_connector(station) and not state.is_partial
    return Report(
        f"Authorize for {_shown(token)} before the StopTransaction of transaction {one.id}, which it has started",
        _shown(token),
        None if surely else WARNING,  # it may have been for another connector
        (asked.n, one.start.n),
    )


_TO_STOP: Final = 30
"""Seconds from a token that is presented to the end of its transaction."""


def _has_one_connector(station: StationState) -> bool:
    """Whether the capture shows that a station has no more: by its configuration, or by what it told after a boot."""
    told_of = sum(1 for evse, connector in station.connectors if evse is None and connector)
    counted = station.number("NumberOfConnectors")
    if counted is None and station.registration.accepted is not None:
        counted = told_of
    return counted == 1 and told_of <= 1


def _stopped(payload: dict[str, Any], station: StationState) -> Transaction | None:
    """The transaction that a StopTransaction is about to end."""
    identity = identifier(payload.get("transactionId"))
    return station.transactions.open.get(identity) if identity is not None else None


def _is_used_elsewhere(station: StationState, token: str, one: Transaction) -> bool:
    """Whether the token is, or may be meant, for another transaction too."""
    return any(other is not one and other.token == token for other in station.transactions.at.values())


@rule(
    "AUTH-006",
    "A transaction was stopped by a token of another group",
    WARNING,
    on_call("StopTransaction"),
    source="OCPP 1.6 §3.10, §4.10",
    hint="only the token that started a transaction, or one with the same parentIdTag, may stop it",
    needs="session",
    versions=(V16,),
)
def stopped_by_another(event: Message, state: SessionState) -> Report | None:
    payload, station = event.payload, state.station
    if type(payload) is not dict or payload.get("reason", LOCAL) != LOCAL:
        return None
    token, one = token_of(payload), _stopped(payload, station)
    if token is None or one is None or one.start is None or one.token is None or one.token == token:
        return None
    stopping, starting = station.authorizations.get(token), station.authorizations.get(one.token)
    if stopping is None or starting is None:
        return None
    groups = {group for group in (one.group, starting.group) if group is not None}
    # A tag may be its own parent, or the parent of the other.
    if stopping.group in groups or stopping.group == one.token or token in groups:
        return None
    first = (
        f"has the parentIdTag {', '.join(sorted(map(_shown, groups)))}" if groups else "has no parentIdTag"
    )
    second = f"has {_shown(stopping.group)}" if stopping.group else "has none"
    return Report(
        f"transaction {one.id} of {_shown(one.token)}, which {first}, was stopped by {_shown(token)}, which {second}",
        _shown(token),
        events=(one.start.n, stopping.n),
    )


@rule(
    "AUTH-007",
    "A transaction goes on though its token was refused",
    ERROR,
    on_answer("TransactionEvent", gate=says_something),
    source=part_2("E05.FR.09, E05.FR.10, C15.FR.03, C15.FR.04"),
    hint="with StopTxOnInvalidId the station stops the energy, or ends the transaction where TxStopPoint says so",
    needs="session",
    versions=V2X,
)
def refused_charges_on(event: Message, state: SessionState) -> None:
    info = event.payload.get("idTokenInfo") if type(event.payload) is dict else None
    if type(info) is not dict or info.get("status") == ACCEPTED or event.call is None:
        return
    status, asked, station = text(info.get("status")), fields(event.call.payload), state.station
    identity = identifier(fields(asked.get("transactionInfo")).get("transactionId"))
    one, token = station.transactions.find(identity), token_of(asked)
    if status is None or one is None or token is None or one.token != token:
        return  # another token was presented, to stop it perhaps
    allowed = station.number("MaxEnergyOnInvalidId")
    if station.flag("StopTxOnInvalidId") is not True or allowed:
        return

    def verdict() -> Report | None:
        if not one.is_open or one.missing or one.status == ACCEPTED or is_held_up(state, event):
            return None
        if one.charging_state != "Charging" or one.token != token:
            return None
        return Report(
            f"transaction {one.id} was answered {status}, but is still Charging {_SOON} s later, "
            "though StopTxOnInvalidId is true",
            f"transaction {one.id}",
            WARNING if allowed is None else None,  # some energy may be allowed all the same
            tuple(message.n for message in (event.call, one.latest) if message is not None),
        )

    look_again(state, "AUTH-007", identity, _SOON, verdict, event)


# --- what should not be read here ---


@rule(
    "AUTH-014",
    "A secret can be read in the capture",
    INFO,
    on_call(
        "ChangeConfiguration",
        "SetVariables",
        "SetNetworkProfile",
        "UpdateFirmware",
        "SignedUpdateFirmware",
        "PublishFirmware",
        "GetDiagnostics",
        "GetLog",
        "Authorize",
        "RequestStartTransaction",
        "ReserveNow",
        "NotifyReport",
    ),
    on_call("TransactionEvent", gate=WITH_TOKEN),
    on_answer("GetConfiguration", "GetVariables"),
    source=part_2("C04.FR.04") | {V16: HEURISTIC},
    hint="mask it before the capture is shared (ocppscope share does), and change it if others have it",
)
def readable_secret(event: Message, state: SessionState) -> list[Report] | None:
    payload = event.payload
    if type(payload) is not dict:
        return None
    action = event.action
    if action in _WITH_TOKEN:
        token = payload.get("idToken")
        if type(token) is not dict or token.get("type") != "KeyCode" or not text(token.get("idToken")):
            return None
        return [Report(f"{action} has an idToken of type KeyCode", "KeyCode")]
    return [
        Report(f"{action} shows {name[:50]}", name[:50]) for name in dict.fromkeys(_secrets(event, payload))
    ] or None


_WITH_TOKEN: Final = frozenset({"Authorize", "TransactionEvent", "RequestStartTransaction", "ReserveNow"})
_PLACES: Final = ("firmware", "log")
_URLS: Final = ("location", "remoteLocation")


def _secrets(event: Message, payload: dict[str, Any]) -> Iterator[str]:
    """What each secret of a message is called; never the secret."""
    if event.action in ("SetVariables", "ChangeConfiguration"):
        for entry in (payload, *map(fields, items(payload.get("setVariableData")))):
            name = text(entry.get("key")) or text(fields(entry.get("variable")).get("name"))
            value = text(entry.get("value")) or text(entry.get("attributeValue"))
            if name and _is_secret(name) and value and not _is_masked(value):
                yield name
    elif event.action in ("GetConfiguration", "GetVariables", "NotifyReport"):
        for setting in settings_told(event):
            if setting.value and _is_secret(setting.name) and not _is_masked(setting.value):
                yield setting.name
    elif event.action == "SetNetworkProfile":
        data = fields(payload.get("connectionData"))
        for place, name in _OF_NETWORK:
            if text((fields(data.get(place)) if place else data).get(name)):
                yield name
    else:
        for where in (payload, *(fields(payload.get(place)) for place in _PLACES)):
            for name in _URLS:
                if _has_password(where.get(name)):
                    yield f"a password in {name}"


_OF_NETWORK: Final = (("", "basicAuthPassword"), ("apn", "apnPassword"), ("vpn", "password"), ("vpn", "key"))
_ENDINGS: Final = ("password", "passwd", "passphrase", "authorizationkey", "apikey", "secret", "privatekey")


def _is_secret(name: str) -> bool:
    return name.lower().endswith(_ENDINGS)


def _is_masked(value: str) -> bool:
    return not value.strip("*•.xX")


def _has_password(url: Any) -> bool:
    """Whether a URL has `user:password@`."""
    if type(url) is not str:
        return False
    login, at, _ = url[:2_000].partition("://")[2].partition("/")[0].rpartition("@")
    return bool(at) and bool(login.partition(":")[2])
