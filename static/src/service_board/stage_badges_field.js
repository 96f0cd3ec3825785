// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {getStageColorClass} from "@bpo_crm/stages/stage_group";

/** The stages of a service, in its order, each in its colour and with its icon. */
export class StageBadgesField extends Component {
    static template = "bpo_crm.StageBadgesField";
    static props = {...standardFieldProps};

    get stages() {
        return this.props.record.data[this.props.name].records.map(({resId, data}) => ({
            id: resId,
            name: data.display_name,
            icon: data.icon || "",
            colorClass: getStageColorClass(data.color || 0),
        }));
    }
}

/** ``bpo_stage_badges``: the stages of a service. */
export const stageBadgesField = {
    component: StageBadgesField,
    displayName: _t("Stages"),
    supportedTypes: ["many2many"],
    relatedFields: [
        {name: "display_name", type: "char"},
        {name: "color", type: "integer"},
        {name: "icon", type: "char"},
    ],
};

registry.category("fields").add("bpo_stage_badges", stageBadgesField);
