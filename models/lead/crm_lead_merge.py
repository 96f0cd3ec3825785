# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import models
from odoo.exceptions import UserError

from ..dealer_texts import format_quantity


class CrmLead(models.Model):
    """Merging leads: the head keeps its stage and its loss; orders and units are not lost."""

    _inherit = "crm.lead"

    def _sort_by_confidence_level(self, reverse=False):
        """Let a lead whose dealer has the order be the one that the others are merged into.

        Lost leads come last, and lost opportunities after the others but before leads, as in
        stock; there, they have no lost stage whose sequence could count for them.
        """
        leads = super()._sort_by_confidence_level(reverse=reverse)
        return leads.sorted(
            lambda lead: (
                lead.sudo().dealer_order_id._is_live(),
                lead.type == "opportunity" or lead.closed_status != "lost",
                lead.type == "opportunity",
                lead.closed_status != "lost",
            ),
            reverse=reverse,
        )

    def _merge_opportunity(self, user_id=False, team_id=False, auto_unlink=True, max_length=5):
        """Refuse to merge leads that each have an order of their own; keep the one there is."""
        # First, so that nobody learns the names of leads from a refusal.
        self.check_access("read")
        ordered = self.sudo().filtered(lambda lead: lead.dealer_order_id._is_live())
        if len(ordered) > 1:
            raise UserError(
                self.env._(
                    "Each of these leads has an order at a dealer, or one on its way: %(leads)s. "
                    "They cannot be merged into one lead.",
                    leads=", ".join(ordered.mapped("display_name")),
                )
            )
        return super()._merge_opportunity(
            user_id=user_id, team_id=team_id, auto_unlink=auto_unlink, max_length=max_length
        )

    def _merge_get_fields(self):
        return [*super()._merge_get_fields(), "dealership_id", "lost_note"]

    def _merge_data(self, fnames=None):
        """Keep the stage, and so the pipeline, of the lead that the others are merged into."""
        data = super()._merge_data(fnames)
        head = self[:1]
        data["stage_id"] = head.stage_id.id
        if head.closed_status == "lost":
            data.update(lost_reason_id=head.lost_reason_id.id, lost_note=head.lost_note)
        elif head.won_status != "lost":
            data.update(lost_reason_id=False, lost_note=False)
        notes = [(lead.dealer_notes or "").strip() for lead in self]
        data["dealer_notes"] = "\n\n".join(dict.fromkeys(filter(None, notes))) or False
        return data

    def _merge_dependences(self, opportunities):
        """Take over orders, units and service requests of the merged leads too."""
        res = super()._merge_dependences(opportunities)
        self._merge_dependences_orders(opportunities)
        self._merge_dependences_requests(opportunities)
        return res

    def _merge_dependences_orders(self, opportunities):
        """Take over units and order of the merged leads, where there are none; say what is not.

        An order that is or may be at a dealer is never left: see :meth:`_merge_opportunity`. One
        that was withdrawn before it went anywhere is: should this lead be won, it has a key of its
        own, under which its order is found even after a backup was restored here.
        """
        units = opportunities.line_ids
        if not self.line_ids and not self.dealer_order_id:
            units.write({"lead_id": self.id})
            units = units.browse()
        # failed ones ask for somebody's work, cancelled ones for nothing
        orders = opportunities.sudo().dealer_order_id
        orders = orders.filtered(
            lambda order: order.state != "cancelled" or order.possibly_sent or order.remote_id
        ).sorted(lambda order: (not order._is_live(), order.state != "failed"))
        if not self.sudo().dealer_order_id:
            orders[:1].write({"lead_id": self.id})
            orders = orders[1:]
        left = self._get_texts_of_units(units) + self._get_texts_of_orders(orders)
        if left:
            self._message_log(
                body=Markup("%s<ul>%s</ul>")
                % (
                    self.env._("Not taken over from the merged leads:"),
                    Markup("").join(Markup("<li>%s</li>") % text for text in left),
                )
            )

    def _get_texts_of_units(self, units):
        """Return units of other leads in words, one text each."""
        return [
            self.env._(
                "%(lead)s: %(quantity)s × %(name)s at %(price)s",
                lead=unit.lead_id.display_name,
                quantity=format_quantity(unit.quantity),
                name=unit.name or unit.product_id.name,
                price=unit.currency_id.format(unit.price_unit),
            )
            for unit in units
        ]

    def _get_texts_of_orders(self, orders):
        """Return the failed ones of orders of other leads in words, one text each."""
        return [
            self.env._(
                "%(lead)s: the failed order %(reference)s for %(dealership)s (%(problem)s)",
                lead=order.lead_id.display_name,
                reference=order.reference,
                dealership=order.dealership_id.name,
                problem=order.error or "",
            )
            for order in orders
            if order.state == "failed"
        ]
