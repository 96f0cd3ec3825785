// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// How many may be in a column: said only where there is a limit, by more than a colour.

import {describe, expect, test} from "@odoo/hoot";
import {queryAllTexts} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {mountView, onRpc} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals, drop, Lead, Stage} from "./deals";

describe.current.tags("desktop");

defineDeals();

const getLimits = () => queryAllTexts(".o_bpo_stage_limit");

test("boards without limits say nothing and ask for nothing more", async () => {
    Lead._records.push({id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3});
    onRpc("crm.lead", "get_rainbowman_message", () => false);
    onRpc("crm.stage", "read", () => expect.step("read"));
    await mountView(BOARD);
    await drop("Red car", 1);
    await animationFrame();
    expect(getLimits()).toEqual([]);
    expect.verifySteps([]);
});

test("below, at and above the limit differ by sign and words, not by colour alone", async () => {
    Lead._records.push({id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3});
    Object.assign(Stage._records[0], {record_limit: 5, limit_count: 4});
    Object.assign(Stage._records[1], {record_limit: 5, limit_count: 5, limit_scope: "user"});
    Object.assign(Stage._records[2], {record_limit: 5, limit_count: 7});
    await mountView(BOARD);
    expect(getLimits()).toEqual(["4 / 5", "5 / 5", "7 / 5"]);
    expect(".o_bpo_stage_limit:eq(0) .fa").toHaveCount(0);
    expect(".o_bpo_stage_limit:eq(1) .fa-lock").toHaveCount(1);
    expect(".o_bpo_stage_limit:eq(2) .fa-exclamation-triangle").toHaveCount(1);
    expect(".o_bpo_stage_limit:eq(0)").toHaveAttribute(
        "title",
        "4 open of 5 in this stage, whatever is filtered",
    );
    expect(".o_bpo_stage_limit:eq(1)").toHaveAttribute(
        "title",
        "Full: You have 5 open of 5 in this stage",
    );
    expect(".o_bpo_stage_limit:eq(2)").toHaveAttribute(
        "title",
        "Too many: 7 open of 5 in this stage, whatever is filtered",
    );
});

test("a move is counted by the server, once it has taken it", async () => {
    Lead._records.push({id: 4, name: "Green car", stage_id: 2, lost_stage_id: 3});
    Object.assign(Stage._records[1], {record_limit: 5, limit_count: 4});
    onRpc("crm.lead", "get_rainbowman_message", () => false);
    onRpc("crm.lead", "web_save", () => {
        expect.step("save");
    });
    onRpc("crm.stage", "read", ({args}) => {
        expect.step("count");
        expect(args).toEqual([[2], ["limit_count"]]);
        return [{id: 2, limit_count: 6}];
    });
    await mountView(BOARD);
    await drop("Red car", 1);
    await animationFrame();
    await animationFrame();
    expect.verifySteps(["save", "count"]);
    expect(getLimits()).toEqual(["6 / 5"]);
});
