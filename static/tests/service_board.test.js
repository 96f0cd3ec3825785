// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {describe, expect, test} from "@odoo/hoot";
import {queryAllTexts} from "@odoo/hoot-dom";
import {
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
    patchWithCleanup,
} from "@web/../tests/web_test_helpers";
import {user} from "@web/core/user";

describe.current.tags("desktop");

class Stage extends models.Model {
    _name = "crm.stage";

    name = fields.Char();
    color = fields.Integer();
    icon = fields.Char();
    record_limit = fields.Integer();
    limit_count = fields.Integer();
    limit_scope = fields.Char();

    _records = [
        {id: 1, name: "Received", color: 0, icon: "fa-inbox"},
        {id: 2, name: "Waiting", color: 3, icon: false},
    ];
}

class Service extends models.Model {
    _name = "bpo.service";

    name = fields.Char();
    stage_ids = fields.Many2many({relation: "crm.stage"});

    _records = [{id: 1, name: "Papers", stage_ids: [2, 1]}];
}

class ServiceRequest extends models.Model {
    _name = "bpo.service.request";

    name = fields.Char();
    stage_id = fields.Many2one({relation: "crm.stage"});
    stage_id_color = fields.Integer({related: "stage_id.color"});
    stage_id_icon = fields.Char({related: "stage_id.icon"});
    service_id = fields.Many2one({relation: "bpo.service"});
    service_stage_ids = fields.Many2many({related: "service_id.stage_ids", relation: "crm.stage"});
    duration_tracking = fields.Json();
    rotting_days = fields.Integer();
    is_rotting = fields.Boolean();
    status = fields.Selection({selection: [["pending", "Pending"]]});

    _records = [
        {id: 1, name: "One", stage_id: 1, status: "pending", service_id: 1},
        {id: 2, name: "Two", stage_id: 2, status: "pending"},
    ];
}

defineMailModels();
defineModels([Stage, Service, ServiceRequest]);

function mountBoard({
    manager = true,
    groupBy = ["stage_id"],
    context = {bpo_crm_service_id: 1},
} = {}) {
    patchWithCleanup(user, {hasGroup: async () => manager});
    return mountView({
        type: "kanban",
        resModel: "bpo.service.request",
        arch: `
            <kanban js_class="bpo_request_kanban">
                <templates>
                    <t t-name="card">
                        <field name="name"/>
                        <field name="stage_id" widget="bpo_request_stage_badge" readonly="1" class="o_bpo_card_stage"/>
                    </t>
                </templates>
            </kanban>`,
        groupBy,
        context,
    });
}

async function openMenu() {
    await contains(".o_kanban_group:first-child .o_group_config .dropdown-toggle", {
        visible: false,
    }).click();
    return queryAllTexts(".o-dropdown--menu .dropdown-item");
}

test("columns and badges carry the colour and icon of the stage", async () => {
    await mountBoard();
    expect(".o_kanban_group:nth-child(1)").toHaveClass("o_bpo_stage_color_0");
    expect(".o_kanban_group:nth-child(2)").toHaveClass("o_bpo_stage_color_3");
    expect(".o_kanban_group:nth-child(1) .o_column_title .fa-inbox").toHaveCount(1);
    expect(".o_kanban_group:nth-child(2) .o_column_title .fa").toHaveCount(0);
    expect(".o_bpo_card_stage:visible").toHaveCount(0, {message: "said by the column"});
});

test("the badge is shown where columns are no stages", async () => {
    await mountBoard({groupBy: ["status"]});
    expect(".o_bpo_card_stage:visible").toHaveCount(2);
    expect(".o_bpo_stage_badge:first").toHaveText("Received");
    expect(".o_bpo_stage_badge:first").toHaveClass("o_bpo_stage_color_0");
    expect(".o_bpo_stage_badge:first .fa-inbox").toHaveCount(1);
});

test("managers arrange the stages of the service at hand", async () => {
    onRpc("crm.stage", "action_move_right", ({args, kwargs}) => {
        expect.step(["right", args[0], kwargs.context.bpo_crm_service_id]);
        return true;
    });
    onRpc("crm.stage", "action_take_out", ({args, kwargs}) => {
        expect.step(["out", args[0], kwargs.context.bpo_crm_service_id]);
        return false;
    });
    await mountBoard();
    const items = await openMenu();
    expect(items).toInclude("New stage");
    expect(items).not.toInclude("Move left", {message: "it is the first one"});
    expect(items).not.toInclude("Create deal");
    await contains(".o_bpo_move_right").click();
    await openMenu();
    await contains(".o_bpo_take_stage_out").click();
    expect.verifySteps([
        ["right", [1], 1],
        ["out", [1], 1],
    ]);
});

test("boards of several services leave the stages alone", async () => {
    await mountBoard({context: {}});
    const items = await openMenu();
    for (const label of ["New stage", "Move right", "Take out of the service"]) {
        expect(items).not.toInclude(label);
    }
});

test("agents do not see what only managers may do", async () => {
    await mountBoard({manager: false});
    expect(await openMenu()).toEqual(["Fold"]);
});

test("a service shows its stages in its own order", async () => {
    await mountView({
        type: "list",
        resModel: "bpo.service",
        arch: `<list><field name="name"/><field name="stage_ids" widget="bpo_stage_badges"/></list>`,
    });
    expect(queryAllTexts(".o_bpo_stage_badge")).toEqual(["Waiting", "Received"]);
    expect(".o_bpo_stage_badge:first").toHaveClass("o_bpo_stage_color_3");
    expect(".o_bpo_stage_badge:last .fa-inbox").toHaveCount(1);
});

test("the status bar shows the stages in the order of the service", async () => {
    await mountView({
        type: "form",
        resModel: "bpo.service.request",
        resId: 1,
        arch: `
            <form>
                <header>
                    <field name="stage_id" widget="bpo_request_statusbar"/>
                </header>
                <field name="is_rotting" invisible="1"/>
                <field name="rotting_days" invisible="1"/>
            </form>`,
    });
    // laid out from right to left
    expect(queryAllTexts(".o_statusbar_status button:not(.dropdown-toggle)").reverse()).toEqual([
        "Waiting",
        "Received",
    ]);
});

test("a column with a limit says how many are in it", async () => {
    Object.assign(Stage._records[0], {record_limit: 5, limit_count: 5, limit_scope: "stage"});
    await mountBoard();
    expect(queryAllTexts(".o_bpo_stage_limit")).toEqual(["5 / 5"]);
    expect(".o_kanban_group:nth-child(1) .o_bpo_stage_limit .fa-lock").toHaveCount(1);
});
