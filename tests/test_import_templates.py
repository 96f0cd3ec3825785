# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from pathlib import Path

from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import file_path

OURS = "/bpo_crm/static/xls/"


@tagged("post_install", "-at_install")
class TestImportTemplates(TransactionCase):
    """What the import screen offers is imported as it is, by whoever would import it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager, cls.agent, cls.salesman = (
            new_test_user(
                cls.env, login=f"import_{group}", groups=f"base.group_partner_manager,{group}"
            )
            for group in (
                "bpo_crm.group_manager",
                "bpo_crm.group_agent",
                "sales_team.group_sale_salesman",
            )
        )
        for code in ("CITY-5D", "VAN-L2"):
            if not cls.env["product.product"].search([("default_code", "=", code)]):
                cls.env["product.product"].create({"name": code, "default_code": code})

    def _get_template(self, model, user=None):
        """Return the name of our template of a model."""
        templates = self.env[model].with_user(user or self.manager).get_import_templates()
        [ours] = [each for each in templates if each["template"].startswith(OURS)]
        self.assertTrue(ours["label"])
        return ours["template"].removeprefix("/")

    def _import(self, model, user=None):
        """Import the template as the screen does, each column as it is proposed there."""
        user = user or self.manager
        path = Path(file_path(self._get_template(model, user)))
        wizard = (
            self.env["base_import.import"]
            .with_user(user)
            .create(
                {
                    "res_model": model,
                    "file": path.read_bytes(),
                    "file_name": path.name,
                    "file_type": "text/csv",
                }
            )
        )
        preview = wizard.parse_preview({"has_headers": True, "quoting": '"', "separator": ","})
        self.assertEqual(
            sorted(map(int, preview["matches"])),
            list(range(len(preview["headers"]))),
            "each column is recognised",
        )
        columns = ["/".join(preview["matches"][column]) for column in sorted(preview["matches"])]
        result = wizard.execute_import(columns, preview["headers"], preview["options"])
        self.assertFalse(result["messages"])
        return self.env[model].browse(result["ids"])

    def test_dealerships_and_deals_with_units(self):
        dealerships = self._import("bpo.dealership")
        self.assertEqual(dealerships.mapped("code"), ["NORTHGATE", "RIVERSIDE"])
        self.assertEqual(dealerships[0].odoo_db, "northgate")
        self.assertFalse(any(dealerships.mapped("has_api_key")), "no key stands in a file")

        deals = self._import("crm.lead", self.agent)
        self.assertEqual(deals.dealership_id, dealerships[0])
        self.assertEqual(deals.mapped("stage_id.name"), ["New", "Qualified"])
        self.assertEqual(
            [
                [(line.product_id.default_code, line.quantity) for line in deal.line_ids]
                for deal in deals
            ],
            [[("CITY-5D", 1)], [("VAN-L2", 2), ("CITY-5D", 1)]],
        )
        self.assertEqual(deals.mapped("type"), ["opportunity", "opportunity"])

    def test_stages_and_services(self):
        stages = self._import("crm.stage")
        self.assertEqual(stages.mapped("stage_type"), ["deal"] * 2 + ["service"] * 3)
        self.assertEqual(stages[0].pipeline_id, self.env.ref("bpo_crm.pipeline_bpo_sales"))
        self.assertEqual(stages[4].status_on_enter, "completed")
        self.assertTrue(stages[4].fold)

        services = self._import("bpo.service")
        self.assertEqual(
            services.mapped(lambda service: service.stage_ids.mapped("name")),
            [["Visit Agreed", "Handed Over"], ["Visit Agreed", "Documents Checked", "Handed Over"]],
        )

    def test_lost_reasons(self):
        reasons = self._import("crm.lost.reason")
        self.assertEqual(reasons.mapped("code"), ["DELIVERY", "COLOUR", "MODEL"])
        self.assertEqual(reasons.mapped("note_required"), [False, False, True])
        self.assertEqual(reasons.pipeline_ids, self.env.ref("bpo_crm.pipeline_bpo_sales"))

    def test_stock_keeps_its_template(self):
        templates = self.env["crm.lead"].with_user(self.agent).get_import_templates()
        self.assertIn("/crm/static/xls/crm_lead.xls", [each["template"] for each in templates])
        others = self.env["crm.lead"].with_user(self.salesman).get_import_templates()
        self.assertEqual(len(others), len(templates) - 1, "who has no role has no dealerships")
