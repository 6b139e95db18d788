"""From a script and the user's wishes to a verdict: one station, or many at once."""

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ocppscope.replay.comparing import Comparer
from ocppscope.replay.living import LivingValues, fresh_values
from ocppscope.replay.pace import Pace
from ocppscope.replay.player import Manner, Player, Tally
from ocppscope.replay.script import Comparison, Script
from ocppscope.replay.sockets import Dial, Listen, Manners
from ocppscope.replay.stage import Stage, Venue

Observer = Callable[[Comparison], object]

_SECOND: Final = 1_000_000_000
_APART: Final = 0.004
"""Seconds between the starts of two clones: stations do not move in step, and no server likes a storm."""
_AT_ONCE: Final = 64
"""Clones that connect at the same time: fewer than most servers let wait to be accepted."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a script is to be played."""

    pace: Pace = field(default_factory=Pace)
    manner: Manner = field(default_factory=Manner)
    manners: Manners = field(default_factory=Manners)
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Recorded idTags and idTokens, and what to say in their place."""
    ignore: Sequence[str] = ()
    """Pointers of what is not compared."""
    keep_times: bool = False


@dataclass(slots=True)
class Performance:
    """What has come of it."""

    tally: Tally
    notes: list[str]
    latencies: list[int]
    """Nanoseconds."""
    refused: int = 0
    """Connections that could not be had."""
    is_interrupted: bool = False
    """Its task was cancelled: it ends where it was, and says what has come of it so far."""


def player_of(script: Script, wishes: Wishes, observe: Observer | None = None) -> tuple[Player, LivingValues]:
    """A player, with a map of its own.

    Raises:
        ValueError: a pointer to be ignored is none.
    """
    living = LivingValues(
        script.version or "1.6",
        script.side,
        tokens=wishes.tokens,
        identity=(script.station, wishes.manners.identity),
        keep_times=wishes.keep_times,
        fresh=fresh_values(random.Random()),  # noqa: S311 - no secret: two replays must not use the same
    )
    player = Player(
        script,
        living,
        Comparer(living, wishes.ignore),
        pace=wishes.pace,
        manner=wishes.manner,
        new_id=_message_ids(),
    )
    if observe:
        player.observe = observe
    return player, living


async def play_station(
    script: Script,
    url: str,
    wishes: Wishes,
    observe: Observer | None = None,
    door: asyncio.Semaphore | None = None,
) -> Performance:
    """Play the station against a CSMS.

    Args:
        script: of the station's side.
        url: of the CSMS.
        wishes: how.
        observe: called with each comparison.
        door: lets only so many connect at once.
    """
    venue = Dial(url, script.version, wishes.manners, wishes.manner.wait / _SECOND, door)
    performance = await _perform(script, wishes, venue, observe)
    performance.refused = venue.refused
    return performance


async def play_csms(
    script: Script,
    listen: tuple[str, int],
    wishes: Wishes,
    observe: Observer | None = None,
    listening: Callable[[int], object] | None = None,
) -> Performance:
    """Play the CSMS for a station that connects.

    Args:
        script: of the CSMS's side.
        listen: host and port.
        wishes: how.
        observe: called with each comparison.
        listening: called with the port, as soon as stations may connect.

    Raises:
        OSError: nobody can listen there.
    """
    wait = wishes.manner.wait / _SECOND
    venue = Listen(*listen, script.acts[0], script.version, wait, wishes.manners)
    async with venue:
        if listening:
            listening(venue.port)
        return await _perform(script, wishes, venue, observe)


async def _perform(script: Script, wishes: Wishes, venue: Venue, observe: Observer | None) -> Performance:
    player, living = player_of(script, wishes, observe)
    stage = Stage(player, venue, _steady_clock())
    is_interrupted = False
    try:
        await stage.perform(script.acts)
    except asyncio.CancelledError:
        is_interrupted = True
        player.stop("interrupted")
    notes = [*player.notes, *(one.detail for one in living.unlearned)]
    return Performance(player.tally, notes, player.latencies, is_interrupted=is_interrupted)


def _message_ids() -> Callable[[], str]:
    """UUIDs, as most stations and CSMS use: of one replay they differ at the end, which is quick to make."""
    beginning, _, end = str(uuid.uuid4()).rpartition("-")
    numbers = itertools.count(int(end, 16) >> 1)
    return lambda: f"{beginning}-{next(numbers):012x}"


def _steady_clock() -> Callable[[], int]:
    """Nanoseconds since the epoch; who sets the computer's clock meanwhile does not change the pace."""
    ahead = time.time_ns() - time.monotonic_ns()
    return lambda: time.monotonic_ns() + ahead


async def play_clones(
    script: Script,
    url: str,
    wishes: Iterable[Wishes],
    ended: Callable[[Performance], object] | None = None,
    observe: Observer | None = None,
) -> list[Performance]:
    """Play a station many times at once, each with its own identity and map.

    Args:
        script: of the station's side.
        url: of the CSMS.
        wishes: one for each clone.
        ended: called with each performance as it ends.
        observe: called with each comparison of any of them.
    """
    door = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, wish: Wishes) -> Performance:
        await asyncio.sleep(number * _APART)
        performance = await play_station(script, url, wish, observe, door)
        if ended:
            ended(performance)
        return performance

    tasks = [asyncio.ensure_future(one(number, wish)) for number, wish in enumerate(wishes)]
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # One that had not even begun was cancelled, and has nothing to tell.
    return [task.result() for task in tasks if not task.cancelled()]


def percentile(sorted_values: Sequence[int], part: float) -> int:
    """The value below which a part (0 to 1) of sorted values lies; 0 where there are none."""
    if not sorted_values:
        return 0
    return sorted_values[min(int(len(sorted_values) * part), len(sorted_values) - 1)]
