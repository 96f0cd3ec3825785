// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";

const row = (name) => `.o_data_row:has(td[name=name]:contains("${name}"))`;
const inNewRow = (field) => `.o_selected_row .o_field_widget[name=${field}]`;

registry.category("web_tour.tours").add("bpo_crm_stage_list", {
    steps: () => [
        {
            content: "both types, grouped by pipeline",
            trigger: `.o_group_header:contains("Vehicles")`,
        },
        {
            content: "New adds a row",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {trigger: `${inNewRow("name")} input`, run: "edit Typed by hand"},
        {trigger: `.o_list_button_save`, run: "click"},
        {trigger: `${row("Typed by hand")}:not(.o_selected_row)`},
        {
            content: "click a cell to edit it",
            trigger: `${row("Typed by hand")} td[name=name]`,
            run: "click",
        },
        {trigger: `${inNewRow("name")} input`, run: "edit Typed again"},
        {trigger: `${inNewRow("fold")} input`, run: "click"},
        {trigger: `.o_list_button_save`, run: "click"},
        {trigger: `${row("Typed again")}:not(.o_selected_row) td[name=fold] input:checked`},
        {
            content: "clearing the won flag is warned of",
            trigger: `${row("Sold")} td[name=name]`,
            run: "click",
        },
        {trigger: `${inNewRow("is_won")} input`, run: "click"},
        {trigger: `.o_list_button_save`, run: "click"},
        {trigger: `.o_bpo_stage_warnings:contains("Vehicles: No Won stage in the pipeline")`},
        {
            content: "what the installation decided can be dismissed",
            trigger: `.o_bpo_adoption_notes:contains("A stage was renamed") .o_bpo_dismiss`,
            run: "click",
        },
        {trigger: `.o_action_manager:not(:has(.o_bpo_adoption_notes))`},
        {
            content: "archiving a stage in use is refused, and the way out offered",
            trigger: `${row("Inbox")} .o_list_record_selector input`,
            run: "click",
        },
        {trigger: ".o_cp_action_menus button:contains('Actions')", run: "click"},
        {trigger: ".o-dropdown-item:contains('Archive')", run: "click"},
        {trigger: ".modal-footer .btn-primary", run: "click"},
        {trigger: ".o_bpo_stage_in_use:contains('2 records')"},
        {trigger: ".o_bpo_move_and_archive", run: "click"},
        {trigger: ".modal .o_field_widget[name=target_stage_id] input", run: "click"},
        {trigger: ".o-autocomplete--dropdown-item:contains('Contacted')", run: "click"},
        {trigger: ".modal button[name=action_move_and_archive]", run: "click"},
        {trigger: `.o_list_renderer:not(:has(td[name=name]:contains("Inbox")))`},
        {
            content: "a row opens in its form",
            trigger: `${row("Contacted")} .o_list_record_open_form_view button`,
            run: "click",
        },
        {trigger: ".o_form_view .o_field_widget[name=name] input:value('Contacted')"},
        {trigger: ".o_form_view .alert:contains('No Won stage')"},
    ],
});
