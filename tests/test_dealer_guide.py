# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import html

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import BpoCrmCommon

REPORT = "bpo_crm.report_dealer_guide"
ACTION = "bpo_crm.action_report_dealer_guide"


class TestDealerGuide(BpoCrmCommon):
    """The page that tells a dealership what to do in its own Odoo."""

    def _render(self, user, dealerships):
        content, _kind = (
            self.env["ir.actions.report"].with_user(user)._render_qweb_html(REPORT, dealerships.ids)
        )
        return " ".join(html.fromstring(content).text_content().split())

    def _get_printable(self, user):
        bindings = self.env["ir.actions.actions"].with_user(user).get_bindings("bpo.dealership")
        return [action["id"] for action in bindings.get("report", ())]

    def test_it_names_the_two_and_what_is_to_be_done(self):
        text = self._render(self.manager, self.dealership)
        for part in (
            self.env.company.name,
            "Northside Motors",
            "User: Own Documents Only",
            "My Preferences → Security → Add API Key",
            "Account Security → New API Key",
            "choose 3 Months. Odoo proposes 1 Day",
        ):
            self.assertIn(part, text)

    def test_it_says_nothing_of_the_connection(self):
        text = self._render(self.manager, self.dealership)
        for secret in ("northside.example.com", "not-a-real-key"):
            self.assertNotIn(secret, text)

    def test_it_is_in_the_name_of_the_dealerships_company(self):
        company = self.env["res.company"].create({"name": "Other Call Centre"})
        self.manager.company_ids += company
        self.dealership.company_id = company
        self.assertIn("Other Call Centre", self._render(self.manager, self.dealership))

    def test_one_page_each(self):
        south = self.env["bpo.dealership"].create(
            self._prepare_dealership(name="Southside Motors", code="SOUTH")
        )
        text = self._render(self.manager, self.dealership + south)
        self.assertIn("Northside Motors", text)
        self.assertIn("Southside Motors", text)

    def test_it_is_in_the_dealerships_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        view = self.env.ref("bpo_crm.dealer_guide_content")
        view.update_field_translations(
            "arch_db", {"fr_FR": {"2. Create the user": "2. Créer l'utilisateur"}}
        )
        self.assertIn("2. Create the user", self._render(self.manager, self.dealership))
        self.dealership.lang = "fr_FR"
        self.assertIn("2. Créer l'utilisateur", self._render(self.manager, self.dealership))

    def test_its_direction_is_that_of_its_own_words(self):
        """Whoever reads from right to left prints it for a dealership that does not."""
        self.env["res.lang"]._activate_lang("ar_001")
        self.manager.lang = "ar_001"
        self.dealership.lang = "en_US"
        content, _kind = (
            self.env["ir.actions.report"]
            .with_user(self.manager)
            .with_context(lang="ar_001")
            ._render_qweb_html(REPORT, self.dealership.ids)
        )
        page = html.fromstring(content)
        self.assertEqual(page.find("body").get("dir"), "rtl")
        [guide] = page.find_class("page")
        self.assertEqual(guide.get("dir"), "auto")
        # a style sheet that is mirrored knows one side only
        for block in guide.iter("ul"):
            self.assertIn("padding-inline", block.get("style"))

    def test_managers_print_it(self):
        action = self.env.ref(ACTION)
        self.assertIn(action.id, self._get_printable(self.manager))
        self.assertNotIn(action.id, self._get_printable(self.agent))

    def test_who_may_not_see_the_dealership_gets_none(self):
        stranger = new_test_user(self.env, login="bpo_stranger", groups="base.group_user")
        with self.assertRaises(AccessError):
            self._render(stranger, self.dealership)
