# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A dealer's Odoo within the process: that of the unit tests, with users, backups, and no HTTP."""

import sys
from collections import defaultdict
from datetime import timedelta

from .product import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "tests" / "dealer_api"))

from fault_dealer import API_KEY, OWN_PARTNER, FaultDealer, OdooError, _Handler

# Dealers whose users are somebody else than the service user
OTHER_USER = 99


class Dealer(FaultDealer):
    """One installation of Odoo, at one address.

    What stands in its records beside Odoo's own fields is for the simulation alone: ``serial``
    (no two orders have the same, whatever is restored), ``began`` (the talk that sent it),
    ``asked``, ``made``, ``edited`` (when), and ``by`` whom.
    """

    def __init__(self, world, name, host):
        super().__init__()
        self.world = world
        self.name = name
        self.host = host
        self.database = f"db_{name}"
        self.sequences = {}
        # An answer is not given from here on: what was asked is carried out then. [(when, work)]
        self.late = []
        # When the request was sent that is being carried out
        self.asked = world.now
        self.is_up = True
        self.is_open = True
        # Orders of these references end the worker that takes them in.
        self.poison = set()
        # Products whose price an automation changes on new orders
        self.repriced = set()
        self.automation = self._reprice
        # The key was not taken at some time
        self.was_closed = False
        # How often it was said that we may not come in, though we may
        self.refusals = 0
        # It has given answers of a wrong shape
        self.talked_nonsense = False
        # {id of a contact: when we were told that we may not read it}
        self.closed_contacts = defaultdict(list)
        self.dump = None
        self.was_restored = False
        # serials of the orders that a restored backup had
        self.brought_back = set()

    @property
    def url(self):
        return f"https://{self.host}"

    def next_id(self, model):
        """Return the next number of the sequence: deleted ids are not given out again."""
        self.sequences[model] = self.sequences.get(model, 0) + 1
        return self.sequences[model]

    def now(self, **shift):
        """Return the moment by the clock of the simulation."""
        moment = self.world.now + timedelta(seconds=self.clock_shift or 0)
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def _candidates(self, model, domain):
        for leaf in domain:
            if len(leaf) == 3 and leaf[0] == "id" and leaf[1] == "in" and domain[0] is leaf:
                return sorted(each for each in leaf[2] if each in self.tables[model])
        return sorted(self.tables[model])

    def _order_lines(self, domain):
        [(name, operator, ids)] = domain
        if (name, operator) != ("order_id", "in"):
            raise NotImplementedError(f"lines are not looked for by {domain} here")
        return [
            {"order_id": order_id, "product_id": line.get("product_id/.id"), **line}
            for order_id in sorted(ids)
            if self._readable("sale.order", order_id)
            for line in self.orders[order_id].get("order_line", ())
        ]

    def _reprice(self, values):
        """Do to a new order what an automation of the dealer does, and note who made it."""
        values["serial"] = self.world.next_serial()
        values["made"] = self.world.now
        values["asked"] = self.asked
        values["by"] = self.world.database_name
        for line in values.get("order_line", ()):
            if line.get("product_id/.id") in self.repriced:
                line["price_unit"] = round((line.get("price_unit") or 0) * 0.9, 2)

    def _create(self, model, values):
        record_id = super()._create(model, values)
        if model == "res.partner":
            self.partners[record_id].update(serial=self.world.next_serial(), by="ours")
        if values.get("partner_id/.id") != OWN_PARTNER:
            # an order on trial is taken back
            self.world.on_created(self, model, record_id)
        return record_id

    # ------------------------------------------------------------
    # A request
    # ------------------------------------------------------------

    def carry_out(self, model, method, kwargs, secret):
        """Do what a request asks for; return status, content type and body of the answer."""
        try:
            if secret != f"bearer {API_KEY}" or not self.is_open:
                raise OdooError("Unauthorized", "Invalid apikey")
            kwargs = dict(kwargs)
            result = self.call(model, method, kwargs.pop("ids", None), kwargs)
        except OdooError as error:
            answer = _Handler._json_answer(None, None, error)
        else:
            answer = _Handler._json_answer(None, result, None)
        # the transport gives the type without what follows it
        return answer[0], answer[1].partition(";")[0], answer[2]

    def kills_worker(self, model, method, kwargs):
        """Tell whether a request holds an order that this dealer's worker does not survive."""
        if not self.poison or model != "sale.order" or method != "load":
            return False
        return any(cell in self.poison for row in kwargs["data"] for cell in row[:6])

    def do_late(self, everything=False):
        """Carry out what was asked for long ago, and whose time has come."""
        due = [each for each in self.late if everything or each[0] <= self.world.now]
        for each in due:
            if each in self.late:
                self.late.remove(each)
                each[1]()

    # ------------------------------------------------------------
    # Backups
    # ------------------------------------------------------------

    def backup(self):
        """Return what a dump of its database holds."""
        return (
            {
                name: {key: dict(row) for key, row in table.items()}
                for name, table in self.tables.items()
            },
            dict(self.external_ids),
            dict(self.sequences),
        )

    def restore(self, dump):
        """Put a dump in the place of what is there; what was under way is lost."""
        tables, self.external_ids, self.sequences = dump[0], dict(dump[1]), dict(dump[2])
        self.tables = {
            name: {key: dict(row) for key, row in table.items()} for name, table in tables.items()
        }
        self.late = []
        self.was_restored = True
        orders = self.tables["sale.order"].values()
        self.brought_back.update(order["serial"] for order in orders if order.get("serial"))

    # ------------------------------------------------------------
    # Its users
    # ------------------------------------------------------------

    def get_amounts(self, order):
        """Return the amounts of an order as this dealer's taxes and price lists make them."""
        return self._amounts(order)

    def replace(self, model, record_id, **values):
        """Change a record; records are replaced, never changed in place."""
        self.tables[model][record_id] = {**self.tables[model][record_id], **values}

    def take_in(self, rng, key, reference, truth):
        """Have an order since yesterday that a copy of our database sent under this key."""
        if not self.partners:
            return
        number = self.next_id("sale.order")
        yesterday = self.world.now - timedelta(days=1)
        self.external_ids[key] = ("sale.order", number, True)
        self.orders[number] = {
            "name": f"S{number:05d}",
            "state": "draft",
            "create_date": yesterday.strftime("%Y-%m-%d %H:%M:%S"),
            "currency_id": 1,
            "user_id": self.uid,
            "partner_id/.id": rng.choice(sorted(self.partners)),
            "client_order_ref": reference,
            "origin": f"{reference}: Lead {truth}",
            "order_line": [
                {"product_id/.id": 1, "product_uom_qty": 1.0, "price_unit": 100.0, "discount": 0.0}
            ],
            "serial": self.world.next_serial(),
            "made": yesterday,
            "asked": yesterday,
            "by": "raw copy",
        }

    def sell(self, rng):
        """Make an order of the dealer's own: it takes an id."""
        if not self.partners:
            return
        partner_id = rng.choice(sorted(self.partners))
        number = self.next_id("sale.order")
        product_id = rng.choice(sorted(self.tables["product.product"]))
        self.orders[number] = {
            "name": f"S{number:05d}",
            "state": "draft",
            "create_date": self.now(),
            "currency_id": 1,
            "user_id": rng.choice([False, OTHER_USER, self.uid]),
            "partner_id/.id": partner_id,
            "client_order_ref": "own",
            "origin": "",
            "order_line": [
                {"product_id/.id": product_id, "product_uom_qty": 1.0, "price_unit": 5.0}
            ],
            "serial": self.world.next_serial(),
            "made": self.world.now,
            "asked": self.world.now,
            "by": "dealer",
        }
