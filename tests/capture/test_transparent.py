"""Redirected connections, in network namespaces of their own: a station, a gateway, a CSMS.

Everything that touches rules runs in a thread inside such a namespace, never in the machine's own.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from ocppscope.capture import transparent
from ocppscope.capture.transparent import (
    Redirect,
    RedirectError,
    Tool,
    original_destination,
    redirect_commands,
    redirect_text,
    undo_commands,
)

T = TypeVar("T")

LISTEN = 9000
CSMS = 80
IPV4, IPV6 = "10.77.2.2", "fd77:2::2"
"""The CSMS's addresses. No connection reaches it, so that its host need not be there."""


def in_namespace(name: str, function: Callable[[], T]) -> T:
    """Call a function in a thread that lives in a namespace; so do the processes that it starts."""

    def enter_and_call() -> T:
        with Path(f"/run/netns/{name}").open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000):  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "setns")
        return function()

    with ThreadPoolExecutor(1) as threads:  # a new thread, which ends with it
        return threads.submit(enter_and_call).result()


def sh(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str, str]]:
    """The names of three namespaces: station, gateway, CSMS."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces need Linux, root and the command ip")
    station, gateway, csms = names = tuple(f"ocpp-{os.getpid()}-{n}" for n in "sgc")
    try:
        try:
            for name in names:
                sh(f"ip netns add {name}")
                sh(f"ip -n {name} link set lo up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        for number, (host, address) in enumerate(((station, "2"), (csms, "2")), 1):
            sh(f"ip -n {gateway} link add v{number} type veth peer name v0 netns {host}")
            for place, link, end in ((gateway, f"v{number}", "1"), (host, "v0", address)):
                sh(f"ip -n {place} addr add 10.77.{number}.{end}/24 dev {link}")
                sh(f"ip -n {place} addr add fd77:{number}::{end}/64 dev {link} nodad")
                sh(f"ip -n {place} link set {link} up")
            sh(f"ip -n {host} route add default via 10.77.{number}.1")
            sh(f"ip -n {host} route add default via fd77:{number}::1")
        yield station, gateway, csms
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture(params=["nft", "iptables"])
def tool(request: pytest.FixtureRequest, hosts: tuple[str, str, str]) -> Tool:
    """Each tool that works here."""
    name: Tool = request.param

    def probe() -> None:
        with Redirect(1, [2], name):
            pass

    try:
        in_namespace(hosts[2], probe)
    except RedirectError as error:
        pytest.skip(str(error))
    return name


def rules(tool: Tool) -> str:
    commands = {"nft": ["nft list ruleset"], "iptables": ["iptables -t nat -S", "ip6tables -t nat -S"]}[tool]
    return "".join(
        subprocess.run(one.split(), check=True, capture_output=True, text=True).stdout for one in commands
    )


def listener(family: socket.AddressFamily, port: int) -> socket.socket:
    made = socket.create_server(
        ("", port), family=family, dualstack_ipv6=family == socket.AF_INET6, reuse_port=True
    )
    made.settimeout(10)
    return made


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, IPV4), (socket.AF_INET6, IPV6), (socket.AF_INET6, IPV4)],
    ids=["IPv4", "IPv6", "IPv4 on a socket for both"],
)
def test_a_gateway_takes_over_and_knows_the_csms(hosts, tool, family, address):
    station, gateway, _csms = hosts
    listening = in_namespace(gateway, lambda: listener(family, LISTEN))
    redirect = Redirect(LISTEN, [CSMS, 8443], tool)
    with listening:
        in_namespace(gateway, redirect.__enter__)
        try:
            client = in_namespace(station, lambda: socket.create_connection((address, CSMS), timeout=10))
            with client, listening.accept()[0] as accepted:
                assert original_destination(accepted) == (address, CSMS)
                assert original_destination(client) is None
        finally:
            in_namespace(gateway, redirect.close)


def test_what_goes_to_the_gateway_itself_is_left_alone(hosts, tool):
    station, gateway, _csms = hosts
    with in_namespace(gateway, lambda: listener(socket.AF_INET, CSMS)) as own:
        redirect = Redirect(LISTEN, [CSMS], tool)
        in_namespace(gateway, redirect.__enter__)
        try:
            client = in_namespace(station, lambda: socket.create_connection(("10.77.1.1", CSMS), timeout=10))
            with client, own.accept()[0] as accepted:
                assert original_destination(accepted) is None
        finally:
            in_namespace(gateway, redirect.close)


def test_rules_come_and_go_and_others_stay(hosts, tool):
    def come_and_go() -> None:
        before = rules(tool)
        with Redirect(LISTEN + 1, [CSMS], tool):
            others = rules(tool)
            left_behind = Redirect(LISTEN, [CSMS], tool)
            left_behind.__enter__()
            first = rules(tool)
            assert first != others
            with Redirect(LISTEN, [CSMS], tool) as redirect:
                assert rules(tool) == first  # replaced, not doubled
            assert rules(tool) == others
            redirect.close()
            assert rules(tool) == others
        assert f"ocppscope_{LISTEN}" not in rules(tool)
        if tool == "iptables":
            assert rules(tool) == before

    in_namespace(hosts[1], come_and_go)


def test_a_connection_that_was_not_redirected():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client, server.accept()[0] as accepted:
            assert original_destination(accepted) is None
            assert original_destination(client) is None
        assert original_destination(client) is None  # closed
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert original_destination(ours) is None


@pytest.fixture
def families(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transparent, "_families", lambda: ["ip", "ip6"])


@pytest.mark.usefixtures("families")
def test_commands_for_nft():
    def script(family: str) -> str:
        return (
            f"add table {family} ocppscope_9000; "
            f"add chain {family} ocppscope_9000 prerouting {{ type nat hook prerouting priority -100 ; }}; "
            f"add rule {family} ocppscope_9000 prerouting fib daddr type != local tcp dport {{ 80, 443 }} "
            "redirect to :9000"
        )

    assert redirect_commands(9000, [443, 80, 80]) == [["nft", script("ip")], ["nft", script("ip6")]]
    assert undo_commands(9000) == [
        ["nft", "delete table ip ocppscope_9000"],
        ["nft", "delete table ip6 ocppscope_9000"],
    ]


@pytest.mark.usefixtures("families")
def test_text_for_people():
    text = redirect_text(9000, [80], "iptables")
    assert text.splitlines() == [
        "# As root, on the machine that forwards the stations' traffic:",
        "iptables -w 5 -t nat -N ocppscope_9000",
        "iptables -w 5 -t nat -A ocppscope_9000 -p tcp --dport 80 -j REDIRECT --to-ports 9000",
        "iptables -w 5 -t nat -A PREROUTING -m addrtype '!' --dst-type LOCAL -j ocppscope_9000",
        "ip6tables -w 5 -t nat -N ocppscope_9000",
        "ip6tables -w 5 -t nat -A ocppscope_9000 -p tcp --dport 80 -j REDIRECT --to-ports 9000",
        "ip6tables -w 5 -t nat -A PREROUTING -m addrtype '!' --dst-type LOCAL -j ocppscope_9000",
        "# To undo it:",
        "iptables -w 5 -t nat -D PREROUTING -m addrtype '!' --dst-type LOCAL -j ocppscope_9000",
        "iptables -w 5 -t nat -F ocppscope_9000",
        "iptables -w 5 -t nat -X ocppscope_9000",
        "ip6tables -w 5 -t nat -D PREROUTING -m addrtype '!' --dst-type LOCAL -j ocppscope_9000",
        "ip6tables -w 5 -t nat -F ocppscope_9000",
        "ip6tables -w 5 -t nat -X ocppscope_9000",
    ]


@pytest.mark.parametrize(("port", "ports"), [(9000, []), (0, [80]), (9000, [70000])])
def test_numbers_that_are_no_ports(port, ports):
    with pytest.raises(ValueError, match="no TCP ports"):
        Redirect(port, ports)


def fake_tool(folder: Path, name: str, said: str) -> None:
    """A tool that fails. No real one is in reach of the tests that use it."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which alone tools are looked for."""

    def where(program: str) -> str | None:
        return shutil.which(program, path=str(tmp_path))

    monkeypatch.setattr(transparent, "_where", where)
    return tmp_path


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Error: Operation not permitted (you must be root)",
            "needs root: run with sudo, or let root run: nft",
        ),
        ("Error: Could not process rule: Operation not supported", "kernel cannot redirect"),
        ("Error: syntax error", r"nft 'add table .* failed: Error: syntax error"),
    ],
)
def test_a_tool_that_fails(tools, said, told):
    fake_tool(tools, "nft", said)
    with pytest.raises(RedirectError, match=told), Redirect(9000, [80]):
        pass


def test_no_tool(tools):
    with (
        pytest.raises(RedirectError, match="neither is here: install the package nftables"),
        Redirect(9000, [80]),
    ):
        pass
    with pytest.raises(RedirectError, match="package iptables"), Redirect(9000, [80], "iptables"):
        pass
