# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from . import base_module_uninstall
from . import bpo_dealership_pause
from . import bpo_order_preview
from . import bpo_stage_move
from . import bpo_undo
from . import crm_lead_lost
