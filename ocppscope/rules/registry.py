"""What a rule is, and the list of all of them.

A rule is declared with what a reader of its finding needs (id, title, severity, source, hint) and with what
sets it off: a kind of fault that a decoder attached to an event, a kind of event, a violation of a schema,
or every message of some types and actions. Its function, where it needs one, looks at the event and at the
state tables and returns a Report, or nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar

from ocppscope.events import Message
from ocppscope.ocpp.times import SECOND
from ocppscope.ocpp.versions import JUDGED

Severity: TypeAlias = Literal["error", "warning", "info"]
ERROR: Final = "error"
WARNING: Final = "warning"
INFO: Final = "info"
SEVERITIES: Final[tuple[Severity, ...]] = (ERROR, WARNING, INFO)

Profile: TypeAlias = Literal["strict", "field"]


TriggerKind: TypeAlias = Literal[
    "fault", "event", "violation", "notice", "call", "send", "answer", "error", "silence", "second-sighting"
]


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule's function has found.

    Attributes:
        detail: what was seen, in a sentence without its full stop.
        subject: what it is about; one finding is made for each rule, session and subject.
        severity: where it differs from the rule's: for both profiles, or for each.
        events: numbers of further events that prove it, besides the one at hand.
        source: where it differs from the rule's.
        amount: what `{amount}` in `detail` stands for, summed up over the reports of one finding.
        quote: the place where it breaks.
    """

    detail: str
    subject: str = ""
    severity: Severity | Mapping[Profile, Severity] | None = None
    events: tuple[int, ...] = ()
    source: str | None = None
    amount: int = 0
    quote: "Quote | None" = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of what was sent, and the place in it that matters."""

    before: str
    """Up to that place."""
    after: str
    """From there on."""


def numbers_of(*messages: Message | None) -> tuple[int, ...]:
    """Numbers of the messages that prove something, for `Report.events`; of those that there are."""
    return tuple(one.n for one in messages if one is not None)


Check: TypeAlias = Callable[..., Report | Iterable[Report] | None]
"""(event, state.SessionState) → what was found; for faults (event, state, fault), for notices (notice)."""
Learner: TypeAlias = Callable[[Any, Any], object]
"""(message, state.SessionState): takes in what later events are compared with."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    id: str
    title: str
    severity: Severity
    """In profile strict: the column Sev of the catalogue."""
    field: Severity
    """In profile field."""
    source: Mapping[str, str] | str
    """Where the standard says so: one text, or one for each version. `heuristic` where it does not."""
    hint: str
    """What to do about it."""
    needs: str
    """What must be in a capture to judge: `message`, `exchange`, `session`, `start` (of the session), `time`."""
    versions: frozenset[str] | None
    """None: all, also where the version is not known."""
    triggers: tuple["Trigger", ...]
    check: Check | None

    def __reduce__(self) -> tuple[Callable[[str], "Rule"], tuple[str]]:
        """By its id: every process has declared the same rules."""
        return _rule_of, (self.id,)

    def severity_in(self, profile: Profile, report: Report | None = None) -> Severity:
        override = report.severity if report else None
        if isinstance(override, str):
            return override
        if override is not None:
            return override[profile]
        return self.severity if profile == "strict" else self.field

    def source_for(self, version: str | None) -> str:
        if isinstance(self.source, str):
            return self.source
        if version is not None and version in self.source:
            return self.source[version]
        return "; ".join(dict.fromkeys(self.source.values()))


Gate: TypeAlias = Callable[[Any, Any], object]
"""(message, state.SessionState) → anything true where what is behind it is to look."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What makes a rule look.

    Attributes:
        kind: what is looked at.
        names: fault or notice kinds, event class names, schema keywords, actions; empty: all of them.
        gates: (message, state) → whether it is worth looking at. A gate is asked once a message for all rules that
            share it, so that a message with which nothing can be wrong costs one call and not ten: see `gates`.
            Where there are several, the next one is asked where the one before it is open.
    """

    kind: TriggerKind
    names: frozenset[str] = field(default_factory=frozenset)
    gates: tuple["Gate", ...] = ()

    def fires_on(self, name: object) -> bool:
        return not self.names or (isinstance(name, str) and name in self.names)


def on_fault(*kinds: str) -> Trigger:
    """A fault that a decoder attached to an event."""
    return Trigger("fault", frozenset(kinds))


def on_notice(*kinds: str) -> Trigger:
    """Something about the capture itself."""
    return Trigger("notice", frozenset(kinds))


def on_violation(*keywords: str) -> Trigger:
    """A payload that breaks its schema; the function gets the message and returns its reports."""
    return Trigger("violation", frozenset(keywords))


def on_event(*classes: type) -> Trigger:
    """Every event of some classes other than Message."""
    return Trigger("event", frozenset(cls.__name__ for cls in classes))


def on_second_sighting() -> Trigger:
    """The Opened of a session that is seen twice; nothing else of it is judged."""
    return Trigger("second-sighting")


def on_call(*actions: str, gate: Gate | tuple[Gate, ...] = ()) -> Trigger:
    """Every Call of some actions."""
    return Trigger("call", frozenset(actions), _gates(gate))


def _gates(gate: Gate | tuple[Gate, ...]) -> tuple[Gate, ...]:
    return gate if isinstance(gate, tuple) else (gate,)


def on_send(*actions: str) -> Trigger:
    """Every Send of some actions."""
    return Trigger("send", frozenset(actions))


def on_answer(*actions: str, gate: Gate | tuple[Gate, ...] = ()) -> Trigger:
    """Every CallResult, CallError and CallResultError to Calls of some actions."""
    return Trigger("answer", frozenset(actions), _gates(gate))


SILENCE: Final = 2 * SECOND
"""A shorter silence of a station is none: most messages come faster."""


def on_silence() -> Trigger:
    """Every Call of a station that was silent before."""
    return Trigger("silence")


def on_error() -> Trigger:
    """Every CallError and CallResultError."""
    return Trigger("error")


RULES: Final[dict[str, Rule]] = {}
"""Every rule by its id, in the order of their modules."""
LEARNERS: Final[list[tuple[Trigger, Learner]]] = []
"""What fills the state tables from messages, after the rules have looked at them."""


def _rule_of(rule_id: str) -> Rule:
    return RULES[rule_id]


L = TypeVar("L", bound=Learner)


def learns(trigger: Trigger) -> Callable[[L], L]:
    """Declare what is to be remembered of some messages. A gate may learn too: it is called once a message."""

    def declare(learner: L) -> L:
        LEARNERS.append((trigger, learner))
        return learner

    return declare


def rule(
    rule_id: str,
    title: str,
    severity: Severity,
    *triggers: Trigger,
    source: Mapping[str, str] | str,
    hint: str,
    field: Severity | None = None,
    needs: str = "message",
    versions: Iterable[str] | None = JUDGED,
) -> Callable[[Check], Check]:
    """Declare a rule whose function decides.

    Args:
        rule_id: as in the catalogue.
        title: what is wrong, in a few words.
        severity: in profile strict.
        triggers: what makes it look.
        source: where the standard says so, for all versions or for each.
        hint: what to do about it.
        field: severity in profile field, where it differs.
        needs: what must be in a capture to judge.
        versions: those it is for; None: also where none is known.

    Raises:
        ValueError: the id is taken.
    """

    def declare(check: Check | None) -> Any:
        if rule_id in RULES:
            raise ValueError(f"two rules have the id {rule_id}")
        RULES[rule_id] = Rule(
            rule_id,
            title,
            severity,
            field or severity,
            source,
            hint,
            needs,
            None if versions is None else frozenset(versions),
            triggers,
            check,
        )
        return check

    return declare


def fault_rule(
    rule_id: str,
    title: str,
    severity: Severity,
    *kinds: str,
    source: Mapping[str, str] | str,
    hint: str,
    field: Severity | None = None,
    needs: str = "message",
    versions: Iterable[str] | None = None,
) -> None:
    """Declare a rule that needs no function: a decoder has found the fault, this says what it means."""
    declare: Any = rule(
        rule_id,
        title,
        severity,
        on_fault(*kinds),
        source=source,
        hint=hint,
        field=field,
        needs=needs,
        versions=versions,
    )
    declare(None)
