// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {onWillStart, useState} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {ListController} from "@web/views/list/list_controller";
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

/** ``bpo_stage_list``: the Stages screen. */
export const stageListView = {
    ...listView,
    Controller: StageListController,
};

registry.category("views").add("bpo_stage_list", stageListView);
