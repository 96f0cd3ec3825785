// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {patch} from "@web/core/utils/patch";
import {Record} from "@web/model/relational_model/record";
import {fillInAndMove} from "./fill_in_dialog";
import {getGaps} from "./gaps";

patch(Record.prototype, {
    /**
     * Ask for what a record lacks that is edited, in a form or in the row of a list: whatever else
     * was edited is written together with it, or stays as it is in the form.
     *
     * @override
     */
    async _save(options = {}) {
        const onError = (error, callbacks) => {
            const gaps = this._getOwnGaps(error);
            if (gaps) {
                return this._fillInAndMove(gaps, options);
            }
            return this._takeSaveError(error, callbacks, options);
        };
        return super._save({...options, onError});
    },

    /** Return what the server misses of this record, where it is the one that is edited. */
    _getOwnGaps(error) {
        const gaps = this.isInEdition && getGaps(error);
        const isOwn =
            gaps &&
            gaps.model === this.resModel &&
            gaps.records.length === 1 &&
            gaps.records[0].id === this.resId;
        return isOwn && gaps;
    },

    /** Do with any other error what is done without us. */
    async _takeSaveError(error, callbacks, {onError}) {
        if (onError) {
            return onError(error, callbacks);
        }
        if (!this.isInEdition) {
            await this._load({});
        }
        throw error;
    },

    async _fillInAndMove(gaps, {nextId}) {
        const changes = this._getChanges();
        if (!(await fillInAndMove(this.model.dialog, gaps, changes))) {
            await this._takeStageBack();
            return false;
        }
        await this.model.hooks.onRecordSaved(this, changes);
        await (nextId ? this.model.load({resId: nextId}) : this._load({}));
        return true;
    },

    /** Show the stage that the record is in; what else was edited is still to be saved. */
    async _takeStageBack() {
        if (!("stage_id" in this._changes)) {
            return;
        }
        await this._update({stage_id: this._values.stage_id});
        const isBack = Object.entries(this._getChanges()).every(
            ([name, value]) =>
                !Array.isArray(value) &&
                value === this._formatServerValue(this.fields[name].type, this._values[name]),
        );
        if (isBack) {
            this._discard();
        }
    },
});
