# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from odoo.addons.bpo_crm.dealer_api import CheckStep, XmlRpc, register_protocol


class CountriesStep(CheckStep):
    """A step of the connection test: can the countries of customers be looked up?"""

    name = "countries"

    def run(self, context):
        """Ask the dealer's Odoo for one country."""
        found = context.session.search_read("res.country", [("code", "=", "BE")], ["code"])
        context.add(
            self.name,
            bool(found),
            "example_countries",
            sentence="Countries can be read." if found else "The dealer has no countries.",
        )


@register_protocol
class TaggedXmlRpc(XmlRpc):
    """A protocol: XML-RPC that says in each call's context who is calling."""

    name = "example_xmlrpc"
    label = "XML-RPC (tagged)"

    def call(self, model, method, ids, kwargs):
        """Call, with a mark in the context where there is one."""
        if "context" in kwargs:
            kwargs = {**kwargs, "context": {**kwargs["context"], "bpo_crm_example": True}}
        return super().call(model, method, ids, kwargs)


class BpoDealership(models.Model):
    """How this addon talks with dealers."""

    _inherit = "bpo.dealership"

    protocol = fields.Selection(
        selection_add=[("example_xmlrpc", "XML-RPC (tagged)")],
        ondelete={"example_xmlrpc": "set default"},
    )

    def _prepare_connection_check(self):
        values = super()._prepare_connection_check()
        return {**values, "extra_steps": [*values["extra_steps"], CountriesStep()]}

    def _get_check_step_labels(self):
        return {**super()._get_check_step_labels(), "countries": self.env._("Countries")}
