// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

/* global axe */

import {card, drop} from "@bpo_crm/../tests/tours/board_steps";
import {loadJS} from "@web/core/assets";
import {registry} from "@web/core/registry";

/** Widgets of stock within our screens: axe-core names them, ours to mend they are not. */
const STOCK = [
    ".o_field_many2one_avatar_user",
    ".o-mail-ActivityButton",
    ".o_optional_columns_dropdown",
    ".o_list_renderer .o-checkbox",
    ".o_field_widget[name=color]",
].map((selector) => [selector]);
/** The inside of a dialog: the frame, which has no name for screen readers, is stock's. */
const DIALOG = ".modal .modal-content";

/** All that is serious, of all screens: one run says everything. */
const found = [];

/** Let axe-core look at a part of the page. */
function check(selector) {
    return {
        content: `axe-core looks at ${selector}`,
        trigger: selector,
        async run() {
            const {passes, violations} = await axe.run(
                {include: [[selector]], exclude: STOCK},
                {resultTypes: ["violations"]},
            );
            if (!passes.length) {
                found.push(`${selector}: nothing was looked at`);
            }
            for (const {id, impact, nodes} of violations) {
                if (["serious", "critical"].includes(impact)) {
                    found.push(
                        ...nodes.map(({failureSummary, html}) =>
                            [`${selector}: ${id}`, html.slice(0, 200), failureSummary].join("\n"),
                        ),
                    );
                }
            }
        },
    };
}

/** Open an action without the way through the menus, which is stock's. */
function open(action, options = {}) {
    return {
        content: `open ${action}`,
        trigger: "body",
        run() {
            odoo.__WOWL_DEBUG__.root.env.services.action.doAction(action, options);
        },
    };
}

const DISCARD = {trigger: ".modal button:contains(Discard)", run: "click"};
const NO_DIALOG = {trigger: "body:not(:has(.modal))"};

registry.category("web_tour.tours").add("bpo_crm_accessibility", {
    steps: () => [
        {
            trigger: `.o_bpo_pipeline_kanban .o_kanban_record:contains("Vehicles")`,
            async run({click}) {
                await loadJS("/bpo_crm/tests/axe.min.js");
                await click();
            },
        },
        {trigger: `.o_bpo_board ${card("Won 3")}`},
        check(".o_bpo_first_steps"),
        check(".o_bpo_board .o_kanban_header"),
        check(".o_bpo_board .o_kanban_record"),
        drop("To lose", "Gone"),
        {trigger: ".modal .o_bpo_lost_reasons"},
        check(DIALOG),
        DISCARD,
        NO_DIALOG,
        // from the form: the board is read anew when the dialog was left
        {trigger: card("Not ready"), run: "click"},
        {trigger: ".o_form_view button[name=action_set_won_rainbowman]", run: "click"},
        {trigger: ".modal .o_bpo_fill_in_problems"},
        check(DIALOG),
        DISCARD,
        NO_DIALOG,
        open("crm.crm_stage_action"),
        {trigger: ".o_list_view .o_group_header"},
        check(".o_list_renderer"),
        open("bpo_crm.bpo_deal_report_action_funnel"),
        {trigger: ".o_bpo_funnel"},
        check(".o_bpo_funnel"),
        open("bpo_crm.bpo_deal_report_action_dashboard"),
        {trigger: ".o_bpo_dashboard"},
        check(".o_bpo_dashboard"),
        open("crm.crm_stage_action", {
            viewType: "form",
            additionalContext: {default_stage_type: "service"},
        }),
        {trigger: ".o_form_view .o_bpo_icon_button", run: "click"},
        {trigger: ".o_bpo_icon_picker [role=option]"},
        check(".o_bpo_icon_picker"),
        {
            content: "nothing serious anywhere",
            trigger: "body",
            run() {
                if (found.length) {
                    throw new Error(found.join("\n"));
                }
            },
        },
    ],
});
