// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

/**
 * Ask the server which stages are lost ones: by their flag, never by their name, and anew each
 * time, since managers change stages while agents work.
 *
 * An answer that does not come is no obstacle: the server refuses a loss without a reason anyway.
 *
 * @param {Object} orm
 * @returns {Promise<Set<number>>}
 */
export async function readLostStages(orm) {
    try {
        const stages = await orm.silent.searchRead("crm.stage", [["is_lost", "=", true]], ["id"]);
        return new Set(stages.map((stage) => stage.id));
    } catch {
        return new Set();
    }
}

/**
 * Open the dialog Mark as Lost for these leads.
 *
 * @param {Object} action the action service
 * @param {number[]} leadIds
 * @returns {Promise<boolean>} whether the leads are lost now; false when the dialog was
 *  cancelled in any way, and nothing was written
 */
export function askLostReason(action, leadIds) {
    return new Promise((resolve, reject) => {
        action
            .doAction("crm.crm_lead_lost_action", {
                additionalContext: {
                    active_id: leadIds[0],
                    active_ids: leadIds,
                    active_model: "crm.lead",
                },
                // Cancel gives {special}, Esc and X {dismiss}, a button whose method ended nothing
                onClose: (info) => resolve(!info?.special && !info?.dismiss),
            })
            .catch(reject);
    });
}
