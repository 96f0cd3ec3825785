# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...dealer_api import is_default_column, may_be_default
from ..constants import SEQUENCE_GAP


class BpoDealershipOrderDefault(models.Model):
    """A field and its value that go with each order of a dealership.

    So the dealer's people find the orders where they look for them. Fields and names are those of
    the dealer's own Odoo: what is not known there is said by *Test Connection*.
    """

    _name = "bpo.dealership.order.default"
    _description = "Order Default of a Dealership"
    _order = "dealership_id, sequence, id"

    dealership_id = fields.Many2one("bpo.dealership", required=True, index=True, ondelete="cascade")
    sequence = fields.Integer(default=SEQUENCE_GAP)
    name = fields.Char(
        "Field",
        required=True,
        help="The technical name of a field of sale orders in the dealership's Odoo, for example "
        "user_id (salesperson), team_id (sales team), tag_ids (tags), source_id (source), note "
        "(terms), payment_term_id, or x_branch. With /id after it the value is an external id.",
    )
    value = fields.Text(
        help="As somebody would write it into a file to import there: a record by its name, tags "
        "parted by commas, yes or no, a number, a date as 2030-12-31, or text. Left empty, or "
        "false: the field is empty on each order. An empty user_id leaves orders without a "
        "salesperson; else they are the service user's."
    )

    _field_uniq = models.UniqueIndex(
        "(dealership_id, split_part(name, '/', 1))",
        "A dealership has one order default for each field.",
    )

    @api.constrains("name")
    def _check_name(self):
        """Refuse what is no field, and the fields that each order fills in itself."""
        if misspelt := self.filtered(lambda one: not is_default_column(one.name)):
            raise ValidationError(
                self.env._(
                    "These are no technical names of fields: %(names)s. The dealer finds them "
                    "with the developer mode switched on, in the tip of each field; they look "
                    "like team_id.",
                    names=", ".join(misspelt.mapped("name")),
                )
            )
        if own := self.filtered(lambda one: not may_be_default(one.name)):
            raise ValidationError(
                self.env._(
                    "Each order fills these fields in itself, from its deal or in the dealer's "
                    "Odoo, so they can have no default: %(names)s.",
                    names=", ".join(own.mapped("name")),
                )
            )

    @api.depends("name", "value")
    def _compute_display_name(self):
        for default in self:
            default.display_name = f"{default.name}: {default.value or '–'}"

    @api.model_create_multi
    def create(self, vals_list):
        defaults = super().create([self._clean_vals(vals) for vals in vals_list])
        defaults.dealership_id._on_order_defaults_changed()
        return defaults

    def write(self, vals):
        dealerships = self.dealership_id
        res = super().write(self._clean_vals(vals))
        if not vals.keys() <= {"sequence"}:
            (dealerships | self.dealership_id)._on_order_defaults_changed()
        return res

    def unlink(self):
        dealerships = self.dealership_id
        res = super().unlink()
        dealerships._on_order_defaults_changed()
        return res

    @api.model
    def _clean_vals(self, vals):
        """Return values without the blanks that come along when they are pasted."""
        texts = {
            name: vals[name].strip()
            for name in ("name", "value")
            if isinstance(vals.get(name), str)
        }
        return {**vals, **texts}

    @api.private
    def _get_values(self):
        """Return ``{column: value}`` as an ``Order`` of ``dealer_api`` has them."""
        return {
            default.name: "" if (default.value or "").lower() == "false" else default.value or ""
            for default in self
        }
