# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a job does with its dealership. With queue_job itself: ``e2e/test_queue_job.py``."""

from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.bpo_crm.models.engine import dealer_queue
from odoo.addons.bpo_crm.models.report import bpo_vital_signs

from .dealer_common import DealerOrderCommon


@tagged("post_install", "-at_install")
class TestDealershipPush(DealerOrderCommon):
    """A job works with one dealership for some seconds, and leaves the rest to another one."""

    def setUp(self):
        super().setUp()
        self.other = self.dealership.copy(
            {"name": "Other", "code": "OTHER", "odoo_api_key": "a key of the other"}
        )
        self.handed_over = []
        self.enterContext(
            patch.object(
                dealer_queue,
                "hand_over",
                lambda env, dealerships, at_once: self.handed_over.append((dealerships, at_once)),
            )
        )

    def _run_job(self):
        with self.enter_registry_test_mode(), self.env.registry.cursor() as cr:
            push = dealer_queue.DealershipPush(self.env(cr=cr), self.dealership.id)
            push.run()
            push.come_again()
        return push

    def test_only_its_dealership(self):
        _lead, order = self._win_one()
        _lead, other_order = self._win_one(dealership_id=self.other.id)
        self._run_job()
        self.env.invalidate_all()
        self.assertEqual((order.state, other_order.state), ("sent", "pending"))

    def test_when_its_seconds_are_over_others_are_next(self):
        _lead, order = self._win_one()
        with patch.object(dealer_queue, "SLICE_SECONDS", 0):
            self._run_job()
        self.assertEqual(order.state, "pending")
        self.assertEqual(self.handed_over, [([self.dealership.id], True)])

    def test_it_ends_in_the_time_of_a_web_request(self):
        with patch.dict(dealer_queue.config.options, {"limit_time_real": 40}):
            self.assertEqual(dealer_queue.get_request_seconds(), 30)
        with patch.dict(dealer_queue.config.options, {"limit_time_real": 0}):
            self.assertEqual(dealer_queue.get_request_seconds(), float("inf"))

    def test_one_job_at_a_dealership(self):
        with dealer_queue.being_alone(self.env, self.dealership.id) as is_alone:
            self.assertTrue(is_alone)
            self.assertEqual(dealer_queue.find_busy(self.env), {self.dealership.id})
        self.assertFalse(dealer_queue.find_busy(self.env))

    def test_a_manager_is_told_of_the_runner(self):
        with patch.object(bpo_vital_signs, "has_queue", lambda env: True):
            signs = self.env["bpo.vital.signs"]
            self.assertEqual(signs._get_engine(), "queue_job")
            self.assertIn("--load=base,web,queue_job", signs._get_stalled_text(self.env))
        self.assertEqual(signs._get_engine(), "ir.cron")
