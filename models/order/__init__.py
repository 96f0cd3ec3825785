# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Orders of dealers: the outbox, what was answered, what is looked at again."""
