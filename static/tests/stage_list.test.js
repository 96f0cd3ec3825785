// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {beforeEach, describe, expect, test} from "@odoo/hoot";
import {queryAllTexts, waitFor, waitForNone} from "@odoo/hoot-dom";
import {contains, mountView, onRpc} from "@web/../tests/web_test_helpers";
import {defineDeals, Pipeline, Stage} from "./deals";

describe.current.tags("desktop");

defineDeals();

beforeEach(() => {
    Pipeline._records = [
        {id: 1, name: "Vehicles"},
        {id: 2, name: "Fleet"},
    ];
    Stage._records = [
        {id: 1, name: "Inbox", pipeline_id: 1, color: 1},
        {id: 2, name: "Offer", pipeline_id: 1, color: 2},
        {id: 3, name: "New", pipeline_id: 2, color: 3},
    ];
    onRpc("bpo.pipeline", "get_configuration_notes", () => ({warnings: [], adoption: []}));
    onRpc("crm.stage", "web_save", ({args}) => expect.step(args[1]));
});

const LIST = {
    type: "list",
    resModel: "crm.stage",
    groupBy: ["pipeline_id"],
    arch: `
        <list js_class="bpo_stage_list" expand="1" default_order="color">
            <field name="color" widget="handle"/>
            <field name="name"/>
        </list>`,
};

const getNames = () => queryAllTexts(".o_data_row .o_data_cell[name=name]");

async function dropInboxBehind(name) {
    await contains(".o_data_row:contains(Inbox) .o_handle_cell").dragAndDrop(
        `.o_data_row:contains(${name})`,
        {position: "bottom"},
    );
}

test("a stage that is dragged to another pipeline is asked about first", async () => {
    await mountView(LIST);
    expect(getNames()).toEqual(["Inbox", "Offer", "New"]);
    await dropInboxBehind("New");
    await waitFor(".modal:contains(from “Vehicles” to “Fleet”)");
    await contains(".modal .btn-secondary").click();
    await waitForNone(".modal");
    expect(getNames()).toEqual(["Inbox", "Offer", "New"]);
    expect.verifySteps([]);
    await dropInboxBehind("New");
    await contains(".modal .btn-primary").click();
    await waitForNone(".modal");
    expect(getNames()[0]).toBe("Offer");
    expect(getNames().slice(1).sort()).toEqual(["Inbox", "New"]);
    expect.verifySteps([{pipeline_id: 2}]);
});

test("the order inside a pipeline is changed without a question", async () => {
    await mountView(LIST);
    await dropInboxBehind("Offer");
    expect(".modal").toHaveCount(0);
    expect(getNames()).toEqual(["Offer", "Inbox", "New"]);
});
