# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import fields, models

from ..constants import SEQUENCE_GAP


class BpoOrdered(models.AbstractModel):
    """Records that people put in order, each within its scope, such as a pipeline.

    They are numbered with gaps, so that one can be put between two others by hand.
    """

    _name = "bpo.ordered"
    _description = "Ordered with Gaps"

    # None: to be appended behind the last one
    sequence = fields.Integer(default=None)

    def _get_scope(self):
        """Return what orders this record: all records of the same scope are in one order.

        This method serves as a hook: each ordered model says what its scope is.
        """
        raise NotImplementedError

    def _get_siblings(self):
        """Return all records of the scopes of these ones, hidden ones too, in their order.

        This method serves as a hook: each ordered model knows how to find them.
        """
        raise NotImplementedError

    def _write_sequences(self):
        """Number these records in the order of this recordset, with gaps, per scope."""
        positions = defaultdict(int)
        for record in self:
            scope = record._get_scope()
            positions[scope] += SEQUENCE_GAP
            if record.sequence != positions[scope]:
                record.sequence = positions[scope]

    def _append(self):
        """Number these records behind the last of their scope, in the order given."""
        last = defaultdict(int)
        for other in self._get_siblings() - self:
            scope = other._get_scope()
            last[scope] = max(last[scope], other.sequence)
        for record in self:
            scope = record._get_scope()
            last[scope] += SEQUENCE_GAP
            record.sequence = last[scope]

    def _reorder(self):
        """Put these records, in this order, into the places they hold among their siblings."""
        queues = defaultdict(list)
        for record in reversed(self):
            queues[record._get_scope()].append(record.id)
        moved = set(self.ids)
        self.browse(
            queues[sibling._get_scope()].pop() if sibling.id in moved else sibling.id
            for sibling in self._get_siblings()
        )._write_sequences()
