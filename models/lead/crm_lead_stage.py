# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.fields import Domain

# Where stock's livechat says which conversation a lead comes from; the addon may not be there.
CONVERSATION = "origin_channel_id"


class CrmLead(models.Model):
    """Which leads count in their stage, and which come into one by themselves."""

    _inherit = "crm.lead"

    @api.model
    def _get_domain_open_in_stage(self):
        return Domain("closed_status", "=", False) & Domain("active", "=", True)

    def _is_open_in_stage(self):
        return self.active and not self.closed_status

    def _comes_in_by_itself(self):
        """Let in what begins in a conversation: ``/lead`` in a livechat asks for a title only.

        Into the first stage; who gives another one is at a board or a form.
        """
        if super()._comes_in_by_itself():
            return True
        if not (CONVERSATION in self._fields and self.sudo()[CONVERSATION]):
            return False
        first_stages = self.pipeline_id._get_first_open_stages()
        return self.stage_id == first_stages.get(self.pipeline_id)
