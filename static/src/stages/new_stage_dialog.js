// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {FormViewDialog} from "@web/views/view_dialogs/form_view_dialog";

/**
 * Ask for the name and colour of a new stage.
 *
 * @param {Object} dialog the dialog service
 * @param {Object} params
 * @param {Object} params.context what the new stage is for, and the form that asks
 * @param {() => Promise} params.onSaved
 * @returns {() => void} closes the dialog
 */
export function openNewStageDialog(dialog, {context, onSaved}) {
    return dialog.add(FormViewDialog, {
        resModel: "crm.stage",
        title: _t("New stage"),
        size: "md",
        canExpand: false,
        context,
        onRecordSaved: onSaved,
    });
}
