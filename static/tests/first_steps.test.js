// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {beforeEach, expect, test} from "@odoo/hoot";
import {queryAllTexts} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {contains, mockService, mountView, onRpc} from "@web/../tests/web_test_helpers";
import {user} from "@web/core/user";
import {BOARD, defineDeals} from "./deals";

defineDeals();

const STEPS = [
    {name: "pipeline", title: "Pipeline", text: "A.", done: true, action: "x.pipelines"},
    {name: "dealership", title: "Dealership", text: "B.", done: false, action: "x.dealerships"},
    {
        name: "connection",
        title: "Connection",
        text: "C.",
        done: false,
        action: "x.dealerships",
        view: "form",
        res_id: 7,
    },
];
const PANEL = ".o_bpo_first_steps";
let isManager = true;
let steps = STEPS;

beforeEach(() => {
    isManager = true;
    steps = STEPS;
    user.updateUserSettings("bpo_crm_first_steps_closed", false);
    onRpc("res.users", "has_group", ({args}) => {
        return args[1] === "bpo_crm.group_manager" ? isManager : false;
    });
    onRpc("bpo.pipeline", "get_first_steps", () => {
        expect.step("asked");
        return steps;
    });
    onRpc("res.users.settings", "set_res_users_settings", ({kwargs}) => {
        expect.step(kwargs.new_settings);
        return kwargs.new_settings;
    });
    mockService("action", {
        doAction: (action, options) => expect.step([action, options]),
    });
});

test("managers see what is done and what is next, and get to its screen", async () => {
    await mountView(BOARD);
    expect.verifySteps(["asked"]);
    expect(`${PANEL} h2 + span`).toHaveText("1 of 3 done");
    expect(`${PANEL} li:eq(0) [aria-label=Done]`).toHaveCount(1);
    expect(`${PANEL} [aria-current=step]`).toHaveText("Dealership\nB.");
    await contains(`${PANEL} [data-step=dealership]`).click();
    expect.verifySteps([["x.dealerships", {}]]);
});

test.tags("desktop");
test("a step that is of one record opens its form", async () => {
    await mountView(BOARD);
    expect(queryAllTexts(`${PANEL} li .fw-bold`)).toEqual(["Pipeline", "Dealership", "Connection"]);
    await contains(`${PANEL} [data-step=connection]`).click();
    expect.verifySteps(["asked", ["x.dealerships", {viewType: "form", props: {resId: 7}}]]);
});

test.tags("desktop");
test("a step brings along what is known for its new record", async () => {
    const context = {default_dealership_id: 7};
    steps = [{...STEPS[1], view: "form", context}];
    await mountView(BOARD);
    await contains(`${PANEL} [data-step=dealership]`).click();
    expect.verifySteps([
        "asked",
        ["x.dealerships", {viewType: "form", additionalContext: context}],
    ]);
});

test("closed by a user they are away, and not asked for again", async () => {
    await mountView(BOARD);
    await contains(`${PANEL} .btn-close`).click();
    await animationFrame();
    expect(PANEL).toHaveCount(0);
    await mountView(BOARD);
    expect(PANEL).toHaveCount(0);
    expect.verifySteps(["asked", {bpo_crm_first_steps_closed: true}]);
});

test("once all is done nothing is shown, and nothing asked again", async () => {
    steps = [];
    await mountView(BOARD);
    await mountView(BOARD);
    expect(PANEL).toHaveCount(0);
    expect.verifySteps(["asked"]);
});

test("who is no manager sees nothing, and nothing is asked for them", async () => {
    isManager = false;
    await mountView(BOARD);
    expect(PANEL).toHaveCount(0);
    expect.verifySteps([]);
});

test("deals by something else are no board", async () => {
    await mountView({...BOARD, groupBy: ["pipeline_id"]});
    expect(PANEL).toHaveCount(0);
    expect.verifySteps(["asked"]);
});
