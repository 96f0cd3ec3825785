// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {_t} from "@web/core/l10n/translation";
import {user} from "@web/core/user";
import {createElement, parseXML} from "@web/core/utils/xml";
import {getBasicEvalContext, getFieldsSpec} from "@web/model/relational_model/utils";
import {getAsked, getLacking} from "./gaps";

/** The list of records, as a field of a record that exists in the dialog only. */
export const ROWS = "bpo_crm_rows";

/** What fits in a cell of a list. */
const CELL_TYPES = [
    "boolean",
    "char",
    "date",
    "datetime",
    "float",
    "integer",
    "many2many",
    "many2one",
    "monetary",
    "selection",
    "text",
];

/** How many records are listed at once; the list tells how many there are. */
const ROWS_LIMIT = 10;

/**
 * A form of the dialog, for {@link FillInForm}.
 *
 * @typedef {Object} Part
 * @property {Element} arch
 * @property {Object} fields
 * @property {Object} models
 * @property {number | false} resId the record that is filled in, if it is one
 * @property {boolean} isShared whether it stands for several records
 */

/**
 * Ask the server for the forms of a dialog: of the record that lacks something, or of the values
 * that several lack and of the records themselves.
 *
 * @param {Object} viewService
 * @param {import("./gaps").Gaps} gaps
 * @returns {Promise<{fields: Object, form: Part | false, rows: Part | false}>}
 */
export async function loadParts(viewService, gaps) {
    const {model: resModel} = gaps;
    const {fields, relatedModels, views} = await viewService.loadViews({
        resModel,
        views: [[false, "form"]],
        // the server makes the form of these fields; views are remembered by it
        context: {...user.context, bpo_crm_fill_in_view_ref: getAsked(gaps).join()},
    });
    const arch = parseXML(views.form.arch);
    const lacking = getLacking(gaps);
    const part = {arch, fields, models: relatedModels, resModel};
    if (lacking.length === 1) {
        return {fields, form: {...part, resId: lacking[0].id, isShared: false}, rows: false};
    }
    const rows = makeRows(part, lacking);
    const isAnyShared = keepShared(arch, fields, lacking);
    return {fields, form: isAnyShared && {...part, resId: false, isShared: true}, rows};
}

function getFieldNodes(arch) {
    return [...arch.querySelectorAll("field")].filter(
        (node) => !node.parentElement.closest("field"),
    );
}

/** Tell whether a node is one that is filled in; others are there for what these need. */
function isAskedFor(node, lacking) {
    const name = node.getAttribute("name");
    return lacking.some((record) => record.fields.includes(name));
}

/** Leave the fields that are worth typing once: several records lack them, or no row takes them. */
function keepShared(arch, fields, lacking) {
    let isAny = false;
    for (const node of getFieldNodes(arch).filter((node) => isAskedFor(node, lacking))) {
        const name = node.getAttribute("name");
        const count = lacking.filter((record) => record.fields.includes(name)).length;
        if (count > 1 || !CELL_TYPES.includes(fields[name].type)) {
            isAny = true;
        } else {
            node.remove();
        }
    }
    return isAny;
}

/**
 * Make the form that lists the records, a column for each field that fits.
 *
 * @param {Part} part
 * @param {import("./gaps").Gap[]} lacking
 * @returns {Part | false} nothing where no field fits
 */
function makeRows({arch, fields, models, resModel}, lacking) {
    const list = createElement("list", {
        editable: "bottom",
        create: "0",
        delete: "0",
        limit: String(ROWS_LIMIT),
    });
    list.append(createElement("field", {name: "display_name", readonly: "1", string: _t("Name")}));
    let isAny = false;
    for (const node of getFieldNodes(arch)) {
        const name = node.getAttribute("name");
        if (!isAskedFor(node, lacking)) {
            if (name !== "display_name") {
                list.append(createElement("field", {name, column_invisible: "1", readonly: "1"}));
            }
        } else if (CELL_TYPES.includes(fields[name].type)) {
            list.append(makeCell(node, fields[name], lacking));
            isAny = true;
        }
    }
    if (!isAny) {
        return false;
    }
    const rowsField = {
        name: ROWS,
        type: "one2many",
        relation: resModel,
        string: _t("Records"),
        readonly: false,
    };
    const form = createElement("form");
    const node = createElement("field", {name: ROWS, nolabel: "1"});
    node.append(list);
    form.append(node);
    return {
        arch: form,
        fields: {[ROWS]: rowsField},
        models: {
            ...models,
            [resModel]: {...models[resModel], fields: {...fields, [ROWS]: rowsField}},
        },
        resModel,
        resId: false,
        isShared: true,
        rowIds: lacking.map(({id}) => id),
    };
}

/** A record is asked for what it lacks itself; the rest of its row is there to be read. */
function makeCell(node, {name, type}, lacking) {
    const cell = node.cloneNode(true);
    cell.removeAttribute("colspan");
    if (type === "many2many") {
        cell.setAttribute("widget", "many2many_tags");
        cell.replaceChildren();
    } else if (cell.getAttribute("widget") === "bpo_lost_reason") {
        cell.removeAttribute("widget"); // takes a dialog's width
    }
    const ids = lacking.filter((record) => record.fields.includes(name)).map(({id}) => id);
    if (ids.length < lacking.length) {
        cell.setAttribute("readonly", `id not in [${ids}]`);
    }
    return cell;
}

/**
 * Read what the forms of several records start with.
 *
 * @param {Object} orm
 * @param {Part} part
 * @param {Object} activeFields of the part
 * @param {import("./gaps").Gaps} gaps
 * @returns {Promise<Object>} values by field
 */
export async function readValues(orm, part, activeFields, gaps) {
    const lacking = getLacking(gaps);
    const evalContext = getBasicEvalContext({context: user.context});
    if (part.rowIds) {
        const {activeFields: columns, fields} = activeFields[ROWS].related;
        const specification = getFieldsSpec(columns, fields, evalContext);
        return {[ROWS]: await orm.webRead(part.resModel, part.rowIds, {specification})};
    }
    const asked = getAsked(gaps);
    const hidden = Object.keys(activeFields).filter(
        (name) => !asked.includes(name) && name !== "display_name",
    );
    if (!hidden.length) {
        return {};
    }
    const specification = Object.fromEntries(hidden.map((name) => [name, {}]));
    const records = await orm.webRead(
        part.resModel,
        lacking.map(({id}) => id),
        {specification},
    );
    return Object.fromEntries(
        hidden.map((name) => [name, getCommon(part.fields[name], records, name)]),
    );
}

/** Return the value that all records have in a field; domains of others may need it. */
function getCommon({type}, [first, ...others], name) {
    if (["one2many", "many2many"].includes(type)) {
        return [];
    }
    const value = first[name];
    if (others.some((record) => record[name] !== value)) {
        return false;
    }
    // nobody sees its name
    return type === "many2one" && value ? {id: value, display_name: ""} : value;
}
