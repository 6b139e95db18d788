"""Stores as a source: what was read once goes through the same decoder again, with the numbers that it got."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ocppscope.events import Notice, WireEvent
from ocppscope.sources.blocks import InputError
from ocppscope.store import Store, StoreError


class StoredCapture:
    """One store (`inputs.Source`).

    Args:
        name: its path.
        follow: called at the end of a store that is still written, to wait for more; False from it ends the
            reading.

    Raises:
        InputError: it cannot be opened as a store.
    """

    begins_with_stations: Final = False

    def __init__(self, name: str, follow: Callable[[], bool] | None = None) -> None:
        self._name = name
        self._path = Path(name)
        self._follow = follow
        self._read_to = 0
        try:
            with Store(self._path) as store:
                self._meta = store.meta
                self._last = store.last
                self._has_writer = store.has_writer
        except StoreError as error:
            raise InputError(str(error)) from error

    @property
    def size(self) -> int | None:
        return self._path.stat().st_size

    @property
    def read(self) -> int:
        return int((self.size or 0) * min(self._read_to / max(self._last, 1), 1))

    @property
    def found(self) -> dict[str, int]:
        try:
            found = json.loads(self._meta.get("found") or "{}")
        except (TypeError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {kind: count for kind, count in found.items() if isinstance(count, int)}

    @property
    def caution(self) -> str | None:
        if "filter" in self._meta:
            return (
                f"{self._name} holds a selection ({self._meta['filter']}): "
                "what was left out may seem missing, such as the answer to a Call"
            )
        if self._meta.get("complete") or self._follow is not None:
            return None
        if self._has_writer:
            return f"{self._name} is still being written: this is what it holds now"
        return f"{self._name} does not hold all of its input: its writer was stopped before the end"

    def batches(self) -> Iterator[list[WireEvent]]:
        """Yield the events, some at a time."""
        try:
            with Store(self._path) as store:
                for batch in store.wire_events(self._follow):
                    if batch and not isinstance(batch[-1], Notice):
                        self._read_to = batch[-1].n
                    yield batch
        except StoreError as error:
            yield [Notice("file.damaged", None, str(error), self._name)]

    def close(self) -> None:
        """Nothing is open between batches' first and last."""
