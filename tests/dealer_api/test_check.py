# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test connection: each step in plain words, nothing written, no exception."""

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
            "api_key": dealer.api_key,
            "allow_http": True,
            "allow_private": True,
            "read_timeout": 1.0,
            **kwargs,
        }
        before = repr(dealer.tables)
        report = check_connection(
            ConnectionSettings(protocol=protocol, **options), currency=currency, product_codes=codes
        )
        self.assertEqual(repr(dealer.tables), before)
        self.assertFalse(
            [name for name in dealer.requests if name.endswith((".load", "create", "write"))]
        )
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
        if step in ("rights", "currency", "products"):
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
        self.assertEqual([line.code for line in report.lines[1:]], ["check_not_reached"] * 7)

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
            # The steps after it do not depend on it.
            self.assertEqual(states(report), {"rights": False})

    @cases("protocol", ["xmlrpc", "json2"])
    def test_no_sales_app(self, protocol):
        del self.dealer.tables["sale.order"]
        report = self.check(self.dealer, protocol)
        self.assertEqual(self.failed(report), ("rights", "sales_missing"))

    def test_nothing_to_compare_with(self):
        report = self.check(self.dealer, currency=None, codes=())
        self.assertTrue(report.ok)
        self.assertEqual(
            [line.code for line in report.lines[-2:]],
            [
                "check_currency_none",
                "check_products_none",
            ],
        )

    def test_very_many_unknown_products(self):
        report = self.check(self.dealer, codes=[f"NEW-{number}" for number in range(100)])
        self.assertTrue(report.lines[-1].details["codes"].endswith(" (+80)"))
