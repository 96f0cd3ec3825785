// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {FirstSteps, useFirstSteps} from "@bpo_crm/first_steps/first_steps";
import {openNewStageDialog} from "@bpo_crm/stages/new_stage_dialog";
import {useStageManager} from "@bpo_crm/stages/stage_manager";
import {crmKanbanView} from "@crm/views/crm_kanban/crm_kanban_view";
import {patch} from "@web/core/utils/patch";
import {
    areDealFields,
    DEAL_STAGE_GROUP_INFO,
    getNewDealStageContext,
    isDealBoard,
} from "./deal_board";

crmKanbanView.Controller.template = "bpo_crm.BoardKanbanView";
crmKanbanView.Controller.components = {...crmKanbanView.Controller.components, FirstSteps};

patch(crmKanbanView.Controller.prototype, {
    setup() {
        super.setup(...arguments);
        this.access = useStageManager();
        this.firstSteps = useFirstSteps();
    },

    /** @override */
    get modelParams() {
        const params = super.modelParams;
        if (areDealFields(this.props.fields)) {
            params.groupByInfo = {...params.groupByInfo, stage_id: DEAL_STAGE_GROUP_INFO};
        }
        return params;
    },

    /** @override */
    get className() {
        return `${super.className || ""} ${this.isDealBoard ? "o_bpo_board" : ""}`;
    },

    get isDealBoard() {
        return this.model.isReady && isDealBoard(this.model.root);
    },

    /** Whether deals that are won on this board create no orders at their dealerships. */
    get createsNoOrders() {
        return this.isDealBoard && Boolean(this.props.context.bpo_crm_no_orders);
    },

    /** The steps to the first order at a dealer, where there are any left for this user. */
    get shownFirstSteps() {
        return this.isDealBoard ? this.firstSteps.steps : [];
    },

    get canAddStage() {
        return this.access.isStageManager && this.isDealBoard;
    },

    addStage() {
        openNewStageDialog(this.dialog, {
            context: getNewDealStageContext(this.model.root),
            onSaved: () => this.model.load(),
        });
    },

    /** Pipelines with matching deals besides the one shown, where the search names none. */
    get otherPipelines() {
        return this.model.pipelineChoice?.slice(1) || [];
    },

    get shownPipeline() {
        return this.model.pipelineChoice?.[0];
    },

    /** Show another pipeline by a filter that people see and can take away. */
    showPipeline(pipeline) {
        const {searchModel} = this.env;
        const [item] = searchModel.getSearchItems(
            (item) => item.type === "field" && item.fieldName === "pipeline_id",
        );
        searchModel.addAutoCompletionValues(item.id, {
            label: pipeline.name,
            operator: "=",
            value: pipeline.id,
        });
    },
});
