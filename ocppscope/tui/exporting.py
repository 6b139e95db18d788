"""Writing what a view shows to a file, in a form that the end of the file's name tells.

Nothing is ever overwritten, and only the owner can read what is written: messages may hold passwords.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from ocppscope.export import records
from ocppscope.ocpp.wording import plural
from ocppscope.store import Store, Stored, StoreError
from ocppscope.tui.lines import LineList
from ocppscope.tui.selection import Selection
from ocppscope.tui.views.base import View
from ocppscope.tui.views.event_list import EventLines, EventListView

if TYPE_CHECKING:
    from ocppscope.tui.app import Browser

_AT_ONCE: Final = 500
"""Events, or lines, between two looks at what else there is to do."""
_LOOKED_AT: Final = 50_000
"""Events that a filter is asked of in one go."""
_TRIED: Final = 1_000


def export(view: View, path: Path) -> str:
    """Write what a view shows; what was done is told when it is done.

    Args:
        view: the one on the screen.
        path: of the file; where there is one, a number is added to the name.

    Returns:
        What is wrong with the order, in a sentence; empty if nothing is.
    """
    path = path.expanduser()
    begin = _FORMS.get(path.suffix.lower())
    if begin is None:
        ending = f"ends in {path.suffix}" if path.suffix else "has no ending"
        return f"{path.name} {ending}, which tells no form; .jsonl, .txt and .svg do"
    return begin(view, path)


def _as_events(view: View, path: Path) -> str:
    """One event a line, as `ls --json` prints it."""
    if not isinstance(view, EventListView):
        return f"only messages and the ladder are written as .jsonl; here {path.stem}.txt and {path.stem}.svg can be"
    selection, last = view.new_selection(), view.browser.last
    app = view.browser  # which is still there when the user has gone elsewhere
    app.run_worker(lambda: _write_events(app, selection, last, path), thread=True, group="export")
    return ""


def _write_events(app: "Browser", selection: Selection, last: int, path: Path) -> None:
    """Runs in a thread, with a Store of its own."""
    count = 0
    try:
        with _new_file(path) as (out, actual), Store(app.store.path) as store:
            for some in _numbers(selection, store, last):
                stored = store.events(some)
                out.writelines(records.line(_record(one)) for one in stored)
                count += len(stored)
    except (OSError, StoreError) as error:
        app.call_from_thread(_tell_failure, app, path, error)
    else:
        app.call_from_thread(_tell, app, f"wrote {plural(count, 'event')} to {actual}")


def _numbers(selection: Selection, store: Store, last: int) -> Iterator[Sequence[int]]:
    """The numbers of all events of a selection, some at a time."""
    if selection.is_whole:
        selection.take_all(last)
    while (after := selection.done) < last:
        until = min(after + _LOOKED_AT, last)
        selection.take(after, until, selection.ask(store, after, until))
    numbers = selection.numbers
    yield from (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))


def _record(stored: Stored) -> dict[str, object]:
    record = records.event_record(stored.event)
    if "answers" in record:  # a store keeps the number of the Call, not the Call
        record["answers"] = stored.answers
    return record


def _as_text(view: View, path: Path) -> str:
    """The lines, as they show, also those beyond the screen."""
    view.browser.run_worker(_write_lines(view.browser, view.main, path), group="export")
    return ""


async def _write_lines(app: "Browser", lines: LineList, path: Path) -> None:
    """Runs in the loop that draws: only there lines can be asked for. It leaves time to draw in between."""
    shown, count = _shown(lines), lines.count()
    try:
        with _new_file(path) as (out, actual):
            out.write(_line(lines.head_text()) if lines.head_text() else b"")
            for index in range(count):
                if index % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)
                    _expect(lines, shown, count)
                out.write(_line(lines.line_text(index)))
    except (OSError, StoreError) as error:
        _tell_failure(app, path, error)
    else:
        _tell(app, f"wrote {plural(count, 'line')} to {actual}")


def _shown(lines: LineList) -> object:
    """What a list shows: another one after another filter was set."""
    return lines.selection if isinstance(lines, EventLines) else None


def _expect(lines: LineList, shown: object, count: int) -> None:
    """Make sure that a list is still what it was."""
    if not lines.is_attached or _shown(lines) is not shown or lines.count() < count:
        raise OSError(0, "the list has changed in the middle of it")


def _line(text: str) -> bytes:
    return text.rstrip().encode(errors="backslashreplace") + b"\n"


def _as_picture(view: View, path: Path) -> str:
    """The screen, once the question for the file's name is gone from it."""
    view.call_after_refresh(_write_picture, view.browser, path)
    return ""


def _write_picture(app: "Browser", path: Path) -> None:
    try:
        with _new_file(path) as (out, actual):
            out.write(app.export_screenshot(title=app.source).encode(errors="backslashreplace"))
    except OSError as error:
        _tell_failure(app, path, error)
    else:
        _tell(app, f"wrote the screen to {actual}")


_FORMS: Final[Mapping[str, Callable[[View, Path], str]]] = {
    ".jsonl": _as_events,
    ".txt": _as_text,
    ".svg": _as_picture,
}
"""By the end of the file's name."""


@contextmanager
def _new_file(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file, and how it is called in the end; it is taken away again if the writing fails."""
    file, actual = _opened(path)
    try:
        with open(file, "wb") as out:  # noqa: PTH123 - a descriptor
            yield out, actual
    except BaseException:
        actual.unlink(missing_ok=True)
        raise


def _opened(path: Path) -> tuple[int, Path]:
    for number in range(1, _TRIED):
        actual = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            return os.open(actual, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), actual
        except FileExistsError:
            continue
    raise OSError(0, f"there are {_TRIED - 1} files of this name")


def _tell(app: "Browser", text: str) -> None:
    app.notify(text, timeout=6, markup=False)


def _tell_failure(app: "Browser", path: Path, error: Exception) -> None:
    why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    app.notify(f"{path} is not written: {why}", severity="error", timeout=10, markup=False)
