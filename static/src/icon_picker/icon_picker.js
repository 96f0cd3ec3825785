// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, useEffect, useRef, useState} from "@odoo/owl";
import {useAutofocus} from "@web/core/utils/hooks";
import {ICONS, searchIcons, SUGGESTED_COUNT} from "./icons";

// Icons per row, as laid out by the style sheet: arrow keys rely on it.
const COLUMNS = 8;

/**
 * The content of the popover: a search and a grid of icons.
 *
 * The focus stays in the search; the arrow keys move over the grid, Enter takes the icon they
 * are on. Escape is the popover's own.
 */
export class IconPicker extends Component {
    static template = "bpo_crm.IconPicker";
    static props = {
        close: Function,
        icon: {type: String, optional: true},
        onSelect: Function,
    };

    setup() {
        this.state = useState({search: "", active: -1});
        this.gridRef = useRef("grid");
        useAutofocus({refName: "search"});
        useEffect(
            () => {
                this.gridRef.el
                    ?.querySelector(".o_bpo_icon_active")
                    ?.scrollIntoView({block: "nearest"});
            },
            () => [this.state.active, this.state.search],
        );
    }

    /** @returns {import("./icons").Icon[]} */
    get icons() {
        return this.state.search.trim() ? searchIcons(this.state.search) : ICONS;
    }

    get suggestedCount() {
        return this.state.search.trim() ? 0 : SUGGESTED_COUNT;
    }

    get activeId() {
        return this.state.active < 0 ? undefined : `o_bpo_icon_${this.state.active}`;
    }

    select(icon) {
        this.props.onSelect(icon);
        this.props.close();
    }

    onSearch() {
        this.state.active = this.state.search.trim() ? 0 : -1;
    }

    onKeydown(ev) {
        const move = {
            ArrowDown: this.state.active < 0 ? 1 : COLUMNS,
            ArrowUp: -COLUMNS,
            ArrowLeft: -1,
            ArrowRight: 1,
        }[ev.key];
        if (ev.key === "Enter") {
            ev.preventDefault();
            ev.stopPropagation();
            const icon = this.icons[this.state.active];
            if (icon) {
                this.select(icon.name);
            }
        } else if (move && !(this.state.active < 0 && move !== 1)) {
            // Left and right move in the text until the grid is entered with the down arrow.
            ev.preventDefault();
            ev.stopPropagation();
            this.move(move);
        }
    }

    move(offset) {
        const last = this.icons.length - 1;
        const target = this.state.active + offset;
        if (offset < 0 && target < 0) {
            this.state.active = offset === -1 ? 0 : -1;
        } else {
            this.state.active = Math.min(target, last);
        }
    }
}
