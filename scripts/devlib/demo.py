# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demonstration: a call centre's Odoo, a dealership's own Odoo, and an order between them."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from . import databases, dealer, demo_past, paths
from .console import Problem, Progress, say
from .ports import port_is_free
from .postgres import database_name
from .process import Child
from .rpc import Rpc, RpcError
from .servers import OdooServer

DEALERSHIP_CODE = "HARBOUR"
COMPANY = "Harbour Motors"
# {our Internal Reference: the dealer's own}
OWN_CODES = {"ACC-ROOF": "ROOF-400"}
ORDER_TIMEOUT = 120
LEAD_FIELDS = ["name", "dealership_id", "dealer_order_id"]
ORDER_FIELDS = ["lead_id", "state", "remote_id", "remote_name", "error"]

# What to look at first, by a person who has not seen it before. In braces: the two addresses.
TOUR = """\
A tour in five steps. Each password is the login; log out in between, or use private windows.

1. {bpo}/odoo/crm as alice, an agent: her board.
   Drag "Hatchbacks for a driving school" from Negotiation to Won. The notice offers Undo for 15
   seconds; then the card shows the number of the dealer's order, in green.
2. {dealer}/odoo/sales as admin: the dealership's own Odoo, with nothing of ours.
   Remove the filter My Quotations: the order is in nobody's name until somebody takes it. On top
   it is. Open it: customer, units and agreed prices.
3. {bpo}/odoo/crm as alice again.
   Drag "Trade-in against an estate" to Lost, on the right. The dialog asks for a reason: choose
   one and press Mark as Lost. Undo in the notice takes it back.
4. {bpo}/odoo/crm as supervisor: the menus Dealers and Reporting.
   Dealers, Overview: one dealership is connected, one out of reach, one paused; the numbers open
   their orders. Reporting: Funnel, Time in Stage, Lost Reasons, Agents, Services, Dealers.
5. {bpo}/odoo/crm as manager: an order to put right.
   Dealers, Problems: Harbour Motors has no product ACC-ROOF. Dealers, Codes and Prices: type
   ROOF-400 as its code for the Roof Box, and save. Within seconds the problem is gone, and the
   order at the dealer.
"""


def port(variable, default):
    """Return the port named by an environment variable; refuse what is none or is taken."""
    given = os.environ.get(variable) or str(default)
    if not given.isdigit() or not 0 < int(given) < 65536:
        raise Problem(f"{variable} is '{given}', which is not a port.")
    if not port_is_free(int(given)):
        raise Problem(
            f"Port {given} of 127.0.0.1 is taken by another program. End it, or choose another"
            f" port: {variable}=8169 scripts/demo"
        )
    return int(given)


def given_ports():
    """Return the ports of the two servers, as the environment has them."""
    ports = port("BPO_HTTP_PORT", 8069), port("BPO_DEALER_HTTP_PORT", 8070)
    if ports[0] == ports[1]:
        raise Problem("BPO_HTTP_PORT and BPO_DEALER_HTTP_PORT name the same port.")
    return ports


class Demo:
    """The two servers and what is shown on them.

    :param fresh: begin anew, with new databases
    :param role: what the databases are called in this checkout
    :param ports: of the two servers, instead of those that the environment names
    """

    def __init__(self, odoo, postgres, fresh=False, role="demo", ports=None):
        self.odoo = odoo
        self.postgres = postgres
        self.fresh = fresh
        self.bpo_port, self.dealer_port = ports or given_ports()
        self.bpo = self._server(role, self.bpo_port, addon=True)
        self.dealer = self._server(f"{role}_dealer", self.dealer_port, addon=False)
        self.bpo_rpc = self._admin(self.bpo)
        self.dealer_rpc = self._admin(self.dealer)

    def _server(self, role, number, addon):
        crons = 2 if addon else 1
        return OdooServer(
            self.odoo, self.postgres, database_name(role), number, addon=addon, crons=crons
        )

    @staticmethod
    def _admin(server):
        return Rpc(server.url, server.database, "admin", "admin")

    # -- from nothing to two running servers

    def start(self):
        """Create what is missing and start both servers."""
        self.install_apps()
        self.prepare_bpo()
        new_dealer = self.prepare_dealer()
        with Progress("Starting the two servers"):
            self.bpo.log.unlink(missing_ok=True)
            self.dealer.log.unlink(missing_ok=True)
            self.bpo.start(wait=False)
            self.dealer.start(wait=False)
            self.bpo.wait_ready()
            self.dealer.wait_ready()
        self.connect(new_dealer)

    def stop(self):
        """End both servers."""
        for server in (self.bpo, self.dealer):
            if server.child:
                server.child.terminate()
        self.bpo.stop()
        self.dealer.stop()

    def install_apps(self):
        """Install Odoo's own apps for both databases side by side; that takes longest."""
        wanted = []
        if self.fresh or not self.postgres.exists(self.bpo.database):
            wanted.append((databases.dependencies(), True))
        if self.fresh or not self.postgres.exists(self.dealer.database):
            wanted.append((databases.DEALER_MODULES, False))
        with ThreadPoolExecutor() as pool:
            runs = [
                pool.submit(databases.template, self.odoo, self.postgres, modules, demo)
                for modules, demo in wanted
            ]
        for run in runs:
            run.result()

    def prepare_bpo(self):
        """Make the BPO's database, or bring it up to date with the addon."""
        if self.fresh:
            self.postgres.drop(self.bpo.database)
        digest = databases.addon_digest()
        if not self.postgres.exists(self.bpo.database):
            template = databases.addon_template(self.odoo, self.postgres, demo=True)
            new = f"{self.bpo.database}_new"
            self.postgres.clone(template, new)
            self._remember_digest(new, digest)
            # the keys that demo data has entered, in the template: no copy, but this one is it
            self.postgres.sql(
                "UPDATE bpo_dealership SET key_database_uuid = parameter.value"
                "  FROM ir_config_parameter parameter"
                " WHERE parameter.key = 'database.uuid' AND key_database_uuid IS NOT NULL",
                new,
            )
            self.postgres.rename(new, self.bpo.database)
        elif self._remembered_digest() != digest:
            self._update_addon(digest)

    def _update_addon(self, digest):
        """Update the addon in a database made with another state of it."""
        arguments = databases.odoo_arguments(
            *[self.odoo, self.bpo.database, f"--update={paths.ADDON}"],
            *["--with-demo", "--no-http", "--stop-after-init"],
        )
        environment = self.postgres.environment()
        with Progress("Updating the addon in the database of the demonstration"):
            log = self.bpo.log
            log.unlink(missing_ok=True)
            with Child(self.odoo.command(*arguments), log=log, env=environment) as child:
                if child.wait():
                    raise Problem(
                        f"The addon could not be updated (see {log}). To begin anew:"
                        " scripts/demo --fresh"
                    )
            self._remember_digest(self.bpo.database, digest)

    def _remembered_digest(self):
        return self.postgres.sql(
            "SELECT value FROM ir_config_parameter WHERE key = 'bpo_crm.demo_digest'",
            self.bpo.database,
        )

    def _remember_digest(self, database, digest):
        """Note the addon's state, and allow dealers on this machine."""
        values = {"bpo_crm.demo_digest": digest, "bpo_crm.allow_private_addresses": "True"}
        for key, value in values.items():
            self.postgres.sql(
                f"INSERT INTO ir_config_parameter (key, value) VALUES ('{key}', '{value}')"
                f" ON CONFLICT (key) DO UPDATE SET value = '{value}'",
                database,
            )

    def prepare_dealer(self):
        """Make the dealer's database; return the key of its service user when it is new."""
        if self.fresh:
            self.postgres.drop(self.dealer.database)
        if self.postgres.exists(self.dealer.database):
            return None
        template = databases.template(self.odoo, self.postgres, databases.DEALER_MODULES)
        new = f"{self.dealer.database}_new"
        self.postgres.clone(template, new)
        with Progress("Giving the dealer its products, past orders and a service user"):
            key = self._equip_dealer(new)
        self.postgres.rename(new, self.dealer.database)
        return key

    def _equip_dealer(self, database):
        """Give the dealer what it lacks, and return a new key of its service user."""
        key = dealer.prepare(self.odoo, self.postgres, database, self._products(), COMPANY)
        demo_past.bring_over(self.odoo, self.postgres, self.bpo.database, database, DEALERSHIP_CODE)
        return key

    def _products(self):
        """Return (Internal Reference, name, price) of the products of the demo data."""
        rows = self.postgres.sql(
            "SELECT product.default_code, template.name ->> 'en_US', template.list_price"
            "  FROM product_product product"
            "  JOIN product_template template ON template.id = product.product_tmpl_id"
            "  JOIN ir_model_data data ON data.model = 'product.product'"
            f"   AND data.res_id = product.id AND data.module = '{paths.ADDON}'"
            " WHERE product.default_code IS NOT NULL ORDER BY product.id",
            self.bpo.database,
        )
        for row in rows.splitlines():
            code, name, price = row.split("|")
            yield OWN_CODES.get(code, code), name, float(price)

    def connect(self, key):
        """Enter the dealer's connection in the dealership, and test it.

        :param key: the service user's API key when it is new
        """
        [dealership] = self.bpo_rpc.search_read(
            "bpo.dealership", [("code", "=", DEALERSHIP_CODE)], ["odoo_url", "connection_state"]
        )
        # by name, not by number: a browser keeps one log-in per host, whatever the port
        values = {
            "odoo_url": f"http://localhost:{self.dealer_port}",
            "odoo_db": self.dealer.database,
            "odoo_login": dealer.LOGIN,
            "allow_http": True,
        }
        if not key and dealership["connection_state"] != "connected":
            # stopped between making the dealer and entering its key: nobody knows the key
            key = self._equip_dealer(self.dealer.database)
        if key:
            values["odoo_api_key"] = key
        if key or dealership["odoo_url"] != values["odoo_url"]:
            self.bpo_rpc.write("bpo.dealership", dealership["id"], **values)
            # its past orders are there, or it is another port
            for action in ("same_odoo", "test_connection", "survey", "check_products"):
                self.bpo_rpc.call("bpo.dealership", f"action_{action}", [dealership["id"]])
        tested = self.bpo_rpc.read(
            "bpo.dealership", dealership["id"], "connection_state", "last_message", "name"
        )
        if tested["connection_state"] != "connected":
            raise Problem(
                f"The connection of {tested['name']} does not work: {tested['last_message']}\n"
                "To begin anew: scripts/demo --fresh"
            )

    # -- the order

    def show_order(self):
        """Win a lead unless one was won before, and show its order as the dealer has it."""
        order = self._existing_order()
        if order:
            say(f"Won before, nothing is won twice: {order['lead_id'][1]}")
        else:
            order = self._win_one()
        order = self._wait_until_sent(order["id"])
        [there] = self.dealer_rpc.search_read(
            "sale.order",
            [("id", "=", order["remote_id"])],
            ["name", "amount_untaxed", "partner_id", "client_order_ref"],
        )
        say(
            f"Order at the dealer: {there['name']}, {there['partner_id'][1]},"
            f" {there['amount_untaxed']:.2f}, reference {there['client_order_ref']}"
        )

    def _existing_order(self):
        """Return the order of a lead that was won before, if any."""
        orders = self.bpo_rpc.search_read(
            "bpo.dealer.order",
            [("state", "in", ["sent", "pending"]), ("lead_id", "in", self._get_leads())],
            ORDER_FIELDS,
            order="id",
            limit=1,
        )
        return orders[0] if orders else None

    def _get_leads(self):
        """Return the ids of the dealership's leads that are to be won, not those of the past."""
        rows = self.bpo_rpc.search_read(
            "ir.model.data",
            [
                ("module", "=", paths.ADDON),
                ("model", "=", "crm.lead"),
                ("name", "not like", "past_"),
            ],
            ["res_id"],
        )
        leads = self.bpo_rpc.search_read(
            "crm.lead",
            [
                ("id", "in", [row["res_id"] for row in rows]),
                ("dealership_id.code", "=", DEALERSHIP_CODE),
            ],
            ["id"],
        )
        return [lead["id"] for lead in leads]

    def _win_one(self):
        """Win the first lead that is ready for its dealer."""
        leads = self.bpo_rpc.search_read(
            "crm.lead",
            [
                ("id", "in", self._get_leads()),
                ("won_status", "=", "pending"),
                ("line_ids", "!=", False),
            ],
            LEAD_FIELDS,
            order="stage_id desc, id",
        )
        refusal = "there is none"
        for lead in leads:
            try:
                # nobody is there to click Undo
                context = {"bpo_crm_send_now": True}
                self.bpo_rpc.call("crm.lead", "action_set_won", [lead["id"]], context=context)
            except RpcError as error:
                refusal = str(error)
                continue
            say(f"Won: {lead['name']} (for {lead['dealership_id'][1]})")
            return self._existing_order()
        raise Problem(f"No lead of the demo data can be won: {refusal}")

    def _wait_until_sent(self, order_id):
        """Return the order once the scheduled action has sent it."""
        deadline = time.monotonic() + ORDER_TIMEOUT
        while time.monotonic() < deadline:
            order = self.bpo_rpc.read("bpo.dealer.order", order_id, *ORDER_FIELDS)
            if order["state"] == "sent":
                return order
            if order["state"] == "failed":
                break
            self.check_servers()
            time.sleep(0.2)
        raise Problem(
            f"The order did not reach the dealer ({order['state']}):"
            f" {order['error'] or 'no reason given'}. Log: {self.bpo.log}"
        )

    # -- serving

    def check_servers(self):
        """Say so when a server has ended by itself."""
        for server in (self.bpo, self.dealer):
            if not server.is_running:
                raise Problem(f"The server on port {server.port} has ended. Its log: {server.log}")

    def show_addresses(self):
        """Print where to look and as whom."""
        logins = self.postgres.sql(
            "SELECT users.login FROM res_users users JOIN ir_model_data data"
            f"    ON data.model = 'res.users' AND data.module = '{paths.ADDON}'"
            "   AND data.res_id = users.id AND users.active ORDER BY users.id",
            self.bpo.database,
        ).splitlines()
        say()
        say(f"Call centre   {self.bpo.url}")
        say(f"              {', '.join(logins)}, admin (each password is the login)")
        say(f"Dealership    http://localhost:{self.dealer_port}")
        say("              admin (password admin)")
        say()
        say(TOUR.format(bpo=self.bpo.url, dealer=f"http://localhost:{self.dealer_port}"))

    def serve(self):
        """Go on until Ctrl-C."""
        say("Serving until Ctrl-C.")
        while True:
            self.check_servers()
            time.sleep(1)
