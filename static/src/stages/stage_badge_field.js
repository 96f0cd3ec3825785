// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Many2OneFieldRotting} from "@mail/js/rotting_mixin/rotting_widget";
import {buildM2OFieldDescription} from "@web/views/fields/many2one/many2one_field";
import {getStageColorClass} from "./stage_group";

/** The stage of a record as a badge in the stage's colour; still a choice where it is edited. */
export class StageBadgeField extends Many2OneFieldRotting {
    static template = "bpo_crm.StageBadgeField";

    get badgeClass() {
        return getStageColorClass(this.props.record.data.stage_id_color || 0);
    }
}

/** What fields that show a stage as a badge have in common; it is no field by itself. */
export const stageBadgeField = {
    ...buildM2OFieldDescription(StageBadgeField),
    fieldDependencies: [{name: "stage_id_color", type: "integer"}],
};
