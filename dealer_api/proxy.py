# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The proxy of our own network, where dealers are reached through one."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .address import DEFAULT_PORTS, FORBIDDEN, METADATA_NAMES, classify, normalize_host
from .errors import DealerError

_MAX_LENGTH = 1000


@dataclass(frozen=True)
class Proxy:
    """A proxy for all talks with dealers."""

    # With user and password
    url: str = field(repr=False)
    # Host and port, as people may read them
    address: str
    # What must never show up in a message
    secrets: tuple = field(default=(), repr=False)


def clean_proxy(text):
    """Return the address of a proxy in its normal form, with user and password; None when empty.

    :raise DealerError: it is none; nothing of it is in the words
    """
    proxy = parse_proxy(text)
    return proxy and proxy.url


def parse_proxy(text):
    """Return the ``Proxy`` of an address, None when it is empty.

    A missing scheme becomes http, and a missing port that of the scheme.

    :raise DealerError: it is none; nothing of it is in the words
    """
    text = (text or "").strip()
    if not text:
        return None
    proxy = _parse(text if "://" in text else f"http://{text}")
    if not proxy:
        raise DealerError("proxy_invalid", request_sent=False)
    return proxy


def _parse(url):
    if len(url) > _MAX_LENGTH or re.search(r"[\s\\\x00-\x20\x7f]", url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    host = normalize_host(parts.hostname)
    if scheme not in DEFAULT_PORTS or not host or port == 0 or _is_forbidden(host):
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    address = f"{host}:{port or DEFAULT_PORTS[scheme]}"
    credentials, at, _host = parts.netloc.rpartition("@")
    secrets = [part for part in (parts.username, parts.password) if part]
    secrets += [unquote(part) for part in secrets]
    return Proxy(f"{scheme}://{credentials}{at}{address}", address, tuple(secrets))


def _is_forbidden(host):
    """Tell whether nobody's proxy is there, by what can be told without the network."""
    try:
        return classify(ipaddress.ip_address(host.strip("[]"))) == FORBIDDEN
    except ValueError:
        return host in METADATA_NAMES
