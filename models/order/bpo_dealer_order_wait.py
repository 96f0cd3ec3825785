# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models

from ..constants import MAX_UNDO_SECONDS, SEND_NOW, UNDO_PARAMETER, UNDO_SECONDS
from ..parameters import read_count

# Moments of orders have no fractions: without this the wait could be a second short.
FRACTION = timedelta(seconds=1)
# By so much the clock of the database, which wakes the scheduled action, may be ahead of ours,
# which says what is due: woken too early, it would find nothing.
CLOCK_TOLERANCE = timedelta(seconds=2)


class BpoDealerOrder(models.Model):
    """The wait of a won lead's order, in which the win can be taken back, and nothing was sent.

    The order is an ordinary waiting one: ``next_attempt`` is the end of the wait. Nothing sleeps; a
    mark for the dealer (``PushTalk.mark``) and *Undo* exclude each other by the row's lock. Only a
    win waits: what was sent, or may have been, and whatever a person retries goes at once.
    """

    _inherit = "bpo.dealer.order"

    @api.model
    @api.private
    def _get_undo_seconds(self):
        """Return the seconds in which a win or a loss can be taken back; 0 for not at all."""
        return read_count(self.env, UNDO_PARAMETER, UNDO_SECONDS, MAX_UNDO_SECONDS)

    @api.model
    @api.private
    def _get_undo_end(self):
        """Return until when an order waits whose lead is won now; False where it does not."""
        seconds = self._get_undo_seconds()
        if not seconds or self.env.context.get(SEND_NOW):
            return False
        return fields.Datetime.now() + timedelta(seconds=seconds) + FRACTION

    def _filtered_never_sent(self):
        """Return the orders that were taken back before any dealer can have got them.

        To win their leads again is a win like the first one.
        """
        return self.filtered(lambda order: order.state == "cancelled" and not order.possibly_sent)

    @api.model
    def _trigger_after_wait(self, undo_end):
        """Wake the scheduled action when a wait is over; at commit where there is none.

        :param undo_end: see :meth:`_get_undo_end`
        """
        self._trigger_push(at=undo_end + CLOCK_TOLERANCE if undo_end else None)

    @api.private
    def _end_wait(self):
        """Let orders go out whose wait nobody needs any more; those that others hold are left."""
        waiting = self.filtered(
            lambda order: (
                order.state == "pending" and order.next_attempt and not order.possibly_sent
            )
        )
        waiting = waiting.try_lock_for_update(allow_referencing=True)
        waiting.next_attempt = False
        if waiting:
            self._trigger_push()
