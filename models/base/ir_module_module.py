# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from psycopg2.extras import Json

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate, TranslationImporter, get_po_paths

_lt = LazyTranslate(__name__)
SOURCE = "en_US"

# What stock CRM ships and we call otherwise: {model: {field: {external id: our text}}}. Its files
# of languages go on translating stock's name, whatever the record is called, and are loaded
# before ours. No tuples here: what exports the terms takes strings in parentheses for some.
RENAMED = {
    "crm.stage": {"name": {"crm.stage_lead3": _lt("Negotiation")}},
    "crm.lost.reason": {
        "name": {
            "crm.lost_reason_1": _lt("Too expensive"),
            "crm.lost_reason_2": _lt("Not offered there"),
            "crm.lost_reason_3": _lt("Not in stock"),
        }
    },
    "ir.ui.menu": {"name": {"crm.crm_menu_root": _lt("BPO CRM")}},
    "ir.model.fields": {
        "field_description": {
            "crm.field_crm_stage__is_won": _lt("Is Won Stage"),
            "crm.field_crm_stage__fold": _lt("Folded in Kanban"),
        },
        "help": {
            "crm.field_crm_stage__fold": _lt(
                "The column starts collapsed on the board: made for closing stages."
            ),
        },
    },
}

# Stages that pipelines are given have no external id.
GIVEN_STAGES = (_lt("New"), _lt("Won"), _lt("Lost"))


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    @api.model
    def _load_module_terms(self, modules, langs, overwrite=False):
        """Have what we renamed mean in each language what it means in ours."""
        res = super()._load_module_terms(modules, langs, overwrite=overwrite)
        langs = [lang for lang in langs if lang != SOURCE]
        if langs and {"crm", "bpo_crm"}.intersection(modules):
            self.env.flush_all()
            self._translate_renamed(langs)
            self._translate_given_stages(langs)
            self.env.invalidate_all()
            self.env.registry.clear_cache()
            self.env.registry.clear_cache("stable")
        return res

    def _translate_renamed(self, langs):
        """Put our words in place of none and of stock's; those that people chose stay."""
        importer = TranslationImporter(self.env.cr, verbose=False)
        renamed = [
            (model, field, names)
            for model, fields in RENAMED.items()
            for field, names in fields.items()
        ]
        xmlids = {xmlid for _model, _field, names in renamed for xmlid in names}
        for lang in langs:
            for path in get_po_paths("crm", lang):
                importer.load_file(path, lang, xmlids=xmlids)
        for model, field, names in renamed:
            for xmlid, name in names.items():
                if record := self.env.ref(xmlid, raise_if_not_found=False):
                    stock = importer.model_translations[model][field][xmlid]
                    self._translate_value(record, field, name, langs, stock)

    @api.model
    def _forget_renamed(self):
        """Make room for stock's words where stock's own data brings its names back."""
        for model in ("ir.ui.menu", "ir.model.fields"):
            for field, names in RENAMED[model].items():
                records = [self.env.ref(xmlid, raise_if_not_found=False) for xmlid in names]
                self.env.cr.execute(
                    SQL(
                        "UPDATE %(table)s SET %(column)s = jsonb_build_object('en_US',"
                        " %(column)s->'en_US') WHERE id = ANY(%(ids)s) AND %(column)s IS NOT NULL",
                        table=SQL.identifier(self.env[model]._table),
                        column=SQL.identifier(field),
                        ids=[record.id for record in records if record],
                    )
                )

    def _translate_given_stages(self, langs):
        """Name stages that were created as *New*, *Won* or *Lost* in other languages, too."""
        stages = self.env["crm.stage"].with_context(active_test=False, lang=SOURCE)
        for name in GIVEN_STAGES:
            source = name._translate(SOURCE)
            for stage in stages.search([("stage_type", "=", "deal"), ("name", "=", source)]):
                others = stage.pipeline_id.with_context(active_test=False).stage_ids - stage
                free = [
                    lang
                    for lang in langs
                    if name._translate(lang).lower()
                    not in (other.name.strip().lower() for other in others.with_context(lang=lang))
                ]
                self._translate_value(stage, "name", name, free)

    def _translate_value(self, record, field, name, langs, stock=None):
        """Translate a value of a record, unless people gave it another one.

        Done as Odoo's own import does it, as fields are not written by the ORM.

        :param str field: a field that is translated as a whole
        :param LazyGettext name: our text
        :param dict stock: ``{language: text}`` that gives way to ours
        """
        stored = record._fields[field]._get_stored_translations(record) or {}
        source = name._translate(SOURCE)
        if stored.get(SOURCE) != source:
            return
        for lang in langs:
            if stored.get(lang, source) in (source, (stock or {}).get(lang)):
                stored[lang] = name._translate(lang)
        self.env.cr.execute(
            SQL(
                "UPDATE %(table)s SET %(column)s = %(column)s || %(value)s::jsonb"
                " WHERE id = %(id)s",
                table=SQL.identifier(record._table),
                column=SQL.identifier(field),
                value=Json(stored),
                id=record.id,
            )
        )
