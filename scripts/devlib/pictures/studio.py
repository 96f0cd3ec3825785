# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demonstration, new for each run, and the photographer in it."""

import json
import shutil
import subprocess
import tempfile

from .. import debian, paths
from ..console import Problem, say
from ..demo import Demo
from ..ports import free_ports
from ..process import Child
from ..system import plain_environment

TIMEOUT = 600  # seconds for all pictures
MOST_BYTES = {"film.gif": 1_500_000}
MOST_BYTES_TOGETHER = 2_500_000


class Studio:
    """Servers as scripts/demo has them, with databases and ports of their own.

    :param folder: where the pictures go
    """

    def __init__(self, odoo, postgres, folder):
        self.odoo = odoo
        self.folder = folder
        ports = free_ports(2)
        self.demo = Demo(odoo, postgres, fresh=True, role="pictures", ports=ports)

    def take(self, names):
        """Take the pictures with these names."""
        try:
            self.demo.start()
            self.demo.show_order()
            self._photograph(names)
        finally:
            self.demo.stop()
        self._check_sizes()

    def drop(self):
        """Drop the databases; the templates they are made from stay."""
        for server in (self.demo.bpo, self.demo.dealer):
            self.demo.postgres.drop(server.database)
            shutil.rmtree(paths.filestore(server.database), ignore_errors=True)

    def _photograph(self, names):
        task = {
            "bpo": [self.demo.bpo.url, self.demo.bpo.database],
            # by name: a browser keeps one log-in per host, whatever the port
            "dealer": [f"http://localhost:{self.demo.dealer_port}", self.demo.dealer.database],
            "folder": str(self.folder),
            "names": list(names),
            "fonts": self._fonts(),
        }
        # Odoo's environment has what draws, and what talks to browsers
        command = [self.odoo.python, "-m", "devlib.pictures.inside", json.dumps(task)]
        with tempfile.TemporaryDirectory() as profile:
            environment = plain_environment(TMPDIR=profile)
            with Child(command, env=environment, cwd=paths.SCRIPTS) as child:
                try:
                    status = child.wait(TIMEOUT)
                except subprocess.TimeoutExpired:
                    raise Problem(f"The pictures took more than {TIMEOUT} s.") from None
        if status:
            raise Problem("Not all pictures were taken.")

    @staticmethod
    def _fonts():
        """Return the fonts that came with Odoo: pages have the same ones on any machine."""
        prefix = debian.unpacked_prefix(debian.ODOO_19)
        return prefix and str(prefix / "usr" / "share" / "fonts")

    def _check_sizes(self):
        sizes = {path.name: path.stat().st_size for path in self.folder.glob("*.[pg][ni][gf]")}
        say(f"{len(sizes)} pictures, {sum(sizes.values()) / 1000:.0f} kB in {self.folder}")
        for name, most in MOST_BYTES.items():
            if sizes.get(name, 0) > most:
                raise Problem(f"{name} has {sizes[name]} bytes, {most} at most.")
        if sum(sizes.values()) > MOST_BYTES_TOGETHER:
            raise Problem(f"The pictures have more than {MOST_BYTES_TOGETHER} bytes together.")
