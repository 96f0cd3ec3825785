// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, xml} from "@odoo/owl";
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
    }

    /** @param {Object<string, number[]>} changed ids of records by model */
    async refresh(changed) {
        const {record} = this.props;
        const {model} = record;
        if (!changed[record.resModel]?.includes(record.resId) || (await record.isDirty())) {
            return;
        }
        await (model.root.id === record.id ? model.load() : record.load());
    }
}

registry.category("view_widgets").add("bpo_dealer_order_refresh", {component: DealerOrderRefresh});
