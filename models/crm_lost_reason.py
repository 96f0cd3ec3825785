# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class CrmLostReason(models.Model):
    """A lost reason with a code, so that reports survive relabelling and translation."""

    _inherit = "crm.lost.reason"
    _order = "sequence, id"

    sequence = fields.Integer(default=10)
    code = fields.Char(
        required=True,
        compute="_compute_code",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        copy=False,
        help="Short and unique, in upper case; reports and imports rely on it.",
    )

    _code_uniq = models.UniqueIndex(
        "(upper(btrim(code)))", "Another lost reason has this code already (archived ones count)."
    )
    _code_upper = models.Constraint(
        "CHECK (code = upper(btrim(code)) AND code <> '')",
        "The code of a lost reason is written in upper case, without blanks around it.",
    )

    @api.depends("name")
    def _compute_code(self):
        """Propose a code from the label; a code once given is never changed by a new label."""
        fresh = self.filtered(lambda reason: not reason.code and reason.name)
        if not fresh:
            return
        taken = set(self.with_context(active_test=False).sudo().search([]).mapped("code"))
        for reason in fresh:
            base = code = self._prepare_code(reason.name)
            number = 1
            while code in taken:
                number += 1
                code = f"{base}_{number}"
            taken.add(code)
            reason.code = code

    @api.model
    def _prepare_code(self, label):
        """Return ``label`` as a code: upper-case letters and digits, joined by underscores."""
        slug = self.env["ir.http"]._slugify(label).replace("-", "_").upper()
        return slug or "REASON"

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean_code(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._clean_code(vals))

    @api.model
    def _clean_code(self, vals):
        """Return ``vals`` with its code trimmed and in upper case, whoever typed it."""
        if vals.get("code"):
            return dict(vals, code=vals["code"].strip().upper())
        return vals
