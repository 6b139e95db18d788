"""Taking over connections that were meant for a CSMS: on Linux, on a machine that forwards the stations' traffic.

Netfilter redirects them to our port, and keeps in mind where they were going; `original_destination` asks it.
Rules live in a table (nftables) or chain (iptables) of our own, named after our port: what is there can be
replaced and removed without a look at anybody else's. Destinations on this machine itself are left alone.
"""

import os
import shlex
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias

Tool: TypeAlias = Literal["nft", "iptables"]
Run: TypeAlias = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]

_SOL_IP: Final = 0
_ORIGINAL_DST: Final = 80
"""SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, of <linux/netfilter_ipv4.h> and <…/ip6_tables.h>."""
_SOCKADDR_IN: Final = struct.Struct("!2xH4s8x")
_SOCKADDR_IN6: Final = struct.Struct("!2xH4x16s4x")

_PACKAGES: Final = "install the package nftables (or iptables) of your distribution"
_TIMEOUT: Final = 10.0
"""Seconds that a tool may take: it waits for a lock that another may hold."""


class RedirectError(Exception):
    """Redirection cannot be set up; the text says why, and what to do."""


def original_destination(sock: socket.socket) -> tuple[str, int] | None:
    """Where a connection was going before netfilter redirected it to us.

    Args:
        sock: an accepted TCP connection, or asyncio's view of one.

    Returns:
        Address and port; IPv4 ones as such also on a socket for both families. None where nothing was
        redirected, or this system cannot tell.
    """
    try:
        host, port = sock.getsockname()[:2]
        local = _plain(host)
        if ":" in local:
            raw = sock.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DST, _SOCKADDR_IN6.size)
            meant_port, packed = _SOCKADDR_IN6.unpack(raw)
            meant = socket.inet_ntop(socket.AF_INET6, packed)
        else:
            raw = sock.getsockopt(_SOL_IP, _ORIGINAL_DST, _SOCKADDR_IN.size)
            meant_port, packed = _SOCKADDR_IN.unpack(raw)
            meant = socket.inet_ntoa(packed)
    except (OSError, ValueError, struct.error):  # no such record, no netfilter, not Linux, closed, not TCP
        return None
    return None if (meant, meant_port) == (local, port) else (meant, meant_port)


def _plain(host: str) -> str:
    """An address without its zone, and as IPv4 where IPv6 only wraps it."""
    host = host.partition("%")[0]
    if ":" not in host:
        return host
    address = IPv6Address(host)
    return str(address.ipv4_mapped or address)


def redirect_commands(listen_port: int, ports: Sequence[int], tool: Tool = "nft") -> list[list[str]]:
    """The commands that redirect forwarded connections to our port, for IPv4 and IPv6.

    Args:
        listen_port: ours; the listener has to listen on all addresses.
        ports: of the CSMS.
        tool: what to give the rules to.

    Raises:
        ValueError: no ports, or a number that is no port.
    """
    wanted = sorted(set(ports))
    if not wanted or not all(0 < port < 1 << 16 for port in (*wanted, listen_port)):
        raise ValueError(f"no TCP ports to redirect: {wanted} to {listen_port}")
    return [
        command
        for family in _families()
        for command in _INSTALL[tool](family, _name(listen_port), listen_port, wanted)
    ]


def undo_commands(listen_port: int, tool: Tool = "nft") -> list[list[str]]:
    """The commands that take the rules for our port back."""
    return [command for family in _families() for command in _REMOVE[tool](family, _name(listen_port))]


def redirect_text(listen_port: int, ports: Sequence[int], tool: Tool = "nft") -> str:
    """Both for people, to paste into a shell of the machine that forwards the traffic."""
    return "\n".join(
        [
            "# As root, on the machine that forwards the stations' traffic:",
            *map(shlex.join, redirect_commands(listen_port, ports, tool)),
            "# To undo it:",
            *map(shlex.join, undo_commands(listen_port, tool)),
        ]
    )


def undo_text(listen_port: int, tool: Tool = "nft") -> str:
    """How to take the rules back where a killed process could not, for people."""
    return "\n".join(
        [
            "# If this is killed, the rules stay. To undo them:",
            *map(shlex.join, undo_commands(listen_port, tool)),
        ]
    )


class Redirect:
    """The redirection, for as long as a block runs.

    What an earlier run left behind for the same port is replaced; only our own rules are removed.

    Args:
        listen_port: ours.
        ports: of the CSMS.
        tool: what to give the rules to; the one that is installed by default.

    Raises:
        ValueError: as `redirect_commands`.
        RedirectError: on entering: a tool or a right is missing, or the kernel refuses.
    """

    def __init__(self, listen_port: int, ports: Sequence[int], tool: Tool | None = None) -> None:
        redirect_commands(listen_port, ports)  # wrong ports should fail here
        self._listen_port = listen_port
        self._ports = tuple(ports)
        self._tool = tool
        self._run: Run | None = None

    def __enter__(self) -> Self:
        tool = self._tool or _installed()
        self._tool = tool
        run = partial(_run, tool)
        self._remove(run)
        self._run = run
        try:
            for command in redirect_commands(self._listen_port, self._ports, tool):
                _check(command, run(command))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the rules; once is enough, twice does no harm."""
        if self._run is not None:
            run, self._run = self._run, None
            self._remove(run)

    def _remove(self, run: Run) -> None:
        assert self._tool is not None
        for command in undo_commands(self._listen_port, self._tool):
            run(command)  # fails where there is nothing to remove


def _name(listen_port: int) -> str:
    return f"ocppscope_{listen_port}"


def _families() -> list[str]:
    """Of addresses that this machine speaks, by nftables' names."""
    return ["ip", "ip6"] if Path("/proc/net/if_inet6").exists() else ["ip"]


# --- nftables ---


def _install_nft(family: str, name: str, listen_port: int, ports: Sequence[int]) -> list[list[str]]:
    table = f"{family} {name}"
    destinations = f"fib daddr type != local tcp dport {{ {', '.join(map(str, ports))} }}"
    steps = (
        f"add table {table}",
        f"add chain {table} prerouting {{ type nat hook prerouting priority -100 ; }}",
        f"add rule {table} prerouting {destinations} redirect to :{listen_port}",
    )
    return [["nft", "; ".join(steps)]]  # one call is one transaction: all of it or nothing


def _remove_nft(family: str, name: str) -> list[list[str]]:
    return [["nft", f"delete table {family} {name}"]]


# --- iptables ---


def _install_iptables(family: str, name: str, listen_port: int, ports: Sequence[int]) -> list[list[str]]:
    nat = _nat(family)
    rules = [
        [
            *nat,
            "-A",
            name,
            "-p",
            "tcp",
            "--dport",
            str(port),
            "-j",
            "REDIRECT",
            "--to-ports",
            str(listen_port),
        ]
        for port in ports
    ]
    return [[*nat, "-N", name], *rules, [*nat, "-A", *_jump(name)]]  # it takes effect with the last step


def _remove_iptables(family: str, name: str) -> list[list[str]]:
    nat = _nat(family)
    return [[*nat, "-D", *_jump(name)], [*nat, "-F", name], [*nat, "-X", name]]


def _nat(family: str) -> list[str]:
    return ["iptables" if family == "ip" else "ip6tables", "-w", "5", "-t", "nat"]


def _jump(name: str) -> list[str]:
    return ["PREROUTING", "-m", "addrtype", "!", "--dst-type", "LOCAL", "-j", name]


_INSTALL: Final[dict[Tool, Callable[[str, str, int, Sequence[int]], list[list[str]]]]] = {
    "nft": _install_nft,
    "iptables": _install_iptables,
}
_REMOVE: Final[dict[Tool, Callable[[str, str], list[list[str]]]]] = {
    "nft": _remove_nft,
    "iptables": _remove_iptables,
}


# --- running them ---


def _where(program: str) -> str | None:
    """Where a program is; few users have the administrator's folders in their path."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def _installed() -> Tool:
    tools: tuple[Tool, ...] = ("nft", "iptables")
    for tool in tools:
        if _where(tool):
            return tool
    raise RedirectError(f"Redirecting needs nft or iptables, and neither is here: {_PACKAGES}")


def _run(tool: Tool, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    program = _where(command[0])
    if program is None:
        package = "nftables" if tool == "nft" else "iptables"
        raise RedirectError(f"{command[0]} is not here: install the package {package} of your distribution")
    try:
        return subprocess.run(  # noqa: S603 - no shell, and nothing but numbers of ports comes from outside
            [program, *command[1:]], capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RedirectError(f"{shlex.join(command)} cannot be run: {error}") from error


def _check(command: Sequence[str], done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode:
        raise RedirectError(_explain(command, done.stderr))


def _explain(command: Sequence[str], stderr: str) -> str:
    said = next((line.strip() for line in stderr.splitlines() if line.strip()), "it does not say why")
    if any(word in stderr for word in ("not permitted", "ermission denied", "must be root")):
        return f"Redirecting needs root: run with sudo, or let root run: {shlex.join(command)}"
    if any(
        word in stderr
        for word in ("not supported", "No such file", "does not exist", "not exist", "No chain")
    ):
        return (
            f"This kernel cannot redirect connections ({said}): it needs NAT of netfilter (modules nft_chain_nat, "
            "nft_redir, nft_fib; or iptable_nat, xt_REDIRECT, xt_addrtype)"
        )
    return f"{shlex.join(command)} failed: {said}"
