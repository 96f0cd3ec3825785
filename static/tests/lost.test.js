// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {beforeEach, expect, test} from "@odoo/hoot";
import {press, queryAllTexts, waitFor, waitForNone} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    defineActions,
    defineModels,
    fields,
    makeServerError,
    MockServer,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";

class Pipeline extends models.Model {
    _name = "bpo.pipeline";

    name = fields.Char();
}

class Stage extends models.Model {
    _name = "crm.stage";

    name = fields.Char();
    is_won = fields.Boolean();
    is_lost = fields.Boolean();
    fold = fields.Boolean();
    color = fields.Integer();
    pipeline_id = fields.Many2one({relation: "bpo.pipeline"});

    _records = [
        {id: 1, name: "Inbox"},
        {id: 2, name: "Offer"},
        {id: 3, name: "Gone", is_lost: true},
    ];
}

class Reason extends models.Model {
    _name = "crm.lost.reason";

    name = fields.Char();
    code = fields.Char();

    _records = [
        {id: 1, name: "Too expensive", code: "PRICE"},
        {id: 2, name: "Bought elsewhere", code: "COMPETITOR"},
    ];
}

class Lead extends models.Model {
    _name = "crm.lead";

    name = fields.Char({required: true});
    stage_id = fields.Many2one({relation: "crm.stage"});
    expected_revenue = fields.Float({aggregator: "sum"});
    activity_state = fields.Selection({selection: [["planned", "Planned"]]});

    _records = [
        {id: 1, name: "Red car", stage_id: 1, expected_revenue: 1},
        {id: 2, name: "Blue car", stage_id: 1, expected_revenue: 2},
        {id: 3, name: "Old car", stage_id: 3, expected_revenue: 4},
    ];
}

class Wizard extends models.Model {
    _name = "crm.lead.lost";

    lead_ids = fields.Many2many({relation: "crm.lead"});
    lost_reason_id = fields.Many2one({relation: "crm.lost.reason", required: true});
    lost_note = fields.Text();

    _views = {
        form: `
            <form>
                <field name="lead_ids" invisible="1"/>
                <field name="lost_reason_id" widget="bpo_lost_reason" default_focus="1"/>
                <field name="lost_note"/>
                <footer>
                    <button name="action_lost_reason_apply" type="object" class="btn-primary"
                        string="Mark as Lost"/>
                    <button special="cancel" string="Discard"/>
                </footer>
            </form>`,
    };
}

defineMailModels();
defineModels([Pipeline, Stage, Reason, Lead, Wizard]);
defineActions([
    {
        id: 1,
        xml_id: "crm.crm_lead_lost_action",
        name: "Mark as Lost",
        res_model: "crm.lead.lost",
        target: "new",
        views: [[false, "form"]],
        context: "{'default_lead_ids': active_ids}",
    },
]);

beforeEach(() => {
    onRpc("crm.lead", "get_rainbowman_message", () => false);
    onRpc("crm.lead", "web_save", ({args}) => {
        expect.step(`save ${args[0]} ${Object.keys(args[1])}`);
    });
    onRpc("crm.lead.lost", "action_lost_reason_apply", ({args}) => {
        const [wizard] = MockServer.env["crm.lead.lost"].browse(args[0]);
        expect.step(`lost ${wizard.lead_ids} ${wizard.lost_reason_id}`);
        MockServer.env["crm.lead"].write(wizard.lead_ids, {stage_id: 3});
        return false;
    });
});

const BOARD = {
    type: "kanban",
    resModel: "crm.lead",
    groupBy: ["stage_id"],
    arch: `
        <kanban js_class="crm_kanban">
            <progressbar field="activity_state" colors='{"planned": "success"}'
                sum_field="expected_revenue"/>
            <templates>
                <t t-name="card"><field name="name"/></t>
            </templates>
        </kanban>`,
};

const FORM = {
    type: "form",
    resModel: "crm.lead",
    resId: 1,
    arch: `
        <form js_class="crm_form">
            <header>
                <field name="stage_id" widget="statusbar"
                    options="{'clickable': '1', 'fold_field': 'fold'}"/>
            </header>
            <field name="name"/>
            <group><field name="stage_id" string="Stage"/></group>
        </form>`,
};

const LIST = {
    type: "list",
    resModel: "crm.lead",
    arch: `<list multi_edit="1"><field name="name"/><field name="stage_id"/></list>`,
};

const STAGE_INPUT = ".o_inner_group [name=stage_id] input";

function getCards(column) {
    return queryAllTexts(`.o_kanban_group:eq(${column}) .o_kanban_record`);
}

async function drop(card, column) {
    await contains(`.o_kanban_record:contains(${card})`).dragAndDrop(
        `.o_kanban_group:eq(${column})`,
    );
    await animationFrame();
}

async function confirm(reason = "PRICE") {
    await contains(`.modal label:contains(${reason}) input`).click();
    await contains(".modal button[name=action_lost_reason_apply]").click();
    await waitForNone(".modal");
    await animationFrame();
}

async function chooseInField(input, stage) {
    await contains(input).click();
    await contains(`.o-autocomplete--dropdown-item:contains(${stage})`).click();
}

test.tags("desktop");
test("board: a card is dropped on the lost column, and lost", async () => {
    await mountView(BOARD);
    await drop("Red car", 1);
    await waitFor(".modal .o_bpo_lost_reasons");
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect(queryAllTexts(".modal label small")).toEqual(["PRICE", "COMPETITOR"]);
    await confirm("COMPETITOR");
    expect.verifySteps(["lost 1 2"]);
    expect(getCards(0)).toEqual(["Blue car"]);
    expect(getCards(1)).toEqual(["Red car", "Old car"]);
    await waitFor(".o_kanban_group:eq(0) .o_animated_number:text(2)", {timeout: 2000});
    await waitFor(".o_kanban_group:eq(1) .o_animated_number:text(5)", {timeout: 2000});
});

for (const [how, cancel] of [
    ["Discard", () => contains(".modal button:contains(Discard)").click()],
    ["X", () => contains(".modal .btn-close").click()],
    ["Esc", () => press("Escape")],
]) {
    test.tags("desktop");
    test(`board: a card is dropped on the lost column, cancelled by ${how}`, async () => {
        await mountView(BOARD);
        await drop("Red car", 1);
        await waitFor(".modal .o_bpo_lost_reasons");
        await cancel();
        await waitForNone(".modal");
        await animationFrame();
        expect(getCards(0)).toEqual(["Red car", "Blue car"]);
        expect(getCards(1)).toEqual(["Old car"]);
        expect(queryAllTexts(".o_animated_number")).toEqual(["3", "4"]);
        expect.verifySteps([]);
        expect(MockServer.env["crm.lead"].browse(1)[0].stage_id).toBe(1);
    });
}

test.tags("desktop");
test("board: a server error leaves the card where it was", async () => {
    expect.errors(1);
    onRpc("crm.lead.lost", "action_lost_reason_apply", () => {
        throw makeServerError({message: "No lost stage configured"});
    });
    await mountView(BOARD);
    await drop("Red car", 1);
    await contains(".modal label:contains(PRICE)").click();
    await contains(".modal button[name=action_lost_reason_apply]").click();
    await waitFor(".o_error_dialog");
    await contains(".o_error_dialog .btn-primary").click();
    await contains(".modal button:contains(Discard)").click();
    await waitForNone(".modal");
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect(MockServer.env["crm.lead"].browse(1)[0].stage_id).toBe(1);
    expect.verifyErrors(["RPC_ERROR"]);
});

test.tags("desktop");
test("board: a card is dropped on the folded lost column", async () => {
    Stage._records[2].fold = true;
    await mountView(BOARD);
    expect(".o_kanban_group:eq(1)").toHaveClass("o_column_folded");
    await drop("Red car", 1);
    await waitFor(".modal .o_bpo_lost_reasons");
    await confirm();
    expect.verifySteps(["lost 1 1"]);
    expect(getCards(0)).toEqual(["Blue car"]);
    expect(".o_kanban_group:eq(1)").toHaveClass("o_column_folded");
    expect(".o_kanban_group:eq(1)").toHaveText("Gone\n(2)");
});

test.tags("desktop");
test("board: other columns, and ordering within one, ask for nothing", async () => {
    Lead._records.push({id: 4, name: "Green car", stage_id: 2});
    await mountView(BOARD);
    await drop("Red car", 1);
    expect(getCards(1)).toEqual(["Green car", "Red car"]);
    await drop("Old car", 0);
    expect(".modal").toHaveCount(0);
    expect.verifySteps(["save 1 stage_id", "save 3 stage_id"]);
});

test.tags("desktop");
test("board: grouped by something else, nothing is asked", async () => {
    Lead._records[2].activity_state = "planned";
    await mountView({...BOARD, groupBy: ["activity_state"]});
    await drop("Old car", 1);
    expect(".modal").toHaveCount(0);
});

test.tags("desktop");
test("board: stages that cannot be read are left to the server", async () => {
    onRpc("crm.stage", "search_read", () => {
        throw makeServerError({message: "No"});
    });
    await mountView(BOARD);
    await drop("Red car", 1);
    expect(".modal").toHaveCount(0);
    expect.verifySteps(["save 1 stage_id"]);
});

test.tags("desktop");
test("board of another addon: the card goes back when cancelled", async () => {
    await mountView({...BOARD, arch: BOARD.arch.replace(`js_class="crm_kanban"`, "")});
    await drop("Red car", 1);
    await waitFor(".modal .o_bpo_lost_reasons");
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect.verifySteps([]);
});

test.tags("desktop");
test("the first reason has the focus, and Ctrl+Enter confirms", async () => {
    await mountView(BOARD);
    await drop("Red car", 1);
    await waitFor(".modal .o_bpo_lost_reasons");
    expect(".modal input[type=radio]:first").toBeFocused();
    await contains(".modal input[type=radio]:first").click();
    await press(["Control", "Enter"]);
    await waitForNone(".modal");
    expect.verifySteps(["lost 1 1"]);
});

test.tags("desktop");
test("a reason is required", async () => {
    await mountView(BOARD);
    await drop("Red car", 1);
    await contains(".modal button[name=action_lost_reason_apply]").click();
    expect(".modal .o_field_invalid[name=lost_reason_id]").toHaveCount(1);
    expect.verifySteps([]);
});

test.tags("desktop");
test("status bar: the lost stage is clicked, and lost", async () => {
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='3']").click();
    await waitFor(".modal .o_bpo_lost_reasons");
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Inbox");
    await confirm();
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Gone");
    expect.verifySteps(["lost 1 1"]);
});

test.tags("desktop");
test("status bar: the lost stage is clicked, and cancelled", async () => {
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='3']").click();
    await waitFor(".modal .o_bpo_lost_reasons");
    await press("Escape");
    await waitForNone(".modal");
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Inbox");
    expect.verifySteps([]);
});

test.tags("desktop");
test("status bar: another stage asks for nothing", async () => {
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='2']").click();
    expect(".modal").toHaveCount(0);
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Offer");
    expect.verifySteps(["save 1 stage_id"]);
});

test.tags("mobile");
test("status bar on mobile: the lost stage is chosen, and lost", async () => {
    await mountView(FORM);
    await contains(".o_statusbar_status button.dropdown-toggle").click();
    await contains(".o-dropdown--menu .dropdown-item:contains(Gone)").click();
    await waitFor(".modal .o_bpo_lost_reasons");
    await confirm();
    expect(".o_statusbar_status button.dropdown-toggle:visible").toHaveText("Gone");
    expect.verifySteps(["lost 1 1"]);
});

test.tags("mobile");
test("status bar on mobile: the lost stage is chosen, and cancelled", async () => {
    await mountView(FORM);
    await contains(".o_statusbar_status button.dropdown-toggle").click();
    await contains(".o-dropdown--menu .dropdown-item:contains(Gone)").click();
    await waitFor(".modal .o_bpo_lost_reasons");
    await contains(".modal button:contains(Discard)").click();
    await waitForNone(".modal");
    expect(".o_statusbar_status button.dropdown-toggle:visible").toHaveText("Inbox");
    expect.verifySteps([]);
});

test.tags("desktop");
test("stage as a field: what was edited is saved first, then asked, and lost", async () => {
    await mountView(FORM);
    await contains("[name=name] input").edit("Red car, used");
    await chooseInField(STAGE_INPUT, "Gone");
    await waitFor(".modal .o_bpo_lost_reasons");
    await confirm();
    expect(STAGE_INPUT).toHaveValue("Gone");
    expect.verifySteps(["save 1 name", "lost 1 1"]);
});

test.tags("desktop");
test("stage as a field: cancelled, it shows the stage as it was", async () => {
    await mountView(FORM);
    await chooseInField(STAGE_INPUT, "Gone");
    await waitFor(".modal .o_bpo_lost_reasons");
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect(STAGE_INPUT).toHaveValue("Inbox");
    expect.verifySteps([]);
});

test.tags("desktop");
test("stage as a field: nothing is asked while something else is invalid", async () => {
    await mountView(FORM);
    await contains("[name=name] input").clear();
    await chooseInField(STAGE_INPUT, "Gone");
    await waitFor(".o_notification:contains(Missing required fields)");
    await animationFrame();
    expect(".modal").toHaveCount(0);
    expect(STAGE_INPUT).toHaveValue("Inbox");
    expect.verifySteps([]);
});

test.tags("desktop");
test("list: the lost stage is chosen for the selected leads, and lost", async () => {
    await mountView(LIST);
    await contains(".o_data_row:eq(0) .o_list_record_selector input").click();
    await contains(".o_data_row:eq(1) .o_list_record_selector input").click();
    await contains(".o_data_row:eq(0) td[name=stage_id]").click();
    await chooseInField(".o_data_row:eq(0) td[name=stage_id] input", "Gone");
    await waitFor(".modal .o_bpo_lost_reasons");
    await confirm();
    expect(queryAllTexts(".o_data_row td[name=stage_id]")).toEqual(["Gone", "Gone", "Gone"]);
    expect.verifySteps(["lost 1,2 1"]);
});

test.tags("desktop");
test("list: the lost stage is chosen for the selected leads, and cancelled", async () => {
    await mountView(LIST);
    await contains(".o_data_row:eq(0) .o_list_record_selector input").click();
    await contains(".o_data_row:eq(1) .o_list_record_selector input").click();
    await contains(".o_data_row:eq(0) td[name=stage_id]").click();
    await chooseInField(".o_data_row:eq(0) td[name=stage_id] input", "Gone");
    await waitFor(".modal .o_bpo_lost_reasons");
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect(queryAllTexts(".o_data_row td[name=stage_id]")).toEqual(["Inbox", "Inbox", "Gone"]);
    expect.verifySteps([]);
});

for (const [outcome, finish, stage, steps] of [
    ["lost", () => confirm(), "Gone", ["lost 1 1"]],
    ["cancelled", () => press("Escape"), "Inbox", []],
]) {
    test.tags("desktop");
    test(`editable list: the lost stage is chosen in a row, and ${outcome}`, async () => {
        await mountView({
            ...LIST,
            arch: LIST.arch.replace("multi_edit", `editable="top" multi_edit`),
        });
        await contains(".o_data_row:eq(0) td[name=stage_id]").click();
        await chooseInField(".o_data_row:eq(0) td[name=stage_id] input", "Gone");
        await waitFor(".modal .o_bpo_lost_reasons");
        await finish();
        await waitForNone(".modal");
        await animationFrame();
        expect(".o_data_row:eq(0) td[name=stage_id] input").toHaveValue(stage);
        expect.verifySteps(steps);
    });
}
