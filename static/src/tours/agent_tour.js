// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {markup} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

const BOARD = ".o_bpo_board .o_kanban_renderer";
const CARD = ".o_bpo_board:not(:has(.o_view_sample_data)) .o_kanban_group .o_kanban_record";
const DIALOG = ".modal .o_bpo_fill_in";
const DEALERSHIP = ".o_kanban_quick_create .o_field_widget[name=dealership_id] input";

/** Steps that people do as they see fit, and a test in one way. */
function justOnTest(...steps) {
    return steps.map((step) => ({...step, isActive: ["auto"]}));
}

/**
 * The way of a deal, for a new agent: from the board to the order. It needs a dealership, so that
 * nobody is led into it before there is one: see its record.
 */
registry.category("web_tour.tours").add("bpo_crm_agent", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            trigger: '.o_app[data-menu-xmlid="crm.crm_menu_root"]',
            content: markup(_t("Open the <b>board</b>: each column is a stage of your work.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        {trigger: BOARD},
        {
            trigger: ".o_bpo_board .o-kanban-button-new",
            content: markup(_t("<b>Create a deal</b> for somebody who calls.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_kanban_quick_create .o_field_widget[name=name] input",
            content: markup(_t("<b>What do they want?</b> A few words will do.")),
            tooltipPosition: "right",
            run: "edit A hatchback for a first customer",
        },
        {
            trigger: DEALERSHIP,
            content: markup(_t("<b>Choose the dealership</b> that is to get the order.")),
            tooltipPosition: "right",
            run: "click",
        },
        ...justOnTest(
            {trigger: DEALERSHIP, run: "edit Northside"},
            {trigger: ".o-autocomplete--dropdown-item:contains(Northside)", run: "click"},
            {trigger: `${DEALERSHIP}:value(Northside Motors)`},
            {
                trigger: ".o_kanban_quick_create .o_field_widget[name=email_from] input",
                run: "edit first.customer@example.com",
            },
        ),
        {
            trigger: ".o_kanban_quick_create .o_kanban_add",
            content: markup(_t("<b>Add it</b> to the board.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        {trigger: CARD},
        {
            trigger: CARD,
            content: markup(_t("<b>Drag it</b> to the next stage as the deal goes on.")),
            tooltipPosition: "right",
            run: "drag_and_drop(.o_bpo_board .o_kanban_group:eq(1))",
        },
        {trigger: ".o_bpo_board .o_kanban_group:eq(1) .o_draggable.o_kanban_record"},
        {
            trigger: CARD,
            content: markup(_t("<b>Open it</b>: all about the deal is there.")),
            tooltipPosition: "right",
            run: "click",
        },
        {
            trigger: ".o_lead_opportunity_form button[name=action_set_won_rainbowman]",
            content: markup(_t("They buy? <b>Mark it won</b>.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        ...justOnTest(
            {trigger: `${DIALOG} [name=line_ids] .o_field_x2many_list_row_add a`, run: "click"},
            {
                trigger: `${DIALOG} [name=line_ids] .o_selected_row [name=product_id] input`,
                run: "edit Hatchback of the tour",
            },
            {
                trigger: ".o-autocomplete--dropdown-item:contains(Hatchback of the tour)",
                run: "click",
            },
            {
                trigger: `${DIALOG} .o_field_widget[name=contact_name] input`,
                run: "edit First Customer",
            },
        ),
        {
            trigger: ".modal .o_bpo_fill_in_and_move",
            content: markup(
                _t("What the order needs and does not have is asked for here. <b>Fill it in</b>."),
            ),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger: "button[name=action_open_dealer_order]",
            content: markup(
                _t(
                    "The deal is won, and its <b>order</b> on its way: look at it. For practice only? Undo takes it back.",
                ),
            ),
            tooltipPosition: "bottom",
            run: "click",
        },
    ],
});
