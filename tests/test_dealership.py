# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import ast
import re
from pathlib import Path
from unittest.mock import patch

from babel.messages import extract
from psycopg2.errors import CheckViolation, UniqueViolation

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.dealer_api import (
    MESSAGES,
    CheckLine,
    ConnectionReport,
    DealerUnreachable,
    messages,
)
from odoo.addons.bpo_crm.models import constants, dealer_texts
from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check

from .dealer_common import CRON, BpoCrmCommon, DealerOrderCommon

KEY = "0123456789abcdef-secret"
CONNECTION_FIELDS = (
    "order_default_ids",
    "odoo_url",
    "odoo_db",
    "odoo_login",
    "odoo_api_key",
    "has_api_key",
    "protocol",
    "allow_http",
    "connection_state",
    "server_version",
    "remote_uid",
    "remembered",
    "requests_per_second",
    "learned_rate",
    "slowed_date",
    "slowed_until",
    "current_rate",
    "last_check",
    "last_message",
    "check_report",
    "left_out_fields",
    "elsewhere_order_count",
    "check_report_html",
    "paused",
    "back_off_count",
    "next_attempt",
    "last_push",
    "key_database_uuid",
    "is_key_astray",
    "push_warning",
    "failing_since",
    "unreachable_told",
    "refusal_count",
    "refused_since",
    "batch_size",
    "key_expires_on",
    "key_reminder",
    "has_candidate_key",
    "candidate_expires_on",
    "candidate_next_try",
    "candidate_message",
    "ca_certificates",
    "product_count",
    "unknown_product_count",
    "doubtful_product_count",
    "products_message",
    "products_since",
    "next_product_check",
    "last_product_full",
    "last_survey",
    "next_survey",
    "strangers",
    "strangers_html",
    "stranger_count",
    "in_step_count",
    "changed_count",
    "cancelled_count",
    "missing_count",
    "hidden_count",
)


@tagged("post_install", "-at_install")
class TestDealership(BpoCrmCommon):
    def test_code_is_unique_also_archived(self):
        self.dealership.active = False
        for code in ("NORTH", "north", " North "):
            with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation):
                self.env["bpo.dealership"].create(self._prepare_dealership(code=code))
                self.env.flush_all()

    def test_copy(self):
        copied = self.dealership.copy()
        self.assertEqual(copied.code, "NORTH-2")
        self.assertEqual(self.dealership.copy().code, "NORTH-3")
        self.assertEqual(copied.name, "Northside Motors (copy)")
        self.assertEqual(copied.odoo_url, self.dealership.odoo_url)
        self.assertFalse(copied.has_api_key)

    def test_manager_email_is_one(self):
        for email in ("rosa at cedar", "rosa@cedar.example.com, leo", "none"):
            with (
                self.subTest(email=email),
                self.assertRaisesRegex(ValidationError, "Northside Motors.*no e-mail address"),
                self.cr.savepoint(),
            ):
                self.dealership.manager_email = email
        for email in (
            "rosa@cedar.example.com",
            "rosa@cedar.example.com, leo@cedar.example.com",
            '"Pine, Rosa" <rosa@cedar.example.com>',
            False,
        ):
            self.dealership.manager_email = email

    def test_found_by_code(self):
        found = self.env["bpo.dealership"].name_search("NORTH")
        self.assertIn(self.dealership.id, [id_ for id_, _name in found])

    def test_currency_of_the_company_by_default(self):
        dealership = self.env["bpo.dealership"].create({"name": "New", "code": "NEW"})
        self.assertEqual(dealership.currency_id, self.env.company.currency_id)

    def test_counters(self):
        leads = self._create_leads(3)
        leads.with_user(self.agent).write({"stage_id": self.stage_sold.id})
        orders = leads.dealer_order_id
        orders[0].state = "sent"
        orders[1].state = "failed"
        self.env.flush_all()
        self.dealership.invalidate_recordset()
        self.assertEqual(self.dealership.lead_count, 3)
        self.assertEqual(self.dealership.order_count, 1)
        self.assertEqual(self.dealership.pending_order_count, 1)
        self.assertEqual(self.dealership.failed_order_count, 1)
        for action in (
            self.dealership.with_user(self.agent).action_view_leads(),
            self.dealership.with_user(self.agent).action_view_orders(),
        ):
            self.assertEqual(
                self.env[action["res_model"]].search_count(action["domain"]), 3, action["name"]
            )

    def test_counters_follow_the_rights(self):
        self._create_leads()
        self.assertEqual(self.dealership.with_user(self.other_agent).lead_count, 0)

    def test_filters(self):
        """The filters of the screen find what they say."""
        lead = self._create_leads()
        lead.with_user(self.agent).write({"stage_id": self.stage_sold.id})
        lead.dealer_order_id.state = "failed"
        other = self.env["bpo.dealership"].create({"name": "Other", "code": "OTHER"})
        other.write({"connection_state": "connected", "paused": True})
        both = self.dealership | other
        view = self.env.ref("bpo_crm.bpo_dealership_view_search")
        domains = dict(re.findall(r'name="(\w+)"\s+domain="([^"]+)"', view.arch_db))

        def search(name):
            domain = ast.literal_eval(domains[name])
            return self.env["bpo.dealership"].search([("id", "in", both.ids), *domain])

        self.assertEqual(search("connected"), other)
        self.assertEqual(search("not_connected"), self.dealership)
        self.assertEqual(search("paused"), other)
        self.assertEqual(search("failed_orders"), self.dealership)


@tagged("post_install", "-at_install")
class TestDealershipCompany(BpoCrmCommon):
    """A dealership is not taken away from the leads that are worked for it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env["res.company"].create({"name": "Another Call Centre"})

    def _assert_refused(self, company, *words):
        with self.assertRaises(ValidationError) as error:
            self.dealership.company_id = company
        for word in ("Northside Motors", company.name, *words):
            self.assertIn(word, str(error.exception))

    def test_not_while_another_company_has_leads(self):
        self._create_leads(2, company_id=self.env.company.id)
        self._assert_refused(self.other_company, "Centre: 2")
        self.dealership.company_id = self.env.company

    def test_not_while_leads_have_no_company(self):
        self._create_leads(company_id=False, user_id=False, team_id=False)
        self._assert_refused(self.env.company, ": 1")

    def test_archived_leads_count(self):
        self._create_leads(company_id=self.env.company.id).active = False
        self._assert_refused(self.other_company, "Centre: 1")

    def test_without_leads_or_shared_again(self):
        self.dealership.company_id = self.other_company
        self.dealership.company_id = False
        self._create_leads()
        self.dealership.company_id = False

    def test_one_message_in_constant_queries(self):
        dealerships = self.dealership | self.env["bpo.dealership"].create(
            [self._prepare_dealership(name=f"Branch {code}", code=code) for code in "ABCDEFGH"]
        )
        for dealership in dealerships:
            self._create_leads(dealership_id=dealership.id, company_id=self.env.company.id)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE bpo_dealership SET company_id = %s WHERE id IN %s",
            [self.other_company.id, tuple(dealerships.ids)],
        )
        counts = {}
        for number in (2, 8):
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            with self.assertRaises(ValidationError) as error:
                dealerships[:number]._check_company_of_leads()
            counts[number] = self.cr.sql_log_count - before
            self.assertEqual(str(error.exception).count("Centre: 1"), number)
        self.assertLessEqual(counts[8], counts[2])


@tagged("post_install", "-at_install")
class TestDealershipArchive(DealerOrderCommon):
    def test_not_while_orders_wait(self):
        leads = self._create_leads(7)
        orders = self._win(leads)
        with self.assertRaises(ValidationError) as error:
            self.dealership.with_user(self.manager).active = False
        for word in (
            "Northside Motors",
            "7 waiting",
            orders[0].reference,
            "Push Now",
            "Won",
        ):
            self.assertIn(word, str(error.exception))
        self.assertNotIn(orders[-1].reference, str(error.exception), "some are named, not all")

    def test_orders_of_others_count(self):
        """They hold the dealership back, whoever archives it."""
        self._win(self._create_leads())
        company = self.env["res.company"].create({"name": "Another Call Centre"})
        self.manager.write({"company_ids": [Command.link(company.id)]})
        dealership = self.dealership.with_user(self.manager)
        with self.assertRaises(ValidationError):
            dealership.with_context(allowed_company_ids=company.ids).action_archive()

    def test_once_they_are_settled(self):
        orders = self._win(self._create_leads(3))
        for order, state in zip(orders, ("sent", "failed", "cancelled"), strict=True):
            order.state = state
        self.dealership.with_user(self.manager).action_archive()
        self.assertFalse(self.dealership.active)

    def test_refusal_tells_agents_nothing(self):
        self._win(self._create_leads())
        with self.assertRaises(AccessError):
            self.dealership.with_user(self.other_agent).action_archive()


@tagged("post_install", "-at_install")
class TestFieldHelp(BpoCrmCommon):
    """What newcomers cannot guess from a label is explained where they meet it."""

    def test_explained(self):
        for model, names in (
            (
                "bpo.dealership",
                (
                    "manager_email",
                    "lang",
                    "currency_id",
                    "odoo_url",
                    "odoo_db",
                    "odoo_login",
                    "odoo_api_key",
                    "protocol",
                    "connection_state",
                    "last_check",
                    "last_message",
                    "paused",
                    "next_attempt",
                    "order_count",
                    "pending_order_count",
                    "failed_order_count",
                ),
            ),
            (
                "bpo.dealer.order",
                (
                    "state",
                    "attempt_count",
                    "next_attempt",
                    "sent_date",
                    "remote_id",
                    "remote_name",
                    "amount_total",
                ),
            ),
            ("bpo.lead.line", ("default_code", "name", "quantity", "price_unit")),
        ):
            described = self.env[model].with_user(self.manager).fields_get(names, ["help"])
            for name in names:
                self.assertTrue(described[name].get("help"), f"{model}: {name}")


@tagged("post_install", "-at_install")
class TestDealershipAddress(BpoCrmCommon):
    def _create(self, url, **values):
        return self.env["bpo.dealership"].create(
            self._prepare_dealership(code="NEW", odoo_url=url, **values)
        )

    def _allow_private(self):
        self.env["ir.config_parameter"].set_param("bpo_crm.allow_private_addresses", "True")

    def test_normalized(self):
        dealership = self._create(" HTTPS://Dealer.Example.com/odoo/sales ")
        self.assertEqual(dealership.odoo_url, "https://dealer.example.com")
        dealership.odoo_url = "other.example.com/web"
        self.assertEqual(dealership.odoo_url, "https://other.example.com")

    def test_https_unless_allowed(self):
        with self.assertRaises(ValidationError):
            self._create("http://dealer.example.com")
        dealership = self._create("http://dealer.example.com", allow_http=True)
        with self.assertRaises(ValidationError):
            dealership.allow_http = False

    def test_refused(self):
        self._allow_private()
        for url in (
            "ftp://dealer.example.com",
            "javascript:alert(1)",
            "https://user:password@dealer.example.com",
            "https://169.254.169.254",
            "http://metadata.google.internal",
        ):
            with self.assertRaises(ValidationError, msg=url):
                self._create(url, allow_http=True)

    def test_private_where_allowed(self):
        for url in ("https://127.0.0.1:8069", "https://192.168.1.5", "https://localhost"):
            with self.assertRaises(ValidationError, msg=url):
                self._create(url)
        self._allow_private()
        self.dealership.odoo_url = "https://127.0.0.1:8069"
        self.dealership.odoo_url = "https://192.168.1.5"

    def test_only_administrators_allow_private_addresses(self):
        for user in (self.agent, self.supervisor, self.manager):
            with self.assertRaises(AccessError):
                self.env["ir.config_parameter"].with_user(user).set_param(
                    "bpo_crm.allow_private_addresses", "True"
                )

    def test_empty_parameter_allows_nothing(self):
        self.env["ir.config_parameter"].set_param("bpo_crm.allow_private_addresses", "nonsense")
        with self.assertRaises(ValidationError):
            self._create("https://127.0.0.1")


@tagged("post_install", "-at_install")
class TestApiKey(BpoCrmCommon):
    """Managers write the key; nobody reads it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dealership.with_user(cls.manager).odoo_api_key = KEY
        cls.env.flush_all()
        cls.env.invalidate_all()
        cls.admin = cls.env.ref("base.user_admin")
        (cls.manager | cls.admin).group_ids += cls.env.ref("base.group_allow_export")

    def _readers(self):
        """Return the dealership as everybody who may reach the field, sudo included."""
        return (
            self.dealership.with_user(self.manager),
            self.dealership.with_user(self.admin),
            self.dealership.sudo(),
        )

    def test_it_is_there(self):
        self.assertEqual(self.dealership._load_api_key(), KEY)
        self.assertEqual(self.dealership._get_connection_settings().api_key, KEY)
        self.assertTrue(self.dealership.with_user(self.manager).has_api_key)

    def test_read(self):
        for dealership in self._readers():
            self.assertFalse(dealership.odoo_api_key)
            self.assertFalse(dealership.read(["odoo_api_key"])[0]["odoo_api_key"])
            self.assertFalse(dealership.web_read({"odoo_api_key": {}})[0]["odoo_api_key"])
            self.assertNotIn(KEY, str(dealership.read()))
            self.assertNotIn(KEY, str(dealership.mapped(lambda one: one._cache)))

    def test_read_right_after_writing(self):
        for user in (self.manager, self.admin):
            dealership = self.dealership.with_user(user)
            dealership.odoo_api_key = KEY
            self.assertFalse(dealership.odoo_api_key)
            created = (
                self.env["bpo.dealership"]
                .with_user(user)
                .create(self._prepare_dealership(code=user.login, odoo_api_key=KEY))
            )
            self.assertFalse(created.odoo_api_key)
            self.assertEqual(created.sudo()._load_api_key(), KEY)

    def test_export(self):
        for dealership in self._readers():
            self.assertNotIn(KEY, str(dealership.export_data(["name", "odoo_api_key"])))
        self.assertFalse(self.env["bpo.dealership"]._fields["odoo_api_key"].exportable)

    def test_search_group_order(self):
        """The field has no column as far as the ORM knows: each of these is an error."""
        for dealership in self._readers():
            for operator, value in (("=", KEY), ("ilike", "0123"), ("!=", False), ("=like", "0%")):
                with self.assertRaises(ValueError):
                    dealership.search([("odoo_api_key", operator, value)])
            with self.assertRaises(ValueError):
                dealership.search([], order="odoo_api_key")
            with self.assertRaises(ValueError):
                dealership.formatted_read_group([], ["odoo_api_key"], ["__count"])
            with self.assertRaises(ValueError):
                dealership.formatted_read_group([], [], ["odoo_api_key:array_agg"])
            self.assertFalse(dealership.filtered_domain([("odoo_api_key", "=", KEY)]))

    def test_copy(self):
        copied = self.dealership.copy()
        self.assertFalse(copied._load_api_key())
        self.assertNotIn(KEY, str(self.dealership.copy_data()))

    def test_chatter(self):
        dealership = self.dealership.with_user(self.manager)
        dealership.write({"odoo_api_key": "another-secret-key", "odoo_login": "other"})
        self.env.flush_all()
        messages = dealership.message_ids
        self.assertIn("changed: Login, API Key", str(messages.mapped("body")))
        tracked = messages.sudo().tracking_value_ids
        self.assertNotIn("another-secret-key", str(messages.mapped("body")))
        self.assertNotIn("another-secret-key", str(tracked.read()))

    def test_empty_value_changes_nothing(self):
        """Forms send back what they were given, which is nothing."""
        with Form(self.dealership.with_user(self.manager)) as form:
            self.assertFalse(form.odoo_api_key)
            form.city = "Springfield"
        self.dealership.with_user(self.manager).odoo_api_key = ""
        self.assertEqual(self.dealership._load_api_key(), KEY)

    def test_blanks_of_pasting_are_cut(self):
        self.dealership.odoo_api_key = f" {KEY}x\n"
        self.assertEqual(self.dealership._load_api_key(), f"{KEY}x")

    def test_forget(self):
        dealership = self.dealership.with_user(self.manager)
        dealership.action_forget_api_key()
        self.assertFalse(dealership.sudo()._load_api_key())
        self.assertFalse(dealership.has_api_key)
        for user in (self.agent, self.supervisor):
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).action_forget_api_key()

    def test_failed_query_is_not_logged(self):
        """A concurrent edit fails the UPDATE, and Odoo logs failed queries with their values."""
        self.env.flush_all()
        self.env.cr.execute(
            "ALTER TABLE bpo_dealership ADD CHECK (odoo_api_key = 'only this') NOT VALID"
        )
        with self.assertNoLogs("odoo.sql_db", "WARNING"), self.assertRaises(CheckViolation):
            self.dealership._store_api_key("very-secret-key")

    def test_settings_hide_it(self):
        settings = self.dealership._get_connection_settings()
        self.assertNotIn(KEY, repr(settings))
        self.assertNotIn(KEY, str(settings))

    def test_only_managers_write(self):
        for user in (self.agent, self.supervisor, self.sales_admin):
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).odoo_api_key = "mine"
        self.assertEqual(self.dealership._load_api_key(), KEY)

    def test_neutralize(self):
        path = Path(__file__).parents[1] / "data" / "neutralize.sql"
        self.dealership.write({"connection_state": "connected", "remote_uid": 3})
        self.env.flush_all()
        self.env.cr.execute(path.read_text())
        self.env.invalidate_all()
        self.assertFalse(self.dealership._load_api_key())
        self.assertTrue(self.dealership.paused)
        self.assertEqual(self.dealership.connection_state, "untested")
        self.assertFalse(self.dealership.remote_uid)


@tagged("post_install", "-at_install")
class TestApiKeyRpc(BpoCrmCommon, HttpCase):
    """The same over the wire, as a program with a manager's login sees it."""

    def test_rpc(self):
        self.dealership.odoo_api_key = KEY
        self.manager.password = "bpo_manager_password"  # noqa: S105
        self.manager.group_ids += self.env.ref("base.group_allow_export")
        self.authenticate(self.manager.login, "bpo_manager_password")

        def call(method, *args, **kwargs):
            response = self.make_jsonrpc_request(
                f"/web/dataset/call_kw/bpo.dealership/{method}",
                {"model": "bpo.dealership", "method": method, "args": args, "kwargs": kwargs},
            )
            self.assertNotIn(KEY, str(response))
            return response

        ids = self.dealership.ids
        self.assertEqual(call("read", ids, ["odoo_api_key"])[0]["odoo_api_key"], False)
        saved = call("web_save", ids, {"odoo_api_key": KEY}, specification={"odoo_api_key": {}})
        self.assertEqual(saved[0]["odoo_api_key"], False)
        call("search_read", [("id", "in", ids)])
        call("export_data", ids, ["name", "odoo_api_key"])
        call("copy_data", ids)


@tagged("post_install", "-at_install")
class TestDealershipRights(BpoCrmCommon):
    def test_agents_and_supervisors_read_without_the_connection(self):
        for user in (self.agent, self.supervisor):
            dealership = self.dealership.with_user(user)
            values = dealership.read()[0]
            self.assertEqual(values["name"], "Northside Motors")
            self.assertEqual(values["manager_email"], "manager@northside.example.com")
            self.assertFalse(set(CONNECTION_FIELDS) & set(values))
            self.assertFalse(set(CONNECTION_FIELDS) & set(dealership.fields_get()))
            for name in CONNECTION_FIELDS:
                with self.assertRaises(AccessError, msg=name):
                    dealership.read([name])
                value = {"protocol": "auto", "connection_state": "failed"}.get(name, False)
                with self.assertRaises(AccessError, msg=name):
                    dealership.search([(name, "!=", value)])
            with self.assertRaises(AccessError):
                dealership.name = "Mine"
            with self.assertRaises(AccessError):
                dealership.create({"name": "Mine", "code": "MINE"})
            with self.assertRaises(AccessError):
                dealership.unlink()
            with self.assertRaises(UserError):
                dealership.action_test_connection()

    def test_every_connection_field_is_listed_above(self):
        fields = self.env["bpo.dealership"]._fields
        managed = {name for name, field in fields.items() if field.groups == constants.MANAGER}
        self.assertEqual(managed, set(CONNECTION_FIELDS))

    def test_screens_open_for_everybody(self):
        for user in (self.agent, self.supervisor, self.manager):
            dealerships = self.env["bpo.dealership"].with_user(user)
            kinds = ("list", "kanban", "form", "search")
            views = dealerships.get_views([(False, kind) for kind in kinds])
            arch = str({name: view["arch"] for name, view in views["views"].items()})
            self.assertEqual("odoo_url" in arch, user == self.manager)
            self.assertEqual("connection_state" in arch, user == self.manager)
            Form(dealerships.browse(self.dealership.id))

    def test_chatter_names_changes_without_their_values(self):
        """Agents read the chatter."""
        dealership = self.dealership.with_env(self.env(context={}, user=self.manager))
        dealership.write({"odoo_url": "https://new-place.example.com", "odoo_db": "northside"})
        self.env.flush_all()
        self.env.cr.flush()
        note = dealership.message_ids[0]
        self.assertIn("Odoo Address", str(note.body))
        self.assertNotIn("Database", str(note.body), "it is the same as before")
        self.assertFalse(dealership.message_ids.sudo().tracking_value_ids)
        self.assertNotIn("new-place", str(dealership.message_ids.mapped("body")))

    def test_managers_do_everything(self):
        dealerships = self.env["bpo.dealership"].with_user(self.manager)
        dealership = dealerships.create(self._prepare_dealership(code="MINE"))
        self.assertEqual(dealership.read(["odoo_login"])[0]["odoo_login"], "bpo")
        dealership.write({"name": "Mine", "odoo_db": "mine", "active": False})
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual((dealership.name, dealership.odoo_db), ("Mine", "mine"))
        self.assertFalse(dealership.active)
        dealership.unlink()
        self.assertFalse(dealership.exists())

    def test_others_see_nothing(self):
        plain = new_test_user(self.env, login="bpo_plain", groups="base.group_user")
        for user in (plain, self.sales_admin):
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).read(["name"])

    def test_other_companies_see_nothing(self):
        company = self.env["res.company"].create({"name": "Another Call Centre"})
        self.manager.write({"company_ids": [Command.link(company.id)]})
        dealerships = self.env["bpo.dealership"].with_user(self.manager)
        domain = [("id", "=", self.dealership.id)]
        elsewhere = dealerships.with_context(allowed_company_ids=company.ids)
        self.assertTrue(elsewhere.search(domain), "shared by all companies")
        self.dealership.company_id = self.env.company
        self.assertTrue(dealerships.search(domain))
        self.assertFalse(elsewhere.search(domain))


@tagged("post_install", "-at_install")
class TestConnection(DealerOrderCommon):
    def _test_connection(self, *lines, **values):
        report = ConnectionReport(list(lines), **values)
        with patch.object(
            bpo_dealer_connection_check, "check_connection", return_value=report
        ) as check:
            self.dealership.with_user(self.manager).action_test_connection()
        return check

    def _ok(self, step="login"):
        return CheckLine(step, "check_login_ok", True)

    def test_success(self):
        self._test_connection(self._ok(), server_version="19.0", protocol="json2", uid=5)
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertEqual(self.dealership.server_version, "19.0")
        self.assertEqual(self.dealership.remote_uid, 5)
        self.assertTrue(self.dealership.last_check)
        self.assertIn("accepted", str(self.dealership.check_report_html))

    def test_failure_says_what(self):
        self._test_connection(
            CheckLine("address", "check_address_ok", True, {"host": "northside.example.com"}),
            CheckLine("login", "login_refused", False),
            CheckLine("rights", "check_not_reached", None),
        )
        self.assertEqual(self.dealership.connection_state, "failed")
        self.assertIn("refuses the login", self.dealership.last_message)
        html = str(self.dealership.check_report_html)
        for words in ("northside.example.com answers", "refuses the login", "Not checked"):
            self.assertIn(words, html)

    def test_what_is_to_be_minded_is_no_tick(self):
        self._test_connection(CheckLine("certificate", "check_certificate_none", True))
        self.assertEqual(self.dealership.connection_state, "connected")
        html = str(self.dealership.check_report_html)
        self.assertIn("fa-exclamation-triangle", html)
        self.assertNotIn("fa-check", html)

    def test_report_is_no_markup(self):
        self._test_connection(
            CheckLine("version", "remote_error", False, {"message": "<script>bad</script>"})
        )
        self.assertIn("&lt;script&gt;", str(self.dealership.check_report_html))

    def test_success_resumes_and_sends(self):
        _lead, order = self._win_one()
        self.dealership._pause("The key expired")
        with self.capture_triggers(CRON) as captured:
            self._test_connection(CheckLine("login", "login_refused", False))
        self.assertTrue(self.dealership.paused)
        self.assertFalse(captured.records)
        with self.capture_triggers(CRON) as captured:
            self._test_connection(self._ok())
        self.assertFalse(self.dealership.paused)
        self.assertTrue(captured.records)
        self._push()
        self.assertEqual(order.state, "sent")

    def test_unknown_product_does_not_stop_the_others(self):
        self.dealership._pause("The key expired")
        self._test_connection(
            self._ok(), CheckLine("products", "product_unknown", False, {"codes": "TH-100"})
        )
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertFalse(self.dealership.paused)
        self.assertIn("TH-100", self.dealership.last_message)

    def test_refused_trial_is_red_and_holds_nothing_up(self):
        """The dealer lets us in; whether a real order is refused, too, is said on that order."""
        self.dealership._pause("The key expired")
        refused = CheckLine("trial", "check_trial_order_refused", False, {"message": "No region"})
        self._test_connection(self._ok(), refused)
        self.assertEqual(self.dealership.connection_state, "failed")
        self.assertIn("No region", self.dealership.last_message)
        self.assertIn("Trial order", str(self.dealership.check_report_html))
        self.assertFalse(self.dealership.paused)

    def test_asks_with_fresh_eyes_for_currency_and_products(self):
        self.dealership.write({"server_version": "17.0", "remote_uid": 5})
        self._create_leads()
        van = self.env["product.product"].create({"name": "Van", "default_code": "VAN-1"})
        self._win(self._create_leads(line_ids=[Command.create({"product_id": van.id})]))
        check = self._test_connection(self._ok())
        settings = check.call_args.args[0]
        self.assertEqual((settings.server_version, settings.uid), (None, None))
        self.assertEqual(settings.api_key, "not-a-real-key")
        self.assertEqual(check.call_args.kwargs["currency"], self.env.company.currency_id.name)
        self.assertEqual(check.call_args.kwargs["product_codes"], ["TH-100"])

    def test_incomplete_connection(self):
        self.dealership.write({"odoo_db": False})
        with self.assertRaises(UserError) as error:
            self._test_connection(self._ok())
        self.assertIn("database", str(error.exception))

    def test_change_makes_it_untested(self):
        for vals in (
            {"odoo_url": "https://other.example.com"},
            {"odoo_db": "other"},
            {"odoo_login": "other"},
            {"odoo_api_key": "other"},
            {"protocol": "xmlrpc"},
            {"allow_http": True},
        ):
            self._test_connection(self._ok(), server_version="19.0", uid=5)
            self.dealership._back_off("down")
            if "odoo_api_key" in vals:
                # beside one that works a new key waits: test_connection_candidate.py
                self.dealership._pause("refused")
            self.dealership.with_user(self.manager).write(vals)
            self.assertEqual(self.dealership.connection_state, "untested", vals)
            self.assertFalse(self.dealership.server_version)
            self.assertFalse(self.dealership.remote_uid)
            self.assertFalse(self.dealership.next_attempt)

    def test_other_changes_keep_it_tested(self):
        self._test_connection(self._ok())
        self.dealership.with_user(self.manager).write(
            {"city": "Springfield", "odoo_db": self.dealership.odoo_db, "odoo_api_key": False}
        )
        self.assertEqual(self.dealership.connection_state, "connected")

    def test_link_for_old_and_new_versions(self):
        for version, path in (
            ("16.0", "/web#id=5&model=sale.order&view_type=form"),
            ("17.0", "/web#id=5&model=sale.order&view_type=form"),
            ("saas~18.2+e", "/odoo/sale.order/5"),
            ("19.0", "/odoo/sale.order/5"),
            (False, "/web#id=5&model=sale.order&view_type=form"),
        ):
            self.dealership.server_version = version
            self.assertEqual(
                self.dealership._get_record_url("sale.order", 5),
                f"https://northside.example.com{path}",
            )


@tagged("post_install", "-at_install")
class TestDealerTexts(BpoCrmCommon):
    def test_every_message_is_found_by_the_export(self):
        """The sentences stand in ``dealer_api`` alone, marked for the export of translations."""
        path = Path(messages.__file__)
        with path.open("rb") as source:
            found = {
                message
                for _line, message, *_comments in extract.extract(
                    "odoo.tools.babel:extract_python", source, keywords={"_": None, "_lt": None}
                )
            }
        self.assertGreaterEqual(len(MESSAGES), 60)
        self.assertEqual(found, set(MESSAGES.values()))

    def test_details(self):
        error = DealerUnreachable("answer_timeout", host="dealer.example.com", seconds=30)
        text = dealer_texts.translate(self.env, error.code, error.details, "?")
        self.assertEqual(text, str(error))

    def test_unknown_code_and_details(self):
        self.assertEqual(dealer_texts.translate(self.env, "new_code", {}, "As it is."), "As it is.")
        with self.assertLogs(dealer_texts.__name__, "WARNING"):
            text = dealer_texts.translate(self.env, "answer_timeout", {}, "As it is.")
        self.assertEqual(text, "As it is.")

    def test_in_the_language_of_the_reader(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        source = MESSAGES["check_login_ok"]
        with patch(
            "odoo.tools.translate.code_translations.get_python_translations",
            lambda module, lang: {source: "En ordre"} if lang == "fr_FR" else {},
        ):
            env = self.env(context={"lang": "fr_FR"})
            self.assertEqual(dealer_texts.translate(env, "check_login_ok", {}, "?"), "En ordre")
