# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from functools import cache

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...dealer_api import Order
from ..constants import CONFLICT, MANAGER
from ..dealer_texts import format_quantity


class BpoDealerOrder(models.Model):
    """The outbox: one row per lead whose order must reach the Odoo of its dealership.

    Written together with the move of the lead; pushed by a scheduled action afterwards
    (``bpo_dealer_order_push.py``). What is sent is the snapshot taken when the lead was won.

    STATE DIAGRAM::

                         the dealer has it
              pending ────────────────────────▶ sent
               ▲ │ ▲ ◀───────────────────────── │ ▲
         Retry │ │ │   gone there, wanted again   │ a talk under way when the lead left
               │ │ │                              │ Won has created the order after all
               │ │ └── won again ─────────────┐   │
               │ │ the lead left Won          │   │
               │ ├──────────────────────────▶ cancelled
               │ │                            ▲
               │ │ the dealer refused it      │ the lead left Won
               │ ▼                            │
              failed ─────────────────────────┘

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
    # The other side of a stored field: without it, each write of an order looks for its lead anew.
    showing_lead_ids = fields.One2many("crm.lead", "dealer_order_id", "Lead That Shows It")
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
    error_code = fields.Char(
        "Cause", readonly=True, help="The stable name of the problem, whatever the sentence says."
    )
    first_attempt = fields.Datetime(
        readonly=True, help="When the dealership's Odoo was first asked to take the order."
    )
    next_attempt = fields.Datetime(
        readonly=True, help="The dealership is not asked about this order before then."
    )
    sent_date = fields.Datetime(
        readonly=True, help="When it was certain that the dealership has the order."
    )
    payload = fields.Json(readonly=True, help="Exactly what is sent.")
    external_id = fields.Char(
        "Key at the Dealer",
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
    _look_idx = models.Index("(next_attempt) WHERE state = 'sent' AND next_attempt IS NOT NULL")

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("lead_id.company_id", "dealership_id.company_id")
    def _compute_company_id(self):
        for order in self:
            order.company_id = order.lead_id.company_id or order.dealership_id.company_id

    @api.depends(
        "remote_id", "remote_place", "dealership_id.odoo_url", "dealership_id.server_version"
    )
    def _compute_remote_url(self):
        """Link to the order, not to the stranger that has its id in another Odoo."""
        for order in self:
            order.remote_url = not order._is_elsewhere() and order.dealership_id._get_record_url(
                "sale.order", order.remote_id
            )

    @api.depends("payload")
    def _compute_currency_id(self):
        names = {order: order._get_content().currency for order in self}
        currencies = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("name", "in", list(names.values()))])
            .grouped("name")
        )
        for order in self:
            order.currency_id = currencies.get(names[order])

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
        content = self._get_content()
        values = {
            "order": self,
            "content": content,
            "currency": self.currency_id,
            # the price of the only unit is the total, and Odoo takes its time over each
            "format_price": cache(self.currency_id.format),
            "format_quantity": format_quantity,
            "shown_defaults": content.used_defaults,
        }
        return self.env["ir.qweb"]._render(template, values)

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
        failed._check_may_retry()
        failed._check_ready()
        failed._renew()
        (orders - failed).write({"next_attempt": False})
        failed._log_on_leads(lambda order: order.env._("The dealer order is tried again."))
        orders._remember_who_asked(self.env.user)
        self._trigger_push()
        return True

    def _check_may_retry(self):
        """Let only BPO managers send an order again whose name is taken at the dealer.

        :raise UserError: naming the orders
        """
        taken = self.sudo().filtered(lambda order: order.error_code == CONFLICT)
        user = self.env.user
        if taken and not (user._is_superuser() or user.has_group(MANAGER)):
            raise UserError(
                self.env._(
                    "A BPO manager has to look at the dealer first, then retry: %(orders)s.",
                    orders=", ".join(taken.mapped("display_name")),
                )
            )

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
        orders.write({"possibly_sent": False, "first_attempt": False})
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
        # the link is computed as superuser, so that reading it alone would ask nothing
        self.check_access("read")
        return {"type": "ir.actions.act_url", "url": self.remote_url, "target": "new"}
