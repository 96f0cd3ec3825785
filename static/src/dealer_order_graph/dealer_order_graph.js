// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {GraphRenderer} from "@web/views/graph/graph_renderer";
import {graphView} from "@web/views/graph/graph_view";
import {registry} from "@web/core/registry";

/* Those of the badges on lists and cards. */
const COLORS = {
    pending: "#17a2b8",
    sent: "#28a745",
    failed: "#dc3545",
    cancelled: "#adb5bd",
};

/** Bars by the state of orders have the colours of the states: what failed is red. */
export class DealerOrderGraphRenderer extends GraphRenderer {
    getBarChartData() {
        const data = super.getBarChartData();
        const {fields, groupBy} = this.model.metaData;
        if (groupBy.length === 2 && groupBy[1].fieldName === "state") {
            const labels = fields.state.selection;
            const states = Object.fromEntries(labels.map(([state, label]) => [label, state]));
            for (const dataset of data.datasets) {
                const color = COLORS[states[dataset.label]];
                if (color) {
                    dataset.backgroundColor = color;
                }
            }
        }
        return data;
    }
}

registry.category("views").add("bpo_dealer_order_graph", {
    ...graphView,
    Renderer: DealerOrderGraphRenderer,
});
