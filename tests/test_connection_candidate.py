# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from psycopg2.errors import NotNullViolation

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from odoo.addons.bpo_crm.dealer_api import (
    CheckLine,
    ConnectionReport,
    DealerAccessRefused,
    DealerUnreachable,
)
from odoo.addons.bpo_crm.models import constants
from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check

from .dealer_common import DealerOrderCommon, FakeDealer, FakeSession
from .test_connection_key import TestKeyInLogs

OLD = "not-a-real-key"
NEW = "fedcba9876543210-secret"
SURVEY_CRON = "bpo_crm.ir_cron_check_dealer_orders"


class KeyedDealer(FakeDealer):
    """A dealer who lets in whoever has one of its keys."""

    def __init__(self):
        super().__init__()
        self.keys = {OLD}
        # the keys of each attempt to log in without orders
        self.logins = []
        # nobody answers
        self.is_down = False

    def open_session(self, settings):
        return KeyedSession(self, settings)

    def check(self, settings):
        if self.is_down:
            raise DealerUnreachable("connection_refused", request_sent=False, host="dealer")
        if settings.api_key not in self.keys:
            raise DealerAccessRefused("login_refused")

    def push_orders(self, session, orders):
        self.check(session.settings)
        return super().push_orders(session, orders)

    def check_connection(self, settings, **_kwargs):
        self.logins.append(settings.api_key)
        try:
            self.check(settings)
        except DealerUnreachable as error:
            return ConnectionReport([CheckLine("address", error.code, False, error.details)])
        except DealerAccessRefused as error:
            address = CheckLine("address", "check_address_ok", True, {"host": "dealer"})
            return ConnectionReport([address, CheckLine("login", error.code, False)])
        return ConnectionReport(
            [CheckLine("login", "check_login_ok", True)], server_version="19.0", uid=7
        )


class KeyedSession(FakeSession):
    def __init__(self, dealer, settings):
        super().__init__(settings)
        self.dealer = dealer

    @property
    def uid(self):
        if not self.settings.uid:
            self.dealer.logins.append(self.settings.api_key)
        self.dealer.check(self.settings)
        return 7


class CandidateCommon(DealerOrderCommon):
    """A dealership whose key works, and what becomes of a new one."""

    dealer_class = KeyedDealer

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.survey_cron = cls.env.ref(SURVEY_CRON)
        # what became of the orders is another matter
        cls.env["bpo.dealership"].search([]).next_survey = fields.Datetime.now() + timedelta(days=9)
        cls.dealership.write({"connection_state": "connected", "remote_uid": 7})

    def setUp(self):
        super().setUp()
        self.enterContext(
            patch.object(
                bpo_dealer_connection_check, "check_connection", self.dealer.check_connection
            )
        )

    def _enter(self, key=NEW, **values):
        self.dealership.with_user(self.manager).write({"odoo_api_key": key, **values})
        self.env.flush_all()

    def _look(self):
        """Run the scheduled look, as the scheduler does."""
        with self.enter_registry_test_mode():
            self.survey_cron.method_direct_trigger()

    def _test(self):
        self.dealership.with_user(self.manager).action_test_connection()

    def _get_refusals(self):
        return self.dealership.activity_search([constants.ACTIVITY_KEY_REFUSED])

    def _assert_key(self, key, candidate):
        self.assertEqual(self.dealership._load_api_key(), key)
        self.assertEqual(self.dealership._load_candidate_key(), candidate)
        self.assertEqual(self.dealership.has_candidate_key, bool(candidate))


@tagged("post_install", "-at_install")
class TestCandidateKey(CandidateCommon):
    """A new key takes over once it has proved itself; until then the one before is used."""

    def test_waits_beside_the_one_that_works(self):
        with (
            self.capture_triggers(SURVEY_CRON) as captured,
            self._assert_note(self.dealership, "new API key", "stays in use"),
        ):
            self._enter()
        self.assertTrue(captured.records)
        self._assert_key(OLD, NEW)
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertEqual(self.dealership._get_connection_settings().api_key, OLD)
        self.assertFalse(self.dealer.logins, "nothing is asked while somebody waits for the form")

    def test_takes_over(self):
        self.dealership.key_expires_on = "2026-03-31"
        self._enter(key_expires_on="2026-06-30")
        self.assertEqual(str(self.dealership.key_expires_on), "2026-03-31")
        self.assertEqual(str(self.dealership.candidate_expires_on), "2026-06-30")
        self.dealer.keys = {OLD, NEW}
        with self._assert_note(self.dealership, "new API key", "from now on"):
            self._look()
        self._assert_key(NEW, None)
        self.assertEqual(str(self.dealership.key_expires_on), "2026-06-30")
        self.assertFalse(self.dealership.candidate_expires_on)
        self.assertFalse(self.dealership.candidate_next_try)
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertEqual(self.dealership.remote_uid, 7)
        self._look()
        self.assertEqual(self.dealer.logins, [NEW])

    def test_without_a_date(self):
        """Nobody knows how long it lives: the date of the one before is not its."""
        self.dealership.key_expires_on = "2026-03-31"
        self._enter()
        self.dealer.keys.add(NEW)
        self._look()
        self._assert_key(NEW, None)
        self.assertFalse(self.dealership.key_expires_on)

    def test_takes_the_reminder_of_the_one_before_along(self):
        self.dealership.key_expires_on = fields.Date.today() + timedelta(days=3)
        self.env["bpo.dealership"].sudo()._remind_of_keys()
        self.assertTrue(self.dealership.activity_search([constants.ACTIVITY_KEY]))
        self._enter(key_expires_on=fields.Date.today() + timedelta(days=90))
        self.assertTrue(self.dealership.activity_search([constants.ACTIVITY_KEY]))
        self.dealer.keys.add(NEW)
        self._look()
        self.assertFalse(self.dealership.activity_search([constants.ACTIVITY_KEY]))

    def test_orders_are_looked_at_by_the_next_run(self):
        """The time of a run is used up by keys of dealers who hang."""
        self._enter()
        with self.capture_triggers(SURVEY_CRON) as captured:
            self._look()
        self.assertTrue(captured.records)
        with self.capture_triggers(SURVEY_CRON) as captured:
            self._look()
        self.assertFalse(captured.records)

    def test_refused(self):
        _lead, order = self._win_one()
        self._enter(key_expires_on="2026-06-30")
        with self._assert_note(self.dealership, "refuses the new API key", "stays in use"):
            self._look()
        self._assert_key(OLD, None)
        self.assertFalse(self.dealership.key_expires_on or self.dealership.candidate_expires_on)
        self.assertIn("refuses", self.dealership.candidate_message)
        self.assertTrue(self._get_refusals().user_id.has_group(constants.MANAGER))
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertFalse(self.dealership.paused)
        self._push()
        self.assertEqual(order.state, "sent")
        with self.subTest("the next one"):
            self._enter("another-key")
            self.assertFalse(self._get_refusals() or self.dealership.candidate_message)

    def test_dealer_is_down(self):
        self._enter()
        self.dealer.is_down = True
        self._look()
        self._assert_key(OLD, NEW)
        self.assertIn("refused the connection", self.dealership.candidate_message)
        self.assertGreater(self.dealership.candidate_next_try, fields.Datetime.now())
        self.assertFalse(self._get_refusals())
        self.dealer.is_down = False
        self.dealer.keys.add(NEW)
        with self.subTest("not before its time"):
            self._look()
            self._assert_key(OLD, NEW)
        with self.subTest("once something was sent"):
            self._win_one()
            with self.capture_triggers(SURVEY_CRON) as captured:
                self._push()
            self.assertTrue(captured.records)
            self._look()
            self._assert_key(NEW, None)

    def test_while_the_dealer_is_down(self):
        """An outage says nothing against the key that worked."""
        self.dealer.is_down = True
        self._win_one()
        self._push()
        self.assertEqual(self.dealership.connection_state, "failed")
        self._enter()
        self._assert_key(OLD, NEW)
        self.dealer.is_down = False
        self.dealer.keys = {NEW}
        self._look()
        self._assert_key(NEW, None)
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertFalse(self.dealership.next_attempt)

    def test_the_one_before_expires_meanwhile(self):
        """What waits is tried, and the orders go on without anybody's doing."""
        self._enter()
        self.dealer.is_down = True
        self._look()
        self.dealer.is_down = False
        self.dealer.keys = {NEW}
        _lead, order = self._win_one()
        with self.capture_triggers(SURVEY_CRON) as captured:
            self._push()
        self.assertTrue(self.dealership.paused)
        self.assertTrue(captured.records)
        self._look()
        self._assert_key(NEW, None)
        self.assertFalse(self.dealership.paused)
        self.assertFalse(self.dealership.activity_search([constants.ACTIVITY_PAUSED]))
        self._push()
        self.assertEqual(order.state, "sent")

    def test_at_once_where_no_key_works(self):
        for values in (
            {"connection_state": "untested", "remote_uid": 0},
            {"connection_state": "failed", "remote_uid": 0},
            {"connection_state": "failed", "remote_uid": 0, "paused": True},
        ):
            with self.subTest(values):
                self.dealership.odoo_login = f"{self.dealership.odoo_login}x"
                self.dealership.write(values)
                self._enter(f"{NEW}{len(values)}")
                self._assert_key(f"{NEW}{len(values)}", None)
                self.assertEqual(self.dealership.connection_state, "untested")

    def test_at_once_in_a_copy_of_the_database(self):
        self.env["ir.config_parameter"].set_param("database.uuid", "b0b0b0b0-copy")
        self._enter()
        self._assert_key(NEW, None)
        self.assertFalse(self.dealership.is_key_astray)

    def test_at_once_together_with_another_connection(self):
        for values in (
            {"odoo_login": "other"},
            {"odoo_db": "other"},
            {"odoo_url": "https://other.example.com"},
            {"protocol": "xmlrpc"},
        ):
            with self.subTest(values):
                self.dealership.write({"connection_state": "connected", "remote_uid": 7})
                self._enter("waiting")
                self._enter(**values)
                self._assert_key(NEW, None)
                self.assertEqual(self.dealership.connection_state, "untested")

    def test_another_connection_while_it_waits(self):
        """There is no connection any more for which the key before would be good."""
        self._enter(key_expires_on="2026-06-30")
        self.dealership.with_user(self.manager).odoo_login = "other"
        self._assert_key(NEW, None)
        self.assertEqual(str(self.dealership.key_expires_on), "2026-06-30")
        self.assertEqual(self.dealership.connection_state, "untested")

    def test_several_at_once(self):
        untested = self.env["bpo.dealership"].create(
            self._prepare_dealership(name="Southside", code="SOUTH")
        )
        (self.dealership | untested).with_user(self.manager).odoo_api_key = NEW
        self._assert_key(OLD, NEW)
        self.assertEqual(untested._load_api_key(), NEW)
        self.assertFalse(untested.has_candidate_key)
        self.assertEqual(untested.connection_state, "untested")

    def test_replaced_while_it_is_tried(self):
        self._enter()
        newer = "newer-key"

        def answer(dealer, settings):
            if settings.api_key == newer:
                raise DealerUnreachable("connection_refused", request_sent=False, host="dealer")
            self.dealership._store_candidate_key(newer)

        with patch.object(KeyedDealer, "check", answer):
            self._look()
        self._assert_key(OLD, newer)
        self.assertEqual(self.dealer.logins, [NEW, newer])

    def test_forms(self):
        with Form(self.dealership.with_user(self.manager)) as form:
            form.odoo_api_key = NEW
            form.key_expires_on = "2026-06-30"
        self._assert_key(OLD, NEW)
        with Form(self.dealership.with_user(self.manager)) as form:
            form.city = "Springfield"
        self._assert_key(OLD, NEW)
        self.assertEqual(str(self.dealership.candidate_expires_on), "2026-06-30")

    def test_nothing_but_invisible_changes_nothing(self):
        self._enter("\u200b", city="Springfield")
        self._assert_key(OLD, None)
        self.assertEqual(self.dealership.city, "Springfield")
        self.assertFalse(self.dealership.candidate_next_try)

    def test_discarded(self):
        self._enter(key_expires_on="2026-06-30")
        with self._assert_note(self.dealership, "new API key was discarded"):
            self.dealership.with_user(self.manager).action_discard_candidate_key()
        self._assert_key(OLD, None)
        self.assertFalse(self.dealership.candidate_expires_on)
        self.assertEqual(self.dealership.connection_state, "connected")
        self._look()
        self.assertFalse(self.dealer.logins)

    def test_forgotten(self):
        self._enter()
        self.dealership.with_user(self.manager).action_forget_api_key()
        self._assert_key(None, None)

    def test_queries_do_not_grow(self):
        others = self.env["bpo.dealership"].create(
            [self._prepare_dealership(name=code, code=code) for code in "ABC"]
        )
        domain = [("id", "in", (self.dealership | others).ids)]
        for expected in (1, 4):
            records = self.env["bpo.dealership"].search(domain, limit=expected)
            records.invalidate_recordset()
            with self.assertQueryCount(1):
                records.mapped("has_candidate_key")


@tagged("post_install", "-at_install")
class TestCandidateKeyTested(CandidateCommon):
    """*Test Connection* tries the new key first."""

    def test_takes_over(self):
        self._enter(key_expires_on="2026-06-30")
        self.dealer.keys = {NEW}
        self._test()
        self._assert_key(NEW, None)
        self.assertEqual(self.dealer.logins, [NEW])
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertEqual(str(self.dealership.key_expires_on), "2026-06-30")

    def test_refused(self):
        self._enter()
        self._test()
        self._assert_key(OLD, None)
        self.assertEqual(self.dealer.logins, [NEW, OLD])
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertIn("refuses", self.dealership.candidate_message)
        self.assertTrue(self._get_refusals())

    def test_both_refused(self):
        self._enter()
        self.dealer.keys = set()
        self._test()
        self._assert_key(OLD, None)
        self.assertEqual(self.dealership.connection_state, "failed")

    def test_dealer_is_down(self):
        self._enter()
        self.dealer.is_down = True
        self._test()
        self._assert_key(OLD, NEW)
        self.assertEqual(self.dealer.logins, [NEW])
        self.assertEqual(self.dealership.connection_state, "failed")

    def test_resumes(self):
        self._enter()
        self.dealership._pause("expired")
        self.dealer.keys = {NEW}
        self._test()
        self._assert_key(NEW, None)
        self.assertFalse(self.dealership.paused)


@tagged("post_install", "-at_install")
class TestCandidateKeyIsSecret(CandidateCommon):
    """The new key is as secret as the one in use."""

    _assert_not_logged = TestKeyInLogs._assert_not_logged

    def setUp(self):
        super().setUp()
        self._enter(self._secret)
        self.env.invalidate_all()

    # what _assert_not_logged looks for
    _secret = "0123456789abcdef-secret"

    def test_logs(self):
        with self._assert_not_logged():
            self._enter(self._secret)
            self.dealership._load_candidate_key()
            self.dealer.keys.add(self._secret)
            self._look()
        self._assert_key(self._secret, None)

    def test_row_that_breaks_a_constraint(self):
        with self._assert_not_logged(), self.assertRaises(NotNullViolation):
            self.dealership.name = False
            self.env.flush_all()

    def test_read_and_export(self):
        (self.manager).group_ids += self.env.ref("base.group_allow_export")
        for dealership in (self.dealership.with_user(self.manager), self.dealership.sudo()):
            self.assertNotIn(self._secret, str(dealership.read()))
            self.assertNotIn(self._secret, str(dealership.mapped(lambda one: one._cache)))
            self.assertNotIn("candidate_api_key", dealership._fields)
            names = ["name", "has_candidate_key", "candidate_message"]
            self.assertNotIn(self._secret, str(dealership.export_data(names)))
        self.assertNotIn(self._secret, str(self.dealership.sudo().message_ids.read()))

    def test_copy(self):
        copied = self.dealership.copy()
        self.assertFalse(copied.has_candidate_key or copied.candidate_next_try)
        self.assertFalse(copied._load_candidate_key())

    def test_settings_hide_it(self):
        settings = self.dealership._get_connection_settings(candidate=True)
        self.assertEqual(settings.api_key, self._secret)
        self.assertNotIn(self._secret, repr(settings))

    def test_neutralize(self):
        path = Path(__file__).parents[1] / "data" / "neutralize.sql"
        self.env.cr.execute(path.read_text())
        self.env.invalidate_all()
        self._assert_key(None, None)
        self.assertFalse(self.dealership.candidate_next_try)

    def test_copy_of_the_database_does_not_try_it(self):
        self.env["ir.config_parameter"].set_param("database.uuid", "b0b0b0b0-copy")
        self.dealer.keys.add(self._secret)
        self._look()
        self.assertFalse(self.dealer.logins)
        self._test()
        self.assertTrue(self.dealership.is_key_astray, "a test is no confirmation")

    def test_managers_only(self):
        for user in (self.agent, self.supervisor):
            dealership = self.dealership.with_user(user)
            for work in (
                lambda one: one.action_discard_candidate_key(),
                lambda one: one.write({"odoo_api_key": "mine"}),
                lambda one: one.read(["candidate_expires_on"]),
                lambda one: one._load_candidate_key() and one.check_access("write"),
            ):
                with self.assertRaises(AccessError):
                    work(dealership)
        self._assert_key(OLD, self._secret)
