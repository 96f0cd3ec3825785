# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""dealer_api against a real dealer: stock Odoo with sales, a service user with few rights."""

import itertools
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from dealer_api import (
    PAUSE_IF_STANDING,
    RETRY,
    ConnectionSettings,
    DealerAccessRefused,
    DealerError,
    DealerSession,
    DealerUnreachable,
    Order,
    check_connection,
    find_existing,
    look_at_orders,
    new_customer_currency,
    push_orders,
    read_orders,
)

PASSWORD = "a password of the dealer's choice"
NAMESPACE = "bpo_crm_a1b2c3d4e5f6"
WAYS_IN = [("auto", "key"), ("json2", "key"), ("xmlrpc", "key"), ("xmlrpc", "password")]

_numbers = itertools.count(1)


@pytest.fixture
def password(dealer):
    """Give the service user a password beside its key.

    For one test: with it Odoo takes each key for the password first, and that takes its time.
    """
    dealer.set_password(dealer.login, PASSWORD)
    yield PASSWORD
    dealer.set_password(dealer.login, None)


@pytest.fixture(params=WAYS_IN, ids=" with ".join)
def way_in(request, dealer):
    """Settings for each of the protocols and kinds of secret."""
    protocol, kind = request.param
    secret = request.getfixturevalue("password") if kind == "password" else None
    return settings_for(dealer, protocol, api_key=secret)


@pytest.fixture
def settings(dealer):
    return settings_for(dealer)


def settings_for(dealer, protocol="auto", url=None, **kwargs):
    options = {
        "database": dealer.database,
        "login": dealer.login,
        **{key: value for key, value in kwargs.items() if value is not None},
    }
    options.setdefault("api_key", dealer.api_key)
    return ConnectionSettings(
        url or dealer.url, protocol=protocol, allow_http=True, allow_private=True, **options
    )


def push(settings, payloads):
    with DealerSession(settings) as session:
        return push_orders(session, [Order.from_payload(payload) for payload in payloads])


@pytest.fixture
def currency(dealer):
    [company] = dealer.rpc.search_read("res.company", [("id", "=", 1)], ["currency_id"])
    return company["currency_id"][1]


@pytest.fixture
def make(currency):
    """Return a function that makes a payload of a new lead."""

    def make(codes=("BIKE-1",), price=100.0, **customer):
        number = next(_numbers)
        return {
            "external_id": f"{NAMESPACE}.lead_{number}",
            "reference": f"BPO-{number:05}",
            "origin": f"BPO-{number:05}: Wants a bike",
            "currency": currency,
            "customer": {
                "external_id": f"{NAMESPACE}.customer_{number}",
                "name": f"Buyer {number}",
                "email": f"buyer-{number}@buyers.example",
                "phone": "",
                "street": "",
                "street2": "",
                "zip": "",
                "city": "",
                "country_code": "",
                "company_name": "",
                **customer,
            },
            "lines": [
                {"default_code": code, "name": f"Unit {code}", "quantity": 2.0, "price_unit": price}
                for code in codes
            ],
        }

    return make


def orders_at(dealer, payloads, fields=("name",)):
    references = [payload["reference"] for payload in payloads]
    return dealer.rpc.search_read(
        "sale.order", [("client_order_ref", "in", references)], list(fields), order="id"
    )


# ------------------------------------------------------------
# Orders
# ------------------------------------------------------------


def test_one_order(dealer, way_in, make):
    phone = f"+322555{8000 + next(_numbers)}"
    payload = make(
        ["BIKE-1", "HELMET-1"],
        name="Ann Ash",
        phone=phone,
        street="High Street 1",
        zip="9000",
        city="Ghent",
        country_code="BE",
        company_name="Ash & Co <Ltd>",
    )
    payload["lines"][1].update(price_unit=0.0, quantity=1.5, name="Helmet\nfor free")
    [result] = push(way_in, [payload])
    assert (result.status, result.notes) == ("sent", [])
    [order] = orders_at(
        dealer, [payload], ["name", "origin", "state", "partner_id", "order_line", "user_id"]
    )
    assert (order["id"], order["name"]) == (result.remote_id, result.remote_name)
    assert result.remote_currency == payload["currency"]
    assert (order["origin"], order["state"]) == (payload["origin"], "draft")
    assert order["user_id"][1] == "BPO Service"
    lines = dealer.rpc.call(
        "sale.order.line",
        "read",
        order["order_line"],
        ["name", "product_uom_qty", "price_unit", "product_id"],
    )
    assert [(line["name"], line["product_uom_qty"], line["price_unit"]) for line in lines] == [
        ("Unit BIKE-1", 2.0, 100.0),
        ("Helmet\nfor free", 1.5, 0.0),
    ]
    partner = dealer.rpc.read(
        "res.partner",
        order["partner_id"][0],
        *("name", "email", "phone", "street", "zip", "city", "country_id", "company_name"),
    )
    assert partner["name"] == "Ann Ash"
    assert partner["email"] == payload["customer"]["email"]
    assert (partner["street"], partner["zip"], partner["city"]) == (
        "High Street 1",
        "9000",
        "Ghent",
    )
    assert partner["phone"].replace(" ", "") == phone
    assert partner["country_id"][1] == "Belgium"
    assert partner["company_name"] == "Ash & Co <Ltd>"
    data = dealer.rpc.search_read(
        "ir.model.data",
        # a contact may have the same number
        [("module", "=", NAMESPACE), ("model", "=", "sale.order"), ("res_id", "=", order["id"])],
        ["noupdate"],
    )
    assert [each["noupdate"] for each in data if data] == [True]


def test_values_of_hooks(dealer, way_in, make):
    """What another addon adds arrives; what stock Odoo has no field for is left out and said."""
    payload = make(["BIKE-1", "HELMET-1"])
    order, plain = Order.from_payload(payload), make()
    tags = [f"Fast {next(_numbers)}", f"Red {next(_numbers)}"]
    for tag in tags:
        dealer.rpc.create("crm.tag", name=tag)
    team_id = dealer.rpc.create("crm.team", name="Leads of the call centre")
    order.values.update({"note": "From a hook", "tag_ids": tags, "x_order": "gone"})
    order.values.update({"team_id/.id": team_id, "require_signature": True})
    order.lines[0].values.update({"discount": 10.0, "x_line": 1})
    order.customer.values.update({"ref": "R-7", "x_customer": "gone"})
    [result, other] = push(way_in, [order.to_payload(), plain])
    assert (result.status, other.status) == ("sent", "sent"), (result.text, other.text)
    left_out = {
        "res.partner": ["x_customer"],
        "sale.order": ["x_order"],
        "sale.order.line": ["x_line"],
    }
    assert (result.left_out, other.left_out) == (left_out, {})
    assert {details["model"]: details["fields"] for _code, details in result.notes} == left_out
    names = ("note", "tag_ids", "team_id", "order_line", "partner_id", "require_signature")
    created = dealer.rpc.read("sale.order", result.remote_id, *names)
    assert "From a hook" in created["note"]
    assert created["require_signature"] is True
    assert created["team_id"][0] == team_id
    found = dealer.rpc.call("crm.tag", "read", created["tag_ids"], ["name"])
    assert sorted(tag["name"] for tag in found) == tags
    lines = dealer.rpc.call("sale.order.line", "read", created["order_line"], ["discount"])
    assert [line["discount"] for line in lines] == [10.0, 0.0]
    assert dealer.rpc.read("res.partner", created["partner_id"][0], "ref")["ref"] == "R-7"


def test_again_is_the_same_and_edits_of_the_dealer_stay(dealer, way_in, make):
    payloads = [make(), make(), make()]
    before = push(way_in, payloads)
    ids = [result.remote_id for result in before]
    order = dealer.rpc.read("sale.order", ids[0], "order_line", "partner_id")
    dealer.rpc.write("sale.order", ids[0], client_order_ref="the dealer's own")
    dealer.rpc.write("sale.order.line", order["order_line"], price_unit=77.0)
    dealer.rpc.write("res.partner", order["partner_id"][0], name="Renamed", email="new@x.example")
    dealer.rpc.call("sale.order", "action_confirm", [ids[1]])
    partners = dealer.count("res.partner")
    again = push(way_in, payloads)
    assert [result.remote_id for result in again] == ids
    assert [result.remote_name for result in again] == [result.remote_name for result in before]
    assert dealer.count("res.partner") == partners
    edited = dealer.rpc.read("sale.order", ids[0], "client_order_ref", "order_line")
    assert edited == {
        "id": ids[0],
        "client_order_ref": "the dealer's own",
        "order_line": order["order_line"],
    }
    [line] = dealer.rpc.call("sale.order.line", "read", order["order_line"], ["price_unit"])
    assert line["price_unit"] == 77.0
    assert dealer.rpc.read("res.partner", order["partner_id"][0], "name")["name"] == "Renamed"
    assert dealer.rpc.read("sale.order", ids[1], "state")["state"] == "sale"


def test_fifty_orders_one_with_an_unknown_product(dealer, way_in, make):
    payloads = [make(["BIKE-1", "BIKE-2"]) for _number in range(50)]
    payloads[20]["lines"][1]["default_code"] = "NOT-THERE"
    results = push(way_in, payloads)
    assert [result.status for result in results].count("sent") == 49
    assert (results[20].status, results[20].details) == ("failed", {"codes": "NOT-THERE"})
    # In the order of the payloads, and each the order of its own lead
    orders = orders_at(dealer, payloads, ["name", "client_order_ref"])
    assert [(order["id"], order["name"], order["client_order_ref"]) for order in orders] == [
        (result.remote_id, result.remote_name, payload["reference"])
        for result, payload in zip(results, payloads, strict=True)
        if result.status == "sent"
    ]


@pytest.fixture
def price_limit(dealer):
    """A rule of the dealer: the service user may not sell for a million."""
    [model] = dealer.rpc.search_read("ir.model", [("model", "=", "sale.order.line")], ["id"])
    rule = dealer.rpc.create(
        "ir.rule",
        name="Not that much",
        model_id=model["id"],
        domain_force="[('price_unit', '<', 1000000)]",
    )
    yield
    dealer.rpc.call("ir.rule", "unlink", [rule])


@pytest.mark.parametrize("bad", [[0], [6], [0, 11], [3, 4], list(range(12))], ids=str)
def test_the_dealer_refuses_some(dealer, settings, make, price_limit, bad):
    """Found by what a real ``load()`` says, which puts the common error under the first."""
    payloads = [make(price=1_000_000 if number in bad else 100) for number in range(12)]
    results = push(settings, payloads)
    failed = [number for number, result in enumerate(results) if result.status == "failed"]
    assert failed == bad
    assert {result.code for number, result in enumerate(results) if number in bad} == {
        "order_refused"
    }
    assert len(orders_at(dealer, payloads)) == 12 - len(bad)


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
def test_callers_at_once_make_one_order(dealer, make, protocol):
    settings = settings_for(dealer, protocol)
    payload = make()
    start = threading.Barrier(6)

    def caller(_number):
        with DealerSession(settings) as session:
            assert session.uid
            start.wait()
            return push_orders(session, [Order.from_payload(payload)])[0]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(caller, range(6)))
    [order] = orders_at(dealer, [payload])
    sent = [result for result in results if result.status == "sent"]
    assert sent
    assert {result.remote_id for result in sent} == {order["id"]}
    # Those who lost the race are told to come again, and then find it.
    assert {result.status for result in results} <= {"sent", "retry"}
    [result] = push(settings, [payload])
    assert (result.status, result.remote_id) == ("sent", order["id"])
    assert dealer.count("res.partner", [("email", "=", payload["customer"]["email"])]) == 1


def test_an_order_given_to_another_salesperson(dealer, way_in, make):
    payload = make()
    [before] = push(way_in, [payload])
    [admin] = dealer.rpc.search_read("res.users", [("login", "=", "admin")], ["id"])
    dealer.rpc.write("sale.order", before.remote_id, user_id=admin["id"])
    [again] = push(way_in, [payload])
    assert (again.status, again.remote_id, again.remote_name) == ("sent", before.remote_id, None)
    assert [note[0] for note in again.notes] == ["name_unknown"]
    with DealerSession(way_in) as session:
        assert read_orders(session, [before.remote_id]) == {}


def test_an_order_whose_product_was_renamed_meanwhile(dealer, way_in, make):
    code = f"RENAME-{next(_numbers)}"
    product = dealer.rpc.create("product.product", name="Old", default_code=code)
    payload, later = make([code]), make([code])
    [before] = push(way_in, [payload])
    dealer.rpc.write("product.product", product, default_code=f"{code}-NEW")
    results = push(way_in, [payload, later])
    assert [result.status for result in results] == ["sent", "failed"]
    assert results[0].remote_id == before.remote_id


class LossyProxy:
    """Pass requests on to a server; lose the answers to those that contain a word."""

    def __init__(self, port, word):
        self.target = ("127.0.0.1", port)
        self.word = word.encode()
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client):
        with client, socket.create_connection(self.target) as server:
            request = b""
            while data := client.recv(65536):
                request += data
                server.sendall(data)
                head, found, body = request.partition(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                if found and len(body) >= int(length or 0):
                    break
            answer = b""
            # Odoo's threaded server closes the connection after each answer.
            while data := server.recv(65536):
                answer += data
            if self.word in request:
                self.lost += 1
            else:
                client.sendall(answer)


@pytest.mark.parametrize(
    ("protocol", "word"), [("json2", "/sale.order/load"), ("xmlrpc", "order_line/product_uom_qty")]
)
def test_the_answer_is_lost(dealer, make, protocol, word):
    payloads = [make(), make()]
    proxy = LossyProxy(int(dealer.url.rpartition(":")[2]), word)
    try:
        with pytest.raises(DealerUnreachable) as caught:
            push(settings_for(dealer, protocol, url=proxy.url), payloads)
    finally:
        proxy.close()
    assert (caught.value.code, caught.value.request_sent) == ("connection_lost", True)
    # Not sent a second time by any of the libraries below
    assert proxy.lost == 1
    orders = orders_at(dealer, payloads)
    assert len(orders) == 2
    results = push(settings_for(dealer, protocol), payloads)
    assert [result.remote_id for result in results] == [order["id"] for order in orders]
    assert orders_at(dealer, payloads) == orders


# ------------------------------------------------------------
# What the dealer has under our key
# ------------------------------------------------------------


def send(settings, *orders):
    with DealerSession(settings) as session:
        return push_orders(session, list(orders))


def replaced(payload, quantity):
    """Return an order that may have been sent, of which another quantity is wanted by now."""
    order, wanted = Order.from_payload(payload), Order.from_payload(payload)
    order.maybe_there = True
    order.first_attempt = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5)
    wanted.lines[0].values["product_uom_qty"] = quantity
    order.replacement = wanted
    return order


def quantities_at(dealer, payload):
    orders = orders_at(dealer, [payload], ["order_line"])
    lines = [line for order in orders for line in order["order_line"]]
    read = dealer.rpc.call("sale.order.line", "read", lines, ["product_uom_qty"])
    return [line["product_uom_qty"] for line in read]


def notes_of(result):
    return [code for code, _details in result.notes]


def trouble_in(log):
    """Return the lines of a server's log that an administrator would look into."""
    return re.findall(r"^.* \d+ (?:ERROR|CRITICAL) .*$|^.*(?:Traceback|bad query).*$", log, re.M)


def test_a_key_that_comes_again(dealer, way_in, make):
    """The sale of another customer is never taken for sent, and nothing is created for it."""
    first, second = make(), make()
    [before] = push(way_in, [first])
    second["external_id"] = first["external_id"]
    [result] = push(way_in, [second])
    assert (result.status, result.code) == ("failed", "order_conflict")
    assert before.remote_name in result.text
    assert first["reference"] in result.text
    assert orders_at(dealer, [second]) == []


def test_an_older_order_of_the_same_customer(dealer, settings, make):
    payload = make()
    [before] = push(settings, [payload])
    dealer.sql(
        "UPDATE sale_order SET create_date = create_date - interval '10 minutes'"
        f" WHERE id = {before.remote_id}"
    )
    later = {**payload, "lines": [{**payload["lines"][0], "quantity": 7.0}]}
    [result] = push(settings, [later])
    assert (result.status, result.code) == ("failed", "order_conflict")
    order = Order.from_payload(later)
    order.maybe_there = True
    order.first_attempt = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=15)
    [result] = send(settings, order)
    assert (result.status, notes_of(result)) == ("sent", ["amount_differs"])


def test_the_dealer_tells_the_time(settings):
    with DealerSession(settings) as session:
        assert session.uid
        assert abs(session.clock_offset) < timedelta(seconds=5)


def test_looking_leaves_no_trace(dealer, way_in, make):
    """It needs no right, writes nothing, uses no number up, and the dealer's log says nothing."""
    payloads = [make() for _number in range(3)]
    results = push(way_in, payloads)
    ids = [result.remote_id for result in results]
    dealer.rpc.call("sale.order", "action_cancel", [ids[1]])
    dealer.rpc.call("sale.order", "unlink", [ids[1]])
    [admin] = dealer.rpc.search_read("res.users", [("login", "=", "admin")], ["id"])
    dealer.rpc.write("sale.order", ids[2], user_id=admin["id"])
    keys = [payload["external_id"] for payload in payloads]
    models = ("sale.order", "sale.order.line", "res.partner", "ir.model.data", "mail.message")
    before, logged = [dealer.count(model) for model in models], len(dealer.log_text())
    with DealerSession(way_in) as session:
        others = [payloads[0]["customer"]["external_id"], f"{NAMESPACE}.lead_never"]
        assert find_existing(session, "sale.order", keys + others) == {keys[0], keys[2]}
        looks = look_at_orders(session, [Order.from_payload(payload) for payload in payloads])
    assert looks[keys[0]].seen.name == results[0].remote_name
    assert (looks[keys[1]].seen, looks[keys[2]].seen) == ("missing", "hidden")
    assert [look.notes for look in looks.values()] == [[], [], []]
    assert [dealer.count(model) for model in models] == before
    assert trouble_in(dealer.log_text()[logged:]) == []
    [later] = push(way_in, [make()])
    assert int(later.remote_name.lstrip("S")) == int(results[2].remote_name.lstrip("S")) + 1


def test_refused_orders_leave_nothing_behind(dealer, settings, make):
    """Neither customers nor lines in the log nor used-up numbers."""
    payloads = [make(["NOT-THERE"]) for _number in range(5)]
    payloads += [{**make(), "currency": "CHF"} for _number in range(5)]
    [before] = push(settings, [make()])
    partners, logged = dealer.count("res.partner"), len(dealer.log_text())
    results = push(settings, payloads)
    assert {result.code for result in results} == {"product_unknown", "currency_mismatch"}
    assert dealer.count("res.partner") == partners
    assert trouble_in(dealer.log_text()[logged:]) == []
    [after] = push(settings, [make()])
    assert int(after.remote_name.lstrip("S")) == int(before.remote_name.lstrip("S")) + 1


def test_a_newer_content_when_nothing_was_sent(dealer, way_in, make):
    payload = make()
    [result] = send(way_in, replaced(payload, 7.0))
    assert (result.status, result.content, result.external_id) == ("sent", "new", None)
    assert quantities_at(dealer, payload) == [7.0]


def test_a_newer_content_when_the_older_one_is_there(dealer, way_in, make):
    payload = make()
    [before] = push(way_in, [payload])
    [result] = send(way_in, replaced(payload, 7.0))
    assert (result.status, result.content, result.remote_id) == ("sent", "old", before.remote_id)
    assert notes_of(result) == ["order_is_older"]
    assert quantities_at(dealer, payload) == [2.0]
    # The dealer changes it, as asked
    order = dealer.rpc.read("sale.order", before.remote_id, "order_line")
    values = {"product_uom_qty": 7.0, "price_unit": payload["lines"][0]["price_unit"]}
    dealer.rpc.write("sale.order.line", order["order_line"], **values)
    [result] = send(way_in, replaced(payload, 7.0))
    assert (result.content, result.notes) == ("new", [])


def test_a_newer_content_when_the_older_one_was_cancelled(dealer, way_in, make):
    payload = make()
    [before] = push(way_in, [payload])
    dealer.rpc.call("sale.order", "action_cancel", [before.remote_id])
    for _turn in range(2):
        # Also when the answer to the first time was lost: the second one is found, not doubled
        [result] = send(way_in, replaced(payload, 7.0))
        assert (result.status, result.content) == ("sent", "new")
        assert result.external_id == f"{payload['external_id']}_2"
        assert notes_of(result) == ["order_renewed"]
        assert quantities_at(dealer, payload) == [2.0, 7.0]


# ------------------------------------------------------------
# Amounts
# ------------------------------------------------------------


@pytest.fixture
def price_list(dealer):
    """The dealer works with price lists and discounts; return a list that takes 10 % off."""

    def switch(value):
        settings = dealer.rpc.create(
            "res.config.settings", group_product_pricelist=value, group_discount_per_so_line=value
        )
        dealer.rpc.call("res.config.settings", "execute", [settings])

    switch(True)
    item = {"compute_price": "percentage", "percent_price": 10.0, "applied_on": "3_global"}
    yield dealer.rpc.create("product.pricelist", name="Minus ten", item_ids=[(0, 0, item)])
    switch(False)


def test_a_price_list_with_a_discount(dealer, way_in, make, price_list):
    payloads = [make(price=937.5), make(price=937.5)]
    for payload in payloads:
        known = {name: payload["customer"][name] for name in ("name", "email")}
        partner = dealer.rpc.create("res.partner", **known)
        dealer.rpc.write("res.partner", partner, property_product_pricelist=price_list)
    silent, said = map(Order.from_payload, payloads)
    said.lines[0].values["discount"] = 0.0
    results = send(way_in, silent, said)
    assert [result.status for result in results] == ["sent", "sent"]
    assert [notes_of(result) for result in results] == [["amount_differs"], []]
    details = results[0].notes[0][1]
    assert (details["sent"], details["dealer_amount"]) == ("1875.00", "1687.50")
    assert results[1].remote.amount_untaxed == 1875.0
    assert results[1].remote.tax_included is False


def test_the_currency_of_a_new_customer(dealer, way_in, make, currency, price_list):
    """As the dealer's Odoo then decides it: by the first list, once lists are switched on."""
    other = "EUR" if currency != "EUR" else "USD"
    [found] = dealer.rpc.call(
        "res.currency",
        "search_read",
        [("name", "=", other)],
        ["id"],
        context={"active_test": False},
    )
    dealer.rpc.write("res.currency", found["id"], active=True)
    lists = dealer.rpc.search_read("product.pricelist", [], ["id"])

    def ask():
        with DealerSession(way_in) as session:
            return new_customer_currency(session, [], currency)

    def decide():
        partner = dealer.rpc.create("res.partner", name="New")
        value = dealer.rpc.read("res.partner", partner, "property_product_pricelist")
        value = value["property_product_pricelist"]
        if not value:
            return currency
        return dealer.rpc.read("product.pricelist", value[0], "currency_id")["currency_id"][1]

    assert ask() == decide() == currency
    first = dealer.rpc.create(
        "product.pricelist", name="First", currency_id=found["id"], sequence=-1
    )
    assert ask() == decide() == other
    dealer.rpc.write("product.pricelist", first, sequence=10 * len(lists) + 1000)
    assert ask() == decide() == currency
    dealer.rpc.call("product.pricelist", "unlink", [first])


def test_prices_with_tax_included(dealer, way_in, make):
    tax = dealer.rpc.create(
        "account.tax",
        name=f"Included {next(_numbers)}",
        amount=21.0,
        type_tax_use="sale",
        price_include_override="tax_included",
    )
    code = f"TAXED-{next(_numbers)}"
    dealer.rpc.create("product.product", name="Taxed", default_code=code, taxes_id=[(6, 0, [tax])])
    [result] = push(way_in, [make([code], price=937.5)])
    assert (result.status, notes_of(result)) == ("sent", ["price_includes_tax"])
    assert result.notes[0][1]["dealer_amount"] == "1549.59"
    assert result.remote.tax_included is True


# ------------------------------------------------------------
# Customers and currency
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
def test_customers_the_dealer_has(dealer, make, protocol):
    number = next(_numbers)
    by_email = dealer.rpc.create(
        "res.partner", name="A", email=f"Mixed.Case{number}@Buyers.example"
    )
    by_phone = dealer.rpc.create("res.partner", name="B", phone=f"+32 2 555 {number:04}")
    twins = [
        dealer.rpc.create("res.partner", name=name, email=f"twin{number}@buyers.example")
        for name in ("Second", "First")
    ]
    payloads = [
        make(email=f"mixed.case{number}@buyers.example"),
        make(email="", phone=f"+322555{number:04}"),
        make(email=f"twin{number}@buyers.example"),
        make(email=f"mixed_case{number}@buyers.example"),
    ]
    results = push(settings_for(dealer, protocol), payloads)
    partners = [order["partner_id"][0] for order in orders_at(dealer, payloads, ["partner_id"])]
    assert partners[:3] == [by_email, by_phone, min(twins)]
    assert partners[3] not in partners[:3]
    assert [note[0] for note in results[2].notes] == ["customer_ambiguous"]


def test_currency(dealer, settings, make):
    payload = make()
    payload["currency"] = "CHF"
    [result] = push(settings, [payload])
    assert (result.status, result.code) == ("failed", "currency_mismatch")
    assert orders_at(dealer, [payload]) == []


# ------------------------------------------------------------
# Let in or not
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["auto", "json2", "xmlrpc"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"api_key": "0" * 40}, "login_refused"),
        ({"api_key": "not the password"}, "login_refused"),
        ({"database": "no_such_database"}, "database_unknown"),
    ],
)
def test_not_let_in(dealer, make, protocol, change, code):
    settings = settings_for(dealer, protocol, **change)
    with pytest.raises(DealerAccessRefused) as caught:
        push(settings, [make()])
    assert (caught.value.code, caught.value.request_sent) == (code, False)
    report = check_connection(settings)
    [line] = [line for line in report.lines if line.ok is False]
    assert line.code == code


@pytest.mark.parametrize("protocol", ["auto", "json2", "xmlrpc"])
def test_an_expired_key(dealer, make, protocol):
    settings = settings_for(dealer, protocol)
    assert [result.status for result in push(settings, [make()])] == ["sent"]
    dealer.sql("UPDATE res_users_apikeys SET expiration_date = now() - interval '1 day'")
    try:
        with pytest.raises(DealerAccessRefused) as caught:
            push(settings, [make()])
    finally:
        dealer.sql("UPDATE res_users_apikeys SET expiration_date = NULL")
    assert (caught.value.code, caught.value.remedy) == ("login_refused", "pause")


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
@pytest.mark.parametrize("remembered", [False, True])
def test_a_database_that_lets_nobody_in_for_a_moment(dealer, make, protocol, remembered):
    """That is no reason to wait for a person: the next run brings the order over."""
    settings = settings_for(dealer, protocol)
    with DealerSession(settings) as session:
        version, uid = session.server_version, session.uid
    if remembered:
        settings = settings_for(dealer, protocol, server_version=version, uid=uid)
    payload = make()
    dealer.postgres.sql(f"ALTER DATABASE {dealer.database} ALLOW_CONNECTIONS false")
    try:
        dealer.postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{dealer.database}'"
        )
        with pytest.raises(DealerError) as caught:
            push(settings, [payload])
    finally:
        dealer.postgres.sql(f"ALTER DATABASE {dealer.database} ALLOW_CONNECTIONS true")
    assert caught.value.remedy in (RETRY, PAUSE_IF_STANDING), caught.value
    assert [result.status for result in push(settings, [payload])] == ["sent"]


@pytest.fixture(scope="module")
def crowded(world):
    """A dealer whose Odoo is no superuser of PostgreSQL: limits of connections hold for it."""
    role, owner = "bpo_crowded_dealer", world.postgres.sql("SELECT current_user")
    world.postgres.sql(
        f'DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT "{owner}" TO {role}'
    )
    dealer = world.new_dealer(options=[f"--db_user={role}"])
    yield dealer
    dealer.destroy()
    world.postgres.sql(f"DROP ROLE {role}")


@pytest.mark.parametrize("protocol", ["auto", "json2", "xmlrpc"])
@pytest.mark.parametrize("remembered", [False, True])
def test_a_database_with_too_many_connections(crowded, make, protocol, remembered):
    """PostgreSQL names the database as it does one that is not there; it is no reason to pause."""
    settings = settings_for(crowded, protocol)
    with DealerSession(settings) as session:
        version, uid = session.server_version, session.uid
    if remembered:
        settings = settings_for(crowded, protocol, server_version=version, uid=uid)
    payload, logged = make(), len(crowded.log_text())
    crowded.sql(f"ALTER DATABASE {crowded.database} CONNECTION LIMIT 0")
    try:
        crowded.postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{crowded.database}'"
        )
        with pytest.raises(DealerError) as caught:
            push(settings, [payload])
    finally:
        crowded.sql(f"ALTER DATABASE {crowded.database} CONNECTION LIMIT -1")
    assert "too many connections for database" in crowded.log_text()[logged:]
    # JSON-2 has no words for it: as if there were no such database.
    expected = {"json2": ("database_unknown", PAUSE_IF_STANDING)}
    told = (caught.value.code, caught.value.remedy)
    assert told == expected.get(protocol, ("database_closed", RETRY))
    assert [result.status for result in push(settings, [payload])] == ["sent"]


def test_somebody_elses_login(dealer):
    session = DealerSession(settings_for(dealer, "json2", login="admin"))
    with session, pytest.raises(DealerAccessRefused) as caught:
        _ = session.uid
    assert caught.value.code == "login_mismatch"


def test_check_connection(dealer, way_in, currency):
    before = [dealer.count(model) for model in ("res.partner", "sale.order", "ir.model.data")]
    report = check_connection(way_in, currency=currency, product_codes=["BIKE-1", "BIKE-2"])
    assert report.ok, [line.text for line in report.lines]
    assert report.server_version == "19.0"
    assert report.protocol == ("json2" if way_in.protocol == "auto" else way_in.protocol)
    after = [dealer.count(model) for model in ("res.partner", "sale.order", "ir.model.data")]
    assert after == before


def test_a_user_without_rights(dealer, make):
    login = f"nobody{next(_numbers)}"
    dealer.rpc.create(
        "res.users",
        name="Nobody",
        login=login,
        password=PASSWORD,
        group_ids=[(6, 0, [dealer.rpc.ref("base.group_user")])],
    )
    settings = settings_for(dealer, login=login, api_key=PASSWORD)
    report = check_connection(settings, product_codes=["BIKE-1"])
    [line] = [line for line in report.lines if line.ok is False]
    assert (line.step, line.code) == ("rights", "check_rights_missing")
    for right in ("create res.partner", "create sale.order", "create sale.order.line"):
        assert right in line.text
    [result] = push(settings, [make()])
    assert (result.status, result.code) == ("failed", "customer_refused")
    assert "not allowed" in result.text
