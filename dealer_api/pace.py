# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How fast a dealer is asked: so many requests a second, by all talks of this process together.

Each request has a turn. Whoever would have to wait longer than is left to them gets none, and ends
with ``DealerSlowDown``: to wait for a slow dealer is a matter of coming again, not of sleeping.
"""

import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .errors import DealerSlowDown

# Seconds that the requests of one session may wait for their turns, all together.
PATIENCE = 30.0
# How long a server that asks us to slow down is left alone: when it does not say, and at most.
SLOW_DOWN, LONGEST = 60.0, 3600.0

clock = time.monotonic
sleep = time.sleep

_lock = threading.Lock()
# {server: when its next turn is}; of servers without a turn to wait for it is in the past
_turns = {}
_MAX_TURNS = 1000


class Pace:
    """The turns of one session.

    :param server: (host, port); what other sessions of this process ask it counts, too
    :param rate: requests per second; None is as many as there are
    """

    def __init__(self, server, rate=None):
        self.server = server
        self.interval = 1 / rate if rate else 0.0
        self.patience = PATIENCE

    def wait(self, remaining):
        """Wait for the turn of the next request.

        :param remaining: seconds left to the session
        :raise DealerSlowDown: the turn comes too late; nothing was sent
        """
        now = clock()
        with _lock:
            seconds = max(_turns.get(self.server, now) - now, 0.0)
            if seconds > max(min(self.patience, remaining), 0.0):
                raise DealerSlowDown("pace_kept", wait=seconds, request_sent=False)
            self._keep(now + seconds + self.interval)
        if seconds:
            self.patience -= seconds
            sleep(seconds)

    def hold(self, seconds):
        """Let nobody have a turn for a while: the server has asked for it."""
        with _lock:
            self._keep(clock() + seconds)

    def _keep(self, moment):
        if not self.interval and moment <= clock():
            return
        if len(_turns) >= _MAX_TURNS:
            now = clock()
            for server in [server for server, turn in _turns.items() if turn <= now]:
                del _turns[server]
        _turns[self.server] = moment


def forget_turns():
    """Begin anew, as if nobody had been asked anything."""
    with _lock:
        _turns.clear()


def read_retry_after(text, now):
    """Return the seconds of a head ``Retry-After``, between 1 and ``LONGEST``; None without one.

    :param text: seconds, or a date; a stranger's
    :param now: naive UTC by the clock of the server, or None where it does not tell the time
    """
    text = str(text or "").strip()[:60]
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            date = parsedate_to_datetime(text).astimezone(UTC).replace(tzinfo=None)
        except (TypeError, ValueError, OverflowError):
            return None
        now = now or datetime.now(UTC).replace(tzinfo=None)
        seconds = (date - now).total_seconds()
    return min(max(seconds, 1.0), LONGEST)
