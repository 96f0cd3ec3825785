// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

/**
 * Bars of the last weeks on a card. Drawn in HTML: a screen may have hundreds of cards, and a
 * canvas says nothing to a screen reader.
 */
export class WeeklyGraphField extends Component {
    static template = "bpo_crm.WeeklyGraphField";
    static props = {...standardFieldProps};

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
    }

    get graph() {
        return this.props.record.data[this.props.name];
    }

    get bars() {
        const {values} = this.graph;
        const highest = Math.max(...values.map(({value}) => value));
        return values.map(({label, value}, index) => ({
            value,
            height: (100 * value) / highest,
            isCurrent: index === values.length - 1,
            title: _t("Week of %(date)s: %(count)s", {date: label, count: value}),
        }));
    }

    /** The graph in words: all that it shows. */
    get label() {
        return [this.graph.title, ...this.bars.map(({title}) => title)].join("; ");
    }

    get total() {
        return this.graph.values.reduce((sum, {value}) => sum + value, 0);
    }

    /** Open what is counted; a click elsewhere on the card does what the card does. */
    async open() {
        const {resModel, resId} = this.props.record;
        const action = await this.orm.call(resModel, "action_open_weekly_graph", [[resId]]);
        await this.action.doAction(action);
    }
}

registry.category("fields").add("bpo_weekly_graph", {
    component: WeeklyGraphField,
    supportedTypes: ["json"],
});
