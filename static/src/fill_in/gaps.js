// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {RPCError} from "@web/core/network/rpc";

/**
 * What keeps records from entering a stage that values would mend, as the server tells it.
 *
 * @typedef {Object} Gaps
 * @property {string} model
 * @property {Gap[]} records all that were to move together
 * @property {boolean} [may_pass] whether the user may move them all the same
 *
 * @typedef {Object} Gap
 * @property {number} id
 * @property {string} name
 * @property {number} stage_id the stage that the record is to enter
 * @property {string[]} fields what it lacks; none where nothing is missing
 * @property {string[]} problems the same in sentences
 */

/**
 * Return what is missing where the server has refused a move for that alone.
 *
 * @param {Error} error
 * @returns {Gaps | false} nothing, too, where there is nothing to ask for
 */
export function getGaps(error) {
    const context = error instanceof RPCError && error.data?.context;
    if (!context || context.exception_class !== "bpo_crm.stage_entry_incomplete") {
        return false;
    }
    return getAsked(context).length || context.may_pass ? context : false;
}

/** Return the records that lack something. */
export function getLacking({records}) {
    return records.filter(({problems}) => problems.length);
}

/** Return the names of all fields that records lack, in the order in which they are asked for. */
export function getAsked({records}) {
    return [...new Set(records.flatMap(({fields}) => fields))];
}

/**
 * Return the sentences that say what is missing; of several records, each sentence once.
 *
 * @param {Gaps} gaps
 * @returns {string[]}
 */
export function getProblems(gaps) {
    const counts = new Map();
    for (const text of getLacking(gaps).flatMap(({problems}) => problems)) {
        counts.set(text, (counts.get(text) || 0) + 1);
    }
    const total = gaps.records.length;
    return [...counts].map(([problem, count]) =>
        total === 1 ? problem : _t("%(problem)s (%(count)s of %(total)s)", {problem, count, total}),
    );
}
