# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""What Odoo calls when the addon comes and goes."""

import json
import logging

from .adoption import adopt
from .handback import hand_back
from .models.stage.bpo_pipeline import ADOPTION_NOTES

_logger = logging.getLogger(__name__)


def pre_init_hook(env):
    """Adopt the stages and leads that are there, before the ORM sees the addon."""
    adopt(env)


def post_init_hook(env):
    """Log what the adoption had to decide; the Stages screen shows it too."""
    notes = env["ir.config_parameter"].sudo().get_param(ADOPTION_NOTES)
    for note in json.loads(notes or "[]"):
        _logger.info("Stages adopted: %s", note)


def uninstall_hook(env):
    """Leave a working stock CRM, before the addon's models and columns go."""
    hand_back(env)
