// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {formatFloat, formatInteger} from "@web/views/fields/formatters";
import {getGroupLabel, loadFunnels} from "./funnel_data";
import {Domain} from "@web/core/domain";
import {_t} from "@web/core/l10n/translation";
import {formatShare} from "./format_share";

/* What is known of deals that are closed, by whose they are. */
const CLOSED = ["won_deals:sum", "lost_deals:sum", "win_rate:avg"];
const HOURS = "hours_to_move:median";
/* Lost, and still so; by archiving, too, as stock loses deals. */
const IS_LOST = [["lost_deals", "=", 1]];

const formatNumber = (number) =>
    number === false || number === undefined ? "" : formatFloat(number, {digits: [16, 1]});
const narrow = (domain, ...leaves) => Domain.and([domain, leaves]).toList();

/** A number that opens what is behind it; nothing is behind a zero. */
function makeCell(count, domain) {
    return {text: formatInteger(count), domain: count ? domain : undefined};
}

function makeWon(group) {
    return makeCell(group["won_deals:sum"] || 0, narrow(group.__domain, ["won_deals", "=", 1]));
}

function makeLost(group) {
    return makeCell(group["lost_deals:sum"] || 0, narrow(group.__domain, ["lost_deals", "=", 1]));
}

/** Rows of those who won or lost something, who won most first. */
function makeClosedRows(groups, field, makeMore) {
    const shown = groups.filter((each) => each["won_deals:sum"] || each["lost_deals:sum"]);
    shown.sort((one, other) => other["won_deals:sum"] - one["won_deals:sum"]);
    const most = Math.max(...shown.map((each) => each["won_deals:sum"]), 1);
    return shown.map((group, index) => ({
        key: index,
        name: getGroupLabel(field, group[field.name]),
        share: (100 * group["won_deals:sum"]) / most,
        cells: [
            makeWon(group),
            makeLost(group),
            {text: group["win_rate:avg"] === false ? "" : formatShare(group["win_rate:avg"])},
            ...makeMore(group),
        ],
    }));
}

function makeReasonRows(groups, field) {
    const sorted = groups.filter((group) => group["lost_deals:sum"]);
    sorted.sort((one, other) => other["lost_deals:sum"] - one["lost_deals:sum"]);
    const total = sorted.reduce((sum, group) => sum + group["lost_deals:sum"], 0);
    let soFar = 0;
    return sorted.map((group, index) => {
        soFar += group["lost_deals:sum"];
        return {
            key: index,
            name: getGroupLabel(field, group.lost_reason_id),
            share: (100 * group["lost_deals:sum"]) / sorted[0]["lost_deals:sum"],
            cells: [makeLost(group), {text: formatShare((100 * soFar) / total)}],
        };
    });
}

function makeTimeRows(funnels) {
    const rows = [];
    for (const funnel of funnels) {
        for (const stage of funnel.stages) {
            if (!stage.isWon && typeof stage.timeMedian === "number") {
                const name = funnels.length > 1 ? `${funnel.title}: ${stage.name}` : stage.name;
                const left = stage.entered - getCount(stage, "here") - getCount(stage, "archived");
                rows.push({
                    key: rows.length,
                    name,
                    days: stage.timeMedian,
                    cells: [
                        makeCell(left, narrow(stage.domain, ["left_date", "!=", false])),
                        {text: formatNumber(stage.timeMedian)},
                        {text: formatNumber(stage.timeP90)},
                    ],
                });
            }
        }
    }
    const longest = Math.max(...rows.map((row) => row.days)) || 1;
    return rows.map((row) => ({...row, share: (100 * row.days) / longest}));
}

function getCount(stage, name) {
    return stage.parts.find((part) => part.name === name).count;
}

/** The figures on top: of all deals that the search finds. */
function makeTiles(domain, funnels, agents) {
    const add = (name) => agents.reduce((sum, group) => sum + (group[name] || 0), 0);
    const [won, lost] = [add("won_deals:sum"), add("lost_deals:sum")];
    const open = funnels
        .flatMap((funnel) => funnel.stages)
        .filter((stage) => !stage.isWon)
        .reduce((sum, stage) => sum + getCount(stage, "here"), 0);
    const isOpen = [
        ["here", "=", 1],
        ["closed_status", "=", false],
    ];
    return [
        {label: _t("Deals Won"), ...makeCell(won, narrow(domain, ["won_deals", "=", 1]))},
        {label: _t("Deals Lost"), ...makeCell(lost, narrow(domain, ["lost_deals", "=", 1]))},
        {
            label: _t("Win Rate"),
            text: won + lost ? formatShare((100 * won) / (won + lost)) : "–",
        },
        {label: _t("Deals Open"), ...makeCell(open, narrow(domain, ...isOpen))},
    ];
}

/**
 * Return all that the dashboard shows, in four queries.
 *
 * @param {import("@web/core/orm_service").ORM} orm
 * @param {Object} params
 * @param {string} params.resModel
 * @param {Array} params.domain of the search
 * @param {Object} params.fields
 * @param {Object} params.context
 */
export async function loadDashboard(orm, {resModel, domain, fields, context}) {
    const read = (name, aggregates, leaves = []) =>
        orm.formattedReadGroup(resModel, narrow(domain, ...leaves), [name], aggregates, {context});
    const [funnels, agents, dealerships, reasons] = await Promise.all([
        loadFunnels(orm, {
            resModel,
            domain,
            fields,
            context,
            more: ["days_median:median", "days_p90:p90"],
        }),
        read("user_id", [...CLOSED, HOURS]),
        read("dealership_id", CLOSED),
        read("lost_reason_id", ["lost_deals:sum"], IS_LOST),
    ]);
    const closed = [_t("Deals Won"), _t("Deals Lost"), _t("Win Rate")];
    const makeHours = (group) => [{text: formatNumber(group[HOURS])}];
    return {
        funnels,
        tiles: makeTiles(domain, funnels, agents),
        tables: [
            {
                key: "time",
                title: _t("Time in Stage"),
                columns: [_t("Times Left"), _t("Days (median)"), _t("Days (90 %)")],
                rows: makeTimeRows(funnels),
                empty: _t("How long deals stay in each stage, once some have left it."),
            },
            {
                key: "reasons",
                title: _t("Lost Reasons"),
                columns: [_t("Deals Lost"), _t("Together")],
                rows: makeReasonRows(reasons, fields.lost_reason_id),
                empty: _t("Why deals are lost, the most frequent reason first."),
            },
            {
                key: "agents",
                title: _t("Agents"),
                columns: [...closed, _t("Hours to First Move")],
                rows: makeClosedRows(agents, fields.user_id, makeHours),
                empty: _t("Who wins and loses how much, once deals are closed."),
            },
            {
                key: "dealerships",
                title: _t("Dealerships"),
                columns: closed,
                rows: makeClosedRows(dealerships, fields.dealership_id, () => []),
                empty: _t("For whom deals are won and lost, once some are closed."),
            },
        ],
    };
}
