// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {isX2Many} from "@web/views/utils";
import {x2ManyCommands} from "@web/core/orm_service";
import {ROWS} from "./parts";

/**
 * Return what the server is to write and to move.
 *
 * @param {import("./gaps").Gaps} gaps
 * @param {Object} fields descriptions of the fields of the records
 * @param {Object} typed
 * @param {number | false} typed.resId the one record that lacks something, or several
 * @param {Object} typed.form changes of that record, or values for all that lack them
 * @param {Object[]} typed.rows changes of single records, by commands
 * @param {Object} typed.values what was edited before, where the move was asked for
 * @returns {{id: number, stage_id: number, values: Object}[]}
 */
export function makeMoves({records}, fields, {resId, form, rows, values}) {
    const shared = resId ? {} : form;
    const own = new Map(
        rows.filter(([code]) => code === x2ManyCommands.UPDATE).map(([, id, row]) => [id, row]),
    );
    if (resId) {
        own.set(resId, form);
    }
    return records.map((record) => ({
        id: record.id,
        stage_id: record.stage_id,
        values: mergeValues(fields, values, {
            ...pickMissing(shared, record.fields),
            ...own.get(record.id),
        }),
    }));
}

/** Return the values that were typed once for all, of the fields that a record lacks. */
function pickMissing(shared, names) {
    return Object.fromEntries(
        names.filter((name) => isGiven(shared[name])).map((name) => [name, shared[name]]),
    );
}

function isGiven(value) {
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** Lines that were edited before stay; those that were typed in the dialog are added. */
function mergeValues(fields, before, typed) {
    const merged = {...before, ...typed};
    for (const name of Object.keys(typed)) {
        if (name in before && fields[name] && isX2Many(fields[name])) {
            merged[name] = [...before[name], ...typed[name]];
        }
    }
    return merged;
}

/** Return the commands of the rows in the changes of the list. */
export function getRowCommands(changes) {
    return changes[ROWS] || [];
}
