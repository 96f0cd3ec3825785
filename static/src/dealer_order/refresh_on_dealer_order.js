// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {useBus} from "@web/core/utils/hooks";
import {patch} from "@web/core/utils/patch";
import {FormController} from "@web/views/form/form_controller";
import {KanbanController} from "@web/views/kanban/kanban_controller";

const EVENT = "BPO-CRM:DEALER-ORDER";
const MODELS = ["crm.lead", "bpo.dealer.order"];

/** Reload an open form whose order has changed, unless somebody is typing in it. */
patch(FormController.prototype, {
    setup() {
        super.setup(...arguments);
        if (MODELS.includes(this.props.resModel)) {
            useBus(this.env.bus, EVENT, ({detail}) => this.reloadOnDealerOrder(detail));
        }
    },

    async reloadOnDealerOrder(records) {
        const root = this.model.root;
        const changed = records[this.props.resModel]?.includes(root.resId);
        if (changed && !(await root.isDirty())) {
            await this.model.load();
        }
    },
});

/** Reload the cards whose order has changed, and only those: the board stays where it is. */
patch(KanbanController.prototype, {
    setup() {
        super.setup(...arguments);
        if (MODELS.includes(this.props.resModel)) {
            useBus(this.env.bus, EVENT, ({detail}) => this.reloadOnDealerOrder(detail));
        }
    },

    async reloadOnDealerOrder(records) {
        const ids = records[this.props.resModel] || [];
        const changed = this.model.root.records.filter(({resId}) => ids.includes(resId));
        await Promise.all(changed.map((record) => record.load()));
    },
});
