// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {onMounted, useRef} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {getFieldDomain} from "@web/model/relational_model/utils";
import {useSpecialData} from "@web/views/fields/relational_utils";
import {radioField, RadioField} from "@web/views/fields/radio/radio_field";

/**
 * The lost reasons with their codes, all at a glance: one click, or the arrow keys, since the
 * first one has the focus when the dialog opens.
 */
export class LostReasonField extends RadioField {
    static template = "bpo_crm.LostReasonField";

    setup() {
        super.setup();
        this.root = useRef("root");
        this.specialData = useSpecialData((orm, props) =>
            orm.searchRead("crm.lost.reason", getFieldDomain(props.record, props.name, props.domain), [
                "display_name",
                "code",
            ])
        );
        onMounted(() => this.root.el.querySelector("input:checked, input")?.focus());
    }

    get items() {
        return this.specialData.data.map((reason) => [
            reason.id,
            reason.display_name,
            reason.code,
        ]);
    }
}

export const lostReasonField = {
    ...radioField,
    component: LostReasonField,
    supportedTypes: ["many2one"],
};

registry.category("fields").add("bpo_lost_reason", lostReasonField);
