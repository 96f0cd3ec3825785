# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Build the entries of stages of a database in use from the tracking that stock keeps.

In SQL and before the ORM sees the table, so that its indexes and foreign keys are made once, of
all rows. Done again it does nothing: who has entries is left alone.
"""

import json
import logging
import time
from contextlib import contextmanager
from typing import NamedTuple

from .models.stage.bpo_pipeline import ADOPTION_NOTES

_logger = logging.getLogger(__name__)


class Source(NamedTuple):
    """What has a history of stages, in the words of SQL."""

    model: str
    table: str
    # columns of the table of entries
    record: str
    workflow: str
    # what a record became by now
    closed_status: str
    # the workflow that a step was in, and its place there
    step_workflow: str
    step_place: str
    # what is said of it, if something is missing
    note: str


DEALS = Source(
    model="crm.lead",
    table="crm_lead",
    record="lead_id",
    workflow="pipeline_id",
    closed_status="record.closed_status",
    step_workflow="COALESCE(stage.pipeline_id, record.pipeline_id)",
    step_place="ARRAY[stage.sequence, stage.id]",
    note="Reports: the past moves of %s deals were built from their history in chatter; of %s of "
    "them it is incomplete, since changes of the stage were not tracked or their messages were "
    "deleted. Where it is, times in stages may be wrong.",
)

REQUESTS = Source(
    model="bpo.service.request",
    table="bpo_service_request",
    record="request_id",
    workflow="service_id",
    closed_status="NULL::varchar",
    step_workflow="record.service_id",
    step_place="(SELECT ARRAY[line.sequence, line.id] FROM bpo_service_stage line"
    " WHERE line.service_id = record.service_id AND line.stage_id = stage.id)",
    note="Reports: the past moves of %s service requests were built from their history in chatter; "
    "of %s of them it is incomplete, since changes of the stage were not tracked or their "
    "messages were deleted. Where it is, times in stages may be wrong.",
)


def build_history(cr):
    """Write the entries of all deals and requests that have none; note what is missing."""
    _create_table(cr)
    for source in (DEALS, REQUESTS):
        cr.execute("SELECT to_regclass(%s)", [source.table])
        if cr.fetchone()[0]:
            with telling_progress(cr, source.table, f"the history of {source.table}"):
                _collect_steps(cr, source)
                _note_missing(cr, source)
                _insert_entries(cr, source)
            cr.execute("DROP TABLE bpo_stage_step")


@contextmanager
def telling_progress(cr, table, what):
    """Log that a step of an installation begins, and how fast it was; nothing for an empty table.

    Whoever installs on a million records sees nothing else for a minute. To stop it is safe: it is
    one transaction, which begins anew with the next start.

    :param str what: the work, as it is logged
    """
    cr.execute(f"SELECT count(*) FROM {table}")  # pylint: disable=sql-injection
    [count] = cr.fetchone()
    if count:
        _logger.info("Installing: %s, %s records", what, f"{count:,}")
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    if count:
        rate = f"{count / max(seconds, 0.001):,.0f}"
        _logger.info("Installed: %s in %.1f s, %s records a second", what, seconds, rate)


def _create_table(cr):
    """Create what is filled here; the ORM completes it afterwards."""
    cr.execute(
        """
        CREATE TABLE IF NOT EXISTS bpo_stage_entry (
            id SERIAL PRIMARY KEY,
            lead_id integer,
            request_id integer,
            pipeline_id integer,
            service_id integer,
            company_id integer,
            stage_id integer,
            from_stage_id integer,
            closed_status varchar,
            user_id integer,
            entered_date timestamp,
            left_date timestamp,
            outcome varchar,
            position integer,
            is_first boolean
        )
        """
    )


def _collect_steps(cr, source):
    """List the stages that each record went through, in order.

    The first one is where its first change began. Where the last one is not where the record is
    now, that is added, at the time of its last change of stage; where changes without any trace
    brought it there, only that is known.
    """
    cr.execute(
        f"""
        CREATE TEMP TABLE bpo_stage_step ON COMMIT DROP AS
        WITH record AS (
            SELECT record.id, record.stage_id, record.create_date, record.create_uid,
                   COALESCE(record.date_last_stage_update, record.create_date) AS last_date
              FROM {source.table} record
             WHERE NOT EXISTS (SELECT FROM bpo_stage_entry entry
                                WHERE entry.{source.record} = record.id)
        ),
        tracked AS (
            SELECT message.res_id AS record, value.id AS number,
                   NULLIF(value.old_value_integer, 0) AS from_stage,
                   NULLIF(value.new_value_integer, 0) AS stage,
                   value.create_date AS moved, message.create_uid AS mover
              FROM mail_tracking_value value
              JOIN ir_model_fields field
                ON field.id = value.field_id
               AND field.model = %(model)s AND field.name = 'stage_id'
              JOIN mail_message message
                ON message.id = value.mail_message_id AND message.model = %(model)s
        ),
        earliest AS (
            SELECT DISTINCT ON (record) record, from_stage FROM tracked ORDER BY record, number
        ),
        latest AS (
            SELECT DISTINCT ON (record) record, stage, moved
              FROM tracked ORDER BY record, number DESC
        )
        SELECT record.id AS record, 0::bigint AS number, NULL::integer AS from_stage,
               CASE WHEN earliest.record IS NULL THEN record.stage_id
                    ELSE earliest.from_stage END AS stage,
               CASE WHEN untracked THEN record.last_date ELSE record.create_date END AS moved,
               CASE WHEN NOT untracked THEN record.create_uid END AS mover,
               untracked AS missing
          FROM record
     LEFT JOIN earliest ON earliest.record = record.id
    CROSS JOIN LATERAL (SELECT earliest.record IS NULL AND record.last_date
                               > record.create_date + interval '1 minute' AS untracked) known
     UNION ALL
        SELECT tracked.*,
               COALESCE(
                   from_stage != lag(tracked.stage) OVER (PARTITION BY record ORDER BY number),
                   FALSE)
          FROM tracked
          JOIN record ON record.id = tracked.record
     UNION ALL
        SELECT record.id, 9223372036854775807, latest.stage, record.stage_id,
               GREATEST(record.last_date, latest.moved), NULL, TRUE
          FROM record
          JOIN latest ON latest.record = record.id
         WHERE latest.stage IS DISTINCT FROM record.stage_id
        """,  # noqa: S608, the names come from the constants above
        {"model": source.model},
    )


def _note_missing(cr, source):
    """Keep for managers of how many records the history has holes."""
    cr.execute(
        "SELECT count(DISTINCT record), count(DISTINCT record) FILTER (WHERE missing)"
        "  FROM bpo_stage_step"
    )
    records, missing = cr.fetchone()
    if missing:
        note(cr, source.note % (records, missing))


def _insert_entries(cr, source):
    """Write an entry for each step; it ends where the next one begins."""
    cr.execute(  # pylint: disable=sql-injection
        f"""
        INSERT INTO bpo_stage_entry
                    ({source.record}, {source.workflow}, company_id, stage_id, from_stage_id,
                     closed_status, user_id, entered_date, left_date, outcome, position, is_first)
        WITH step AS (
            SELECT step.*, stage.id AS stage_id, from_stage.id AS from_stage_id, record.company_id,
                   {source.step_workflow} AS workflow, {source.step_place} AS place,
                   CASE WHEN step.number = max(step.number) OVER (PARTITION BY step.record)
                             THEN {source.closed_status}
                        WHEN stage.is_won THEN 'won'
                        WHEN stage.is_lost THEN 'lost'
                   END AS closed_status
              FROM bpo_stage_step step
              JOIN {source.table} record ON record.id = step.record
         LEFT JOIN crm_stage stage ON stage.id = step.stage
         LEFT JOIN crm_stage from_stage ON from_stage.id = step.from_stage
             WHERE step.stage IS NOT NULL
        ),
        chained AS (
            SELECT step.*,
                   lead(moved) OVER chain AS left_date,
                   lead(closed_status) OVER chain AS next_status,
                   lead(workflow) OVER chain AS next_workflow,
                   lead(place) OVER chain AS next_place,
                   row_number() OVER chain AS position,
                   row_number() OVER (PARTITION BY record, stage ORDER BY number) AS time_here
              FROM step
            WINDOW chain AS (PARTITION BY record ORDER BY number)
        )
        SELECT record, workflow, company_id, stage_id, from_stage_id, closed_status, mover,
               moved, left_date,
               CASE WHEN left_date IS NULL THEN NULL
                    WHEN next_status IS NOT NULL THEN next_status
                    WHEN next_workflow != workflow THEN 'elsewhere'
                    WHEN closed_status IS NOT NULL THEN 'reopened'
                    WHEN next_place > place THEN 'forward'
                    ELSE 'back'
               END,
               position, time_here = 1
          FROM chained
      ORDER BY moved, record, number
        """  # noqa: S608, the names come from the constants above
    )


def note(cr, text):
    """Keep what was decided or found at installation, for the log and for the Stages screen."""
    cr.execute("SELECT value FROM ir_config_parameter WHERE key = %s", [ADOPTION_NOTES])
    row = cr.fetchone()
    notes = json.dumps([*(json.loads(row[0]) if row and row[0] else []), text])
    if row:
        cr.execute(
            "UPDATE ir_config_parameter SET value = %s WHERE key = %s", [notes, ADOPTION_NOTES]
        )
    else:
        cr.execute(
            "INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)", [ADOPTION_NOTES, notes]
        )
