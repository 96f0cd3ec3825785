// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// What a drop on the board asks of the server: as little as stock's, and nothing before the card
// is where it was dropped.

import {beforeEach, describe, expect, test} from "@odoo/hoot";
import {press, waitFor, waitForNone} from "@odoo/hoot-dom";
import {animationFrame, Deferred} from "@odoo/hoot-mock";
import {contains, MockServer, mountView, onRpc} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals, drop, getCards, Lead, Stage} from "./deals";

describe.current.tags("desktop");

defineDeals();

const OFFER = 1;
const GONE = 2;
const SOLD = 3;

const CALLS_AFTER_SAVING = [
    "crm.lead.read_progress_bar",
    "crm.lead.formatted_read_group",
    "crm.lead.get_rainbowman_message",
];

const CALLS_OF_THE_DIALOG = [
    "/web/action/load",
    "crm.lead.lost.get_views",
    "crm.lead.lost.onchange",
    "crm.lost.reason.search_read",
];

beforeEach(() => {
    Stage._records.push({id: 4, name: "Sold", is_won: true});
    Lead._records.push(
        {id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3},
        {id: 5, name: "Sold car", stage_id: 4, lost_stage_id: 3},
    );
    onRpc("crm.lead", "get_rainbowman_message", () => false);
    onRpc("crm.lead.lost", "action_lost_reason_apply", () => {
        MockServer.env["crm.lead"].write([1], {stage_id: 3});
        return false;
    });
});

/** Open the board, and from then on note the calls to the server in their order. */
async function openBoard() {
    await mountView(BOARD);
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    onRpc("/web/action/load", () => {
        expect.step("/web/action/load");
    });
    onRpc(({model, method}) => {
        expect.step(`${model}.${method}`);
    });
}

for (const [name, column, neighbour] of [
    ["an open stage", OFFER, "Green car"],
    ["the won stage", SOLD, "Sold car"],
]) {
    test(`a drop on ${name} is painted before any answer, and asks what stock asks`, async () => {
        const answer = new Deferred();
        onRpc("crm.lead", "web_save", async () => {
            await answer;
        });
        await openBoard();
        await drop("Red car", column);
        expect(getCards(0)).toEqual(["Blue car"]);
        expect(getCards(column)).toEqual([neighbour, "Red car"]);
        expect.verifySteps(["crm.lead.web_save"]);
        answer.resolve();
        await animationFrame();
        expect.verifySteps(CALLS_AFTER_SAVING);
    });
}

test("a drop on the lost stage asks for the dialog alone, and for nothing when cancelled", async () => {
    await openBoard();
    await drop("Red car", GONE);
    await waitFor(".modal .o_bpo_lost_reasons");
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect.verifySteps(CALLS_OF_THE_DIALOG);
    await press("Escape");
    await waitForNone(".modal");
    await animationFrame();
    expect.verifySteps([]);
});

test("a confirmed loss is saved, and the board read once", async () => {
    await openBoard();
    await drop("Red car", GONE);
    await contains(".modal label:contains(PRICE) input").click();
    expect.verifySteps(CALLS_OF_THE_DIALOG);
    await contains(".modal button[name=action_lost_reason_apply]").click();
    await waitForNone(".modal");
    await animationFrame();
    expect.verifySteps([
        "crm.lead.lost.web_save",
        "crm.lead.lost.action_lost_reason_apply",
        "crm.lead.read_progress_bar",
        "crm.lead.web_read_group",
    ]);
    expect(getCards(GONE)).toEqual(["Red car", "Old car"]);
});
