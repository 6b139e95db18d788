"""Ports that stations connect to."""

import errno
import socket
from typing import Any, Final

_BACKLOG: Final = 1024


class ListenError(Exception):
    """Stations cannot connect here. The text says why, and what to do."""


def listen_on(where: str) -> list[socket.socket]:
    """Listen, so that connections wait until somebody accepts them.

    Args:
        where: `HOST:PORT`; `:PORT` for all addresses; port 0 for any free one, the same for all of them.

    Returns:
        A socket for each address.

    Raises:
        ListenError: that cannot be.
    """
    host, port = _host_and_port(where)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ListenError(f"--listen {where}: {host} is no address of this machine ({why})") from error
    sockets: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            one = _bound(family, kind, protocol, address, sockets[0].getsockname()[1] if sockets else None)
        except OSError as error:
            for other in sockets:
                other.close()
            raise ListenError(f"--listen {where}: {_why_not(error)}") from error
        if one is not None:
            sockets.append(one)
    return sockets


def _bound(family: int, kind: int, protocol: int, address: Any, port: int | None) -> socket.socket | None:
    """A socket at an address; None where that is of a family that this machine does not have."""
    if port is not None:
        address = (address[0], port, *address[2:])
    try:
        one = socket.socket(family, kind, protocol)
    except OSError:
        return None
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.setblocking(False)
        one.bind(address)
        one.listen(_BACKLOG)
    except OSError as error:
        one.close()
        if error.errno == errno.EADDRNOTAVAIL and port is not None:
            return None  # IPv6 is switched off, and IPv4 is there
        raise
    return one


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 0xFFFF:
        raise ListenError(f"--listen {text}: expected HOST:PORT, such as 0.0.0.0:9000 or :9000")
    return host.strip("[]"), int(port)


def _why_not(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use by another program: choose another, or stop that one"
    if error.errno == errno.EACCES:
        return "ports below 1024 need rights that this user lacks: choose a higher one"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return str(error.strerror)
