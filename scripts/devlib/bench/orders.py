# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Won leads to their dealer: against a plain script, and against the dealer's own limit."""

import functools
import itertools
import time
import xmlrpc.client
from dataclasses import dataclass
from statistics import median

from .. import databases
from ..console import Progress
from .table import Row

BATCH_SIZE = 50
PRODUCT = "BIKE-1"
PRICE = 1000.0
# Both are measured that often, one after the other: a machine's own speed swings by a third.
TURNS = 5
# Seconds between two looks whether all is written back: each is a process of its own, ten of them a
# second took a fifth of a core from what is measured.
POLL_SECONDS = 0.3

_customers = itertools.count(1)

# The dealer's own limit: the same customers and orders, created by Odoo itself in batches, as
# the service user, without a network between.
_IN_PROCESS = """
import time

user = env["res.users"].search([("login", "=", {login!r})])
env = env(user=user.id)
product = env["product.product"].search([("default_code", "=", {product!r})])

def create_batch(numbers):
    customers = env["res.partner"].create([
        {{"name": f"Inside {{n}}", "email": f"inside{{n}}@example.com", "phone": "+3225550100"}}
        for n in numbers
    ])
    orders = env["sale.order"].create([
        {{"partner_id": customer.id, "client_order_ref": f"IN-{{n}}", "origin": f"IN-{{n}}",
         "order_line": [(0, 0, {{"product_id": product.id, "name": product.name,
                                "product_uom_qty": 1, "price_unit": {price!r}}})]}}
        for n, customer in zip(numbers, customers)
    ])
    names = orders.mapped("name")
    env.cr.commit()
    return names

create_batch(range(10))
started = time.perf_counter()
for first in range(10, 10 + {count}, {batch}):
    create_batch(range(first, min(first + {batch}, 10 + {count})))
print("SECONDS:", time.perf_counter() - started)
"""


def measure(world, count, script_count):
    """Push won leads to one dealer; return the rows.

    :param count: leads won by one click
    :param script_count: leads of the plain script, half of them before, half after
    """
    bpo, dealer = world.new_bpo(), world.new_dealer()
    dealership = bpo.connect(dealer)
    set_password(dealer)
    stop_enrichment(bpo)
    with Progress(f"Preparing {count} leads"):
        # caches of both servers are warm afterwards
        push(bpo, dealership, 5)
        run_script(dealer, 2)
    with Progress(f"Creating {script_count} orders by a plain script"):
        script = run_script(dealer, script_count // 2)
    clicks, pushes, insides = [], [], []
    for turn in range(1, TURNS + 1):
        leads = create_leads(bpo, dealership, count)
        with Progress(f"Winning {count} leads, turn {turn} of {TURNS}"):
            click, pushed = win(bpo, leads)
        with Progress(f"Creating {count} orders inside the dealer's Odoo"):
            insides.append(run_inside(world, dealer, count))
        clicks.append(click / count)
        pushes.append(pushed / count)
    with Progress("Creating orders by the plain script once more"):
        script += run_script(dealer, script_count - script_count // 2)
    arrived = dealer.count("sale.order", [("client_order_ref", "=like", "BPO-%")])
    if arrived != TURNS * count + 5:
        raise AssertionError(f"{arrived} orders arrived at the dealer, not {TURNS * count + 5}")
    dealer.destroy()
    bpo.destroy()
    script_each, login_each = script.seconds / script.count, script.login_seconds / script.count
    click, each, inside = median(clicks), median(pushes), median(insides)
    return [
        Row(
            f"orders per second, lead won to written back, 1 dealer, {count} leads",
            "a plain script: authenticate, search, create, create, read per lead",
            script_each / each,
            at_least=15,
            details=[
                f"{count} leads won by one click: all written back {each * count:.1f} s after it,"
                f" {each * 1000:.1f} ms each, {1 / each:.0f} a second",
                f"the click itself, which is stock's move for the most part: {click * count:.1f} s;"
                f" with it {script_each / (each + click):.1f} times the script",
                f"plain script: {script_each * 1000:.0f} ms each over {script.count} leads,"
                f" {login_each * 1000:.0f} ms of which to authenticate",
            ],
        ),
        Row(
            "the same",
            "the dealer's own in-process batch create",
            inside / each,
            at_least=0.8,
            details=[
                f"customers and orders in batches of {BATCH_SIZE}: {inside * 1000:.1f} ms each,"
                f" ours {each * 1000:.1f} ms (medians)",
                f"the turns: {_show(insides)} ms inside, ours {_show(pushes)} ms",
            ],
        ),
    ]


def _show(seconds):
    return ", ".join(f"{each * 1000:.1f}" for each in seconds)


def set_password(dealer):
    """Give the service user a password beside the key, as users have who were invited.

    Odoo tries what a script logs in with as the password first, and a password is expensive
    to check: that is a part of what a login costs.
    """
    users = dealer.rpc.call("res.users", "search", [("login", "=", dealer.login)])
    dealer.rpc.write("res.users", users, password="Service user, bench")


def stop_enrichment(bpo):
    """Switch off the stock action that writes on each new lead soon after it was created.

    A click that meets it waits some seconds, and is tried again by Odoo: nothing of ours.
    """
    bpo.sql(
        "UPDATE ir_cron SET active = false WHERE id IN (SELECT res_id FROM ir_model_data"
        " WHERE module = 'crm_iap_enrich' AND model = 'ir.cron')"
    )


def create_leads(bpo, dealership, count):
    """Create leads that are ready to be won, each of a customer of its own; return their ids."""
    return create_leads_of(bpo, [dealership] * count)


def create_leads_of(bpo, dealerships):
    """Create a lead for each of these dealerships, as :func:`create_leads` does."""
    product = bpo.product(PRODUCT)
    values = []
    for dealership in dealerships:
        number = next(_customers)
        values.append(
            {
                "name": f"Enquiry {number}",
                "type": "opportunity",
                "contact_name": f"Customer {number}",
                "email_from": f"customer{number}@example.com",
                "phone": "+32 2 555 01 00",
                "dealership_id": dealership,
                "line_ids": [(0, 0, {"product_id": product, "quantity": 1, "price_unit": PRICE})],
            }
        )
    return bpo.rpc.call("crm.lead", "create", values)


def win(bpo, leads, wait_for=None):
    """Win leads by one click; return its seconds, and those from then to the write-back.

    :param wait_for: the leads to wait for, when not all of them
    """
    started = time.perf_counter()
    bpo.win(*leads)
    clicked = time.perf_counter()
    wait_for_sent(bpo, wait_for or leads)
    return clicked - started, time.perf_counter() - clicked


def wait_for_sent(bpo, leads, timeout=300):
    """Wait until the orders of all these leads are written back.

    The database itself looks: a process for each look would take a fifth of a core from what is
    measured.
    """
    orders = f"bpo_dealer_order WHERE lead_id IN ({', '.join(map(str, leads))})"
    states = f"SELECT string_agg(DISTINCT state, ', ') FROM {orders}"
    bpo.sql(
        f"SET statement_timeout = '{timeout}s'; DO $$ BEGIN"
        f" WHILE (SELECT count(*) < {len(leads)} FROM {orders} AND state = 'sent') LOOP"
        f" IF EXISTS (SELECT FROM {orders} AND state = 'failed')"
        f" THEN RAISE 'the dealer refused orders: %', ({states}); END IF;"
        f" PERFORM pg_sleep({POLL_SECONDS}); END LOOP; END $$"
    )


def push(bpo, dealership, count):
    """Win a few leads and wait for their orders."""
    return win(bpo, create_leads(bpo, dealership, count))


@dataclass
class Script:
    """What the plain script did, and in how many seconds."""

    count: int = 0
    seconds: float = 0
    login_seconds: float = 0

    def __add__(self, other):
        return Script(
            self.count + other.count,
            self.seconds + other.seconds,
            self.login_seconds + other.login_seconds,
        )


def run_script(dealer, count):
    """Create orders as a plain script would, one lead after the other."""
    [product] = dealer.rpc.call("product.product", "search", [("default_code", "=", PRODUCT)])
    done = Script()
    with (
        xmlrpc.client.ServerProxy(f"{dealer.url}/xmlrpc/2/common") as common,
        xmlrpc.client.ServerProxy(f"{dealer.url}/xmlrpc/2/object") as objects,
    ):
        for number in itertools.islice(_customers, count):
            started = time.perf_counter()
            uid = common.authenticate(dealer.database, dealer.login, dealer.api_key, {})
            logged_in = time.perf_counter()
            run = functools.partial(objects.execute_kw, dealer.database, uid, dealer.api_key)
            create_order(run, product, number)
            ended = time.perf_counter()
            done += Script(1, ended - started, logged_in - started)
    return done


def create_order(run, product, number):
    """Create one order, and the customer unless there is one, as a plain script would.

    :param run: calls a method of a model at the dealer
    """
    email = f"script{number}@example.com"
    found = run("res.partner", "search", [[("email", "=ilike", email)]])
    customer = found[0] if found else None
    if not customer:
        customer = run("res.partner", "create", [{"name": f"Script {number}", "email": email}])
    line = {"product_id": product, "product_uom_qty": 1, "price_unit": PRICE}
    order = run("sale.order", "create", [{"partner_id": customer, "order_line": [(0, 0, line)]}])
    run("sale.order", "read", [[order], ["name"]])


def run_inside(world, dealer, count):
    """Create orders inside the dealer's Odoo; return seconds per order."""
    code = _IN_PROCESS.format(
        login=dealer.login, product=PRODUCT, price=PRICE, count=count, batch=BATCH_SIZE
    )
    printed = databases.shell(world.odoo, world.postgres, dealer.database, code, addon=False)
    return float(printed.rpartition("SECONDS:")[2]) / count
