# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

# After so many talks that ended while the dealer was given this one order it is given up.
MAX_BROKEN_OFF = 3


class BpoDealerOrder(models.Model):
    """The order that a dealer's Odoo cannot take in: its worker dies of it, or is not done in time.

    The dealer breaks off, and nobody knows which order of the batch it was. The next talks are
    about fewer orders, down to one (``bpo.dealer.connection``, ``_write_broken_off``): then it is
    known, and counted here. Such an order goes behind the others, and alone.
    """

    _inherit = "bpo.dealer.order"

    crash_count = fields.Integer(
        "Broken Off",
        readonly=True,
        # orders are chosen in its order: nothing else than a number may be in it
        default=0,
        aggregator=None,
        help="How often the dealership's Odoo broke off while it was given this order alone.",
    )

    def _write_broken_off(self):
        """Count that the dealer broke off over this order, and give it up in the end.

        It may be there all the same, so that it stays marked as possibly sent.
        """
        self.ensure_one()
        self.crash_count += 1
        if self.crash_count < MAX_BROKEN_OFF or self.state != "pending":
            return
        env = self.with_context(lang=self.user_id.lang or self.env.lang).env
        self.write(
            {
                "state": "failed",
                "next_attempt": False,
                "error_code": "broken_off",
                "error": env._(
                    "%(count)s times the dealership's Odoo broke off, or was not done in time, "
                    "when it was given this order alone. It may have the order: ask the dealership "
                    "to look for the reference %(reference)s, and to find out what is wrong with "
                    "it. Then press Retry: an order that is there is not made a second time.",
                    count=self.crash_count,
                    reference=self.reference,
                ),
            }
        )
        self._tell_failed()
