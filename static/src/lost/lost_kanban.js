// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {CrmKanbanDynamicGroupList} from "@crm/views/crm_kanban/crm_kanban_model";
import {CrmKanbanRenderer} from "@crm/views/crm_kanban/crm_kanban_renderer";
import {patch} from "@web/core/utils/patch";

import {askLostReason, readLostStages} from "./lost_dialog";

patch(CrmKanbanDynamicGroupList.prototype, {
    /**
     * Ask for the reason before a card enters a lost column: it stays where it is until then,
     * so that there is nothing to take back when the dialog is cancelled.
     *
     * @override
     */
    async moveRecord(dataRecordId, dataGroupId, refId, targetGroupId) {
        const enters = await this._entersLostStage(dataGroupId, targetGroupId);
        const record = this.groups
            .find((group) => group.id === dataGroupId)
            ?.list.records.find((card) => card.id === dataRecordId);
        if (!record) {
            return; // the board was loaded anew while the answer was on its way
        }
        if (!enters) {
            return super.moveRecord(...arguments);
        }
        if (await askLostReason(this.model.action, [record.resId])) {
            await this.model.load();
        }
    },

    /**
     * Read the lost stages while the card is still in the air.
     */
    prepareMove() {
        this._lostStages = readLostStages(this.model.orm);
    },

    async _entersLostStage(dataGroupId, targetGroupId) {
        if (dataGroupId === targetGroupId || this.groupByField.name !== "stage_id") {
            return false;
        }
        const target = this.groups.find((group) => group.id === targetGroupId);
        const lostStages = await (this._lostStages || readLostStages(this.model.orm));
        this._lostStages = undefined;
        return lostStages.has(target.value);
    },
});

patch(CrmKanbanRenderer.prototype, {
    /**
     * @override
     */
    sortStart({element}) {
        if (element.classList.contains("o_kanban_record")) {
            this.props.list.prepareMove?.();
        }
        return super.sortStart(...arguments);
    },
});
