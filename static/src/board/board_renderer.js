// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {patch} from "@web/core/utils/patch";
import {CrmKanbanRenderer} from "@crm/views/crm_kanban/crm_kanban_renderer";
import {getStageColorClass, isDealBoard} from "./stage_group";

patch(CrmKanbanRenderer.prototype, {
    /**
     * Give columns the colour of their stage.
     *
     * @override
     */
    getGroupClasses(group) {
        const classes = super.getGroupClasses(...arguments);
        if (!isDealBoard(this.props.list)) {
            return classes;
        }
        return `${classes} o_bpo_stage_column ${getStageColorClass(group.record?.data.color)}`;
    },

    /**
     * Leave stages to our own "New stage", which knows their pipeline, colour and place.
     *
     * @override
     */
    canCreateGroup() {
        return !isDealBoard(this.props.list) && super.canCreateGroup(...arguments);
    },
});
