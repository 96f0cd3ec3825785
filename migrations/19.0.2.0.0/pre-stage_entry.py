# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
import logging

from odoo.addons.bpo_crm.history import build_history
from odoo.addons.bpo_crm.models.stage.bpo_pipeline import ADOPTION_NOTES

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Build the entries of stages, which earlier releases did not write, from stock's tracking."""
    build_history(cr)
    cr.execute("SELECT value FROM ir_config_parameter WHERE key = %s", [ADOPTION_NOTES])
    for (notes,) in cr.fetchall():
        for note in json.loads(notes or "[]"):
            if note.startswith("Reports: "):
                _logger.info("%s", note)
