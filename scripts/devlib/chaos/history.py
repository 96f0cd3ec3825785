# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What was done, by whom and when: the schedule of a run, and what came of it."""

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta


def utc_now():
    """Return this moment as databases write it: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class History:
    """All that happened, one JSON object a line, and what the judge has to know of it.

    :param path: the file that gets the lines
    """

    def __init__(self, path):
        self.started = time.monotonic()
        self.faults = Counter()
        self.outcomes = Counter()
        # (beginning, end) of the times that a restored backup made our side forget
        self.forgotten = []
        # per dealer's database: (moment of the backup, moment of the restore)
        self.restored = {}
        # (dealer's database, key of the order): the moments at which people there gave it up
        self.given_up = {}
        # names of leads that were deleted
        self.deleted = set()
        self._lock = threading.Lock()
        self._file = path.open("w", encoding="utf-8")
        self.path = path

    def note(self, what, **details):
        """Write down one event."""
        line = {"at": round(time.monotonic() - self.started, 2), "what": what, **details}
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, default=str) + "\n")
                self._file.flush()

    def note_fault(self, kind, **details):
        """Write down a fault that was really done, and count it."""
        with self._lock:
            self.faults[kind] += 1
        self.note("fault", kind=kind, **details)

    def note_outcome(self, agent, operation, outcome, **details):
        """Write down what came of what an agent did, and count it."""
        with self._lock:
            self.outcomes[f"{operation} {outcome.partition(':')[0]}"] += 1
        self.note("agent", agent=agent, operation=operation, outcome=outcome, **details)

    def is_forgotten(self, moment):
        """Tell whether a restored backup made our side forget what was done at a moment.

        What was sent before our servers were killed may have been created a little later.
        """
        late = timedelta(seconds=2)
        return any(start <= moment <= end + late for start, end in self.forgotten)

    def is_revived(self, dealer, key, created):
        """Tell whether an order given up by people at the dealer came back with its backup."""
        return any(
            created <= backed_up <= given_up <= restored
            for given_up in self.given_up.get((dealer, key), ())
            for backed_up, restored in self.restored.get(dealer, ())
        )

    def close(self):
        """Write nothing any more."""
        with self._lock:
            self._file.close()
