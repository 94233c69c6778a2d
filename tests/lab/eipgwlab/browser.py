# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A headless Chromium in a namespace of the lab, steered through a pipe (--remote-debugging-pipe), so that nothing listens for it.

What it says of itself is kept: messages of the console, requests, and what a page's security policy forbade.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .wait import wait_until

PROGRAM = "/usr/bin/chromium"
DEADLINE = 120.0
# Nothing but the page: the lab has no internet, and looking for it takes time.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage",
         "--no-default-browser-check", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US",
         "--disable-features=OptimizationHints,MediaRouter,Translate,HttpsUpgrades", "--remote-debugging-pipe"]

Answer = dict[str, Any]


class Browser:
    """Ends with the with block."""

    def __init__(self, namespace: str):
        self.directory = tempfile.TemporaryDirectory(prefix="eipgw-browser-", ignore_cleanup_errors=True)
        self.log_path = Path(self.directory.name) / "log"
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        # Far from 3 and 4, which they become.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (theirs_in, theirs_out)]
        shell = f'exec ip netns exec "$@" 3<&{ends[0]} 4>&{ends[1]} {ends[0]}<&- {ends[1]}>&-'
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", shell, "browser", namespace, PROGRAM, *FLAGS, f"--user-data-dir={self.directory.name}/profile", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=ends, start_new_session=True,
                env={**os.environ, "HOME": self.directory.name, "TZ": "UTC"})
        for fd in (theirs_in, theirs_out, *ends):
            os.close(fd)
        self._buffer = b""
        self._last = 0
        self.events: list[Answer] = []

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._to)
        os.close(self._from)
        self.directory.cleanup()

    def _message(self, deadline: float) -> Answer | None:
        """The next one; None: none came."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            chunk = os.read(self._from, 1 << 16)
            assert chunk, "the browser ended: " + self.log_path.read_text(encoding="utf-8", errors="replace")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(line)

    def send(self, method: str, session: str | None = None, **parameters: Any) -> int:
        self._last += 1
        message: Answer = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data):]
        return self._last

    def call(self, method: str, session: str | None = None, handle: Callable[[Answer], None] | None = None, **parameters: Any) -> Answer:
        number = self.send(method, session, **parameters)
        deadline = time.monotonic() + DEADLINE
        while True:
            message = self._message(deadline)
            assert message is not None, f"no answer to {method}"
            if message.get("id") == number:
                assert "error" not in message, (method, message)
                return message["result"]
            self._take(message, handle)

    def _take(self, message: Answer, handle: Callable[[Answer], None] | None) -> None:
        if "method" in message:
            self.events.append(message)
            if handle:
                handle(message)

    def drain(self, seconds: float, handle: Callable[[Answer], None] | None = None) -> None:
        """What comes meanwhile."""
        deadline = time.monotonic() + seconds
        while (message := self._message(deadline)) is not None:
            self._take(message, handle)

    @contextlib.contextmanager
    def page(self, width: int, height: int, dark: bool = False) -> Iterator["Page"]:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        yield page
        self.call("Target.closeTarget", targetId=target)


class Page:
    def __init__(self, browser: Browser, session: str):
        self.browser, self.session = browser, session
        self.fixtures: dict[str, Any] = {}

    def call(self, method: str, **parameters: Any) -> Answer:
        return self.browser.call(method, self.session, self._handle, **parameters)

    def _handle(self, message: Answer) -> None:
        """A request that is answered in the server's stead."""
        if message["method"] != "Fetch.requestPaused" or message.get("sessionId") != self.session:
            return
        request = message["params"]
        path = "/" + request["request"]["url"].split("/", 3)[3]
        if path not in self.fixtures:
            self.browser.send("Fetch.continueRequest", self.session, requestId=request["requestId"])
            return
        body = base64.b64encode(json.dumps(self.fixtures[path]).encode()).decode()
        self.browser.send("Fetch.fulfillRequest", self.session, requestId=request["requestId"], responseCode=200, body=body,
                          responseHeaders=[{"name": "Content-Type", "value": "application/json"}])

    def answer(self, fixtures: dict[str, Any]) -> None:
        """{path: what is answered instead of asking the server}"""
        self.fixtures = fixtures
        self.call("Fetch.enable", patterns=[{"urlPattern": "*/api/*"}])

    def open(self, url: str) -> None:
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    def until(self, expression: str, what: str, seconds: float = DEADLINE) -> None:
        def is_so() -> bool:
            self.browser.drain(0.05, self._handle)
            return bool(self.run(expression))

        wait_until(is_so, seconds, what)

    def text(self, selector: str) -> str:
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def screenshot(self, path: Path) -> None:
        size = self.run("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _events(self, method: str) -> list[Answer]:
        return [e["params"] for e in self.browser.events if e["method"] == method and e.get("sessionId") == self.session]

    def requests(self) -> list[str]:
        return [e["request"]["url"] for e in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions, and what the policy forbade."""
        found = [e["entry"]["text"] for e in self._events("Log.entryAdded") if e["entry"]["level"] in ("error", "warning")]
        found += [str(e["args"]) for e in self._events("Runtime.consoleAPICalled") if e["type"] in ("error", "warning", "assert")]
        found += [str(e["exceptionDetails"]) for e in self._events("Runtime.exceptionThrown")]
        return found + [str(e["issue"]) for e in self._events("Audits.issueAdded")]
