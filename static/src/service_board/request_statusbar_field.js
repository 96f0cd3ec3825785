// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {
    RottingStatusBarDurationField,
    rottingStatusBarDurationField,
} from "@mail/js/rotting_mixin/rotting_statusbar";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {sortBy} from "@web/core/utils/arrays";

/** The stages of a request in the order of its service: each service has its own. */
export class RequestStatusBarField extends RottingStatusBarDurationField {
    /** @override */
    getAllItems() {
        const places = this.props.record.data.service_stage_ids.currentIds;
        return sortBy(super.getAllItems(), (item) => places.indexOf(item.value));
    }

    /**
     * Return at once: the command palette would stay open behind the dialog of what is missing.
     *
     * @override
     */
    selectItem(item) {
        super.selectItem(item);
    }
}

export const requestStatusBarField = {
    ...rottingStatusBarDurationField,
    component: RequestStatusBarField,
    displayName: _t("Stages of the service with time"),
    // laid out like the one of stock
    additionalClasses: ["o_field_rotting_statusbar_duration"],
    fieldDependencies: [
        ...rottingStatusBarDurationField.fieldDependencies,
        {name: "service_stage_ids", type: "many2many"},
    ],
};

registry.category("fields").add("bpo_request_statusbar", requestStatusBarField);
