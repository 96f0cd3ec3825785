# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many leads, made by SQL: the ORM would take hours for a million."""

# Of twenty leads, so many are in the first, second ... stage of the board. A stage that is not
# there leaves its leads to the last one.
SPREAD = (7, 5, 3, 2, 3)
# A call centre after its first years: 95 of a hundred leads are won or lost.
MOSTLY_CLOSED = (2, 2, 1, 40, 55)

# Stages without the addon: those of stock and one more, so that both boards have five columns.
FIFTH_STAGE = """
    INSERT INTO crm_stage (name, sequence, is_won, fold, create_uid, create_date)
         VALUES ('{"en_US": "Lost"}', 100, FALSE, TRUE, 1, now())
"""

_STOCK_STAGES = "SELECT id, is_won, sequence = 100 AS is_lost, sequence FROM crm_stage"
_PIPELINE = (
    "(SELECT res_id FROM ir_model_data WHERE module = 'bpo_crm' AND name = 'pipeline_bpo_sales')"
)
_ADDON_STAGES = (
    "SELECT id, is_won, is_lost, sequence FROM crm_stage"
    f" WHERE active AND pipeline_id = {_PIPELINE}"
)

_INSERT_LEADS = """
    WITH ranked AS (
        SELECT id, COALESCE(is_won, FALSE) AS is_won, COALESCE(is_lost, FALSE) AS is_lost,
               row_number() OVER (ORDER BY sequence, id) AS place, count(*) OVER () AS places
          FROM ({stages}) stages
    ), stage AS (
        SELECT id, place, places, is_won OR is_lost AS is_closed,
               CASE WHEN is_won THEN 'won' WHEN is_lost THEN 'lost' ELSE 'pending' END AS status,
               CASE WHEN is_won THEN 100 WHEN is_lost THEN 0 ELSE 50 END AS probability
          FROM ranked
    ), numbered AS (
        SELECT number, CASE {places} END AS place,
               date_trunc('second', now() AT TIME ZONE 'UTC')
               - ({count} - number)::float / {count} * interval '365 days' AS moment
          FROM generate_series(1, {count}) AS number
    )
    INSERT INTO crm_lead
           (name, type, active, stage_id, team_id, user_id, company_id, priority, color,
            contact_name, email_from, email_normalized, phone, phone_sanitized, city,
            expected_revenue, prorated_revenue, recurring_revenue, recurring_revenue_monthly,
            probability, automated_probability, won_status,
            date_open, date_last_stage_update, date_closed, date_deadline,
            create_uid, write_uid, create_date, write_date {more_columns})
    SELECT 'Enquiry ' || number, 'opportunity', TRUE, stage.id,
           (SELECT min(id) FROM crm_team), 2, 1, (number * 7 % 10 / 3)::text, 0,
           'Customer ' || number, 'customer' || number || '@example.com',
           'customer' || number || '@example.com', '+3247' || lpad(number::text, 7, '0'),
           '+3247' || lpad(number::text, 7, '0'), 'Brussels',
           number % 40 * 500, number % 40 * 250, 0, 0,
           stage.probability, stage.probability, stage.status,
           moment, moment, CASE WHEN stage.is_closed THEN moment END, moment::date + 60,
           1, 1, moment, moment {more_values}
      FROM numbered
      JOIN stage ON stage.place = LEAST(numbered.place, stage.places)
     ORDER BY number
"""

# Written when all leads are there, which is several times faster than lead by lead.
_INDEXES = """
    SELECT string_agg(indexdef, ';')
      FROM pg_indexes
     WHERE tablename = 'crm_lead' AND indexname NOT LIKE '%_pkey'
"""
_DROP_INDEXES = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT indexname FROM pg_indexes
                     WHERE tablename = 'crm_lead' AND indexname NOT LIKE '%_pkey'
        LOOP EXECUTE format('DROP INDEX %I', name); END LOOP;
    END $$
"""

# One lead in twenty has an activity: overdue, due today or planned.
_INSERT_ACTIVITIES = """
    INSERT INTO mail_activity
           (res_model, res_model_id, res_id, activity_type_id, user_id, date_deadline, active,
            automated, summary, create_uid, write_uid, create_date, write_date)
    SELECT 'crm.lead', model.id, lead.id, (SELECT min(id) FROM mail_activity_type), 2,
           CURRENT_DATE + lead.id % 9 - 4, TRUE, FALSE, 'Call', 1, 1, now(), now()
      FROM crm_lead lead, ir_model model
     WHERE model.model = 'crm.lead' AND lead.id % 20 = 0
       AND NOT EXISTS (SELECT FROM mail_activity
                        WHERE res_model = 'crm.lead' AND res_id = lead.id)
"""


def insert(postgres, database, count, addon=False, spread=SPREAD):
    """Add opportunities to a database, spread over the stages of the default pipeline.

    :param addon: the addon is installed there
    :param spread: how many are in the first, second ... stage, of as many as that makes in all
    """
    total, places = 0, []
    for place, share in enumerate(spread, 1):
        total += share
        places.append(f"WHEN number % {sum(spread)} < {total} THEN {place}")
    outcome = ", NULLIF(stage.status, 'pending')"
    statement = _INSERT_LEADS.format(
        count=count,
        places=" ".join(places),
        stages=_ADDON_STAGES if addon else _STOCK_STAGES,
        more_columns=", pipeline_id, closed_status" if addon else "",
        more_values=f", {_PIPELINE}{outcome}" if addon else "",
    )
    indexes = postgres.sql(_INDEXES, database)
    postgres.sql(f"{_DROP_INDEXES}; {statement}; {indexes}", database)
    postgres.sql(_INSERT_ACTIVITIES, database)
    postgres.sql("VACUUM (ANALYZE) crm_lead, mail_activity", database)
