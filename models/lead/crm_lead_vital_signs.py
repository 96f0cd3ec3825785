# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class CrmLead(models.Model):
    """Who wins a lead while no order goes out has a manager told."""

    _inherit = "crm.lead"

    def _follow_up_move(self, origins):
        res = super()._follow_up_move(origins)
        if self._filtered_to_push():
            self.env["bpo.vital.signs"]._watch()
        return res
