# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which addresses may be a dealer's: syntax, scheme, and the networks behind a name."""

import ipaddress
import re
import socket
import threading
from urllib.parse import urlsplit

from .errors import DealerAddressRefused, DealerUnreachable
from .untrusted import clean_text

DEFAULT_PORTS = {"http": 80, "https": 443}

# Addresses at which clouds serve secrets to their own machines, outside the link-local
# networks that are refused as a whole.
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address)
    for address in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
METADATA_NAMES = frozenset(("metadata", "metadata.google.internal", "metadata.goog"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_V4_COMPATIBLE = ipaddress.ip_network("::/96")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")

PUBLIC, PRIVATE, FORBIDDEN = "public", "private", "forbidden"
_RANKS = {PUBLIC: 0, PRIVATE: 1, FORBIDDEN: 2}

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# The paths of the Odoo web client that people copy from their browser.
_CLIENT_PATH = re.compile(r"/(odoo|web|app)(/.*)?")


def normalize_url(url):
    """Return the address in its one canonical form, ``scheme://host[:port]``.

    A missing scheme becomes https, and what the web client appends (``/odoo/...``, ``/web#...``)
    is dropped. Syntax only: whether the address is allowed is told by ``check_url``.

    :raise DealerAddressRefused: when it is not the address of a web server
    """
    url = (url or "").strip()
    if not url:
        raise DealerAddressRefused("url_missing")
    shown = clean_text(url.rpartition("@")[2], limit=100)
    if len(url) > 1000 or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise DealerAddressRefused("url_invalid", url=shown)
    if "://" not in url:
        if re.match(r"(?i)(javascript|data|file|mailto|ftp):", url):
            raise DealerAddressRefused("url_scheme")
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts = port = None
    if parts is None or port == 0:
        raise DealerAddressRefused("url_invalid", url=shown)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise DealerAddressRefused("url_scheme")
    if "@" in parts.netloc:
        raise DealerAddressRefused("url_credentials")
    host = normalize_host(parts.hostname)
    if not host:
        raise DealerAddressRefused("url_invalid", url=shown)
    if parts.path.strip("/") and not _CLIENT_PATH.fullmatch(parts.path):
        raise DealerAddressRefused("url_path")
    if (parts.query or parts.fragment) and not _CLIENT_PATH.fullmatch(parts.path):
        raise DealerAddressRefused("url_path")
    suffix = f":{port}" if port and port != DEFAULT_PORTS[scheme] else ""
    return f"{scheme}://{host}{suffix}"


def normalize_host(host):
    """Return the host in lower case ASCII, IPv6 in brackets, or None when it is none."""
    if not host or "%" in host:
        # A zone ("fe80::1%eth0") names a network card of ours.
        return None
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            return None
    try:
        host = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        # A host that ends in a number is an IPv4 address. Its short, octal and hexadecimal
        # forms ("127.1", "0x7f000001") are known to the resolver of the system only, and to
        # those who want to slip past a check.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            return None
    return host


def classify(address):
    """Tell whether an IP address is public, private (also loopback) or forbidden for good."""
    address = ipaddress.ip_address(address)
    if getattr(address, "scope_id", None):
        return FORBIDDEN
    ranks = [_classify_plain(address)]
    ranks.extend(_classify_plain(inner) for inner in _embedded_addresses(address))
    return max(ranks, key=_RANKS.get)


def _classify_plain(address):
    if (
        address in METADATA_ADDRESSES
        or address.is_unspecified
        or address.is_link_local
        or address.is_multicast
    ):
        return FORBIDDEN
    if address.version == 4 and (address in _THIS_NETWORK or address.is_reserved):
        return FORBIDDEN
    if address.is_loopback or address.is_private or not address.is_global:
        return PRIVATE
    if address.version == 6 and (address.is_site_local or address.is_reserved):
        return PRIVATE
    return PUBLIC


def _embedded_addresses(address):
    """Return the IPv4 addresses an IPv6 address stands for, in any of the known mappings."""
    if address.version == 4:
        return []
    found = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    if address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 0xFFFF):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def check_address(host, address, allow_private):
    """Refuse an IP address that a dealer must not have.

    :raise DealerAddressRefused: naming the host as entered and the address behind it
    """
    kind = classify(address)
    if kind == FORBIDDEN:
        raise DealerAddressRefused("address_forbidden", host=host, address=str(address))
    if kind == PRIVATE and not allow_private:
        raise DealerAddressRefused("address_private", host=host, address=str(address))


def check_url(url, allow_http=False, allow_private=False):
    """Return the normalized address, or refuse it by what can be told without the network.

    Names are not resolved here (a form must not wait for a name server, and the answer may
    be another one tomorrow): every connection checks the addresses behind its name again.

    :raise DealerAddressRefused: with the reason
    """
    url = normalize_url(url)
    parts = urlsplit(url)
    if parts.scheme == "http" and not allow_http:
        raise DealerAddressRefused("url_https_required")
    host = parts.hostname
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        literal = None
    if literal is not None:
        check_address(host, literal, allow_private)
    elif host in METADATA_NAMES:
        raise DealerAddressRefused("address_forbidden", host=host, address=host)
    elif host == "localhost" or host.endswith(".localhost"):
        check_address(host, "127.0.0.1", allow_private)
    return url


def resolve(host, port, allow_private, timeout):
    """Return the addresses of a host as (family, sockaddr), all of them checked.

    One forbidden address among them refuses the host: a name that leads to a public server
    and into our network at the same time is not an honest one.

    :raise DealerAddressRefused: when an address is not allowed
    :raise DealerUnreachable: when the name is not known, or not within the timeout
    """
    host = host.strip("[]")
    answers = _getaddrinfo(host, port, timeout)
    if not answers:
        raise DealerUnreachable("dns_failed", request_sent=False, host=host)
    for _family, sockaddr in answers:
        check_address(host, sockaddr[0], allow_private)
    return answers


def _getaddrinfo(host, port, timeout):
    """Look a name up, in a thread: the system's resolver knows no timeout."""
    answers = []

    def look_up():
        try:
            for family, _kind, _proto, _name, sockaddr in socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            ):
                answers.append((family, sockaddr))
        except (OSError, UnicodeError):
            answers.clear()

    thread = threading.Thread(target=look_up, name="bpo_crm.dns", daemon=True)
    thread.start()
    thread.join(timeout)
    return [] if thread.is_alive() else answers
