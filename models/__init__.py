# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from . import bpo_unique_name
from . import bpo_api_key
from . import bpo_dealer_connection
from . import bpo_dealer_connection_check
from . import bpo_ordered
from . import bpo_pipeline
from . import crm_stage
from . import crm_lost_reason
from . import crm_lead
from . import crm_lead_lost
from . import crm_lead_move
from . import crm_lead_merge
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
<<<<<<< HEAD
from . import bpo_dealer_order_notify
=======
from . import bpo_dealer_order_uninstall
>>>>>>> 7b0213ef1eb0745d0d279c3018c750dbdca5c8ad
from . import bpo_service
from . import bpo_service_stage
from . import crm_stage_service
from . import bpo_service_request
from . import bpo_service_request_board
from . import crm_lead_service
from . import product_template
from . import product_product
from . import res_partner
