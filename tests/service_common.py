# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.fields import Command
from odoo.tests import new_test_user

from odoo.addons.base.tests.common import BaseCommon


class ServiceCommon(BaseCommon):
    """Two services that share their first and last stage, a bare one, and a user per role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # services of the demo data would change what is offered
        cls.env["bpo.service"].search([]).active = False
        cls.agent = new_test_user(cls.env, "test_agent", "bpo_crm.group_agent")
        cls.other_agent = new_test_user(cls.env, "test_agent_2", "bpo_crm.group_agent")
        cls.supervisor = new_test_user(cls.env, "test_supervisor", "bpo_crm.group_supervisor")
        cls.manager = new_test_user(cls.env, "test_manager", "bpo_crm.group_manager")
        cls.s_in, cls.s_check, cls.s_wait, cls.s_work, cls.s_done = cls.env["crm.stage"].create(
            [
                {"name": name, "stage_type": "service", "status_on_enter": status}
                for name, status in (
                    ("Test In", "pending"),
                    ("Test Check", False),
                    ("Test Wait", "on_hold"),
                    ("Test Work", "in_progress"),
                    ("Test Done", "completed"),
                )
            ]
        )
        cls.papers, cls.visit, cls.bare = cls.env["bpo.service"].create(
            [
                {
                    "name": "Test Papers",
                    "stage_ids": [
                        Command.set((cls.s_in + cls.s_check + cls.s_wait + cls.s_done).ids)
                    ],
                },
                {
                    "name": "Test Visit",
                    # another order than that of the stages themselves
                    "stage_ids": [Command.set((cls.s_work + cls.s_in + cls.s_done).ids)],
                },
                {"name": "Test Bare"},
            ]
        )
        cls.client_partner = cls.env["res.partner"].create({"name": "Test Client"})

    @classmethod
    def _create_request(cls, **vals):
        return cls.env["bpo.service.request"].create(
            {"name": "Test request", "service_id": cls.papers.id, **vals}
        )
