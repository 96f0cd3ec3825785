// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {useEnv} from "@odoo/owl";
import {useService} from "@web/core/utils/hooks";

/** Return a function that opens the entries behind a number, in the list of the same action. */
export function useEntries(resModel) {
    const action = useService("action");
    const env = useEnv();
    return (domain, name) => {
        const views = (env.config.views || []).map(([id, type]) => [type, id]);
        const list = Object.fromEntries(views).list || false;
        return action.doAction({
            type: "ir.actions.act_window",
            name,
            res_model: resModel,
            views: [[list, "list"]],
            domain,
        });
    };
}
