# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many deals with the stages they went through, made by SQL: the ORM would take days.

Three years that grow: the last month has twice as many new deals as the first one. Agents and
dealerships have shares that differ a lot, one deal in thirty is nobody's, most go on within a day,
and one in ten is forgotten for weeks. The same numbers make the same deals.
"""

# The ways of twenty deals: 1, 2 and 3 are open stages, 8 is won and 9 is lost. They have five
# entries each on average; of all deals a quarter is won, and three in five are lost.
WAYS = (
    *("1238", "1238", "121238", "123238", "123938"),
    *("19", "129", "1239", "123239", "121239", "121219", "1231239", "1232329", "129129"),
    *("1239", "12129", "12319"),
    *("123123", "121212", "1"),
)
# Those of ten service requests: the last stage of a service is its end.
REQUEST_WAYS = ("1234", "1234", "1234", "12324", "12124", "1234", "1234", "123", "12", "1")
# One request for so many deals.
DEALS_PER_REQUEST = 10

# A number from 0 to 1 that a row's number and a salt always give.
_DRAW = "(abs(hashint4extended({number}::integer, {salt}) % 10000) / 10000::float8)"
# When the row with a number came: in office hours of the last three years, the more the later.
_CAME = (
    "date_trunc('day', now() AT TIME ZONE 'UTC')"
    " + (sqrt(1 + 3::float8 * number / {count}) - 2) * 1095 * interval '1 day'"
    f" - {_DRAW.format(number='number', salt=1)} * interval '8 hours'"
)
_STEPS = """
    CREATE UNLOGGED TABLE bench_step AS
    WITH numbered AS (
        SELECT number, {workflow} AS workflow,
               ('{ways}'::text[])[1 + number % {many}] AS way, {came} AS came
          FROM generate_series(1, {count}) AS number
    ), step AS (
        SELECT number, workflow, came, code::integer AS code, place,
               {draw_days} AS drawn, {draw_slow} AS slow
          FROM numbered, string_to_table(way, NULL) WITH ORDINALITY AS part (code, place)
    ), timed AS (
        SELECT *, date_trunc('second', came + COALESCE(
                   sum(exp(drawn * 6) * CASE WHEN slow < 0.1 THEN 5 ELSE 0.5::float8 END / 24)
                   OVER (
                       PARTITION BY number ORDER BY place
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                   * interval '1 day') AS entered
          FROM step
    )
    SELECT number, workflow, came, code, place, entered,
           lag(code) OVER way AS from_code, lead(code) OVER way AS next_code,
           lead(entered) OVER way AS left_it,
           row_number() OVER (PARTITION BY number, code ORDER BY place) = 1 AS is_first
      FROM timed
     WHERE entered <= now() AT TIME ZONE 'UTC'
    WINDOW way AS (PARTITION BY number ORDER BY place)
  ORDER BY number, place
"""

_ONE = """
    one AS (
        SELECT (SELECT array_agg(id ORDER BY id) FROM res_users
                 WHERE login LIKE 'bench-agent-%') AS users,
               (SELECT array_agg(id ORDER BY id) FROM crm_team) AS teams,
               (SELECT array_agg(id ORDER BY id) FROM bpo_dealership) AS dealerships,
               (SELECT array_agg(id ORDER BY id) FROM utm_source) AS sources,
               (SELECT array_agg(id ORDER BY id) FROM crm_lost_reason) AS reasons
    )
"""

# The stages by pipeline or service, and by the codes of the ways.
_DEAL_STAGES = """
    stage AS (
        SELECT id, pipeline_id AS workflow_id,
               dense_rank() OVER (ORDER BY pipeline_id) AS workflow,
               CASE WHEN is_won THEN 8 WHEN is_lost THEN 9
                    ELSE row_number() OVER (PARTITION BY pipeline_id ORDER BY sequence, id)
               END AS code
          FROM crm_stage WHERE active AND pipeline_id IS NOT NULL
    )
"""
_REQUEST_STAGES = """
    stage AS (
        SELECT stage_id AS id, service_id AS workflow_id,
               dense_rank() OVER (ORDER BY service_id) AS workflow,
               row_number() OVER (PARTITION BY service_id ORDER BY sequence, id) AS code
          FROM bpo_service_stage
    )
"""

_LEADS = f"""
    WITH {_DEAL_STAGES}, {_ONE}
    INSERT INTO crm_lead
           (id, name, type, active, pipeline_id, stage_id, closed_status, won_status,
            lost_reason_id, team_id, user_id, dealership_id, source_id, company_id, priority, color,
            contact_name, email_from, email_normalized, phone, phone_sanitized, city, description,
            expected_revenue, probability, automated_probability,
            date_last_stage_update, create_uid, write_uid, create_date, write_date)
    SELECT number, 'Enquiry ' || number, 'opportunity', TRUE, stage.workflow_id, stage.id,
           status, COALESCE(status, 'pending'),
           CASE WHEN status = 'lost' THEN reasons[{{reason}}] END,
           teams[1 + number % cardinality(teams)],
           CASE WHEN number % 30 > 0 THEN users[{{user}}] END,
           dealerships[{{dealership}}], sources[{{source}}],
           1, '0', 0, 'Customer ' || number, email, email, phone, phone, 'Brussels',
           repeat('Wants a car that is like the last one. ', 1 + (number % 12)::integer),
           number % 40 * 500, probability, probability,
           entered, 1, 1, came, entered
      FROM bench_step step
      JOIN stage ON stage.workflow = step.workflow AND stage.code = step.code
CROSS JOIN one
CROSS JOIN LATERAL (SELECT CASE step.code WHEN 8 THEN 'won' WHEN 9 THEN 'lost' END AS status,
                           CASE step.code WHEN 8 THEN 100 WHEN 9 THEN 0 ELSE 50 END
                               AS probability,
                           'customer' || number || '@example.com' AS email,
                           '+3247' || lpad(number::text, 7, '0') AS phone) known
     WHERE left_it IS NULL
  ORDER BY number;
    SELECT setval('crm_lead_id_seq', max(id)) FROM crm_lead
"""

_REQUESTS = f"""
    WITH {_REQUEST_STAGES}, {_ONE}
    INSERT INTO bpo_service_request
           (id, name, reference, active, priority, service_id, stage_id, status, company_id,
            user_id, deadline, date_last_stage_update, date_closed, days_to_close,
            create_uid, write_uid, create_date, write_date)
    SELECT number, 'Request ' || number, 'BENCH-' || number, TRUE, '0',
           stage.workflow_id, stage.id,
           CASE WHEN step.code = 4 THEN 'completed' ELSE 'in_progress' END, 1,
           CASE WHEN number % 30 > 0 THEN users[{{user}}] END,
           came::date + 14, entered, CASE WHEN step.code = 4 THEN entered END,
           CASE WHEN step.code = 4 THEN EXTRACT(EPOCH FROM entered - came) / 86400 END,
           1, 1, came, entered
      FROM bench_step step
      JOIN stage ON stage.workflow = step.workflow AND stage.code = step.code
CROSS JOIN one
     WHERE left_it IS NULL
  ORDER BY number;
    SELECT setval('bpo_service_request_id_seq', max(id)) FROM bpo_service_request
"""

_ENTRIES = """
    WITH {stages}
    INSERT INTO bpo_stage_entry
           ({record}, {workflow}, company_id, stage_id, from_stage_id, closed_status, user_id,
            entered_date, left_date, outcome, position, is_first)
    SELECT number, stage.workflow_id, 1, stage.id, origin.id,
           CASE step.code WHEN 8 THEN 'won' WHEN 9 THEN 'lost' END, record.user_id,
           entered, left_it,
           CASE WHEN next_code = 8 THEN 'won' WHEN next_code = 9 THEN 'lost'
                WHEN step.code > 7 AND next_code IS NOT NULL THEN 'reopened'
                WHEN next_code > step.code THEN 'forward'
                WHEN next_code < step.code THEN 'back' END,
           place, is_first
      FROM bench_step step
      JOIN {table} record ON record.id = step.number
      JOIN stage ON stage.workflow = step.workflow AND stage.code = step.code
 LEFT JOIN stage origin ON origin.workflow = step.workflow AND origin.code = step.from_code
  ORDER BY entered
"""

# Every deal that is won now has its order; one in fifty is not there yet, or was refused.
_ORDERS = """
    INSERT INTO bpo_dealer_order
           (lead_id, dealership_id, company_id, state, external_id, reference, error_code,
            attempt_count, won_date, sent_date, delivery_minutes, remote_state,
            create_uid, write_uid, create_date, write_date)
    SELECT id, dealership_id, 1, state, 'bench.lead_' || id, 'BENCH-' || id,
           CASE WHEN state = 'failed' THEN 'product_unknown' END, 1, won,
           CASE WHEN state = 'sent' THEN won + minutes * interval '1 minute' END,
           CASE WHEN state = 'sent' THEN minutes ELSE 0 END,
           CASE WHEN state = 'sent' THEN (ARRAY['draft', 'sent', 'sale'])[1 + id % 3] END,
           1, 1, won, won
      FROM crm_lead lead
CROSS JOIN LATERAL (SELECT date_last_stage_update AS won,
                           CASE id / 20 % 50 WHEN 7 THEN 'failed' WHEN 8 THEN 'pending'
                                ELSE 'sent' END AS state,
                           exp({draw} * 4) / 5 AS minutes) known
     WHERE won_status = 'won'
"""

TABLES = ("crm_lead", "bpo_service_request", "bpo_stage_entry", "bpo_dealer_order")


def insert(postgres, database, count):
    """Add deals with five entries of stages each, the orders of those that are won, and requests.

    The pipelines, services, agents and dealerships are there already (``reports_inside.py``).
    """
    indexes = _drop_indexes(postgres, database)
    _insert_steps(postgres, database, count, WAYS, _DEAL_STAGES, "crm_stage")
    _run(postgres, database, _fill(_LEADS))
    deals = {"record": "lead_id", "workflow": "pipeline_id", "table": "crm_lead"}
    _run(postgres, database, _ENTRIES.format(stages=_DEAL_STAGES, **deals))
    _run(postgres, database, _ORDERS.format(draw=_draw("id", 9)))
    requests = {
        "record": "request_id",
        "workflow": "service_id",
        "table": "bpo_service_request",
    }
    number = max(count // DEALS_PER_REQUEST, 1)
    _insert_steps(postgres, database, number, REQUEST_WAYS, _REQUEST_STAGES, "bpo_service_stage")
    _run(postgres, database, _fill(_REQUESTS))
    _run(postgres, database, _ENTRIES.format(stages=_REQUEST_STAGES, **requests))
    _run(postgres, database, "DROP TABLE bench_step")
    for index in indexes:
        postgres.sql(index, database)
    postgres.sql(f"VACUUM (ANALYZE) {', '.join(TABLES)}", database)


def _insert_steps(postgres, database, count, ways, stages, table):
    """List the stages that each record went through, without its ids yet."""
    workflows = int(postgres.sql(f"WITH {stages} SELECT max(workflow) FROM stage", database))
    if not workflows:
        raise AssertionError(f"{table} has no stages")
    # the second one has half as many records as the first one, and so on
    halving = f"1 + floor(-ln(1 - {_draw('number', 2)}) / ln(2::float8))::integer"
    _run(
        postgres,
        database,
        "DROP TABLE IF EXISTS bench_step;"
        + _STEPS.format(
            ways="{" + ",".join(ways) + "}",
            many=len(ways),
            workflow=f"LEAST({halving}, {workflows})",
            came=_CAME.format(count=count),
            count=count,
            draw_days=_draw("number", "100 + place"),
            draw_slow=_draw("number", "200 + place"),
        )
        + "; ANALYZE bench_step",
    )


def _fill(statement):
    """Let a statement draw who and what a record belongs to: some have much more than others."""
    return statement.format(
        reason=f"1 + floor(cardinality(reasons) * {_draw('number', 3)} ^ 2)::integer",
        user=f"1 + floor(cardinality(users) * {_draw('number', 4)} ^ 1.5)::integer",
        dealership=f"1 + floor(cardinality(dealerships) * {_draw('number', 5)} ^ 2)::integer",
        source=f"1 + floor(cardinality(sources) * {_draw('number', 6)} ^ 2)::integer",
    )


def _draw(number, salt):
    return _DRAW.format(number=number, salt=salt)


def _run(postgres, database, statement):
    """Run a statement without the checks of foreign keys, where the server lets us."""
    unchecked = (
        "SELECT set_config('session_replication_role', 'replica', FALSE)"
        "  FROM pg_roles WHERE rolname = current_user AND rolsuper;"
    )
    postgres.sql(unchecked + statement, database)


def _drop_indexes(postgres, database):
    """Drop the indexes that hold no constraint; return the statements that make them again."""
    names = ", ".join(f"'{table}'::regclass" for table in TABLES)
    listed = postgres.sql(
        "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index"
        f" WHERE NOT indisunique AND indrelid IN ({names})",
        database,
    )
    statements = []
    for line in listed.splitlines():
        name, statement = line.split("|", 1)
        postgres.sql(f"DROP INDEX {name}", database)
        statements.append(statement)
    return statements
