# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from .bpo_dealer_connection_notify import UNREACHABLE_HOURS, UNREACHABLE_PARAMETER


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
