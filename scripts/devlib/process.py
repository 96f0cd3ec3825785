# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Child processes that end with the script, also when it is killed."""

import contextlib
import os
import signal
import subprocess

from .system import guarded, plain_environment


class Child:
    """A program under a guard.

    :param argv: the program and its arguments
    :param log: file that gets its output; None: the script's own output
    :param grace: seconds between SIGTERM and SIGKILL
    """

    def __init__(self, argv, log=None, env=None, cwd=None, grace=10):
        self.log = log
        self.grace = grace
        output = open(log, "ab") if log else None  # noqa: SIM115  closed below
        try:
            self.process = subprocess.Popen(
                guarded(argv, grace),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=env or plain_environment(),
                cwd=cwd,
                # Ctrl-C is for the script alone, which then ends its children in order
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    @property
    def is_running(self):
        """Whether the program is still there."""
        return self.process.poll() is None

    def wait(self, timeout=None):
        """Wait for the end and return the exit status (128 + signal when it was killed)."""
        return self.process.wait(timeout)

    def terminate(self):
        """Ask the program to end; do not wait for it."""
        if self.is_running:
            self.process.terminate()

    def stop(self):
        """Ask the program to end, insist after the grace; return when nothing of it is left."""
        return self._signal(signal.SIGTERM, self.grace + 15)

    def kill(self):
        """End the program as a crash would (SIGKILL); return when nothing of it is left."""
        return self._signal(signal.SIGUSR1, 15)

    def freeze(self):
        """Stop the program where it is (SIGSTOP): it holds all it has, and answers nothing."""
        self._signal_program(signal.SIGSTOP)

    def thaw(self):
        """Let a frozen program go on (SIGCONT)."""
        self._signal_program(signal.SIGCONT)

    def program_pids(self):
        """Return the pid of the program, a child of the guard; nothing when it has ended."""
        guard = self.process.pid
        try:
            with open(f"/proc/{guard}/task/{guard}/children", encoding="ascii") as children:
                return [int(pid) for pid in children.read().split()]
        except OSError:
            return []

    def _signal_program(self, number):
        for pid in self.program_pids():
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def _signal(self, number, timeout):
        if self.is_running:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()
