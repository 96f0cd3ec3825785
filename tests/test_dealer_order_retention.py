# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from odoo.addons.bpo_crm.models.constants import WITHDRAWN_DAYS_PARAMETER
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_retention as retention

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestDealerOrderRetention(BpoCrmCommon):
    """Orders that no dealer ever heard of may be forgotten; of the others nothing is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.leads = cls._create_leads(3)
        cls.leads.action_set_won()
        cls.orders = cls.leads.dealer_order_id
        cls.leads.write({"stage_id": cls.stage_inbox.id})

    def _vacuum(self, days=30, age=31):
        """Let orders be so many days old, and clear away with this setting."""
        self.env["ir.config_parameter"].set_param(WITHDRAWN_DAYS_PARAMETER, days)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE bpo_dealer_order SET write_date = %s WHERE id = ANY(%s)",
            [fields.Datetime.now() - timedelta(days=age), self.orders.ids],
        )
        self.env.invalidate_all()
        return self.env["bpo.dealer.order"]._gc_withdrawn()

    def test_kept_unless_somebody_wants_otherwise(self):
        self.assertEqual(set(self.orders.mapped("state")), {"cancelled"})
        self._vacuum(days=0, age=3000)
        self.assertEqual(self.orders.exists(), self.orders)

    def test_old_ones_go_and_young_ones_stay(self):
        self._vacuum(age=29)
        self.assertEqual(self.orders.exists(), self.orders)
        self.assertEqual(self._vacuum(), (3, False))
        self.assertFalse(self.orders.exists())
        self.assertFalse(self.leads.dealer_order_id)
        self.assertFalse(any(self.leads.mapped("dealer_order_state")))

    def test_what_a_dealer_may_have_stays(self):
        first, second, third = self.orders
        first.possibly_sent = True
        second.first_attempt = fields.Datetime.now()
        third.attempt_count = 1  # of the first release, which knew no first attempt
        self.assertEqual(self._vacuum(), (0, False))
        first.write({"possibly_sent": False, "remote_id": 7})
        second.write({"first_attempt": False, "state": "sent"})
        third.write({"attempt_count": 0, "state": "failed"})
        self.assertEqual(self._vacuum(), (0, False))
        third.state = "pending"
        self.assertEqual(self._vacuum(), (0, False))
        self.assertEqual(self.orders.exists(), self.orders)

    def test_lead_that_is_won_again_keeps_its_key(self):
        keys = self.orders.mapped("external_id")
        self._vacuum()
        self.leads.action_set_won()
        self.assertEqual(self.leads.dealer_order_id.mapped("external_id"), keys)
        self.assertEqual(set(self.leads.dealer_order_id.mapped("state")), {"pending"})

    def test_in_batches(self):
        with patch.object(retention, "GC_BATCH", 2):
            self.assertEqual(self._vacuum(), (2, True))
            self.assertEqual(self._vacuum(), (1, False))

    def test_setting(self):
        self.env["res.config.settings"].create({"bpo_crm_withdrawn_days": 90}).execute()
        self.assertEqual(self.env["bpo.dealer.order"]._get_withdrawn_days(), 90)
        with self.assertRaisesRegex(ValidationError, "whole number of days"):
            self.env["res.config.settings"].create({"bpo_crm_withdrawn_days": -1}).execute()
        self.env["res.config.settings"].create({"bpo_crm_withdrawn_days": 0}).execute()
        self.assertEqual(self.env["bpo.dealer.order"]._get_withdrawn_days(), 0)
