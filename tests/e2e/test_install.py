# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Installing on a CRM in use keeps every lead and its outcome; uninstalling gives them back."""

import re

import pytest
from devlib import databases, paths
from devlib.postgres import database_name
from neighbours import odoo_with_neighbours

# of the leads that were there before
LEADS = (
    "SELECT string_agg(concat_ws(',', id, stage_id, won_status, active, probability, date_closed,"
    " lost_reason_id), '|' ORDER BY id) FROM crm_lead WHERE id <= {last}"
)
STAGES = (
    "SELECT string_agg(concat_ws(',', name->>'en_US', COALESCE(is_won, FALSE), is_lost), '|'"
    " ORDER BY sequence)"
    " FROM crm_stage WHERE stage_type = 'deal'"
)

# what the models declare for the database and it does not hold, and required columns without it
MISSING_OBJECTS = """
from odoo.tools import sql
missing = []
for model in env.registry.models.values():
    if model._auto and not model._abstract:
        records = env[model._name]
        for table_object in model._table_objects.values():
            if table_object._module == "bpo_crm":
                name = table_object.full_name(records)
                if not (
                    sql.constraint_definition(env.cr, model._table, name)
                    or sql.index_definition(env.cr, name)[0]
                ):
                    missing.append(name)
        columns = sql.table_columns(env.cr, model._table)
        missing += [
            f"{model._table}.{field.name} NOT NULL"
            for field in records._fields.values()
            if "bpo_crm" in field._modules
            and field.store and field.column_type and field.required
            and columns[field.name]["is_nullable"] == "YES"
        ]
print("missing", sorted(missing))
"""
NEIGHBOUR = "crm_stage_probability"


@pytest.fixture
def copied(world):
    """Yield a function that copies a template: name of the copy and function that runs SQL."""
    name = database_name("e2e_crm_in_use")

    def copy(template):
        world.postgres.clone(template, name)
        return name, lambda statement: world.postgres.sql(statement, name)

    yield copy
    world.postgres.drop(name)


@pytest.fixture
def stock(world):
    """The template with stock CRM and its demo data."""
    return databases.template(world.odoo, world.postgres, databases.dependencies(), demo=True)


@pytest.fixture
def crm_in_use(stock, copied):
    """A database with stock CRM and its demo data: name and function that runs SQL.

    As if people had entered it: where Odoo knows it as demo data, ours sets it aside.
    """
    name, sql = copied(stock)
    sql("UPDATE ir_module_module SET demo = FALSE")
    return name, sql


@pytest.fixture
def crm_with_addon(world, copied):
    """The same after the addon's installation."""
    return copied(databases.addon_template(world.odoo, world.postgres, demo=True))


def install(world, name):
    databases.install(world.odoo, world.postgres, name, [paths.ADDON])


def uninstall(world, name):
    run_code(
        world,
        name,
        f"env['ir.module.module'].search([('name', '=', '{paths.ADDON}')])"
        ".button_immediate_uninstall()",
    )


def uninstall_with_log(world, name):
    """Uninstall as *Apps* does at the next start, and return what was logged."""
    run_code(
        world,
        name,
        f"env['ir.module.module'].search([('name', '=', '{paths.ADDON}')]).button_uninstall()",
    )
    databases.install(world.odoo, world.postgres, name, ["base"])
    return (paths.log_dir() / f"{name}.log").read_text("utf-8")


def upgrade(world, name, *modules):
    run_code(
        world,
        name,
        f"env['ir.module.module'].search([('name', 'in', {modules or (paths.ADDON,)})])"
        ".button_immediate_upgrade()",
    )


def run_code(world, name, code):
    """Run Python inside Odoo; it commits unless it fails, and what it printed is returned."""
    return databases.shell(world.odoo, world.postgres, name, f"{code}\nenv.cr.commit()\n")


def assert_database_is_complete(world, name):
    """Check that every index, constraint and required column of the addon is there.

    One that cannot be created stops no installation; it is a line in the log.
    """
    assert "missing []" in run_code(world, name, MISSING_OBJECTS)


def test_used_database_with_teams_and_two_won_stages(world, crm_in_use):
    name, sql = crm_in_use
    sql(
        """
        INSERT INTO crm_stage (name, sequence, is_won) VALUES
            ('{"en_US": "Delivered"}', 80, TRUE),
            ('{"en_US": "Test drive"}', 5, FALSE),
            ('{"en_US": "test drive "}', 6, FALSE);
        INSERT INTO crm_stage_crm_team_rel (crm_stage_id, crm_team_id)
             SELECT stage.id, team.id
               FROM crm_stage stage, (SELECT min(id) AS id FROM crm_team) team
              WHERE stage.name->>'en_US' ILIKE 'test drive%';
        UPDATE crm_lead
           SET stage_id = (SELECT id FROM crm_stage WHERE name->>'en_US' = 'Delivered'),
               probability = 100, automated_probability = 100, won_status = 'won', active = TRUE
         WHERE id IN (SELECT id FROM crm_lead ORDER BY id LIMIT 3);
        """
    )
    leads = LEADS.format(last=sql("SELECT max(id) FROM crm_lead"))
    before = sql(leads)
    count = f"{int(sql('SELECT count(*) FROM crm_lead')):,}"
    install(world, name)
    assert sql(leads) == before
    log = (paths.log_dir() / f"{name}.log").read_text("utf-8")
    assert f"Installing: the pipelines of leads, {count} records" in log
    assert re.search(r"Installed: the history of crm_lead in .* s, [\d,]+ records a second", log)
    one_each = sql(
        "SELECT count(*) FROM bpo_pipeline pipeline WHERE 1 <> (SELECT count(*) FROM crm_stage"
        " WHERE pipeline_id = pipeline.id AND is_won AND active) OR 1 <> (SELECT count(*)"
        " FROM crm_stage WHERE pipeline_id = pipeline.id AND is_lost AND active)"
    )
    assert one_each == "0"
    assert (
        sql(
            "SELECT count(*) FROM crm_lead lead JOIN crm_stage stage ON stage.id = lead.stage_id"
            " WHERE stage.pipeline_id <> lead.pipeline_id"
        )
        == "0"
    )
    won = "SELECT count(*) FROM crm_lead WHERE won_status = 'won'"
    count = sql(won)
    databases.shell(
        world.odoo,
        world.postgres,
        name,
        "leads = env['crm.lead'].search([('won_status', '=', 'won')])\n"
        "leads.write({'city': 'Elsewhere'})\n"
        "leads._compute_probabilities()\n"
        "env.cr.commit()",
    )
    assert sql(won) == count


def test_upgrade_keeps_the_outcomes_of_cleared_flags(world, crm_with_addon):
    name, sql = crm_with_addon
    databases.shell(
        world.odoo,
        world.postgres,
        name,
        "reason = env['crm.lost.reason'].search([], limit=1)\n"
        "lead = env['crm.lead'].search([('won_status', '=', 'pending')], limit=1)\n"
        "lead.action_set_lost(lost_reason_id=reason.id)\n"
        "stages = lead.pipeline_id.won_stage_id + lead.pipeline_id.lost_stage_id\n"
        "stages.write({'is_won': False, 'is_lost': False})\n"
        "env.cr.commit()",
    )
    closed = (
        "SELECT string_agg(concat_ws(',', id, stage_id, won_status, closed_status, active,"
        " probability, automated_probability, date_closed, lost_reason_id), '|' ORDER BY id)"
        " FROM crm_lead WHERE closed_status IS NOT NULL"
    )
    before = sql(closed)
    assert ",won," in before
    assert ",lost," in before
    databases.shell(
        world.odoo,
        world.postgres,
        name,
        f"env['ir.module.module'].search([('name', 'in', ['crm', '{paths.ADDON}'])])"
        ".button_immediate_upgrade()",
    )
    assert sql(closed) == before


def test_stock_database_with_demo_data_and_back(world, crm_in_use):
    """Installed, every lead is what it was; uninstalled, a working stock CRM is left."""
    name, sql = crm_in_use
    leads = LEADS.format(last=sql("SELECT max(id) FROM crm_lead"))
    before = sql(leads)
    stages = sql("SELECT count(*) FROM crm_stage")
    assert before and int(stages) == 4
    install(world, name)
    assert sql(leads) == before
    assert sql(STAGES) == "New,f,f|Qualified,f,f|Negotiation,f,f|Won,t,f|Lost,f,t"
    assert sql("SELECT count(*) FROM crm_lead WHERE pipeline_id IS NULL") == "0"
    databases.shell(
        world.odoo,
        world.postgres,
        name,
        "lead = env['crm.lead'].search([('won_status', '=', 'pending')], order='id', limit=1)\n"
        "lead.name = 'Lost by us'\n"
        "lead.action_set_lost(lost_reason_id=env['crm.lost.reason'].search([], limit=1).id)\n"
        "stage = env['crm.stage'].create({'name': 'Only for services', 'stage_type': 'service'})\n"
        "service = env['bpo.service'].create({'name': 'Papers', 'stage_ids': stage.ids})\n"
        "env['bpo.service.request'].create({'name': 'Plates', 'service_id': service.id})\n"
        "env.cr.commit()",
    )
    lost = sql("SELECT id FROM crm_lead WHERE name = 'Lost by us'")
    uninstall(world, name)
    assert sql("SELECT state FROM ir_module_module WHERE name = 'bpo_crm'") == "uninstalled"
    others = [row for row in before.split("|") if not row.startswith(f"{lost},")]
    assert [row for row in sql(leads).split("|") if not row.startswith(f"{lost},")] == others
    assert sql(f"SELECT active OR probability > 0 FROM crm_lead WHERE id = {lost}") == "f"
    assert sql("SELECT count(*) FROM crm_stage WHERE name->>'en_US' = 'Only for services'") == "0"
    assert sql("SELECT count(*) FROM ir_ui_menu WHERE name->>'en_US' = 'BPO CRM'") == "0"
    working = databases.shell(
        world.odoo,
        world.postgres,
        name,
        "lead = env['crm.lead'].create({'name': 'After', 'type': 'opportunity'})\n"
        "lead.action_set_won()\n"
        "print('status', lead.won_status)\n"
        "restored = env['crm.lead'].with_context(active_test=False).browse("
        f"{lost})\nrestored.action_restore()\n"
        "print('restored', restored.won_status)",
    )
    assert "status won" in working
    assert "restored pending" in working


def test_names_that_collide_after_numbering(world, crm_in_use):
    name, sql = crm_in_use
    sql(
        """
        INSERT INTO crm_stage (id, name, sequence) VALUES
            (901, '{"en_US": "Deal"}', 81),
            (902, '{"en_US": "deal"}', 82),
            (903, '{"en_US": "DEAL (902)"}', 83),
            (904, '{"en_US": "deal (902) "}', 84),
            (905, '{"en_US": "Lost"}', 85),
            (906, '{"en_US": "Lost (closed)"}', 86);
        UPDATE crm_team SET name = '{"en_US": "BPO Sales"}' WHERE id = 1;
        UPDATE crm_team SET name = '{"en_US": "BPO Sales (2)"}'
         WHERE id = (SELECT min(id) FROM crm_team WHERE id > 1);
        INSERT INTO crm_stage (id, name, sequence) VALUES
            (907, '{"en_US": "One"}', 87), (908, '{"en_US": "Two"}', 88);
        INSERT INTO crm_stage_crm_team_rel (crm_stage_id, crm_team_id)
             SELECT CASE name->>'en_US' WHEN 'BPO Sales' THEN 907 ELSE 908 END, id
               FROM crm_team WHERE name->>'en_US' LIKE 'BPO Sales%';
        INSERT INTO crm_lost_reason (name, active) VALUES
            ('{"en_US": "Price"}', TRUE), ('{"en_US": "price"}', FALSE),
            ('{"en_US": "Price 2"}', TRUE), ('{"en_US": "PRICE"}', TRUE),
            ('{"en_US": "\u0426\u0435\u043d\u0430"}', TRUE), ('{"en_US": "???"}', TRUE);
        """
    )
    install(world, name)
    assert_database_is_complete(world, name)
    assert sql("SELECT name->>'en_US' FROM crm_stage WHERE id IN (901, 903) ORDER BY id") == (
        "Deal\nDEAL (902)"
    )
    assert sql("SELECT name->>'en_US' FROM bpo_pipeline ORDER BY id") == (
        "BPO Sales\nBPO Sales (2)\nBPO Sales (2) (2)"
    )


@pytest.mark.parametrize("first", [NEIGHBOUR, paths.ADDON, "both at once"])
def test_beside_an_addon_with_a_required_column_on_stages(world, crm_in_use, first):
    name, sql = crm_in_use
    odoo = odoo_with_neighbours(world.odoo)
    sql(
        """
        INSERT INTO crm_stage (name, sequence) VALUES ('{"en_US": "Reserved"}', 80);
        INSERT INTO crm_stage_crm_team_rel (crm_stage_id, crm_team_id)
             SELECT stage.id, (SELECT min(id) FROM crm_team)
               FROM crm_stage stage WHERE stage.name->>'en_US' = 'Reserved';
        """
    )
    pairs = {
        NEIGHBOUR: [[NEIGHBOUR], [paths.ADDON]],
        paths.ADDON: [[paths.ADDON], [NEIGHBOUR]],
    }
    for modules in pairs.get(first, [[NEIGHBOUR, paths.ADDON]]):
        databases.install(odoo, world.postgres, name, modules)
    assert sql("SELECT count(*) FROM crm_stage WHERE probability IS NULL") == "0"
    assert sql("SELECT count(*) FROM bpo_pipeline") == "2"
    assert sql("SELECT count(*) FROM crm_stage WHERE is_won OR is_lost") == "4"
    code = """
for model, view in (("crm.stage", "list"), ("crm.stage", "form"), ("crm.stage", "search")):
    arch = env[model].get_view(view_type=view)["arch"]
    for field in ("probability", "pipeline_id"):
        assert f'name="{field}"' in arch, (view, field)
assert "stage_probability" in env["crm.lead"].get_view(view_type="form")["arch"]
lead = env["crm.lead"].create({"name": "Won", "type": "opportunity"})
lead.action_set_won()
other = env["crm.lead"].create({"name": "Lost", "type": "opportunity"})
other.action_set_lost(lost_reason_id=env["crm.lost.reason"].search([], limit=1).id)
print("outcomes", lead.won_status, other.won_status)
"""
    printed = databases.shell(odoo, world.postgres, name, code + MISSING_OBJECTS)
    assert "outcomes won lost" in printed
    assert "missing []" in printed


def test_update_keeps_what_managers_made_of_shipped_records(world, crm_with_addon):
    name, sql = crm_with_addon
    run_code(
        world,
        name,
        """
shipped = env.ref("bpo_crm.pipeline_bpo_sales")
other = env["bpo.pipeline"].create({"name": "Cars", "sequence": 99})
leads = env["crm.lead"].with_context(active_test=False).search([("pipeline_id", "=", shipped.id)])
leads.write({"pipeline_id": other.id, "stage_id": other.stage_ids[0].id})
shipped.unlink()
stage = env["crm.stage"].create({"name": "On the desk", "stage_type": "service"})
service = env["bpo.service"].create({"name": "Sorting", "stage_ids": stage.ids})
env["bpo.service.request"].create([{"name": "Plates", "service_id": service.id}] * 3)
env.ref("bpo_crm.sequence_bpo_service_request").unlink()
env.ref("bpo_crm.mail_template_dealer_order_sent").unlink()
env.ref("bpo_crm.lost_reason_competitor").unlink()
env.ref("crm.lost_reason_1").unlink()
env.ref("bpo_crm.ir_cron_push_dealer_orders").write({"name": "Ours", "active": False})
env.ref("bpo_crm.mail_activity_type_dealer_paused").unlink()
env.ref("bpo_crm.mail_activity_type_dealer_order_failed").name = "Look here"
env.ref("bpo_crm.bpo_pipeline_rule_company").active = False
env.ref("bpo_crm.lead_hatchback_first_car").unlink()
env.ref("bpo_crm.user_demo_ben").unlink()
""",
    )
    last = int(sql("SELECT max(reference) FROM bpo_service_request").removeprefix("SR"))
    assert last >= 3
    for modules in ((paths.ADDON,), ("crm",)):
        upgrade(world, name, *modules)
        assert sql("SELECT name->>'en_US' FROM bpo_pipeline") == "Cars"
        assert sql("SELECT count(*) FROM crm_stage WHERE stage_type = 'deal'") == "3"
        assert_database_is_complete(world, name)
    printed = run_code(
        world,
        name,
        """
lead = env["crm.lead"].create({"name": "After", "type": "opportunity"})
print("stage:", lead.pipeline_id.name, lead.stage_id.name)
service = env["bpo.service"].search([("name", "=", "Sorting")])
request = env["bpo.service.request"].create({"name": "Next", "service_id": service.id})
print("request:", request.reference)
ref = lambda name: env.ref(f"bpo_crm.{name}", raise_if_not_found=False)
print("template:", bool(ref("mail_template_dealer_order_sent")))
print("reason:", bool(ref("lost_reason_competitor")))
cron = ref("ir_cron_push_dealer_orders")
print("cron:", cron.name, cron.active)
print("paused:", bool(ref("mail_activity_type_dealer_paused")))
print("failed:", ref("mail_activity_type_dealer_order_failed").name)
print("rule:", ref("bpo_pipeline_rule_company").active)
print("demo lead:", bool(ref("lead_hatchback_first_car")))
print("demo user:", bool(ref("user_demo_ben")))
""",
    )
    assert [line for line in printed.splitlines() if ": " in line] == [
        "stage: Cars New",
        # a sequence that is needed comes back, and goes on where the deleted one ended
        f"request: SR{last + 1:05}",
        # no e-mails without the template: deleting it is a way to say so
        "template: False",
        "reason: False",
        "cron: Ours False",
        # needed where a dealership is paused
        "paused: True",
        "failed: Look here",
        "rule: False",
        "demo lead: False",
        "demo user: False",
    ]


def test_uninstalling_says_what_is_lost_and_keeps_the_users_roles(world, crm_with_addon):
    name, sql = crm_with_addon
    printed = run_code(
        world,
        name,
        """
from odoo.tests.common import new_test_user
demo = env["bpo.dealer.order"].search([("state", "in", ("pending", "failed"))])
demo.write({"state": "cancelled"})
for role in ("agent", "supervisor", "manager"):
    new_test_user(env, f"only_{role}", groups=f"base.group_user,bpo_crm.group_{role}")
custom = env["res.groups"].create(
    {"name": "Night shift", "implied_ids": [(4, env.ref("bpo_crm.group_supervisor").id)]}
)
night = new_test_user(env, "only_night", groups="base.group_user")
night.group_ids += custom
env["res.users"].search([("login", "=", "only_agent")]).active = False
env["ir.config_parameter"].set_param("bpo_crm.allow_private_addresses", True)
dealership = env["bpo.dealership"].create({
    "name": "North", "code": "NORTH", "odoo_url": "https://127.0.0.1:1", "odoo_db": "north",
    "odoo_login": "bpo", "odoo_api_key": "secret",
})
product = env["product.product"].create({"name": "Bike", "default_code": "BIKE-1"})
lead = env["crm.lead"].create({
    "name": "Waiting at the end", "type": "opportunity", "dealership_id": dealership.id,
    "partner_id": env["res.partner"].create({"name": "Ada", "email": "ada@example.com"}).id,
    "line_ids": [(0, 0, {"product_id": product.id, "quantity": 2})],
})
lead.action_set_won()
assert lead.dealer_order_id.state == "pending"
wizard = env["base.module.uninstall"].create(
    {"module_ids": env.ref("base.module_bpo_crm").ids}
)
assert "bpo_crm_warning" in wizard.get_view(view_type="form")["arch"]
print("warning:", wizard.bpo_crm_warning)
other = env["base.module.uninstall"].create({"module_ids": env.ref("base.module_mail").ids})
print("through a dependency:", bool(other.bpo_crm_warning))
other = env["base.module.uninstall"].create({"module_ids": env.ref("base.module_utm").ids})
other.module_ids = env["ir.module.module"].search(
    [("state", "=", "installed"), ("dependencies_id.name", "=", "crm"),
     ("name", "!=", "bpo_crm")], limit=1)
print("another:", bool(other.bpo_crm_warning))
""",
    )
    assert (
        "warning: Orders of won leads that have not reached their dealership: 1 (North)" in printed
    )
    assert "through a dependency: True" in printed
    assert "another: False" in printed
    log = uninstall_with_log(world, name)
    assert "Waiting at the end" in log
    assert "not reached their dealership: 1 (North)" in log
    assert (
        sql(
            "SELECT count(*) FROM mail_message message JOIN crm_lead lead"
            "    ON message.model = 'crm.lead' AND message.res_id = lead.id"
            " WHERE lead.name = 'Waiting at the end' AND message.body LIKE '%uninstalled%'"
        )
        == "1"
    )
    roles = run_code(
        world,
        name,
        """
names = ["salesman", "salesman_all_leads", "manager"]
for user in env["res.users"].with_context(active_test=False).search(
    [("login", "=like", "only_%")], order="login"
):
    had = [name for name in names if user.has_group(f"sales_team.group_sale_{name}")]
    print("role:", user.login, *had)
""",
    )
    assert [line for line in roles.splitlines() if line.startswith("role:")] == [
        "role: only_agent salesman",
        "role: only_manager salesman salesman_all_leads manager",
        "role: only_night salesman salesman_all_leads",
        "role: only_supervisor salesman salesman_all_leads",
    ]


def test_installing_again_finds_no_stage_left_from_before(world, crm_with_addon):
    name, sql = crm_with_addon
    run_code(
        world,
        name,
        """
reason = env["crm.lost.reason"].search([], limit=1)
stages = env["crm.stage"].search([("stage_type", "=", "deal")])
qualified = stages.filtered(lambda stage: stage.name == "Qualified")
env["crm.lead"].create({
    "name": "Lost from the beginning", "type": "opportunity",
    "stage_id": stages.filtered("is_lost").id, "lost_reason_id": reason.id,
})
lead = env["crm.lead"].create(
    {"name": "Lost on the way", "type": "opportunity", "stage_id": qualified.id}
)
lead.action_set_lost(lost_reason_id=reason.id)
env["bpo.pipeline"].create({"name": "Unused"})
""",
    )
    uninstall(world, name)
    left = sql("SELECT string_agg(DISTINCT name->>'en_US', ',') FROM crm_stage")
    assert "Lost" not in left
    lost = (
        "SELECT stage.name->>'en_US', lead.active, lead.won_status, lead.lost_reason_id IS NULL"
        " FROM crm_lead lead LEFT JOIN crm_stage stage ON stage.id = lead.stage_id"
        " WHERE lead.name IN ('Lost on the way', 'Lost from the beginning') ORDER BY 1"
    )
    before = sql(lost)
    assert before.split() == ["New|f|lost|f", "Qualified|f|lost|f"]
    install(world, name)
    assert sql(lost) == before
    assert (
        sql("SELECT name->>'en_US', is_lost FROM crm_stage WHERE name->>'en_US' ILIKE '%lost%'")
        == "Lost|t"
    )
    assert_database_is_complete(world, name)
