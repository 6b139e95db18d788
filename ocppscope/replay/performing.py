"""From a script and the user's wishes to a verdict: one station, or many at once."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ocppscope.replay.comparing import Comparer
from ocppscope.replay.living import LivingValues, fresh_values
from ocppscope.replay.pace import Pace
from ocppscope.replay.player import Manner, Player, Tally
from ocppscope.replay.script import Comparison, Script
from ocppscope.replay.sockets import Dial, Listen, Manners
from ocppscope.replay.stage import Stage, Venue

Observer = Callable[[Comparison], object]


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


def player_of(script: Script, wishes: Wishes) -> Player:
    """A player with a map of its own.

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
    comparer = Comparer(living, wishes.ignore)
    return Player(
        script, living, comparer, pace=wishes.pace, manner=wishes.manner, new_id=lambda: str(uuid.uuid4())
    )


async def play_station(
    script: Script, url: str, wishes: Wishes, observe: Observer | None = None
) -> Performance:
    """Play the station against a CSMS.

    Args:
        script: of the station's side.
        url: of the CSMS.
        wishes: how.
        observe: called with each comparison.
    """
    venue = Dial(url, script.version, wishes.manners)
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
    wait = wishes.manner.wait / 1e9
    venue = Listen(*listen, script.acts[0], script.version, wait, wishes.manners.tls)
    async with venue:
        if listening:
            listening(venue.port)
        return await _perform(script, wishes, venue, observe)


async def _perform(script: Script, wishes: Wishes, venue: Venue, observe: Observer | None) -> Performance:
    player = player_of(script, wishes)
    if observe:
        player.observe = observe
    stage = Stage(player, venue, time.time_ns)
    try:
        await stage.perform(script.acts)
    except asyncio.CancelledError:
        player.stop("interrupted")
    return Performance(player.tally, player.notes, player.latencies)


async def play_clones(
    script: Script,
    url: str,
    wishes: Iterable[Wishes],
    ended: Callable[[Performance], object] | None = None,
) -> list[Performance]:
    """Play a station many times at once, each with its own identity and map.

    Args:
        script: of the station's side.
        url: of the CSMS.
        wishes: one for each clone.
        ended: called with each performance as it ends.
    """

    async def one(wish: Wishes) -> Performance:
        performance = await play_station(script, url, wish)
        if ended:
            ended(performance)
        return performance

    return list(await asyncio.gather(*(one(wish) for wish in wishes)))


def percentile(sorted_values: Sequence[int], part: float) -> int:
    """The value below which a part (0 to 1) of sorted values lies; 0 where there are none."""
    if not sorted_values:
        return 0
    return sorted_values[min(int(len(sorted_values) * part), len(sorted_values) - 1)]
