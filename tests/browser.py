"""A Chromium that a test drives as a person does: real keys, through the pipe of its debugging protocol."""

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars --disable-sync"
FLAGS += " --disable-background-networking --disable-component-update --remote-debugging-pipe about:blank"
CODES = {"Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Tab": 9, "/": 191}


class Browser:
    def __init__(self, read: int, write: int) -> None:
        self._in, self._out = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._left, self._number = b"", 0
        self.session = ""
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def go(self, address: str) -> None:
        self.events.clear()
        self.send("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def js(self, expression: str) -> Any:
        done = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 10) -> None:
        """Until an expression is true in the page."""
        steps = int(seconds * 50)
        ask = (
            f"(async () => {{ for (let i = 0; i < {steps}; i++) {{ if ({condition}) return; "
            f"await new Promise(done => setTimeout(done, 20)) }} throw Error({json.dumps('never: ' + condition)}) }})()"
        )
        try:
            self.js(ask)
        except AssertionError as error:
            if "navigated" not in str(error):
                raise
            self.js(ask)  # the page was left while it was asked: the next one answers

    def press(self, *keys: str) -> None:
        for key in keys:
            text = {"text": key if len(key) == 1 else "\r"} if len(key) == 1 or key == "Enter" else {}
            code = CODES.get(key, ord(key[0].upper()))
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def asked(self) -> list[str]:
        """The addresses that the page has asked for since it was opened."""
        self.js("0")
        return [one["params"]["request"]["url"] for one in self.events if one.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        self.js("0")
        thrown = [one["params"]["exceptionDetails"] for one in self.events if one.get("method") == "Runtime.exceptionThrown"]
        return [str(one.get("exception", one).get("description", one)) for one in thrown]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            more = os.read(self._in.fileno(), 1 << 16)
            assert more, "Chromium ended"
            self._left += more
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)


@contextlib.contextmanager
def browser(chromium: str) -> Iterator[Browser]:
    (to_read, to_page), (from_page, to_us) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # The protocol's pipe is descriptors 3 and 4.
        command = ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_us}', chromium, f"--user-data-dir={profile}", *FLAGS.split()]
        process = subprocess.Popen(command, pass_fds=(to_read, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_us)
        try:
            yield Browser(from_page, to_page)
        finally:
            process.terminate()
            process.wait(10)
