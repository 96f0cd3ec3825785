# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which of our products a real dealer knows is seen before anybody wins, and its codes are used."""

import pytest

CODES = ("BIKE-1", "HELMET-1", "GHOST-1", "TWICE-1", "OLD-1", "TOOL-1")


@pytest.fixture(scope="module")
def bpo(world):
    """A BPO server whose scheduled actions run when a test says so."""
    server = world.new_bpo(crons=0)
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def dealer(world):
    """A dealer's server whose products the tests may change."""
    server = world.new_dealer()
    yield server
    server.destroy()


@pytest.fixture
def dealership(bpo, dealer):
    """A dealership whose connection was tested."""
    dealership_id = bpo.connect(dealer)
    bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership_id])
    return dealership_id


def look(bpo, dealer, dealership, full=False):
    """Let a day pass, or a week, and look; return how many requests the dealer got."""
    bpo.sql(
        "UPDATE bpo_dealership SET next_product_check = NULL"
        + (", last_product_full = NULL" if full else "")
        + f" WHERE id = {dealership}"
    )
    logged = len(dealer.log_text())
    cron = bpo.rpc.ref("bpo_crm.ir_cron_check_dealer_products")
    bpo.rpc.call("ir.cron", "method_direct_trigger", [cron])
    log = dealer.log_text()[logged:]
    return log.count("POST /json/2/") + log.count("POST /xmlrpc/2/object")


def seen(bpo, dealership):
    """Return ``{our code: (state, price)}`` of what was seen at the dealer."""
    rows = bpo.rpc.search_read(
        "bpo.dealer.product",
        [("dealership_id", "=", dealership)],
        ["default_code", "state", "price"],
    )
    return {row["default_code"]: (row["state"], row["price"]) for row in rows}


def let_a_day_pass(dealer):
    """Let what was changed at the dealer so far be of yesterday."""
    for table in ("product_product", "product_template"):
        dealer.sql(f"UPDATE {table} SET write_date = write_date - interval '1 day'")


def add_product(dealer, code, **values):
    return dealer.rpc.create("product.product", name=code, default_code=code, **values)


def test_what_the_dealer_knows(bpo, dealer, dealership):
    """Known, unknown, twice, archived, not for sale; then what changed, in few requests."""
    for code in CODES:
        bpo.product(code)
    twice = [add_product(dealer, "TWICE-1") for _number in range(2)]
    add_product(dealer, "OLD-1", active=False)
    add_product(dealer, "TOOL-1", sale_ok=False)
    let_a_day_pass(dealer)
    written = dealer.sql("SELECT max(id), max(write_date) FROM product_product")

    assert look(bpo, dealer, dealership) == 1
    before = seen(bpo, dealership)
    assert {code: before[code] for code in CODES} == {
        "BIKE-1": ("known", 1000.0),
        "HELMET-1": ("known", 80.0),
        "GHOST-1": ("unknown", 0.0),
        "TWICE-1": ("ambiguous", 0.0),
        "OLD-1": ("unknown", 0.0),
        "TOOL-1": ("not_saleable", 0.0),
    }
    counts = bpo.rpc.read("bpo.dealership", dealership, "product_count", "unknown_product_count")
    assert counts["product_count"] == len(before)
    assert counts["unknown_product_count"] == sum(
        each == ("unknown", 0) for each in before.values()
    )

    # nothing changed: one request, and no row is written here
    rows = "SELECT max(write_date), count(*) FROM bpo_dealer_product"
    kept = bpo.sql(rows)
    assert look(bpo, dealer, dealership) == 1
    assert bpo.sql(rows) == kept
    assert dealer.sql("SELECT max(id), max(write_date) FROM product_product") == written

    # the dealer changes a price, archives, renames one of two, creates
    [helmet] = dealer.rpc.call("product.product", "search", [("default_code", "=", "HELMET-1")])
    [bike] = dealer.rpc.call("product.product", "search", [("default_code", "=", "BIKE-1")])
    template = dealer.rpc.read("product.product", helmet, "product_tmpl_id")["product_tmpl_id"][0]
    dealer.rpc.write("product.template", template, list_price=75.0)
    dealer.rpc.write("product.product", bike, active=False)
    dealer.rpc.write("product.product", twice[0], default_code="OTHER-1")
    ghost = add_product(dealer, "GHOST-1", list_price=10.0)
    assert look(bpo, dealer, dealership) == 2
    after = seen(bpo, dealership)
    assert after["HELMET-1"] == ("known", 75.0)
    assert after["BIKE-1"] == ("unknown", 0.0)
    assert after["TWICE-1"][0] == "known"
    assert after["GHOST-1"] == ("known", 10.0)
    assert {code: after[code] for code in ("OLD-1", "TOOL-1")} == {
        code: before[code] for code in ("OLD-1", "TOOL-1")
    }

    # what is deleted there leaves no trace, and is seen when all is looked at
    let_a_day_pass(dealer)
    dealer.rpc.write("product.product", bike, active=True)
    dealer.rpc.call("product.product", "unlink", [ghost])
    look(bpo, dealer, dealership)
    assert seen(bpo, dealership)["BIKE-1"] == ("known", 1000.0)
    assert seen(bpo, dealership)["GHOST-1"][0] == "known"
    assert look(bpo, dealer, dealership, full=True) == 1
    assert seen(bpo, dealership)["GHOST-1"] == ("unknown", 0.0)


def test_an_order_goes_once_its_product_is_there(bpo, dealer, dealership):
    """Said on the lead before it is won; healed by the look that finds the product."""
    lead = bpo.create_lead(dealership, units=[("LATER-1", 1)])
    look(bpo, dealer, dealership)
    warning = bpo.rpc.read("crm.lead", lead, "dealer_product_warning")["dealer_product_warning"]
    assert "has no product with the code LATER-1" in warning
    bpo.win(lead)
    bpo.push()
    assert bpo.order(lead)["error_code"] == "product_unknown"
    bpo.sql("UPDATE bpo_dealer_order SET next_attempt = NULL WHERE state = 'failed'")
    add_product(dealer, "LATER-1")
    look(bpo, dealer, dealership)
    bpo.push()
    assert bpo.order(lead)["state"] == "sent", bpo.order(lead)
    assert len(dealer.orders_of(bpo, lead)) == 1


def test_the_dealers_own_code(bpo, dealer, dealership):
    """Entered after a failure, it takes the order along; the next ones have it from the start."""
    bpo.product("VAN-1")
    theirs = add_product(dealer, "DLR-9000", list_price=31000.0)
    first, second = (bpo.create_lead(dealership, units=[("VAN-1", 2)]) for _number in range(2))
    bpo.win(first)
    bpo.push()
    assert bpo.order(first)["error_code"] == "product_unknown"

    result = bpo.rpc.call(
        "bpo.dealer.product",
        "load",
        ["dealership_id/.id", "product_id", "code"],
        [[str(dealership), "VAN-1", "DLR-9000"]],
    )
    assert not result["messages"], result
    bpo.push()
    assert bpo.order(first)["state"] == "sent", bpo.order(first)
    look(bpo, dealer, dealership)
    assert seen(bpo, dealership)["VAN-1"] == ("known", 31000.0)

    preview = bpo.rpc.create("bpo.order.preview", lead_id=second)
    html = bpo.rpc.read("bpo.order.preview", preview, "preview_html")["preview_html"]
    assert "<code>DLR-9000</code>" in html and "<code>VAN-1" not in html
    assert not bpo.rpc.read("crm.lead", second, "dealer_product_warning")["dealer_product_warning"]
    bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership])
    report = bpo.rpc.read("bpo.dealership", dealership, "check_report")["check_report"]
    [line] = [line for line in report if line["step"] == "products"]
    bpo.win(second)
    bpo.push()
    for lead in (first, second):
        [order] = dealer.orders_of(bpo, lead, fields=("order_line",))
        [bought] = dealer.rpc.search_read(
            "sale.order.line", [("id", "in", order["order_line"])], ["product_id"]
        )
        assert bought["product_id"][0] == theirs
    # not all products of open leads are there, but this one is, under the dealer's code
    assert "DLR-9000" not in line["text"] and "VAN-1" not in line["text"], line
