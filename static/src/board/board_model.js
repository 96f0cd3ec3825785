// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {isStageField} from "@bpo_crm/stages/stage_group";
import {CrmKanbanModel} from "@crm/views/crm_kanban/crm_kanban_model";
import {patch} from "@web/core/utils/patch";
import {areDealFields} from "./deal_board";

patch(CrmKanbanModel.prototype, {
    setup() {
        super.setup(...arguments);
        /** Pipelines that hold leads of a search which names none; the first one is shown. */
        this.pipelineChoice = [];
        /** Deals closed longer ago than so many days are left out; 0 where none are. */
        this.closedDays = 0;
    },

    /**
     * Ask for a board: the columns of one pipeline, never of several ones by accident.
     *
     * @override
     */
    async _webReadGroup(config) {
        const [groupBy] = config.groupBy;
        if (!areDealFields(config.fields) || !isStageField(config.fields[groupBy])) {
            this.pipelineChoice = [];
            this.closedDays = 0;
            return super._webReadGroup(...arguments);
        }
        const context = {...config.context, bpo_crm_board: true};
        const [, ...others] = arguments;
        const result = await super._webReadGroup({...config, context}, ...others);
        this.pipelineChoice = result.bpo_crm_pipelines || [];
        this.closedDays = result.bpo_crm_closed_days || 0;
        return result;
    },
});
