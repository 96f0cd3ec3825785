# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import UserError

from ...dealer_api import HIDDEN, MISSING
from ..constants import MANAGER
from ..dealer_texts import prepare_asked_notification, translate

CANCELLED = "cancel"
# What was said of an order that could not be read when it was sent.
UNREAD = frozenset(("name_unknown", "name_unreadable_now", "lines_unreadable_now"))
# The name of an order that may not be read is asked for again in ever longer intervals.
FIRST_LOOK_DELAY = timedelta(hours=1)
LAST_LOOK_AGE = timedelta(days=30)


class BpoDealerOrder(models.Model):
    """What is at the dealer: under which connection, what became of it, sending it again.

    An order belongs to the Odoo that it was sent to (``remote_place``). When the dealership's
    address or database changes, it is not looked for in the new one: the ids there are those of
    other orders.
    """

    _inherit = "bpo.dealer.order"

    remote_place = fields.Char(
        "Sent To",
        readonly=True,
        groups=MANAGER,
        help="Address and database of the Odoo that this order was sent to.",
    )
    remote_state = fields.Selection(
        [
            ("draft", "Quotation"),
            ("sent", "Quotation sent"),
            ("sale", "Confirmed"),
            (CANCELLED, "Cancelled"),
            (MISSING, "Missing"),
            (HIDDEN, "Not visible to us"),
        ],
        "At the Dealer",
        readonly=True,
        help="What became of the order in the dealership's Odoo, when it was last looked at. "
        "Missing: it was deleted there. Not visible to us: it was given to somebody whose orders "
        "the call centre's user may not read.",
    )
    remote_amount_total = fields.Monetary(
        "Total at the Dealer", readonly=True, help="With the dealer's taxes."
    )
    remote_checked = fields.Datetime("Looked At", readonly=True)
    remote_partner_id = fields.Integer(
        "Customer's ID There",
        readonly=True,
        aggregator=None,
        groups=MANAGER,
        help="The id of the contact that the dealership has the order for.",
    )
    remarks = fields.Json(readonly=True, help="Codes and details of what there was to say of it.")

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_check_at_dealer(self):
        """Have the dealers asked what became of these sent orders.

        :raise UserError: the user is no BPO manager, or an order was not sent
        """
        self._check_manager_of_orders()
        if others := self.filtered(lambda order: order.state != "sent"):
            raise UserError(
                self.env._(
                    "Only orders that were sent can be looked for at their dealers, not these: "
                    "%(orders)s.",
                    orders=", ".join(others.mapped("display_name")),
                )
            )
        self.dealership_id._check_not_on_hold()
        self.sudo().write({"next_attempt": fields.Datetime.now(), "asking_user_id": self.env.uid})
        self._trigger_push()
        return prepare_asked_notification(self.env)

    def action_send_again(self):
        """Send orders again that are missing at their dealers: the same content and key.

        :raise UserError: the user is no BPO manager, an order is not known to be missing, or its
            lead is not won
        """
        self._check_manager_of_orders()
        if others := self.filtered(lambda order: order.remote_state != MISSING):
            raise UserError(
                self.env._(
                    "Only orders that are missing at their dealer can be sent again, not these: "
                    "%(orders)s. Press Check at Dealer first.",
                    orders=", ".join(others.mapped("display_name")),
                )
            )
        orders = self.sudo()
        if open_ones := orders.filtered(lambda order: order.lead_id.closed_status != "won"):
            raise UserError(
                self.env._(
                    "The deals of these orders are not won any more: %(orders)s. Win them again; "
                    "their orders then go with what the deals say by then.",
                    orders=", ".join(open_ones.mapped("display_name")),
                )
            )
        orders._log_on_leads(
            lambda order: order.env._(
                "The order was missing at %(dealership)s and is sent there again.",
                dealership=order.dealership_id.name,
            )
        )
        orders._remember_who_asked(self.env.user)
        orders._send_anew()
        return True

    def _check_manager_of_orders(self):
        if not self.env.user.has_group(MANAGER):
            raise UserError(self.env._("Only BPO managers may do this."))
        self.check_access("read")

    # ------------------------------------------------------------
    # WHERE IT IS
    # ------------------------------------------------------------

    def _is_elsewhere(self):
        """Tell whether this order was sent to another Odoo than its dealership has now."""
        self.ensure_one()
        place = self.sudo().remote_place
        return bool(place and place != self.dealership_id._get_place())

    # ------------------------------------------------------------
    # WHAT BECAME OF IT
    # ------------------------------------------------------------

    def _write_looks(self, looks):
        """Write what was seen of sent orders at their dealer.

        :param dict looks: ``{order: Look}``
        """
        orders = self.browse(order.id for order in looks).filtered(
            # a manager may have reopened the lead of one that was looked at
            lambda order: order.state == "sent"
        )
        before = {order: order.remote_state for order in orders}
        notes = {order: order._complete_notes(looks[order]) for order in orders}
        for order in orders:
            look = looks[order]
            vals = order._prepare_look_vals(look.seen, look.remote_id)
            if key := look.external_id:
                vals |= {"external_id": key, "payload": {**order.payload, "external_id": key}}
            if look.seen not in (HIDDEN, MISSING):
                vals["remarks"] = order._get_remarks_once_read(look)
            # most have not changed since they were last looked at
            if changed := {name: value for name, value in vals.items() if order[name] != value}:
                order.write(changed)
            if not order.remote_name and look.seen != MISSING:
                order._postpone_look()
        orders.remote_checked = fields.Datetime.now()
        gone = orders.filtered(lambda order: order.remote_state in (MISSING, CANCELLED))
        wanted = gone.filtered("payload_wanted")
        wanted._log_on_leads(lambda order: order._get_sent_anew_text())
        wanted._send_anew()
        others = orders - wanted
        others._log_news({order: notes[order] for order in others}, before)
        (orders - gone).filtered("payload_wanted").payload_wanted = False
        others._notify_of_looks()

    def _get_remarks_once_read(self, look):
        """Return what was said of an order, without that it could not be read.

        :param look: the ``Look`` in which it was
        """
        self.ensure_one()
        said = self.remarks or []
        if not look.seen.name:
            return said or False
        remarks = [note for note in said if note[0] not in UNREAD]
        if len(remarks) < len(said) and not look.is_compared:
            remarks.append(["lines_unreadable_now", {}])
        return remarks or False

    def _log_news(self, notes, before):
        """Say on the leads, once, how their orders differ from what was sent, or are gone.

        :param dict notes: ``{order: [(code, details)]}``
        :param dict before: ``{order: its remote_state}`` when it was last looked at
        """
        news = {order: order._get_news(notes[order]) for order in self}
        for order, remarks in news.items():
            if remarks:
                known = order.remarks or []
                order.remarks = [*known, *(each for each in remarks if each not in known)]
        missing = self.filtered(
            lambda order: order.remote_state == MISSING and before[order] != MISSING
        )
        missing.filtered(lambda order: not notes[order])._log_missing()
        missing._ask_about_missing()
        self._ask_about_changes(news)
        self.filtered(lambda order: news[order])._log_on_leads(
            lambda order: (
                Markup("%s %s<br/>%s")
                % (
                    order.env._(
                        "The order of this lead was looked at, at %(dealership)s:",
                        dealership=order.dealership_id.name,
                    ),
                    order._get_link(),
                    Markup("<br/>").join(translate(order.env, *note) for note in news[order]),
                )
            )
        )

    def _get_news(self, notes):
        """Return those of the notes that were not said of this order before, as plain JSON.

        Who wins a lead again has to hear all of them: what was said before was about another win.
        """
        self.ensure_one()
        notes = self._add_changes(notes)
        said = (not self.payload_wanted and self.remarks) or []
        # the contact that the order went to, whatever its name, is none to wonder about
        names = {details.get("dealer_customer") for _code, details in said}
        ambiguous = any(code == "customer_ambiguous" for code, _details in said)
        return [
            [code, details]
            for code, details in notes
            if [code, details] not in said
            and not (
                code == "customer_differs" and (ambiguous or details["dealer_customer"] in names)
            )
        ]

    def _prepare_look_vals(self, look, remote_id=None):
        """Return the values of what was seen.

        :param look: a ``RemoteOrder``, or "hidden" or "missing"
        :param remote_id: the id of one that cannot be read, where it is known
        """
        if look in (HIDDEN, MISSING):
            vals = {"remote_state": look, "next_attempt": False}
            if remote_id and remote_id != self.remote_id:
                # by the dealer's restored backup; the id of before may be a stranger's
                vals |= {"remote_id": remote_id, "remote_name": False}
            return vals
        states = dict(self._fields["remote_state"].selection)
        total = self.remote_amount_total if look.amount_total is None else look.amount_total
        seen_before = self.remote_state and self.remote_state not in (HIDDEN, MISSING)
        return {
            "remote_changed": look.changed,
            # what it is compared with from now on, where it could not be read when it was sent
            "remote_amount_sent": (
                self.remote_amount_sent if seen_before else self.remote_amount_sent or total
            ),
            # another one where the dealer, or we, have restored a backup
            "remote_id": look.id,
            "remote_name": look.name or self.remote_name,
            # of another version, or of another addon of the dealer's
            "remote_state": look.state if look.state in states else "sale",
            "remote_amount_total": total,
            "remote_partner_id": look.partner_id or self.sudo().remote_partner_id,
            "next_attempt": False,
        }

    def _get_sent_anew_text(self):
        """Return what chatter says of an order that its dealer gave up, and that is won again."""
        values = {"dealership": self.dealership_id.name, "order": self.display_name}
        if self.remote_state == CANCELLED:
            return self.env._(
                "%(dealership)s has cancelled the order %(order)s. The lead was won again, so its "
                "order is sent anew.",
                **values,
            )
        return self.env._(
            "The order %(order)s is no longer at %(dealership)s. The lead was won again, so its "
            "order is sent anew.",
            **values,
        )

    def _log_missing(self):
        """Say on the leads that their order is gone at the dealer, and what can be done."""
        self._log_on_leads(
            lambda order: order.env._(
                "The order %(order)s is no longer at %(dealership)s: it was deleted there. A BPO "
                "manager can send it again from the dealer order.",
                order=order.display_name,
                dealership=order.dealership_id.name,
            )
        )

    def _send_anew(self):
        """Put orders that their dealer no longer has back into the queue.

        Under which key they go the talk decides, once it has looked: one that was deleted may have
        come back (a backup), one that was cancelled is still there under its key.
        """
        for order in self:
            order.write(
                {
                    **self._prepare_waiting_vals(),
                    "won_date": fields.Datetime.now(),
                    "payload_wanted": order.payload_wanted or order.payload,
                    "possibly_sent": True,
                    "remote_id": 0,
                    "remote_name": False,
                    "remote_state": False,
                    "sent_date": False,
                }
            )
        self._say_on_hold()
        if self:
            self._trigger_push()

    def _postpone_look(self):
        """Look again after as long as the name is unknown by now, and not for ever."""
        now = fields.Datetime.now()
        for order in self:
            age = now - order.sent_date
            order.next_attempt = now + max(age, FIRST_LOOK_DELAY) if age < LAST_LOOK_AGE else False
