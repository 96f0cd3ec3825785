# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from .bpo_dealer_connection_notify import UNREACHABLE_HOURS, UNREACHABLE_PARAMETER
from .bpo_dealer_order_survey import CHANGE_PARAMETER, CHANGE_PERCENT


class ResConfigSettings(models.TransientModel):
    """The settings of the won flow, among those of CRM."""

    _inherit = "res.config.settings"

    bpo_crm_unreachable_hours = fields.Float(
        "Dealership Out of Reach",
        config_parameter=UNREACHABLE_PARAMETER,
        default=UNREACHABLE_HOURS,
        help="After so many hours with orders waiting a BPO manager gets an activity, and the "
        "leads that wait get a note.",
    )
    bpo_crm_amount_change_percent = fields.Float(
        "Changed Totals",
        config_parameter=CHANGE_PARAMETER,
        default=CHANGE_PERCENT,
        help="When a dealership changes the total of an order by at least so many percent, the "
        "owner of the lead is told.",
    )
