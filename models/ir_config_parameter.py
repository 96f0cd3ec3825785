# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import ValidationError

from ..dealer_api import DealerError, clean_proxy
from .bpo_dealer_connection import PROXY_PARAMETER
from .dealer_texts import translate_error


class IrConfigParameter(models.Model):
    """The proxy to dealers is an address, or none: told to whoever enters it."""

    _inherit = "ir.config_parameter"

    @api.constrains("key", "value")
    def _check_dealer_proxy(self):
        for parameter in self.filtered(lambda one: one.key == PROXY_PARAMETER):
            try:
                clean_proxy(parameter.value)
            except DealerError as error:
                raise ValidationError(translate_error(self.env, error)) from None
