# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from . import bpo_dealership
from . import bpo_lead_line
from . import crm_lead
