# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test connection: each step in plain words, nothing written, no exception."""

import pytest
from fault_dealer import FaultDealer

from dealer_api import MESSAGES, ConnectionSettings, check_connection

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


@pytest.fixture
def dealer():
    with FaultDealer() as dealer:
        dealer.add_product("VH-1")
        dealer.add_product("TWICE")
        dealer.add_product("TWICE")
        yield dealer


def check(dealer, protocol="auto", currency="EUR", codes=("VH-1",), **kwargs):
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
    assert repr(dealer.tables) == before
    assert not [name for name in dealer.requests if name.endswith((".load", "create", "write"))]
    assert [line.step for line in report.lines] == STEPS
    for line in report.lines:
        assert line.code in MESSAGES
        assert line.text == MESSAGES[line.code] % line.details
        for secret in (dealer.api_key, dealer.login):
            assert secret not in line.text
    return report


def states(report):
    return {line.step: line.ok for line in report.lines if line.ok is not True}


def failed(report):
    """Return the code of the one step that failed; steps after it are not reached."""
    [line] = [line for line in report.lines if line.ok is False]
    assert not report.ok
    return line.step, line.code


@pytest.mark.parametrize(
    ("version", "protocol", "used"),
    [
        ("19.0", "auto", "json2"),
        ("19.0", "xmlrpc", "xmlrpc"),
        ("19.0", "json2", "json2"),
        ("16.0", "auto", "xmlrpc"),
    ],
)
def test_all_is_well(version, protocol, used):
    with FaultDealer(version=version) as dealer:
        dealer.add_product("VH-1")
        report = check(dealer, protocol)
        assert report.ok
        assert (report.server_version, report.protocol, report.uid) == (version, used, dealer.uid)
        assert version in report.lines[2].text


def test_what_is_remembered_is_not_trusted(dealer):
    report = check(dealer, server_version="12.0", uid=999)
    assert report.ok
    assert (report.server_version, report.uid) == ("19.0", dealer.uid)


@pytest.mark.parametrize(
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
def test_one_setting_is_wrong(dealer, change, step, code):
    report = check(dealer, **change)
    assert failed(report) == (step, code)
    position = STEPS.index(step)
    after = dict.fromkeys(STEPS[position + 1 :])
    if step in ("rights", "currency", "products"):
        after = {}
    assert states(report) == {step: False, **after}


@pytest.mark.parametrize("protocol", ["xmlrpc", "json2"])
def test_wrong_database_of_one_protocol(dealer, protocol):
    report = check(dealer, protocol, database="other")
    assert failed(report) == ("database", "database_unknown")
    assert report.server_version == "19.0"


def test_nobody_there(dealer):
    dealer.stop()
    report = check(dealer)
    assert failed(report) == ("address", "connection_refused")
    assert [line.code for line in report.lines[1:]] == ["check_not_reached"] * 7


@pytest.mark.parametrize(
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
def test_not_an_odoo(dealer, fault, options, code):
    dealer.inject(fault, times=10, **options)
    report = check(dealer)
    assert failed(report) == ("version", code)
    assert report.lines[0].ok is True


@pytest.mark.parametrize("call", ["authenticate", "has_access", "company.read", "product.product"])
def test_it_breaks_on_the_way(dealer, call):
    dealer.inject("drop_before", call, times=5)
    report = check(dealer, "xmlrpc")
    assert not report.ok
    assert "connection_lost" in [line.code for line in report.lines]


def test_no_https_there(dealer):
    report = check(dealer, url=dealer.url.replace("http:", "https:"))
    assert failed(report) == ("certificate", "tls_failed")
    assert report.lines[0].ok is True


def test_plain_http_is_pointed_out(dealer):
    report = check(dealer)
    assert report.lines[1].code == "check_certificate_none"


def test_json2_before_its_time():
    with FaultDealer(version="18.0") as dealer:
        report = check(dealer, "json2")
    assert failed(report) == ("version", "protocol_unavailable")


@pytest.mark.parametrize("version", ["19.0", "16.0"])
def test_rights(version):
    with FaultDealer(version=version) as dealer:
        dealer.add_product("VH-1")
        dealer.denied |= {("res.partner", "create"), ("sale.order.line", "create")}
        report = check(dealer)
        assert failed(report) == ("rights", "check_rights_missing")
        assert "create res.partner, create sale.order.line" in report.lines[5].text
        # The steps after it do not depend on it.
        assert states(report) == {"rights": False}


@pytest.mark.parametrize("protocol", ["xmlrpc", "json2"])
def test_no_sales_app(dealer, protocol):
    del dealer.tables["sale.order"]
    report = check(dealer, protocol)
    assert failed(report) == ("rights", "sales_missing")


def test_nothing_to_compare_with(dealer):
    report = check(dealer, currency=None, codes=())
    assert report.ok
    assert [line.code for line in report.lines[-2:]] == [
        "check_currency_none",
        "check_products_none",
    ]


def test_very_many_unknown_products(dealer):
    report = check(dealer, codes=[f"NEW-{number}" for number in range(100)])
    assert report.lines[-1].details["codes"].endswith(" (+80)")
