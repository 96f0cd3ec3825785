# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A strict limit, under many agents at once, on two servers of one database."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from devlib.ports import free_ports
from devlib.rpc import Rpc, RpcError
from devlib.servers import OdooServer

LIMIT = 5
AGENTS = 14


@pytest.fixture
def servers(world, resting_bpo):
    """Two servers, each a process of its own, on the database of one BPO."""
    [port] = free_ports()
    second = OdooServer(world.odoo, world.postgres, resting_bpo.database, port, crons=0)
    second.log = second.log.with_suffix(".second.log")
    with second:
        yield resting_bpo, second


@pytest.fixture
def full_stage(resting_bpo):
    """A pipeline with a stage for a few, and an agent for each of many leads: (stage, leads)."""
    rpc = resting_bpo.rpc
    stages = [
        {"name": "In", "sequence": 10},
        {"name": "Desk", "sequence": 20, "record_limit": LIMIT, "limit_strict": True},
    ]
    commands = [(0, 0, stage) for stage in stages]
    pipeline = rpc.create("bpo.pipeline", name="Limited", stage_ids=commands, push_orders=False)
    _first, stage = rpc.read("bpo.pipeline", pipeline, "stage_ids")["stage_ids"]
    group = rpc.ref("bpo_crm.group_agent")
    values = [
        {"name": f"Agent {n}", "login": f"limit_agent_{n}", "group_ids": [(4, group)]}
        for n in range(AGENTS)
    ]
    users = rpc.call("res.users", "create", values)
    values = [
        {"name": f"Deal of {user}", "pipeline_id": pipeline, "user_id": user} for user in users
    ]
    leads = rpc.call("crm.lead", "create", values)
    yield stage, leads
    rpc.call("crm.lead", "unlink", leads)
    rpc.call("bpo.pipeline", "unlink", [pipeline])


def test_many_at_once_never_exceed_a_strict_limit(resting_bpo, servers, full_stage):
    stage, leads = full_stage
    start = threading.Barrier(AGENTS)

    def drop(number):
        login = f"limit_agent_{number}"
        server = servers[number % len(servers)]
        agent = Rpc(server.url, server.database, login, resting_bpo.key_of(login))
        # the server has its registry, and the agent is logged in
        agent.read("crm.lead", leads[number], "name")
        start.wait(60)
        try:
            agent.write("crm.lead", leads[number], stage_id=stage)
        except RpcError as refused:
            return str(refused)
        return None

    with ThreadPoolExecutor(AGENTS) as agents:
        refusals = list(filter(None, agents.map(drop, range(AGENTS))))
    inside = resting_bpo.rpc.call("crm.lead", "search_count", [("stage_id", "=", stage)])
    assert inside == LIMIT
    assert len(refusals) == AGENTS - LIMIT
    for text in refusals:
        assert f"“Desk” takes {LIMIT} and would have {LIMIT + 1}. Move something on first" in text
    [row] = resting_bpo.rpc.search_read("crm.stage", [("id", "=", stage)], ["limit_count"])
    assert row["limit_count"] == LIMIT
