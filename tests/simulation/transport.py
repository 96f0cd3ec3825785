# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The way to the dealers, in the place of HTTP: it carries JSON, and fails as it is told.

Everything above it is real: the protocol, the session, the retries, the explanations.
"""

import json
from datetime import timedelta

# What can happen to one request.
FAULTS = (
    "refused",
    "cut_before",
    "cut_after",
    "late",
    "page",
    "page_after",
    "status_403",
    "status_404",
    "status_500",
    "busy_503",
    "serialization",
    "server_fault",
    "access_error",
    "access_denied",
    "no_database",
    "user_error",
    "nonsense",
    "half_answer",
    "slow",
)
# Those after which the dealer has done what was asked.
CARRIED_OUT = frozenset(("cut_after", "page_after", "nonsense", "half_answer"))

# Those in which what was asked for is not in the answer.
NO_ANSWERS = frozenset(("nonsense", "half_answer"))

# Those that say that we may not come in: once in a row, or as good as four times.
REFUSALS = {"access_denied": 1, "no_database": 1, "nonsense": 4}

# What requests are about, as in points of a plan
_LETTERS = {
    "sale.order/load": "lo",
    "res.partner/load": "l",
    "sale.order.line/search_read": "k",
    "res.partner/read": "p",
}

_NONSENSE = (
    {"ids": "all of them"},
    {"ids": [1.5, "x"], "messages": []},
    {"messages": "none"},
    ["x"],
    [{"id": "7"}],
    True,
    7,
    None,
)


def _letters_of(path, body):
    """Return what a request is about, as in points of a plan."""
    if path.endswith("/sale.order/load") and b"origin" not in body:
        return "i"
    return _LETTERS.get(path.removeprefix("/json/2/"), "")


class Transport:
    """What ``HttpTransport`` is to the session."""

    def __init__(self, world, settings):
        api = world.product.transport
        self.world = world
        self.api = api
        self.settings = settings
        self.url = settings.url
        self.host = settings.url.partition("//")[2]
        self.clock_offset = None
        self.dealer = world.dealers.get((settings.url, settings.database))
        self.began = world.now
        # leads whose orders were given to the dealer
        self.truths = set()
        self._end = world.time.monotonic() + settings.session_timeout

    def close(self):
        """Close the connection: the talk is over."""
        if self in self.world.talks:
            self.world.talks.remove(self)

    def clean(self, text, limit=400):
        """Clean a text as the real one does."""
        return self.api.clean_text(text, secrets=(self.settings.api_key,), limit=limit)

    def _unreachable(self, code, request_sent, **details):
        raise self.api.DealerUnreachable(code, request_sent=request_sent, host=self.host, **details)

    def request(self, method, path, body=None, headers=None):
        """Send one request, with the fault that is due, and what others do meanwhile."""
        world = self.world
        if world.time.monotonic() >= self._end:
            self._unreachable("session_timeout", False, seconds=75)
        letters = _letters_of(path, body)
        fault, rng = world.before_request(letters)
        if fault == "nonsense" and path.endswith("/fields_get"):
            # any mapping is a well-formed answer to this one
            fault = "half_answer"
        dealer = world.dealers.get((self.settings.url, self.settings.database))
        world.advance(0.05)
        if fault == "refused" or dealer is None or not dealer.is_up:
            self._unreachable("connection_refused", False)
        if fault == "slow":
            world.advance(20)
        if path.startswith("/xmlrpc/"):
            # this dealer has closed that door
            return self.api.HttpAnswer(404, "text/html", b"<h1>Not Found</h1>")
        kwargs = json.loads(body) if body else {}
        model, _slash, name = path.removeprefix("/json/2/").partition("/")
        secret = (headers or {}).get("Authorization")
        world.count_request(model, name, kwargs)
        self._note_orders(model, name, kwargs)
        dealer.refusals += REFUSALS.get(fault, 0)
        dealer.talked_nonsense |= fault == "nonsense"

        asked = world.now

        def work():
            dealer.asked = asked
            if method == "GET":
                answer = {"version": dealer.version}
                return 200, "application/json", json.dumps(answer).encode()
            return dealer.carry_out(model, name, kwargs, secret)

        if dealer.kills_worker(model, name, kwargs):
            self._unreachable("connection_lost", True)
        answer = self._answer(dealer, fault, rng, work)
        if model == "res.partner" and fault not in NO_ANSWERS:
            self._note_closed(dealer, kwargs, answer)
        self.clock_offset = timedelta(seconds=dealer.clock_shift or 0)
        world.after_request(letters)
        return self.api.HttpAnswer(*answer)

    def _note_closed(self, dealer, kwargs, answer):
        """Note which contacts we may not read: which of several in one refusal nobody knows."""
        wanted = [leaf[2] for leaf in kwargs.get("domain", ()) if leaf[:2] == ["id", "in"]]
        if b"AccessError" in answer[2]:
            closed = wanted[0] if wanted else kwargs.get("ids", ())
            if not wanted and len(closed) > 1:
                return
        elif wanted and answer[0] == 200 and answer[2].endswith(b"]"):
            closed = set(wanted[0]).difference(each["id"] for each in json.loads(answer[2]))
        else:
            return
        for each in closed:
            dealer.closed_contacts[each].append(self.world.now)

    def _note_orders(self, model, name, kwargs):
        """Note for which leads orders are given to the dealer."""
        if model == "sale.order" and name == "load" and "origin" in kwargs["fields"]:
            place = kwargs["fields"].index("origin")
            self.truths.update(
                row[place].rpartition("Lead ")[2] for row in kwargs["data"] if row[place]
            )

    def _answer(self, dealer, fault, rng, work):
        """Return status, type and body; or raise for a fault in which there is no answer."""
        if fault is None or fault == "slow":
            return work()
        if fault == "cut_before":
            self._unreachable("connection_lost", True)
        if fault == "late":
            when = self.world.now + timedelta(seconds=rng.choice([10, 60, 600, 7200]))
            dealer.late.append((when, work))
            self.world.advance(30)
            self._unreachable("answer_timeout", True, seconds=30)
        if fault == "busy_503":
            self._unreachable("server_busy", True, status=503)
        answer = work() if fault in CARRIED_OUT else None
        if fault == "cut_after":
            self._unreachable("connection_lost", True)
        return getattr(self, f"_{fault}")(rng, answer)

    @staticmethod
    def _page(rng, answer):
        return 200, "text/html", b"<!DOCTYPE html><h1>Welcome</h1>"

    _page_after = _page

    @staticmethod
    def _status_403(rng, answer):
        return 403, "text/html", b"<h1>Forbidden</h1>"

    @staticmethod
    def _status_404(rng, answer):
        return 404, "text/html", b"<h1>Not Found</h1>"

    @staticmethod
    def _status_500(rng, answer):
        return 500, "text/html", b"<h1>Internal Server Error</h1>"

    @staticmethod
    def _error(status, name, message):
        body = {"name": name, "message": message, "arguments": [message], "context": {}}
        return status, "application/json", json.dumps(body).encode()

    def _serialization(self, rng, answer):
        return self._error(
            500,
            "psycopg2.errors.SerializationFailure",
            "could not serialize access due to concurrent update",
        )

    def _server_fault(self, rng, answer):
        return self._error(500, "builtins.KeyError", "'boom'")

    def _access_error(self, rng, answer):
        return self._error(403, "odoo.exceptions.AccessError", "You are not allowed to do this.")

    def _access_denied(self, rng, answer):
        return self._error(403, "odoo.exceptions.AccessDenied", "Access Denied")

    def _user_error(self, rng, answer):
        return self._error(422, "odoo.exceptions.UserError", "A rule of ours.")

    @staticmethod
    def _no_database(rng, answer):
        return 404, "text/html", b"<p>No database is selected and the requested URL was not found"

    @staticmethod
    def _nonsense(rng, answer):
        return 200, "application/json", json.dumps(rng.choice(_NONSENSE)).encode()

    @staticmethod
    def _half_answer(rng, answer):
        return answer[0], answer[1], answer[2][: len(answer[2]) // 2]
