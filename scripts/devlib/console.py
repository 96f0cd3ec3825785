# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a script prints: progress, notices, and problems in plain words."""

import os
import signal
import sys
import threading
import time

_lock = threading.Lock()


class Problem(Exception):
    """Something the person at the keyboard can put right; printed without a traceback."""


def is_live():
    """Whether a progress line may be rewritten in place (a terminal, not a log)."""
    return sys.stdout.isatty() and not os.environ.get("CI")


def say(text=""):
    """Print one line at once, whatever the encoding of the terminal."""
    encoding = sys.stdout.encoding or "ascii"
    printable = text.encode(encoding, "replace").decode(encoding)
    with _lock:
        print(printable, flush=True)


class Progress:
    """A step that takes a while: its name, how far it is, and how long it took.

    On a terminal the line is rewritten in place; in a log, and while several steps go on side
    by side, lines are added.
    """

    LOG_EVERY = 15  # seconds between two lines of a log
    running = 0

    def __init__(self, title):
        self.title = title
        self.started = self.last = time.monotonic()
        self.live = is_live()

    def __enter__(self):
        Progress.running += 1
        self._put(f"{self.title} ...")
        return self

    def __exit__(self, exc_type, exc, traceback):
        seconds = time.monotonic() - self.started
        if exc_type is None:
            self._put(f"{self.title}: done in {seconds:.0f} s", end=True)
        else:
            self._put(f"{self.title}: not finished", end=True)
        Progress.running -= 1

    def update(self, text):
        """Show how far the step is, without flooding a log."""
        now = time.monotonic()
        if not self.live and now - self.last < self.LOG_EVERY:
            return
        self.last = now
        self._put(f"{self.title}: {text}")

    def _put(self, text, end=False):
        if not self.live:
            say(text)
            return
        newline = "\n" if end or Progress.running > 1 else ""
        with _lock:
            sys.stdout.write(f"\r\x1b[K{text}{newline}")
            sys.stdout.flush()


def run_main(function):
    """Run a script's main function; turn what is expected to go wrong into words.

    Ctrl-C and SIGTERM end it in good order, also where a shell has started it in the background
    (which then has told it to ignore Ctrl-C).

    :return: never; the process ends with the function's exit status
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        status = function(sys.argv[1:])
    except Problem as problem:
        sys.stdout.flush()
        print(f"\n{problem}", file=sys.stderr, flush=True)
        status = 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr, flush=True)
        status = 130
    except BrokenPipeError:
        # the reader of our output has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status)
