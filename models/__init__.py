# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from . import bpo_unique_name
from . import bpo_pipeline
from . import crm_stage
from . import crm_lost_reason
from . import crm_lead
from . import crm_lead_board
from . import crm_lead_pipeline
from . import crm_lead_import
from . import crm_team
from . import crm_lead_dealer_order
from . import crm_lead_scoring
from . import bpo_lead_line
from . import bpo_dealership
from . import bpo_dealer_order
from . import bpo_dealer_order_push
from . import bpo_dealer_order_uninstall
from . import bpo_service
from . import bpo_service_stage
from . import bpo_service_request
from . import crm_lead_service
from . import res_partner
