# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The talk with a dealer's Odoo: plain Python, no ORM.

``DealerSession`` speaks XML-RPC or JSON-2, ``push_orders`` brings orders over, each exactly
once, ``check_connection`` tells what is missing for that. What goes wrong is a ``DealerError``
with a code of ``MESSAGES`` and an outcome.
"""

from .address import check_url, normalize_url
from .check import CheckLine, ConnectionReport, check_connection
from .errors import (
    MESSAGES,
    DealerAccessRefused,
    DealerAddressRefused,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerUnreachable,
    clean_text,
)
from .orders import BATCH_SIZE, OrderResult, push_orders, read_orders
from .session import DealerSession
from .settings import ConnectionSettings

__all__ = [
    "BATCH_SIZE",
    "MESSAGES",
    "CheckLine",
    "ConnectionReport",
    "ConnectionSettings",
    "DealerAccessRefused",
    "DealerAddressRefused",
    "DealerBadAnswer",
    "DealerError",
    "DealerFault",
    "DealerSession",
    "DealerUnreachable",
    "OrderResult",
    "check_connection",
    "check_url",
    "clean_text",
    "normalize_url",
    "push_orders",
    "read_orders",
]
