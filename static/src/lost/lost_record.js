// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {markRaw} from "@odoo/owl";
import {patch} from "@web/core/utils/patch";
import {DynamicList} from "@web/model/relational_model/dynamic_list";
import {Record} from "@web/model/relational_model/record";

import {askLostReason, readLostStages} from "./lost_dialog";

// Leads are edited in many views of many addons: a js_class on some of them would leave the
// others out, so it is the records themselves that know what losing a lead takes.

patch(Record.prototype, {
    /**
     * Ask for the reason when the stage chosen in a list, a form or any other view is a lost
     * one. What else was edited is saved first, as if the button Lost had been clicked.
     *
     * @override
     * @returns {Promise<boolean>} false too when the dialog was cancelled
     */
    async _save() {
        if (!(await this._entersLostStage())) {
            return super._save(...arguments);
        }
        await this._takeBackStage();
        if (!(await super._save({reload: true}))) {
            return false;
        }
        if (!(await askLostReason(this.model.action, [this.resId]))) {
            return false;
        }
        await this._load({});
        return true;
    },

    async _entersLostStage() {
        if (this.resModel !== "crm.lead" || this.model._urgentSave) {
            return false;
        }
        const stageId = this._changes.stage_id?.id;
        if (!stageId || stageId === this._values.stage_id?.id) {
            return false;
        }
        return (await readLostStages(this.model.orm)).has(stageId);
    },

    async _takeBackStage() {
        const stage = this._values.stage_id;
        await this._update({stage_id: stage || false});
        if (this.resId) {
            const changes = {...this._changes};
            delete changes.stage_id;
            this._changes = markRaw(changes);
        }
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
            editedRecord === this._recordToDiscard ||
            !stageId ||
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
