# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain

from ..constants import CLOSED_DAYS, CLOSED_DAYS_PARAMETER, MAX_CLOSED_DAYS
from ..parameters import read_count


class CrmLead(models.Model):
    """Which deals a board shows at first: those that are open, or were closed not long ago.

    A board of years is won and lost deals for the most part. Boards begin with a filter that leaves
    the older ones out, which people see and can take away.
    """

    _inherit = "crm.lead"

    is_current = fields.Boolean(
        "Open or Recently Closed",
        compute="_compute_is_current",
        search="_search_is_current",
        help="Not won or lost longer ago than the settings of CRM say.",
    )

    # The two parts of the domain below, each in the very words of the ORM, so that PostgreSQL finds
    # what a board shows, counts and sums up without reading what was closed long ago.
    _board_open_idx = models.Index(
        "(pipeline_id, stage_id) WHERE active IS TRUE AND won_status = 'pending'"
    )
    _board_closed_idx = models.Index("(pipeline_id, date_closed) WHERE active IS TRUE")

    @api.depends("won_status", "date_closed")
    @api.depends_context("tz")
    def _compute_is_current(self):
        current = self.filtered_domain(self._get_current_domain())
        current.is_current = True
        (self - current).is_current = False

    def _search_is_current(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._get_current_domain()

    @api.model
    def _get_current_domain(self):
        """Return the domain of deals that are open, or were closed in the last days.

        It begins with the beginning of a day, so that columns, totals and bars of a board, which
        are asked for one after the other, are of the same deals. A closed deal of which nobody
        knows when it was closed is never out of sight; an open one neither, whatever its date.
        """
        days = self._get_closed_days()
        if not days:
            return Domain.TRUE
        return (
            Domain("won_status", "=", "pending")
            | Domain("date_closed", "=", False)
            | Domain("date_closed", ">=", f"today -{days}d")
        )

    @api.model
    @api.private
    def _get_closed_days(self):
        """Return for how many days boards show closed deals at first; 0 for all of them."""
        return read_count(self.env, CLOSED_DAYS_PARAMETER, CLOSED_DAYS, MAX_CLOSED_DAYS)

    @api.model
    def _get_current_context(self):
        """Return the context of a board that begins without the deals closed long ago."""
        days = self._get_closed_days()
        # where the days are missing, no such filter is offered
        return {"bpo_crm_closed_days": days, "search_default_current": 1} if days else {}

    @api.model
    def _get_closed_days_of(self, domain):
        """Return for how many days deals closed are shown in the domain; 0 where all are."""
        wanted = (Domain("is_current", "=", True), Domain("is_current", "in", [True]))
        is_limited = any(part in wanted for part in self._get_parts(domain))
        return self._get_closed_days() if is_limited else 0
