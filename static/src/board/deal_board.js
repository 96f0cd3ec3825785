// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {isGroupedByStage, isStageField, makeStageGroupInfo} from "@bpo_crm/stages/stage_group";
import {STAGE_LIMIT_FIELDS} from "@bpo_crm/stages/stage_limit";

/** What is read of each stage together with the columns of a board of deals. */
export const DEAL_STAGE_GROUP_INFO = makeStageGroupInfo([
    {name: "color", string: "Color", type: "integer"},
    {name: "is_won", string: "Is Won Stage", type: "boolean"},
    {name: "is_lost", string: "Is Lost Stage", type: "boolean"},
    {name: "pipeline_id", string: "Pipeline", type: "many2one", relation: "bpo.pipeline"},
    ...STAGE_LIMIT_FIELDS,
]);

/** Tell whether these are the fields of deals, with their pipelines. */
export function areDealFields(fields) {
    return fields.pipeline_id?.relation === "bpo.pipeline" && isStageField(fields.stage_id);
}

/** Tell whether a list of records is a board of deals: its columns are stages. */
export function isDealBoard(list) {
    return areDealFields(list.fields) && isGroupedByStage(list);
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

/** Return the context in which a stage is added to a board, behind the open ones. */
export function getNewDealStageContext(list) {
    return {
        default_pipeline_id: getBoardPipelineId(list),
        default_stage_type: "deal",
        bpo_crm_before_closing: true,
        form_view_ref: "bpo_crm.crm_stage_view_form_board",
    };
}
