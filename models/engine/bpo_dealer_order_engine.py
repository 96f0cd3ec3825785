# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
from functools import partial

import psycopg2

from odoo import api, models

from ..constants import PUSH_CRON
from .dealer_push import wake, write_again
from .dealer_queue import WAKE, JobQueue, SafetyNet, get_superuser_env, hand_over, has_queue

_logger = logging.getLogger(__name__)


class BpoDealerOrder(models.Model):
    """Who drains the outbox: the scheduled action, or jobs of OCA's ``queue_job`` if it is there.

    With jobs the scheduled action stays: it wakes what is to go at a later moment, and finds what
    a lost job has left (``dealer_queue.py``).
    """

    _inherit = "bpo.dealer.order"

    def _register_hook(self):
        """Have the channel there to be configured as soon as both addons are installed."""
        super()._register_hook()
        if has_queue(self.env):
            try:
                with self.env.cr.savepoint():
                    JobQueue(get_superuser_env(self.env)).prepare()
            except psycopg2.Error as error:
                # another process is at the same; the first job needs it, and sees to it
                _logger.info("The channel of jobs is not prepared now: %s", error)

    @api.model
    @api.private
    def _trigger_push(self, at=None):
        if at or not has_queue(self.env):
            return super()._trigger_push(at=at)
        # Not in this transaction: a job that waits now may be run, and have looked, before what is
        # won here can be seen. Should this process die in between, the scheduled action finds it.
        postcommit = self.env.cr.postcommit
        if WAKE not in postcommit.data:
            postcommit.data[WAKE] = True
            postcommit.add(self.browse()._wake_jobs)
        return None

    @api.model
    def _wake_jobs(self):
        """Have jobs drain what is due; where they do not come, wake the scheduled action."""
        if not self.env.cr.postcommit.data.get(WAKE):
            # the addon was uninstalled in this transaction
            return
        try:
            if hand_over(self.env):
                write_again(get_superuser_env(self.env), partial(wake, cron=PUSH_CRON))
        except psycopg2.Error as error:
            # what people do has been committed, and must not look as if it had failed
            _logger.warning("No job was made, the scheduled action does it: %s", error)

    @api.model
    def _cron_push(self):
        if not has_queue(self.env):
            return super()._cron_push()
        return SafetyNet(self.sudo().env).run()
