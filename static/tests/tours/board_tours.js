// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";

const column = (name) => `.o_kanban_group:has(.o_column_title:contains("${name}"))`;

/** Check the columns of the board, from left to right. */
function checkColumns(...names) {
    return {
        content: `columns are ${names.join(", ")}`,
        trigger: names
            .map(
                (name, index) => `.o_kanban_group:eq(${index}) .o_column_title:contains("${name}")`,
            )
            .at(-1),
        async run({queryAll, waitFor}) {
            const shown = () =>
                queryAll(".o_kanban_group .o_column_title").map((title) =>
                    title.textContent.replace(/\(\d+\)/, "").trim(),
                );
            await waitFor(`.o_kanban_group:eq(0) .o_column_title:contains("${names[0]}")`);
            if (JSON.stringify(shown()) !== JSON.stringify(names)) {
                throw new Error(`Columns are ${shown()}, not ${names}`);
            }
        },
    };
}

/** Choose an item of a column's menu. */
function chooseInMenu(name, item) {
    return [
        {
            content: `open the menu of ${name}`,
            trigger: `${column(name)} .o_kanban_header`,
            run: `hover && click ${column(name)} .o_group_config button`,
        },
        {
            content: `choose ${item}`,
            trigger: `.o-dropdown--group-config-menu .o-dropdown-item:contains("${item}")`,
            run: "click",
        },
    ];
}

/** Open the board of a pipeline from the list of pipelines. */
function openBoard(name) {
    return [
        {
            content: `open the board of ${name}`,
            trigger: `.o_bpo_pipeline_kanban .o_kanban_record:contains("${name}")`,
            run: "click",
        },
        {trigger: ".o_bpo_board .o_kanban_group"},
    ];
}

registry.category("web_tour.tours").add("bpo_crm_board_manager", {
    steps: () => [
        ...openBoard("Vehicles"),
        checkColumns("Inbox", "Contacted", "Offer", "Sold", "Gone"),
        {
            content: "New stage in the page header",
            trigger: ".o_control_panel .o_bpo_new_stage",
            run: "click",
        },
        {
            content: "its pipeline is filled in",
            trigger: ".modal .o_field_widget[name=pipeline_id] input:value('Vehicles')",
        },
        {trigger: ".modal .o_field_widget[name=name] input", run: "edit Proposal"},
        {trigger: ".modal .o_field_widget[name=color] button", run: "click"},
        {trigger: ".modal .o_colorlist_item_color_4", run: "click"},
        {trigger: ".modal .o_form_button_save", run: "click"},
        {
            content: "the column has the chosen colour",
            trigger: `${column("Proposal")}.o_bpo_stage_color_4`,
        },
        checkColumns("Inbox", "Contacted", "Offer", "Proposal", "Sold", "Gone"),
        ...chooseInMenu("Proposal", "Move left"),
        {trigger: `.o_kanban_group:eq(2):has(.o_column_title:contains("Proposal"))`},
        checkColumns("Inbox", "Contacted", "Proposal", "Offer", "Sold", "Gone"),
        ...chooseInMenu("Inbox", "Move right"),
        {trigger: `.o_kanban_group:eq(1):has(.o_column_title:contains("Inbox"))`},
        checkColumns("Contacted", "Inbox", "Proposal", "Offer", "Sold", "Gone"),
        ...chooseInMenu("Offer", "New stage"),
        {trigger: ".modal .o_field_widget[name=name] input", run: "edit Approval"},
        {trigger: ".modal .o_form_button_save", run: "click"},
        {trigger: column("Approval")},
        checkColumns("Contacted", "Inbox", "Proposal", "Offer", "Approval", "Sold", "Gone"),
        ...chooseInMenu("Approval", "Edit"),
        {trigger: ".modal .o_field_widget[name=name] input", run: "edit Agreed"},
        {trigger: ".modal .o_form_button_save", run: "click"},
        {trigger: column("Agreed")},
        ...chooseInMenu("Agreed", "Delete"),
        {
            content: "an empty stage is deleted after a question",
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {trigger: `.o_kanban_renderer:not(:has(.o_column_title:contains("Agreed")))`},
        ...chooseInMenu("Inbox", "Delete"),
        {
            content: "a stage that is in use opens Move and archive",
            trigger: ".modal .o_field_widget[name=usage]:contains('2 records')",
        },
        {trigger: ".modal .o_field_widget[name=target_stage_id] input", run: "click"},
        {trigger: ".o-autocomplete--dropdown-item:contains('Proposal')", run: "click"},
        {trigger: ".modal button[name=action_move_and_archive]", run: "click"},
        {trigger: `.o_kanban_renderer:not(:has(.o_column_title:contains("Inbox")))`},
        {
            content: "the deals are in the target",
            trigger: `${column("Proposal")} .o_kanban_record:contains("First deal")`,
        },
        ...chooseInMenu("Contacted", "Create deal"),
        {
            content: "pipeline and stage are filled in",
            trigger: ".o_form_view .o_field_widget[name=pipeline_id] input:value('Vehicles')",
        },
        {trigger: ".o_inner_group .o_field_widget[name=stage_id] input:value('Contacted')"},
        {trigger: ".o_field_widget[name=name] textarea", run: "edit Made from the column"},
        {trigger: ".o_form_button_save", run: "click"},
        {trigger: ".o_form_saved"},
        {trigger: ".o_back_button", run: "click"},
        {trigger: `${column("Contacted")} .o_kanban_record:contains("Made from the column")`},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_board_drag", {
    steps: () => [
        ...openBoard("Vehicles"),
        {
            content: "drag a card",
            trigger: `${column("Inbox")} .o_kanban_record:contains("First deal")`,
            run: "drag_and_drop .o_bpo_board .o_kanban_group:eq(1) .o_column_title",
        },
        {trigger: `${column("Contacted")} .o_kanban_record:contains("First deal")`},
        {
            content: "drag a column",
            trigger: `${column("Offer")} .o_column_title`,
            run: `drag_and_drop ${column("Inbox")}`,
        },
        {trigger: `.o_kanban_group:eq(0):has(.o_column_title:contains("Offer"))`},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_board_agent", {
    steps: () => [
        ...openBoard("Vehicles"),
        checkColumns("Inbox", "Contacted", "Offer", "Sold", "Gone"),
        {
            content: "no New stage in the page header, no column to type in",
            trigger: `.o_action_manager:not(:has(.o_bpo_new_stage)):not(:has(.o_column_quick_create))`,
        },
        {
            content: "open the menu of a column",
            trigger: `${column("Inbox")} .o_kanban_header`,
            run: `hover && click ${column("Inbox")} .o_group_config button`,
        },
        {
            content: "it holds nothing about stages",
            trigger: ".o-dropdown--group-config-menu .o_bpo_create_deal",
            run({queryAll}) {
                const items = queryAll(".o-dropdown--group-config-menu .o-dropdown-item").map(
                    (item) => item.textContent.trim(),
                );
                if (JSON.stringify(items) !== JSON.stringify(["Fold", "Create deal"])) {
                    throw new Error(`An agent is offered ${items}`);
                }
            },
        },
        {trigger: ".o_bpo_create_deal", run: "click"},
        {trigger: ".o_inner_group .o_field_widget[name=stage_id] input", run: "click"},
        {
            content: "the stages of the pipeline, and no way to create one",
            trigger: ".o-autocomplete--dropdown-item:contains('Contacted')",
            run({queryAll}) {
                const items = queryAll(".o-autocomplete--dropdown-item").map((item) =>
                    item.textContent.trim(),
                );
                if (items.some((item) => item.startsWith("Create") || item === "New")) {
                    throw new Error(`An agent is offered ${items}`);
                }
            },
        },
        {trigger: ".o_form_button_cancel", run: "click"},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_deal_form", {
    steps: () => [
        ...openBoard("Vehicles"),
        {trigger: `.o_kanban_record:contains("First deal")`, run: "click"},
        {
            content: "the status bar shows the stages of the pipeline, the present one coloured",
            trigger: ".o_statusbar_status button[data-stage-color]:contains('Inbox')",
        },
        {trigger: ".o_statusbar_status:not(:contains('Received'))"},
        {trigger: ".o_inner_group .o_field_widget[name=stage_id] input", run: "click"},
        {
            content: "create a stage from the dropdown",
            trigger: ".o-autocomplete--dropdown-item:contains('Create new stage')",
            run: "click",
        },
        {
            content: "the deal's pipeline is filled in",
            trigger: ".modal .o_field_widget[name=pipeline_id] input:value('Vehicles')",
        },
        {trigger: ".modal .o_field_widget[name=name] input", run: "edit Test drive"},
        {trigger: ".modal .o_form_button_save", run: "click"},
        {trigger: ".o_inner_group .o_field_widget[name=stage_id] input:value('Test drive')"},
        {trigger: ".o_form_button_save", run: "click"},
        {trigger: ".o_statusbar_status button.o_arrow_button_current:contains('Test drive')"},
        {
            content: "another pipeline brings its own stages",
            trigger: ".o_inner_group .o_field_widget[name=pipeline_id] input",
            run: "edit Fleet",
        },
        {trigger: ".o-autocomplete--dropdown-item:contains('Fleet')", run: "click"},
        {trigger: ".o_inner_group .o_field_widget[name=stage_id] input:value('New')"},
        {trigger: ".o_form_button_save", run: "click"},
        {trigger: ".o_statusbar_status button.o_arrow_button_current:contains('New')"},
        {trigger: ".o_statusbar_status:not(:contains('Test drive'))"},
        {trigger: ".o_form_saved"},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_board_choice", {
    steps: () => [
        {
            content: "a search that names no pipeline shows one, and tells of the others",
            trigger: ".o_bpo_pipeline_choice:contains('This board shows Vehicles')",
        },
        checkColumns("Inbox", "Contacted", "Offer", "Sold", "Gone"),
        {
            content: "choose the other one",
            trigger: ".o_bpo_pipeline_choice button:contains('Fleet (1)')",
            run: "click",
        },
        {trigger: ".o_searchview_facet:contains('Fleet')"},
        {trigger: ".o_kanban_record:contains('Third deal')"},
        checkColumns("New", "Won", "Lost"),
        {trigger: ".o_action_manager:not(:has(.o_bpo_pipeline_choice))"},
        {
            content: "without the filter the first one is back",
            trigger: ".o_searchview_facet:contains('Fleet') .o_facet_remove",
            run: "click",
        },
        {trigger: ".o_bpo_pipeline_choice:contains('This board shows Vehicles')"},
        checkColumns("Inbox", "Contacted", "Offer", "Sold", "Gone"),
    ],
});
