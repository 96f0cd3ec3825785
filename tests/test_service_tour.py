# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user, tagged


@tagged("post_install", "-at_install")
class TestServiceTour(HttpCase):
    """Work with services in a browser, like a manager and an agent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = new_test_user(cls.env, "tour_agent", "bpo_crm.group_agent")
        cls.manager = new_test_user(cls.env, "tour_manager", "bpo_crm.group_manager")
        cls.stage_in, cls.stage_shared, cls.stage_foreign = cls.env["crm.stage"].create(
            [
                {"name": "Tour In", "stage_type": "service"},
                {"name": "Tour Shared", "stage_type": "service", "status_on_enter": "on_hold"},
                {"name": "Tour Foreign", "stage_type": "service"},
            ]
        )
        cls.service, cls.foreign_service = cls.env["bpo.service"].create(
            [
                {
                    "name": "Tour Other Service",
                    "stage_ids": [Command.set((cls.stage_in + cls.stage_shared).ids)],
                },
                {
                    "name": "Tour Foreign Service",
                    "stage_ids": [Command.set(cls.stage_foreign.ids)],
                },
            ]
        )

    def test_manager(self):
        self.start_tour("/odoo", "bpo_crm_service_manager", login="tour_manager")
        request = self.env["bpo.service.request"].search([("name", "=", "Tour Request")])
        self.assertEqual(request.status, "completed")
        self.assertEqual(request.stage_id.name, "Tour Started")
        self.assertEqual(request.stage_id.icon, "fa-truck")
        self.assertEqual(request.service_id.stage_ids, request.stage_id)
        self.assertEqual(self.stage_shared.service_ids, self.service)

    def test_agent(self):
        request = self.env["bpo.service.request"].create(
            [
                {"name": "Tour Unclaimed", "service_id": self.service.id},
                {
                    "name": "Tour of another agent",
                    "service_id": self.service.id,
                    "user_id": self.manager.id,
                },
            ]
        )[0]
        self.start_tour(
            "/odoo/action-bpo_crm.bpo_service_request_action",
            "bpo_crm_service_agent",
            login="tour_agent",
        )
        self.assertRecordValues(
            request,
            [
                {
                    "user_id": self.agent.id,
                    "stage_id": self.stage_shared.id,
                    "status": "in_progress",
                }
            ],
        )
