// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {useEffect, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {isStageField} from "./stage_group";

/** What is read of each stage together with the columns, for {@link useStageLimit}. */
export const STAGE_LIMIT_FIELDS = [
    {name: "record_limit", string: "Limit", type: "integer"},
    {name: "limit_count", string: "Counts for the Limit", type: "integer"},
    {name: "limit_scope", string: "Limit Counts", type: "char"},
];

/**
 * Say how many open records there are in the stage that a column is, of how many there may be.
 *
 * Columns without a limit show nothing and ask for nothing. What is in the column may be filtered:
 * after a move the server counts anew, once it has taken the move.
 *
 * @param {Component} header of a column, with ``group``, ``props.list`` and ``orm``
 * @returns {{shown: {count: number, limit: number, class: string, icon: string, title: string} | null}}
 */
export function useStageLimit(header) {
    // the count since the stage was read together with the columns
    const state = useState({count: 0, recordId: false});
    const getStage = () =>
        isStageField(header.group.groupByField) &&
        header.group.record?.data.record_limit &&
        !header.props.list.model.useSampleModel
            ? header.group.record.data
            : null;
    let isFirst = true;
    useEffect(
        () => {
            if (isFirst || !getStage()) {
                isFirst = false;
                return;
            }
            recount();
        },
        () => [header.group.count],
    );

    async function recount() {
        await header.props.list.model.mutex.getUnlockedDef();
        const [stage] = await header.orm.silent.read(
            "crm.stage",
            [header.group.value],
            ["limit_count"],
        );
        Object.assign(state, {count: stage.limit_count, recordId: header.group.record.id});
    }

    return {
        get shown() {
            const stage = getStage();
            if (!stage) {
                return null;
            }
            const isNewer = state.recordId === header.group.record.id;
            const count = isNewer ? state.count : stage.limit_count;
            return {count, limit: stage.record_limit, ...describe(stage, count)};
        },
    };
}

/** Return how a count is shown: by colour, by a sign, and in words. */
function describe(stage, count) {
    const values = {count, limit: stage.record_limit};
    const counted =
        stage.limit_scope === "user"
            ? _t("You have %(count)s open of %(limit)s in this stage", values)
            : _t("%(count)s open of %(limit)s in this stage, whatever is filtered", values);
    if (count > stage.record_limit) {
        return {
            class: "text-bg-danger",
            icon: "fa-exclamation-triangle",
            title: _t("Too many: %s", counted),
        };
    }
    if (count === stage.record_limit) {
        return {class: "text-bg-warning", icon: "fa-lock", title: _t("Full: %s", counted)};
    }
    return {class: "text-bg-light border", icon: "", title: counted};
}
