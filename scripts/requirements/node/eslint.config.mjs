// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import globals from "globals";
import js from "@eslint/js";

export default [
    js.configs.recommended,
    {
        files: ["static/**/*.js"],
        languageOptions: {
            ecmaVersion: 2024,
            sourceType: "module",
            globals: {...globals.browser, luxon: "readonly", odoo: "readonly"},
        },
        rules: {
            "curly": "error",
            "eqeqeq": ["error", "always"],
            "no-console": ["error", {allow: ["warn", "error"]}],
            "no-unused-vars": ["error", {argsIgnorePattern: "^_"}],
            "no-var": "error",
            "prefer-const": "error",
        },
    },
];
