# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Dealerships: the branch, and what is known of all its orders and products."""
