// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {onWillStart, useState} from "@odoo/owl";
import {ConfirmationDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {ListController} from "@web/views/list/list_controller";
import {ListRenderer} from "@web/views/list/list_renderer";
import {listView} from "@web/views/list/list_view";

/** The Stages screen: what managers should know is said above the list. */
export class StageListController extends ListController {
    static template = "bpo_crm.StageListView";

    setup() {
        super.setup();
        this.orm = useService("orm");
        this.notes = useState({warnings: [], adoption: []});
        onWillStart(() => this.loadNotes());
    }

    async loadNotes() {
        Object.assign(
            this.notes,
            await this.orm.call("bpo.pipeline", "get_configuration_notes", []),
        );
    }

    async dismissAdoptionNotes() {
        await this.orm.call("bpo.pipeline", "dismiss_adoption_notes", []);
        await this.loadNotes();
    }

    /**
     * Add a row also where the list is grouped: to the first open group, else to the first one.
     *
     * @override
     */
    async createRecord({group} = {}) {
        const {root} = this.model;
        if (!group && this.editable && root.isGrouped && root.groupBy.length === 1) {
            group = root.groups.find((group) => !group.isFolded) || root.groups[0];
            if (group?.isFolded) {
                await group.toggle();
            }
        }
        return super.createRecord({group});
    }

    /** @override */
    async onRecordSaved() {
        await super.onRecordSaved(...arguments);
        await this.loadNotes();
    }
}

/** Stages are dragged into their order; what else a drop would change is asked first. */
export class StageListRenderer extends ListRenderer {
    setup() {
        super.setup();
        this.confirmation = useService("dialog");
    }

    /**
     * Ask before a stage goes to another group: to the board of another pipeline.
     *
     * @override
     */
    async sortDrop(dataRowId, dataGroupId, {previous}) {
        const targetId = previous?.dataset.groupId;
        const leaves = dataGroupId && targetId && targetId !== dataGroupId;
        if (leaves && !(await this.confirmMove(dataRowId, dataGroupId, targetId))) {
            return;
        }
        return super.sortDrop(...arguments);
    }

    /** @returns {Promise<boolean>} */
    confirmMove(dataRowId, dataGroupId, targetId) {
        const find = (id) => this.props.list.groups.find((group) => group.id === id);
        const origin = find(dataGroupId);
        const stage = origin.list.records.find((record) => record.id === dataRowId);
        return new Promise((resolve) => {
            this.confirmation.add(
                ConfirmationDialog,
                {
                    title: _t("Move the stage"),
                    body: _t("Move the stage “%(stage)s” from “%(origin)s” to “%(target)s”?", {
                        stage: stage.data.name,
                        origin: origin.displayName,
                        target: find(targetId).displayName,
                    }),
                    confirmLabel: _t("Move"),
                    confirm: () => resolve(true),
                    cancel: () => resolve(false),
                },
                {onClose: () => resolve(false)},
            );
        });
    }
}

/** ``bpo_stage_list``: the Stages screen. */
export const stageListView = {
    ...listView,
    Controller: StageListController,
    Renderer: StageListRenderer,
};

registry.category("views").add("bpo_stage_list", stageListView);
