// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {onWillStart} from "@odoo/owl";
import {user} from "@web/core/user";

/**
 * Find out, before a component is shown, whether its user may arrange stages.
 *
 * @returns {{isStageManager: boolean}}
 */
export function useStageManager() {
    const access = {isStageManager: false};
    onWillStart(async () => {
        access.isStageManager = await user.hasGroup("bpo_crm.group_manager");
    });
    return access;
}
