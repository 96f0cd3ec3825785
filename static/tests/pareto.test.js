// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {describe, expect, test} from "@odoo/hoot";
import {click, waitFor} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {mountView} from "@web/../tests/web_test_helpers";
import {DealReport, defineReports, makeEntry} from "./reports";

describe.current.tags("desktop");

defineReports();

async function getChart(measure = "lost_deals") {
    DealReport._records = [2, 1, 1, 1, 3, 1, 2, 1, 1, 1].map((reason, index) =>
        makeEntry(index + 1, 4, {lost_reason_id: reason, lost_deals: 1, days: reason}),
    );
    await mountView({
        type: "graph",
        resModel: "bpo.deal.report",
        arch: `<graph js_class="bpo_pareto" order="DESC">
            <field name="lost_reason_id"/><field name="${measure}" type="measure"/>
        </graph>`,
    });
    return readChart();
}

async function readChart() {
    const canvas = await waitFor(".o_graph_canvas_container canvas");
    const {data, options} = window.Chart.getChart(canvas);
    return {data, options, line: data.datasets.find((each) => each.type === "line")};
}

test("bars fall, and a line says what they make up together", async () => {
    const {data, line, options} = await getChart();
    expect(data.labels).toEqual(["Price", "Silence", "Stock"]);
    expect(data.datasets[0].data).toEqual([7, 2, 1]);
    expect(line.data).toEqual([70, 90, 100]);
    expect(line.yAxisID).toBe("share");
    expect(options.scales.share.max).toBe(100);
});

test("the same in words, for those who do not see the picture too", async () => {
    await getChart();
    const words = "2 of 3 make up 90.0 % of all: Price (7), Silence (2).";
    expect(".o_bpo_pareto_summary").toHaveText(words);
    expect("canvas").toHaveAttribute("aria-label", words);
});

test("bars in another order, and averages, have no such line", async () => {
    await getChart();
    await click(".fa-sort-amount-asc");
    await animationFrame();
    expect((await readChart()).line).toBe(undefined);
    expect(".o_bpo_pareto_summary").toHaveCount(0);
});

test("averages do not add up", async () => {
    const {line} = await getChart("days");
    expect(line).toBe(undefined);
});
