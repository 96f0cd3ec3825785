# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class BpoServiceRequest(models.Model):
    """What requests take over from their deal: its customer and its company.

    Nobody learns in that way about a deal that is hidden from them: whoever names a deal must
    be allowed to read it.
    """

    _inherit = "bpo.service.request"

    @api.model
    def _check_leads(self, vals_list):
        """Check that the user may read the deals that these values name.

        :raise AccessError: as for any record that the user may not read
        """
        if lead_ids := {vals["lead_id"] for vals in vals_list if vals.get("lead_id")}:
            self.env["crm.lead"].browse(lead_ids).check_access("read")

    def _get_lead_taken_over(self):
        """Return the deal from which this request takes over; in a form none that is hidden.

        Computations run with more rights than the user, and a form asks for them before
        anything checks who may read the deal.
        """
        lead = self.lead_id
        if lead and not self.id and not lead._origin.sudo(False).has_access("read"):
            return lead.browse()
        return lead

    @api.model
    def _take_over_customers(self, vals_list):
        """Take over the customers where code works with more rights than its user.

        What is computed for a record to be looks like a form: see ``_get_lead_taken_over``.
        """
        if not self.env.su:
            return
        for vals in vals_list:
            if vals.get("lead_id") and "partner_id" not in vals:
                vals["partner_id"] = self.lead_id.browse(vals["lead_id"]).partner_id.id

    def _drop_hidden_leads(self, vals_list):
        """Leave the deals out of the values of copies that the user may not read (any more)."""
        readable = set(self.lead_id._filtered_access("read").ids)
        for request, vals in zip(self, vals_list, strict=True):
            # a deal that the copy is given by name is another one
            if vals.get("lead_id") == request.lead_id.id and request.lead_id.id not in readable:
                vals["lead_id"] = False
        return vals_list
