# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
from datetime import timedelta

from odoo import api, fields, models

from ..constants import ACTIVITY_PAUSED, ACTIVITY_UNREACHABLE

_logger = logging.getLogger(__name__)

# How long a dealer may be out of reach before people are told, unless the setting says otherwise.
UNREACHABLE_HOURS = 4.0
UNREACHABLE_PARAMETER = "bpo_crm.unreachable_hours"


class BpoDealerConnection(models.AbstractModel):
    """Who is told what about a connection that does not work: activities and chatter.

    Agents read the chatter of a dealership: reasons, which may tell how the dealer is reached,
    stay on the Connection page.
    """

    _inherit = "bpo.dealer.connection"

    # ------------------------------------------------------------
    # OUT OF REACH
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _get_unreachable_hours(self):
        """Return after how many hours people are told that a dealer is out of reach."""
        value = self.env["ir.config_parameter"].sudo().get_param(UNREACHABLE_PARAMETER)
        try:
            hours = float(value or 0)
        except ValueError:
            hours = 0
        return hours if 0 < hours < float("inf") else UNREACHABLE_HOURS

    def _tell_unreachable(self):
        """Tell those who wait, and a manager, once it has lasted long; once for each outage."""
        self.ensure_one()
        hours = self._get_unreachable_hours()
        lasts = fields.Datetime.now() - self.failing_since
        if self.unreachable_told or lasts < timedelta(hours=hours):
            return
        if not self._log_unreachable(f"{hours:g}"):
            return
        self.unreachable_told = True
        self._schedule_manager_activity(
            ACTIVITY_UNREACHABLE,
            lambda env: env._(
                "No talk with the dealership's Odoo has gone well for %(hours)s hours, and orders "
                "wait. The Connection page says why: ask the dealership, or correct the address. "
                "The orders go out by themselves once its Odoo can be worked with.",
                hours=f"{hours:g}",
            ),
        )

    def _log_unreachable(self, hours):
        """Tell whoever waits for the dealer that it is out of reach; return whether anybody does.

        This method serves as a hook.

        :param str hours: for how long, at least
        """
        return False

    def _close_unreachable(self):
        """Remove the activity about a dealer that was out of reach."""
        self.activity_unlink([ACTIVITY_UNREACHABLE])

    # ------------------------------------------------------------
    # PAUSED
    # ------------------------------------------------------------

    def _log_paused(self):
        self._message_log(
            body=self.env._(
                "Orders are paused: the dealership's Odoo does not let the call centre in. "
                "They are kept, and go out once Test Connection succeeds."
            )
        )

    def _schedule_pause_activity(self):
        self._schedule_manager_activity(
            ACTIVITY_PAUSED,
            lambda env: env._(
                "The dealership's Odoo does not let us in. The reason is on the Connection page: "
                "correct database, login or key, and press Test Connection: the waiting orders "
                "then go out."
            ),
        )

    def _close_paused(self):
        """Remove the activity about paused dealers, and say that they are not any more."""
        self.activity_unlink([ACTIVITY_PAUSED])
        # one that a manager has paused as well waits on
        for connection in self.filtered(lambda one: one.paused and not one.on_hold):
            connection._message_log(body=self.env._("Orders go out again."))

    # ------------------------------------------------------------
    # WHO IS TOLD
    # ------------------------------------------------------------

    def _schedule_manager_activity(self, xml_id, get_note):
        """Ask a manager to act, once; where there is none, say in chatter and log that it is so.

        :param str xml_id: the type of the activity
        :param get_note: function that returns the text, given an environment in the manager's
            language
        """
        self.ensure_one()
        if self.activity_search([xml_id]):
            return
        manager = self._get_responsible_manager()[:1]
        if not manager:
            _logger.warning(
                "No BPO manager may see %s %s: nobody is asked to look after its connection",
                self._description,
                self.id,
            )
            self._message_log(
                body=self.env._(
                    "The connection needs a BPO manager, but none may see this dealership: nobody "
                    "was asked to act."
                )
            )
            return
        env = self.with_context(lang=manager.lang or self.env.lang).env
        self.activity_schedule(xml_id, note=get_note(env), user_id=manager.id)

    def _get_responsible_manager(self):
        """Return who is to look after the connection, the best first.

        This method serves as a hook.
        """
        return self.write_uid | self.create_uid
