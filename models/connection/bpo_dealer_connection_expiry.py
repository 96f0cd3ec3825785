# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date

from ..constants import ACTIVITY_KEY, MANAGER

# Days before the end of a key at which a manager is reminded, the first one first. Keys of
# ordinary users live 90 days at most (odoo/addons/base/models/res_users.py: res.users.apikeys).
REMINDERS = (14, 7, 1)


class BpoDealerConnection(models.AbstractModel):
    """Until when the key of a connection is good, and who is reminded of it."""

    _inherit = "bpo.dealer.connection"

    key_expires_on = fields.Date(
        copy=False,
        groups=MANAGER,
        help="The dealer's Odoo shows it when the key is made; keys of ordinary users live 90 days "
        "at most. A BPO manager is reminded 14, 7 and 1 days before.",
    )
    key_reminder = fields.Integer(
        "Last Reminder", readonly=True, copy=False, exportable=False, groups=MANAGER
    )

    @api.model
    def _prepare_new_key_vals(self, changed):
        """Return what is written together with a new key: nobody knows how long it lives.

        :param changed: names of the connection's fields that change
        """
        return {"key_expires_on": False} if "odoo_api_key" in changed else {}

    def _forget_reminder(self):
        """Be ready for the reminders of another date."""
        self.activity_unlink([ACTIVITY_KEY])
        self.filtered("key_reminder").key_reminder = 0

    @api.model
    @api.private
    def _remind_of_keys(self):
        """Remind managers of the keys that expire soon, or have expired."""
        today = fields.Date.context_today(self)
        last = today + timedelta(days=max(REMINDERS))
        for connection in self.search([("key_expires_on", "<=", last)]):
            left = (connection.key_expires_on - today).days
            reminder = min(days for days in REMINDERS if left <= days)
            if connection.key_reminder not in range(1, reminder + 1):
                connection._remind_of_key(reminder)

    def _remind_of_key(self, reminder):
        """Remind a manager of a key, instead of the reminder before.

        :param int reminder: which of ``REMINDERS`` it is
        """
        self.ensure_one()
        self._forget_reminder()
        self.key_reminder = reminder
        self._schedule_manager_activity(
            ACTIVITY_KEY,
            lambda env: env._(
                "The API key expires on %(date)s; from then on no orders go out. Have the "
                "dealership make a new one, and enter it on the Connection page with its date.",
                date=format_date(env, self.key_expires_on),
            ),
        )
