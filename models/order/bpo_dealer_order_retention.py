# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..constants import MAX_WITHDRAWN_DAYS, WITHDRAWN_DAYS_PARAMETER
from ..parameters import read_count

# Deleted in one transaction; Odoo comes back for the rest.
GC_BATCH = 1000


class BpoDealerOrder(models.Model):
    """How long orders are kept that were taken back before any dealer was asked.

    Of nothing else a row, or a snapshot, is cleared away: what a dealer has, or may have, is told
    by its key and compared with its snapshot, however long ago it was sent.
    """

    _inherit = "bpo.dealer.order"

    @api.model
    @api.private
    def _get_withdrawn_days(self):
        """Return for how many days withdrawn orders are kept; 0 is for ever."""
        # what is no number is 0: nothing is deleted by mistake
        return read_count(self.env, WITHDRAWN_DAYS_PARAMETER, 0, MAX_WITHDRAWN_DAYS)

    @api.model
    def _get_forgettable_domain(self, days):
        """Return the domain of orders that nobody needs any more: no dealer ever heard of them.

        Orders of the first release have no first attempt, so their attempts are looked at, too.

        :param int days: how long ago they were taken back, at least
        """
        return Domain(
            [
                ("state", "=", "cancelled"),
                ("possibly_sent", "=", False),
                ("attempt_count", "=", 0),
                ("first_attempt", "=", False),
                ("remote_id", "in", (0, False)),
                ("write_date", "<", fields.Datetime.now() - timedelta(days=days)),
            ]
        )

    @api.autovacuum
    def _gc_withdrawn(self):
        """Delete withdrawn orders that are older than the setting says.

        A lead that is won again gets a new row with the same key, as a lead's key never changes.

        :return: how many, and whether there are more
        """
        days = self._get_withdrawn_days()
        if not days:
            return None
        orders = self.sudo().search(self._get_forgettable_domain(days), order="id", limit=GC_BATCH)
        orders = orders.try_lock_for_update()
        orders.unlink()
        return len(orders), len(orders) == GC_BATCH
