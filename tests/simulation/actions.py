# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What people do, here and at the dealers: one method per kind of event.

Each event has a seed of its own, so that the others do the same when it is left out.
"""

import random
import re

from .dealer import OTHER_USER
from .orm import UserError
from .staged import Staged
from .world import AGENT, CODES, MANAGER, ROOT, TEAM, truth_of

# {kind: weight} of what happens on its own.
WEIGHTS = {
    "wave": 14,
    "few": 10,
    "work": 22,
    "wait": 8,
    "win": 5,
    "reopen": 6,
    "lose": 1,
    "rework": 5,
    "edit_customer": 4,
    "edit_lines": 4,
    "change_dealership": 2,
    "retry": 3,
    "send_again": 2,
    "check": 3,
    "confirm_not_sent": 1,
    "merge": 1,
    "resume": 2,
    "push_now": 1,
    "survey": 1.5,
    "move_same": 0.4,
    "move_other": 0.4,
    "dealer_edits": 3,
    "dealer_cancels": 3,
    "dealer_undoes": 0.6,
    "dealer_confirms": 1,
    "dealer_deletes": 2,
    "dealer_reassigns": 2,
    "dealer_renames": 2,
    "dealer_archives": 1,
    "dealer_contact": 1,
    "dealer_sells": 3,
    "dealer_product": 0.7,
    "dealer_down": 1,
    "dealer_key": 0.5,
    "dealer_poison": 0.4,
    "dealer_reprices": 0.3,
    "dealer_rule": 0.4,
    "order_default": 0.6,
    "dealer_team": 0.4,
    "our_bad_row": 0.4,
    "first_release": 0.6,
    "our_backup": 1.2,
    "our_restore": 0.7,
    "dealer_backup": 1.2,
    "dealer_restore": 0.9,
    "copy": 0.3,
    "raw_copy": 0.4,
}
# What cannot happen while a worker is at work, or takes too long.
ON_THEIR_OWN = frozenset(
    ("wave", "few", "our_restore", "copy", "raw_copy", "wait", "first_release", "dealer_undoes")
)
REFERENCES = "BPO-{:05}"


class Origin:
    """What a lead was before a move."""

    def __init__(self, status):
        self.status = status


class Actions(Staged):
    """The events of one world."""

    def __init__(self, world):
        self.world = world

    def perform(self, event):
        """Let an event happen: ``[kind, seed]``, or with a plan as third."""
        kind, seed, *more = event
        world = self.world
        world.counts["events"] += 1
        getattr(self, f"_do_{kind}")(random.Random(seed), *more)
        if not world.runs and kind in ("work", "push_now"):
            world.check_marks()

    # -- choosing ---------------------------------------------------------

    def _rows(self, table, condition):
        rows = self.world.database.tables[table].rows
        return [rows[each] for each in sorted(rows) if condition(rows[each])]

    def _leads(self, condition):
        return self._rows("crm.lead", condition)

    def _orders(self, condition):
        return self._rows("bpo.dealer.order", condition)

    def _who(self, rng, manager=0.7):
        return MANAGER if rng.random() < manager else AGENT

    # -- leads ------------------------------------------------------------

    def _make_lead(self, env, rng, dealership_id):
        world = self.world
        world.truths += 1
        truth = f"{'c' if world.database_name != 'ours' else 't'}{world.truths}"
        person = rng.choice(world.persons)
        lead = env["crm.lead"].create(
            {
                "name": f"Lead {truth}",
                "truth": truth,
                "contact_name": person["name"],
                "email_normalized": person["email"] or False,
                "phone": person["phone"] or False,
                "phone_sanitized": person["phone"] if person["phone"].startswith("+") else False,
                "user_id": AGENT,
                "company_id": 1,
                "company_currency": 1,
                "pipeline_id": 1,
                "dealership_id": dealership_id,
                "city": "Gent",
            }
        )
        self._make_lines(env, rng, lead.id)
        return lead

    def _make_lines(self, env, rng, lead_id):
        env["bpo.lead.line"].create(
            [
                {
                    "lead_id": lead_id,
                    "product_id": rng.randrange(1, len(CODES) + 1),
                    "name": "unit",
                    "quantity": float(rng.choice([1, 1, 2, 3])),
                    "price_unit": rng.choice([100.0, 250.0, 99.99, 1000.0, 50.0]),
                    "currency_id": 1,
                }
                for _number in range(rng.choice([1, 1, 1, 2, 3]))
            ]
        )

    def _wanted_of(self, lead):
        """Return what the dealer is to get, read from the lead by the simulation itself."""
        return {
            "since": self.world.database.tables["mail.message"].last_id,
            "at": self.world.now.isoformat(),
            "name": lead.contact_name,
            "email": lead.email_normalized or "",
            "phone": lead.phone_sanitized or lead.phone or "",
            "lines": sorted(
                [line.product_id.default_code, line.quantity, line.price_unit]
                for line in lead.line_ids
            ),
            "dealership": lead.dealership_id.id,
        }

    def _move(self, leads, status):
        """Move leads as ``crm_lead_move.py`` does: rules first, then what follows."""
        origins = {lead: Origin(lead.closed_status or "") for lead in leads}
        leads = leads.filtered(lambda lead: (lead.closed_status or "") != status)
        if not leads:
            return
        # the row that a user moves is written before anything else is
        leads.write({"closed_status": status})
        problems = leads._get_problems_won(origins)
        texts = [text for each in problems.values() for text in each]
        if texts:
            raise UserError("; ".join(texts))
        if status == "won":
            for lead in leads:
                lead.write({"wanted": self._wanted_of(lead)})
        leads._follow_up_move(origins)
        for lead in leads:
            if origins[lead].status == "won" and lead.truth in self.world.being_sent():
                self.world.misdeeds.append(f"{lead.truth} was taken back while it was being sent")

    def _do_wave(self, rng):
        """Win a number of new leads, most of them for one dealership."""
        self._win_new(rng, rng.choice([1, 2, 5, 20, 50, 50, 80]))

    def _do_few(self, rng):
        """Win a few new leads."""
        self._win_new(rng, rng.choice([1, 2, 3, 6]))

    def _win_new(self, rng, count):
        world = self.world
        dealerships = sorted(world.database.tables["bpo.dealership"].rows)
        favourite = rng.choice(dealerships)
        with world.user(AGENT) as env:
            leads = env["crm.lead"]
            for _number in range(count):
                dealership_id = favourite if rng.random() < 0.9 else rng.choice(dealerships)
                lead = self._make_lead(env, rng, dealership_id)
                if rng.random() < 0.95:
                    leads += lead
            self._move(leads, "won")

    def _do_wait(self, rng):
        self.world.advance(rng.choice([1, 60, 300, 3700, 7300, 90000]))

    def _do_win(self, rng):
        taken = self._get_taken()
        leads = self._leads(
            lambda lead: lead.get("closed_status") != "won" and lead["id"] not in taken
        )
        if leads:
            chosen = rng.sample(leads, min(len(leads), rng.choice([1, 1, 3])))
            with self.world.user(self._who(rng)) as env:
                self._move(env["crm.lead"].browse(lead["id"] for lead in chosen), "won")

    def _leave_won(self, rng, status):
        leads = self._leads(lambda lead: lead.get("closed_status") == "won")
        if leads:
            chosen = rng.sample(leads, min(len(leads), rng.choice([1, 1, 3])))
            with self.world.user(self._who(rng)) as env:
                self._move(env["crm.lead"].browse(lead["id"] for lead in chosen), status)

    def _do_reopen(self, rng):
        self._leave_won(rng, "")

    def _do_lose(self, rng):
        self._leave_won(rng, "lost")

    def _do_rework(self, rng):
        """Reopen, change and win again one lead, with nothing in between."""
        taken = self._get_taken()
        leads = self._leads(
            lambda lead: lead.get("closed_status") == "won" and lead["id"] not in taken
        )
        doubtful = self._get_doubtful()
        if rng.random() < 0.6:
            leads = [lead for lead in leads if lead["id"] in doubtful] or leads
        if not leads:
            return
        lead_id = rng.choice(leads)["id"]
        uid = self._who(rng, 0.9)
        with self.world.user(uid) as env:
            self._move(env["crm.lead"].browse(lead_id), "")
        if self.world.database.tables["crm.lead"].rows[lead_id].get("closed_status"):
            return
        with self.world.user(uid) as env:
            lead = env["crm.lead"].browse(lead_id)
            kind = rng.choice(["customer", "lines", "prices", "swap", "nothing"])
            if kind == "customer":
                self._edit_customer(lead, rng)
            elif kind == "lines":
                lead.line_ids.unlink()
                self._make_lines(env, rng, lead_id)
            elif kind == "prices":
                lead.line_ids[:1].write({"price_unit": rng.choice([77.0, 88.0])})
            elif kind == "swap":
                self._swap_product(lead)
        with self.world.user(uid) as env:
            self._move(env["crm.lead"].browse(lead_id), "won")

    def _get_doubtful(self):
        """Return the ids of the leads whose order waits, and may be at the dealer."""
        orders = self._orders(lambda order: order["state"] == "pending")
        return {order["lead_id"] for order in orders if order.get("possibly_sent")}

    def _do_rework_namesake(self, rng):
        """Win leads again whose order waits: for somebody of the name that it has there."""
        self._rework_waiting(self._make_namesake)

    def _do_rework_swap(self, rng):
        """Win leads again whose order waits: with another product, at the same price."""
        self._rework_waiting(self._swap_product)

    def _rework_waiting(self, change):
        """Reopen, change and win again leads whose order waits, those that may be there first."""
        waiting = {
            order["lead_id"] for order in self._orders(lambda order: order["state"] == "pending")
        }
        doubtful = self._get_doubtful()
        for lead_id in sorted(waiting, key=lambda each: (each not in doubtful, each))[:5]:
            with self.world.user(MANAGER) as env:
                self._move(env["crm.lead"].browse(lead_id), "")
            if self.world.database.tables["crm.lead"].rows[lead_id].get("closed_status"):
                continue
            with self.world.user(MANAGER) as env:
                change(env["crm.lead"].browse(lead_id))
            with self.world.user(MANAGER) as env:
                self._move(env["crm.lead"].browse(lead_id), "won")

    def _make_namesake(self, lead):
        """Give a lead another customer, whose name is that of the contact of its order."""
        names = [
            dealer.partners[order["partner_id/.id"]]["name"]
            for dealer in self._dealers()
            for order in dealer.orders.values()
            if truth_of(order) == lead.truth and order["partner_id/.id"] in dealer.partners
        ]
        self._write_new_customer(lead, (names or [lead.contact_name])[0])

    def _write_new_customer(self, lead, name):
        number = self.world.next_serial()
        person = {"name": name, "phone": f"+3245550{number:04}"}
        self._write_customer(lead, {**person, "email": f"same{number}@example.com"})

    @staticmethod
    def _swap_product(lead):
        line = lead.line_ids[:1]
        line.write({"product_id": line.product_id.id % len(CODES) + 1})

    def _edit_customer(self, lead, rng):
        self._write_customer(lead, rng.choice(self.world.persons))

    @staticmethod
    def _write_customer(lead, person):
        lead.write(
            {
                "contact_name": person["name"],
                "email_normalized": person["email"] or False,
                "phone": person["phone"] or False,
                "phone_sanitized": person["phone"] if person["phone"].startswith("+") else False,
            }
        )

    def _do_edit_customer(self, rng):
        leads = self._leads(lambda lead: True)
        if leads:
            with self.world.user(AGENT) as env:
                self._edit_customer(env["crm.lead"].browse(rng.choice(leads)["id"]), rng)

    def _do_edit_lines(self, rng):
        leads = self._leads(lambda lead: True)
        if leads:
            with self.world.user(AGENT) as env:
                lead = env["crm.lead"].browse(rng.choice(leads)["id"])
                line = lead.line_ids[:1]
                if line:
                    line.write({"quantity": float(rng.choice([1, 2, 4])), "price_unit": 123.0})

    def _do_change_dealership(self, rng):
        leads = self._leads(lambda lead: lead.get("closed_status") != "won")
        dealerships = sorted(self.world.database.tables["bpo.dealership"].rows)
        if leads:
            with self.world.user(self._who(rng)) as env:
                lead = env["crm.lead"].browse(rng.choice(leads)["id"])
                lead.write({"dealership_id": rng.choice(dealerships)})

    def _do_merge(self, rng):
        leads = self._leads(lambda lead: lead.get("closed_status") != "won")
        if len(leads) > 1:
            with self.world.user(MANAGER) as env:
                chosen = rng.sample(leads, 2)
                env["crm.lead"].browse(lead["id"] for lead in chosen)._merge_opportunity()

    # -- orders -----------------------------------------------------------

    def _get_taken(self):
        """Return the ids of the leads whose order is there, where another one is said to be.

        Whoever is told so compares the two before the lead is won again, or its order retried.
        """
        orders = self._orders(lambda order: order.get("error_code") == "order_conflict")
        return {order["lead_id"] for order in orders if self.is_at_dealer(order)}

    def _do_retry(self, rng):
        orders = self._orders(lambda order: order["state"] in ("failed", "pending"))
        if orders:
            self.retry(rng.choice(orders), self._who(rng))

    def retry(self, order, uid):
        """Let somebody press Retry; what the lead says now is expected from then on."""
        if order["lead_id"] in self._get_taken():
            return
        with self.world.user(uid) as env:
            record = env["bpo.dealer.order"].browse(order["id"])
            renewed = record.state == "failed"
            record.action_retry()
            if renewed:
                lead = record.lead_id
                lead.write({"wanted": self._wanted_of(lead)})

    def _do_send_again(self, rng):
        orders = self._orders(lambda order: order.get("remote_state") == "missing")
        if orders:
            with self.world.user(MANAGER) as env:
                env["bpo.dealer.order"].browse(rng.choice(orders)["id"]).action_send_again()

    def _do_check(self, rng):
        orders = self._orders(lambda order: order["state"] == "sent")
        if orders:
            chosen = rng.sample(orders, min(len(orders), rng.choice([1, 3, 30])))
            self.check(chosen)

    def check(self, orders):
        """Let a manager press Check at Dealer."""
        with self.world.user(MANAGER) as env:
            records = env["bpo.dealer.order"].browse(order["id"] for order in orders)
            records.action_check_at_dealer()

    def is_at_dealer(self, order):
        """Tell whether a manager who looks at the order's dealer finds it, or may yet."""
        world = self.world
        truths = self.truths_of(order["lead_id"])
        for dealer in world.dealers.values():
            if dealer.late:
                return True
            if any(truth_of(each) in truths for each in dealer.orders.values()):
                return True
        return False

    def truths_of(self, lead_id):
        """Return the truth of a lead, and those of leads whose order it took over."""
        lead = self.world.database.tables["crm.lead"].rows[lead_id]
        return {lead["truth"], *(lead.get("aliases") or ())}

    def _do_confirm_not_sent(self, rng):
        orders = self._orders(
            lambda order: order["state"] in ("failed", "cancelled") and order.get("possibly_sent")
        )
        if orders:
            self.confirm_not_sent(rng.choice(orders))

    def confirm_not_sent(self, order):
        """Let a manager look at the dealer, and say that the order is not there."""
        if not self.world.run and not self.world.runs and not self.is_at_dealer(order):
            with self.world.user(MANAGER) as env:
                env["bpo.dealer.order"].browse(order["id"]).action_confirm_not_sent()

    # -- dealerships ------------------------------------------------------

    def _do_work(self, rng, plan=None):
        self.world.work(plan or {}, talks=rng.choice([2, 10, 20]))

    def _do_push_now(self, rng, plan=None):
        dealerships = sorted(self.world.database.tables["bpo.dealership"].rows)
        self.world.push_now(rng.choice(dealerships), plan or {})

    def _do_survey(self, rng, plan=None):
        """Look at all orders of a dealership, as is done once a day."""
        dealerships = sorted(self.world.database.tables["bpo.dealership"].rows)
        self.world.survey(rng.choice(dealerships), plan or {})

    def _do_resume(self, rng):
        """Let managers test the connections of paused dealerships whose key is right."""
        world = self.world
        for row in self._rows("bpo.dealership", lambda one: one.get("paused")):
            dealer = world.dealers.get((row["odoo_url"], row["odoo_db"]))
            if dealer and not (dealer.was_closed or world.moved) and dealer.refusals < 4:
                refusals = dealer.refusals
                world.misdeeds.append(f"{dealer.name} is paused after {refusals} refusals")
            if dealer and dealer.is_up and dealer.is_open:
                with world.user(MANAGER) as env:
                    env["bpo.dealership"].browse(row["id"])._resume()

    def _do_order_default(self, rng):
        """Let a manager write, mend or delete the sales team that goes with orders."""
        row, _dealer = self._choose_dealership(rng)
        self.write_order_default(row["id"], rng.choice([TEAM, TEAM, "Nobody", None]))

    def write_order_default(self, dealership_id, team):
        """Write the one order default of a dealership; None deletes it."""
        with self.world.user(MANAGER) as env:
            defaults = env["bpo.dealership"].browse(dealership_id).order_default_ids
            if team and defaults:
                defaults.write({"value": team})
            elif team:
                vals = {"dealership_id": dealership_id, "name": "team_id", "value": team}
                env["bpo.dealership.order.default"].create([vals])
            elif defaults:
                defaults.unlink()

    def _choose_dealership(self, rng):
        rows = self._rows("bpo.dealership", lambda one: True)
        row = rng.choice(rows)
        return row, self.world.dealers[row["odoo_url"], row["odoo_db"]]

    def _do_move_same(self, rng):
        """Let a dealer's Odoo get another address; a manager says that it is the same."""
        world = self.world
        row, dealer = self._choose_dealership(rng)
        host = f"m{world.next_serial()}.dealer.example"
        with world.user(MANAGER) as env:
            dealership = env["bpo.dealership"].browse(row["id"])
            dealership.write({"odoo_url": f"https://{host}"})
        if world.database.tables["bpo.dealership"].rows[row["id"]]["odoo_url"] == dealer.url:
            return
        dealer.host = host
        world.dealers[dealer.url, dealer.database] = dealer
        if rng.random() < 0.7:
            self.say_same(row["id"])

    def say_same(self, dealership_id):
        """Let a manager say that an Odoo has only moved, where that is true of all its orders."""
        world = self.world
        row = world.database.tables["bpo.dealership"].rows[dealership_id]
        present = world.dealers[row["odoo_url"], row["odoo_db"]]
        orders = self._orders(lambda order: order["dealership_id"] == dealership_id)
        places = {order["remote_place"] for order in orders if order.get("remote_place")}
        if all(world.dealer_at(place) is present for place in places):
            with world.user(MANAGER) as env:
                env["bpo.dealership"].browse(dealership_id).action_same_odoo()

    def _do_move_other(self, rng):
        """Let a dealership begin with another Odoo."""
        world = self.world
        row, _dealer = self._choose_dealership(rng)
        dealer = world.add_dealer(f"n{world.next_serial()}", rng)
        world.moved = True
        with world.user(MANAGER) as env:
            dealership = env["bpo.dealership"].browse(row["id"])
            dealership.write({"odoo_url": dealer.url, "odoo_db": dealer.database})

    # -- the dealer's people ----------------------------------------------

    def _choose_order(self, rng, condition=lambda order: True):
        """Return a dealer and the id of an order of ours there, or Nones."""
        dealers = self._dealers()
        dealer = rng.choice(dealers)
        ids = [each for each in sorted(dealer.orders) if condition(dealer.orders[each])]
        return (dealer, rng.choice(ids)) if ids else (dealer, None)

    def _do_dealer_edits(self, rng):
        dealer, order_id = self._choose_order(rng, truth_of)
        if order_id:
            lines = [dict(line) for line in dealer.orders[order_id].get("order_line", ())]
            if lines:
                lines[0]["price_unit"] = (lines[0].get("price_unit") or 0) + 10
            dealer.replace(
                "sale.order", order_id, order_line=lines, edited=self.world.now, edited_lines=lines
            )

    def _do_dealer_cancels(self, rng):
        dealer, order_id = self._choose_order(rng)
        if order_id:
            if dealer.orders[order_id]["state"] != "cancel":
                now = self.world.now.isoformat()
                dealer.replace("sale.order", order_id, state="cancel", cancelled_at=now)

    def _do_dealer_undoes(self, rng):
        """Let a dealer cancel an order, get it anew, and then restore the backup of before."""
        dealer, order_id = self._choose_order(rng, truth_of)
        dump = dealer.backup()
        if self._renew_cancelled(dealer, order_id):
            dealer.restore(dump)

    def _do_dealer_renews(self, rng):
        """Let a dealer cancel an order, and get it anew."""
        self._renew_cancelled(*self._choose_order(rng, _is_ours_and_live))

    def _renew_cancelled(self, dealer, order_id, change=None):
        """Let a dealer cancel an order, and somebody win its lead again; return its row or None.

        :param change: what is done to the lead before it is won again
        """
        leads = self._leads(lambda lead: lead.get("closed_status") == "won")
        leads = [lead for lead in leads if lead["truth"] == truth_of(dealer.orders.get(order_id))]
        if not leads:
            return None
        lead_id = leads[0]["id"]
        now = self.world.now.isoformat()
        dealer.replace("sale.order", order_id, state="cancel", cancelled_at=now)
        for status in ("", "won"):
            self.world.advance(1)
            with self.world.user(MANAGER) as env:
                lead = env["crm.lead"].browse(lead_id)
                if change and status == "won":
                    change(lead)
                self._move(lead, status)
        self.world.work({}, talks=4)
        return next(iter(self._orders(lambda order: order["lead_id"] == lead_id)), None)

    def _do_dealer_brings_back(self, rng):
        """Let what is sent again be there by then, under the key before.

        A dealer cancels an order, gets it anew and deletes that; when this has been seen, it
        restores the backup of before, and a manager, who has not looked since, sends it again.
        Or else nobody has seen it, and all orders are looked at.
        """
        order_id, tries = None, 0
        while not order_id and tries < 5:
            dealer, order_id = self._choose_order(rng, _is_ours_and_live)
            tries += 1
        dump = dealer.backup()
        change = rng.choice([None, self._swap_product, *(self._make_namesake,) * 2])
        row = self._renew_cancelled(dealer, order_id, change)
        if not row or row["state"] != "sent" or row["remote_id"] not in dealer.orders:
            return
        if row["remote_id"] == order_id:
            return
        if rng.random() < 0.5:
            dealer.restore(dump)
            self.world.survey(row["dealership_id"], {})
            return
        self._delete_there(dealer, row["remote_id"])
        self.check([row])
        self.world.work({}, talks=4)
        dealer.restore(dump)
        with self.world.user(MANAGER) as env:
            # refused where it is not missing
            env["bpo.dealer.order"].browse(row["id"]).action_send_again()

    def _do_dealer_confirms(self, rng):
        dealer, order_id = self._choose_order(rng, lambda order: order["state"] == "draft")
        if order_id:
            dealer.replace("sale.order", order_id, state="sale")

    def _do_dealer_deletes(self, rng):
        dealer, order_id = self._choose_order(
            rng, lambda order: order["state"] in ("draft", "cancel")
        )
        if order_id:
            self._delete_there(dealer, order_id)

    @staticmethod
    def _delete_there(dealer, order_id):
        del dealer.orders[order_id]
        named = dealer.external_ids.items()
        for key in [key for key, each in named if each[:2] == ("sale.order", order_id)]:
            del dealer.external_ids[key]

    def _do_dealer_reassigns(self, rng):
        dealer, order_id = self._choose_order(rng, truth_of)
        if order_id:
            user_id = rng.choice([OTHER_USER, OTHER_USER, dealer.uid])
            vals = {"user_id": user_id}
            if user_id == dealer.uid and dealer.orders[order_id]["user_id"] == OTHER_USER:
                vals["shown_at"] = self.world.now.isoformat()
            dealer.replace("sale.order", order_id, **vals)
            self.world.given.add(dealer.orders[order_id]["serial"])

    def _choose_contact(self, rng):
        dealer = rng.choice(self._dealers())
        return dealer, rng.choice(sorted(dealer.partners)) if dealer.partners else None

    def _do_dealer_renames(self, rng):
        dealer, partner_id = self._choose_contact(rng)
        if partner_id:
            dealer.replace("res.partner", partner_id, name="Renamed There", edited=self.world.now)

    def _do_dealer_archives(self, rng):
        dealer, partner_id = self._choose_contact(rng)
        if partner_id:
            active = rng.random() < 0.2
            dealer.replace("res.partner", partner_id, active=active, edited=self.world.now)

    def _do_dealer_archives_all(self, rng):
        """Let all dealers archive their contacts."""
        for dealer in self._dealers():
            for partner_id in sorted(dealer.partners):
                dealer.replace("res.partner", partner_id, active=False, edited=self.world.now)

    def _do_dealer_contact(self, rng):
        dealer, partner_id = self._choose_contact(rng)
        if partner_id:
            person = rng.choice(self.world.persons)
            dealer.replace(
                "res.partner",
                partner_id,
                email=person["email"],
                phone=person["phone"],
                edited=self.world.now,
            )

    def _do_dealer_renames_all(self, rng):
        """Let all dealers give their contacts other names."""
        for dealer in self._dealers():
            for partner_id in sorted(dealer.partners):
                values = {"name": f"Renamed {rng.choice('ABC')}", "edited": self.world.now}
                dealer.replace("res.partner", partner_id, **values)

    def _do_dealer_contacts(self, rng):
        """Let all dealers make somebody else of each of their contacts."""
        for dealer in self._dealers():
            for partner_id in sorted(dealer.partners):
                number = self.world.next_serial()
                person = {"email": f"else{number}@example.com", "phone": f"+3265550{number:04}"}
                dealer.replace("res.partner", partner_id, edited=self.world.now, **person)

    def _do_dealer_sells(self, rng):
        rng.choice(self._dealers()).sell(rng)

    def _do_dealer_product(self, rng):
        """Rename a product's code, or put it right."""
        dealer = rng.choice(self._dealers())
        number = rng.randrange(1, len(CODES) + 1)
        code = CODES[number - 1] if rng.random() < 0.5 else "OTHER"
        dealer.replace("product.product", number, default_code=code, edited=self.world.now)

    def _do_dealer_recodes(self, rng):
        """Let all dealers give other codes to many of their products."""
        for dealer in self._dealers():
            for number in range(1, len(CODES) + 1):
                if rng.random() < 0.5:
                    now = self.world.now
                    dealer.replace("product.product", number, default_code="OTHER", edited=now)

    def _do_dealer_reprices(self, rng):
        dealer = rng.choice(self._dealers())
        dealer.repriced = {rng.randrange(1, len(CODES) + 1)}

    def _do_dealer_rule(self, rng):
        """Let a dealer refuse orders of three of something, until that is put right."""
        dealer = rng.choice(self._dealers())

        def reject(model, values):
            lines = values.get("order_line", ()) if model == "sale.order" else ()
            return "Not three." if any(line["product_uom_qty"] == 3 for line in lines) else None

        dealer.reject = reject

    def _do_dealer_team(self, rng):
        """Let a dealer rename the sales team of the call centre, or name it as before."""
        dealer = rng.choice(self._dealers())
        dealer.replace("crm.team", 1, name=TEAM if rng.random() < 0.5 else "Another")

    def _do_dealer_down(self, rng):
        dealer = rng.choice(self._dealers())
        dealer.is_up = not dealer.is_up or rng.random() < 0.3

    def _do_dealer_key(self, rng):
        dealer = rng.choice(self._dealers())
        dealer.is_open = not dealer.is_open
        dealer.was_closed = True

    def _do_dealer_poison(self, rng):
        """Let a dealer's worker die of one of the waiting orders from now on."""
        orders = self._orders(lambda order: order["state"] == "pending")
        if orders:
            order = rng.choice(orders)
            dealership = self.world.database.tables["bpo.dealership"].rows[order["dealership_id"]]
            dealer = self.world.dealers[dealership["odoo_url"], dealership["odoo_db"]]
            dealer.poison = {REFERENCES.format(order["lead_id"])}

    def _do_our_bad_row(self, rng):
        """Let our database take no answer about one of the waiting orders any more."""
        orders = self._orders(lambda order: order["state"] == "pending")
        if orders:
            self.world.bad_rows.add(rng.choice(orders)["id"])

    def _do_first_release(self, rng):
        """Let waiting orders have keys of the first release, which others may have had, too."""
        self._give_first_keys(rng, taken=0.7, limit=3)

    def _give_first_keys(self, rng, taken, limit):
        """Give waiting orders keys of the first release.

        :param taken: how likely another order has such a key at the dealer
        :param limit: to so many orders at most, None for all
        """
        chance, world = taken, self.world
        taken = {row["external_id"] for row in self._orders(lambda order: True)}
        orders = self._orders(
            lambda one: (
                one["state"] == "pending"
                and not one.get("attempt_count")
                and re.search(r"_\d+_[0-9a-f]{8}$", one["external_id"])
                and one["external_id"].rpartition("_")[0] not in taken
                and not self.truths_of(one["lead_id"]).intersection(world.ever_made)
            )
        )
        for order in rng.sample(orders, min(len(orders), limit or len(orders))):
            key = order["external_id"].rpartition("_")[0]
            dealership = world.database.tables["bpo.dealership"].rows[order["dealership_id"]]
            dealer = world.dealers[dealership["odoo_url"], dealership["odoo_db"]]
            with world.transaction(ROOT, su=True) as env:
                record = env["bpo.dealer.order"].browse(order["id"])
                values = {"external_id": key, "payload": {**record.payload, "external_id": key}}
                record.write(values)
            self._note_in_backup(order, values)
            world.first_release.update(self.truths_of(order["lead_id"]))
            if rng.random() < chance and key not in dealer.external_ids:
                truth = f"x{world.next_serial()}"
                world.copied.add(truth)
                dealer.take_in(rng, key, order["reference"], truth)

    def _note_in_backup(self, order, values):
        """Give an order the same key in the backup that has it: a key is as old as its order."""
        rows = (self.world.our_backup or {}).get("bpo.dealer.order", ({},))[0]
        row = rows.get(order["id"])
        if row and row["external_id"] == order["external_id"]:
            rows[order["id"]] = {**row, **values}

    # -- backups ----------------------------------------------------------

    def _do_our_backup(self, rng):
        self.world.our_backup = self.world.database.backup()

    def _do_our_restore(self, rng):
        world = self.world
        if world.our_backup is None:
            return
        self._note_forgotten(world.our_backup)
        world.database.restore(world.our_backup)

    def _note_forgotten(self, dump):
        """Note of which leads our database is about to forget something."""
        world = self.world
        before = world.database.tables
        leads, orders = dump["crm.lead"][0], dump["bpo.dealer.order"][0]
        now_orders = {row["lead_id"]: row for row in before["bpo.dealer.order"].rows.values()}
        then_orders = {row["lead_id"]: row for row in orders.values()}
        for lead_id, lead in before["crm.lead"].rows.items():
            if leads.get(lead_id) != lead or now_orders.get(lead_id) != then_orders.get(lead_id):
                world.forgotten[lead["truth"]] = world.now
        for row in self._rows("mail.mail", lambda mail: mail["id"] > dump["mail.mail"][1]):
            world.mailed_before.add((row.get("truth"), row.get("serial")))
        rows = {}
        for lead_id, row in then_orders.items():
            for truth in (leads[lead_id]["truth"], *(leads[lead_id].get("aliases") or ())):
                rows[truth] = row
        for dealer in dict.fromkeys(world.dealers.values()):
            # also those that a backup may bring back there
            dump = dealer.dump[0]["sale.order"] if dealer.dump else {}
            for order_id, order in [*dump.items(), *dealer.orders.items()]:
                row = rows.get(truth_of(order))
                if truth_of(order) and not (row and world.knows(row, dealer, order_id)):
                    world.unknown.add(order["serial"])

    def _do_dealer_backup(self, rng):
        dealer = rng.choice(self._dealers())
        dealer.dump = dealer.backup()

    def _do_dealer_restore(self, rng):
        dealer = rng.choice(self._dealers())
        if dealer.dump:
            dealer.restore(dealer.dump)
            self.world.counts["dealers restored"] += 1

    # -- copies -----------------------------------------------------------

    def _do_copy(self, rng):
        """Run a copy of our database, to which Odoo gave another id, beside it."""
        world = self.world
        dump = world.database.backup()
        world.database_name = "copy"
        with world.transaction(ROOT, su=True) as env:
            env["ir.config_parameter"].set_param("database.uuid", "99998888-7777-6666")
        self._do_wave(rng)
        world.work({}, talks=4)
        world.database.restore(dump)
        world.database_name = "ours"

    def _do_raw_copy(self, rng):
        """Work in a copy that nobody told from the original, for a while; then in the original."""
        world = self.world
        dump = world.database.backup()
        world.database_name = "raw copy"
        self._do_wave(rng)
        world.work({}, talks=4)
        for row in self._leads(lambda lead: lead["truth"].startswith("c")):
            world.copied.add(row["truth"])
        self._note_forgotten(dump)
        world.database.restore(dump)
        world.database_name = "ours"


def _is_ours_and_live(order):
    """Tell whether an order at a dealer is one that a lead has there."""
    return bool(truth_of(order)) and order["state"] != "cancel"
