# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import UTC, timedelta

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import babel_locale_parse

from ..connection.bpo_dealer_connection_expiry import REMINDERS
from ..constants import SUPERVISOR

# The usual time to a dealer is that of the orders of so many days.
RECENT_DAYS = 30


class BpoDealership(models.Model):
    """The cockpit: how each dealership is doing, at one glance.

    Each figure is computed for all cards at once; none of them is stored.
    """

    _inherit = "bpo.dealership"

    overview_state = fields.Selection(
        [
            ("paused", "Paused"),
            ("waiting", "Out of reach"),
            ("untested", "Not connected"),
            ("expiring", "Key expires"),
            ("connected", "Connected"),
        ],
        string="Status",
        compute="_compute_overview_state",
        search="_search_overview_state",
        compute_sudo=True,
        exportable=False,
        groups=SUPERVISOR,
        help="Paused: by a manager, or as the dealership's Odoo does not let us in. Out of reach: "
        "it is tried again by itself. Not connected: never tested, or the last test failed. Key "
        "expires: within two weeks.",
    )
    sent_today_count = fields.Integer(
        "Sent Today", compute="_compute_overview_counts", exportable=False, groups=SUPERVISOR
    )
    oldest_waiting = fields.Datetime(
        "Waiting Since",
        compute="_compute_overview_counts",
        exportable=False,
        groups=SUPERVISOR,
        help="Since when the oldest of the waiting orders is wanted.",
    )
    oldest_waiting_age = fields.Char(
        "Oldest Waiting", compute="_compute_overview_counts", exportable=False, groups=SUPERVISOR
    )
    time_to_dealer = fields.Char(
        compute="_compute_time_to_dealer",
        exportable=False,
        groups=SUPERVISOR,
        help="Half of the orders of the last 30 days took no longer from the win to the dealer.",
    )

    # ------------------------------------------------------------
    # STATUS
    # ------------------------------------------------------------

    @api.model
    def _get_overview_domains(self):
        """Return ``{status: domain}``, the most urgent first: the first that fits is the status."""
        soon = fields.Date.context_today(self) + timedelta(days=max(REMINDERS))
        return {
            "paused": (
                Domain("on_hold", "=", True)
                | Domain("paused", "=", True)
                | ~self._get_key_at_home_domain()
            ),
            "waiting": Domain("next_attempt", ">", fields.Datetime.now()),
            "untested": Domain("connection_state", "!=", "connected"),
            "expiring": Domain("key_expires_on", "<=", soon),
            "connected": Domain.TRUE,
        }

    @api.depends(
        *("on_hold", "paused", "key_database_uuid", "next_attempt"),
        *("connection_state", "key_expires_on"),
    )
    def _compute_overview_state(self):
        rest = self
        for state, domain in self._get_overview_domains().items():
            found = rest.filtered_domain(domain)
            found.overview_state = state
            rest -= found

    def _search_overview_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        found, before = Domain.FALSE, Domain.FALSE
        for state, domain in self._get_overview_domains().items():
            if state in value:
                found |= domain & ~before
            before |= domain
        # the fields of the connection are the managers' only
        return Domain("id", "in", self.sudo().with_context(active_test=False)._search(found))

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def _compute_overview_counts(self):
        """Count what was sent today, and find since when the oldest waiting order waits."""
        orders = self.env["bpo.dealer.order"]
        mine = Domain("dealership_id", "in", self.ids)
        groups = orders._read_group(
            mine & self._get_sent_today_domain(), ["dealership_id"], ["__count"]
        )
        counts = {dealership.id: count for dealership, count in groups}
        groups = orders._read_group(
            mine & Domain("state", "=", "pending"), ["dealership_id"], ["won_date:min"]
        )
        oldest = {dealership.id: date for dealership, date in groups}
        now = fields.Datetime.now()
        for dealership in self:
            since = oldest.get(dealership._origin.id)
            dealership.sent_today_count = counts.get(dealership._origin.id, 0)
            dealership.oldest_waiting = since
            dealership.oldest_waiting_age = self._format_duration(since and now - since)

    def _compute_time_to_dealer(self):
        """Find the median of the recent orders: one outage does not hide how it usually is."""
        recent = fields.Datetime.now() - timedelta(days=RECENT_DAYS)
        orders = self.env["bpo.dealer.order"]
        orders.flush_model(["delivery_minutes"])
        query = orders._search(
            [
                ("dealership_id", "in", self.ids),
                ("state", "=", "sent"),
                ("sent_date", ">=", recent),
            ]
        )
        rows = self.env.execute_query(
            SQL(
                "SELECT dealership_id,"
                " percentile_cont(0.5) WITHIN GROUP (ORDER BY delivery_minutes)"
                " FROM bpo_dealer_order WHERE id IN %s GROUP BY dealership_id",
                query.subselect(),
            )
        )
        medians = dict(rows)
        for dealership in self:
            minutes = medians.get(dealership._origin.id)
            dealership.time_to_dealer = self._format_duration(
                None if minutes is None else timedelta(minutes=minutes)
            )

    @api.model
    def _get_sent_today_domain(self):
        """Return the domain of the orders that were sent since midnight, where the user is."""
        midnight = fields.Datetime.context_timestamp(self, fields.Datetime.now()).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        since = midnight.astimezone(UTC).replace(tzinfo=None)
        return Domain("state", "=", "sent") & Domain("sent_date", ">=", since)

    @api.model
    def _format_duration(self, duration):
        """Return a duration in words of the user's language: ``3 hours``; False for none."""
        if duration is None or duration is False:
            return False
        seconds = max(round(duration.total_seconds()), 1)
        locale = babel_locale_parse(self.env.lang)
        return format_timedelta(timedelta(seconds=seconds), locale=locale)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_orders_in_state(self):
        """Open the orders behind a figure: context ``bpo_crm_order_state``.

        One of the states of an order, or ``sent_today``.
        """
        self.ensure_one()
        action = self.action_view_orders()
        state = self.env.context.get("bpo_crm_order_state")
        domain = Domain("state", "=", state)
        if state == "sent_today":
            domain = self._get_sent_today_domain()
        action["domain"] = list(Domain(action["domain"]) & domain)
        return action
