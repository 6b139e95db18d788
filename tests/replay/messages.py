"""Messages as a script has them, for the tests."""

from ocppscope.events import (
    CALL,
    CALLERROR,
    CALLRESULT,
    FROM_CSMS,
    FROM_STATION,
    SEND,
    Message,
    RpcError,
    Session,
)

SECOND = 1_000_000_000
RECORDED = 1_700_000_000 * SECOND
NOW = RECORDED + 1_000_000 * SECOND
SESSION = Session(1)


def call(action, payload, n=1, time=RECORDED, direction=FROM_STATION, kind=CALL):
    return Message(SESSION, time, direction, kind, str(n), action, payload, "", n)


def send(action, payload, n=1):
    return call(action, payload, n, kind=SEND)


def answer(action, payload, n=2, time=RECORDED):
    return call(action, payload, n, time, FROM_CSMS, CALLRESULT)


def error(action, code, description="", details=None, n=2):
    wrong = RpcError(code, description, details or {})
    return Message(SESSION, RECORDED, FROM_CSMS, CALLERROR, str(n), action, None, "", n, wrong)
