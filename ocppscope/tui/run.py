"""The door to the browser: what the command `view` calls."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from ocppscope.store import Store, StoreError
from ocppscope.tui import settings
from ocppscope.tui.app import Browser, Loading

_LOOK: Final = 0.01
_SAY_AFTER: Final = 2.0


class NothingToShowError(Exception):
    """There is nothing to look at. The text says why; `code` is the exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def run(
    path: Path,
    *,
    name: str,
    loader: "subprocess.Popen[bytes] | None" = None,
    errors: Path | None = None,
    follow: bool = False,
    filter_text: str = "",
) -> int:
    """Browse a store until the user leaves.

    Args:
        path: of the store; where `loader` writes it, it may not be there yet.
        name: of the input, for people.
        loader: the process that writes it.
        errors: the file to which that process writes what went wrong.
        follow: stay at the end while more comes.
        filter_text: a filter to begin with.

    Returns:
        The exit code.

    Raises:
        NothingToShowError: there is no store, and there will be none.
    """
    try:
        store = _opened(path, loader, errors)
        _read_first(store)
    except StoreError as error:
        raise NothingToShowError(str(error), 3) from error
    with store:
        browser = Browser(
            store,
            name=name,
            settings=settings.load(),
            loading=Loading(loader, errors),
            follow=follow,
            filter_text=filter_text,
        )
        code = browser.run()
    return browser.return_code or code or 0


def _read_first(store: Store) -> None:
    """Read what the first screen needs: a store too damaged for that is told of here, not in the browser."""
    try:
        _ = store.last, store.meta
        store.marks()
        store.sessions()
    except StoreError:
        store.close()
        raise


def _opened(path: Path, loader: "subprocess.Popen[bytes] | None", errors: Path | None) -> Store:
    """The store, as soon as it is there."""
    if loader is None:
        return Store(path)
    began, said = time.monotonic(), False
    while True:
        code = loader.poll()
        try:
            return Store(path)
        except StoreError as error:
            if code is not None:
                text = errors.read_text(errors="replace").strip() if errors else ""
                raise NothingToShowError(text or str(error), code or 3) from error
        if not said and time.monotonic() - began > _SAY_AFTER:
            print("waiting for the first bytes …", file=sys.stderr)  # noqa: T201 - there is no screen yet
            said = True
        time.sleep(_LOOK)
