// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {LOST_STAGE_DEPENDENCY, withLostReason} from "@bpo_crm/lost/lose_leads";
import {StageBadgeField, stageBadgeField} from "@bpo_crm/stages/stage_badge_field";
import {registry} from "@web/core/registry";

/** The stage of a deal as a badge. */
export class DealStageBadgeField extends StageBadgeField {
    /** @override */
    get m2oProps() {
        return withLostReason(this.props.record, super.m2oProps);
    }
}

/** ``bpo_stage_badge``: the stage of a deal, in lists and on cards. */
export const dealStageBadgeField = {
    ...stageBadgeField,
    component: DealStageBadgeField,
    // Cards only show the stage.
    fieldDependencies: ({viewType}) => [
        ...stageBadgeField.fieldDependencies,
        ...(viewType === "kanban" ? [] : [LOST_STAGE_DEPENDENCY]),
    ],
};

registry.category("fields").add("bpo_stage_badge", dealStageBadgeField);
