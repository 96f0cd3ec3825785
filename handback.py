# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Give stages, leads and users back to stock CRM when the addon is uninstalled."""

import logging

import psycopg2

from odoo import Command
from odoo.exceptions import UserError

from .models.engine.dealer_queue import JobQueue, has_queue

_logger = logging.getLogger(__name__)

# How many of the leads whose orders are lost the log names.
NAMED_LEADS = 50


def hand_back(env):
    """Leave a working stock CRM: lost leads lost the stock way, no stages that are none there."""
    cr = env.cr
    env.flush_all()
    _say_which_orders_are_lost(env)
    if has_queue(env):
        JobQueue(env).forget()
    _keep_sales_roles(env)
    # What reports stand on goes with the addon; row by row, stages would be looked for in it.
    cr.execute("TRUNCATE bpo_stage_entry")
    _lose_leads_by_archiving(cr)
    _leave_lost_stages(cr)
    env.invalidate_all()
    _remove_lost_stages(env)
    # Requests go with the addon anyway, but they would hold their stages back here.
    cr.execute("DELETE FROM bpo_service_request")
    cr.execute("DELETE FROM crm_stage WHERE stage_type = 'service'")
    cr.execute("UPDATE crm_stage SET active = TRUE WHERE active IS FALSE")
    # Pipelines go with their table; deleted as records they would take their stages along.
    cr.execute("DELETE FROM ir_model_data WHERE module = 'bpo_crm' AND model = 'bpo.pipeline'")
    env.ref("crm.crm_stage_action").context = "{}"
    env["ir.config_parameter"].sudo().search([("key", "=like", "bpo\\_crm.%")]).unlink()
    # Menus, access rights and view texts of stock that we changed come back with its own data,
    # but for translations that are there.
    env["ir.module.module"]._forget_renamed()
    env["ir.module.module"].search([("name", "=", "crm"), ("state", "=", "installed")]).write(
        {"state": "to upgrade"}
    )
    env.invalidate_all()


def _say_which_orders_are_lost(env):
    """Log, and note on the leads, which dealer orders will never be sent."""
    orders = env["bpo.dealer.order"]._get_unfinished()
    if not orders:
        return
    _logger.warning(
        "%s The leads: %s%s",
        orders._get_uninstall_warning(),
        ", ".join(
            f"{order.lead_id.display_name} ({order.lead_id.id})" for order in orders[:NAMED_LEADS]
        ),
        "" if len(orders) <= NAMED_LEADS else ", …",
    )
    orders._log_uninstallation()


def _keep_sales_roles(env):
    """Give whoever has a role of ours, by themselves or by another group, stock's role with it."""
    data = env["ir.model.data"].search([("module", "=", "bpo_crm"), ("model", "=", "res.groups")])
    ours = env["res.groups"].browse(data.mapped("res_id")).with_context(active_test=False)
    for group in ours:
        stock = group.implied_ids - ours
        stock.write(
            {
                "user_ids": [Command.link(user_id) for user_id in group.user_ids.ids],
                "implied_by_ids": [
                    Command.link(other_id) for other_id in (group.implied_by_ids - ours).ids
                ],
            }
        )


def _lose_leads_by_archiving(cr):
    """Make lost leads what stock knows as lost."""
    cr.execute(
        "UPDATE crm_lead SET active = FALSE, probability = 0, automated_probability = 0"
        " WHERE closed_status = 'lost'"
    )


def _leave_lost_stages(cr):
    """Put the leads of lost stages back to where they were lost.

    To stock, a lost stage is a column like the others: leads restored there would be open. Leads
    that were lost from nowhere go to the first open stage of the pipeline.
    """
    cr.execute(
        """
        WITH open_stage AS (
            SELECT id, pipeline_id, sequence
              FROM crm_stage
             WHERE stage_type = 'deal' AND is_lost IS NOT TRUE AND is_won IS NOT TRUE
        )
        UPDATE crm_lead lead
           SET stage_id = place.stage_id
          FROM (SELECT lost.id,
                       COALESCE(
                           (SELECT id FROM open_stage WHERE id = lost.lost_from_stage_id),
                           (SELECT id FROM open_stage
                             WHERE pipeline_id = stage.pipeline_id
                          ORDER BY sequence, id LIMIT 1)
                       ) AS stage_id
                  FROM crm_lead lost
                  JOIN crm_stage stage ON stage.id = lost.stage_id AND stage.is_lost) place
         WHERE place.id = lead.id AND place.stage_id IS NOT NULL
        """
    )


def _remove_lost_stages(env):
    """Delete the lost stages, so that installing again does not find them as open ones."""
    stages = env["crm.stage"].with_context(active_test=False).search([("is_lost", "=", True)])
    for stage in stages - env["crm.stage"].browse(list(stages._get_usage())):
        try:
            with env.cr.savepoint():
                stage.unlink()
        except (UserError, psycopg2.IntegrityError) as error:
            _logger.warning(
                "The stage “%s” stays, although its leads are lost by archiving now: %s",
                stage.name,
                error,
            )
