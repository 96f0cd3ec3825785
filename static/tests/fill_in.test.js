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
import {BOARD, defineDeals, drop, FORM, getCards, Lead, LIST, Wizard} from "./deals";

defineDeals();

const DIALOG = ".modal .o_bpo_fill_in";
const MOVE = ".modal .o_bpo_fill_in_and_move";
const CONTACT = ".modal .o_field_widget[name=contact_name] input";

/** What the server says that leads lack, ``{id: [fields]}``. */
function makeGaps(lacking, stage = 2) {
    return {
        exception_class: "bpo_crm.stage_entry_incomplete",
        model: "crm.lead",
        records: Object.entries(lacking).map(([id, names]) => ({
            id: Number(id),
            name: `Deal ${id}`,
            stage_id: stage,
            fields: names,
            problems: names.map((name) => `${name} is missing`),
        })),
    };
}

/** What the server makes of the fields that the dialog asks for. */
function defineForm(gaps) {
    const names = new Set(gaps.records.flatMap(({fields}) => fields));
    const nodes = [...names].map((name) => `<field name="${name}"/>`);
    Lead._views = {
        form: `
            <form>
                <field name="display_name" invisible="1"/>
                <group>${nodes.join("")}</group>
            </form>`,
    };
}

function fail(gaps) {
    throw makeServerError({message: "Nothing was moved", type: "ValidationError", context: gaps});
}

/** Let the server refuse moves of leads that lack something. */
function ask(lacking, more = {}) {
    const gaps = {...makeGaps(lacking), ...more};
    defineForm(gaps);
    onRpc("crm.lead", "web_save", ({args: [ids, values]}) => {
        expect.step(`save ${ids} ${Object.keys(values)}`);
        if ("stage_id" in values) {
            fail(gaps);
        }
    });
}

beforeEach(() => {
    onRpc("crm.lead", "get_rainbowman_message", () => false);
    onRpc("crm.lead", "action_fill_in_and_move", ({args: [moves], kwargs}) => {
        expect.step(moves.map(({id, stage_id, values}) => [id, stage_id, values]));
        if (kwargs.context.bpo_crm_pass_conditions) {
            expect.step("passed");
        }
        for (const {id, stage_id, values} of moves) {
            MockServer.env["crm.lead"].write([id], {...values, stage_id});
        }
        return true;
    });
});

test.tags("desktop");
test("board: what is missing is typed, and the card moves", async () => {
    expect.errors(1);
    ask({1: ["contact_name"]});
    Lead._records.push({id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3});
    await mountView(BOARD);
    await drop("Red car", 1);
    await waitFor(DIALOG);
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect(".modal-title").toHaveText("What is missing: Deal 1");
    expect(".modal .o_field_widget").toHaveCount(1);
    expect(".o_bpo_fill_in_problems").toHaveText("Contact_name is missing");
    expect(CONTACT).toBeFocused();
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await press(["Control", "Enter"]);
    await waitForNone(".modal");
    expect.verifySteps(["save 1 stage_id", [[1, 2, {contact_name: "Somebody"}]]]);
    expect.verifyErrors(["RPC_ERROR"]);
});

for (const [how, cancel] of [
    ["Discard", () => contains(".modal button:contains(Discard)").click()],
    ["X", () => contains(".modal .btn-close").click()],
    ["Esc", () => press("Escape")],
]) {
    test.tags("desktop");
    test(`board: cancelled by ${how}, the card is where it was`, async () => {
        expect.errors(1);
        ask({1: ["contact_name"]});
        Lead._records.push({id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3});
        await mountView(BOARD);
        await drop("Red car", 1);
        await contains(CONTACT).edit("Somebody", {confirm: false});
        await cancel();
        await waitForNone(".modal");
        await animationFrame();
        expect(getCards(0)).toEqual(["Red car", "Blue car"]);
        expect(getCards(1)).toEqual(["Green car"]);
        expect.verifySteps(["save 1 stage_id"]);
        expect(MockServer.env["crm.lead"].browse(1)[0].contact_name).toBe(false);
        expect.verifyErrors(["RPC_ERROR"]);
    });
}

test.tags("desktop");
test("status bar: what else was edited is written together with it", async () => {
    ask({1: ["contact_name"]});
    await mountView(FORM);
    await contains("[name=name] input").edit("Red car, used");
    await contains(".o_statusbar_status button[data-value='2']").click();
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await contains(MOVE).click();
    await waitForNone(".modal");
    await animationFrame();
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Offer");
    expect("[name=name] input").toHaveValue("Red car, used");
    expect(".o_form_button_save").not.toBeVisible();
    expect.verifySteps([
        "save 1 name,stage_id",
        [[1, 2, {name: "Red car, used", stage_id: 2, contact_name: "Somebody"}]],
    ]);
});

test.tags("desktop");
test("status bar: cancelled, what else was edited is still there to be saved", async () => {
    ask({1: ["contact_name"]});
    await mountView(FORM);
    await contains("[name=name] input").edit("Red car, used");
    await contains(".o_statusbar_status button[data-value='2']").click();
    await waitFor(DIALOG);
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Inbox");
    expect("[name=name] input").toHaveValue("Red car, used");
    await contains(".o_form_button_save").click();
    expect.verifySteps(["save 1 name,stage_id", "save 1 name,stage_id"]);
});

test.tags("desktop");
test("status bar: cancelled, nothing is left to be saved where nothing else was edited", async () => {
    ask({1: ["contact_name"]});
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='2']").click();
    await waitFor(DIALOG);
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect(".o_statusbar_status .o_arrow_button_current").toHaveText("Inbox");
    expect(".o_form_button_save").not.toBeVisible();
    expect.verifySteps(["save 1 stage_id"]);
});

test.tags("mobile");
test("status bar on mobile: what is missing is typed, and the deal moves", async () => {
    ask({1: ["contact_name"]});
    await mountView(FORM);
    await contains(".o_statusbar_status button.dropdown-toggle").click();
    await contains(".o-dropdown--menu .dropdown-item:contains(Offer)").click();
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await contains(MOVE).click();
    await waitForNone(".modal");
    await animationFrame();
    expect(".o_statusbar_status button.dropdown-toggle:visible").toHaveText("Offer");
    expect.verifySteps(["save 1 stage_id", [[1, 2, {stage_id: 2, contact_name: "Somebody"}]]]);
});

test.tags("desktop");
test("stage as a field: asked for when the form is saved", async () => {
    ask({1: ["contact_name"]});
    await mountView(FORM);
    await contains(".o_inner_group [name=stage_id] input").click();
    await contains(".o-autocomplete--dropdown-item:contains(Offer)").click();
    await contains(".o_form_button_save").click();
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await contains(MOVE).click();
    await waitForNone(".modal");
    await animationFrame();
    expect(".o_inner_group [name=stage_id] input").toHaveValue("Offer");
    expect.verifySteps(["save 1 stage_id", [[1, 2, {stage_id: 2, contact_name: "Somebody"}]]]);
});

test.tags("desktop");
test("what still stands against it is said in the dialog, what was typed is kept", async () => {
    let refusals = 0;
    const gaps = makeGaps({1: ["phone"]});
    ask({1: ["contact_name", "phone"]});
    onRpc("crm.lead", "action_fill_in_and_move", ({args: [[{values}]]}) => {
        expect.step(Object.keys(values));
        refusals++;
        if (refusals === 1) {
            fail(gaps);
        }
        throw makeServerError({message: "The sky is falling", type: "UserError"});
    });
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='2']").click();
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await contains(MOVE).click();
    await waitFor(".o_bpo_fill_in_problems:text(phone is missing)");
    expect(CONTACT).toHaveValue("Somebody");
    await contains(".modal [name=phone] input").edit("123", {confirm: false});
    await contains(MOVE).click();
    await waitFor(".o_bpo_fill_in_error:text(The sky is falling)");
    expect(".o_bpo_fill_in_problems").toHaveCount(0);
    expect(CONTACT).toHaveValue("Somebody");
    expect(".modal [name=phone] input").toHaveValue("123");
    expect.verifySteps([
        "save 1 stage_id",
        ["stage_id", "contact_name"],
        ["stage_id", "contact_name", "phone"],
    ]);
});

test.tags("desktop");
test("selection: what is shared is typed once, what differs in the list", async () => {
    expect.errors(1);
    Lead._records.push(
        {id: 4, name: "Green car", stage_id: 1, lost_stage_id: 3, contact_name: "Known"},
        {id: 5, name: "Grey car", stage_id: 1, lost_stage_id: 3, contact_name: "K", phone: "1"},
    );
    ask({1: ["contact_name", "phone"], 2: ["contact_name"], 4: ["phone"], 5: []});
    await mountView(LIST);
    for (const row of [0, 1, 3, 4]) {
        await contains(`.o_data_row:eq(${row}) .o_list_record_selector input`).click();
    }
    await contains(".o_data_row:eq(0) td[name=stage_id]").click();
    await contains(".o_data_row:eq(0) td[name=stage_id] input").click();
    await contains(".o-autocomplete--dropdown-item:contains(Offer)").click();
    await contains(".modal button:contains(Update)").click();
    await waitFor(DIALOG);
    expect(".modal-title").toHaveText("What is missing: 3 records");
    expect(queryAllTexts(".o_bpo_fill_in_problems > div")).toEqual([
        "Contact_name is missing (2 of 4)",
        "Phone is missing (2 of 4)",
    ]);
    expect(queryAllTexts(".modal .o_data_row td[name=display_name]")).toEqual([
        "Red car",
        "Blue car",
        "Green car",
    ]);
    await contains(".modal .o_inner_group [name=contact_name] input").edit("All of them");
    await contains(".modal .o_inner_group [name=phone] input").edit("555");
    await contains(".modal .o_data_row:eq(1) td[name=contact_name]").click();
    await contains(".modal .o_data_row:eq(1) td[name=contact_name] input").edit("Blue one", {
        confirm: false,
    });
    expect(".modal .o_data_row:eq(1) td[name=phone] input").toHaveCount(0);
    await contains(MOVE).click();
    await waitForNone(".modal");
    expect.verifySteps([
        "save 1,2,4,5 stage_id",
        [
            [1, 2, {contact_name: "All of them", phone: "555"}],
            [2, 2, {contact_name: "Blue one"}],
            [4, 2, {phone: "555"}],
            [5, 2, {}],
        ],
    ]);
    expect.verifyErrors(["RPC_ERROR"]);
});

test.tags("desktop");
test("editable list: what else was edited in the row is written together with it", async () => {
    ask({1: ["contact_name"]});
    await mountView({...LIST, arch: LIST.arch.replace("multi_edit", `editable="top" multi_edit`)});
    await contains(".o_data_row:eq(0) td[name=name]").click();
    await contains(".o_data_row:eq(0) td[name=name] input").edit("Red car, used", {
        confirm: false,
    });
    await contains(".o_data_row:eq(0) td[name=stage_id] input").click();
    await contains(".o-autocomplete--dropdown-item:contains(Offer)").click();
    await contains(".o_list_button_save").click();
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await contains(MOVE).click();
    await waitForNone(".modal");
    await animationFrame();
    expect(queryAllTexts(".o_data_row:eq(0) td:not(.o_list_record_selector)").join()).toInclude(
        "Red car, used",
    );
    expect.verifySteps([
        "save 1 name,stage_id",
        [[1, 2, {name: "Red car, used", stage_id: 2, contact_name: "Somebody"}]],
    ]);
});

test.tags("desktop");
test("managers may move all the same", async () => {
    ask({1: ["contact_name"]}, {may_pass: true});
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='2']").click();
    await contains(".modal .o_bpo_move_anyway").click();
    await waitForNone(".modal");
    expect.verifySteps(["save 1 stage_id", [[1, 2, {stage_id: 2}]], "passed"]);
});

test.tags("desktop");
test("what no field mends is said as everywhere", async () => {
    expect.errors(1);
    onRpc("crm.lead", "web_save", () => fail({...makeGaps({1: []})}));
    await mountView(FORM);
    await contains(".o_statusbar_status button[data-value='2']").click();
    await waitFor(".o_error_dialog");
    expect(DIALOG).toHaveCount(0);
    expect.verifyErrors(["RPC_ERROR"]);
});

test.tags("desktop");
test("lost: where the stage asks for more than the reason, one dialog asks for all", async () => {
    const gaps = makeGaps({1: ["contact_name", "lost_reason_id"]}, 3);
    defineForm(gaps);
    Wizard._fields.entry_gaps.default = gaps;
    await mountView(BOARD);
    await drop("Red car", 1);
    await waitFor(DIALOG);
    expect(".modal").toHaveCount(1);
    await contains(CONTACT).edit("Somebody", {confirm: false});
    await contains(MOVE).click();
    await waitForNone(".modal");
    expect.verifySteps([[[1, 3, {contact_name: "Somebody"}]]]);
});
