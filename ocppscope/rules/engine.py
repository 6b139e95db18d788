"""Runs the rules over a capture's events, and keeps one finding for each rule, session and subject.

One for each side and severity too: neither side answers for the other's messages, and what is excused, after
a gap, neither hides nor swells what is not.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from ocppscope.events import (
    CALL,
    CALLERROR,
    CALLRESULT,
    CALLRESULTERROR,
    FROM_CSMS,
    FROM_STATION,
    SEND,
    Closed,
    Direction,
    Event,
    Fault,
    Message,
    Notice,
    Opened,
    Session,
)
from ocppscope.ocpp.actions import senders_of
from ocppscope.ocpp.signed.keys import PublicKey
from ocppscope.rules import quirks as known_quirks
from ocppscope.rules.expectations import overdue
from ocppscope.rules.quirks import Quirk, Quirks
from ocppscope.rules.registry import (
    LEARNERS,
    RULES,
    SILENCE,
    Gate,
    Learner,
    Profile,
    Quote,
    Report,
    Rule,
    Severity,
    Trigger,
    TriggerKind,
)
from ocppscope.rules.state import SessionState, StationState, Tables

PROOF: Final = 20
"""Numbers of events that a finding keeps."""
_FINDINGS: Final = 20_000
"""Findings from which on a rule's subjects are no longer told apart: their names come from the capture."""


@dataclass(slots=True)
class Finding:
    """A rule's verdict on one session (None: on the capture) and subject."""

    rule: Rule
    severity: Severity
    template: str
    """What was seen; `{amount}` in it stands for the sum over all reports."""
    source: str
    subject: str
    session: Session | None
    direction: Direction | None = None
    """Of the events that show it: whose messages they are."""
    amount: int = 0
    events: list[int] = field(default_factory=list)
    """Numbers of the events that show it, the first PROOF of them."""
    count: int = 0
    first: int | None = None
    """When it was seen first and last; None where the capture has no times."""
    last: int | None = None
    quote: Quote | None = None
    """The place where it breaks, of the first."""
    station: StationState | None = field(default=None, repr=False, compare=False)
    quirks: Quirks | None = field(default=None, repr=False, compare=False)
    """Where to look for what explains it; None: in those that ship."""
    told_quirk: Quirk | None = field(default=None, repr=False, compare=False)
    """What another process has found there."""

    @property
    def quirk(self) -> Quirk | None:
        """What is known of the station and explains this, as far as its BootNotification was seen by now."""
        if self.told_quirk is not None:
            return self.told_quirk
        if self.station is None or self.station.boot is None:
            return None
        quirks = self.quirks or known_quirks.shipped()
        return quirks.explain(self.station.boot, self.rule.id, self.subject, self.detail)

    @property
    def detail(self) -> str:
        """What was seen, in a sentence without its full stop."""
        return self.template.replace("{amount}", f"{self.amount:,}")

    def add(self, events: Iterable[int], time: int | None) -> None:
        self.count += 1
        for number in events:
            if number and number not in self.events and len(self.events) < PROOF:
                self.events.append(number)
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)


_Key: TypeAlias = tuple[str, int, str, Direction | None, Severity]


def _key(
    one: Rule, session: Session | None, subject: str, direction: Direction | None, severity: Severity
) -> _Key:
    """What findings are told apart by."""
    return one.id, session.number if session else 0, subject, direction, severity


class Behind(list[tuple["Rule | Behind | None", Callable[..., Any]]]):
    """What is behind one gate."""


Bound: TypeAlias = list[tuple[Rule | Behind | None, Callable[..., Any]]]
"""What looks at a message, in order: rules, learners (of no rule), and gates, each before what is behind it."""
Observer: TypeAlias = Callable[[Finding, Report, tuple[int, ...]], None]


class _Checks:
    """Which rules and learners look at messages of one version, found once for each action."""

    __slots__ = ("learners", "of_csms", "of_station", "rules", "version")

    def __init__(
        self,
        version: str | None,
        rules: Collection[Rule],
        learners: Collection[tuple[Trigger, Learner]],
    ) -> None:
        self.version = version
        self.rules = rules
        self.learners = learners
        self.of_station = tuple[dict[Any, Bound], ...]({} for _ in range(SEND + 1))
        """By message type: what looks at the messages of each action."""
        self.of_csms = tuple[dict[Any, Bound], ...]({} for _ in range(SEND + 1))

    def bind(self, message: Message) -> Bound:
        kind = _KINDS[message.type]
        rules = [(one, one.check, trigger) for one in self.rules for trigger in one.triggers if one.check]
        bound = self._bound(kind, message, rules)
        asked = [check for _, check in bound]  # a gate that takes something in has done so
        learners = [(None, learner, trigger) for trigger, learner in self.learners if learner not in asked]
        return [*bound, *self._bound(kind, message, learners)]

    def _bound(
        self,
        kind: TriggerKind,
        message: Message,
        found: Iterable[tuple[Rule | None, Callable[..., Any], Trigger]],
    ) -> Bound:
        """What fires, in order; what shares a gate is behind it together, where the first of them stands."""
        bound: Bound = []
        gated: dict[tuple[Gate, ...], Behind] = {}
        for one, check, trigger in found:
            if not self._fires(trigger, kind, message):
                continue
            here = bound
            for depth, gate in enumerate(trigger.gates, 1):
                behind = gated.get(trigger.gates[:depth])
                if behind is None:
                    behind = gated[trigger.gates[:depth]] = Behind()
                    here.append((behind, gate))
                here = behind
            here.append((one, check))
        return bound

    def _fires(self, trigger: Trigger, kind: TriggerKind, message: Message) -> bool:
        """Whether a message is of those that a trigger names. An action of the other side is RPC-018, and no more."""
        if trigger.kind != kind or not trigger.fires_on(message.action):
            return False
        if not trigger.names or message.action is None or self.version is None:
            return True
        senders = senders_of(self.version, message.action)
        sent_by_station = (message.direction == FROM_STATION) != (kind == "answer")
        return (FROM_STATION if sent_by_station else FROM_CSMS) in senders


_KINDS: Final[Mapping[int, TriggerKind]] = {
    CALL: "call",
    CALLRESULT: "answer",
    CALLERROR: "answer",
    CALLRESULTERROR: "answer",
    SEND: "send",
}
_ACTIONS_BOUND: Final = 1_000  # names come from the capture


class Engine:
    """Judges one capture.

    Args:
        profile: which table of severities counts.
        only: ids of the rules to run; None: all.
        skip: ids of the rules to leave out.
        observer: told of each report as it comes: the finding, the report, the numbers that prove it.
        public_keys: of meters, for signed meter values.
        quirks: of devices, which findings are explained by; None: those that ship.
    """

    def __init__(
        self,
        *,
        profile: Profile = "field",
        only: Collection[str] | None = None,
        skip: Collection[str] = (),
        observer: Observer | None = None,
        public_keys: Iterable[PublicKey] = (),
        quirks: Quirks | None = None,
    ) -> None:
        self._quirks = quirks
        self._profile: Profile = profile
        self._observer = observer
        self._rules = [
            one for one in RULES.values() if (only is None or one.id in only) and one.id not in skip
        ]
        self._tables = Tables(public_keys)
        self._findings: dict[_Key, Finding] = {}
        self._by_version: dict[str | None, _Checks] = {}
        self._by_kind: dict[tuple[str, str | None, str], list[Rule]] = {}

    @property
    def findings(self) -> list[Finding]:
        """In the order in which they were first seen."""
        return list(self._findings.values())

    def pass_time(self, now: int) -> None:
        """The capture has come to that time, in ns, without an event that this engine is fed."""
        if now >= self._tables.expectations.next_due:
            self._overdue(now)

    def packed(self) -> list[Finding]:
        """The findings as they can be sent to another process, which `absorb` takes."""
        return [
            replace(finding, station=None, quirks=None, told_quirk=finding.quirk)
            for finding in self._findings.values()
        ]

    def absorb(self, packed: Iterable[Finding]) -> None:
        """Take in what another engine found in other stations of the same capture."""
        for finding in packed:
            key = _key(finding.rule, finding.session, finding.subject, finding.direction, finding.severity)
            self._findings.setdefault(key, finding)

    def forget(self, sessions: Collection[Session]) -> list[Finding]:
        """Give up the findings of sessions that have ended: live traffic never stops making new ones.

        Returns:
            Them.
        """
        gone = [key for key, finding in self._findings.items() if finding.session in sessions]
        return [self._findings.pop(key) for key in gone]

    def feed(self, events: Iterable[Event | Notice]) -> None:
        """Judge the next events."""
        sessions, expectations = self._tables.sessions, self._tables.expectations
        for event in events:
            time = event.time
            if time is not None and time >= expectations.next_due:
                self._overdue(time)
            if type(event) is not Message:
                self._other(event)
                continue
            session = event.session
            state = sessions.get(session)
            if state is None or state.checks.version != session.version:
                state = self._state_of(event)
            state.messages += 1
            checks: _Checks = state.checks
            is_of_station = event.direction == FROM_STATION
            if is_of_station:
                table = checks.of_station[event.type]
                heard = state.heard
                if heard is not None and time is not None and time - heard > SILENCE:
                    self._after_silence(event, state)
            else:
                table = checks.of_csms[event.type]
            try:
                bound = table[event.action]
            except (KeyError, TypeError):
                bound = self._bind(checks, table, event)
            for one, check in bound:
                found = check(event, state)
                if found:
                    self._found(one, found, event, state)
            if is_of_station:
                state.heard = time
            if event.faults or event.violations or event.error is not None:
                self._odd_message(event, state)

    def _after_silence(self, event: Message, state: SessionState) -> None:
        if event.type == CALL and state.is_judged:
            self._run("silence", None, event, state)

    def _odd_message(self, event: Message, state: SessionState) -> None:
        if state.is_judged:
            self._faults(event, event.faults, state)
            if event.violations:
                self._run("violation", None, event, state)
            if event.error is not None:
                self._run("error", None, event, state)

    def _overdue(self, now: int) -> None:
        """Report what should have come by now."""
        for expectation, report in overdue(self._tables.expectations, now):
            one = RULES[expectation.rule]
            self._found(one, report, expectation.event, expectation.state, expectation.blames)

    # --- binding ---

    def _state_of(self, event: Event) -> SessionState:
        session = event.session
        state = self._tables.sessions.get(session) or self._tables.begin(event)
        version = session.version
        if not state.is_judged:
            state.checks = _Checks(version, (), ())
        elif version not in self._by_version:
            rules = [one for one in self._rules if _serves(one, version)]
            state.checks = self._by_version[version] = _Checks(version, rules, LEARNERS)
        else:
            state.checks = self._by_version[version]
        return state

    def _bind(self, checks: _Checks, table: dict[Any, Bound], message: Message) -> Bound:
        bound = checks.bind(message)
        if type(message.action) is str or message.action is None:
            if len(table) > _ACTIONS_BOUND:
                table.clear()
            table[message.action] = bound
        return bound

    def _rules_for(self, kind: str, version: str | None, name: str | None) -> list[Rule]:
        key = kind, version, name or ""
        if key not in self._by_kind:
            self._by_kind[key] = [
                one
                for one in self._rules
                if _serves(one, version)
                and any(t.kind == kind and (name is None or t.fires_on(name)) for t in one.triggers)
            ]
        return self._by_kind[key]

    # --- events ---

    def _other(self, event: Event | Notice) -> None:
        if isinstance(event, Notice):
            self._tables.clock.take(event)
            for one in self._rules_for("notice", None, event.kind):
                report = one.check(event) if one.check else Report(event.detail, event.subject)
                self._found(one, report, event, None)
            return
        assert not isinstance(event, Message)
        state = self._state_of(event)
        if event.session.duplicate_of is not None:
            if isinstance(event, Opened):
                self._run("second-sighting", None, event, state)
            elif isinstance(event, Closed):
                self._tables.end(event.session)
            return
        self._tables.before(event, state)
        self._run("event", type(event).__name__, event, state)
        if event.faults:
            self._faults(event, event.faults, state)
        self._tables.after(event, state)

    def _run(
        self,
        kind: TriggerKind,
        name: str | None,
        event: Event,
        state: SessionState,
    ) -> None:
        for one in self._rules_for(kind, event.session.version, name):
            if one.check:
                self._found(one, one.check(event, state), event, state)

    def _faults(self, event: Event, faults: tuple[Fault, ...], state: SessionState) -> None:
        for fault in faults:
            for one in self._rules_for("fault", event.session.version, fault.kind):
                if one.check:
                    report = one.check(event, state, fault)
                else:
                    report = Report(fault.detail, fault.subject, events=fault.events)
                self._found(one, report, event, state)

    # --- findings ---

    def _found(
        self,
        one: Rule | Behind | None,
        found: Report | Iterable[Report] | None,
        event: Event | Notice,
        state: SessionState | None,
        blames: Direction | None = None,
    ) -> None:
        """Keep what a rule reports; of the side that sent the event, or of the one that it blames.

        Where it is a gate that is open, what is behind it looks too.
        """
        if found is None or one is None:
            return
        if type(one) is Behind:
            for behind, check in one:
                reports = check(event, state)
                if reports:
                    self._found(behind, reports, event, state)
            return
        assert isinstance(one, Rule)
        session = state.session if state else None
        number = event.n if not isinstance(event, Notice) else 0
        direction: Direction | None = blames or getattr(event, "direction", None)
        for report in (found,) if isinstance(found, Report) else found:
            subject = report.subject if len(self._findings) < _FINDINGS else ""
            severity = one.severity_in(self._profile, report)
            key = _key(one, session, subject, direction, severity)
            finding = self._findings.get(key)
            if finding is None:
                finding = self._findings[key] = Finding(
                    one,
                    severity,
                    report.detail,
                    report.source or one.source_for(session.version if session else None),
                    subject,
                    session,
                    direction,
                    quote=report.quote,
                    station=state.station if state else None,
                    quirks=self._quirks,
                )
            numbers = (*report.events, number)
            finding.amount += report.amount
            finding.add(numbers, event.time)
            if self._observer:
                self._observer(finding, report, numbers)


def _serves(one: Rule, version: str | None) -> bool:
    return one.versions is None or version in one.versions
