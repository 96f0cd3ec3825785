// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {patch} from "@web/core/utils/patch";
import {GroupConfigMenu} from "@web/views/view_components/group_config_menu";
import {FormViewDialog} from "@web/views/view_dialogs/form_view_dialog";

/**
 * The menu of a column of requests. On the board of one service it arranges the stages of that
 * service; boards of several services leave them alone.
 */
export class ServiceStageMenu extends GroupConfigMenu {
    get serviceId() {
        return (this.isStageGroup && this.props.list.context.bpo_crm_service_id) || false;
    }

    /** @override */
    get permissions() {
        const permissions = super.permissions;
        const manage = Boolean(this.serviceId && this.isStageManager);
        const place = this.props.list.groups?.indexOf(this.group);
        const getters = {
            canAddStage: () => manage,
            canMoveStageLeft: () => manage && place > 0,
            canMoveStageRight: () => manage && place < this.props.list.groups.length - 1,
            canTakeStageOut: () => manage,
        };
        for (const [name, get] of Object.entries(getters)) {
            Object.defineProperty(permissions, name, {get, configurable: true});
        }
        return permissions;
    }

    get serviceContext() {
        return {bpo_crm_service_id: this.serviceId};
    }

    /** @override */
    newStage() {
        this.props.dialogClose.push(
            this.dialog.add(FormViewDialog, {
                resModel: "crm.stage",
                title: _t("New stage"),
                size: "md",
                canExpand: false,
                context: {
                    ...this.serviceContext,
                    form_view_ref: "bpo_crm.crm_stage_view_form_service",
                },
                onRecordSaved: () => this.props.list.load(),
            }),
        );
    }

    /** @override */
    async moveStage(method) {
        await this.orm.call("crm.stage", method, [[this.group.value]], {
            context: this.serviceContext,
        });
        await this.props.list.load();
    }
}

// On the base class, because any menu looks up the methods of all items, shown or not.
patch(GroupConfigMenu.prototype, {
    async takeStageOut() {
        const action = await this.orm.call("crm.stage", "action_take_out", [[this.group.value]], {
            context: this.serviceContext,
        });
        return action ? this.action.doAction(action) : this.props.list.load();
    },
});

registry.category("group_config_items").add(
    "bpo_crm_take_out",
    {
        label: _t("Take out of the service"),
        method: "takeStageOut",
        isVisible: ({permissions}) => Boolean(permissions.canTakeStageOut),
        class: "o_bpo_take_stage_out",
        icon: "fa-sign-out",
    },
    {sequence: 16},
);
