// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {UncaughtPromiseError} from "@web/core/errors/error_service";
import {RPCError} from "@web/core/network/rpc";
import {registry} from "@web/core/registry";
import {askLostReason} from "./lost_dialog";

/**
 * Ask for the reason that the server misses: the way in of views that do not know which stage is
 * the lost one, those of other addons above all, and of boards that were read before it became it.
 */
export function lostReasonRequiredHandler(env, error, originalError) {
    const context = originalError instanceof RPCError && originalError.data?.context;
    if (
        !(error instanceof UncaughtPromiseError) ||
        context?.exception_class !== "bpo_crm.lost_reason_required"
    ) {
        return false;
    }
    error.unhandledRejectionEvent.preventDefault();
    const {action} = env.services;
    askLostReason(action, context.lead_ids).then((lost) => lost && action.doAction("soft_reload"));
    return true;
}

// before the handler of any other error of the server, which has 97
registry
    .category("error_handlers")
    .add("bpo_crm.lost_reason_required", lostReasonRequiredHandler, {sequence: 96});
