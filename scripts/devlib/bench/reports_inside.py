# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Open the reports from inside Odoo, with what the web client asks for; runs in Odoo's shell."""

import statistics
import time

from lxml import etree

from odoo.tools.safe_eval import safe_eval

ACTIONS = (
    "bpo_deal_report_action_funnel",
    "bpo_deal_report_action_time",
    "bpo_deal_report_action_lost",
    "bpo_deal_report_action_agents",
)
# Further groupings of the funnel, one click each.
GROUPINGS = ("user_id", "team_id", "dealership_id", "source_id", "entered_date:month")


def measure_reports(env, times):
    """Return ``{what: seconds}``, medians, as a supervisor opens it."""
    user = env["res.users"].search([("login", "=", "bench-supervisor")])
    user = user or user.with_context(no_reset_password=True).create(
        {
            "name": "Supervisor",
            "login": "bench-supervisor",
            "email": "supervisor@example.com",
            "group_ids": [(4, env.ref("bpo_crm.group_supervisor").id)],
        }
    )
    env = env(user=user.id, context={"lang": "en_US", "tz": "Europe/Brussels"})
    results = {}
    for name in ACTIONS:
        action = env["ir.actions.act_window"]._for_xml_id(f"bpo_crm.{name}")
        for view_id, kind in action["views"]:
            if kind != "list":
                call = prepare(env, action, view_id, kind)
                results[f"{action['name']}, {kind}"] = measure(env, call, times)
    action = env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_deal_report_action_funnel")
    view_id = {kind: view_id for view_id, kind in action["views"]}["pivot"]
    for grouping in GROUPINGS:
        call = prepare(env, action, view_id, "pivot", grouping)
        results[f"Funnel, pivot by {grouping}"] = measure(env, call, times)
    call = prepare(env, {**action, "context": "{}"}, view_id, "pivot")
    results["Funnel, pivot of all time"] = measure(env, call, times)
    return results


def measure(env, call, times):
    """Return the median of the seconds a call takes, after one to fill caches."""
    taken = []
    for number in range(times + 1):
        env.invalidate_all()
        started = time.perf_counter()
        call()
        if number:
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def prepare(env, action, view_id, kind, grouping=None):
    """Return the call with which the web client reads a graph or a pivot table."""
    report = env[action["res_model"]]
    arch = etree.fromstring(report.get_view(view_id, kind)["arch"])
    domain = safe_eval(action["domain"] or "[]")
    search = etree.fromstring(report.get_view(None, "search")["arch"])
    for key in safe_eval(action["context"] or "{}"):
        [node] = search.xpath(f"//filter[@name='{key.removeprefix('search_default_')}']")
        domain += safe_eval(node.get("domain"))
    fields = report._fields
    groupby, measures = [], ["__count"]
    for node in arch.iter("field"):
        name = node.get("name")
        if node.get("type") == "measure":
            measures.append(f"{name}:{fields[name].aggregator}")
        elif not node.get("invisible"):
            interval = node.get("interval")
            groupby.append(f"{name}:{interval}" if interval else name)
    if grouping:
        groupby = [grouping]
    if kind == "graph":
        return lambda: report.formatted_read_group(domain, groupby, measures)
    # all levels at once, as a pivot table that is opened
    sets = [groupby[:level] for level in range(len(groupby) + 1)]
    return lambda: report.formatted_read_grouping_sets(domain, sets, measures)
