# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import ValidationError

from ...dealer_api import DealerError, clean_proxy
from ..connection.bpo_dealer_connection import PROXY_PARAMETER
from ..constants import (
    CLOSED_DAYS_PARAMETER,
    MAX_CLOSED_DAYS,
    MAX_UNDO_SECONDS,
    MAX_WITHDRAWN_DAYS,
    UNDO_PARAMETER,
    WITHDRAWN_DAYS_PARAMETER,
)
from ..dealer_texts import translate_error


class IrConfigParameter(models.Model):
    """The proxy to dealers is an address, or none, Undo lasts for some seconds, boards go back for
    some days, withdrawn orders are kept for some: told to whoever enters something else.
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
        for parameter in self._filtered_no_count(UNDO_PARAMETER, MAX_UNDO_SECONDS):
            raise ValidationError(
                self.env._(
                    "Undo is offered for a whole number of seconds from 0 to %(most)s, not for "
                    "“%(value)s”.",
                    most=MAX_UNDO_SECONDS,
                    value=parameter.value,
                )
            )

    @api.constrains("key", "value")
    def _check_closed_days(self):
        for parameter in self._filtered_no_count(CLOSED_DAYS_PARAMETER, MAX_CLOSED_DAYS):
            raise ValidationError(
                self.env._(
                    "Boards show the deals that were closed in a whole number of days from 0 (all "
                    "of them) to %(most)s, not in “%(value)s”.",
                    most=MAX_CLOSED_DAYS,
                    value=parameter.value,
                )
            )

    @api.constrains("key", "value")
    def _check_withdrawn_days(self):
        for parameter in self._filtered_no_count(WITHDRAWN_DAYS_PARAMETER, MAX_WITHDRAWN_DAYS):
            raise ValidationError(
                self.env._(
                    "Withdrawn orders are kept for a whole number of days from 0 (for ever) to "
                    "%(most)s, not for “%(value)s”.",
                    most=MAX_WITHDRAWN_DAYS,
                    value=parameter.value,
                )
            )

    def _filtered_no_count(self, key, most):
        """Return those of these parameters of the key that are no whole number up to ``most``."""

        def is_count(value):
            return value.isdecimal() and value.isascii() and int(value) <= most

        return self.filtered(lambda one: one.key == key and not is_count((one.value or "").strip()))
