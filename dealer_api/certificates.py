# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Certificates of a dealer's own authority: what may be entered, and what it is worth.

They are trusted besides the usual ones, not instead of them: a dealer who gets a public certificate
one day goes on getting orders, and is as safe with it as every dealer who has one from the start.
"""

import re
import ssl

from urllib3.util.ssl_ import create_urllib3_context

from .errors import DealerError
from .untrusted import clean_text

# A chain is a few thousand characters.
MAX_CHARACTERS = 100_000
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_BEGINNING = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")


def clean_certificates(text):
    """Return what somebody entered as certificates (PEM), and nothing else; None when empty.

    What stands around them (names, comments) is dropped.

    :raise DealerError: there is something else than certificates; a private key above all
    """
    text = (text or "").strip()
    if not text:
        return None
    if len(text) > MAX_CHARACTERS:
        raise _refusal("certificates_too_large", limit=MAX_CHARACTERS)
    if "PRIVATE KEY" in text.upper():
        raise _refusal("certificates_private_key")
    blocks = _BLOCK.findall(text)
    for label, _body in blocks:
        if label != "CERTIFICATE":
            raise _refusal("certificates_other", kind=clean_text(label, limit=40))
    if not blocks:
        raise _refusal("certificates_none")
    if len(blocks) != len(_BEGINNING.findall(text)):
        # one without its end, perhaps in the middle of another
        raise _refusal("certificates_unreadable", number=len(blocks) + 1)
    return "".join(_normalize(body, number) for number, (_label, body) in enumerate(blocks, 1))


def _normalize(body, number):
    """Return one certificate in the one form in which certificates are kept."""
    data = "".join(body.split())
    lines = [data[start : start + 64] for start in range(0, len(data), 64)]
    pem = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        failure = _refusal("certificates_unreadable", number=number)
    else:
        return pem
    raise failure


def _refusal(code, **details):
    return DealerError(code, request_sent=False, **details)


def make_context(certificates):
    """Return the context of connections that trust these certificates besides the usual ones.

    The usual ones are loaded into it by urllib3, at each connection. A certificate that is no
    authority's is trusted for the server that has it.

    :param str certificates: as :func:`clean_certificates` returns them
    """
    context = create_urllib3_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificates)
    return context
