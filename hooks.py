# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Adopt the stages and leads of a CRM in use, and give them back at uninstallation.

Everything is set-based SQL before the ORM touches the new columns, so that a database with a
million leads is installed in seconds and no lead is recomputed: stage and outcome stay.
"""

import json
import logging

_logger = logging.getLogger(__name__)

# The stages stock CRM ships, as (external id, source name), and what we make of them.
STOCK_STAGES = {
    "stage_lead1": ("New", {"name": "New", "sequence": 10}),
    "stage_lead2": ("Qualified", {"name": "Qualified", "sequence": 20}),
    "stage_lead3": ("Proposition", {"name": "Negotiation", "sequence": 30}),
    "stage_lead4": ("Won", {"name": "Won", "sequence": 40}),
}


def pre_init_hook(env):
    """Create the new columns and adopt what is there, before the ORM sees the addon."""
    cr = env.cr
    env.flush_all()
    _create_columns(cr)
    default_id = _create_default_pipeline(cr)
    _adopt_stages(cr, default_id)
    _separate_names(cr)
    _separate_won_stages(cr)
    _adapt_stock_stages(cr, default_id)
    _add_closing_stages(cr)
    _adopt_leads(cr, default_id)
    _forget_notes_of_empty_crm(cr)
    env.invalidate_all()


def post_init_hook(env):
    """Log what the adoption had to decide; the Stages screen shows it too (see ``_note``)."""
    notes = env["ir.config_parameter"].sudo().get_param("bpo_crm.adoption_notes")
    for note in json.loads(notes or "[]"):
        _logger.info("Stages adopted: %s", note)


def uninstall_hook(env):
    """Leave a working stock CRM: lost leads lost the stock way, no service stages left."""
    cr = env.cr
    env.flush_all()
    cr.execute(
        "UPDATE crm_lead SET active = FALSE, probability = 0, automated_probability = 0"
        " WHERE closed_status = 'lost'"
    )
    # Requests go with the addon anyway, but they would hold their stages back here.
    cr.execute("DELETE FROM bpo_service_request")
    cr.execute("DELETE FROM crm_stage WHERE stage_type = 'service'")
    cr.execute("UPDATE crm_stage SET active = TRUE WHERE active IS FALSE")
    # Pipelines go with their table; deleted as records they would take their stages along.
    cr.execute("DELETE FROM ir_model_data WHERE module = 'bpo_crm' AND model = 'bpo.pipeline'")
    env.ref("crm.crm_stage_action").context = "{}"
    env["ir.config_parameter"].sudo().search([("key", "=like", "bpo\\_crm.%")]).unlink()
    # Menus, access rights and view texts of stock that we changed come back with its own data.
    env["ir.module.module"].search([("name", "=", "crm"), ("state", "=", "installed")]).write(
        {"state": "to upgrade"}
    )
    env.invalidate_all()


def _create_columns(cr):
    """Create what adoption fills; the ORM completes tables and columns afterwards."""
    cr.execute(
        """
        CREATE TABLE IF NOT EXISTS bpo_pipeline (
            id SERIAL PRIMARY KEY,
            name jsonb,
            sequence integer,
            active boolean,
            company_id integer,
            push_orders boolean,
            forward_only boolean,
            create_uid integer,
            create_date timestamp,
            write_uid integer,
            write_date timestamp
        );
        ALTER TABLE crm_stage
            ADD COLUMN IF NOT EXISTS active boolean DEFAULT TRUE,
            ADD COLUMN IF NOT EXISTS stage_type varchar DEFAULT 'deal',
            ADD COLUMN IF NOT EXISTS is_lost boolean DEFAULT FALSE,
            ADD COLUMN IF NOT EXISTS pipeline_id integer;
        ALTER TABLE crm_stage
            ALTER COLUMN active DROP DEFAULT,
            ALTER COLUMN stage_type DROP DEFAULT,
            ALTER COLUMN is_lost DROP DEFAULT;
        ALTER TABLE crm_lead
            ADD COLUMN IF NOT EXISTS closed_status varchar,
            ADD COLUMN IF NOT EXISTS dealer_order_id integer,
            ADD COLUMN IF NOT EXISTS dealer_order_state varchar,
            ADD COLUMN IF NOT EXISTS dealer_so_id integer,
            ADD COLUMN IF NOT EXISTS dealer_so_name varchar;
        """
    )


def _create_default_pipeline(cr):
    """Create *BPO Sales* under its external id and return its database id."""
    pipeline_id = _create_pipeline(cr, "BPO Sales", sequence=10, push_orders=True)
    cr.execute(
        """
        INSERT INTO ir_model_data (module, name, model, res_id, noupdate)
             VALUES ('bpo_crm', 'pipeline_bpo_sales', 'bpo.pipeline', %s, TRUE)
        """,
        [pipeline_id],
    )
    return pipeline_id


def _create_pipeline(cr, name, sequence, push_orders=False):
    cr.execute(
        """
        INSERT INTO bpo_pipeline
                    (name, sequence, active, push_orders, forward_only,
                     create_uid, create_date, write_uid, write_date)
             VALUES (jsonb_build_object('en_US', %s), %s, TRUE, %s, FALSE,
                     1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
          RETURNING id
        """,
        [name, sequence, push_orders],
    )
    return cr.fetchone()[0]


def _adopt_stages(cr, default_id):
    """Give every stage a pipeline: one per group of teams that share stages, else the default.

    Teams that share a stage share a pipeline, because a stage has only one.
    """
    cr.execute(
        """
        SELECT rel.crm_stage_id, array_agg(rel.crm_team_id ORDER BY rel.crm_team_id)
          FROM crm_stage_crm_team_rel rel
      GROUP BY rel.crm_stage_id
        """
    )
    groups = []  # pairs of sets: teams, and the stages reserved for them
    for stage_id, team_ids in cr.fetchall():
        teams, stages = set(team_ids), {stage_id}
        touching = [group for group in groups if group[0] & teams]
        for group in touching:
            teams |= group[0]
            stages |= group[1]
            groups.remove(group)
        groups.append((teams, stages))
    for position, (teams, stages) in enumerate(sorted(groups, key=lambda group: min(group[0]))):
        cr.execute(
            "SELECT string_agg(COALESCE(name->>'en_US', id::text), ', ' ORDER BY id)"
            "  FROM crm_team WHERE id IN %s",
            [tuple(teams)],
        )
        name = _free_pipeline_name(cr, cr.fetchone()[0])
        pipeline_id = _create_pipeline(cr, name, sequence=20 + 10 * position)
        cr.execute(
            "UPDATE crm_stage SET pipeline_id = %s WHERE id IN %s", [pipeline_id, tuple(stages)]
        )
        _note(cr, f"Pipeline “{name}” was made of {len(stages)} stages reserved for its teams.")
    cr.execute("UPDATE crm_stage SET pipeline_id = %s WHERE pipeline_id IS NULL", [default_id])


def _free_pipeline_name(cr, name):
    """Return ``name``, numbered where another pipeline bears it already."""
    cr.execute("SELECT lower(btrim(name->>'en_US')) FROM bpo_pipeline")
    taken = {row[0] for row in cr.fetchall()}
    free, number = name, 1
    while free.strip().lower() in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _separate_names(cr):
    """Number stages that would bear the same name in the same pipeline."""
    cr.execute(
        """
        WITH numbered AS (
            SELECT id, row_number() OVER (
                       PARTITION BY pipeline_id, lower(btrim(name->>'en_US'))
                           ORDER BY sequence, id) AS number
              FROM crm_stage
        )
        UPDATE crm_stage stage
           SET name = (
               SELECT jsonb_object_agg(lang, value || ' (' || stage.id || ')')
                 FROM jsonb_each_text(stage.name) AS term(lang, value))
          FROM numbered
         WHERE numbered.id = stage.id AND numbered.number > 1
     RETURNING stage.name->>'en_US'
        """
    )
    for (name,) in cr.fetchall():
        _note(cr, f"A stage of a name used twice in its pipeline is now called “{name}”.")


def _separate_won_stages(cr):
    """Keep the won flag on the last won stage of each pipeline; its past leads stay won."""
    cr.execute(
        """
        WITH ranked AS (
            SELECT id, row_number() OVER (
                       PARTITION BY pipeline_id ORDER BY sequence DESC, id DESC) AS rank
              FROM crm_stage
             WHERE is_won
        )
        UPDATE crm_stage stage SET is_won = FALSE
          FROM ranked
         WHERE ranked.id = stage.id AND ranked.rank > 1
     RETURNING stage.name->>'en_US'
        """
    )
    for (name,) in cr.fetchall():
        _note(
            cr,
            f"“{name}” is no longer a Won stage, since a pipeline has only one; "
            "the leads won there stay won.",
        )


def _adapt_stock_stages(cr, default_id):
    """Turn the four stages of stock into ours, where nobody made a workflow of their own."""
    cr.execute(
        """
        SELECT stage.id, data.name, stage.name->>'en_US'
          FROM crm_stage stage
     LEFT JOIN ir_model_data data
            ON data.module = 'crm' AND data.model = 'crm.stage' AND data.res_id = stage.id
         WHERE stage.pipeline_id = %s
        """,
        [default_id],
    )
    stages = cr.fetchall()
    untouched = {(xmlid, name) for _id, xmlid, name in stages} == {
        (xmlid, name) for xmlid, (name, _values) in STOCK_STAGES.items()
    }
    if not untouched:
        return
    for stage_id, xmlid, name in stages:
        values = STOCK_STAGES[xmlid][1]
        if values["name"] != name:
            cr.execute(
                "UPDATE crm_stage SET name = jsonb_build_object('en_US', %s) WHERE id = %s",
                [values["name"], stage_id],
            )
            _note(cr, f"The stage “{name}” is now called “{values['name']}”.")
        cr.execute(
            "UPDATE crm_stage SET sequence = %s WHERE id = %s", [values["sequence"], stage_id]
        )


def _add_closing_stages(cr):
    """Give each pipeline the won and the lost stage it lacks."""
    for flag, name, color, fold in (("is_won", "Won", 10, False), ("is_lost", "Lost", 1, True)):
        cr.execute(
            f"""
            INSERT INTO crm_stage
                        (name, sequence, active, stage_type, pipeline_id, color, fold,
                         is_won, is_lost, rotting_threshold_days,
                         create_uid, create_date, write_uid, write_date)
                 SELECT jsonb_build_object('en_US', CASE WHEN EXISTS (
                            SELECT FROM crm_stage namesake
                             WHERE namesake.pipeline_id = pipeline.id
                               AND lower(btrim(namesake.name->>'en_US')) = lower(%(name)s))
                            THEN %(name)s || ' (closed)' ELSE %(name)s END),
                        COALESCE((SELECT max(sequence) FROM crm_stage
                                   WHERE pipeline_id = pipeline.id), 0) + 10,
                        TRUE, 'deal', pipeline.id, %(color)s, %(fold)s,
                        %(won)s, %(lost)s, 0,
                        1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
                   FROM bpo_pipeline pipeline
                  WHERE NOT EXISTS (SELECT FROM crm_stage
                                     WHERE pipeline_id = pipeline.id AND {flag})
              RETURNING id, pipeline_id
            """,  # noqa: S608, flag comes from the tuple above
            {
                "name": name,
                "color": color,
                "fold": fold,
                "won": flag == "is_won",
                "lost": flag == "is_lost",
            },
        )
        for _stage_id, pipeline_id in cr.fetchall():
            cr.execute("SELECT name->>'en_US' FROM bpo_pipeline WHERE id = %s", [pipeline_id])
            _note(cr, f"A {name} stage was added to the pipeline “{cr.fetchone()[0]}”.")


def _adopt_leads(cr, default_id):
    """Give every lead the pipeline of its stage, and note which ones are won.

    A lead without a stage goes to its team's pipeline. Leads that stock lost by archiving
    need nothing: they stay lost.
    """
    # A column that is created with a default is filled without writing a single row; an update
    # of all leads, with an entry in each of stock's two dozen indexes, would take minutes.
    cr.execute(
        "ALTER TABLE crm_lead ADD COLUMN IF NOT EXISTS pipeline_id integer DEFAULT %s",
        [default_id],
    )
    cr.execute("ALTER TABLE crm_lead ALTER COLUMN pipeline_id DROP DEFAULT")
    cr.execute(
        """
        WITH adopted AS (
            SELECT lead.id,
                   COALESCE(
                       stage.pipeline_id,
                       (SELECT min(team_stage.pipeline_id)
                          FROM crm_stage_crm_team_rel rel
                          JOIN crm_stage team_stage ON team_stage.id = rel.crm_stage_id
                         WHERE rel.crm_team_id = lead.team_id),
                       %s) AS pipeline_id,
                   CASE WHEN lead.won_status = 'won' THEN 'won' END AS closed_status
              FROM crm_lead lead
         LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
        )
        UPDATE crm_lead lead
           SET pipeline_id = adopted.pipeline_id,
               closed_status = adopted.closed_status
          FROM adopted
         WHERE adopted.id = lead.id
           AND (lead.pipeline_id IS DISTINCT FROM adopted.pipeline_id
                OR lead.closed_status IS DISTINCT FROM adopted.closed_status)
        """,
        [default_id],
    )


def _forget_notes_of_empty_crm(cr):
    """Where nobody worked yet, the shipped stages are no news."""
    cr.execute(
        "DELETE FROM ir_config_parameter WHERE key = 'bpo_crm.adoption_notes'"
        "   AND NOT EXISTS (SELECT FROM crm_lead)"
    )


def _note(cr, text):
    """Keep what adoption decided, for the log and for the Stages screen."""
    cr.execute("SELECT value FROM ir_config_parameter WHERE key = 'bpo_crm.adoption_notes'")
    row = cr.fetchone()
    notes = json.dumps([*(json.loads(row[0]) if row else []), text])
    if row:
        cr.execute(
            "UPDATE ir_config_parameter SET value = %s WHERE key = 'bpo_crm.adoption_notes'",
            [notes],
        )
    else:
        cr.execute(
            "INSERT INTO ir_config_parameter (key, value) VALUES ('bpo_crm.adoption_notes', %s)",
            [notes],
        )
