# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
from datetime import timedelta

import psycopg2

from odoo import api, fields, models

from ..engine.dealer_push import new_transaction

_logger = logging.getLogger(__name__)

# Causes that somebody may put right at the dealer, and that are seen before anything is created
# there: to try again leaves no trace.
HEALABLE = (
    "product_unknown",
    "product_ambiguous",
    "product_not_saleable",
    "product_combo",
    "currency_mismatch",
    "right_missing",
    "default_unknown",
    "default_ambiguous",
    "default_hidden",
)
# An order that failed is tried again after an hour, then after as long as it has failed by then …
FIRST_TRY = timedelta(hours=1)
# … but once a day …
LONGEST_PAUSE = timedelta(days=1)
# … until it has failed for so long; then only a person can go on.
LAST_TRY = timedelta(days=14)


class BpoDealerOrder(models.Model):
    """Failed orders: what stands against them, since when, and attempts that heal by themselves.

    Once the dealer has put the cause right (the product is there, the right was granted) the order
    goes without a click. An attempt that fails for the same cause is told to nobody.
    """

    _inherit = "bpo.dealer.order"

    error_details = fields.Json(
        readonly=True, help="What the sentence about the problem is made from."
    )
    failed_date = fields.Datetime(
        "Failed Since", readonly=True, help="Since when this problem stands against the order."
    )

    _heal_idx = models.Index("(next_attempt) WHERE state = 'failed' AND next_attempt IS NOT NULL")

    def _prepare_failed_vals(self, result):
        """Return the values of an order that its dealer did not take.

        :param result: the ``OrderResult``
        """
        self.ensure_one()
        now = fields.Datetime.now()
        since = self.failed_date if self._has_failed_before(result) else now
        return {
            "state": "failed",
            "error": self._translate_result(result),
            "error_code": result.code,
            "error_details": result.details,
            "failed_date": since,
            "next_attempt": self._get_next_try(result.code, since),
        }

    def _has_failed_before(self, result):
        """Tell whether an order has failed for the same cause already, and people know."""
        return bool(
            self.failed_date
            and self.error_code == result.code
            and (self.error_details or {}) == result.details
        )

    @api.model
    def _get_next_try(self, code, since):
        """Return when a failed order is tried again by itself, or False.

        :param datetime since: when it failed for this cause first
        """
        now = fields.Datetime.now()
        age = now - since
        if code not in HEALABLE or age >= LAST_TRY:
            return False
        return now + min(max(age, FIRST_TRY), LONGEST_PAUSE)

    def _try_soon(self):
        """Have failed orders tried again by the next run: what stood against them may be gone.

        :return: these orders, without those that somebody works with at this moment: they have
            their button
        """
        failed = self.filtered(lambda order: order.state == "failed")
        orders = failed.try_lock_for_update(allow_referencing=True)
        if orders:
            orders.next_attempt = fields.Datetime.now()
            self._trigger_push()
        return orders

    @api.model
    @api.private
    def _retry_healable(self):
        """Let those failed orders be tried again whose time has come, with the same content.

        The cause is kept: so it is known whether the same one stands against them still.
        """
        domain = [
            ("state", "=", "failed"),
            ("next_attempt", "<=", fields.Datetime.now()),
            ("dealership_id", "any", self.env["bpo.dealership"]._get_open_domain()),
        ]
        try:
            with new_transaction(self.env) as env:
                orders = env[self._name].search(domain, order="id")
                # one that somebody works with is left for the next time
                orders = orders.try_lock_for_update(allow_referencing=True)
                orders.write({"state": "pending", "next_attempt": False})
        except psycopg2.OperationalError as conflict:
            _logger.info("Failed orders are tried again later: %s", conflict)
