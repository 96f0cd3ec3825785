// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {WarningDialog} from "@web/core/errors/error_dialogs";
import {useService} from "@web/core/utils/hooks";

/** Says why a deal stays where it was, and opens it, where that can be put right. */
export class RefusedDropDialog extends WarningDialog {
    static template = "bpo_crm.RefusedDropDialog";

    setup() {
        super.setup();
        this.actionService = useService("action");
    }

    openDeal() {
        this.props.close();
        return this.actionService.doAction({
            type: "ir.actions.act_window",
            res_model: "crm.lead",
            res_id: this.props.data.context.lead_id,
            views: [[false, "form"]],
        });
    }
}
