// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {expect, test} from "@odoo/hoot";
import {queryAllTexts, waitFor} from "@odoo/hoot-dom";
import {DealReport, defineReports, openReport} from "./reports";
import {contains, onRpc, toggleMenuItem, toggleSearchBarMenu} from "@web/../tests/web_test_helpers";

defineReports();

const ARCH = `<graph js_class="bpo_dashboard"><field name="stage_id"/></graph>`;
const openDashboard = (context) => openReport("Dashboard", ARCH, context);

const getRows = (table) =>
    queryAllTexts(`[data-table=${table}] tbody tr`).map((row) => row.replace(/\s+/g, " "));

test.tags("desktop");
test("all of it in four queries", async () => {
    onRpc("formatted_read_group", ({kwargs}) => expect.step(kwargs.groupby.join()));
    await openDashboard();
    expect.verifySteps(["pipeline_id,stage_id", "user_id", "dealership_id", "lost_reason_id"]);
    expect(queryAllTexts(".o_bpo_tile")).toEqual([
        "1\nDeals Won",
        "1\nDeals Lost",
        "50.0 %\nWin Rate",
        "2\nDeals Open",
    ]);
    expect(queryAllTexts(".o_bpo_funnel h3")).toEqual(["Used", "Fleet"]);
    expect(getRows("agents")).toEqual(["Ann 1 1 50.0 % 3.0"]);
    expect(getRows("dealerships")).toEqual(["None 1 1 50.0 %"]);
    expect(getRows("reasons")).toEqual(["Price 1 100.0 %"]);
    expect(getRows("time")).toEqual(["Used: New 4 2.0 2.0"]);
});

test.tags("desktop");
test("one search filters all of it", async () => {
    onRpc("formatted_read_group", ({kwargs}) => {
        const leaves = kwargs.domain.filter((leaf) => leaf[0] === "user_id");
        expect.step(leaves.join("="));
    });
    await openDashboard();
    expect.verifySteps(["", "", "", ""]);
    await toggleSearchBarMenu();
    await toggleMenuItem("Of Ann");
    expect.verifySteps(Array(4).fill("user_id,=,1"));
    expect(queryAllTexts(".o_bpo_funnel h3")).toEqual(["Used"]);
});

test("numbers open what is behind them", async () => {
    await openDashboard();
    await contains(".o_bpo_tile button:first").click();
    await waitFor(".o_data_row, .o_kanban_record");
    expect(".o_data_row").toHaveCount(1);
    expect(".o_data_row .o_data_cell").toHaveText("Won");
});

test("where there is nothing yet, it is said what will appear", async () => {
    await openDashboard({search_default_nobody: 1});
    expect(".o_view_nocontent").toHaveText("Deals appear here");
    expect(".o_bpo_dashboard").toHaveCount(0);
});

test("a panel that has nothing to show says what it will", async () => {
    DealReport._records = DealReport._records.filter((record) => !record.closed_status);
    await openDashboard();
    expect("[data-table=reasons]").toHaveText(
        "Lost Reasons\nWhy deals are lost, the most frequent reason first.",
    );
});
