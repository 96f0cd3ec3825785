# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Snapshots of orders: written, read, and those of the first release."""

import json

from odoo.tests import BaseCase

from ...dealer_api import SCHEMA, Customer, Order, OrderLine
from .common import cases

FIRST_RELEASE = {
    "external_id": "bpo_crm_0123456789ab.lead_7",
    "reference": "BPO-00007",
    "origin": "BPO-00007: Wants a bike",
    "currency": "EUR",
    "customer": {
        "external_id": "bpo_crm_0123456789ab.customer_9",
        "name": "Ann Ash",
        "email": "ann@buyer.example",
        "phone": "",
        "street": None,
        "street2": "",
        "zip": "9000",
        "city": "Ghent",
        "country_code": "BE",
        "company_name": "Ash & Co",
    },
    "lines": [
        {"default_code": "VH-1", "name": "Bike", "quantity": 2.0, "price_unit": 1875.0},
        {"default_code": "VH-2", "name": "", "quantity": None, "price_unit": None},
    ],
}


def new_order(**values):
    """Return an order with nothing against it."""
    values = {
        "external_id": "bpo.lead_1",
        "currency": "EUR",
        "customer": Customer("bpo.customer_1", {"name": "Ann"}),
        "lines": [OrderLine("VH-1", {"product_uom_qty": 3, "price_unit": 0.1})],
        "values": {"client_order_ref": "BPO-00001", "tag_ids": ["A", "B"], "note": None},
        **values,
    }
    return Order(**values)


class TestDealerPayload(BaseCase):
    """What an order is."""

    def start_case(self):
        """Nothing has to be prepared."""

    def test_a_snapshot_is_read_as_it_was_written(self):
        order = new_order()
        stored = json.loads(json.dumps(order.to_payload()))
        self.assertEqual(stored["schema"], SCHEMA)
        self.assertEqual(
            sorted(stored),
            [
                *["currency", "customer", "defaults", "external_id", "lines", "notes", "schema"],
                "values",
            ],
        )
        self.assertEqual(Order.from_payload(stored), order)
        self.assertEqual(order.problems(), [])

    def test_a_snapshot_of_the_first_release_is_read(self):
        order = Order.from_payload(FIRST_RELEASE)
        self.assertEqual(order.problems(), [])
        self.assertEqual(order.external_id, FIRST_RELEASE["external_id"])
        self.assertEqual((order.currency, order.reference), ("EUR", "BPO-00007"))
        self.assertEqual(
            order.values,
            {"client_order_ref": "BPO-00007", "origin": "BPO-00007: Wants a bike"},
        )
        self.assertEqual(order.customer.external_id, "bpo_crm_0123456789ab.customer_9")
        self.assertEqual(order.customer.country_code, "BE")
        self.assertEqual(
            order.customer.values,
            {
                "name": "Ann Ash",
                "email": "ann@buyer.example",
                "phone": "",
                "street": "",
                "street2": "",
                "zip": "9000",
                "city": "Ghent",
                "company_name": "Ash & Co",
            },
        )
        self.assertEqual(
            order.lines,
            [
                OrderLine("VH-1", {"product_uom_qty": 2.0, "price_unit": 1875.0, "name": "Bike"}),
                OrderLine("VH-2", {"product_uom_qty": 1.0, "price_unit": 0.0, "name": "VH-2"}),
            ],
        )
        self.assertEqual(order.total, 3750.0)
        self.assertEqual(Order.from_payload(order.to_payload()), order)

    def test_total(self):
        lines = [
            OrderLine("A", {"product_uom_qty": 1000001, "price_unit": 1.0}),
            OrderLine("B", {"product_uom_qty": 2, "price_unit": 50.0, "discount": 10.0}),
            OrderLine("C", {"price_unit": 5.0}),
            OrderLine("D", {"product_uom_qty": "many", "price_unit": 0.0}),
        ]
        self.assertEqual(new_order(lines=lines).total, 1000096.0)

    @cases(
        ("payload", "problem"),
        [
            (None, "external_id"),
            ([], "payload"),
            ("text", "payload"),
            ({}, "currency"),
            ({**FIRST_RELEASE, "schema": 4}, "schema 4"),
            ({**FIRST_RELEASE, "schema": "new"}, "schema new"),
            ({**FIRST_RELEASE, "schema": None}, "schema None"),
            ({**FIRST_RELEASE, "external_id": 7}, "external_id"),
            ({**FIRST_RELEASE, "external_id": "x.y z"}, "external_id"),
            ({**FIRST_RELEASE, "customer": "Ann"}, "customer"),
            ({**FIRST_RELEASE, "customer": None}, "customer.name"),
            ({**FIRST_RELEASE, "lines": {"a": 1}}, "lines"),
            ({**FIRST_RELEASE, "lines": ["a"]}, "lines"),
            ({"schema": 2, "values": [], "lines": [{"values": 1}]}, "lines.values"),
        ],
    )
    def test_a_snapshot_that_cannot_be_read_is_a_problem_and_no_exception(self, payload, problem):
        order = Order.from_payload(payload)
        self.assertIn(problem, order.problems())
        self.assertEqual(type(order.total), float)
        json.dumps(order.to_payload())

    @cases(
        ("values", "problem"),
        [
            ({"values": {".id": 1}}, ".id"),
            ({"values": {"id": "other.order"}}, "id"),
            ({"values": {"partner_id/.id": 1}}, "partner_id/.id"),
            ({"values": {"partner_id.id": 1}}, "partner_id.id"),
            ({"values": {"partner_id:id": "x"}}, "partner_id:id"),
            ({"values": {"order_line/name": "x"}}, "order_line/name"),
            ({"values": {"two words": "x"}}, "two words"),
            ({"values": {"note": {"html": "x"}}}, "note"),
            ({"values": {"note": [["x"]]}}, "note"),
            ({"customer": Customer("bpo.c", {"name": "A", "id": 1})}, "customer.id"),
            ({"lines": [OrderLine("A", {"product_id/.id": 1})]}, "lines.product_id/.id"),
            ({"lines": [OrderLine("A", {"product_uom_qty": "2"})]}, "lines.product_uom_qty"),
            ({"lines": [OrderLine("A", {"price_unit": float("nan")})]}, "lines.price_unit"),
            ({"lines": [OrderLine("A", {"price_unit": True})]}, "lines.price_unit"),
        ],
    )
    def test_values_that_cannot_be_sent(self, values, problem):
        self.assertEqual(new_order(**values).problems(), [problem])
