// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {FormViewDialog} from "@web/views/view_dialogs/form_view_dialog";

/**
 * Ask for the name and colour of a new stage, which goes behind the open ones of its pipeline.
 *
 * @param {Object} dialog the dialog service
 * @param {Object} params
 * @param {number | false} params.pipelineId
 * @param {() => Promise} params.onSaved
 * @returns {() => void} closes the dialog
 */
export function openNewStageDialog(dialog, {pipelineId, onSaved}) {
    return dialog.add(FormViewDialog, {
        resModel: "crm.stage",
        title: _t("New stage"),
        size: "md",
        canExpand: false,
        context: {
            default_pipeline_id: pipelineId,
            default_stage_type: "deal",
            bpo_crm_before_closing: true,
            form_view_ref: "bpo_crm.crm_stage_view_form_board",
        },
        onRecordSaved: onSaved,
    });
}
