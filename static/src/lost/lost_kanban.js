// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {isStageField} from "@bpo_crm/stages/stage_group";
import {CrmKanbanDynamicGroupList} from "@crm/views/crm_kanban/crm_kanban_model";
import {patch} from "@web/core/utils/patch";
import {askLostReason} from "./lost_dialog";

patch(CrmKanbanDynamicGroupList.prototype, {
    /**
     * Ask for the reason before a card enters a lost column: it stays where it is until then,
     * so that there is nothing to take back when the dialog is cancelled. Columns came with
     * their flags, so that no drop waits for the server to say what they are.
     *
     * @override
     */
    async moveRecord(dataRecordId, dataGroupId, refId, targetGroupId) {
        const target = this.groups.find((group) => group.id === targetGroupId);
        if (dataGroupId === targetGroupId || !this._isLostStage(target)) {
            return super.moveRecord(...arguments);
        }
        const source = this.groups.find((group) => group.id === dataGroupId);
        const record = source.list.records.find((card) => card.id === dataRecordId);
        if (await askLostReason(this.model.action, [record.resId])) {
            await this.model.load();
        }
    },

    _isLostStage(group) {
        return isStageField(group.groupByField) && Boolean(group.record?.data.is_lost);
    },
});
