"""Looking through a store's events in a thread, some at a time, while the screen stays alive."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ocppscope.store import Store, StoreError

if TYPE_CHECKING:
    from ocppscope.tui.views.base import View

_FIRST: Final = 5_000
"""Events looked at in the first go: the first hits are soon there."""
_LARGEST: Final = 200_000
_PACE: Final = 0.05
"""Seconds that one go is to take."""


class Scan:
    """Asks a store's events something, up to the last one, and goes on when there are more.

    Args:
        view: for which it is done; when that has gone, it ends.
        ask: (store, after, until) -> what was found among the events between; runs in the thread.
        take: (after, until, what was found); runs in the loop that draws.
    """

    def __init__(
        self,
        view: "View",
        ask: Callable[[Store, int, int], Any],
        take: Callable[[int, int, Any], None],
    ) -> None:
        self.done = 0
        """Up to which event was looked."""
        self._view = view
        self._ask = ask
        self._take = take
        self._store: Store | None = None
        self._is_running = False
        self._is_stopped = False

    def go_on(self) -> None:
        """Look at what is new; where it is at it already, nothing more has to be done."""
        is_wanted = self._view.is_attached and not self._is_stopped
        if is_wanted and not self._is_running and self.done < self._view.browser.last:
            self._is_running = True
            self._view.run_worker(self._run, thread=True, group="scan")

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._is_stopped = True
        if self._store is not None:
            self._store.interrupt()

    @property
    def share(self) -> str:
        """How much was looked at, for the status line; empty when that is all."""
        last = self._view.browser.last
        return f"{100 * self.done // last} % looked at" if self.done < last else ""

    def _run(self) -> None:
        app, size = self._view.app, _FIRST
        try:
            with Store(self._view.browser.store.path) as store:
                self._store = store
                while not self._is_stopped and self.done < self._view.browser.last:
                    began, after = time.monotonic(), self.done
                    until = min(after + size, self._view.browser.last)
                    found = self._ask(store, after, until)
                    app.call_from_thread(self._took, until, found)
                    pace = _PACE / max(time.monotonic() - began, 0.001)
                    size = max(min(int(size * min(pace, 4)), _LARGEST), 100)
        except StoreError as error:
            if not self._is_stopped:
                app.call_from_thread(self._view.browser.show_alert, str(error))
        finally:
            self._store = None
            app.call_from_thread(self._ended)

    def _ended(self) -> None:
        self._is_running = False
        self.go_on()  # there may be more since the thread looked last

    def _took(self, until: int, found: Any) -> None:
        if not self._view.is_attached:
            self._is_stopped = True
        if not self._is_stopped:
            after, self.done = self.done, until
            self._take(after, until, found)
