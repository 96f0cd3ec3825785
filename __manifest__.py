# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

{
    "name": "BPO CRM",
    "summary": "Sell for many dealerships: a won lead becomes an order on the dealer's own Odoo",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "bpo_crm contributors",
    "depends": ["crm", "product"],
    "data": [
        "security/bpo_crm_groups.xml",
        "security/ir.model.access.csv",
        "security/bpo_pipeline_security.xml",
        "security/bpo_dealership_security.xml",
        "security/bpo_dealer_order_security.xml",
        "security/bpo_lead_line_security.xml",
        "data/bpo_pipeline_data.xml",
        "data/crm_lost_reason_data.xml",
        "data/ir_cron_data.xml",
        "data/mail_activity_type_data.xml",
        "data/mail_template_data.xml",
        "views/crm_stage_views.xml",
        "views/bpo_pipeline_views.xml",
        "views/crm_lost_reason_views.xml",
        "views/crm_lead_lost_views.xml",
        "views/bpo_dealership_views.xml",
        "views/bpo_dealer_order_views.xml",
        "views/bpo_order_preview_views.xml",
        "views/crm_lead_views.xml",
        "views/crm_lead_board_views.xml",
        "wizards/bpo_stage_move_views.xml",
        "wizards/crm_lead_lost_views.xml",
        "views/menus.xml",
    ],
    "demo": [
        "demo/res_users_demo.xml",
        "demo/product_demo.xml",
        "demo/bpo_dealership_demo.xml",
        "demo/crm_lead_demo.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "bpo_crm/static/src/**/*",
        ],
        "web.assets_tests": [
            "bpo_crm/static/tests/tours/**/*",
        ],
        "web.assets_unit_tests": [
            "bpo_crm/static/tests/**/*.test.js",
        ],
    },
    "pre_init_hook": "pre_init_hook",
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
    "application": True,
}
