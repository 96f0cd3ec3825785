# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What happens in scenes only: to all at once, so that the dealer or order that matters is hit."""

from .dealer import OTHER_USER
from .world import MANAGER, truth_of

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

    def _do_dozen(self, rng):
        """Win a dozen new leads: their products are looked up before anything else is."""
        self._win_new(rng, 12)

    def _do_family(self, rng):
        """Win leads of three at once: one has the e-mail of another, and the phone of the third."""
        number = self.world.next_serial()
        emails = [f"family{number}{letter}@example.com" for letter in "aab"]
        phones = [f"+3246550{number:04}{digit}" for digit in "011"]
        dealership_id = rng.choice(sorted(self.world.database.tables["bpo.dealership"].rows))
        with self.world.user(MANAGER) as env:
            leads = env["crm.lead"]
            for email, phone in zip(emails, phones, strict=True):
                lead = self._make_lead(env, rng, dealership_id)
                person = {"name": f"Eva Family{number}", "email": email, "phone": phone}
                self._write_customer(lead, person)
                leads += lead
            self._move(leads, "won")

    def _do_dealers_recode(self, rng):
        """Let all dealers give other codes to all of their products."""
        for dealer in self._dealers():
            for number in dealer.tables["product.product"]:
                values = {"default_code": "OTHER", "edited": self.world.now}
                dealer.replace("product.product", number, **values)

    def _do_dealers_sell(self, rng):
        """Let all dealers make orders of their own: these take the next ids."""
        for dealer in self._dealers():
            for _number in range(rng.randrange(1, _SOLD + 1)):
                dealer.sell(rng)

    def _do_dealers_hide_contact(self, rng):
        """Let all dealers hide one of their contacts from the service user."""
        for dealer in self._dealers():
            if dealer.partners:
                partner_id = rng.choice(sorted(dealer.partners)[-4:])
                dealer.replace("res.partner", partner_id, user_id=OTHER_USER)

    def _do_dealers_reassign(self, rng):
        """Let all dealers give what they have not confirmed to other salespeople."""
        for dealer in self._dealers():
            for order_id, order in list(dealer.orders.items()):
                if truth_of(order) and order["state"] == "draft":
                    dealer.replace("sale.order", order_id, user_id=OTHER_USER)
                    self.world.given.add(order["serial"])

    def _do_dealers_delete_cancelled(self, rng):
        """Let all dealers delete the orders that they have cancelled."""
        self._delete_orders(lambda order: order["state"] == "cancel")

    def _do_dealers_delete_drafts(self, rng):
        """Let all dealers delete the orders that they have not confirmed."""
        self._delete_orders(lambda order: order["state"] == "draft")

    def _delete_orders(self, condition):
        for dealer in self._dealers():
            for order_id, order in list(dealer.orders.items()):
                if truth_of(order) and condition(order):
                    self._delete_there(dealer, order_id)

    def _do_dealers_hide_copied(self, rng):
        """Let all dealers give the orders that are of no lead of ours to other salespeople."""
        for dealer in self._dealers():
            for order_id, order in list(dealer.orders.items()):
                if truth_of(order) in self.world.copied:
                    dealer.replace("sale.order", order_id, user_id=OTHER_USER)

    def _do_withdrawn(self, rng):
        """Win some leads and take them back before their orders went anywhere; others stay open."""
        dealership_id = rng.choice(sorted(self.world.database.tables["bpo.dealership"].rows))
        with self.world.user(MANAGER) as env:
            leads = [self._make_lead(env, rng, dealership_id) for _number in range(4)]
            ids = [lead.id for lead in leads[:2]]
        for status in ("won", ""):
            with self.world.user(MANAGER) as env:
                self._move(env["crm.lead"].browse(ids), status)

    def _get_withdrawn(self):
        """Return the ids of leads whose order was taken back before it went anywhere."""
        orders = self._orders(
            lambda order: order["state"] == "cancelled" and not order.get("attempt_count")
        )
        return [order["lead_id"] for order in orders]

    def _get_open(self):
        """Return the ids of leads that have never been won."""
        ordered = {order["lead_id"] for order in self._orders(lambda order: True)}
        leads = self._leads(lambda lead: not lead.get("closed_status"))
        return [lead["id"] for lead in leads if lead["id"] not in ordered]

    def _do_win_open(self, rng):
        """Win the leads that have never been won."""
        with self.world.user(MANAGER) as env:
            self._move(env["crm.lead"].browse(self._get_open()), "won")

    def _do_win_withdrawn(self, rng):
        """Win the leads whose order was taken back before it went anywhere."""
        with self.world.user(MANAGER) as env:
            self._move(env["crm.lead"].browse(self._get_withdrawn()), "won")

    def _do_merge_withdrawn(self, rng):
        """Merge leads whose order was taken back with leads that have none, and win them."""
        for pair in zip(self._get_withdrawn(), self._get_open(), strict=False):
            with self.world.user(MANAGER) as env:
                head = env["crm.lead"].browse(pair)._merge_opportunity()
            with self.world.user(MANAGER) as env:
                self._move(env["crm.lead"].browse(head.id), "won")

    def _do_rework_sibling(self, rng):
        """Win leads again whose order waits: for somebody of the same family or office.

        The name is within that of before, as An Maes is in Jan Maes; e-mail and phone are shared.
        """
        self._rework_waiting(self._make_sibling)

    def _do_rework_surname(self, rng):
        """Win leads again whose order waits: for the same customers, by their family names."""
        self._rework_waiting(
            lambda lead: lead.write({"contact_name": lead.contact_name.rpartition(" ")[2]})
        )

    @staticmethod
    def _make_sibling(lead):
        name = lead.contact_name[1:]
        lead.write({"contact_name": name[:1].upper() + name[1:]})
