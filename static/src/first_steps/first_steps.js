// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, onWillStart, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";

/**
 * Load the steps to the first order before a component is shown; there are none for most people.
 *
 * @returns {{steps: Object[], close: Function}}
 */
export function useFirstSteps() {
    const service = useService("bpo_crm.first_steps");
    const firstSteps = useState({
        steps: [],
        close() {
            firstSteps.steps = [];
            return service.close();
        },
    });
    onWillStart(async () => {
        firstSteps.steps = await service.load();
    });
    return firstSteps;
}

/** The steps in a row, each a button that opens its screen; on a phone the next one only. */
export class FirstSteps extends Component {
    static template = "bpo_crm.FirstSteps";
    static props = {
        steps: {type: Array, element: Object},
        close: Function,
    };

    setup() {
        this.action = useService("action");
    }

    get progress() {
        return _t("%(done)s of %(count)s done", {
            done: this.props.steps.filter((step) => step.done).length,
            count: this.props.steps.length,
        });
    }

    get next() {
        return this.props.steps.find((step) => !step.done);
    }

    open(step) {
        const options = step.view ? {viewType: step.view} : {};
        if (step.res_id) {
            options.props = {resId: step.res_id};
        }
        if (step.context) {
            options.additionalContext = step.context;
        }
        return this.action.doAction(step.action, options);
    }
}
