# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whose order it is at the dealer: found, created, or told to be somebody else's."""

from unittest.mock import patch

from ...dealer_api import (
    Customer,
    DealerBadAnswer,
    DealerError,
    Order,
    check_connection,
    normal_phone,
    render,
)
from ...dealer_api.identity import same_name, same_phone
from .common import LOOK_UPS, PROTOCOLS, DealerApiCase, cases
from .test_orders import NAMESPACE, connect, payload, payloads, push, statuses


def codes(result):
    return [code for code, _details in result.notes]


class TestDealerCustomers(DealerApiCase):
    """Customers of orders, against a dealer in memory."""

    def prepare(self):
        for code in ("VH-1", "VH-2"):
            self.dealer.add_product(code)

    def partner_of(self, number):
        return self.dealer.orders[number]["partner_id/.id"]

    # ------------------------------------------------------------
    # Merged in between
    # ------------------------------------------------------------

    def _merge_before_load(self, number, kept=None):
        """Have the dealer merge a contact after it was looked up, right before orders are loaded.

        :param kept: the contact that takes what the merged one had: only its keys where it is told
            nothing
        """
        do_load = self.dealer._do_load
        todo = [number]

        def load(model, *args, **kwargs):
            if model == "sale.order" and todo:
                merged = self.dealer.partners.pop(todo.pop())
                if kept:
                    self.dealer.partners[kept].setdefault("email", merged.get("email"))
            return do_load(model, *args, **kwargs)

        self.enterContext(patch.object(self.dealer, "_do_load", load))

    @cases("protocol", PROTOCOLS)
    def test_merged_between_the_look_up_and_the_order(self, protocol):
        """The order goes to the contact that was kept, the others of the batch to theirs."""
        [first, second, third] = payloads(3)
        email = first["customer"]["email"]
        merged = self.dealer.add_partner(name="Double", email=email)
        kept = self.dealer.add_partner(name=first["customer"]["name"])
        self._merge_before_load(merged, kept)
        results = push(self.dealer, [first, second, third], protocol)
        self.assertEqual(statuses(results), ["sent", "sent", "sent"])
        self.assertEqual(self.partner_of(results[0].remote_id), kept)
        self.assertEqual(codes(results[0]), [])
        self.assertEqual(len(self.dealer.orders), 3)

    def test_deleted_between_the_look_up_and_the_order(self):
        sent = payload(1)
        gone = self.dealer.add_partner(name="Gone", email=sent["customer"]["email"])
        self._merge_before_load(gone)
        [result] = push(self.dealer, [sent])
        self.assertEqual((result.status, codes(result)), ("sent", []))
        self.assertEqual([self.partner_of(result.remote_id)], list(self.dealer.partners))

    def test_a_dealer_that_never_has_the_contact_that_it_shows(self):
        """It is looked up once more, not for ever."""
        sent = payload(1)
        number = self.dealer.add_partner(name="Odd", email=sent["customer"]["email"])
        text = f"No matching record found for database id '{number}' in field 'Customer'"
        message = {"type": "error", "field": "partner_id", "record": 0, "message": text}
        value = {"ids": False, "messages": [message]}
        self.dealer.inject("nonsense", "sale.order.load", times=9, value=value)
        [result] = push(self.dealer, [sent])
        self.assertEqual((result.status, result.code), ("failed", "order_refused"))

    # ------------------------------------------------------------
    # Who is who
    # ------------------------------------------------------------

    @cases(
        "phone", ["000", "n/a 1", "12345", "1111111", "+0000000000", "call 11-11-11-11", "-", ""]
    )
    def test_no_phone_of_anybody(self, phone):
        self.assertIsNone(normal_phone(phone))
        self.dealer.add_partner(name="Somebody", phone=phone)
        self.dealer.missing_fields["res.partner"].add("phone_sanitized")
        push(
            self.dealer, [payload(1, email=None, phone=phone), payload(2, email=None, phone=phone)]
        )
        self.assertEqual(len(self.dealer.partners), 3)

    def test_a_dealer_that_does_not_show_how_to_reach_people(self):
        """A contact that cannot be judged is taken as it is, and not made over and over."""
        self.dealer.inject("nonsense", "res.partner.fields_get", value={"email": {"type": "char"}})
        sent = payload(1, email=None, phone="+3225550101")
        self.assertEqual(statuses(push(self.dealer, [sent])), ["sent"])
        self.assertEqual(len(self.dealer.partners), 1)

    def test_fields_of_nobody(self):
        """An answer without the e-mail is none, and is not remembered."""
        self.dealer.inject("nonsense", "res.partner.fields_get", value={})
        with self.assertRaises(DealerBadAnswer):
            push(self.dealer, [payload(1)])
        self.assertEqual(statuses(push(self.dealer, [payload(1)])), ["sent"])
        self.assertEqual(len(self.dealer.partners), 1)

    def test_two_with_one_email_and_their_own_phones(self):
        """They have the same key, and yet each goes to the contact with the own phone."""
        numbers = {1: "+3225550101", 2: "+3225550202"}
        for number, phone in numbers.items():
            self.dealer.add_partner(name=f"Contact {number}", phone=phone)
        push(
            self.dealer,
            [
                payload(number, email="shared@buyer.example", phone=phone, external_id="m.shared")
                for number, phone in numbers.items()
            ],
        )
        self.assertEqual([self.partner_of(1), self.partner_of(2)], [1, 2])

    def test_one_between_two_others_joins_them_not(self):
        """Somebody with the e-mail of the first makes nobody with the own phone the first."""
        push(
            self.dealer,
            [
                payload(1, email="first@buyer.example", phone=""),
                payload(2, email="first@buyer.example", phone="+3225550202"),
                payload(3, email="third@buyer.example", phone="+3225550202"),
            ],
        )
        self.assertEqual([self.partner_of(number) for number in (1, 2, 3)], [1, 1, 2])
        self.assertEqual(self.dealer.partners[2]["email"], "third@buyer.example")

    @cases(
        ("phone", "other", "same"),
        [
            ("+3225550101", "+3225550101", True),
            ("+3225550101", "025550101", True),
            ("25550101", "+3225550101", True),
            ("3225550101", "+3225550101", False),
            ("025550101", "25550101", False),
            ("5550101", "+3225550101", True),
            ("5550101", "+13225550101", False),
            ("+3225550101", "+4925550101", False),
            ("0155501", "+32155501", False),
        ],
    )
    def test_same_phone(self, phone, other, same):
        self.assertIs(same_phone(phone, other), same)
        self.assertIs(same_phone(other, phone), same)

    @cases(
        ("name", "other", "same"),
        [
            ("Ann Ash", "ash, ANN", True),
            ("José Núñez", "Jose Nunez", True),
            ("Ann Ash", "Ann  Ash.", True),
            ("Ann Ash", "Ann", False),
            ("Ann Ash", "Bob Ash", False),
            ("Ann", None, False),
        ],
    )
    def test_same_name(self, name, other, same):
        self.assertIs(same_name(name, other), same)

    # ------------------------------------------------------------
    # Found
    # ------------------------------------------------------------

    @cases("protocol", PROTOCOLS)
    def test_another_name_is_said(self, protocol):
        partner_id = self.dealer.add_partner(name="<b>Old</b> Owner", email="none@none.example")
        [result] = push(self.dealer, [payload(1, email="none@none.example")], protocol)
        self.assertEqual((result.status, self.partner_of(1)), ("sent", partner_id))
        [(code, details)] = result.notes
        self.assertEqual(code, "customer_name_differs")
        self.assertEqual((details["customer"], details["partner_id"]), ("Customer 1", partner_id))
        self.assertIn("Old Owner", render(code, details))
        self.assertNotIn("<", render(code, details))

    def test_the_same_name_is_not_worth_a_word(self):
        self.dealer.add_partner(name="1 CUSTOMER", email="customer-1@buyer.example")
        [result] = push(self.dealer, payloads(1))
        self.assertEqual(result.notes, [])

    def test_another_name_in_one_batch_is_said(self):
        orders = [payload(1, email="none@none.example"), payload(2, email="none@none.example")]
        results = push(self.dealer, orders)
        self.assertEqual(self.partner_of(1), self.partner_of(2))
        self.assertEqual([codes(each) for each in results], [[], ["customer_name_differs"]])

    @cases("library", [True, False])
    @cases(
        ("stored", "sent"),
        [
            ("+32 2 555 01 01", "+3225550101"),
            ("02 555 01 01", "+3225550101"),
            ("+32 2 555 01 01", "02 555 01 01"),
        ],
    )
    def test_no_second_contact_by_phone(self, library, stored, sent):
        self.dealer.has_phone_library = library
        partner_id = self.dealer.add_partner(name="Customer 1", phone=stored)
        push(self.dealer, [payload(1, email=None, phone=sent)])
        if library and stored[0] == "0" and sent[0] == "+":
            # The library of a real dealer would have made it international.
            return
        self.assertEqual(self.partner_of(1), partner_id)

    def test_what_is_written_alike_counts_more_than_what_may_be_the_same(self):
        self.dealer.missing_fields["res.partner"].add("phone_sanitized")
        self.dealer.add_partner(name="Perhaps", phone="02 555 01 01")
        partner_id = self.dealer.add_partner(name="Customer 1", phone="+32 2 555 01 01")
        [result] = push(self.dealer, [payload(1, email=None, phone="+3225550101")])
        self.assertEqual((self.partner_of(1), result.notes), (partner_id, []))

    def test_contacts_of_another_company_are_not_found(self):
        other = self.dealer.add("res.company", name="Other", currency_id=1)
        self.dealer.add_partner(name="A", email="customer-1@buyer.example", company_id=other)
        own = self.dealer.add_partner(
            name="Customer 2", email="customer-2@buyer.example", company_id=1
        )
        results = push(self.dealer, payloads(2))
        self.assertEqual(statuses(results), ["sent", "sent"])
        self.assertNotIn(self.partner_of(1), (1, own))
        self.assertEqual(self.partner_of(2), own)

    # ------------------------------------------------------------
    # Created
    # ------------------------------------------------------------

    @cases(
        "change",
        [{"active": False}, {"email": "other@buyer.example", "phone": False, "name": "Merged"}],
    )
    @cases("protocol", PROTOCOLS)
    def test_a_contact_that_is_the_customers_no_more(self, protocol, change):
        push(self.dealer, payloads(1), protocol)
        self.dealer.partners[1].update(change)
        again = payload(2, external_id=f"{NAMESPACE}.customer_1", email="customer-1@buyer.example")
        again["customer"]["name"] = "Customer 1"
        [result] = push(self.dealer, [again], protocol)
        self.assertEqual((result.status, self.partner_of(2)), ("sent", 2))
        self.assertEqual(codes(result), ["customer_replaced"])
        self.assertEqual(result.notes[0][1]["partner_id"], 1)
        self.assertEqual(self.dealer.external_ids[f"{NAMESPACE}.customer_1_2"][1], 2)
        # The first one is left as it is, and the next order goes to the new one.
        for name, value in change.items():
            self.assertEqual(self.dealer.partners[1][name], value)
        later = payload(3, external_id=f"{NAMESPACE}.customer_1", email="customer-1@buyer.example")
        later["customer"]["name"] = "Customer 1"
        [result] = push(self.dealer, [later], protocol)
        self.assertEqual((self.partner_of(3), result.notes), (2, []))

    def test_a_renamed_contact_with_the_phone_is_said(self):
        first = payload(1, email=None, phone="+3225550101")
        push(self.dealer, [first])
        self.dealer.partners[1].update(name="Renamed", email="new@buyer.example")
        second = payload(2, external_id=f"{NAMESPACE}.customer_1", phone="+3225550101")
        [result] = push(self.dealer, [second])
        self.assertEqual(self.partner_of(2), 1)
        self.assertEqual(codes(result), ["customer_name_differs"])

    def test_an_order_that_is_there_needs_no_new_contact(self):
        push(self.dealer, payloads(2))
        self.dealer.partners[1]["active"] = False
        results = push(self.dealer, payloads(2))
        self.assertEqual([result.remote_id for result in results], [1, 2])
        self.assertEqual(len(self.dealer.partners), 2)

    def test_all_keys_are_taken(self):
        self.dealer.automation = lambda values: None
        add = self.dealer.add

        def archived(model, **values):
            if model == "res.partner":
                values["active"] = False
            return add(model, **values)

        self.dealer.add = archived
        results = push(self.dealer, payloads(1))
        self.assertEqual(
            [(each.status, each.code) for each in results], [("failed", "customer_taken")]
        )
        self.assertEqual(len(self.dealer.orders), 0)
        self.assertLessEqual(len(self.dealer.partners), 5)

    def test_contacts_that_may_not_be_read_are_used(self):
        """Whether the contact under the key is still the customer's is not known, and said."""
        self.dealer.inject("access_error", "res.partner.read", times=9)
        [result] = push(self.dealer, payloads(1))
        self.assertEqual(
            (result.status, result.notes), ("sent", [("customer_unreadable", {"partner_id": 1})])
        )

    def test_one_contact_that_may_not_be_read_among_others(self):
        """The others are read: an archived one is replaced, and nothing untrue is said of it."""
        push(self.dealer, payloads(2))
        self.dealer.partners[1]["user_id"] = 99
        self.dealer.partners[2]["active"] = False
        again = []
        for number in (1, 2):
            name = f"customer_{number}"
            key, email = f"{NAMESPACE}.{name}", f"customer-{number}@buyer.example"
            again.append(payload(number + 2, external_id=key, email=email))
        hidden, archived = push(self.dealer, again)
        self.assertEqual(codes(hidden), ["customer_unreadable"])
        self.assertEqual(codes(archived), ["customer_replaced"])
        self.assertEqual(self.partner_of(3), 1)
        self.assertNotEqual(self.partner_of(4), 2)

    @cases("fault", ["serialization_fault", "server_error"])
    def test_contacts_that_cannot_be_read_now_are_waited_for(self, fault):
        """Whether the contact under the key is archived by now is not known."""
        push(self.dealer, payloads(1))
        self.dealer.partners[1]["active"] = False
        again = payload(2, external_id=f"{NAMESPACE}.customer_1", email="customer-1@buyer.example")
        # the contact of the service user is read by then
        self.dealer.inject(fault, "res.partner.read")
        with self.assertRaises(DealerError):
            push(self.dealer, [again])
        self.assertEqual(len(self.dealer.orders), 1)
        [result] = push(self.dealer, [again])
        self.assertEqual((result.status, self.partner_of(2)), ("sent", 2))

    # ------------------------------------------------------------
    # Where they live
    # ------------------------------------------------------------

    def test_state(self):
        orders = [
            payload(1, country_code="us", state_code="CA"),
            payload(2, country_code="BE", state_code="CA"),
            payload(3, country_code="US", state_code="??"),
            payload(4, state_code="CA"),
        ]
        self.assertEqual(statuses(push(self.dealer, orders)), ["sent"] * 4)
        found = [
            (partner["country_id/.id"], partner["state_id/.id"])
            for _id, partner in sorted(self.dealer.partners.items())
        ]
        self.assertEqual(found, [(233, 10), (20, ""), (233, ""), ("", "")])

    def test_state_in_a_snapshot(self):
        customer = Customer("m.customer_1", {"name": "Ann"}, "US", "CA")
        order = Order("m.lead_1", "EUR", customer, [], {})
        self.assertEqual(Order.from_payload(order.to_payload()).customer.state_code, "CA")
        first_release = payload(1)
        self.assertEqual(Order.from_payload(first_release).customer.state_code, "")

    def test_states_that_may_not_be_read(self):
        self.dealer.denied.add(("res.country.state", "read"))
        [result] = push(self.dealer, [payload(1, country_code="US", state_code="CA")])
        self.assertEqual(result.status, "sent")
        self.assertNotIn("state_id/.id", self.dealer.partners[1])

    @cases("protocol", PROTOCOLS)
    def test_requests_for_new_customers(self, protocol):
        """What is set up once is asked once: later batches need no more requests than before."""

        def batch(start):
            return [
                payload(number, country_code="US", state_code="CA", phone=f"+322555{number:04}")
                for number in range(start, start + 50)
            ]

        push(self.dealer, batch(1), protocol)
        self.dealer.requests.clear()
        known = {"server_version": "19.0", "uid": self.dealer.uid}
        self.assertEqual(statuses(push(self.dealer, batch(101), protocol, **known)), ["sent"] * 50)
        self.assertEqual(
            self.dealer.requests,
            [
                *LOOK_UPS,
                "res.partner.load",
                "res.partner.read",
                "sale.order.load",
                "sale.order.search_read",
            ],
        )

    # ------------------------------------------------------------
    # Products and currency
    # ------------------------------------------------------------

    @cases(
        ("values", "code"),
        [({"sale_ok": False}, "product_not_saleable"), ({"type": "combo"}, "product_combo")],
    )
    def test_products_that_no_order_may_have(self, values, code):
        self.dealer.add("product.product", default_code="ODD", name="Odd", **values)
        results = push(self.dealer, [payload(1, ["VH-1", "ODD"]), payload(2)])
        self.assertEqual(statuses(results), ["failed", "sent"])
        self.assertEqual((results[0].code, results[0].details), (code, {"codes": "ODD"}))
        # Nobody is created for it.
        self.assertEqual(len(self.dealer.partners), 1)
        with connect(self.dealer) as session:
            report = check_connection(session.settings, "EUR", ["VH-1", "ODD"])
        self.assertEqual(report.lines[-2].code, code)

    def test_one_of_two_is_for_sale(self):
        product_id = self.dealer.add_product("TWICE")
        self.dealer.add("product.product", default_code="TWICE", name="Old", sale_ok=False)
        [result] = push(self.dealer, [payload(1, ["TWICE"])])
        self.assertEqual(result.status, "sent")
        self.assertEqual(self.dealer.orders[1]["order_line"][0]["product_id/.id"], product_id)

    @cases("protocol", PROTOCOLS)
    @cases("version", ["19.0", "16.0"])
    def test_products_of_several_companies(self, protocol, version):
        self.start_case(version=version)
        protocol = protocol if version == "19.0" else "xmlrpc"
        other = self.dealer.add("res.company", name="Other", currency_id=1)
        for company_id in (other, 1):
            product_id = self.dealer.add(
                "product.product", default_code="OURS", name="Ours", company_id=company_id
            )
        self.dealer.add("product.product", default_code="THEIRS", name="T", company_id=other)
        results = push(self.dealer, [payload(1, ["OURS"]), payload(2, ["THEIRS"])], protocol)
        self.assertEqual(
            [(each.status, each.code) for each in results],
            [("sent", "order_sent"), ("failed", "product_unknown")],
        )
        self.assertEqual(self.dealer.orders[1]["order_line"][0]["product_id/.id"], product_id)

    def test_products_of_the_parent_company(self):
        parent = self.dealer.add("res.company", name="Parent", currency_id=1)
        self.dealer.tables["res.company"][1]["parent_id"] = parent
        self.dealer.add("product.product", default_code="SHARED", name="S", company_id=parent)
        [result] = push(self.dealer, [payload(1, ["SHARED"])])
        self.assertEqual(result.status, "sent")

    def test_check_finds_the_price_list(self):
        """The company is in EUR, but new customers get a list in USD: no order would arrive."""
        dollar = self.dealer.add("res.currency", name="USD")
        self.dealer.add("product.pricelist", name="Public", currency_id=dollar)
        self.dealer.pricelists_used = True
        with connect(self.dealer) as session:
            in_euro = check_connection(session.settings, "EUR", ["VH-1"])
            in_dollar = check_connection(session.settings, "USD", ["VH-1"])
        [line] = [line for line in in_euro.lines if line.ok is False]
        self.assertEqual((line.step, line.code), ("currency", "check_pricelist_mismatch"))
        self.assertTrue(in_dollar.ok, [line.text for line in in_dollar.lines])
        results = push(self.dealer, [payload(1), payload(2, currency="USD")])
        self.assertEqual(
            [(each.status, each.code) for each in results],
            [("failed", "currency_mismatch"), ("sent", "order_sent")],
        )
        self.assertEqual(len(self.dealer.partners), 1)

    def test_a_price_list_that_was_put_right(self):
        dollar = self.dealer.add("res.currency", name="USD")
        pricelist = self.dealer.add("product.pricelist", name="Public", currency_id=dollar)
        self.dealer.pricelists_used = True
        self.assertEqual(statuses(push(self.dealer, payloads(1))), ["failed"])
        self.dealer.tables["product.pricelist"][pricelist]["currency_id"] = 1
        self.assertEqual(statuses(push(self.dealer, payloads(1))), ["sent"])

    def test_check_names_the_company(self):
        with connect(self.dealer) as session:
            report = check_connection(session.settings, "EUR", ["VH-1"])
        [line] = [line for line in report.lines if line.step == "currency"]
        self.assertIn("Dealer", line.text)
