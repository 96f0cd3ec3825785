// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {patch} from "@web/core/utils/patch";
import {DynamicList} from "@web/model/relational_model/dynamic_list";
import {Record} from "@web/model/relational_model/record";

import {askLostReason, readLostStages} from "./lost_dialog";

// The stage of a lead is chosen in the status bar of forms, with its menus and its commands, in
// lists, in fields, on boards; in views of this and of other addons. All of them ask the record:
// a js_class on some views would leave the others out.

patch(Record.prototype, {
    /**
     * Ask for the reason before the stage of a lead becomes a lost one. Until then the record
     * stays as it is, so that there is nothing to take back when the dialog is cancelled.
     *
     * @override
     * @returns {Promise<boolean|undefined>} false when the dialog was cancelled
     */
    update(changes, {save} = {}) {
        if (!this._mayBecomeLost(changes)) {
            return super.update(...arguments);
        }
        const lostStages = readLostStages(this.model.orm);
        let becomesLost = false;
        // Changes are taken in the order in which they come, so this one keeps its place.
        const updated = this.model.mutex.exec(async () => {
            becomesLost = (await lostStages).has(changes.stage_id.id);
            if (becomesLost) {
                return false;
            }
            await this._update(changes, {withoutOnchange: save});
            return save && this.canSaveOnUpdate ? this._save() : undefined;
        });
        return updated.then((result) => (becomesLost ? this._lose() : result));
    },

    _mayBecomeLost({stage_id: stage}) {
        if (this.resModel !== "crm.lead" || !stage || stage.id === this.data.stage_id?.id) {
            return false;
        }
        const handledElsewhere = this.selected && this.model.multiEdit; // see _multiSave
        return !handledElsewhere && !this._parentRecord && !this.model._urgentSave;
    },

    /**
     * What else was edited is saved first, as if the button Mark Lost had been clicked.
     */
    async _lose() {
        const lost = (await this.save()) && (await askLostReason(this.model.action, [this.resId]));
        if (lost) {
            await this.load();
        } else {
            this.model.notify(); // the field shows what was chosen in it
        }
        return lost;
    },
});

patch(DynamicList.prototype, {
    /**
     * Ask once for the reason when a lost stage is chosen for several selected leads.
     *
     * @override
     */
    async _multiSave(editedRecord, changes) {
        const stageId = this.resModel === "crm.lead" && changes.stage_id?.id;
        if (
            !stageId ||
            editedRecord === this._recordToDiscard ||
            !(await readLostStages(this.model.orm)).has(stageId)
        ) {
            return super._multiSave(...arguments);
        }
        const selected = this.selection;
        const leadIds = selected.map((record) => record.resId);
        const lost = await askLostReason(this.model.action, leadIds);
        selected.forEach((record) => record._discard());
        this.leaveEditMode({discard: true});
        if (lost) {
            await this.model.load();
        }
        return lost;
    },
});
