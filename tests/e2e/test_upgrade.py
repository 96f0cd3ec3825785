# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Updating a database of the first release: every lead and order stays, and what waits arrives."""

import first_release
import pytest
from devlib import databases, paths
from devlib.postgres import database_name
from devlib.world import Bpo, Instance
from test_install import assert_database_is_complete, upgrade

# (what must not change, by the fields that the first release had)
KEPT = (
    "SELECT string_agg(concat_ws(',', id, name, stage_id, pipeline_id, won_status, closed_status,"
    " active, probability, lost_reason_id, dealership_id, dealer_order_id, dealer_order_state,"
    " dealer_so_id, dealer_so_name), '|' ORDER BY id) FROM crm_lead",
    "SELECT string_agg(concat_ws(',', id, lead_id, dealership_id, state, attempt_count, reference,"
    " external_id, remote_id, remote_name, sent_date, payload), '|' ORDER BY id)"
    " FROM bpo_dealer_order",
    "SELECT string_agg(concat_ws(',', id, name, code, odoo_url, odoo_db, odoo_login,"
    # a key is kept behind a cover since
    " replace(odoo_api_key, repeat('*', 64), ''), manager_email), '|' ORDER BY id)"
    " FROM bpo_dealership",
    "SELECT string_agg(concat_ws(',', id, lead_id, product_id, quantity, price_unit), '|'"
    " ORDER BY id) FROM bpo_lead_line",
    "SELECT string_agg(concat_ws(',', id, name, sequence, active, push_orders), '|' ORDER BY id)"
    " FROM bpo_pipeline",
    "SELECT string_agg(concat_ws(',', id, name, sequence, active, stage_type, pipeline_id, is_won,"
    " is_lost), '|' ORDER BY id) FROM crm_stage",
    "SELECT string_agg(concat_ws(',', id, reference, name, service_id, stage_id, status), '|'"
    " ORDER BY id) FROM bpo_service_request",
)


class UpdatedBpo(Bpo):
    """A BPO's server on a database that was updated; orders are pushed when a test says so."""

    def __init__(self, world, database):
        Instance.__init__(self, world, "updated", database, crons=0)
        self.twins = []
        # a copy is given another identity; this one stands for the database itself
        identity = "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'"
        self._uuid = world.postgres.sql(identity, database)
        self.sql(
            f"UPDATE ir_config_parameter SET value = '{self._uuid}' WHERE key = 'database.uuid'"
        )


@pytest.fixture(params=["from history", "rebuilt"])
def old_database(request, world, dealer, tmp_path):
    """Yield the name of a database of the first release."""
    name = database_name("e2e_first_release")
    world.postgres.drop(name)
    if request.param == "from history":
        commit = first_release.find_commit()
        if commit is None:
            pytest.skip(f"the history of this checkout does not hold {first_release.VERSION}")
        modules = databases.dependencies()
        world.postgres.clone(databases.template(world.odoo, world.postgres, modules), name)
        first_release.unpack(commit, tmp_path)
        first_release.install_from_history(world, dealer, name, tmp_path)
    else:
        world.postgres.clone(databases.addon_template(world.odoo, world.postgres), name)
        first_release.rebuild(world, dealer, name)
    yield name
    world.postgres.drop(name)


def test_first_release_is_updated(world, dealer, old_database):
    def sql(statement):
        return world.postgres.sql(statement, old_database)

    version = f"SELECT latest_version FROM ir_module_module WHERE name = '{paths.ADDON}'"
    assert sql(version) == first_release.VERSION
    states = sql(
        "SELECT string_agg(lead.name || ' ' || COALESCE(dealer_order.state, lead.won_status), ','"
        " ORDER BY lead.id)"
        " FROM crm_lead lead LEFT JOIN bpo_dealer_order dealer_order"
        "   ON dealer_order.lead_id = lead.id"
    )
    assert states == (
        "Waiting pending,Sent sent,Failed failed,Withdrawn cancelled,Lost lost,Open pending"
    )
    before = [sql(statement) for statement in KEPT]
    assert all(before)

    upgrade(world, old_database)

    assert sql(version) != first_release.VERSION
    assert [sql(statement) for statement in KEPT] == before
    # replies reach the agent by now, where nobody has decided otherwise
    assert "object.mail_reply_to" in sql(
        "SELECT reply_to FROM mail_template WHERE model = 'bpo.dealer.order'"
    )
    body = sql("SELECT body_html FROM mail_template WHERE model = 'bpo.dealer.order'")
    assert "object.mail_details" in body
    assert "object.mail_addressee" in body
    assert " or " not in body
    assert_history_is_built(sql)
    assert_database_is_complete(world, old_database)
    bpo = UpdatedBpo(world, old_database)
    try:
        check_work_goes_on(bpo.start(), dealer)
    finally:
        bpo.destroy()


def assert_history_is_built(sql):
    """Check that deals and requests are written down where they are, each once."""
    for table, column in (("crm_lead", "lead_id"), ("bpo_service_request", "request_id")):
        astray = sql(
            f"SELECT count(*) FROM {table} record"
            " WHERE (SELECT count(*) FROM bpo_stage_entry entry"
            f"       WHERE entry.{column} = record.id AND entry.left_date IS NULL"
            "         AND entry.stage_id = record.stage_id) != 1"
        )
        assert astray == "0"


def check_work_goes_on(bpo, dealer):
    """Check that what waited arrives once, and that what failed or was withdrawn can be sent."""
    leads = {
        each["name"]: each["id"]
        for each in bpo.rpc.search_read("crm.lead", [("active", "in", [True, False])], ["name"])
    }
    sent_before = dealer.orders_of(bpo, leads["Sent"])
    bpo.push()
    order = bpo.order(leads["Waiting"])
    assert order["state"] == "sent", order
    [remote] = dealer.orders_of(bpo, leads["Waiting"])
    assert remote["amount_untaxed"] == 2000.0
    assert_manager_is_told(bpo, leads["Waiting"])

    [product] = bpo.rpc.call("product.product", "search", [("default_code", "=", "BIKE-0")])
    bpo.rpc.call("product.product", "write", [product], {"default_code": "BIKE-2"})
    failed = bpo.rpc.call("bpo.dealer.order", "search", [("lead_id", "=", leads["Failed"])])
    bpo.rpc.call("bpo.dealer.order", "action_retry", failed)
    bpo.win(leads["Withdrawn"], leads["Open"])
    bpo.forget_back_off()
    bpo.push()
    for name in ("Failed", "Withdrawn", "Open"):
        order = bpo.order(leads[name])
        assert order["state"] == "sent", (name, order)
        assert len(dealer.orders_of(bpo, leads[name])) == 1
        # the e-mail's template is the one that people had, content is written by this release
        assert_manager_is_told(bpo, leads[name])
    assert dealer.orders_of(bpo, leads["Sent"]) == sent_before
    assert bpo.rpc.read("crm.lead", leads["Lost"], "won_status")["won_status"] == "lost"


def assert_manager_is_told(bpo, lead_id):
    notes = bpo.rpc.search_read(
        "mail.message", [("model", "=", "crm.lead"), ("res_id", "=", lead_id)], ["body"]
    )
    assert any("e-mail to branch@example.com is on its way" in note["body"] for note in notes)
