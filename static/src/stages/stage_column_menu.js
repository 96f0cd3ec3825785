// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {localization} from "@web/core/l10n/localization";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";
import {GroupConfigMenu} from "@web/views/view_components/group_config_menu";
import {openNewStageDialog} from "./new_stage_dialog";
import {isStageField} from "./stage_group";
import {useStageManager} from "./stage_manager";

/**
 * The menu of a column that is a stage: managers arrange the stages from it.
 *
 * Boards give it to their headers of columns, and say what is theirs in the hooks. Columns that
 * are no stages have the menu of stock.
 */
export class StageColumnMenu extends GroupConfigMenu {
    setup() {
        super.setup();
        this.action = useService("action");
        this.orm = useService("orm");
        this.access = useStageManager();
    }

    get isStageGroup() {
        return isStageField(this.group.groupByField) && Boolean(this.group.value);
    }

    /** This getter serves as a hook to tell where the stages of the board may be arranged. */
    get canArrangeStages() {
        return this.isStageGroup && this.access.isStageManager;
    }

    /** This getter serves as a hook to say in a context whose stages are arranged. */
    get stageContext() {
        return {};
    }

    /** This getter serves as a hook to give the context of the dialog that asks for a new stage. */
    get newStageContext() {
        return this.stageContext;
    }

    /**
     * This getter serves as a hook to offer more for a stage.
     *
     * @returns {Object[]} items with ``key``, ``label``, ``class``, ``icon``, ``isVisible`` and
     *  ``method``, in the order in which they are shown
     */
    get stageItems() {
        const place = this.props.list.groups?.findIndex(({value}) => value === this.group.value);
        const last = this.props.list.groups?.length - 1;
        // the arrows are mirrored with the style sheet
        const mirrored = localization.direction === "rtl";
        return [
            {
                key: "bpo_crm_new_stage",
                label: _t("New stage"),
                class: "o_bpo_new_stage",
                icon: "fa-columns",
                isVisible: this.canArrangeStages,
                method: () => this.newStage(),
            },
            {
                key: "bpo_crm_move_left",
                label: mirrored ? _t("Move right") : _t("Move left"),
                class: "o_bpo_move_left",
                icon: "fa-arrow-left",
                isVisible: this.canArrangeStages && place > 0,
                method: () => this.moveStage("action_move_left"),
            },
            {
                key: "bpo_crm_move_right",
                label: mirrored ? _t("Move left") : _t("Move right"),
                class: "o_bpo_move_right",
                icon: "fa-arrow-right",
                isVisible: this.canArrangeStages && place < last,
                method: () => this.moveStage("action_move_right"),
            },
        ];
    }

    /** @override */
    get configItems() {
        const items = super.configItems;
        const place = items.findIndex(({key}) => key === "edit_group");
        items.splice(place, 0, ...this.stageItems);
        return items;
    }

    /** @override */
    canEditGroup() {
        return super.canEditGroup() && (!this.isStageGroup || this.access.isStageManager);
    }

    /** @override */
    canDeleteGroup() {
        return super.canDeleteGroup() && (!this.isStageGroup || this.access.isStageManager);
    }

    newStage() {
        this.props.dialogClose.push(
            openNewStageDialog(this.dialog, {
                context: this.newStageContext,
                onSaved: () => this.props.list.load(),
            }),
        );
    }

    async moveStage(method) {
        await this.callStage(method);
        await this.props.list.load();
    }

    /**
     * Offer "Move and archive" for a stage that is in use, hidden records counted.
     *
     * @override
     */
    async deleteGroup() {
        if (!this.isStageGroup) {
            return super.deleteGroup();
        }
        const action = await this.orm.call("crm.stage", "action_remove", [[this.group.value]]);
        return action ? this.action.doAction(action) : super.deleteGroup();
    }

    callStage(method) {
        return this.orm.call("crm.stage", method, [[this.group.value]], {
            context: this.stageContext,
        });
    }
}
