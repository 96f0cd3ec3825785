# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Adopt the stages and leads of a CRM in use.

Leads are adopted by set-based SQL before the ORM touches the new columns, so that a database with
a million of them is installed in seconds and no lead is recomputed: stage and outcome stay. New
stages, a handful, are created by the ORM: other addons may have required columns there.
"""

from .history import build_history, note, telling_progress
from .models.stage.bpo_pipeline import ADOPTION_NOTES

# The stages stock CRM ships, as (external id, source name), and what we make of them.
STOCK_STAGES = {
    "stage_lead1": ("New", {"name": "New", "sequence": 10}),
    "stage_lead2": ("Qualified", {"name": "Qualified", "sequence": 20}),
    "stage_lead3": ("Proposition", {"name": "Negotiation", "sequence": 30}),
    "stage_lead4": ("Won", {"name": "Won", "sequence": 40}),
}

# The closing stages that every pipeline has, by the flag that makes them one.
CLOSING_STAGES = {
    "is_won": {"name": "Won", "color": 10, "fold": False},
    "is_lost": {"name": "Lost", "color": 1, "fold": True},
}


def adopt(env):
    """Create the new columns and give every stage and lead its place in a pipeline."""
    cr = env.cr
    env.flush_all()
    _create_columns(cr)
    default_id = _create_default_pipeline(cr)
    _adopt_stages(cr, default_id)
    _separate_names(cr)
    _separate_won_stages(cr)
    _adapt_stock_stages(cr, default_id)
    _add_closing_stages(env)
    with telling_progress(cr, "crm_lead", "the pipelines of leads"):
        _adopt_leads(cr, default_id)
    build_history(cr)
    _forget_notes_of_empty_crm(cr)
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


# ------------------------------------------------------------
# PIPELINES
# ------------------------------------------------------------


def _create_default_pipeline(cr):
    """Create *BPO Sales* under its external id and return its database id.

    It is in no data file: one that a manager deletes does not come back with an update.
    """
    in_use = _is_in_use(cr)
    pipeline_id = _create_pipeline(cr, "BPO Sales", sequence=10, push_orders=not in_use)
    if in_use:
        note(
            cr,
            "Pipelines create no dealer orders at first, so that leads are won as before: switch "
            "Create Dealer Orders on where they are to become orders at their dealerships.",
        )
    cr.execute(
        """
        INSERT INTO ir_model_data (module, name, model, res_id, noupdate)
             VALUES ('bpo_crm', 'pipeline_bpo_sales', 'bpo.pipeline', %s, TRUE)
        """,
        [pipeline_id],
    )
    return pipeline_id


def _is_in_use(cr):
    """Tell whether there are leads, which nobody has prepared for orders of a dealership."""
    cr.execute("SELECT EXISTS (SELECT FROM crm_lead)")
    return cr.fetchone()[0]


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


def _free_pipeline_name(cr, name):
    """Return ``name``, numbered where another pipeline bears it already."""
    free, number = name, 1
    while _is_pipeline_name_taken(cr, free):
        number += 1
        free = f"{name} ({number})"
    return free


def _is_pipeline_name_taken(cr, name):
    """Tell whether a pipeline bears a name, as the unique index compares them."""
    cr.execute(
        "SELECT EXISTS (SELECT FROM bpo_pipeline"
        "                WHERE lower(btrim(name->>'en_US')) = lower(btrim(%s)))",
        [name],
    )
    return cr.fetchone()[0]


# ------------------------------------------------------------
# STAGES
# ------------------------------------------------------------


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
        note(cr, f"Pipeline “{name}” was made of {len(stages)} stages reserved for its teams.")
    cr.execute("UPDATE crm_stage SET pipeline_id = %s WHERE pipeline_id IS NULL", [default_id])


def _separate_names(cr):
    """Number stages that would bear the same name in the same pipeline."""
    cr.execute(
        """
        SELECT id, pipeline_id, name->>'en_US'
          FROM (SELECT id, pipeline_id, name,
                       row_number() OVER (
                           PARTITION BY pipeline_id, lower(btrim(name->>'en_US'))
                               ORDER BY sequence, id) AS number
                  FROM crm_stage) numbered
         WHERE number > 1
      ORDER BY id
        """
    )
    for stage_id, pipeline_id, name in cr.fetchall():
        suffix = _free_suffix(cr, pipeline_id, name, f" ({stage_id})")
        cr.execute(
            """
            UPDATE crm_stage
               SET name = (SELECT jsonb_object_agg(lang, value || %s)
                             FROM jsonb_each_text(name) AS term(lang, value))
             WHERE id = %s
            """,
            [suffix, stage_id],
        )
        note(cr, f"A stage of a name used twice in its pipeline is now called “{name}{suffix}”.")


def _free_suffix(cr, pipeline_id, name, suffix):
    """Return what distinguishes ``name`` from the other stages of a pipeline.

    :param suffix: what is tried first, and repeated where that is taken too
    """
    free = suffix
    while _is_stage_name_taken(cr, pipeline_id, name + free):
        free += suffix
    return free


def _is_stage_name_taken(cr, pipeline_id, name):
    """Tell whether a stage of a pipeline bears a name, as the unique index compares them."""
    cr.execute(
        "SELECT EXISTS (SELECT FROM crm_stage WHERE pipeline_id = %s"
        "                  AND lower(btrim(name->>'en_US')) = lower(btrim(%s)))",
        [pipeline_id, name],
    )
    return cr.fetchone()[0]


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
        note(
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
            note(cr, f"The stage “{name}” is now called “{values['name']}”.")
        cr.execute(
            "UPDATE crm_stage SET sequence = %s WHERE id = %s", [values["sequence"], stage_id]
        )


def _add_closing_stages(env):
    """Give each pipeline the won and the lost stage it lacks."""
    for flag, values in CLOSING_STAGES.items():
        env.cr.execute(
            f"""
            SELECT pipeline.id, pipeline.name->>'en_US',
                   COALESCE((SELECT max(sequence) FROM crm_stage
                              WHERE pipeline_id = pipeline.id), 0) + 10
              FROM bpo_pipeline pipeline
             WHERE NOT EXISTS (SELECT FROM crm_stage
                                WHERE pipeline_id = pipeline.id AND {flag})
          ORDER BY pipeline.id
            """  # noqa: S608, flag comes from the constant above
        )
        for pipeline_id, pipeline_name, sequence in env.cr.fetchall():
            _create_closing_stage(env, flag, pipeline_id, {**values, "sequence": sequence})
            note(
                env.cr,
                f"A {values['name']} stage was added to the pipeline “{pipeline_name}”.",
            )


def _create_closing_stage(env, flag, pipeline_id, values):
    """Create a closing stage of a pipeline.

    The ORM fills what other addons require of a stage; it does not know our columns yet.

    :param flag: "is_won" or "is_lost"
    :param values: values of stock's own fields
    """
    name = values["name"]
    if _is_stage_name_taken(env.cr, pipeline_id, name):
        name += _free_suffix(env.cr, pipeline_id, name, " (closed)")
    # The default is heard only where the addon is loaded already, as in its tests.
    stages = env["crm.stage"].with_context(lang="en_US", default_pipeline_id=pipeline_id)
    stage = stages.create({**values, "name": name})
    stage.flush_recordset()
    env.cr.execute(
        """
        UPDATE crm_stage
           SET active = TRUE, stage_type = 'deal', pipeline_id = %s, is_won = %s, is_lost = %s
         WHERE id = %s
        """,
        [pipeline_id, flag == "is_won", flag == "is_lost", stage.id],
    )


# ------------------------------------------------------------
# LEADS
# ------------------------------------------------------------


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


# ------------------------------------------------------------
# NOTES
# ------------------------------------------------------------


def _forget_notes_of_empty_crm(cr):
    """Where nobody worked yet, the shipped stages are no news."""
    cr.execute(
        "DELETE FROM ir_config_parameter WHERE key = %s AND NOT EXISTS (SELECT FROM crm_lead)",
        [ADOPTION_NOTES],
    )
