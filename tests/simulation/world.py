# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One world: our database, the dealers, the clock, and what interrupts a worker."""

import random
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg2

from . import orm
from .dealer import Dealer
from .store import Database, SerializationFailure
from .transport import FAULTS, Transport

ROOT, MANAGER, AGENT = 1, 2, 3
CODES = ("VH-1", "VH-2", "VH-3", "VH-4", "VH-5")
# The sales team that dealers file the orders of the call centre under
TEAM = "Call centre"
FIRST_NAMES = ("Jan", "An", "Piet", "Eva", "Tom")
LAST_NAMES = ("Smith", "Peeters", "Maes", "Claes")
INDEXED = {
    "bpo.dealer.order": ("lead_id", "dealership_id", "external_id"),
    "bpo.dealership.order.default": ("dealership_id",),
    "bpo.lead.line": ("lead_id",),
    "mail.activity": ("res_id",),
    "mail.message": ("res_id",),
    "mail.mail": ("order_id",),
    "ir.config_parameter": ("key",),
    "res.currency": ("name",),
}


class Death(BaseException):
    """A worker is killed."""


class DatabaseRefuses(Exception):
    """Our own database does not take what is written, as if there was a bug."""


class Run:
    """What interrupts one run of the worker: at which point, what.

    A point is a letter and a number: ``r3`` the fourth request (before it), ``R3`` after it,
    ``l0`` the first one that gives customers or orders to a dealer, ``L0`` after that, ``o0`` the
    first one that gives it orders, ``O0`` after that, ``i0`` the first one that asks for the ids of
    orders, ``k0`` the first one that reads lines of orders, ``p0`` contacts by their ids, ``c0``
    the first commit, ``b0`` before the first transaction,
    ``f0`` the first time that writes are sent to our database, ``a0`` the first time that a dealer
    is about to be asked and more may be due.
    """

    def __init__(self, plan, is_survey=False):
        self.plan = plan
        self.is_survey = is_survey
        self.counts = Counter()

    def at(self, letter):
        """Return what is to happen at this point: ``[what, seed or plan]``, or None."""
        number = self.counts[letter]
        self.counts[letter] = number + 1
        return self.plan.get(f"{letter}{number}")


class Time:
    """The module ``time``, as far as the addon looks at it."""

    def __init__(self, world):
        self.world = world
        self.began = world.now

    def monotonic(self):
        """Return seconds by the clock of the simulation."""
        return (self.world.now - self.began).total_seconds()


class World:
    """Everything that there is.

    :param product: the loaded modules
    :param seed: decides how the world is set up
    """

    def __init__(self, product, seed):
        self.product = product
        self.random = random.Random(seed)
        self.now = datetime(2026, 3, 2, 8, 0, 0)
        self.time = Time(self)
        self.counts = Counter()
        self.faults = Counter()
        self.serials = 0
        self.truths = 0
        self.runs = []
        self.perform = None
        # {(address, database): Dealer}
        self.dealers = {}
        self.database_name = "ours"
        # what another database than ours did at dealers, though it must not: texts
        self.misdeeds = []
        # {truth: when our database was restored, and forgot something of the lead or its order}
        self.forgotten = {}
        # serials of the orders at dealers that our restored database knows nothing of
        self.unknown = set()
        # serials of the orders that dealers gave to others, whatever they restored since
        self.given = set()
        # {(truth, serial)} of the orders that managers were told of by a raw copy of our database,
        # or by ours before it was restored
        self.mailed_before = set()
        # {truth of a lead: [(dealer, id)] of the orders that were made for it}
        self.ever_made = {}
        # truths of leads whose order had a key of the first release
        self.first_release = set()
        # truths of leads that were made, and won, in a raw copy of our database
        self.copied = set()
        self.our_backup = None
        # ids of orders that our database does not take as sent
        self.bad_rows = set()
        # a dealership has had more than one Odoo
        self.moved = False
        # the talks that are under way
        self.talks = []
        self.database = Database()
        for name, cls in product.classes.items():
            self.database.add_table(
                name, unique=orm.unique_columns(cls), indexed=INDEXED.get(name, ())
            )
        self.registry = orm.Registry(self, product.classes)
        product.use(self)
        self._set_up()

    # ------------------------------------------------------------
    # Setting up
    # ------------------------------------------------------------

    def _set_up(self):
        rng = self.random
        # families share phones, offices e-mails
        self.share = rng.choice([0.2, 0.2, 1.0])
        span = rng.choice([10, 60, 600])
        self.persons = [
            self._make_person(rng, span, self.share) for _number in range(rng.choice([6, 20, 80]))
        ]
        with self.transaction(ROOT, su=True) as env:
            env["res.currency"].create({"name": "EUR"})
            env["res.company"].create({"name": "BPO", "currency_id": 1})
            for name in ("root", "manager", "agent"):
                env["res.users"].create({"name": name, "is_manager": name == "manager"})
            env["ir.config_parameter"].create(
                {"key": "database.uuid", "value": "11112222-3333-4444"}
            )
            # agents reopen leads anyway; that nothing waits for it keeps the seeds what they are
            env["ir.config_parameter"].create({"key": "bpo_crm.undo_seconds", "value": "0"})
            env["bpo.pipeline"].create({})
            for code in CODES:
                env["product.product"].create({"name": f"Unit {code}", "default_code": code})
            for number in range(rng.choice([1, 2, 2, 3])):
                self._add_dealership(env, number, rng)

    @staticmethod
    def _make_person(rng, span, share):
        """Return a customer; some have things in common with others, or what is no phone."""
        number = rng.randrange(span)
        email = rng.random() < 0.8 and f"person{number}@example.com"
        other = rng.randrange(span) if rng.random() < share else number
        phone = rng.choice(
            ["", f"+3225550{other:03}", f"02 555 0{other // 100} {other % 100:02}"]
            + [f"+3225550{number:03}"] * 2
        )
        if email and rng.random() < 0.1:
            phone = rng.choice(["12345", "0000000", "n/a"])
        if not email and not phone:
            phone = f"+3225550{number:03}"
        # mostly the same person has the same name
        naming = random.Random(number) if rng.random() < 0.9 else rng
        name = f"{naming.choice(FIRST_NAMES)} {naming.choice(LAST_NAMES)}"
        return {"name": name, "email": email or "", "phone": phone}

    def _add_dealership(self, env, number, rng):
        dealer = self.add_dealer(f"d{number}", rng)
        dealership = env["bpo.dealership"].create(
            {
                "name": f"Dealership {number}",
                "code": f"D{number}",
                "manager_email": "manager@dealer.example" if rng.random() < 0.9 else False,
                "odoo_url": dealer.url,
                "odoo_db": dealer.database,
                "odoo_login": dealer.login,
                "protocol": "json2",
                "currency_id": 1,
                "write_uid": MANAGER,
                "create_uid": MANAGER,
            }
        )
        self.store_key(env, dealership.id)

    def store_key(self, env, dealership_id):
        """Store the key of a dealership, as entered in this database."""
        key = {
            "stored_key": "*" * 64 + Dealer.api_key,
            "key_database_uuid": env["ir.config_parameter"].get_param("database.uuid"),
        }
        env.transaction.update("bpo.dealership", dealership_id, key)

    def add_dealer(self, name, rng):
        """Set up another Odoo of a dealer."""
        dealer = Dealer(self, name, f"{name}.dealer.example")
        dealer.sequences["sale.order"] = rng.choice([0, 0, 1, 5])
        for code in CODES:
            dealer.add_product(code)
        dealer.order_kinds = {"team_id": {"type": "many2one", "relation": "crm.team"}}
        dealer.tables["crm.team"] = {1: {"name": TEAM}}
        if rng.random() < 0.2:
            dealer.tax, dealer.tax_included = 20.0, rng.random() < 0.5
        if rng.random() < 0.2:
            dealer.pricelist_discount = 5.0
        if rng.random() < 0.15:
            dealer.repriced = {rng.randrange(1, len(CODES) + 1)}
        dealer.clock_shift = rng.choice([0, 0, 0, 5, -20, 7200])
        for person in rng.sample(self.persons, len(self.persons) // 4):
            dealer.add_partner(serial=self.next_serial(), **person)
        self.dealers[dealer.url, dealer.database] = dealer
        return dealer

    # ------------------------------------------------------------
    # What the modules ask for
    # ------------------------------------------------------------

    def next_serial(self):
        """Return a number that nothing else in this world has."""
        self.serials += 1
        return self.serials

    def open_transport(self, settings):
        """Return the way to a dealer; there is one at a time."""
        transport = Transport(self, settings)
        transport.is_survey = bool(self.run and self.run.is_survey)
        # a look at all orders writes nothing there, and may go on beside
        others = [] if transport.is_survey else [each for each in self.talks if not each.is_survey]
        if any(other.dealer is transport.dealer for other in others):
            self.misdeeds.append(f"two talks at a time with {settings.url}")
        self.talks.append(transport)
        return transport

    def being_sent(self):
        """Return the truths of the orders that were given to dealers in talks not yet over."""
        return {truth for transport in self.talks for truth in transport.truths}

    def check_access(self, records, operation):
        """Let everybody do everything: rights are tested elsewhere."""

    def write_key(self, records, value):
        """Refuse: keys are stored by :meth:`store_key`."""
        raise NotImplementedError("keys are not written by forms here")

    def ref(self, env, xml_id):
        """Return what a name of the addon's data stands for."""
        kind = xml_id.partition(".")[2]
        if kind == "mail_template_dealer_order_sent":
            return Template(self, env)
        if kind == "ir_cron_push_dealer_orders":
            return Cron(self)
        if kind.startswith("mail_activity_type_"):
            return ActivityType(xml_id)
        if kind == "group_manager":
            return Group(env)
        raise NotImplementedError(f"the model of the simulation has no {xml_id}")

    # ------------------------------------------------------------
    # Time
    # ------------------------------------------------------------

    def advance(self, seconds):
        """Let time pass, and dealers do what they were asked long ago."""
        self.now += timedelta(seconds=seconds)
        for dealer in self.dealers.values():
            if dealer.late:
                dealer.do_late()

    # ------------------------------------------------------------
    # Transactions
    # ------------------------------------------------------------

    def environment(self, transaction, uid, su=False):
        """Return an environment in a transaction."""
        cursor = orm.Cursor(self.registry, transaction)
        return orm.Environment(cursor, uid, {}, su=su, registry=self.registry)

    def begin(self):
        """Return a new transaction, at a moment that no other one has."""
        self.now += timedelta(microseconds=7)
        return self.database.begin(self.now)

    @contextmanager
    def transaction(self, uid, su=False):
        """Give an environment that is committed when all went well."""
        transaction = self.begin()
        try:
            yield self.environment(transaction, uid, su)
            transaction.commit()
        finally:
            transaction.rollback()

    @contextmanager
    def user(self, uid):
        """Give a user's environment; what is refused, or stands in somebody's way, is undone.

        A user whose request conflicts with the worker's tries again later; that is another event.
        """
        try:
            with self.transaction(uid) as env:
                yield env
        except orm.UserError:
            self.counts["refused to users"] += 1
        except psycopg2.OperationalError:
            self.counts["conflicts of users"] += 1

    # ------------------------------------------------------------
    # Points at which a worker is interrupted
    # ------------------------------------------------------------

    @property
    def run(self):
        """Return the run of the worker that is at work, None while a user is."""
        return self.runs[-1] if self.runs else None

    def _happen(self, what):
        """Let others do something while a worker is at work."""
        self.runs.append(None)
        try:
            for event in what:
                self.perform(event)
        finally:
            self.runs.pop()

    def before_begin(self):
        """Let others do something before a worker's next transaction begins."""
        run = self.run
        found = run and run.at("b")
        if found:
            self._happen(found[1])

    def before_request(self, letters):
        """Return (fault, chance) for the next request.

        :param letters: what it is about, as in points of a plan
        """
        run = self.run
        if run is None:
            return None, None
        found = run.at("r")
        for letter in letters:
            found = run.at(letter) or found
        if not found:
            return None, None
        kind, detail = found
        if kind == "events":
            self._happen(detail)
            return None, None
        if kind not in FAULTS:
            return None, None
        self.faults[kind] += 1
        return kind, random.Random(detail)

    def after_request(self, letters):
        """Let others do something while an answer is on its way.

        :param letters: what the request was about, as in points of a plan
        """
        run = self.run
        found = run and run.at("R")
        for letter in letters.upper() if run else "":
            found = run.at(letter) or found
        if found:
            self._happen(found[1])

    def on_flush(self, env):
        """Let writing fail when it is sent to our database."""
        run = self.run
        if self.bad_rows:
            for order_id, row in env.transaction.writes.get("bpo.dealer.order", {}).items():
                if order_id in self.bad_rows and row and row["state"] == "sent":
                    self.faults["our database refuses one order"] += 1
                    raise DatabaseRefuses("our database does not take this order")
        found = run and run.at("f")
        if not found:
            return
        if found[0] == "conflict":
            self.faults["conflict in ours"] += 1
            raise SerializationFailure("could not serialize access due to concurrent update")
        self.faults["our database refuses"] += 1
        raise DatabaseRefuses("our database does not take it")

    def commit(self, transaction):
        """Commit what the worker wrote, or die over it."""
        run = self.run
        found = run and run.at("c")
        if not found:
            transaction.commit()
            return
        kind, detail = found
        if kind == "die_before":
            self.faults["death before commit"] += 1
            raise Death
        if kind == "conflict":
            self.faults["conflict at commit"] += 1
            raise SerializationFailure("could not serialize access due to concurrent update")
        transaction.commit()
        if kind == "die_after":
            self.faults["death after commit"] += 1
            raise Death
        self._happen(detail)

    # ------------------------------------------------------------
    # The worker
    # ------------------------------------------------------------

    def work(self, plan, talks=20, only=None):
        """Let the scheduled action run once, and be killed perhaps; return whether it was not."""
        self.runs.append(Run(plan))
        try:
            self._work(talks, only)
        except Death:
            return False
        finally:
            self.runs.pop()
        return True

    def _work(self, talks, only):
        given_up = set()
        transaction = self.begin()
        orders = self.environment(transaction, ROOT, su=True)["bpo.dealer.order"]
        transaction.rollback()
        orders._retry_healable()
        for _turn in range(talks):
            transaction = self.begin()
            env = self.environment(transaction, ROOT, su=True)
            orders = env["bpo.dealer.order"]
            try:
                due = orders._get_due_dealership_ids(given_up)
            finally:
                transaction.rollback()
            due = [each for each in due if only is None or each == only]
            if not due:
                break
            self.advance(0.5)
            for dealership_id in due:
                if not self._talk(orders, dealership_id):
                    given_up.add(dealership_id)
        with self.transaction(ROOT, su=True) as env:
            env["bpo.dealer.order"]._schedule_rest(given_up)

    def _talk(self, orders, dealership_id):
        """Push to one dealership as ``DealerPush`` does, which lets no error stop the others."""
        talk = self._guard(orders._choose_talk, dealership_id)
        if not talk:
            return 0
        talk.seconds = 75.0
        turn = OverlappingTurn(self, orders, dealership_id)
        written = self._guard(orders._hold_talk, talk, turn)
        if turn.next_talk:
            self._guard(orders._give_up, turn.next_talk)
        return len(talk.marks) if written else 0

    def _guard(self, work, *args):
        """Let what fails in our database stop nobody else."""
        try:
            return work(*args)
        except psycopg2.OperationalError:
            self.counts["talks ended by a conflict"] += 1
        except DatabaseRefuses:
            self.counts["talks ended by our database"] += 1
        return None

    def survey(self, dealership_id, plan):
        """Look at all orders of a dealership."""
        self.runs.append(Run(plan, is_survey=True))
        try:
            transaction = self.begin()
            env = self.environment(transaction, ROOT, su=True)
            transaction.rollback()
            env["bpo.dealership"]._survey_dealership(dealership_id, 75.0)
        except psycopg2.OperationalError:
            self.counts["talks ended by a conflict"] += 1
        except Death:
            return
        finally:
            self.runs.pop()

    def push_now(self, dealership_id, plan):
        """Let a manager press Push Now."""
        self.runs.append(Run(plan))
        try:
            transaction = self.begin()
            env = self.environment(transaction, MANAGER)
            try:
                env["bpo.dealership"].browse(dealership_id).action_push_now()
            finally:
                transaction.rollback()
        except (orm.UserError, psycopg2.OperationalError):
            self.counts["refused to users"] += 1
        except Death:
            return
        finally:
            self.runs.pop()

    def dealer_at(self, place):
        """Return the dealer's Odoo at a place (address and database), or None."""
        url, _blank, database = (place or "").partition(" ")
        return self.dealers.get((url, database))

    def order_at(self, place, remote_id):
        """Return the order with an id in the Odoo at a place, or None."""
        dealer = self.dealer_at(place)
        return dealer.orders.get(remote_id) if dealer else None

    def knows(self, row, dealer, order_id):
        """Tell whether a row of the outbox knows, or suspects, that an order is at a dealer."""
        if self.dealer_at(row.get("remote_place")) is not dealer:
            return False
        if row["state"] == "sent":
            key = dealer.external_ids.get(row["external_id"])
            return order_id == row.get("remote_id") or bool(key and key[1] == order_id)
        return bool(row.get("possibly_sent"))

    def check_marks(self):
        """See that no order is said to be certainly not sent that is at a dealer.

        Whatever dies or fails: an agent could take it back, and nobody would know.
        """
        leads = self.database.tables["crm.lead"].rows
        for row in self.database.tables["bpo.dealer.order"].rows.values():
            if row["state"] == "sent":
                # what a row shows of its own it knows from then on; ids may be strangers' by now
                remote = self.order_at(row.get("remote_place"), row.get("remote_id")) or {}
                lead = leads[row["lead_id"]]
                if truth_of(remote) in (lead["truth"], *(lead.get("aliases") or ())):
                    self.unknown.discard(remote["serial"])
            if row["state"] != "sent" and row.get("possibly_sent"):
                self._note_suspected(row, leads[row["lead_id"]])
            if row["state"] == "sent" or row.get("possibly_sent"):
                continue
            truth = leads[row["lead_id"]]["truth"]
            for dealer, order_id in self.ever_made.get(truth, ()):
                order = dealer.orders.get(order_id)
                if (
                    truth_of(order) == truth
                    and order["by"] == "ours"
                    and order["state"] != "cancel"
                    and order["serial"] not in self.unknown
                ):
                    self.misdeeds.append(
                        f"{truth}: {order['name']} is at {dealer.name}, and no mark says so"
                    )

    # ------------------------------------------------------------
    # What is counted
    # ------------------------------------------------------------

    def count_request(self, model, method, kwargs):
        """Count a request that arrives, and the orders that it brings."""
        self.counts["requests"] += 1
        if model == "sale.order" and method == "load" and "partner_id/.id" in kwargs["fields"]:
            self.counts["pushes"] += sum(bool(row[0]) for row in kwargs["data"])

    def on_created(self, dealer, model, record_id):
        """Note what came into being at a dealer."""
        if model != "sale.order":
            return
        self.counts["orders"] += 1
        truth = truth_of(dealer.orders[record_id])
        self.ever_made.setdefault(truth, []).append((dealer, record_id))
        self._note_late(dealer, record_id, truth)
        if self.database_name == "copy":
            origin = dealer.orders[record_id].get("origin")
            self.misdeeds.append(f"a copy of our database sent {origin!r} to {dealer.name}")
        partner = dealer.partners[dealer.orders[record_id]["partner_id/.id"]]
        began = min([talk.began for talk in self.talks if talk.dealer is dealer], default=self.now)
        began = dealer.orders[record_id]["began"] = min(began, dealer.asked)
        if partner.get("active") is False and partner["edited"] < began:
            dealer.orders[record_id]["to_archived"] = True
        for line in dealer.orders[record_id].get("order_line", ()):
            product = dealer.tables["product.product"][line["product_id/.id"]]
            if product["default_code"] not in CODES and product["edited"] < began:
                self.misdeeds.append(f"an order has a product of {dealer.name} with another code")

    def _note_suspected(self, row, lead):
        """Note that a row with a mark leads to what a backup had forgotten, by its later keys.

        From now on: not where the talk that set the mark has brought the order there already.
        """
        truths = (lead["truth"], *(lead.get("aliases") or ()))
        dealer = self.dealer_at(row.get("remote_place"))
        if not (dealer and self.unknown) or dealer.late:
            return
        if dealer.external_ids.get(row["external_id"], (None, None))[1] in dealer.orders:
            return
        for order in dealer.orders.values():
            if truth_of(order) in truths and order["asked"] <= (
                row.get("first_attempt") or self.now
            ):
                self.unknown.discard(order["serial"])

    def _note_late(self, dealer, order_id, truth):
        """Note an order that was asked for before our database was restored, and comes now."""
        order = dealer.orders[order_id]
        if truth not in self.forgotten or order["asked"] > self.forgotten[truth]:
            return
        leads = self.database.tables["crm.lead"].rows
        rows = self.database.tables["bpo.dealer.order"].rows.values()
        if not any(
            leads[row["lead_id"]]["truth"] == truth and self.knows(row, dealer, order_id)
            for row in rows
        ):
            self.unknown.add(order["serial"])


class OverlappingTurn:
    """The turn of a talk in whose course the next one begins, if the plan of the run says so.

    There are no threads: the next talk has its turn, and is written, before this one is written.
    """

    def __init__(self, world, orders, dealership_id):
        self.world = world
        self.orders = orders
        self.dealership_id = dealership_id
        # marked, and waiting for its turn
        self.next_talk = None

    def begin_next(self):
        """Choose and mark the next talk before the dealer is asked."""
        run = self.world.run
        if run and run.at("a"):
            self.world.counts["overlapping talks"] += 1
            self.next_talk = self.world._guard(self.orders._choose_talk, self.dealership_id)

    def pass_on(self, well=True):
        """Hold the next talk: the dealer has answered."""
        talk, self.next_talk = self.next_talk, None
        if talk:
            talk.seconds = 75.0
            self.world._guard(self.orders._hold_talk, talk)

    def give_head_start(self):
        """The next talk is over by now."""


class Template:
    """The template of the e-mail: who is told is noted."""

    def __init__(self, world, env):
        self.world = world
        self.env = env

    def sudo(self):
        """Return itself."""
        return self

    def with_context(self, **context):
        """Return itself."""
        return self

    def send_mail_batch(self, order_ids, force_send):
        """Queue one mail per order, and note which order at the dealer it is about."""
        env, mails = self.env, []
        for order_id in order_ids:
            row = env.transaction.get("bpo.dealer.order", order_id)
            remote = self.world.order_at(row.get("remote_place"), row.get("remote_id")) or {}
            mails.append(
                {
                    "order_id": order_id,
                    "serial": remote.get("serial"),
                    "truth": truth_of(remote),
                }
            )
        env["mail.mail"].create(mails)


class Cron:
    """The scheduled action."""

    active = True
    name = "Push"

    def __init__(self, world):
        self.world = world

    def sudo(self):
        """Return itself."""
        return self

    def _trigger(self, at=None):
        self.world.counts["triggers"] += 1


class ActivityType:
    """A type of activity; its name is its id."""

    summary = "Dealer order failed"

    def __init__(self, xml_id):
        self.id = xml_id


class Group:
    """The group of managers."""

    def __init__(self, env):
        self.env = env

    def sudo(self):
        """Return itself."""
        return self

    @property
    def all_user_ids(self):
        """Return the managers."""
        return self.env["res.users"].search([("is_manager", "=", True)])


def truth_of(order):
    """Return the lead that an order at a dealer is for, by what it says; None for a stranger's."""
    origin = (order or {}).get("origin") or ""
    return origin.rpartition("Lead ")[2] or None if "Lead " in origin else None
