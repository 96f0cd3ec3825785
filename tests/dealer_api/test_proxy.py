# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Dealers behind a proxy of ours: what is checked before it is asked, and what is said of it."""

import logging
import socket
from unittest.mock import patch

from odoo.tests import common

from ...dealer_api import (
    ConnectionSettings,
    DealerAddressRefused,
    DealerError,
    DealerSession,
    DealerUnreachable,
    clean_proxy,
)
from .certificates import Certificate, WithAuthority
from .common import PROTOCOLS, DealerApiCase, cases
from .connect_proxy import ConnectProxy
from .fault_dealer import FaultDealer
from .test_address import Resolver
from .test_transport import read_product, settings_for


class ProxyCase(WithAuthority, DealerApiCase):
    def prepare(self):
        self.dealer.add_product("VH-1")

    def open_secure_dealer(self):
        dealer = self.fixtures.enter_context(FaultDealer(certificate=self.server.files))
        dealer.add_product("VH-1")
        return dealer

    def open_proxy(self, **options):
        return self.fixtures.enter_context(ConnectProxy(**options))

    def talk(self, dealer, proxy, protocol="xmlrpc", **options):
        """Read something from a dealer; return the error, or None."""
        options = {"ca_certificates": self.authority.pem, **options}
        url = proxy if isinstance(proxy, str) else proxy.url
        settings = settings_for(dealer, protocol, proxy=url, **options)
        with DealerSession(settings) as session:
            try:
                self.assertTrue(read_product(session))
            except DealerError as error:
                self.assertIsNone(error.__context__)
                return error
        return None


class TestProxy(ProxyCase):
    @cases("protocol", PROTOCOLS)
    def test_tunnel(self, protocol):
        dealer, proxy = self.open_secure_dealer(), self.open_proxy()
        self.assertIsNone(self.talk(dealer, proxy, protocol))
        # one connection for all requests, as without a proxy
        self.assertEqual(proxy.hosts, [f"127.0.0.1:{dealer.port}"])
        self.assertEqual(dealer.connection_count, 1)

    @cases("protocol", PROTOCOLS)
    def test_plain_http(self, protocol):
        proxy = self.open_proxy()
        self.assertIsNone(self.talk(self.dealer, proxy, protocol))
        self.assertTrue(all(f" {self.dealer.url}/" in line for line in proxy.asked), proxy.asked)

    def test_the_certificate_is_the_dealers(self):
        dealer, proxy = self.open_secure_dealer(), self.open_proxy()
        error = self.talk(dealer, proxy, ca_certificates=None)
        self.assertEqual((error.code, error.request_sent), ("certificate_invalid", False))
        self.assertEqual(dealer.requests, [])

    def test_proxy_that_is_spoken_to_by_https(self):
        """Its certificate is one of the usual ones; the dealer's own authority is not asked."""
        dealer = self.open_secure_dealer()
        certificate = Certificate(self.folder, "proxy", "127.0.0.1", issuer=self.authority)
        proxy = self.open_proxy(certificate=certificate.files)
        self.assertEqual(self.talk(dealer, proxy).code, "proxy_unreachable")
        usual = self.folder / "usual.pem"
        usual.write_text(self.authority.pem)
        with patch("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(usual)):
            self.assertIsNone(self.talk(dealer, proxy))

    def test_the_environment_is_still_ignored(self):
        proxy = self.open_proxy()
        with patch.dict("os.environ", {"no_proxy": "*", "http_proxy": "http://127.0.0.1:9"}):
            self.assertIsNone(self.talk(self.dealer, proxy))
        self.assertTrue(proxy.asked)

    def test_login(self):
        dealer = self.open_secure_dealer()
        proxy = self.open_proxy(credentials="robot:p%40ss-word")
        for asked in (dealer, self.dealer):
            proxy.credentials = "robot:p@ss-word"
            url = f"http://robot:p%40ss-word@{proxy.address}"
            self.assertIsNone(self.talk(asked, url))
            error = self.talk(asked, f"http://robot:wrong-word@{proxy.address}")
            self.assertEqual((error.code, error.remedy), ("proxy_login", "retry"))
            self.assertEqual(error.details, {"proxy": proxy.address})

    @cases("status", [403, 502, 504])
    def test_proxy_refuses(self, status):
        dealer, proxy = self.open_secure_dealer(), self.open_proxy(status=status)
        error = self.talk(dealer, proxy)
        self.assertIsInstance(error, DealerUnreachable)
        self.assertEqual((error.code, error.request_sent), ("proxy_refused", False))
        self.assertEqual(
            error.details, {"proxy": proxy.address, "host": "127.0.0.1", "status": status}
        )

    def test_proxy_is_down_or_silent(self):
        dealer = self.open_secure_dealer()
        with ConnectProxy() as proxy:
            proxy.silent = True
            error = self.talk(dealer, proxy)
            self.assertEqual((error.code, error.request_sent), ("proxy_unreachable", False))
            url = proxy.url
        for asked in (dealer, self.dealer):
            error = self.talk(asked, url)
            self.assertEqual((error.code, error.request_sent), ("proxy_unreachable", False))
            self.assertEqual(error.remedy, "retry")
        self.assertEqual(dealer.requests, [])

    @cases("fault", ["drop_after", "cut", "hang"])
    def test_answers_that_are_lost(self, fault):
        """As without a proxy: the dealer may have acted on the request."""
        dealer, proxy = self.open_secure_dealer(), self.open_proxy()
        dealer.inject(fault, "search_read")
        error = self.talk(dealer, proxy, read_timeout=1)
        self.assertTrue(error.request_sent)
        self.assertIn(error.code, ("connection_lost", "answer_timeout"))
        self.assertEqual(dealer.calls("product.product.search_read"), 1)

    def test_nobody_at_the_dealer(self):
        dealer, proxy = self.open_secure_dealer(), self.open_proxy()
        dealer.stop()
        error = self.talk(dealer, proxy)
        self.assertFalse(error.request_sent)
        self.assertEqual(error.code, "proxy_unreachable")


class TestAddressesBehindProxy(ProxyCase):
    """Which address may be a dealer's is decided before the proxy is asked."""

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Let all requests through Odoo's block: each of these ends at the proxy, or before."""
        return common._super_send(session, request, **kwargs)

    def ask(self, url, proxy, **options):
        options = {"allow_http": True, **options}
        settings = ConnectionSettings(url, "db", "login", "key", proxy=proxy.url, **options)
        with DealerSession(settings) as session, self.assertRaises(DealerError) as caught:
            _ = session.server_version
        return caught.exception

    @cases(
        ("url", "code"),
        [
            ("https://169.254.169.254", "address_forbidden"),
            ("http://169.254.169.254", "address_forbidden"),
            ("https://metadata.google.internal", "address_forbidden"),
            ("https://127.0.0.1:8069", "address_private"),
            ("https://localhost:8069", "address_private"),
            ("http://192.168.1.5", "address_private"),
        ],
    )
    def test_never(self, url, code):
        proxy = self.open_proxy()
        error = self.ask(url, proxy)
        self.assertIsInstance(error, DealerAddressRefused)
        self.assertEqual((error.code, proxy.asked), (code, []))

    def prepare(self):
        self.resolver = Resolver()
        self.fixtures.enter_context(patch.object(socket, "getaddrinfo", self.resolver))

    @cases("address", ["10.0.0.5", "169.254.169.254", "::1"])
    def test_names_that_lead_there(self, address):
        proxy = self.open_proxy()
        self.resolver.answers = [[address]]
        for url in ("https://dealer.test", "http://dealer.test"):
            self.assertIsInstance(self.ask(url, proxy), DealerAddressRefused)
        self.assertEqual(proxy.asked, [])

    def test_names_that_are_not_known_here(self):
        """Behind a proxy there often is nobody to ask: the proxy looks the name up itself."""
        self.resolver.answers = [[]]
        with FaultDealer(certificate=self.server.files) as dealer:
            proxy = self.open_proxy(names={"dealer.test": "127.0.0.1"})
            error = self.ask(f"https://dealer.test:{dealer.port}", proxy)
        # that it is the certificate of another proves that the server was reached
        self.assertEqual(error.code, "certificate_invalid")
        self.assertEqual(proxy.hosts, [f"dealer.test:{dealer.port}"])

    def test_proxy_at_a_forbidden_address(self):
        self.resolver.answers = [["169.254.169.254"]]
        settings = settings_for(self.dealer, proxy="http://proxy.test:3128")
        with DealerSession(settings) as session, self.assertRaises(DealerUnreachable) as caught:
            _ = session.server_version
        self.assertEqual(caught.exception.code, "proxy_unreachable")


class TestCleanProxy(ProxyCase):
    @cases(
        ("text", "clean"),
        [
            (None, None),
            (" ", None),
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
            (" proxy.example.com:3128/ ", "http://proxy.example.com:3128"),
            ("HTTPS://Proxy.Example.com", "https://proxy.example.com:443"),
            ("10.0.0.1:8080", "http://10.0.0.1:8080"),
            ("http://[fd00::1]:3128", "http://[fd00::1]:3128"),
            ("http://me:p%40ss@proxy:3128", "http://me:p%40ss@proxy:3128"),
        ],
    )
    def test_normal_form(self, text, clean):
        self.assertEqual(clean_proxy(text), clean)

    @cases(
        "text",
        [
            "socks5://proxy.example.com:1080",
            "http://",
            "http://me:secret-word@",
            "http://me:secret-word@proxy:port",
            "http://me:secret-word@proxy/path",
            "http://me:secret-word@proxy?x=1",
            "http://me:secret word@proxy",
            "http://me:secret-word@0x7f000001",
            "http://me:secret-word@169.254.169.254:80",
            "http://me:secret-word@prox\ny",
            "x" * 2000,
        ],
    )
    def test_refused_without_saying_the_password(self, text):
        with self.assertRaises(DealerError) as caught:
            clean_proxy(text)
        error = caught.exception
        self.assertEqual((error.code, error.remedy), ("proxy_invalid", "retry"))
        self.assertNotIn("secret", f"{error} {error.details}")
        with DealerSession(settings_for(self.dealer, proxy=text)) as session:
            with self.assertRaises(DealerError) as caught:
                _ = session.server_version
            self.assertEqual(caught.exception.code, "proxy_invalid")

    def test_password_is_nowhere(self):
        dealer = self.open_secure_dealer()
        proxy = self.open_proxy(credentials="robot-user:proxy-word")
        shown = []
        logger = logging.getLogger()
        with self.assertLogs(logger, "DEBUG") as logs:
            for status in (None, 403):
                proxy.status = status
                for asked in (dealer, self.dealer):
                    settings = settings_for(
                        asked, proxy=proxy.url, ca_certificates=self.authority.pem
                    )
                    with DealerSession(settings) as session:
                        try:
                            read_product(session)
                        except DealerError as error:
                            shown += [repr(error), repr(vars(error))]
                        shown += [repr(settings), repr(session), repr(session.transport)]
                        shown.append(session.transport.clean("login proxy-word of robot-user"))
        self.assertTrue(proxy.asked)
        for text in (*logs.output, *shown):
            self.assertNotIn("proxy-word", text)
            self.assertNotIn("robot-user", text)
