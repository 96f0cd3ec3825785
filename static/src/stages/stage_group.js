// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {makeActiveField} from "@web/model/relational_model/utils";

/** Tell whether a field leads to the shared Stages. */
export function isStageField(field) {
    return field?.type === "many2one" && field.relation === "crm.stage";
}

/** Tell whether the groups of a list are stages. */
export function isGroupedByStage(list) {
    return Boolean(list.isGrouped && isStageField(list.groupByField));
}

/**
 * Return what a view's model is to read of each stage in the very call that reads the groups.
 *
 * @param {Object[]} fields descriptions of fields of crm.stage, each with its name
 * @returns {Object} a value of the model's parameter ``groupByInfo``
 */
export function makeStageGroupInfo(fields) {
    return {
        fields: Object.fromEntries(fields.map((field) => [field.name, field])),
        activeFields: Object.fromEntries(fields.map(({name}) => [name, makeActiveField()])),
    };
}

/** Return the classes that give an element the colour of a stage. */
export function getStageColorClass(color) {
    return Number.isInteger(color) ? `o_bpo_stage_color o_bpo_stage_color_${color}` : "";
}

/** Return the classes that give a column the colour of the stage that it is. */
export function getStageColumnClass(group) {
    return `o_bpo_stage_column ${getStageColorClass(group.record?.data.color)}`;
}
