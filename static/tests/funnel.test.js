// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {describe, expect, test} from "@odoo/hoot";
import {click, press, queryAll, queryAllTexts, queryOne, waitFor} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    mountView,
    onRpc,
    toggleMenuItem,
    toggleSearchBarMenu,
} from "@web/../tests/web_test_helpers";
import {DealReport, defineReports, makeEntry, openReport} from "./reports";

describe.current.tags("desktop");

defineReports();

const ARCH = `<graph js_class="bpo_funnel"><field name="stage_id"/><field name="deals" type="measure"/></graph>`;
const FUNNEL = {type: "graph", resModel: "bpo.deal.report", arch: ARCH};

const getNumbers = (stage) =>
    queryAllTexts(`.o_bpo_funnel:eq(0) li:eq(${stage}) .o_bpo_funnel_number`);
const getWidths = () =>
    queryAll(".o_bpo_funnel:eq(0) .o_bpo_funnel_bar").map((bar) => bar.style.width);

const openAction = (context) => openReport("Funnel", ARCH, context);

test("a funnel per pipeline, in one query, with what became of the deals of each stage", async () => {
    onRpc("formatted_read_group", ({kwargs}) => expect.step(kwargs.groupby.join()));
    await mountView(FUNNEL);
    expect.verifySteps(["pipeline_id,stage_id"]);
    expect(queryAllTexts(".o_bpo_funnel h3")).toEqual(["Used", "Fleet"]);
    expect(queryAllTexts(".o_bpo_funnel:eq(0) .o_bpo_funnel_name")).toEqual([
        "New",
        "Offer",
        "Won",
    ]);
    expect(getNumbers(0)).toEqual(["4 entered", "3 passed on", "0 still there", "1 lost (25.0 %)"]);
    expect(getNumbers(1)).toEqual([
        "3 entered",
        "1 passed on",
        "1 still there",
        "1 moved away",
        "0 lost",
    ]);
    expect(getNumbers(2)).toEqual(["1 entered", "1 still won"]);
    expect(getWidths()).toEqual(["100%", "75%", "25%"]);
});

test("conversion from stage to stage and from end to end is said in words", async () => {
    await mountView(FUNNEL);
    expect(".o_bpo_funnel_total:eq(0)").toHaveText(
        "Deals that entered New: 4. Won by now: 1, 25.0 % from end to end.",
    );
    expect(queryAllTexts(".o_bpo_funnel:eq(0) .o_bpo_funnel_rate")).toEqual([
        "75.0 % passed on",
        "33.3 % passed on",
    ]);
});

test("a number opens the entries behind it, by keyboard too", async () => {
    await openAction();
    await contains(".o_bpo_funnel:eq(0) li:eq(0) [data-part=passed_on]").click();
    await waitFor(".o_list_view");
    expect(".o_data_row").toHaveCount(3);
    expect(".o_breadcrumb .active, .o_last_breadcrumb_item").toHaveText("Used · New · passed on");
    await contains(".o_breadcrumb a, .breadcrumb-item a").click();
    await waitFor(".o_bpo_funnel");
    queryOne(".o_bpo_funnel:eq(0) li:eq(1) [data-part=entered]").focus();
    await press("Enter");
    await waitFor(".o_list_view");
    expect(".o_data_row").toHaveCount(3);
    expect(queryAllTexts(".o_data_row .o_data_cell")).toEqual(["Offer", "Offer", "Offer"]);
});

test("numbers that are zero open nothing", async () => {
    await mountView(FUNNEL);
    expect(".o_bpo_funnel:eq(0) li:eq(0) [data-part=here]").toHaveProperty("disabled", true);
});

test("what tells the parts of a bar apart is named beside it", async () => {
    await mountView(FUNNEL);
    for (const part of ["passed_on", "here", "moved_away", "lost"]) {
        expect(`.o_bpo_funnel_number .o_bpo_key.o_bpo_part_${part}`).toHaveCount();
    }
});

test("filters and groups hold: a funnel per agent and pipeline", async () => {
    await openAction();
    await toggleSearchBarMenu();
    await toggleMenuItem("By Agent");
    expect(queryAllTexts(".o_bpo_funnel h3")).toEqual(["Ann / Used", "Bob / Fleet"]);
    await toggleMenuItem("Of Ann");
    expect(queryAllTexts(".o_bpo_funnel h3")).toEqual(["Ann / Used"]);
});

test("many funnels are not all drawn at once", async () => {
    DealReport._records = Array.from({length: 15}, (_value, index) =>
        makeEntry(index + 1, 1, {pipeline_id: 1, won_status: `agent ${index}`, here: 1}),
    );
    await mountView({...FUNNEL, groupBy: ["won_status"]});
    expect(".o_bpo_funnel").toHaveCount(12);
    await contains("button:contains(Show 3 more)").click();
    expect(".o_bpo_funnel").toHaveCount(15);
});

test("bars, lines and the pie of any graph are one click away", async () => {
    await mountView(FUNNEL);
    await click(".o_graph_button[data-mode=bar]");
    await animationFrame();
    expect(".o_bpo_funnel").toHaveCount(0);
    expect(".o_graph_canvas_container canvas").toHaveCount(1);
    await click(".o_graph_button[data-mode=funnel]");
    await animationFrame();
    expect(".o_bpo_funnel").toHaveCount(2);
    expect("canvas").toHaveCount(0);
});

test("where there is nothing yet, it is said what will appear", async () => {
    await openAction({search_default_nobody: 1});
    expect(".o_view_nocontent").toHaveText("Deals appear here");
    expect(".o_bpo_funnel").toHaveCount(0);
});
