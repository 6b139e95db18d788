"""The examples of docs/regression-tests.md, as they stand there, and a capture of what they say to each other."""

import asyncio
import re
import sys
from functools import cache
from pathlib import Path

from ocppscope.capture.files import Rotation
from ocppscope.capture.packet_recording import PacketRecording
from ocppscope.capture.proxy import Proxy
from ocppscope.testing.peers import Peer, free_port
from ocppscope.testing.settings import Command

DOCS = Path(__file__).parents[2] / "docs" / "regression-tests.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STATION = "LIS-0117"


@cache
def blocks(language):
    """The fenced blocks of a language, in their order."""
    return [body for name, body in _BLOCK.findall(DOCS.read_text()) if name == language]


def write(folder):
    """Write the files that the docs name in the first lines of their blocks."""
    for body in (*blocks("python"), *blocks("toml")):
        name = re.match(r"# (\S+)\n", body)
        assert name, f"a block does not name its file: {body[:80]}"
        path = folder / name[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body.removeprefix(name[0]))
    return folder


def projects(folder):
    """Both projects, each with a capture of their session through `record`'s proxy."""
    write(folder)
    capture = folder / "csms-project" / "captures" / "charge.pcapng"
    asyncio.run(_record(folder, capture))
    (folder / "firmware-project" / "captures" / "charge.pcapng").write_bytes(capture.read_bytes())
    return folder


async def _record(folder, path):
    port = free_port()
    until = asyncio.get_running_loop().time() + 20
    csms = Command((sys.executable, "csms.py", str(port)), folder / "csms-project")
    packets = PacketRecording(path, Rotation(), print)
    with Peer(csms, {}) as peer:
        await peer.said("ready", until)
        async with Proxy("127.0.0.1:0", f"ws://127.0.0.1:{port}", packets=packets) as proxy:
            url = f"ws://127.0.0.1:{proxy.addresses[0][1]}"
            charger = Command((sys.executable, "charger.py", url, STATION), folder / "firmware-project")
            with Peer(charger, {}) as station:
                await station.ended()
                assert station.exit_code == 0, station.output()
