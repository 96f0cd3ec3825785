# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.exceptions import UserError

from ..walk import check_batch, prepare_problem, telling_rate

# So many orders are retried by one request: about a second.
RETRY_BATCH = 100


class BpoDealerOrder(models.Model):
    """Many failed orders retried while a person watches (``walk.py``)."""

    _inherit = "bpo.dealer.order"

    def walk_retry(self):
        """Retry the orders of one batch that still are failed, as *Retry* does.

        Those that cannot be retried keep the others from nothing.

        :return: what ``prepare_problem`` makes of each that could not be retried
        :raise UserError: these are more than a batch
        """
        check_batch(self, RETRY_BATCH)
        orders = self.exists()
        orders.check_access("read")
        orders.lead_id.check_access("write")
        with telling_rate("Orders retried", orders) as problems:
            # others were sent meanwhile, or are on their way
            failed = orders.filtered(lambda order: order.state == "failed")
            if failed and failed._get_retry_problem():
                problems += [
                    prepare_problem(order, text)
                    for order in failed
                    if (text := order._get_retry_problem())
                ]
        return problems

    def _get_retry_problem(self):
        """Retry these orders, all or none; return what stands against it, in words, or False."""
        try:
            with self.env.cr.savepoint():
                self.action_retry()
        except UserError as error:
            return str(error)
        return False
