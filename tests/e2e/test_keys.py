# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A new key of a dealership takes over on a real dealer once it has proved itself there."""

from devlib import databases
from devlib.world import wait_until

NEW_KEY = """
user = env["res.users"].search([("login", "=", {login!r})])
keys = env["res.users.apikeys"].with_user(user).sudo()
key = keys._generate(None, "bpo_crm, second", None)
env.cr.commit()
print("API key:", key)
"""


def make_key(dealer):
    """Make one more API key for the service user of a dealer, and return it."""
    code = NEW_KEY.format(login=dealer.login)
    printed = databases.shell(dealer.odoo, dealer.postgres, dealer.database, code, addon=False)
    return printed.rpartition("API key:")[2].split()[0]


def read(bpo, dealership, *names):
    return bpo.rpc.read("bpo.dealership", dealership, *names)


def win(bpo, dealership):
    """Win a lead, and return its order once it is sent or failed."""
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    return bpo.wait_for_order(lead)


def test_new_key_takes_over_once_it_has_logged_in(world, bpo):
    dealer = world.new_dealer()
    dealership = bpo.connect(dealer)
    bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership])
    assert read(bpo, dealership, "connection_state")["connection_state"] == "connected"
    second = make_key(dealer)

    # a wrong one is noticed in the background, and costs nothing
    bpo.rpc.write("bpo.dealership", dealership, odoo_api_key="0" * 40, key_expires_on="2030-01-01")
    wait_until(lambda: not read(bpo, dealership, "has_candidate_key")["has_candidate_key"], 60)
    record = read(bpo, dealership, "connection_state", "candidate_message", "key_expires_on")
    assert record["connection_state"] == "connected"
    assert "refuses" in record["candidate_message"]
    assert not record["key_expires_on"]
    assert win(bpo, dealership)["state"] == "sent"

    # while the dealer is down the new one waits, and takes over afterwards by itself
    dealer.stop()
    bpo.rpc.write("bpo.dealership", dealership, odoo_api_key=second, key_expires_on="2030-02-02")
    wait_until(lambda: read(bpo, dealership, "candidate_message")["candidate_message"], 60)
    assert read(bpo, dealership, "has_candidate_key")["has_candidate_key"]
    dealer.start()
    # other work with the dealer may have met that it was down, too
    bpo.let_time_pass()
    assert win(bpo, dealership)["state"] == "sent"
    wait_until(lambda: not read(bpo, dealership, "has_candidate_key")["has_candidate_key"], 60)
    assert read(bpo, dealership, "key_expires_on")["key_expires_on"] == "2030-02-02"

    # it is the new one that is used: the one before is withdrawn
    dealer.sql("DELETE FROM res_users_apikeys WHERE name = 'bpo_crm'")
    dealer.restart()
    assert win(bpo, dealership)["state"] == "sent"
    assert second not in bpo.log_text()
    fields = list(bpo.rpc.call("bpo.dealership", "fields_get"))
    assert second not in str(bpo.rpc.call("bpo.dealership", "read", [dealership], fields))
    dealer.destroy()
