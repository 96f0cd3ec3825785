# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How long the reports take, with many deals and five entries of stages each."""

import json
from pathlib import Path

from .. import databases
from ..console import Progress
from ..postgres import database_name
from .table import Row

INSIDE = Path(__file__).with_name("reports_inside.py")
MARK = "MEASURED:"
TURNS = 3
MOST_SECONDS = 1.0
# how many reports on the largest number of deals may take more than those on a tenth
SMALLER = 10

# What deals are grouped by; entered by people who moved them over three years.
_DIMENSIONS = """
    INSERT INTO utm_source (name, create_uid, write_uid)
         SELECT 'Bench source ' || number, 1, 1 FROM generate_series(1, 6) AS number;
    INSERT INTO bpo_dealership (name, code, currency_id, active, protocol, connection_state,
                                create_uid, write_uid)
         SELECT 'Bench dealership ' || number, 'BENCH-' || number, 1, TRUE, 'auto', 'untested', 1, 1
           FROM generate_series(1, 40) AS number;
    INSERT INTO res_partner (name, active, is_company, create_uid, write_uid)
         SELECT 'Bench agent ' || number, TRUE, FALSE, 1, 1 FROM generate_series(1, 60) AS number;
    INSERT INTO res_users (login, partner_id, company_id, active, share, notification_type,
                           create_uid, write_uid)
         SELECT 'bench-' || id, id, 1, TRUE, FALSE, 'email', 1, 1
           FROM res_partner WHERE name LIKE 'Bench agent %'
"""

_LEADS = """
    WITH stage AS (
        SELECT id, place, pipeline_id,
               CASE WHEN is_won THEN 'won' WHEN is_lost THEN 'lost' END AS status
          FROM (SELECT *, row_number() OVER (ORDER BY sequence, id) AS place
                  FROM crm_stage
                 WHERE active AND pipeline_id = (
                       SELECT res_id FROM ir_model_data
                        WHERE module = 'bpo_crm' AND name = 'pipeline_bpo_sales')) stage
    ), one AS (
        SELECT (SELECT array_agg(id ORDER BY id) FROM res_users
                 WHERE login LIKE 'bench-%') AS users,
               (SELECT array_agg(id ORDER BY id) FROM crm_team) AS teams,
               (SELECT array_agg(id ORDER BY id) FROM bpo_dealership) AS dealerships,
               (SELECT array_agg(id ORDER BY id) FROM utm_source) AS sources,
               (SELECT array_agg(id ORDER BY id) FROM crm_lost_reason) AS reasons
    ), numbered AS (
        -- nine in ten are closed by now, a quarter of these are won
        SELECT number,
               CASE WHEN number % 40 < 9 THEN 4 WHEN number % 40 < 36 THEN 5
                    ELSE number % 3 + 1 END AS place,
               date_trunc('second', now() AT TIME ZONE 'UTC')
               - (1095.0 * ({count} - number) / {count} + 5) * interval '1 day' AS moment
          FROM generate_series(1, {count}) AS number
    )
    INSERT INTO crm_lead
           (name, type, active, pipeline_id, stage_id, closed_status, won_status, lost_reason_id,
            team_id, user_id, dealership_id, source_id, company_id, priority, color,
            expected_revenue, probability, automated_probability,
            date_last_stage_update, create_uid, write_uid, create_date, write_date)
    SELECT 'Enquiry ' || number, 'opportunity', TRUE, stage.pipeline_id, stage.id, stage.status,
           COALESCE(stage.status, 'pending'),
           CASE WHEN stage.status = 'lost'
                THEN reasons[1 + mod(number * 17, cardinality(reasons))] END,
           teams[1 + number % cardinality(teams)],
           users[1 + mod(number * 7, cardinality(users))],
           dealerships[1 + mod(number * 11, cardinality(dealerships))],
           sources[1 + mod(number * 13, cardinality(sources))],
           1, '0', 0, number % 40 * 500,
           CASE stage.status WHEN 'won' THEN 100 WHEN 'lost' THEN 0 ELSE 50 END,
           CASE stage.status WHEN 'won' THEN 100 WHEN 'lost' THEN 0 ELSE 50 END,
           moment, 1, 1, moment, moment
      FROM numbered JOIN stage ON stage.place = numbered.place, one
"""

# Five entries of each deal: through the open stages and once back, then where it is now.
_ENTRIES = """
    WITH stage AS (
        SELECT array_agg(id ORDER BY sequence, id) AS ids
          FROM crm_stage
         WHERE active AND pipeline_id = (
               SELECT res_id FROM ir_model_data
                WHERE module = 'bpo_crm' AND name = 'pipeline_bpo_sales')
    ), step AS (
        SELECT lead.id, place, lead.pipeline_id, lead.user_id, lead.closed_status,
               CASE WHEN place = 5 THEN lead.stage_id ELSE ids[(ARRAY[1, 2, 1, 3])[place]] END
                   AS stage_id,
               CASE WHEN place > 1 THEN ids[(ARRAY[1, 2, 1, 3])[place - 1]] END AS from_stage_id,
               -- most deals go on within a day, some are forgotten for weeks
               lead.create_date
               + (place - 1) * (exp(mod(hashint4(lead.id)::bigint + 7, 600) / 100.0) / 24)
                 * interval '1 day' AS entered,
               lead.create_date
               + place * (exp(mod(hashint4(lead.id)::bigint + 7, 600) / 100.0) / 24)
                 * interval '1 day' AS left_it
          FROM crm_lead lead, stage, generate_series(1, 5) AS place
    )
    INSERT INTO bpo_stage_entry
           (lead_id, pipeline_id, company_id, stage_id, from_stage_id, closed_status, user_id,
            entered_date, left_date, outcome, position, is_first)
    SELECT id, pipeline_id, 1, stage_id, from_stage_id, CASE WHEN place = 5 THEN closed_status END,
           user_id, entered, CASE WHEN place < 5 THEN left_it END,
           CASE place WHEN 1 THEN 'forward' WHEN 2 THEN 'back' WHEN 3 THEN 'forward'
                      WHEN 4 THEN COALESCE(closed_status, 'back') END,
           place, place != 3 AND (place < 5 OR closed_status IS NOT NULL)
      FROM step
  ORDER BY entered
"""


def measure(odoo, postgres, count):
    """Open each report with a tenth of the deals, and with all; return the rows."""
    results = {size: _open_reports(odoo, postgres, size) for size in (count // SMALLER, count)}
    return [
        Row(
            f"{report}, {count:,} deals, {5 * count:,} entries",
            "seconds",
            seconds,
            unit="s",
            at_most=MOST_SECONDS,
            details=[f"{size:,} deals: {result[report]:.3f} s" for size, result in results.items()],
        )
        for report, seconds in results[count].items()
    ]


def _open_reports(odoo, postgres, count):
    """Return ``{report: seconds}`` with so many deals."""
    name = database_name("bench_reports")
    try:
        with Progress(f"Making a database with {count:,} deals and {5 * count:,} entries"):
            postgres.clone(databases.addon_template(odoo, postgres), name)
            for statement in (_DIMENSIONS, _LEADS, _ENTRIES):
                postgres.sql(statement.replace("{count}", str(count)), name)
            postgres.sql("VACUUM (ANALYZE) crm_lead, bpo_stage_entry", name)
        with Progress("Opening the reports"):
            code = (
                f"{INSIDE.read_text('utf-8')}\n"
                "import json\n"
                f"print({MARK!r}, json.dumps(measure_reports(env, {TURNS})))\n"
            )
            printed = databases.shell(odoo, postgres, name, code)
        return json.loads(printed.rpartition(MARK)[2])
    finally:
        postgres.drop(name)
