"""Chromium without a window, driven over pipes: opens a page and says what it did."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.cli.support import PATIENCE_S

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@contextmanager
def chromium():
    """Yield a Tab of a browser of its own, which ends with the block."""
    # its processes may write into the profile for a moment longer than it lives itself
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        to_browser, ours = os.pipe()
        theirs, from_browser = os.pipe()
        command = (
            f'exec "{PROGRAM}" --headless=new --no-sandbox --disable-gpu --hide-scrollbars '
            "--disable-dev-shm-usage --no-first-run --disable-background-networking "
            f'--remote-debugging-pipe --user-data-dir="{profile}" '
            f"3<&{to_browser} 4>&{from_browser}"
        )
        process = subprocess.Popen(
            ["bash", "-c", command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        with os.fdopen(ours, "wb", 0) as out, os.fdopen(theirs, "rb", 0) as back:
            try:
                yield Tab(out, back)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(PATIENCE_S)


class Tab:
    """A tab; `requests` and `complaints` are all that its pages have asked for and logged."""

    def __init__(self, out, back):
        self.out, self.back, self.rest = out, back, b""
        self.sent, self.session = 0, None
        self.requests, self.complaints = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Return the answer to a command; what happens in the meantime is noted."""
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.out.write(json.dumps(message).encode() + b"\0")
        while (found := self._message()).get("id") != self.sent:
            self._note(found)
        assert "error" not in found, found
        return found["result"]

    def open(self, path, *, width, height=900, dark=False, paper=False):
        """Open a file at a width in pixels, and wait until it is there."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        media = "print" if paper else "screen"
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        while (found := self._message()).get("method") != "Page.loadEventFired":
            self._note(found)

    def ask(self, expression):
        """Return the value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, path):
        """Write the whole page as a PNG file."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        found = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def print(self, path):
        """Write the page as a PDF file of A4 pages."""
        found = self.call(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True,
            preferCSSPageSize=False,
        )  # fmt: skip
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def _message(self):
        while b"\0" not in self.rest:
            part = self.back.read(1 << 16)
            assert part, "the browser has ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def _note(self, message):
        method, said = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(said["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(said["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(said["entry"]["text"])
