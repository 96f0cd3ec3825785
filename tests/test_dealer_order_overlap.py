# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The next talk with a dealer is chosen and marked while the present one is under way."""

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

from odoo.addons.bpo_crm.models.engine import dealer_push, dealer_talks
from odoo.addons.bpo_crm.models.engine.dealer_push import Turn
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_push as push

from .test_dealer_order_push import PUSH_LOGGER, PushCommon


class StepTurn(Turn):
    """The turn of a talk in whose course a test lets the next one begin, without threads."""

    def __init__(self, talk, orders):
        self.talk = talk
        self.orders = orders
        self.next_talk = None
        self.passed_on = []

    def begin_next(self):
        original = dealer_talks.PushTalk.find_due

        def find_due(talk, env):
            # all are in one transaction, where the locks of the first talk keep nobody out
            return original(talk, env) - self.talk.browse_orders(env)

        with patch.object(dealer_talks.PushTalk, "find_due", find_due):
            self.next_talk = self.orders._choose_talk(self.talk.dealership_id)

    def pass_on(self, well=True):
        self.passed_on.append(well)


@tagged("post_install", "-at_install")
class TestOverlappingTalks(PushCommon):
    """Two talks of two orders each: what the second one does, and does not, meanwhile."""

    def setUp(self):
        super().setUp()
        self.enterContext(patch.object(dealer_talks, "BATCH_SIZE", 2))
        self.enterContext(
            patch.object(type(self.dealership), "_get_batch_size", lambda dealership: 2)
        )
        self.enterContext(self.enter_registry_test_mode())
        self.orders = self._win(self._create_leads(4))
        self.first, self.second = self.orders[:2], self.orders[2:]
        self.model = self.env["bpo.dealer.order"].sudo()
        self.env.flush_all()

    def _hold_first(self, during=None):
        """Hold the first talk, in whose course the second one is chosen; return its turn.

        :param during: called while the dealer is asked, once the second talk is chosen
        """
        self.dealer.meanwhile = during
        talk = self.model._choose_talk(self.dealership.id)
        turn = StepTurn(talk, self.model)
        self.model._hold_talk(talk, turn)
        self.dealer.meanwhile = None
        self.env.invalidate_all()
        return turn

    def _push(self):
        self.cron.method_direct_trigger()

    def _references(self):
        return [references for _url, references in self.dealer.talks]

    def test_marked_while_the_first_is_under_way(self):
        seen = []

        def during():
            self.env.invalidate_all()
            seen.extend(self.orders.mapped(lambda each: (each.possibly_sent, each.attempt_count)))

        turn = self._hold_first(during)
        self.assertEqual(seen, [(True, 1)] * 4)
        self.assertEqual(list(turn.next_talk.marks), self.second.ids)
        self.assertEqual(turn.passed_on, [True])
        self.assertEqual(self._references(), [self.first.mapped("reference")])
        self.model._hold_talk(turn.next_talk)
        self.env.invalidate_all()
        self.assertEqual(set(self.orders.mapped("state")), {"sent"})
        self.assertEqual(
            self._references(), [self.first.mapped("reference"), self.second.mapped("reference")]
        )

    def test_nothing_is_chosen_where_all_are_talked_about(self):
        self.second.write({"state": "cancelled"})
        self.first[1].write({"state": "cancelled"})
        self.env.flush_all()
        turn = self._hold_first()
        self.assertIsNone(turn.next_talk)

    def test_given_up_after_an_error(self):
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=True)
        turn = self._hold_first()
        self.assertEqual(turn.passed_on, [], "the next talk is not let through")
        self.model._give_up(turn.next_talk)
        self.env.invalidate_all()
        self.assertEqual(self.first.mapped("possibly_sent"), [True, True])
        self.assertEqual(self.second.mapped("possibly_sent"), [False, False])
        self.assertEqual(set(self.orders.mapped("state")), {"pending"})
        self.assertEqual(len(self.dealer.talks), 1)

    def test_an_earlier_mark_is_kept(self):
        self.second[1].possibly_sent = True
        self.env.flush_all()
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=True)
        turn = self._hold_first()
        self.model._give_up(turn.next_talk)
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("possibly_sent"), [False, True])

    def test_paused_while_it_waited(self):
        turn = self._hold_first()
        self.dealership.paused = True
        self.env.flush_all()
        self.assertFalse(self.model._hold_talk(turn.next_talk))
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("possibly_sent"), [False, False])
        self.assertEqual(len(self.dealer.talks), 1)

    def test_another_place_while_it_waited(self):
        """The orders were marked as perhaps being in the Odoo that the dealership had then."""
        turn = self._hold_first()
        self.dealership.write({"odoo_db": "another", "odoo_api_key": "another-key"})
        self.env.flush_all()
        self.assertFalse(self.model._hold_talk(turn.next_talk))
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("possibly_sent"), [False, False])
        self.assertEqual(len(self.dealer.talks), 1)
        self._push()
        self.env.invalidate_all()
        self.assertEqual(set(self.second.mapped("state")), {"sent"})
        self.assertEqual(set(self.second.mapped("remote_place")), {self.dealership._get_place()})

    def test_another_key_while_it_waited(self):
        """The same Odoo: the talk takes the key that has taken over."""
        turn = self._hold_first()
        self.dealership._store_api_key("another-key")
        self.env.flush_all()
        self.assertTrue(self.model._hold_talk(turn.next_talk))
        self.assertEqual(turn.next_talk.settings.api_key, "another-key")
        self.env.invalidate_all()
        self.assertEqual(set(self.second.mapped("state")), {"sent"})

    def test_taken_back_while_it_waited(self):
        """A manager takes an order back that is only marked: it was certainly not sent."""
        turn = self._hold_first()
        self.second[0].lead_id.with_user(self.manager).stage_id = self.stage_offer
        self.env.flush_all()
        self.model._hold_talk(turn.next_talk)
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("state"), ["cancelled", "sent"])
        self.assertEqual(self.second.mapped("possibly_sent"), [False, False])
        self.assertEqual(self._references()[1:], [self.second[1:].mapped("reference")])

    def test_won_again_while_it_waited(self):
        """With other units: the dealer is asked first, as after any mark."""
        turn = self._hold_first()
        lead = self.second[0].lead_id
        lead.with_user(self.manager).stage_id = self.stage_offer
        lead.line_ids.quantity = 7
        lead.with_user(self.manager).stage_id = self.stage_sold
        self.env.flush_all()
        self.model._hold_talk(turn.next_talk)
        self.env.invalidate_all()
        self.assertEqual(set(self.second.mapped("state")), {"sent"})
        [line] = self.second[0]._get_content().lines
        self.assertEqual(line.values["product_uom_qty"], 7)

    def test_another_worker_while_it_waited(self):
        """Push Now in another process marks the same orders, sends them, or dies over them."""
        turn = self._hold_first()
        other = self.model._choose_talk(self.dealership.id)
        self.assertEqual(list(other.marks), self.second.ids)
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("attempt_count"), [2, 2])
        self.model._give_up(turn.next_talk)
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("possibly_sent"), [True, True], "its mark stands")

    def test_another_worker_sent_them_while_it_waited(self):
        turn = self._hold_first()
        other = self.model._choose_talk(self.dealership.id)
        self.model._hold_talk(other)
        for give_up in (self.model._give_up, self.model._hold_talk):
            self.assertFalse(give_up(turn.next_talk))
            self.env.invalidate_all()
            self.assertEqual(set(self.second.mapped("state")), {"sent"})
            self.assertEqual(self.second.mapped("possibly_sent"), [False, False])
        self.assertEqual(len(self.dealer.talks), 2)

    def test_another_worker_was_refused_while_it_waited(self):
        turn = self._hold_first()
        for order in self.second:
            self._refuse(order)
        other = self.model._choose_talk(self.dealership.id)
        other.marks = dict.fromkeys(other.marks, False)
        self.model._hold_talk(other)
        self.assertFalse(self.model._hold_talk(turn.next_talk))
        self.env.invalidate_all()
        self.assertEqual(set(self.second.mapped("state")), {"failed"})
        self.assertEqual(self.second.mapped("possibly_sent"), [False, False])

    def test_died_while_it_waited(self):
        """Marked and not sent: the next run asks the dealer first."""
        self._hold_first()
        self._push()
        self.env.invalidate_all()
        self.assertEqual(set(self.orders.mapped("state")), {"sent"})
        self.assertEqual(len(self.dealer.orders), 4)

    def test_time_is_counted_from_its_turn(self):
        run = dealer_push.DealerPush(self.env)
        settings = []
        original = dealer_talks.PushTalk.converse

        def converse(talk, session):
            settings.append(talk.settings.session_timeout)
            return original(talk, session)

        turn = Turn()
        turn.comes = lambda: setattr(run, "end", dealer_push.time.monotonic() + 12) or True
        with patch.object(dealer_talks.PushTalk, "converse", converse):
            run.work(self.dealership.id, turn)
        self.assertLessEqual(settings[0], 12)
        self.assertGreater(settings[0], 11)

    def test_not_its_turn(self):
        run = dealer_push.DealerPush(self.env)
        turn = Turn()
        turn.comes = lambda: False
        self.assertIsNone(run.work(self.dealership.id, turn))
        self.env.invalidate_all()
        self.assertEqual(self.orders.mapped("possibly_sent"), [False] * 4)
        self.assertFalse(self.dealer.talks)

    def test_error_in_our_own_code(self):
        """The turn is not passed on; the dealership backs off, and the orders wait."""
        with (
            patch.object(push.BpoDealerOrder, "_write_sent", side_effect=KeyError("bug")),
            self.assertLogs(PUSH_LOGGER, "ERROR"),
        ):
            turn = self._hold_first()
        self.assertFalse(self.model._hold_talk(turn.next_talk))
        self.env.invalidate_all()
        self.assertEqual(self.second.mapped("possibly_sent"), [False, False])


class Script(dealer_push.DealerRun):
    """A run of talks that do what a test says, in real threads and without a database.

    :param talk: function of the run and the number of a talk: what happens while the dealer is
        asked; returns whether all went well
    :param count: how many talks there are, all with dealership 7
    """

    def __init__(self, env, talk, count):
        super().__init__(env)
        self.talk = talk
        self.count = count
        self.left = list(range(count))
        self.log = []
        self.end = float("inf")
        # how often a talk was begun that follows no other
        self.starts = 0

    def find_due(self, without):
        if not self.left or 7 in without:
            return []
        self.starts += 1
        return [7]

    def work(self, dealership_id, turn):
        if not self.left:
            return 0
        number = self.left.pop(0)
        self.log.append(("chosen", number))
        if not turn.comes():
            self.log.append(("given up", number))
            self.left.insert(0, number)
            return None
        self.log.append(("asked", number))
        turn.begin_next()
        res = self.talk(self, number)
        self.log.append(("answered", number))
        if res:
            turn.pass_on()
        return 1

    def leave_rest(self):
        pass

    def wait_for_next(self, number):
        """Wait until the talk that follows one has chosen its orders."""
        for _turn in range(1000):
            if number + 1 >= self.count or ("chosen", number + 1) in self.log:
                return
            time.sleep(0.01)

    def get_asked(self):
        return [number for what, number in self.log if what == "asked"]


class SlowScript(Script):
    """Writing takes longer than talking."""

    most = 0

    def work(self, dealership_id, turn):
        self.most = max(self.most, self.talks[dealership_id])
        res = super().work(dealership_id, turn)
        time.sleep(0.05)
        return res


@tagged("post_install", "-at_install")
class TestOverlapTurns(TransactionCase):
    """Who may converse with a dealer, and when."""

    def _run(self, talk, count, script=Script):
        run = script(self.env, talk, count)
        pool = ThreadPoolExecutor(8)
        with (
            patch.object(push.BpoDealerOrder, "_open_push_pool", lambda orders: pool),
            patch.object(type(self.env["ir.cron"]), "_commit_progress", lambda *args, **kw: 9.0),
        ):
            run.run()
        self.assertFalse(run.talks[7])
        return run

    def test_one_after_the_other_in_their_order(self):
        def talk(run, number):
            run.wait_for_next(number)
            return True

        run = self._run(talk, 6)
        self.assertEqual(run.get_asked(), list(range(6)))
        self.assertEqual(run.starts, 1)
        for number in range(5):
            answered = run.log.index(("answered", number))
            self.assertLess(run.log.index(("chosen", number + 1)), answered)
            self.assertGreater(run.log.index(("asked", number + 1)), answered)

    def test_given_up_where_the_one_before_failed(self):
        def talk(run, number):
            run.wait_for_next(number)
            return number != 0

        run = self._run(talk, 3)
        self.assertEqual(
            run.log[:5],
            [("chosen", 0), ("asked", 0), ("chosen", 1), ("answered", 0), ("given up", 1)],
        )
        self.assertEqual(run.get_asked(), [0, 1, 2], "begun anew where it is still due")
        self.assertEqual(run.starts, 2)

    def test_given_up_where_the_one_before_broke(self):
        def talk(run, number):
            run.wait_for_next(number)
            if number == 0:
                raise KeyError("bug")
            return True

        with self.assertLogs(PUSH_LOGGER, "ERROR"):
            run = self._run(talk, 3)
        self.assertIn(("given up", 1), run.log)
        self.assertEqual(run.given_up, {7})
        self.assertEqual(run.left, [1, 2])

    def test_given_up_where_time_is_over(self):
        def talk(run, number):
            run.wait_for_next(number)
            run.end = 0
            return True

        run = self._run(talk, 3)
        self.assertEqual(run.get_asked(), [0])
        self.assertIn(("given up", 1), run.log)
        self.assertFalse(run.given_up, "what is left comes at once, not a minute later")

    def test_waits_for_room_where_writing_is_slow(self):
        run = self._run(lambda run, number: True, 8, SlowScript)
        self.assertEqual(run.get_asked(), list(range(8)))
        self.assertEqual(run.most, dealer_talks.TALKS_PER_DEALER)
        self.assertEqual(run.starts, 1)

    def test_one_writes_at_a_time_and_nobody_waits_without_end(self):
        with patch.object(dealer_push, "TURN_SECONDS", 0.01), dealer_push.taking_turns():
            with dealer_push.taking_turns():
                pass
            self.assertTrue(dealer_push._turn.locked(), "it gives back its own only")
        self.assertFalse(dealer_push._turn.locked())
