# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The way from the BPO to a dealer, on which everything goes wrong that can.

A fault is chosen beforehand; the next request of its kind meets it. What happened is noted when it
has happened, not when it was planned.
"""

import contextlib
import http.client
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What the requests are about that a fault waits for.
LOAD, ANY = "load", "any"

PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
# A gateway that answers in JSON, and an Odoo that refuses a right.
GATEWAY_ANSWER = json.dumps({"error": "not found"}).encode()
ODOO_REFUSAL = json.dumps(
    {
        "name": "odoo.exceptions.AccessError",
        "message": "You are not allowed to create 'Sales Order' records.",
        "arguments": ["You are not allowed to create 'Sales Order' records."],
        "context": {},
        "debug": "",
    }
).encode()
DROPPED_HEADERS = ("host", "connection", "accept-encoding", "transfer-encoding")
PASS_TIMEOUT = 60
LATEST = 4.0  # seconds after which a late request is carried out at the latest


@dataclass
class Fault:
    """One thing that goes wrong.

    :param kind: a method of the handler, without its ``fault_``
    :param target: LOAD (creating orders) or ANY request
    :param seconds: how long, where that matters
    """

    kind: str
    target: str
    seconds: float = 0.0


@dataclass
class Answer:
    """What the dealer answered."""

    status: int
    content_type: str
    content: bytes


class FaultProxy:
    """An address of 127.0.0.1 that passes requests on to a dealer's server, or fails to.

    To connect a dealership it is as good as the dealer itself.

    :param dealer: the ``Dealer``
    :param note_fault: called with the kind of a fault that was done
    :param on_carried_out: called for the fault ``kill_after`` when the dealer has carried out a
        request, before anybody hears of it
    """

    def __init__(self, dealer, note_fault, on_carried_out):
        self.dealer = dealer
        self.login, self.api_key = dealer.login, dealer.api_key
        self.database = dealer.database
        self.on_carried_out = on_carried_out
        self._note_fault = note_fault
        self._plan = {LOAD: deque(), ANY: deque()}
        self._lock = threading.Lock()
        # faults that are being done, requests that are on their way late
        self._busy = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self

    @property
    def url(self):
        """Return the address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def plan(self, faults):
        """Let the next requests meet these faults, instead of those that are still waiting."""
        with self._lock:
            for queue in self._plan.values():
                queue.clear()
            for fault in faults:
                self._plan[fault.target].append(fault)

    def next_fault(self, is_load):
        """Return the fault that a request meets, or None."""
        with self._lock:
            if is_load and self._plan[LOAD]:
                return self._plan[LOAD].popleft()
            return self._plan[ANY].popleft() if self._plan[ANY] else None

    def note(self, fault, path):
        """Count a fault that was done."""
        self._note_fault(fault.kind, dealer=self.database, target=fault.target, path=path)

    def carry_out_late(self, request, seconds):
        """Carry out a request whose sender has given up, after some seconds."""

        def carry_out():
            with self.being_busy():
                time.sleep(min(seconds, LATEST))
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self.pass_on(*request)

        threading.Thread(target=carry_out, daemon=True).start()

    @contextlib.contextmanager
    def being_busy(self):
        """Count something that is going on."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def wait_quiet(self, timeout=PASS_TIMEOUT):
        """Return when no fault is being done, and no request is on its way late any more."""
        deadline = time.monotonic() + timeout
        time.sleep(0.1)
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.05)

    def pass_on(self, method, path, body, headers):
        """Have the dealer carry out a request, and return its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.dealer.port, timeout=PASS_TIMEOUT)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content_type = answer.getheader("Content-Type", "text/html")
            return Answer(answer.status, content_type, answer.read())
        finally:
            connection.close()

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.plan([])
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Say nothing: the other side has been killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def proxy(self):
        return self.server.proxy

    def do_GET(self):
        """Pass on, or not."""
        self._meet(None)

    def do_POST(self):
        """Pass on, or not."""
        self._meet(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, *args):
        """Say nothing."""

    def _meet(self, body):
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in DROPPED_HEADERS
        }
        self.onward = (self.command, self.path, body, headers)
        fault = self.proxy.next_fault(self._is_load(body or b""))
        with contextlib.suppress(OSError, http.client.HTTPException):
            if fault is None:
                self._answer(self._pass_on())
            else:
                with self.proxy.being_busy():
                    getattr(self, f"fault_{fault.kind}")(fault)
                self.proxy.note(fault, self.path)
            return
        # the dealer's server is down, or the other side has gone
        self._cut()

    def _is_load(self, body):
        """Tell whether a request creates orders, in either protocol."""
        if self.path == "/json/2/sale.order/load":
            return True
        return b"<string>sale.order</string>" in body and b"<string>load</string>" in body

    def _pass_on(self):
        return self.proxy.pass_on(*self.onward)

    def _answer(self, answer, write=None):
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        (write or self.wfile.write)(answer.content)

    def _cut(self):
        self.close_connection = True

    # ------------------------------------------------------------
    # Faults
    # ------------------------------------------------------------

    def fault_cut_before(self, _fault):
        """Cut the connection; the dealer never hears of it."""
        self._cut()

    def fault_cut_after(self, _fault):
        """Cut the connection when the dealer has carried it out."""
        self._pass_on()
        self._cut()

    def fault_cut_inside(self, _fault):
        """Cut the connection in the middle of the answer."""
        self._answer(
            self._pass_on(), lambda content: self.wfile.write(content[: len(content) // 2])
        )
        self._cut()

    def fault_late(self, fault):
        """Cut the connection at once; the dealer carries it out later all the same."""
        self.proxy.carry_out_late(self.onward, fault.seconds)
        self._cut()

    def fault_drip(self, fault):
        """Let the answer come in small pieces."""
        answer = self._pass_on()

        def drip(content):
            pieces = 20
            size = max(len(content) // pieces, 1)
            for start in range(0, len(content), size):
                self.wfile.write(content[start : start + size])
                self.wfile.flush()
                time.sleep(fault.seconds / pieces)

        self._answer(answer, drip)

    def fault_hang_before(self, fault):
        """Take it, say nothing for some seconds, then cut; the dealer never hears of it."""
        time.sleep(fault.seconds)
        self._cut()

    def fault_hang_after(self, fault):
        """Carry it out, say nothing for some seconds, then cut."""
        self._pass_on()
        time.sleep(fault.seconds)
        self._cut()

    def fault_page_before(self, _fault):
        """Answer with a web page of a gateway; the dealer never hears of it."""
        self._answer(Answer(502, "text/html", PAGE))

    def fault_page_after(self, _fault):
        """Answer with a web page of a gateway when the dealer has carried it out."""
        self._pass_on()
        self._answer(Answer(502, "text/html", PAGE))

    def fault_not_found(self, _fault):
        """Answer as a gateway that knows no such address; the dealer never hears of it."""
        self._answer(Answer(404, "application/json", GATEWAY_ANSWER))

    def fault_not_found_after(self, _fault):
        """Answer as a gateway that knows no such address, although it was carried out."""
        self._pass_on()
        self._answer(Answer(404, "application/json", GATEWAY_ANSWER))

    def fault_refused(self, _fault):
        """Answer as an Odoo that refuses the right; nothing is carried out."""
        self._answer(Answer(403, "application/json", ODOO_REFUSAL))

    def fault_kill_after(self, fault):
        """Have the BPO's servers die when the dealer has carried it out."""
        self._pass_on()
        self.proxy.on_carried_out(fault)
        self._cut()
