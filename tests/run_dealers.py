# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many model dealers in a process of their own, for scripts/bench.

    python tests/run_dealers.py PORT DEALERS SECONDS PRODUCT

Each takes so many seconds for a request, and once more for each order. What they are and have is
told at http://127.0.0.1:PORT as JSON.
"""

import json
import sys
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "dealer_api"))

from fault_dealer import FaultDealer


class ModelDealer(FaultDealer):
    """A dealer that takes its time, and little of the processor's while nobody asks it."""

    poll_seconds = 1.0

    def __init__(self, seconds, product):
        super().__init__(currency="USD")
        self.delay = seconds
        self.add_product(product)

    def call(self, model, method, ids, kwargs, fault=None):
        """Carry out a call; orders take their time one after the other."""
        if (model, method) == ("sale.order", "load"):
            time.sleep(self.delay * len(kwargs["data"]))
        return super().call(model, method, ids, kwargs, fault)

    def describe(self):
        """Return how to reach it, and the references of its orders."""
        with self.lock:
            references = [order["client_order_ref"] for order in self.orders.values()]
        return {
            "url": self.url,
            "database": self.database,
            "login": self.login,
            "api_key": self.api_key,
            "references": references,
        }


def main(port, count, seconds, product):
    """Serve until this is ended."""
    with ExitStack() as stack:
        dealers = [
            stack.enter_context(ModelDealer(float(seconds), product))
            for _number in range(int(count))
        ]

        class Handler(BaseHTTPRequestHandler):
            """Tells of the dealers."""

            def do_GET(self):
                """Answer with all of them."""
                content = json.dumps([dealer.describe() for dealer in dealers]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                """Keep no log."""

        HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
