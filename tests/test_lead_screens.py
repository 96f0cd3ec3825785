# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree

from odoo.tests import Form, tagged

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestLeadScreens(BpoCrmCommon):
    """What a deal needs for its order is asked where people look."""

    def _get_arch(self, xmlid, user):
        view = self.env.ref(xmlid)
        leads = self.env["crm.lead"].with_user(user)
        return etree.fromstring(leads.get_view(view.id, "form")["arch"])

    def test_customer_name_stands_beside_the_contact(self):
        group = self._get_arch("crm.crm_lead_view_form", self.agent).find(
            ".//group[@name='opportunity_partner']"
        )
        [name] = group.findall("field[@name='contact_name']")
        self.assertEqual(name.get("string"), "Customer Name")
        self.assertEqual(name.get("invisible"), "partner_id")

    def test_quick_create_asks_for_the_dealership(self):
        xmlid = "crm.quick_create_opportunity_form"
        self.assertIsNotNone(
            self._get_arch(xmlid, self.agent).find(".//field[@name='dealership_id']")
        )
        leads = self.env["crm.lead"].with_user(self.agent)
        leads = leads.with_context(default_type="opportunity", default_pipeline_id=self.pipeline.id)
        with Form(leads, xmlid) as form:
            form.name = "A quick one"
            form.dealership_id = self.dealership
        self.assertEqual(form.record.dealership_id, self.dealership)

    def test_quick_create_of_stock_users_is_as_it_was(self):
        arch = self._get_arch("crm.quick_create_opportunity_form", self.sales_admin)
        self.assertIsNone(arch.find(".//field[@name='dealership_id']"))
