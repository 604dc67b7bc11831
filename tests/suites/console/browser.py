"""A real browser, driven over two pipes by the DevTools protocol: JSON texts, each ended by a NUL byte.

Chromium is found, never installed. Nothing but its own executable is needed: no driver, no WebSocket library.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import itertools
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
ANSWER_SECONDS = 20.0


def chromium() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class BrowserFailed(Exception):
    """The browser refused a command."""


@dataclass
class Page:
    """One tab. requests: every URL it asked for; complaints: what it logged as warning or error."""

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def send(self, method: str, **parameters: Any) -> Any:
        return await self.browser.send(method, parameters, self.session)

    async def open(self, url: str) -> None:
        """Have the page at `url` loaded."""
        await self._loaded(self.send("Page.navigate", url=url))

    async def press(self, selector: str) -> None:
        """Have pressed what the selector finds, and loaded where that leads."""
        await self._loaded(self.evaluate(f"document.querySelector({json.dumps(selector)}).click()"))

    async def key(self, name: str) -> None:
        """Have pressed a key."""
        for kind in ("keyDown", "keyUp"):
            code = {"Tab": 9, "Enter": 13}[name]
            extra = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **extra
            )

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression on the page."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserFailed(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def look(self, width: int, height: int = 900, *, is_dark: bool = False) -> None:
        """Have the window so large, with this preference of colours."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """Return the whole page, drawn as PNG."""
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    async def _loaded(self, action: Any) -> None:
        loaded = self.browser.next_event("Page.loadEventFired", self.session)
        await action
        async with asyncio.timeout(ANSWER_SECONDS):
            await loaded


class Browser:
    """A running Chromium. Use `browsing`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: list[tuple[str, str, asyncio.Future[Any]]] = []
        self._pages: dict[str, Page] = {}

    async def listen(self) -> None:
        """Hand what the browser says to whoever waits for it, until it is gone."""
        while text := await self._message():
            message = json.loads(text)
            if "id" in message:
                self._answer(message)
            else:
                self._note(message["method"], message.get("params", {}), message.get("sessionId", ""))

    async def send(self, method: str, parameters: dict[str, Any], session: str = "") -> Any:
        """Return what the browser answers. Raises BrowserFailed."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        answered = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps(message).encode() + b"\0")
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answered

    def next_event(self, method: str, session: str) -> asyncio.Future[Any]:
        """Return the next event of this kind, to be waited for."""
        event: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._events.append((method, session, event))
        return event

    async def page(self) -> Page:
        """Return a new tab with nothing of another's in it."""
        context = await self.send("Target.createBrowserContext", {})
        wanted = {"url": "about:blank", "browserContextId": context["browserContextId"]}
        target = await self.send("Target.createTarget", wanted)
        attached = await self.send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            await page.send(f"{domain}.enable")
        return page

    async def _message(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\0"))[:-1]
        except asyncio.IncompleteReadError:
            return b""

    def _answer(self, message: dict[str, Any]) -> None:
        answered = self._answers.pop(message["id"])
        if answered.done():
            return
        if "error" in message:
            answered.set_exception(BrowserFailed(message["error"]["message"]))
        else:
            answered.set_result(message["result"])

    def _note(self, method: str, parameters: dict[str, Any], session: str) -> None:
        page = self._pages.get(session)
        if page is not None and method == "Network.requestWillBeSent":
            page.requests.append(parameters["request"]["url"])
        if page is not None and method == "Log.entryAdded":
            page.complaints.append(parameters["entry"]["text"])
        for waiting in [one for one in self._events if one[:2] == (method, session)]:
            self._events.remove(waiting)
            if not waiting[2].done():
                waiting[2].set_result(parameters)


@asynccontextmanager
async def browsing(executable: str, folder: Path) -> AsyncIterator[Browser]:
    """Run a browser whose profile lies in `folder`, until the context ends."""
    to_browser, ours_in = os.pipe()
    ours_out, from_browser = os.pipe()
    # The browser reads commands from descriptor 3 and answers on 4. High numbers first, so that neither is overwritten.
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 64) for end in (to_browser, from_browser)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LAUNCH, *map(str, theirs)),
        *(executable, *FLAGS, f"--user-data-dir={folder}", "about:blank"),
        pass_fds=theirs,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    for end in (to_browser, from_browser, *theirs):
        os.close(end)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 << 20)
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_out, "rb", buffering=0)
    )
    writing, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(ours_in, "wb", buffering=0))
    browser = Browser(reader, writing)
    listening = asyncio.ensure_future(browser.listen())
    try:
        yield browser
    finally:
        writing.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        reading.close()
