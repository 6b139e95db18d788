"""A capture as a store: its events, and what all rules find in them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ocppscope import rules as _all_rules  # noqa: F401 - declares them
from ocppscope.events import Event, Notice
from ocppscope.export import Order
from ocppscope.rules.engine import Engine
from ocppscope.store import StoreWriter


@contextmanager
def _writing() -> Iterator[None]:
    """Make of what SQLite says what any other file says."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(0, str(error)) from error


class StoreOutput:
    """A store that is being written (`export.Output`)."""

    def __init__(self, order: Order) -> None:
        with _writing():
            self._writer = StoreWriter(order.path, source=order.source, durable=not order.is_scratch)
            self._writer.note(profile=order.profile)
        self._engine = Engine(profile=order.profile, observer=self._writer.observe)
        self._wanted = order.wanted
        self._is_whole = True
        """Nothing was broken off halfway."""

    def feed(self, events: list[Event | Notice], *, read: int, size: int | None) -> None:
        self._is_whole = False
        self._engine.feed(events)
        with _writing():
            self._writer.feed(events, read=read, size=size)
        self._is_whole = True

    def flush(self) -> None:
        self._is_whole = False
        with _writing():
            self._writer.commit()
        self._is_whole = True

    def finish(self, **facts: Any) -> int:
        with _writing():
            self._select()
            return self._writer.finish(**facts)

    def leave(self, **facts: Any) -> None:
        with _writing():
            if not self._is_whole:
                self._writer.abandon()
            self._select()
            self._writer.leave(**facts)

    def _select(self) -> None:
        if self._wanted is not None:
            self._writer.select(self._wanted.sql(), self._wanted.text)

    def close(self) -> None:
        self._writer.close()


open_output = StoreOutput
