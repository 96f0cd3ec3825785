# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .dealer_common import DealerOrderCommon


@tagged("post_install", "-at_install")
class TestLeadWithoutCompany(DealerOrderCommon):
    """100 USD stay 100 USD, whoever wins the lead."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currency = cls.env.company.currency_id
        cls.foreign = cls._get_other_currency(cls)
        cls.foreign.active = True
        cls.abroad = cls.env["res.company"].create(
            {"name": "Branch Abroad", "currency_id": cls.foreign.id}
        )
        cls.manager.write({"company_ids": [Command.link(cls.abroad.id)]})
        cls.dealership_abroad = cls.env["bpo.dealership"].create(
            cls._prepare_dealership(code="ABROAD", name="Abroad", currency_id=cls.foreign.id)
        )

    def _create_lead(self, dealership):
        line = Command.create({"product_id": self.product.id, "price_unit": 100.0})
        lead = self._create_leads(
            company_id=False,
            user_id=False,
            team_id=False,
            dealership_id=dealership.id,
            line_ids=[line],
        )
        self.assertFalse(lead.company_id)
        return lead

    def _as_abroad(self, lead):
        return lead.with_user(self.manager).with_context(allowed_company_ids=self.abroad.ids)

    def test_not_sent_in_another_currency(self):
        lead = self._create_lead(self.dealership_abroad)
        line = self._as_abroad(lead).line_ids
        self.assertEqual(line.currency_id, self.currency, "what its agent saw")
        with self.assertRaises(UserError) as error:
            self._as_abroad(lead).stage_id = self.stage_sold
        self.assertIn(f"the lead is in {self.currency.name}", str(error.exception))
        self.assertFalse(lead.dealer_order_id)

    def test_sent_in_its_currency_by_whomever(self):
        lead = self._create_lead(self.dealership)
        self._as_abroad(lead).stage_id = self.stage_sold
        self.assertEqual(lead.dealer_order_id.payload["currency"], self.currency.name)
        self.assertEqual(lead.dealer_order_id.currency_id, self.currency)

    def test_edited_and_copied_abroad(self):
        lead = self._create_lead(self.dealership)
        line = self._as_abroad(lead).line_ids
        line.quantity = 2
        copied = self._as_abroad(lead).copy()
        self.assertEqual(copied.line_ids.currency_id, self.currency)
        self.assertEqual(copied.line_ids.price_unit, 100.0)

    def test_units_in_two_currencies(self):
        lead = self._create_lead(self.dealership)
        self._as_abroad(lead).line_ids = [Command.create({"product_id": self.product.id})]
        self.assertEqual(lead.line_ids.currency_id, self.currency | self.foreign)
        with self.assertRaises(UserError) as error:
            lead.with_user(self.manager).stage_id = self.stage_sold
        for currency in (self.currency, self.foreign):
            self.assertIn(currency.name, str(error.exception))

    def test_company_given_later(self):
        """The price is what it was, in the currency that it was in."""
        lead = self._create_lead(self.dealership)
        lead.company_id = self.abroad
        self.assertEqual(lead.line_ids.currency_id, self.currency)
