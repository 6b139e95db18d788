"""A headless Chromium, driven over its debugging protocol: what a user of a page sees, presses and gets."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from websockets.sync.client import connect

PATH = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
    " --remote-debugging-port=0 about:blank"
).split()
PATIENCE = 20
"""Seconds."""


class Chromium:
    """One browser with one page.

    Args:
        folder: an empty one of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [PATH, f"--user-data-dir={folder}", *OPTIONS],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack = ExitStack()
        self._stack.callback(self._process.wait)
        self._stack.callback(self._process.kill)
        try:
            self._attach(folder / "DevToolsActivePort")
        except BaseException:
            self.close()
            raise

    def _attach(self, port: Path) -> None:
        until = time.monotonic() + PATIENCE
        while not (port.exists() and port.read_text().count("\n")):
            if time.monotonic() > until or self._process.poll() is not None:
                raise TimeoutError("Chromium does not start")
            time.sleep(0.02)
        number, path = port.read_text().split("\n")[:2]
        address = f"ws://127.0.0.1:{number}{path}"
        self._socket = self._stack.enter_context(connect(address, max_size=None, proxy=None))
        self._ids = itertools.count(1)
        self._session = None
        self.said: list[dict] = []
        """What it told by itself: the console, requests, violations of policies."""
        page = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **params: object) -> dict:
        """Give an order, and return the answer."""
        order = {"id": next(self._ids), "method": method, "params": params}
        if self._session is not None:
            order["sessionId"] = self._session
        self._socket.send(json.dumps(order))
        while True:
            told = json.loads(self._socket.recv(timeout=PATIENCE))
            if told.get("id") == order["id"]:
                assert "error" not in told, told
                return told["result"]
            self.said.append(told)

    def open(self, url: str, width: int = 1200, height: int = 900, scheme: str = "light") -> None:
        """Load a page anew, in a window of some size."""
        self("Page.navigate", url="about:blank")
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.said.clear()
        self("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression: str) -> object:
        """What an expression is in the page."""
        found = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        until = time.monotonic() + PATIENCE
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < until, expression
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press keys, by the names that pages see."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
            self("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG file."""
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def troubles(self) -> list[dict]:
        """Errors on the console, exceptions, and what was broken of policies, since the page was opened."""
        self.value("0")
        wrong = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
        return [one for one in self.said if one.get("method") in wrong]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened."""
        self.value("0")
        sent = [one for one in self.said if one.get("method") == "Network.requestWillBeSent"]
        return [one["params"]["request"]["url"] for one in sent]

    def close(self) -> None:
        self._stack.close()
