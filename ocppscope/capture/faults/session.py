"""One session with faults: the bytes of both sides in, what is to be sent, and when, out.

No socket and no clock here: the caller says what time it is, and comes back when `due` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from ocppscope.capture.faults.deflating import agreed
from ocppscope.capture.faults.effects import EFFECTS, LAST, Parcel, Reply, Shut
from ocppscope.capture.faults.frames import Single, Whole
from ocppscope.capture.faults.lanes import FaultedLane, Lane, Then
from ocppscope.capture.faults.outputs import Close, End, Mark, Output, Send
from ocppscope.capture.faults.scope import TARGETS, station_of
from ocppscope.capture.faults.spec import FaultSpec, concerns
from ocppscope.events import FROM_CSMS, FROM_STATION, Damaged, Direction, Message, Opened, Text
from ocppscope.filter import Predicate
from ocppscope.ocpp.decoder import Decoder
from ocppscope.wire.deflate import DeflateError
from ocppscope.wire.websocket import MAX_MESSAGE

__all__ = ["MAX_HELD", "Close", "End", "FaultedSession", "Mark", "Output", "Send"]

MAX_HELD: Final = 16 << 20
"""Bytes of one direction that may wait before its sender has to."""

_OPPOSITE: Final[dict[Direction, Direction]] = {FROM_STATION: FROM_CSMS, FROM_CSMS: FROM_STATION}


@dataclass(slots=True)
class _Fault:
    """A fault that may happen in a direction."""

    spec: FaultSpec
    fits: Predicate | None
    random: Random

    def happens_to(self, event: Message | Damaged) -> bool:
        """Whether it can act on a message, is meant to, and chance agrees: asked of those only."""
        types = TARGETS.get(self.spec.kind)
        if types is not None and not (isinstance(event, Message) and event.type in types):
            return False
        if self.fits is not None and not self.fits(event, ()):
            return False
        return self.random.random() < self.spec.probability


class FaultedSession:
    """The faults of one session.

    What is drawn by chance depends on the seed, the station, `nth`, the fault's place among the specs, and the
    messages of its own direction that fit it; on no other session, and not on time.

    Args:
        specs: what may happen, in the order in which it is done.
        opened: the session's handshake, with status 101.
        seed: of all that is left to chance.
        nth: which session of its station this is, from 1.
        max_message: bytes that a message may have, also after inflating. A direction with a larger one, or
            with what is no WebSocket, is passed on as bytes from there on.

    Attributes:
        directions: those that are handled by frames. The bytes of the others are passed on at once and
            unchanged, though frames of ours may be put in; where there are none, nothing can happen and the
            caller may relay without this.
    """

    def __init__(
        self,
        specs: Sequence[FaultSpec],
        opened: Opened,
        *,
        seed: int,
        nth: int = 1,
        max_message: int = MAX_MESSAGE,
    ) -> None:
        station = station_of(opened)
        self._out: list[Output] = []
        self._is_over = False
        # A session of our own, since the recording's decoder fills in the other one; numbered, as of those that
        # were not it holds events back until it knows that they are OCPP.
        self._session = replace(opened.session, station=station)
        self._decoder = Decoder(name_station=station)
        self._decoder.feed([replace(opened, session=self._session, n=1)])

        def random(direction: Direction, what: object) -> Random:
            return Random(f"{seed}:{station}:{nth}:{what}:{direction}")  # noqa: S311 to be repeatable

        self._faults: dict[Direction, list[_Fault]] = {
            direction: [
                _Fault(spec, spec.wanted.predicate() if spec.wanted else None, random(direction, index))
                for index, spec in enumerate(specs)
                if concerns(spec, opened, direction)
            ]
            for direction in _OPPOSITE
        }
        self.directions: frozenset[Direction] = frozenset(
            direction for direction, faults in self._faults.items() if faults
        )
        self._lanes: dict[Direction, Lane] = {
            direction: (FaultedLane if faults else Lane)(
                direction,
                agreed(opened.extensions, direction),
                self._out,
                random(direction, "mask"),
                max_message,
            )
            for direction, faults in self._faults.items()
        }

    @property
    def due(self) -> int | None:
        """When `wake` has something to do, in the caller's nanoseconds; None while nothing waits for time."""
        if self._is_over:
            return None
        times = [lane.due for lane in self._lanes.values()]
        return min((time for time in times if time is not None), default=None)

    def is_full(self, direction: Direction) -> bool:
        """Whether so much waits that no more should be read from this direction's sender for now."""
        filled = {direction}
        if any(fault.spec.kind == "answer" for fault in self._faults[direction]):
            filled.add(_OPPOSITE[direction])  # its answers wait there
        return any(self._lanes[one].held >= MAX_HELD for one in filled)

    def feed(self, direction: Direction, data: bytes, now: int) -> list[Output]:
        """Take bytes of a sender.

        Args:
            direction: the way they go.
            data: the next bytes behind its HTTP head.
            now: nanoseconds since the epoch, as filters on `time` read it; never less than before.
        """
        if self._is_over:
            return []
        lane = self._lanes[direction]
        for unit in lane.split(data):
            if isinstance(unit, Whole):
                self._whole(lane, unit, now)
            elif isinstance(unit, Single):
                lane.control(unit, now)
            else:
                lane.raw(unit, now)
            if not self._release(now):
                break
        return self._taken()

    def wake(self, now: int) -> list[Output]:
        """Send what has waited long enough."""
        if not self._is_over:
            self._release(now)
        return self._taken()

    def end(self, direction: Direction, now: int) -> list[Output]:
        """A sender has half-closed: its End comes out after all that waits before it."""
        if not self._is_over:
            self._lanes[direction].end(now)
            self._release(now)
        return self._taken()

    # --- messages ---

    def _whole(self, lane: Lane, whole: Whole, now: int) -> None:
        """Read a message, decide what happens to it, and put it on its way."""
        try:
            text = lane.inflate(whole)
        except DeflateError as error:
            lane.give_up(whole, str(error), now)
            return
        event = self._event(lane.direction, text, now)
        lane.put(self._judged(lane, event, Parcel(whole, text, now)))

    def _event(self, direction: Direction, text: bytes, now: int) -> Message | Damaged:
        """What a recording will show of a message, so that filters say the same of it."""
        wire: Text | Damaged
        try:
            wire = Text(self._session, now, direction, text.decode())
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 from byte {error.start} on"
            wire = Damaged(self._session, now, direction, "utf8", error.start, reason, text)
        (event,) = self._decoder.feed([wire])
        assert isinstance(event, Message | Damaged)
        return event

    def _judged(self, lane: Lane, event: Message | Damaged, parcel: Parcel) -> Parcel:
        """Let every fault that happens to a message have its effect."""
        raw = event.raw if isinstance(event.raw, str) else event.raw.decode(errors="backslashreplace")
        for fault in self._faults[lane.direction]:
            spec = fault.spec
            if not fault.happens_to(event) or (spec.kind == "reorder" and lane.is_holding_back):
                continue  # what goes before the one that is held back has overtaken it already
            done = EFFECTS[spec.kind](parcel, event, fault.random, *spec.arguments)
            self._out.append(Mark(lane.direction, raw, f"{done} ({spec.text})"))
            if spec.kind in LAST:
                break
        return parcel

    # --- what goes out ---

    def _release(self, now: int) -> bool:
        """Let everything go that is due; whether the session goes on."""
        while (due := self.due) is not None and due <= now:
            for lane in self._lanes.values():
                for then in lane.release(now):
                    self._do(lane, then, now)
                    if self._is_over:
                        return False
        return True

    def _do(self, lane: Lane, then: Then, now: int) -> None:
        if isinstance(then, Reply):
            self._lanes[_OPPOSITE[lane.direction]].inject(then.text, now)
        elif isinstance(then, Shut):
            for either in self._lanes.values():
                either.shut(then.code.to_bytes(2, "big") + then.reason.encode())
            self._out.append(Close())
            self._is_over = True
        else:
            self._out.append(then)

    def _taken(self) -> list[Output]:
        out = self._out[:]
        self._out.clear()
        return out
