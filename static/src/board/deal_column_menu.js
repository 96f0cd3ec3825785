// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {StageColumnMenu} from "@bpo_crm/stages/stage_column_menu";
import {_t} from "@web/core/l10n/translation";
import {getBoardPipelineId, getNewDealStageContext, isDealBoard} from "./deal_board";

/** The menu of a column of deals. */
export class DealColumnMenu extends StageColumnMenu {
    get isDealStageGroup() {
        return this.isStageGroup && isDealBoard(this.props.list);
    }

    /** @override */
    get canArrangeStages() {
        return super.canArrangeStages && this.isDealStageGroup;
    }

    /** A deal is lost by losing it, with a reason: none begins its life as lost. */
    get canCreateDeal() {
        return (
            this.isDealStageGroup &&
            this.props.activeActions.create &&
            !this.group.record?.data.is_lost
        );
    }

    /** @override */
    get newStageContext() {
        return getNewDealStageContext(this.props.list);
    }

    /** @override */
    get stageItems() {
        return [
            {
                key: "bpo_crm_create_deal",
                label: _t("Create deal"),
                class: "o_bpo_create_deal",
                icon: "fa-plus",
                isVisible: this.canCreateDeal,
                method: () => this.createDeal(),
            },
            ...super.stageItems,
        ];
    }

    createDeal() {
        this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Create deal"),
            res_model: "crm.lead",
            views: [[false, "form"]],
            context: {
                ...this.props.list.context,
                default_type: "opportunity",
                default_pipeline_id: getBoardPipelineId(this.props.list, this.group),
                default_stage_id: this.group.value,
            },
        });
    }
}
