# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models

from ..dealership.bpo_dealer_product import PROBLEMS


class BpoLeadLine(models.Model):
    """What a lead's dealership knows of the units: by which code, and whether it has them.

    Where nothing was entered for a dealership, and nothing looked for there, no query is made.
    """

    _inherit = "bpo.lead.line"

    dealer_code = fields.Char(
        "Code at the Dealer",
        compute="_compute_dealer_code",
        compute_sudo=True,
        help="The code by which the order names the product: the dealership's own one where it "
        "was entered, else the Internal Reference.",
    )
    dealer_warning = fields.Char(
        "Attention",
        compute="_compute_dealer_warning",
        compute_sudo=True,
        exportable=False,
        help="Why the dealership's Odoo would not take an order with this unit, as of the last "
        "look at its products.",
    )

    @api.depends("product_id", "lead_id.dealership_id")
    def _compute_dealer_code(self):
        rows = self.filtered(lambda line: line._get_dealership().has_own_codes)._get_dealer_rows()
        for line in self:
            code = rows[line].code if line in rows else ""
            line.dealer_code = code or (line.product_id.default_code or "").strip()

    @api.depends("product_id", "lead_id.dealership_id", "lead_id.dealer_order_state")
    @api.depends_context("lang")
    def _compute_dealer_warning(self):
        """Warn of units that are not at the dealership yet."""
        lines = self.filtered(
            lambda line: (
                line._get_dealership().products_checked
                and line.lead_id.dealer_order_state != "sent"
            )
        )
        rows = lines._get_dealer_rows()
        for line in self:
            line.dealer_warning = line in rows and line._get_dealer_warning(rows[line])

    def _get_dealership(self):
        return self.lead_id.dealership_id

    def _get_dealer_rows(self):
        """Return ``{line: its bpo.dealer.product}``, in one query."""
        if not self:
            return {}
        rows = self.env["bpo.dealer.product"]._get_rows(self._get_dealership(), self.product_id)
        keys = {line: (line._get_dealership(), line.product_id) for line in self}
        return {line: rows[key] for line, key in keys.items() if key in rows}

    def _get_dealer_warning(self, row):
        """Return what speaks against the unit at the dealership, or False.

        :param row: its ``bpo.dealer.product``
        """
        self.ensure_one()
        code = row._get_code()
        if row.state not in PROBLEMS or row.checked_code != code:
            return False
        names = {
            "product": self.product_id.name,
            "dealership": row.dealership_id.name,
            "code": code,
        }
        texts = {
            "unknown": lambda: self.env._(
                "%(product)s: %(dealership)s has no product with the code %(code)s.", **names
            ),
            "ambiguous": lambda: self.env._(
                "%(product)s: %(dealership)s has several products with the code %(code)s.", **names
            ),
            "not_saleable": lambda: self.env._(
                "%(product)s: %(dealership)s does not sell its product with the code %(code)s.",
                **names,
            ),
            "combo": lambda: self.env._(
                "%(product)s: %(code)s is a combo at %(dealership)s, whose parts somebody has to "
                "choose.",
                **names,
            ),
        }
        return texts[row.state]()
