# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import uuid
from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.constants import CONFLICT
from .dealer_common import CRON, DealerOrderCommon


@tagged("post_install", "-at_install")
class TestMissing(DealerOrderCommon):
    """What keeps a lead from being won, see section 3.4."""

    def _get_missing(self, lead):
        missing = lead._get_dealer_problems()
        self.assertEqual(list(missing), list(lead))
        return missing[lead]

    def _assert_missing(self, lead, *words):
        missing = self._get_missing(lead)
        self.assertEqual(len(missing), len(words), missing)
        for lack, word in zip(missing, words, strict=True):
            self.assertIn(word, lack)

    def test_ready(self):
        self._assert_missing(self._create_leads())

    def test_no_dealership(self):
        self._assert_missing(self._create_leads(dealership_id=False), "no dealership")

    def test_dealership_archived(self):
        lead = self._create_leads()
        self.dealership.active = False
        self._assert_missing(lead, "Northside Motors is archived")

    def test_connection_lacks_everything(self):
        bare = self.env["bpo.dealership"].create({"name": "Bare", "code": "BARE"})
        self._assert_missing(
            self._create_leads(dealership_id=bare.id),
            "connection of Bare lacks: Odoo address, database, login, API key",
        )

    def test_connection_lacks_the_key_only(self):
        self.dealership.with_user(self.manager).action_forget_api_key()
        self._assert_missing(self._create_leads(), "lacks: API key")

    def test_other_currency(self):
        currency = self._get_other_currency()
        self.dealership.currency_id = currency
        self._assert_missing(self._create_leads(), currency.name)

    def test_no_units(self):
        self._assert_missing(self._create_leads(line_ids=False), "no units")

    def test_product_without_code(self):
        bare = self.env["product.product"].create({"name": "Bare Van", "default_code": " "})
        lines = [Command.create({"product_id": product.id}) for product in bare | self.product]
        self._assert_missing(self._create_leads(line_ids=lines), "product: Bare Van")

    def test_quantity_not_above_zero(self):
        for quantity in (0, -1):
            line = Command.create({"product_id": self.product.id, "quantity": quantity})
            self._assert_missing(
                self._create_leads(line_ids=[line]), "not above zero: Test Hatchback"
            )

    def test_customer_without_name(self):
        self._assert_missing(self._create_leads(contact_name=False), "no name")

    def test_company_name_is_a_name(self):
        self._assert_missing(self._create_leads(contact_name=False, partner_name="Jo Ltd"))

    def test_customer_without_email_and_phone(self):
        self._assert_missing(self._create_leads(email_from=False), "neither")
        self._assert_missing(self._create_leads(email_from="no address"), "neither")
        self._assert_missing(self._create_leads(email_from=False, phone="please call"), "neither")
        self._assert_missing(self._create_leads(email_from=False, phone="+32 2 290 34 90"))

    def test_everything_at_once_in_one_error(self):
        lead = self._create_leads(
            dealership_id=False, line_ids=False, contact_name=False, email_from=False
        )
        with self.assertRaises(ValidationError) as error:
            self._win(lead)
        for word in ("dealership", "units", "no name", "neither"):
            self.assertIn(word, str(error.exception))
        self.assertFalse(lead.dealer_order_id)

    def test_agent_who_may_not_read_the_connection(self):
        missing = self._create_leads().with_user(self.agent)._get_dealer_problems()
        self.assertEqual(list(missing.values()), [[]])


@tagged("post_install", "-at_install")
class TestEnqueue(DealerOrderCommon):
    def test_row_and_snapshot(self):
        country = self.env.ref("base.be")
        lead, order = self._win_one(
            partner_name="Jo Ltd",
            phone="02 290 34 90",
            country_id=country.id,
            street="Main Street 1",
            street2="2nd floor",
            zip="1000",
            city="Brussels",
            email_from="Jo <JO.Customer@example.com>",
            line_ids=[
                Command.create(
                    {"product_id": self.product.id, "quantity": 2, "price_unit": 19500.0}
                )
            ],
        )
        database = self.env["ir.config_parameter"].get_param("database.uuid").replace("-", "")
        namespace = f"bpo_crm_{database[:12]}"
        self.assertEqual(order.state, "pending")
        self.assertEqual(order.dealership_id, self.dealership)
        self.assertRegex(order.external_id, rf"^{namespace}\.lead_{lead.id}_[0-9a-f]{{8}}$")
        content = order._get_content()
        self.assertEqual(content.to_payload(), order.payload)
        self.assertEqual(order.payload["schema"], 3)
        self.assertRegex(content.customer.external_id, rf"^{namespace}\.customer_[0-9a-f]{{16}}$")
        self.assertEqual(content.customer.country_code, "BE")
        self.assertEqual(
            content.customer.values,
            {
                "name": "Jo Customer",
                "email": "jo.customer@example.com",
                "phone": "+3222903490",
                "street": "Main Street 1",
                "street2": "2nd floor",
                "zip": "1000",
                "city": "Brussels",
                "company_name": "Jo Ltd",
            },
        )
        [line] = content.lines
        self.assertEqual(line.product_code, "TH-100")
        self.assertEqual(
            line.values,
            {
                "name": "Test Hatchback",
                "product_uom_qty": 2,
                "price_unit": 19500.0,
                "discount": 0.0,
            },
        )
        self.assertEqual(content.currency, self.env.company.currency_id.name)
        self.assertEqual(content.external_id, order.external_id)
        self.assertIn(order.reference, content.values["origin"])
        self.assertEqual(content.reference, order.reference)
        self.assertEqual(order.amount_total, 39000.0)

    def test_customer_key_follows_email_else_phone(self):
        def get_key(**values):
            _lead, order = self._win_one(**values)
            return order._get_content().customer.external_id

        by_email = get_key(email_from="jo@example.com", phone="+32 2 290 34 90")
        self.assertEqual(by_email, get_key(email_from="Jo <JO@example.com>", contact_name="J."))
        self.assertNotEqual(by_email, get_key(email_from="other@example.com"))
        by_phone = get_key(email_from=False, phone="+32 2 290 34 90")
        self.assertEqual(by_phone, get_key(email_from=False, phone="+3222903490"))
        self.assertNotEqual(by_phone, by_email)

    def test_lead_shows_its_order(self):
        lead, order = self._win_one()
        self.assertEqual(lead.dealer_order_id, order)
        self.assertEqual(lead.dealer_order_state, "pending")
        order.write({"state": "sent", "remote_id": 42, "remote_name": "S00042"})
        self.assertEqual(lead.dealer_order_state, "sent")
        self.assertEqual((lead.dealer_so_id, lead.dealer_so_name), (42, "S00042"))
        self.assertIn("42", lead.dealer_so_url)
        self.assertTrue(lead.dealer_so_url.startswith("https://northside.example.com/"))
        self.env.flush_all()
        self.assertIn(lead, self.env["crm.lead"].search([("dealer_so_name", "=", "S00042")]))

    def test_wakes_the_scheduled_action(self):
        lead = self._create_leads()
        with self.capture_triggers(CRON) as captured:
            self._win(lead)
        self.assertEqual(len(captured.records), 1)

    def test_nothing_of_it_without_push(self):
        lead = self._create_leads()
        with self.capture_triggers(CRON) as captured:
            lead.with_context(bpo_crm_no_push=True).write({"stage_id": self.stage_sold.id})
        self.assertFalse(lead.dealer_order_id)
        self.assertFalse(captured.records)

    def test_batch_has_constant_queries(self):
        """500 leads cost what 10 cost, besides the INSERT and UPDATE that Odoo splits by 100."""
        counts = {}
        for number in (10, 500):
            leads = self._create_leads(number)
            leads.with_context(bpo_crm_no_push=True).write({"stage_id": self.stage_sold.id})
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            orders = self.env["bpo.dealer.order"].with_user(self.agent)
            missing = leads.with_user(self.agent)._get_dealer_problems()
            orders._enqueue(leads.with_user(self.agent))
            self.env.flush_all()
            counts[number] = self.cr.sql_log_count - before
            self.assertEqual(len(missing), number)
            self.assertEqual(len(leads.dealer_order_id), number)
        splits = 500 // 100 - 1
        self.assertLessEqual(counts[500], counts[10] + 2 * splits)

    def test_one_row_per_lead_and_per_external_id(self):
        _lead, order = self._win_one()
        other = self._create_leads()
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation):
            order.copy({"external_id": "another"})
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation):
            order.copy({"lead_id": other.id})

    def test_win_again_takes_a_new_snapshot(self):
        lead, order = self._win_one()
        external_id = order.external_id
        lead.with_user(self.agent).write({"stage_id": self.stage_offer.id})
        lead.line_ids.quantity = 3
        # the database was copied meanwhile; the dealer knows the order by its first name
        self.env["ir.config_parameter"].set_param("database.uuid", str(uuid.uuid4()))
        self.assertEqual(self._win(lead), order)
        self.assertEqual(order.state, "pending")
        self.assertEqual(order.external_id, external_id)
        self.assertEqual(order._get_content().external_id, external_id)
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 3)

    def test_win_again_after_sent_makes_no_second_order(self):
        lead, order = self._win_one()
        self._push()
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        with self._assert_note(lead, order.remote_name, "no second one"):
            self._win(lead)
        self.assertEqual(order.state, "sent")
        self._push()
        self.assertEqual(len(self.dealer.talks), 1)

    def test_win_again_tells_what_differs_at_the_dealer(self):
        """Nobody changes an order at the dealer from here: people have to talk."""
        lead, order = self._win_one()
        self._push()
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        lead.line_ids.quantity = 9
        price = order.currency_id.format(lead.line_ids.price_unit).replace("\xa0", "&nbsp;")
        with self._assert_note(
            lead,
            order.remote_name,
            "no second one",
            "Northside Motors has: 1 × Test Hatchback (TH-100)",
            "the lead says: 9 × Test Hatchback (TH-100)",
            price,
        ):
            self._win(lead)
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 1)

    def test_win_again_does_not_say_that_the_dealer_has_what_it_changed(self):
        lead, order = self._win_one()
        self._push()
        order.remarks = [["lines_differ", {}]]
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        lead.line_ids.quantity = 9
        with self._assert_note(
            lead,
            "Northside Motors was sent: 1 × Test Hatchback (TH-100)",
            "the order has other lines than were sent",
            "the lead says: 9 × Test Hatchback (TH-100)",
        ):
            self._win(lead)

    def test_win_again_says_nothing_of_equal_units(self):
        van = self.env["product.product"].create({"name": "Van", "default_code": "VAN-1"})
        lines = [Command.create({"product_id": one.id}) for one in self.product | van]
        lead, _order = self._win_one(line_ids=lines)
        self._push()
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        lead.line_ids[0].sequence = 99
        self.env.flush_all()
        self.env.invalidate_all()
        self._win(lead)
        self.assertIn("no second one", self._get_notes(lead)[0])
        self.assertNotIn("the lead says", self._get_notes(lead)[0])

    def test_what_differs_is_no_markup(self):
        lead, _order = self._win_one()
        self._push()
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        lead.line_ids.name = "<b>Blue</b> one"
        self._win(lead)
        self.assertIn("1 × &lt;b&gt;Blue&lt;/b&gt; one", self._get_notes(lead)[0])

    def test_currency_is_that_of_the_snapshot(self):
        """A dealership that changes its currency does not change what it was sent."""
        lead, order = self._win_one()
        currency = self.env.company.currency_id
        self.assertEqual(order.currency_id, currency)
        self.dealership.currency_id = self._get_other_currency()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(order.currency_id, currency)
        self.assertIn(str(currency.format(order.amount_total)), str(order.payload_html))
        self.assertEqual(lead.dealer_order_id.currency_id, currency)

    def test_possible_order_ties_the_lead_to_the_dealership(self):
        """A second dealership gets the order only once it is known that the first has not."""
        lead, order = self._win_one()
        order.possibly_sent = True
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        other = self.env["bpo.dealership"].create(self._prepare_dealership(name="B", code="B"))
        with self.assertRaises(UserError):
            lead.dealership_id = other
        self.env.cr.execute(
            "UPDATE crm_lead SET dealership_id = %s WHERE id = %s", [other.id, lead.id]
        )
        lead.invalidate_recordset()
        with self.assertRaises(ValidationError) as error:
            self._win(lead)
        self.assertIn(order.reference, str(error.exception))
        order.with_user(self.manager).action_confirm_not_sent()
        self._win(lead)
        self.assertEqual(order.dealership_id, other)

    def test_confirm_not_sent_is_for_managers_and_settled_orders(self):
        lead, order = self._win_one()
        order.possibly_sent = True
        with self.assertRaises(UserError):
            order.with_user(self.manager).action_confirm_not_sent()
        order.state = "failed"
        for user in (self.agent, self.supervisor):
            with self.assertRaises(UserError):
                order.with_user(user).action_confirm_not_sent()
        with self._assert_note(lead, self.manager.name, order.reference):
            order.with_user(self.manager).action_confirm_not_sent()
        self.assertFalse(order.possibly_sent)


@tagged("post_install", "-at_install")
class TestWithdraw(DealerOrderCommon):
    """A lead leaves Won, see section 3.5."""

    def _reopen(self, lead, user=None):
        lead.with_user(user or self.agent).write({"stage_id": self.stage_offer.id})

    def test_waiting_order_is_cancelled(self):
        lead, order = self._win_one()
        with self._assert_note(lead, "not sent yet", "cancelled"):
            self._reopen(lead)
        self.assertEqual(order.state, "cancelled")
        self.assertEqual(lead.dealer_order_state, "cancelled")
        self._push()
        self.assertFalse(self.dealer.talks)

    def test_failed_order_is_cancelled_and_its_activity_gone(self):
        lead, order = self._win_one()
        order.write({"state": "failed", "error": "No such product"})
        order._ask_about_failures()
        self.assertTrue(lead.activity_ids)
        self._reopen(lead)
        self.assertEqual(order.state, "cancelled")
        self.assertFalse(order.error)
        self.assertFalse(lead.activity_ids)

    def test_sent_order_only_by_a_manager(self):
        lead, order = self._win_one()
        self._push()
        for user in (self.agent, self.supervisor):
            with self.assertRaises(UserError) as error:
                self._reopen(lead, user)
            self.assertIn(order.remote_name, str(error.exception))
            self.assertIn("Only a BPO manager", str(error.exception))
        with self._assert_note(lead, order.remote_name, "Northside Motors", "by hand"):
            self._reopen(lead, self.manager)
        self.assertEqual(order.state, "sent")

    def test_error_names_a_manager_to_ask(self):
        lead, order = self._win_one()
        order.possibly_sent = True
        with self.assertRaises(UserError) as error:
            self._reopen(lead)
        names = order._get_managers().mapped("name")
        self.assertTrue(any(name in str(error.exception) for name in names))
        self.assertNotIn("OdooBot", str(error.exception))

    def test_possibly_sent_order_only_by_a_manager(self):
        for state in ("pending", "failed"):
            lead, order = self._win_one()
            order.write({"possibly_sent": True, "state": state})
            for user in (self.agent, self.supervisor):
                with self.assertRaises(UserError):
                    self._reopen(lead, user)
            with self._assert_note(lead, "may have got it", order.reference):
                self._reopen(lead, self.manager)
            self.assertEqual(order.state, "cancelled")
            self.assertTrue(order.possibly_sent)

    def test_not_while_it_is_being_sent(self):
        lead, order = self._win_one()
        model = type(order)
        with (
            patch.object(model, "try_lock_for_update", lambda self, **kw: self.browse()),
            self.assertRaises(UserError) as error,
        ):
            self._reopen(lead, self.manager)
        self.assertIn("is being sent at this moment", str(error.exception))

    def test_batch_has_constant_queries(self):
        counts = {}
        for number in (2, 50):
            leads = self._create_leads(number)
            self._win(leads)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.env["bpo.dealer.order"].with_user(self.agent)._withdraw(leads)
            self.env.flush_all()
            counts[number] = self.cr.sql_log_count - before
            self.assertEqual(set(leads.dealer_order_id.mapped("state")), {"cancelled"})
        self.assertLessEqual(counts[50], counts[2])


@tagged("post_install", "-at_install")
class TestRetry(DealerOrderCommon):
    def _fail_one(self, **values):
        lead, order = self._win_one(**values)
        order.write({"state": "failed", "error": "No such product"})
        order._ask_about_failures()
        return lead, order

    def test_retry_takes_a_new_snapshot(self):
        lead, order = self._fail_one()
        lead.line_ids.price_unit = 18000
        with self.capture_triggers(CRON) as captured, self._assert_note(lead, "tried again"):
            order.with_user(self.agent).action_retry()
        self.assertEqual(order.state, "pending")
        self.assertFalse(order.error)
        self.assertEqual(order._get_content().lines[0].values["price_unit"], 18000)
        self.assertFalse(lead.activity_ids)
        self.assertTrue(captured.records)

    def test_retry_checks_the_leads_again(self):
        lead, order = self._fail_one()
        lead.line_ids.unlink()
        with self.assertRaises(UserError) as error:
            order.with_user(self.agent).action_retry()
        self.assertIn("no units", str(error.exception))
        self.assertEqual(order.state, "failed")

    def test_retry_of_a_waiting_order_sends_it_now(self):
        _lead, order = self._win_one()
        order.next_attempt = "2100-01-01"
        payload = order.payload
        order.with_user(self.agent).action_retry()
        self.assertFalse(order.next_attempt)
        self.assertEqual(order.payload, payload)

    def test_no_retry_of_settled_orders(self):
        for state in ("sent", "cancelled"):
            _lead, order = self._win_one()
            order.state = state
            with self.assertRaises(UserError):
                order.with_user(self.manager).action_retry()

    def test_who_may_retry(self):
        _lead, order = self._fail_one()
        with self.assertRaises(AccessError):
            order.with_user(self.other_agent).action_retry()
        _lead, unclaimed = self._fail_one(user_id=False)
        unclaimed.with_user(self.other_agent).action_retry()
        for user in (self.supervisor, self.manager):
            order.state = "failed"
            order.with_user(user).action_retry()
            self.assertEqual(order.state, "pending")

    def test_name_taken_at_the_dealer_is_for_managers(self):
        """Somebody has to look there first, or it might be sent beside another one's order."""
        _lead, order = self._fail_one()
        order.error_code = CONFLICT
        for user in (self.agent, self.supervisor):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex(UserError, f"manager has to look.*{order.display_name}"),
            ):
                order.with_user(user).action_retry()
            self.assertEqual(order.state, "failed")
        order.with_user(self.manager).action_retry()
        self.assertEqual(order.state, "pending")

    def test_who_may_only_read_the_lead_may_not_retry(self):
        _lead, order = self._fail_one()
        self.env["ir.rule"].create(
            {
                "name": "Read only",
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "domain_force": "[(0, '=', 1)]",
                "perm_read": False,
            }
        )
        with self.assertRaises(AccessError):
            order.with_user(self.agent).action_retry()

    def test_from_the_lead(self):
        lead, order = self._fail_one()
        with self.assertRaises(AccessError):
            lead.with_user(self.other_agent).action_retry_dealer_order()
        lead.with_user(self.agent).action_retry_dealer_order()
        self.assertEqual(order.state, "pending")

    def test_bulk(self):
        orders = self._fail_one()[1] | self._fail_one()[1]
        orders.with_user(self.supervisor).action_retry()
        self.assertEqual(orders.mapped("state"), ["pending", "pending"])


@tagged("post_install", "-at_install")
class TestDealerOrderRights(DealerOrderCommon):
    def test_nobody_creates_edits_or_deletes(self):
        lead, order = self._win_one()
        order.state = "cancelled"
        for user in (self.agent, self.supervisor, self.manager, self.sales_admin):
            orders = self.env["bpo.dealer.order"].with_user(user)
            with self.assertRaises(AccessError):
                orders.create({"lead_id": lead.id})
            with self.assertRaises(AccessError):
                order.with_user(user).write({"state": "sent"})
            with self.assertRaises(AccessError):
                order.with_user(user).unlink()

    def test_orders_follow_the_leads(self):
        _lead, own = self._win_one()
        _lead, unclaimed = self._win_one(user_id=False)
        other = self._win(self._create_leads(user_id=self.other_agent.id), self.other_agent)
        orders = own | unclaimed | other

        def get_visible(user):
            return self.env["bpo.dealer.order"].with_user(user).search([("id", "in", orders.ids)])

        self.assertEqual(get_visible(self.agent), own | unclaimed)
        self.assertEqual(get_visible(self.other_agent), other | unclaimed)
        self.assertEqual(get_visible(self.supervisor), orders)
        self.assertEqual(get_visible(self.manager), orders)

    def test_orders_of_archived_leads_are_seen(self):
        lead, order = self._win_one()
        lead.active = False
        self.assertEqual(
            self.env["bpo.dealer.order"].with_user(self.agent).search([("id", "=", order.id)]),
            order,
        )

    def test_others_see_nothing(self):
        _lead, order = self._win_one()
        plain = new_test_user(self.env, login="bpo_plain", groups="base.group_user")
        for user in (plain, self.sales_admin):
            with self.assertRaises(AccessError):
                order.with_user(user).read(["state"])

    def test_other_companies_see_nothing(self):
        company = self.env["res.company"].create({"name": "Another Call Centre"})
        lead, order = self._win_one()
        lead.company_id = self.env.company
        self.assertEqual(order.company_id, self.env.company)
        self.manager.write({"company_ids": [Command.link(company.id)]})
        orders = self.env["bpo.dealer.order"].with_user(self.manager)
        domain = [("id", "=", order.id)]
        self.assertTrue(orders.search(domain))
        self.assertFalse(orders.with_context(allowed_company_ids=company.ids).search(domain))

    def test_agents_read_the_link_without_the_connection(self):
        _lead, order = self._win_one()
        self._push()
        values = order.with_user(self.agent).read()[0]
        self.assertIn("https://northside.example.com", values["remote_url"])
        self.assertNotIn("odoo_url", values)

    def test_orders_at_the_dealer_cannot_be_deleted(self):
        _lead, order = self._win_one()
        self._push()
        with self.assertRaises(UserError):
            order.unlink()

    def test_is_live(self):
        _lead, order = self._win_one()
        self.assertFalse(order.browse()._is_live())
        for state, possibly_sent, live in (
            ("pending", False, True),
            ("sent", False, True),
            ("failed", False, False),
            ("failed", True, True),
            ("cancelled", False, False),
            ("cancelled", True, True),
        ):
            order.write({"state": state, "possibly_sent": possibly_sent})
            self.assertEqual(order._is_live(), live, (state, possibly_sent))


@tagged("post_install", "-at_install")
class TestPreview(DealerOrderCommon):
    def _preview(self, lead):
        preview = self.env["bpo.order.preview"].with_user(self.agent).create({"lead_id": lead.id})
        return str(preview.preview_html)

    def test_shows_what_would_be_sent(self):
        lead = self._create_leads()
        html = self._preview(lead)
        content = self.env["bpo.dealer.order"]._prepare_contents(lead)[lead]
        for text in (
            "Northside Motors",
            content.reference,
            content.external_id,
            "Jo Customer",
            "jo.customer@example.com",
            "TH-100",
            "Ready",
        ):
            self.assertIn(text, html)
        self.assertFalse(lead.dealer_order_id)

    def test_shows_what_is_missing(self):
        html = self._preview(self._create_leads(line_ids=False, contact_name=False))
        self.assertIn("no units", html)
        self.assertIn("no name", html)

    def test_says_that_the_pipeline_creates_no_orders(self):
        self.pipeline.push_orders = False
        html = self._preview(self._create_leads(line_ids=False))
        self.assertIn("<strong>Vehicles</strong> creates no dealer orders", html)
        self.assertNotIn("Not ready to be won", html)

    def test_says_that_the_dealer_has_the_order(self):
        lead, order = self._win_one()
        self._push()
        self.assertIn(f"as <strong>{order.remote_name}</strong>", self._preview(lead))

    def test_only_of_leads_one_may_read(self):
        lead = self._create_leads(user_id=self.other_agent.id)
        with self.assertRaises(AccessError):
            self._preview(lead)


@tagged("post_install", "-at_install")
class TestUnitsOfOrders(DealerOrderCommon):
    """What the dealer was told, or may have been told, is not edited beneath it."""

    def _edit(self, lead):
        """Try each way to change the units so that their total stays the same."""
        line = lead.line_ids
        price = line.price_unit
        other = self.product.copy({"default_code": "TH-200"})
        ways = {
            "the line": lambda: line.write({"quantity": 2, "price_unit": price / 2}),
            "the lead": lambda: lead.write(
                {"line_ids": [Command.update(line.id, {"quantity": 2, "price_unit": price / 2})]}
            ),
            "another product": lambda: line.write({"product_id": other.id, "price_unit": price}),
            "another line": lambda: lead.write(
                {
                    "line_ids": [
                        Command.delete(line.id),
                        Command.create({"product_id": other.id, "price_unit": price}),
                    ]
                }
            ),
            "another name": lambda: line.write({"name": "Something else"}),
        }
        for way, edit in ways.items():
            with self.subTest(way), self.assertRaises(UserError), self.cr.savepoint():
                edit()

    def test_another_customer_is_said(self):
        """A contact may be corrected; the order does not follow, and chatter says so."""
        lead, order = self._win_one()
        customer = order.customer_name
        for values in ({"contact_name": "Somebody Else"}, {"email_from": "else@example.com"}):
            with self.subTest(values), self._assert_note(lead, "stays as it was", customer):
                lead.with_user(self.agent).write(values)
        notes = len(lead.message_ids)
        lead.with_user(self.agent).write({"contact_name": "Somebody Else"})
        self.assertEqual(len(lead.message_ids), notes, "nothing was changed")
        self.assertEqual(order.customer_name, customer)

    def test_another_customer_before_it_is_won(self):
        lead = self._create_leads()
        notes = len(lead.message_ids)
        lead.with_user(self.agent).contact_name = "Somebody Else"
        self.assertEqual(len(lead.message_ids), notes)

    def test_waiting(self):
        lead, _order = self._win_one()
        self._edit(lead.with_user(self.agent))

    def test_sent(self):
        lead, _order = self._win_one()
        self._push()
        self._edit(lead.with_user(self.agent))

    def test_equal_total_is_no_equal_order(self):
        """Units are compared, not what they come to: another product, two at half the price."""
        other = self.env["product.product"].create({"name": "Test Van", "default_code": "TH-200"})
        price = self.product.lst_price
        changes = {
            "2 × Test Hatchback (TH-100)": {"quantity": 2, "price_unit": price / 2},
            "1 × Test Van (TH-200)": {"product_id": other.id, "price_unit": price},
        }
        for words, vals in changes.items():
            lead, order = self._win_one()
            self._push()
            sent = order.payload
            lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
            revenue = lead.expected_revenue
            lead.line_ids.write(vals)
            self.assertEqual(lead.expected_revenue, revenue)
            with self._assert_note(
                lead, "has: 1 × Test Hatchback (TH-100)", f"the lead says: {words}"
            ):
                self._win(lead)
            # it remains what the dealer was sent; what is wanted waits beside it
            self.assertEqual(order.payload, sent)
            self.assertNotEqual(order.payload_wanted["lines"], sent["lines"])

    def test_refused_after_a_lost_answer(self):
        """The first attempt may have brought it; that the second is refused does not tell."""
        lead, order = self._win_one()
        order.write({"state": "failed", "possibly_sent": True})
        self._edit(lead.with_user(self.agent))

    def test_refused_for_certain_is_put_right(self):
        lead, order = self._win_one()
        order.write({"state": "failed"})
        lead.with_user(self.agent).line_ids.quantity = 2
        order.with_user(self.agent).action_retry()
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 2)
