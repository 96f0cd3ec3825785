// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// Columns of closed deals say which of them they show, as long as the filter is there.

import {describe, expect, test} from "@odoo/hoot";
import {queryAllTexts} from "@odoo/hoot-dom";
import {
    fields,
    mountView,
    onRpc,
    removeFacet,
    toggleMenuItem,
    toggleSearchBarMenu,
} from "@web/../tests/web_test_helpers";
import {BOARD, defineDeals, getCards, Lead, Stage} from "./deals";

describe.current.tags("desktop");

defineDeals();

const SEARCH = `
    <search>
        <filter string="Open or recently closed" name="current"
            domain="[('is_current', '=', True)]"
            invisible="not context.get('bpo_crm_closed_days')"/>
    </search>`;

/** Mount a board whose server leaves out what was closed longer ago than so many days. */
async function mountBoard(days, context) {
    Lead._fields.is_current = fields.Boolean({default: true});
    Object.assign(Stage._records[1], {is_won: true});
    Lead._records.push(
        {id: 4, name: "Sold car", stage_id: 2},
        {id: 5, name: "Car of long ago", stage_id: 2, is_current: false},
    );
    onRpc("crm.lead", "web_read_group", async ({kwargs, parent}) => {
        const result = await parent();
        const isLimited = JSON.stringify(kwargs.domain).includes("is_current");
        return isLimited ? {...result, bpo_crm_closed_days: days} : result;
    });
    onRpc("crm.stage", "read", () => expect.step("read"));
    await mountView({...BOARD, searchViewArch: SEARCH, context});
}

const DEFAULT = {search_default_current: 1, bpo_crm_closed_days: 30};

test("columns of closed deals say how far they go back, until the filter is taken away", async () => {
    await mountBoard(30, DEFAULT);
    expect(queryAllTexts(".o_facet_value")).toEqual(["Open or recently closed"]);
    expect(queryAllTexts(".o_bpo_closed_hint")).toEqual([
        "closed in the last 30 days",
        "closed in the last 30 days",
    ]);
    expect(".o_kanban_group:eq(0) .o_bpo_closed_hint").toHaveCount(0);
    expect(getCards(1)).toEqual(["Sold car"]);
    await removeFacet("Open or recently closed");
    expect(".o_bpo_closed_hint").toHaveCount(0);
    expect(getCards(1)).toEqual(["Sold car", "Car of long ago"]);
    await toggleSearchBarMenu();
    await toggleMenuItem("Open or recently closed");
    expect(".o_bpo_closed_hint").toHaveCount(2);
    expect.verifySteps([]);
});

test("one day is since yesterday; a folded column says it when it is pointed at", async () => {
    Stage._records[2].fold = true;
    await mountBoard(1, DEFAULT);
    expect(queryAllTexts(".o_bpo_closed_hint")).toEqual(["closed since yesterday"]);
    expect(".o_column_folded .o_column_title").toHaveAttribute("title", "closed since yesterday");
});

test("boards that show all deals say nothing and offer no such filter", async () => {
    await mountBoard(30, {});
    expect(".o_facet_value").toHaveCount(0);
    expect(".o_bpo_closed_hint").toHaveCount(0);
    expect(".o_column_title[title]").toHaveCount(0);
    await toggleSearchBarMenu();
    expect(".o_menu_item:contains(recently)").toHaveCount(0);
});
