// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

const column = (name) => `.o_kanban_group:has(.o_column_title:contains("${name}"))`;
const card = (name) => `.o_kanban_record:contains("${name}")`;

/** Columns of the board, from left to right. */
function checkColumns(...names) {
    return {
        content: `The columns are ${names.join(", ")}`,
        trigger: names
            .map((name, index) => `.o_kanban_group:nth-child(${index + 1}):contains("${name}")`)
            .map((selector) => `.o_kanban_renderer:has(${selector})`)
            .join(""),
    };
}

function openColumnMenu(name) {
    return [
        {
            content: `Show the menu of ${name}`,
            trigger: `${column(name)} .o_kanban_header`,
            run: `hover && click ${column(name)} .o_group_config button`,
        },
    ];
}

function addStage(name, row) {
    return [
        {
            content: "Add a row",
            trigger: ".o_field_x2many_list_row_add a:contains('Add a stage')",
            run: "click",
        },
        {
            content: `Type ${name}`,
            trigger: `.o_data_row:nth-child(${row}).o_selected_row [name=stage_id] input`,
            run: `edit ${name}`,
        },
    ];
}

// A manager sets up a service, puts its workflow in order and works a request through it.
registry.category("web_tour.tours").add("bpo_crm_service_manager", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the app",
            trigger: ".o_app[data-menu-xmlid='crm.crm_menu_root']",
            run: "click",
        },
        {
            content: "Open the menu Services",
            trigger: "[data-menu-xmlid='bpo_crm.menu_bpo_services']",
            run: "click",
        },
        {
            content: "Open Services",
            trigger: ".dropdown-item[data-menu-xmlid='bpo_crm.menu_bpo_service']",
            run: "click",
        },
        {
            content: "Create a service",
            trigger: ".o_kanban_view .o-kanban-button-new",
            run: "click",
        },
        {
            content: "Name it",
            trigger: ".o_field_widget[name=name] input, .o_field_widget[name=name] textarea",
            run: "edit Tour Service",
        },
        ...addStage("Tour Started", 1),
        {
            content: "Create the stage",
            trigger: ".o-autocomplete--dropdown-item a:contains('Create \"Tour Started\"')",
            run: "click",
        },
        {
            content: "Choose an icon by eye",
            trigger: ".o_selected_row .o_bpo_icon_button",
            run: "click",
        },
        {
            content: "Search it",
            trigger: ".o_bpo_icon_picker input",
            run: "edit truck",
        },
        {
            content: "Take it",
            trigger: ".o_bpo_icon_picker [data-icon=fa-truck]",
            run: "click",
        },
        {
            trigger: ".o_selected_row .o_bpo_icon_button .fa-truck",
        },
        ...addStage("Tour Shared", 2),
        {
            content: "Attach a stage of another service",
            trigger: ".o-autocomplete--dropdown-item a:contains(/^Tour Shared$/)",
            run: "click",
        },
        {
            content: "It says who else uses it",
            trigger: ".o_selected_row [name=shared_with]:contains('Tour Other Service')",
        },
        ...stepUtils.saveForm(),
        {
            content: "Open the board",
            trigger: "button[name=action_view_requests]",
            run: "click",
        },
        checkColumns("Tour Started", "Tour Shared"),
        {
            trigger: `${column("Tour Started")} .o_column_title .fa-truck`,
        },
        {
            content: "Note down a request",
            trigger: ".o-kanban-button-new",
            run: "click",
        },
        {
            content: "Say what it is about",
            trigger: ".o_kanban_quick_create .o_field_widget[name=name] input",
            run: "edit Tour Request",
        },
        {
            content: "Add it",
            trigger: ".o_kanban_quick_create .o_kanban_add",
            run: "click",
        },
        {
            content: "It starts in the default stage; drag it on",
            trigger: `${column("Tour Started")} ${card("Tour Request")}`,
            run: `drag_and_drop(${column("Tour Shared")})`,
        },
        {
            content: "The stage has set the status",
            trigger: `${column("Tour Shared")} ${card("Tour Request")}:contains("On Hold")`,
        },
        ...openColumnMenu("Tour Started"),
        {
            content: "Move the stage to the right",
            trigger: ".o-dropdown--menu .o_bpo_move_right",
            run: "click",
        },
        checkColumns("Tour Shared", "Tour Started"),
        ...openColumnMenu("Tour Shared"),
        {
            content: "Take the shared stage out of the service",
            trigger: ".o-dropdown--menu .o_bpo_take_stage_out",
            run: "click",
        },
        {
            content: "A request is in it: say where it goes",
            trigger: ".modal .o_field_widget[name=target_stage_id] input",
            run: "click",
        },
        {
            content: "To the other stage",
            trigger: ".o-autocomplete--dropdown-item a:contains('Tour Started')",
            run: "click",
        },
        {
            content: "Move and take out",
            trigger: ".modal button:contains('Move and take out')",
            run: "click",
        },
        {
            content: "The request was moved",
            trigger: `.o_kanban_renderer:not(:has(${column("Tour Shared")})) ${card("Tour Request")}`,
            run: "click",
        },
        {
            content: "Complete it, whatever its stage",
            trigger: ".o_form_view button[name=action_complete]",
            run: "click",
        },
        {
            trigger: ".ribbon:contains('Completed')",
        },
        {
            content: "Back to the board",
            trigger:
                ".o_back_button a, .breadcrumb-item.o_back_button a, .o_breadcrumb .o_back_button",
            run: "click",
        },
        {
            content: "Completed requests are not in the way",
            trigger: `.o_kanban_renderer:not(:has(${card("Tour Request")})):has(.o_kanban_group)`,
        },
        {
            content: "Open the filters",
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            content: "Choose Completed",
            trigger: ".o_filter_menu .o_menu_item:contains('Completed')",
            run: "click",
        },
        {
            content: "They are one filter away",
            trigger: card("Tour Request"),
        },
    ],
});

// An agent claims a request and moves it along from its form.
registry.category("web_tour.tours").add("bpo_crm_service_agent", {
    url: "/odoo/action-bpo_crm.bpo_service_request_action",
    steps: () => [
        {
            content: "All services: columns are what they have in common, the status",
            trigger:
                ".o_kanban_renderer:has(.o_kanban_group:contains('Pending')):has(.o_kanban_group:contains('On Hold'))",
        },
        {
            content: "Requests of other agents are not shown",
            trigger: ".o_kanban_renderer:not(:contains('Tour of another agent'))",
        },
        {
            content: "Choose a service at the side",
            trigger: ".o_search_panel_category_value header:contains('Tour Other Service')",
            run: "click",
        },
        {
            content: "Open an unclaimed request",
            trigger: card("Tour Unclaimed"),
            run: "click",
        },
        {
            content: "Claim it",
            trigger: "button[name=action_claim]",
            run: "click",
        },
        {
            trigger: ".o_form_view:not(:has(button[name=action_claim]))",
        },
        {
            content: "Only the stages of its service are offered",
            trigger:
                ".o_statusbar_status:not(:has(button:contains('Tour Foreign'))) button:contains('Tour Shared'):not(.o_arrow_button_current)",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains('Tour Shared')",
        },
        {
            content: "The stage has set the status",
            trigger: ".o_form_view button[name=action_start]",
            run: "click",
        },
        {
            content: "The status moves no stage",
            trigger:
                ".o_form_view:not(:has(button[name=action_start])) .o_arrow_button_current:contains('Tour Shared')",
        },
    ],
});
