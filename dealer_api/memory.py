# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a dealer's Odoo was asked, and need not be asked again for a while.

There are two copies: one per dealer in this process, which all its talks share, and one that the
caller keeps between them (``ConnectionSettings.remembered``), for other processes and the next
day. What is remembered may be out of date. So what rests on it is proved by the requests that use
it (see ``orders.py``), and any sign that it is not true makes all of it forgotten.
"""

import threading

# How long answers are good for: those that nothing proves, and those that are proved when used.
HOUR, DAY = 3600.0, 86400.0
# More dealers than that in one process, and all of them are asked anew; more answers of one
# dealer, and the older half goes.
_MAX_DEALERS, _MAX_ANSWERS = 1000, 400

_lock = threading.Lock()
_memories = {}


def clear():
    """Forget all dealers."""
    with _lock:
        _memories.clear()


def open_memory(dealer, stored):
    """Return the ``Memory`` of a dealer, with what was stored of it elsewhere.

    :param dealer: what tells the dealer, the user and the version from others; a tuple
    :param stored: as ``Memory.dump`` returned it, or None
    """
    with _lock:
        if dealer not in _memories and len(_memories) >= _MAX_DEALERS:
            _memories.clear()
        memory = _memories.setdefault(dealer, Memory(dealer[-1]))
    memory.learn(stored)
    return memory


class Memory:
    """The answers of one dealer, each with the moment when it was given.

    :param version: of the dealer's Odoo; those of another one do not count
    """

    def __init__(self, version):
        self._version = version
        # answers from before are forgotten, also where another copy still has them
        self._since = 0.0
        self._answers = {}

    def get(self, question, now, age):
        """Return an answer that is not older than ``age`` seconds, or None."""
        asked, answer = self._answers.get(question, (now, None))
        return answer if now - asked <= age else None

    def put(self, question, now, answer):
        """Remember an answer; plain JSON, not None."""
        with _lock:
            self._answers[question] = (now, answer)
            if len(self._answers) > _MAX_ANSWERS:
                newest = sorted(self._answers.items(), key=lambda each: each[1][0])
                self._answers = dict(newest[_MAX_ANSWERS // 2 :])

    def forget(self, now):
        """Forget all that was answered up to now."""
        with _lock:
            self._since = now
            self._answers = {}

    def learn(self, stored):
        """Take over what is stored and newer than what is here; never raises."""
        if not isinstance(stored, dict):
            return
        with _lock:
            since = stored.get("since")
            if isinstance(since, (int, float)) and since > self._since:
                self._since = since
                self._answers = {q: each for q, each in self._answers.items() if each[0] > since}
            answers = stored.get("answers")
            if stored.get("version") != self._version or not isinstance(answers, dict):
                return
            for question, (asked, answer) in answers.items():
                known = self._answers.get(question, (self._since, None))
                if asked > known[0]:
                    self._answers[question] = (asked, answer)

    def dump(self):
        """Return what is to be stored: plain JSON."""
        with _lock:
            return {
                "version": self._version,
                "since": self._since,
                "answers": {question: list(each) for question, each in self._answers.items()},
            }
