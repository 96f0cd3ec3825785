# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Fixtures of the end-to-end tests; what they give is described in devlib/world.py.

Run by ``scripts/test --only e2e,install,chaos``, which prepares Odoo and PostgreSQL.
"""

import pytest
from devlib.postgres import Postgres
from devlib.setup import prepare
from devlib.world import World


@pytest.fixture(scope="session")
def world():
    """Odoo and PostgreSQL, and functions that start servers: ``new_bpo``, ``new_dealer``."""
    odoo = prepare(tools=True)
    with Postgres(odoo) as postgres:
        world = World(odoo, postgres)
        try:
            yield world
        finally:
            world.close()


@pytest.fixture(scope="session")
def _bpo(world):
    return world.new_bpo()


@pytest.fixture(scope="session")
def _dealer(world):
    return world.new_dealer()


@pytest.fixture(scope="session")
def _resting_bpo(world):
    return world.new_bpo(crons=0)


@pytest.fixture
def bpo(_bpo):
    """The BPO's server, shared by the tests; running again if a test before has ended it."""
    return _bpo.start()


@pytest.fixture
def resting_bpo(_resting_bpo):
    """A BPO's server, shared, whose scheduled actions run when a test says so."""
    return _resting_bpo.start()


@pytest.fixture
def restored_bpo(resting_bpo):
    """The same for a test that restores its database: what was undone does not come again later.

    Other tests' leads get other ids than those that the dealer has orders of.
    """
    yield resting_bpo
    resting_bpo.start()
    resting_bpo.sql("SELECT setval('crm_lead_id_seq', nextval('crm_lead_id_seq') + 1000)")


@pytest.fixture
def dealer(_dealer):
    """A dealer's server, shared by the tests; running again if a test before has ended it."""
    return _dealer.start()
