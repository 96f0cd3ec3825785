// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {makeActiveField} from "@web/model/relational_model/utils";
import {registry} from "@web/core/registry";
import {KanbanController} from "@web/views/kanban/kanban_controller";
import {KanbanHeader} from "@web/views/kanban/kanban_header";
import {KanbanRenderer} from "@web/views/kanban/kanban_renderer";
import {kanbanView} from "@web/views/kanban/kanban_view";
import {getStageColorClass, isStageField} from "@bpo_crm/board/stage_group";
import {ServiceStageMenu} from "./service_stage_menu";

const STAGE_FIELDS = {
    color: {name: "color", string: "Color", type: "integer"},
    icon: {name: "icon", string: "Icon", type: "char"},
};

/** What is read of each stage together with the column it heads. */
const STAGE_GROUP_INFO = {
    fields: STAGE_FIELDS,
    activeFields: Object.fromEntries(
        Object.keys(STAGE_FIELDS).map((name) => [name, makeActiveField()]),
    ),
};

export class RequestKanbanController extends KanbanController {
    /** @override */
    get className() {
        const {root, isReady} = this.model;
        const isStageBoard = isReady && root.isGrouped && isStageField(root.groupByField);
        return `${super.className || ""} ${isStageBoard ? "o_bpo_board" : ""}`;
    }

    /** @override */
    get modelParams() {
        const params = super.modelParams;
        params.groupByInfo = {...params.groupByInfo, stage_id: STAGE_GROUP_INFO};
        return params;
    }
}

/** The header of a column shows the icon of its stage. */
export class RequestKanbanHeader extends KanbanHeader {
    static template = "bpo_crm.RequestKanbanHeader";
    static components = {...KanbanHeader.components, GroupConfigMenu: ServiceStageMenu};

    get stageIcon() {
        return this.props.group.record?.data.icon || "";
    }
}

export class RequestKanbanRenderer extends KanbanRenderer {
    static components = {...KanbanRenderer.components, KanbanHeader: RequestKanbanHeader};

    get isStageBoard() {
        return this.props.list.isGrouped && isStageField(this.props.list.groupByField);
    }

    /**
     * Give columns the colour of their stage.
     *
     * @override
     */
    getGroupClasses(group) {
        const classes = super.getGroupClasses(...arguments);
        return this.isStageBoard
            ? `${classes} o_bpo_stage_column ${getStageColorClass(group.record?.data.color)}`
            : classes;
    }
}

export const requestKanbanView = {
    ...kanbanView,
    Controller: RequestKanbanController,
    Renderer: RequestKanbanRenderer,
};

registry.category("views").add("bpo_request_kanban", requestKanbanView);
