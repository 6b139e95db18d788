"""Where a field is in payloads of one kind."""

from collections.abc import Iterator
from typing import Any, TypeAlias

FieldPath: TypeAlias = tuple[str, ...]
"""Names from the payload down to a field; `*` stands for every item of an array."""


def values_at(payload: Any, path: FieldPath) -> Iterator[Any]:
    """The values of a field; `*` in its path stands for every item of an array."""
    if not path:
        yield payload
    elif path[0] == "*":
        for item in payload if isinstance(payload, list) else ():
            yield from values_at(item, path[1:])
    elif isinstance(payload, dict) and path[0] in payload:
        yield from values_at(payload[path[0]], path[1:])
