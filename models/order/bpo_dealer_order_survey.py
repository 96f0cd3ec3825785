# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import float_compare

from ...dealer_api import HIDDEN, MISSING, UNSEEN, KnownOrder, is_shown_as
from ..constants import ACTIVITY_CHANGED, ACTIVITY_MISSING
from ..dealer_texts import name_some, translate
from .bpo_dealer_order_remote import CANCELLED, UNREAD

# A total that changed by less than this part of it is nothing to tell, unless the setting says
# otherwise.
CHANGE_PERCENT = 1.0
CHANGE_PARAMETER = "bpo_crm.amount_change_percent"
# What the owner of a lead is asked to clear up.
CHANGES = ("order_cancelled", "amount_changed")


class BpoDealerOrder(models.Model):
    """Is what the dealers have still what was sent: seen by a look at all orders of a dealership.

    ``bpo_dealership_survey.py`` talks with the dealers; here stands what it means for the orders.
    """

    _inherit = "bpo.dealer.order"

    remote_changed = fields.Datetime(
        "Last Change There", readonly=True, help="When the dealership last changed the order."
    )
    remote_amount_sent = fields.Monetary(
        "Total When Sent",
        readonly=True,
        help="With the dealer's taxes, as the order came out there.",
    )
    remote_step = fields.Selection(
        [
            ("in_step", "As it was sent"),
            ("changed", "Changed"),
            ("cancelled", "Cancelled there"),
            ("missing", "Missing"),
            ("hidden", "Not visible to us"),
        ],
        "In Step",
        compute="_compute_remote_step",
        store=True,
        help="Whether the dealership still has the order as it was sent.",
    )

    _step_idx = models.Index("(dealership_id, remote_step) WHERE state = 'sent'")

    @api.depends("state", "remote_state", "remote_amount_total", "remote_amount_sent")
    def _compute_remote_step(self):
        for order in self:
            order.remote_step = order._get_remote_step()

    def _get_remote_step(self):
        if self.state != "sent" or not self.remote_state:
            return False
        if self.remote_state in (MISSING, HIDDEN):
            return self.remote_state
        if self.remote_state == CANCELLED:
            return "cancelled"
        changed = float_compare(
            self.remote_amount_total, self.remote_amount_sent, precision_digits=2
        )
        return "changed" if changed else "in_step"

    # ------------------------------------------------------------
    # LOOKED AT, ALL OF A DEALERSHIP
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _get_known_orders(self, dealership):
        """Return ``{order id: KnownOrder}`` of what is in the present Odoo of a dealership."""
        orders = self.search_fetch(
            [
                ("dealership_id", "=", dealership.id),
                ("state", "=", "sent"),
                ("remote_place", "in", (False, dealership._get_place())),
            ],
            ["external_id", "remote_id", "reference", "sent_date"],
            order="id",
        )
        return {
            order.id: KnownOrder(
                order.external_id, order.remote_id, order.reference, order.sent_date or None
            )
            for order in orders
        }

    @api.model
    @api.private
    def _write_survey(self, known, survey):
        """Write what was seen of all orders of a dealership.

        :param dict known: ``{order id: KnownOrder}``, as they were when the dealer was asked
        :param survey: the ``Survey``
        """
        now = fields.Datetime.now()
        orders = self.browse(known).exists()
        orders = orders.filtered(
            lambda order: (
                order.state == "sent"
                # one that was sent anew meanwhile is not what was looked at
                and (order.external_id, order.remote_id) == known[order.id][:2]
                # one that is to be looked at more closely is left to that
                and not (order.next_attempt and order.next_attempt <= now)
                and survey.looks[order.external_id].seen != UNSEEN
            )
        )
        moved = orders.filtered(lambda order: order._has_moved(survey) or order._is_read(survey))
        # compared with what was sent, which a survey does not do
        moved.next_attempt = now
        if moved:
            self._trigger_push()
        self._write_looks({order: survey.looks[order.external_id] for order in orders - moved})

    def _has_moved(self, survey):
        """Tell whether an order is at the dealer under another key or id than before.

        The dealer, or we, have restored a backup.
        """
        look = survey.looks[self.external_id]
        is_there = look.seen not in (HIDDEN, MISSING)
        return bool(look.external_id) or (is_there and look.seen.id != self.remote_id)

    def _is_read(self, survey):
        """Tell whether an order was read that, or whose lines, is said to be unread."""
        is_readable = survey.looks[self.external_id].seen not in (HIDDEN, MISSING)
        return is_readable and any(code in UNREAD for code, _details in self.remarks or ())

    @api.model
    @api.private
    def _get_strangers(self, dealership, remotes):
        """Return those of the orders at a dealer that are certainly none of ours.

        :param remotes: ``RemoteOrder`` that are none of the known ones
        """
        if not remotes:
            return []
        doubtful = self.search(
            [
                ("dealership_id", "=", dealership.id),
                "|",
                ("possibly_sent", "=", True),
                ("remote_id", "in", [remote.id for remote in remotes]),
            ]
        )
        references = set(doubtful.filtered("possibly_sent").mapped("reference"))
        # sent since the dealer was asked
        sent = doubtful.filtered(lambda order: order.state == "sent" and not order._is_elsewhere())
        # the number of one that is missing may be another's by now
        ids = set(sent.filtered(lambda order: order.remote_state != MISSING).mapped("remote_id"))
        return [
            remote
            for remote in remotes
            if remote.id not in ids and remote.reference not in references
        ]

    # ------------------------------------------------------------
    # WHAT IS SAID OF IT
    # ------------------------------------------------------------

    @api.model
    def _get_change_percent(self):
        """Return by how much a total may change, in percent of it, before the owner is told."""
        value = self.env["ir.config_parameter"].sudo().get_param(CHANGE_PARAMETER)
        try:
            percent = float(value or CHANGE_PERCENT)
        except ValueError:
            return CHANGE_PERCENT
        return percent if 0 <= percent < float("inf") else CHANGE_PERCENT

    def _complete_notes(self, look):
        """Return the notes of a look, with what only the row can tell: another order or customer.

        An order that was sent before, and comes late, takes the place of one that the dealer has
        deleted; a backup brings back another one. Or the dealer has given the order to another
        contact, or merged the customer into one. Ours stays ours: it is told by its key.

        :param look: the ``Look``, which is not written yet
        """
        self.ensure_one()
        seen = look.seen
        if seen in (HIDDEN, MISSING):
            return look.notes
        more = []
        if self.remote_id and seen.id != self.remote_id:
            more.append(("order_came_back", {"name": seen.name or str(seen.id)}))
        if self._is_for_another(seen):
            details = {"customer": self.customer_name, "dealer_customer": seen.partner_name}
            more.append(("customer_differs", details))
        return look.notes + [note for note in more if note not in look.notes]

    def _is_for_another(self, seen):
        """Tell whether an order is for another contact than before, who has another name."""
        if not (seen.partner_id and seen.partner_name):
            return False
        before = self.sudo().remote_partner_id
        return (
            before not in (0, seen.partner_id)
            and bool(self.customer_name)
            and not is_shown_as(seen.partner_name, self.customer_name)
        )

    def _add_changes(self, notes):
        """Return the notes of a look with what the dealer has changed since the order was sent.

        :param notes: ``[(code, details)]``
        """
        self.ensure_one()
        notes = list(notes)
        if self.remote_step == "cancelled" and ("order_cancelled", {}) not in notes:
            notes.append(("order_cancelled", {}))
        if self.remote_step == "changed" and self._is_change_to_tell():
            details = {
                "before": f"{self.remote_amount_sent:.2f}",
                "now": f"{self.remote_amount_total:.2f}",
                "currency": self.currency_id.name or "",
            }
            notes = [note for note in notes if note[0] != "amount_differs"]
            notes.append(("amount_changed", details))
        return notes

    def _is_change_to_tell(self):
        change = abs(self.remote_amount_total - self.remote_amount_sent)
        return change >= abs(self.remote_amount_sent) * self._get_change_percent() / 100

    def _ask_about_changes(self, news):
        """Ask the owners of won leads to clear up what their dealer has changed.

        :param dict news: ``{order: [(code, details)]}`` that was not said before
        """
        changes = {
            order: [note for note in news[order] if note[0] in CHANGES]
            for order in self
            if order.lead_id.closed_status == "won"
        }
        orders = self.browse(order.id for order, notes in changes.items() if notes)
        orders._schedule_activities(
            ACTIVITY_CHANGED,
            lambda order: " ".join(
                translate(order.with_context(lang=order.user_id.lang).env, *note)
                for note in changes[order]
            ),
        )

    def _ask_about_missing(self):
        """Ask a BPO manager to look at the orders that are missing, once per dealership."""
        for dealership, orders in self.grouped("dealership_id").items():
            dealership._schedule_manager_activity(
                ACTIVITY_MISSING,
                lambda env, orders=orders: env._(
                    "Orders are no longer at the dealership: %(orders)s. Open its page At the "
                    "Dealer: Send Again brings them back; if they were deleted on purpose, move "
                    "their leads out of Won.",
                    orders=name_some(orders.sorted("id")),
                ),
            )
