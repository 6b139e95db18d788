"""`ocppscope view`: the terminal browser.

It reads a store. For any other input it starts a process that converts it to a temporary one, and looks on
while that grows: the first screen is there as soon as the first messages are. Until that process runs, nothing
is imported here that takes its time.
"""

import atexit
import errno
import fcntl
import os
import select
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import click

from ocppscope.cli.reading import EXIT_UNREADABLE, UnreadableInput, reading_options, reading_words

_ROOT: Final = str(Path(__file__).parents[2])
"""The folder that holds the package."""
_START: Final = "import sys; sys.path.append(sys.argv.pop(1)); from ocppscope.__main__ import main; main()"
PROGRAM: Final = (sys.executable, "-P", "-c", _START, _ROOT)
"""Starts this program once more. `-m` would look for modules in the working folder, where captures of strangers
may lie."""
_SQLITE: Final = b"SQLite format 3\x00"
"""`store.schema.MAGIC`, which would take too long to import before the loader runs."""
_PATIENCE: Final = 2.0
"""Seconds that the loader has to end when told to."""
_FIRST_EVENT: Final = 5.0
"""Seconds that it has to find one in a file."""
_LOOK: Final = 0.02
"""Seconds between two looks at what it has done."""
_JUDGED: Final = ("station", "name_station")
"""Options that change what a store holds."""
PREFIX: Final = "ocppscope-"
"""Of temporary folders."""
_LOCK: Final = "lock"
"""In a temporary folder the file that is locked for as long as somebody needs the folder."""
_ON_THE_WEB: Final = ":WebDriver"


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("--follow", is_flag=True, help="Stay at the end, and wait for more.")
@click.option("--filter", "wanted", metavar="EXPR", help="A filter to begin with.")
@click.option(
    "--profile",
    type=click.Choice(["field", "strict"]),
    help="Severities: as the field sees them (the default), or as the standard does.",
)
@click.option("--web", is_flag=True, help="In a browser, instead of this terminal.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --web: the address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="With --web: the port."
)
@reading_options
def command(
    *,
    source: str,
    follow: bool,
    wanted: str | None,
    profile: str | None,
    web: bool,
    host: str,
    port: int,
    **reading: Any,
) -> None:
    """Browse a capture: its messages, sessions, transactions and findings.

    A pipe works live: ssh host tcpdump -U -w - tcp port 9000 | ocppscope view -
    """
    if source != "-" and not Path(source).exists():
        raise UnreadableInput(f"{source} cannot be opened: there is no such file")
    if Path(source).is_dir():
        raise UnreadableInput(f"{source} is a folder: name the files in it")
    words = reading_words({"profile": profile, "filter": wanted, **reading})
    if web:
        _serve(source, [*words, *(["--follow"] if follow else [])], host, port)
        return
    expect_terminal(source)
    heed_signals()
    is_as_stored = profile is None and not any(reading[name] for name in _JUDGED)
    if is_as_stored and _is_store(source):
        loading: dict[str, Any] = {"path": Path(source)}
    else:  # first of all: what follows imports much, and the loader is at work meanwhile
        loading = _start(source, profile or "field", reading, follow=follow)
    threading.Thread(target=remove_stale).start()  # it may be much, and nobody has to wait for it
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(_ON_THE_WEB):
        threading.Thread(target=_end_with_server, daemon=True).start()
    name = "standard input" if source == "-" else Path(source).name
    is_file = not follow and source != "-" and Path(source).is_file()
    sys.exit(browse(is_file=is_file, name=name, follow=follow, filter_text=_checked(wanted), **loading))


def _checked(wanted: str | None) -> str:
    """The text of a filter that is one.

    Raises:
        click.BadParameter: it is none.
    """
    from ocppscope.filter import FilterError, parse

    try:
        return "" if wanted is None else parse(wanted).text
    except FilterError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from error


class _NothingToShow(click.ClickException):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]


def browse(*, is_file: bool = False, **what: Any) -> int:
    """Open the browser.

    Args:
        is_file: the input is all there: if its beginning holds nothing, there is no point in waiting for more.
        what: for `tui.run`.
    """
    from ocppscope.tui.run import NothingToShowError, run

    if is_file and what.get("loader") is not None:
        _expect_something(what["loader"], what["path"], what["errors"])
    try:
        return run(**what)
    except NothingToShowError as nothing:
        raise _NothingToShow(str(nothing).removeprefix("Error: "), nothing.code) from nothing


def _expect_something(loader: "subprocess.Popen[bytes]", path: Path, errors: Path) -> None:
    """Wait for the loader's first event, so that no empty screen is shown of what holds none.

    Raises:
        _NothingToShow: there is none; it says what is there instead.
    """
    until = time.monotonic() + _FIRST_EVENT
    while (code := loader.poll()) is None and time.monotonic() < until and not _has_events(path):
        time.sleep(_LOOK)
    if code == EXIT_UNREADABLE and not _has_events(path):
        notes, error, said = errors.read_text(errors="replace").rpartition("Error: ")
        raise _NothingToShow((said if error else notes).strip(), code)


def _has_events(path: Path) -> bool:
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            return store.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.Error:  # it is only just being made
        return False


def _is_store(source: str) -> bool:
    path = Path(source)
    if source == "-" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError as error:
        raise UnreadableInput(f"{source} cannot be opened: {error.strerror}") from error


def expect_terminal(source: str) -> None:
    if "TEXTUAL_DRIVER" in os.environ:  # a web page takes the place of the terminal
        return
    for stream, name in ((sys.stdin, "input"), (sys.stdout, "output"), (sys.stderr, "error")):
        if not stream.isatty() and not (source == "-" and stream is sys.stdin):
            raise click.UsageError(
                f"view needs a terminal, and standard {name} is none. "
                f"`ocppscope ls` and `ocppscope check` print; `view -` reads what is piped in"
            )


# --- the loader ---


def _start(source: str, profile: str, reading: Mapping[str, Any], *, follow: bool) -> dict[str, Any]:
    """Start the process that converts an input to a temporary store.

    Returns:
        Arguments for the browser: the path of the store, its loader, and the file of the loader's errors.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # only its owner may look into it
    lock = locked(folder)
    path, errors = folder / "view.ocppdb", folder / "errors"
    pipe = _piped(source)
    words = ["convert", "--to=ocppdb", "--scratch", f"--parent={os.getpid()}", f"--profile={profile}"]
    words += [*(["--follow"] if follow else []), *reading_words(reading)]
    words += ["--", source if pipe is None else "-", str(path)]
    with errors.open("wb") as stderr:
        loader = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            [*PROGRAM, *words],
            stdin=subprocess.DEVNULL if pipe is None else pipe,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # the terminal's signals are for the browser
            pass_fds=(lock,),  # the folder is needed until both have gone
        )
    if pipe is not None:
        pipe.close()
    at_the_end(lambda: _clean_up(loader, folder))
    return {"path": path, "loader": loader, "errors": errors}


def heed_signals() -> None:
    """See to it that everything is tidied up, whichever way the browser is told to end."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _lose_terminal)


def at_the_end(end: Callable[[], None]) -> None:
    """Do something at the end, however that comes."""
    _ending.append(end)
    atexit.register(end)


def _leave(number: int, _frame: object) -> NoReturn:
    signal.alarm(int(3 * _PATIENCE))  # which kills: the ordinary end waits for whoever reads the screen
    sys.exit(128 + number)


_ending: Final[list[Callable[[], None]]] = []
"""What is to be done at the end, however that comes."""


def _lose_terminal(number: int, _frame: object) -> NoReturn:
    """End at once: Textual would wait for a terminal that is gone. Marks are in the store since they were made."""
    for end in _ending:
        end()
    os._exit(128 + number)


def _clean_up(loader: "subprocess.Popen[bytes]", folder: Path) -> None:
    loader.terminate()
    try:
        loader.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        loader.kill()
        loader.wait()
    shutil.rmtree(folder, ignore_errors=True)


def locked(folder: Path) -> int:
    """Lock a folder until this process ends, however it does: by that others see whether they may remove it."""
    made = folder / f"{_LOCK}.new"
    lock = os.open(made, os.O_RDWR | os.O_CREAT, 0o600)
    with suppress(OSError):  # where files cannot be locked, none is there to be taken for stale
        fcntl.flock(lock, fcntl.LOCK_EX)
        made.rename(folder / _LOCK)  # never there without being locked
    return lock


def remove_stale() -> None:
    """Remove what browsers left behind that were killed: folders of this user that nobody has locked any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody has locked it, or has removed it meanwhile
            seen = folder.lstat()
            if seen.st_uid != os.geteuid() or not stat.S_ISDIR(seen.st_mode):
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _piped(source: str) -> BinaryIO | None:
    """What the loader is to read as its standard input; None where it can open the input by its name."""
    if source != "-":
        # `<(…)` names a descriptor of this process, which the loader does not have.
        return None if Path(source).is_file() else Path(source).open("rb")
    if sys.stdin.isatty():
        raise click.UsageError("INPUT is -, and nothing is piped in: `tcpdump -U -w - … | ocppscope view -`")
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        raise click.UsageError(
            "standard input is the capture, and there is no terminal (/dev/tty) to take keys from"
        ) from error
    pipe = os.fdopen(os.dup(0), "rb")
    os.dup2(terminal, 0)
    os.close(terminal)
    return pipe


# --- on the web ---


def _end_with_server() -> NoReturn:
    """Wait until the server of the page is gone, which holds the other end of our input, and end then.

    Textual does not notice it. What the server says while it lives (that the page was closed) does not come here.
    """
    server = select.poll()
    server.register(0, 0)  # hanging up is always told
    server.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(3 * _PATIENCE)  # the ordinary end may hang: nobody reads what the browser writes
    for end in _ending:
        end()
    os._exit(128 + signal.SIGTERM)


def _serve(source: str, words: list[str], host: str, port: int) -> None:
    """Serve the browser to web pages; each gets its own."""
    if source == "-" or not Path(source).is_file():
        raise click.UsageError("--web reads the input once for each page: INPUT has to be a file")
    try:
        from ocppscope.cli.web import serve
    except ImportError as error:
        raise click.UsageError("--web needs one more package: pip install 'ocppscope[web]'") from error
    view = shlex.join([*PROGRAM, "view", *words, "--", str(Path(source).absolute())])
    try:
        serve(view, title=Path(source).name, host=host, port=port)
    except OSError as error:
        # asyncio says the address once more; names that are not found have numbers of their own, below 0
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror
        hint = ": choose another port with --port" if number in (errno.EADDRINUSE, errno.EACCES) else ""
        raise click.ClickException(f"--web cannot listen on {host}, port {port}: {why}{hint}") from error
