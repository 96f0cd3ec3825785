// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {GraphModel, SEP} from "@web/views/graph/graph_model";
import {formatInteger} from "@web/views/fields/formatters";
import {GraphRenderer} from "@web/views/graph/graph_renderer";
import {_t} from "@web/core/l10n/translation";
import {cookie} from "@web/core/browser/cookie";
import {formatShare} from "./format_share";
import {getCustomColor} from "@web/core/colors/colors";
import {graphView} from "@web/views/graph/graph_view";
import {registry} from "@web/core/registry";
import {sortBy} from "@web/core/utils/arrays";

// the few that make up most
const MOST = 80;

/**
 * Bars that fall from left to right have a line with the share that they make up together. Where
 * they do not fall, or are no sums, the graph is stock's.
 */
export class ParetoGraphModel extends GraphModel {
    get isPareto() {
        const {fields, groupBy, measure, mode, order} = this.metaData;
        const adds = measure === "__count" || fields[measure].aggregator === "sum";
        return mode === "bar" && order === "DESC" && groupBy.length > 0 && adds;
    }

    /** The name, the sum and the share so far of each bar. */
    get bars() {
        const {datasets, labels} = this.data;
        const sums = labels.map((_label, index) =>
            datasets.reduce((sum, dataset) => sum + (dataset.data[index] || 0), 0),
        );
        const total = sums.reduce((sum, each) => sum + each, 0);
        let soFar = 0;
        return labels.map((label, index) => {
            soFar += sums[index];
            return {label, sum: sums[index], share: total ? (100 * soFar) / total : 0};
        });
    }

    /** What the picture says, in words. */
    get summary() {
        const bars = this.bars;
        const index = bars.findIndex((bar) => bar.share >= MOST);
        if (!this.isPareto || bars.length < 2 || index < 0) {
            return "";
        }
        const most = bars.slice(0, index + 1);
        return _t("%(count)s of %(total)s make up %(share)s of all: %(names)s.", {
            count: formatInteger(most.length),
            total: formatInteger(bars.length),
            share: formatShare(bars[index].share),
            names: most.map((bar) => `${bar.label} (${formatInteger(bar.sum)})`).join(", "),
        });
    }

    _getLineOverlayDataset() {
        if (!this.isPareto) {
            return super._getLineOverlayDataset();
        }
        const bars = this.bars;
        return {
            label: _t("Together (%)"),
            data: bars.map((bar) => bar.share),
            trueLabels: bars.map((bar) => bar.label),
            yAxisID: "share",
            // the last point lies on the edge, half of it outside
            clip: false,
        };
    }
}

export class ParetoGraphRenderer extends GraphRenderer {
    static template = "bpo_crm.ParetoGraphRenderer";

    getScaleOptions() {
        const scales = super.getScaleOptions();
        if (this.model.isPareto) {
            if (this.model.metaData.allIntegers !== false) {
                scales.y.ticks.precision = 0;
                scales.y.ticks.callback = (value) => this.formatValue(value);
            }
            scales.share = {
                type: "linear",
                position: "right",
                min: 0,
                max: 100,
                ticks: {
                    callback: (share) => _t("%s %%", share),
                    color: getCustomColor(cookie.get("color_scheme"), "#111827", "#E4E4E4"),
                },
                grid: {display: false},
                border: {display: false},
            };
        }
        return scales;
    }

    getTooltipItems(data, metaData, tooltipModel) {
        const items = super.getTooltipItems(data, metaData, tooltipModel);
        if (this.model.isPareto) {
            // in the order in which stock makes the items
            sortBy(tooltipModel.dataPoints, "raw", "desc").forEach((point, index) => {
                const dataset = this.chart.data.datasets[point.datasetIndex];
                if (dataset.yAxisID === "share") {
                    const name = dataset.trueLabels[point.dataIndex];
                    items[index].label = [name, dataset.label].join(SEP);
                    items[index].value = formatShare(point.raw);
                }
            });
        }
        return items;
    }
}

registry.category("views").add("bpo_pareto", {
    ...graphView,
    Model: ParetoGraphModel,
    Renderer: ParetoGraphRenderer,
});
