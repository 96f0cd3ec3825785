// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {useBus} from "@web/core/utils/hooks";
import {KanbanController} from "@web/views/kanban/kanban_controller";
import {ListController} from "@web/views/list/list_controller";
import {patch} from "@web/core/utils/patch";
import {DEALS_UNDONE_EVENT} from "./undo_service";

/**
 * Show deals that were taken back in their columns and groups again: a card that is read anew would
 * stay in the column it is in. A list in which somebody is typing is left alone.
 *
 * @param {Object} controller of a board or list
 */
function reloadUndone(controller) {
    if (controller.props.resModel === "crm.lead") {
        useBus(controller.env.bus, DEALS_UNDONE_EVENT, () => {
            if (!controller.model.root?.editedRecord) {
                controller.model.load();
            }
        });
    }
}

patch(KanbanController.prototype, {
    setup() {
        super.setup(...arguments);
        reloadUndone(this);
    },
});

patch(ListController.prototype, {
    setup() {
        super.setup(...arguments);
        reloadUndone(this);
    },
});
