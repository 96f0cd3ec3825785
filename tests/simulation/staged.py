# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What happens in scenes only: to all at once, so that the dealer or order that matters is hit."""

from .world import TEAM

# An order is looked at more closely than by its time alone where it is so many seconds older.
_MINUTES = (120, 600, 2400)
# Orders of its own that a dealer makes at most, one after the other.
_SOLD = 6


class Staged:
    """Events that chance does not choose: one method per kind."""

    def _dealers(self):
        return list(dict.fromkeys(self.world.dealers.values()))

    def _do_minutes(self, rng):
        """Let some minutes pass, less than an hour."""
        self.world.advance(rng.choice(_MINUTES))

    def _do_retry_all(self, rng):
        """Let a manager press Retry on all orders that failed."""
        for order in self._orders(lambda order: order["state"] == "failed"):
            self.retry(order, self._who(rng, 1.0))

    def _do_check_all(self, rng):
        """Let a manager press Check at Dealer on all orders."""
        orders = self._orders(lambda order: order["state"] == "sent")
        if orders:
            self.check(orders)

    def _do_first_keys_taken(self, rng):
        """Let waiting orders have keys of the first release that other orders have."""
        self._give_first_keys(rng, taken=1.0, limit=None)

    def _do_first_keys_free(self, rng):
        """Let waiting orders have keys of the first release that nobody has."""
        self._give_first_keys(rng, taken=0.0, limit=None)

    def _do_dealers_back_up(self, rng):
        for dealer in self._dealers():
            dealer.dump = dealer.backup()

    def _do_dealers_restore(self, rng):
        """Let all dealers restore their backups."""
        for dealer in self._dealers():
            if dealer.dump:
                dealer.restore(dealer.dump)
                self.world.counts["dealers restored"] += 1

    def _do_team_everywhere(self, rng):
        """Let a manager have the orders of all dealerships filed under the sales team."""
        for dealership_id in sorted(self.world.database.tables["bpo.dealership"].rows):
            self.write_order_default(dealership_id, TEAM)

    def _do_dealers_team(self, rng):
        """Let all dealers rename that team: orders are refused before anything else is asked."""
        for dealer in self._dealers():
            dealer.replace("crm.team", 1, name="Another")

    def _do_dealers_sell(self, rng):
        """Let all dealers make orders of their own: these take the next ids."""
        for dealer in self._dealers():
            for _number in range(rng.randrange(1, _SOLD + 1)):
                dealer.sell(rng)

    def _do_rework_sibling(self, rng):
        """Win leads again whose order waits: for somebody of the same family or office.

        The name is within that of before, as An Maes is in Jan Maes; e-mail and phone are shared.
        """
        self._rework_waiting(self._make_sibling)

    @staticmethod
    def _make_sibling(lead):
        name = lead.contact_name[1:]
        lead.write({"contact_name": name[:1].upper() + name[1:]})
