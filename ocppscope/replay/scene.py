"""Where one act stands: what has happened of it, what is waited for, and what comes next.

The steps of an act are passed in the order of the capture, up to the next one that is ours to do. What the peer does
before its turn has happened early; what it does not do in time is given up, and may still come.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ocppscope.events import CALLRESULTERROR
from ocppscope.replay.script import Act, Step

AT_ITS_OWN_PACE: Final = frozenset({"Heartbeat"})
"""Calls of which a peer may send more or fewer than were recorded: nobody waits for them, none is too many."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of ours that is due."""

    due: int
    step: Step
    message_id: Any
    """Of the Call as it came."""


@dataclass(slots=True)
class Asked:
    """A Call of ours that is not answered yet."""

    step: Step
    sent: int


class Scene:
    """The state of one act.

    Args:
        act: what is played.
        now: its connection is there.
        waits_for_peer: for what it does of itself, too, not only for its answers.
    """

    def __init__(self, act: Act, now: int, *, waits_for_peer: bool) -> None:
        self.act = act
        self.since = now
        """When the last thing happened that the next step of ours may have waited for."""
        self.recorded = act.opened.time if act.opened else None
        """The time in the capture of the latest thing that has happened."""
        self.is_closing = False
        self.asked: dict[Any, Asked] = {}
        """By message id."""
        self.answers: list[Answer] = []
        self._waits_for_peer = waits_for_peer
        self._next = 0
        """The place of the first step that was not passed."""
        self._awaited: dict[int, Step] = {}
        """Steps of the peer's that were passed before they happened, by number."""
        self._early: set[int] = set()
        """Numbers of steps that have happened before they were passed."""
        self._late: set[int] = set()
        """Numbers of steps that were given up and have not come yet."""
        self._calls: dict[tuple[str, str | None], list[Step]] = {}
        """The peer's Calls and Sends that have not come, by kind and action, in their order."""
        self._disputes: dict[int, Step] = {}
        """CallResultErrors, by the answer that they are about."""
        self._disputed: dict[int, Any] = {}
        """Message ids of those answers."""
        for step in act.steps:
            if not step.is_ours and step.kind in ("call", "send"):
                self._calls.setdefault((step.kind, step.action), []).append(step)
            elif is_dispute(step) and step.call is not None:
                self._disputes[step.call] = step

    # --- our turn ---

    def turn(self) -> Step | None:
        """The next step of ours that goes by the order of the capture; None: there is none left."""
        steps = self.act.steps
        while self._next < len(steps):
            step = steps[self._next]
            if step.is_ours and (step.kind != "answer" or is_dispute(step)):
                return step
            self._next += 1
            if step.number in self._early:
                self._early.remove(step.number)
            elif self._is_waited_for(step):
                self._awaited[step.number] = step
        return None

    def _is_waited_for(self, step: Step) -> bool:
        if step.is_ours or step.number in self._late:
            return False
        if step.kind == "answer" and not is_dispute(step):
            return True
        return self._waits_for_peer and (
            is_dispute(step) or (step.kind in ("call", "send") and step.action not in AT_ITS_OWN_PACE)
        )

    def awaited(self, turn: Step | None) -> list[Step]:
        """What the peer has to do first.

        Args:
            turn: the step of ours that is to be done. Before a Close, and where there is none, all of the peer's is
                waited for, its own Close last.
        """
        if turn is not None and turn.kind != "close":
            return list(self._awaited.values()) if self._awaited else []
        return self._outstanding() or ([] if turn else self._closing())

    def _outstanding(self) -> list[Step]:
        steps = dict(self._awaited)
        for fitting in self._calls.values():
            for step in fitting:
                if step.action not in AT_ITS_OWN_PACE and step.number not in self._late:
                    steps[step.number] = step
        return [steps[number] for number in sorted(steps)]

    def _closing(self) -> list[Step]:
        return [
            step
            for step in self.act.steps[-1:]
            if step.kind == "close" and not step.is_ours and step.number not in self._late
        ]

    def has_to_answer(self, turn: Step | None) -> bool:
        """Whether an answer of ours goes before a step of ours."""
        return any(turn is None or answer.step.number < turn.number for answer in self.answers)

    def pass_turn(self, at: int) -> None:
        """The step of ours whose turn it was is done: `at` the time when it was to be."""
        self._count(self.act.steps[self._next], at)
        self._next += 1

    # --- what happens ---

    def fitting(self, kind: str, action: str) -> list[Step]:
        """The recorded Calls, or Sends, of an action that have not come."""
        return self._calls.get((kind, action), [])

    def happened(self, step: Step, now: int) -> bool:
        """A step of the peer's has come, or an answer of ours has gone.

        Returns:
            Whether it had been given up.
        """
        if not step.is_ours and step.kind in ("call", "send"):
            fitting = self._calls[step.kind, step.action]
            del fitting[next(place for place, one in enumerate(fitting) if one is step)]
        if step.number - self.act.steps[0].number >= self._next:
            self._early.add(step.number)
        else:
            self._awaited.pop(step.number, None)
            self._count(step, now)
        was_late = step.number in self._late
        self._late.discard(step.number)
        return was_late

    def _count(self, step: Step, at: int) -> None:
        self.since = at
        if step.time is not None and (self.recorded is None or step.time > self.recorded):
            self.recorded = step.time

    def give_up(self, steps: list[Step], now: int) -> Iterator[Step]:
        """Wait no longer for these: all goes on as if they had happened now. Yields them, and what depends on them."""
        for step in steps:
            if step.number in self._late:
                continue
            self._late.add(step.number)
            self._awaited.pop(step.number, None)
            self._count(step, now)
            yield step
            dispute = None if step.answer is None else self._disputes.get(step.answer)
            if step.kind == "call" and dispute is not None and not dispute.is_ours:
                self._late.add(dispute.number)
                self._awaited.pop(dispute.number, None)
                yield dispute

    def may_lack_answer_to(self, call: Step, wait: int) -> bool:
        """Whether a Call that the capture shows no answer to may have been answered all the same.

        Args:
            call: without an answer.
            wait: nanoseconds after which nobody waits for one.
        """
        act = self.act
        if act.has_gaps:
            return True
        if act.closed is not None and act.closed.how != "end-of-capture":
            return False
        last = act.steps[-1].time
        return call.time is None or last is None or last - call.time < wait

    # --- CallResultErrors ---

    def remember(self, step: Step, message_id: Any) -> None:
        """An answer has this id: a CallResultError about it, if there is one, has it, too."""
        if step.number in self._disputes:
            self._disputed[step.number] = message_id

    def id_of(self, step: Step) -> Any:
        """The id of the answer that a CallResultError is about."""
        return None if step.call is None else self._disputed.get(step.call)

    def dispute(self, message_id: Any) -> Step | None:
        """The peer's CallResultError that was recorded about an answer of ours."""
        for step in self._disputes.values():
            if not step.is_ours and message_id is not None and self.id_of(step) == message_id:
                return step
        return None

    # --- the end ---

    def left(self) -> list[Step]:
        """What has not happened and was not given up, in order; of our answers those whose Calls have come."""
        steps = {step.number: step for step in self._outstanding() + self._closing()}
        steps |= {answer.step.number: answer.step for answer in self.answers}
        for step in self.act.steps[self._next :]:
            is_asked = not step.is_ours or step.kind != "answer"
            if is_asked and step.number not in self._early and step.number not in self._late:
                steps[step.number] = step
        return [steps[number] for number in sorted(steps)]


def is_dispute(step: Step) -> bool:
    """Whether it is a CallResultError, which is about an answer."""
    return step.kind == "answer" and step.message is not None and step.message.type == CALLRESULTERROR
