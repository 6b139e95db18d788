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
from ocppscope.ocpp.difference import Difference, differences
from ocppscope.replay.comparing import Comparer
from ocppscope.replay.defaults import default_answer
from ocppscope.replay.living import LivingValues, said
from ocppscope.replay.pace import Pace
from ocppscope.replay.scene import AT_ITS_OWN_PACE, Answer, Asked, Scene
from ocppscope.replay.script import MISSING, Comparison, Outcome, Script, Step

WAIT: Final = 30_000_000_000
"""Nanoseconds to wait for the peer: what OCPP 2.0.1 part 4 §3.2 suggests for an answer."""
Compared: TypeAlias = Literal["answer", "call", "send", "close"]
_COMPARED: Final[Mapping[str, Compared]] = {"answer": "answer", "call": "call", "close": "close"}
"""By kind of step; all else the peer sends."""
_ALIKE: Final = 20
"""Recorded Calls of an action, the next ones in their order, among which the most alike is chosen."""
_NOTES: Final = 100
_NORMAL: Final = 1000
_RETRY: Final = 1_000_000_000
"""Nanoseconds between attempts to open a session after the first."""
_LAST_CALL: Final = "-1"
"""The id of an answer to what could not be read (OCPP-J 2.1 §4.2.3): to the last Call."""

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

    code: int | None
    """None: a Close that says nothing."""
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

    counts: dict[Outcome, int] = field(
        default_factory=lambda: {"equal": 0, "diverged": 0, "missing": 0, "unexpected": 0}
    )
    unplayed: int = 0
    """Messages of ours that could not be sent."""

    @property
    def steps(self) -> int:
        """How many of the peer's steps were compared."""
        return sum(self.counts.values()) - self.counts["unexpected"]

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.counts["unexpected"] or self.counts["diverged"]:
            return "diverged"
        return "incomplete" if self.unplayed or self.counts["missing"] else "same"


_Judged: TypeAlias = tuple[Step, Any, int | None]
"""A step of the peer's, what came (MISSING: nothing), and how long it took."""


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
        """When the next act is to open; None while one is played, or opens."""
        self._tried: int | None = None
        """When it was first tried."""
        self._scene: Scene | None = None
        self._outputs: list[Output] = []
        self._to_judge: deque[_Judged] = deque()
        self._is_done = False
        self.due: int | None = None
        """When `wake` has something to do, in nanoseconds since the epoch; None: only the peer can change anything."""
        self.tally = Tally()
        self.notes: list[str] = list(script.notes)
        """What a user should know."""
        self.observe: Callable[[Comparison], object] = _nobody
        """Told of each comparison. What was missing may come after all: then it is compared once more."""
        self.latencies: list[int] = []
        """Nanoseconds from our Calls to their answers."""

    def judge(self) -> None:
        """Compare what has come: to be called as soon as what follows from it is sent, for that does not wait."""
        while self._to_judge:
            step, actual, latency = self._to_judge.popleft()
            if actual is MISSING:
                found: tuple[Difference, ...] = ()
            elif step.message is not None:
                found = self._comparer.differences(step.message, actual)
            else:
                found = () if step.code is None else tuple(differences(step.code, actual))
            kind: Compared = _COMPARED.get(step.kind, "send")
            expected = step.code if step.message is None else said(step.message)
            self._tell(Comparison(step.number, step.n, step.action, kind, expected, actual, found, latency))

    # --- what happens ---

    def start(self, now: int) -> list[Output]:
        """Begin."""
        self._opens_at = now
        return self._go_on(now)

    def opened(self, now: int) -> list[Output]:
        """The connection of the act that was to open is there."""
        act = self._script.acts[self._next_act]
        self._scene = Scene(act, now, waits_for_peer=self._pace.waits_for_peer)
        self._next_act += 1
        self._tried = None
        return self._go_on(now)

    def failed(self, why: str, now: int) -> list[Output]:
        """The connection cannot be had: all that was to be played on it, and after it, is given up.

        A peer that was there before may be starting anew: it is tried again for as long as we wait for anything.
        """
        assert self._tried is not None
        if self._next_act and now + _RETRY < self._tried + self._manner.wait:
            self._opens_at = now + _RETRY
            return self._go_on(now)
        steps = self._script.acts[self._next_act].steps
        where = f" (step {steps[0].number}, event {steps[0].n})" if steps else ""
        self._note(f"session {self._next_act + 1} could not be opened{where}: {why}")
        self._give_up_acts()
        return self._go_on(now)

    def received(self, text: str, now: int) -> list[Output]:
        """The peer has sent a text."""
        scene = self._scene
        if scene is None:
            return []
        try:
            kind, message_id, action, payload, error, _ = rpc.read(text)
        except rpc.UnreadableError as wrong:
            self._note(f"the peer sent what is no message ({wrong}): {text[:200]}")
            self._unexpected("send", None, text)
            return self._go_on(now)
        if kind in (CALL, SEND):
            self._take_call(scene, kind, message_id, action, payload, now)
        else:
            it_said = payload if error is None else [error.code, error.description, error.details]
            if kind == CALLRESULTERROR:
                self._take_dispute(scene, message_id, it_said, now)
            else:
                self._take_answer(scene, kind, message_id, it_said, now)
        return self._go_on(now)

    def closed(self, code: int | None, reason: str, now: int) -> list[Output]:
        """The connection has ended."""
        scene, self._scene = self._scene, None
        if scene is None:
            return []
        left = scene.left()
        if not scene.is_closing:
            left = self._closed_by_peer(left, code, reason)
        self._give_up(left)
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
        if self._scene:
            self._give_up(self._scene.left())
        self._give_up_acts()
        self.judge()

    # --- the peer's messages ---

    def _take_call(
        self, scene: Scene, kind: int, message_id: Any, action: Any, payload: Any, now: int
    ) -> None:
        step = self._recorded_call(scene, kind, action, payload)
        if step is None:
            if action not in AT_ITS_OWN_PACE:
                self._unexpected("call" if kind == CALL else "send", action, payload)
            if kind == CALL:
                self._answer_by_default(message_id, action, payload, now)
            return
        recorded = _message(step)
        self._living.learn(recorded, payload)
        self._happened(scene, step, payload, now)
        if step.answer is not None:
            answer = self._steps[step.answer]
            scene.answers.append(Answer(now + self._pace.gap(_between(step, answer)), answer, message_id))
        elif kind == CALL and scene.may_lack_answer_to(step, self._manner.wait):
            self._answer_by_default(message_id, action, payload, now)

    def _recorded_call(self, scene: Scene, kind: int, action: Any, payload: Any) -> Step | None:
        """The recorded Call that one of the peer's stands for: of its action the most alike, then the first."""
        if not isinstance(action, str):
            return None
        best, most = None, -1.0
        fitting = scene.fitting("call" if kind == CALL else "send", action)
        if len(fitting) == 1:
            return fitting[0]
        for step in fitting[:_ALIKE]:
            likeness = self._comparer.likeness(_message(step), payload)
            if likeness > most:
                best, most = step, likeness
            if likeness >= 1:
                break
        return best

    def _answer_by_default(self, message_id: Any, action: Any, payload: Any, now: int) -> None:
        answer = None
        if not self._manner.refuses_unknown and isinstance(action, str):
            answer = default_answer(self._version, action, payload, self._script.side, now)
        if answer is None:
            self._send([CALLERROR, message_id, "NotImplemented", "", {}])
        else:
            self._send([CALLRESULT, message_id, answer])

    def _take_answer(self, scene: Scene, kind: int, message_id: Any, it_said: Any, now: int) -> None:
        if message_id == _LAST_CALL and scene.asked:
            message_id = next(reversed(scene.asked))
        asked = scene.asked.pop(message_id, None) if isinstance(message_id, str) else None
        if asked is None:
            self._unexpected("answer", None, it_said)
            return
        latency = now - asked.sent
        self.latencies.append(latency)
        if asked.step.answer is None:
            if not scene.may_lack_answer_to(asked.step, self._manner.wait):
                self._unexpected("answer", asked.step.action, it_said, latency)
            return
        step = self._steps[asked.step.answer]
        recorded = _message(step)
        if recorded.type == kind == CALLRESULT:
            self._living.learn(recorded, it_said)
        scene.remember(step, message_id)
        self._happened(scene, step, it_said, now, latency)

    def _take_dispute(self, scene: Scene, message_id: Any, it_said: Any, now: int) -> None:
        step = scene.dispute(message_id)
        if step is None:
            self._unexpected("answer", None, it_said)
        else:
            self._happened(scene, step, it_said, now)

    def _happened(self, scene: Scene, step: Step, actual: Any, now: int, latency: int | None = None) -> None:
        """A step of the peer's has come."""
        if scene.happened(step, now):
            self.tally.counts["missing"] -= 1
            self._note(f"{_named(step)} came after all, when it was not waited for any more")
        self._compare(step, actual, latency)

    def _closed_by_peer(self, left: list[Step], code: int | None, reason: str) -> list[Step]:
        """The peer has ended the connection: as recorded, if that is all that was left."""
        if not left:
            return left
        end = left[-1]
        is_recorded = end.kind == "close" and not end.is_ours
        if len(left) > 1 or not is_recorded:
            how = "without a Close" if code is None else f"with code {code}"
            self._note(
                f"the peer closed the connection {how}{f' ({reason})' if reason else ''} before {_named(left[0])}"
            )
        if not is_recorded:
            return left
        self._compare(end, code)
        return left[:-1]

    # --- our steps ---

    def _go_on(self, now: int) -> list[Output]:
        """Do all that is due."""
        self.due = None
        if self._scene is None:
            self._open_next(now)
        else:
            while self._answer(self._scene, now) or self._act(self._scene, now):
                pass
        outputs, self._outputs = self._outputs, []
        return outputs

    def _open_next(self, now: int) -> None:
        """Between two acts."""
        if self._is_done:
            return
        if self._next_act >= len(self._script.acts):
            self._is_done = True
            self._outputs.append(Done())
        elif self._opens_at is not None and now < self._opens_at:
            self.due = self._opens_at
        elif self._opens_at is not None:
            self._opens_at = None
            self._tried = now if self._tried is None else self._tried
            self._outputs.append(Open(self._next_act))

    def _answer(self, scene: Scene, now: int) -> bool:
        """Send the first answer that is due."""
        for place, answer in enumerate(scene.answers):
            if answer.due <= now:
                del scene.answers[place]
                self._say(answer.step, answer.message_id, now)
                scene.remember(answer.step, answer.message_id)
                scene.happened(answer.step, now)
                return True
            self._wake_at(answer.due)
        return False

    def _act(self, scene: Scene, now: int) -> bool:
        """Do the next step of ours, if everything that came before it has happened."""
        if scene.is_closing:
            return False
        step = scene.turn()
        if awaited := scene.awaited(step):
            return self._wait(scene, awaited, now)
        if scene.has_to_answer(step):
            return False
        if step is None:
            scene.is_closing = True
            self._outputs.append(Close(_NORMAL))
            return False
        due = scene.since
        if step.time is not None and scene.recorded is not None:
            due += self._pace.gap(step.time - scene.recorded)
        if now < due:
            self._wake_at(due)
            return False
        scene.pass_turn(due)  # not now: who is late does not stay so
        self._do(scene, step, now)
        return True

    def _wait(self, scene: Scene, awaited: list[Step], now: int) -> bool:
        """Wait for the peer, but not for ever."""
        end = scene.since + self._manner.wait
        if now < end:
            self._wake_at(end)
            return False
        for step in scene.give_up(awaited, now):
            self._compare(step, MISSING)
        return True

    def _do(self, scene: Scene, step: Step, now: int) -> None:
        if step.kind in ("call", "send"):
            message_id = self._new_id()
            if step.kind == "call":
                scene.asked[message_id] = Asked(step, now)
            self._say(step, message_id, now)
        elif step.kind == "answer":  # about an answer: a CallResultError
            self._say(step, scene.id_of(step), now)
        elif step.kind == "ping":
            self._outputs.append(SendPing(step.data))
        elif step.kind == "close":
            scene.is_closing = True
            closed = scene.act.closed
            how = closed.how if closed and closed.how != "end-of-capture" else "close"
            self._outputs.append(Close(step.code, step.reason, how))
        elif step.kind == "damaged" and self._manner.is_raw:
            self._outputs.append(SendRaw(step.data))
        elif step.kind == "damaged":
            self._note(f"event {step.n} is damaged and was left out: --raw sends it as it was")

    def _say(self, step: Step, message_id: Any, now: int) -> None:
        message = _message(step)
        call = None if step.call is None else self._steps[step.call].message
        payload = self._living.outgoing(message, call, now)
        if message.error is not None:
            self._send([message.type, message_id, *payload])
        elif message.type in (CALL, SEND):
            self._send([message.type, message_id, message.action, payload])
        else:
            self._send([message.type, message_id, payload])

    def _send(self, message: list[Any]) -> None:
        self._outputs.append(SendText(_text(message)))

    # --- book-keeping ---

    def _wake_at(self, time: int) -> None:
        self.due = time if self.due is None else min(self.due, time)

    def _between(self, act: int) -> int:
        """Nanoseconds between the end of an act and the start of the next, as recorded."""
        before, after = self._script.acts[act - 1], self._script.acts[act]
        ended = before.closed.time if before.closed else None
        opened = after.opened.time if after.opened else None
        return opened - ended if ended is not None and opened is not None else 0

    def _compare(self, step: Step, actual: Any, latency: int | None = None) -> None:
        self._to_judge.append((step, actual, latency))

    def _unexpected(self, kind: Compared, action: Any, actual: Any, latency: int | None = None) -> None:
        name = action if isinstance(action, str) else None
        self.judge()  # in order
        self._tell(Comparison(None, None, name, kind, MISSING, actual, (), latency))

    def _tell(self, comparison: Comparison) -> None:
        self.tally.counts[comparison.outcome] += 1
        self.observe(comparison)

    def _give_up(self, steps: list[Step]) -> None:
        for step in steps:
            if step.is_ours:
                self.tally.unplayed += step.kind in ("call", "send", "answer")
            elif step.kind in ("call", "send", "answer") and step.action not in AT_ITS_OWN_PACE:
                self._compare(step, MISSING)

    def _give_up_acts(self) -> None:
        """Those that are not played."""
        for act in self._script.acts[self._next_act :]:
            self._give_up([step for step in act.steps if not step.is_ours or step.kind != "answer"])
        self._next_act = len(self._script.acts)

    def _note(self, text: str) -> None:
        if len(self.notes) < _NOTES:
            self.notes.append(text)


def _nobody(_comparison: Comparison) -> None:
    """Look at no comparison."""


def _message(step: Step) -> Message:
    assert step.message is not None
    return step.message


def _named(step: Step) -> str:
    kind = "its answer to " if step.kind == "answer" else ""
    return f"step {step.number} (event {step.n}, {kind}{step.action or step.kind})"


def _between(one: Step, other: Step) -> int:
    return other.time - one.time if one.time is not None and other.time is not None else 0


def _text(message: list[Any]) -> str:
    try:
        return orjson.dumps(message).decode()
    except TypeError:  # integers beyond 64 bits, half a surrogate: what was recorded is sent
        return json.dumps(message, separators=(",", ":"))


__all__ = ["Close", "Done", "Manner", "Open", "Output", "Player", "SendPing", "SendRaw", "SendText", "Tally"]
