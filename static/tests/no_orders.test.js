// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {expect, test} from "@odoo/hoot";
import {mountView} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals} from "./deals";

defineDeals();

test("a board whose deals create no orders says so", async () => {
    await mountView({...BOARD, context: {bpo_crm_no_orders: true}});
    expect(".o_bpo_no_orders").toHaveText("Deals won here create no orders at their dealerships.");
});

test("other boards say nothing", async () => {
    await mountView(BOARD);
    expect(".o_bpo_no_orders").toHaveCount(0);
});

test("nor do lists of deals by something else", async () => {
    await mountView({...BOARD, context: {bpo_crm_no_orders: true}, groupBy: ["pipeline_id"]});
    expect(".o_bpo_no_orders").toHaveCount(0);
});
