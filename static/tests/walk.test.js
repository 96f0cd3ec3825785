// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {beforeEach, expect, test} from "@odoo/hoot";
import {press, queryAllTexts, waitFor, waitForNone} from "@odoo/hoot-dom";
import {animationFrame, Deferred} from "@odoo/hoot-mock";
import {
    contains,
    getService,
    makeServerError,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {MainComponentsContainer} from "@web/core/main_components_container";
import {registry} from "@web/core/registry";
import {defineDeals} from "./deals";

defineDeals();

const PROGRESS = ".o_bpo_walk_progress";
const BAR = ".o_bpo_walk [role=progressbar]";
/** Ids of the records with problems. */
let wrong = [];
/** The batches that the server has not answered yet. */
let waiting = [];

beforeEach(() => {
    wrong = [];
    waiting = [];
    onRpc("bpo.pipeline", "walk_test", ({args}) => {
        const answer = new Deferred();
        const [ids] = args;
        expect.step(ids.join(" "));
        waiting.push(answer);
        return answer.then(() =>
            ids
                .filter((id) => wrong.includes(id))
                .map((id) => ({id, name: `Dealer ${id}`, text: "Nobody answers."})),
        );
    });
});

/** Begin to walk over five records, two at a time; give what follows as `next`. */
async function begin() {
    await mountWithCleanup(MainComponentsContainer);
    const walk = registry.category("actions").get("bpo_crm_walk");
    const services = Object.fromEntries(
        ["dialog", "notification", "orm"].map((name) => [name, getService(name)]),
    );
    const next = walk(
        {services},
        {
            params: {
                model: "bpo.pipeline",
                method: "walk_test",
                ids: [1, 2, 3, 4, 5],
                batch_size: 2,
                title: "Test Connection",
                all_well: "Connections tested: 5. All is well.",
            },
        },
    );
    await waitFor(".o_bpo_walk");
    return {next};
}

/** Let the server answer the batch under way. */
async function answer() {
    waiting.shift().resolve();
    await animationFrame();
    await animationFrame();
}

test("it is shown how far it is, and what came of it", async () => {
    const {next} = await begin();
    expect(PROGRESS).toHaveText("0 of 5");
    expect(".o_bpo_walk .modal-title").toHaveText("Test Connection");
    expect(BAR).toHaveAttribute("aria-valuenow", "0");
    expect(".o_bpo_walk_stop").toBeFocused();
    await answer();
    expect(PROGRESS).toHaveText("2 of 5");
    expect(BAR).toHaveAttribute("aria-valuenow", "2");
    expect(BAR).toHaveAttribute("aria-valuemax", "5");
    expect(`${BAR} > div`).toHaveAttribute("style", "width: 40%");
    expect(".o_bpo_walk_hint").toHaveText(/^Estimated time left: \d+:\d\d$/);
    await answer();
    await answer();
    await waitForNone(".o_bpo_walk");
    await waitFor(".o_notification:contains(All is well.)");
    expect(await next).toEqual({type: "ir.actions.client", tag: "soft_reload"});
    expect.verifySteps(["1 2", "3 4", "5"]);
});

test("problems are named, and those records can be opened", async () => {
    wrong = [2, 5];
    const {next} = await begin();
    await answer();
    expect(PROGRESS).toHaveText("2 of 5 · with problems: 1");
    await answer();
    await answer();
    expect(queryAllTexts(".o_bpo_walk_problems li")).toEqual([
        "Dealer 2\nNobody answers.",
        "Dealer 5\nNobody answers.",
    ]);
    expect(".o_bpo_walk_continue").toHaveCount(0);
    expect(".o_bpo_walk_show").toBeFocused();
    expect(".o_notification").toHaveCount(0);
    await contains(".o_bpo_walk_show").click();
    const action = await next;
    expect([action.res_model, action.domain]).toEqual(["bpo.pipeline", [["id", "in", [2, 5]]]]);
    expect.verifySteps(["1 2", "3 4", "5"]);
});

test("it stops after the batch under way, and goes on with the rest", async () => {
    await begin();
    await contains(".o_bpo_walk_stop").click();
    expect(".o_bpo_walk_hint").toHaveText("Stopping once the present batch is done…");
    await answer();
    expect(PROGRESS).toHaveText("2 of 5");
    expect(".o_bpo_walk_hint").toHaveText(/^Stopped\./);
    expect(".o_bpo_walk_continue").toBeFocused();
    expect.verifySteps(["1 2"]);
    await contains(".o_bpo_walk_continue").click();
    expect.verifySteps(["3 4"]);
    expect(".o_bpo_walk_stop").toBeFocused();
    await answer();
    await answer();
    expect.verifySteps(["5"]);
    await waitFor(".o_notification:contains(All is well.)");
});

test("stopped and closed, nothing is said to be well", async () => {
    const {next} = await begin();
    await contains(".o_bpo_walk_stop").click();
    await answer();
    await contains(".o_bpo_walk_close").click();
    expect((await next).tag).toBe("soft_reload");
    expect(".o_notification").toHaveCount(0);
    expect.verifySteps(["1 2"]);
});

test("Esc stops first, and closes what has stopped", async () => {
    await begin();
    await press("Escape");
    await animationFrame();
    expect(".o_bpo_walk_hint").toHaveText(/^Stopping/);
    await answer();
    expect(PROGRESS).toHaveText("2 of 5");
    await press("Escape");
    await waitForNone(".o_bpo_walk");
    expect.verifySteps(["1 2"]);
});

test.tags("desktop");
test("by keyboard", async () => {
    wrong = [1];
    await begin();
    await press(["alt", "x"]);
    await waitFor(".o_bpo_walk_hint:contains(Stopping)");
    await answer();
    expect.verifySteps(["1 2"]);
    await press(["alt", "q"]);
    await waitFor(".o_bpo_walk_stop");
    expect.verifySteps(["3 4"]);
    await answer();
    await answer();
    expect.verifySteps(["5"]);
    await press(["alt", "x"]);
    await waitForNone(".o_bpo_walk");
});

test("a batch that fails as a whole stops it, and is tried again", async () => {
    expect.errors(1);
    await begin();
    await answer();
    waiting.shift().reject(makeServerError({message: "The server is restarted"}));
    await waitFor(".o_error_dialog:contains(restarted)");
    expect.verifyErrors(["RPC_ERROR"]);
    await contains(".o_error_dialog footer .btn-primary").click();
    await waitForNone(".o_error_dialog");
    expect(PROGRESS).toHaveText("2 of 5");
    await contains(".o_bpo_walk_continue").click();
    await answer();
    await answer();
    await waitFor(".o_notification:contains(All is well.)");
    expect.verifySteps(["1 2", "3 4", "3 4", "5"]);
});
