# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The processes and databases of a run: they are killed, frozen, cut off, restored."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ..console import Problem
from ..ports import free_ports
from ..servers import OdooServer
from .history import utc_now
from .proxy import FaultProxy

STARTS = 3
STAY_DOWN = 600


class SecondServer(OdooServer):
    """One more server process on the database of another one."""

    def __init__(self, first):
        [port] = free_ports()
        super().__init__(first.odoo, first.postgres, first.database, port, crons=first.crons)
        self.log = first.log.with_name(f"{first.database}_second.log")
        self.log.unlink(missing_ok=True)


class Servers:
    """Two BPO servers on one database, dealers' servers, and a proxy in front of each dealer.

    :param world: the ``World`` that makes them
    :param history: the ``History`` of the run
    """

    def __init__(self, world, history, dealers=2):
        self.history = history
        self.postgres = world.postgres
        self.bpo = world.new_bpo(crons=1)
        self.dealers = [world.new_dealer() for _number in range(dealers)]
        self.bpos = [self.bpo, SecondServer(self.bpo).start()]
        self.proxies = [
            FaultProxy(dealer, history.note_fault, self.die_after).__enter__()
            for dealer in self.dealers
        ]
        # {server: when it is to be started again}
        self._down = {}
        self._lock = threading.RLock()
        self._backups = {}
        # A child ends with the thread that has started it, so this one stays until the end.
        self._starter = ThreadPoolExecutor(1)

    def close(self):
        """End what the world does not end."""
        for proxy in self.proxies:
            proxy.__exit__()
        self.bpos[1].kill()
        self._starter.shutdown()

    def logs(self):
        """Return the log files of all servers."""
        return [server.log for server in (*self.bpos, *self.dealers)]

    # ------------------------------------------------------------
    # Down and up again
    # ------------------------------------------------------------

    def kill(self, server, seconds):
        """Kill a server; ``revive`` starts it again after some seconds."""
        with self._lock:
            server.kill()
            moment = time.monotonic() + seconds
            self._down[server] = max(moment, self._down.get(server, 0))

    def die_after(self, fault):
        """Kill the BPO's servers at the moment a dealer has carried something out."""
        for server in self.bpos:
            self.kill(server, fault.seconds)

    def revive(self):
        """Start the servers that are down, killed or broken, and have been so for long enough."""
        with self._lock:
            for server in (*self.bpos, *self.dealers):
                is_due = time.monotonic() >= self._down.get(server, 0)
                if is_due and not server.is_running:
                    self._down.pop(server, None)
                    self._starter.submit(server.start, wait=False).result()

    def start_all(self):
        """Start all servers, also those that fail to at first; return when they answer."""
        with self._lock:
            self._down.clear()
            for server in (*self.bpos, *self.dealers):
                self._start(server)

    def _start(self, server):
        """Start a server; one that was on its way when its database sessions ended, once more."""
        for _attempt in range(STARTS):
            try:
                self._starter.submit(server.start, wait=False).result()
                return server.wait_ready()
            except Problem as problem:
                self.history.note("start", database=server.database, problem=str(problem)[-500:])
        raise Problem(f"The server on port {server.port} cannot be started; see {server.log}.")

    def freeze(self, server, seconds, cut_off=False):
        """Freeze a server for some seconds.

        :param cut_off: end its database sessions meanwhile, as a database server does with a
            client that it takes for dead
        """
        with self._lock:
            child = server.child
            if not server.is_running:
                return
            child.freeze()
        try:
            time.sleep(seconds / 2)
            if cut_off:
                names = ", ".join(f"'odoo-{pid}'" for pid in child.program_pids())
                self.end_sessions(server, f"application_name IN ({names or 'NULL'})")
            time.sleep(seconds / 2)
        finally:
            child.thaw()

    def end_sessions(self, server, condition="true"):
        """End sessions of a server's database."""
        self.postgres.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            f" WHERE datname = '{server.database}' AND pid <> pg_backend_pid() AND {condition}"
        )

    # ------------------------------------------------------------
    # Backups
    # ------------------------------------------------------------

    def back_up(self, server):
        """Make a backup of a database, of the very moment at which its servers are killed."""
        with self._lock:
            self._kill_all_of(server)
            moment = utc_now()
            self._backups[server] = (moment, self._starter.submit(server.back_up).result())
            self._start_all_of(server)
        self.history.note("backup", database=server.database, moment=moment)

    def has_backup(self, server):
        """Tell whether there is a backup of a server's database."""
        return server in self._backups

    def restore(self, server):
        """Bring a database back to its backup, in the middle of whatever goes on."""
        backed_up, backup = self._backups[server]
        for each in self._all_of(server):
            self.kill(each, STAY_DOWN)
        if server is self.bpo:
            for proxy in self.proxies:
                # what was sent before the restore belongs to the time that is forgotten
                proxy.wait_quiet()
        with self._lock:
            self._kill_all_of(server)
            moment = utc_now()
            if server is self.bpo:
                self.history.forgotten.append((backed_up, moment))
            else:
                moments = self.history.restored.setdefault(server.database, [])
                moments.append((backed_up, moment))
            self._starter.submit(server.restore, backup).result()
            self._start_all_of(server)
        kind = "restore_bpo" if server is self.bpo else "restore_dealer"
        self.history.note_fault(kind, database=server.database, to=backed_up, moment=moment)

    def _all_of(self, server):
        """Return all servers of a server's database."""
        return self.bpos if server is self.bpo else [server]

    def _kill_all_of(self, server):
        for each in self._all_of(server):
            each.kill()
            self._down.pop(each, None)

    def _start_all_of(self, server):
        for each in self._all_of(server):
            self._start(each)
