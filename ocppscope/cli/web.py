"""The terminal browser as a web page, by textual-serve; imported only for `view --web`."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import click
from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

_OUTSIDE: Final = re.compile(r"""<link\b[^>]*\bhref=["'](?:https?:)?//[^>]*>""", re.IGNORECASE)
"""What textual-serve's page loads from elsewhere: a font, of which it has a copy."""
_OWN_FONT: Final = """<style>
      @font-face {
        font-family: "Roboto Mono";
        font-weight: 100 700;
        src: url("static/fonts/RobotoMono-VariableFont_wght.ttf");
      }
    </style>"""
_CLOSED: Final = (
    "default-src 'self' 'unsafe-inline' data:; connect-src 'self' ws://{host} wss://{host}; "
    "base-uri 'none'; form-action 'none'"
)
"""The policy by which a page loads nothing from elsewhere, whatever a later template says."""
_FAR: Final = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
"""Addresses beyond this network (RFC 5737, RFC 3849)."""


class _Server(Server):
    """Serves pages only to those who asked for this address: captures hold secrets.

    Any page that the user looks at could open a WebSocket to this machine, also under a name of its own that
    resolves to it.
    """

    def __init__(self, *args: Any, is_open: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_open = is_open
        """Others on the network can reach it."""
        self._pages: set[web.WebSocketResponse] = set()

    def serve(self, debug: bool = False) -> None:
        self.debug = debug
        self.initialize_logging()
        web.run_app(self._make_app(), host=self.host, port=self.port, print=self._tell_address)

    def _tell_address(self, _banner: str) -> None:
        """Called by aiohttp once it listens."""
        click.echo(f"{self.title} is at {self.public_url}; Ctrl-C ends it", err=True)
        if self._is_open:
            click.echo(
                "Warning: anybody who can reach this address can read the capture, which may hold passwords",
                err=True,
            )

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        self._expect_own(request.host)
        # Where the page was asked for is where it can find the rest: behind a tunnel, on all addresses.
        self.public_url = f"{request.scheme}://{request.host}"
        page = await super().handle_index(request)
        assert isinstance(page, web.Response)
        page.text = _OUTSIDE.sub(_OWN_FONT, page.text or "")
        page.headers["Content-Security-Policy"] = _CLOSED.format(host=request.host)
        return page

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
        asked = urlsplit(f"//{name}").hostname or ""
        if not self._is_open and asked != self.host and not _is_loopback(asked):
            raise web.HTTPForbidden(text=f"{name} is not this machine: use 127.0.0.1 or localhost")

    async def on_startup(self, app: web.Application) -> None:
        """It does not listen yet; `_tell_address` comes when it does."""


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    """The addresses on which a server of this name listens."""
    found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


def _own_address(version: int) -> str:
    """The address of this machine in its network, or else its name."""
    family, far = _FAR[version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))  # chooses a way, and sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


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
    addresses = _addresses(host)
    anywhere = [address.version for address in addresses if address.is_unspecified]
    shown = _own_address(min(anywhere)) if anywhere else host
    shown = f"[{shown}]" if ":" in shown else shown
    is_open = not all(address.is_loopback for address in addresses)
    _Server(command, host, port, title=title, public_url=f"http://{shown}:{port}", is_open=is_open).serve()
