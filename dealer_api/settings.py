# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How a dealer's Odoo is reached."""

from dataclasses import dataclass, field

from .protocols import PROTOCOLS

# The choice of a protocol is left to us.
AUTO = "auto"


@dataclass(frozen=True)
class ConnectionSettings:
    """Everything needed to talk with one dealer.

    What identifies the service user stays out of the representation, so that it cannot get
    into a log by way of one. Times are in seconds.
    """

    url: str
    database: str = field(repr=False)
    login: str = field(repr=False)
    api_key: str = field(repr=False)
    # The name of a protocol. AUTO takes JSON-2 where the dealer has it and the key works there,
    # else XML-RPC.
    protocol: str = AUTO
    # Plain http is permitted for this dealer.
    allow_http: bool = False
    # Loopback and private addresses are permitted on this system.
    allow_private: bool = False
    connect_timeout: float = 5.0
    # Until an answer is complete, not only until its next byte.
    read_timeout: float = 30.0
    # For all requests of one session together.
    session_timeout: float = 180.0
    # Largest answer accepted, unpacked. Read, it takes up to thirty times as much memory, and so
    # many talks go on at once; a thousand contacts are less than half of it.
    max_bytes: int = 2 * 1024 * 1024
    # All talks of this process together; None is as many as there are.
    requests_per_second: float | None = None
    # Certificates (PEM) of authorities to trust besides the usual ones.
    ca_certificates: str | None = field(default=None, repr=False)
    # The proxy of our own network, with its user and password; see ``clean_proxy``. The environment
    # is not asked for one.
    proxy: str | None = field(default=None, repr=False)
    # Learned in an earlier session. May be out of date: nothing depends on their truth.
    server_version: str | None = None
    uid: int | None = None
    # What ``DealerSession.learnt`` of an earlier session was: plain JSON.
    remembered: dict | None = field(default=None, repr=False)

    def __post_init__(self):
        if self.protocol != AUTO and self.protocol not in PROTOCOLS:
            raise ValueError(f"unknown protocol {self.protocol!r}")
