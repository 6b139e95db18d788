"""Where a script is played: between the player, which knows no socket, and a connection, which knows no script."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Protocol

from ocppscope.replay.player import (
    Close,
    Done,
    Open,
    Output,
    Player,
    SendPing,
    SendRaw,
    SendText,
)
from ocppscope.replay.script import Act

_SECOND: Final = 1_000_000_000
_LEAVING: Final = Close(1001)


class CannotOpenError(Exception):
    """A connection cannot be had. The text says with whom, why, and what to do."""


class Ended(Exception):  # noqa: N818 - no error: every connection ends
    """The connection has ended; `code` is None where no Close was seen."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection(Protocol):
    """One open WebSocket connection to the peer."""

    async def receive(self) -> str:
        """Wait for the next text.

        Raises:
            Ended: there will be none.
        """

    async def send(self, text: str) -> None:
        """Send a text; nothing happens where the connection has ended."""

    async def send_raw(self, frames: bytes) -> None:
        """Send frames as they are."""

    async def ping(self, payload: bytes) -> None:
        """Send a ping."""

    async def close(self, how: Close) -> None:
        """End the connection."""


class Venue(Protocol):
    """Where connections come from: a CSMS that is dialled, a port that stations dial."""

    async def open(self, act: Act) -> Connection:
        """The connection for an act.

        Raises:
            CannotOpenError: it cannot be had.
        """


class Stage:
    """Lets one player play.

    Args:
        player: what is played.
        venue: where.
        clock: nanoseconds since the epoch.
    """

    def __init__(self, player: Player, venue: Venue, clock: Callable[[], int]) -> None:
        self._player = player
        self._venue = venue
        self._clock = clock
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        """Held from what happens until all that follows from it is sent: what is said stays in order."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0
        self._next_act: int | None = None
        self._is_over = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def perform(self, acts: Sequence[Act]) -> None:
        """Play to the end. Cancelled, it leaves without a word.

        Args:
            acts: of the script that the player plays.
        """
        try:
            await self._do(self._player.start(self._clock()))
            while not self._is_over:
                if self._next_act is None:
                    await self._between_acts()
                else:
                    await self._play(acts[self._next_act])
        finally:
            if self._timer:
                self._timer.cancel()
            for task in self._tasks:
                task.cancel()
            if self._connection is not None:
                await self._connection.close(_LEAVING)

    async def _between_acts(self) -> None:
        """Wait until the next act is to open."""
        due, now = self._player.due, self._clock()
        await asyncio.sleep(max((now if due is None else due) - now, 0) / _SECOND)
        await self._do(self._player.wake(self._clock()))

    async def _play(self, act: Act) -> None:
        """One act: from its connection to the end of that."""
        player, clock, turn = self._player, self._clock, self._turn
        self._next_act = None
        try:
            connection = self._connection = await self._venue.open(act)
        except CannotOpenError as error:
            await self._do(player.failed(str(error), clock()))
            return
        try:
            async with turn:
                await self._do(player.opened(clock()))
            while True:
                text = await connection.receive()
                async with turn:
                    await self._do(player.received(text, clock()))
        except Ended as end:
            async with turn:
                self._connection = None
                await self._do(player.closed(end.code, end.reason, clock()))

    async def _do(self, outputs: Iterable[Output]) -> None:
        connection = self._connection
        for output in outputs:
            if isinstance(output, Open):
                self._next_act = output.act
            elif isinstance(output, Done):
                self._is_over = True
            elif connection is None:
                continue  # what was to be said has nobody to hear it any more
            elif isinstance(output, SendText):
                await connection.send(output.text)
            elif isinstance(output, SendPing):
                await connection.ping(output.payload)
            elif isinstance(output, SendRaw):
                await connection.send_raw(output.data)
            elif isinstance(output, Close):
                self._start(connection.close(output))  # it waits for the peer's, which `receive` has to take
        self._player.judge()
        self._set_timer()

    def _set_timer(self) -> None:
        due = self._player.due
        if due is None or self._connection is None:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return  # it will find out then that there is nothing to do yet
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer_due = due
        self._timer = loop.call_later(max(due - self._clock(), 0) / _SECOND, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._start(self._wake())

    async def _wake(self) -> None:
        async with self._turn:
            if self._connection is not None:
                await self._do(self._player.wake(self._clock()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
