# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from lxml import etree

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from odoo.addons.bpo_crm.dealer_api import (
    Catalog,
    DealerFault,
    DealerUnreachable,
    Offer,
    OrderResult,
)
from odoo.addons.bpo_crm.models.dealership import bpo_dealership_products as products_module
from odoo.addons.bpo_crm.models.order.bpo_dealer_order_products import replace_codes

from .dealer_common import CRON, DealerOrderCommon

PRODUCTS_CRON = "bpo_crm.ir_cron_check_dealer_products"
UNKNOWN = Offer("product_unknown")


class ProductsCommon(DealerOrderCommon):
    """A dealer that tells what it has under our codes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.products_cron = cls.env.ref(PRODUCTS_CRON)
        # demo dealerships have addresses that nobody is at
        others = cls.env["bpo.dealership"].search([("id", "!=", cls.dealership.id)])
        others.next_product_check = fields.Datetime.now() + timedelta(days=9)
        cls.dealership.connection_state = "connected"
        cls.van = cls.env["product.product"].create({"name": "Test Van", "default_code": "TV-200"})
        cls.rows = cls.env["bpo.dealer.product"]

    def setUp(self):
        super().setUp()
        # {code: Offer} that the dealer has; nothing of all others
        self.offers = {"TH-100": self._known(71, 19500.0)}
        # (codes, known, since) of each look
        self.looks = []
        self.since = fields.Datetime.now() - timedelta(hours=1)
        self.enterContext(patch.object(products_module, "look_at_products", self._answer_look))
        # {code: what the dealer says to an order with it}
        self.meanwhile = None

    def _answer_look(self, session, codes, known, since):
        self.looks.append((set(codes), known, since))
        if self.meanwhile:
            self.meanwhile()
        if error := self.dealer.errors.get(session.settings.url):
            raise error
        return Catalog({code: self.offers.get(code, UNKNOWN) for code in codes}, self.since)

    def _known(self, remote_id, price=100.0, currency=None):
        return Offer(None, remote_id, price, currency or self.env.company.currency_id.name)

    def _check(self):
        """Let a day pass, and run the scheduled action."""
        self.dealership.next_product_check = False
        with self.enter_registry_test_mode():
            self.products_cron.method_direct_trigger()

    def _write(self, record, **vals):
        """Let a manager write something, so that others see it."""
        record.with_user(self.manager).write(vals)
        self.env.flush_all()

    def _row(self, product=None, dealership=None):
        return self.rows.search(
            [
                ("dealership_id", "=", (dealership or self.dealership).id),
                ("product_id", "=", (product or self.product).id),
            ]
        )

    def _enter_code(self, code, product=None, dealership=None):
        return self.rows.with_user(self.manager).create(
            {
                "dealership_id": (dealership or self.dealership).id,
                "product_id": (product or self.product).id,
                "code": code,
            }
        )

    def _refuse(self, order, code, *product_codes):
        """Let the dealer refuse an order for its products."""
        details = {"codes": ", ".join(product_codes), "message": "Not so"}
        self.dealer.answers[order.reference] = OrderResult("failed", code, details)

    def _get_codes(self, payload):
        return [line["product_code"] for line in payload["lines"]]


@tagged("post_install", "-at_install")
class TestDealerProductLook(ProductsCommon):
    """Once a day it is seen which of our products a dealership has, and at what price."""

    def test_states_and_prices(self):
        codes = {
            "TS-1": (Offer("product_ambiguous"), "ambiguous"),
            "TS-2": (Offer("product_not_saleable"), "not_saleable"),
            "TS-3": (Offer("product_combo"), "combo"),
            "TS-4": (self._known(74, 5.0, "XXX"), "known"),
        }
        others = self.env["product.product"].create(
            [{"name": code, "default_code": code} for code in codes]
        )
        self.offers |= {code: offer for code, (offer, _state) in codes.items()}
        self._check()
        row = self._row()
        self.assertEqual((row.state, row.price, row.remote_id), ("known", 19500.0, 71))
        self.assertEqual(row.currency_id, self.env.company.currency_id)
        self.assertEqual(row.checked_code, "TH-100")
        self.assertTrue(row.changed_date)
        self.assertEqual(row.checked_date, self.dealership.products_checked)
        self.assertEqual((self._row(self.van).state, self._row(self.van).price), ("unknown", 0))
        for other in others:
            self.assertEqual(self._row(other).state, codes[other.default_code][1])
        # a currency that we do not have
        self.assertEqual(
            (self._row(others[3]).price, self._row(others[3]).currency_id.id), (5, False)
        )
        self.assertEqual(self.dealership.doubtful_product_count, 3)
        self.assertGreaterEqual(self.dealership.unknown_product_count, 1)
        total = self.rows.search_count([("dealership_id", "=", self.dealership.id)])
        self.assertEqual(self.dealership.product_count, total)

    def test_what_is_asked_for(self):
        """Saleable products with a code, and what is on units, archived or not."""
        create = self.env["product.product"].create
        vals = [
            {"name": "Not for sale", "default_code": "TX-1", "sale_ok": False},
            {"name": "Archived", "default_code": "TX-2", "active": False},
            {"name": "Without a code"},
            {"name": "Archived, on a unit", "default_code": " TX-4 "},
            {"name": "Of another company", "default_code": "TX-5"},
        ]
        *_others, on_unit, foreign = create(vals)
        self._create_leads(line_ids=[Command.create({"product_id": on_unit.id})])
        on_unit.active = False
        foreign.company_id = self.env["res.company"].create({"name": "Test Elsewhere"})
        self._check()
        codes = self.looks[-1][0]
        self.assertTrue(codes >= {"TH-100", "TV-200", "TX-4", "TX-5"})
        self.assertFalse(codes & {"TX-1", "TX-2", ""})
        with self.subTest("a dealership of one company"):
            self.dealership.company_id = self.env.company
            self._check()
            self.assertNotIn("TX-5", self.looks[-1][0])
            self.assertFalse(self._row(foreign))
        with self.subTest("more products than anybody sells at dealerships"):
            self.startPatcher(
                patch("odoo.addons.bpo_crm.models.dealership.bpo_dealer_product.MOST_SALEABLE", 1)
            )
            self._check()
            self.assertIn("TX-4", self.looks[-1][0])
            self.assertNotIn("TV-200", self.looks[-1][0])
            self.assertFalse(self._row(self.van))

    def test_rows_are_written_where_something_changed(self):
        self._check()
        rows = self._row() | self._row(self.van)
        rows.changed_date = since = fields.Datetime.now() - timedelta(days=3)
        self._check()
        self.assertEqual(rows.mapped("changed_date"), [since, since])
        self.offers["TH-100"] = self._known(71, 18000.0)
        self._check()
        self.assertEqual((rows[0].price, rows[1].changed_date), (18000.0, since))
        self.assertGreater(rows[0].changed_date, since)
        self.offers = {"TV-200": self._known(72)}
        self._check()
        self.assertEqual(rows.mapped("state"), ["unknown", "known"])
        self.assertEqual((rows[0].price, rows[0].remote_id), (0, 0))

    def test_what_changed_is_asked_for_until_all_is_due(self):
        self._check()
        self.assertEqual(self.looks[0][1:], ({}, None))
        self._check()
        self.assertEqual(self.looks[1][1:], ({71: "TH-100"}, self.since))
        with self.subTest("our own code changed"):
            self.product.default_code = "TH-101"
            self._check()
            self.assertEqual(self.looks[2][1:], ({}, self.since))
            self.assertEqual(self._row().state, "unknown")
        with self.subTest("a second product under the same code"):
            self.product.default_code = "TH-100"
            self._check()
            self.van.default_code = "TH-100"
            self._check()
            self.assertEqual(self.looks[4][1], {})
            self.assertEqual(self._row(self.van).state, "known")
            self._check()
            self.assertEqual(self.looks[5][1], {71: "TH-100"})
        with self.subTest("a week later"):
            self.dealership.last_product_full -= timedelta(days=7)
            self._check()
            self.assertEqual(self.looks[6][1:], ({}, None))
        with self.subTest("as a manager asks for it"):
            self.dealership.with_user(self.manager).action_check_products()
            self._check()
            self.assertEqual(self.looks[7][1:], ({}, None))
        with self.subTest("a dealer that does not tell the time"):
            self.since = None
            self._check()
            self._check()
            self.assertEqual(self.looks[9][1:], ({}, None))

    def test_products_that_are_asked_for_no_more(self):
        self._enter_code("OWN-1")
        self._check()
        (self.product | self.van).sale_ok = False
        self._check()
        self.assertFalse(self._row(self.van))
        # a code that somebody entered is used by whoever sells the product all the same
        self.assertEqual((self._row().code, self._row().state), ("OWN-1", "unknown"))
        self._row().product_id.active = False
        self._check()
        self.assertTrue(self._row())

    def test_own_code_is_asked_for(self):
        row = self._enter_code(" OWN-1 ")
        self.assertEqual((row.code, row.state), ("OWN-1", "unchecked"))
        self.offers["OWN-1"] = self._known(77)
        self._check()
        self.assertIn("OWN-1", self.looks[0][0])
        self.assertNotIn("TH-100", self.looks[0][0])
        self.assertEqual((row.state, row.checked_code), ("known", "OWN-1"))

    def test_code_entered_while_the_dealer_is_asked(self):
        """What was seen is of the code of before; the new one is asked for by the same run."""
        self._check()
        self.meanwhile = lambda: self._write(self._row(), code="OWN-1")
        self.offers["TH-100"] = self._known(71, 1.0)
        self._check()
        self.assertIn("TH-100", self.looks[1][0])
        self.assertIn("OWN-1", self.looks[2][0])
        self.assertEqual(len(self.looks), 3)
        row = self._row()
        self.assertEqual((row.state, row.checked_code, row.price), ("unknown", "OWN-1", 0))
        self.assertTrue(self.dealership.next_product_check)

    def test_a_dealer_out_of_reach(self):
        url = self.dealership.odoo_url
        self.dealer.errors[url] = DealerUnreachable("dns_failed", host="northside.example.com")
        self._check()
        self.assertEqual(self.dealership.connection_state, "failed")
        self.assertFalse(self.dealership.products_checked)
        self._assert_asked_again_within_an_hour()

    def test_a_missing_right_keeps_no_order_waiting(self):
        url = self.dealership.odoo_url
        self.dealer.errors[url] = DealerFault(
            "right_missing", kind="access", model="product.product", message="No"
        )
        self._check()
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertFalse(self.dealership.next_attempt)
        self.assertIn("lacks a right", self.dealership.products_message)
        self.assertGreater(
            self.dealership.next_product_check, fields.Datetime.now() + timedelta(hours=20)
        )
        with self.subTest("granted"):
            self.dealer.errors.clear()
            self._check()
            self.assertFalse(self.dealership.products_message)

    def test_a_database_that_takes_nobody_for_the_moment(self):
        """It is nothing about products, and over soon."""
        self.dealer.errors[self.dealership.odoo_url] = DealerFault("database_closed")
        self._check()
        self.assertTrue(self.dealership.next_attempt)
        self.assertFalse(self.dealership.products_message)
        self._assert_asked_again_within_an_hour()

    def test_an_error_of_the_dealers_odoo_keeps_no_order_waiting(self):
        error = DealerFault("remote_error", message="Out of paper")
        self.dealer.errors[self.dealership.odoo_url] = error
        self._check()
        self.assertFalse(self.dealership.next_attempt)
        self.assertIn("Out of paper", self.dealership.products_message)
        self._assert_asked_again_within_an_hour()

    def _assert_asked_again_within_an_hour(self):
        wait = self.dealership.next_product_check - fields.Datetime.now()
        self.assertLess(abs(wait - timedelta(hours=1)), timedelta(minutes=1))

    def test_who_is_due(self):
        due = self.dealership._get_due_for_products
        self.assertEqual(due([]), self.dealership)
        self.assertFalse(due([self.dealership.id]))
        for vals in (
            {"connection_state": "untested"},
            {"paused": True},
            {"next_attempt": fields.Datetime.now() + timedelta(minutes=5)},
            {"next_product_check": fields.Datetime.now() + timedelta(minutes=5)},
            {"active": False},
        ):
            with self.subTest(vals):
                kept = {name: self.dealership[name] for name in vals}
                self.dealership.write(vals)
                self.assertFalse(due([]))
                self.dealership.write(kept)

    def test_another_connection(self):
        """What was seen may be another Odoo's from now on."""
        self._check()
        self.dealership.with_user(self.manager).odoo_db = "another"
        self.assertFalse(self.dealership.products_checked)
        self.dealership.connection_state = "connected"
        self._check()
        self.assertEqual(self.looks[-1][1:], ({}, None))

    def test_connection_changed_while_the_dealer_is_asked(self):
        self.meanwhile = lambda: self._write(self.dealership, odoo_login="another")
        self._check()
        self.assertFalse(self._row())

    def test_queries_do_not_grow(self):
        counts = []
        for number in (2, 40):
            self.env["product.product"].create(
                [
                    {"name": f"P {number}", "default_code": f"TQ-{number}-{each}"}
                    for each in range(number)
                ]
            )
            self._check()
            for changed in (False, True):
                if changed:
                    self.offers = {code: self._known(number) for code in self.looks[-1][0]}
                self.dealership.next_product_check = False
                self.env.flush_all()
                self.env.invalidate_all()
                with self.enter_registry_test_mode():
                    before = self.env.cr.sql_log_count
                    self.env["bpo.dealership"].sudo()._check_products_of(self.dealership.id)
                    counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[2])
        self.assertEqual(counts[1], counts[3])


@tagged("post_install", "-at_install")
class TestDealerProductCode(ProductsCommon):
    """The dealership's own code for a product is what its orders have."""

    def test_sent_with_an_order(self):
        self._enter_code("OWN-1")
        lead, order = self._win_one()
        self.assertEqual(self._get_codes(order.payload), ["OWN-1"])
        self.assertEqual(lead.line_ids.dealer_code, "OWN-1")
        other = self.env["bpo.dealership"].create(
            self._prepare_dealership(code="OTHER", odoo_url="https://other.example.com")
        )
        _lead, order = self._win_one(dealership_id=other.id)
        self.assertEqual(self._get_codes(order.payload), ["TH-100"])

    def test_in_the_preview(self):
        self._enter_code("OWN-1")
        preview = self.env["bpo.order.preview"].create({"lead_id": self._create_leads().id})
        self.assertIn("OWN-1", preview.preview_html)
        self.assertNotIn("TH-100", preview.preview_html)

    def test_in_the_connection_test(self):
        self._create_leads()
        self.assertEqual(self.dealership._get_product_codes_to_check(), ["TH-100"])
        self._enter_code("OWN-1")
        self.assertEqual(self.dealership._get_product_codes_to_check(), ["OWN-1"])

    def test_retry_uses_it(self):
        lead, order = self._win_one()
        self._refuse(order, "product_unknown", "TH-100")
        self._push()
        self.assertEqual(order.state, "failed")
        self.env.cr.execute(
            "INSERT INTO bpo_dealer_product (dealership_id, product_id, code, state)"
            " VALUES (%s, %s, 'OWN-1', 'unchecked')",
            [self.dealership.id, self.product.id],
        )
        self.dealership.has_own_codes = True
        lead.with_user(self.agent).action_retry_dealer_order()
        self.assertEqual(self._get_codes(order.payload), ["OWN-1"])

    def test_entered_after_a_failure(self):
        """The order goes under it, without a click."""
        _lead, order = self._win_one()
        self._refuse(order, "product_unknown", "TH-100")
        self._push()
        order.next_attempt = False
        with self.capture_triggers(CRON) as captured:
            self._enter_code("OWN-1")
        self.assertTrue(captured.records)
        self.assertEqual(self._get_codes(order.payload), ["OWN-1"])
        self.dealer.answers.clear()
        self._push()
        self.assertEqual(order.state, "sent")
        with self.subTest("one that is sent stays as it was sent"):
            self._row().with_user(self.manager).code = "OWN-2"
            self.assertEqual(self._get_codes(order.payload), ["OWN-1"])

    def test_corrected_and_removed(self):
        row = self._enter_code("OWN-1")
        _lead, order = self._win_one()
        row.with_user(self.manager).code = "OWN-2"
        self.assertEqual(self._get_codes(order.payload), ["OWN-2"])
        row.with_user(self.manager).code = False
        self.assertEqual(self._get_codes(order.payload), ["TH-100"])
        row.with_user(self.manager).code = "OWN-3"
        self.assertEqual(self._get_codes(order.payload), ["OWN-3"])
        row.with_user(self.manager).unlink()
        self.assertEqual(self._get_codes(order.payload), ["TH-100"])
        self.assertFalse(self.dealership.has_own_codes)

    def test_what_may_be_there_is_not_replaced(self):
        _lead, order = self._win_one()
        order.write({"possibly_sent": True, "state": "failed", "error_code": "product_unknown"})
        self._enter_code("OWN-1")
        self.assertEqual(self._get_codes(order.payload), ["TH-100"])
        self.assertEqual(self._get_codes(order.payload_wanted), ["OWN-1"])
        self._row().with_user(self.manager).code = "OWN-2"
        self.assertEqual(self._get_codes(order.payload), ["TH-100"])
        self.assertEqual(self._get_codes(order.payload_wanted), ["OWN-2"])

    def test_others_are_left_alone(self):
        other = self.env["bpo.dealership"].create(
            self._prepare_dealership(code="OTHER", odoo_url="https://other.example.com")
        )
        _lead, elsewhere = self._win_one(dealership_id=other.id)
        _lead, of_van = self._win_one(line_ids=[Command.create({"product_id": self.van.id})])
        _lead, withdrawn = self._win_one()
        withdrawn.state = "cancelled"
        self._enter_code("OWN-1")
        self.assertEqual(self._get_codes(elsewhere.payload), ["TH-100"])
        self.assertEqual(self._get_codes(of_van.payload), ["TV-200"])
        self.assertEqual(self._get_codes(withdrawn.payload), ["TH-100"])

    def test_codes_exchanged_in_one_import(self):
        rows = self._enter_code("A") | self._enter_code("B", self.van)
        lines = [Command.create({"product_id": each.id}) for each in (self.product, self.van)]
        _lead, order = self._win_one(line_ids=lines)
        self.assertEqual(self._get_codes(order.payload), ["A", "B"])
        self._load([["NORTH", "TH-100", "B"], ["NORTH", "TV-200", "A"]])
        self.assertEqual(rows.mapped("code"), ["B", "A"])
        self.assertEqual(self._get_codes(order.payload), ["B", "A"])

    def test_snapshots_of_the_first_release(self):
        payload = {"external_id": "a.b", "lines": [{"default_code": "TH-100", "quantity": 2}]}
        replaced = replace_codes(payload, {"TH-100": "OWN-1"})
        self.assertEqual(self._get_codes(replaced), ["OWN-1"])
        self.assertEqual(replaced["lines"][0]["values"]["product_uom_qty"], 2)
        self.assertIsNone(replace_codes(payload, {"TV-200": "OWN-1"}))
        self.assertIsNone(replace_codes({"schema": 99, **payload}, {"TH-100": "OWN-1"}))

    def test_asked_for_soon(self):
        self._check()
        with self.capture_triggers(PRODUCTS_CRON) as captured:
            row = self._enter_code("OWN-1")
        self.assertTrue(captured.records)
        self.assertFalse(self.dealership.next_product_check)
        self.assertEqual((row.state, row.price, row.remote_id), ("unchecked", 0, 0))

    def _load(self, data):
        columns = ["dealership_id", "product_id", "code"]
        result = self.rows.with_user(self.manager).load(columns, data)
        self.assertFalse(result["messages"])
        return self.rows.browse(result["ids"])

    def test_import(self):
        """By our codes and the dealerships', whatever was looked for before."""
        self._check()
        known = self._row()
        rows = self._load([["NORTH", "TH-100", "OWN-1"], ["Northside Motors", "TV-200", "OWN-2"]])
        self.assertEqual(rows[0], known)
        self.assertEqual(rows.mapped("code"), ["OWN-1", "OWN-2"])
        self.assertEqual(rows.product_id, self.product | self.van)
        self.assertTrue(self.dealership.has_own_codes)
        with self.subTest("again"):
            self.assertEqual(self._load([["NORTH", "TH-100", ""]]), known)
            self.assertFalse(known.code)
        with self.subTest("the same twice"):
            self.assertEqual(
                self._load([["NORTH", "TH-100", "X"], ["NORTH", "TH-100", "Y"]]), known
            )
            self.assertEqual(known.code, "Y")

    def test_import_template(self):
        [template] = self.rows.with_user(self.manager).get_import_templates()
        path = template["template"].removeprefix("/bpo_crm/")
        with self.env.registry and open(self._get_path(path)) as file:
            header = file.readline().strip().split(",")
        described = self.rows.fields_get(["dealership_id", "product_id", "code"], ["string"])
        self.assertEqual(header, [each["string"] for each in described.values()])

    def _get_path(self, path):
        from odoo.tools.misc import file_path

        return file_path(f"bpo_crm/{path}")

    def test_only_codes_are_entered_by_hand(self):
        row = self._enter_code("OWN-1").with_user(self.manager)
        for vals in ({"state": "known"}, {"price": 5.0}, {"remote_id": 5}):
            with self.subTest(vals), self.assertRaises(UserError):
                row.write(vals)
        with self.assertRaises(UserError):
            row.create({**self._prepare_row(self.van), "state": "known"})
        with self.assertRaises(UserError):
            row.product_id = self.van
        row.write(self._prepare_row(self.product))

    def _prepare_row(self, product):
        return {"dealership_id": self.dealership.id, "product_id": product.id}

    def test_queries_of_winning_do_not_grow(self):
        """No more queries where no code was entered; one more where one was, for all leads."""
        counts = []
        for code in (False, "OWN-1"):
            if code:
                self._enter_code(code)
            for number in (1, 20):
                leads = self._create_leads(number)
                self.env.flush_all()
                self.env.invalidate_all()
                before = self.env.cr.sql_log_count
                leads.line_ids.mapped("dealer_code")
                counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])
        self.assertEqual(counts[2], counts[3])
        self.assertLessEqual(counts[2], counts[0] + 1)


@tagged("post_install", "-at_install")
class TestDealerProductHealing(ProductsCommon):
    """An order that failed for its products goes once a look finds them there."""

    def _fail(self, code="product_unknown", *product_codes, **values):
        _lead, order = self._win_one(**values)
        self._refuse(order, code, *(product_codes or ("TH-100",)))
        self._push()
        self.assertEqual(order.state, "failed")
        order.write({"next_attempt": False})
        self.dealer.answers.clear()
        return order

    def test_the_code_is_there_now(self):
        for cause in ("product_unknown", "product_ambiguous", "product_not_saleable"):
            with self.subTest(cause):
                order = self._fail(cause)
                with self.capture_triggers(CRON) as captured:
                    self._check()
                self.assertTrue(captured.records)
                self._push()
                self.assertEqual(order.state, "sent")

    def test_also_after_the_last_try(self):
        order = self._fail()
        order.failed_date = fields.Datetime.now() - timedelta(days=60)
        self._check()
        self._push()
        self.assertEqual(order.state, "sent")

    def test_not_before_all_are_there(self):
        lines = [Command.create({"product_id": each.id}) for each in (self.product, self.van)]
        order = self._fail("product_unknown", "TV-200", line_ids=lines)
        self._check()
        self.assertFalse(order.next_attempt)
        self.offers["TV-200"] = self._known(72)
        self._check()
        self.assertTrue(order.next_attempt)

    def test_not_for_another_cause(self):
        order = self._fail("order_refused")
        self._check()
        self.assertFalse(order.next_attempt)


@tagged("post_install", "-at_install")
class TestDealerProductWarning(ProductsCommon):
    """A unit that the dealership does not know is said on the lead, before anybody wins it."""

    def _warn(self, lead, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return lead.with_user(user or self.agent).dealer_product_warning

    def test_nothing_where_nothing_was_looked_at(self):
        self.assertFalse(self._warn(self._create_leads()))

    def test_what_is_said(self):
        lead = self._create_leads()
        self._check()
        self.assertFalse(self._warn(lead))
        for problem, words in (
            ("product_unknown", "has no product with the code TH-100"),
            ("product_ambiguous", "several products"),
            ("product_not_saleable", "does not sell"),
            ("product_combo", "is a combo at"),
        ):
            with self.subTest(problem):
                self.offers["TH-100"] = Offer(problem)
                self._check()
                warning = self._warn(lead)
                self.assertIn(words, warning)
                self.assertIn("Northside Motors", warning)
                self.assertEqual(lead.line_ids.dealer_warning, warning)

    def test_not_about_another_code(self):
        lead = self._create_leads()
        self.offers.clear()
        self._check()
        self.assertTrue(self._warn(lead))
        self.product.default_code = "TH-101"
        self.assertFalse(self._warn(lead))
        self._enter_code("OWN-1")
        self.assertFalse(self._warn(lead))
        self._check()
        self.assertIn("OWN-1", self._warn(lead))

    def test_not_after_the_connection_was_changed(self):
        lead = self._create_leads()
        self.offers.clear()
        self._check()
        self.dealership.with_user(self.manager).odoo_db = "another"
        self.assertFalse(self._warn(lead))

    def test_it_can_be_won(self):
        """And once the dealership has the order after all, there is nothing to warn of."""
        self.offers.clear()
        self._check()
        lead, order = self._win_one()
        self.assertEqual(order.state, "pending")
        self.assertTrue(self._warn(lead))
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(self._warn(lead))

    def test_at_once_in_the_form(self):
        self.offers = {"TV-200": self._known(72)}
        self._check()
        lead = self._create_leads(line_ids=[])
        with Form(lead.with_user(self.agent)) as form:
            with form.line_ids.new() as line:
                line.product_id = self.van
            self.assertFalse(form.dealer_product_warning)
            with form.line_ids.new() as line:
                line.product_id = self.product
            self.assertIn("TH-100", form.dealer_product_warning)
            form.dealership_id = self.env["bpo.dealership"]
            self.assertFalse(form.dealer_product_warning)

    def test_stock_salesmen_are_told(self):
        salesman = self._create_salesman()
        lead = self._create_leads(user_id=salesman.id)
        self.offers.clear()
        self._check()
        self.assertTrue(self._warn(lead, salesman))

    def _create_salesman(self):
        from odoo.tests import new_test_user

        return new_test_user(
            self.env, login="stock_salesman", groups="sales_team.group_sale_salesman"
        )

    def _count_queries(self, lead, names):
        """Return how many queries an agent's form takes."""
        self.env.flush_all()
        self.env.invalidate_all()
        lead = lead.with_user(self.agent)
        fields_of_line = {
            "product_id": {"fields": {"display_name": {}}},
            "default_code": {},
            **dict.fromkeys(names, {}),
        }
        before = self.env.cr.sql_log_count
        lead.web_read(
            {
                "dealership_id": {"fields": {"display_name": {}}},
                "line_ids": {"fields": fields_of_line},
                **dict.fromkeys(["dealer_product_warning"] if names else [], {}),
            }
        )
        return self.env.cr.sql_log_count - before

    def test_queries(self):
        """None where nothing was looked at; else one, and one for what is said."""
        names = ("dealer_warning",)
        lead = self._create_leads()
        # what is asked once per server
        self._count_queries(lead, names)
        without = self._count_queries(lead, ())
        self.assertEqual(self._count_queries(lead, names), without)
        self.offers.clear()
        self._check()
        self.assertLessEqual(self._count_queries(lead, names), without + 2)

    def test_the_board_asks_for_nothing(self):
        for view_type in ("kanban", "list"):
            arch = self.env["crm.lead"].with_user(self.agent).get_view(view_type=view_type)["arch"]
            names = etree.fromstring(arch).xpath("//field/@name")
            self.assertFalse({"dealer_product_warning", "line_ids"}.intersection(names))


@tagged("post_install", "-at_install")
class TestDealerProductRights(ProductsCommon):
    def test_managers_ask(self):
        for user in (self.agent, self.supervisor):
            with self.assertRaises(UserError):
                self.dealership.with_user(user).action_check_products()
        self.dealership.next_product_check = fields.Datetime.now() + timedelta(hours=9)
        with self.capture_triggers(PRODUCTS_CRON) as captured:
            self.dealership.with_user(self.manager).action_check_products()
        self.assertTrue(captured.records)
        self.assertFalse(self.dealership.next_product_check)

    def test_untested_connections_are_tested_first(self):
        self.dealership.connection_state = "untested"
        with self.assertRaisesRegex(UserError, "Test Connection"):
            self.dealership.with_user(self.manager).action_check_products()

    def test_prices_are_for_managers(self):
        self._check()
        row = self._row()
        self.assertEqual(row.with_user(self.manager).price, 19500.0)
        for user in (self.agent, self.supervisor):
            self.assertEqual(row.with_user(user).state, "known")
            for name in ("price", "remote_id", "checked_code"):
                with self.assertRaises(AccessError):
                    row.with_user(user).read([name])
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).read(["unknown_product_count"])

    def test_opened_from_the_dealership(self):
        self._check()
        action = self.dealership.with_user(self.manager).action_view_products()
        rows = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(rows.dealership_id, self.dealership)
        self.assertEqual(action["context"]["search_default_problems"], 1)
