// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// The dashboard is a view of the analysis of deals like any graph, so that Odoo's search bar filters
// it: by period, pipeline, dealership, agent, and by what a user keeps as a favourite.

import {Component, useState} from "@odoo/owl";
import {Funnel} from "./funnel";
import {GraphController} from "@web/views/graph/graph_controller";
import {KeepLast} from "@web/core/utils/concurrency";
import {Model} from "@web/model/model";
import {graphView} from "@web/views/graph/graph_view";
import {loadDashboard} from "./dashboard_data";
import {registry} from "@web/core/registry";
import {useEntries} from "./entries";

const ROWS_AT_ONCE = 8;
const FUNNELS_AT_ONCE = 3;

export class DashboardModel extends Model {
    setup(params) {
        this.metaData = params;
        this.keepLast = new KeepLast();
        this.data = null;
    }

    async load({domain, context}) {
        const {resModel, fields} = this.metaData;
        this.data = await this.keepLast.add(
            loadDashboard(this.orm, {resModel, fields, domain, context}),
        );
    }

    hasData() {
        return this.data.funnels.length > 0;
    }
}

export class DashboardController extends GraphController {
    /** There is no measure, group or mode to keep. */
    getContext() {
        return {};
    }
}

/** Names with a bar and numbers; a number that has records behind it opens them. */
export class DashboardTable extends Component {
    static template = "bpo_crm.DashboardTable";
    static props = {table: Object, onOpen: Function};

    setup() {
        this.limit = useState({count: ROWS_AT_ONCE});
    }

    get rows() {
        return this.props.table.rows.slice(0, this.limit.count);
    }

    get hiddenCount() {
        return this.props.table.rows.length - this.rows.length;
    }

    showAll() {
        this.limit.count = this.props.table.rows.length;
    }

    open(row, index) {
        const {table, onOpen} = this.props;
        onOpen(row.cells[index].domain, [table.title, row.name, table.columns[index]].join(" · "));
    }
}

export class DashboardRenderer extends Component {
    static template = "bpo_crm.DashboardRenderer";
    static components = {DashboardTable, Funnel};
    static props = ["class?", "model", "buttonTemplate"];

    setup() {
        this.limit = useState({count: FUNNELS_AT_ONCE});
        this.openEntries = useEntries(this.props.model.metaData.resModel);
    }

    get data() {
        return this.props.model.data;
    }

    get funnels() {
        return this.data.funnels.slice(0, this.limit.count);
    }

    get hiddenCount() {
        return this.data.funnels.length - this.funnels.length;
    }

    showAll() {
        this.limit.count = this.data.funnels.length;
    }
}

registry.category("views").add("bpo_dashboard", {
    ...graphView,
    Controller: DashboardController,
    Model: DashboardModel,
    Renderer: DashboardRenderer,
    searchMenuTypes: ["filter", "favorite"],
});
