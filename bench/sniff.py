"""Whether `sniff` keeps up with traffic, and how fast its reading is beside scapy's own.

Usage: python bench/sniff.py --traffic make_traffic.py [--rate 20000] [--seconds 10] [--raw]

The traffic is real: `--traffic` makes it, between websockets' peers, and its TCP payloads are then sent once
more over connections of their own on loopback, each where it belongs in the conversation, at the rate wanted.
(The peers themselves do not reach that rate on a small machine: making the traffic takes longer than all else
here.) Meanwhile `ocppscope sniff lo` records; every message sent must be in its file, or be told as lost. With
`--raw`, only the packet source runs, in this process, and what it gave is decoded afterwards.

Reading is measured apart: the same packets wait in the kernel for each reader, and only taking them out is timed.
Needs the right to capture on lo, and what the traffic maker needs: websockets, tcpdump.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from ocppscope.capture.sniff import BUFFER, Sniffer
from ocppscope.events import Text
from ocppscope.wire.capture import Capture
from ocppscope.wire.ip import IpLayer
from ocppscope.wire.link import ip_offset_for
from ocppscope.wire.pcap import CaptureReader, Packet

Conversation: TypeAlias = list[tuple[bool, bytes]]
"""What one connection carried: whether the client sent it, and the payload."""

LOOPBACK = "127.0.0.1"
A_CYCLE = 18
"""Messages of one of the maker's charging cycles."""
ON_TIME = 0.001
SETTLED = 1.0
LAST_LINES = 4
COMPARED = 200
"""Payloads of each conversation that wait for both readers."""
DISSECTED = 5_000
"""Packets that scapy takes apart: enough of them for a rate."""


def made_traffic(maker: Path, stations: int, cycles: int) -> tuple[list[Conversation], int]:
    """Conversations between real peers, and how many messages are in them."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
        free.close()
        file = Path(folder, "talk.pcap")
        options = ["--port", str(port), "--stations", str(stations), "--cycles", str(cycles)]
        told = subprocess.run(
            [sys.executable, str(maker), str(file), *options], check=True, stdout=subprocess.PIPE
        )
        return list(conversations(file.read_bytes(), port)), json.loads(told.stdout)["messages"]


def conversations(capture: bytes, port: int) -> Iterator[Conversation]:
    found: dict[frozenset[bytes], Conversation] = {}
    ip = IpLayer()
    for moment, link_type, frame in CaptureReader(on_secrets=lambda _: 0).feed(capture):
        decoder = ip_offset_for(link_type)
        assert decoder is not None
        if segment := ip.segment(frame, decoder(frame), moment):
            key, data = segment[0], segment[4]
            connection = found.setdefault(frozenset({key[-4:-2], key[-2:]}), [])
            if data:
                connection.append((int.from_bytes(key[-2:], "big") == port, data))
    yield from found.values()


class Stage:
    """Plays all conversations at once, turn by turn, over real connections to one port."""

    def __init__(self, talk: list[Conversation]) -> None:
        self._talk = talk
        self._server = socket.create_server((LOOPBACK, 0), backlog=len(talk))
        self.port = self._server.getsockname()[1]

    def close(self) -> None:
        self._server.close()

    def play(self, turn: Callable[[], None] = lambda: None) -> None:
        """Once through; `turn` is called after each payload."""
        ends = [self._connection() for _ in self._talk]
        for payloads in zip_longest(*self._talk):
            for (client, server), payload in zip(ends, payloads, strict=True):
                if payload:
                    from_client, data = payload
                    sender, receiver = (client, server) if from_client else (server, client)
                    sender.sendall(data)
                    receiver.recv(len(data), socket.MSG_WAITALL)
                    turn()
        for end in (end for both in ends for end in both):
            end.close()

    def _connection(self) -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection((LOOPBACK, self.port))
        server, _ = self._server.accept()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, server


def perform(stage: Stage, payload_rate: float, told: Any) -> None:
    """Play at a rate; tell how long it took."""
    begin = time.perf_counter()
    sent = 0

    def turn() -> None:
        nonlocal sent
        sent += 1
        early = begin + sent / payload_rate - time.perf_counter()
        if early > ON_TIME:
            time.sleep(early)

    stage.play(turn)
    told.send(time.perf_counter() - begin)


def performing(stage: Stage, payload_rate: float) -> tuple[multiprocessing.Process, Any]:
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=perform, args=(stage, payload_rate, there), daemon=True)
    process.start()
    return process, here


def record_raw(stage: Stage, payload_rate: float) -> tuple[float, int]:
    """Take the packets here; seconds, and messages found."""
    sniffer, packets = Sniffer("lo", ports=[stage.port]), list[Packet]()
    process, told = performing(stage, payload_rate)
    busy = time.process_time()
    while process.is_alive() or select.select([sniffer], [], [], SETTLED)[0]:
        select.select([sniffer], [], [], 0.05)
        packets += sniffer.read()
    busy = time.process_time() - busy
    seconds = told.recv()
    print(
        f"packets       {len(packets):,}, {len(packets) / seconds:,.0f} a second; dropped: {sniffer.drops:,}"
    )
    print(f"reading them  took {busy / seconds:.0%} of a processor; buffer {sniffer.buffer >> 20} MiB")
    sniffer.close()
    return seconds, sum(isinstance(event, Text) for event in Capture().packets(packets))


def record(stage: Stage, payload_rate: float) -> tuple[float, int]:
    """Let the command record; seconds, and messages in its file."""
    with tempfile.TemporaryDirectory() as folder:
        file, talk = Path(folder, "sniffed.pcapng"), Path(folder, "stderr")
        ocppscope = [sys.executable, "-m", "ocppscope"]
        command = [*ocppscope, "sniff", "lo", "--port", str(stage.port), "-o", str(file)]
        with talk.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as sniff:
            wait_for_socket(sniff, talk)
            process, told = performing(stage, payload_rate)
            seconds = told.recv()
            process.join()
            time.sleep(SETTLED)
            memory = peak_of(sniff.pid)
            sniff.send_signal(signal.SIGINT)
            _, _, usage = os.wait4(sniff.pid, 0)
            sniff.returncode = 0
        print("\n".join(f"sniff says    {line}" for line in talk.read_text().splitlines()[-LAST_LINES:]))
        busy = usage.ru_utime + usage.ru_stime
        print(
            f"it took       {busy / seconds:.0%} of a processor, {memory} MiB; file {file.stat().st_size >> 20} MiB"
        )
        listing = subprocess.run([*ocppscope, "ls", "--json", str(file)], stdout=subprocess.PIPE, check=False)
        return seconds, listing.stdout.count(b'"event":"message"')


def peak_of(pid: int) -> int:
    """Peak memory of a process in MiB. (What `wait4` says of a child starts with what this process had.)"""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def wait_for_socket(process: subprocess.Popen[bytes], talk: Path) -> None:
    """Until a process has opened its packet socket, and a little longer, for the filter."""
    mine = Path(f"/proc/{process.pid}/fd")
    while process.poll() is None:
        inodes = {line.split()[-1] for line in Path("/proc/net/packet").read_text().splitlines()[1:]}
        if not inodes.isdisjoint(map(inode, mine.iterdir())):
            time.sleep(SETTLED)
            return
        time.sleep(ON_TIME)
    sys.exit(f"sniff ended: {talk.read_text()}")


def inode(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]")
    except FileNotFoundError:  # closed meanwhile
        return ""


def compare_reading(stage: Stage) -> None:
    """Let the same packets wait for both readers, and time each as it takes them."""
    from scapy.all import conf  # all layers: without them there is nothing to dissect

    ours = Sniffer("lo", ports=[stage.port])
    theirs = conf.L2listen(iface="lo", filter=f"tcp port {stage.port}")
    theirs.ins.setsockopt(socket.SOL_SOCKET, 33, BUFFER // 2)  # SO_RCVBUFFORCE
    stage.play()

    begin, count = time.perf_counter(), 0
    while packets := ours.read():
        count += len(packets)
    rate = count / (time.perf_counter() - begin)
    print(f"sniff         reads {rate:,.0f} packets a second ({count:,} packets)")

    begin, dissected = time.perf_counter(), 0
    while dissected < DISSECTED and select.select([theirs], [], [], 0)[0]:
        theirs.recv()
        dissected += 1
    slow = dissected / (time.perf_counter() - begin)
    print(f"scapy         reads {slow:,.0f} packets a second, dissecting ({dissected:,} packets)")
    print(f"ratio         {rate / slow:.0f} times as fast")
    ours.close()
    theirs.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traffic", type=Path, required=True, help="make_traffic.py")
    parser.add_argument("--rate", type=int, default=20_000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--stations", type=int, default=50)
    parser.add_argument("--raw", action="store_true", help="the packet source alone")
    args = parser.parse_args()

    multiprocessing.set_start_method("fork")
    cycles = math.ceil(args.rate * args.seconds / args.stations / A_CYCLE)
    talk, messages = made_traffic(args.traffic, args.stations, cycles)
    stage = Stage(talk)
    payload_rate = args.rate * sum(map(len, talk)) / messages
    seconds, found = (record_raw if args.raw else record)(stage, payload_rate)
    print(f"sent          {messages:,} messages in {seconds:.1f} s, {messages / seconds:,.0f} a second")
    print(f"found         {found:,}, {messages - found:,} missing")
    stage.close()
    some = Stage([conversation[:COMPARED] for conversation in talk])
    compare_reading(some)
    some.close()


if __name__ == "__main__":
    main()
