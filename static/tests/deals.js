// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// Deals with their stages and views: what several tests of the board stand on.

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {queryAllTexts} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    defineActions,
    defineModels,
    fields,
    models,
} from "@web/../tests/web_test_helpers";

/** The workflow that all deals here are in. */
export class Pipeline extends models.Model {
    _name = "bpo.pipeline";

    name = fields.Char();
}

/** Two open stages and the lost one. */
export class Stage extends models.Model {
    _name = "crm.stage";

    name = fields.Char();
    is_won = fields.Boolean();
    is_lost = fields.Boolean();
    fold = fields.Boolean();
    color = fields.Integer();
    pipeline_id = fields.Many2one({relation: "bpo.pipeline"});
    record_limit = fields.Integer();
    limit_count = fields.Integer();
    limit_scope = fields.Selection({
        selection: [
            ["stage", "In the Stage"],
            ["user", "Per Agent"],
        ],
        default: "stage",
    });

    _records = [
        {id: 1, name: "Inbox"},
        {id: 2, name: "Offer"},
        {id: 3, name: "Gone", is_lost: true},
    ];
}

/** Reasons of a loss. */
export class Reason extends models.Model {
    _name = "crm.lost.reason";

    name = fields.Char();
    code = fields.Char();

    _records = [
        {id: 1, name: "Too expensive", code: "PRICE"},
        {id: 2, name: "Bought elsewhere", code: "COMPETITOR"},
    ];
}

/** Two open deals and a lost one. */
export class Lead extends models.Model {
    _name = "crm.lead";

    name = fields.Char({required: true});
    pipeline_id = fields.Many2one({relation: "bpo.pipeline"});
    stage_id = fields.Many2one({relation: "crm.stage"});
    stage_id_color = fields.Integer({related: "stage_id.color"});
    lost_stage_id = fields.Many2one({relation: "crm.stage", default: 3});
    lost_reason_id = fields.Many2one({relation: "crm.lost.reason"});
    duration_tracking = fields.Json();
    contact_name = fields.Char();
    phone = fields.Char();
    expected_revenue = fields.Float({aggregator: "sum"});
    activity_state = fields.Selection({selection: [["planned", "Planned"]]});

    _records = [
        {id: 1, name: "Red car", stage_id: 1, lost_stage_id: 3, expected_revenue: 1},
        {id: 2, name: "Blue car", stage_id: 1, lost_stage_id: 3, expected_revenue: 2},
        {id: 3, name: "Old car", stage_id: 3, lost_stage_id: 3, expected_revenue: 4},
    ];
}

/** The dialog Mark as Lost. */
export class Wizard extends models.Model {
    _name = "crm.lead.lost";

    lead_ids = fields.Many2many({relation: "crm.lead"});
    lost_reason_id = fields.Many2one({relation: "crm.lost.reason", required: true});
    lost_note = fields.Text();
    entry_gaps = fields.Json();

    _views = {
        form: `
            <form js_class="bpo_lost_form">
                <field name="lead_ids" invisible="1"/>
                <field name="entry_gaps" invisible="1"/>
                <field name="lost_reason_id" widget="bpo_lost_reason" default_focus="1"/>
                <field name="lost_note"/>
                <footer>
                    <button name="action_lost_reason_apply" type="object" class="btn-primary"
                        string="Mark as Lost"/>
                    <button special="cancel" string="Discard"/>
                </footer>
            </form>`,
    };
}

/** Let a test file have all of this. */
export function defineDeals() {
    defineMailModels();
    defineModels([Pipeline, Stage, Reason, Lead, Wizard]);
    defineActions([
        {
            id: 1,
            xml_id: "crm.crm_lead_lost_action",
            name: "Mark as Lost",
            res_model: "crm.lead.lost",
            target: "new",
            views: [[false, "form"]],
            context: "{'default_lead_ids': active_ids}",
        },
    ]);
}

/** The board of stock, as our view extends it. */
export const BOARD = {
    type: "kanban",
    resModel: "crm.lead",
    groupBy: ["stage_id"],
    arch: `
        <kanban js_class="crm_kanban">
            <progressbar field="activity_state" colors='{"planned": "success"}'
                sum_field="expected_revenue"/>
            <field name="pipeline_id"/>
            <templates>
                <t t-name="card"><field name="name"/></t>
            </templates>
        </kanban>`,
};

/** A deal with its status bar, and its stage as a field. */
export const FORM = {
    type: "form",
    resModel: "crm.lead",
    resId: 1,
    arch: `
        <form js_class="crm_form">
            <header>
                <field name="stage_id" widget="bpo_stage_statusbar"
                    options="{'clickable': '1', 'fold_field': 'fold'}"/>
            </header>
            <field name="name"/>
            <group><field name="stage_id" string="Stage" widget="bpo_stage_select"/></group>
        </form>`,
};

/** Deals in a list where several are edited at once. */
export const LIST = {
    type: "list",
    resModel: "crm.lead",
    arch: `
        <list multi_edit="1">
            <field name="name"/>
            <field name="stage_id" widget="bpo_stage_badge"/>
        </list>`,
};

/** Return the texts of the cards in a column, from the top. */
export function getCards(column) {
    return queryAllTexts(`.o_kanban_group:eq(${column}) .o_kanban_record`);
}

/** Drop a card on a column. */
export async function drop(card, column) {
    await contains(`.o_kanban_record:contains(${card})`).dragAndDrop(
        `.o_kanban_group:eq(${column})`,
    );
    await animationFrame();
}
