// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, xml} from "@odoo/owl";
import {DEALS_UNDONE_EVENT} from "@bpo_crm/undo/undo_service";
import {registry} from "@web/core/registry";
import {useBus} from "@web/core/utils/hooks";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";
import {DEALER_ORDER_EVENT} from "./dealer_order_service";

/**
 * Refreshes the record of the form or card that it is in when something became of its order,
 * unless somebody is typing in it. It shows nothing.
 */
export class DealerOrderRefresh extends Component {
    static template = xml``;
    static props = {...standardWidgetProps};

    setup() {
        useBus(this.env.bus, DEALER_ORDER_EVENT, ({detail}) => this.refresh(detail));
        useBus(this.env.bus, DEALS_UNDONE_EVENT, ({detail: ids}) => {
            // boards and lists are read anew as a whole: see undo_reload.js
            if (this.isForm) {
                this.refresh({"crm.lead": ids});
            }
        });
    }

    /** @param {Object<string, number[]>} changed ids of records by model */
    async refresh(changed) {
        const {record} = this.props;
        const {model} = record;
        if (!changed[record.resModel]?.includes(record.resId) || (await record.isDirty())) {
            return;
        }
        await (this.isForm ? model.load() : record.load());
    }

    get isForm() {
        const {record} = this.props;
        return record.model.root.id === record.id;
    }
}

registry.category("view_widgets").add("bpo_dealer_order_refresh", {component: DealerOrderRefresh});
