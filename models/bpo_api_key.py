# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import SQL, sql

from .constants import MANAGER


class BpoApiKey(models.AbstractModel):
    """An API key that managers write and nobody reads.

    Write-only, like the password of users: the value lives in a column of the same name that is
    no field, so nothing of the ORM (read, search, export, copy, tracking) ever reaches it.
    """

    _name = "bpo.api.key"
    _description = "Write-only API Key"

    odoo_api_key = fields.Char(
        "API Key",
        compute="_compute_odoo_api_key",
        inverse="_inverse_odoo_api_key",
        copy=False,
        exportable=False,
        groups=MANAGER,
        help="An API key (or the password) of the login. It can be replaced, never read again.",
    )
    has_api_key = fields.Boolean(
        "API Key Stored", compute="_compute_has_api_key", exportable=False, groups=MANAGER
    )

    def init(self):
        """Add the column of the API key, which is deliberately not a field."""
        if self._auto and not sql.column_exists(self.env.cr, self._table, "odoo_api_key"):
            sql.create_column(self.env.cr, self._table, "odoo_api_key", "varchar")

    def _compute_odoo_api_key(self):
        self.odoo_api_key = False

    def _inverse_odoo_api_key(self):
        """Store the new keys; an empty value changes nothing, as forms send one back."""
        for record in self:
            if key := (record.odoo_api_key or "").strip():
                record._store_api_key(key)

    def _compute_has_api_key(self):
        with_key = self._get_ids_with_api_key()
        for record in self:
            record.has_api_key = record._origin.id in with_key

    @api.private
    def _store_api_key(self, key):
        """Write the key to its column, past the ORM and past the log of failed queries."""
        self.ensure_one()
        query = SQL(
            "UPDATE %s SET odoo_api_key = %s WHERE id = %s",
            SQL.identifier(self._table),
            key,
            self.id,
        )
        # a failed query (a concurrent write, say) is logged with its values otherwise
        self.env.cr.execute(query, log_exceptions=False)
        self.invalidate_recordset(["odoo_api_key", "has_api_key"])

    @api.private
    def _load_api_key(self):
        """Return the key, for the talk with the dealer only."""
        self.ensure_one()
        rows = self.env.execute_query(
            SQL("SELECT odoo_api_key FROM %s WHERE id = %s", SQL.identifier(self._table), self.id)
        )
        return rows[0][0] if rows else None

    @api.private
    def _get_ids_with_api_key(self):
        """Return the ids among ``self`` that have a key stored, in one query."""
        ids = tuple(id_ for id_ in self._origin.ids if id_)
        if not ids:
            return set()
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM %s WHERE id IN %s AND odoo_api_key IS NOT NULL",
                SQL.identifier(self._table),
                ids,
            )
        )
        return {id_ for (id_,) in rows}
