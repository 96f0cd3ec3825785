# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Certificates for dealers in memory: an authority of one's own, and what it signs."""

import datetime
import ipaddress
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Certificate:
    """A certificate with its key, self-signed unless an issuer signs it.

    :param folder: where files of it are written
    :param issuer: the ``Certificate`` that signs it
    :param address: the IP address that it is for
    :param days: until when it is valid
    :param authority: it may sign others
    """

    def __init__(self, folder, name, address=None, days=30, issuer=None, authority=False):
        self.folder, self.name = folder, name
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        signer = issuer or self
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(signer.subject)
            .public_key(self.private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if address:
            names = [x509.IPAddress(ipaddress.ip_address(address))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = builder.sign(signer.private_key, hashes.SHA256())

    @property
    def pem(self):
        """Return the certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private_pem(self):
        """Return the private key as text."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def files(self):
        """Return the paths of certificate and key, for a server."""
        paths = []
        for suffix, text in (("crt", self.pem), ("key", self.private_pem)):
            path = self.folder / f"{self.name}.{suffix}"
            path.write_text(text)
            paths.append(str(path))
        return tuple(paths)


class WithAuthority:
    """Tests with an authority of their own, and a server's certificate that it has issued."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(TemporaryDirectory()))
        cls.authority = Certificate(cls.folder, "authority", authority=True)
        cls.server = Certificate(cls.folder, "server", "127.0.0.1", issuer=cls.authority)
