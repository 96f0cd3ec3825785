# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class BpoUniqueName(models.AbstractModel):
    """Records whose translated name is unique in a scope, in every installed language.

    Case, outer blanks and archiving make no difference. The model keeps a unique index of its
    own, which holds under concurrent writes but sees the source language only.
    """

    _name = "bpo.unique.name"
    _description = "Unique Translated Name"

    # Stored fields: names differ among the records that have the same values here.
    _unique_name_scope = ()

    @api.constrains(lambda self: ("name", *self._unique_name_scope))
    def _check_name_unique_translated(self):
        """Refuse blank names, and those another record in scope bears in any language."""
        self.flush_model(["name", *self._unique_name_scope])
        if any(not (record.name or "").strip() for record in self):
            raise ValidationError(self._get_message_name_missing())
        languages = [code for code, _name in self.env["res.lang"].get_installed()]
        same_scope = [
            SQL(
                "AND other.%(column)s IS NOT DISTINCT FROM record.%(column)s",
                column=SQL.identifier(column),
            )
            for column in self._unique_name_scope
        ]
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT COALESCE(other.name->>lang, other.name->>'en_US')
                  FROM %(table)s record
                  JOIN %(table)s other
                    ON other.id <> record.id %(same_scope)s
                 CROSS JOIN unnest(%(languages)s) AS lang
                 WHERE record.id IN %(records)s
                   AND lower(btrim(COALESCE(record.name->>lang, record.name->>'en_US')))
                     = lower(btrim(COALESCE(other.name->>lang, other.name->>'en_US')))
                """,
                table=SQL.identifier(self._table),
                same_scope=SQL(" ").join(same_scope),
                languages=languages,
                records=tuple(self.ids),
            )
        )
        if names := {name for (name,) in self.env.cr.fetchall()}:
            raise ValidationError(self._get_message_name_taken(", ".join(sorted(names))))

    def _update_field_translations(self, field_name, translations, *args, **kwargs):
        """Check the names given in the translation dialog too, which bypasses ``write``."""
        res = super()._update_field_translations(field_name, translations, *args, **kwargs)
        if field_name == "name":
            self._check_name_unique_translated()
        return res

    def copy_translations(self, new, excluded=()):
        """Leave the translations of a name behind that the copy does not bear."""
        if new.name != self.name:
            excluded = {*excluded, "name"}
        return super().copy_translations(new, excluded=excluded)

    def _get_message_name_missing(self):
        """Return what to tell a person who leaves the name blank."""
        return self.env._("Give it a name.")

    def _get_message_name_taken(self, names):
        """Return what to tell a person who chooses a name that is taken.

        :param str names: the names in question, joined
        """
        return self.env._(
            "These names are taken, archived records and translations included: %(names)s. "
            "Choose another name.",
            names=names,
        )
