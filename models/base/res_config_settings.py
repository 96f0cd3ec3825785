# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..connection.bpo_dealer_connection import PRIVATE_PARAMETER
from ..connection.bpo_dealer_connection_notify import UNREACHABLE_HOURS, UNREACHABLE_PARAMETER
from ..constants import CLOSED_DAYS_PARAMETER, UNDO_PARAMETER, WITHDRAWN_DAYS_PARAMETER
from ..order.bpo_dealer_order_survey import CHANGE_PARAMETER, CHANGE_PERCENT
from ..report.bpo_vital_signs import TOKEN_PARAMETER

SHORTEST_TOKEN = 16


class ResConfigSettings(models.TransientModel):
    """The settings of the won flow, among those of CRM."""

    _inherit = "res.config.settings"

    # not by ``config_parameter``: that takes any text for yes, "False" too
    bpo_crm_allow_private_addresses = fields.Boolean(
        "Dealers in Private Networks",
        compute="_compute_bpo_crm_allow_private_addresses",
        inverse="_inverse_bpo_crm_allow_private_addresses",
        readonly=False,
        help="Dealerships may have addresses inside private networks, such as 192.168.1.5, or this "
        "machine. Leave it off where no dealer is in such a network: it keeps BPO managers from "
        "having your server call your other machines.",
    )
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
    bpo_crm_closed_days = fields.Integer(
        "Closed Deals on Boards",
        compute="_compute_bpo_crm_closed_days",
        inverse="_inverse_bpo_crm_closed_days",
        readonly=False,
        help="Boards begin with the open deals and those closed in so many days (0 to 3650); a "
        "filter says so, and whoever takes it away sees all. With 0 boards begin with all deals.",
    )
    bpo_crm_withdrawn_days = fields.Integer(
        "Withdrawn Orders",
        config_parameter=WITHDRAWN_DAYS_PARAMETER,
        help="Orders that were taken back before any dealership was asked are deleted after so "
        "many days. What a dealership has, or may have, is kept for ever. With 0 all are kept.",
    )
    bpo_crm_monitoring_token = fields.Char(
        "Monitoring Token",
        config_parameter=TOKEN_PARAMETER,
        help="Who sends it may read how orders go out, at /bpo_crm/health and, for Prometheus, at "
        "/bpo_crm/metrics. Empty: nobody may.",
    )

    def _compute_bpo_crm_allow_private_addresses(self):
        allowed = self.env["bpo.dealership"]._allow_private_addresses()
        self.bpo_crm_allow_private_addresses = allowed

    def _inverse_bpo_crm_allow_private_addresses(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for settings in self:
            allowed = settings.bpo_crm_allow_private_addresses
            parameters.set_param(PRIVATE_PARAMETER, allowed and str(allowed))

    def _compute_bpo_crm_undo_seconds(self):
        self.bpo_crm_undo_seconds = self.env["bpo.dealer.order"]._get_undo_seconds()

    def _inverse_bpo_crm_undo_seconds(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for settings in self:
            parameters.set_param(UNDO_PARAMETER, str(settings.bpo_crm_undo_seconds))

    def _compute_bpo_crm_closed_days(self):
        self.bpo_crm_closed_days = self.env["crm.lead"]._get_closed_days()

    def _inverse_bpo_crm_closed_days(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for settings in self:
            parameters.set_param(CLOSED_DAYS_PARAMETER, str(settings.bpo_crm_closed_days))

    @api.constrains("bpo_crm_monitoring_token")
    def _check_monitoring_token(self):
        for settings in self:
            token = settings.bpo_crm_monitoring_token
            if token and len(token.strip()) < SHORTEST_TOKEN:
                raise ValidationError(
                    self.env._(
                        "The monitoring token is a password for machines: give it at least "
                        "%(count)s characters.",
                        count=SHORTEST_TOKEN,
                    )
                )
