# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Real servers, agents at work and faults of every kind; then a judge who looks at both sides."""
