# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run one program, and see to it that nothing of it is left.

    python guard.py PARENT_PID GRACE_SECONDS PROGRAM [ARGUMENT ...]

The guard is its program's only parent. It ends, with the program and all that the program has
started (a browser, say), when the program ends, when the guard is told to (SIGTERM: with
grace; SIGUSR1: with SIGKILL, at once) and when the guard's own parent dies, however. When the
guard itself is killed the kernel kills the program.

Run as a file with ``python -I -S``: it imports next to nothing, so that it starts in no time.
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def descendants():
    """Return the pids of our children; orphans below them become ours, too."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        return [int(pid) for pid in children.read().split()]


def kill_descendants():
    """Kill whatever is left, until nothing is."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for pid in descendants():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def start(argv):
    """Start the program; the kernel kills it when we are killed."""
    guard = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(127)


def main():
    """Start the program and wait for the first thing to happen."""
    parent, grace, argv = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != parent:
        return 1
    program = start(argv)
    status = None
    deadline = None
    while status is None:
        if deadline is None:
            received = signal.sigwait(signals)
        else:
            info = signal.sigtimedwait(signals, max(0, deadline - time.monotonic()))
            received = info.si_signo if info else signal.SIGUSR1
        if received == signal.SIGUSR1:
            os.kill(program, signal.SIGKILL)
        elif received != signal.SIGCHLD and deadline is None:
            os.kill(program, signal.SIGTERM)
            deadline = time.monotonic() + grace
        try:
            while True:
                pid, ended = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                if pid == program:
                    status = ended
        except ChildProcessError:
            break
    kill_descendants()
    if status is None:
        return 1
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main())
