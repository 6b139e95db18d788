"""What a faulted session asks its caller to do."""

from typing import TypeAlias

from ocppscope.events import Direction, event


@event
class Send:
    """Write bytes."""

    direction: Direction
    """The way they go: FROM_STATION is written to the CSMS."""
    data: bytes


@event
class End:
    """Half-close: nothing more will go this way."""

    direction: Direction


@event
class Close:
    """Close both connections, after what was sent before. No output follows."""


@event
class Mark:
    """A fault acted on a message."""

    direction: Direction
    raw: str
    """The message's text as its sender wrote it; empty where a mark is about no message."""
    text: str
    """What was done, for people, and the fault that did it."""


Output: TypeAlias = Send | End | Close | Mark
