# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from .dealer_api import test_address
from .dealer_api import test_check
from .dealer_api import test_orders
from .dealer_api import test_transport
from .dealer_api import test_verification
from . import test_board
from . import test_board_tours
from . import test_dealer_order
from . import test_dealer_order_push
from . import test_dealer_order_wire
from . import test_dealership
from . import test_hooks
from . import test_js
from . import test_lead_line
from . import test_lead_moves
from . import test_lead_pipeline
from . import test_lost
from . import test_lost_tours
from . import test_pipeline
from . import test_service
from . import test_service_request
from . import test_service_tour
from . import test_stage
from . import test_structure
