# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.tests import new_test_user

from odoo.addons.base.tests.common import BaseCommon


class BpoCrmCommon(BaseCommon):
    """One user per role, a pipeline of its own that pushes orders, and a ready dealership."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # orders go out at commit, but where a test is about the wait
        cls.env["ir.config_parameter"].set_param("bpo_crm.undo_seconds", "0")
        cls.agent = cls._create_user("agent")
        cls.other_agent = cls._create_user("agent", login="bpo_other_agent")
        cls.supervisor = cls._create_user("supervisor")
        cls.manager = cls._create_user("manager")
        cls.sales_admin = new_test_user(
            cls.env, login="stock_sales_admin", groups="sales_team.group_sale_manager"
        )
        cls.pipeline = cls.env["bpo.pipeline"].create(
            {
                "name": "Vehicles",
                "push_orders": True,
                "stage_ids": [
                    Command.create({"name": "Inbox", "sequence": 10}),
                    Command.create({"name": "Contacted", "sequence": 20}),
                    Command.create({"name": "Offer", "sequence": 30}),
                    Command.create({"name": "Sold", "sequence": 40, "is_won": True}),
                    Command.create({"name": "Gone", "sequence": 50, "is_lost": True}),
                ],
            }
        )
        (
            cls.stage_inbox,
            cls.stage_contacted,
            cls.stage_offer,
            cls.stage_sold,
            cls.stage_gone,
        ) = cls.pipeline.stage_ids
        cls.other_pipeline = cls.env["bpo.pipeline"].create({"name": "Fleet"})
        cls.other_new, cls.other_won, cls.other_lost = cls.other_pipeline.stage_ids
        cls.dealership = cls.env["bpo.dealership"].create(cls._prepare_dealership())
        cls.product = cls.env["product.product"].create(
            {"name": "Test Hatchback", "default_code": "TH-100", "list_price": 20000.0}
        )
        cls.reason = cls.env["crm.lost.reason"].create({"name": "Bought at a competitor, test"})

    @classmethod
    def _create_user(cls, role, login=None):
        return new_test_user(
            cls.env,
            login=login or f"bpo_{role}",
            groups=f"base.group_partner_manager,bpo_crm.group_{role}",
        )

    @classmethod
    def _prepare_dealership(cls, **values):
        return {
            "name": "Northside Motors",
            "code": "NORTH",
            "currency_id": cls.env.company.currency_id.id,
            "manager_email": "manager@northside.example.com",
            "odoo_url": "https://northside.example.com",
            "odoo_db": "northside",
            "odoo_login": "bpo",
            "odoo_api_key": "not-a-real-key",
            **values,
        }

    @classmethod
    def _prepare_lead(cls, **values):
        """Return values of a lead that is ready to be won."""
        return {
            "name": "A hatchback, please",
            "type": "opportunity",
            "pipeline_id": cls.pipeline.id,
            "user_id": cls.agent.id,
            "contact_name": "Jo Customer",
            "email_from": "jo.customer@example.com",
            "dealership_id": cls.dealership.id,
            "line_ids": [Command.create({"product_id": cls.product.id, "quantity": 1})],
            **values,
        }

    @classmethod
    def _create_leads(cls, count=1, **values):
        """Create ready leads; without tracking, which is not what most tests are about."""
        return (
            cls.env["crm.lead"]
            .with_context(tracking_disable=True)
            .create([cls._prepare_lead(**values) for _number in range(count)])
            .with_env(cls.env)
        )
