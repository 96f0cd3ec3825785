// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {card, column, drop, row, select} from "@bpo_crm/../tests/tours/board_steps";
import {registry} from "@web/core/registry";

const input = (name) => `.modal .o_inner_group [name=${name}] input`;
const DIALOG = ".modal .o_bpo_fill_in";
const MOVE = {trigger: ".modal .o_bpo_fill_in_and_move", run: "click"};
const NO_DIALOG = {trigger: "body:not(:has(.modal))"};
const BOARD_READY = {trigger: `${column("Start")} ${card("Tour car")}`};

function chooseStage(name, stage) {
    return [
        {trigger: `${row(name)} td[name=stage_id]`, run: "click"},
        {trigger: `${row(name)} td[name=stage_id] input`, run: "click"},
        {trigger: `.o-autocomplete--dropdown-item:contains("${stage}")`, run: "click"},
        {trigger: ".modal button:contains(Update)", run: "click"},
        {trigger: DIALOG},
    ];
}

function editRow(name, field, value) {
    const cell = `.modal ${row(name)} td[name=${field}]`;
    return [
        {trigger: cell, run: "click"},
        {trigger: `${cell} input`, run: `edit ${value}`},
    ];
}

registry.category("web_tour.tours").add("bpo_crm_fill_in_batch", {
    steps: () => [
        BOARD_READY,
        {trigger: ".o_switch_view.o_list", run: "click"},
        ...["Tour car 1", "Tour car 2", "Tour car 3"].flatMap(select),
        ...chooseStage("Tour car 1", "Middle"),
        {trigger: ".modal-title:contains(3 records)"},
        {trigger: `${DIALOG} .o_bpo_fill_in_problems:contains(Contact Name is missing (3 of 3))`},
        {trigger: ".modal button:contains(Discard)", run: "click"},
        NO_DIALOG,
        {trigger: `${row("Tour car 1")} td[name=stage_id]:contains(Start)`},
        {content: "they are still selected", trigger: `${row("Tour car 3")}.o_data_row_selected`},
        ...chooseStage("Tour car 1", "Middle"),
        {trigger: input("contact_name"), run: "edit Carla"},
        {trigger: input("expected_revenue"), run: "edit 200"},
        ...editRow("Tour car 2", "contact_name", "Dora"),
        MOVE,
        NO_DIALOG,
        {trigger: `${row("Tour car 1")} td[name=stage_id]:contains(Middle)`},
        {trigger: `${row("Tour car 2")} td[name=stage_id]:contains(Middle)`},
        {trigger: `${row("Tour car 3")} td[name=stage_id]:contains(Middle)`},
        {trigger: `${row("Tour car 4")} td[name=stage_id]:contains(Start)`},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_fill_in_lost", {
    steps: () => [
        BOARD_READY,
        drop("Tour car 1", "Gone"),
        {trigger: `${DIALOG} .o_bpo_lost_reasons`},
        {trigger: ".modal button:contains(Discard)", run: "click"},
        NO_DIALOG,
        {trigger: `${column("Start")} ${card("Tour car 1")}`},
        drop("Tour car 1", "Gone"),
        {trigger: `${DIALOG} label:contains(TOUR_PRICE) input`, run: "click"},
        {trigger: ".modal [name=lost_note] textarea", run: "edit Bought a boat"},
        {trigger: input("contact_name"), run: "edit Carla"},
        MOVE,
        NO_DIALOG,
        {trigger: `${column("Start")}:not(:has(${card("Tour car 1")}))`},
        {content: "the button asks in the same dialog", trigger: card("Tour car 2"), run: "click"},
        {trigger: ".o_form_view .o_statusbar_buttons button:contains(Mark Lost)", run: "click"},
        {trigger: `${DIALOG} label:contains(TOUR_PRICE) input`, run: "click"},
        {trigger: input("contact_name"), run: "edit Dora"},
        MOVE,
        NO_DIALOG,
        {trigger: ".o_form_saved .o_statusbar_status .o_arrow_button_current:contains(Gone)"},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_fill_in_won", {
    steps: () => [
        BOARD_READY,
        {trigger: card("Tour car 1"), run: "click"},
        {trigger: ".o_form_view .o_statusbar_buttons button:contains(Mark Won)", run: "click"},
        {trigger: `${DIALOG} .o_bpo_fill_in_problems:contains(no dealership is chosen)`},
        {trigger: `${DIALOG} .o_bpo_fill_in_problems:contains(no units are entered)`},
        {trigger: `${DIALOG} .o_bpo_fill_in_problems:contains(Tags is missing)`},
        {trigger: input("dealership_id"), run: "edit Dealer of the tour"},
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Dealer of the tour)",
            run: "click",
        },
        {trigger: ".modal [name=line_ids] .o_field_x2many_list_row_add a", run: "click"},
        {
            trigger: ".modal [name=line_ids] .o_selected_row [name=product_id] input",
            run: "edit Hatchback of the tour",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Hatchback of the tour)",
            run: "click",
        },
        {
            content: "the price follows the product",
            trigger:
                '.modal [name=line_ids] .o_selected_row [name=price_unit] input:value("20,000.00")',
        },
        {trigger: input("contact_name"), run: "edit Carla"},
        {trigger: input("email_from"), run: "edit carla@example.com"},
        {
            content: "the tag is still missing: what was typed is kept",
            ...MOVE,
        },
        {trigger: `${DIALOG} .o_bpo_fill_in_problems:text(Tags is missing)`},
        {trigger: input("tag_ids"), run: "edit Trade-in of the tour"},
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Trade-in of the tour)",
            run: "click",
        },
        {trigger: ".modal [name=tag_ids] .o_tag:contains(Trade-in)"},
        MOVE,
        NO_DIALOG,
        {trigger: ".o_form_saved .o_statusbar_status .o_arrow_button_current:contains(Sold)"},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_fill_in_phone", {
    steps: () => [
        {trigger: ".o_statusbar_status button.dropdown-toggle", run: "click"},
        {trigger: '.o-dropdown--menu .dropdown-item:contains("Middle")', run: "click"},
        {trigger: DIALOG},
        {trigger: ".modal button:contains(Discard)", run: "click"},
        NO_DIALOG,
        {trigger: ".o_statusbar_status button.dropdown-toggle:contains(Start)", run: "click"},
        {trigger: '.o-dropdown--menu .dropdown-item:contains("Middle")', run: "click"},
        {trigger: input("contact_name"), run: "edit Carla"},
        {trigger: input("expected_revenue"), run: "edit 150"},
        MOVE,
        NO_DIALOG,
        {trigger: ".o_form_saved .o_statusbar_status button.dropdown-toggle:contains(Middle)"},
    ],
});

registry.category("web_tour.tours").add("bpo_crm_fill_in_service", {
    steps: () => [
        {trigger: "button[name=action_view_requests]", run: "click"},
        drop("Tour request 1", "Tour Ready"),
        {trigger: DIALOG},
        {trigger: ".modal button:contains(Discard)", run: "click"},
        NO_DIALOG,
        {trigger: `${column("Tour In")} ${card("Tour request 1")}`},
        drop("Tour request 1", "Tour Ready"),
        {trigger: `${DIALOG} .o_bpo_fill_in_problems:contains(Deadline is missing)`},
        {trigger: ".modal [name=deadline] input, .modal [name=deadline] button", run: "click"},
        {trigger: ".o_datetime_picker .o_date_item_cell:not(.o_out_of_range):eq(20)", run: "click"},
        MOVE,
        NO_DIALOG,
        {trigger: `${column("Tour Ready")} ${card("Tour request 1")}`},
        {trigger: card("Tour request 2"), run: "click"},
        {trigger: '.o_statusbar_status button:contains("Tour Ready")', run: "click"},
        {trigger: ".modal [name=deadline] input, .modal [name=deadline] button", run: "click"},
        {trigger: ".o_datetime_picker .o_date_item_cell:not(.o_out_of_range):eq(20)", run: "click"},
        MOVE,
        NO_DIALOG,
        {
            trigger:
                '.o_form_saved .o_statusbar_status .o_arrow_button_current:contains("Tour Ready")',
        },
    ],
});
