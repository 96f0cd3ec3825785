// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {onWillStart} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {patch} from "@web/core/utils/patch";
import {GroupConfigMenu} from "@web/views/view_components/group_config_menu";
import {openNewStageDialog} from "./new_stage_dialog";
import {getBoardPipelineId, isDealBoard, isStageField} from "./stage_group";

patch(GroupConfigMenu.prototype, {
    setup() {
        super.setup(...arguments);
        this.isStageManager = false;
        if (isStageField(this.group.groupByField)) {
            this.action = useService("action");
            this.orm = useService("orm");
            onWillStart(async () => {
                this.isStageManager = await user.hasGroup("bpo_crm.group_manager");
            });
        }
    },

    get isStageGroup() {
        return isStageField(this.group.groupByField) && Boolean(this.group.value);
    },

    get isDealStageGroup() {
        return this.isStageGroup && isDealBoard(this.props.list);
    },

    /** @override */
    get permissions() {
        const permissions = super.permissions;
        const manage = this.isDealStageGroup && this.isStageManager;
        const place = this.props.list.groups?.findIndex(({value}) => value === this.group.value);
        const getters = {
            // A deal is lost by losing it, with a reason: none begins its life as lost.
            canCreateDeal: () =>
                this.isDealStageGroup &&
                this.props.activeActions.create &&
                !this.group.record?.data.is_lost,
            canAddStage: () => manage,
            canMoveStageLeft: () => manage && place > 0,
            canMoveStageRight: () => manage && place < this.props.list.groups.length - 1,
        };
        for (const [name, get] of Object.entries(getters)) {
            Object.defineProperty(permissions, name, {get, configurable: true});
        }
        return permissions;
    },

    /** @override */
    canEditGroup() {
        return super.canEditGroup() && (!this.isStageGroup || this.isStageManager);
    },

    /** @override */
    canDeleteGroup() {
        return super.canDeleteGroup() && (!this.isStageGroup || this.isStageManager);
    },

    createDeal() {
        this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Create deal"),
            res_model: "crm.lead",
            views: [[false, "form"]],
            context: {
                ...this.props.list.context,
                default_type: "opportunity",
                default_pipeline_id: getBoardPipelineId(this.props.list, this.group),
                default_stage_id: this.group.value,
            },
        });
    },

    newStage() {
        this.props.dialogClose.push(
            openNewStageDialog(this.dialog, {
                pipelineId: getBoardPipelineId(this.props.list),
                onSaved: () => this.props.list.load(),
            }),
        );
    },

    async moveStage(method) {
        await this.orm.call("crm.stage", method, [[this.group.value]]);
        await this.props.list.load();
    },

    moveStageLeft() {
        return this.moveStage("action_move_left");
    },

    moveStageRight() {
        return this.moveStage("action_move_right");
    },

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
    },
});

registry
    .category("group_config_items")
    .add(
        "bpo_crm_create_deal",
        {
            label: _t("Create deal"),
            method: "createDeal",
            isVisible: ({permissions}) => permissions.canCreateDeal,
            class: "o_bpo_create_deal",
            icon: "fa-plus",
        },
        {sequence: 5},
    )
    .add(
        "bpo_crm_new_stage",
        {
            label: _t("New stage"),
            method: "newStage",
            isVisible: ({permissions}) => permissions.canAddStage,
            class: "o_bpo_new_stage",
            icon: "fa-columns",
        },
        {sequence: 10},
    )
    .add(
        "bpo_crm_move_left",
        {
            label: _t("Move left"),
            method: "moveStageLeft",
            isVisible: ({permissions}) => permissions.canMoveStageLeft,
            class: "o_bpo_move_left",
            icon: "fa-arrow-left",
        },
        {sequence: 12},
    )
    .add(
        "bpo_crm_move_right",
        {
            label: _t("Move right"),
            method: "moveStageRight",
            isVisible: ({permissions}) => permissions.canMoveStageRight,
            class: "o_bpo_move_right",
            icon: "fa-arrow-right",
        },
        {sequence: 14},
    );
