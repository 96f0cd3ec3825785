// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {describe, expect, test} from "@odoo/hoot";
import {waitFor} from "@odoo/hoot-dom";
import {defineModels, fields, models, mountView} from "@web/../tests/web_test_helpers";

describe.current.tags("desktop");

class Order extends models.Model {
    _name = "bpo.dealer.order";

    dealership = fields.Char();
    state = fields.Selection({
        selection: [
            ["pending", "Sending"],
            ["sent", "Sent"],
            ["failed", "Failed"],
        ],
    });

    _records = [
        {id: 1, dealership: "North", state: "sent"},
        {id: 2, dealership: "North", state: "failed"},
        {id: 3, dealership: "South", state: "pending"},
    ];
}

defineMailModels();
defineModels([Order]);

/** Return {label: colour} of the bars of a graph with these groups. */
async function getColors(...names) {
    const groups = names.map((name) => `<field name="${name}"/>`).join("");
    await mountView({
        type: "graph",
        resModel: "bpo.dealer.order",
        arch: `<graph js_class="bpo_dealer_order_graph" stacked="1">${groups}</graph>`,
    });
    const canvas = await waitFor(".o_graph_canvas_container canvas");
    const {datasets} = window.Chart.getChart(canvas).data;
    return Object.fromEntries(datasets.map((each) => [each.label, each.backgroundColor]));
}

test("states have the colours of their badges", async () => {
    const colors = await getColors("dealership", "state");
    expect(colors.Failed).toBe("#dc3545");
    expect(colors.Sent).toBe("#28a745");
    expect(colors.Sending).toBe("#17a2b8");
});

test("other groups have the colours of any graph", async () => {
    const colors = await getColors("dealership");
    expect(Object.values(colors)).not.toInclude("#dc3545");
});
