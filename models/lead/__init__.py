# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Deals: the lead, its way over the board, its units; why it is lost."""
