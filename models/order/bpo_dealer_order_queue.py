# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...dealer_api import LINE_FIELDS, OLD, Order, next_external_id
from ..constants import CONFLICT, MANAGER
from ..dealer_texts import format_quantity, translate

# Remarks on a sent order by which its units at the dealer are others than were sent.
OTHER_UNITS = ("amount_changed", "amount_differs", "lines_differ")


def get_units(order):
    """Return what is ordered in an ``Order`` of ``dealer_api``, in a form that can be compared."""
    units = [
        (line.product_code, *(line.values.get(name) for name in LINE_FIELDS))
        for line in order.lines
    ]
    return order.currency, sorted(units, key=repr)


def get_customer(order):
    """Return who an ``Order`` of ``dealer_api`` is for, in a form that can be compared."""
    values = order.customer.values
    return tuple(values.get(name) or "" for name in ("name", "email", "phone"))


class BpoDealerOrder(models.Model):
    """Into the outbox when a lead is won, and out of it when the lead leaves Won.

    A snapshot that may have been sent is never replaced before the dealer was asked: what a lead
    says when it is won again then waits beside it (``payload_wanted``), and the next talk decides:

    ========================  ==================================================================
    at the dealer             what happens
    ========================  ==================================================================
    nothing                   what is wanted is sent, under the same key: should the first attempt
                              arrive late after all, there still is one order
    the order, cancelled      what is wanted is sent, under a new key
    the order, as wanted      it is adopted
    the order, otherwise      it is adopted as what it is, and chatter says what differs
    ========================  ==================================================================
    """

    _inherit = "bpo.dealer.order"

    payload_wanted = fields.Json(
        readonly=True, help="What the lead said when it was won again; see this file."
    )

    # ------------------------------------------------------------
    # WON: the row of the outbox
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _enqueue(self, leads):
        """Put the orders of won leads into the outbox, and have the scheduled action woken.

        A lead has one row for ever: one that was not sent takes a new snapshot; of one that is
        sent the dealer is asked whether it still has it. An order that no dealer can have yet waits
        for a while (``bpo_dealer_order_wait.py``), all others go out at commit.
        """
        leads = leads.sudo()
        undo_end = self._get_undo_end()
        existing = self._get_orders(leads)
        new_leads = leads.filtered(lambda lead: lead not in existing)
        rows = self.sudo().create(
            [
                {
                    "lead_id": lead.id,
                    "external_id": content.external_id,
                    **self._prepare_snapshot_vals(lead, content),
                    "next_attempt": undo_end,
                }
                for lead, content in self._prepare_contents(new_leads).items()
            ]
        )
        known = self.sudo().union(*existing.values())
        known._check_not_being_sent()
        again = known.filtered(lambda order: order.state != "sent")
        # as the user at work: winning again is a retry
        again.with_env(self.env)._check_may_retry()
        taken_back = again._filtered_never_sent()
        again._renew()
        taken_back.next_attempt = undo_end
        sent = known.filtered(lambda order: order.state == "sent")
        contents = self._prepare_contents(sent.lead_id)
        sent._log_no_second_order(contents)
        sent._ask_again(contents)
        (rows | known)._remember_who_asked(self.env.user)
        if waiting := rows | taken_back:
            self._trigger_after_wait(undo_end)
        if known - waiting:
            self._trigger_push()

    def _ask_again(self, contents):
        """Have the dealers asked whether they still have these sent orders.

        Those that they have cancelled or deleted are sent anew, with what the leads say now.

        :param dict contents: ``{lead: the Order that it would be sent as now}``
        """
        now = fields.Datetime.now()
        for order in self:
            content = contents[order.lead_id]
            content.external_id = order.external_id
            order.write({"payload_wanted": content.to_payload(), "next_attempt": now})

    def _log_no_second_order(self, contents):
        """Log on leads that are won again that the dealer has their order, and what differs.

        :param dict contents: ``{lead: the Order that it would be sent as now}``
        """
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

    def _get_adopted_difference(self, result):
        """Return what to say of an order that is at the dealer as it was before, and adopted so.

        :param result: the ``OrderResult`` of an order for which something else was wanted
        """
        self.ensure_one()
        if result.content != OLD or not self.payload_wanted:
            return ""
        return self._get_difference(Order.from_payload(self.payload_wanted))

    def _get_difference(self, content):
        """Return what to tell the dealer about what is not so in its order: units, customer, notes.

        :param content: the ``Order`` as it would be sent now
        """
        self.ensure_one()
        sent = self._get_content()
        lines = self._get_difference_lines(sent, content)
        if content.notes != sent.notes:
            lines += [
                self.env._("The notes that went with it: %(notes)s", notes=sent.notes or "–"),
                self.env._("Now the notes for the dealer: %(notes)s", notes=content.notes or "–"),
            ]
        if not lines:
            return ""
        lines.append(self.env._("Ask the dealership to change its order by hand."))
        return Markup("").join(Markup("<br/>%s") % line for line in lines)

    def _get_difference_lines(self, sent, content):
        """Return what to tell the dealer about units and customer of two ``Order``, as texts."""
        same_customer = get_customer(content) == get_customer(sent)
        if same_customer and get_units(content) == get_units(sent):
            return []
        had = self._get_units_text(sent, self.currency_id)
        wanted = self._get_units_text(content, self.lead_id._get_order_currencies()[:1])
        if not same_customer:
            had = self._get_text_for_customer(had, sent)
            wanted = self._get_text_for_customer(wanted, content)
        remarks = (self.state == "sent" and self.remarks) or []
        # what it has instead is not known, that it differs is
        differing = [note for note in remarks if note[0] in OTHER_UNITS][-1:]
        values = {"dealership": self.dealership_id.name, "units": had}
        return [
            self.env._("%(dealership)s was sent: %(units)s", **values)
            if differing
            else self.env._("%(dealership)s has: %(units)s", **values),
            *(translate(self.env, *note) for note in differing),
            self.env._("Now the lead says: %(units)s", units=wanted),
        ]

    def _get_customer_kept_text(self):
        """Return what chatter says of an order whose lead has another customer by now."""
        return self.env._(
            "The order for %(dealership)s stays as it was: for %(customer)s. If it has to be "
            "changed, ask the dealership, or move the deal out of Won and win it again.",
            dealership=self.dealership_id.name,
            customer=", ".join(value for value in get_customer(self._get_content()) if value),
        )

    def _get_text_for_customer(self, units, content):
        """Return the units together with the customer of an ``Order``."""
        customer = ", ".join(value for value in get_customer(content) if value)
        return self.env._("%(units)s, for %(customer)s", units=units, customer=customer)

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
        # taken back before, and won again
        self.filtered(lambda order: order.state == "cancelled").won_date = fields.Datetime.now()
        contents = self._prepare_contents(self.lead_id)
        for order in self:
            content = contents[order.lead_id]
            # the dealer's database knows the order, if at all, under the name it had first
            content.external_id = order.external_id
            if order.error_code == CONFLICT:
                # the order that has this name there is somebody else's
                content.external_id = next_external_id(order.external_id)
                order.write({"external_id": content.external_id, "possibly_sent": False})
            if order.possibly_sent:
                # asked for also where nothing else is wanted: the dealer may have cancelled what
                # it got, or have the order under a later key
                wanted = content.to_payload()
                order.write({"payload_wanted": wanted, **self._prepare_waiting_vals()})
            else:
                order.write(self._prepare_snapshot_vals(order.lead_id, content))
        self._say_on_hold()
        self._close_activities()

    @api.model
    def _prepare_waiting_vals(self):
        """Return the values of an order that waits to be sent."""
        return {
            "state": "pending",
            "error": False,
            "error_code": False,
            "error_details": False,
            "failed_date": False,
            "next_attempt": False,
        }

    @api.model
    def _prepare_snapshot_vals(self, lead, content):
        """Return the values of an order that waits with a new snapshot.

        :param content: the ``Order`` that is to be sent
        """
        return {
            "dealership_id": lead.dealership_id.id,
            "reference": content.reference,
            "payload": content.to_payload(),
            "payload_wanted": False,
            **self._prepare_waiting_vals(),
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
        if not leads._is_being_undone():
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
        (orders - waiting).payload_wanted = False

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
