# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "BPO CRM: example of an extension",
    "summary": "One of each hook of BPO CRM, for tests and for those who write extensions",
    "version": "19.0.1.0.0",
    "author": "bpo_crm contributors",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "depends": ["bpo_crm"],
    "installable": True,
}
