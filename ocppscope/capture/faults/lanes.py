"""The two ways in which a direction's bytes travel: as they come, or frame by frame through a queue.

A lane appends what goes out to a list that it shares with its session. Times are nanoseconds.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from ocppscope.capture.faults.deflating import Compression, Deflater
from ocppscope.capture.faults.effects import Parcel, Reply, Shut
from ocppscope.capture.faults.frames import CLOSE, TEXT, FrameSplitter, Raw, Single, Unit, Whole, compose
from ocppscope.capture.faults.outputs import End, Mark, Output, Send
from ocppscope.events import FROM_STATION, Direction
from ocppscope.wire.deflate import Inflater

HELD_BACK: Final = 5_000_000_000
"""How long a message waits at most for one to go before it."""

Then: TypeAlias = Reply | Shut | End


class Lane:
    """One direction of which the bytes are passed on at once; messages are only looked at.

    Args:
        direction: the way the bytes go.
        compression: as agreed; None for none.
        out: where outputs are appended.
        random: gives the mask keys of frames of our own.
        max_message: bytes that a message may have, also after inflating.
    """

    def __init__(
        self,
        direction: Direction,
        compression: Compression | None,
        out: list[Output],
        random: Random,
        max_message: int,
    ) -> None:
        self.direction: Direction = direction
        self.splitter = FrameSplitter(compression=compression is not None, max_message=max_message)
        self._inflater = Inflater(compression is not None and compression.takeover, max_message)
        self._out = out
        self._random = random
        self._is_shut = False  # its Close frame or its end has gone out: nothing of ours may follow
        self._passed = 0
        self._waiting: list[bytes] = []  # for the message under way to end

    # --- what comes in ---

    def split(self, data: bytes) -> Iterator[Unit]:
        """Take bytes, and give the units that they complete."""
        start, sent = self._passed, 0
        self._passed += len(data)
        units = list(self.splitter.feed(data))
        if self._waiting and (end := _first_boundary(units)):
            sent = end - start
            self._send(data[:sent], *self._waiting)
            self._waiting.clear()
        self._send(data[sent:])
        yield from units

    def inflate(self, whole: Whole) -> bytes:
        """A message's payload, inflated.

        Raises:
            DeflateError: it cannot be.
        """
        return self._inflater.inflate(whole.payload) if whole.is_compressed else whole.payload

    def put(self, parcel: Parcel) -> None:
        """Take a message whose fate is decided."""

    def control(self, single: Single, now: int) -> None:  # noqa: ARG002
        """Take a control frame."""
        self._is_shut |= single.opcode == CLOSE

    def raw(self, raw: Raw, now: int) -> None:
        """Take bytes that are no frames."""

    def give_up(self, whole: Whole, reason: str, now: int) -> None:
        """A message could not be inflated."""

    def end(self, now: int) -> None:  # noqa: ARG002
        """Its sender has half-closed."""
        self._is_shut = True
        self._out.append(End(self.direction))

    # --- what is put in by us ---

    def inject(self, text: bytes, now: int) -> None:  # noqa: ARG002
        """Send a message of our own: between two others, and uncompressed, as any message may be."""
        if self._is_shut:
            return
        frame = compose(TEXT, text, key=self._key())
        if self.splitter.is_between_messages:
            self._send(frame)
        elif self.splitter.broken is None:
            self._waiting.append(frame)

    def shut(self, payload: bytes) -> None:
        """Send a Close frame, where one can be read."""
        if not self._is_shut and self.splitter.is_between_frames:
            self._send(compose(CLOSE, payload, key=self._key()))

    # --- what waits ---

    @property
    def due(self) -> int | None:
        """When `release` will have something."""
        return None

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return sum(map(len, self._waiting))

    @property
    def is_holding_back(self) -> bool:
        """Whether a message waits for another one to go before it."""
        return False

    def release(self, now: int) -> Iterator[Then]:  # noqa: ARG002
        """Send what is due, and give what is to be done for it by the session."""
        yield from ()

    def _send(self, *pieces: bytes) -> None:
        self._out += [Send(self.direction, piece) for piece in pieces if piece]

    def _key(self) -> bytes | None:
        return self._random.randbytes(4) if self.direction == FROM_STATION else None


def _first_boundary(units: list[Unit]) -> int | None:
    """Where in the stream a message has ended and none begun."""
    for unit in units:
        if isinstance(unit, Whole) or (isinstance(unit, Single) and not unit.is_inside):
            return unit.end
    return None


@dataclass(slots=True)
class _Step:
    """What goes out in one piece."""

    due: int
    data: bytes = b""
    pause: int | None = None
    """Nanoseconds to the next step, which holds the rest of a message: `data` may end within a frame."""
    then: Then | None = None


class FaultedLane(Lane):
    """One direction that is handled by frames, in a queue that nothing but control frames overtakes.

    Its messages are inflated, and compressed anew in the order in which they go out: a receiver could not
    inflate what refers to messages that it never got.
    """

    def __init__(
        self,
        direction: Direction,
        compression: Compression | None,
        out: list[Output],
        random: Random,
        max_message: int,
    ) -> None:
        super().__init__(direction, compression, out, random, max_message)
        self._deflater = Deflater(compression) if compression else None
        self._queue: deque[_Step] = deque()
        self._held = 0
        self._is_torn = False  # what went out last ends within a message
        self._resume = 0  # when the rest of it may follow
        self._urgent: list[bytes] = []  # control frames that wait for that
        self._held_back: Parcel | None = None
        self._held_back_until = 0
        self._is_given_up = False

    # --- what comes in ---

    def split(self, data: bytes) -> Iterator[Unit]:
        return self.splitter.feed(data)

    def put(self, parcel: Parcel) -> None:
        if parcel.is_held_back and self._held_back is None:
            self._held_back = parcel if parcel.copies or parcel.effect else None
            self._held_back_until = parcel.due + HELD_BACK
            return
        self._encode(parcel)
        if parcel.copies:
            self._let_go()

    def control(self, single: Single, now: int) -> None:
        if single.opcode == CLOSE or self._is_shut:  # a Close overtakes no message, and nothing overtakes it
            self._let_go()
            self._push(_Step(now, single.frame))
            self._is_shut = True
        elif self._is_torn:
            self._urgent.append(single.frame)
        else:
            self._send(single.frame)

    def raw(self, raw: Raw, now: int) -> None:
        self._let_go()
        self._push(_Step(now, raw.data))
        if not self._is_given_up:
            self._is_given_up = True
            text = f"no faults from here on, the bytes are passed on as they are: {self.splitter.broken}"
            self._out.append(Mark(self.direction, "", text))

    def give_up(self, whole: Whole, reason: str, now: int) -> None:
        self.splitter.give_up(reason)
        self.raw(Raw(b"".join(whole.frames), whole.end), now)

    def end(self, now: int) -> None:
        self._let_go()
        self._push(_Step(now, self.splitter.rest(), then=End(self.direction)))
        self._is_shut = True

    # --- what is put in by us ---

    def inject(self, text: bytes, now: int) -> None:
        if not self._is_shut and self.splitter.broken is None:
            self._push(_Step(now, compose(TEXT, text, key=self._key())))

    def shut(self, payload: bytes) -> None:
        has_gone = self._is_shut and not self._queue
        if has_gone or self.splitter.broken is not None:
            return
        if self._is_torn:
            self._send(self._queue[0].data, *self._urgent)
        self._send(compose(CLOSE, payload, key=self._key()))

    # --- what waits ---

    @property
    def due(self) -> int | None:
        times = [max(self._queue[0].due, self._resume)] if self._queue else []
        times += [self._held_back_until] if self._held_back else []
        return min(times, default=None)

    @property
    def held(self) -> int:
        back = len(self._held_back.text) if self._held_back else 0
        return self._held + back + sum(map(len, self._urgent))

    @property
    def is_holding_back(self) -> bool:
        return self._held_back is not None

    def release(self, now: int) -> Iterator[Then]:
        if self._held_back and self._held_back_until <= now:
            self._let_go()
        while self._queue and max(self._queue[0].due, self._resume) <= now:
            step = self._queue.popleft()
            self._held -= len(step.data)
            self._send(step.data)
            self._is_torn = step.pause is not None
            self._resume = now + (step.pause or 0)
            if not self._is_torn:
                self._send(*self._urgent)
                self._urgent.clear()
            if step.then is not None:
                yield step.then

    def _let_go(self) -> None:
        """Queue the message that is held back."""
        parcel, self._held_back = self._held_back, None
        if parcel:
            self._encode(parcel)

    def _encode(self, parcel: Parcel) -> None:
        """Queue what goes out of a message."""
        for copy in range(parcel.copies):
            data = self._bytes(parcel)
            if parcel.stall is not None and copy == 0:
                half = len(data) // 2
                self._push(_Step(parcel.due, data[:half], parcel.stall))
                data = data[half:]
            self._push(_Step(parcel.due, data))
        if parcel.effect:
            self._push(_Step(parcel.due, then=parcel.effect))

    def _push(self, step: _Step) -> None:
        self._queue.append(step)
        self._held += len(step.data)

    def _bytes(self, parcel: Parcel) -> bytes:
        whole, text = parcel.whole, parcel.text
        if not whole.is_compressed and not parcel.is_changed:
            return b"".join(whole.frames)
        key = self._random.randbytes(4) if whole.is_masked else None
        if not whole.is_compressed:
            return compose(whole.opcode, text, key=key)
        assert self._deflater is not None  # or else the splitter had given up
        return compose(whole.opcode, self._deflater.deflate(text), key=key, rsv1=True)
