# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hashlib
import re

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...dealer_api import Customer, Order, OrderLine, normal_phone
from ..constants import MANAGER
from ..stage.problem import Gap

# What may change the customer of an order.
CUSTOMER_FIELDS = {"partner_id", "contact_name", "partner_name", "email_from", "phone"}


class CrmLead(models.Model):
    """The dealer's part of a lead: its order, what stands against it, and what is sent.

    What collects problems or content runs sudo'ed on batches: it reads, and never searches.
    """

    _inherit = "crm.lead"

    dealership_id = fields.Many2one(
        "bpo.dealership",
        index="btree_not_null",
        tracking=True,
        ondelete="restrict",
        check_company=True,
        help="The dealer this lead is worked for: once won, the order goes to its Odoo.",
    )
    line_ids = fields.One2many("bpo.lead.line", "lead_id", string="Units", copy=True)
    dealer_notes = fields.Text(
        "Notes for the Dealer",
        prefetch=False,
        help="They arrive with the order, once, for the people of the dealership: in the chatter "
        "of the order there and in the e-mail to its manager. Internal notes stay here.",
    )
    pushes_orders = fields.Boolean(related="pipeline_id.push_orders", string="Pushes Orders")
    dealer_order_ids = fields.One2many(
        "bpo.dealer.order", "lead_id", string="Dealer Orders", groups="bpo_crm.group_agent"
    )
    dealer_order_id = fields.Many2one(
        "bpo.dealer.order",
        compute="_compute_dealer_order_id",
        store=True,
        index="btree_not_null",
        copy=False,
        ondelete="set null",
        help="At most one: the outbox has one row per lead.",
    )
    dealer_order_state = fields.Selection(
        related="dealer_order_id.state", string="Dealer Order Status", store=True
    )
    dealer_so_id = fields.Integer(
        "Dealer Order ID",
        related="dealer_order_id.remote_id",
        store=True,
        prefetch=False,
        help="Database id of the sale order on the dealer's own Odoo.",
    )
    dealer_so_name = fields.Char(
        "Dealer Order Number", related="dealer_order_id.remote_name", store=True, prefetch=False
    )
    dealer_so_url = fields.Char("Dealer Order Link", related="dealer_order_id.remote_url")
    dealer_order_step = fields.Selection(
        related="dealer_order_id.remote_step", string="At the Dealer", store=True, prefetch=False
    )

    _failed_order_idx = models.Index("(pipeline_id) WHERE dealer_order_state = 'failed'")

    @api.depends("dealer_order_ids")
    def _compute_dealer_order_id(self):
        for lead in self:
            lead.dealer_order_id = lead.dealer_order_ids[:1]

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.ondelete(at_uninstall=False)
    def _unlink_except_ordered(self):
        ordered = self.sudo().filtered(lambda lead: lead.dealer_order_id._is_live())
        if ordered:
            raise UserError(
                self.env._(
                    "These leads have an order at their dealer, or one on its way, and cannot be "
                    "deleted: %(leads)s. Archive them instead.",
                    leads=", ".join(ordered.mapped("display_name")),
                )
            )

    def unlink(self):
        """Take the orders along that never reached a dealer."""
        # First: whoever may not delete the leads deletes no orders either.
        self.check_access("unlink")
        orders = self.sudo().dealer_order_id.filtered(lambda order: not order._is_live())
        orders.unlink()
        return super().unlink()

    def _get_ordered_customers(self, vals):
        """Return ``{lead: its customer}`` of won leads with an order, if ``vals`` may change it.

        :param dict vals: what is about to be written
        """
        if CUSTOMER_FIELDS.isdisjoint(vals):
            return {}
        leads = self.sudo().filtered(
            lambda lead: lead.closed_status == "won" and lead.dealer_order_id._is_live()
        )
        return {lead: lead._get_customer() for lead in leads}

    def _log_changed_customers(self, customers):
        """Say where a customer was changed that the order at the dealer does not follow.

        A contact may be corrected at any time; the order is what it was sent as.

        :param dict customers: ``{lead: its customer}`` before
        """
        changed = self.sudo().browse(
            lead.id for lead, before in customers.items() if lead._get_customer() != before
        )
        changed.dealer_order_id._log_on_leads(lambda order: order._get_customer_kept_text())

    def _get_customer(self):
        """Return name, e-mail and phone as an order would have them."""
        self.ensure_one()
        return self._get_customer_name(), *self._get_customer_identity()

    def _check_dealership_change(self, dealership_id):
        """Refuse another dealership while an order for the present one is on its way or there."""
        changing = self.sudo().filtered(
            lambda lead: lead.dealership_id.id != dealership_id and lead.dealer_order_id._is_live()
        )
        if reopened := changing.filtered(lambda lead: lead.closed_status != "won"):
            raise UserError(
                self.env._(
                    "These leads have an order at their dealership, or may have one, and a lead "
                    "has one order only: %(orders)s. Create a new lead for another dealership.",
                    orders=", ".join(
                        f"{lead.display_name} ({lead.dealer_order_id.display_name})"
                        for lead in reopened
                    ),
                )
            )
        if changing:
            raise UserError(
                self.env._(
                    "The order of these leads is at their dealership, or on its way: %(leads)s. "
                    "Move them out of Won before you choose another dealership.",
                    leads=", ".join(changing.mapped("display_name")),
                )
            )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_open_dealer_order(self):
        """Open the order that this lead's dealer gets, or got."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "bpo.dealer.order",
            "res_id": self.dealer_order_id.id,
            "view_mode": "form",
        }

    def action_retry_dealer_order(self):
        """Send the failed orders of these leads again, with what the leads say now."""
        self.check_access("write")
        return self.dealer_order_id.action_retry()

    def action_check_dealer_order(self):
        """Have the dealers asked what became of the orders of these leads."""
        self.check_access("read")
        return self.dealer_order_id.action_check_at_dealer()

    # ------------------------------------------------------------
    # MOVING
    # ------------------------------------------------------------

    def _get_move_rules(self):
        return [*super()._get_move_rules(), self._get_problems_won]

    def _follow_up_move(self, origins):
        """Take back the orders of leads that leave Won; put those of won leads into the outbox."""
        res = super()._follow_up_move(origins)
        leaving = self.filtered(
            lambda lead: origins[lead].status == "won" and lead.closed_status != "won"
        )
        if leaving:
            self.env["bpo.dealer.order"]._withdraw(leaving)
        if won := self._filtered_to_push():
            self.env["bpo.dealer.order"]._enqueue(won)
        if not self.env.context.get("bpo_crm_no_push"):
            self._filtered_without_order(origins)._log_no_orders()
        return res

    def _filtered_without_order(self, origins):
        """Return the leads just won for a dealership that gets no order of theirs."""
        return self.filtered(
            lambda lead: (
                lead.closed_status == "won"
                and origins[lead].status != "won"
                and lead.dealership_id
                and not lead.pipeline_id.push_orders
            )
        )

    def _log_no_orders(self):
        """Say in chatter that a dealership gets no order, and what creates one."""
        if self:
            self._message_log_batch(
                bodies={
                    lead.id: lead.env._(
                        "No order went to %(dealership)s: the pipeline %(pipeline)s creates no "
                        "dealer orders. If this deal is to have one, a BPO Manager switches "
                        "Create Dealer Orders on for the pipeline; then win the deal again.",
                        dealership=lead.dealership_id.name,
                        pipeline=lead.pipeline_id.name,
                    )
                    for lead in self.sudo()
                }
            )

    def _filtered_to_push(self):
        """Return the won leads whose order is to be sent to a dealer."""
        if self.env.context.get("bpo_crm_no_push") and self._may_skip_push():
            return self.browse()
        return self.filtered(
            lambda lead: lead.closed_status == "won" and lead.pipeline_id.push_orders
        )

    def _may_skip_push(self):
        """Tell whether this user may win leads without orders, as for imports of the past.

        Not whether the code runs as superuser: automations do so in anybody's session.
        """
        user = self.env.user
        return user._is_superuser() or user.has_group(MANAGER)

    def _filtered_unordered(self):
        """Return the won leads whose order is to be sent, and is not in the outbox."""
        return self._filtered_to_push().filtered(
            lambda lead: lead.sudo().dealer_order_id.state in (False, "cancelled")
        )

    # ------------------------------------------------------------
    # READY FOR THE DEALER
    # ------------------------------------------------------------

    def _get_problems_won(self, origins):
        """Rule 4: a lead that is won where orders are pushed is ready for its dealer."""
        won = self._filtered_to_push()
        return won._get_dealer_problems() if won else {}

    @api.private
    def _get_dealer_problems(self):
        """Return ``{lead: [what keeps its order from being sent]}``.

        Leads that are ready have an empty list. The number of queries is constant.
        """
        leads_sudo = self.sudo()
        missing_connections = leads_sudo.dealership_id._get_missing_connection()
        orders = self.env["bpo.dealer.order"]._get_orders(self)
        return {
            lead: [
                *lead_sudo._get_problems_dealership(missing_connections, orders.get(lead_sudo)),
                *lead_sudo._get_problems_lines(),
                *lead_sudo._get_problems_customer(),
            ]
            for lead, lead_sudo in zip(self, leads_sudo, strict=True)
        }

    def _get_problems_dealership(self, missing_connections, order):
        """Return the problems on the side of the dealership.

        :param dict missing_connections: ``{dealership: [what its connection lacks]}``
        :param order: the ``bpo.dealer.order`` the lead has already, if any
        """
        self.ensure_one()
        dealership = self.dealership_id
        if not dealership:
            return [Gap(self.env._("no dealership is chosen"), "dealership_id")]
        names = {"dealership": dealership.name}
        problems = []
        if not dealership.active:
            problems.append(self.env._("%(dealership)s is archived", **names))
        if lacks := missing_connections[dealership]:
            problems.append(
                self.env._(
                    "the connection of %(dealership)s lacks: %(lacks)s",
                    lacks=", ".join(lacks),
                    **names,
                )
            )
        currencies = self._get_order_currencies()
        if currencies != dealership.currency_id:
            problems.append(
                self.env._(
                    "the lead is in %(currency)s, %(dealership)s in %(other)s",
                    currency=", ".join(currencies.mapped("name")),
                    other=dealership.currency_id.name,
                    **names,
                )
            )
        if order and order.possibly_sent and order.dealership_id != dealership:
            problems.append(
                self.env._(
                    "%(other)s may have the order %(reference)s of this lead: choose "
                    "%(other)s, or let a BPO manager confirm that it is not there",
                    other=order.dealership_id.name,
                    reference=order.reference,
                )
            )
        return problems

    def _get_problems_lines(self):
        """Return the problems of the units sold."""
        self.ensure_one()
        if not self.line_ids:
            return [Gap(self.env._("no units are entered"), "line_ids")]
        problems = []
        uncoded = self.line_ids.product_id.filtered(
            lambda product: not (product.default_code or "").strip()
        )
        if uncoded:
            problems.append(
                self.env._(
                    "no Internal Reference on the product: %(products)s",
                    products=", ".join(uncoded.mapped("name")),
                )
            )
        if empty := self.line_ids.filtered(lambda line: line.quantity <= 0):
            problems.append(
                Gap(
                    self.env._(
                        "the quantity is not above zero: %(lines)s",
                        lines=", ".join(line.name or line.product_id.name for line in empty),
                    ),
                    "line_ids",
                )
            )
        return problems

    def _get_problems_customer(self):
        """Return the problems about the customer."""
        self.ensure_one()
        problems = []
        if not self._get_customer_name():
            problems.append(Gap(self.env._("the customer has no name"), "contact_name"))
        email, phone = self._get_customer_identity()
        if not email and not phone:
            problems.append(
                Gap(
                    self.env._("the customer has neither a valid e-mail nor a phone"),
                    "email_from",
                    "phone",
                )
            )
        return problems

    # ------------------------------------------------------------
    # WHAT IS SENT
    # ------------------------------------------------------------

    def _prepare_dealer_order(self, namespace):
        """Return the order as the dealer is to get it, an ``Order`` of ``dealer_api``.

        What other addons add comes through the hooks ``_prepare_dealer_order_values``,
        ``_prepare_dealer_customer_values`` and, on the units, ``_prepare_dealer_line_values``.

        :param str namespace: the module name of our external ids in the dealer's database
        """
        self.ensure_one()
        email, phone = self._get_customer_identity()
        return Order(
            external_id=f"{namespace}.{self._get_dealer_key()}",
            currency=self._get_order_currencies()[:1].name,
            customer=Customer(
                external_id=f"{namespace}.customer_{self._get_customer_key(email, phone)}",
                values=self._prepare_dealer_customer_values(),
                country_code=self.country_id.code or "",
                state_code=self.state_id.code or "",
            ),
            lines=[
                OrderLine(
                    product_code=line.dealer_code,
                    values=line._prepare_dealer_line_values(),
                )
                for line in self.line_ids
            ],
            values=self._prepare_dealer_order_values(),
            notes=(self.dealer_notes or "").strip(),
        )

    def _get_order_currencies(self):
        """Return the currencies in which the units were agreed; one, where all is well."""
        return self.line_ids.currency_id or self.company_currency

    def _prepare_dealer_order_values(self):
        """Return the values of the dealer's ``sale.order``, by columns of its ``load()``.

        This method serves as a hook: add a field of the order under its name there, a record by
        its name under the name of the field (``{"team_id": "Call centre"}``). A field that a
        dealer's Odoo does not have is left out, and chatter says so. Runs as superuser on
        batches: read, and do not search.
        """
        self.ensure_one()
        reference = self._get_dealer_reference()
        return {"client_order_ref": reference, "origin": f"{reference}: {self.name}"}

    def _prepare_dealer_customer_values(self):
        """Return the values of a new ``res.partner`` at the dealer, by columns of its ``load()``.

        This method serves as a hook, like ``_prepare_dealer_order_values``. A customer whom the
        dealer knows already is left as it is there.
        """
        self.ensure_one()
        email, _phone = self._get_customer_identity()
        name = self._get_customer_name()
        company = (self.partner_name or "").strip()
        return {
            "name": name,
            "email": email,
            "phone": self._get_customer_phone(),
            "street": self.street or "",
            "street2": self.street2 or "",
            "zip": self.zip or "",
            "city": self.city or "",
            "company_name": company if company != name else "",
        }

    def _get_dealer_key(self):
        """Return what names this lead in the databases of dealers, and can name no other one.

        Ids are given out again after a backup is restored, instants of creation are not; and this
        lead's stays the same, whatever is restored.
        """
        created = self.create_date.isoformat(timespec="microseconds") if self.create_date else ""
        digest = hashlib.sha256(f"{self.id} {created}".encode()).hexdigest()[:8]
        return f"lead_{self.id}_{digest}"

    def _get_dealer_reference(self):
        """Return how people at the dealership and here name this lead's order to each other."""
        return f"BPO-{self.id:05}"

    def _get_customer_name(self):
        """Return the person, else the company, else the linked contact."""
        names = (self.contact_name, self.partner_name, self.partner_id.name)
        return next((name.strip() for name in names if name and name.strip()), "")

    def _get_customer_phone(self):
        """Return the phone as the dealer is to have it, or an empty text when it is none.

        It is in E.164 form where it can be understood, else as it was typed.
        """
        phone = self.phone_sanitized or (self.phone or "").strip()
        return phone if re.search(r"\d", phone) else ""

    def _get_customer_identity(self):
        """Return the e-mail and the phone by which a dealer recognises the customer.

        What is no phone of anybody ("000", "n/a 1") is left out.
        """
        phone = self._get_customer_phone()
        return self.email_normalized or "", phone if normal_phone(phone) else ""

    def _get_customer_key(self, email, phone):
        """Return the stable key of a customer: equal e-mail (or else phone), equal key."""
        identity = f"email:{email}" if email else f"phone:{re.sub(r'[^0-9+]', '', phone)}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]
