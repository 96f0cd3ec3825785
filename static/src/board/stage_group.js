// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {makeActiveField} from "@web/model/relational_model/utils";

const FIELDS = {
    color: {name: "color", string: "Color", type: "integer"},
    is_won: {name: "is_won", string: "Is Won Stage", type: "boolean"},
    is_lost: {name: "is_lost", string: "Is Lost Stage", type: "boolean"},
    pipeline_id: {
        name: "pipeline_id",
        string: "Pipeline",
        type: "many2one",
        relation: "bpo.pipeline",
    },
};

/** What is read of each stage together with the columns it heads. */
export const STAGE_GROUP_INFO = {
    fields: FIELDS,
    activeFields: Object.fromEntries(Object.keys(FIELDS).map((name) => [name, makeActiveField()])),
};

/** Tell whether a field leads to the shared Stages. */
export function isStageField(field) {
    return field?.type === "many2one" && field.relation === "crm.stage";
}

/** Tell whether a list of records is a board of deals: its columns are stages. */
export function isDealBoard(list) {
    return Boolean(
        list.isGrouped && list.resModel === "crm.lead" && isStageField(list.groupByField),
    );
}

/** Return the id of the pipeline that a board of deals shows, or false. */
export function getBoardPipelineId(list) {
    const group = list.groups?.find((group) => group.record?.data.pipeline_id);
    return group?.record.data.pipeline_id.id || list.context.default_pipeline_id || false;
}

/** Return the classes that give an element the colour of a stage. */
export function getStageColorClass(color) {
    return Number.isInteger(color) ? `o_bpo_stage_color o_bpo_stage_color_${color}` : "";
}
