# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether orders go out, told to machines that watch, and to a manager when they do not."""

import json
from datetime import timedelta
from unittest.mock import patch

from prometheus_client.parser import text_string_to_metric_families

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import HttpCase, tagged

from odoo.addons.bpo_crm.controllers import vital_signs
from odoo.addons.bpo_crm.models.constants import ACTIVITY_STALLED, PUSH_CRON
from odoo.addons.bpo_crm.models.report.bpo_vital_signs import DELIVERY_LIMITS, TOKEN_PARAMETER

from .dealer_common import DealerOrderCommon

TOKEN = "a token of more than sixteen"


class VitalSignsCommon(DealerOrderCommon):
    def _win_long_ago(self, minutes=20, **values):
        """Return the order of a lead that was won some time ago, and waits."""
        _lead, order = self._win_one()
        order.write(
            {"won_date": fields.Datetime.now() - timedelta(minutes=minutes), "next_attempt": False}
            | values
        )
        return order

    def _get_activities(self):
        return self.env["mail.activity"].search(
            [("activity_type_id", "=", self.env.ref(ACTIVITY_STALLED).id)]
        )


@tagged("post_install", "-at_install")
class TestStalled(VitalSignsCommon):
    """Nothing drains though orders wait: found from elsewhere, told once, and taken back."""

    def setUp(self):
        super().setUp()
        self.signs = self.env["bpo.vital.signs"]

    def test_nothing_is_said_while_orders_go_out(self):
        self._win_long_ago(minutes=10)
        self.signs._cron_watch()
        self.assertFalse(self._get_activities())

    def test_orders_that_are_held_are_not_stalled(self):
        later = fields.Datetime.now() + timedelta(minutes=1)
        self._win_long_ago(next_attempt=later)
        self.assertFalse(self.signs._find_stalled())
        order = self._win_long_ago()
        order.dealership_id.paused = True
        self.assertFalse(self.signs._find_stalled())

    def test_an_order_that_has_just_come_due_is_not_stalled(self):
        just_now = fields.Datetime.now() - timedelta(minutes=1)
        self._win_long_ago(minutes=600, next_attempt=just_now)
        self.assertFalse(self.signs._find_stalled())

    def test_a_manager_is_told_once_and_the_activity_goes(self):
        order = self._win_long_ago()
        self.env.ref(PUSH_CRON).active = False
        self.signs._cron_watch()
        self.signs._cron_watch()
        activity = self._get_activities()
        self.assertEqual(len(activity), 1)
        self.assertEqual(activity.res_id, order.dealership_id.id)
        self.assertTrue(activity.user_id.has_group("bpo_crm.group_manager"))
        self.assertIn("push won leads to their dealers", activity.note)
        order.state = "sent"
        self.signs._cron_watch()
        self.assertFalse(self._get_activities())

    def test_whoever_wins_the_next_lead_has_it_noticed(self):
        """Also where no scheduled action runs at all."""
        self._win_long_ago()
        self._win_one()
        self.assertEqual(len(self._get_activities()), 1)

    def test_a_short_token_is_refused(self):
        with self.assertRaises(ValidationError):
            self.env["res.config.settings"].create({"bpo_crm_monitoring_token": "short"})


@tagged("post_install", "-at_install")
class TestVitalSigns(VitalSignsCommon, HttpCase):
    """The two addresses: who may ask, and what they say."""

    def _ask(self, path, token=TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.url_open(path, headers=headers)

    def _switch_on(self):
        self.env["ir.config_parameter"].set_param(TOKEN_PARAMETER, TOKEN)

    def test_who_may_ask(self):
        for path in ("/bpo_crm/health", "/bpo_crm/metrics"):
            self.env["ir.config_parameter"].set_param(TOKEN_PARAMETER, False)
            self.assertEqual(self._ask(path).status_code, 404)
            self.assertEqual(self._ask(path, token=None).status_code, 404)
            self._switch_on()
            self.assertEqual(self._ask(path, token=None).status_code, 403)
            self.assertEqual(self._ask(path, token=TOKEN + "x").status_code, 403)
            self.assertEqual(self._ask(path).status_code, 200)
            self.assertEqual(self.url_open(f"{path}?token={TOKEN}").status_code, 200)
            self.assertEqual(self.url_open(f"{path}?token=").status_code, 403)

    def test_health(self):
        self._switch_on()
        answer = self._ask("/bpo_crm/health")
        health = json.loads(answer.text)
        self.assertEqual((answer.status_code, health["healthy"]), (200, True))
        self.assertEqual(health["engine"], "ir.cron")
        self._win_long_ago()
        answer = self._ask("/bpo_crm/health")
        health = json.loads(answer.text)
        self.assertEqual((answer.status_code, health["healthy"]), (503, False))
        self.assertGreaterEqual(health["oldest_due_seconds"], 1200)
        self.assertIn("scheduled action", health["problem"])

    def _read_metrics(self):
        answer = self._ask("/bpo_crm/metrics")
        self.assertEqual(answer.status_code, 200)
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def test_metrics(self):
        self._switch_on()
        before = self._read_metrics()
        self._win_long_ago(attempt_count=2)
        self._win_long_ago(minutes=2, state="failed", error_code="order_empty")
        sent = self._win_long_ago(minutes=3)
        sent.write({"state": "sent", "sent_date": fields.Datetime.now()})
        self.env.flush_all()
        after = self._read_metrics()

        def grown(name, **labels):
            key = (f"bpo_crm_{name}", *sorted(labels.items()))
            return after[key] - before.get(key, 0)

        self.assertEqual(grown("orders_waiting"), 1)
        self.assertEqual(grown("orders_retried"), 1)
        self.assertEqual(grown("orders_failed", cause="order_empty"), 1)
        self.assertGreaterEqual(after["bpo_crm_oldest_waiting_seconds", ("kind", "due")], 1200)
        self.assertEqual(after["bpo_crm_engine", ("engine", "ir.cron")], 1)
        self.assertEqual(grown("delivery_seconds_count"), 1)
        self.assertEqual(grown("delivery_seconds_bucket", le="60"), 0)
        self.assertEqual(grown("delivery_seconds_bucket", le="300"), 1)
        self.assertEqual(grown("delivery_seconds_bucket", le="+Inf"), 1)
        self.assertAlmostEqual(grown("delivery_seconds_sum"), 180, delta=5)

    def test_labels_are_few_and_name_nobody(self):
        self._switch_on()
        self._win_long_ago()
        text = self._ask("/bpo_crm/metrics").text
        for secret in (self.dealership.name, "northside.example.com", TOKEN, self.agent.login):
            self.assertNotIn(secret, text)
        self.assertLess(len(text.splitlines()), 60 + len(DELIVERY_LIMITS))

    def test_without_the_client_library(self):
        self._switch_on()
        with patch.object(vital_signs, "generate_latest", None):
            answer = self._ask("/bpo_crm/metrics")
            self.assertEqual(answer.status_code, 501)
            self.assertIn("pip install prometheus_client", answer.text)
            self.assertEqual(self._ask("/bpo_crm/health").status_code, 200)
