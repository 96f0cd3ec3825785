# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Stages and pipelines: their flags, order and conditions; what stands against a move."""
