// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {patch} from "@web/core/utils/patch";
import {StatusBarField} from "@web/views/fields/statusbar/statusbar_field";

import {askLostReason, readLostStages} from "./lost_dialog";

patch(StatusBarField.prototype, {
    /**
     * Ask for the reason before a lead enters a lost stage, be it by a click on the bar, in its
     * menus (folded stages, small screens) or in the command palette. Like any click on the bar
     * and like the button Lost, it saves what was edited before.
     *
     * @override
     */
    async selectItem(item) {
        const {name, record} = this.props;
        if (record.resModel !== "crm.lead" || name !== "stage_id") {
            return super.selectItem(item);
        }
        const {action, orm} = record.model;
        if (!(await readLostStages(orm)).has(item.value)) {
            return super.selectItem(item);
        }
        if ((await record.save()) && (await askLostReason(action, [record.resId]))) {
            await record.load();
        }
    },
});
