# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from unittest.mock import patch

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import CodeTranslations

WORDS = {
    "Negotiation": "Negociación",
    "Not offered there": "No se ofrece allí",
    "Is Won Stage": "Es etapa de ganados",
    "Lost": "Perdido",
}


@tagged("post_install", "-at_install")
class TestRenamed(TransactionCase):
    """What we name anew of stock's records means the same in every language.

    Words of ours are given here, so that these tests are not about the files of languages.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage = cls.env.ref("crm.stage_lead3")
        cls.stage.name = "Negotiation"
        cls.reason = cls.env.ref("crm.lost_reason_2")
        cls.reason.name = "Not offered there"
        cls.pipeline = cls.env["bpo.pipeline"].create({"name": "Language course"})
        cls.lost = cls.pipeline.stage_ids.filtered("is_lost")

    def _load(self, lang="es_ES", words=WORDS, **options):
        """Load a language as an administrator does."""
        self.env["res.lang"]._activate_lang(lang)

        def get_translations(_self, module, _lang):
            return words if module == "bpo_crm" else {}

        with patch.object(CodeTranslations, "get_python_translations", get_translations):
            self.env["ir.module.module"]._load_module_terms(["crm", "bpo_crm"], [lang], **options)
        self.env.invalidate_all()

    def _name(self, record, lang="es_ES"):
        return record.with_context(lang=lang).name

    def test_a_loaded_language_has_our_words(self):
        self._load()
        self.assertEqual(self._name(self.stage), "Negociación")
        self.assertEqual(self._name(self.reason), "No se ofrece allí")
        self.assertEqual(self._name(self.env.ref("crm.crm_menu_root")), "BPO CRM")
        # what we have left as it was is stock's
        self.assertEqual(self._name(self.env.ref("crm.stage_lead2")), "Calificado")

    def test_fields_are_called_what_messages_call_them(self):
        self._load()
        stages = self.env["crm.stage"].with_context(lang="es_ES")
        label = stages.fields_get(["is_won"], ["string"])["is_won"]["string"]
        self.assertEqual(label, "Es etapa de ganados")

    def test_words_of_stock_in_a_database_in_use_give_way(self):
        self._load(words={})
        self.stage.with_context(lang="es_ES").name = "Propuesta"
        self._load()
        self.assertEqual(self._name(self.stage), "Negociación")

    def test_without_a_word_of_ours_the_original_is_shown(self):
        self._load("it_IT", words={})
        self.assertEqual(self._name(self.stage, "it_IT"), "Negotiation")
        self.assertEqual(self._name(self.reason, "it_IT"), "Not offered there")

    def test_words_of_people_stay(self):
        self._load()
        self.stage.with_context(lang="es_ES").name = "Regateo"
        self._load()
        self.assertEqual(self._name(self.stage), "Regateo")

    def test_records_that_people_renamed_are_left_alone(self):
        self.reason.name = "No licence"
        self._load()
        self.assertNotEqual(self._name(self.reason), "No se ofrece allí")

    def test_closing_stages_of_any_pipeline(self):
        self._load()
        self.assertEqual(self._name(self.lost), "Perdido")
        self.assertEqual(self._name(self.lost, "en_US"), "Lost")

    def test_a_name_that_is_taken_is_not_given_twice(self):
        self.env["crm.stage"].create({"name": "perdido", "pipeline_id": self.pipeline.id})
        self._load()
        self.assertEqual(self._name(self.lost), "Lost")
