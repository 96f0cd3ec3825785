// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {fillInAndMove} from "@bpo_crm/fill_in/fill_in_dialog";
import {onMounted} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {formView} from "@web/views/form/form_view";

/**
 * Mark as Lost gives way where lost stages ask for more than the reason: one dialog then asks for
 * all of it, the reason included.
 */
export class LostFormController extends formView.Controller {
    setup() {
        super.setup();
        onMounted(() => this.model.root.data.entry_gaps && this.askForAll());
    }

    async askForAll() {
        await Promise.resolve(); // until the action service knows the dialog that it has opened
        const {action, dialog} = this.env.services; // not those that end with this dialog
        const gaps = this.model.root.data.entry_gaps;
        await this.env.dialogData.close({special: true});
        if (await fillInAndMove(dialog, gaps)) {
            await action.doAction("soft_reload");
        }
    }
}

registry.category("views").add("bpo_lost_form", {...formView, Controller: LostFormController});
