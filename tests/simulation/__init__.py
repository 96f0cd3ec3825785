# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The machine that tries to break the promise of exactly one order per won lead.

``docs/simulation.md`` says what of it is real and what is modelled.
"""
