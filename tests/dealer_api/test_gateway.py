# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What stands in front of a dealer's Odoo answers in its place: JSON, but none of an Odoo."""

import json
import tracemalloc

from ...dealer_api import DealerAccessRefused, DealerBadAnswer
from .common import DealerApiCase, cases
from .test_orders import connect, payloads, push, statuses

BODIES = [
    {"error": {"code": 42, "message": "Blocked by policy"}},
    {"message": "Forbidden", "name": "waf"},
    {"message": "No such route"},
    ["blocked"],
    "blocked",
    None,
]


class TestDealerGateway(DealerApiCase):
    """Answers of a gateway say nothing about the orders."""

    def prepare(self):
        self.dealer.add_product("VH-1")

    @cases("body", BODIES)
    @cases("status", [400, 403, 404, 409, 422, 500])
    @cases("call", ["sale.order.load", "res.partner.load", "product.product"])
    def test_no_refusal_of_an_order(self, call, status, body):
        self.dealer.inject(
            "status",
            call,
            status=status,
            kind="application/json",
            body=json.dumps(body).encode(),
        )
        with self.assertRaises(DealerBadAnswer) as caught:
            push(self.dealer, payloads(2), "json2")
        self.assertEqual(caught.exception.code, "http_status")
        self.assertEqual(caught.exception.details["status"], status)
        self.assertEqual(statuses(push(self.dealer, payloads(2), "json2")), ["sent", "sent"])

    @cases("body", BODIES)
    def test_a_login_of_its_own(self, body):
        self.dealer.inject(
            "status",
            "sale.order.load",
            status=401,
            kind="application/json",
            body=json.dumps(body).encode(),
        )
        with self.assertRaises(DealerAccessRefused) as caught:
            push(self.dealer, payloads(1), "json2")
        self.assertEqual(caught.exception.code, "http_unauthorized")

    def test_memory_of_a_hostile_answer(self):
        """Eight talks at once, each with the answer that takes most, stay below 512 MB."""
        with connect(self.dealer, "json2") as session:
            self.assertTrue(session.uid)
            size = session.settings.max_bytes
            body = b"[" + b'{"a":1},' * (size // 8 - 2) + b"{}]"
            self.dealer.inject("garbage", "product.product", body=body)
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            self.assertTrue(session.call("product.product", "search"))
            _now, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak * 8, 512 * 1024 * 1024)
