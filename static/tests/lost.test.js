// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {beforeEach, expect, test} from "@odoo/hoot";
import {press, queryAllTexts, waitFor, waitForNone} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    makeServerError,
    MockServer,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals, drop, FORM, getCards, Lead, LIST, Stage} from "./deals";

defineDeals();

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

const BOARD_OF_ANOTHER = {...BOARD, arch: BOARD.arch.replace(`js_class="crm_kanban"`, "")};

const STAGE_INPUT = ".o_inner_group [name=stage_id] input";

/** Let the server refuse to move the first lead into a lost stage without a reason. */
function refuseWithoutReason() {
    expect.errors(1);
    onRpc("crm.lead", "web_save", () => {
        throw makeServerError({
            message: "A lost reason is needed",
            context: {exception_class: "bpo_crm.lost_reason_required", lead_ids: [1]},
        });
    });
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
test("board: a stage that became a lost one since is left to the server", async () => {
    Stage._records[2].is_lost = false;
    await mountView(BOARD);
    MockServer.env["crm.stage"].write([3], {is_lost: true});
    await drop("Red car", 1);
    expect(".modal").toHaveCount(0);
    expect.verifySteps(["save 1 stage_id"]);
});

test.tags("desktop");
test("board of another addon: the card goes back when cancelled", async () => {
    refuseWithoutReason();
    await mountView(BOARD_OF_ANOTHER);
    await drop("Red car", 1);
    await waitFor(".modal .o_bpo_lost_reasons");
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect.verifySteps([]);
    expect.verifyErrors(["RPC_ERROR"]);
});

test.tags("desktop");
test("list of another addon: lost when the server asks for the reason", async () => {
    refuseWithoutReason();
    await mountView({...LIST, arch: LIST.arch.replace(`widget="bpo_stage_badge"`, "")});
    await contains(".o_data_row:eq(0) .o_list_record_selector input").click();
    await contains(".o_data_row:eq(0) td[name=stage_id]").click();
    await chooseInField(".o_data_row:eq(0) td[name=stage_id] input", "Gone");
    await waitFor(".modal .o_bpo_lost_reasons");
    await confirm();
    expect.verifySteps(["lost 1 1"]);
    expect.verifyErrors(["RPC_ERROR"]);
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
    expect(".modal .o_bpo_lost_missing").not.toBeVisible();
    await contains(".modal button[name=action_lost_reason_apply]").click();
    expect(".modal .o_field_invalid[name=lost_reason_id]").toHaveCount(1);
    expect(".modal .o_bpo_lost_missing").toBeVisible();
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
