# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Locks held by the kernel for a process: gone with it, also after kill -9."""

import contextlib
import fcntl
import os

from .console import say


def open_lock(path):
    """Open a lock file; the lock itself is taken with :func:`fcntl.flock`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


@contextlib.contextmanager
def exclusive(path, waiting=None):
    """Hold a lock that only one process has at a time.

    :param waiting: said once when another process has it
    """
    descriptor = open_lock(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                say(waiting)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
