# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.fields import Domain


class IrModelFields(models.Model):
    _inherit = "ir.model.fields"

    @api.model
    def name_search(self, name="", domain=None, operator="ilike", limit=100):
        """Offer a stage's manager what a stage can ask for, sensible fields first.

        :return: stock's result, unless the context names a type of stage
            (``bpo_crm_entry_type``)
        """
        stages = self.env["crm.stage"]
        stage_type = self.env.context.get("bpo_crm_entry_type")
        if stage_type not in stages._fields["stage_type"].get_values(self.env):
            return super().name_search(name, domain, operator, limit)
        ranks = stages._get_fillable_names(stage_type)
        choice = (
            Domain(domain or Domain.TRUE)
            & Domain("model", "=", stages._get_staged_model(stage_type))
            & Domain("name", "in", list(ranks))
        )
        found = super().name_search(name, choice, operator, None)
        names = {field.id: field.name for field in self.browse(id_ for id_, _label in found)}
        return sorted(found, key=lambda row: ranks[names[row[0]]])[:limit]
