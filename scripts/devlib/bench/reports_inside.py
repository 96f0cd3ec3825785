# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Make a world that reports are about, and open the reports in it; runs in Odoo's shell."""

import os
import statistics
import time
from pathlib import Path

from lxml import etree

from odoo import api
from odoo.tools.safe_eval import safe_eval

AGENTS, DEALERSHIPS, SOURCES = 60, 40, 6
CLIENT = {"lang": "en_US", "tz": "Europe/Brussels"}
# Reports that agents have, and the one that only supervisors and managers have.
ACTIONS = (
    "bpo_deal_report_action_funnel",
    "bpo_deal_report_action_time",
    "bpo_deal_report_action_lost",
    "bpo_deal_report_action_agents",
    "bpo_request_report_action",
)
ACTION_OF_MANAGERS = "bpo_dealer_order_action_report"
# The other groupings and periods of the funnel, a click or two away from how it opens.
FUNNEL = ACTIONS[0]
GROUPINGS = ("user_id", "team_id", "dealership_id", "source_id", "entered_date:month")
PERIODS = {"12 months": "{'search_default_last_year': 1}", "all time": "{}"}
# Seconds of measuring after which a call is not done once more.
ENOUGH = 5
LIST_LIMIT, COUNT_LIMIT = 80, 10001


def make_world(env):
    """Create what deals and requests belong to, and the users that open the reports."""
    users = env["res.users"].with_context(no_reset_password=True)
    for role, count in (("agent", AGENTS), ("manager", 1)):
        users.create(
            [
                {
                    "name": f"Bench {role} {number}",
                    "login": f"bench-{role}-{number:03}",
                    "email": f"bench-{role}-{number}@example.com",
                    "group_ids": [(4, env.ref(f"bpo_crm.group_{role}").id)],
                }
                for number in range(count)
            ]
        )
    env["bpo.dealership"].create(
        [
            {"name": f"Bench dealership {number}", "code": f"BENCH-{number}"}
            for number in range(DEALERSHIPS)
        ]
    )
    env["utm.source"].create([{"name": f"Bench source {number}"} for number in range(SOURCES)])
    stages = [("New", {}), ("Contacted", {}), ("Offer", {})]
    stages += [("Won", {"is_won": True}), ("Lost", {"is_lost": True})]
    env["bpo.pipeline"].create(
        [
            {
                "name": f"Bench pipeline {number}",
                "push_orders": False,
                "stage_ids": [
                    (0, 0, {"name": name, "sequence": 10 * place, **values})
                    for place, (name, values) in enumerate(stages, 1)
                ],
            }
            for number in range(2)
        ]
    )
    for number in range(3):
        steps = env["crm.stage"].create(
            [
                {"name": f"Bench step {number}.{place}", "stage_type": "service"}
                for place in range(1, 5)
            ]
        )
        env["bpo.service"].create(
            {"name": f"Bench service {number}", "stage_ids": [(6, 0, steps.ids)]}
        )
    env.cr.commit()


def measure_reports(env, times):
    """Return ``{role: {report: {what of it: (seconds, seconds of one core)}}}``."""
    results = {}
    for role in ("manager", "agent"):
        # the agent with the most deals
        user = env["res.users"].search([("login", "=", f"bench-{role}-000")])
        env_of_role = api.Environment(env.cr, user.id, CLIENT)
        results[role] = {
            report: {what: measure(env_of_role, call, times) for what, call in calls.items()}
            for report, calls in list_calls(env_of_role, role == "manager").items()
        }
    return results


def list_calls(env, is_manager):
    """Return ``{report: {what of it: call}}``: how the web client reads what is opened."""
    actions = env["ir.actions.act_window"]
    funnel = actions._for_xml_id(f"bpo_crm.{FUNNEL}")
    pivot = {kind: view_id for view_id, kind in funnel["views"]}["pivot"]
    calls = {}
    for name in (*ACTIONS, *([ACTION_OF_MANAGERS] if is_manager else [])):
        action = actions._for_xml_id(f"bpo_crm.{name}")
        calls[action["name"]] = {
            kind: prepare(env, action, view_id, kind)
            for view_id, kind in action["views"]
            if kind != "form"
        }
    calls[funnel["name"]] |= {
        f"pivot by {grouping}": prepare(env, funnel, pivot, "pivot", grouping)
        for grouping in GROUPINGS
    }
    for period, context in PERIODS.items():
        calls[f"{funnel['name']} of {period}"] = {
            "pivot": prepare(env, {**funnel, "context": context}, pivot, "pivot")
        }
    return calls


def measure(env, call, times):
    """Return the seconds a call takes (median, after one to fill caches), and those of one core.

    What takes long is not done often.
    """
    taken = []
    for number in range(times + 1):
        env.invalidate_all()
        started = time.perf_counter()
        call()
        if number:
            taken.append(time.perf_counter() - started)
        if sum(taken) > ENOUGH:
            break
    return statistics.median(taken), measure_core(env, call)


def measure_core(env, call):
    """Return the processor time that a call takes here and in the database, without helpers there.

    It hardly depends on what else the machine does; nothing where the database is elsewhere.
    """
    env.invalidate_all()
    env.cr.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    env.cr.execute("SELECT pg_backend_pid()")
    stat = Path(f"/proc/{env.cr.fetchone()[0]}/stat")
    try:
        before = read_processor_time(stat)
        call()
        return read_processor_time(stat) - before
    except FileNotFoundError:
        return None
    finally:
        env.cr.execute("SET LOCAL max_parallel_workers_per_gather TO DEFAULT")


def read_processor_time(stat):
    """Return the seconds that this process and the one of a file in /proc have worked."""
    fields = stat.read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") + time.process_time()


def prepare(env, action, view_id, kind, grouping=None):
    """Return the call with which the web client reads a graph, a pivot table or a list."""
    report = env[action["res_model"]]
    arch = etree.fromstring(report.get_view(view_id, kind)["arch"])
    search_view = action["search_view_id"] and action["search_view_id"][0]
    search = etree.fromstring(report.get_view(search_view, "search")["arch"])
    domain = safe_eval(action["domain"] or "[]")
    for key in safe_eval(action["context"] or "{}"):
        if key.startswith("search_default_"):
            [node] = search.xpath(f"//filter[@name='{key.removeprefix('search_default_')}']")
            domain += safe_eval(node.get("domain"))
    if kind == "list":
        specification = {node.get("name"): {} for node in arch.iter("field")}
        for name, value in specification.items():
            if report._fields[name].type == "many2one":
                value["fields"] = {"display_name": {}}
        return lambda: report.web_search_read(
            domain, specification, limit=LIST_LIMIT, count_limit=COUNT_LIMIT
        )
    measures, by = ["__count"], {"row": [], "col": []}
    for node in arch.iter("field"):
        name, interval = node.get("name"), node.get("interval")
        if node.get("type") == "measure":
            measures.append(f"{name}:{report._fields[name].aggregator}")
        elif not node.get("invisible"):
            by[node.get("type", "row")].append(f"{name}:{interval}" if interval else name)
    if kind == "graph":
        report = report.with_context(fill_temporal=True)
        return lambda: report.formatted_read_group(domain, by["row"], measures)
    rows, columns = ([grouping], []) if grouping else (by["row"], by["col"])
    # all levels of rows with all of columns at once, as a pivot table that is opened
    sets = [
        rows[:level] + columns[:column]
        for level in range(len(rows) + 1)
        for column in range(len(columns) + 1)
    ]
    return lambda: report.formatted_read_grouping_sets(domain, sets, measures)
