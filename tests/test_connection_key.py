# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import contextlib
import importlib.util
import logging
from datetime import timedelta
from pathlib import Path

from freezegun import freeze_time
from psycopg2.errors import NotNullViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .dealer_common import CRON, BpoCrmCommon, DealerOrderCommon

KEY = "0123456789abcdef-secret"


@tagged("post_install", "-at_install")
class TestKeyInLogs(BpoCrmCommon):
    """No level of the log of queries shows a key: neither the new nor the stored one."""

    @contextlib.contextmanager
    def _assert_not_logged(self):
        logger = logging.getLogger("odoo.sql_db")
        with self.assertLogs(logger, "DEBUG") as logs:
            logger.debug("assertLogs wants at least one")
            yield
        self.assertNotIn(KEY, "".join(logs.output))

    def test_stored(self):
        with self._assert_not_logged():
            self.dealership.with_user(self.manager).odoo_api_key = KEY
            self.env.flush_all()
        self.assertEqual(self.dealership._load_api_key(), KEY)

    def test_used(self):
        self.dealership.odoo_api_key = KEY
        with self._assert_not_logged():
            self.assertEqual(self.dealership._get_connection_settings().api_key, KEY)

    def test_created_with_it(self):
        with self._assert_not_logged():
            dealership = self.env["bpo.dealership"].create(
                self._prepare_dealership(code="NEW", odoo_api_key=KEY)
            )
            self.env.flush_all()
        self.assertEqual(dealership._load_api_key(), KEY)

    def test_profiled(self):
        """The profiler keeps what it is given in the database."""
        seen = []

        def hook(_cursor, query, params, _start, _delay):
            seen.append(f"{query} {params}")

        thread = logging.threading.current_thread()
        thread.query_hooks = [*getattr(thread, "query_hooks", ()), hook]
        self.addCleanup(thread.query_hooks.remove, hook)
        self.dealership.odoo_api_key = KEY
        self.dealership.city = "Springfield"
        self.env.flush_all()
        self.assertIn("Springfield", "".join(seen))
        self.assertNotIn(KEY, "".join(seen))

    def test_row_that_breaks_a_constraint(self):
        """PostgreSQL shows the whole row, whichever column was written."""
        self.dealership.odoo_api_key = KEY
        self.env.flush_all()
        with self._assert_not_logged(), self.assertRaises(NotNullViolation):
            self.dealership.name = False
            self.env.flush_all()


@tagged("post_install", "-at_install")
class TestKeyCharacters(BpoCrmCommon):
    def test_invisible_inside_is_refused(self):
        for number, character in enumerate("\u200b\u00ad\ufeff\x00\x07\n\t\u00a0\u2028\u202e"):
            with self.subTest(number), self.assertRaises(ValidationError) as error:
                self.dealership.with_user(self.manager).odoo_api_key = f"0123{character}4567"
            self.assertIn("place 5 of 9", str(error.exception))
            self.assertNotIn("0123", str(error.exception))
        self.assertEqual(self.dealership._load_api_key(), "not-a-real-key")

    def test_invisible_around_is_cut(self):
        for around in ("\u200b", "\ufeff", "\u00a0", "\r\n", " \t "):
            self.dealership.odoo_api_key = f"{around}{KEY}{around}"
            self.assertEqual(self.dealership._load_api_key(), KEY)

    def test_passwords(self):
        for password in ("pass word", "Pässwörd", "密码1", "a+b/c=="):
            self.dealership.odoo_api_key = password
            self.assertEqual(self.dealership._load_api_key(), password)

    def test_nothing_but_invisible_changes_nothing(self):
        self.dealership.odoo_api_key = "\u200b"
        self.assertEqual(self.dealership._load_api_key(), "not-a-real-key")


@tagged("post_install", "-at_install")
class TestCopyOfDatabase(DealerOrderCommon):
    """Another database than the one in which the key was entered sends nothing."""

    def _copy_database(self):
        """Do what Odoo does to a copy that it makes."""
        self.env["ir.config_parameter"].set_param("database.uuid", "b0b0b0b0-copy")

    def test_waits(self):
        _lead, order = self._win_one()
        self._copy_database()
        self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))
        self.assertTrue(self.dealership.is_key_astray)
        self.assertIn("another database", self.dealership.push_warning)

    def test_the_original_goes_on(self):
        _lead, order = self._win_one()
        self.assertFalse(self.dealership.is_key_astray)
        self._push()
        self.assertEqual(order.state, "sent")

    def test_push_now(self):
        self._win_one()
        self._copy_database()
        with self.assertRaisesRegex(UserError, "copy"), self.enter_registry_test_mode():
            self.dealership.with_user(self.manager).action_push_now()
        self.assertFalse(self.dealer.talks)

    def test_confirmed(self):
        _lead, order = self._win_one()
        self._copy_database()
        with (
            self.capture_triggers(CRON) as captured,
            self._assert_note(self.dealership, "this database is the one"),
        ):
            self.dealership.with_user(self.manager).action_confirm_database()
        self.assertTrue(captured.records)
        self.assertFalse(self.dealership.is_key_astray)
        self.assertFalse(self.dealership.push_warning)
        self._push()
        self.assertEqual(order.state, "sent")

    def test_confirmed_for_one_some_all(self):
        others = self.env["bpo.dealership"].create(
            [self._prepare_dealership(name=code, code=code) for code in "ABC"]
        )
        others[2].active = False
        keyless = self.env["bpo.dealership"].create({"name": "Keyless", "code": "KEYLESS"})
        self._copy_database()
        everybody = self.dealership | others | keyless
        astray = self.env["bpo.dealership"].with_context(active_test=False)
        domain = [("is_key_astray", "=", True), ("id", "in", everybody.ids)]
        self.assertEqual(astray.search(domain), self.dealership | others)
        self.assertEqual(
            astray.search([("is_key_astray", "=", False), ("id", "in", everybody.ids)]), keyless
        )
        self.dealership.with_user(self.manager).action_confirm_database()
        self.assertEqual(astray.search(domain), others)
        others[:1].with_user(self.manager).action_confirm_database()
        self.assertEqual(astray.search(domain), others[1:])
        self.env["bpo.dealership"].with_user(self.manager).action_confirm_database_everywhere()
        self.assertFalse(astray.search(domain))

    def test_managers_only(self):
        self._copy_database()
        for user in (self.agent, self.supervisor):
            dealership = self.dealership.with_user(user)
            with self.assertRaises(UserError):
                dealership.action_confirm_database()
            with self.assertRaises(UserError):
                dealership.action_confirm_database_everywhere()
            with self.assertRaises(AccessError):
                dealership._adopt_api_key()
        self.assertTrue(self.dealership.is_key_astray)

    def test_new_key(self):
        self._copy_database()
        self.dealership.with_user(self.manager).odoo_api_key = "another-key"
        self.assertFalse(self.dealership.is_key_astray)

    def test_forgotten_key(self):
        self._copy_database()
        self.dealership.with_user(self.manager).action_forget_api_key()
        self.assertFalse(self.dealership.key_database_uuid)
        self.assertFalse(self.dealership.is_key_astray)

    def test_connection_test_does_not_confirm(self):
        _lead, order = self._win_one()
        self._copy_database()
        self.dealership._resume()
        self._push()
        self.assertEqual(order.state, "pending")

    def test_copied_dealership(self):
        self.assertFalse(self.dealership.copy().key_database_uuid)

    def test_neutralized_copy(self):
        path = Path(__file__).parents[1] / "data" / "neutralize.sql"
        self._copy_database()
        self.env.flush_all()
        self.env.cr.execute(path.read_text())
        self.env.invalidate_all()
        self.assertFalse(self.dealership.is_key_astray)
        self.assertFalse(self.dealership.has_api_key)

    def test_due_query_is_one(self):
        self._win_one()
        orders = self.env["bpo.dealer.order"].sudo()
        orders._get_due_dealership_ids([])
        self.env.flush_all()
        self.env.invalidate_all()
        # a run asks after each talk: neither orders nor dealerships are read
        with self.assertQueryCount(1):
            orders._get_due_dealership_ids([])

    def test_upgrade(self):
        """Who got orders before the upgrade goes on getting them."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE bpo_dealership SET key_database_uuid = NULL, odoo_api_key = 'bare-key',
                      check_report = '[{"step": "login", "ok": null, "details": {"a": null}}]'
                WHERE id = %s""",
            [self.dealership.id],
        )
        keyless = self.env["bpo.dealership"].create({"name": "Keyless", "code": "KEYLESS"})
        path = Path(__file__).parents[1] / "migrations" / "19.0.2.0.0" / "post-connections.py"
        spec = importlib.util.spec_from_file_location("post_connections", path)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        for _time in range(2):
            script.migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        uuid = self.env["ir.config_parameter"].get_param("database.uuid")
        self.assertEqual(self.dealership.key_database_uuid, uuid)
        self.assertEqual(self.dealership._load_api_key(), "bare-key")
        self.assertEqual(self.dealership.check_report, [{"step": "login", "details": {}}])
        self.assertFalse(keyless.key_database_uuid)
        self.assertFalse(keyless._load_api_key())


@tagged("post_install", "-at_install")
class TestKeyExpiry(BpoCrmCommon):
    """Nobody is surprised by a key that expires."""

    @freeze_time("2026-03-01")
    def test_reminders(self):
        dealership = self.dealership.with_user(self.manager)
        dealership.key_expires_on = "2026-03-31"
        for day, reminders in (
            ("2026-03-16", 0),
            ("2026-03-17", 1),
            ("2026-03-18", 1),
            ("2026-03-24", 2),
            ("2026-03-30", 3),
            ("2026-04-02", 3),
        ):
            with self.subTest(day), freeze_time(day):
                before = self._reminder()
                self.env["bpo.dealership"].sudo()._remind_of_keys()
                self.assertEqual(len(self._reminder()), min(reminders, 1))
                is_new = bool(self._reminder() - before)
                self.assertEqual(is_new, day in ("2026-03-17", "2026-03-24", "2026-03-30"))
        activity = self._reminder()
        self.assertTrue(activity.user_id.has_group("bpo_crm.group_manager"))
        self.assertIn("03/31/2026", activity.note)
        with self.subTest("a new key"):
            dealership.odoo_api_key = "another"
            self.assertFalse(self._reminder() or dealership.key_expires_on)
        with self.subTest("with its date"):
            dealership.write({"odoo_api_key": "a third", "key_expires_on": "2026-06-30"})
            self.assertEqual(str(dealership.key_expires_on), "2026-06-30")

    def test_nobody_without_a_date(self):
        self.env["bpo.dealership"].sudo()._remind_of_keys()
        self.assertFalse(self._reminder())

    def test_filter(self):
        today = fields.Date.today()
        domain = [("id", "=", self.dealership.id), ("key_expires_on", "<=", "today +14d")]
        for days, found in ((14, True), (15, False)):
            self.dealership.key_expires_on = today + timedelta(days=days)
            self.assertEqual(bool(self.env["bpo.dealership"].search(domain)), found)

    def _reminder(self):
        activities = self.dealership.sudo().activity_ids
        key = self.env.ref("bpo_crm.mail_activity_type_dealer_key_expires")
        return activities.filtered(lambda activity: activity.activity_type_id == key)
