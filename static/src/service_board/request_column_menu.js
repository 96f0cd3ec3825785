// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {StageColumnMenu} from "@bpo_crm/stages/stage_column_menu";
import {_t} from "@web/core/l10n/translation";

/**
 * The menu of a column of requests. On the board of one service it arranges the stages of that
 * service; boards of several services leave them alone.
 */
export class RequestColumnMenu extends StageColumnMenu {
    get serviceId() {
        return this.props.list.context.bpo_crm_service_id || false;
    }

    /** @override */
    get canArrangeStages() {
        return super.canArrangeStages && Boolean(this.serviceId);
    }

    /** @override */
    get stageContext() {
        return {bpo_crm_service_id: this.serviceId};
    }

    /** @override */
    get newStageContext() {
        return {...this.stageContext, form_view_ref: "bpo_crm.crm_stage_view_form_service"};
    }

    /** @override */
    get stageItems() {
        return [
            ...super.stageItems,
            {
                key: "bpo_crm_take_out",
                label: _t("Take out of the service"),
                class: "o_bpo_take_stage_out",
                icon: "fa-sign-out",
                isVisible: this.canArrangeStages,
                method: () => this.takeStageOut(),
            },
        ];
    }

    async takeStageOut() {
        const action = await this.callStage("action_take_out");
        return action ? this.action.doAction(action) : this.props.list.load();
    }
}
