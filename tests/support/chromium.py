"""A headless Chromium, driven by its DevTools protocol: open a page, act on it as a person would, and look at it."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "No Chromium is installed here, so no page was opened in one."
_SECONDS = 60.0
# A question that `until` asks over and over is asked again after this many seconds without an answer.
_AGAIN = 3.0
# The code of an error of the page's context, which a navigation destroys.
_LEFT = -32000
_MODIFIERS = {"shift": 8}


class PageWasLeft(AssertionError):
    """The page was left for another one before it answered."""


class Page:
    """One tab. `problems` lists errors in its console, such as violations of its content security policy."""

    def __init__(self, devtools: Connection) -> None:
        self._devtools = devtools
        self._last = 0
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer of the browser to a command."""
        return self._answer(_SECONDS, method, parameters)

    def _answer(self, seconds: float, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        self._devtools.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._devtools.recv(timeout=seconds))
            if message.get("id") == self._last:
                if message.get("error", {}).get("code") == _LEFT:
                    raise PageWasLeft(message["error"]["message"])
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def open(self, address: str) -> None:
        """Go to an address, and return when its document and scripts are loaded."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """Return the value of an expression on the page."""
        return self._value(_SECONDS, expression)

    def _value(self, seconds: float, expression: str) -> Any:
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        found = self._answer(seconds, "Runtime.evaluate", asked)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = _SECONDS) -> float:
        """Wait until an expression is true, and return how long that took."""
        began = time.monotonic()
        while not self._holds(expression):
            assert time.monotonic() - began < seconds, f"{expression}\n{self.text()}\n{self.problems}"
            time.sleep(0.02)
        return time.monotonic() - began

    def _holds(self, expression: str) -> bool:
        # While the page is being left, there is nothing to ask, and a question may stay without an answer.
        with suppress(PageWasLeft, TimeoutError):
            return self._value(
                _AGAIN, f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
            )
        return False

    def text(self) -> str:
        """Return the text that a reader sees."""
        return self.value("document.body.innerText")

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element."""
        self.until(f"document.querySelector({selector!r}) !== null")
        found = f"document.querySelector({selector!r})"
        x, y = self.value(
            f"(() => {{ const e = {found}; e.scrollIntoView({{block: 'center', behavior: 'instant'}}); "
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def write(self, text: str) -> None:
        """Insert a text where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, modifier: str = "") -> None:
        """Press and release a key, such as `Tab` or `Enter`."""
        more: dict[str, Any] = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Tab": 9, "Escape": 27}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                modifiers=_MODIFIERS.get(modifier, 0),
                **(more if kind == "keyDown" else {}),
            )

    def size(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the window, and whether the reader prefers dark pages."""
        mobile = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, file: Path) -> None:
        """Write a picture of the whole page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found["data"]))

    def memory(self) -> float:
        """Return the megabytes of the page's JavaScript heap after a collection."""
        self.call("HeapProfiler.collectGarbage")
        metrics = self.call("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize") / 1e6

    def _note(self, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "Log.entryAdded" if message["params"]["entry"]["level"] == "error":
                self.problems.append(message["params"]["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.problems.append(json.dumps(message["params"]["exceptionDetails"])[:2000])
            case "Page.javascriptDialogOpening":
                self.problems.append(f"a dialog of the page: {message['params']['message']}")


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """Run a browser with its profile in a folder; only its own tab is used, and nothing of the network."""
    assert PROGRAM is not None
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder / 'profile'}",
        "about:blank",
    ]
    process = subprocess.Popen(
        [PROGRAM, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        address = _tab(_port(folder / "profile" / "DevToolsActivePort", process))
        with connect(address, max_size=None, open_timeout=_SECONDS) as devtools:
            page = Page(devtools)
            yield page
            with suppress(WebSocketException):
                page.call("Browser.close")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the browser, and end it if it does not end by itself."""
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_SECONDS)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    began = time.monotonic()
    while not file.exists() or not file.read_text().split():
        assert process.poll() is None, "Chromium ended before it listened"
        assert time.monotonic() - began < _SECONDS, "Chromium did not listen"
        time.sleep(0.02)
    return int(file.read_text().split()[0])


def _tab(port: int) -> str:
    for _ in range(100):
        tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS).json()
        for tab in tabs:
            if tab["type"] == "page":
                return tab["webSocketDebuggerUrl"]
        time.sleep(0.05)
    raise AssertionError("Chromium has no tab")
