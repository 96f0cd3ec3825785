// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

// The funnel is one more way in which a graph draws: beside bars, lines and the pie, so that Odoo's
// search, groups and favourites work as on any graph.

import {GraphArchParser} from "@web/views/graph/graph_arch_parser";
import {GraphModel} from "@web/views/graph/graph_model";
import {GraphRenderer} from "@web/views/graph/graph_renderer";
import {graphView} from "@web/views/graph/graph_view";
import {registry} from "@web/core/registry";
import {useState} from "@odoo/owl";
import {Funnel} from "./funnel";
import {loadFunnels} from "./funnel_data";
import {useEntries} from "./entries";

const FUNNEL = "funnel";
// by agent there may be hundreds
const FUNNELS_AT_ONCE = 12;

export class FunnelGraphArchParser extends GraphArchParser {
    parse(arch, fields) {
        const archInfo = super.parse(arch, fields);
        archInfo.mode = archInfo.mode || FUNNEL;
        return archInfo;
    }
}

export class FunnelGraphModel extends GraphModel {
    funnels = [];

    get isFunnel() {
        return this.metaData.mode === FUNNEL;
    }

    hasData() {
        return this.isFunnel ? this.funnels.length > 0 : super.hasData();
    }

    async updateMetaData(params) {
        if (!params.mode || (params.mode === FUNNEL) === this.isFunnel) {
            return super.updateMetaData(params);
        }
        // what a funnel draws was not asked for by the others, and the other way round
        await this._fetchDataPoints(this._buildMetaData(params));
        this.notify();
    }

    async _fetchDataPoints(metaData, ...others) {
        if (metaData.mode !== FUNNEL) {
            return super._fetchDataPoints(metaData, ...others);
        }
        this.funnels = await this.keepLast.add(
            loadFunnels(this.orm, {...metaData, context: this.searchParams.context}),
        );
        this.metaData = metaData;
        this.dataPoints = [];
        this.lineOverlayDataset = null;
        this.data = {datasets: [], labels: [], exceeds: false};
    }
}

export class FunnelGraphRenderer extends GraphRenderer {
    static template = "bpo_crm.FunnelGraphRenderer";
    static components = {...GraphRenderer.components, Funnel};

    setup() {
        super.setup();
        this.limit = useState({count: FUNNELS_AT_ONCE});
        this.openEntries = useEntries(this.model.metaData.resModel);
    }

    get funnels() {
        return this.model.funnels.slice(0, this.limit.count);
    }

    get hiddenCount() {
        return this.model.funnels.length - this.funnels.length;
    }

    showAll() {
        this.limit.count = this.model.funnels.length;
    }
}

registry.category("views").add("bpo_funnel", {
    ...graphView,
    ArchParser: FunnelGraphArchParser,
    Model: FunnelGraphModel,
    Renderer: FunnelGraphRenderer,
    buttonTemplate: "bpo_crm.FunnelGraph.Buttons",
});
