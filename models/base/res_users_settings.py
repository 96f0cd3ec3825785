# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class ResUsersSettings(models.Model):
    """What each user has closed for themselves: comes with the page, nothing is asked for it."""

    _inherit = "res.users.settings"

    bpo_crm_first_steps_closed = fields.Boolean("First Steps Closed")
