# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import unicodedata

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, sql

from ..constants import MANAGER

# What stands before a key in its column. A row that breaks a constraint, whoever writes it, is
# shown in the log of its query: of each column the first 64 characters.
COVER = "*" * 64


def is_invisible(character):
    """Tell whether a character cannot be seen: a blank but the plain one, a control character, …

    Such characters get into a key by pasting it from a web page or a mail. No key and no
    password that somebody could type has them.
    """
    return character != " " and unicodedata.category(character)[0] in "CZ"


class BpoApiKey(models.AbstractModel):
    """An API key that managers write and nobody reads.

    Write-only, like the password of users: the value lives in a column of the same name that is
    no field, so nothing of the ORM (read, search, export, copy, tracking) ever reaches it.

    A copy of the database has the key, too. With the key it is remembered in which database it
    was entered (``database.uuid``, which Odoo gives anew to a copy): in another one the key is not
    used until a manager has said that this database is the one.
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
    key_database_uuid = fields.Char(
        "Database of the Key", readonly=True, copy=False, exportable=False, groups=MANAGER
    )
    is_key_astray = fields.Boolean(
        "Key of Another Database",
        compute="_compute_is_key_astray",
        search="_search_is_key_astray",
        exportable=False,
        groups=MANAGER,
        help="The key was entered in another database, of which this one is a copy: no orders are "
        "sent from here until a manager says that this database is the one.",
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
            if key := record._clean_api_key(record.odoo_api_key or ""):
                record._store_api_key(key)

    @api.model
    def _clean_api_key(self, key):
        """Return a key as it is meant, without what pasting left around it.

        :raise ValidationError: there is something inside that nobody can see
        """
        while key and (key[0] == " " or is_invisible(key[0])):
            key = key[1:]
        while key and (key[-1] == " " or is_invisible(key[-1])):
            key = key[:-1]
        places = [str(number) for number, each in enumerate(key, 1) if is_invisible(each)]
        if places:
            raise ValidationError(
                self.env._(
                    "The API key holds characters that cannot be seen (at place %(places)s of "
                    "%(length)s). They came along when it was copied. Copy it again, without what "
                    "is around it, or type it.",
                    places=", ".join(places[:5]),
                    length=len(key),
                )
            )
        return key

    def _compute_has_api_key(self):
        with_key = self._get_ids_with_api_key()
        for record in self:
            record.has_api_key = record._origin.id in with_key

    @api.depends("key_database_uuid")
    def _compute_is_key_astray(self):
        present = self._get_database_uuid()
        for record in self:
            record.is_key_astray = record.key_database_uuid not in (False, present)

    def _search_is_key_astray(self, operator, value):
        if operator != "in":
            return NotImplemented
        astray = ~self._get_key_at_home_domain()
        return Domain.OR(astray if each else ~astray for each in value)

    @api.model
    def _get_key_at_home_domain(self):
        """Return the domain of the records whose key, if any, was entered in this database."""
        return Domain("key_database_uuid", "in", (False, self._get_database_uuid()))

    @api.model
    def _get_database_uuid(self):
        return self.env["ir.config_parameter"].sudo().get_param("database.uuid")

    @api.private
    def _adopt_api_key(self):
        """Note that this database is the one in which the stored keys are to be used."""
        self.filtered("key_database_uuid").key_database_uuid = self._get_database_uuid()

    @api.private
    def _store_api_key(self, key):
        """Write the key to its column, and note in which database it was entered."""
        self.flush_recordset(["key_database_uuid"])
        uuid = self._get_database_uuid() if key else None
        self._store_secret("odoo_api_key", key, key_database_uuid=uuid)
        self.invalidate_recordset(
            ["odoo_api_key", "has_api_key", "key_database_uuid", "is_key_astray"]
        )

    @api.private
    def _load_api_key(self):
        """Return the key, for the talk with the dealer only."""
        return self._load_secret("odoo_api_key")

    @api.private
    def _store_secret(self, column, secret, **others):
        """Write a secret to its column, past the ORM and past all logs of queries.

        Odoo's cursor gives queries with their values to the log of ``odoo.sql_db``: each one at
        the level of debugging, and one that fails (a concurrent write, say) as an error; and to
        the profiler, which keeps them in the database. The driver's own cursor tells nobody.

        :param str column: a column that is no field of the ORM
        :param str secret: None removes what is there
        :param others: values of other columns
        """
        self.ensure_one()
        values = {column: secret and COVER + secret, **others}
        query = SQL(
            "UPDATE %s SET %s WHERE id = %s",
            SQL.identifier(self._table),
            SQL(", ").join(
                SQL("%s = %s", SQL.identifier(name), value) for name, value in values.items()
            ),
            self.id,
        )
        self.env.cr._obj.execute(query.code, query.params)

    @api.private
    def _load_secret(self, column):
        """Return what :meth:`_store_secret` has written, None where there is nothing."""
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT %s FROM %s WHERE id = %s",
                SQL.identifier(column),
                SQL.identifier(self._table),
                self.id,
            )
        )
        return rows[0][0].removeprefix(COVER) if rows and rows[0][0] else None

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
