// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {describe, expect, test} from "@odoo/hoot";
import {press, queryAllTexts, waitFor} from "@odoo/hoot-dom";
import {contains, mountView, onRpc, patchWithCleanup} from "@web/../tests/web_test_helpers";
import {user} from "@web/core/user";
import {BOARD, defineDeals, Lead, Pipeline, Stage} from "./deals";

describe.current.tags("desktop");

defineDeals();

async function openMenu(view, {manager = true, column = 0} = {}) {
    Pipeline._records = [{id: 7, name: "Cars"}];
    for (const record of [...Stage._records, ...Lead._records]) {
        record.pipeline_id = 7;
    }
    patchWithCleanup(user, {hasGroup: async () => manager});
    await mountView(view);
    return openMenuOf(column);
}

async function openMenuOf(column) {
    await contains(`.o_kanban_group:eq(${column}) .o_group_config .dropdown-toggle`, {
        visible: false,
    }).click();
    return queryAllTexts(".o-dropdown--menu .dropdown-item");
}

test("managers arrange the stages, next to what stock offers", async () => {
    const items = await openMenu(BOARD);
    expect(items).toEqual(["Fold", "Create deal", "New stage", "Move right", "Edit", "Delete"]);
});

test("no deal is created in the lost column, the last one", async () => {
    const items = await openMenu(BOARD, {column: 1});
    expect(items).toEqual(["Fold", "New stage", "Move left", "Edit", "Delete"]);
});

test("agents create deals", async () => {
    expect(await openMenu(BOARD, {manager: false})).toEqual(["Fold", "Create deal"]);
});

test("columns that are no stages have the menu of stock", async () => {
    const items = await openMenu({...BOARD, groupBy: ["pipeline_id"]});
    expect(items).toEqual(["Fold", "Edit", "Delete"]);
});

test("boards that are not ours have the menu of stock", async () => {
    const arch = BOARD.arch.replace(`js_class="crm_kanban"`, "");
    expect(await openMenu({...BOARD, arch})).toEqual(["Fold", "Edit", "Delete"]);
});

test("a new stage is one of the pipeline of the board", async () => {
    onRpc("crm.stage", "get_views", ({kwargs}) => {
        expect.step(kwargs.context.form_view_ref);
    });
    onRpc("crm.stage", "onchange", ({kwargs}) => {
        expect.step(kwargs.context.default_pipeline_id);
    });
    Stage._views.form = `<form><field name="name"/></form>`;
    await openMenu(BOARD);
    await contains(".o-dropdown--menu .o_bpo_new_stage").click();
    await waitFor(".modal [name=name] input");
    expect.verifySteps(["bpo_crm.crm_stage_view_form_board", 7]);
    await press("Escape");
});

test("a stage is moved, and one in use opens what the server offers", async () => {
    onRpc("crm.stage", "action_move_right", ({args}) => {
        expect.step(["right", ...args[0]]);
        return true;
    });
    onRpc("crm.stage", "action_remove", ({args}) => {
        expect.step(["remove", ...args[0]]);
        return {type: "ir.actions.act_window_close"};
    });
    await openMenu(BOARD);
    await contains(".o-dropdown--menu .o_bpo_move_right").click();
    await openMenuOf(0);
    await contains(".o-dropdown--menu .o_group_delete").click();
    expect.verifySteps([
        ["right", 1],
        ["remove", 1],
    ]);
    expect(".modal").toHaveCount(0);
});
