// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {browser} from "@web/core/browser/browser";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/** Triggered on the bus of the client, with the ids of the deals that are back where they were. */
export const DEALS_UNDONE_EVENT = "BPO-CRM:DEALS-UNDONE";

/** The keys for the latest offer. */
export const UNDO_HOTKEY = "alt+z";

/**
 * Offer to take back what the user has won or lost a moment ago, whichever way it was moved.
 *
 * The message comes with the move: `{id, lead_ids, message, seconds, has_orders}`. Whether it can
 * still be taken back is the server's to say.
 */
export const undoService = {
    dependencies: ["bus_service", "command", "notification", "orm"],

    start(env, {bus_service: bus, command, notification, orm}) {
        /** What is offered at present: by id, what takes the offer back without a word. */
        const offers = new Map();

        async function undo({id, lead_ids: leadIds}) {
            await orm.call("bpo.undo", "action_undo", [id]);
            notification.add(_t("Taken back."), {type: "success"});
            env.bus.trigger(DEALS_UNDONE_EVENT, leadIds);
        }

        /** Let the orders go out: nobody has to notice if that fails, they go by themselves. */
        function end({id, has_orders: hasOrders}) {
            if (hasOrders) {
                orm.silent.call("bpo.undo", "action_end", [id]).catch(() => {});
            }
        }

        function offer(closed) {
            const delay = closed.seconds * 1000;
            const withdraw = () => {
                offers.delete(closed.id);
                close();
            };
            const undoOnce = () => {
                if (offers.has(closed.id)) {
                    withdraw();
                    return undo(closed);
                }
            };
            offers.set(closed.id, withdraw);
            const removeCommand = command.add(_t("Undo: %s", closed.message), undoOnce, {
                global: true,
                hotkey: UNDO_HOTKEY,
                // the search bar of a board has the focus from the beginning
                hotkeyOptions: {bypassEditableProtection: true},
            });
            const close = notification.add(closed.message, {
                type: "info",
                className: "o_bpo_undo",
                autocloseDelay: delay,
                buttons: [{name: _t("Undo"), icon: "fa-undo", onClick: undoOnce}],
                onClose: () => {
                    browser.clearTimeout(timeout);
                    removeCommand();
                    if (offers.delete(closed.id)) {
                        end(closed);
                    }
                },
            });
            // The notice itself begins anew when the mouse was over it, and would promise too much
            const timeout = browser.setTimeout(close, delay);
        }

        bus.subscribe("bpo_crm.undo", offer);
        // undone or closed in another window
        bus.subscribe("bpo_crm.undo_end", ({id}) => offers.get(id)?.());
        bus.start();
        return {offer};
    },
};

registry.category("services").add("bpo_crm.undo", undoService);
