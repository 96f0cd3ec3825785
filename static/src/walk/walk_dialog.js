// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, useEffect, useRef, useState} from "@odoo/owl";
import {Dialog} from "@web/core/dialog/dialog";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {makeWalk} from "./walk";

/** A dialog that its content may keep from being closed by Esc or its cross. */
class WalkFrame extends Dialog {
    static props = {...Dialog.props, onDismiss: Function};

    async dismiss() {
        this.props.onDismiss();
    }
}

/** Shows how far a walk is, and stops it; afterwards, what came of it. */
export class WalkDialog extends Component {
    static template = "bpo_crm.WalkDialog";
    static components = {WalkFrame};
    static props = {
        close: Function,
        title: String,
        walk: Object,
        // called with the ids of the records that are to be shown
        onShow: Function,
    };

    setup() {
        this.walk = useState(this.props.walk);
        this.content = useRef("content");
        this.dismiss = this.dismiss.bind(this);
        // the button that had the focus is another one, or gone
        useEffect(
            () => {
                this.content.el.closest(".modal-content").querySelector("footer .btn")?.focus();
            },
            () => [this.walk.running],
        );
        this.run();
    }

    get progress() {
        const {done, total, problems} = this.walk;
        const progress = _t("%(done)s of %(total)s", {done, total});
        return problems.length
            ? _t("%(progress)s · with problems: %(count)s", {progress, count: problems.length})
            : progress;
    }

    get percent() {
        return Math.floor((this.walk.done / this.walk.total) * 100);
    }

    /** What is said beside the progress. */
    get hint() {
        const {running, stopping, finished, secondsLeft} = this.walk;
        if (stopping) {
            return _t("Stopping once the present batch is done…");
        }
        if (running) {
            return secondsLeft === null ? "" : this.formatTimeLeft(secondsLeft);
        }
        return finished
            ? ""
            : _t("Stopped. What was done is kept; Continue goes on with the rest.");
    }

    formatTimeLeft(secondsLeft) {
        const seconds = Math.ceil(secondsLeft);
        const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
        return _t("Estimated time left: %s", clock);
    }

    async run() {
        await this.walk.run();
        if (this.walk.finished && !this.walk.problems.length) {
            this.props.close();
        }
    }

    /** Esc and the cross stop first, and close what has stopped. */
    dismiss() {
        if (this.walk.running) {
            this.walk.stop();
        } else {
            this.props.close();
        }
    }

    show() {
        this.props.onShow(this.walk.problems.map((problem) => problem.id));
        this.props.close();
    }
}

/**
 * Walk over records, and return the action that is next: those with problems, or the screen anew.
 *
 * @param {Object} env
 * @param {Object} action of `prepare_walk` (`models/walk.py`)
 */
async function walkAction(env, {params}) {
    const {dialog, notification, orm} = env.services;
    const walk = makeWalk(orm, params);
    const {title} = params;
    let shown = null;
    await new Promise((resolve) => {
        dialog.add(
            WalkDialog,
            {title, walk, onShow: (ids) => (shown = ids)},
            {onClose: () => resolve()},
        );
    });
    if (walk.finished && !walk.problems.length) {
        notification.add(params.all_well, {title, type: "success"});
    }
    if (!shown) {
        return {type: "ir.actions.client", tag: "soft_reload"};
    }
    return {
        type: "ir.actions.act_window",
        name: title,
        res_model: params.model,
        domain: [["id", "in", shown]],
        views: [
            [false, "list"],
            [false, "kanban"],
            [false, "form"],
        ],
        mobile_view_mode: "kanban",
    };
}

registry.category("actions").add("bpo_crm_walk", walkAction);
