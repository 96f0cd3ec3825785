// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {rpc} from "@web/core/network/rpc";
import {registry} from "@web/core/registry";

const column = (name) => `.o_kanban_group:has(.o_column_title:contains("${name}"))`;
const notice = (text) => `.o_notification.o_bpo_undo:contains("${text}")`;

/** Bring what is on the user's channel: a browser under test has no websocket. */
const readMessages = {
    content: "the message of the move arrives",
    trigger: ".o_kanban_group",
    async run() {
        const {notifications} = await rpc("/websocket/peek_notifications", {
            channels: [],
            last: 1,
            is_first_poll: true,
        });
        const offers = notifications.filter(({message}) => message.type === "bpo_crm.undo");
        const service = odoo.__WOWL_DEBUG__.root.env.services["bpo_crm.undo"];
        service.offer(offers.at(-1).message.payload);
    },
};

registry.category("web_tour.tours").add("bpo_crm_undo", {
    steps: () => [
        {
            trigger: `.o_bpo_pipeline_kanban .o_kanban_record:contains("Vehicles")`,
            run: "click",
        },
        {
            content: "a card is dropped on Sold by mistake",
            trigger: `${column("Offer")} .o_kanban_record:contains("First deal")`,
            run: "drag_and_drop .o_bpo_board .o_kanban_group:eq(2) .o_column_title",
        },
        {trigger: `${column("Sold")} .o_kanban_record:contains("First deal")`},
        readMessages,
        {
            content: "the notice says what is about to happen",
            trigger: notice("Won: First deal. The order goes to Northside Motors in 300 seconds."),
        },
        {trigger: `${notice("First deal")} button:contains("Undo")`, run: "click"},
        {
            content: "the card is back in its column",
            trigger: `${column("Offer")} .o_kanban_record:contains("First deal")`,
        },
        {trigger: `${column("Sold")}:not(:has(.o_kanban_record))`},
        {
            content: "another one is dropped on Gone by mistake",
            trigger: `${column("Inbox")} .o_kanban_record:contains("Second deal")`,
            run: "drag_and_drop .o_bpo_board .o_kanban_group:eq(3) .o_column_title",
        },
        {
            trigger: ".modal .o_bpo_lost_reasons label:contains('Too dear, tour') input",
            run: "click",
        },
        {trigger: ".modal button[name=action_lost_reason_apply]", run: "click"},
        {trigger: `${column("Gone")} .o_kanban_record:contains("Second deal")`},
        readMessages,
        {trigger: notice("Lost: Second deal.")},
        {trigger: `${notice("Second deal")} button:contains("Undo")`, run: "click"},
        {trigger: `${column("Inbox")} .o_kanban_record:contains("Second deal")`},
    ],
});
