# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run the scheduled action in this process, with dealers that take each order at once.

Runs in Odoo's shell (see memory.py). What a talk holds does not depend on how many orders wait: it
is about fifty at most. So the dealers are a function here.
"""

import gc
import itertools
import tracemalloc
from pathlib import Path

from odoo.addons.bpo_crm.dealer_api import OrderResult, RemoteOrder
from odoo.addons.bpo_crm.models.engine import dealer_talks
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_push

CRON = "bpo_crm.ir_cron_push_dealer_orders"
# One lead gets its order as all do; the others a copy of it, with a key of their own.
COPY = """
    INSERT INTO bpo_dealer_order
           (lead_id, dealership_id, company_id, state, external_id, reference, payload,
            attempt_count, currency_id, won_date, create_uid, write_uid, create_date, write_date)
    SELECT lead.id, dealerships[1 + lead.id %% %(dealers)s], model.company_id, 'pending',
           'bench.lead_' || lead.id, 'BENCH-' || lead.id,
           jsonb_set(model.payload, '{external_id}', to_jsonb('bench.lead_' || lead.id)),
           0, model.currency_id, now(), 1, 1, now(), now()
      FROM bpo_dealer_order model, crm_lead lead,
           (SELECT array_agg(id) AS dealerships FROM bpo_dealership WHERE code LIKE 'BENCH%%') known
     WHERE model.id = %(order)s AND lead.id <> model.lead_id
"""


class Session:
    """The session with a dealer that is no server."""

    server_version = "19.0"
    uid = 7
    known = (None, None)
    learnt = slow_down = None

    def __init__(self, settings):
        self.settings = settings

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass


numbers = itertools.count(1)


def take_orders(session, orders):
    """Take each order, as a dealer does."""
    return [take_order(number) for number, _order in zip(numbers, orders, strict=False)]


def take_order(number):
    """Return what a dealer answers."""
    remote = RemoteOrder(
        number, name=f"S{number}", state="draft", amount_total=1000.0, amount_untaxed=1000.0
    )
    return OrderResult(
        "sent", "order_sent", remote_id=number, remote_name=remote.name, remote=remote
    )


def prepare(env, dealers):
    """Let all leads have an order that waits for one of so many dealerships."""
    dealerships = env["bpo.dealership"].create(
        [
            {
                "name": f"Bench Motors {number}",
                "code": f"BENCH{number}",
                "odoo_url": f"https://dealer{number}.example.com",
                "odoo_db": "dealer",
                "odoo_login": "service",
                "odoo_api_key": "0123456789abcdef",
                "manager_email": f"manager{number}@example.com",
            }
            for number in range(dealers)
        ]
    )
    product = env["product.product"].create({"name": "Bike", "default_code": "BIKE-1"})
    lead = env["crm.lead"].search([("closed_status", "=", False)], limit=1, order="id")
    lead.dealership_id = dealerships[0]
    env["bpo.lead.line"].create({"lead_id": lead.id, "product_id": product.id, "price_unit": 1000})
    lead.with_context(bpo_crm_send_now=True).action_set_won()
    env.flush_all()
    order = lead.dealer_order_id
    env.cr.execute(COPY, {"order": order.id, "dealers": dealers})
    env.cr.execute("UPDATE bpo_dealer_order SET next_attempt = NULL")
    env.cr.commit()
    env.cr.execute("ANALYZE bpo_dealer_order")
    env.invalidate_all()


def measure(env, count, dealers):
    """Return what a run takes with so many orders waiting.

    :return: bytes of the ``process`` at its most, and of the objects of one ``run``; and how many
        orders were ``sent``
    """
    dealer_talks.push_orders = take_orders
    bpo_dealer_order_push.DealerSession = Session
    prepare(env, dealers)
    cron = env.ref(CRON)
    assert env["bpo.dealer.order"].search_count([("state", "=", "pending")]) == count
    run(env, cron)  # fills caches
    refill(env)
    gc.collect()
    # of the process at its most, from here on
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    run(env, cron)
    status = Path("/proc/self/status").read_text("ascii")
    process = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    refill(env)
    tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    sent = run(env, cron)
    _now, peak = tracemalloc.get_traced_memory()
    return {"process": process, "run": peak - before, "sent": sent}


def refill(env):
    """Let what was sent wait again."""
    env.cr.execute(
        "UPDATE bpo_dealer_order SET state = 'pending', possibly_sent = NULL, next_attempt = NULL,"
        " attempt_count = 0 WHERE state <> 'pending'"
    )
    env.cr.commit()
    env.invalidate_all()


def run(env, cron):
    """Run the scheduled action once; return how many orders it has sent."""
    cron.method_direct_trigger()
    # to see what the run has written
    env.cr.commit()
    env.invalidate_all()
    sent = env["bpo.dealer.order"].search_count([("state", "=", "sent")])
    assert sent
    return sent
