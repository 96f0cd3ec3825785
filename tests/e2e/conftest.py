# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Fixtures of the end-to-end tests; what they give is described in devlib/world.py.

Run by ``scripts/test --only e2e``, which prepares Odoo, PostgreSQL and the browser.
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


@pytest.fixture
def bpo(_bpo):
    """The BPO's server, shared by the tests; running again if a test before has ended it."""
    return _bpo.start()


@pytest.fixture
def dealer(_dealer):
    """A dealer's server, shared by the tests; running again if a test before has ended it."""
    return _dealer.start()
