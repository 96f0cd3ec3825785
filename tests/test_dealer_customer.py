# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who a lead's customer is for its dealer: e-mail, phone and address."""

from odoo.tests import tagged

from .dealer_common import DealerOrderCommon


@tagged("post_install", "-at_install")
class TestDealerCustomer(DealerOrderCommon):
    def test_no_phone_of_anybody_is_no_identity(self):
        for phone in ("000", "n/a 1", "12345", "11111111"):
            with self.subTest(phone=phone):
                lead = self._create_leads(email_from=False, phone=phone)
                [problem] = lead._get_dealer_problems()[lead]
                self.assertIn("neither a valid e-mail nor a phone", problem)

    def test_a_short_phone_goes_along_with_an_email(self):
        _lead, order = self._win_one(email_from="jo@example.com", phone="ext. 12")
        customer = order._get_content().customer
        self.assertEqual(customer.values["phone"], "ext. 12")
        self.assertEqual(customer.values["email"], "jo@example.com")

    def test_state(self):
        state = self.env.ref("base.state_us_5")
        _lead, order = self._win_one(country_id=state.country_id.id, state_id=state.id)
        customer = order._get_content().customer
        self.assertEqual((customer.country_code, customer.state_code), ("US", state.code))
        _lead, order = self._win_one()
        self.assertEqual(order._get_content().customer.state_code, "")
