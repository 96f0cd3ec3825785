# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who drains the outbox, and how: runs, kinds of talk, jobs of OCA's queue_job."""
