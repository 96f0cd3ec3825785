# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the tests of ``dealer_api`` share: a dealer in memory for each case."""

import functools
import reprlib
from contextlib import ExitStack

from odoo.tests import BaseCase

from ...dealer_api import memory, pace
from .fault_dealer import FaultDealer

PROTOCOLS = ["xmlrpc", "json2"]
# What a dealer who is known is asked before anything is loaded, for any number of orders.
LOOK_UPS = (
    "product.product.search_read",
    "res.partner.search_read",
)


def cases(names, values):
    """Run a test method once for each of the values, each time with a dealer of its own.

    :param names: the name of an argument, or several, each value then being as many
    """
    several = not isinstance(names, str)

    def decorate(method):
        @functools.wraps(method)
        def run(self, **outer):
            for value in values:
                given = dict(zip(names, value, strict=True)) if several else {names: value}
                if hasattr(method, "of_cases"):
                    method(self, **outer, **given)
                    continue
                arguments = {**outer, **given}
                shown = {name: reprlib.repr(value) for name, value in arguments.items()}
                with self.subTest(**shown):
                    self.start_case()
                    method(self, **arguments)

        run.of_cases = True
        return run

    return decorate


def forget_dealers():
    """Begin anew: a dealer in memory may have the port of one that was asked before."""
    memory.clear()
    pace.forget_turns()


class DealerApiCase(BaseCase):
    """Tests that need no database of ours: ``dealer_api`` knows none."""

    def setUp(self):
        super().setUp()
        self.fixtures = ExitStack()
        self.addCleanup(lambda: self.fixtures.close())
        self.start_case()

    def start_case(self, **kwargs):
        """Give up what the case before had, start a dealer for the next one and prepare it."""
        self.fixtures.close()
        forget_dealers()
        self.dealer = self.fixtures.enter_context(FaultDealer(**kwargs))
        self.prepare()

    def prepare(self):
        """Add what each case of these tests needs. Classes of tests override it."""
