// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {askLostReason} from "./lost_dialog";

/** What a field that offers the stages of a lead needs to know to call {@link chooseStage}. */
export const LOST_STAGE_DEPENDENCY = {
    name: "lost_stage_id",
    type: "many2one",
    relation: "crm.stage",
};

/**
 * Take the stage that was chosen for a lead, and ask for the reason where it is the lost one.
 * Until then the record stays as it is: there is nothing to take back when the dialog is cancelled.
 *
 * @param {Object} record a lead, with ``stage_id`` and ``lost_stage_id``
 * @param {{id: number} | false} stage
 * @param {() => Promise} update takes any other stage
 * @returns {Promise<boolean|undefined>} of a loss, whether it was confirmed
 */
export function chooseStage(record, stage, update) {
    if (!wouldBeLost(record, stage)) {
        return update();
    }
    const isMultiEdit = record.selected && record.model.multiEdit;
    return isMultiEdit ? loseSelection(record.model) : loseLead(record);
}

/** Leads that are saved with another record are left to the server. */
function wouldBeLost(record, stage) {
    const {lost_stage_id: lostStage, stage_id: present} = record.data;
    return (
        record.canSaveOnUpdate &&
        Boolean(stage) &&
        stage.id === lostStage?.id &&
        stage.id !== present?.id
    );
}

/** What else was edited is saved first, as if the button Mark Lost had been clicked. */
async function loseLead(record) {
    const {model} = record;
    const lost = (await record.save()) && (await askLostReason(model.action, [record.resId]));
    if (lost) {
        await record.load();
    } else {
        model.notify(); // the field shows what was chosen in it
    }
    return lost;
}

/** Ask once for all selected leads. */
async function loseSelection(model) {
    const leadIds = model.root.selection.map((record) => record.resId);
    const lost = await askLostReason(model.action, leadIds);
    await model.root.leaveEditMode({discard: true});
    if (lost) {
        await model.load();
    }
    return lost;
}

/**
 * Let a field in which a stage is chosen ask for a lost reason where it has to be.
 *
 * @param {Object} record the deal
 * @param {Object} m2oProps the properties of the many2one of the field
 * @returns {Object} the properties, with an ``update`` that may ask first
 */
export function withLostReason(record, m2oProps) {
    return {
        ...m2oProps,
        update: (stage, options) =>
            chooseStage(record, stage, () => m2oProps.update(stage, options)),
    };
}
