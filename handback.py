# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Give stages, leads and users back to stock CRM when the addon is uninstalled."""


def hand_back(env):
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
