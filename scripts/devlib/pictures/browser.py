# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A browser without a window, driven as a person would: by mouse and keyboard."""

import base64
import json
import time
import urllib.request
from pathlib import Path

import websocket

from ..console import Problem
from ..process import Child
from ..system import ensure_browser, plain_environment

TIMEOUT = 30  # seconds that anything may take
STILL_TIMEOUT = 15  # seconds until a page must have come to rest
POLL = 0.1
PAUSE = 0.3  # between two looks at a page that may still move
DEPTH = 110  # pixels below its upper edge at which a high element is touched at most
KEYS = {"Enter": 13, "Escape": 27}

_FONTS = """<?xml version="1.0"?>
<fontconfig><include>/etc/fonts/fonts.conf</include><dir>{folder}</dir></fontconfig>
"""
# Nothing moves, nothing blinks: two pictures of the same page are the same.
_QUIET = """
// leaving a form with changes is not asked about
addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);
addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = `*, ::before, ::after {
        animation-duration: 0s !important; animation-delay: 0s !important;
        transition: none !important; caret-color: transparent !important;
        scroll-behavior: auto !important;
    }`;
    document.head.append(style);
});
"""
# the first element that is seen and has the text in it
_FIND = """(() => {
    const isSeen = (each) => each.getClientRects().length;
    const element = [...document.querySelectorAll(%s)].find(
        (each) => isSeen(each) && each.innerText.includes(%s)
    );
    if (!element) return null;
    if (%s) element.scrollIntoView({block: "nearest", inline: "nearest"});
    const {x, y, width, height} = element.getBoundingClientRect();
    return [x + width / 2, y + Math.min(height / 2, %s)];
})()"""
_READY = """
document.readyState === "complete" && document.fonts.status === "loaded"
&& !document.querySelector(".o_blockUI, .o_loading_indicator")
&& [...document.images].every((image) => image.complete)
"""


class Browser:
    """One page of a headless Chromium.

    :param folder: for its profile; an empty one
    :param fonts: a folder with fonts besides the machine's own
    """

    def __init__(self, folder, fonts=None):
        self.mouse = (0, 0)
        self._fonts = fonts
        self._number = 0
        self._child = self._socket = None
        self._folder = Path(folder)

    def __enter__(self):
        options = [
            *["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
            *["--disable-background-networking", "--disable-component-update", "--disable-sync"],
            *["--no-first-run", "--remote-debugging-port=0", "--remote-allow-origins=*"],
            *["--font-render-hinting=none", "--force-color-profile=srgb"],
            *[f"--user-data-dir={self._folder}", "about:blank"],
        ]
        self._folder.mkdir()
        configuration = self._folder / "fonts.conf"
        configuration.write_text(_FONTS.format(folder=self._fonts or self._folder), "utf-8")
        self._child = Child(
            [ensure_browser(), *options],
            log=self._folder / "chromium.log",
            env=plain_environment(FONTCONFIG_FILE=str(configuration)),
        )
        try:
            self._connect()
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *exc_info):
        if self._socket:
            self._socket.close()
        self._child.stop()

    def _connect(self):
        port_file = self._folder / "DevToolsActivePort"
        text = self._until(lambda: port_file.exists() and port_file.read_text(), "the browser")
        address = f"http://127.0.0.1:{text.split()[0]}/json"
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            [page] = [each for each in json.load(answer) if each["type"] == "page"]
        self._socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=TIMEOUT)
        for domain in ("Page", "Network"):
            self.command(f"{domain}.enable")
        self.command("Page.addScriptToEvaluateOnNewDocument", source=_QUIET)
        self.command("Emulation.setTimezoneOverride", timezoneId="UTC")
        self.command("Emulation.setLocaleOverride", locale="en-US")
        self.command("Emulation.setScrollbarsHidden", hidden=True)

    def command(self, method, **parameters):
        """Have the browser do something (a method of its DevTools protocol)."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                return answer.get("result", {})

    def run(self, code):
        """Return the value of an expression of JavaScript."""
        done = self.command(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        return done.get("result", {}).get("value")

    @staticmethod
    def _until(check, what, timeout=TIMEOUT):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if found := check():
                return found
            time.sleep(POLL)
        raise Problem(f"{what} did not come within {timeout} s.")

    # -- where we are

    def size(self, width, height, scale=1, mobile=False):
        """Set the size of the window, in pixels of CSS, and how many dots each of them has."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )
        self.command("Emulation.setTouchEmulationEnabled", enabled=mobile)

    def log_in(self, url, database, login, password=None):
        """Be this user from now on."""
        parameters = {"db": database, "login": login, "password": password or login}
        request = urllib.request.Request(
            f"{url}/web/session/authenticate",
            json.dumps({"jsonrpc": "2.0", "params": parameters}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            if not (json.load(answer).get("result") or {}).get("uid"):
                raise Problem(f"{url} does not let {login} in.")
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        name, _, value = cookie.partition("=")
        self.command("Network.setCookie", name=name, value=value, url=url)

    def open(self, url, wait_for):
        """Go to an address; return when something is there."""
        self.command("Page.navigate", url="about:blank")
        self.command("Page.navigate", url=url)
        self.wait(wait_for)

    # -- what is there

    def find(self, css, text="", scroll=False):
        """Return the middle of an element when it is there, not far below its upper edge.

        :param scroll: bring it into sight
        """
        values = (css, text, scroll, DEPTH)
        return self.run(_FIND % tuple(json.dumps(value) for value in values))

    def wait(self, css, text=""):
        """Return once an element is there."""
        self._until(lambda: self.find(css, text), f"{css} {text}".strip())

    def reach(self, css, text=""):
        """Return the middle of an element once it is there, and in sight."""
        return self._until(lambda: self.find(css, text, scroll=True), f"{css} {text}".strip())

    def settle(self):
        """Return once the page is at rest: two pictures in a row are the same.

        :return: the picture, PNG
        """
        before, deadline = None, time.monotonic() + STILL_TIMEOUT
        while True:
            time.sleep(PAUSE)
            now = self.picture() if self.run(_READY) else None
            if now and now == before:
                return now
            if time.monotonic() > deadline:
                raise Problem(f"The page was not at rest after {STILL_TIMEOUT} s.")
            before = now

    def picture(self):
        """Return what is seen, PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    # -- mouse and keyboard

    def _mouse(self, kind, **more):
        x, y = self.mouse
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def move(self, place, steps=1, on_step=None, **more):
        """Move the mouse to a place.

        :param on_step: called after each step
        """
        (x, y), (to_x, to_y) = self.mouse, place
        for step in range(1, steps + 1):
            self.mouse = (x + (to_x - x) * step / steps, y + (to_y - y) * step / steps)
            self._mouse("mouseMoved", **more)
            if on_step:
                on_step()

    def press(self):
        """Press the left button where the mouse is."""
        self._mouse("mousePressed", button="left", buttons=1, clickCount=1)

    def release(self):
        """Release the left button."""
        self._mouse("mouseReleased", button="left", clickCount=1)

    def click(self, css, text=""):
        """Click an element once it is there."""
        self.move(self.reach(css, text))
        self.press()
        self.release()

    def drag(self, source, target, steps=12, on_step=None):
        """Drag one element to another, each a CSS and a text."""
        self.reach(*target)
        self.move(self.reach(*source))
        self.press()
        pause = on_step or (lambda: time.sleep(0.03))
        self.move(self.find(*target), steps, pause, button="left", buttons=1)
        # boards scroll by themselves when a card comes near their edge
        time.sleep(PAUSE)
        self.move(self.find(*target), 3, pause, button="left", buttons=1)
        self.release()

    def type(self, text):
        """Type into what has the focus."""
        self.command("Input.insertText", text=text)

    def key(self, name):
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.command(
                "Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=KEYS[name]
            )
