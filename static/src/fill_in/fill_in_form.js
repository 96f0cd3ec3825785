// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {Component, onMounted, onWillStart, useRef, useSubEnv} from "@odoo/owl";
import {hasTouch} from "@web/core/browser/feature_detection";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {Record} from "@web/model/record";
import {extractFieldsFromArchInfo} from "@web/model/relational_model/utils";
import {FormArchParser} from "@web/views/form/form_arch_parser";
import {loadSubViews} from "@web/views/form/form_controller";
import {FormRenderer} from "@web/views/form/form_renderer";
import {getDefaultConfig} from "@web/views/view";
import {readValues} from "./parts";

const FOCUSABLE = [
    "input:not([type=hidden])",
    "textarea",
    "select",
    "[contenteditable=true]",
    ".o_field_x2many_list_row_add a",
]
    .map((selector) => `.o_field_widget:not(.o_readonly_modifier) ${selector}`)
    .join();

/** A form that keeps what is typed in it: whoever shows it asks for the changes. */
export class FillInForm extends Component {
    static template = "bpo_crm.FillInForm";
    static components = {FormRenderer, Record};
    static props = {
        part: Object,
        gaps: Object,
        hasFocus: Boolean,
        /** gets the record of the form, a new one each time that it is loaded */
        onRecord: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.ui = useService("ui");
        this.viewService = useService("view");
        this.root = useRef("root");
        useSubEnv({config: getDefaultConfig()});
        onWillStart(() => this.prepare());
        onMounted(() => {
            if (this.props.hasFocus && !hasTouch()) {
                this.root.el.querySelector(FOCUSABLE)?.focus();
            }
        });
    }

    async prepare() {
        const {arch, fields, models, resModel, resId, isShared} = this.props.part;
        this.archInfo = new FormArchParser().parse(arch, models, resModel);
        const {fieldNodes} = this.archInfo;
        const context = {...user.context};
        await loadSubViews(
            fieldNodes,
            fields,
            context,
            resModel,
            this.viewService,
            this.ui.isSmall,
        );
        const {activeFields} = extractFieldsFromArchInfo(this.archInfo, fields);
        this.recordProps = {
            resModel,
            fields,
            activeFields,
            context,
            mode: "edit",
            hooks: {onRootLoaded: (record) => this.props.onRecord(record)},
        };
        if (isShared) {
            this.letStandForSeveral(activeFields);
            this.recordProps.values = await readValues(
                this.orm,
                this.props.part,
                activeFields,
                this.props.gaps,
            );
        } else {
            this.recordProps.resId = resId;
        }
    }

    /** It is no record of its own: nothing follows from it, and all may be left empty. */
    letStandForSeveral(activeFields) {
        for (const field of Object.values(activeFields)) {
            Object.assign(field, {onChange: false, required: "False"});
        }
        for (const field of Object.values(activeFields.bpo_crm_rows?.related.activeFields || {})) {
            Object.assign(field, {onChange: false, required: "False"});
        }
    }
}
