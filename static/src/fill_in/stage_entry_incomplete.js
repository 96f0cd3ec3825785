// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {checkRainbowmanMessage} from "@crm/views/check_rainbowman_message";
import {UncaughtPromiseError} from "@web/core/errors/error_service";
import {registry} from "@web/core/registry";
import {fillInAndMove} from "./fill_in_dialog";
import {getGaps} from "./gaps";

/**
 * Ask for what the server misses, whatever moved the records: cards, buttons, server actions, views
 * of other addons. What the client moved ahead of the answer it has taken back by now.
 */
export function stageEntryIncompleteHandler(env, error, originalError) {
    const gaps = error instanceof UncaughtPromiseError && getGaps(originalError);
    if (!gaps) {
        return false;
    }
    error.unhandledRejectionEvent.preventDefault();
    const {action, dialog, effect, orm} = env.services;
    fillInAndMove(dialog, gaps).then(async (isMoved) => {
        if (!isMoved) {
            return;
        }
        await action.doAction("soft_reload");
        if (gaps.model === "crm.lead" && gaps.records.length === 1) {
            await checkRainbowmanMessage(orm, effect, gaps.records[0].id);
        }
    });
    return true;
}

// before the handler of any other error of the server, which has 97
registry
    .category("error_handlers")
    .add("bpo_crm.stage_entry_incomplete", stageEntryIncompleteHandler, {sequence: 96});
