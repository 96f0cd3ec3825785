// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {LOST_STAGE_DEPENDENCY, withLostReason} from "@bpo_crm/lost/lose_leads";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {Many2One} from "@web/views/fields/many2one/many2one";
import {buildM2OFieldDescription, Many2OneField} from "@web/views/fields/many2one/many2one_field";
import {Many2XAutocomplete} from "@web/views/fields/relational_utils";

/** Offers "Create new stage" whatever is typed, once there is a pipeline to create it in. */
export class StageAutocomplete extends Many2XAutocomplete {
    /** @override */
    addCreateSuggestion() {
        return false;
    }

    /** @override */
    addCreateEditSuggestion() {
        return Boolean(
            (this.activeActions.createEdit ?? this.activeActions.create) &&
            this.props.context.default_pipeline_id,
        );
    }

    /** @override */
    buildCreateEditSuggestion(request) {
        return {...super.buildCreateEditSuggestion(request), label: _t("Create new stage")};
    }

    /** @override */
    get createDialogSize() {
        return "md";
    }
}

/** Chooses among the stages that {@link StageAutocomplete} offers. */
export class StageMany2One extends Many2One {
    static components = {...Many2One.components, Many2XAutocomplete: StageAutocomplete};
}

/** The stage of a deal as a field of its form, where stages can be created. */
export class StageSelectField extends Many2OneField {
    static components = {...Many2OneField.components, Many2One: StageMany2One};

    /** @override */
    get m2oProps() {
        return withLostReason(this.props.record, super.m2oProps);
    }
}

/** ``bpo_stage_select``: the stage of a deal, in forms. */
export const stageSelectField = {
    ...buildM2OFieldDescription(StageSelectField),
    fieldDependencies: [LOST_STAGE_DEPENDENCY],
};

registry.category("fields").add("bpo_stage_select", stageSelectField);
