"""The browser itself: the store it reads, what all views share, and what the keys do."""

import gc
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from ocppscope.filter import parse
from ocppscope.store import Store, StoreError
from ocppscope.tui.actions import ACTIONS, bindings
from ocppscope.tui.prompt import Question
from ocppscope.tui.selection import EVERYTHING, Scope
from ocppscope.tui.settings import TIME_MODES, Settings
from ocppscope.tui.views.base import View

_POLL: Final = 0.1
"""Seconds between two looks at whether the store has changed."""


@dataclass(slots=True)
class Loading:
    """The process that writes the store, where it is a child of ours."""

    process: subprocess.Popen[bytes] | None = None
    errors: Path | None = None
    """What it wrote to its stderr."""


class Browser(App[int]):
    """Browses one store.

    Args:
        store: open.
        name: of the input, for people.
        settings: of the user.
        loading: who writes the store.
        follow: stay at the end from the start, and wait for more.
        filter_text: the filter to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app"),
        Binding("ctrl+c", "say_how_to_leave", show=False, priority=True),
    ]
    COMMAND_PALETTE_BINDING = "ctrl+p"
    TITLE = "ocppscope"
    CSS: ClassVar[str] = """
    Screen { layout: vertical; }
    Footer { height: 1; }
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        settings: Settings | None = None,
        loading: Loading | None = None,
        follow: bool = False,
        filter_text: str = "",
    ) -> None:
        super().__init__()
        self.store = store
        self.source = name
        self.settings = settings or Settings()
        self.scope: Scope = EVERYTHING
        self.filter_text = filter_text
        self.hide_routine = self.settings.hide_routine
        self.time_mode = self.settings.time_mode
        self.following = follow
        self.marks: dict[int, str] = {}
        self.compared: list[int] = []
        """The numbers of A and B, as far as they are chosen."""
        self.searched = ""
        self.alert = ""
        """What the user has to know for as long as it is so."""
        self.last = 0
        """The number of the store's last event."""
        self.meta: dict[str, Any] = {}
        self._loading = loading or Loading()
        self.said = ""
        """What was told last; until the next key."""
        self._version = -1
        self._was_loading = True

    # --- life ---

    def on_mount(self) -> None:
        from ocppscope.tui.views.sessions import SessionsView

        self.theme = self.settings.theme if self.settings.theme in BUILTIN_THEMES else "textual-dark"
        self.set_keymap(self.settings.keymap)
        self.marks = self.store.marks()
        self.refresh_store()
        self.push_screen(SessionsView())
        if self.settings.theme not in BUILTIN_THEMES:
            self.settings.problems.append(
                f"there is no theme {self.settings.theme}; the palette (:) offers them"
            )
        for problem in self.settings.problems:
            self.notify(problem, severity="warning", timeout=10, markup=False)
        self.set_interval(_POLL, self.look)
        self.call_after_refresh(gc.freeze)  # what the first screen made stays: nothing of it is garbage
        self.run_worker(self._check_integrity, thread=True, group="integrity")

    def _check_integrity(self) -> None:
        """Look for damage of a store that was there before; the first screen does not wait for it."""
        if self._loading.process is not None:
            return
        try:
            with Store(self.store.path) as store:
                store.check()
        except StoreError as error:
            self.call_from_thread(self.show_alert, str(error))

    def show_alert(self, text: str) -> None:
        """Say something that stays; what is shown stays usable."""
        if text == self.alert:
            return
        self.alert = text
        self.notify(text, severity="error", timeout=10, markup=False)
        self._tell_view()

    @property
    def is_loading(self) -> bool:
        """Whether more is to come."""
        if self.meta.get("complete"):
            return False
        process = self._loading.process
        return self.store.has_writer if process is None else process.poll() is None

    def refresh_store(self) -> None:
        """Read what all views show."""
        self._version = self.store.version
        self.last = self.store.last
        self.meta = dict(self.store.meta)

    def look(self) -> None:
        """See whether the store has more, and whether its writer is well."""
        try:
            changed = self.store.version != self._version
            if changed:
                self.refresh_store()
            loading = self.is_loading
        except StoreError as error:
            self.show_alert(str(error))
            return
        if self._was_loading and not loading:
            self.refresh_store()
            self._loading_ended()
            changed = True
        self._was_loading = loading
        if changed:
            self._tell_view()

    def _loading_ended(self) -> None:
        if self.meta.get("error"):
            self.show_alert(str(self.meta["error"]))
        elif not self.meta.get("complete"):
            said = self._last_words()
            about = f": {said}" if said else ""
            self.show_alert(
                f"the process that wrote the store has ended before the end of the capture{about}; "
                f"{self.last:,} events were kept"
            )
        elif words := self._last_words():
            self.notify(words, severity="warning", timeout=10, markup=False)

    def _last_words(self) -> str:
        errors = self._loading.errors
        if errors is None or not errors.is_file():
            return ""
        return errors.read_text(errors="replace").strip()[-400:]

    def _tell_view(self) -> None:
        if isinstance(self.screen, View):
            self.screen.refresh_safely()

    async def _on_key(self, event: events.Key) -> None:
        if self.view is not None and self.view.takes(event):
            event.prevent_default()  # or Textual would look for a binding next

    async def on_event(self, event: events.Event) -> None:
        """A key: what was told has been read."""
        if isinstance(event, events.Key) and self.said:
            self.said = ""
            if self.view is not None:
                self.view.show_status()
        await super().on_event(event)

    # --- what views show of it ---

    def progress(self) -> str:
        """How far loading is, for the title line."""
        if self.meta.get("filter"):
            return "a selection"
        if not self.is_loading:
            return f"{self.last:,} events"
        size, read = self.meta.get("size"), self.meta.get("read") or 0
        done = f" {min(100 * read // size, 99)} %" if size else ""
        return f"loading{done}, {self.last:,} events"

    def state(self) -> list[str]:
        """What is set, for the status line."""
        modes = []
        if comment := self.marks.get((self.view and self.view.current()) or 0):
            modes.append(f"* {comment}")
        if kept := self.meta.get("filter"):
            modes.append(f"the store holds only: {kept}")
        if self.filter_text:
            modes.append(f"filter: {self.filter_text}")
        if self.hide_routine:
            modes.append("routine hidden")
        if self.following:
            is_paused = self.view is not None and not self.view.is_at_end
            modes.append("FOLLOW paused, G goes on" if is_paused else "FOLLOW")
        if self.compared:
            modes.append(" ".join(f"{name} #{n}" for name, n in zip("AB", self.compared, strict=False)))
        return modes

    @property
    def view(self) -> View | None:
        """The view on the screen; None while something lies over it, or it is not built yet."""
        return self.screen if isinstance(self.screen, View) and self.screen.is_built else None

    # --- palette and help ---

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        rooms = {"app", "list", screen.ROOM if isinstance(screen, View) else ""}
        for one in ACTIONS:
            if one.room in rooms and one.name != "command_palette":
                keys = " ".join(self.settings.keys_of(one.name))
                yield SystemCommand(one.title, f"{one.help}  {keys}", self._caller(one.name))

    def _caller(self, name: str) -> Any:
        async def call() -> None:
            focused = self.screen.focused or self.screen
            await self.run_action(name, focused if hasattr(focused, f"action_{name}") else self._owner(name))

        return call

    def _owner(self, name: str) -> Any:
        return self.screen if hasattr(self.screen, f"action_{name}") else self

    def action_help(self) -> None:
        """Show all keys."""
        from ocppscope.tui.views.help import HelpView

        if not isinstance(self.screen, HelpView):
            self.push_screen(HelpView(self.view.ROOM if self.view else ""))

    def action_change_theme(self) -> None:
        """Choose other colours."""
        self.search_themes()

    # --- moving between views ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Most keys mean something on views only."""
        over_all = ("quit", "leave", "back", "help_quit", "help", "command_palette", "change_theme")
        return self.view is not None or action in over_all

    async def action_choose(self) -> None:
        """Open what the cursor is on; when this returns, it shows: no key typed ahead is lost."""
        if self.view is not None and self.view.main.count():
            await self.view.choose()

    async def action_back(self) -> None:
        """Close the prompt, or go back to the view before."""
        if self.view is not None and self.view.close_prompt():
            return
        if len(self.screen_stack) > 2:  # Textual's own screen is at the bottom
            self.pop_screen()
        elif self.filter_text:
            self.set_filter("")
            self._say("the filter is gone; / and the up arrow bring it back")
        else:
            self._say("this is the first view: q leaves")

    def action_say_how_to_leave(self) -> None:
        """What Ctrl-C does: it ends other programs."""
        self._say("q leaves")

    def _say(self, text: str) -> None:
        if self.view is not None:
            self.view.say(text)

    def action_quit_or_back(self) -> None:
        """Go back to the view before; from the first one leave."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.exit(0)

    def action_leave(self) -> None:
        """Leave ocppscope."""
        self.exit(0)

    async def show(self, view: View) -> None:
        """Show a view right above the first one."""
        await self.action_show_sessions()
        await self.push_screen(view)

    async def action_show_sessions(self) -> None:
        """Go to the first view."""
        while len(self.screen_stack) > 2:
            await self.pop_screen()

    async def action_show_messages(self) -> None:
        """Show the messages of the scope."""
        from ocppscope.tui.views.messages import MessagesView

        n = self._take_scope()
        await self.show(MessagesView(self.scope, n))

    async def action_show_ladder(self) -> None:
        """Show the ladder of the scope."""
        from ocppscope.tui.views.ladder import LadderView

        n = self._take_scope()
        await self.show(LadderView(self.scope, n))

    async def action_show_findings(self) -> None:
        """Show the findings of the scope."""
        from ocppscope.tui.views.findings import FindingsView

        self._take_scope()
        await self.show(FindingsView(self.scope))

    async def action_show_transactions(self) -> None:
        """Show the transactions of the scope."""
        from ocppscope.tui.views.transactions import TransactionsView

        self._take_scope()
        await self.show(TransactionsView(self.scope))

    def _take_scope(self) -> int | None:
        """Make what the first view's cursor is on the scope; the event that another view's cursor is on."""
        from ocppscope.tui.views.sessions import SessionsView

        if isinstance(self.view, SessionsView):
            self.scope = self.view.scope()
            return None
        return self.view.current() if self.view else None

    async def open_event(self, n: int, numbers: Any = ()) -> None:
        """Show one event whole.

        Args:
            n: its number.
            numbers: of the list that it was chosen from.
        """
        from ocppscope.tui.views.detail import DetailView

        await self.push_screen(DetailView(n, numbers))

    # --- filter, search, modes ---

    def action_filter(self) -> None:
        """Ask for a filter."""
        if self.view is not None:
            self.view.ask(Question("Filter", self.filter_text, self.set_filter, is_filter=True))

    def set_filter(self, text: str) -> None:
        """Set another filter, for all views."""
        if text.strip():
            parse(text)
        self.filter_text = text.strip()
        if self.view is not None:
            self.view.filter_changed()

    def action_search(self) -> None:
        """Ask for a text to search for."""
        if self.view is not None:
            self.view.ask(Question("Search", self.searched, self._search, is_replaced=True))

    def _search(self, text: str) -> None:
        self.searched = text
        self.action_search_next()
        self._tell_view()

    def action_search_next(self) -> None:
        """Go to the next hit."""
        if self.view is not None and self.searched:
            self.view.find(self.searched, 1)

    def action_search_previous(self) -> None:
        """Go to the hit before."""
        if self.view is not None and self.searched:
            self.view.find(self.searched, -1)

    def action_follow(self) -> None:
        """Stay at the end, or do not."""
        is_paused = self.view is not None and not self.view.is_at_end
        self.following = is_paused or not self.following
        if self.view is not None:
            self.view.follow_changed()
            self.view.show_status()

    def action_time_mode(self) -> None:
        """Show times in the next way."""
        self.time_mode = TIME_MODES[(TIME_MODES.index(self.time_mode) + 1) % len(TIME_MODES)]
        if self.view is not None:
            self.view.refresh_safely()
            self.view.main.refresh()

    def action_hide_routine(self) -> None:
        """Hide or show pings, pongs and Heartbeats."""
        self.hide_routine = not self.hide_routine
        if self.view is not None:
            self.view.filter_changed()

    def action_next_finding(self) -> None:
        """Go to the next event with an error or a warning."""
        if self.view is not None:
            self.view.step_finding(1)

    def action_previous_finding(self) -> None:
        """Go to the event before with an error or a warning."""
        if self.view is not None:
            self.view.step_finding(-1)

    def peer_of(self, n: int) -> int | None:
        """The number of the Call that an event answers, or of the answer to it."""
        stored = self.store.event(n)
        return None if stored is None else stored.answers or self.store.answer_of(n)

    # --- marks ---

    def action_mark(self) -> None:
        """Mark the current event with a comment, or take its mark away."""
        n = self.view.current() if self.view else None
        if n is None or self.view is None:
            return
        known = self.marks.get(n)
        if known == "":
            self._change_marks(lambda: self.store.unmark(n))
            return

        def take(comment: str) -> None:
            is_gone = known is not None and not comment.strip()
            self._change_marks(lambda: self.store.unmark(n) if is_gone else self.store.mark(n, comment))
            if self._loading.process is not None and not is_gone:
                self._say("kept until you leave: `ocppscope convert` makes a store that keeps marks")

        self.view.ask(Question(f"Comment on #{n}", known or "", take))

    def _change_marks(self, change: Any) -> None:
        try:
            change()
        except StoreError as error:
            self.notify(f"the mark cannot be kept: {error}", severity="error", markup=False)
        self.marks = self.store.marks()
        if self.view is not None:
            self.view.main.refresh()
            self.view.show_status()

    def action_mark_to_compare(self) -> None:
        """Take the current event as A, or as B; a third one is a new A."""
        n = self.view.current() if self.view else None
        if n is None or self.view is None:
            return
        if n in self.compared:
            self.compared.remove(n)
        else:
            self.compared = [*self.compared, n] if len(self.compared) < 2 else [n]
        self.view.main.refresh()
        self.view.show_status()

    async def action_compare(self) -> None:
        """Show A and B side by side."""
        from ocppscope.tui.views.compare import CompareView

        if len(self.compared) == 2:
            await self.push_screen(CompareView(*self.compared))
        else:
            self._say("mark two events with Space first: A and B")

    def mark_before(self, n: int) -> str:
        """The mark before an event: A, B, or a star for one with a comment."""
        if n in self.compared:
            return "AB"[self.compared.index(n)]
        return "*" if n in self.marks else " "

    # --- out ---

    def action_copy(self) -> None:
        """Copy what the cursor is on."""
        from ocppscope.tui.clipboard import copy

        text = self.view.text_to_copy() if self.view else ""
        if text:
            self.notify(copy(self, text), timeout=6, markup=False)

    def action_export(self) -> None:
        """Ask for a file, and write what is shown to it."""
        if self.view is not None:
            self.view.ask(Question("Export to", self.view.export_name, self._export))

    def _export(self, name: str) -> None:
        from ocppscope.tui.exporting import export

        if name.strip() and self.view is not None and (wrong := export(self.view, Path(name.strip()))):
            self.notify(wrong, severity="warning", timeout=6, markup=False)
