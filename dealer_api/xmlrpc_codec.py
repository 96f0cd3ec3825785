# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""XML-RPC on the wire, reading what an untrusted server wrote."""

import re
import xmlrpc.client
from xml.parsers import expat

# Characters that XML 1.0 cannot carry, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class DtdRefused(ValueError):
    """The document declares a document type, the door to entity bombs and to local files."""


class BadXml(ValueError):
    """The document is not an answer in XML-RPC."""


def encode(method, params):
    """Return the bytes of a call. None becomes False, as everywhere in Odoo's XML-RPC."""
    text = xmlrpc.client.dumps(
        tuple(_encodable(param) for param in params), methodname=method, encoding="utf-8"
    )
    return text.encode("utf-8")


def _encodable(value):
    if value is None:
        return False
    if isinstance(value, str):
        return _NOT_XML.sub("", value)
    if isinstance(value, dict):
        return {str(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]
    return value


def decode(body):
    """Return the value of an answer.

    The parser stops at the first sign of a document type, before any entity could have been
    declared, let alone expanded.

    :raise xmlrpc.client.Fault: when the answer is one
    :raise DtdRefused: when there is a document type
    :raise BadXml: when the document is anything but one whole answer
    """
    unmarshaller = xmlrpc.client.Unmarshaller()
    # The parser hands over text, not bytes to be decoded.
    unmarshaller.xml(None, None)
    parser = expat.ParserCreate()
    parser.StartElementHandler = unmarshaller.start
    parser.EndElementHandler = unmarshaller.end
    parser.CharacterDataHandler = unmarshaller.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    refused = False
    values = None
    try:
        parser.Parse(body, True)
        values = unmarshaller.close()
    except (xmlrpc.client.Fault, DtdRefused):
        raise
    except Exception:  # noqa: BLE001
        # The unmarshaller was written for friendly servers: a wrong document makes it fail in
        # many ways (ValueError, IndexError, TypeError, ...), all of which mean the same here.
        refused = True
    if refused or unmarshaller.getmethodname() or len(values) != 1:
        raise BadXml
    return values[0]


def _refuse(*_args):
    raise DtdRefused
