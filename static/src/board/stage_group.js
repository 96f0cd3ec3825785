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

/** Tell whether these are the fields of deals, with their pipelines. */
export function areDealFields(fields) {
    return fields.pipeline_id?.relation === "bpo.pipeline" && isStageField(fields.stage_id);
}

/** Tell whether a list of records is a board of deals: its columns are stages. */
export function isDealBoard(list) {
    return Boolean(list.isGrouped && areDealFields(list.fields) && isStageField(list.groupByField));
}

/**
 * Return the id of the pipeline that a board of deals shows, or that one of its columns is of.
 *
 * @param {Object} list
 * @param {Object} [group] any column, unless given
 * @returns {number | false}
 */
export function getBoardPipelineId(list, group) {
    const column = group || list.groups.find((candidate) => candidate.record?.data.pipeline_id);
    // An empty board shows sample data, whose columns are true but know no pipeline.
    const pipeline = !list.model.useSampleModel && column?.record?.data.pipeline_id;
    return pipeline ? pipeline.id : list.context.default_pipeline_id || false;
}

/** Return the classes that give an element the colour of a stage. */
export function getStageColorClass(color) {
    return Number.isInteger(color) ? `o_bpo_stage_color o_bpo_stage_color_${color}` : "";
}
