# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from lxml import etree

from odoo.tests import TransactionCase, tagged

# What Odoo's own frame of a form takes with Alt: breadcrumb, New, apps, discard, message, pager,
# save, actions, next stage.
TAKEN = set("bchjmnpsux")
# Stock's own on a lead: they are what they are.
STOCK = {"crm.lead": {"w", "v", "x", "l"}}
DIALOGS = {"bpo.dealership.pause", "bpo.stage.move", "bpo.order.preview", "crm.lead.lost"}
FORMS = ["crm.lead", "bpo.dealership", "bpo.dealer.order", "bpo.service.request"]


@tagged("post_install", "-at_install")
class TestHotkeys(TransactionCase):
    """Keys do what is written on the button, and not what Odoo has them for."""

    def _get_hotkeys(self, model):
        """Return ``{key: [buttons]}`` of the form of a model."""
        arch = self.env[model].get_view(view_type="form")["arch"]
        keys = defaultdict(list)
        for button in etree.fromstring(arch).xpath("//button[@data-hotkey]"):
            if not button.xpath("ancestor::field"):
                keys[button.get("data-hotkey").lower()].append(button)
        return keys

    def test_no_key_of_a_form_is_taken(self):
        for model in FORMS:
            keys = set(self._get_hotkeys(model)) - STOCK.get(model, set())
            self.assertFalse(keys & TAKEN, model)

    def test_buttons_shown_together_have_keys_of_their_own(self):
        """Two buttons with one key are shown in different states: each has a condition."""
        for model in [*FORMS, *DIALOGS]:
            for key, buttons in self._get_hotkeys(model).items():
                if len(buttons) > 1:
                    conditions = [button.get("invisible") for button in buttons]
                    self.assertTrue(all(conditions), (model, key))

    def test_what_is_done_daily_has_a_key(self):
        for model, names in {
            "crm.lead": ["action_set_won_rainbowman", "action_retry_dealer_order"],
            "bpo.dealership": ["action_test_connection", "action_push_now", "action_resume"],
            "bpo.dealer.order": ["action_retry", "action_check_at_dealer"],
            "bpo.service.request": ["action_claim", "action_complete"],
        }.items():
            found = {
                button.get("name")
                for buttons in self._get_hotkeys(model).values()
                for button in buttons
            }
            self.assertLessEqual(set(names), found)

    def test_dialogs_have_the_keys_of_all_dialogs(self):
        """Alt+Q does it, Alt+X leaves it; the preview has nothing to do."""
        for model in DIALOGS:
            expected = {"x"} if model == "bpo.order.preview" else {"q", "x"}
            self.assertEqual(set(self._get_hotkeys(model)), expected, model)
