// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {expect, test} from "@odoo/hoot";
import {hover, press, queryAllTexts, waitFor, waitForNone} from "@odoo/hoot-dom";
import {advanceTime, animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    makeServerError,
    MockServer,
    mountView,
    onRpc,
    serverState,
} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals, drop, FORM, getCards, Lead, LIST} from "./deals";

defineDeals();

onRpc("crm.lead", "get_rainbowman_message", () => false);

/** Let the server say that leads were closed, as it does with the move. */
function closeLeads(leadIds, values = {}) {
    MockServer.env["crm.lead"].write(leadIds, {stage_id: 2});
    MockServer.env["bus.bus"]._sendone(serverState.partnerId, "bpo_crm.undo", {
        id: 7,
        lead_ids: leadIds,
        message: "Won: Red car.",
        seconds: 15,
        has_orders: true,
        ...values,
    });
    return waitFor(".o_notification.o_bpo_undo:contains(Won: Red car.)");
}

/** Let Undo bring these leads back to the first stage; note what is called. */
function takeBack(...leadIds) {
    onRpc("bpo.undo", "*", ({args, method}) => {
        expect.step(`${method} ${args[0]}`);
        if (method === "action_undo") {
            MockServer.env["crm.lead"].write(leadIds, {stage_id: 1});
        }
        return true;
    });
}

test.tags("desktop");
test("a card that was dropped by mistake is back in its column", async () => {
    takeBack(1);
    onRpc("crm.lead", "web_save", () => {
        expect.step("save");
    });
    Lead._records.push({id: 4, name: "Green car", stage_id: 2});
    await mountView(BOARD);
    await drop("Red car", 1);
    expect.verifySteps(["save"]);
    await closeLeads([1]);
    expect(".o_notification_bar").toHaveClass("bg-info");
    await contains(".o_bpo_undo button:contains(Undo)").click();
    await waitFor(".o_notification:contains(Taken back.)");
    await waitForNone(".o_bpo_undo");
    await animationFrame();
    // and nothing else is asked of the server
    expect.verifySteps(["action_undo 7"]);
    expect(getCards(0)).toEqual(["Red car", "Blue car"]);
    expect(getCards(1)).toEqual(["Green car"]);
});

test.tags("desktop");
test("by keyboard", async () => {
    takeBack(1);
    await mountView(BOARD);
    await closeLeads([1]);
    await press(["alt", "z"]);
    await waitForNone(".o_bpo_undo");
    expect.verifySteps(["action_undo 7"]);
    await press(["alt", "z"]);
    await animationFrame();
    expect.verifySteps([]);
});

test("the open form shows the deal where it was", async () => {
    takeBack(1);
    await mountView({
        ...FORM,
        arch: FORM.arch.replace("<group>", `<widget name="bpo_dealer_order_refresh"/><group>`),
    });
    await closeLeads([1]);
    onRpc("crm.lead", "web_read", () => {
        expect.step("read");
    });
    await contains(".o_bpo_undo button:contains(Undo)").click();
    await waitFor(".o_notification:contains(Taken back.)");
    await animationFrame();
    expect.verifySteps(["action_undo 7", "read"]);
});

test.tags("desktop");
test("a list is read anew, unless somebody is typing in it", async () => {
    takeBack(1);
    onRpc("crm.lead", "web_search_read", () => {
        expect.step("read");
    });
    await mountView({...LIST, arch: LIST.arch.replace("multi_edit", `editable="top" multi_edit`)});
    expect.verifySteps(["read"]);
    await closeLeads([1]);
    await contains(".o_bpo_undo button:contains(Undo)").click();
    await waitFor(".o_notification:contains(Taken back.)");
    await animationFrame();
    expect.verifySteps(["action_undo 7", "read"]);
    await closeLeads([1]);
    await contains(".o_data_cell[name=name]").click();
    await contains(".o_bpo_undo button:contains(Undo)").click();
    await animationFrame();
    expect.verifySteps(["action_undo 7"]);
});

test("once the time is over the orders are let go, and nothing is offered any more", async () => {
    takeBack(1);
    await mountView(FORM);
    await closeLeads([1]);
    await advanceTime(14000);
    // the notice begins its time anew when the mouse leaves it; the order does not
    await hover(".o_bpo_undo");
    await animationFrame();
    expect.verifySteps([]);
    await advanceTime(1500);
    await waitForNone(".o_bpo_undo");
    expect.verifySteps(["action_end 7"]);
    await advanceTime(60000);
    expect.verifySteps([]);
});

test("closing the notice lets the orders go at once", async () => {
    takeBack(1);
    await mountView(FORM);
    await closeLeads([1]);
    await contains(".o_bpo_undo .o_notification_close").click();
    await waitForNone(".o_bpo_undo");
    await animationFrame();
    expect.verifySteps(["action_end 7"]);
});

test("what was undone or closed in another window is not offered here any more", async () => {
    takeBack(1);
    await mountView(FORM);
    await closeLeads([1]);
    MockServer.env["bus.bus"]._sendone(serverState.partnerId, "bpo_crm.undo_end", {id: 8});
    MockServer.env["bus.bus"]._sendone(serverState.partnerId, "bpo_crm.undo_end", {id: 7});
    await waitForNone(".o_bpo_undo");
    await advanceTime(16000);
    expect.verifySteps([]);
});

test("without orders there is nothing to let go", async () => {
    takeBack(1);
    await mountView(FORM);
    await closeLeads([1], {has_orders: false});
    await advanceTime(16000);
    await waitForNone(".o_bpo_undo");
    expect.verifySteps([]);
});

test("too late: the server says why", async () => {
    expect.errors(1);
    onRpc("bpo.undo", "action_undo", () => {
        throw makeServerError({message: "The order is on its way"});
    });
    await mountView(FORM);
    await closeLeads([1]);
    await contains(".o_bpo_undo button:contains(Undo)").click();
    await waitFor(".o_error_dialog:contains(on its way)");
    expect.verifyErrors(["RPC_ERROR"]);
    expect(".o_notification:contains(Taken back.)").toHaveCount(0);
});

test("that letting go fails is nobody's business", async () => {
    onRpc("bpo.undo", "action_end", () => {
        expect.step("end");
        throw makeServerError({message: "Being sent"});
    });
    await mountView(FORM);
    await closeLeads([1]);
    await advanceTime(16000);
    await animationFrame();
    expect.verifySteps(["end"]);
    expect(".o_error_dialog").toHaveCount(0);
});

test.tags("desktop");
test("the latest of several offers is the one for the keys", async () => {
    takeBack(1);
    await mountView(BOARD);
    await closeLeads([1]);
    await closeLeads([2], {id: 8, message: "Won: Blue car."});
    await waitFor(".o_bpo_undo:contains(Blue car)");
    await press(["alt", "z"]);
    await animationFrame();
    expect.verifySteps(["action_undo 8"]);
    await press(["alt", "z"]);
    await animationFrame();
    expect.verifySteps(["action_undo 7"]);
    expect(queryAllTexts(".o_bpo_undo")).toEqual([]);
});
