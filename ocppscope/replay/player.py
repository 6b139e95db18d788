"""Plays a script: told what the peer does and what time it is, it says what to do next. No socket, no clock.

A step of ours is done when all that came before it in the capture has happened, and then after the recorded gap.
What does not happen in time is missing, and play goes on. A peer's Call is answered as the recorded one that it
stands for was, after the recorded time; one that the capture never saw gets a default answer.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import orjson

from ocppscope.events import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, SEND, Message, event
from ocppscope.ocpp import rpc
from ocppscope.ocpp.difference import Difference
from ocppscope.replay.comparing import Comparer
from ocppscope.replay.defaults import default_answer
from ocppscope.replay.living import LivingValues
from ocppscope.replay.pace import Pace
from ocppscope.replay.script import MISSING, Act, Comparison, Script, Step

WAIT: Final = 30_000_000_000
"""Nanoseconds to wait for the peer: what OCPP 2.0.1 part 4 §3.2 suggests for an answer."""
_AT_ITS_OWN_PACE: Final = frozenset({"Heartbeat"})
"""Calls of which a peer may send more or fewer than were recorded: nobody waits for them, none is too many."""
Compared: TypeAlias = Literal["answer", "call", "send", "close"]
_COMPARED: Final[Mapping[str, Compared]] = {"answer": "answer", "call": "call", "close": "close"}
"""By kind of step; all else the peer sends."""
_ALIKE: Final = 20
"""Recorded Calls of an action, the next ones in their order, among which the most alike is chosen."""
_NOTES: Final = 100
_NORMAL: Final = 1000

Outcome: TypeAlias = Literal["equal", "diverged", "missing", "unexpected"]
Verdict: TypeAlias = Literal["same", "diverged", "incomplete"]


@event
class Open:
    """Connect, or wait for the station to: an act begins."""

    act: int


@event
class SendText:
    """Send a text."""

    text: str


@event
class SendRaw:
    """Send frames as they are."""

    data: bytes


@event
class SendPing:
    """Send a ping."""

    payload: bytes


@event
class Close:
    """End the connection."""

    code: int
    reason: str = ""
    how: Literal["close", "fin", "rst"] = "close"
    """With a Close; without one; breaking it off."""


@event
class Done:
    """Nothing more is to be played."""


Output: TypeAlias = Open | SendText | SendRaw | SendPing | Close | Done


@dataclass(frozen=True, slots=True)
class Manner:
    """How a script is played, beside its pace."""

    wait: int = WAIT
    """Nanoseconds to wait for what the peer is to do."""
    refuses_unknown: bool = False
    """A Call that the capture never saw is answered NotImplemented; otherwise by default."""
    is_raw: bool = False
    """What was damaged is sent as it was; otherwise it is left out."""


@dataclass(slots=True)
class Tally:
    """What has come of the peer's steps so far."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """By step."""
    unexpected: int = 0
    """Messages that the capture does not have."""
    unplayed: int = 0
    """Steps of ours that could not be done."""

    def count(self, outcome: Outcome) -> int:
        """Steps of an outcome."""
        if outcome == "unexpected":
            return self.unexpected
        return sum(one == outcome for one in self.outcomes.values())

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.unexpected or "diverged" in self.outcomes.values():
            return "diverged"
        return "incomplete" if self.unplayed or "missing" in self.outcomes.values() else "same"


class _Playing:
    """Where one act stands."""

    __slots__ = ("act", "at", "calls", "done", "is_closing", "last", "missing", "since")

    def __init__(self, act: Act, now: int) -> None:
        self.act = act
        self.calls: dict[tuple[str, str | None], list[Step]] = {}
        """The peer's Calls and Sends that have not come, by kind and action, in their order."""
        for step in act.steps:
            if not step.is_ours and step.kind in ("call", "send"):
                self.calls.setdefault((step.kind, step.action), []).append(step)
        self.at = 0
        """The first step that is not done."""
        self.done: set[int] = set()
        """Numbers of steps beyond `at` that are."""
        self.missing: set[int] = set()
        """Numbers of steps that were given up, but may still come."""
        self.since = now
        """When the last thing happened that a step may have waited for."""
        self.last: int | None = None
        """When that was recorded."""
        self.is_closing = False

    def first_undone(self) -> int:
        steps, done = self.act.steps, self.done
        while self.at < len(steps) and steps[self.at].number in done:
            done.discard(steps[self.at].number)
            self.at += 1
        return self.at


class Player:
    """Plays one script.

    Args:
        script: what to play.
        living: maps ids, tokens and times.
        comparer: says what differs.
        pace: how fast.
        manner: how.
        new_id: makes the ids of our messages.
    """

    def __init__(
        self,
        script: Script,
        living: LivingValues,
        comparer: Comparer,
        *,
        pace: Pace | None = None,
        manner: Manner | None = None,
        new_id: Callable[[], str],
    ) -> None:
        self._script = script
        self._living = living
        self._comparer = comparer
        self._pace = pace or Pace()
        self._manner = manner or Manner()
        self._new_id = new_id
        self._steps = script.steps
        self._version = script.version or "1.6"
        self._next_act = 0
        self._opens_at: int | None = None
        self._playing: _Playing | None = None
        self._ids: dict[int, Any] = {}
        """By step: the id of its message as it is played."""
        self._calls: dict[str, tuple[Step, int]] = {}
        """By id: our Calls that are not answered, and when they were sent."""
        self._answers: deque[tuple[int, Step]] = deque()
        """Our answers that are due: when, and which."""
        self._outputs: list[Output] = []
        self._is_done = False
        self.due: int | None = None
        """When `wake` has something to do, in nanoseconds since the epoch; None: only the peer can change anything."""
        self.tally = Tally()
        self.notes: list[str] = list(script.notes)
        """What a user should know."""
        self.observe: Callable[[Comparison], object] = _nobody
        """Told of each comparison."""
        self.latencies: list[int] = []
        """Nanoseconds from our Calls to their answers."""

    # --- what happens ---

    def start(self, now: int) -> list[Output]:
        """Begin."""
        self._opens_at = now
        return self._go_on(now)

    def opened(self, now: int) -> list[Output]:
        """The connection of the act that was to open is there."""
        self._playing = _Playing(self._script.acts[self._next_act], now)
        handshake = self._playing.act.opened
        self._playing.last = handshake.time if handshake else None
        self._next_act += 1
        return self._go_on(now)

    def failed(self, why: str, now: int) -> list[Output]:
        """The connection cannot be had."""
        step = self._script.acts[self._next_act].steps[:1]
        where = f" (step {step[0].number})" if step else ""
        self._note(f"session {self._next_act + 1} could not be opened{where}: {why}")
        self._give_up_act(self._script.acts[self._next_act].steps)
        self._next_act += 1
        self._opens_at = now
        return self._go_on(now)

    def received(self, text: str, now: int) -> list[Output]:
        """The peer has sent a text."""
        playing = self._playing
        if playing is None:
            return []
        try:
            kind, message_id, action, payload, error, _ = rpc.read(text)
        except rpc.UnreadableError as wrong:
            self._note(f"the peer sent what is no message ({wrong}): {text[:200]}")
            self._unexpected("send", None, text)
            return self._go_on(now)
        if kind in (CALL, SEND):
            self._take_call(playing, kind, message_id, action, payload, now)
        else:
            said = payload if error is None else [error.code, error.description, error.details]
            self._take_answer(playing, kind, message_id, said, now)
        return self._go_on(now)

    def closed(self, code: int | None, reason: str, now: int, *, by_peer: bool = True) -> list[Output]:
        """The connection has ended."""
        playing, self._playing = self._playing, None
        if playing is None:
            return []
        self._calls.clear()
        self._answers.clear()
        rest = [
            step for step in playing.act.steps[playing.first_undone() :] if step.number not in playing.done
        ]
        if by_peer and not playing.is_closing:
            rest = self._closed_by_peer(rest, code, reason)
        self._give_up_act([step for step in rest if step.number not in playing.missing])
        if self._next_act < len(self._script.acts):
            self._opens_at = now + self._pace.gap(self._between(self._next_act))
        return self._go_on(now)

    def wake(self, now: int) -> list[Output]:
        """Time has passed: it is `due`, or later."""
        return self._go_on(now)

    def stop(self, why: str) -> None:
        """Play ends here: what was not played is told."""
        if self._is_done:
            return
        self._is_done = True
        self._note(why)
        if self._playing:
            playing = self._playing
            rest = [s for s in playing.act.steps[playing.first_undone() :] if s.number not in playing.done]
            self._give_up_act([step for step in rest if step.number not in playing.missing])
        for act in self._script.acts[self._next_act :]:
            self._give_up_act(act.steps)

    # --- the peer's messages ---

    def _take_call(
        self, playing: _Playing, kind: int, message_id: Any, action: Any, payload: Any, now: int
    ) -> None:
        step = self._recorded_call(playing, kind, action, payload)
        if step is None:
            if action not in _AT_ITS_OWN_PACE:
                self._unexpected("call" if kind == CALL else "send", action, payload)
            if kind == CALL:
                self._outputs.append(SendText(self._default_answer(message_id, action, payload, now)))
            return
        recorded = _message(step)
        self._living.learn(recorded, payload)
        self._compare(step, payload, self._comparer.differences(recorded, payload))
        self._ids[step.number] = message_id
        self._happened(playing, step, now)
        if step.answer is not None:
            answer = self._steps[step.answer]
            self._answers.append((now + self._pace.gap(_between(step, answer)), answer))

    def _recorded_call(self, playing: _Playing, kind: int, action: Any, payload: Any) -> Step | None:
        """The recorded Call that one of the peer's stands for: of its action the most alike, then the first."""
        if not isinstance(action, str):
            return None
        fitting = playing.calls.get(("call" if kind == CALL else "send", action))
        if not fitting:
            return None
        best = fitting[0]
        if len(fitting) > 1:
            best = max(fitting[:_ALIKE], key=lambda step: self._comparer.likeness(_message(step), payload))
        fitting.remove(best)
        return best

    def _default_answer(self, message_id: Any, action: Any, payload: Any, now: int) -> str:
        answer = None
        if not self._manner.refuses_unknown and isinstance(action, str):
            answer = default_answer(self._version, action, payload, self._script.side, now)
        if answer is None:
            return _text([CALLERROR, message_id, "NotImplemented", "", {}])
        return _text([CALLRESULT, message_id, answer])

    def _take_answer(self, playing: _Playing, kind: int, message_id: Any, said: Any, now: int) -> None:
        if kind == CALLRESULTERROR:
            self._take_result_error(playing, message_id, said, now)
            return
        call, sent = self._calls.pop(message_id, (None, 0)) if isinstance(message_id, str) else (None, 0)
        if call is None:
            self._unexpected("answer", None, said)
            return
        self.latencies.append(now - sent)
        step = None if call.answer is None else self._steps[call.answer]
        if step is None:
            self._unexpected("answer", call.action, said, now - sent)
            return
        recorded = _message(step)
        if recorded.type == kind == CALLRESULT:
            self._living.learn(recorded, said)
        self._ids[step.number] = message_id
        self._compare(step, said, self._differences(recorded, kind, said), now - sent)
        self._happened(playing, step, now)

    def _differences(self, recorded: Message, kind: int, said: Any) -> tuple[Difference, ...]:
        if recorded.type == kind:
            return self._comparer.differences(recorded, said)
        return (Difference("", "changed", _said(recorded), said, ""),)

    def _take_result_error(self, playing: _Playing, message_id: Any, said: Any, now: int) -> None:
        for step in playing.act.steps[playing.first_undone() :]:
            is_it = step.message is not None and step.message.type == CALLRESULTERROR and not step.is_ours
            if is_it and step.call is not None and self._ids.get(step.call) == message_id:
                self._compare(step, said, self._comparer.differences(_message(step), said))
                self._happened(playing, step, now)
                return
        self._unexpected("answer", None, said)

    def _closed_by_peer(self, rest: list[Step], code: int | None, reason: str) -> list[Step]:
        """The peer has ended the connection: as recorded, if that is all that was left."""
        expected = next((step for step in rest if step.kind == "close" and not step.is_ours), None)
        if expected is None:
            where = f" before step {rest[0].number} (event {rest[0].n})" if rest else ""
            self._note(f"the peer closed the connection{where}: code {code}{f', {reason}' if reason else ''}")
            return rest
        differs = expected.code is not None and expected.code != code
        differences = (Difference("", "changed", expected.code, code, ""),) if differs else ()
        self._compare(expected, code, differences)
        return [step for step in rest if step is not expected]

    # --- our steps ---

    def _go_on(self, now: int) -> list[Output]:
        """Do all that is due."""
        self.due = None
        while not self._is_done:
            playing = self._playing
            if playing is None:
                if not self._open_next(now):
                    break
            elif not (self._answer(playing, now) or self._act(playing, now)):
                break
        outputs, self._outputs = self._outputs, []
        return outputs

    def _open_next(self, now: int) -> bool:
        """Between two acts; True if there is more to do at once."""
        if self._next_act >= len(self._script.acts):
            self._is_done = True
            self._outputs.append(Done())
            return False
        if self._opens_at is None:
            return False
        if now < self._opens_at:
            self._wake_at(self._opens_at)
            return False
        self._opens_at = None
        self._outputs.append(Open(self._next_act))
        return False

    def _answer(self, playing: _Playing, now: int) -> bool:
        """Send the first answer that is due."""
        for place, (due, step) in enumerate(self._answers):
            if due <= now:
                del self._answers[place]
                self._say(step, now)
                self._happened(playing, step, now)
                return True
            self._wake_at(due)
        return False

    def _act(self, playing: _Playing, now: int) -> bool:
        """Do the next step of ours, if everything that came before it has happened."""
        steps = playing.act.steps
        start = playing.first_undone()
        if start >= len(steps) or playing.is_closing:
            if start >= len(steps) and not playing.is_closing:
                playing.is_closing = True
                self._outputs.append(Close(_NORMAL))
            return False
        unmet: list[Step] = []
        for place in range(start, len(steps)):
            step = steps[place]
            if step.number in playing.done:
                continue
            if step.is_ours and not self._is_answer_to_peer(step):
                break
            if self._is_waited_for(step, playing):
                unmet.append(step)
        else:
            return self._wait_to_the_end(playing, unmet, now)
        if unmet:
            return self._wait(playing, unmet, now)
        due = playing.since + (
            self._pace.gap(step.time - playing.last) if step.time and playing.last is not None else 0
        )
        if now < due:
            self._wake_at(due)
            return False
        self._do(playing, step, now)
        return True

    def _is_answer_to_peer(self, step: Step) -> bool:
        return step.kind == "answer" and _message(step).type != CALLRESULTERROR

    def _is_waited_for(self, step: Step, playing: _Playing) -> bool:
        if step.number in playing.missing:
            return False
        if step.is_ours:  # an answer: it comes when its Call has come, and after its own time
            return step.call in self._ids and any(one is step for _, one in self._answers)
        if step.kind == "answer":
            return step.call in self._ids
        if step.kind in ("ping", "pong", "damaged", "close"):
            return False
        return self._pace.waits_for_peer and step.action not in _AT_ITS_OWN_PACE

    def _wait(self, playing: _Playing, unmet: list[Step], now: int) -> bool:
        """Wait for the peer, but not for ever."""
        theirs = [step for step in unmet if not step.is_ours]
        if not theirs:
            return False  # an answer of ours will go first, and has its own time
        end = playing.since + self._manner.wait
        if now < end:
            self._wake_at(end)
            return False
        for step in theirs:
            self._miss(step)
            playing.missing.add(step.number)
        playing.since = now
        return True

    def _wait_to_the_end(self, playing: _Playing, unmet: list[Step], now: int) -> bool:
        """All of ours is done: what the peer was to do may still come, its Close last."""
        rest = [
            step
            for step in playing.act.steps[playing.at :]
            if step.number not in playing.done and step.number not in playing.missing
        ]
        calls = [s for s in rest if s.kind in ("call", "send") and s.action not in _AT_ITS_OWN_PACE]
        closing = [step for step in rest if step.kind == "close"]
        if awaited := unmet or calls or closing:
            return self._wait(playing, awaited, now)
        playing.at = len(playing.act.steps)
        return True

    def _do(self, playing: _Playing, step: Step, now: int) -> None:
        if step.kind in ("call", "send", "answer"):
            self._say(step, now)
        elif step.kind == "ping":
            self._outputs.append(SendPing(step.data))
        elif step.kind == "close":
            playing.is_closing = True
            closed = playing.act.closed
            how = closed.how if closed and closed.how != "end-of-capture" else "close"
            self._outputs.append(Close(step.code or _NORMAL, step.reason, how))
        elif step.kind == "damaged":
            self._damaged(step)
        self._happened(playing, step, now)

    def _damaged(self, step: Step) -> None:
        if self._manner.is_raw:
            self._outputs.append(SendRaw(step.data))
        else:
            self._note(f"event {step.n} is damaged and was left out: --raw sends it as it was")

    def _say(self, step: Step, now: int) -> None:
        message = _message(step)
        payload = message.payload
        if message.error is None:
            call = self._steps[step.call].message if step.call is not None else None
            payload = self._living.outgoing(message, call, now)
        if step.kind == "answer":
            message_id = self._ids.get(step.call) if step.call is not None else message.id
        else:
            message_id = self._new_id()
        self._ids[step.number] = message_id
        if message.error is not None:
            error = message.error
            said: list[Any] = [message.type, message_id, error.code, error.description, error.details]
        elif message.type in (CALL, SEND):
            said = [message.type, message_id, message.action, payload]
        else:
            said = [message.type, message_id, payload]
        if message.type == CALL:
            self._calls[str(message_id)] = step, now
        self._outputs.append(SendText(_text(said)))

    # --- book-keeping ---

    def _happened(self, playing: _Playing, step: Step, now: int) -> None:
        playing.done.add(step.number)
        playing.missing.discard(step.number)
        playing.since = now
        if step.time is not None:
            playing.last = step.time if playing.last is None else max(playing.last, step.time)

    def _wake_at(self, time: int) -> None:
        self.due = time if self.due is None else min(self.due, time)

    def _between(self, act: int) -> int:
        """Nanoseconds between the end of an act and the start of the next, as recorded."""
        before, after = self._script.acts[act - 1], self._script.acts[act]
        ended = before.closed.time if before.closed else None
        opened = after.opened.time if after.opened else None
        return opened - ended if ended is not None and opened is not None else 0

    def _compare(
        self, step: Step, actual: Any, differences: tuple[Difference, ...], latency: int | None = None
    ) -> None:
        kind: Compared = _COMPARED.get(step.kind, "send")
        expected = step.code if step.message is None else _said(step.message)
        one = Comparison(
            step.number,
            step.n,
            step.action,
            kind,
            expected,
            actual,
            differences,
            latency,
        )
        self.tally.outcomes[step.number] = one.outcome
        self.observe(one)

    def _miss(self, step: Step) -> None:
        self._compare(step, MISSING, ())

    def _unexpected(
        self,
        kind: Literal["answer", "call", "send"],
        action: Any,
        actual: Any,
        latency: int | None = None,
    ) -> None:
        self.tally.unexpected += 1
        name = action if isinstance(action, str) else None
        self.observe(Comparison(None, None, name, kind, MISSING, actual, (), latency))

    def _give_up_act(self, steps: list[Step]) -> None:
        for step in steps:
            if step.is_ours:
                self.tally.unplayed += step.kind in ("call", "send", "answer")
            elif step.kind in ("call", "send", "answer") and step.action not in _AT_ITS_OWN_PACE:
                self._miss(step)

    def _note(self, text: str) -> None:
        if len(self.notes) < _NOTES:
            self.notes.append(text)


def _nobody(_comparison: Comparison) -> None:
    """Look at no comparison."""


def _message(step: Step) -> Message:
    assert step.message is not None
    return step.message


def _said(message: Message) -> Any:
    error = message.error
    return message.payload if error is None else [error.code, error.description, error.details]


def _between(one: Step, other: Step) -> int:
    return other.time - one.time if one.time is not None and other.time is not None else 0


def _text(message: list[Any]) -> str:
    try:
        return orjson.dumps(message).decode()
    except TypeError:  # integers beyond 64 bits, half a surrogate: what was recorded is sent
        return json.dumps(message, separators=(",", ":"))


__all__ = ["Close", "Done", "Manner", "Open", "Output", "Player", "SendPing", "SendRaw", "SendText", "Tally"]
