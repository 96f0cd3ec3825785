// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";
import {user} from "@web/core/user";

const CLOSED = "bpo_crm_first_steps_closed";

/** The steps to the first order: asked for managers who have not closed them, until all are done. */
export const firstStepsService = {
    dependencies: ["orm"],

    start(env, {orm}) {
        let over = false;
        return {
            async load() {
                // whether they are closed came with the page
                if (over || user.settings[CLOSED] !== false) {
                    return [];
                }
                if (!(await user.hasGroup("bpo_crm.group_manager"))) {
                    return [];
                }
                const steps = await orm.call("bpo.pipeline", "get_first_steps", []);
                over = !steps.length;
                return steps;
            },

            async close() {
                over = true;
                await user.setUserSettings(CLOSED, true);
            },
        };
    },
};

registry.category("services").add("bpo_crm.first_steps", firstStepsService);
