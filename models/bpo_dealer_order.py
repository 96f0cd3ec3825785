# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..dealer_api import LINE_FIELDS, Order
from .constants import MANAGER
from .dealer_texts import format_quantity


def get_units(order):
    """Return what is ordered in an ``Order`` of ``dealer_api``, in a form that can be compared."""
    units = [
        (line.product_code, *(line.values.get(name) for name in LINE_FIELDS))
        for line in order.lines
    ]
    return order.currency, sorted(units, key=repr)


class BpoDealerOrder(models.Model):
    """The outbox: one row per lead whose order must reach the Odoo of its dealership.

    Written together with the move of the lead; pushed by a scheduled action afterwards
    (``bpo_dealer_order_push.py``). What is sent is the snapshot taken when the lead was won.

    STATE DIAGRAM::

                      the dealer has it
            pending ────────────────────▶ sent          (the end: never a second order)
             ▲ │ ▲                          ▲
       Retry │ │ │ won again                │ a talk that was under way when the lead left Won
             │ │ └──────────────────────┐   │ turns out to have created the order after all
             │ │ the lead left Won      │   │
             │ ├────────────────────▶ cancelled
             │ │                        ▲
             │ │ the dealer refused it  │ the lead left Won
             │ ▼                        │
            failed ─────────────────────┘

    ``pending`` is also the state while waiting for the next attempt. ``possibly_sent`` is set,
    and committed, *before* the dealer is asked, and cleared when it is certain that the dealer
    has created nothing: whatever dies in between, nobody cancels unknowingly an order that may
    exist at the dealer. The next attempt finds it there by its external id.
    """

    _name = "bpo.dealer.order"
    _description = "Dealer Order"
    _order = "id desc"
    _rec_name = "reference"

    lead_id = fields.Many2one("crm.lead", required=True, readonly=True, ondelete="restrict")
    dealership_id = fields.Many2one(
        "bpo.dealership", required=True, readonly=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        precompute=True,
        index="btree_not_null",
    )
    user_id = fields.Many2one("res.users", string="Agent", related="lead_id.user_id")
    reference = fields.Char(
        required=True, readonly=True, help="How people at the dealership find the order."
    )
    state = fields.Selection(
        [
            ("pending", "Sending"),
            ("sent", "Sent"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="pending",
        index=True,
        help="Sending: it goes out by itself, also after failed attempts. Sent: the dealership "
        "has it. Failed: the dealership refused it; put the problem right, then retry. "
        "Cancelled: the lead left Won before it was sent.",
    )
    attempt_count = fields.Integer(
        "Attempts",
        readonly=True,
        aggregator=None,
        help="How often the dealership's Odoo was asked to take the order.",
    )
    error = fields.Text("Problem", readonly=True, help="What to put right, or what it waits for.")
    next_attempt = fields.Datetime(
        readonly=True, help="The dealership is not asked about this order before then."
    )
    sent_date = fields.Datetime(
        readonly=True, help="When it was certain that the dealership has the order."
    )
    payload = fields.Json(readonly=True, help="Exactly what is sent.")
    external_id = fields.Char(
        required=True,
        readonly=True,
        help="The name of the order in the dealer's database, which has it at most once.",
    )
    possibly_sent = fields.Boolean(
        readonly=True,
        help="The dealer was asked and the answer is not known: the order may exist there.",
    )
    remote_id = fields.Integer(
        "Dealer's ID",
        readonly=True,
        aggregator=None,
        help="The id of the sale order in the dealership's own database.",
    )
    remote_name = fields.Char(
        "Dealer's Order",
        readonly=True,
        help="The number of the sale order in the dealership's own Odoo.",
    )
    remote_url = fields.Char("Link", compute="_compute_remote_url", compute_sudo=True)
    customer_name = fields.Char("Customer", compute="_compute_customer_name")
    payload_html = fields.Html("Content", compute="_compute_payload_html", sanitize=False)
    amount_total = fields.Monetary(
        "Total", compute="_compute_amount_total", help="Without the dealer's taxes."
    )
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        store=True,
        precompute=True,
        help="The currency the order was sent in, whatever the dealership's is now.",
    )

    _lead_uniq = models.UniqueIndex("(lead_id)", "This lead has a dealer order already.")
    _external_id_uniq = models.UniqueIndex(
        "(external_id)", "An order with this external id exists already."
    )
    _dealership_state_idx = models.Index("(dealership_id, state)")
    _due_idx = models.Index("(dealership_id, crash_count, id) WHERE state = 'pending'")
    _nameless_idx = models.Index("(next_attempt) WHERE state = 'sent' AND remote_name IS NULL")

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("lead_id.company_id", "dealership_id.company_id")
    def _compute_company_id(self):
        for order in self:
            order.company_id = order.lead_id.company_id or order.dealership_id.company_id

    @api.depends("remote_id", "dealership_id.odoo_url", "dealership_id.server_version")
    def _compute_remote_url(self):
        for order in self:
            order.remote_url = order.dealership_id._get_record_url("sale.order", order.remote_id)

    @api.depends("payload")
    def _compute_currency_id(self):
        names = {order._get_content().currency for order in self}
        currencies = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("name", "in", list(names))])
            .grouped("name")
        )
        for order in self:
            order.currency_id = currencies.get(order._get_content().currency)

    @api.depends("payload")
    def _compute_amount_total(self):
        for order in self:
            order.amount_total = order._get_content().total

    @api.depends("payload")
    def _compute_customer_name(self):
        for order in self:
            order.customer_name = order._get_content().customer.values.get("name")

    @api.depends("payload", "currency_id")
    @api.depends_context("lang")
    def _compute_payload_html(self):
        for order in self:
            order.payload_html = order.payload and order._render("bpo_crm.dealer_order_snapshot")

    def _get_content(self):
        """Return the snapshot as an ``Order`` of ``dealer_api``, whichever release wrote it."""
        self.ensure_one()
        return Order.from_payload(self.payload)

    def _render(self, template):
        """Return a view template filled with what is sent."""
        values = {
            "order": self,
            "content": self._get_content(),
            "currency": self.currency_id,
            "format_quantity": format_quantity,
        }
        return self.env["ir.qweb"]._render(template, values)

    @api.private
    def _render_mail_details(self):
        """Return units, customer and link for the e-mail to the dealership's manager."""
        self.ensure_one()
        return self._render("bpo_crm.dealer_order_mail_details")

    @api.depends("remote_name", "reference")
    def _compute_display_name(self):
        for order in self:
            order.display_name = order.remote_name or order.reference

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.ondelete(at_uninstall=False)
    def _unlink_except_live(self):
        """Keep the trace of each order that a dealer has or may have."""
        if live := self.filtered(lambda order: order._is_live()):
            raise UserError(
                self.env._(
                    "The dealer has these orders, or may have them: %(orders)s. "
                    "They cannot be deleted.",
                    orders=", ".join(live.mapped("display_name")),
                )
            )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_retry(self):
        """Send failed orders again, with what the leads say now; waiting ones at once.

        Whoever may edit the lead may retry its order.

        :raise UserError: an order that is sent or cancelled; or what a lead still lacks
        """
        self.check_access("read")
        self.lead_id.check_access("write")
        orders = self.sudo()
        if others := orders.filtered(lambda order: order.state not in ("failed", "pending")):
            raise UserError(
                self.env._(
                    "Only failed and waiting orders can be retried, not these: %(orders)s.",
                    orders=", ".join(others.mapped("display_name")),
                )
            )
        orders._check_not_being_sent()
        failed = orders.filtered(lambda order: order.state == "failed")
        failed._check_ready()
        failed._renew()
        (orders - failed).write({"next_attempt": False})
        failed._log_on_leads(lambda order: order.env._("The dealer order is tried again."))
        self._trigger_push()
        return True

    def action_confirm_not_sent(self):
        """Note that a person has looked: the dealer does not have these orders.

        :raise UserError: the user is no BPO manager, or an order is sent or being sent
        """
        if not self.env.user.has_group(MANAGER):
            raise UserError(
                self.env._("Only BPO managers may declare that the dealer has no such order.")
            )
        self.check_access("read")
        orders = self.sudo()
        if orders.filtered(lambda order: order.state not in ("failed", "cancelled")):
            raise UserError(
                self.env._("This is for orders that have failed or were cancelled, only.")
            )
        orders.write({"possibly_sent": False})
        orders._log_on_leads(
            lambda order: order.env._(
                "%(user)s confirmed that %(dealership)s has no order %(reference)s.",
                user=self.env.user.name,
                dealership=order.dealership_id.name,
                reference=order.reference,
            )
        )
        return True

    def action_open_lead(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "crm.lead",
            "res_id": self.lead_id.id,
            "view_mode": "form",
        }

    def action_open_remote(self):
        """Open the order in the dealer's own Odoo."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.remote_url, "target": "new"}

    # ------------------------------------------------------------
    # WON: the row of the outbox
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _enqueue(self, leads):
        """Put the orders of won leads into the outbox, and wake the scheduled action at commit.

        A lead has one row for ever: one that failed or was cancelled takes a new snapshot; one
        that is sent stays as it is.
        """
        leads = leads.sudo()
        existing = self._get_orders(leads)
        new_leads = leads.filtered(lambda lead: lead not in existing)
        rows = self.sudo().create(
            [
                {
                    "lead_id": lead.id,
                    "external_id": content.external_id,
                    **self._prepare_snapshot_vals(lead, content),
                }
                for lead, content in self._prepare_contents(new_leads).items()
            ]
        )
        known = self.sudo().union(*existing.values())
        again = known.filtered(lambda order: order.state in ("failed", "cancelled"))
        again._renew()
        known.filtered(lambda order: order.state == "sent")._log_no_second_order()
        if rows or again:
            self._trigger_push()

    def _log_no_second_order(self):
        """Log on leads that are won again that the dealer has their order, and what differs."""
        contents = self._prepare_contents(self.lead_id)
        self._log_on_leads(
            lambda order: (
                Markup("%s %s%s")
                % (
                    order.env._(
                        "%(dealership)s has the order of this lead already, no second one is sent:",
                        dealership=order.dealership_id.name,
                    ),
                    order._get_link(),
                    order._get_difference(contents[order.lead_id]),
                )
            )
        )

    def _get_difference(self, content):
        """Return what to tell the dealer about units that are not those of its order.

        :param content: the ``Order`` as it would be sent now
        """
        self.ensure_one()
        sent = self._get_content()
        if get_units(content) == get_units(sent):
            return ""
        return Markup("<br/>%s<br/>%s<br/>%s") % (
            self.env._(
                "%(dealership)s has: %(units)s",
                dealership=self.dealership_id.name,
                units=self._get_units_text(sent, self.currency_id),
            ),
            self.env._(
                "Now the lead says: %(units)s",
                units=self._get_units_text(content, self.lead_id._get_order_currencies()[:1]),
            ),
            self.env._("Ask the dealership to change its order by hand."),
        )

    def _get_units_text(self, content, currency):
        """Return the units of an ``Order`` in one sentence."""
        return "; ".join(
            self.env._(
                "%(quantity)s × %(name)s (%(code)s) at %(price)s",
                quantity=format_quantity(line.values.get("product_uom_qty")),
                name=line.values.get("name"),
                code=line.product_code,
                price=currency.format(line.values.get("price_unit") or 0.0),
            )
            for line in content.lines
        )

    @api.model
    def _get_orders(self, leads):
        """Return ``{lead: its order}`` of the leads that have one."""
        if not leads.ids:
            return {}
        orders = self.sudo().search([("lead_id", "in", leads.ids)])
        return {order.lead_id: order for order in orders}

    def _check_ready(self):
        """Raise one error that names everything the leads of these orders lack."""
        problems = {
            lead: texts for lead, texts in self.lead_id._get_dealer_problems().items() if texts
        }
        if problems:
            raise UserError(
                self.env._(
                    "These leads are not ready to be sent:\n%(problems)s",
                    problems="\n".join(
                        f"- {lead.display_name}: {'; '.join(texts)}"
                        for lead, texts in problems.items()
                    ),
                )
            )

    def _renew(self):
        """Put rows back into the queue, with a snapshot of what the leads say now."""
        contents = self._prepare_contents(self.lead_id)
        for order in self:
            content = contents[order.lead_id]
            # the dealer's database knows the order, if at all, under the name it had first
            content.external_id = order.external_id
            order.write(self._prepare_snapshot_vals(order.lead_id, content))
        self._close_activities()

    @api.model
    def _prepare_snapshot_vals(self, lead, content):
        return {
            "dealership_id": lead.dealership_id.id,
            "reference": content.reference,
            "payload": content.to_payload(),
            "state": "pending",
            "error": False,
            "next_attempt": False,
        }

    @api.model
    @api.private
    def _prepare_contents(self, leads):
        """Return ``{lead: the Order its dealer is to get}``, in a constant number of queries."""
        namespace = self._get_namespace()
        return {lead: lead._prepare_dealer_order(namespace) for lead in leads.sudo()}

    @api.model
    def _get_namespace(self):
        """Return the module name under which dealers' databases know our records."""
        uuid = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        return f"bpo_crm_{uuid.replace('-', '')[:12]}"

    # ------------------------------------------------------------
    # OUT OF WON
    # ------------------------------------------------------------

    @api.private
    def _is_live(self):
        """Tell whether any of these orders is at the dealer, may be, or is on its way."""
        return any(order.state in ("pending", "sent") or order.possibly_sent for order in self)

    @api.model
    @api.private
    def _withdraw(self, leads):
        """Take back the orders of leads that leave Won.

        :raise UserError: an order is being sent right now; or the dealer has it or may have it
            and the user is no BPO manager
        """
        orders = self.sudo().search(
            [("lead_id", "in", leads.ids), ("state", "in", ("pending", "failed", "sent"))]
        )
        orders._check_not_being_sent()
        uncertain = orders.filtered(lambda order: order.state == "sent" or order.possibly_sent)
        uncertain._check_may_reopen()
        waiting = orders.filtered(lambda order: order.state != "sent")
        waiting._log_on_leads(lambda order: order._get_withdrawn_text())
        (orders - waiting)._log_on_leads(
            lambda order: (
                Markup("%s %s")
                % (
                    order.env._(
                        "The lead was reopened. Cancel this order at %(dealership)s by hand:",
                        dealership=order.dealership_id.name,
                    ),
                    order._get_link(),
                )
            )
        )
        waiting._close_activities()
        waiting.write({"state": "cancelled", "error": False, "next_attempt": False})

    def _check_not_being_sent(self):
        """Lock the waiting orders; the worker holds the lock of those it is sending.

        :raise UserError: naming the orders that the worker is sending
        """
        pending = self.filtered(lambda order: order.state == "pending")
        if not pending:
            return
        if busy := pending - pending.try_lock_for_update(allow_referencing=True):
            raise UserError(
                self.env._(
                    "The order of these leads is being sent at this moment: %(leads)s. "
                    "Try again in a minute.",
                    leads=", ".join(busy.lead_id.mapped("display_name")),
                )
            )

    def _check_may_reopen(self):
        """Let only BPO managers take back what the dealer has, or may have."""
        if not self or self.env.user.has_group(MANAGER):
            return
        managers = self._get_managers(self.company_id)[:3]
        raise UserError(
            self.env._(
                "The dealer has the order of these leads, or may have it:\n%(orders)s\n"
                "Only a BPO manager may reopen them. Ask %(managers)s.",
                orders="\n".join(
                    f"- {order.lead_id.display_name}: {order.display_name} "
                    f"({order.dealership_id.name})"
                    for order in self
                ),
                managers=", ".join(managers.mapped("name")) or self.env._("your administrator"),
            )
        )

    def _get_withdrawn_text(self):
        if not self.possibly_sent:
            return self.env._("The dealer order was not sent yet and is cancelled.")
        return self.env._(
            "The dealer order is cancelled here, but %(dealership)s may have got it. Look there "
            "for the reference %(reference)s and cancel it by hand.",
            dealership=self.dealership_id.name,
            reference=self.reference,
        )
