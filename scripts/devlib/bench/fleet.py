# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The daily look at the orders of many dealerships: how many requests, and how long."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..console import Progress
from . import leads
from .compare import run_inside
from .table import Row

DEALERS = 200
PAGE = 500
UID = 7
KEY = "0123456789abcdef0123456789abcdef01234567"
MOMENT = "2026-03-02 08:00:00"
# Looks at all dealerships: the first one writes on every order what it saw, the others find it so.
NIGHTS = 2
LONGEST = 900

_ORDERS = """
    WITH lead AS (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM crm_lead
         ORDER BY id LIMIT {count}
    ), dealership AS (
        SELECT id, odoo_url || ' ' || odoo_db AS place,
               row_number() OVER (ORDER BY id) - 1 AS number
          FROM bpo_dealership WHERE odoo_url = '{url}'
    )
    INSERT INTO bpo_dealer_order
           (lead_id, dealership_id, state, external_id, reference, remote_id, remote_name,
            remote_place, sent_date, currency_id, create_uid, write_uid, create_date, write_date)
    SELECT lead.id, dealership.id, 'sent', 'bpo_crm_bench.lead_' || lead.id,
           'BENCH-' || lead.number % {each}, lead.number % {each} + 1,
           'S' || lead.number % {each}, dealership.place,
           '{moment}', (SELECT min(id) FROM res_currency), 1, 1, now(), now()
      FROM lead
      JOIN dealership ON dealership.number = lead.number / {each}
"""


class Fleet:
    """Many dealers at one address, told apart by their databases: models that know the daily look.

    :param each: the number of orders of each
    """

    def __init__(self, each):
        self.each = each
        # {database: number of requests}
        self.requests = Counter()
        fleet = self

        class Handler(BaseHTTPRequestHandler):
            """Answers what a look asks for, as JSON-2 has it."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                """Answer a call."""
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fleet.requests[self.headers["X-Odoo-Database"]] += 1
                answer = fleet.answer(self.path, asked)
                content = json.dumps(answer).encode()
                self.send_response(200 if answer is not None else 500)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                """Keep no log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self):
        """Return the address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path, asked):
        """Return the next page of a dealer's orders; None for what no look asks for."""
        if path != "/json/2/sale.order/search_read":
            return None
        _creator, (_id, _after, last) = asked["domain"]
        last_of_page = min(last + asked["limit"], self.each)
        return [
            {
                "id": number,
                "name": f"S{number - 1}",
                "state": "draft",
                "currency_id": [1, "EUR"],
                "create_date": MOMENT,
                "write_date": MOMENT,
                "partner_id": [1, "Customer"],
                "client_order_ref": f"BENCH-{number - 1}",
                "amount_untaxed": 1000.0,
                "amount_total": 1000.0,
            }
            for number in range(last + 1, last_of_page + 1)
        ]


def measure(world, dealers, each):
    """Look at all orders of many dealerships; return the rows."""
    bpo = world.new_bpo(crons=0)
    with Fleet(each) as fleet:
        with Progress(f"Making {dealers} dealerships with {each} orders each"):
            leads.insert(world.postgres, bpo.database, dealers * each, addon=True)
            without = count_queries(world, bpo)
            make_orders(bpo, fleet, dealers)
        nights = []
        for _night in range(NIGHTS):
            with Progress(f"Looking at {dealers * each:,} orders"):
                nights.append(look_at_all(bpo, fleet, dealers))
    after = count_queries(world, bpo)
    bpo.destroy()
    most = max(requests for _seconds, requests in nights)
    return [
        Row(
            f"a look at {each} orders of each of {dealers} dealerships: requests per dealership",
            f"one per {PAGE} orders, and one",
            most,
            unit="requests",
            at_most=each // PAGE + 1,
            details=[
                f"night {number}: {seconds:.1f} s, {seconds / dealers * 1000:.0f} ms per dealership"
                f" with {each} orders; {requests} requests each"
                for number, (seconds, requests) in enumerate(nights, 1)
            ],
        ),
        *(
            Row(
                f"opening the {what} after it: queries",
                "before there were orders",
                after[what] - without[what],
                unit="more",
                at_most=0,
                details=[f"{after[what]:g} queries, before {without[what]:g}"],
            )
            for what in after
        ),
    ]


def count_queries(world, bpo):
    """Return ``{what: queries}`` of what people open all day."""
    call = "{'board': measure_board(sides, 3), 'list of deals': measure_list(sides, 3)}"
    measured = run_inside(world.odoo, world.postgres, [bpo.database], call)
    return {what: queries for what, [[_seconds, queries]] in measured.items()}


def make_orders(bpo, fleet, dealers):
    """Make the dealerships, and a sent order for each of so many leads."""
    bpo.rpc.call(
        "bpo.dealership",
        "create",
        [
            {
                "name": f"Fleet {number}",
                "code": f"F-{number}",
                "odoo_url": fleet.url,
                "odoo_db": f"fleet_{number}",
                "odoo_login": "service",
                "odoo_api_key": KEY,
                "protocol": "json2",
                "allow_http": True,
            }
            for number in range(dealers)
        ],
    )
    count = dealers * fleet.each
    statement = _ORDERS.format(count=count, each=fleet.each, url=fleet.url, moment=MOMENT)
    bpo.sql(statement)
    bpo.sql(
        f"UPDATE bpo_dealership SET remote_uid = {UID}, server_version = '19.0',"
        f" connection_state = 'connected' WHERE odoo_url = '{fleet.url}'"
    )
    bpo.sql("ANALYZE bpo_dealer_order")


def look_at_all(bpo, fleet, dealers):
    """Let a day pass, and look; return the seconds, and the most requests that a dealer got."""
    bpo.sql("UPDATE bpo_dealership SET next_survey = NULL, last_survey = NULL")
    cron = bpo.rpc.ref("bpo_crm.ir_cron_check_dealer_orders")
    fleet.requests.clear()
    started = time.monotonic()
    while (
        int(bpo.sql("SELECT count(*) FROM bpo_dealership WHERE last_survey IS NOT NULL")) < dealers
    ):
        if time.monotonic() - started > LONGEST:
            raise AssertionError(f"not all were looked at within {LONGEST} s")
        bpo.rpc.call("ir.cron", "method_direct_trigger", [cron])
    wrong = bpo.sql(
        "SELECT count(*) FROM bpo_dealer_order WHERE remote_state IS DISTINCT FROM 'draft'"
    )
    if int(wrong):
        raise AssertionError(f"{wrong} orders were not seen as they are")
    return time.monotonic() - started, max(fleet.requests.values())
