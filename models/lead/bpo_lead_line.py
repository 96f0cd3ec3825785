# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError


class BpoLeadLine(models.Model):
    """A unit sold on a lead. Rights follow the lead."""

    _name = "bpo.lead.line"
    _description = "Lead Line"
    _order = "lead_id, sequence, id"
    _rec_name = "name"

    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    product_id = fields.Many2one(
        "product.product",
        required=True,
        ondelete="restrict",
        index="btree_not_null",
        domain=[("sale_ok", "=", True)],
    )
    default_code = fields.Char(
        related="product_id.default_code",
        help="The dealership finds its own product by this code, unless a code of its own was "
        "entered.",
    )
    name = fields.Char(
        "Description",
        compute="_compute_name",
        store=True,
        readonly=False,
        precompute=True,
        help="The text of the line on the dealership's order; the product's name unless changed.",
    )
    quantity = fields.Float(
        digits="Product Unit",
        default=1.0,
        required=True,
        help="How many of the product are ordered; a lead is won with quantities above zero only.",
    )
    price_unit = fields.Monetary(
        "Unit Price",
        compute="_compute_price_unit",
        store=True,
        readonly=False,
        precompute=True,
        help="The price agreed for one, without the dealership's taxes; it is the price of the "
        "dealership's order. Starts as the product's sales price.",
    )
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        compute_sudo=True,
        store=True,
        # a form sends what it showed, and a copy what the original has
        readonly=False,
        precompute=True,
        copy=True,
        help="The currency in which the price was agreed. It stays, whoever looks at the lead.",
    )
    price_subtotal = fields.Monetary("Subtotal", compute="_compute_price_subtotal", store=True)

    @api.depends("product_id")
    def _compute_name(self):
        for line in self:
            line.name = line.product_id.name

    @api.depends("product_id")
    def _compute_price_unit(self):
        today = fields.Date.context_today(self)
        for line in self:
            company = line.lead_id.company_id or self.env.company
            product = line.product_id.with_company(company)
            line.price_unit = product.currency_id._convert(
                product.lst_price, line.currency_id, company, today
            )

    @api.depends("lead_id")
    def _compute_currency_id(self):
        """Take the lead's currency when the unit is entered, and keep it.

        A lead without a company is shown in the currency of whoever looks at it: a price of
        100 USD must not become one of 100 EUR because somebody else wins the lead.
        """
        for line in self:
            company = line.lead_id.company_id or self.env.company
            line.currency_id = line.currency_id or company.currency_id

    @api.depends("quantity", "price_unit")
    def _compute_price_subtotal(self):
        for line in self:
            subtotal = line.quantity * line.price_unit
            line.price_subtotal = line.currency_id.round(subtotal)

    def _prepare_dealer_line_values(self):
        """Return the values of the dealer's ``sale.order.line``, by columns of its ``load()``.

        This method serves as a hook: see ``crm.lead._prepare_dealer_order_values``. The product
        is found by its Internal Reference, and is not among them.
        """
        self.ensure_one()
        return {
            "product_uom_qty": self.quantity,
            "price_unit": self.price_unit,
            # else the dealer's price list would take its discount off the agreed price
            "discount": 0.0,
            "name": self.name or self.product_id.name,
        }

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._check_order_open()
        return lines

    def write(self, vals):
        self._check_order_open()
        res = super().write(vals)
        if "lead_id" in vals:
            self._check_order_open()
        return res

    @api.ondelete(at_uninstall=False)
    def _unlink_except_ordered(self):
        self._check_order_open()

    def _check_order_open(self):
        """Keep the units as the dealer was told, or is just being told.

        :raise UserError: the order of a lead is sent or on its way
        """
        ordered = self.lead_id.filtered(
            lambda lead: lead.closed_status and lead.sudo().dealer_order_id._is_live()
        )
        if ordered:
            raise UserError(
                self.env._(
                    "The order of these leads is at their dealership, or on its way, so their "
                    "units cannot be changed: %(leads)s. Move them out of Won first.",
                    leads=", ".join(ordered.mapped("display_name")),
                )
            )
