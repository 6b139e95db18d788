"""Signed meter values: what was found, whether the signatures are right, and what does not fit together.

One assembler for each station does the work, once for a message, whichever of the rules asks first.
"""

from collections.abc import Iterator
from typing import Final

from ocppscope.events import Closed, Event, Message
from ocppscope.ocpp.signed.records import INVALID, NOT_VERIFIABLE
from ocppscope.ocpp.signed.verdicts import (
    Assembler,
    Drained,
    SignedTransaction,
    SignedValue,
    described,
    has_signed,
    may_concern,
)
from ocppscope.rules.registry import (
    ERROR,
    INFO,
    WARNING,
    Report,
    learns,
    on_answer,
    on_call,
    on_event,
    rule,
)
from ocppscope.rules.state import SessionState
from ocppscope.rules.tables.meters import remarks

_SOURCE: Final = "OCA, Signed Meter Values in OCPP, §3.2 and §4.2"
_MOST: Final = 20
"""Reports of one rule on one message."""


class Signed:
    """What the rules keep of a station."""

    __slots__ = ("assembler", "event", "has_values", "news")

    def __init__(self, assembler: Assembler) -> None:
        self.assembler = assembler
        self.has_values = False
        """The station has sent a signed value: until then its transactions are of no concern."""
        self.event: Event | None = None
        """The last that the assembler took."""
        self.news: Drained | None = None
        """What was new then."""


@learns(on_call("StartTransaction", "NotifyReport", "MeterValues", "TransactionEvent", "StopTransaction"))
@learns(
    on_answer("StartTransaction", "GetConfiguration", "ChangeConfiguration", "GetVariables", "SetVariables")
)
def _news(event: Event, state: SessionState) -> Drained | None:
    """What a station's assembler makes of an event; None, as a rule, for nothing. A gate that learns too.

    Most messages have nothing signed, and six functions ask: that is the path to keep short.
    """
    signed: Signed | None = state.station.signed
    if signed is None:
        signed = state.station.signed = Signed(Assembler(state.station.meter_keys))
    if signed.event is not event:
        signed.event = event
        signed.news = None
        if type(event) is not Message or _is_for(signed, event, state):
            signed.assembler.feed(event)
            if not signed.assembler.is_quiet:
                signed.news = signed.assembler.drain()
    return signed.news


_OF_TRANSACTIONS: Final = frozenset(
    {"MeterValues", "StartTransaction", "StopTransaction", "TransactionEvent"}
)


def _is_for(signed: Signed, event: Message, state: SessionState) -> bool:
    """Whether a message is for the assembler. With the first signed value it gets what runs by then."""
    if event.action not in _OF_TRANSACTIONS or (signed.has_values and event.action != "MeterValues"):
        return may_concern(event)
    if event.action == "StartTransaction":
        return False
    remarks(event, state)
    if not (state.station.meters.may_be_signed and has_signed(event)):
        return False
    if signed.has_values:
        return True
    signed.has_values = True
    known = state.station.transactions
    running = [
        one for one in (*known.running(), *known.ended.values()) if one.stop is None or one.stop is event
    ]
    begun = [message for one in running for message in (one.start, one.start_answer or one.latest) if message]
    for _, message in sorted({message.n: message for message in begun}.items()):
        if message.action == "StartTransaction":
            signed.assembler.feed(message)
    return True


_VALUES: Final = on_call("MeterValues", "TransactionEvent", "StopTransaction", gate=_news)
"""Messages with which something signed is new."""


@rule(
    "MV-018",
    "Signed meter values",
    INFO,
    _VALUES,
    source=_SOURCE,
    hint="verdicts by a key in the message say that it belongs to the data, not to the meter: give the meter's "
    "with --public-key",
)
def signed_value(event: Message, state: SessionState) -> Iterator[Report] | None:
    news = _news(event, state)
    return None if news is None else _told(news)


def _told(news: Drained) -> Iterator[Report]:
    for value in news.values:
        verdict, record = value.judgement.verdict, value.found.record
        subject = f"{record.format if record else 'unread'} {verdict}"
        if verdict == NOT_VERIFIABLE:
            subject += f" {value.judgement.reason[:60]}"
        detail = described(value.found, value.judgement)
        yield Report(f"signed values: {{amount}}, such as {detail}", subject, events=(value.n,), amount=1)
    if news.left_out:
        yield Report(
            "{amount} signed values of one message were not looked at", "left out", amount=news.left_out
        )


@rule(
    "MV-020",
    "A signature is not valid",
    ERROR,
    _VALUES,
    source="OCMF 1.x, Signing and Verification Process; OCA, Signed Meter Values in OCPP, §2.2",
    hint="the data were changed after they were signed, were put together anew, or the key is another meter's",
)
def invalid_signature(event: Message, state: SessionState) -> Iterator[Report] | None:
    news = _news(event, state)
    return None if news is None else _invalid(news)


def _invalid(news: Drained) -> Iterator[Report]:
    for value in news.values:
        if value.judgement.verdict == INVALID:
            detail = f"the signature{_of(value)} is not valid: {value.judgement.reason}"
            yield Report(detail, value.judgement.reason[:60], events=(value.n,))


def _of(value: SignedValue) -> str:
    return f" of {value.context}" if value.context in ("Transaction.Begin", "Transaction.End") else ""


@rule(
    "MV-021",
    "A signed reading and an unsigned one differ",
    WARNING,
    _VALUES,
    source="heuristic",
    hint="what is billed must be what was signed: take the unsigned value from the same register, at the same time",
)
def differing_readings(event: Message, state: SessionState) -> Iterator[Report] | None:
    news = _news(event, state)
    return None if news is None else _differing(news)


def _differing(news: Drained) -> Iterator[Report]:
    for value in news.values:
        for how in value.differences[:_MOST]:
            kind = "time" if "time" in how else "value"
            yield Report(how, kind, events=(value.n,))
    for known, how in news.registers:
        yield Report(how, how.split(" ", 1)[0], events=_ends(known))


def _ends(known: SignedTransaction) -> tuple[int, ...]:
    return tuple(n for n in (known.start_n, known.stop_n) if n is not None)


@rule(
    "MV-022",
    "A signature without a key to verify it",
    INFO,
    on_event(Closed),
    source="OCA, Signed Meter Values in OCPP, §3.3.1, §3.3.2, §4.3.1 and §4.3.2",
    hint="set PublicKeyWithSignedMeterValue to OncePerTransaction, capture the station's MeterPublicKey1 or "
    "FiscalMetering.PublicKey, or give the key with --public-key",
    needs="session",
)
def key_missing(event: Closed, state: SessionState) -> Report | None:
    news = _news(event, state)
    if news is None or not news.keyless:
        return None
    count = len(news.keyless)
    numbers = tuple(dict.fromkeys(value.n for value in news.keyless))[:_MOST]
    reason = news.keyless[0].judgement.reason
    return Report(f"signed values without a key: {{amount}}; {reason}", events=numbers, amount=count)


@rule(
    "MV-023",
    "The public key changes, or is not the one that is known",
    WARNING,
    _VALUES,
    source="OCA, Signed Meter Values in OCPP, §2.2.6 and §3.3.1",
    hint="a meter keeps its key: was it replaced, or is the key that of another connector?",
)
def key_change(event: Message, state: SessionState) -> Iterator[Report] | None:
    news = _news(event, state)
    return None if news is None else _changes(news)


def _changes(news: Drained) -> Iterator[Report]:
    for value in news.values:
        if value.key_change and not value.is_again:
            yield Report(value.key_change, value.key_change.split(":")[0][:60], events=(value.n,))


@rule(
    "MV-024",
    "Signed data that cannot be read as they should",
    ERROR,
    _VALUES,
    source=_SOURCE,
    hint="signedMeterData is base64 of what the meter gave out, byte for byte; publicKey is base64 of "
    "oca:base16:asn1:<hex>, or empty",
)
def malformed(event: Message, state: SessionState) -> Iterator[Report] | None:
    news = _news(event, state)
    return None if news is None else _malformed(news)


def _malformed(news: Drained) -> Iterator[Report]:
    for value in news.values:
        found = value.found
        if found.is_damaged and not value.is_again:
            yield Report(
                f"signed data cannot be read: {found.problem}", found.problem[:60], events=(value.n,)
            )
        for fault in (*(() if value.is_again else found.faults), *value.judgement.faults)[:_MOST]:
            yield Report(f"in signed data: {fault}", fault[:60], events=(value.n,))


@rule(
    "MV-025",
    "A transaction with a signed begin and no signed end",
    WARNING,
    on_event(Closed),
    source="OCA, Signed Meter Values in OCPP, §3.1.4 and §4.1.2",
    hint="with SampledDataSignReadings, StopTransaction or TransactionEvent(Ended) carries the signed end",
    needs="session",
)
def no_signed_end(event: Closed, state: SessionState) -> Iterator[Report] | None:
    news = _news(event, state)
    return None if news is None or state.has_gap else _unfinished(news)


def _unfinished(news: Drained) -> Iterator[Report]:
    for known in news.unfinished:
        name = f"transaction {known.id[:40]!r}" if known.id else "a transaction"
        yield Report(f"{name} has a signed begin and no signed end", known.id or "", events=_ends(known))
