# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test connection: each step in plain words, nothing left there, no exception."""

from ...dealer_api import MESSAGES, ConnectionSettings, check_connection
from .common import DealerApiCase, cases
from .fault_dealer import FaultDealer

STEPS = [
    "address",
    "certificate",
    "version",
    "database",
    "login",
    "rights",
    "currency",
    "products",
    "trial",
]


def states(report):
    return {line.step: line.ok for line in report.lines if line.ok is not True}


class TestDealerCheck(DealerApiCase):
    """Test connection, against a dealer in memory."""

    def prepare(self):
        for code in ("VH-1", "TWICE", "TWICE"):
            self.dealer.add_product(code)

    def check(self, dealer, protocol="auto", currency="EUR", codes=("VH-1",), **kwargs):
        options = {
            "url": dealer.url,
            "database": dealer.database,
            "login": dealer.login,
            "api_key": dealer.secret,
            "allow_http": True,
            "allow_private": True,
            "read_timeout": 1.0,
            **kwargs,
        }
        before = repr((dealer.tables, dealer.external_ids, dealer.numbers_drawn))
        report = check_connection(
            ConnectionSettings(protocol=protocol, **options), currency=currency, product_codes=codes
        )
        after = repr((dealer.tables, dealer.external_ids, dealer.numbers_drawn))
        self.assertEqual(after, before)
        self.assertFalse([name for name in dealer.requests if name.endswith(("create", "write"))])
        self.assertEqual([line.step for line in report.lines], STEPS)
        for line in report.lines:
            self.assertIn(line.code, MESSAGES)
            self.assertEqual(line.text, MESSAGES[line.code] % line.details)
            for secret in (dealer.api_key, dealer.login):
                self.assertNotIn(secret, line.text)
        return report

    def failed(self, report):
        """Return the code of the one step that failed; steps after it are not reached."""
        [line] = [line for line in report.lines if line.ok is False]
        self.assertFalse(report.ok)
        return line.step, line.code

    @cases(
        ("version", "protocol", "used"),
        [
            ("19.0", "auto", "json2"),
            ("19.0", "xmlrpc", "xmlrpc"),
            ("19.0", "json2", "json2"),
            ("16.0", "auto", "xmlrpc"),
        ],
    )
    def test_all_is_well(self, version, protocol, used):
        with FaultDealer(version=version) as dealer:
            dealer.add_product("VH-1")
            report = self.check(dealer, protocol)
            self.assertTrue(report.ok)
            self.assertEqual(
                (report.server_version, report.protocol, report.uid), (version, used, dealer.uid)
            )
            self.assertIn(version, report.lines[2].text)

    def test_what_is_remembered_is_not_trusted(self):
        report = self.check(self.dealer, server_version="12.0", uid=999)
        self.assertTrue(report.ok)
        self.assertEqual((report.server_version, report.uid), ("19.0", self.dealer.uid))

    @cases(
        ("change", "step", "code"),
        [
            ({"url": "ftp://dealer.example"}, "address", "url_scheme"),
            ({"url": ""}, "address", "url_missing"),
            ({"allow_http": False}, "address", "url_https_required"),
            ({"allow_private": False}, "address", "address_private"),
            ({"url": "http://169.254.169.254"}, "address", "address_forbidden"),
            ({"database": "other"}, "database", "database_unknown"),
            ({"api_key": "wrong"}, "login", "login_refused"),
            ({"api_key": "f" * 40}, "login", "login_refused"),
            ({"login": "other", "protocol": "json2"}, "login", "login_mismatch"),
            ({"currency": "USD"}, "currency", "check_currency_mismatch"),
            ({"codes": ("VH-1", "NEW-7")}, "products", "product_unknown"),
            ({"codes": ("TWICE", "VH-1")}, "products", "product_ambiguous"),
        ],
    )
    def test_one_setting_is_wrong(self, change, step, code):
        report = self.check(self.dealer, **change)
        self.assertEqual(self.failed(report), (step, code))
        position = STEPS.index(step)
        after = dict.fromkeys(STEPS[position + 1 :])
        if step in ("currency", "products"):
            after = {}
        self.assertEqual(states(report), {step: False, **after})

    @cases("protocol", ["xmlrpc", "json2"])
    def test_wrong_database_of_one_protocol(self, protocol):
        report = self.check(self.dealer, protocol, database="other")
        self.assertEqual(self.failed(report), ("database", "database_unknown"))
        self.assertEqual(report.server_version, "19.0")

    def test_nobody_there(self):
        self.dealer.stop()
        report = self.check(self.dealer)
        self.assertEqual(self.failed(report), ("address", "connection_refused"))
        self.assertEqual([line.code for line in report.lines[1:]], ["check_not_reached"] * 8)

    @cases(
        ("fault", "options", "code"),
        [
            ("html", {}, "html_answer"),
            ("hang", {}, "answer_timeout"),
            ("garbage", {}, "bad_xml"),
            ("dtd", {}, "dtd_refused"),
            ("redirect", {}, "redirect"),
            ("status", {"status": 503}, "server_busy"),
            ("status", {"status": 404}, "not_found"),
        ],
    )
    def test_not_an_odoo(self, fault, options, code):
        self.dealer.inject(fault, times=10, **options)
        report = self.check(self.dealer)
        self.assertEqual(self.failed(report), ("version", code))
        self.assertIs(report.lines[0].ok, True)

    @cases("call", ["authenticate", "has_access", "company.read", "product.product"])
    def test_it_breaks_on_the_way(self, call):
        self.dealer.inject("drop_before", call, times=5)
        report = self.check(self.dealer, "xmlrpc")
        self.assertFalse(report.ok)
        self.assertIn("connection_lost", [line.code for line in report.lines])

    def test_no_https_there(self):
        report = self.check(self.dealer, url=self.dealer.url.replace("http:", "https:"))
        self.assertEqual(self.failed(report), ("certificate", "tls_failed"))
        self.assertIs(report.lines[0].ok, True)

    def test_plain_http_is_pointed_out(self):
        report = self.check(self.dealer)
        self.assertEqual(report.lines[1].code, "check_certificate_none")

    def test_json2_before_its_time(self):
        with FaultDealer(version="18.0") as dealer:
            report = self.check(dealer, "json2")
        self.assertEqual(self.failed(report), ("version", "protocol_unavailable"))

    @cases("version", ["19.0", "16.0"])
    def test_rights(self, version):
        with FaultDealer(version=version) as dealer:
            dealer.add_product("VH-1")
            dealer.denied |= {("res.partner", "create"), ("sale.order.line", "create")}
            report = self.check(dealer)
            self.assertEqual(self.failed(report), ("rights", "check_rights_missing"))
            self.assertIn("create res.partner, create sale.order.line", report.lines[5].text)
            # Of the steps after it, one only depends on it.
            self.assertEqual(states(report), {"rights": False, "trial": None})

    @cases("protocol", ["xmlrpc", "json2"])
    def test_no_sales_app(self, protocol):
        del self.dealer.tables["sale.order"]
        report = self.check(self.dealer, protocol)
        self.assertEqual(self.failed(report), ("rights", "sales_missing"))

    def test_nothing_to_compare_with(self):
        report = self.check(self.dealer, currency=None, codes=())
        self.assertTrue(report.ok)
        self.assertEqual(
            [line.code for line in report.lines[-3:]],
            [
                "check_currency_none",
                "check_products_none",
                "check_trial_ok",
            ],
        )

    def test_very_many_unknown_products(self):
        report = self.check(self.dealer, codes=[f"NEW-{number}" for number in range(100)])
        self.assertTrue(report.lines[-2].details["codes"].endswith(" (+80)"))

    # ------------------------------------------------------------
    # The trial
    # ------------------------------------------------------------

    def seen_orders(self):
        """Return the orders that the dealer's rules are about to be asked for."""
        seen = []

        def reject(model, values):
            if model == "sale.order":
                seen.append(dict(values))

        self.dealer.reject = reject
        return seen

    @cases(("protocol", "version"), [("json2", "19.0"), ("xmlrpc", "19.0"), ("xmlrpc", "12.0")])
    def test_a_trial(self, protocol, version):
        self.start_case(version=version)
        seen = self.seen_orders()
        report = self.check(self.dealer, protocol)
        self.assertEqual(report.lines[-1].code, "check_trial_ok")
        [order] = seen
        # Its own name, so that no number is drawn; a line, so that rules of lines are asked, too.
        self.assertEqual(order["name"], "Connection test")
        self.assertEqual(len(order["order_line"]), 1)
        self.assertEqual(self.dealer.calls(".load"), 2)

    @cases("protocol", ["json2", "xmlrpc"])
    @cases(
        ("model", "code"),
        [
            ("res.partner", "check_trial_customer_refused"),
            ("sale.order", "check_trial_order_refused"),
        ],
    )
    def test_the_dealers_rules_refuse(self, protocol, model, code):
        self.dealer.reject = lambda of, values: "Missing: <b>Region</b>" if of == model else None
        report = self.check(self.dealer, protocol)
        self.assertEqual(self.failed(report), ("trial", code))
        self.assertTrue(report.lines[-1].text.endswith("names: Missing: Region"))

    def test_one_product_is_not_all_of_them(self):
        for codes, said in (
            (["VH-1"], "The product exists at the dealer, once."),
            (["VH-1", "VH-2"], "All 2 products exist at the dealer, each once."),
        ):
            if codes[-1] != "VH-1":
                self.dealer.add_product(codes[-1])
            report = self.check(self.dealer, codes=codes)
            [line] = [line for line in report.lines if line.step == "products"]
            self.assertEqual((line.ok, line.text), (True, said))

    def test_products_that_are_not_there(self):
        for codes in (["NEW-7"], []):
            seen = self.seen_orders()
            report = self.check(self.dealer, codes=codes)
            self.assertEqual(report.lines[-1].code, "check_trial_ok")
            self.assertNotIn("order_line", seen[0])

    def test_automations_are_not_set_off(self):
        self.dealer.tables["base.automation"] = {}
        for denied in ((), [("base.automation", "read")]):
            self.dealer.denied.update(denied)
            report = self.check(self.dealer)
            self.assertTrue(report.ok)
            self.assertEqual(report.lines[-1].code, "check_trial_automations")
        self.assertEqual(self.dealer.calls(".load"), 0)

    @cases("version", ["11.0", ""])
    def test_no_trial_at_a_version_not_known(self, version):
        with FaultDealer(version=version or "19.0") as dealer:
            dealer.version = version or "odd"
            dealer.add_product("VH-1")
            report = self.check(dealer, "xmlrpc")
            self.assertEqual(report.lines[-1].code, "check_trial_version")
            self.assertEqual(dealer.calls(".load"), 0)

    def test_a_trial_that_is_kept_is_said(self):
        self.dealer.keeps_bad_loads = True
        options = {"allow_http": True, "allow_private": True}
        dealer = self.dealer
        for _turn in range(2):
            settings = ConnectionSettings(
                dealer.url, dealer.database, dealer.login, dealer.api_key, **options
            )
            report = check_connection(settings)
            self.assertEqual(self.failed(report), ("trial", "check_trial_kept"))
        self.assertEqual(len(dealer.partners), 1)

    @cases("call", ["base.automation.has_access", "res.partner.load", "sale.order.load"])
    @cases("fault", ["drop_before", "drop_after", "server_error", "access_error"])
    def test_a_trial_breaks_off(self, fault, call):
        self.dealer.inject(fault, call)
        report = self.check(self.dealer)
        self.assertEqual([line.step for line in report.lines if not line.ok], ["trial"])

    @cases("call", ["res.partner.load", "sale.order.load"])
    @cases("value", [None, [], {}, {"messages": "none"}, {"messages": []}, {"messages": [7]}])
    def test_a_trial_with_an_answer_that_makes_no_sense(self, call, value):
        self.dealer.inject("nonsense", call, value=value)
        report = self.check(self.dealer)
        self.assertEqual(self.failed(report), ("trial", "unexpected_answer"))
