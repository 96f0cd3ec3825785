# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Keep PostgreSQL running while anybody uses it.

    python pg_supervisor.py USERS_LOCK PROGRAM [ARGUMENT ...]

Every user holds a shared lock on the file USERS_LOCK; the kernel drops it when the user dies,
however. The supervisor waits for the exclusive lock: when it gets it nobody is left, and it
stops the server. It keeps the lock until the server has stopped, so that whoever comes
meanwhile waits and then starts a new one. Killed itself, the kernel stops the server.

Run as a file with ``python -I -S``. It goes on as nobody's child: the script that started it may
go on as Odoo, whose tests end all children of their process.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1
STOP = signal.SIGINT  # PostgreSQL's "fast" shutdown


def main():
    """Run the server until its last user has gone."""
    lock, argv = sys.argv[1], sys.argv[2:]
    if os.fork():
        os._exit(0)
    prctl = ctypes.CDLL(None).prctl
    supervisor = os.getpid()

    def die_with_supervisor():
        prctl(PR_SET_PDEATHSIG, STOP)
        if os.getppid() != supervisor:
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server = subprocess.Popen(argv, preexec_fn=die_with_supervisor, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_args: server.send_signal(STOP))
    descriptor = os.open(lock, os.O_RDWR)

    def stop_after_last_user():
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        server.send_signal(STOP)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)

    threading.Thread(target=stop_after_last_user, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
