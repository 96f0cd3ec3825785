# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Write what the plan says into the database: records by the ORM, then their dates by SQL."""

from datetime import timedelta

from odoo import fields
from odoo.tools.sql import table_columns

from ..dealer_api import OrderResult

CLOSED = ("won", "lost")
# Where orders are of a dealership that is not connected any more.
FORMER_PLACE = "https://odoo.dealership.example former"
OPEN_STAGES = ("new", "qualified", "negotiation")
# What open deals have planned: (activity type, summary, due in so many days)
ACTIVITIES = (
    ("mail.mail_activity_data_call", "Call again", 0),
    ("mail.mail_activity_data_call", "Ask for the trade-in papers", 2),
    ("mail.mail_activity_data_todo", "Send the offer", 1),
    ("mail.mail_activity_data_call", "Call back, nobody answered", -1),
    ("mail.mail_activity_data_meeting", "Visit at the dealership", 4),
)
# {cause: what the sentence about it is made from}
CAUSES = {
    "product_unknown": lambda codes: {"codes": codes},
    "right_missing": lambda _codes: {"model": "sale.order", "message": "Sales / User is missing."},
}


class HistoryWriter:
    """Writes deals, orders and service requests as they are now, and what they went through.

    :param env: as superuser; its context keeps Odoo from telling anybody
    """

    def __init__(self, env):
        self.env = env
        self.refs = {}

    def write_all(self, history):
        """Write all of it.

        :param history: the ``History`` of the plan
        :return: the orders
        """
        deals = history.get_deals()
        leads = self._create_leads(deals)
        self._name("deal", leads)
        self._enter_stages("lead_id", leads, self._prepare_deal_entries(leads, deals))
        self._learn_scores(leads)
        self._schedule_activities(leads, deals)
        self._create_requests(history.get_requests())
        orders = self._create_orders(leads, deals)
        self._name("order", orders)
        return orders

    def _name(self, kind, records):
        """Give the records external ids: with these they go when the addon is uninstalled."""
        self.env["ir.model.data"]._update_xmlids(
            [
                {"xml_id": f"bpo_crm.past_{kind}_{number}", "record": record, "noupdate": True}
                for number, record in enumerate(records, 1)
            ]
        )

    def _ref(self, name):
        """Return a record of the demo data, or of another module's with its name."""
        if name not in self.refs:
            self.refs[name] = self.env.ref(name if "." in name else f"bpo_crm.{name}")
        return self.refs[name]

    # -- deals

    def _get_stages(self):
        """Return ``{stage of the plan: stage of the pipeline}``."""
        pipeline = self._ref("pipeline_bpo_sales")
        names = {"new": "crm.stage_lead1", "qualified": "crm.stage_lead2"}
        return {
            **{stage: self._ref(name) for stage, name in names.items()},
            "negotiation": self._ref("crm.stage_lead3"),
            "won": pipeline.won_stage_id,
            "lost": pipeline.lost_stage_id,
        }

    def _create_leads(self, deals):
        """Create the leads where they are now, dated as they were."""
        stages = self._get_stages()
        # else stock looks for one, lead by lead
        team = self.env["crm.team"]._get_default_team_id()
        leads = self.env["crm.lead"].create(
            [self._prepare_lead(deal, number, stages, team) for number, deal in enumerate(deals)]
        )
        self._set_dates("crm_lead", leads, [self._get_dates(deal, stages) for deal in deals])
        return leads

    def _prepare_lead(self, deal, number, stages, team):
        customer = f"{deal.customer}, {deal.city}"
        return {
            "name": f"{deal.name}, {deal.city}",
            "type": "opportunity",
            "pipeline_id": self._ref("pipeline_bpo_sales").id,
            "stage_id": stages[deal.stage].id,
            "user_id": deal.agent and self._ref(deal.agent.user).id,
            "team_id": team.id,
            "dealership_id": self._ref(deal.dealer.dealership).id,
            "source_id": self._ref(deal.source).id,
            "partner_name" if deal.is_firm else "contact_name": customer,
            "email_from": f"enquiry-{number + 1:04}@example.com",
            "phone": f"+1 555-010-{number + 1001}",
            "city": deal.city,
            "country_id": self._ref("base.us").id,
            "priority": deal.priority,
            "date_deadline": (deal.created + timedelta(days=30)).date(),
            "lost_reason_id": deal.lost_reason and self._get_lost_reason(deal.lost_reason).id,
            "line_ids": [
                fields.Command.create({"product_id": self._ref(name).id, "quantity": quantity})
                for name, quantity in deal.units
            ],
        }

    def _get_lost_reason(self, name):
        """Return the reason of the plan, or one of the list that people made in its place."""
        reason = self.env.ref(name, raise_if_not_found=False)
        return reason or self.env["crm.lost.reason"].search([], limit=1)

    def _get_dates(self, deal, stages):
        """Return what SQL writes on the lead of a deal."""
        entered = deal.steps[-1].entered
        before = deal.steps[-2].stage if len(deal.steps) > 1 else None
        closed = not deal.is_open
        return {
            "create_date": deal.created,
            "write_date": entered,
            "date_open": deal.created if deal.agent else None,
            "date_last_stage_update": entered,
            "date_closed": entered if closed else None,
            "day_open": 0.0 if deal.agent else None,
            "day_close": (entered - deal.created).days * 1.0 if closed else None,
            "won_from_stage_id": stages[before].id if deal.stage == "won" else None,
            "lost_from_stage_id": stages[before].id if deal.stage == "lost" else None,
        }

    def _prepare_deal_entries(self, leads, deals):
        """Return the rows of the table of entries, of all deals."""
        stages = self._get_stages()
        pipeline = self._ref("pipeline_bpo_sales")
        for lead, deal in zip(leads, deals, strict=True):
            entries = zip([None, *deal.steps], deal.steps, [*deal.steps[1:], None], strict=False)
            for position, (before, step, after) in enumerate(entries, 1):
                yield {
                    "lead_id": lead.id,
                    "request_id": None,
                    "pipeline_id": pipeline.id,
                    "service_id": None,
                    "company_id": lead.company_id.id or None,
                    "stage_id": stages[step.stage].id,
                    "from_stage_id": stages[before.stage].id if before else None,
                    "closed_status": step.stage if step.stage in CLOSED else None,
                    "user_id": step.user and self._ref(step.user).id,
                    "entered_date": step.entered,
                    "left_date": after and after.entered,
                    "outcome": after and self._get_outcome(step.stage, after.stage),
                    "position": position,
                    "is_first": step.stage
                    not in {earlier.stage for earlier in deal.steps[: position - 1]},
                }

    @staticmethod
    def _get_outcome(stage, next_stage):
        """Return how a deal leaves a stage by entering the next one."""
        if next_stage in CLOSED:
            return next_stage
        if stage in CLOSED:
            return "reopened"
        further = OPEN_STAGES.index(next_stage) > OPEN_STAGES.index(stage)
        return "forward" if further else "back"

    def _learn_scores(self, leads):
        """Have the probability of the open deals follow from how the others ended.

        Stock looks back a few days only, and has counted what was created, not what happened.
        """
        first = fields.Date.to_string(min(leads.mapped("create_date")))
        self.env["ir.config_parameter"].set_param("crm.pls_start_date", first)
        leads._rebuild_pls_frequency_table()
        leads.filtered(lambda lead: not lead.closed_status)._compute_probabilities()

    def _schedule_activities(self, leads, deals):
        """Plan what comes next for two in three of the deals that are worked on."""
        today = fields.Date.context_today(self)
        open_leads = [
            lead
            for lead, deal in zip(leads, deals, strict=True)
            if deal.stage in ("qualified", "negotiation")
        ]
        model = self.env["ir.model"]._get("crm.lead")
        self.env["mail.activity"].create(
            [
                {
                    "res_model_id": model.id,
                    "res_id": lead.id,
                    "activity_type_id": self._ref(kind).id,
                    "summary": summary,
                    "date_deadline": today + timedelta(days=days),
                    "user_id": lead.user_id.id,
                }
                for number, lead in enumerate(open_leads)
                if number % 3
                for kind, summary, days in [ACTIVITIES[number % len(ACTIVITIES)]]
            ]
        )

    # -- service requests

    def _create_requests(self, plans):
        """Create the service requests where they are now, dated as they were."""
        requests = self.env["bpo.service.request"].create(
            [
                {
                    "name": plan.name,
                    "service_id": self._ref(plan.service).id,
                    "stage_id": self._ref(plan.steps[-1].stage).id,
                    "partner_id": self._ref(plan.client).id,
                    "user_id": self._ref(plan.user).id,
                    "deadline": (plan.steps[0].entered + timedelta(plan.days_allowed)).date(),
                }
                for plan in plans
            ]
        )
        self._name("request", requests)
        self._set_dates(
            "bpo_service_request",
            requests,
            [
                self._get_request_dates(plan, bool(request.date_closed))
                for request, plan in zip(requests, plans, strict=True)
            ],
        )
        entries = self._prepare_request_entries(requests, plans)
        self._enter_stages("request_id", requests, entries)

    @staticmethod
    def _get_request_dates(plan, is_closed):
        created, entered = plan.steps[0].entered, plan.steps[-1].entered
        return {
            "create_date": created,
            "write_date": entered,
            "date_last_stage_update": entered,
            "date_closed": entered if is_closed else None,
            "days_to_close": (entered - created) / timedelta(1) if is_closed else 0.0,
        }

    def _prepare_request_entries(self, requests, plans):
        """Return the rows of the table of entries, of all service requests."""
        for request, plan in zip(requests, plans, strict=True):
            entries = zip([None, *plan.steps], plan.steps, [*plan.steps[1:], None], strict=False)
            for position, (before, step, after) in enumerate(entries, 1):
                yield {
                    "lead_id": None,
                    "request_id": request.id,
                    "pipeline_id": None,
                    "service_id": request.service_id.id,
                    "company_id": request.company_id.id,
                    "stage_id": self._ref(step.stage).id,
                    "from_stage_id": before and self._ref(before.stage).id,
                    "closed_status": None,
                    "user_id": self._ref(step.user).id,
                    "entered_date": step.entered,
                    "left_date": after and after.entered,
                    "outcome": after and "forward",
                    "position": position,
                    "is_first": True,
                }

    # -- orders

    def _create_orders(self, leads, deals):
        """Create the orders of the deals that were won, and return them."""
        won = {lead: deal.order for lead, deal in zip(leads, deals, strict=True) if deal.order}
        orders = self.env["bpo.dealer.order"]
        contents = orders._prepare_contents(leads.browse(lead.id for lead in won))
        numbers = dict.fromkeys((lead.dealership_id for lead in won), 0)
        vals_list = []
        for lead, plan in sorted(won.items(), key=lambda item: item[1].won):
            if plan.state == "sent":
                numbers[lead.dealership_id] += 1
            content = contents[lead]
            vals_list.append(
                {
                    "lead_id": lead.id,
                    "external_id": content.external_id,
                    **orders._prepare_snapshot_vals(lead, content),
                    "won_date": plan.won,
                    **self._prepare_order(lead, plan, numbers[lead.dealership_id]),
                }
            )
        orders = orders.create(vals_list)
        dates = [{"create_date": order.won_date} for order in orders]
        self._set_dates("bpo_dealer_order", orders, dates)
        for order in orders:
            if cause := won[order.lead_id].cause:
                codes = ", ".join(order.lead_id.line_ids.mapped("dealer_code"))
                result = OrderResult("failed", cause, CAUSES[cause](codes))
                # by itself it is not tried again any more
                order.write({**order._prepare_failed_vals(result), "next_attempt": False})
                order.failed_date = order.won_date + timedelta(minutes=1)
        return orders

    def _prepare_order(self, lead, plan, number):
        """Return what became of an order.

        :param plan: the ``Order`` of the plan
        :param int number: how many its dealership had before, and this one
        """
        vals = {"state": plan.state, "attempt_count": plan.attempts}
        if plan.attempts:
            # in an Odoo that nobody has any more: no order of a real dealership is taken for it
            dealership = lead.dealership_id
            vals["remote_place"] = dealership._get_place() if dealership.odoo_url else FORMER_PLACE
            vals["first_attempt"] = plan.won
        if plan.state == "sent":
            total = lead.expected_revenue
            vals |= {
                "sent_date": plan.sent,
                "remote_id": 100 + number,
                "remote_name": f"S{100 + number:05}",
                "remote_state": plan.remote_state,
                "remote_amount_sent": total,
                "remote_amount_total": round(total * (1 + plan.change), 2),
                "remote_checked": fields.Datetime.now(),
            }
        return vals

    # -- past the ORM, which knows only of now

    def _set_dates(self, table, records, rows):
        """Write columns of records, past the ORM.

        :param list rows: ``{column: value}`` of each record
        """
        self.env.flush_all()
        types = table_columns(self.env.cr, table)
        names = list(rows[0])
        columns = ", ".join(f"{name} = given.{name}::{types[name]['udt_name']}" for name in names)
        self.env.cr.execute_values(
            f"UPDATE {table} SET {columns} FROM (VALUES %s) AS given (id, {', '.join(names)})"
            f" WHERE {table}.id = given.id",
            [(record.id, *row.values()) for record, row in zip(records, rows, strict=True)],
        )
        self.env.invalidate_all()

    def _enter_stages(self, record, records, rows):
        """Replace what was written down when the records were created by what happened.

        :param str record: the column of the records
        :param rows: ``{column: value}`` of each entry
        """
        rows = sorted(rows, key=lambda row: row["entered_date"])
        self.env.cr.execute(f"DELETE FROM bpo_stage_entry WHERE {record} = ANY(%s)", [records.ids])
        self.env.cr.execute_values(
            f"INSERT INTO bpo_stage_entry ({', '.join(rows[0])}) VALUES %s",
            [tuple(row.values()) for row in rows],
        )
        self.env["bpo.stage.entry"].invalidate_model(flush=False)
