# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Real servers of end-to-end tests and measurements: a BPO's Odoo, with the addon, and dealers'.

Each is a process of its own with a database of its own on a free port of 127.0.0.1, made from a
template that is kept between runs, so that a new one stands in a few seconds. All end with the
program that started them, also when that is killed.

    def test_order_reaches_the_dealer(bpo, dealer):
        dealership = bpo.connect(dealer)
        lead = bpo.create_lead(dealership, units=[("BIKE-1", 2)])
        bpo.win(lead)
        assert bpo.wait_for_order(lead)["state"] == "sent"
        assert len(dealer.orders_of(bpo, lead)) == 1

``server.start()``, ``stop()``, ``kill()`` (SIGKILL, a crash) and ``restart()`` do what they say;
``server.rpc`` calls any method of any model as administrator.
"""

import base64
import functools
import hashlib
import itertools
import json
import os
import time

from . import databases, dealer, paths
from .ports import free_ports
from .postgres import database_name
from .rpc import Rpc
from .servers import OdooServer

DEALER_PRODUCTS = (
    ("BIKE-1", "City Bike", 1000.0),
    ("BIKE-2", "Touring Bike", 2500.0),
    ("HELMET-1", "Helmet", 80.0),
)

# what Odoo does with a secret before it compares it
KEY_ROUNDS, PASSWORD_ROUNDS = 6_000, 600_000
_END_WAITS = """
    UPDATE {table} SET next_attempt = NULL WHERE id IN (
        SELECT id FROM {table} WHERE next_attempt > now() AT TIME ZONE 'UTC' {condition}
           FOR UPDATE SKIP LOCKED)
"""

_numbers = itertools.count(1)


class Instance(OdooServer):
    """An Odoo server with an administrator to look with.

    :param world: the :class:`World` it belongs to
    :param template: the database it begins with
    :param odoo: the Odoo to run, the world's unless told otherwise
    """

    def __init__(self, world, name, template, odoo=None, **options):
        self.world = world
        self.backups = []
        database = database_name(f"e2e_{os.getpid()}_{name}_{next(_numbers)}")
        world.postgres.clone(template, database)
        [port] = free_ports()
        super().__init__(odoo or world.odoo, world.postgres, database, port, **options)
        self.log.unlink(missing_ok=True)
        self.rpc = self.rpc_as("admin", self.key_of("admin"))

    def rpc_as(self, login, password):
        """Return the server's methods as another user calls them."""
        return Rpc(self.url, self.database, login, password)

    def key_of(self, login):
        """Give a user an API key in the place of the password, and return the key.

        Checking a password takes Odoo a third of a second of CPU, checking a key nearly nothing.
        """
        key = hashlib.sha256(login.encode()).hexdigest()[:40]
        self.set_password(login, None)
        self.sql(
            "INSERT INTO res_users_apikeys (name, user_id, index, key)"
            f" SELECT 'world', id, '{key[:8]}', '{_hashed(key, KEY_ROUNDS)}' FROM res_users"
            f" WHERE login = '{login}'"
        )
        return key

    def set_password(self, login, password):
        """Give a user a password, or none."""
        value = f"'{_hashed(password, PASSWORD_ROUNDS)}'" if password else "NULL"
        self.sql(f"UPDATE res_users SET password = {value} WHERE login = '{login}'")

    def sql(self, statement):
        """Run SQL in the server's database; return what it printed."""
        return self.postgres.sql(statement, self.database)

    def log_text(self):
        """Return all that the server has logged."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def destroy(self):
        """End the server and drop its database."""
        self.kill()
        for database in (self.database, *self.backups):
            self.postgres.drop(database)

    def back_up(self):
        """Return a backup of the server's database; its sessions end, and it opens new ones."""
        backup = f"{self.database}_backup_{len(self.backups) + 1}"
        self.backups.append(backup)
        # a database is copied while nobody uses it
        self.postgres.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            f" WHERE datname = '{self.database}'"
        )
        self._copy(self.database, backup)
        return backup

    def restore(self, backup):
        """Bring the database back to what it was; the server is killed and started again."""
        self.kill()
        self._copy(backup, self.database)
        self.start()

    def _copy(self, source, target):
        """Copy the database with its identity, as backups have it."""
        identity = "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'"
        uuid = self.postgres.sql(identity, source)
        self.postgres.clone(source, target)
        self.postgres.sql(
            f"UPDATE ir_config_parameter SET value = '{uuid}' WHERE key = 'database.uuid'", target
        )


class Dealer(Instance):
    """A dealership's own server: stock Odoo with sales, nothing of ours installed.

    ``login`` and ``api_key`` are those of its service user, who has *own documents* in sales and
    may create contacts. It sells ``DEALER_PRODUCTS``.
    """

    login = dealer.LOGIN

    def __init__(self, world, odoo=None, **options):
        template, self.api_key = world.dealer_template(odoo or world.odoo)
        options = {"crons": 0, **options}
        super().__init__(world, "dealer", template, odoo=odoo, addon=False, **options)

    def orders_of(
        self, bpo, *lead_ids, fields=("name", "state", "client_order_ref", "amount_untaxed")
    ):
        """Return the orders that carry an external id of one of the leads, as dictionaries.

        Also those made under an earlier key of a lead: all that a lead ever brought here.
        """
        data = [
            each
            for lead_id in lead_ids
            for each in self.rpc.search_read(
                "ir.model.data",
                [
                    ("model", "=", "sale.order"),
                    ("module", "=", f"bpo_crm_{bpo.uuid.replace('-', '')[:12]}"),
                    # the first release's keys end in the id
                    "|",
                    ("name", "=", f"lead_{lead_id}"),
                    ("name", "=like", rf"lead\_{lead_id}\_%"),
                ],
                ["res_id"],
            )
        ]
        ids = [each["res_id"] for each in data]
        return self.rpc.search_read("sale.order", [("id", "in", ids)], list(fields), order="id")

    def count(self, model="sale.order", domain=()):
        """Return how many records there are, orders unless told otherwise."""
        return self.rpc.call(model, "search_count", list(domain))


class Bpo(Instance):
    """The BPO's server, with the addon. Dealers on 127.0.0.1 are allowed.

    Its scheduled actions run in threads of their own, as in production; ``crons=0`` leaves them
    to :meth:`push`.

    :param modules: names of addons to install on top, of those in tests/addons or of Odoo's own
    """

    def __init__(self, world, modules=(), **options):
        super().__init__(world, "bpo", world.bpo_template(modules), **options)
        self._uuid = None
        self.twins = []
        # orders go out at commit, but where a test is about the wait
        for key, value in (("allow_private_addresses", "True"), ("undo_seconds", "0")):
            self.sql(
                "INSERT INTO ir_config_parameter (key, value)"
                f" VALUES ('bpo_crm.{key}', '{value}')"
                f" ON CONFLICT (key) DO UPDATE SET value = '{value}'"
            )

    @property
    def uuid(self):
        """Return the identity of the database, part of the external ids at dealers."""
        if self._uuid is None:
            self._uuid = self.sql(
                "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'"
            )
        return self._uuid

    def start_twin(self, **options):
        """Start one more server on the same database; it ends with this one's ``destroy()``."""
        [port] = free_ports()
        twin = OdooServer(self.odoo, self.postgres, self.database, port, **options)
        self.twins.append(twin)
        return twin.start()

    def destroy(self):
        """End all servers of the database, and drop it."""
        for twin in self.twins:
            twin.kill()
        super().destroy()

    def connect(self, dealer_server, **values):
        """Create a dealership that is connected to a dealer's server, and return its id."""
        number = next(_numbers)
        return self.rpc.create(
            "bpo.dealership",
            **{
                "name": f"Dealership {number}",
                "code": f"D-{number}",
                "manager_name": "Branch Manager",
                "manager_email": f"manager{number}@example.com",
                "odoo_url": dealer_server.url,
                "odoo_db": dealer_server.database,
                "odoo_login": dealer_server.login,
                "odoo_api_key": dealer_server.api_key,
                "allow_http": True,
                **values,
            },
        )

    def product(self, code):
        """Return the id of the product with an Internal Reference, creating it when needed."""
        found = self.rpc.call("product.product", "search", [("default_code", "=", code)])
        if found:
            return found[0]
        names = {each[0]: each for each in DEALER_PRODUCTS}
        _code, name, price = names.get(code, (code, f"Product {code}", 100.0))
        return self.rpc.create("product.product", name=name, default_code=code, list_price=price)

    def create_lead(self, dealership_id, units=(("BIKE-1", 1),), **values):
        """Create a lead that is ready to be won, and return its id.

        :param units: (Internal Reference, quantity) or (..., quantity, unit price) of each line
        """
        number = next(_numbers)
        lines = []
        for code, quantity, *price in units:
            line = {"product_id": self.product(code), "quantity": quantity}
            if price:
                line["price_unit"] = price[0]
            lines.append((0, 0, line))
        if "partner_id" not in values:
            values["partner_id"] = self.rpc.create(
                "res.partner", name=f"Customer {number}", email=f"customer{number}@example.com"
            )
        return self.rpc.create(
            "crm.lead",
            **{
                "name": f"Lead {number}",
                "type": "opportunity",
                "dealership_id": dealership_id,
                "line_ids": lines,
                **values,
            },
        )

    def win(self, *lead_ids):
        """Mark leads as won, in one transaction."""
        self.rpc.call("crm.lead", "action_set_won", list(lead_ids))

    def order(self, lead_id):
        """Return a lead's dealer order as a dictionary, or None."""
        fields = [
            *["state", "remote_id", "remote_name", "remote_state", "external_id"],
            *["attempt_count", "error", "error_code", "next_attempt"],
        ]
        orders = self.rpc.search_read("bpo.dealer.order", [("lead_id", "=", lead_id)], fields)
        return orders[0] if orders else None

    def wait_for_order(
        self, lead_id, states=("sent", "failed", "cancelled"), timeout=60, hasten=False
    ):
        """Wait until a lead's dealer order has one of the states; return it as it is then.

        :param hasten: let minutes pass in no time
        """

        def ended():
            order = self.order(lead_id)
            if order and order["state"] in states:
                return order
            if hasten:
                self.let_time_pass()
            return None

        return wait_until(ended, timeout, lambda: f"lead {lead_id}: {self.order(lead_id)}")

    def push(self):
        """Run the scheduled action that sends orders, and return when it has ended."""
        cron = self.rpc.ref("bpo_crm.ir_cron_push_dealer_orders")
        self.rpc.call("ir.cron", "method_direct_trigger", [cron])

    def end_waits(self):
        """Make due what waits for a retry; rows that somebody is at are left alone."""
        for table, condition in (
            ("bpo_dealership", ""),
            ("bpo_dealer_order", "AND state = 'pending'"),
        ):
            self.sql(_END_WAITS.format(table=table, condition=condition))

    def let_time_pass(self):
        """Wake the scheduler as if some minutes had passed.

        It finds due what it was asked to look at later; its usual interval is not shortened.
        """
        self.end_waits()
        self.sql("UPDATE ir_cron_trigger SET call_at = LEAST(call_at, now() AT TIME ZONE 'UTC')")
        self.wake_scheduler()

    def wake_scheduler(self):
        """Have the scheduler look what is due, as it does once a minute by itself."""
        self.postgres.sql(f"NOTIFY cron_trigger, '{self.database}'")

    def set_undo_seconds(self, seconds):
        """Let orders wait for Undo; 0, as everywhere else, sends them at commit."""
        self.rpc.call("ir.config_parameter", "set_param", "bpo_crm.undo_seconds", str(seconds))

    def forget_back_off(self):
        """Let what waits for a retry be tried at once."""
        self.sql("UPDATE bpo_dealership SET next_attempt = NULL")
        self.sql("UPDATE bpo_dealer_order SET next_attempt = NULL WHERE state = 'pending'")


class World:
    """Odoo, PostgreSQL and the servers of one test run."""

    def __init__(self, odoo, postgres):
        self.odoo = odoo
        self.postgres = postgres
        self.instances = []
        self._drop_left_over()

    def _drop_left_over(self):
        """Drop the databases of test runs that were killed."""
        prefix = database_name("e2e_")
        for database in self.postgres.databases(prefix):
            pid = database.removeprefix(prefix).partition("_")[0]
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                self.postgres.drop(database)

    def new_dealer(self, **options):
        """Start a new dealer's server; it ends with the test run or with ``destroy()``."""
        return self._start(Dealer(self, **options))

    def new_bpo(self, **options):
        """Start a new BPO server; it ends with the test run or with ``destroy()``."""
        return self._start(Bpo(self, **options))

    def _start(self, instance):
        self.instances.append(instance)
        return instance.start()

    def close(self):
        """End all servers and drop their databases."""
        for instance in self.instances:
            instance.destroy()

    def bpo_template(self, modules=()):
        """Return the database a BPO server begins with."""
        if modules:
            return databases.extended_template(self.odoo, self.postgres, modules)
        return databases.addon_template(self.odoo, self.postgres)

    def dealer_template(self, odoo):
        """Return the database a dealer's server begins with, and its service user's key."""
        base = databases.template(odoo, self.postgres, databases.DEALER_MODULES)
        with open(dealer.__file__, "rb") as source:
            parts = (base, source.read().hex(), json.dumps(DEALER_PRODUCTS))
        name = database_name(f"dealer_{databases.digest_key(odoo, *parts)}")
        key = paths.run_dir() / f"{name}.key"
        if not key.exists():
            self.postgres.drop(name)

        def build(new):
            self.postgres.clone(base, new)
            key.write_text(dealer.prepare(odoo, self.postgres, new, DEALER_PRODUCTS))

        template = databases.build_once(self.postgres, name, "Preparing a dealer (once)", build)
        return template, key.read_text()


@functools.cache
def _hashed(secret, rounds):
    """Return a key or a password as Odoo stores it."""
    salt = b"world"
    parts = salt, hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, rounds)
    encoded = (base64.b64encode(part, b"./").rstrip(b"=").decode() for part in parts)
    return "$".join(["", "pbkdf2-sha512", str(rounds), *encoded])


def wait_until(condition, timeout=60, describe=lambda: ""):
    """Return the first true value of a condition; fail when there is none in time.

    :param describe: what the failure shows
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not so within {timeout} s: {describe()}")
