// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {expect, test} from "@odoo/hoot";
import {queryAll} from "@odoo/hoot-dom";
import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";

class Pipeline extends models.Model {
    _name = "bpo.pipeline";

    name = fields.Char();
    weekly_graph = fields.Json();

    _records = [
        {
            id: 1,
            name: "Used",
            weekly_graph: {
                title: "Won",
                values: [
                    {label: "Mar 2", value: 4},
                    {label: "Mar 9", value: 0},
                    {label: "Mar 16", value: 1},
                ],
            },
        },
        {id: 2, name: "Fleet", weekly_graph: false},
    ];
}

defineMailModels();
defineModels([Pipeline]);

const KANBAN = {
    type: "kanban",
    resModel: "bpo.pipeline",
    arch: `<kanban action="action_open_board" type="object"><templates><t t-name="card">
        <field name="name"/>
        <field name="weekly_graph" widget="bpo_weekly_graph"/>
    </t></templates></kanban>`,
};

test("bars on the cards that have something to show", async () => {
    await mountView(KANBAN);
    expect(".o_bpo_weekly_graph").toHaveCount(1);
    const heights = queryAll(".o_bpo_weekly_bar > div").map((bar) => bar.style.height);
    expect(heights).toEqual(["100%", "0%", "25%"]);
    expect(".o_bpo_weekly_graph").toHaveText("Won: 5 in 3 weeks");
    expect(".o_bpo_weekly_current").toHaveCount(1);
});

test("the graph is said in words", async () => {
    await mountView(KANBAN);
    expect(".o_bpo_weekly_bars").toHaveAttribute(
        "aria-label",
        "Won; Week of Mar 2: 4; Week of Mar 9: 0; Week of Mar 16: 1",
    );
});

test("its words open what it counts; the rest of the card opens what the card does", async () => {
    for (const method of ["action_open_weekly_graph", "action_open_board"]) {
        onRpc(method, ({args}) => {
            expect.step(`${method} ${args[0]}`);
            return {type: "ir.actions.act_window_close"};
        });
    }
    await mountView(KANBAN);
    await contains(".o_bpo_weekly_graph button").click();
    expect.verifySteps(["action_open_weekly_graph 1"]);
    await contains(".o_bpo_weekly_bars").click();
    expect.verifySteps(["action_open_board 1"]);
});
