# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Dealers whose certificate an authority of their own has signed: servers with real TLS."""

import ssl

import requests

from ...dealer_api import (
    DealerError,
    DealerSession,
    DealerUnreachable,
    clean_certificates,
)
from .certificates import Certificate, WithAuthority
from .common import PROTOCOLS, DealerApiCase, cases
from .fault_dealer import FaultDealer
from .test_transport import settings_for


class CertificateCase(WithAuthority, DealerApiCase):
    def log_in(self, trusted, certificate=None, **options):
        """Log in at a dealer who has a certificate; return the error, or None."""
        certificate = certificate or self.server
        with FaultDealer(certificate=certificate.files) as dealer:
            settings = settings_for(dealer, ca_certificates=trusted, allow_http=False, **options)
            with DealerSession(settings) as session:
                try:
                    self.assertEqual(session.uid, dealer.uid)
                except DealerError as error:
                    self.assertEqual(dealer.requests, [])
                    return error
        return None


class TestPrivateAuthority(CertificateCase):
    @cases("protocol", PROTOCOLS)
    def test_trusted_where_it_was_entered(self, protocol):
        self.assertIsNone(self.log_in(self.authority.pem, protocol=protocol))

    def test_trusted_nowhere_else(self):
        for _time in range(2):
            error = self.log_in(None)
            self.assertIsInstance(error, DealerUnreachable)
            self.assertEqual((error.code, error.request_sent), ("certificate_invalid", False))
            self.assertIsNone(self.log_in(self.authority.pem))

    def test_others_do_not_replace_it(self):
        other = Certificate(self.folder, "other-authority", authority=True)
        self.assertEqual(self.log_in(other.pem).code, "certificate_invalid")
        self.assertIsNone(self.log_in(other.pem + self.authority.pem))

    def test_the_usual_ones_are_trusted_besides(self):
        """A dealer may get a public certificate one day, and orders go on."""
        usual = self.folder / "usual.pem"
        usual.write_text(self.authority.pem)
        other = Certificate(self.folder, "mine", authority=True)
        original = requests.adapters.DEFAULT_CA_BUNDLE_PATH
        self.addCleanup(setattr, requests.adapters, "DEFAULT_CA_BUNDLE_PATH", original)
        requests.adapters.DEFAULT_CA_BUNDLE_PATH = str(usual)
        self.assertIsNone(self.log_in(other.pem))

    def test_certificate_of_the_server_itself(self):
        """Which is what people find first; it says nothing about other servers."""
        self.assertIsNone(self.log_in(self.server.pem))
        other = Certificate(self.folder, "server-2", "127.0.0.1", issuer=self.authority)
        self.assertEqual(self.log_in(other.pem).code, "certificate_invalid")

    @cases(
        ("address", "days"),
        [("127.0.0.2", 30), ("127.0.0.1", -1)],
    )
    def test_name_and_date_are_checked(self, address, days):
        server = Certificate(self.folder, "wrong", address, days, issuer=self.authority)
        self.assertEqual(self.log_in(self.authority.pem, server).code, "certificate_invalid")


class TestCleanCertificates(CertificateCase):
    """What managers may enter: public certificates, nothing else."""

    def refused(self, text):
        with self.assertRaises(DealerError) as caught:
            clean_certificates(text)
        self.assertNotIn("MIG", str(caught.exception))
        return caught.exception.code

    def test_normal_form(self):
        one, two = self.authority.pem, self.server.pem
        pasted = f"subject=CN = authority\r\n{one}\n  \n{two}".replace("\n", "\r\n")
        self.assertEqual(clean_certificates(pasted), one + two)
        self.assertEqual(clean_certificates(one + two), one + two)
        self.assertIsNone(clean_certificates(" \n"))
        self.assertIsNone(clean_certificates(None))

    def test_private_keys(self):
        key = self.server.private_pem
        for text in (
            key,
            self.authority.pem + key,
            key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            key.replace("PRIVATE", "RSA PRIVATE"),
            key.replace("PRIVATE", "EC PRIVATE").replace("\n", " "),
            key.lower(),
        ):
            self.assertEqual(self.refused(text), "certificates_private_key")

    def test_other_things(self):
        request = self.authority.pem.replace("CERTIFICATE", "CERTIFICATE REQUEST")
        self.assertEqual(self.refused(request), "certificates_other")
        self.assertEqual(self.refused(self.authority.pem + request), "certificates_other")
        self.assertEqual(self.refused("https://ca.example.com"), "certificates_none")
        self.assertEqual(self.refused("/etc/ssl/certs/ca.pem"), "certificates_none")

    def test_broken_ones(self):
        lines = self.authority.pem.splitlines(keepends=True)
        without_end = "".join(lines[:-1])
        for broken in (
            "".join(lines[:2] + lines[3:]),
            "".join([*lines[:2], "?" * 64 + "\n", *lines[3:]]),
            lines[0] + "bm90IGEgY2VydGlmaWNhdGU=\n" + lines[-1],
            lines[0] + lines[-1],
        ):
            with self.subTest(broken[:80]):
                self.assertEqual(self.refused(broken), "certificates_unreadable")
                self.assertEqual(self.refused(self.server.pem + broken), "certificates_unreadable")
        self.assertEqual(self.refused(without_end), "certificates_none")
        self.assertEqual(self.refused(without_end + self.server.pem), "certificates_unreadable")

    def test_too_much(self):
        self.assertEqual(self.refused(self.authority.pem * 1000), "certificates_too_large")
        self.assertEqual(self.refused("-----BEGIN " * 100_000), "certificates_too_large")

    def test_a_context_takes_them(self):
        ssl.create_default_context(cadata=clean_certificates(self.authority.pem))
