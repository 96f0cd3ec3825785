# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The talk with a dealer's Odoo: plain Python, no ORM.

``DealerSession`` speaks XML-RPC or JSON-2, ``push_orders`` brings orders over, each exactly
once, ``check_connection`` tells what is missing for that. What an order is stands in
``payload.py``. What goes wrong is a ``DealerError`` with a code of ``MESSAGES`` and a remedy.
"""

from .address import check_url, normalize_url
from .catalog import Catalog, Offer, look_at_products
from .certificates import clean_certificates
from .check import CAUTIONS, CheckContext, CheckLine, CheckStep, ConnectionReport, check_connection
from .errors import (
    PAUSE,
    PAUSE_IF_STANDING,
    RETRY,
    DealerAccessRefused,
    DealerAccessUncertain,
    DealerAddressRefused,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerSlowDown,
    DealerUnreachable,
)
from .identity import is_shown_as, normal_email, normal_phone
from .looking import HIDDEN, MISSING, UNSEEN, Look, look_at_orders
from .messages import MESSAGES, fill_in, render
from .orders import BATCH_SIZE, push_orders
from .payload import (
    LINE_FIELDS,
    SCHEMA,
    Customer,
    Order,
    OrderLine,
    is_default_column,
    may_be_default,
    next_external_id,
)
from .pricelists import new_customer_currency
from .protocols import PROTOCOLS, Json2, Protocol, XmlRpc, register_protocol
from .proxy import clean_proxy
from .remote import RemoteOrder, find_existing, read_orders
from .sending import FAILED, NEW, OLD, SENT, OrderResult
from .session import DealerSession
from .settings import AUTO, ConnectionSettings
from .survey import KnownOrder, Survey, survey_orders
from .untrusted import clean_text

__all__ = [
    "AUTO",
    "BATCH_SIZE",
    "CAUTIONS",
    "FAILED",
    "HIDDEN",
    "KnownOrder",
    "LINE_FIELDS",
    "MESSAGES",
    "MISSING",
    "NEW",
    "OLD",
    "PAUSE",
    "PAUSE_IF_STANDING",
    "PROTOCOLS",
    "RETRY",
    "SCHEMA",
    "SENT",
    "UNSEEN",
    "Catalog",
    "CheckContext",
    "CheckLine",
    "CheckStep",
    "ConnectionReport",
    "ConnectionSettings",
    "Customer",
    "DealerAccessRefused",
    "DealerAccessUncertain",
    "DealerAddressRefused",
    "DealerBadAnswer",
    "DealerError",
    "DealerFault",
    "DealerSession",
    "DealerSlowDown",
    "DealerUnreachable",
    "Json2",
    "Look",
    "Offer",
    "Order",
    "OrderLine",
    "OrderResult",
    "Protocol",
    "RemoteOrder",
    "Survey",
    "XmlRpc",
    "check_connection",
    "check_url",
    "clean_certificates",
    "clean_proxy",
    "clean_text",
    "fill_in",
    "find_existing",
    "is_default_column",
    "is_shown_as",
    "look_at_orders",
    "look_at_products",
    "may_be_default",
    "new_customer_currency",
    "next_external_id",
    "normal_email",
    "normal_phone",
    "normalize_url",
    "push_orders",
    "read_orders",
    "register_protocol",
    "render",
    "survey_orders",
]
