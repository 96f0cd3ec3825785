# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain

from ..constants import MANAGER
from ..dealer_texts import MAX_NAMED, name_some


class BpoDealership(models.Model):
    """A dealership that moves to another address or database, and the orders it had before.

    Whether it is another Odoo, or the same one at a new address, a person knows: until a BPO
    manager says that it is the same, the orders stay with the old one.
    """

    _inherit = "bpo.dealership"

    elsewhere_order_count = fields.Integer(
        "Orders Elsewhere",
        compute="_compute_elsewhere_order_count",
        groups=MANAGER,
        help="Orders that are, or may be, in the Odoo that the dealership had before.",
    )

    @api.depends("odoo_url", "odoo_db")
    def _compute_elsewhere_order_count(self):
        orders = self.env["bpo.dealer.order"].sudo()
        for dealership in self:
            domain = dealership._origin._get_elsewhere_domain()
            dealership.elsewhere_order_count = orders.search_count(domain)

    @api.onchange("odoo_url", "odoo_db")
    def _onchange_place(self):
        """Warn before the orders of the present Odoo are left behind."""
        origin = self._origin
        count = origin and (self.odoo_url, self.odoo_db) != (origin.odoo_url, origin.odoo_db)
        count = count and self.env["bpo.dealer.order"].search_count(origin._get_placed_domain())
        if not count:
            return None
        return {
            "warning": {
                "title": self.env._("Orders are in the present Odoo"),
                "message": self.env._(
                    "Orders that are, or may be, in the Odoo at the present address: %(count)s. "
                    "Once you save another one, nobody looks at them there any more, and they "
                    "have no link. Is it the same Odoo at a new address? Then press Same Odoo "
                    "after saving.",
                    count=count,
                ),
            }
        }

    def write(self, vals):
        """Name the orders that are left behind by another address or database."""
        if not {"odoo_url", "odoo_db"}.intersection(vals):
            return super().write(vals)
        places = {dealership: dealership._get_place() for dealership in self}
        res = super().write(vals)
        for dealership, place in places.items():
            if dealership._get_place() != place:
                dealership._log_orders_elsewhere()
        return res

    def action_same_odoo(self):
        """Say that the dealership's Odoo is the one that it was, at a new address."""
        self._check_manager()
        self.check_access("write")
        for dealership in self:
            orders = self.env["bpo.dealer.order"].sudo().search(dealership._get_elsewhere_domain())
            orders.remote_place = dealership._get_place()
            orders.filtered("payload_wanted").next_attempt = fields.Datetime.now()
            orders._trigger_push()
            dealership._message_log(
                body=self.env._(
                    "%(user)s said that it is the same Odoo as before: its orders (%(count)s) are "
                    "looked at there again.",
                    user=self.env.user.name,
                    count=len(orders),
                )
            )
        return True

    def _get_placed_domain(self):
        """Return the domain of the orders that are, or may be, in an Odoo of this dealership."""
        return Domain("dealership_id", "in", self.ids) & (
            Domain("state", "=", "sent") | Domain("possibly_sent", "=", True)
        )

    def _get_elsewhere_domain(self):
        """Return the domain of the orders that are in another Odoo than this dealership has now."""
        if not self:
            return Domain.FALSE
        self.ensure_one()
        return (
            self._get_placed_domain()
            & Domain("remote_place", "!=", False)
            & Domain("remote_place", "!=", self._get_place())
        )

    def _log_orders_elsewhere(self):
        """Name in chatter the orders that stay in the Odoo that the dealership had before."""
        # one more than is named tells that there are more
        orders = (
            self.env["bpo.dealer.order"]
            .sudo()
            .search(self._get_elsewhere_domain(), order="id", limit=MAX_NAMED + 1)
        )
        if orders:
            self._message_log(
                body=self.env._(
                    "The address or database was changed. These orders are, or may be, in the "
                    "Odoo before, and stay with it: %(orders)s. If it is the same Odoo at a new "
                    "address, a BPO manager presses Same Odoo.",
                    orders=name_some(orders),
                )
            )
