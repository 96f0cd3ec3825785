// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {card, column, drop, row, select} from "@bpo_crm/../tests/tours/board_steps";
import {registry} from "@web/core/registry";

const DIALOG = ".modal:contains(Mark as Lost) .o_bpo_lost_reasons";
const NO_DIALOG = "body:not(:has(.modal))";

function cancelBy(what) {
    return [{trigger: DIALOG}, {trigger: what, run: "click"}, {trigger: NO_DIALOG}];
}

function confirmWith(code) {
    return [
        {trigger: `${DIALOG} label:contains("${code}") input`, run: "click"},
        {trigger: `${DIALOG} label.border-primary:contains("${code}")`},
        {trigger: ".modal button[name=action_lost_reason_apply]", run: "click"},
        {trigger: NO_DIALOG},
    ];
}

const BOARD_READY = {trigger: `${column("Start")} ${card("Tour car")}`};

registry.category("web_tour.tours").add("bpo_crm_lost_board", {
    steps: () => [
        BOARD_READY,
        {trigger: `${column("Gone")}.o_column_folded`},
        drop("Tour car 1", "Gone"),
        ...cancelBy(".modal .btn-close"),
        {trigger: `${column("Start")} ${card("Tour car 1")}`},
        drop("Tour car 1", "Gone"),
        ...confirmWith("TOUR_PRICE"),
        {content: "counted in the folded column", trigger: `${column("Gone (1)")}.o_column_folded`},
        {trigger: `${column("Start")}:not(:has(${card("Tour car 1")}))`},
        {trigger: `${column("Gone")} .o_column_title`, run: "click"},
        {trigger: `${column("Gone")}:not(.o_column_folded) ${card("Tour car 1")}`},
        drop("Tour car 2", "Gone"),
        ...cancelBy(".modal button:contains(Discard)"),
        {trigger: `${column("Start")} ${card("Tour car 2")}`},
        drop("Tour car 2", "Gone"),
        ...confirmWith("TOUR_PRICE"),
        {trigger: `${column("Gone")} ${card("Tour car 2")}`},
        {trigger: `${column("Start")}:not(:has(${card("Tour car 2")}))`},
        {content: "out of lost, nothing is asked", ...drop("Tour car 2", "Middle")},
        {trigger: `${column("Middle")} ${card("Tour car 2")}`},
        {trigger: NO_DIALOG},
    ],
});

function chooseInStatusBar(stage) {
    return [
        {
            content: "folded stages are behind the dots",
            trigger: ".o_statusbar_status button.dropdown-toggle:visible",
            run: "click",
        },
        {trigger: `.o-dropdown--menu .dropdown-item:contains("${stage}")`, run: "click"},
    ];
}

registry.category("web_tour.tours").add("bpo_crm_lost_form", {
    steps: () => [
        BOARD_READY,
        {trigger: card("Tour car 1"), run: "click"},
        {trigger: ".o_form_view .o_statusbar_buttons button:contains(Mark Lost)", run: "click"},
        ...cancelBy(".modal button:contains(Discard)"),
        {trigger: ".o_statusbar_status .o_arrow_button_current:contains(Start)"},
        ...chooseInStatusBar("Gone"),
        ...cancelBy(".modal .btn-close"),
        {trigger: ".o_statusbar_status .o_arrow_button_current:contains(Start)"},
        ...chooseInStatusBar("Gone"),
        {trigger: `${DIALOG} label:contains(TOUR_ELSE) input`, run: "click"},
        {trigger: ".modal span:contains(This reason needs a note)"},
        {trigger: ".modal button[name=action_lost_reason_apply]", run: "click"},
        {trigger: ".modal .o_field_invalid[name=lost_note]"},
        {trigger: ".modal [name=lost_note] textarea", run: "edit Inherited one"},
        {trigger: ".modal button[name=action_lost_reason_apply]", run: "click"},
        {trigger: NO_DIALOG},
        {trigger: ".o_statusbar_status .o_arrow_button_current:contains(Gone)"},
        {
            trigger:
                ".o_form_view [name=lost_note]:contains(Inherited one), [name=lost_note] textarea",
        },
        {trigger: ".o_statusbar_buttons button[name=action_restore]", run: "click"},
        {trigger: ".o_statusbar_status .o_arrow_button_current:contains(Start)"},
        {trigger: ".o_form_view .o_statusbar_buttons button:contains(Mark Lost)", run: "click"},
        ...confirmWith("TOUR_PRICE"),
        {trigger: ".o_statusbar_status .o_arrow_button_current:contains(Gone)"},
    ],
});

function chooseInRow(name, stage) {
    return [
        {trigger: `${row(name)} td[name=stage_id]`, run: "click"},
        {trigger: `${row(name)} td[name=stage_id] input`, run: "click"},
        {trigger: `.o-autocomplete--dropdown-item:contains("${stage}")`, run: "click"},
    ];
}

registry.category("web_tour.tours").add("bpo_crm_lost_list", {
    steps: () => [
        BOARD_READY,
        {trigger: ".o_switch_view.o_list", run: "click"},
        {trigger: row("Tour car 1")},
        ...select("Tour car 1"),
        ...select("Tour car 2"),
        ...chooseInRow("Tour car 1", "Gone"),
        ...cancelBy(".modal .btn-close"),
        {trigger: `${row("Tour car 1")} td[name=stage_id]:contains(Start)`},
        ...chooseInRow("Tour car 1", "Gone"),
        ...confirmWith("TOUR_PRICE"),
        {trigger: `${row("Tour car 1")} td[name=stage_id]:contains(Gone)`},
        {trigger: `${row("Tour car 2")} td[name=stage_id]:contains(Gone)`},
        ...select("Tour car 3"),
        ...select("Tour car 4"),
        {trigger: ".o_control_panel button:contains(Mark Lost)", run: "click"},
        ...cancelBy(".modal button:contains(Discard)"),
        {trigger: `${row("Tour car 3")} td[name=stage_id]:contains(Start)`},
        // lists are loaded anew when the dialog of a button closes
        ...select("Tour car 3"),
        ...select("Tour car 4"),
        {trigger: ".o_control_panel button:contains(Mark Lost)", run: "click"},
        {trigger: ".modal:contains(Tour car 4)"},
        ...confirmWith("TOUR_PRICE"),
        {trigger: `${row("Tour car 3")} td[name=stage_id]:contains(Gone)`},
        {trigger: `${row("Tour car 4")} td[name=stage_id]:contains(Gone)`},
    ],
});
