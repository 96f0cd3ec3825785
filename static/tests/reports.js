// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// The analysis of deals, as far as pictures ask for it.

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {
    defineModels,
    fields,
    getService,
    models,
    mountWithCleanup,
} from "@web/../tests/web_test_helpers";
import {getKwArgs, makeKwArgs} from "@web/../tests/_framework/mock_server/mock_server_utils";
import {Domain} from "@web/core/domain";
import {WebClient} from "@web/webclient/webclient";
import {markup} from "@odoo/owl";

class Named extends models.Model {
    name = fields.Char();
}

export class Pipeline extends Named {
    _name = "bpo.pipeline";
    _records = [
        {id: 1, name: "Used"},
        {id: 2, name: "Fleet"},
    ];
}

export class Stage extends Named {
    _name = "crm.stage";
    _records = [
        {id: 1, name: "New"},
        {id: 2, name: "Offer"},
        {id: 3, name: "Won"},
        {id: 4, name: "Lost"},
    ];
}

export class Agent extends Named {
    _name = "bpo.agent";
    _records = [
        {id: 1, name: "Ann"},
        {id: 2, name: "Bob"},
    ];
}

export class Reason extends Named {
    _name = "crm.lost.reason";
    _records = [
        {id: 1, name: "Price"},
        {id: 2, name: "Silence"},
        {id: 3, name: "Stock"},
    ];
}

const isNumber = (value) => typeof value === "number";
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/* What the mock server does otherwise than the server, or not at all. */
const AGGREGATES = {
    avg: (values) => average(values.filter(isNumber)),
    median: (values) => values.filter(isNumber).sort()[0],
    p90: (values) => values.filter(isNumber).sort().at(-1),
    count: (values) => values.filter(Boolean).length,
};

const number = (aggregator = "sum") => fields.Integer({aggregator});

export class DealReport extends models.Model {
    _name = "bpo.deal.report";

    pipeline_id = fields.Many2one({relation: "bpo.pipeline"});
    stage_id = fields.Many2one({relation: "crm.stage"});
    user_id = fields.Many2one({relation: "bpo.agent", string: "Agent"});
    dealership_id = fields.Many2one({relation: "bpo.agent", string: "Dealership"});
    lost_reason_id = fields.Many2one({relation: "crm.lost.reason", string: "Lost Reason"});
    closed_status = fields.Selection({
        selection: [
            ["won", "Won"],
            ["lost", "Lost"],
        ],
    });
    won_status = fields.Char();
    left_date = fields.Datetime();
    entered = number();
    deals = number();
    passed_on = number();
    lost = number();
    moved_away = number();
    here = number();
    archived = number();
    won_deals = number();
    lost_deals = number();
    won_rate = fields.Float({aggregator: "avg"});
    win_rate = fields.Float({aggregator: "avg"});
    days = fields.Float({aggregator: "avg"});
    days_median = fields.Float({aggregator: "median"});
    days_p90 = fields.Float({aggregator: "p90"});
    hours_to_move = fields.Float({aggregator: "median"});

    formatted_read_group() {
        const kwargs = getKwArgs(arguments, "domain", "groupby", "aggregates");
        const [ours, others] = [[], []];
        for (const spec of kwargs.aggregates) {
            (spec.split(":")[1] in AGGREGATES ? ours : others).push(spec);
        }
        const groups = super.formatted_read_group(makeKwArgs({...kwargs, aggregates: others}));
        for (const group of groups) {
            const domain = Domain.and([kwargs.domain, group.__extra_domain]).toList();
            const records = this._filter(domain);
            for (const spec of ours) {
                const [name, aggregate] = spec.split(":");
                const value = AGGREGATES[aggregate](records.map((record) => record[name]));
                group[spec] = value === undefined || Number.isNaN(value) ? false : value;
            }
        }
        return groups;
    }

    _views = {
        list: `<list><field name="stage_id"/></list>`,
        search: `<search>
            <filter name="ann" string="Of Ann" domain="[('user_id', '=', 1)]"/>
            <filter name="by_agent" string="By Agent" context="{'group_by': 'user_id'}"/>
            <filter name="nobody" string="Of Nobody" domain="[('user_id', '=', 99)]"/>
        </search>`,
    };

    // Four deals of Ann begin: one is lost, three go on; one of these is won, one still there, and
    // one goes back, by itself another entry. Bob's only one is in the other pipeline.
    _records = [
        ...[1, 2, 3].map((id) =>
            makeEntry(id, 1, {
                passed_on: 1,
                won_rate: id === 1 ? 100 : 0,
                days_median: 2,
                days_p90: 2,
                hours_to_move: 3,
            }),
        ),
        makeEntry(4, 1, {lost: 1, won_rate: 0}),
        makeEntry(5, 2, {passed_on: 1, won_rate: 100}),
        makeEntry(6, 2, {here: 1, won_rate: 0}),
        makeEntry(7, 2, {moved_away: 1, won_rate: 0}),
        makeEntry(8, 3, {
            closed_status: "won",
            here: 1,
            won_rate: 100,
            won_deals: 1,
            win_rate: 100,
        }),
        makeEntry(9, 4, {
            closed_status: "lost",
            lost_reason_id: 1,
            lost_deals: 1,
            here: 1,
            win_rate: 0,
        }),
        makeEntry(10, 1, {pipeline_id: 2, user_id: 2, here: 1, won_rate: 0}),
    ];
}

/** An entry of a stage, as the server describes it. */
export function makeEntry(id, stage, values) {
    return {
        id,
        pipeline_id: 1,
        stage_id: stage,
        user_id: 1,
        closed_status: false,
        entered: 1,
        deals: 1,
        passed_on: 0,
        lost: 0,
        moved_away: 0,
        here: 0,
        archived: 0,
        won_deals: 0,
        lost_deals: 0,
        win_rate: false,
        days_median: false,
        days_p90: false,
        hours_to_move: false,
        ...values,
    };
}

export function defineReports() {
    defineMailModels();
    defineModels([Pipeline, Stage, Agent, Reason, DealReport]);
}

/** Open a report in the web client, as its menu does. */
export async function openReport(name, arch, context = {}) {
    DealReport._views.graph = arch;
    await mountWithCleanup(WebClient);
    await getService("action").doAction({
        name,
        type: "ir.actions.act_window",
        res_model: "bpo.deal.report",
        views: [
            [false, "graph"],
            [false, "list"],
            [false, "search"],
        ],
        help: markup`<p>Deals appear here</p>`,
        context,
    });
}
