// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {StageBadgeField, stageBadgeField} from "@bpo_crm/stages/stage_badge_field";

/** The stage of a service request: its icon goes with it. */
export class RequestStageBadgeField extends StageBadgeField {
    static template = "bpo_crm.RequestStageBadgeField";

    get icon() {
        return this.props.record.data.stage_id_icon || "";
    }
}

/** ``bpo_request_stage_badge``: the stage of a service request. */
export const requestStageBadgeField = {
    ...stageBadgeField,
    component: RequestStageBadgeField,
    displayName: _t("Stage with icon"),
    fieldDependencies: [
        ...stageBadgeField.fieldDependencies,
        {name: "stage_id_icon", type: "char"},
    ],
};

registry.category("fields").add("bpo_request_stage_badge", requestStageBadgeField);
