# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# Where it is noted, until the transaction ends, what it has closed.
NOTED = "bpo.undo"
# What a click takes on its way, and clocks differ by.
TRAVEL = timedelta(seconds=5)


class BpoUndo(models.TransientModel):
    """What a user has won or lost a moment ago, and may take back: one record per transaction.

    It is offered by a message on the user's own channel, whichever way the leads were moved. An
    order that waits for it is an ordinary waiting one (``bpo_dealer_order_wait.py``): whether it
    was sent is decided by its row, and by nothing that is remembered here.
    """

    _name = "bpo.undo"
    _description = "Deals Won or Lost a Moment Ago"

    leads = fields.Json(
        required=True,
        readonly=True,
        groups=fields.NO_ACCESS,
        help="By the id of each lead: the stage it was closed in, and what it was before.",
    )
    until = fields.Datetime(required=True, readonly=True)

    # ------------------------------------------------------------
    # OFFERING
    # ------------------------------------------------------------

    @api.model
    def _note(self, leads):
        """Offer to take leads back when this transaction is committed, all of them together.

        :param dict leads: ``{lead id: {"closed_in": stage id, "before": values}}``
        """
        precommit = self.env.cr.precommit
        if NOTED not in precommit.data:
            precommit.data[NOTED] = {}
            precommit.add(self._offer_noted)
        precommit.data[NOTED].setdefault(self.env.user, {}).update(leads)

    @api.model
    def _offer_noted(self):
        """Tell each user who has closed leads in this transaction that they can be taken back."""
        for user, noted in self.env.cr.precommit.data.pop(NOTED, {}).items():
            self.with_user(user).sudo().with_context(lang=user.lang)._offer(noted)

    @api.model
    def _offer(self, noted):
        """Tell the user at work that leads can be taken back, those that are closed still.

        :param dict noted: ``{lead id: what is noted of it}``
        """
        leads = self.env["crm.lead"].browse(noted).exists()
        leads = leads.filtered(lambda lead: _is_as_closed(lead, noted[lead.id]))
        # of those that are won again the dealer has the order, or may have it
        leads -= _get_orders(leads).filtered(_is_perhaps_sent).lead_id
        if not leads:
            return
        seconds = self.env["bpo.dealer.order"]._get_undo_seconds()
        undo = self.create(
            {
                "leads": {lead.id: noted[lead.id] for lead in leads},
                "until": fields.Datetime.now() + timedelta(seconds=seconds),
            }
        )
        orders = _get_orders(leads).filtered("next_attempt")
        self.env.user._bus_send(
            "bpo_crm.undo",
            {
                "id": undo.id,
                "lead_ids": leads.ids,
                "message": undo._get_message(leads, orders, seconds),
                "seconds": seconds,
                "has_orders": bool(orders),
            },
        )

    def _get_message(self, leads, orders, seconds):
        """Return what was won or lost, and what becomes of it unless it is taken back.

        :param orders: those that wait
        """
        names = leads.name if len(leads) == 1 else self.env._("%(count)s deals", count=len(leads))
        if all(lead.closed_status == "lost" for lead in leads):
            return self.env._("Lost: %(deals)s.", deals=names)
        won = self.env._("Won: %(deals)s.", deals=names)
        # of a dealership that is paused the order itself says why it waits
        moving = orders.filtered(lambda order: not order.error)
        if not moving:
            return won
        if len(moving.dealership_id) > 1:
            goes = self.env._("The orders go out in %(seconds)s seconds.", seconds=seconds)
        elif len(moving) > 1:
            goes = self.env._(
                "The orders go to %(dealership)s in %(seconds)s seconds.",
                dealership=moving.dealership_id.name,
                seconds=seconds,
            )
        else:
            goes = self.env._(
                "The order goes to %(dealership)s in %(seconds)s seconds.",
                dealership=moving.dealership_id.name,
                seconds=seconds,
            )
        return f"{won} {goes}"

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_undo(self):
        """Bring the leads back to where and what they were; no dealer hears of their orders.

        All of them or none. Who has closed them may, and BPO managers.

        :raise UserError: the time is over; an order is on its way; somebody has changed a lead
        """
        noted = self._get_noted()
        leads = self.env["crm.lead"].browse(noted).exists()
        leads.check_access("write")
        self._check_in_time(leads)
        self._check_as_closed(leads, noted)
        orders = _get_orders(leads)
        self._check_not_sent(orders)
        leads._unschedule_entry_activities(self.create_date)
        before = {lead: noted[lead.id]["before"] for lead in leads}
        for values, group in leads.grouped(
            lambda lead: tuple(sorted(before[lead].items()))
        ).items():
            group._take_back(dict(values))
        self._log_undone(leads, orders)
        self._withdraw_offer()
        return True

    def action_end(self):
        """Let the orders go: who won the leads needs no Undo any more.

        Called when the notice is closed, or its time is over: Odoo's scheduler looks for what is
        to be done later once a minute only.
        """
        if self.exists():
            leads = self.env["crm.lead"].browse(self._get_noted()).exists()
            _get_orders(leads)._end_wait()
            self._withdraw_offer()
        return True

    def _withdraw_offer(self):
        """Close the notice wherever it is open; a page that is loaded now gets both messages."""
        undo = self.sudo()
        undo.create_uid._bus_send("bpo_crm.undo_end", {"id": undo.id})
        undo.unlink()

    def _get_noted(self):
        """Return ``{lead id: what is noted of it}``.

        :raise UserError: it was taken back already, or is forgotten
        """
        self.ensure_one()
        if not self.exists():
            raise UserError(
                self.env._("This was taken back already, or the time for Undo is over.")
            )
        self.check_access("read")
        return {int(lead_id): noted for lead_id, noted in self.sudo().leads.items()}

    def _check_in_time(self, leads):
        if fields.Datetime.now() > self.until + TRAVEL:
            raise UserError(
                self.env._(
                    "The time for Undo is over. Move these deals to another stage instead, which "
                    "takes back an order that was not sent yet: %(leads)s.",
                    leads=", ".join(leads.mapped("display_name")),
                )
            )

    def _check_as_closed(self, leads, noted):
        """Refuse leads that were moved since, or that somebody else has changed.

        :param dict noted: ``{lead id: what is noted of it}``
        """
        moved = leads.filtered(lambda lead: not _is_as_closed(lead, noted[lead.id]))
        strangers = leads.filtered(
            lambda lead: (
                lead.write_date > self.create_date
                and lead.write_uid not in (self.create_uid, self.env.user)
                and not lead.write_uid._is_superuser()
            )
        )
        if changed := moved | strangers:
            raise UserError(
                self.env._(
                    "Nothing was taken back: these deals were changed meanwhile. Look at them, "
                    "then move them yourself:\n%(leads)s",
                    leads="\n".join(
                        self.env._(
                            "- %(lead)s: changed by %(user)s",
                            lead=lead.display_name,
                            user=lead.write_uid.sudo().name,
                        )
                        for lead in changed
                    ),
                )
            )

    def _check_not_sent(self, orders):
        """Lock the orders: from now on no talk with a dealer takes them.

        :raise UserError: a dealer has one of them, or is asked to take it
        """
        waiting = orders.filtered(lambda order: order.state == "pending")
        locked = waiting.try_lock_for_update(allow_referencing=True)
        if late := orders - locked | locked.filtered(_is_perhaps_sent):
            raise UserError(
                self.env._(
                    "Nothing was taken back: these orders are on their way, or were dealt with by "
                    "the dealership already:\n%(orders)s\n"
                    "Look at the deal in a minute. A BPO manager may still move it out of Won; the "
                    "order then has to be cancelled at the dealership, too.",
                    orders="\n".join(
                        f"- {order.lead_id.display_name} ({order.dealership_id.name})"
                        for order in late
                    ),
                )
            )

    def _log_undone(self, leads, orders):
        """Say on the leads that they were taken back, together with what that changed."""
        for lead in leads:
            order = orders.filtered(lambda order, lead=lead: order.lead_id == lead)
            if order:
                text = self.env._(
                    "Taken back with Undo: nothing was sent to %(dealership)s.",
                    dealership=order.dealership_id.name,
                )
            else:
                text = self.env._("Taken back with Undo.")
            lead._track_set_log_message(text)


def _get_orders(leads):
    """Return the orders that won leads have brought about, as superuser."""
    won = leads.sudo().filtered(lambda lead: lead.closed_status == "won")
    return won.dealer_order_id.filtered(lambda order: order.state != "cancelled")


def _is_perhaps_sent(order):
    """Tell whether a dealer has an order, may have it, or has refused it."""
    return order.state != "pending" or order.possibly_sent


def _is_as_closed(lead, noted):
    """Tell whether a lead is where and what it became.

    :param dict noted: what is noted of it
    """
    return bool(lead.closed_status) and lead.stage_id.id == noted["closed_in"]
