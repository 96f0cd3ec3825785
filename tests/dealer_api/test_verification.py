# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the dealer has under our key is looked at: is it ours, and is it what was sent?"""

from datetime import UTC, datetime, timedelta

from ...dealer_api import (
    HIDDEN,
    MISSING,
    UNSEEN,
    DealerAccessRefused,
    DealerBadAnswer,
    DealerError,
    DealerUnreachable,
    Order,
    find_existing,
    look_at_orders,
    new_customer_currency,
    next_external_id,
    push_orders,
    read_orders,
    render,
)
from ...dealer_api.payload import first_external_id
from .common import LOOK_UPS, PROTOCOLS, DealerApiCase, cases
from .test_orders import NAMESPACE, connect, payload, payloads, push, statuses

KEY = f"{NAMESPACE}.lead_1"
KEY_FOR_GOOD = f"{KEY}_ab12cd34"
# As much as the one that is sent, in all
OTHER_LINE = {"product_id": 2, "product_uom_qty": 2.0, "price_unit": 50.0}


def utcnow(**shift):
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(**shift)


def order(number=1, quantity=1.0, price=100.0, maybe_there=False, first_attempt=None, **kwargs):
    """Return an order of one line as the outbox prepares it."""
    if "email" in kwargs:
        # As the outbox does it, the key of a customer follows from who they are.
        kwargs["external_id"] = f"{NAMESPACE}.customer_{kwargs['email'].partition('@')[0]}"
    values = payload(number, **kwargs)
    values["lines"][0].update(quantity=quantity, price_unit=price)
    result = Order.from_payload(values)
    result.maybe_there = maybe_there
    result.first_attempt = first_attempt
    return result


def notes_of(result):
    return [code for code, _details in result.notes]


class VerificationCase(DealerApiCase):
    """A dealer with two products, and a way to send orders to it."""

    def prepare(self, **kwargs):
        result = super().prepare(**kwargs)
        self.dealer.add_product("VH-1")
        self.dealer.add_product("VH-2")
        return result

    def push(self, *orders, protocol="xmlrpc", **kwargs):
        with connect(self.dealer, protocol, **kwargs) as session:
            return push_orders(session, list(orders))


class TestDealerVerification(VerificationCase):
    """An order of somebody else is never taken for ours; what differs is said."""

    # ------------------------------------------------------------
    # Whose order it is
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    @cases("shift", [-3 * 3600, 0, 3 * 3600, None])
    def test_a_key_of_somebody_elses_order(self, protocol, shift):
        """The id of a lead came again; told by the customer, whatever the dealer's clock says."""
        self.dealer.clock_shift = shift
        self.push(order(email="first@buyer.example", name="First"))
        [result] = self.push(order(email="second@buyer.example", name="Second"), protocol=protocol)
        self.assertEqual((result.status, result.code), ("failed", "order_conflict"))
        self.assertEqual((result.remote_id, result.remote, result.notes), (None, None, []))
        self.assertEqual(len(self.dealer.orders), 1)
        for word in ("S00001", "First", "BPO/LEAD/1"):
            self.assertIn(word, result.text)

    @cases("shift", [-3 * 3600, 0, 3 * 3600])
    @cases(("age", "status"), [(30, "sent"), (300, "failed")])
    def test_an_order_that_was_there_before_the_talk(self, shift, age, status):
        """The customer is the same one, the content is not."""
        self.dealer.clock_shift = shift
        self.push(order())
        self.dealer.orders[1]["create_date"] = self.dealer.now(seconds=-age)
        [result] = self.push(order(quantity=7.0))
        self.assertEqual(result.status, status)
        self.assertEqual(result.code == "order_conflict", status == "failed")

    @cases(
        ("change", "notes"),
        [
            ({}, []),
            ({"partner_id/.id": 2}, ["customer_differs"]),
            ({"order_line": []}, ["amount_differs"]),
            ({"order_line": [OTHER_LINE]}, ["lines_differ"]),
        ],
    )
    def test_an_order_of_ours_from_before_a_backup(self, change, notes):
        """A key that names no other lead, and our reference: it is ours, whoever it is for."""
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.add_partner(name="Somebody Else")
        self.dealer.orders[1].update(create_date=self.dealer.now(hours=-9), **change)
        [result] = self.push(sent)
        self.assertEqual((result.status, result.remote_id), ("sent", 1))
        self.assertEqual(notes_of(result), [*notes, "order_was_there"])

    @cases(("age", "notes"), [(-1, []), (4, ["lines_differ"]), (600, ["lines_differ"])])
    def test_other_lines_from_before_a_fresh_backup(self, age, notes):
        """Seconds are enough for a look at the lines; none is spent on what was sent just now."""
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        # the first time that a product is named by its code, the lines are looked at
        self.push(order(2))
        self.push(order(2))
        self.dealer.requests.clear()
        line = [OTHER_LINE] if age > 0 else self.dealer.orders[1]["order_line"]
        self.dealer.orders[1].update(create_date=self.dealer.now(seconds=-age), order_line=line)
        [result] = self.push(sent)
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))
        self.assertEqual(self.dealer.calls("sale.order.line.search_read"), 1 if age > 0 else 0)

    @cases(("times", "notes"), [(1, ["lines_differ"]), (2, ["lines_unreadable_now"])])
    def test_lines_that_cannot_be_read_now(self, times, notes):
        """They are asked for again at once; that nobody has compared them is said."""
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.orders[1].update(
            create_date=self.dealer.now(seconds=-4), order_line=[OTHER_LINE]
        )
        self.dealer.inject("serialization_fault", "sale.order.line.search_read", times=times)
        [result] = self.push(sent)
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))

    def test_lines_of_a_product_that_is_not_known_there_by_now(self):
        """A copy has sent other units; nobody can tell before the dealer knows the code again."""
        sent, wanted = order(codes=["VH-2"]), order()
        sent.external_id = wanted.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.orders[1]["create_date"] = self.dealer.now(seconds=-4)
        self.dealer.products[1]["default_code"] = "OTHER"
        [result] = self.push(wanted)
        self.assertEqual((result.status, notes_of(result)), ("sent", ["lines_unreadable_now"]))
        self.dealer.products[1]["default_code"] = "VH-1"
        with connect(self.dealer, "xmlrpc") as session:
            look = look_at_orders(session, [wanted])[KEY_FOR_GOOD]
        self.assertEqual([code for code, _details in look.notes], ["lines_differ"])

    def test_a_key_for_good_with_another_reference(self):
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.orders[1].update(
            {"create_date": self.dealer.now(hours=-9), "client_order_ref": "X", "order_line": []}
        )
        [result] = self.push(sent)
        self.assertEqual(result.code, "order_conflict")

    @cases("protocol", PROTOCOLS)
    @cases("fault", [None, "access_error"])
    @cases("customer", ["other", "same"])
    def test_a_backup_restored_before_the_order_is_read(self, customer, fault, protocol):
        """Its id is another order's by then: nobody has its place, and it waits."""
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        take_fault = self.dealer.take_fault

        def restore_before_reading(name):
            if name == "sale.order.search_read" and KEY_FOR_GOOD in self.dealer.external_ids:
                self.dealer.orders[1]["client_order_ref"] = "BPO/LEAD/2"
                if customer == "other":
                    stranger = self.dealer.add_partner(name="Somebody Else")
                    self.dealer.orders[1]["partner_id/.id"] = stranger
                self.dealer.external_ids[f"{NAMESPACE}.lead_2"] = self.dealer.external_ids.pop(
                    KEY_FOR_GOOD
                )
                if fault:
                    self.dealer.inject(fault, "load", times=9)
            return take_fault(name)

        self.dealer.take_fault = restore_before_reading
        [result] = self.push(sent, protocol=protocol)
        self.assertEqual((result.status, result.code), ("retry", "order_postponed"))

    def test_a_reference_that_the_dealer_writes_itself(self):
        """The key leads to the order that was read: it is this one."""
        create = self.dealer._create

        def rewrite(model, values):
            if model == "sale.order":
                values["client_order_ref"] = "OWN/1"
            return create(model, values)

        self.dealer._create = rewrite
        [result] = self.push(order())
        self.assertEqual((result.status, result.remote.reference), ("sent", "OWN/1"))

    def test_the_customer_of_a_refused_order_that_is_there(self):
        """Nobody was looked up for it: the names tell."""
        self.push(order())
        self.dealer.add_partner(name="Somebody Else")
        self.dealer.orders[1]["partner_id/.id"] = 2
        self.dealer.inject("access_error", "product.product.search_read")
        [result] = self.push(order(maybe_there=True))
        notes = ["customer_differs", "lines_unreadable_now"]
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))

    @cases(
        ("shown", "notes"),
        [
            ("An Peeters", []),
            ("Jan Peeters", ["customer_differs"]),
            ("An Peetersen", ["customer_differs"]),
            ("Garage (North), an peeters", ["customer_name_differs"]),
        ],
    )
    def test_the_name_of_the_customer_within_another_name(self, shown, notes):
        """A company may stand in front of it; letters may not."""
        self.push(order(name="An Peeters"))
        self.dealer.partners[1]["name"] = shown
        self.dealer.inject("access_error", "product.product.search_read")
        [result] = self.push(order(name="An Peeters", maybe_there=True))
        # no product was found to compare the lines with
        notes = [*notes, "lines_unreadable_now"]
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))

    @cases(
        ("email", "fault", "notes"),
        [
            ("customer-1@buyer.example", None, []),
            ("namesake@buyer.example", None, ["customer_differs"]),
            ("namesake@buyer.example", "access_error", ["customer_unreadable"]),
            ("namesake@buyer.example", "serialization_fault", ["customer_unreadable"]),
        ],
    )
    def test_a_namesake_of_the_customer_of_a_refused_order_that_is_there(self, email, fault, notes):
        """Nobody was looked up for it, and the name proves nobody."""
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.products[1]["default_code"] = "OTHER"
        wanted = order(email=email)
        wanted.external_id = KEY_FOR_GOOD
        if fault:
            self.dealer.inject(fault, "res.partner.read", times=9)
        [result] = self.push(wanted)
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))

    @cases(("other", "notes"), [(False, ["customer_name_differs"]), (True, ["customer_differs"])])
    def test_whose_contact_a_refused_order_that_is_there_is_for(self, other, notes):
        """It has another name than the customer: said also where the order would be refused."""
        self.dealer.add_partner(name="Piet Claes", email="customer-1@buyer.example")
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        if other:
            partner_id = self.dealer.add_partner(name="Somebody Else")
            self.dealer.orders[1]["partner_id/.id"] = partner_id
        self.dealer.products[1]["default_code"] = "OTHER"
        [result] = self.push(sent)
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))

    @cases(("age", "status"), [(300, "sent"), (7200, "failed")])
    def test_the_dealers_database_has_another_clock(self, age, status):
        """Where all is as it was sent, minutes between two clocks make no stranger's order."""
        self.dealer.automation = lambda values: values.update(
            create_date=self.dealer.now(seconds=-age)
        )
        [result] = self.push(order())
        self.assertEqual(result.status, status)

    def test_an_order_without_a_time(self):
        """A dealer that does not tell the time is believed about the customer."""
        self.dealer.clock_shift = None
        self.push(order())
        self.dealer.orders[1]["create_date"] = "2001-01-01 00:00:00"
        self.assertEqual(statuses(self.push(order())), ["sent"])

    @cases(
        ("change", "status", "notes"),
        [
            ({}, "sent", []),
            ({"client_order_ref": "the dealer's own"}, "sent", []),
            ({"partner_id/.id": 2}, "sent", ["customer_differs"]),
            ({"client_order_ref": "X", "partner_id/.id": 2}, "failed", []),
            ({"create_date": "2001-01-01 00:00:00"}, "failed", []),
            ({"state": "cancel"}, "sent", ["order_cancelled"]),
            ({"state": "sale"}, "sent", []),
            ({"order_line": []}, "sent", ["amount_differs"]),
            ({"order_line": [OTHER_LINE]}, "sent", ["lines_differ"]),
        ],
    )
    def test_an_order_that_may_have_been_sent(self, change, status, notes):
        """It is adopted, and what differs is said, unless it cannot be ours."""
        self.push(order())
        self.dealer.add_partner(name="Somebody Else")
        self.dealer.orders[1].update(change)
        [result] = self.push(order(maybe_there=True, first_attempt=utcnow(minutes=-5)))
        self.assertEqual((result.status, notes_of(result)), (status, notes))
        self.assertEqual(result.code == "order_conflict", status == "failed")
        for code, details in result.notes:
            self.assertNotIn("%(", render(code, details))

    def test_one_conflict_does_not_sink_the_others(self):
        self.push(order(2, email="first@buyer.example", name="First"))
        results = self.push(order(1), order(2), order(3))
        self.assertEqual(statuses(results), ["sent", "failed", "sent"])

    @cases("protocol", PROTOCOLS)
    def test_what_is_read(self, protocol):
        [result] = self.push(order(quantity=2.0), protocol=protocol)
        remote = result.remote
        self.assertEqual(
            (remote.id, remote.name, remote.state, remote.currency, remote.reference),
            (1, "S00001", "draft", "EUR", "BPO/LEAD/1"),
        )
        self.assertEqual((remote.partner_id, remote.partner_name), (1, "Customer 1"))
        self.assertEqual((remote.amount_untaxed, remote.amount_total), (200.0, 200.0))
        self.assertLess(abs(remote.created - utcnow()), timedelta(seconds=60))
        self.assertIs(remote.tax_included, False)
        self.assertEqual((result.content, result.external_id), (None, None))

    @cases("record", ["text", {}, {"id": 0}, {"id": 2**31}, {"id": "1"}])
    def test_a_bad_record_spoils_only_itself(self, record):
        read = [record, {"id": 2, "name": "S00002", "currency_id": [1, "EUR"]}]
        for _turn in range(2):
            self.dealer.inject("nonsense", "sale.order.search_read", value=read)
        results = self.push(order(1), order(2), protocol="json2")
        self.assertEqual(statuses(results), ["sent", "sent"])
        self.assertEqual([each.remote_name for each in results], [None, "S00002"])

    @cases(("name", "shown"), [("x" * 300, "x" * 100), (5, None), ({"a": 1}, None), (["S1"], None)])
    def test_a_name_is_a_short_text(self, name, shown):
        self.dealer.inject(
            "nonsense", "sale.order.search_read", value=[{"id": 1, "name": name, "state": 5}]
        )
        [result] = self.push(order(1), protocol="json2")
        self.assertEqual((result.status, result.remote_name), ("sent", shown))
        self.assertIsNone(result.remote.state)

    def test_an_id_that_none_can_be(self):
        """It is a bad answer for this order, which may be there; the other one is fine."""
        value = {"ids": [2**31, 2], "messages": []}
        self.dealer.inject("nonsense", "sale.order.load", value=value)
        results = self.push(order(1), order(2), protocol="json2")
        self.assertEqual(statuses(results), ["retry", "sent"])
        self.assertEqual(results[0].code, "unexpected_answer")

    # ------------------------------------------------------------
    # The read itself
    # ------------------------------------------------------------
    @cases("fault", ["drop_after", "cut", "server_error"])
    def test_a_cut_read_is_asked_again_at_once(self, fault):
        self.dealer.inject(fault, "sale.order.search_read")
        [result] = self.push(order())
        self.assertEqual((result.remote_name, result.notes), ("S00001", []))

    def test_unknown_is_not_hidden(self):
        self.dealer.inject("cut", "sale.order.search_read", times=2)
        [result] = self.push(order())
        self.assertEqual((result.status, result.code, result.remote), ("sent", "order_sent", None))
        self.assertEqual(notes_of(result), ["name_unreadable_now"])
        self.assertNotIn("salesperson", render(*result.notes[0]))

    def test_names_are_read_again_no_more_than_once(self):
        self.dealer.inject("cut", "sale.order.search_read", times=10)
        self.push(order())
        self.assertEqual(self.dealer.calls("sale.order.search_read"), 2)

    # ------------------------------------------------------------
    # Amounts
    # ------------------------------------------------------------
    def test_a_price_list_takes_something_off(self):
        self.dealer.pricelist_discount = 10.0
        [result] = self.push(order(price=1875.0))
        self.assertEqual(result.status, "sent")
        [(code, details)] = result.notes
        self.assertEqual(
            (code, details),
            ("amount_differs", {"sent": "1875.00", "dealer_amount": "1687.50", "currency": "EUR"}),
        )

    def test_no_discount_was_sent(self):
        """With the discount said to be none, the price list takes nothing off; nobody is asked."""
        self.dealer.pricelist_discount = 10.0
        sent = order(price=1875.0)
        sent.lines[0].values["discount"] = 0.0
        [result] = self.push(sent)
        self.assertEqual((result.status, result.notes), ("sent", []))
        self.assertEqual(result.remote.amount_untaxed, 1875.0)
        self.assertEqual(self.dealer.calls("sale.order.line"), 0)

    def test_prices_with_tax_included(self):
        self.dealer.tax, self.dealer.tax_included = 21.0, True
        [result] = self.push(order(price=1875.0))
        [(code, details)] = result.notes
        self.assertEqual((code, details["dealer_amount"]), ("price_includes_tax", "1549.59"))
        self.assertIs(result.remote.tax_included, True)

    def test_other_lines_at_prices_with_tax_included(self):
        """That the prices include the tax says nothing about what is ordered."""
        self.dealer.tax, self.dealer.tax_included = 21.0, True
        sent = order()
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.orders[1].update(create_date=self.dealer.now(hours=-9), order_line=[OTHER_LINE])
        [result] = self.push(sent)
        self.assertEqual(
            notes_of(result), ["price_includes_tax", "lines_differ", "order_was_there"]
        )

    @cases("price", [1875.0, 33.333, 0.01, 0.0, -100.0])
    @cases("quantity", [1.0, 3.0, 2.5, 1000.0])
    def test_taxes_on_top_and_rounded_prices_are_no_difference(self, price, quantity):
        self.dealer.tax = 21.0

        def round_prices(values):
            for line in values["order_line"]:
                line["price_unit"] = round(line["price_unit"], 2)

        self.dealer.automation = round_prices
        [result] = self.push(order(price=price, quantity=quantity))
        self.assertEqual(result.notes, [])

    def test_lines_that_an_automation_removed(self):
        self.dealer.automation = lambda values: values["order_line"].pop()
        [result] = self.push(order())
        self.assertEqual(notes_of(result), ["amount_differs"])

    def test_a_price_left_to_the_dealer_is_not_compared(self):
        sent = order()
        del sent.lines[0].values["price_unit"]
        [result] = self.push(sent)
        self.assertEqual(result.notes, [])

    # ------------------------------------------------------------
    # Requests
    # ------------------------------------------------------------
    @cases("count", [1, 50])
    @cases("maybe_there", [False, True])
    def test_verification_costs_no_request(self, count, maybe_there):
        """The lines are read where an earlier attempt may have sent others, and only there."""
        for _turn in range(2):
            push(self.dealer, payloads(count))
        self.dealer.requests.clear()
        known = {"server_version": "19.0", "uid": self.dealer.uid}
        orders = [order(number, maybe_there=maybe_there) for number in range(1, count + 1)]
        self.assertEqual(statuses(self.push(*orders, **known)), ["sent"] * count)
        self.assertEqual(
            self.dealer.requests,
            [
                # has it been sent anew since a backup of ours was made?
                *(["sale.order.line.load"] if maybe_there else []),
                # a single order names its products by their codes
                *(LOOK_UPS if maybe_there or count > 1 else LOOK_UPS[1:]),
                "sale.order.load",
                "sale.order.search_read",
                *(["sale.order.line.search_read"] if maybe_there else []),
            ],
        )

    def test_refused_orders_leave_no_trace_in_the_dealers_log(self):
        """One look for all of them, which the dealer's Odoo takes for nothing unusual."""
        results = self.push(*(order(number, codes=["NEW"]) for number in range(1, 51)))
        self.assertEqual(statuses(results), ["failed"] * 50)
        self.assertEqual(self.dealer.log, [])
        self.assertEqual(self.dealer.calls("sale.order.line.load"), 1)
        self.assertEqual((len(self.dealer.partners), len(self.dealer.orders)), (0, 0))

    # ------------------------------------------------------------
    # A load that breaks off
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    @cases(
        ("fault", "options", "loading"),
        [
            ("drop_after", {}, True),
            ("drop_before", {}, True),
            ("cut", {}, True),
            ("hang", {}, True),
            ("status", {"status": 502}, True),
            ("status", {"status": 504}, True),
            ("status", {"status": 503}, False),
            ("status", {"status": 429}, False),
            ("html", {}, False),
        ],
    )
    def test_a_load_that_breaks_off_is_told(self, protocol, fault, options, loading):
        self.dealer.inject(fault, "sale.order.load", **options)
        with self.assertRaises((DealerUnreachable, DealerBadAnswer)) as caught:
            self.push(order(), protocol=protocol, read_timeout=0.5)
        self.assertIs(caught.exception.loading, loading)

    @cases("call", ["product.product.search_read", "res.partner.load", "authenticate"])
    def test_another_call_that_breaks_off(self, call):
        self.dealer.inject("cut", call)
        with self.assertRaises(DealerUnreachable) as caught:
            self.push(order())
        self.assertIs(caught.exception.loading, False)

    # ------------------------------------------------------------
    # Clocks
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    @cases("shift", [-7200, 0, 7200, None])
    def test_the_dealers_clock(self, protocol, shift):
        self.dealer.clock_shift = shift
        session = connect(self.dealer, protocol)
        self.assertIsNone(session.clock_offset)
        with session:
            self.assertEqual(session.uid, self.dealer.uid)
            offset = session.clock_offset
        self.assertEqual(session.clock_offset, offset)
        if shift is None:
            self.assertIsNone(offset)
        else:
            self.assertLess(abs(offset.total_seconds() - shift), 5)

    @cases(
        "date", ["", "nonsense", "Tue, 99 Foo 9999", "x" * 10000, "Fri, 31 Dec 9999 23:59:59 GMT"]
    )
    def test_a_clock_that_is_none(self, date):
        with connect(self.dealer) as session:
            self.assertEqual(session.uid, self.dealer.uid)
            session.transport._read_date("Wed, 01 Jan 2020 00:00:00 GMT")
            session.transport._read_date(date)
            self.assertIsNone(session.clock_offset)


class TestDealerLooks(VerificationCase):
    """Orders are looked for without writing anything, and without a trace in the dealer's log."""

    @cases("protocol", PROTOCOLS)
    @cases("version", ["19.0", "17.0"])
    def test_find_existing(self, protocol, version):
        protocol = "xmlrpc" if version == "17.0" else protocol
        self.start_case(version=version)
        self.push(order(1), order(2))
        self.dealer.denied |= {("sale.order.line", "create"), ("sale.order", "read")}
        del self.dealer.orders[2]
        keys = [f"{NAMESPACE}.{name}" for name in ("lead_1", "lead_2", "lead_3", "customer_1")]
        self.dealer.requests.clear()
        with connect(self.dealer, protocol) as session:
            self.assertEqual(find_existing(session, "sale.order", keys), {KEY})
            self.assertEqual(find_existing(session, "sale.order", []), set())
        self.assertEqual(self.dealer.calls("load"), 1)
        self.assertEqual(self.dealer.log, [])
        self.assertEqual(len(self.dealer.orders), 1)

    @cases(
        "answer",
        [
            "yes",
            {},
            {"ids": [5], "messages": []},
            {"ids": False, "messages": "none"},
            {"ids": False, "messages": [{"field": "order_id", "record": 9}]},
            {"ids": False, "messages": [{"field": "order_id", "record": "0"}]},
        ],
    )
    def test_find_existing_is_answered_nonsense(self, answer):
        self.dealer.inject("nonsense", "sale.order.line.load", value=answer)
        with connect(self.dealer) as session, self.assertRaises(DealerBadAnswer):
            find_existing(session, "sale.order", [KEY])

    def look(self, *orders):
        with connect(self.dealer, server_version=self.dealer.version) as session:
            looks = look_at_orders(session, list(orders))
        for look in looks.values():
            for code, details in look.notes:
                self.assertNotIn("%(", render(code, details))
        return looks

    def test_look_at_orders(self):
        self.push(order(1), order(2), order(3))
        self.dealer.orders[2]["user_id"] = 99
        del self.dealer.orders[3]
        self.dealer.requests.clear()
        looks = self.look(order(1), order(2), order(3), order(9))
        # the log in, five, and one about later keys of the hidden order
        self.assertLessEqual(len(self.dealer.requests), 7)
        self.assertEqual(looks[KEY].seen.name, "S00001")
        self.assertEqual([look.seen for look in looks.values()][1:], [HIDDEN, MISSING, MISSING])
        self.assertEqual([look.remote_id for look in looks.values()], [None, 2, None, None])
        self.assertEqual([look.notes for look in looks.values()], [[], [], [], []])
        self.assertEqual(self.look(), {})
        self.assertEqual(self.dealer.log, [])

    def test_the_id_of_a_stranger(self):
        """The dealer restored a backup from before our order, and gave its id to another one."""
        self.push(order(1))
        self.dealer.orders.clear()
        self.dealer.external_ids.clear()
        self.dealer.orders[1] = {"name": "S00001", "partner_id/.id": 1, "state": "draft"}
        self.assertEqual(self.look(order(1))[KEY].seen, MISSING)

    def test_the_id_is_another_one_by_now(self):
        """The dealer restored a backup, and got our order again."""
        self.push(order(2), order(1))
        self.assertEqual(self.look(order(1))[KEY].seen.id, 2)

    @cases(("state", "found"), [("draft", True), ("sale", True), ("cancel", False)])
    def test_an_earlier_key_that_a_backup_brought_back(self, state, found):
        """Cancelled and sent anew under the next key; then the dealer restored a backup."""
        self.push(order(1))
        self.dealer.orders[1]["state"] = state
        later = order(1)
        later.external_id = f"{KEY}_2"
        look = self.look(later)[f"{KEY}_2"]
        self.assertEqual(look.external_id, KEY if found else None)
        self.assertEqual(getattr(look.seen, "id", look.seen), 1 if found else MISSING)
        # what it was made of may not be what the lead says by now, even where all looks alike
        self.assertEqual(look.notes, [("order_came_back", {"name": "S00001"})] if found else [])

    @cases(
        ("change", "found"),
        [({}, True), ({"state": "cancel"}, False), ({"client_order_ref": "X"}, False)],
    )
    def test_a_later_key_that_our_backup_does_not_know(self, change, found):
        """Cancelled there and sent anew under the next key; then a backup was restored here."""
        later = order(1)
        later.external_id = f"{KEY}_2"
        self.push(order(1), later)
        self.dealer.orders[1]["state"] = "cancel"
        self.dealer.orders[2].update(change)
        look = self.look(order(1))[KEY]
        self.assertEqual(look.external_id, f"{KEY}_2" if found else None)
        self.assertEqual(look.seen.id, 2 if found else 1)
        self.assertEqual(notes_of(look), ["order_came_back"] if found else ["order_cancelled"])

    def test_a_later_key_where_our_own_order_is_deleted(self):
        """Cancelled there, sent anew and deleted; a backup was restored here in between."""
        later = order(1)
        later.external_id = f"{KEY}_2"
        self.push(order(1), later)
        del self.dealer.orders[1]
        look = self.look(order(1))[KEY]
        self.assertEqual((look.external_id, look.seen.id), (f"{KEY}_2", 2))
        self.assertEqual(notes_of(look), ["order_came_back"])
        self.dealer.orders[2]["user_id"] = 99
        look = self.look(order(1))[KEY]
        self.assertEqual((look.external_id, look.seen, look.remote_id), (f"{KEY}_2", HIDDEN, 2))
        self.assertEqual(notes_of(look), ["order_came_back"])

    def test_lines_with_a_product_that_has_another_code_by_now(self):
        """Nobody can tell whether these are the right ones."""
        self.push(order(1))
        self.assertIs(self.look(order(1))[KEY].is_compared, True)
        product = self.dealer.orders[1]["order_line"][0]["product_id/.id"]
        self.dealer.products[product]["default_code"] = "OTHER"
        look = self.look(order(1))[KEY]
        self.assertEqual((look.seen.id, look.is_compared), (1, False))

    @cases(
        ("change", "notes"),
        [
            ({}, ["order_came_back"]),
            ({"order_line": [OTHER_LINE]}, ["order_came_back", "lines_differ"]),
            ({"client_order_ref": "edited"}, ["order_came_back"]),
            ({"client_order_ref": "other", "partner_id/.id": 2}, None),
            ({"user_id": 99}, ["order_came_back", "name_unknown"]),
            ({"state": "cancel"}, None),
        ],
    )
    def test_a_later_key_of_what_is_sent_again(self, change, notes):
        """As before, and the backup does not know either whether the order came there."""
        found = notes is not None
        later = order(1)
        later.external_id = f"{KEY}_2"
        self.push(order(1), later)
        self.push(order(3, email="other@buyer.example", name="Somebody Else"))
        del self.dealer.orders[1], self.dealer.orders[3]
        self.dealer.orders[2].update(change)
        [result] = self.push(order(1, maybe_there=True, first_attempt=utcnow(minutes=-5)))
        self.assertEqual((result.status, result.remote_id), ("sent", 2 if found else 3))
        self.assertEqual(result.external_id, f"{KEY}_2" if found else None)
        self.assertEqual(notes_of(result), notes or [])
        self.assertEqual(len(self.dealer.orders), 1 if found else 2)

    def test_the_dealer_does_not_tell_of_later_keys(self):
        """Nothing is sent again before that is known."""
        later = order(1)
        later.external_id = f"{KEY}_2"
        self.push(order(1), later)
        del self.dealer.orders[1]
        self.dealer.inject("access_error", "sale.order.line.load")
        [result, other] = self.push(order(1, maybe_there=True), order(2))
        self.assertEqual((result.status, other.status), ("retry", "sent"))
        self.assertEqual(len(self.dealer.orders), 2)

    def test_a_later_key_where_our_own_order_is_hidden(self):
        """Only a cancelled order is sent anew: the later one holds, whoever has the first."""
        later = order(1)
        later.external_id = f"{KEY}_2"
        self.push(order(1), later)
        self.dealer.orders[1]["user_id"] = 99
        look = self.look(order(1))[KEY]
        self.assertEqual((look.external_id, look.seen.id), (f"{KEY}_2", 2))
        self.assertEqual(notes_of(look), ["order_came_back"])
        self.dealer.orders[2]["user_id"] = 99
        self.assertEqual(self.look(order(1))[KEY].seen, HIDDEN)

    def test_of_two_earlier_keys_the_later_one(self):
        """The first one is another's, of the first release; its order was sent under the second."""
        self.push(order(1), order(2))
        for number, key in enumerate((KEY, f"{KEY}_2"), 1):
            self.dealer.orders[number]["client_order_ref"] = order(1).reference
            self.dealer.external_ids[key] = ("sale.order", number, True)
        later = order(1)
        later.external_id = f"{KEY}_3"
        look = self.look(later)[later.external_id]
        self.assertEqual((look.external_id, look.seen.id), (f"{KEY}_2", 2))

    @cases(("key", "hours", "found"), [(KEY, 0, True), (KEY, 2, False), (KEY_FOR_GOOD, 2, True)])
    def test_anothers_order_under_an_earlier_key(self, key, hours, found):
        """It was there before ours was sent first: only a key with a digest is nobody else's."""
        sent = order(1)
        sent.external_id = key
        self.push(sent)
        later = order(1)
        later.external_id = f"{key}_2"
        later.first_attempt = utcnow(hours=hours)
        look = self.look(later)[later.external_id]
        self.assertEqual(look.external_id, key if found else None)
        self.assertEqual(look.seen == MISSING, not found)

    @cases("earlier", [False, True])
    def test_a_right_that_lacks_for_a_moment_is_not_hidden(self, earlier):
        """The dealer does not tell the id of an order: nothing was seen of it."""
        self.push(order(1))
        asked = order(1)
        if earlier:
            asked.external_id = f"{KEY}_2"
        self.dealer.inject("access_error", "sale.order.load")
        self.assertEqual(self.look(asked)[asked.external_id].seen, UNSEEN)
        self.assertNotEqual(self.look(asked)[asked.external_id].seen, UNSEEN)

    @cases(
        ("change", "notes"),
        [
            ({}, []),
            ({"state": "cancel"}, ["order_cancelled"]),
            ({"client_order_ref": "the dealer's own"}, []),
            ({"partner_id/.id": 2}, ["customer_differs"]),
            ({"order_line": []}, ["amount_differs"]),
            ({"order_line": [OTHER_LINE]}, ["lines_differ"]),
        ],
    )
    def test_what_differs(self, change, notes):
        """Say what is not as it was sent: somebody there, or a backup here, has changed it."""
        self.push(order(1))
        self.dealer.add_partner(name="Somebody Else")
        self.dealer.orders[1].update(change)
        look = self.look(order(1))[KEY]
        self.assertEqual((look.seen.id, notes_of(look)), (1, notes))

    @cases(("key", "seen"), [(KEY, MISSING), (KEY_FOR_GOOD, 1)])
    def test_another_order_in_its_place(self, key, seen):
        """A key without a digest may have been given to another lead's order."""
        sent = order(1)
        sent.external_id = key
        self.push(sent)
        self.dealer.add_partner(name="Somebody Else")
        self.dealer.orders[1].update({"client_order_ref": "X", "partner_id/.id": 2})
        look = self.look(sent)[key]
        self.assertEqual(getattr(look.seen, "id", look.seen), seen)
        expected = "order_exchanged" if seen == MISSING else "customer_differs"
        self.assertEqual(notes_of(look), [expected])

    @cases(
        ("minutes", "change", "found"),
        [
            (5, {}, True),
            (5, {"partner_id/.id": 2}, False),
            (5, {"order_line": []}, False),
            (120, {}, False),
        ],
    )
    def test_an_order_that_our_backup_does_not_know(self, minutes, change, found):
        """It was found there when it was sent once more, and taken over, as all was alike."""
        self.push(order(1))
        self.dealer.add_partner(name="Somebody Else")
        self.dealer.orders[1].update(change)
        again = order(1)
        again.first_attempt = utcnow(minutes=minutes)
        look = self.look(again)[KEY]
        self.assertEqual(getattr(look.seen, "id", look.seen), 1 if found else MISSING)

    def test_ids_that_none_can_be_are_not_asked_for(self):
        with connect(self.dealer) as session:
            self.assertEqual(read_orders(session, [0, None, -1, 2**31, True, "1"]), {})
        self.assertEqual(self.dealer.requests, [])

    @cases(
        ("key", "following"),
        [
            ("a.lead_5", "a.lead_5_2"),
            ("a.lead_5_2", "a.lead_5_3"),
            ("a.lead_5_9", "a.lead_5_10"),
            ("a.lead_5_ab12cd34", "a.lead_5_ab12cd34_2"),
            ("a.lead_5_12345678", "a.lead_5_12345678_2"),
            ("a.lead_5_12345678_2", "a.lead_5_12345678_3"),
            ("bpo_crm_12.lead_5", "bpo_crm_12.lead_5_2"),
        ],
    )
    def test_next_key(self, key, following):
        self.assertEqual(next_external_id(key), following)
        self.assertEqual(first_external_id(following), first_external_id(key))
        self.assertEqual(first_external_id("a.lead_5_12345678"), "a.lead_5_12345678")


class TestDealerPricelists(VerificationCase):
    """In which currency the order of a new customer comes out is known before one is created."""

    def prepare(self, **kwargs):
        result = super().prepare(**kwargs)
        self.dollar = self.dealer.add("res.currency", name="USD")
        self.dealer.pricelists_used = True
        return result

    def ask(self, protocol="xmlrpc"):
        with connect(self.dealer, protocol) as session:
            return new_customer_currency(session, [], "EUR")

    def add_list(self, currency, **values):
        return self.dealer.add(
            "product.pricelist", name="List", currency_id=currency, country_group_ids=[], **values
        )

    @cases("protocol", PROTOCOLS)
    @cases(
        ("currencies", "currency"),
        [("", "EUR"), ("E", "EUR"), ("EE", "EUR"), ("U", "USD"), ("UE", "USD"), ("EU", "EUR")],
    )
    def test_the_first_list_decides(self, protocol, currencies, currency):
        for letter in currencies:
            self.add_list(1 if letter == "E" else self.dollar)
        self.assertEqual(self.ask(protocol), currency)

    def test_lists_that_are_switched_off(self):
        self.add_list(self.dollar)
        self.dealer.pricelists_used = False
        self.assertEqual(self.ask(), "EUR")

    def test_lists_of_countries(self):
        """It depends on the customer, unless all are in one currency."""
        self.dealer.tables["product.pricelist"][self.add_list(1)]["country_group_ids"] = [3]
        self.assertEqual(self.ask(), "EUR")
        self.add_list(self.dollar)
        self.assertIsNone(self.ask())

    def test_old_versions(self):
        """A default may be stored there that we cannot read."""
        self.start_case(version="16.0")
        self.add_list(1)
        self.assertEqual(self.ask(), "EUR")
        self.add_list(self.dollar)
        self.assertIsNone(self.ask())

    @cases("value", ["lists", {"a": 1}, [1]])
    def test_nonsense(self, value):
        self.dealer.inject("nonsense", "product.pricelist", value=value)
        with self.assertRaises(DealerBadAnswer):
            self.ask()


class TestDealerReplacement(VerificationCase):
    """A content that may have been sent is replaced only after the dealer was asked."""

    def prepare(self, **kwargs):
        result = super().prepare(**kwargs)
        self.waiting = order(quantity=2.0, maybe_there=True, first_attempt=utcnow(minutes=-5))
        self.waiting.replacement = order(quantity=7.0)
        return result

    def send_old(self):
        self.assertEqual(statuses(self.push(order(quantity=2.0))), ["sent"])
        self.dealer.requests.clear()

    def quantities(self):
        return [
            [line["product_uom_qty"] for line in each["order_line"]]
            for each in self.dealer.orders.values()
        ]

    @cases("protocol", PROTOCOLS)
    def test_nothing_is_there(self, protocol):
        [result] = self.push(self.waiting, protocol=protocol)
        self.assertEqual(
            (result.status, result.content, result.external_id, result.notes),
            ("sent", "new", None, []),
        )
        self.assertEqual(self.quantities(), [[7.0]])
        self.assertIn(KEY, self.dealer.external_ids)

    @cases("protocol", PROTOCOLS)
    def test_the_old_one_is_there(self, protocol):
        self.send_old()
        [result] = self.push(self.waiting, protocol=protocol)
        self.assertEqual((result.status, result.content), ("sent", "old"))
        self.assertEqual((result.remote_id, result.remote_name), (1, "S00001"))
        self.assertEqual(notes_of(result), ["order_is_older"])
        self.assertEqual(self.quantities(), [[2.0]])

    def test_the_old_one_is_there_and_a_cent_was_changed(self):
        self.send_old()
        self.waiting.replacement = order(quantity=2.0, price=100.01)
        [result] = self.push(self.waiting)
        self.assertEqual((result.content, notes_of(result)), ("old", ["order_is_older"]))

    @cases("state", ["draft", "cancel"])
    def test_attempts_of_some_time_ago(self, state):
        """What was created since the first attempt is ours, under either key."""
        self.send_old()
        self.dealer.orders[1].update(state=state, create_date=self.dealer.now(minutes=-4))
        [before] = self.push(self.waiting)
        self.dealer.orders[before.remote_id]["create_date"] = self.dealer.now(minutes=-3)
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.remote_id), ("sent", before.remote_id))
        self.assertEqual(result.content, "new" if state == "cancel" else "old")

    def test_the_dealer_changed_it_as_asked(self):
        self.send_old()
        self.dealer.orders[1]["order_line"][0]["product_uom_qty"] = 7.0
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content, result.notes), ("sent", "new", []))
        self.assertEqual(len(self.dealer.orders), 1)

    @cases("protocol", PROTOCOLS)
    def test_the_old_one_was_cancelled(self, protocol):
        self.send_old()
        self.dealer.orders[1]["state"] = "cancel"
        [result] = self.push(self.waiting, protocol=protocol)
        self.assertEqual(
            (result.status, result.content, result.external_id, result.remote_id),
            ("sent", "new", f"{KEY}_2", 2),
        )
        self.assertEqual(result.notes, [("order_renewed", {"name": "S00001"})])
        self.assertEqual(self.quantities(), [[2.0], [7.0]])
        # also when the answer was lost: the second one is found, not doubled
        [again] = self.push(self.waiting, protocol=protocol)
        self.assertEqual((again.remote_id, again.external_id), (2, f"{KEY}_2"))
        self.assertEqual(again.notes, [("order_renewed", {"name": "S00001"})])

    def test_the_dealer_added_a_line(self):
        """What has a line more is not what was asked for, though the rest of it is."""
        self.send_old()
        [line] = self.dealer.orders[1]["order_line"]
        line["product_uom_qty"] = 7.0
        self.dealer.orders[1]["order_line"].append(dict(line))
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content), ("sent", "old"))
        self.assertEqual(len(self.dealer.orders), 1)

    def test_all_keys_are_used_up(self):
        """However often the dealer cancels: no key is used twice, and none is made up."""
        self.send_old()
        results = []
        for _turn in range(12):
            for each in self.dealer.orders.values():
                each["state"] = "cancel"
            results += self.push(self.waiting)
        sent = [result.external_id for result in results if result.status == "sent"]
        self.assertEqual(len(set(sent)), len(sent))
        self.assertEqual(len(self.dealer.orders), 1 + len(sent))
        self.assertEqual(
            {(result.status, result.code) for result in results[len(sent) :]},
            {("retry", "order_postponed")},
        )

    @cases("fault", ["drop_after", "cut"])
    def test_the_answer_about_the_new_one_is_lost(self, fault):
        """It went under another key, which is found the next time: no third order."""
        self.send_old()
        self.dealer.orders[1]["state"] = "cancel"
        calls = []

        def lose_the_second_load(name):
            calls.append(name)
            due = name == "sale.order.load" and calls.count(name) == 2
            return (fault, {}) if due else (None, {})

        self.dealer.take_fault = lose_the_second_load
        with self.assertRaises(DealerUnreachable) as caught:
            self.push(self.waiting)
        self.assertIs(caught.exception.request_sent, True)
        self.assertEqual(len(self.dealer.orders), 2)
        [result] = self.push(self.waiting)
        self.assertEqual((result.content, result.external_id), ("new", f"{KEY}_2"))
        self.assertEqual(len(self.dealer.orders), 2)

    def test_the_second_one_was_cancelled_too(self):
        self.send_old()
        self.dealer.orders[1]["state"] = "cancel"
        self.push(self.waiting)
        self.dealer.orders[2]["state"] = "cancel"
        [result] = self.push(self.waiting)
        self.assertEqual((result.content, result.external_id), ("new", f"{KEY}_3"))

    def test_hidden_before_one_that_was_cancelled(self):
        """Whoever has the first key's order: the next one was sent since, and is given up, too."""
        self.send_old()
        self.dealer.orders[1]["state"] = "cancel"
        self.push(self.waiting)
        self.dealer.orders[1]["user_id"] = 99
        self.dealer.orders[2]["state"] = "cancel"
        self.waiting.external_id = f"{KEY}_2"
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.external_id), ("sent", f"{KEY}_3"))
        self.assertEqual(result.notes, [("order_renewed", {"name": "S00002"})])

    def test_the_old_one_is_hidden(self):
        self.send_old()
        self.dealer.orders[1]["user_id"] = 99
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content, result.remote_id), ("sent", "old", 1))
        self.assertEqual(notes_of(result), ["name_unknown", "order_is_older"])
        self.assertEqual(len(self.dealer.orders), 1)

    @cases(
        ("change", "conflict"),
        [
            ({"client_order_ref": "X"}, True),
            ({"create_date": "2001-01-01 00:00:00"}, True),
            ({}, False),
        ],
    )
    def test_somebody_elses_order_is_there(self, change, conflict):
        self.push(order(name="Other", email="other@buyer.example"))
        self.dealer.orders[1].update(change)
        [result] = self.push(self.waiting)
        self.assertEqual(result.code == "order_conflict", conflict)
        self.assertEqual(result.status == "failed", conflict)
        self.assertEqual(len(self.dealer.orders), 1)

    def test_a_second_key_that_is_somebody_elses(self):
        """Under another key than its own it is no conflict: the next one is taken."""
        self.send_old()
        self.dealer.orders[1]["state"] = "cancel"
        other = order(2, name="Other", email="other@buyer.example")
        other.external_id = f"{KEY}_2"
        self.push(other)
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.external_id), ("sent", f"{KEY}_3"))

    def test_the_old_one_arrives_late(self):
        """It is committed after the dealer was asked for it: still one order, called what it is."""
        original = self.dealer.call

        def call(model, method, *args, **kwargs):
            if (model, method) == ("sale.order", "load"):
                self.dealer.call = original
                self.push(order(quantity=2.0))
            return original(model, method, *args, **kwargs)

        self.dealer.call = call
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content), ("sent", "old"))
        self.assertIn("order_is_older", notes_of(result))
        self.assertEqual(self.quantities(), [[2.0]])

    @cases("answer", ["cut", "hidden"])
    def test_the_new_one_cannot_be_read_afterwards(self, answer):
        """It is what was sent, as nothing was there when the dealer was asked."""
        if answer == "cut":
            self.dealer.inject("cut", "sale.order.search_read", times=2)
        else:
            self.dealer.automation = lambda values: values.update(user_id=99)
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content), ("sent", "new"))

    @cases(
        ("change", "content"),
        [
            ({"name": "Somebody Else"}, "old"),
            ({"email": "else@buyer.example"}, "old"),
            ({"name": "Customer  1"}, "new"),
        ],
    )
    def test_only_the_customer_is_another_one(self, change, content):
        """An order for the customer of before is not shown as the new customer's."""
        self.push(order(quantity=2.0))
        self.waiting.replacement = order(quantity=2.0, **change)
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content), ("sent", content))
        self.assertEqual(len(self.dealer.orders), 1)

    @cases("unreadable", [False, True])
    def test_the_customer_of_before_is_shown_by_the_new_ones_name(self, unreadable):
        """Found by e-mail, whatever its name: the new customer is another of that name."""
        self.push(order(quantity=2.0))
        self.dealer.partners[1]["name"] = "Namesake"
        self.waiting.replacement = order(quantity=2.0, name="Namesake", email="else@buyer.example")
        if unreadable:
            self.dealer.inject("access_error", "res.partner.read")
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content), ("sent", "old"))

    def test_the_dealer_changed_the_customer_as_asked(self):
        self.push(order(quantity=2.0))
        self.dealer.partners[1]["name"] = "Somebody Else"
        self.waiting.replacement = order(quantity=2.0, name="Somebody Else")
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.content), ("sent", "new"))

    def test_ours_from_before_a_backup_was_restored_here(self):
        """Marked anew, and won again with other units before it was sent: no stranger's."""
        sent = order(quantity=2.0)
        sent.external_id = KEY_FOR_GOOD
        self.push(sent)
        self.dealer.orders[1]["create_date"] = self.dealer.now(hours=-9)
        self.waiting.external_id = KEY_FOR_GOOD
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.remote_id), ("sent", 1))
        self.assertEqual(notes_of(result), ["order_is_older", "order_was_there"])
        self.assertEqual(self.quantities(), [[2.0]])

    def test_sent_again_after_the_dealer_restored_a_backup(self):
        """The row's key is gone there, the order of before it is back: no second one."""
        self.send_old()
        again = order(quantity=2.0, maybe_there=True)
        again.external_id = f"{KEY}_2"
        again.replacement = order(quantity=2.0)
        [result] = self.push(again)
        self.assertEqual((result.status, result.external_id), ("sent", KEY))
        self.assertEqual((result.content, result.notes), ("new", []))
        self.assertEqual(self.quantities(), [[2.0]])

    @cases(
        ("email", "notes"),
        [("namesake@buyer.example", ["customer_differs"]), ("customer-1@buyer.example", [])],
    )
    def test_sent_again_for_somebody_of_the_same_name(self, email, notes):
        """What a backup brought back is for the customer of before: the name does not tell."""
        self.push(order(quantity=2.0, email=email))
        again = order(quantity=2.0, maybe_there=True)
        again.external_id = f"{KEY}_2"
        again.replacement = order(quantity=2.0)
        [result] = self.push(again)
        self.assertEqual((result.status, notes_of(result)), ("sent", notes))

    def test_sent_again_after_a_backup_was_restored_here(self):
        """The row's key was cancelled and deleted there, the order after it is there."""
        later = order(quantity=7.0)
        later.external_id = f"{KEY}_2"
        self.push(later)
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.external_id), ("sent", f"{KEY}_2"))
        self.assertEqual(self.quantities(), [[7.0]])

    def test_a_replacement_that_the_dealer_cannot_take(self):
        self.waiting.replacement = order(codes=["NEW"])
        [result] = self.push(self.waiting)
        self.assertEqual((result.status, result.code), ("failed", "product_unknown"))
        self.assertIsNone(result.content)

    def test_the_orders_that_were_given_are_left_as_they_are(self):
        self.send_old()
        self.dealer.orders[1]["state"] = "cancel"
        self.push(self.waiting)
        self.assertEqual(self.waiting.external_id, KEY)
        self.assertEqual(self.waiting.replacement.external_id, KEY)
        self.assertIs(self.waiting.replacement.maybe_there, False)

    @cases("fault", ["cut", "access_denied", "html"])
    @cases("call", ["sale.order.line.load", "sale.order.search_read"])
    def test_the_dealer_cannot_be_asked(self, fault, call):
        """Then nothing is sent."""
        self.send_old()
        self.dealer.inject(fault, call)
        with self.assertRaises(DealerError) as caught:
            self.push(self.waiting, order(2))
        self.assertIs(caught.exception.request_sent, False)
        self.assertEqual(self.quantities(), [[2.0]])

    @cases("protocol", PROTOCOLS)
    @cases("fault", ["server_error", "access_error", "user_error"])
    @cases("call", ["sale.order.line.load", "sale.order.search_read"])
    def test_the_dealer_fails_to_tell(self, protocol, fault, call):
        """The order waits; those that have no older content do not."""
        self.send_old()
        self.dealer.inject(fault, call)
        results = self.push(self.waiting, order(2), protocol=protocol)
        self.assertEqual(statuses(results), ["retry", "sent"])
        self.assertEqual(self.quantities(), [[2.0], [1.0]])

    @cases("fault", ["server_error", "access_error"])
    @cases("maybe_there", [False, True])
    def test_the_dealer_fails_to_tell_of_a_refused_order(self, fault, maybe_there):
        """It is refused, unless it may be there; it holds up no other."""
        self.dealer.inject(fault, "sale.order.line.load")
        refused = order(1, codes=["NEW"], maybe_there=maybe_there)
        results = self.push(refused, order(2))
        self.assertEqual(statuses(results), ["retry" if maybe_there else "failed", "sent"])

    def test_no_sales_app(self):
        del self.dealer.tables["sale.order"]
        with self.assertRaises(DealerAccessRefused) as caught:
            self.push(self.waiting)
        self.assertEqual(caught.exception.code, "sales_missing")

    def test_requests(self):
        """Many replacements cost as many requests as one; orders without one cost nothing more."""
        orders = []
        for number in range(1, 26):
            waiting = order(number, quantity=2.0, maybe_there=True)
            waiting.replacement = order(number, quantity=7.0)
            orders.append(waiting)
        self.push(*(order(number, quantity=2.0) for number in range(1, 26)))
        self.dealer.requests.clear()
        results = self.push(*orders, server_version="19.0", uid=self.dealer.uid)
        self.assertEqual({result.content for result in results}, {"old"})
        self.assertLessEqual(len(self.dealer.requests), 6)
