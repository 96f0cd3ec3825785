# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The people at work: agents and a manager at the BPO, and the staff of the dealers.

What each does is drawn from a random number generator that belongs to the operation, so that a
schedule can be repeated; on which records it falls depends on what is there at that moment.
"""

import http.client
import json
import time
import xmlrpc.client
from xml.parsers.expat import ExpatError

from ..console import Problem
from ..ports import port_is_free
from ..rpc import Rpc, RpcError
from .history import utc_now

NAME = "Chaos"
PRODUCTS = ("BIKE-1", "BIKE-2", "HELMET-1")
RPC_TIMEOUT = 60
# How long somebody waits for a server to be there before a click.
PATIENCE = 8
NO_ANSWER = (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError, Problem)
STAFF = {"anna": "agent", "bert": "agent", "carla": "manager", "dora": "manager"}
NOTHING = "nothing to do"
# What people do where there is nothing to do, and how often they try.
OTHERWISE = {"agent": ("win", "edit"), "manager": ("rework", "rework", "win", "edit")}
ATTEMPTS = 3
PEOPLE = "SELECT id FROM res_partner WHERE name LIKE 'Person %' ORDER BY id"
# A manager who says that the dealer has no such order has waited so long before looking.
LOOK_SECONDS = 15


def key_of(data):
    """Return the key of an order in a dealer's database."""
    return f"{data['module']}.{data['name']}"


class Office:
    """What all people of a run share: the servers, the records made beforehand."""

    def __init__(self, servers, history):
        self.servers = servers
        self.history = history
        bpo = servers.bpo
        admin = bpo.rpc
        self.dealerships = [
            bpo.connect(dealer, odoo_url=proxy.url, protocol="xmlrpc" if number % 2 else "auto")
            for number, (dealer, proxy) in enumerate(
                zip(servers.dealers, servers.proxies, strict=True)
            )
        ]
        self.products = {code: bpo.product(code) for code in PRODUCTS}
        stages = admin.search_read(
            "crm.stage", [("stage_type", "=", "deal")], ["is_won", "is_lost"], order="sequence"
        )
        self.won_stage = next(each["id"] for each in stages if each["is_won"])
        self.open_stages = [
            each["id"] for each in stages if not (each["is_won"] or each["is_lost"])
        ]
        self.lost_reason = admin.call(
            "crm.lost.reason", "search", [("note_required", "=", False)], limit=1
        )[0]
        self.uids = {
            name: admin.create(
                "res.users",
                name=name.capitalize(),
                login=name,
                email=f"{name}@bpo.example.com",
                group_ids=[(4, admin.ref(f"bpo_crm.group_{role}"))],
            )
            for name, role in STAFF.items()
        }
        self.keys = {name: bpo.key_of(name) for name in STAFF}

    def select(self, query, server=None):
        """Return the rows of a query in the database of the BPO, or a dealer's, as dictionaries."""
        server = server or self.servers.bpo
        printed = server.sql(f"SELECT coalesce(json_agg(found), '[]') FROM ({query}) found")
        return json.loads(printed)

    def dealer_of(self, dealership_id):
        """Return the server of a dealership."""
        return self.servers.dealers[self.dealerships.index(dealership_id)]


class Person:
    """Somebody who works through one of the BPO's servers, whichever answers.

    :param login: one of ``STAFF``
    """

    def __init__(self, office, login):
        self.office = office
        self.history = office.history
        self.login = login
        self.is_manager = STAFF[login] == "manager"
        bpo = office.servers.bpo
        self.rpcs = [
            Rpc(server.url, bpo.database, login, office.keys[login], timeout=RPC_TIMEOUT)
            for server in office.servers.bpos
        ]

    def work(self, operation, rng, **options):
        """Do something, or something else where there is nothing to do; create until it is done."""
        for _attempt in range(ATTEMPTS):
            outcome = self.perform(operation, rng, **options)
            if operation == "create":
                if outcome == "done":
                    return
                options["tag"] += "+"
            elif outcome == NOTHING:
                operation, options = rng.choice(OTHERWISE[STAFF[self.login]]), {}
            else:
                return

    def perform(self, operation, rng, **options):
        """Do something and write down what came of it; never raises what the faults explain."""
        self.rpc = self.choose_server(rng)
        self.details = {}
        try:
            outcome = getattr(self, f"do_{operation}")(rng, **options) or "done"
        except RpcError as error:
            lines = str(error).splitlines()
            broken = "Traceback" in str(error)
            outcome = f"{'broken' if broken else 'refused'}: {lines[-1][:300]}"
            if broken:
                self.details["traceback"] = lines[-8:]
        except NO_ANSWER as error:
            outcome = f"no answer: {type(error).__name__} {str(error)[:120]}"
        if outcome != NOTHING:
            self.history.note_outcome(self.login, operation, outcome, **self.details)
        return outcome

    def choose_server(self, rng):
        """Return the methods of a server; one that does not listen is left for another one."""
        order = rng.sample(range(len(self.rpcs)), len(self.rpcs))
        careful = rng.random() < 0.7
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for number in order:
                server = self.office.servers.bpos[number]
                # now and then without looking whether it is frozen, or still starting
                if server.answers() if careful else not port_is_free(server.port):
                    return self.rpcs[number]
            time.sleep(0.2)
        return self.rpcs[order[0]]

    def leads(self, condition, rng, most=5):
        """Return ids of some leads that fulfil a condition, the number drawn as well."""
        if not self.is_manager:
            condition += f" AND lead.user_id = {self.office.uids[self.login]}"
        found = self.office.select(
            "SELECT lead.id FROM crm_lead lead LEFT JOIN bpo_dealer_order o ON o.lead_id = lead.id"
            f" WHERE lead.name LIKE '{NAME} %' AND lead.active AND {condition} ORDER BY lead.id"
        )
        ids = [each["id"] for each in found]
        chosen = rng.sample(ids, min(len(ids), rng.randint(1, max(most, 1))))
        self.details["leads"] = chosen
        return chosen

    def orders(self, condition, rng, most=5):
        """Return ids of some dealer orders that fulfil a condition."""
        found = self.office.select(
            f"SELECT o.id FROM bpo_dealer_order o WHERE {condition} ORDER BY o.id"
        )
        ids = [each["id"] for each in found]
        chosen = rng.sample(ids, min(len(ids), rng.randint(1, max(most, 1))))
        self.details["orders"] = chosen
        return chosen

    # ------------------------------------------------------------
    # Leads
    # ------------------------------------------------------------

    def do_create(self, rng, count, tag):
        """Create leads in one call, some for customers who are known."""
        names = [f"{NAME} {tag}-{number:03}" for number in range(count)]
        known = self.office.select(PEOPLE)
        values = [
            {"name": name.replace(NAME, "Person"), "email": f"{name.replace(' ', '.')}@example.com"}
            for name in names
        ]
        new = self.rpc.call("res.partner", "create", values)
        partners = [
            rng.choice(known)["id"] if known and rng.random() < 0.2 else partner for partner in new
        ]
        self.details["leads"] = self.rpc.call(
            "crm.lead",
            "create",
            [
                {
                    "name": name,
                    "type": "opportunity",
                    "partner_id": partner,
                    "dealership_id": rng.choice(self.office.dealerships),
                    "line_ids": [(0, 0, self.unit(rng)) for _n in range(rng.randint(1, 3))],
                }
                for name, partner in zip(names, partners, strict=True)
            ],
        )

    def unit(self, rng):
        """Return the values of a line."""
        return {
            "product_id": self.office.products[rng.choice(PRODUCTS)],
            "quantity": rng.randint(1, 9),
            "price_unit": rng.randint(20, 2000) / 2,
        }

    def do_win(self, rng, most=8):
        """Win open leads, one write for all of them."""
        leads = self.leads("lead.closed_status IS NULL", rng, most)
        if not leads:
            return NOTHING
        if rng.random() < 0.5:
            self.rpc.call("crm.lead", "action_set_won", leads)
        else:
            self.rpc.write("crm.lead", leads, stage_id=self.office.won_stage)
        return None

    def do_reopen(self, rng):
        """Take leads out of Won; agents may where nothing was sent."""
        leads = self.leads("lead.closed_status = 'won'", rng, 4)
        if not leads:
            return NOTHING
        self.rpc.write("crm.lead", leads, stage_id=rng.choice(self.office.open_stages))
        return None

    def do_rework(self, rng):
        """Take won leads back, change something and win them again, all within moments."""
        leads = self.leads("lead.closed_status = 'won'", rng, 4)
        if not leads:
            return NOTHING
        how = rng.choice(("edit", "edit", "edit", "customer", "dealership", "nothing"))
        self.details["how"] = how
        self.rpc.write("crm.lead", leads, stage_id=rng.choice(self.office.open_stages))
        time.sleep(rng.choice((0, 0, 0.5, 2)))
        if how == "customer":
            self.change_customer(leads, rng)
        elif how == "dealership":
            self.rpc.write("crm.lead", leads, dealership_id=rng.choice(self.office.dealerships))
        elif how == "edit":
            for lead in leads:
                self.edit(lead, rng)
        time.sleep(rng.choice((0, 0, 0.5, 2)))
        self.rpc.call("crm.lead", "action_set_won", leads)
        return None

    def do_edit(self, rng):
        """Change the units of open leads, sometimes so that their total stays."""
        leads = self.leads("lead.closed_status IS NULL", rng, 3)
        for lead in leads:
            self.edit(lead, rng)
        return None if leads else NOTHING

    def edit(self, lead, rng):
        """Change one unit of a lead, add one or take one away."""
        lines = self.office.select(
            "SELECT id, quantity, price_unit, product_id FROM bpo_lead_line"
            f" WHERE lead_id = {lead} ORDER BY id"
        )
        how = rng.choice(("quantity", "price", "same_total", "product", "add", "remove"))
        line = rng.choice(lines) if lines else None
        if how == "add" or line is None:
            self.rpc.write("crm.lead", lead, line_ids=[(0, 0, self.unit(rng))])
            return
        other = rng.choice(list(self.office.products.values()))
        values = {
            "quantity": {"quantity": line["quantity"] + rng.randint(1, 5)},
            "price": {"price_unit": line["price_unit"] + rng.randint(1, 50)},
            "same_total": {
                "quantity": line["quantity"] * 2,
                "price_unit": line["price_unit"] / 2,
            },
            "product": {"product_id": other, "price_unit": line["price_unit"]},
        }
        if how in values:
            self.rpc.write("bpo.lead.line", line["id"], **values[how])
        elif len(lines) > 1:
            self.rpc.call("bpo.lead.line", "unlink", [line["id"]])

    def do_change_customer(self, rng):
        """Give an open lead another customer."""
        leads = self.leads("lead.closed_status IS NULL", rng, 1)
        if not leads:
            return NOTHING
        self.change_customer(leads, rng)
        return None

    def change_customer(self, leads, rng):
        """Change the customer of leads, and see to it that they are open: others may just win them.

        The customer of a won lead may be changed, too, which its order does not follow.
        """
        people = self.office.select(PEOPLE)
        values = {"partner_id": rng.choice(people)["id"], "stage_id": self.office.open_stages[0]}
        self.rpc.write("crm.lead", leads, **values)

    def do_lose(self, rng):
        """Lose open leads."""
        leads = self.leads("lead.closed_status IS NULL", rng, 3)
        if not leads:
            return NOTHING
        reason = self.office.lost_reason
        self.rpc.call("crm.lead", "action_set_lost", leads, lost_reason_id=reason)
        return None

    def do_take_back(self, rng):
        """Take lost leads back."""
        leads = self.leads("lead.closed_status = 'lost'", rng, 4)
        if not leads:
            return NOTHING
        self.rpc.call("crm.lead", "action_restore", leads)
        return None

    def do_change_dealership(self, rng):
        """Give open leads to another dealership."""
        leads = self.leads("lead.closed_status IS NULL", rng, 3)
        if not leads:
            return NOTHING
        self.rpc.write("crm.lead", leads, dealership_id=rng.choice(self.office.dealerships))
        return None

    def do_delete(self, rng):
        """Delete an open lead; refused where a dealer has its order."""
        leads = self.leads("lead.closed_status IS NULL", rng, 1)
        if not leads:
            return NOTHING
        names = self.office.select(f"SELECT name FROM crm_lead WHERE id = {leads[0]}")
        try:
            self.rpc.call("crm.lead", "unlink", leads)
        except RpcError:
            raise
        except NO_ANSWER:
            self.history.deleted.update(each["name"] for each in names)
            raise
        self.history.deleted.update(each["name"] for each in names)
        return None

    # ------------------------------------------------------------
    # Orders
    # ------------------------------------------------------------

    def do_push_now(self, rng):
        """Press *Push Now*."""
        self.rpc.call("bpo.dealership", "action_push_now", [rng.choice(self.office.dealerships)])

    def do_test_connection(self, _rng):
        """Press *Test Connection* where it is asked for."""
        paused = self.office.select("SELECT id FROM bpo_dealership WHERE paused")
        for each in paused:
            self.rpc.call("bpo.dealership", "action_test_connection", [each["id"]])
        return None if paused else NOTHING

    def do_retry(self, rng):
        """Press *Retry* on failed orders."""
        orders = self.orders("o.state = 'failed'", rng)
        for order in orders:
            self.rpc.call("bpo.dealer.order", "action_retry", [order])
        return None if orders else NOTHING

    def do_check(self, rng):
        """Press *Check at Dealer*."""
        orders = self.orders("o.state = 'sent'", rng, 10)
        if not orders:
            return NOTHING
        self.rpc.call("bpo.dealer.order", "action_check_at_dealer", orders)
        return None

    def do_send_again(self, rng):
        """Press *Send Again* on orders that are missing."""
        orders = self.orders("o.state = 'sent' AND o.remote_state = 'missing'", rng)
        if not orders:
            return NOTHING
        self.rpc.call("bpo.dealer.order", "action_send_again", orders)
        return None

    def do_audit(self, rng):
        """Have all orders of a dealership looked at, and send those again that are missing."""
        dealership = rng.choice(self.office.dealerships)
        sent = (
            f"SELECT id FROM bpo_dealer_order WHERE state = 'sent' AND dealership_id = {dealership}"
        )
        if not (orders := self.office.select(sent)):
            return NOTHING
        ids = [each["id"] for each in orders]
        self.rpc.call("bpo.dealer.order", "action_check_at_dealer", ids)
        self.rpc.call("bpo.dealership", "action_push_now", [dealership])
        missing = self.office.select(f"{sent} AND remote_state = 'missing'")
        self.details["orders"] = [each["id"] for each in missing]
        if missing:
            self.rpc.call("bpo.dealer.order", "action_send_again", self.details["orders"])
        return None

    def do_confirm_not_sent(self, rng):
        """Look at the dealer for orders that may be there, and say so where they are not."""
        found = self.office.select(
            "SELECT o.id, o.external_id, o.dealership_id FROM bpo_dealer_order o"
            " WHERE o.state IN ('failed', 'cancelled') AND o.possibly_sent"
            " AND o.write_date < now() AT TIME ZONE 'UTC'"
            f" - interval '{LOOK_SECONDS} seconds' ORDER BY o.id"
        )
        confirmed = []
        for order in rng.sample(found, min(len(found), 3)):
            dealer = self.office.dealer_of(order["dealership_id"])
            module, name = order["external_id"].split(".")
            base = "_".join(name.split("_")[:3])
            there = self.office.select(
                "SELECT res_id FROM ir_model_data WHERE model = 'sale.order'"
                f" AND module = '{module}' AND starts_with(name, '{base}')",
                dealer,
            )
            if not there:
                self.rpc.call("bpo.dealer.order", "action_confirm_not_sent", [order["id"]])
                confirmed.append(order["id"])
        self.details["orders"] = confirmed
        return None if confirmed else NOTHING


class DealerStaff:
    """People at the dealers, who do with the orders what they are asked, and what they like."""

    def __init__(self, office):
        self.office = office
        self.history = office.history

    def perform(self, rng):
        """Give orders up that were reopened here, or confirm some; write down which."""
        number = rng.randrange(len(self.office.dealerships))
        how = rng.choice(("cancel", "cancel", "delete", "confirm"))
        dealer = self.office.servers.dealers[number]
        keys = []
        try:
            keys = self.choose(dealer, self.office.dealerships[number], how, rng)
            for data in keys:
                self.treat(dealer, data, how)
            outcome = "done" if keys else NOTHING
        except RpcError as error:
            outcome = f"refused: {str(error).splitlines()[-1][:200]}"
        except NO_ANSWER as error:
            outcome = f"no answer: {type(error).__name__}"
        details = {"dealer": dealer.database, "orders": [key_of(each) for each in keys]}
        if outcome != NOTHING:
            self.history.note_outcome("staff", how, outcome, **details)

    def choose(self, dealer, dealership_id, how, rng):
        """Return orders of leads that were reopened, or, now and then, of any."""
        orders = self.office.select(
            "SELECT d.module, d.name, d.res_id FROM ir_model_data d"
            " JOIN sale_order o ON o.id = d.res_id AND d.model = 'sale.order'"
            f" WHERE o.origin LIKE '%: {NAME} %' AND o.state <> 'cancel' ORDER BY o.id",
            dealer,
        )
        if how != "confirm" and rng.random() < 0.8:
            reopened = self.office.select(
                "SELECT o.external_id FROM bpo_dealer_order o JOIN crm_lead l ON l.id = o.lead_id"
                f" WHERE o.dealership_id = {dealership_id} AND l.closed_status IS NULL"
            )
            asked = {each["external_id"] for each in reopened}
            orders = [each for each in orders if key_of(each) in asked]
        return rng.sample(orders, min(len(orders), 2))

    def treat(self, dealer, data, how):
        """Confirm, cancel or delete an order."""
        order = data["res_id"]
        rpc = Rpc(dealer.url, dealer.database, "admin", dealer.rpc.password, timeout=RPC_TIMEOUT)
        if how == "confirm":
            rpc.call("sale.order", "action_confirm", [order])
            return
        # before it is done: nobody knows when a call without an answer is carried out
        key = (dealer.database, key_of(data))
        self.history.given_up.setdefault(key, []).append(utc_now())
        rpc.write("sale.order", order, state="cancel")
        if how == "delete":
            rpc.call("sale.order", "unlink", [order])
