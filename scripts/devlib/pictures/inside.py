# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The photographer; runs in Odoo's environment: ``python -m devlib.pictures.inside JSON``."""

import json
import tempfile
import time
from pathlib import Path

from .. import paths
from ..console import Problem, run_main, say
from . import files
from .browser import Browser
from .film import Film
from .shots import DESKTOP_PICTURES, FILM, PHONE, PHONE_PICTURES


class Photographer:
    """Takes pictures of two servers.

    :param task: the servers' addresses and databases, the folder and the names of the pictures
    """

    def __init__(self, browser, task):
        self.browser = browser
        self.bpo, self.dealer = task["bpo"], task["dealer"]
        self.folder = Path(task["folder"])

    def take(self, name):
        """Take one picture, or the film."""
        started = time.monotonic()
        if name == FILM:
            path = self.folder / f"{name}.gif"
            files.save_film(Film(self.browser, self.bpo, self.dealer).take(), path)
        else:
            path = self.folder / f"{name}.png"
            files.save(self._still(name), path)
        seconds = time.monotonic() - started
        say(f"{path.name:20} {path.stat().st_size / 1000:6.0f} kB {seconds:5.1f} s")

    def _still(self, name):
        if name in DESKTOP_PICTURES:
            shot = DESKTOP_PICTURES[name]
            return self._screen(shot, {"width": shot.width, "height": shot.height})
        return files.side_by_side([self._screen(shot, PHONE) for shot in PHONE_PICTURES[name]])

    def _screen(self, shot, size):
        """Return what is seen after the steps to it."""
        url, database = self.bpo
        self.browser.size(**size)
        self.browser.log_in(url, database, shot.login)
        self.browser.open(f"{url}/odoo/{shot.path}", shot.wait)
        self.browser.settle()
        for method, *arguments in shot.steps:
            getattr(self.browser, method)(*arguments)
        # nothing is under the mouse
        self.browser.move((0, 0))
        return files.read(self.browser.settle())


def main(arguments):
    """Take the pictures that the task names."""
    task = json.loads(arguments[0])
    failed = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Browser(Path(folder) / "profile", task["fonts"]) as browser,
    ):
        photographer = Photographer(browser, task)
        for name in task["names"]:
            try:
                photographer.take(name)
            except Problem as problem:
                failed.append(name)
                seen = paths.log_dir() / f"picture-{name}.png"
                seen.write_bytes(browser.picture())
                say(f"{name}: {problem} What was seen instead: {seen}")
    return 1 if failed else 0


if __name__ == "__main__":
    run_main(main)
