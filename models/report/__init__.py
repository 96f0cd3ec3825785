# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Reports and vital signs: entries of stages, views over them, the graphs of cards."""
