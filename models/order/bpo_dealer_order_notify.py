# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging

import psycopg2
from markupsafe import Markup

from odoo import api, fields, models

from ..constants import ACTIVITY_FAILED, CONFLICT, MANAGER
from ..dealer_texts import name_some, translate

_logger = logging.getLogger(__name__)

# A notice on the screen names this many at most.
NAMED_IN_NOTICE = 3
# What only a BPO manager can put right.
MANAGERS_CODES = (CONFLICT, "place_changed")
MAIL_TEMPLATE = "bpo_crm.mail_template_dealer_order_sent"


class BpoDealerOrder(models.Model):
    """Who is told what about the orders: chatter, e-mail, activities, notifications."""

    _inherit = "bpo.dealer.order"

    asking_user_id = fields.Many2one(
        "res.users",
        readonly=True,
        groups=MANAGER,
        help="Who waits for the dealer's answer beside the agent; empty once they are told.",
    )

    # What an e-mail looks up. Anything else in a template Odoo compiles again for each e-mail, and
    # lets only editors of templates change.
    mail_addressee = fields.Char(
        "Addressee of the E-Mail",
        compute="_compute_mail_addresses",
        compute_sudo=True,
        help="Whom the e-mail greets: the dealership's manager by name, or the dealership.",
    )
    mail_sender = fields.Char(
        "Sender of the E-Mail",
        compute="_compute_mail_addresses",
        compute_sudo=True,
        help="The call centre that the deal is of: whom its e-mail to the dealership is from.",
    )
    mail_reply_to = fields.Char(
        "Answers To",
        compute="_compute_mail_addresses",
        compute_sudo=True,
        help="Who gets the dealership's answers: the agent. Empty: the sender of the e-mail.",
    )
    mail_details = fields.Html(
        "Details in the E-Mail",
        compute="_compute_mail_details",
        sanitize=False,
        help="Units, customer, notes, whom to ask, and a link to the order.",
    )

    @api.depends("company_id", "user_id", "dealership_id.manager_name", "dealership_id.name")
    @api.depends_context("uid")
    def _compute_mail_addresses(self):
        user = self.env.user
        for order in self:
            company, agent = order.company_id or user.company_id, order.user_id
            dealership = order.dealership_id
            order.mail_addressee = dealership.manager_name or dealership.name
            order.mail_sender = company.email_formatted or user.email_formatted
            order.mail_reply_to = agent.email_formatted if agent.active and agent.email else ""

    @api.depends("payload", "currency_id", "remote_url", "remarks", "user_id", "company_id")
    @api.depends_context("lang", "company")
    def _compute_mail_details(self):
        for order in self:
            order.mail_details = order._render("bpo_crm.dealer_order_mail_details")

    # ------------------------------------------------------------
    # CHATTER
    # ------------------------------------------------------------

    def _get_link(self):
        """Return the order as a link into the dealer's Odoo, for chatter."""
        if not self.remote_url:
            return self.display_name
        return Markup('<a href="%s" target="_blank">%s</a>') % (self.remote_url, self.display_name)

    def _log_on_leads(self, get_body):
        """Log on the leads of these orders, all in one go.

        :param get_body: function that returns the text for one order; it gets the order in the
            language of the user at work, or of the lead's owner when nobody is
        """
        if self:
            bodies = {}
            for order in self:
                lang = self.env.lang or order.user_id.lang
                bodies[order.lead_id.id] = get_body(order.with_context(lang=lang))
            self.lead_id._message_log_batch(bodies=bodies)

    def _get_sent_text(self, result, difference, mailed, recalled):
        """Return the chatter message about an order that the dealer has."""
        lines = [
            Markup("%s %s%s")
            % (
                self.env._(
                    "%(dealership)s has the order of this lead:",
                    dealership=self.dealership_id.name,
                ),
                self._get_link(),
                difference,
            )
        ]
        if recalled:
            lines.append(
                self.env._(
                    "The lead left Won while the order was being sent. Cancel the order at the "
                    "dealership by hand."
                )
            )
        lines += [translate(self.env, *note) for note in result.notes]
        if mailed:
            email = self.dealership_id.manager_email
            lines.append(self.env._("An e-mail to %(email)s is on its way.", email=email))
        elif not self.dealership_id.manager_email:
            lines.append(
                self.env._("The dealership has no manager e-mail: nobody was told by e-mail.")
            )
        else:
            lines.append(
                self.env._("The e-mail to the dealership's manager could not be prepared.")
            )
        return Markup("<br/>").join(lines)

    def _tell_failed(self):
        """Tell those who can put it right, wherever they look."""
        self._log_failed()
        self._ask_about_failures()
        self._notify_people()

    def _log_failed(self):
        """Log on the leads why their dealer did not take the order."""
        self._log_on_leads(
            lambda order: (
                Markup("%s<br/>%s")
                % (
                    order.env._(
                        "%(dealership)s did not take the order of this lead:",
                        dealership=order.dealership_id.name,
                    ),
                    order.error,
                )
            )
        )

    def _get_customer_remarks(self):
        """Return what the dealership's manager has to know about the customer, for the e-mail."""
        self.ensure_one()
        return [
            translate(self.env, code, details)
            for code, details in self.remarks or ()
            if code.startswith("customer_")
        ]

    @api.private
    def _get_contact(self):
        """Return whom the dealership may call, as a user or a company: name, phone and e-mail."""
        self.ensure_one()
        agent = self.user_id
        contact = agent if agent.active else self.company_id or self.env.company
        partner = contact.partner_id
        return {"name": contact.name, "phone": partner.phone, "email": partner.email}

    def _translate_result(self, result):
        """Return the reason in the language of the lead's owner."""
        env = self.with_context(lang=self.user_id.lang or self.env.lang).env
        return translate(env, result.code, result.details)

    # ------------------------------------------------------------
    # E-MAIL AND NOTIFICATIONS
    # ------------------------------------------------------------

    def _queue_mails(self):
        """Queue the e-mails to the managers of the dealerships; return the orders with one.

        A template that somebody broke costs the e-mail, not the order.
        """
        addressed = self.filtered("dealership_id.manager_email")
        template = self.env.ref(MAIL_TEMPLATE, raise_if_not_found=False)
        if not addressed or not template:
            return self.browse()
        # see ``ir_qweb.py`` and ``mail_mail.py``
        template = template.with_context(bpo_crm_mail_once=True)
        try:
            with self.env.cr.savepoint():
                template.sudo().send_mail_batch(addressed.ids, force_send=False)
        except psycopg2.Error:
            raise
        except Exception:
            _logger.exception("The e-mail about dealer orders could not be prepared")
            return self.browse()
        return addressed

    @api.model
    @api.private
    def mail_allowed_qweb_expressions(self):
        """Let what an e-mail says of an order be looked up; all else is compiled each time."""
        return super().mail_allowed_qweb_expressions() + (
            "object.customer_name",
            "object.dealership_id.lang",
            "object.dealership_id.manager_email",
            "object.dealership_id.name",
            "object.display_name",
            "object.mail_addressee",
            "object.mail_details",
            "object.mail_reply_to",
            "object.mail_sender",
            "object.reference",
        )

    def _remember_who_asked(self, user):
        """Have a user told what the dealers answer; agents are told of their own deals anyway.

        :param user: of ``res.users``; the superuser looks at no screen
        """
        if not user._is_superuser():
            self.sudo().filtered(lambda order: order.user_id != user).asking_user_id = user

    def _take_who_asked(self):
        """Return ``{user: these orders, of those they may see}`` of who waits, and let them go."""
        asked = self.filtered("asking_user_id")
        found = {
            user: orders.with_user(user)._filtered_access("read").sudo()
            for user, orders in asked.grouped("asking_user_id").items()
        }
        asked.asking_user_id = False
        return {user: orders for user, orders in found.items() if orders}

    def _notify_people(self):
        """Tell the agents and who has asked, one message each, and let their open forms refresh."""
        notified = list(self.grouped("user_id").items()) + list(self._take_who_asked().items())
        for user, orders in notified:
            if user:
                env = self.with_context(lang=user.lang).env
                notice = "danger" if orders[0].state == "failed" else "success"
                orders._send_notice(user, notice, orders._get_notification(env))

    def _notify_of_looks(self):
        """Tell who has asked what the dealers have."""
        for user, orders in self._take_who_asked().items():
            env = self.with_context(lang=user.lang).env
            states = dict(self._fields["remote_state"]._description_selection(env))

            def describe(order, states=states):
                there = states[order.remote_state]
                return f"{order.display_name} ({order.dealership_id.name}): {there}"

            text = name_some(orders, describe, NAMED_IN_NOTICE, "; ")
            orders._send_notice(user, "info", env._("At the dealer: %(orders)s", orders=text))

    def _send_notice(self, user, notice, message):
        """Show a message on the screens of a user, and let those that show these orders refresh.

        :param str notice: the type of the notification: "danger", "info", "success"
        """
        user._bus_send(
            "bpo_crm.dealer_order",
            {
                "records": {"crm.lead": self.lead_id.ids, self._name: self.ids},
                "type": notice,
                "message": message,
            },
        )

    def _get_notification(self, env):
        """Return what is told about these orders, all in the same state."""
        names = name_some(self, "lead_id.name", NAMED_IN_NOTICE)
        if self[0].state == "failed":
            return env._(
                "The order could not be created at the dealership: %(names)s. %(reason)s",
                names=names,
                reason=self[0].error,
            )
        return env._("The order was created at the dealership: %s", names)

    # ------------------------------------------------------------
    # ACTIVITIES
    # ------------------------------------------------------------

    def _ask_about_failures(self):
        """Ask the responsible of each lead to put right what its dealer refused."""
        self._schedule_activities(ACTIVITY_FAILED, lambda order: order.error)

    def _schedule_activities(self, xml_id, get_note):
        """Ask the responsible of each lead to act, in one go, where they are not asked already.

        :param str xml_id: the type of the activity
        :param get_note: function that returns the text for one order
        """
        leads = self.lead_id
        if not leads:
            return
        asked = leads.activity_search([xml_id]).mapped("res_id")
        activity_type = self.env.ref(xml_id)
        lead_model = self.env["ir.model"]._get("crm.lead")
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                {
                    "activity_type_id": activity_type.id,
                    "summary": activity_type.summary,
                    "note": get_note(order),
                    "automated": True,
                    "date_deadline": fields.Date.context_today(self),
                    "res_model_id": lead_model.id,
                    "res_id": order.lead_id.id,
                    "user_id": order._get_responsible().id,
                }
                for order in self
                if order.lead_id.id not in asked
            ]
        )

    def _close_activities(self):
        """Remove the activities that ask for what has become settled."""
        if self:
            self.lead_id.activity_unlink([ACTIVITY_FAILED])

    def _get_responsible(self):
        """Return who is to act on a failed order: owner, else team leader, else a manager."""
        self.ensure_one()
        lead = self.lead_id
        managers = self._get_managers(self.company_id)[:1]
        candidates = (lead.user_id, lead.team_id.user_id, managers)
        if self.error_code in MANAGERS_CODES:
            candidates = (managers, *candidates)
        lead = lead.with_context(allowed_company_ids=[])
        return next(
            (
                user
                for user in candidates
                if user.active and lead.with_user(user).has_access("read")
            ),
            self.env["res.users"],
        )

    @api.model
    def _get_managers(self, companies=None):
        """Return the BPO managers that are people, those of the given companies first."""
        users = (
            self.env.ref(MANAGER)
            .sudo()
            .all_user_ids.filtered(
                lambda user: user.active and not user.share and not user._is_superuser()
            )
        )
        if companies:
            return users.filtered(lambda user: companies <= user.company_ids) or users
        return users
