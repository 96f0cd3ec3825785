# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date
from odoo.tools.misc import get_lang

WEEKS = 8


class WeeklySource(NamedTuple):
    """What is counted per week."""

    # a model whose record rules hold, and the field of it that names the card
    model: str
    owner: str
    # the datetime field whose week counts, and what is summed up
    date: str
    measure: str
    domain: Domain
    # what is counted, for people
    title: str


class BpoWeeklyGraph(models.AbstractModel):
    """A small graph on a card: how many of something there were in each of the last weeks.

    One grouped query for all cards of a screen. A model that takes it says what is counted.
    """

    _name = "bpo.weekly.graph"
    _description = "Small Graph of the Last Weeks"

    weekly_graph = fields.Json(
        "Last Weeks",
        compute="_compute_weekly_graph",
        groups="bpo_crm.group_agent",
        help="How many there were in each of the last eight weeks, as far as you may see them.",
    )

    @api.depends_context("uid", "lang", "tz", "allowed_company_ids")
    def _compute_weekly_graph(self):
        """Count per week; nothing for cards that have nothing to show."""
        source = self._get_weekly_source()
        weeks = self._get_weeks()
        counts = defaultdict(dict)
        for owner, week, count in (
            self.env[source.model]
            .with_context(tz=str(self.env.tz))
            ._read_group(
                self._get_weekly_domain(source, weeks),
                [source.owner, f"{source.date}:week"],
                [source.measure],
            )
        ):
            counts[owner.id][week.date()] = count
        labels = {week: format_date(self.env, week) for week in weeks}
        for record in self:
            of_weeks = counts[record._origin.id]
            values = [{"label": labels[week], "value": of_weeks.get(week, 0)} for week in weeks]
            shown = any(value["value"] for value in values)
            record.weekly_graph = shown and {"title": source.title, "values": values}

    def action_open_weekly_graph(self):
        """Open the records that the graph counts, by week.

        :raise AccessError: for those who may not read such records
        """
        self.check_access("read")
        self.ensure_one()
        source = self._get_weekly_source()
        self.env[source.model].check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": f"{self.display_name}: {source.title}",
            "res_model": source.model,
            "views": [(False, "list"), (False, "form")],
            "domain": list(self._get_weekly_domain(source, self._get_weeks())),
            "context": {"group_by": [f"{source.date}:week"]},
        }

    def _get_weekly_source(self):
        """Return the :class:`WeeklySource` of this model."""
        raise NotImplementedError

    def _get_weekly_domain(self, source, weeks):
        """Return what is counted for these records since the first one of the weeks."""
        start = self.env.tz.localize(datetime.combine(weeks[0], time.min)).astimezone(UTC)
        return (
            Domain(source.owner, "in", self.ids)
            & Domain(source.date, ">=", start.replace(tzinfo=None))
            & source.domain
        )

    def _get_weeks(self):
        """Return the first day of each of the last weeks, the current one last.

        They begin on the day on which weeks begin in the user's language, as those of groups do.
        """
        today = datetime.now(pytz.utc).astimezone(self.env.tz).date()
        first_day = int(get_lang(self.env).week_start) - 1
        current = today - timedelta(days=(today.weekday() - first_day) % 7)
        return [current - timedelta(weeks=number) for number in reversed(range(WEEKS))]
