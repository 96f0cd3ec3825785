// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {describe, expect, test} from "@odoo/hoot";
import {edit, press, queryAll, queryFirst} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    clickSave,
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {ICONS, searchIcons, SUGGESTED_COUNT} from "@bpo_crm/icon_picker/icons";

describe.current.tags("desktop");

class Stage extends models.Model {
    _name = "crm.stage";

    name = fields.Char();
    icon = fields.Char();

    _records = [
        {id: 1, name: "Received", icon: "fa-inbox"},
        {id: 2, name: "Plain", icon: false},
    ];
}

defineMailModels();
defineModels([Stage]);

const ARCH = `<form><field name="name"/><field name="icon" widget="bpo_icon"/></form>`;
const BUTTON = ".o_bpo_icon_button";
const PICKER = ".o_bpo_icon_picker";

function openForm(resId, arch = ARCH) {
    return mountView({type: "form", resModel: "crm.stage", resId, arch});
}

function expectSaved(icon) {
    onRpc("crm.stage", "web_save", ({args}) => expect.step(args[1].icon));
    return async () => {
        await clickSave();
        expect.verifySteps([icon]);
    };
}

test("every icon is one that the style sheet draws", async () => {
    await openForm(1);
    await contains(BUTTON).click();
    const undrawn = queryAll(`${PICKER} [role=option] i`).filter(
        (el) => !/^"."$/u.test(getComputedStyle(el, "::before").content),
    );
    expect(undrawn.map((el) => el.className)).toEqual([]);
    expect(`${PICKER} [role=option]`).toHaveCount(ICONS.length);
    expect(new Set(ICONS.map((icon) => icon.name)).size).toBe(ICONS.length);
});

test("the list of icons has nothing but icons in it", async () => {
    await openForm(1);
    await contains(BUTTON).click();
    const roles = queryAll(`${PICKER} [role=listbox] > *`).map((el) => el.getAttribute("role"));
    expect([...new Set(roles)].sort()).toEqual(["option", "presentation"]);
});

test("icons are found by words that people use", () => {
    const names = (search) => searchIcons(search).map((icon) => icon.name);
    expect(names("waiting")).toInclude("fa-hourglass-half");
    expect(names("Done")).toInclude("fa-check-circle");
    expect(names("fa-inbox")).toEqual(["fa-inbox"]);
    expect(names("on hold")).toInclude("fa-pause-circle-o");
    expect(names("flux capacitor")).toEqual([]);
    expect(names("call")[0]).toBe("fa-phone");
    expect(ICONS.length).toBeGreaterThan(SUGGESTED_COUNT);
});

test("chosen by mouse", async () => {
    const save = expectSaved("fa-truck");
    await openForm(1);
    expect(`${BUTTON} i`).toHaveClass("fa-inbox");
    await contains(BUTTON).click();
    expect(`${PICKER} [data-icon=fa-inbox]`).toHaveAttribute("aria-selected", "true");
    await contains(`${PICKER} [data-icon=fa-truck]`).click();
    expect(PICKER).toHaveCount(0);
    expect(`${BUTTON} i`).toHaveClass("fa-truck");
    await save();
});

test("chosen by keyboard", async () => {
    const save = expectSaved("fa-pause-circle-o");
    await openForm(2);
    queryFirst(BUTTON).focus();
    await press("Enter");
    await animationFrame();
    expect(`${PICKER} input`).toBeFocused();
    await edit("wait");
    await animationFrame();
    const found = searchIcons("wait").map((icon) => icon.name);
    expect(`${PICKER} .o_bpo_icon_active`).toHaveAttribute("data-icon", found[0]);
    await press("ArrowRight");
    await press("ArrowRight");
    await press("ArrowRight");
    await press("ArrowLeft");
    await animationFrame();
    expect(found[2]).toBe("fa-pause-circle-o");
    expect(`${PICKER} .o_bpo_icon_active`).toHaveAttribute("data-icon", found[2]);
    await press("Enter");
    await animationFrame();
    expect(PICKER).toHaveCount(0);
    expect(BUTTON).toBeFocused();
    await save();
});

test("arrows move over the grid by rows, and back to the search", async () => {
    await openForm(2);
    await contains(BUTTON).click();
    expect(`${PICKER} .o_bpo_icon_active`).toHaveCount(0);
    await press("ArrowDown");
    await animationFrame();
    const at = () => queryFirst(`${PICKER} .o_bpo_icon_active`)?.id;
    expect(at()).toBe("o_bpo_icon_0");
    await press("ArrowDown");
    await animationFrame();
    expect(at()).toBe("o_bpo_icon_8");
    const [first, below] = queryAll("#o_bpo_icon_0, #o_bpo_icon_8");
    expect(below.offsetLeft).toBe(first.offsetLeft, {message: "8 icons a row"});
    await press("ArrowUp");
    await press("ArrowUp");
    await animationFrame();
    expect(at()).toBe(undefined);
});

test("Escape closes the picker and nothing else", async () => {
    await openForm(1);
    await contains(BUTTON).click();
    await press("ArrowDown");
    await press("Escape");
    await animationFrame();
    expect(PICKER).toHaveCount(0);
    expect(`${BUTTON} i`).toHaveClass("fa-inbox");
    expect(BUTTON).toBeFocused();
});

test("taken away again", async () => {
    const save = expectSaved(false);
    await openForm(1);
    await contains(BUTTON).click();
    await contains(`${PICKER} .o_bpo_icon_none`).click();
    expect(`${BUTTON} i`).not.toHaveClass("fa-inbox");
    await save();
});

test("no icon answers the search", async () => {
    await openForm(1);
    await contains(BUTTON).click();
    await contains(`${PICKER} input`).edit("flux capacitor", {confirm: false});
    expect(".o_bpo_icon_nothing").toHaveCount(1);
    await press("Enter");
    await animationFrame();
    expect(PICKER).toHaveCount(1);
});

test("readonly: the icon alone", async () => {
    await openForm(1, ARCH.replace("widget", 'readonly="1" widget'));
    expect(BUTTON).toHaveCount(0);
    expect("[name=icon] i").toHaveClass("fa-inbox");
});

test("in an editable list the row stays in edition", async () => {
    await mountView({
        type: "list",
        resModel: "crm.stage",
        arch: `<list editable="bottom"><field name="name"/><field name="icon" widget="bpo_icon"/></list>`,
    });
    await contains(".o_data_row:first-child [name=name]").click();
    await contains(`.o_data_row:first-child ${BUTTON}`).click();
    await contains(`${PICKER} [data-icon=fa-truck]`).click();
    expect(".o_data_row:first-child").toHaveClass("o_selected_row");
    expect(".o_data_row:first-child [name=icon] i").toHaveClass("fa-truck");
});
