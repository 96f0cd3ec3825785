// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {CrmKanbanDynamicGroupList} from "@crm/views/crm_kanban/crm_kanban_model";
import {RPCError} from "@web/core/network/rpc";
import {patch} from "@web/core/utils/patch";
import {isDealBoard} from "./deal_board";
import {RefusedDropDialog} from "./refused_drop_dialog";

const REFUSALS = ["odoo.exceptions.UserError", "odoo.exceptions.ValidationError"];

patch(CrmKanbanDynamicGroupList.prototype, {
    /**
     * Offer to open the deal whose move the server has refused.
     *
     * @override
     */
    async moveRecord(dataRecordId) {
        const record = this.records.find((card) => card.id === dataRecordId);
        try {
            return await super.moveRecord(...arguments);
        } catch (error) {
            if (error instanceof RPCError && REFUSALS.includes(error.exceptionName)) {
                this._offerToOpen(error, record);
            }
            throw error;
        }
    },

    _offerToOpen(error, record) {
        if (record && isDealBoard(this)) {
            error.Component = RefusedDropDialog;
            error.data.context = {...error.data.context, lead_id: record.resId};
        }
    },
});
