// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {getStageColumnClass} from "@bpo_crm/stages/stage_group";
import {useStageLimit} from "@bpo_crm/stages/stage_limit";
import {CrmKanbanRenderer} from "@crm/views/crm_kanban/crm_kanban_renderer";
import {patch} from "@web/core/utils/patch";
import {getClosedHint} from "./closed_hint";
import {isDealBoard} from "./deal_board";
import {DealColumnMenu} from "./deal_column_menu";

// The header of stock's board, which its module does not export: no other app has it.
const DealHeader = CrmKanbanRenderer.components.KanbanHeader;
DealHeader.template = "bpo_crm.DealKanbanHeader";
patch(DealHeader.components, {GroupConfigMenu: DealColumnMenu});
patch(DealHeader.prototype, {
    setup() {
        super.setup();
        this.stageLimit = useStageLimit(this);
    },

    /** Which deals this column and its totals leave out, where they do. */
    get closedHint() {
        return getClosedHint(this.props.list, this.group);
    },
});

patch(CrmKanbanRenderer.prototype, {
    /**
     * Give columns the colour of their stage.
     *
     * @override
     */
    getGroupClasses(group) {
        const classes = super.getGroupClasses(...arguments);
        return isDealBoard(this.props.list) ? `${classes} ${getStageColumnClass(group)}` : classes;
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
