"""Captures at rest, in SQLite: written as they are read, queried while they grow. `docs/store.md` tells users."""

from ocppscope.store.errors import StoreError
from ocppscope.store.reader import FindingRow, SessionRow, Store, Stored
from ocppscope.store.writer import StoreWriter

__all__ = ["FindingRow", "SessionRow", "Store", "StoreError", "StoreWriter", "Stored"]
