"""The terminal browser as a web page, by textual-serve; imported only for `view --web`."""

from typing import Any, Final
from urllib.parse import urlsplit

import click
from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class _Server(Server):
    """Serves pages only to those who asked for this address: captures hold secrets.

    Any page that the user looks at could open a WebSocket to this machine, also under a name of its own that
    resolves to it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: set[web.WebSocketResponse] = set()

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        self._expect_own(request.host)
        # Where the page was asked for is where it can find the rest: behind a tunnel, on all addresses.
        self.public_url = f"{request.scheme}://{request.host}"
        return await super().handle_index(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        self._expect_own(request.host)
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="this page is not of this server")
        return await super().handle_websocket(request)

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        self._pages.add(websocket)
        try:
            await super()._process_messages(websocket, app_service)
        finally:
            self._pages.discard(websocket)

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002
        # Otherwise it waits for pages that nobody closes.
        for page in tuple(self._pages):
            await page.close(code=1001, message=b"the server ends")

    def _expect_own(self, name: str) -> None:
        if self.host in _LOOPBACK and urlsplit(f"//{name}").hostname not in _LOOPBACK:
            raise web.HTTPForbidden(text=f"{name} is not this machine: use 127.0.0.1 or localhost")

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002
        click.echo(f"{self.title} is at {self.public_url}; Ctrl-C ends it", err=True)


def serve(command: str, *, title: str, host: str, port: int) -> None:
    """Serve a terminal program to web pages, each of which gets its own, until the user ends it.

    Args:
        command: starts it, for a shell.
        title: of the pages.
        host: the address to listen on.
        port: the port.

    Raises:
        OSError: it cannot listen there.
    """
    shown = f"[{host}]" if ":" in host else host
    _Server(command, host, port, title=title, public_url=f"http://{shown}:{port}").serve()
