// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {isDealBoard} from "./deal_board";

/**
 * Say of a column of closed deals which of them it shows, counts and sums up.
 *
 * @param {Object} list the board
 * @param {Object} group the column
 * @returns {string} nothing for columns that leave no deal out
 */
export function getClosedHint(list, group) {
    const {closedDays, useSampleModel} = list.model;
    const stage = group.record?.data;
    if (!closedDays || useSampleModel || !isDealBoard(list) || !(stage?.is_won || stage?.is_lost)) {
        return "";
    }
    return closedDays === 1
        ? _t("closed since yesterday")
        : _t("closed in the last %s days", closedDays);
}
