# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import ValidationError

from ..dealer_api import DealerError, clean_proxy
from .bpo_dealer_connection import PROXY_PARAMETER
from .constants import MAX_UNDO_SECONDS, UNDO_PARAMETER
from .dealer_texts import translate_error


class IrConfigParameter(models.Model):
    """The proxy to dealers is an address, or none, Undo lasts for some seconds: told to whoever
    enters something else.
    """

    _inherit = "ir.config_parameter"

    @api.constrains("key", "value")
    def _check_dealer_proxy(self):
        for parameter in self.filtered(lambda one: one.key == PROXY_PARAMETER):
            try:
                clean_proxy(parameter.value)
            except DealerError as error:
                raise ValidationError(translate_error(self.env, error)) from None

    @api.constrains("key", "value")
    def _check_undo_seconds(self):
        for parameter in self.filtered(lambda one: one.key == UNDO_PARAMETER):
            value = (parameter.value or "").strip()
            if not (value.isdecimal() and value.isascii() and int(value) <= MAX_UNDO_SECONDS):
                raise ValidationError(
                    self.env._(
                        "Undo is offered for a whole number of seconds from 0 to %(most)s, not for "
                        "“%(value)s”.",
                        most=MAX_UNDO_SECONDS,
                        value=parameter.value,
                    )
                )
