# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Names that several models need, each written once."""

# The group that decides about stages, pipelines and dealerships.
MANAGER = "bpo_crm.group_manager"
# The group that sees every lead, and how the dealerships are doing.
SUPERVISOR = "bpo_crm.group_supervisor"

# The scheduled action that brings orders to the dealers.
PUSH_CRON = "bpo_crm.ir_cron_push_dealer_orders"

# The scheduled action that looks what became of the orders at the dealers.
SURVEY_CRON = "bpo_crm.ir_cron_check_dealer_orders"

# The scheduled action that looks which of our products the dealers know.
PRODUCTS_CRON = "bpo_crm.ir_cron_check_dealer_products"

# Asks the owner of a lead to put right what a dealer refused.
ACTIVITY_FAILED = "bpo_crm.mail_activity_type_dealer_order_failed"
# Asks a BPO manager to look at a dealership that refuses our login.
ACTIVITY_PAUSED = "bpo_crm.mail_activity_type_dealer_paused"

# Asks a BPO manager to look at a dealership that could not be reached for long.
ACTIVITY_UNREACHABLE = "bpo_crm.mail_activity_type_dealer_unreachable"
# Tells the owner of a lead that its order was cancelled or changed at the dealer.
ACTIVITY_CHANGED = "bpo_crm.mail_activity_type_dealer_order_changed"
# Reminds a BPO manager of a key that expires.
ACTIVITY_KEY = "bpo_crm.mail_activity_type_dealer_key_expires"
# Tells a BPO manager that the dealer refuses the new key of a connection that works.
ACTIVITY_KEY_REFUSED = "bpo_crm.mail_activity_type_dealer_key_refused"
# Asks a BPO manager to send orders again that are missing at a dealer.
ACTIVITY_MISSING = "bpo_crm.mail_activity_type_dealer_orders_missing"
# Tells a BPO manager that no order goes out though orders wait.
ACTIVITY_STALLED = "bpo_crm.mail_activity_type_dealer_orders_stalled"
# The code of a refusal: the key of the order is taken at the dealer by somebody else's.
CONFLICT = "order_conflict"

# Sequences are laid with gaps, so that a record can be put between two others by hand.
SEQUENCE_GAP = 10

# The system parameter: seconds in which a win or a loss can be taken back; 0 for not at all.
UNDO_PARAMETER = "bpo_crm.undo_seconds"
UNDO_SECONDS = 15
MAX_UNDO_SECONDS = 300
# The system parameter: for how many days boards show closed deals at first; 0 for all of them.
CLOSED_DAYS_PARAMETER = "bpo_crm.closed_days"
CLOSED_DAYS = 30
MAX_CLOSED_DAYS = 3650
# The system parameter: for how many days orders are kept that were taken back before any dealer was
# asked; 0 for ever.
WITHDRAWN_DAYS_PARAMETER = "bpo_crm.withdrawn_days"
MAX_WITHDRAWN_DAYS = 3650
# The context key with which orders go out at commit.
SEND_NOW = "bpo_crm_send_now"
