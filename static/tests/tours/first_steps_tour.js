// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";

const panel = ".o_bpo_first_steps";
const step = (name) => `${panel} button[data-step=${name}]`;
const openBoard = [
    {trigger: `.o_bpo_pipeline_kanban .o_kanban_record:contains("Vehicles")`, run: "click"},
    {trigger: `.o_bpo_board ${panel}`},
];
const goBack = {trigger: ".o_back_button", run: "click"};

registry.category("web_tour.tours").add("bpo_crm_first_steps", {
    steps: () => [
        ...openBoard,
        {trigger: `${panel}:contains("1 of 5 done")`},
        {trigger: `${step("dealership")} [aria-label=Done]`},
        {
            content: "the first one that is not done opens its screen",
            trigger: `${panel} .o_bpo_next_step [data-step=pipeline]`,
            run: "click",
        },
        {trigger: `.o_data_row td:contains("Vehicles")`, run: "click"},
        {trigger: ".o_form_view .o_field_widget[name=push_orders] input", run: "check"},
        {trigger: ".o_form_button_save:enabled", run: "click"},
        {trigger: ".o_form_saved"},
        {
            trigger: ".o_menu_sections [data-menu-xmlid='bpo_crm.menu_bpo_pipeline']",
            run: "click",
        },
        ...openBoard,
        {
            content: "what was done is ticked by itself, on stages that the pipeline has already",
            trigger: `${panel}:contains("3 of 5 done")`,
        },
        {trigger: `${panel} .o_bpo_next_step [data-step=connection]`, run: "click"},
        {trigger: ".o_form_view button[name=action_test_connection]"},
        {...goBack},
        {trigger: `${step("stages")}`, run: "click"},
        {trigger: ".o_list_view .o_group_header"},
        {...goBack},
        {trigger: step("order"), run: "click"},
        {trigger: ".o_form_view .o_field_widget[name=dealership_id]"},
        {...goBack},
        {content: "closed for good", trigger: `${panel} .btn-close`, run: "click"},
        {trigger: `.o_bpo_board:not(:has(${panel}))`},
    ],
});
