# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Databases as release 19.0.1.0.0 left them, with a sale in every state of its outbox.

:func:`install_from_history` makes one with that release's own code, where the history of the
checkout holds it. :func:`rebuild` makes one without: it takes back what later releases add to
the database (``first_release.json`` lists what that release had) and writes the outbox's rows in
the shape it had then.
"""

import io
import json
import subprocess
import tarfile
from pathlib import Path

from devlib import databases, paths
from neighbours import OdooBeside

VERSION = "19.0.1.0.0"
DESCRIPTION = Path(__file__).with_name("first_release.json")

# The sales, by the names of their leads; each exists once in a database.
SALES = ("Waiting", "Sent", "Failed", "Withdrawn", "Lost", "Open")

# Runs with either code: leads that are ready to be won, for a dealer to be connected.
_CREATE_LEADS = """
import json
settings = json.loads({settings!r})
env["ir.config_parameter"].set_param("bpo_crm.allow_private_addresses", True)
dealership = env["bpo.dealership"].create({{
    "name": "North Branch", "code": "NORTH", "manager_name": "Branch Manager",
    "manager_email": "branch@example.com", "allow_http": True, **settings,
}})
products = env["product.product"].create([
    {{"name": "City Bike", "default_code": "BIKE-1", "list_price": 1000.0}},
    {{"name": "Discontinued Bike", "default_code": "BIKE-0", "list_price": 500.0}},
])
leads = {{}}
for name in {sales!r}:
    partner = env["res.partner"].create(
        {{"name": f"Customer {{name}}", "email": f"{{name.lower()}}@example.com"}}
    )
    leads[name] = env["crm.lead"].create({{
        "name": name, "type": "opportunity", "dealership_id": dealership.id,
        "partner_id": partner.id,
        "line_ids": [
            (0, 0, {{"product_id": products[name == "Failed"].id, "quantity": 2}})
        ],
    }})
reason = env["crm.lost.reason"].search([("note_required", "=", False)], limit=1)
leads["Lost"].action_set_lost(lost_reason_id=reason.id)
service = env["bpo.service"].create({{"name": "Registration", "stage_ids": env["crm.stage"].create(
    {{"name": "At the office", "stage_type": "service"}}).ids}})
env["bpo.service.request"].create({{"name": "Plates", "service_id": service.id}})
env["bpo.pipeline"].create({{"name": "Fleets", "sequence": 50}})
"""

# Runs with the first release's code: brings each sale into its state.
_SELL = """
(leads["Sent"] + leads["Failed"]).action_set_won()
env.cr.commit()
env["bpo.dealer.order"]._cron_push()
leads["Withdrawn"].action_set_won()
leads["Withdrawn"].write({"stage_id": leads["Open"].stage_id.id})
leads["Waiting"].action_set_won()
env.cr.commit()
"""

# Runs with the present code; ends with a database of which the present ORM knows nothing.
_REBUILD = """
from odoo.tools import sql, SQL
old = json.loads({description!r})
cr = env.cr
for model in ("ir.cron", "mail.activity.type", "mail.template", "ir.sequence"):
    data = env["ir.model.data"].search(
        [("module", "=", "bpo_crm"), ("model", "=", model), ("name", "not in", old["records"])]
    )
    env[model].browse(data.mapped("res_id")).unlink()
template = env.ref("bpo_crm.mail_template_dealer_order_sent")
template.with_context(lang=None).subject = old["mail_template_subject"]
template.email_from = (
    "{{{{ (object.company_id or user.company_id).email_formatted or user.email_formatted }}}}"
)
template.reply_to = False
env.flush_all()
# read while the columns are there that the present code asks for
currencies = {{name: lead.company_currency for name, lead in leads.items()}}
customers = {{name: (lead.partner_id.name, lead.partner_id.email) for name, lead in leads.items()}}

# indexes, constraints, columns and tables that the release did not have
for model in env.registry.models.values():
    if model._abstract or not model._auto:
        continue
    records = env[model._name]
    for table_object in model._table_objects.values():
        name = table_object.full_name(records)
        if table_object._module == "bpo_crm" and name not in old["objects"]:
            cr.execute(SQL("DROP INDEX IF EXISTS %s", SQL.identifier(name)))
            if sql.table_exists(cr, model._table):
                cr.execute(SQL(
                    "ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s",
                    SQL.identifier(model._table), SQL.identifier(name),
                ))
    for field in records._fields.values():
        if "bpo_crm" not in field._modules or not field.store:
            continue
        if field.column_type and field.name not in old["tables"].get(model._table, ()):
            cr.execute(SQL(
                "ALTER TABLE %s DROP COLUMN IF EXISTS %s CASCADE",
                SQL.identifier(model._table), SQL.identifier(field.name),
            ))
        elif field.type == "many2many" and field.relation not in old["tables"]:
            cr.execute(SQL("DROP TABLE IF EXISTS %s CASCADE", SQL.identifier(field.relation)))
for (table,) in env.execute_query(SQL(
    "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'bpo\\\\_%%'"
    " AND table_schema = current_schema"
)):
    if table not in old["tables"]:
        cr.execute(SQL("DROP TABLE IF EXISTS %s CASCADE", SQL.identifier(table)))

# columns that it had, and which of them could not be empty
for table, columns in old["tables"].items():
    if not sql.table_exists(cr, table):
        cr.execute(SQL("CREATE TABLE %s (id SERIAL PRIMARY KEY)", SQL.identifier(table)))
    present = sql.table_columns(cr, table)
    for column, kind in columns.items():
        if column not in present:
            cr.execute(SQL(
                "ALTER TABLE %s ADD COLUMN %s " + kind,
                SQL.identifier(table), SQL.identifier(column),
            ))
        elif f"{{table}}.{{column}}" not in old["required"]:
            sql.drop_not_null(cr, table, column)

# the outbox as that release wrote it
cr.execute("UPDATE bpo_dealership SET odoo_api_key = %s", [settings["odoo_api_key"]])
uuid = env["ir.config_parameter"].get_param("database.uuid").replace("-", "")[:12]
states = {{"Waiting": "pending", "Sent": "sent", "Failed": "failed", "Withdrawn": "cancelled"}}
for name, state in states.items():
    lead = leads[name]
    payload = {{
        "external_id": f"bpo_crm_{{uuid}}.lead_{{lead.id}}",
        "reference": f"BPO-{{lead.id:05}}",
        "origin": f"BPO-{{lead.id:05}}: {{name}}",
        "currency": currencies[name].name,
        "customer": {{
            "external_id": f"bpo_crm_{{uuid}}.customer_{{lead.id:016x}}",
            "name": customers[name][0], "email": customers[name][1], "phone": "",
            "street": "", "street2": "", "zip": "", "city": "", "country_code": "",
            "company_name": "",
        }},
        "lines": [{{
            "default_code": "BIKE-0" if name == "Failed" else "BIKE-1",
            "name": "City Bike", "quantity": 2.0, "price_unit": 1000.0,
        }}],
    }}
    sent = state == "sent"
    cr.execute(
        "INSERT INTO bpo_dealer_order (lead_id, dealership_id, currency_id, reference, state,"
        "    payload, external_id, attempt_count, error, remote_id, remote_name, sent_date,"
        "    create_uid, create_date, write_uid, write_date)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, now(), 1, now())"
        " RETURNING id",
        [lead.id, dealership.id, currencies[name].id, payload["reference"], state,
         json.dumps(payload), payload["external_id"], int(state in ("sent", "failed")),
         "Unknown product: BIKE-0" if state == "failed" else None,
         999999 if sent else None, "S99999" if sent else None,
         env.cr.now() if sent else None],
    )
    [order_id] = cr.fetchone()
    cr.execute(
        "UPDATE crm_lead SET dealer_order_id = %s, dealer_order_state = %s, dealer_so_id = %s,"
        " dealer_so_name = %s WHERE id = %s",
        [order_id, state, 999999 if sent else None, "S99999" if sent else None, lead.id],
    )
    if state != "cancelled":
        cr.execute(
            "UPDATE crm_lead SET stage_id = %s, won_status = 'won', closed_status = 'won',"
            " probability = 100, automated_probability = 100, date_closed = now() WHERE id = %s",
            [won_stage_id, lead.id],
        )
cr.execute(
    "UPDATE ir_module_module SET latest_version = %s WHERE name = 'bpo_crm'", [{version!r}]
)
cr.commit()
"""


def _settings(dealer):
    return json.dumps(
        {
            "odoo_url": dealer.url,
            "odoo_db": dealer.database,
            "odoo_login": dealer.login,
            "odoo_api_key": dealer.api_key,
        }
    )


def find_commit():
    """Return the last commit whose manifest bears the version, or None without the history."""
    found = subprocess.run(
        [
            *["git", "-C", paths.CHECKOUT, "log", "--format=%H"],
            *[f'-S"version": "{VERSION}"', "--", "__manifest__.py"],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    commits = found.stdout.split()
    # the latest of them took the version away, the earliest brought it
    return f"{commits[0]}^" if not found.returncode and len(commits) > 1 else None


def unpack(commit, folder):
    """Unpack the addon as it was at a commit into an addons folder."""
    archive = subprocess.run(
        ["git", "-C", paths.CHECKOUT, "archive", commit], capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder / paths.ADDON, filter="data")


def install_from_history(world, dealer, name, folder):
    """Make the database with the release's own code.

    :param name: of a database that has the modules the addon depends on
    :param folder: an addons folder that :func:`unpack` has filled
    """
    odoo = OdooBeside(world.odoo.home, world.odoo.python, folder, with_checkout=False)
    databases.install(odoo, world.postgres, name, [paths.ADDON])
    code = _CREATE_LEADS.format(settings=_settings(dealer), sales=SALES) + _SELL
    databases.shell(odoo, world.postgres, name, code)


def rebuild(world, dealer, name):
    """Make the database out of one in which the present addon is installed.

    :param name: of that database
    """
    code = _CREATE_LEADS.format(settings=_settings(dealer), sales=SALES)
    code += "won_stage_id = leads['Open'].pipeline_id.won_stage_id.id\n"
    code += _REBUILD.format(description=DESCRIPTION.read_text("utf-8"), version=VERSION)
    databases.shell(world.odoo, world.postgres, name, code)
