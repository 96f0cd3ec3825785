# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which addresses are taken for a dealer's, and where connections really go."""

import socket
from unittest.mock import patch
from urllib.parse import urlsplit

from odoo.tests import common

from ...dealer_api import (
    ConnectionSettings,
    DealerAddressRefused,
    DealerSession,
    DealerUnreachable,
    check_url,
    normalize_url,
)
from ...dealer_api.address import FORBIDDEN, PRIVATE, PUBLIC, classify
from .common import DealerApiCase, cases
from .fault_dealer import FaultDealer


class Resolver:
    """Answer look-ups of names from a table; count them."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self._original = socket.getaddrinfo

    def __call__(self, host, port, *args, **kwargs):
        if not host.endswith(".test"):
            return self._original(host, port, *args, **kwargs)
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        found = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            tail = (0, 0) if ":" in address else ()
            found.append((family, socket.SOCK_STREAM, 6, "", (address, port, *tail)))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found


def open_session(port, database="any_database", **kwargs):
    options = {"allow_http": True, "allow_private": True, "protocol": "xmlrpc", **kwargs}
    return DealerSession(
        ConnectionSettings(
            f"http://dealer.test:{port}",
            database,
            FaultDealer.login,
            FaultDealer.api_key,
            connect_timeout=2,
            read_timeout=5,
            **options,
        )
    )


class TestDealerAddress(DealerApiCase):
    """Addresses as entered, as resolved, and as connected to."""

    @cases(
        ("entered", "normal"),
        [
            ("https://dealer.example", "https://dealer.example"),
            (" HTTPS://Dealer.Example/ ", "https://dealer.example"),
            ("dealer.example", "https://dealer.example"),
            ("dealer.example:8069", "https://dealer.example:8069"),
            ("https://dealer.example:443", "https://dealer.example"),
            ("http://dealer.example:80/", "http://dealer.example"),
            ("https://dealer.example/odoo/sales/12", "https://dealer.example"),
            ("https://dealer.example/web#action=1&model=sale.order", "https://dealer.example"),
            ("https://dealer.example/web/login?redirect=x", "https://dealer.example"),
            ("https://dealer.example.", "https://dealer.example"),
            ("https://münchen.example", "https://xn--mnchen-3ya.example"),
            ("https://[2001:DB8:0::1]:8069", "https://[2001:db8::1]:8069"),
            ("https://192.0.2.7", "https://192.0.2.7"),
        ],
    )
    def test_normal_form(self, entered, normal):
        self.assertEqual(normalize_url(entered), normal)
        self.assertEqual(normalize_url(normal), normal)

    @cases(
        ("entered", "code"),
        [
            ("", "url_missing"),
            (None, "url_missing"),
            ("https://", "url_invalid"),
            ("https:///path", "url_invalid"),
            ("https://dealer example", "url_invalid"),
            ("https://dealer.example\r\nHost: evil", "url_invalid"),
            ("https://dealer.example\\@evil.example", "url_invalid"),
            ("https://-dealer.example", "url_invalid"),
            ("https://dealer..example", "url_invalid"),
            ("https://dealer.example:99999", "url_invalid"),
            ("https://dealer.example:0", "url_invalid"),
            ("https://[::1", "url_invalid"),
            ("https://[fe80::1%25eth0]", "url_invalid"),
            ("https://2130706433", "url_invalid"),
            ("https://127.1", "url_invalid"),
            ("https://0x7f000001", "url_invalid"),
            ("https://0177.0.0.1", "url_invalid"),
            ("https://0x7f.0.0.0x1", "url_invalid"),
            ("ftp://dealer.example", "url_scheme"),
            ("file:///etc/passwd", "url_scheme"),
            ("javascript:alert(1)", "url_scheme"),
            ("gopher://dealer.example", "url_scheme"),
            ("https://user:secret@dealer.example", "url_credentials"),
            ("https://user@dealer.example", "url_credentials"),
            ("https://dealer.example/shop", "url_path"),
            ("https://dealer.example/?db=x", "url_path"),
        ],
    )
    def test_not_an_address(self, entered, code):
        with self.assertRaises(DealerAddressRefused) as caught:
            normalize_url(entered)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(caught.exception.remedy, "pause")
        self.assertNotIn("secret", str(caught.exception))

    @cases(
        ("address", "kind"),
        [
            ("8.8.8.8", PUBLIC),
            ("2606:4700::1111", PUBLIC),
            ("127.0.0.1", PRIVATE),
            ("127.255.255.254", PRIVATE),
            ("10.0.0.1", PRIVATE),
            ("172.16.0.1", PRIVATE),
            ("192.168.1.1", PRIVATE),
            ("100.64.0.1", PRIVATE),
            ("::1", PRIVATE),
            ("fc00::1", PRIVATE),
            ("fec0::1", PRIVATE),
            ("::ffff:127.0.0.1", PRIVATE),
            ("::ffff:10.0.0.1", PRIVATE),
            ("64:ff9b::10.0.0.1", PRIVATE),
            ("2002:7f00:1::", PRIVATE),
            ("169.254.169.254", FORBIDDEN),
            ("169.254.0.1", FORBIDDEN),
            ("fe80::1", FORBIDDEN),
            ("fd00:ec2::254", FORBIDDEN),
            ("100.100.100.200", FORBIDDEN),
            ("168.63.129.16", FORBIDDEN),
            ("0.0.0.0", FORBIDDEN),
            ("0.1.2.3", FORBIDDEN),
            ("::", FORBIDDEN),
            ("224.0.0.1", FORBIDDEN),
            ("ff02::1", FORBIDDEN),
            ("255.255.255.255", FORBIDDEN),
            ("240.0.0.1", FORBIDDEN),
            ("::ffff:169.254.169.254", FORBIDDEN),
            ("::ffff:0.0.0.0", FORBIDDEN),
            ("::169.254.169.254", FORBIDDEN),
            ("64:ff9b::169.254.169.254", FORBIDDEN),
            ("2002:a9fe:a9fe::", FORBIDDEN),
        ],
    )
    def test_networks(self, address, kind):
        self.assertEqual(classify(address), kind)

    @cases(
        ("url", "allowed", "code"),
        [
            ("https://dealer.example", {}, None),
            ("http://dealer.example", {}, "url_https_required"),
            ("http://dealer.example", {"allow_http": True}, None),
            ("https://127.0.0.1", {}, "address_private"),
            ("https://localhost:8069", {}, "address_private"),
            ("https://a.localhost", {}, "address_private"),
            ("https://192.168.1.10", {}, "address_private"),
            ("https://[::1]", {}, "address_private"),
            ("https://127.0.0.1", {"allow_private": True}, None),
            ("https://[::1]", {"allow_private": True}, None),
            ("https://localhost", {"allow_private": True}, None),
            ("https://169.254.169.254", {"allow_private": True}, "address_forbidden"),
            ("https://[::ffff:169.254.169.254]", {"allow_private": True}, "address_forbidden"),
            ("https://[fd00:ec2::254]", {"allow_private": True}, "address_forbidden"),
            ("https://0.0.0.0", {"allow_private": True}, "address_forbidden"),
            ("https://[::]", {"allow_private": True}, "address_forbidden"),
            ("https://metadata.google.internal", {"allow_private": True}, "address_forbidden"),
        ],
    )
    def test_what_is_allowed(self, url, allowed, code):
        if code is None:
            self.assertEqual(check_url(url, **allowed), normalize_url(url))
            return
        with self.assertRaises(DealerAddressRefused) as caught:
            check_url(url, **allowed)
        self.assertEqual(caught.exception.code, code)

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Let names under .test through Odoo's block of requests: the resolver answers for them."""
        if urlsplit(request.url).hostname == "dealer.test":
            return common._super_send(session, request, **kwargs)
        return super()._request_handler(session, request, **kwargs)

    def prepare(self):
        self.resolver = Resolver()
        self.fixtures.enter_context(patch.object(socket, "getaddrinfo", self.resolver))

    def test_connects_to_the_address_that_was_checked(self):
        """A second look-up could lead elsewhere (DNS rebinding): there is none."""
        self.resolver.answers = [["127.0.0.1"], ["169.254.169.254"]]
        with FaultDealer() as dealer, open_session(dealer.port, dealer.database) as session:
            self.assertEqual(session.server_version, "19.0")
            self.assertEqual(session.uid, dealer.uid)
            self.assertEqual(dealer.headers[0]["Host"], f"dealer.test:{dealer.port}")
            self.assertEqual(dealer.connection_count, 1)
        self.assertEqual(self.resolver.asked, ["dealer.test"])

    def test_each_new_connection_is_checked_again(self):
        self.resolver.answers = [["127.0.0.1"], ["169.254.169.254"]]
        with FaultDealer() as dealer, open_session(dealer.port) as session:
            dealer.inject("drop_after", "version")
            with self.assertRaises(DealerUnreachable):
                _ = session.server_version
            with self.assertRaises(DealerAddressRefused) as caught:
                _ = session.server_version
            self.assertEqual(caught.exception.code, "address_forbidden")
            self.assertIs(caught.exception.request_sent, False)
            self.assertEqual(dealer.connection_count, 1)

    @cases(
        ("addresses", "allow_private", "code"),
        [
            (["127.0.0.1"], False, "address_private"),
            (["8.8.8.8", "10.0.0.1"], False, "address_private"),
            (["127.0.0.1", "169.254.169.254"], True, "address_forbidden"),
            (["::ffff:169.254.169.254"], True, "address_forbidden"),
            (["fe80::1"], True, "address_forbidden"),
        ],
    )
    def test_every_address_behind_a_name_counts(self, addresses, allow_private, code):
        self.resolver.answers = [addresses]
        with FaultDealer() as dealer:
            session = open_session(dealer.port, allow_private=allow_private)
            with session, self.assertRaises(DealerAddressRefused) as caught:
                _ = session.server_version
            self.assertEqual(caught.exception.code, code)
            self.assertEqual(caught.exception.remedy, "pause")
            self.assertEqual(dealer.connection_count, 0)

    def test_unknown_name(self):
        self.resolver.answers = [[]]
        with open_session(8069) as session, self.assertRaises(DealerUnreachable) as caught:
            _ = session.server_version
        self.assertEqual(caught.exception.code, "dns_failed")
        self.assertEqual(caught.exception.remedy, "retry")
        self.assertIs(caught.exception.request_sent, False)

    def test_next_address_when_the_first_refuses(self):
        self.resolver.answers = [["127.0.0.2", "127.0.0.1"]]
        with FaultDealer() as dealer, open_session(dealer.port) as session:
            # The server listens on 127.0.0.1 only.
            self.assertEqual(session.server_version, "19.0")
