# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The servers that the other tests stand on."""

import http.client
import os
import signal
import socket

import pytest
from devlib.ports import free_ports
from devlib.relay import Relay
from devlib.rpc import RpcError
from devlib.world import wait_until


def test_dealer_has_nothing_installed(dealer):
    modules = dealer.rpc.call("ir.module.module", "search_count", [("name", "=like", "bpo_crm%")])
    assert modules == 0


def test_service_user_has_few_rights(dealer):
    service = dealer.rpc_as(dealer.login, dealer.api_key)
    assert service.call("sale.order", "has_access", [], "create")
    assert service.call("res.partner", "has_access", [], "create")
    with pytest.raises(RpcError):
        service.search_read("ir.config_parameter", [], ["key"])


def test_killed_server_comes_back_with_its_data(dealer):
    partner = dealer.rpc.create("res.partner", name="Stays")
    dealer.kill()
    assert not dealer.answers()
    dealer.start()
    assert dealer.rpc.read("res.partner", partner, "name")["name"] == "Stays"


def test_bpo_has_the_addon_and_an_identity_of_its_own(world, bpo):
    [module] = bpo.rpc.search_read("ir.module.module", [("name", "=", "bpo_crm")], ["state"])
    assert module["state"] == "installed"
    template = world.postgres.sql(
        "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'", world.bpo_template()
    )
    assert bpo.uuid != template


def test_bpo_with_another_addon(world):
    bpo = world.new_bpo(modules=["contacts"], crons=0)
    domain = [("name", "in", ["bpo_crm", "contacts"]), ("state", "=", "installed")]
    assert bpo.rpc.call("ir.module.module", "search_count", domain) == 2
    bpo.destroy()


def ask_health(connection):
    """Return the status of an answer, and read it to its end."""
    connection.request("GET", "/web/health")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_relay_passes_on_until_it_hangs(dealer):
    with Relay(dealer) as relay:
        address = relay.url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=2)
        assert ask_health(connection) == 200
        assert ask_health(connection) == 200
        relay.hang()
        for hanging in (connection, http.client.HTTPConnection(address, timeout=2)):
            with pytest.raises(socket.timeout):
                ask_health(hanging)
            hanging.close()
    assert dealer.answers()
    with pytest.raises(ConnectionRefusedError):
        ask_health(http.client.HTTPConnection(address, timeout=2))


def test_server_with_workers_has_a_server_for_websockets(world):
    [port] = free_ports()
    bpo = world.new_bpo(crons=0, options=["--workers=2", f"--gevent-port={port}"])

    def answers():
        try:
            return ask_health(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) == 200
        except OSError:
            return False

    wait_until(answers, 60, bpo.log_text)
    running = "Evented Service (longpolling) running"
    assert bpo.log_text().count(running) == 1
    # as Odoo does by itself once a request has taken too long
    for pid in bpo.child.program_pids():
        os.kill(pid, signal.SIGHUP)
    wait_until(lambda: bpo.log_text().count(running) == 2 and answers(), 60, bpo.log_text)
    bpo.destroy()
