# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from datetime import datetime

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..dealer_texts import translate
from ..walk import prepare_walk
from .bpo_dealer_order_walk import RETRY_BATCH


class BpoDealerProblem(models.Model):
    """What stands against orders, by cause and dealership: one row for all that it concerns."""

    _name = "bpo.dealer.problem"
    _description = "Problem with Dealer Orders"
    _auto = False
    _order = "order_count desc, id"
    _rec_name = "problem"
    _depends = {
        "bpo.dealer.order": [
            *["state", "dealership_id", "company_id", "failed_date", "next_attempt"],
            *["error", "error_code", "error_details"],
        ]
    }

    dealership_id = fields.Many2one("bpo.dealership", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    error_code = fields.Char("Cause", readonly=True)
    error_details = fields.Json(readonly=True)
    error = fields.Text("First Message", readonly=True)
    order_count = fields.Integer("Orders", readonly=True, aggregator="sum")
    since = fields.Datetime(readonly=True, help="When the first of these orders failed.")
    next_attempt = fields.Datetime(
        "Tried Again", readonly=True, help="When the next of these orders is tried by itself."
    )
    problem = fields.Text(compute="_compute_problem", help="What it is, and what to do.")

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT min(id) AS id,
                   dealership_id,
                   company_id,
                   error_code,
                   error_details,
                   min(error) AS error,
                   count(*) AS order_count,
                   min(coalesce(failed_date, write_date)) AS since,
                   min(next_attempt) AS next_attempt
              FROM bpo_dealer_order
             WHERE state = 'failed'
          GROUP BY dealership_id, company_id, error_code, error_details
            """
        )

    @api.depends("error_code", "error_details", "error")
    @api.depends_context("lang")
    def _compute_problem(self):
        for problem in self:
            problem.problem = translate(
                self.env, problem.error_code or "", problem.error_details or {}, problem.error
            )

    def _get_orders(self):
        """Return the orders that these problems stand against, of those that the user may see."""
        details = defaultdict(list)
        for problem in self:
            cause = (problem.dealership_id, problem.company_id, problem.error_code)
            details[cause].append(problem.error_details)
        orders = self.env["bpo.dealer.order"].search(
            Domain("state", "=", "failed")
            & Domain.OR(
                Domain("dealership_id", "=", dealership.id)
                & Domain("company_id", "=", company.id)
                & Domain("error_code", "=", code)
                for dealership, company, code in details
            )
        )
        return orders.filtered(
            lambda order: (
                order.error_details
                in details[order.dealership_id, order.company_id, order.error_code]
            )
        )

    def action_retry_all(self):
        """Send all orders again that these problems stand against; tell how many that are."""
        self.check_access("read")
        orders = self._get_orders()
        orders.action_retry()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "message": self._get_retried_text(orders),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _get_retried_text(self, orders):
        return self.env._(
            "Orders that are tried again: %(count)s. They go out by themselves; what fails "
            "once more comes back here.",
            count=len(orders),
        )

    def action_walk_retry_all(self):
        """Send these orders again while the user watches, where that takes more than a moment."""
        self.check_access("read")
        orders = self._get_orders()
        if len(orders) <= RETRY_BATCH:
            return self.action_retry_all()
        return prepare_walk(
            # those that failed again last
            orders.sorted(lambda order: (order.failed_date or datetime.min, order.id)),
            "walk_retry",
            RETRY_BATCH,
            self.env._("Retry All"),
            self._get_retried_text(orders),
        )

    def action_open_orders(self):
        """Open the orders that these problems stand against."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_dealer_order_action")
        action["domain"] = [("id", "in", self._get_orders().ids)]
        action["context"] = {}
        return action
