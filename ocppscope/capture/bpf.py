"""Classic BPF: the program with which the kernel picks TCP packets, before any of them costs anything here.

In this room live an assembler and the one filter that this program needs, as a listing; and the same filter
as a libpcap expression, for where libpcap is there to compile it. No socket is known here.

A program is bytes: 8 for each instruction (`struct sock_filter`: code, jump if true, jump if false, k), in the
byte order of this machine. Source: McCanne and Jacobson, "The BSD Packet Filter", and Linux's
Documentation/networking/filter.rst.
"""

import struct
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

ETHERNET: Final = 1
RAW_IP: Final = 101
"""LINKTYPE numbers of frames that `tcp_program` can tell apart."""

MAX_PORTS: Final = 100
"""Ports that one filter tests: the jumps over their comparisons must fit into a byte."""

INSTRUCTION: Final = struct.Struct("=HBBI")
_WHOLE_FRAME: Final = 1 << 18
"""Bytes of an accepted frame that are kept: all, also of those that segmentation offload makes large."""
_MAX_JUMP: Final = 255

_CODES: Final = {
    "ldh [k]": 0x28,
    "ldh [x+k]": 0x48,
    "ldb [x+k]": 0x50,
    "ldx k": 0x01,
    "tax": 0x07,
    "txa": 0x87,
    "add k": 0x04,
    "add x": 0x0C,
    "and k": 0x54,
    "lsh k": 0x64,
    "ja": 0x05,
    "jeq": 0x15,
    "jset": 0x45,
    "ret k": 0x06,
}
_JUMP: Final = _CODES["ja"]
_RETURN: Final = _CODES["ret k"]


class Step(NamedTuple):
    """One line of a listing."""

    code: str
    """A key of `_CODES`."""
    k: int = 0
    then: str = ""
    """The label to go to: of `ja`, or where a comparison holds; empty for the next line."""
    otherwise: str = ""
    """The label to go to where a comparison does not hold; empty for the next line."""
    label: str = ""
    """The name of this line."""


def assemble(listing: Sequence[Step]) -> bytes:
    """Turn a listing into a program.

    Raises:
        ValueError: a label is not further down, or too far for the byte that a comparison has for it.
    """
    places = {step.label: place for place, step in enumerate(listing) if step.label}
    return b"".join(_encoded(step, place, places) for place, step in enumerate(listing))


def _encoded(step: Step, place: int, places: dict[str, int]) -> bytes:
    then, otherwise = (
        places.get(label, -1) - place - 1 if label else 0 for label in (step.then, step.otherwise)
    )
    code = _CODES[step.code]
    if min(then, otherwise) < 0 or (code != _JUMP and max(then, otherwise) > _MAX_JUMP):
        raise ValueError(f"line {place}: no jump reaches {step.then or 'on'} or {step.otherwise or 'on'}")
    if code == _JUMP:
        return INSTRUCTION.pack(code, 0, 0, then)
    return INSTRUCTION.pack(code, then, otherwise, step.k)


REJECT_ALL: Final = assemble([Step("ret k", 0)])
"""Lets nothing through."""

_VERDICTS: Final = (
    Step("ret k", 0, label="reject"),
    Step("ret k", _WHOLE_FRAME, label="accept"),
)

# X is where the IP header begins, from the first line that loads it on.
_AFTER_ETHERNET: Final = (
    Step("ldx k", 14),
    Step("ldh [k]", 12),
    Step("jeq", 0x8100, then="one tag"),
    Step("jeq", 0x88A8, then="one tag"),
    Step("jeq", 0x9100, then="one tag", otherwise="type"),
    Step("ldx k", 18, label="one tag"),
    Step("ldh [k]", 16),
    Step("jeq", 0x8100, then="two tags"),
    Step("jeq", 0x88A8, then="two tags"),
    Step("jeq", 0x9100, then="two tags", otherwise="type"),
    Step("ldx k", 22, label="two tags"),
    Step("ldh [k]", 20),
    Step("jeq", 0x0800, then="IPv4", label="type"),
    Step("jeq", 0x86DD, then="IPv6", otherwise="reject"),
)
_AT_ONCE: Final = (
    Step("ldx k", 0),
    Step("ldb [x+k]", 0),
    Step("and k", 0xF0),
    Step("jeq", 0x40, then="IPv4"),
    Step("jeq", 0x60, then="IPv6", otherwise="reject"),
)
_FRONTS: Final = {ETHERNET: _AFTER_ETHERNET, RAW_IP: _AT_ONCE}

_IP: Final = (
    Step("ldb [x+k]", 9, label="IPv4"),
    Step("jeq", 6, otherwise="reject"),
    Step("ldh [x+k]", 6),
    Step("jset", 0x1FFF, then="accept"),  # a later fragment: its ports are in the first one
    Step("ldb [x+k]", 0),
    Step("and k", 0x0F),
    Step("lsh k", 2),
    Step("add x"),
    Step("tax"),
    Step("ja", then="TCP"),
    Step("ldb [x+k]", 6, label="IPv6"),
    Step("jeq", 6, then="plain IPv6"),
    Step("jeq", 44, then="more headers"),  # a fragment
    Step("jeq", 0, then="more headers", otherwise="reject"),  # hop-by-hop options: jumbograms of BIG TCP
    Step("ldb [x+k]", 40, label="more headers"),
    Step("jeq", 6, then="accept", otherwise="reject"),
    Step("txa", label="plain IPv6"),
    Step("add k", 40),
    Step("tax"),
)


def tcp_program(link_type: int, ports: Collection[int] = ()) -> bytes | None:
    """Make the filter: TCP over IPv4 or IPv6, also under one or two VLAN tags, from or to one of these ports.

    Fragments whose ports cannot be told are let through.

    Args:
        link_type: the LINKTYPE number of the frames.
        ports: at most `MAX_PORTS`; empty for any.

    Returns:
        The program; None where frames of this link type cannot be told apart.
    """
    front = _FRONTS.get(link_type)
    if front is None:
        return None
    return assemble([*front, *_IP, *_port_test(sorted(ports)), *_VERDICTS])


def _port_test(ports: Sequence[int]) -> Iterable[Step]:
    if not ports:
        return [Step("ja", then="accept", label="TCP")]
    return [
        Step("ldh [x+k]", 0, label="TCP"),
        *(Step("jeq", port, then="accept") for port in ports),
        Step("ldh [x+k]", 2),
        *(Step("jeq", port, then="accept") for port in ports),
    ]


def tcp_expression(link_type: int | None, ports: Collection[int] = ()) -> str:
    """Say the same as `tcp_program` in libpcap's language (pcap-filter(7)); None: any link layer.

    `vlan` moves all that stands after it by one tag, so that the third alternative is for two of them.
    """
    base = "tcp"
    if ports:
        any_port = " or ".join(f"port {port}" for port in sorted(ports))
        base = f"tcp and ({any_port} or ip[6:2] & 0x1fff != 0 or ip6[6] = 44)"
    base += " or (ip6[6] = 0 and ip6[40] = 6)"
    if link_type != ETHERNET:
        return base
    return f"{base} or (vlan and ({base})) or (vlan and ({base}))"


def keep_whole_frames(program: bytes) -> bytes:
    """Let a program accept frames whole that libpcap compiled to cut them at 65,535 bytes.

    On loopback, a frame has 14 bytes more than that where its IP packet is as large as can be.
    """
    return b"".join(
        INSTRUCTION.pack(code, then, otherwise, _WHOLE_FRAME if code == _RETURN and k else k)
        for code, then, otherwise, k in INSTRUCTION.iter_unpack(program)
    )
