# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Conditions of stages: what is asked for on entering, of whom, and in which words."""

from lxml import etree

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..models.bpo_staged import StageEntryIncomplete
from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestStageEntry(BpoCrmCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage_offer.write(
            {
                "entry_field_ids": [
                    (6, 0, cls._get_fields("crm.lead", "contact_name", "tag_ids").ids)
                ],
                "entry_domain": "[('expected_revenue', '>=', 100)]",
                "entry_message": "Agree on at least 100",
            }
        )
        cls.tag = cls.env["crm.tag"].create({"name": "Test drive"})

    @classmethod
    def _get_fields(cls, model, *names):
        return cls.env["ir.model.fields"].concat(
            *(cls.env["ir.model.fields"]._get(model, name) for name in names)
        )

    def _create_bare_leads(self, count=1, **values):
        return self.env["crm.lead"].create(
            [
                {
                    "name": f"Deal {n}",
                    "type": "opportunity",
                    "pipeline_id": self.pipeline.id,
                    "user_id": self.agent.id,
                    **values,
                }
                for n in range(count)
            ]
        )

    def test_what_is_missing_is_named_per_lead(self):
        bare, named = self._create_bare_leads(2).with_user(self.agent)
        named.contact_name = "Somebody"
        with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
            (bare + named).write({"stage_id": self.stage_offer.id})
        text = str(refused.exception)
        self.assertIn(
            "Deal 0: Contact Name is missing; Tags is missing; Agree on at least 100", text
        )
        self.assertIn("Deal 1: Tags is missing", text)
        records = refused.exception.context["records"]
        self.assertEqual(
            [(r["id"], r["stage_id"], r["fields"]) for r in records],
            [
                (bare.id, self.stage_offer.id, ["contact_name", "tag_ids", "expected_revenue"]),
                (named.id, self.stage_offer.id, ["tag_ids", "expected_revenue"]),
            ],
        )
        self.assertEqual((bare + named).stage_id, self.stage_inbox)

    def test_values_written_together_with_the_stage_count(self):
        lead = self._create_bare_leads().with_user(self.agent)
        lead.action_fill_in_and_move(
            [
                {
                    "id": lead.id,
                    "stage_id": self.stage_offer.id,
                    "values": {
                        "contact_name": "Somebody",
                        "tag_ids": [(4, self.tag.id)],
                        "expected_revenue": 100,
                    },
                }
            ]
        )
        self.assertEqual(lead.stage_id, self.stage_offer)

    def _get_fill_in_fields(self, model, names, user=None):
        """Return ``{name: node}`` of the form that asks for these fields."""
        views = (
            self.env[model]
            .with_user(user or self.agent)
            .with_context(bpo_crm_fill_in_view_ref=",".join(names))
            .get_views([(False, "form")])
        )
        arch = etree.fromstring(views["views"]["form"]["arch"])
        self.assertEqual(arch.tag, "form")
        nodes = arch.xpath("//field[not(ancestor::field)]")
        return {node.get("name"): node for node in nodes}

    def test_form_of_what_is_missing(self):
        names = ["line_ids", "contact_name", "tag_ids", "expected_revenue", "dealership_id"]
        nodes = self._get_fill_in_fields("crm.lead", names)
        self.assertEqual(
            [name for name, node in nodes.items() if node.get("invisible") is None], names
        )
        self.assertEqual(nodes["tag_ids"].get("widget"), "many2many_tags")
        self.assertTrue(nodes["line_ids"].xpath("./list[@editable]/field[@name='price_unit']"))
        self.assertIsNone(nodes["line_ids"].get("readonly"))
        self.assertIn("company_currency", nodes)

    def test_form_of_what_is_missing_is_not_the_form_of_the_next_one(self):
        self._get_fill_in_fields("crm.lead", ["contact_name"])
        self.assertNotIn("contact_name", self._get_fill_in_fields("crm.lead", ["phone"]))
        views = self.env["crm.lead"].get_views([(False, "form")])
        self.assertIn("stage_id", views["views"]["form"]["arch"])

    def test_form_of_what_is_missing_knows_fields_only(self):
        nodes = self._get_fill_in_fields("bpo.service.request", ["no_such", "deadline"])
        self.assertEqual(list(nodes), ["display_name", "deadline"])

    def test_form_of_a_loss_offers_reasons(self):
        nodes = self._get_fill_in_fields("crm.lead", ["lost_reason_id", "lost_note"])
        self.assertEqual(nodes["lost_reason_id"].get("widget"), "bpo_lost_reason")

    def test_lost_dialog_tells_what_else_is_missing(self):
        lead = self._create_bare_leads().with_user(self.agent)
        wizard = self.env["crm.lead.lost"].with_user(self.agent)
        self.assertFalse(wizard.new({"lead_ids": lead.ids}).entry_gaps)
        self.stage_gone.entry_field_ids = self._get_fields("crm.lead", "contact_name")
        gaps = wizard.new({"lead_ids": lead.ids}).entry_gaps
        self.assertEqual(
            gaps["records"],
            [
                {
                    "id": lead.id,
                    "name": "Deal 0",
                    "stage_id": self.stage_gone.id,
                    "fields": ["lost_reason_id", "lost_note", "contact_name"],
                    "problems": ["Choose why it is lost", "Contact Name is missing"],
                }
            ],
        )
        lead.contact_name = "Somebody"
        self.assertFalse(wizard.new({"lead_ids": lead.ids}).entry_gaps)

    def test_nobody_is_troubled_where_they_are(self):
        lead = self._create_bare_leads(stage_id=self.stage_contacted.id)
        self.stage_contacted.entry_field_ids = self._get_fields("crm.lead", "contact_name")
        lead.with_user(self.agent).write({"name": "Renamed", "stage_id": self.stage_contacted.id})
        self.assertEqual(lead.name, "Renamed")

    def test_creation_in_the_stage_is_refused_in_words(self):
        with self.assertRaises(ValidationError) as refused, self.cr.savepoint():
            self.env["crm.lead"].with_user(self.agent).create(
                {"name": "Deal", "pipeline_id": self.pipeline.id, "stage_id": self.stage_offer.id}
            )
        self.assertNotIsInstance(refused.exception, StageEntryIncomplete)
        self.assertIn("Contact Name is missing", str(refused.exception))
