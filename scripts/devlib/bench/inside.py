# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Compare two databases from inside one Odoo: one with this addon, one with stock CRM.

Runs in Odoo's shell (see compare.py), which needs the standard library and Odoo alone. Both
databases are worked on by the same process, in turns, so that a busy machine slows both down.
"""

import gc
import json
import statistics
import time

from lxml import etree

from odoo import api
from odoo.modules.registry import Registry

CLIENT = {"lang": "en_US", "tz": "Europe/Brussels"}


class Side:
    """One of the two databases, worked on as a user who sees all leads."""

    def __init__(self, database, login="bench"):
        self.registry = Registry(database)
        with self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            self.has_addon = "bpo.pipeline" in env
            group = "bpo_crm.group_supervisor"
            if not self.has_addon:
                group = "sales_team.group_sale_salesman_all_leads"
            user = env["res.users"].search([("login", "=", login)])
            user = user or user.with_context(no_reset_password=True).create(
                {"name": "Supervisor", "login": login, "email": "supervisor@example.com"}
            )
            user.group_ids += env.ref(group)
            self.uid = user.id
            cr.commit()

    def measure(self, work):
        """Return seconds and queries of ``work(env)``, all of which is rolled back."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, self.uid, CLIENT)
            prepared = work(env)
            gc.collect()
            queries, started = cr.sql_log_count, time.perf_counter()
            prepared()
            cr.flush()
            taken = time.perf_counter() - started, cr.sql_log_count - queries
            cr.rollback()
        return taken


def take_turns(sides, work, times):
    """Measure each side so many times, in turns; return (seconds, queries) of each, medians."""
    taken = [[] for _side in sides]
    for number in range(times + 1):
        for side, results in zip(sides, taken, strict=True):
            result = side.measure(lambda env, side=side: work(side, env))
            if number:  # the first turn fills caches
                results.append(result)
    return [
        [statistics.median(column) for column in zip(*results, strict=True)] for results in taken
    ]


# -- moving leads


def measure_moves(sides, turns):
    """Return ``{number of leads: [(seconds, queries) of each side]}`` of one write.

    :param dict turns: ``{number of leads: how many times}``
    """

    def work(side, env):
        stages = env["crm.stage"].search([], order="sequence, id")
        leads = get_first_leads(env, count)
        env.invalidate_all()
        return lambda: leads.write({"stage_id": stages[1].id})

    results = {}
    for count, times in turns.items():
        results[count] = take_turns(sides, work, times)
    return results


def measure_wins(sides, count, times):
    """Return (seconds, queries) of each side for winning so many leads of a stage by one write.

    Ours are for a dealership that gets an order of each.
    """
    for side in sides:
        if side.has_addon:
            prepare_orders(side, count)

    def work(side, env):
        leads = get_first_leads(env, count)
        won = env["crm.stage"].search([("is_won", "=", True)], limit=1)
        env.invalidate_all()

        def win():
            leads.write({"stage_id": won.id})
            if side.has_addon:
                # else the row says nothing of what the click has to do
                assert len(leads.dealer_order_id) == count

        return win

    return take_turns(sides, work, times)


def get_first_leads(env, count):
    """Return so many leads of the first stage."""
    stage = env["crm.stage"].search([], order="sequence, id", limit=1)
    leads = env["crm.lead"].search([("stage_id", "=", stage.id)], limit=count, order="id")
    assert len(leads) == count
    return leads


def prepare_orders(side, count):
    """Give the leads of the first stage a dealership, and a unit each."""
    with side.registry.cursor() as cr:
        env = api.Environment(cr, api.SUPERUSER_ID, {})
        dealership = env["bpo.dealership"].create(
            {
                "name": "Bench Motors",
                "code": "BENCH",
                "odoo_url": "https://dealer.example.com",
                "odoo_db": "dealer",
                "odoo_login": "service",
                "odoo_api_key": "0123456789abcdef",
            }
        )
        product = env["product.product"].create({"name": "Bike", "default_code": "BIKE-1"})
        leads = get_first_leads(env, count)
        leads.dealership_id = dealership
        env["bpo.lead.line"].create(
            [{"lead_id": lead.id, "product_id": product.id, "price_unit": 1000} for lead in leads]
        )
        cr.commit()


# -- opening the board


def measure_board(sides, times, default=False):
    """Return (seconds, queries) of each side for what the web client asks for a board.

    :param default: with the filters that it begins with, else of all deals
    """
    return take_turns(sides, lambda side, env: prepare_board(side, env, default), times)


def prepare_board(side, env, default=False):
    """Return the calls with which the web client opens the board."""
    action, view = get_board(side, env)
    arch = etree.fromstring(view["arch"])
    fields = env["crm.lead"].fields_get()
    progress = arch.find(".//progressbar")
    bar = {
        "field": progress.get("field"),
        "colors": json.loads(progress.get("colors")),
        "help": progress.get("help"),
    }
    domain, context = list(action["domain"]), dict(action["context"])
    if context.pop("search_default_current", None) and default:
        domain.append(("is_current", "=", True))
    Lead = env["crm.lead"].with_context(**context)
    Board = Lead.with_context(read_group_expand=True)
    if side.has_addon:
        Board = Board.with_context(bpo_crm_board=True)
    specification = get_specification(arch, fields)
    aggregates = get_aggregates(progress, fields)
    env.invalidate_all()

    def open_board():
        result = Board.web_read_group(
            domain,
            ["stage_id"],
            aggregates,
            auto_unfold=True,
            opening_info=[],
            unfold_read_specification=specification,
            unfold_read_default_limit=80,
            groupby_read_specification={},
        )
        Lead.read_progress_bar(domain, "stage_id", bar)
        env["crm.stage"].browse([group["stage_id"][0] for group in result["groups"]]).read(
            ["requirements"]
        )
        assert len(result["groups"]) == 5

    return open_board


# -- opening the list


def measure_list(sides, times):
    """Return (seconds, queries) of each side for what the web client asks for a list of deals."""
    return take_turns(sides, prepare_list, times)


def prepare_list(side, env):
    """Return the call with which the web client opens the list."""
    Lead = env["crm.lead"]
    view = Lead.get_view(env.ref("crm.crm_case_tree_view_oppor").id, "list")
    specification = get_specification(etree.fromstring(view["arch"]), Lead.fields_get())
    env.invalidate_all()
    return lambda: Lead.web_search_read([("type", "=", "opportunity")], specification, limit=80)


def get_board(side, env):
    """Return action and view of the board: the one of a pipeline, or stock's."""
    if side.has_addon:
        action = env.ref("bpo_crm.pipeline_bpo_sales").action_open_board()
    else:
        action = {
            "domain": [("type", "=", "opportunity")],
            "context": {"default_type": "opportunity"},
        }
    view = env.ref("crm.crm_case_kanban_view_leads")
    return action, env["crm.lead"].get_view(view.id, "kanban")


def get_specification(arch, fields):
    """Return what is read of each card, as the web client makes it of the view."""
    specification = {}
    for node in arch.iter("field"):
        name = node.get("name")
        if any(parent.tag == "field" for parent in node.iterancestors()):
            continue
        kind = fields[name]["type"]
        specification[name] = {}
        if kind == "many2one":
            specification[name]["fields"] = {"display_name": {}}
        elif node.get("widget") == "many2many_tags":
            specification[name]["fields"] = {"display_name": {}, "color": {}}
    return specification


def get_aggregates(progress, fields):
    """Return what is summed up per column."""
    aggregates = []
    for attribute in ("sum_field", "recurring_revenue_sum_field"):
        name = progress.get(attribute)
        if name in fields:
            currency = fields[name]["currency_field"]
            aggregates += [f"{name}:sum", f"{currency}:array_agg_distinct", f"{name}:sum_currency"]
    return list(dict.fromkeys(aggregates))
