// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, onWillStart, useState} from "@odoo/owl";
import {Dialog} from "@web/core/dialog/dialog";
import {_t} from "@web/core/l10n/translation";
import {RPCError} from "@web/core/network/rpc";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {FillInForm} from "./fill_in_form";
import {getAsked, getGaps, getLacking, getProblems} from "./gaps";
import {getRowCommands, makeMoves} from "./moves";
import {loadParts} from "./parts";

/**
 * Asks for what records lack that are to enter a stage, and for nothing else; what is typed is
 * written in one transaction with the move.
 */
export class FillInDialog extends Component {
    static template = "bpo_crm.FillInDialog";
    static components = {Dialog, FillInForm};
    static props = {
        close: Function,
        gaps: Object,
        /** what was edited where the move was asked for: it is written as well */
        values: {type: Object, optional: true},
        onMoved: Function,
    };
    static defaultProps = {values: {}};

    setup() {
        this.orm = useService("orm");
        this.viewService = useService("view");
        this.state = useState({gaps: this.props.gaps, error: "", isBusy: false});
        this.parts = {fields: {}, form: false, rows: false};
        /** What is filled in, by part. */
        this.records = {};
        this.keepForm = (record) => (this.records.form = record);
        this.keepRows = (record) => (this.records.rows = record);
        onWillStart(async () => {
            if (getAsked(this.props.gaps).length) {
                this.parts = await loadParts(this.viewService, this.props.gaps);
            }
        });
    }

    get title() {
        const lacking = getLacking(this.props.gaps);
        return lacking.length === 1
            ? _t("What is missing: %s", lacking[0].name)
            : _t("What is missing: %s records", lacking.length);
    }

    get problems() {
        return getProblems(this.state.gaps);
    }

    get canFillIn() {
        return Boolean(this.parts.form || this.parts.rows);
    }

    /** Alone or under what is typed for all. */
    get rowsHint() {
        return this.parts.form
            ? _t("What differs; it counts more than what is filled in above")
            : _t("What each of them lacks");
    }

    /**
     * Write what was typed, and move.
     *
     * @param {Object} [context] for the server
     */
    async move(context = {}) {
        const moves = !this.state.isBusy && (await this.getMoves());
        if (!moves) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.orm.call(this.props.gaps.model, "action_fill_in_and_move", [moves], {
                context: {...user.context, ...context},
            });
        } catch (error) {
            return this.showRefusal(error);
        } finally {
            this.state.isBusy = false;
        }
        this.props.onMoved();
        this.props.close();
    }

    moveAnyway() {
        return this.move({bpo_crm_pass_conditions: true});
    }

    /** @returns {Promise<Object[] | false>} nothing while something typed is no value */
    async getMoves() {
        const changes = {form: {}, rows: {}};
        for (const [part, record] of Object.entries(this.records)) {
            if (!(await record.checkValidity({displayNotification: true}))) {
                return false;
            }
            changes[part] = await record.getChanges();
        }
        return makeMoves(this.props.gaps, this.parts.fields, {
            resId: this.parts.form.resId || false,
            form: changes.form,
            rows: getRowCommands(changes.rows),
            values: this.props.values,
        });
    }

    /** Say what still stands against it; what was typed is kept. */
    showRefusal(error) {
        const gaps = getGaps(error);
        if (!gaps && !(error instanceof RPCError && error.exceptionName?.startsWith("odoo."))) {
            throw error;
        }
        this.state.gaps = gaps || {...this.props.gaps, records: []};
        this.state.error = gaps ? "" : error.data.message;
    }
}

/**
 * Ask for what is missing, and move.
 *
 * @param {Object} dialog the dialog service
 * @param {import("./gaps").Gaps} gaps
 * @param {Object} [values] what else is to be written on the record that is to move
 * @returns {Promise<boolean>} whether the records were moved; false when the dialog was cancelled
 *  in any way, and nothing was written
 */
export function fillInAndMove(dialog, gaps, values = {}) {
    return new Promise((resolve) => {
        let isMoved = false;
        dialog.add(
            FillInDialog,
            {gaps, values, onMoved: () => (isMoved = true)},
            {onClose: () => resolve(isMoved)},
        );
    });
}
