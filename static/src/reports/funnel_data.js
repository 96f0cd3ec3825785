// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Domain} from "@web/core/domain";
import {_t} from "@web/core/l10n/translation";

/* What is asked of the server for a funnel; all of it in one query. */
const MEASURES = [
    "entered:sum",
    "deals:sum",
    "passed_on:sum",
    "lost:sum",
    "moved_away:sum",
    "here:sum",
    "archived:sum",
    "won_rate:avg",
    "closed_status:count",
];

/* Where a stage's entries went: its bar is made of these, in this order. */
const PARTS = [
    {name: "passed_on", label: _t("passed on"), always: true},
    {name: "here", label: _t("still there"), always: true},
    {name: "moved_away", label: _t("moved away")},
    {name: "archived", label: _t("archived by now")},
    {name: "lost", label: _t("lost"), always: true},
];

const percent = (part, whole) => (whole ? (100 * part) / whole : 0);

/**
 * Return what a group is called.
 *
 * @param {Object} field its description
 * @param {any} value as `formatted_read_group` gives it
 */
export function getGroupLabel(field, value) {
    if (field.type === "boolean") {
        return value ? _t("Yes") : _t("No");
    }
    if (value === false || value === undefined) {
        return field.falsy_value_label || _t("None");
    }
    if (field.type === "selection") {
        return Object.fromEntries(field.selection)[value] || value;
    }
    return Array.isArray(value) ? value[1] : String(value);
}

/** One stage of a funnel: its numbers, each with the domain of the entries behind it. */
function makeStage(group) {
    const get = (name) => group[`${name}:sum`] || 0;
    const narrow = (...leaves) => Domain.and([group.__domain, leaves]).toList();
    const entered = get("entered");
    return {
        id: group.stage_id ? group.stage_id[0] : 0,
        name: group.stage_id ? group.stage_id[1] : _t("Deleted stages"),
        // entries of lost stages are not asked for
        isWon: Boolean(group["closed_status:count"]),
        entered,
        deals: get("deals"),
        domain: group.__domain,
        wonInTheEnd: Math.round(((group["won_rate:avg"] || 0) * get("deals")) / 100),
        wonDomain: narrow(["deals", "=", 1], ["won_status", "=", "won"]),
        dealsDomain: narrow(["deals", "=", 1]),
        parts: PARTS.map((part) => ({
            ...part,
            count: get(part.name),
            share: percent(get(part.name), entered),
            domain: narrow([part.name, "=", 1]),
        })),
        timeMedian: group["days_median:median"],
        timeP90: group["days_p90:p90"],
    };
}

/** Widths of the bars, and what is said between two of them. */
function finishFunnel(funnel) {
    const widest = Math.max(...funnel.stages.map((stage) => stage.entered), 1);
    funnel.stages.forEach((stage, index) => {
        const passedOn = stage.parts.find((part) => part.name === "passed_on");
        stage.width = percent(stage.entered, widest);
        stage.passedRate = passedOn.share;
        stage.next = funnel.stages[index + 1];
    });
    for (const stage of funnel.stages) {
        stage.nextWidth = stage.next && stage.next.width;
    }
    const [first] = funnel.stages;
    funnel.conversion = percent(first.wonInTheEnd, first.deals);
    return funnel;
}

/**
 * Return funnels: one per pipeline, within the groups asked for.
 *
 * @param {import("@web/core/orm_service").ORM} orm
 * @param {Object} params
 * @param {string} params.resModel
 * @param {Array} params.domain
 * @param {Object} params.fields
 * @param {Array} [params.groupBy] as the graph model has it; stage and pipeline are there anyway
 * @param {string[]} [params.more] aggregates beside those of the funnel
 * @param {Object} [params.context]
 */
export async function loadFunnels(orm, params) {
    const {resModel, domain, fields, groupBy = [], more = [], context} = params;
    const outer = groupBy.filter(({fieldName}) => !["pipeline_id", "stage_id"].includes(fieldName));
    const specs = [...outer.map((each) => each.spec), "pipeline_id"];
    const groups = await orm.formattedReadGroup(
        resModel,
        // what is lost is counted where it was lost
        Domain.and([domain, [["closed_status", "!=", "lost"]]]).toList(),
        [...specs, "stage_id"],
        [...MEASURES, ...more],
        {context},
    );
    const funnels = new Map();
    for (const group of groups) {
        const key = JSON.stringify(specs.map((spec) => group[spec]));
        if (!funnels.has(key)) {
            const labels = outer.map((each) =>
                getGroupLabel(fields[each.fieldName], group[each.spec]),
            );
            labels.push(getGroupLabel(fields.pipeline_id, group.pipeline_id));
            funnels.set(key, {key, title: labels.join(" / "), stages: []});
        }
        funnels.get(key).stages.push(makeStage(group));
    }
    return [...funnels.values()].map(finishFunnel);
}
