# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import datetime

import psycopg2

from odoo import api, models
from odoo.exceptions import UserError

from ..engine.dealer_push import MAX_TALKS, new_transaction, write_again
from ..walk import check_batch, prepare_problem, prepare_walk, telling_rate


class BpoDealership(models.Model):
    """Many dealerships tested, or asked for products, while a manager watches (``walk.py``).

    Those of a batch are talked with side by side, each in transactions of its own: one that is
    slow or gone costs the others nothing, and what was found of them is kept.
    """

    _inherit = "bpo.dealership"

    # ------------------------------------------------------------
    # TEST CONNECTION
    # ------------------------------------------------------------

    def action_walk_test_connection(self):
        """Test these connections while the manager watches, the longest untested first.

        :raise UserError: the user is no BPO manager
        """
        self._check_manager()
        self.check_access("write")
        return prepare_walk(
            self.sorted(lambda one: one.last_check or datetime.min),
            "walk_test_connection",
            MAX_TALKS,
            self.env._("Test Connection"),
            self.env._("Connections tested: %s. All is well.", len(self)),
        )

    def walk_test_connection(self):
        """Test the connections of one batch, as *Test Connection* does with one.

        :return: what ``prepare_problem`` makes of each for which not all is well
        :raise UserError: the user is no BPO manager, or these are more than a batch
        """
        return self._talk_side_by_side("Connections tested", self._test_apart)

    @api.model
    @api.private
    def _test_apart(self, dealership_id):
        """Test a connection, and return the first thing that is wrong, or False.

        :param int dealership_id: the dealership; it may have been deleted meanwhile
        """

        def test(env):
            dealership = env[self._name].browse(dealership_id).exists()
            if dealership:
                dealership.action_test_connection()
            return dealership.last_message

        return write_again(self.env, test)

    # ------------------------------------------------------------
    # CHECK PRODUCTS
    # ------------------------------------------------------------

    def action_walk_check_products(self):
        """Ask these dealerships for our products while the manager watches.

        Those that were never asked come first, then those whose last answer is the oldest.

        :raise UserError: the user is no BPO manager
        """
        self._check_manager()
        self.check_access("write")
        return prepare_walk(
            self.sorted(
                lambda one: (bool(one.next_product_check), one.products_checked or datetime.min)
            ),
            "walk_check_products",
            MAX_TALKS,
            self.env._("Check Products"),
            self.env._("Dealerships asked: %s. All of them have your products.", len(self)),
        )

    def walk_check_products(self):
        """Ask the dealerships of one batch which of our products they know, all of them anew.

        :return: what ``prepare_problem`` makes of each that could not be asked, or lacks products
        :raise UserError: the user is no BPO manager, or these are more than a batch
        """
        return self._talk_side_by_side("Dealerships asked for products", self._ask_apart)

    @api.model
    @api.private
    def _ask_apart(self, dealership_id):
        """Ask a dealership for all of our products; return what is wrong, or False.

        :param int dealership_id: the dealership; it may have been deleted meanwhile
        """
        dealerships = self.sudo()

        def begin(env):
            dealership = env[self._name].browse(dealership_id).exists()
            return dealership and dealership._begin_to_ask()

        if obstacle := write_again(dealerships.env, begin):
            return obstacle
        dealerships._check_products_of(dealership_id)
        with new_transaction(dealerships.env) as env:
            dealership = env[self._name].browse(dealership_id).exists()
            return dealership and dealership._get_products_problem()

    def _begin_to_ask(self):
        """Have all products read, not only changed ones; return why that has to wait, or False."""
        self.ensure_one()
        if self.connection_state == "untested":
            return self.env._(
                "The connection was not tested since it was entered. Press Test Connection first."
            )
        self.products_since = False
        if self._is_open():
            return False
        self._ask_for_products()
        return self.env._(
            "It cannot be asked now, and is asked as soon as that is possible. %s",
            self.hold_reason or self.last_message or "",
        ).strip()

    def _get_products_problem(self):
        """Return what stands against products after a look, in words, or False."""
        self.ensure_one()
        if self.products_message:
            return self.products_message
        if not self._is_open():
            return self.last_message or self.env._("It could not be asked, and is asked again.")
        if not (self.unknown_product_count or self.doubtful_product_count):
            return False
        return self.env._(
            "Products unknown there: %(unknown)s of %(count)s; in doubt: %(doubtful)s.",
            count=self.product_count,
            unknown=self.unknown_product_count,
            doubtful=self.doubtful_product_count,
        )

    # ------------------------------------------------------------
    # SIDE BY SIDE
    # ------------------------------------------------------------

    def _talk_side_by_side(self, what, talk):
        """Talk with the dealerships of a batch, all at the same time.

        :param str what: the work, as it is logged
        :param talk: function of the id of a dealership, called in a thread, which uses no cursor
            of this environment; returns what is wrong, in words, or False
        :return: what ``prepare_problem`` makes of each for which not all went well
        :raise UserError: the user is no BPO manager, or these are more than a batch
        """
        self._check_manager()
        check_batch(self, MAX_TALKS)
        dealerships = self.exists()
        dealerships.check_access("write")
        with telling_rate(what, dealerships) as problems:
            with self.env["bpo.dealer.order"]._open_push_pool() as pool:
                talks = [(each, pool.submit(talk, each.id)) for each in dealerships]
            problems += [
                prepare_problem(dealership, text)
                for dealership, future in talks
                if (text := self._get_outcome(dealership, future))
            ]
        return problems

    def _get_outcome(self, dealership, future):
        """Return what came of a talk, in words; False where all went well.

        :param future: of the thread, which has ended
        """
        try:
            return future.result()
        except UserError as error:
            return str(error)
        except psycopg2.OperationalError:
            return self.env._("Somebody else works with it at this moment. Try again.")
        except Exception as error:  # noqa: BLE001 (one dealer must not stop the others)
            self.env["bpo.dealer.order"]._log_unexpected(dealership.id, error)
            return self.env._("An error that nobody expected; the log of the server has it.")
