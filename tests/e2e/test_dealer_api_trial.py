# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test connection against a real dealer finds what its rules refuse, and leaves nothing there."""

import pytest
from test_dealer_api_live import (
    currency,
    make,
    password,
    push,
    settings,
    settings_for,
    trouble_in,
    way_in,
)

from dealer_api import check_connection

__all__ = ["currency", "make", "password", "settings", "way_in"]

# Whatever a customer or an order could leave: rows that no query of a person shows, too. Old
# versions lack some of these tables.
TABLES = (
    *("res_partner", "sale_order", "sale_order_line", "ir_model_data", "mail_message"),
    *("mail_mail", "mail_followers", "mail_activity", "mail_tracking_value", "ir_cron_trigger"),
    *("bus_bus", "ir_attachment"),
)


def counts(dealer):
    there = dealer.sql("SELECT tablename FROM pg_tables").splitlines()
    return {t: dealer.sql(f"SELECT count(*) FROM {t}") for t in TABLES if t in there}


def test_it_leaves_nothing(dealer, way_in, make, currency):
    """Neither records nor a number used up, nor lines in the log."""
    [before] = push(way_in, [make()])
    there, logged = counts(dealer), len(dealer.log_text())
    for codes in (["BIKE-1", "BIKE-2"], []):
        report = check_connection(way_in, currency=currency, product_codes=codes)
        assert report.ok, [line.text for line in report.lines]
        assert report.lines[-1].code == "check_trial_ok"
    assert counts(dealer) == there
    assert trouble_in(dealer.log_text()[logged:]) == []
    [after] = push(way_in, [make()])
    assert int(after.remote_name.lstrip("S")) == int(before.remote_name.lstrip("S")) + 1


@pytest.fixture(params=["res.partner", "sale.order", "sale.order.line"])
def closed(request, dealer):
    """A rule of the dealer: the service user may create no record of a model."""
    [model] = dealer.rpc.search_read("ir.model", [("model", "=", request.param)], ["id"])
    rule = dealer.rpc.create(
        "ir.rule",
        name="Only the head office",
        model_id=model["id"],
        domain_force="[('create_uid', '=', False)]",
        perm_read=False,
        perm_write=False,
        perm_unlink=False,
    )
    yield request.param
    dealer.rpc.call("ir.rule", "unlink", [rule])


def test_a_record_rule(dealer, way_in, make, currency, closed):
    there = counts(dealer)
    report = check_connection(way_in, currency=currency, product_codes=["BIKE-1"])
    [line] = [line for line in report.lines if not line.ok]
    kind = "customer" if closed == "res.partner" else "order"
    assert (line.step, line.code) == ("trial", f"check_trial_{kind}_refused")
    assert closed in line.text
    assert "The dealer has to change the rule" in line.text
    assert counts(dealer) == there
    # That is what would have become of an order.
    [result] = push(way_in, [make()])
    assert (result.status, result.code) == ("failed", f"{kind}_refused")


def test_a_required_field(dealer, settings, make, currency):
    dealer.sql(
        "ALTER TABLE sale_order ADD COLUMN x_region varchar NOT NULL DEFAULT '';"
        "ALTER TABLE sale_order ALTER COLUMN x_region DROP DEFAULT"
    )
    try:
        report = check_connection(settings, currency=currency, product_codes=["BIKE-1"])
        [result] = push(settings, [make()])
    finally:
        dealer.sql("ALTER TABLE sale_order DROP COLUMN x_region")
    [line] = [line for line in report.lines if not line.ok]
    assert (line.step, line.code) == ("trial", "check_trial_order_refused")
    assert "x_region" in line.text
    assert (result.status, result.code) == ("failed", "order_refused")


def test_automations_are_not_set_off(world, make):
    """They could call out: a savepoint does not take that back."""
    dealer = world.new_dealer()
    try:
        [module] = dealer.rpc.search_read(
            "ir.module.module", [("name", "=", "base_automation")], ["id"]
        )
        dealer.rpc.call("ir.module.module", "button_immediate_install", [module["id"]])
        for protocol in ("json2", "xmlrpc"):
            report = check_connection(settings_for(dealer, protocol), product_codes=["BIKE-1"])
            assert report.ok, [line.text for line in report.lines]
            assert report.lines[-1].code == "check_trial_automations"
        assert dealer.count("sale.order") == 0
    finally:
        dealer.destroy()
