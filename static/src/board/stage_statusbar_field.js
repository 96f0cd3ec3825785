// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {chooseStage, LOST_STAGE_DEPENDENCY} from "@bpo_crm/lost/lose_leads";
import {
    RottingStatusBarDurationField,
    rottingStatusBarDurationField,
} from "@mail/js/rotting_mixin/rotting_statusbar";
import {registry} from "@web/core/registry";

/** The stages of a deal's pipeline, the present one in its colour. */
export class StageStatusBarField extends RottingStatusBarDurationField {
    static template = "bpo_crm.StageStatusBarField";

    /**
     * Return at once: the command palette would stay open behind the dialog of a loss.
     *
     * @override
     */
    selectItem(item) {
        chooseStage(this.props.record, {id: item.value}, () => super.selectItem(item));
    }
}

/** ``bpo_stage_statusbar``: the stage of a deal, above its form. */
export const stageStatusBarField = {
    ...rottingStatusBarDurationField,
    component: StageStatusBarField,
    additionalClasses: ["o_field_rotting_statusbar_duration"], // stock's styles are for it
    fieldDependencies: [
        ...rottingStatusBarDurationField.fieldDependencies,
        {name: "stage_id_color", type: "integer"},
        LOST_STAGE_DEPENDENCY,
    ],
};

registry.category("fields").add("bpo_stage_statusbar", stageStatusBarField);
