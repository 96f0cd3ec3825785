# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import UTC, timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..constants import ACTIVITY_STALLED, PRODUCTS_CRON, PUSH_CRON, SURVEY_CRON
from ..engine.dealer_queue import has_queue

# What who watches over the system proves to be it by; empty: nobody may look.
TOKEN_PARAMETER = "bpo_crm.monitoring_token"
# An order that could be sent and was not for so long: nothing drains.
STALLED_AFTER = timedelta(minutes=15)
# Upper limits of the classes of the time from the win to the dealer, in seconds.
DELIVERY_LIMITS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
JOBS = {"push": PUSH_CRON, "look": SURVEY_CRON, "products": PRODUCTS_CRON}


class BpoVitalSigns(models.AbstractModel):
    """How the won flow does as a whole: for monitoring, and to notice that nothing drains.

    Figures come from the rows as they are, by few queries of which none grows with what was sent
    before today. Labels are states and causes that the product defines: their number is bounded,
    and they name no dealer and no customer.
    """

    _name = "bpo.vital.signs"
    _description = "Vital Signs of the Won Flow"

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    @api.model
    def _get_figures(self):
        """Return the figures of this moment.

        :return: ``{name: (what it is, name of its label or None, {label value or None: figure})}``
        """
        waiting, retried = self._count_waiting()
        return {
            "orders_waiting": ("Orders on their way to a dealer", None, {None: waiting}),
            "orders_retried": (
                "Orders on their way that a dealer was asked about before",
                None,
                {None: retried},
            ),
            "oldest_waiting_seconds": (
                "Since when the order is wanted that waits longest; due: nothing keeps it from "
                "being sent, held: its dealer is paused or out of reach, or it is tried later",
                "kind",
                self._get_oldest_seconds(),
            ),
            "orders_failed": (
                "Orders that their dealer refused, by cause",
                "cause",
                self._count_failed(),
            ),
            "dealerships": ("Dealerships by state", "state", self._count_dealerships()),
            "last_run_timestamp_seconds": (
                "When a scheduled action ran last",
                "job",
                self._get_last_runs(),
            ),
            "engine": ("What drains the outbox", "engine", {self._get_engine(): 1}),
        }

    @api.model
    def _count_waiting(self):
        """Return how many orders wait, and how many of them were tried before."""
        orders = self.env["bpo.dealer.order"]
        pending = Domain("state", "=", "pending")
        return (
            orders.search_count(pending),
            orders.search_count(pending & Domain("attempt_count", ">", 0)),
        )

    @api.model
    def _get_oldest_seconds(self):
        """Return since how many seconds the oldest orders wait: those due, and those held."""
        orders = self.env["bpo.dealer.order"]
        pending = Domain("state", "=", "pending")
        due = orders._get_due_domain()
        return {
            kind: self._get_age(orders._read_group(pending & domain, [], ["won_date:min"])[0][0])
            for kind, domain in (("due", due), ("held", ~due))
        }

    @staticmethod
    def _get_age(moment):
        return (fields.Datetime.now() - moment).total_seconds() if moment else 0.0

    @api.model
    def _count_failed(self):
        groups = self.env["bpo.dealer.order"]._read_group(
            [("state", "=", "failed")], ["error_code"], ["__count"]
        )
        return {code or "unknown": count for code, count in groups}

    @api.model
    def _count_dealerships(self):
        """Return how many dealerships are in each state of the overview."""
        dealerships = self.env["bpo.dealership"]
        return {
            state: dealerships.search_count([("overview_state", "=", state)])
            for state in dealerships._get_overview_domains()
        }

    @api.model
    def _get_last_runs(self):
        """Return when the scheduled actions ran last, as seconds since 1970; 0 for never."""
        moments = {job: self._get_last_run(xml_id) for job, xml_id in JOBS.items()}
        return {
            job: moment.replace(tzinfo=UTC).timestamp() if moment else 0.0
            for job, moment in moments.items()
        }

    @api.model
    def _get_last_run(self, xml_id):
        """Return when a scheduled action ran last, False for never."""
        cron = self.env.ref(xml_id, raise_if_not_found=False)
        return bool(cron) and cron.lastcall

    @api.model
    def _get_engine(self):
        """Return the name of what drains the outbox. This method serves as a hook."""
        return "queue_job" if has_queue(self.env) else "ir.cron"

    @api.model
    def _get_delivery_histogram(self):
        """Return how long the orders took that were sent this day (UTC).

        As a counter of a server that was started at midnight: what watches knows that these begin
        anew.

        :return: ``([(limit, how many took no longer)], the sum of the seconds)``
        """
        midnight = fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        self.env["bpo.dealer.order"].flush_model(["state", "sent_date", "delivery_minutes"])
        [[total, *counts]] = self.env.execute_query(
            SQL(
                "SELECT COALESCE(sum(delivery_minutes) * 60, 0), %s, count(*)"
                " FROM bpo_dealer_order WHERE state = 'sent' AND sent_date >= %s",
                SQL(", ").join(
                    SQL("count(*) FILTER (WHERE delivery_minutes * 60 <= %s)", limit)
                    for limit in DELIVERY_LIMITS
                ),
                midnight,
            )
        )
        return list(zip((*DELIVERY_LIMITS, "+Inf"), counts, strict=True)), total

    # ------------------------------------------------------------
    # HEALTH
    # ------------------------------------------------------------

    @api.model
    def _get_health(self):
        """Return whether orders go out, and since when they do not."""
        stalled = self._find_stalled()
        return {
            "healthy": not stalled,
            "engine": self._get_engine(),
            "oldest_due_seconds": self._get_oldest_seconds()["due"],
            "last_run": fields.Datetime.to_string(self._get_last_run(PUSH_CRON)) or None,
            "problem": self._get_stalled_text(self.env) if stalled else None,
        }

    @api.model
    def _find_stalled(self):
        """Return the order that could have been sent for long and was not, if there is one."""
        orders = self.env["bpo.dealer.order"]
        latest = fields.Datetime.now() - STALLED_AFTER
        long_due = Domain("won_date", "<", latest) & (
            Domain("next_attempt", "=", False) | Domain("next_attempt", "<", latest)
        )
        return orders.search(
            Domain("state", "=", "pending") & orders._get_due_domain() & long_due, limit=1
        )

    @api.model
    def _get_stalled_text(self, env):
        """Return what is wrong, and what to do, in the language of an environment."""
        minutes = int(STALLED_AFTER.total_seconds() // 60)
        if has_queue(env):
            return env._(
                "Orders wait that could have gone out more than %(minutes)s minutes ago. Jobs of "
                "queue_job send them, in the channel root.bpo_crm: see under Job Queue → Jobs "
                "whether any is run, and whether a server runs that was started with queue_job "
                "(--load=base,web,queue_job). See also whether the scheduled action “BPO CRM: "
                "push won leads to their dealers” is active: it sends what no job takes.",
                minutes=minutes,
            )
        return env._(
            "Orders wait that could have gone out more than %(minutes)s minutes ago. See whether "
            "the scheduled action “BPO CRM: push won leads to their dealers” is active, and "
            "whether the server runs scheduled actions (max_cron_threads).",
            minutes=minutes,
        )

    @api.model
    def _watch(self):
        """Ask a manager to act, once, when nothing drains though orders wait.

        Called when leads are won, too, so that it does not depend on the scheduled actions that it
        watches.

        :return: an order that waits though it could go out, if there is one
        """
        order = self.sudo()._find_stalled()
        if order:
            order.dealership_id._schedule_manager_activity(ACTIVITY_STALLED, self._get_stalled_text)
        return order

    @api.model
    def _cron_watch(self):
        """Look whether the outbox drains, and tell a manager where it does not, or does again."""
        activity_type = self.env.ref(ACTIVITY_STALLED, raise_if_not_found=False)
        if not self._watch() and activity_type:
            self.env["mail.activity"].search([("activity_type_id", "=", activity_type.id)]).unlink()
