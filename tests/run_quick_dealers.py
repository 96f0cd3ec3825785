# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Up to thousands of model dealers behind one port, for scripts/bench.

    python tests/run_quick_dealers.py PORT DEALERS SECONDS PRODUCT

They are told apart by their databases, so JSON-2 only is spoken. Each takes so many seconds for a
request, however many orders it has: what it is asked for it finds by an index, as a database does.
What they are and have is told at http://127.0.0.1:PORT/dealers as JSON.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "dealer_api"))

from fault_dealer import FaultDealer, _Handler, _Server

# What customers are looked for by, with the operator "in"
INDEXED = ("email_normalized", "phone_sanitized")
# Conditions beside these that leave fewer of those found, or add our own contact, which is always
# looked at
NARROWING = ("company_id", "user_ids", "active", "id")


class QuickDealer(FaultDealer):
    """A dealer that finds what orders need without looking at all its records.

    :param url: where it is reached
    """

    def __init__(self, url, seconds, product):
        super().__init__(currency="USD")
        self.address = url
        self.delay = float(seconds)
        self._sequences = {}
        # {(field, value): ids of customers}
        self._index = {}
        self.add_product(product)

    @property
    def url(self):
        """Return the address, which all have in common."""
        return self.address

    def next_id(self, model):
        """Return the next number of a sequence."""
        self._sequences[model] = self._sequences.get(model, 0) + 1
        return self._sequences[model]

    def add(self, model, **values):
        """Add a record, customers to the index, too."""
        record_id = super().add(model, **values)
        if model == "res.partner":
            for name in INDEXED:
                key = name, self._value(model, record_id, name)
                self._index.setdefault(key, []).append(record_id)
        return record_id

    def _candidates(self, model, domain):
        leaves = [leaf for leaf in domain if isinstance(leaf, list)]
        by = {leaf[0]: leaf for leaf in leaves if leaf[1] == "in"}
        if "id" in by and len(leaves) == 1:
            return sorted(each for each in by["id"][2] if each in self.tables[model])
        names = {leaf[0].partition(".")[0] for leaf in leaves}
        found = [by[name] for name in INDEXED if name in by]
        if model == "res.partner" and found and names <= {*by, *NARROWING}:
            ids = (self._index.get((name, each), ()) for name, _in, keys in found for each in keys)
            return sorted(set().union(*ids))
        return super()._candidates(model, domain)

    def _order_lines(self, domain):
        [(name, operator, ids)] = domain
        if (name, operator) != ("order_id", "in"):
            raise NotImplementedError(f"lines are not looked for by {domain} here")
        return [
            {"order_id": order_id, "product_id": line.get("product_id/.id"), **line}
            for order_id in sorted(ids)
            for line in self.orders[order_id].get("order_line", ())
        ]

    def describe(self):
        """Return how to reach it, and the references of its orders."""
        with self.lock:
            references = [order["client_order_ref"] for order in self.orders.values()]
        return {
            "url": self.url,
            "database": self.database,
            "login": self.login,
            "api_key": self.api_key,
            "references": references,
        }


class Handler(_Handler):
    """Passes a request on to the dealer whose database it names."""

    @property
    def dealer(self):
        """Return the dealer; any of them before the request was read, or where it names none."""
        headers = getattr(self, "headers", None) or {}
        dealers = self.server.dealers
        return dealers.get(headers.get("X-Odoo-Database")) or next(iter(dealers.values()))

    def do_GET(self):
        """Tell of all dealers, or what the dealers answer."""
        if self.path != "/dealers":
            super().do_GET()
            return
        content = json.dumps([dealer.describe() for dealer in self.server.dealers.values()])
        self._send(200, "application/json", content.encode())


def main(port, count, seconds, product):
    """Serve until this is ended."""
    url = f"http://127.0.0.1:{port}"
    server = _Server(("127.0.0.1", int(port)), Handler)
    dealers = [QuickDealer(url, seconds, product) for _number in range(int(count))]
    server.dealers = {dealer.database: dealer for dealer in dealers}
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
