// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {describe, expect, test} from "@odoo/hoot";
import {waitFor} from "@odoo/hoot-dom";
import {advanceTime, animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    MockServer,
    models,
    mountView,
    onRpc,
    serverState,
} from "@web/../tests/web_test_helpers";

describe.current.tags("desktop");

class Lead extends models.Model {
    _name = "crm.lead";

    name = fields.Char();
    dealer_so_name = fields.Char();

    _records = [
        {id: 1, name: "One"},
        {id: 2, name: "Two"},
    ];
}

defineMailModels();
defineModels([Lead]);

/** Let the dealer take the orders of these leads, and the server say so. */
function sendOrders(...ids) {
    MockServer.env["crm.lead"].write(ids, {dealer_so_name: "S00042"});
    MockServer.env["bus.bus"]._sendone(serverState.partnerId, "bpo_crm.dealer_order", {
        records: {"crm.lead": ids},
        type: "success",
        message: "The order was created",
    });
    return waitFor(".o_notification:contains(The order was created)");
}

const FORM = `
    <form>
        <widget name="bpo_dealer_order_refresh"/>
        <field name="name"/>
        <field name="dealer_so_name" readonly="1"/>
    </form>`;

test("the open form of the lead refreshes", async () => {
    await mountView({type: "form", resModel: "crm.lead", resId: 1, arch: FORM});
    expect("[name=dealer_so_name]").toHaveText("");
    await sendOrders(1);
    await waitFor("[name=dealer_so_name]:contains(S00042)");
    expect(".o_notification_bar").toHaveClass("bg-success");
});

test("the open form of another lead does not", async () => {
    onRpc("crm.lead", "web_read", () => {
        expect.step("read");
    });
    await mountView({type: "form", resModel: "crm.lead", resId: 1, arch: FORM});
    expect.verifySteps(["read"]);
    await sendOrders(2);
    await animationFrame();
    expect.verifySteps([]);
});

test("what somebody is typing is kept", async () => {
    onRpc("crm.lead", "web_read", () => {
        expect.step("read");
    });
    await mountView({type: "form", resModel: "crm.lead", resId: 1, arch: FORM});
    expect.verifySteps(["read"]);
    await contains("[name=name] input").edit("Being typed", {confirm: false});
    await sendOrders(1);
    await animationFrame();
    expect("[name=name] input").toHaveValue("Being typed");
    expect.verifySteps([]);
});

test("the cards on the board refresh, the others stay", async () => {
    onRpc("crm.lead", "web_read", ({args}) => {
        expect.step(`read ${args[0]}`);
    });
    await mountView({
        type: "kanban",
        resModel: "crm.lead",
        arch: `
            <kanban>
                <templates>
                    <t t-name="card">
                        <widget name="bpo_dealer_order_refresh"/>
                        <field name="name"/>
                        <field name="dealer_so_name"/>
                    </t>
                </templates>
            </kanban>`,
    });
    await sendOrders(2);
    await waitFor(".o_kanban_record:contains(Two):contains(S00042)");
    expect(".o_kanban_record:contains(One):contains(S00042)").toHaveCount(0);
    expect.verifySteps(["read 2"]);
});

test("what somebody has to act on stays", async () => {
    await mountView({type: "form", resModel: "crm.lead", resId: 1, arch: FORM});
    for (const [type, message] of [
        ["danger", "No product VH-12"],
        ["success", "All is well"],
    ]) {
        MockServer.env["bus.bus"]._sendone(serverState.partnerId, "bpo_crm.dealer_order", {
            records: {"crm.lead": [1]},
            type,
            message,
        });
    }
    await waitFor(".o_notification:contains(All is well)");
    await advanceTime(20000);
    expect(".o_notification:contains(All is well)").toHaveCount(0);
    expect(".o_notification:contains(No product VH-12)").toHaveCount(1);
});
