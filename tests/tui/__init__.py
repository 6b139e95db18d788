"""The browser, driven by keys as a user would, over stores of the captures."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from ocppscope import rules
from ocppscope.ocpp.decoder import Decoder
from ocppscope.rules.engine import Engine
from ocppscope.sources import SourceOptions, open_source
from ocppscope.store import Store
from ocppscope.store.writer import StoreWriter
from ocppscope.tui.app import Browser

CAPTURES = Path(__file__).parents[2] / "captures"
assert rules.__all__  # importing them declares the rules


def store_of(capture: str, folder: Path) -> Path:
    """The store of a capture; one that was made before in the same folder is taken again."""
    path = folder / f"{capture}.ocppdb"
    if not path.exists():
        write_store(path, open_source([str(CAPTURES / capture)], SourceOptions()).batches())
    return path


def write_store(path: Path, batches: Any) -> None:
    """Decode, judge and store what a source emits."""
    writer = StoreWriter(path, source="test", durable=False)
    decoder, engine = Decoder(), Engine(observer=writer.observe)
    for batch in batches:
        decoded = decoder.feed(batch)
        engine.feed(decoded)
        writer.feed(decoded)
    writer.finish()


def drive(
    path: Path,
    script: Callable[[Browser, Pilot[int]], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    **options: Any,
) -> None:
    """Browse a store as a script says."""

    async def run() -> None:
        with Store(path) as store:
            browser = Browser(store, name="test.pcap", **options)
            async with browser.run_test(size=size) as pilot:
                await settle(pilot)
                await script(browser, pilot)

    asyncio.run(run())


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, and wait until what they set off is done."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def settle(pilot: Pilot[int]) -> None:
    """Wait until nothing is under way."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def screen_of(browser: Browser) -> list[str]:
    """What is on the screen: its lines, as text."""
    strips = browser.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]
