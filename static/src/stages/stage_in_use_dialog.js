// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component} from "@odoo/owl";
import {Dialog} from "@web/core/dialog/dialog";
import {standardErrorDialogProps} from "@web/core/errors/error_dialogs";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";

/** Says why a stage cannot go, and offers to move what is in it first. */
export class StageInUseDialog extends Component {
    static template = "bpo_crm.StageInUseDialog";
    static components = {Dialog};
    static props = {...standardErrorDialogProps};

    setup() {
        this.actionService = useService("action");
        this.orm = useService("orm");
    }

    get message() {
        return this.props.data.message;
    }

    /** The service that the stage cannot be taken out of, where that is all that was asked. */
    get serviceId() {
        return this.props.data.context.service_id;
    }

    async moveAndArchive() {
        const stageIds = this.props.data.context.stage_ids;
        const {serviceId} = this;
        const action = serviceId
            ? await this.orm.call("crm.stage", "action_take_out", [stageIds], {
                  context: {bpo_crm_service_id: serviceId},
              })
            : "bpo_crm.bpo_stage_move_action";
        this.props.close();
        await this.actionService.doAction(action || "soft_reload", {
            additionalContext: serviceId ? {} : {default_stage_ids: stageIds},
            forceLeave: true,
        });
    }
}

registry.category("error_dialogs").add("bpo_crm.stage_in_use", StageInUseDialog);
