# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..constants import SUPERVISOR


class BpoDealerConnection(models.AbstractModel):
    """Dealers that a manager has paused: nobody talks with them until a manager resumes.

    Apart from ``paused``, which the dealer's refusal of our login sets and a connection test that
    goes well takes back: neither opens what the other has closed.
    """

    _inherit = "bpo.dealer.connection"

    on_hold = fields.Boolean(
        "Paused by a Manager",
        readonly=True,
        copy=False,
        groups=SUPERVISOR,
        help="Orders wait until a BPO manager presses Resume.",
    )
    hold_reason = fields.Text(
        "Reason for the Pause",
        readonly=True,
        copy=False,
        groups=SUPERVISOR,
        help="What the BPO manager who paused it has written; it is in the chatter, too.",
    )

    @api.private
    def _hold(self, reason):
        """Keep orders, looks and healing back until a manager resumes, and say so in chatter.

        A talk that is under way comes to its end.

        :param str reason: why, for people; agents read it, too
        """
        self._check_manager()
        self.check_access("write")
        self.write({"on_hold": True, "hold_reason": reason})
        note = self.env._(
            "%(user)s has paused the dealership: %(reason)s Orders are kept, and go out once a BPO "
            "manager presses Resume.",
            user=self.env.user.name,
            reason=reason if reason.rstrip().endswith((".", "!", "?")) else f"{reason.rstrip()}.",
        )
        self._message_log_batch(bodies=dict.fromkeys(self.ids, note))

    def action_resume(self):
        """Let the orders of these dealers go out again, at once.

        :raise UserError: the user is no BPO manager
        """
        self._check_manager()
        self.check_access("write")
        held = self.filtered("on_hold")
        held.write({"on_hold": False, "hold_reason": False})
        note = self.env._("%s has resumed the dealership: orders go out again.", self.env.user.name)
        held._message_log_batch(bodies=dict.fromkeys(held.ids, note))
        if held:
            held._on_open()
        return True

    def _check_not_on_hold(self):
        """Refuse to talk with dealers that a manager has paused.

        :raise UserError: naming them
        """
        if held := self.sudo().filtered("on_hold"):
            raise UserError(
                self.env._(
                    "A BPO manager has paused these dealerships: %(dealerships)s. Press Resume "
                    "first; the waiting orders then go out by themselves.",
                    dealerships=", ".join(held.mapped("display_name")),
                )
            )
