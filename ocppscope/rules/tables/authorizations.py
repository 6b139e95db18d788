"""What the CSMS said of each idTag (1.6) or idToken (2.x).

Sources: OCPP 1.6 edition 2 §4.1, §7.27 IdTagInfo; OCPP 2.0.1 and 2.1 part 2, functional block C, IdTokenInfoType.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ocppscope.events import CALLRESULT, Message
from ocppscope.ocpp.lenient import fields, text
from ocppscope.rules.gates import says_something
from ocppscope.rules.registry import learns, on_answer

if TYPE_CHECKING:
    from ocppscope.rules.state import SessionState

ACCEPTED: Final = "Accepted"
_LISTED: Final = "localAuthorizationList"


@dataclass(slots=True)
class Authorization:
    """The latest word on one token."""

    status: str
    """`Accepted`, `Blocked`, `ConcurrentTx`, `Expired`, `Invalid`, `Unknown` … as on the wire."""
    group: str | None
    """parentIdTag (1.6), groupIdToken (2.x), in lower case, as it was told last: it need not be told each time."""
    n: int
    """The number of the message that said so."""
    time: int | None
    action: str | None
    """What it was an answer to: `Authorize`, `StartTransaction`, `TransactionEvent`, `SendLocalList` …"""


def token_of(payload: dict[str, Any]) -> str | None:
    """The idTag or idToken of a message, in lower case: they are compared without regard to it."""
    found = text(payload.get("idTag"))
    if found is None and "idToken" in payload:
        found = text(fields(payload["idToken"]).get("idToken"))
    return found.lower() if found else None


def info_of(payload: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of the token."""
    info = payload.get("idTagInfo") or payload.get("idTokenInfo")
    return info if type(info) is dict else fields(payload.get("idTokenInfo"))


def group_of(info: dict[str, Any]) -> str | None:
    found = text(info.get("parentIdTag")) or text(fields(info.get("groupIdToken")).get("idToken"))
    return found.lower() if found else None


@learns(
    on_answer("Authorize", "StartTransaction", "StopTransaction", "TransactionEvent", gate=says_something)
)
def learn_authorization(event: Message, state: "SessionState") -> None:
    if event.type != CALLRESULT or event.call is None:
        return
    info = info_of(fields(event.payload))
    status = text(info.get("status"))
    token = token_of(fields(event.call.payload)) if status is not None else None
    if token is None or status is None:
        return
    authorizations = state.station.authorizations
    known = authorizations.get(token)
    group = group_of(info) if len(info) > 1 else None
    if known is None:
        authorizations[token] = Authorization(status, group, event.n, event.time, event.action)
        return
    known.status, known.group = status, group or known.group
    known.n, known.time, known.action = event.n, event.time, event.action
    if next(reversed(authorizations)) != token:  # so that it is remembered from now
        authorizations[token] = authorizations.pop(token)


@learns(on_answer("SendLocalList"))
def learn_local_list(event: Message, state: "SessionState") -> None:
    """Tokens of a list that the station took; those it was told to forget are forgotten."""
    if event.type != CALLRESULT or event.call is None:
        return
    if fields(event.payload).get("status") != ACCEPTED:
        return
    entries = fields(event.call.payload).get(_LISTED)
    for entry in entries if type(entries) is list else ():
        token, info = token_of(fields(entry)), info_of(fields(entry))
        status = text(info.get("status"))
        if token is None:
            continue
        known = state.station.authorizations.pop(token, None)
        if status is not None:
            group = group_of(info) or (known.group if known is not None else None)
            state.station.authorizations[token] = Authorization(
                status, group, event.n, event.time, event.action
            )
