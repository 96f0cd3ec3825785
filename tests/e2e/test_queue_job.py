# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Jobs of OCA's queue_job drain the outbox: its own runner, two servers on one database, kills.

No server runs scheduled actions here: what is sent, a job has sent, unless a test runs the action.
"""

import json
from contextlib import ExitStack
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from devlib.bench import orders
from devlib.relay import Balancer, Relay
from devlib.servers import queue_settings
from devlib.world import wait_until

DEALERS = 4
# Another runner takes over after five seconds.
TAKEOVER_SECONDS = 60

# As if its runner were gone: handed out long ago, and not begun; and one that is put off.
_JOB = """
    INSERT INTO queue_job (uuid, identity_key, priority, records, args, kwargs, channel,
                           model_name, method_name, state, date_created, date_enqueued, eta)
    SELECT gen_random_uuid(), 'bpo_crm.push.{}', 10, records, args, kwargs, channel, model_name,
           method_name, '%s', now() AT TIME ZONE 'UTC' - interval '%s minutes',
           now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC' + interval '%s minutes'
      FROM queue_job ORDER BY id LIMIT 1
"""
JOB_LOST = _JOB % ("enqueued", 6, 0)
JOB_LATER = _JOB % ("pending", 0, 60)


class Office:
    """Two servers on one database, each with a runner, and a dealer's server at some addresses."""

    def __init__(self, world, dealer, stack):
        balancer = stack.enter_context(Balancer())
        settings = {"crons": 0, **queue_settings(port=balancer.port)}
        self.bpo = world.new_bpo(modules=["queue_job"], **settings)
        stack.callback(self.bpo.destroy)
        self.other = self.bpo.start_twin(**settings)
        balancer.servers += [self.bpo, self.other]
        self.dealer = dealer
        relays = [stack.enter_context(Relay(dealer)) for _number in range(DEALERS)]
        self.dealerships = [self.bpo.connect(relay) for relay in relays]
        wait_until(lambda: "runner ready for db" in self.bpo.log_text(), 60, self.bpo.log_text)

    def create_leads(self, each):
        """Return the ids of so many new leads of each dealership."""
        return [
            lead
            for dealership in self.dealerships
            for lead in orders.create_leads(self.bpo, dealership, each)
        ]

    def get_jobs(self, *dealerships):
        """Return the jobs of dealerships, all of them when none is given, as dictionaries."""
        keys = [f"bpo_crm.push.{each}" for each in dealerships or self.dealerships]
        return self.bpo.rpc.search_read(
            "queue.job",
            [("identity_key", "in", keys)],
            ["state", "channel", "worker_pid", "priority", "exc_info"],
            order="id",
        )

    def count_sent(self, leads):
        """Return how many of the leads' orders are written back."""
        domain = [("lead_id", "in", leads), ("state", "=", "sent")]
        return self.bpo.rpc.call("bpo.dealer.order", "search_count", domain)

    def count_orders(self):
        """Return how many orders the dealer has."""
        return int(self.dealer.sql("SELECT count(*) FROM sale_order"))

    def count_left(self, leads):
        """Return how many of them are not."""
        ids = ", ".join(map(str, leads))
        return int(
            self.bpo.sql(
                "SELECT count(*) FROM bpo_dealer_order"
                f" WHERE lead_id IN ({ids}) AND state <> 'sent'"
            )
        )

    def wait_until_sent(self, leads, timeout=60):
        """Wait until the orders of all leads are written back, each once at the dealer."""
        wait_until(
            lambda: self.count_sent(leads) == len(leads),
            timeout,
            lambda: f"{self.count_sent(leads)} of {len(leads)}, jobs: {self.get_jobs()}",
        )
        refs = [each["client_order_ref"] for each in self.dealer.orders_of(self.bpo, *leads)]
        assert len(refs) == len(set(refs)) == len(leads)


@pytest.fixture(scope="module")
def office(world, _dealer):
    with ExitStack() as stack:
        yield Office(world, _dealer.start(), stack)


def test_a_job_sends_the_order(office):
    bpo, dealership = office.bpo, office.dealerships[0]
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    office.wait_until_sent([lead])
    [job] = wait_until(
        lambda: [each for each in office.get_jobs(dealership) if each["state"] == "done"],
        10,
        lambda: office.get_jobs(dealership),
    )
    assert (job["channel"], job["priority"]) == ("root.bpo_crm", 5)
    token = "a token of more than sixteen"
    bpo.rpc.call("ir.config_parameter", "set_param", "bpo_crm.monitoring_token", token)
    address = f"{bpo.url}/bpo_crm/health?token={quote(token)}"
    with urlopen(address, timeout=30) as answer:
        assert json.load(answer)["engine"] == "queue_job"


def test_two_servers_share_the_work(office):
    leads = office.create_leads(5)
    office.bpo.win(*leads)
    office.wait_until_sent(leads)
    assert len({job["worker_pid"] for job in office.get_jobs()}) == 2
    assert not [job for job in office.get_jobs() if job["exc_info"]]


def test_the_scheduled_action_finds_what_a_lost_job_left(office):
    bpo, dealership = office.bpo, office.dealerships[1]
    bpo.sql(f"UPDATE bpo_dealership SET on_hold = true WHERE id = {dealership}")
    lead = bpo.create_lead(dealership)
    before = len(office.get_jobs(dealership))
    bpo.win(lead)
    bpo.sql(f"UPDATE bpo_dealership SET on_hold = false WHERE id = {dealership}")
    assert len(office.get_jobs(dealership)) == before
    bpo.push()
    office.wait_until_sent([lead])
    assert len(office.get_jobs(dealership)) == before + 1


def test_the_scheduled_action_does_not_wait_for_a_job_that_does_not_come(office):
    bpo, dealership = office.bpo, office.dealerships[2]
    bpo.sql(JOB_LOST.format(dealership))
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    [lost] = [job for job in office.get_jobs(dealership) if job["state"] == "enqueued"]
    bpo.push()
    office.wait_until_sent([lead], timeout=5)
    bpo.rpc.call("queue.job", "button_cancelled", [lost["id"]])


def test_a_lead_won_now_goes_before_what_has_piled_up(office):
    bpo, dealership = office.bpo, office.dealerships[3]
    bpo.sql(JOB_LATER.format(dealership))
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    [job] = [job for job in office.get_jobs(dealership) if job["state"] == "pending"]
    assert job["priority"] == 5
    bpo.rpc.call("queue.job", "button_cancelled", [job["id"]])
    bpo.push()
    office.wait_until_sent([lead])


def test_a_server_is_killed(office):
    """The one whose runner is at work, with half of the jobs: the other one's takes over."""
    bpo = office.bpo
    leads = office.create_leads(12)
    before = office.count_orders()
    bpo.win(*leads)
    wait_until(lambda: office.count_orders() > before, 60, office.get_jobs)
    bpo.kill()
    assert office.count_left(leads)
    bpo.rpc.url = office.other.url
    try:
        # by itself the runner looks for dead jobs once a minute only
        wait_until(lambda: bpo.push() or not office.count_left(leads), TAKEOVER_SECONDS)
        office.wait_until_sent(leads)
    finally:
        bpo.start()
        bpo.rpc.url = bpo.url


def test_it_is_removed_again(office):
    bpo = office.bpo
    office.other.stop()
    bpo.options, bpo.variables = [], {}
    bpo.restart()
    modules = bpo.rpc.call("ir.module.module", "search", [("name", "=", "queue_job")])
    bpo.rpc.call("ir.module.module", "button_immediate_uninstall", modules)
    lead = bpo.create_lead(office.dealerships[0])
    bpo.win(lead)
    bpo.push()
    office.wait_until_sent([lead])
