# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The connection to a dealer's Odoo, a mixin: address, keys, pace, pauses, who is told."""
