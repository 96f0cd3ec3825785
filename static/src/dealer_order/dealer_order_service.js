// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {registry} from "@web/core/registry";

/** Triggered on the bus of the client, with the ids of the records that changed, by model. */
export const DEALER_ORDER_EVENT = "BPO-CRM:DEALER-ORDER";

/**
 * Tell the agent what became of the orders of their won leads, and let open screens know.
 *
 * The message comes from the scheduled action that talks with the dealers:
 * `{records: {model: ids}, type, message}`.
 */
export const dealerOrderService = {
    dependencies: ["bus_service", "notification"],

    start(env, {bus_service: bus, notification}) {
        bus.subscribe("bpo_crm.dealer_order", ({records, type, message}) => {
            // What somebody has to act on stays until it is closed
            notification.add(message, {type, sticky: type === "danger"});
            env.bus.trigger(DEALER_ORDER_EVENT, records);
        });
        bus.start();
    },
};

registry.category("services").add("bpo_crm.dealer_order", dealerOrderService);
