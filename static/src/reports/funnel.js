// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatInteger} from "@web/views/fields/formatters";
import {formatShare} from "./format_share";

/** A funnel: a bar per stage, as wide as deals entered it, made of where they went. */
export class Funnel extends Component {
    static template = "bpo_crm.Funnel";
    static props = {
        funnel: Object,
        // (domain, what is shown) => the entries behind a number
        onOpen: Function,
    };

    formatCount(count) {
        return formatInteger(count);
    }

    formatShare(share) {
        return formatShare(share);
    }

    get first() {
        return this.props.funnel.stages[0];
    }

    /** The numbers that are said of a stage. */
    getParts(stage) {
        const always = (part) => part.always && !stage.isWon;
        return stage.parts.filter((part) => part.count || always(part));
    }

    /** What makes the bar: nothing that is empty. */
    getSegments(stage) {
        return stage.parts.filter((part) => part.count);
    }

    getPartLabel(stage, part) {
        return stage.isWon && part.name === "here" ? _t("still won") : part.label;
    }

    /** The slope from one bar to the next one, drawn between them. */
    getSlope(stage) {
        const [above, below] = [stage.width, stage.nextWidth].map((width) => (100 - width) / 2);
        return (
            `clip-path: polygon(${above}% 0, ${100 - above}% 0, ` +
            `${100 - below}% 100%, ${below}% 100%)`
        );
    }

    open(domain, ...words) {
        this.props.onOpen(domain, [this.props.funnel.title, ...words].join(" · "));
    }
}
