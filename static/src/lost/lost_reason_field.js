// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";
import {uniqueId} from "@web/core/utils/functions";
import {getFieldDomain} from "@web/model/relational_model/utils";
import {useSpecialData} from "@web/views/fields/relational_utils";
import {radioField, RadioField} from "@web/views/fields/radio/radio_field";

/**
 * The lost reasons with their codes, all at a glance: one click, or the arrow keys, since
 * default_focus puts the focus on the first one when the dialog opens.
 */
export class LostReasonField extends RadioField {
    static template = "bpo_crm.LostReasonField";

    /**
     * Read the reasons with their codes, instead of once more without them.
     *
     * @override
     */
    setup() {
        this.id = uniqueId("bpo_lost_reason_");
        this.type = "many2one";
        this.specialData = useSpecialData((orm, props) =>
            orm.searchRead(
                "crm.lost.reason",
                getFieldDomain(props.record, props.name, props.domain),
                ["display_name", "code"],
            ),
        );
    }

    get items() {
        return this.specialData.data.map(({id, display_name: label, code}) => [id, label, code]);
    }
}

/** ``bpo_lost_reason``: the reason of a loss, all of them on offer. */
export const lostReasonField = {
    ...radioField,
    component: LostReasonField,
    supportedTypes: ["many2one"],
};

registry.category("fields").add("bpo_lost_reason", lostReasonField);
