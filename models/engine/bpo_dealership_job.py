# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models

from .dealer_queue import BUSY_SECONDS, DealershipPush, being_alone, get_superuser_env


class BpoDealership(models.Model):
    """The job of a dealership, where OCA's ``queue_job`` is the engine; see ``dealer_queue.py``."""

    _inherit = "bpo.dealership"

    @api.private
    def _push_as_job(self):
        """Push what is due here for some seconds; more of it is for another job.

        :raise RetryableJobError: another job is here; whatever it leaves, this one sees later
        """
        from odoo.addons.queue_job.exception import RetryableJobError  # not always there

        env = get_superuser_env(self.env)
        for dealership in self.exists():
            push = DealershipPush(env, dealership.id)
            with being_alone(env, dealership.id) as is_alone:
                if not is_alone:
                    raise RetryableJobError(
                        "Another job is at this dealership.",
                        seconds=BUSY_SECONDS,
                        ignore_retry=True,
                    )
                push.run()
            push.come_again()
