// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

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
