// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

/* What tours of boards and lists of deals point at, and what they do there. */

export const column = (name) => `.o_kanban_group:contains("${name}")`;
export const card = (name) => `.o_kanban_record:contains("${name}")`;
export const row = (name) => `.o_data_row:contains("${name}")`;

export function drop(name, stage) {
    return {
        content: `drop ${name} on ${stage}`,
        // not draggable yet while its last move is being dealt with
        trigger: `.o_draggable${card(name)}`,
        run: `drag_and_drop(${column(stage)})`,
    };
}

export function select(name) {
    return [
        {trigger: `${row(name)} .o_list_record_selector input`, run: "click"},
        {trigger: `${row(name)}.o_data_row_selected`},
    ];
}
