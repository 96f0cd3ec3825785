// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {
    getStageColumnClass,
    isGroupedByStage,
    makeStageGroupInfo,
} from "@bpo_crm/stages/stage_group";
import {STAGE_LIMIT_FIELDS, useStageLimit} from "@bpo_crm/stages/stage_limit";
import {registry} from "@web/core/registry";
import {KanbanController} from "@web/views/kanban/kanban_controller";
import {KanbanHeader} from "@web/views/kanban/kanban_header";
import {KanbanRenderer} from "@web/views/kanban/kanban_renderer";
import {kanbanView} from "@web/views/kanban/kanban_view";
import {RequestColumnMenu} from "./request_column_menu";

/** What is read of each stage together with the columns of a board of requests. */
const REQUEST_STAGE_GROUP_INFO = makeStageGroupInfo([
    {name: "color", string: "Color", type: "integer"},
    {name: "icon", string: "Icon", type: "char"},
    ...STAGE_LIMIT_FIELDS,
]);

/** Reads the stages together with the columns, and tells a board of stages by its class. */
export class RequestKanbanController extends KanbanController {
    /** @override */
    get className() {
        const isStageBoard = this.model.isReady && isGroupedByStage(this.model.root);
        return `${super.className || ""} ${isStageBoard ? "o_bpo_board" : ""}`;
    }

    /** @override */
    get modelParams() {
        const params = super.modelParams;
        params.groupByInfo = {...params.groupByInfo, stage_id: REQUEST_STAGE_GROUP_INFO};
        return params;
    }
}

/** The header of a column shows the icon of its stage, and its limit. */
export class RequestKanbanHeader extends KanbanHeader {
    static template = "bpo_crm.RequestKanbanHeader";
    static components = {...KanbanHeader.components, GroupConfigMenu: RequestColumnMenu};

    setup() {
        super.setup();
        this.stageLimit = useStageLimit(this);
    }

    get stageIcon() {
        return this.props.group.record?.data.icon || "";
    }
}

/** Columns that are stages are drawn as such. */
export class RequestKanbanRenderer extends KanbanRenderer {
    static components = {...KanbanRenderer.components, KanbanHeader: RequestKanbanHeader};

    /**
     * Give columns the colour of their stage.
     *
     * @override
     */
    getGroupClasses(group) {
        const classes = super.getGroupClasses(...arguments);
        return isGroupedByStage(this.props.list)
            ? `${classes} ${getStageColumnClass(group)}`
            : classes;
    }
}

/** ``bpo_request_kanban``: the board of service requests. */
export const requestKanbanView = {
    ...kanbanView,
    Controller: RequestKanbanController,
    Renderer: RequestKanbanRenderer,
};

registry.category("views").add("bpo_request_kanban", requestKanbanView);
