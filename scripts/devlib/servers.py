# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo servers: start, wait until they answer, stop, kill, start again."""

import time
import urllib.error
import urllib.request

from . import paths
from .console import Problem
from .ports import port_is_free
from .process import Child

START_TIMEOUT = 120


def queue_settings(capacity=4, port=None):
    """Return the settings of a server that runs jobs of OCA's queue_job.

    :param capacity: how many jobs of this addon at the same time
    :param port: where jobs are run, on 127.0.0.1; the server itself when None
    """
    variables = {"ODOO_QUEUE_JOB_CHANNELS": f"root:{capacity},root.bpo_crm:{capacity}"}
    if port:
        variables |= {"ODOO_QUEUE_JOB_HOST": "127.0.0.1", "ODOO_QUEUE_JOB_PORT": str(port)}
    return {"options": ["--load=base,web,queue_job"], "variables": variables}


class OdooServer:
    """One Odoo server on 127.0.0.1 with one database.

    :param odoo: the :class:`Odoo` to run
    :param postgres: the :class:`Postgres` it works on
    :param addon: with this addon on its path, or stock Odoo alone (what a dealer has)
    :param crons: number of threads for scheduled actions (0: none)
    :param options: more of Odoo's own options
    :param variables: ``{name: value}`` of more variables of its environment
    """

    def __init__(
        self, odoo, postgres, database, port, addon=True, crons=2, options=(), variables=None
    ):
        self.odoo = odoo
        self.postgres = postgres
        self.database = database
        self.port = port
        self.addon = addon
        self.crons = crons
        self.options = list(options)
        self.variables = dict(variables or {})
        self.log = paths.log_dir() / f"{database}.log"
        self.child = None

    @property
    def url(self):
        """Return the address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        """Return the server's command line."""
        addons = self.odoo.addons_path if self.addon else self.odoo.stock_addons_path
        return self.odoo.command(
            "server",
            f"--addons-path={addons}",
            f"--database={self.database}",
            f"--db-filter=^{self.database}$",
            f"--data-dir={paths.data_dir()}",
            "--http-interface=127.0.0.1",
            f"--http-port={self.port}",
            "--workers=0",
            f"--max-cron-threads={self.crons}",
            *self.options,
        )

    def start(self, wait=True):
        """Start the server; return when it answers (or at once)."""
        if self.is_running:
            return self
        if not port_is_free(self.port):
            raise Problem(f"Port {self.port} of 127.0.0.1 is taken by another program.")
        environment = self.postgres.environment(**self.variables)
        self.child = Child(self.command(), log=self.log, env=environment)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=START_TIMEOUT):
        """Wait until the server answers."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.is_running:
                raise Problem(self._with_log(f"The server on port {self.port} ended at its start."))
            if self.answers():
                return
            time.sleep(0.1)
        self.stop()
        raise Problem(self._with_log(f"The server on port {self.port} does not answer."))

    def answers(self):
        """Whether the server answers requests."""
        try:
            with urllib.request.urlopen(f"{self.url}{self.odoo.health_path}", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    @property
    def is_running(self):
        """Whether the server's process is there."""
        return bool(self.child and self.child.is_running)

    def stop(self):
        """End the server in good order."""
        if self.child:
            self.child.stop()

    def kill(self):
        """End the server as a crash would (SIGKILL)."""
        if self.child:
            self.child.kill()

    def restart(self):
        """Stop the server and start it again on the same port."""
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    def _with_log(self, text):
        lines = (
            self.log.read_text("utf-8", "replace").splitlines()[-15:] if self.log.exists() else []
        )
        return "\n  ".join([text, f"The end of {self.log}:", *lines])
