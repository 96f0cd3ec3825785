// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { BadgeField, badgeField } from "@web/views/fields/badge/badge_field";

/** A stage in its colour, with its icon. */
export class StageBadgeField extends BadgeField {
    static template = "bpo_crm.StageBadgeField";

    get icon() {
        return this.props.record.data[`${this.props.name}_icon`] || "";
    }

    get badgeClass() {
        return `o_badge_color_${this.props.record.data[`${this.props.name}_color`] || 0}`;
    }
}

export const stageBadgeField = {
    ...badgeField,
    component: StageBadgeField,
    displayName: _t("Stage"),
    supportedTypes: ["many2one"],
    supportedOptions: [],
    fieldDependencies: ({ name }) => [
        { name: `${name}_color`, type: "integer", readonly: true },
        { name: `${name}_icon`, type: "char", readonly: true },
    ],
};

registry.category("fields").add("bpo_stage_badge", stageBadgeField);
