// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, useRef} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {usePopover} from "@web/core/popover/popover_hook";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {IconPicker} from "./icon_picker";

/** The icon of a stage, chosen by eye. */
export class IconPickerField extends Component {
    static template = "bpo_crm.IconPickerField";
    static props = {...standardFieldProps};

    setup() {
        this.buttonRef = useRef("button");
        this.popover = usePopover(IconPicker, {
            position: "bottom-start",
            onClose: () => this.buttonRef.el?.focus(),
        });
    }

    /** @returns {string} */
    get icon() {
        return this.props.record.data[this.props.name] || "";
    }

    get label() {
        return this.icon ? this.icon.replace(/^(fa )?fa-/, "").replaceAll("-", " ") : "";
    }

    get buttonLabel() {
        return this.label ? _t("Icon: %s", this.label) : _t("Choose an icon");
    }

    open() {
        this.popover.open(this.buttonRef.el, {
            icon: this.icon,
            onSelect: (icon) => this.props.record.update({[this.props.name]: icon}),
        });
    }

    onKeydown(ev) {
        if (ev.key === "ArrowDown" || ev.key === "Enter" || ev.key === " ") {
            ev.preventDefault();
            ev.stopPropagation();
            this.open();
        }
    }
}

/** ``bpo_icon``: the class of an icon of Font Awesome. */
export const iconPickerField = {
    component: IconPickerField,
    displayName: _t("Icon"),
    supportedTypes: ["char"],
    listViewWidth: 70,
};

registry.category("fields").add("bpo_icon", iconPickerField);
