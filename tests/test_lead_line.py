# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestLeadLine(BpoCrmCommon):
    def test_product_fills_the_line(self):
        lead = self._create_leads(line_ids=False)
        with Form(lead.with_user(self.agent)) as form, form.line_ids.new() as line:
            line.product_id = self.product
            self.assertEqual(line.name, "Test Hatchback")
            self.assertEqual(line.default_code, "TH-100")
            self.assertEqual(line.quantity, 1)
            self.assertEqual(line.price_unit, 20000)
            line.quantity = 3
            self.assertEqual(line.price_subtotal, 60000)
        self.assertEqual(lead.expected_revenue, 60000)

    def test_price_and_description_can_be_agreed(self):
        line = self._create_leads().line_ids
        line.write({"name": "Hatchback, red", "price_unit": 18000})
        line.quantity = 2
        self.assertEqual(line.price_subtotal, 36000)
        self.assertEqual(line.name, "Hatchback, red")

    def test_price_in_the_currency_of_the_lead(self):
        currency = (self.env.ref("base.EUR") | self.env.ref("base.USD")).filtered(
            lambda one: one != self.env.company.currency_id
        )[0]
        currency.active = True
        company = self.env["res.company"].create(
            {"name": "Branch Abroad", "currency_id": currency.id}
        )
        self.env["res.currency.rate"].search([("currency_id", "=", currency.id)]).unlink()
        self.env["res.currency.rate"].create(
            {"currency_id": currency.id, "rate": 2, "company_id": self.env.company.id}
        )
        price = self.product.currency_id._convert(20000, currency, company)
        self.assertNotEqual(price, 0)
        lead = self._create_leads(
            company_id=company.id, user_id=False, team_id=False, dealership_id=False
        )
        self.assertEqual(lead.line_ids.currency_id, currency)
        self.assertEqual(
            lead.line_ids.price_unit,
            currency.round(self.product.with_company(company).lst_price)
            if self.product.with_company(company).currency_id == currency
            else price,
        )

    def test_lines_go_with_the_lead(self):
        line = self._create_leads().line_ids
        copied = line.lead_id.copy().line_ids
        self.assertEqual(copied.product_id, self.product)
        line.lead_id.unlink()
        self.assertFalse(line.exists())

    def test_rights_follow_the_lead(self):
        own = self._create_leads().line_ids
        unclaimed = self._create_leads(user_id=False).line_ids
        other = self._create_leads(user_id=self.other_agent.id).line_ids
        lines = own | unclaimed | other
        model = self.env["bpo.lead.line"]
        self.assertEqual(
            model.with_user(self.agent).search([("id", "in", lines.ids)]), own | unclaimed
        )
        for line in own | unclaimed:
            line.with_user(self.agent).quantity = 2
        with self.assertRaises(AccessError):
            other.with_user(self.agent).quantity = 2
        with self.assertRaises(AccessError):
            other.with_user(self.agent).unlink()
        with self.assertRaises(AccessError):
            model.with_user(self.agent).create(
                {"lead_id": other.lead_id.id, "product_id": self.product.id}
            )
        with self.assertRaises(AccessError):
            own.with_user(self.agent).lead_id = other.lead_id
        for user in (self.supervisor, self.manager, self.sales_admin):
            self.assertEqual(model.with_user(user).search([("id", "in", lines.ids)]), lines)
            lines.with_user(user).quantity = 4

    def test_stock_salespeople_open_their_leads(self):
        """Who has no role of ours goes on working with the form of stock."""
        salesman = new_test_user(
            self.env, login="stock_salesman", groups="sales_team.group_sale_salesman"
        )
        lead = self._create_leads(user_id=salesman.id)
        with Form(lead.with_user(salesman)) as form:
            form.name = "Changed"
        self.assertEqual(lead.name, "Changed")

    def test_plain_users_see_nothing(self):
        line = self._create_leads().line_ids
        plain = new_test_user(self.env, login="bpo_plain", groups="base.group_user")
        with self.assertRaises(AccessError):
            line.with_user(plain).read(["name"])

    def test_other_companies_see_nothing(self):
        company = self.env["res.company"].create({"name": "Another Call Centre"})
        line = self._create_leads(company_id=self.env.company.id).line_ids
        self.manager.write({"company_ids": [Command.link(company.id)]})
        lines = self.env["bpo.lead.line"].with_user(self.manager)
        domain = [("id", "=", line.id)]
        self.assertTrue(lines.search(domain))
        self.assertFalse(lines.with_context(allowed_company_ids=company.ids).search(domain))

    def test_archived_lead(self):
        line = self._create_leads().line_ids
        line.lead_id.active = False
        lines = self.env["bpo.lead.line"].with_user(self.agent)
        self.assertTrue(lines.search([("id", "=", line.id)]))
