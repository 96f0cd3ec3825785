# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from .bpo_dealer_connection_notify import UNREACHABLE_HOURS, UNREACHABLE_PARAMETER
from .bpo_dealer_order_survey import CHANGE_PARAMETER, CHANGE_PERCENT
from .constants import UNDO_PARAMETER


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
    # not by ``config_parameter``: for 0 that deletes the parameter, which is the default again
    bpo_crm_undo_seconds = fields.Integer(
        "Undo",
        compute="_compute_bpo_crm_undo_seconds",
        inverse="_inverse_bpo_crm_undo_seconds",
        readonly=False,
        help="For so many seconds (0 to 300) after a deal is won its order waits, and whoever won "
        "or lost it is offered Undo: the deal is back where it was, and nothing was sent. With 0 "
        "orders go out at once, and no Undo is offered.",
    )

    def _compute_bpo_crm_undo_seconds(self):
        self.bpo_crm_undo_seconds = self.env["bpo.dealer.order"]._get_undo_seconds()

    def _inverse_bpo_crm_undo_seconds(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for settings in self:
            parameters.set_param(UNDO_PARAMETER, str(settings.bpo_crm_undo_seconds))
