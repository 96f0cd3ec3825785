# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Order defaults and notes: what arrives, what is refused before anything is created, and why."""

from ...dealer_api import Order, check_connection, is_default_column, may_be_default, push_orders
from .common import PROTOCOLS, DealerApiCase, cases
from .test_orders import NAMESPACE, connect, payload, push, statuses

KINDS = {
    "user_id": {"type": "many2one", "relation": "res.users"},
    "team_id": {"type": "many2one", "relation": "crm.team"},
    "tag_ids": {"type": "many2many", "relation": "crm.tag"},
    "note": {"type": "html"},
    "x_branch": {"type": "char"},
}


def ordered(number=1, notes="", **defaults):
    """Return a snapshot of this release with defaults."""
    order = Order.from_payload(payload(number))
    order.defaults, order.notes = defaults, notes
    return order.to_payload()


class TestDefaults(DealerApiCase):
    """Orders with defaults and notes, against a dealer in memory."""

    def prepare(self):
        dealer = self.dealer
        dealer.add_product("VH-1")
        dealer.order_kinds = dict(KINDS)
        dealer.tables["crm.team"] = {4: {"name": "Call centre"}, 5: {"name": "Shop"}}
        dealer.tables["crm.tag"] = {1: {"name": "BPO"}, 2: {"name": "Fast, red"}, 3: {"name": "x"}}
        dealer.tables["res.users"][70] = {"name": "Sally Sales", "login": "sally"}

    def _created(self, number=1):
        return self.dealer.order_of(f"{NAMESPACE}.lead_{number}")

    # ------------------------------------------------------------
    # What arrives
    # ------------------------------------------------------------

    @cases("protocol", PROTOCOLS)
    def test_they_go_with_the_order(self, protocol):
        order = ordered(
            team_id="Call centre", user_id="", tag_ids="BPO, x", x_branch="7", note="a < b\nc & d"
        )
        [result] = push(self.dealer, [order], protocol)
        self.assertEqual((result.status, result.notes), ("sent", []), result.text)
        created = self._created()
        self.assertEqual(created["team_id"], 4)
        self.assertFalse(created["user_id"])
        self.assertEqual(created["tag_ids"], [1, 3])
        self.assertEqual(created["x_branch"], "7")
        self.assertEqual(created["note"], "a &lt; b<br/>c &amp; d")

    def test_the_deal_itself_comes_first(self):
        order = Order.from_payload(payload(1))
        order.values["x_branch"] = "of the deal"
        order.defaults = {"x_branch": "7", "team_id": "Shop"}
        [result] = push(self.dealer, [order.to_payload()])
        self.assertEqual(result.status, "sent", result.text)
        self.assertEqual(self._created()["x_branch"], "of the deal")
        self.assertEqual(self._created()["team_id"], 5)

    def test_text_stays_text_where_the_dealer_has_text(self):
        self.dealer.order_kinds["note"] = {"type": "text"}
        push(self.dealer, [ordered(note="a < b\nc")])
        self.assertEqual(self._created()["note"], "a < b\nc")

    def test_notes_are_an_internal_message(self):
        notes = "Call after six.\nColour <b>blue</b> & no other"
        [result, other] = push(self.dealer, [ordered(1, notes=notes), payload(2)])
        self.assertEqual((result.status, result.notes, other.status), ("sent", [], "sent"))
        self.assertEqual(self.dealer.calls("sale.order.load"), 1)
        created = self._created()
        self.assertEqual(
            created["message_ids/body"],
            "Call after six.<br/>Colour &lt;b&gt;blue&lt;/b&gt; &amp; no other",
        )
        self.assertEqual(created["message_ids/subtype_id/id"], "mail.mt_note")
        self.assertEqual(created["message_ids/model"], "sale.order")
        self.assertEqual(created["message_ids/is_internal"], "1")
        self.assertEqual(self._created(2)["message_ids/body"], "")

    def test_without_them_nothing_is_more(self):
        push(self.dealer, [payload(1)])
        plain = list(self.dealer.requests)
        self.dealer.requests.clear()
        [result] = push(self.dealer, [ordered(1)])
        self.assertEqual(result.status, "sent")
        self.assertLessEqual(len(self.dealer.requests), len(plain))
        self.assertNotIn("sale.order.fields_get", self.dealer.requests)
        self.assertFalse([name for name in self._created() if name.startswith("message_ids")])

    def test_known_ones_cost_no_request(self):
        defaults = {"team_id": "Call centre", "user_id": "", "tag_ids": "BPO,x"}
        push(self.dealer, [payload(1)])
        with connect(self.dealer) as session:
            push_orders(session, [Order.from_payload(ordered(2, **defaults))])
        self.dealer.requests.clear()
        push(self.dealer, [payload(3)])
        plain = len(self.dealer.requests)
        self.dealer.requests.clear()
        results = push(self.dealer, [ordered(number, **defaults) for number in range(4, 54)])
        self.assertEqual(set(statuses(results)), {"sent"})
        self.assertEqual(len(self.dealer.requests), plain)

    def test_again_is_the_same(self):
        order = ordered(team_id="Call centre", notes="Once")
        [first] = push(self.dealer, [order])
        [again] = push(self.dealer, [order])
        [renamed] = push(self.dealer, [ordered(team_id="Shop", notes="Twice")])
        ids = {result.remote_id for result in (first, again, renamed)}
        self.assertEqual(ids, {first.remote_id})
        self.assertEqual(self._created()["team_id"], 4)
        self.assertEqual((again.notes, renamed.notes), ([], []))

    # ------------------------------------------------------------
    # What is not taken
    # ------------------------------------------------------------

    @cases(
        ("defaults", "code", "value"),
        [
            ({"team_id": "Nobody"}, "default_unknown", "Nobody"),
            ({"tag_ids": "BPO, New"}, "default_unknown", "New"),
            ({"team_id": "Twice"}, "default_ambiguous", "Twice"),
        ],
    )
    def test_a_name_is_not_known(self, defaults, code, value):
        self.dealer.tables["crm.team"].update({8: {"name": "Twice"}, 9: {"name": "Twice"}})
        [bad, good] = push(self.dealer, [ordered(1, **defaults), payload(2)])
        self.assertEqual((bad.status, bad.code, good.status), ("failed", code, "sent"))
        [column] = defaults
        self.assertEqual(bad.details, {"field": column, "value": value})
        self.assertIn(value, bad.text)
        # nobody was created for it, and no number was used up
        self.assertEqual((len(self.dealer.partners), self.dealer.numbers_drawn), (1, 1))

    def test_once_it_is_known_the_order_goes(self):
        order = ordered(team_id="New team")
        [result] = push(self.dealer, [order])
        self.assertEqual(result.code, "default_unknown")
        self.dealer.tables["crm.team"][9] = {"name": "New team"}
        [result] = push(self.dealer, [order])
        self.assertEqual(result.status, "sent", result.text)
        self.assertEqual(self._created()["team_id"], 9)

    def test_what_is_there_already_is_found(self):
        """A team that was renamed after an answer was lost."""
        order = ordered(team_id="Call centre")
        push(self.dealer, [order])
        self.dealer.tables["crm.team"].clear()
        with connect(self.dealer) as session:
            session.forget()
        [result] = push(self.dealer, [order])
        self.assertEqual((result.status, result.remote_id), ("sent", 1), result.text)

    def test_it_went_since_it_was_looked_for(self):
        push(self.dealer, [ordered(1, team_id="Call centre")])
        self.dealer.tables["crm.team"].clear()
        [result] = push(self.dealer, [ordered(2, team_id="Call centre")])
        self.assertEqual((result.status, result.code), ("failed", "default_unknown"), result.text)
        self.assertEqual(result.details, {"field": "team_id", "value": "Call centre"})
        [result] = push(self.dealer, [ordered(3, team_id="Call centre")])
        self.assertEqual(self.dealer.calls("sale.order.load"), 3)
        self.assertEqual(result.code, "default_unknown")

    def test_names_that_may_not_be_read(self):
        self.dealer.denied.add(("crm.team", "read"))
        results = push(self.dealer, [ordered(1, team_id="Shop"), payload(2)])
        self.assertEqual(statuses(results), ["failed", "sent"])
        self.assertEqual(results[0].code, "default_hidden")
        self.assertIn("crm.team", results[0].text)

    def test_a_field_that_is_not_there_is_left_out(self):
        [result] = push(self.dealer, [ordered(x_gone="1", team_id="Shop")])
        self.assertEqual(result.status, "sent", result.text)
        self.assertEqual(result.left_out, {"sale.order": ["x_gone"]})
        self.assertEqual(self._created()["team_id"], 5)

    def _refuse_others_orders(self):
        """Refuse orders of others as the rule *own documents* does: without naming a field."""
        self.dealer.reject = lambda model, values: (
            "BPO Service doesn't have 'create' access to Sales Order Line"
            if model == "sale.order" and values.get("user_id") == 70
            else None
        )

    def test_the_one_that_is_refused_is_named(self):
        """Also where the dealer's Odoo does not say which; for a batch it is found out once."""
        self._refuse_others_orders()
        orders = [ordered(n, team_id="Shop", user_id="Sally Sales") for n in range(1, 6)]
        results = push(self.dealer, orders)
        for result in results:
            self.assertEqual((result.status, result.code), ("failed", "default_refused"))
            self.assertEqual((result.details["field"], result.details["value"]), _SALLY)
            self.assertIn("doesn't have 'create' access", result.text)
        self.assertEqual(self.dealer.calls("base.automation.has_access"), 1)
        self.assertEqual(self.dealer.orders, {})

    def test_notes_of_a_dealer_before_messages_were_internal(self):
        self.start_case(version="12.0")
        push(self.dealer, [ordered(1, notes="x")])
        self.assertEqual(self._created()["message_ids/body"], "x")
        self.assertNotIn("message_ids/is_internal", self._created())

    def test_one_that_is_required_beside_one_that_is_refused(self):
        """Where an order without any default is refused, too."""
        self._refuse_others_orders()
        others = self.dealer.reject
        self.dealer.reject = lambda model, values: (
            "Missing required value for the field 'Branch'"
            if model == "sale.order" and not values.get("x_branch")
            else others(model, values)
        )
        defaults = {"x_branch": "7", "user_id": "Sally Sales", "team_id": "Shop"}
        [result] = push(self.dealer, [ordered(**defaults)])
        self.assertEqual(result.code, "default_refused", result.text)
        self.assertEqual((result.details["field"], result.details["value"]), _SALLY)
        report = self._check(defaults)
        [line] = [line for line in report.lines if not line.ok]
        self.assertEqual((line.code, line.details["field"]), ("default_refused", "user_id"))

    def test_several_that_are_refused(self):
        self.dealer.reject = lambda model, values: (
            "Not so"
            if model == "sale.order" and (values.get("user_id") == 70 or values.get("x_branch"))
            else None
        )
        [result] = push(self.dealer, [ordered(team_id="Shop", x_branch="7", user_id="Sally Sales")])
        self.assertEqual((result.code, result.details["field"]), ("default_refused", "x_branch"))

    def test_a_refusal_of_this_order_alone_names_none(self):
        """Orders on trial are taken with all defaults."""
        self.dealer.reject = lambda model, values: (
            "Not this one" if values.get("client_order_ref") == "BPO/LEAD/1" else None
        )
        [result] = push(self.dealer, [ordered(team_id="Shop", x_branch="7")])
        self.assertEqual((result.status, result.code), ("failed", "order_refused"))

    def test_a_refusal_for_another_reason_names_none(self):
        self.dealer.reject = lambda model, values: "Closed" if model == "sale.order" else None
        [result] = push(self.dealer, [ordered(team_id="Shop")])
        self.assertEqual((result.status, result.code), ("failed", "order_refused"))

    @cases("defaults", [{"order_line": "x"}, {"id": "x"}, {"team_id": 4}, {"partner_id/.id": "1"}])
    def test_what_must_not_be_is_not_sent(self, defaults):
        [result] = push(self.dealer, [ordered(**defaults)])
        self.assertEqual((result.status, result.code), ("failed", "payload_invalid"))

    def test_columns(self):
        for column in ("team_id", "team_id/id", "team_id/.id", "x_a1"):
            self.assertTrue(is_default_column(column) and may_be_default(column), column)
        for column in ("", "a b", "team_id/name", "team_id/id/id", ".id", "1a", None, "x.y"):
            self.assertFalse(is_default_column(column), column)
        for column in ("id", "partner_id/id", "order_line", "client_order_ref", "origin", "name"):
            self.assertFalse(may_be_default(column), column)

    # ------------------------------------------------------------
    # Contents that may be there
    # ------------------------------------------------------------

    def _push_wanted(self, sent, wanted, there=True):
        """Push an order that may be there as ``sent``, and is wanted as ``wanted``."""
        if there:
            push(self.dealer, [sent])
        order = Order.from_payload(sent)
        order.maybe_there = True
        order.replacement = Order.from_payload(wanted)
        with connect(self.dealer) as session:
            [result] = push_orders(session, [order])
        return result

    def test_another_default_is_no_other_content(self):
        result = self._push_wanted(ordered(team_id="Shop"), ordered(team_id="Call centre"))
        self.assertEqual((result.status, result.content, result.notes), ("sent", "new", []))
        self.assertEqual(len(self.dealer.orders), 1)

    def test_other_notes_may_not_have_arrived(self):
        result = self._push_wanted(ordered(notes="Old"), ordered(notes="New"))
        self.assertEqual((result.status, result.content), ("sent", "old"))
        self.assertEqual([code for code, _details in result.notes], ["order_is_older"])

    def test_other_notes_arrive_where_nothing_is_there(self):
        result = self._push_wanted(ordered(notes="Old"), ordered(notes="New"), there=False)
        self.assertEqual((result.status, result.content), ("sent", "new"))
        self.assertEqual(self._created()["message_ids/body"], "New")

    # ------------------------------------------------------------
    # Test connection
    # ------------------------------------------------------------

    def _check(self, defaults):
        with connect(self.dealer) as session:
            settings = session.settings
        return check_connection(settings, "EUR", ["VH-1"], defaults=defaults)

    def _lines(self, report, ok):
        return [(line.step, line.code) for line in report.lines if line.ok is ok]

    def test_check_without_any_says_nothing(self):
        plain = self._check(None)
        requests = list(self.dealer.requests)
        self.dealer.requests.clear()
        report = self._check({})
        self.assertTrue(report.ok)
        self.assertEqual(report.lines, plain.lines)
        self.assertNotIn("defaults", [line.step for line in report.lines])
        self.assertEqual(self.dealer.requests, requests)

    def test_check_knows_all(self):
        report = self._check({"team_id": "Shop", "user_id": "", "note": "x"})
        self.assertTrue(report.ok, self._lines(report, False))
        self.assertIn(("defaults", "check_defaults_ok"), self._lines(report, True))
        self.assertEqual((self.dealer.orders, self.dealer.numbers_drawn), ({}, 0))

    def test_check_of_one(self):
        report = self._check({"team_id": "Shop"})
        [line] = [line for line in report.lines if line.step == "defaults"]
        self.assertEqual((line.ok, line.text), (True, "The order default is known there."))

    def test_trials_do_not_ask_for_our_contact_each(self):
        self._refuse_others_orders()
        self.dealer.requests.clear()
        self._check({"team_id": "Shop", "user_id": "Sally Sales", "note": "x"})
        self.assertGreater(self.dealer.calls("sale.order.load"), 2)
        self.assertEqual(self.dealer.calls("res.users.search_read"), 1)

    def test_check_names_each_that_is_wrong(self):
        self.dealer.tables["crm.team"].update({8: {"name": "Twice"}, 9: {"name": "Twice"}})
        report = self._check({"team_id": "Twice", "tag_ids": "New", "x_gone": "1", "note": "x"})
        self.assertEqual(
            self._lines(report, False),
            [
                ("defaults", "check_default_field"),
                ("defaults", "default_ambiguous"),
                ("defaults", "default_unknown"),
            ],
        )
        self.assertIn(("trial", "check_trial_ok"), self._lines(report, True))

    def test_check_finds_the_one_that_is_refused(self):
        self._refuse_others_orders()
        report = self._check({"team_id": "Shop", "user_id": "Sally Sales"})
        [line] = [line for line in report.lines if not line.ok]
        self.assertEqual((line.step, line.code), ("trial", "default_refused"))
        self.assertEqual((line.details["field"], line.details["value"]), _SALLY)
        self.assertEqual(self.dealer.orders, {})

    def test_check_hears_which_value_does_not_fit(self):
        """What ``load()`` says about the field of a default."""
        self.dealer.inject(
            "nonsense",
            "sale.order.load",
            value={
                "ids": False,
                "messages": [
                    {"type": "error", "field": "x_branch", "message": "Value 'z' not found"},
                    {"type": "error", "field": "date_order", "message": "no date"},
                ],
            },
        )
        report = self._check({"x_branch": "z"})
        [line] = [line for line in report.lines if not line.ok]
        self.assertEqual((line.step, line.code), ("trial", "default_refused"))
        self.assertEqual(line.details["field"], "x_branch")


_SALLY = ("user_id", "Sally Sales")
