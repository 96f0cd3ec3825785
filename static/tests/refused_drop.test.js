// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {beforeEach, describe, expect, test} from "@odoo/hoot";
import {press, waitFor, waitForNone} from "@odoo/hoot-dom";
import {makeServerError, mockService, mountView, onRpc} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals, drop, getCards, Lead} from "./deals";

describe.current.tags("desktop");

defineDeals();

beforeEach(() => {
    Lead._records.push({id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3});
    mockService("action", {
        doAction({res_model: model, res_id: id, views}) {
            expect.step([model, id, views[0][1]]);
        },
    });
    expect.errors(1);
});

function refuse(type) {
    onRpc("crm.lead", "web_save", () => {
        throw makeServerError({message: "Nothing was moved: no units are entered", type});
    });
}

for (const type of ["UserError", "ValidationError"]) {
    test(`the deal whose move is refused by a ${type} can be opened`, async () => {
        refuse(type);
        await mountView(BOARD);
        await drop("Red car", 1);
        await waitFor(".o_error_dialog:contains(no units are entered)");
        expect(getCards(0)).toEqual(["Red car", "Blue car"]);
        expect(".o_bpo_open_deal").toBeFocused();
        await press(["alt", "q"]);
        await waitForNone(".o_error_dialog");
        expect.verifySteps([["crm.lead", 1, "form"]]);
        expect.verifyErrors(["RPC_ERROR"]);
    });
}

test("it can be left where it was as well", async () => {
    refuse("ValidationError");
    await mountView(BOARD);
    await drop("Red car", 1);
    await waitFor(".o_error_dialog");
    await press("Escape");
    await waitForNone(".o_error_dialog");
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect.verifySteps([]);
    expect.verifyErrors(["RPC_ERROR"]);
});

test("other errors are shown as everywhere", async () => {
    refuse("AccessError");
    await mountView(BOARD);
    await drop("Red car", 1);
    await waitFor(".o_error_dialog");
    expect(".o_bpo_open_deal").toHaveCount(0);
    expect.verifySteps([]);
    expect.verifyErrors(["RPC_ERROR"]);
});
