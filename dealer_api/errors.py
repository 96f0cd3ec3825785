# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What can go wrong in the talk with a dealer's Odoo, and in which words it is told.

Every message has a code, and all codes are in ``MESSAGES``: callers translate a message
by looking up its template there and filling it with the ``details`` that came with it.
"""

import html
import re
import unicodedata

MESSAGES = {
    # The address itself. Nothing was sent.
    "url_missing": "No address is set for the dealer's Odoo.",
    "url_invalid": "The address %(url)s is not a web address. Use https://name-of-the-server.",
    "url_scheme": "The address must start with https:// (or http:// where that is allowed).",
    "url_https_required": (
        "The address must start with https://. Plain http sends the key readable for anyone"
        " on the way; allow it for this dealership only if you accept that."
    ),
    "url_credentials": "The address must not contain a user name or password.",
    "url_path": "Give only the server's address, without what follows the host name.",
    "address_forbidden": (
        "The address %(host)s leads to %(address)s, which is never allowed for a dealer."
    ),
    "address_private": (
        "The address %(host)s leads to %(address)s, inside a private network. Private"
        " addresses must first be allowed in the system parameters."
    ),
    # Nobody answered, or not to the end. Tried again later.
    "dns_failed": "The host name %(host)s is not known. Check the address for a typing mistake.",
    "connection_refused": (
        "The server %(host)s refused the connection. Is Odoo running there, on this port?"
    ),
    "connection_failed": "No connection to %(host)s could be made.",
    "connect_timeout": "The server %(host)s did not accept a connection in time.",
    "answer_timeout": "The server %(host)s did not answer within %(seconds)s seconds.",
    "connection_lost": "The server %(host)s ended the connection before its answer was complete.",
    "session_timeout": "The talk with %(host)s took longer than %(seconds)s seconds in all.",
    "certificate_invalid": (
        "The certificate of %(host)s cannot be trusted: %(reason)s. The dealer has to install"
        " a valid certificate for this name."
    ),
    "tls_failed": (
        "No secure connection to %(host)s could be made. Does the server speak https on this port?"
    ),
    "server_busy": "The server %(host)s is busy or down for the moment (HTTP status %(status)s).",
    "remote_busy": "The dealer's database was busy with the same records. It is tried again.",
    # An answer, but not one of an Odoo. Tried again later.
    "redirect": (
        "The server sends us on to %(location)s. Enter the final address of the dealer's Odoo."
    ),
    "http_status": "The server %(host)s answered with HTTP status %(status)s.",
    "not_found": "There is no Odoo with this interface at %(host)s (HTTP status 404).",
    "html_answer": (
        "The server %(host)s answered with a web page instead of data. Is this the address of"
        " an Odoo, and does nothing in front of it ask for a login?"
    ),
    "content_type": "The server %(host)s answered with data of the wrong kind (%(content_type)s).",
    "too_large": "The answer of %(host)s is larger than the %(limit)s bytes we accept.",
    "bad_encoding": "The answer of %(host)s is packed in a way we do not read (%(encoding)s).",
    "bad_xml": "The answer of %(host)s is not valid XML-RPC.",
    "bad_json": "The answer of %(host)s is not valid JSON.",
    "dtd_refused": "The answer of %(host)s carries a document type, which we do not accept.",
    "unexpected_answer": "The dealer's Odoo gave an answer to %(call)s that makes no sense.",
    "protocol_unavailable": (
        "The dealer's Odoo %(version)s does not offer JSON-2, which came with Odoo 19."
        " Set the protocol to automatic or XML-RPC."
    ),
    "remote_error": "The dealer's Odoo reported an internal error: %(message)s",
    # The dealer's Odoo knows us not, or lets us do nothing. Paused until somebody looks.
    "database_unknown": (
        "The dealer's Odoo has no database of the given name, or does not show it at this address."
    ),
    "login_refused": (
        "The dealer's Odoo refuses the login or its key: wrong, expired or withdrawn. Ask the"
        " dealer for a new API key."
    ),
    "login_mismatch": (
        "The key belongs to another user of the dealer's Odoo than the given login."
    ),
    "access_denied": "The dealer's Odoo denies access to the service user.",
    "http_unauthorized": (
        "Something in front of the dealer's Odoo asks for a login of its own (HTTP status"
        " %(status)s)."
    ),
    "sales_missing": "The Sales app is not installed in the dealer's Odoo.",
    "right_missing": (
        "The service user lacks a right in the dealer's Odoo on %(model)s: %(message)s"
    ),
    # One order the dealer cannot take. To be corrected, then sent again.
    "product_unknown": (
        "The dealer has no product with the Internal Reference %(codes)s. Create it there, or"
        " correct the reference here."
    ),
    "product_ambiguous": (
        "The dealer has several products with the Internal Reference %(codes)s. The dealer has"
        " to make it unique."
    ),
    "currency_mismatch": (
        "The order is in %(currency)s, but at the dealer it would be in %(dealer_currency)s."
    ),
    "order_empty": "The order has no lines.",
    "payload_invalid": "The order's data is incomplete: %(message)s",
    "customer_refused": "The dealer's Odoo refused the customer: %(message)s",
    "order_refused": "The dealer's Odoo refused the order: %(message)s",
    # One order that did not get through this time.
    "order_busy": (
        "The dealer's database was busy with the same order at that moment. It is tried again."
    ),
    "order_postponed": "The order was left for the next run.",
    # Success, and remarks on it.
    "order_sent": "The order is in the dealer's Odoo.",
    "customer_ambiguous": (
        "Several contacts of the dealer match the customer (%(matches)s). The order went to the"
        " oldest, number %(partner_id)s."
    ),
    "name_unknown": (
        "The dealer has the order, but the service user may not read it (it was given to another"
        " salesperson), so its name is not known yet."
    ),
    "currency_differs": (
        "At the dealer the order is in %(dealer_currency)s instead of %(currency)s. Please have"
        " its prices checked."
    ),
    # Lines of the connection check.
    "check_address_ok": "The server %(host)s answers.",
    "check_certificate_ok": "The certificate is valid.",
    "check_certificate_none": (
        "The connection is not encrypted (http). The key can be read on the way."
    ),
    "check_version_ok": "Odoo %(version)s, spoken to through %(protocol)s.",
    "check_version_unknown": "An Odoo of unknown version, spoken to through %(protocol)s.",
    "check_database_ok": "The database exists.",
    "check_login_ok": "The login and its key are accepted.",
    "check_rights_ok": "The service user may create customers and orders.",
    "check_rights_missing": (
        "The service user may not do all that is needed: %(rights)s. The dealer has to give it"
        " the Sales role (own documents) and the right to create contacts."
    ),
    "check_currency_ok": "The dealer's company works in %(currency)s.",
    "check_currency_none": "The dealer's company works in %(dealer_currency)s.",
    "check_currency_mismatch": (
        "The dealer's company works in %(dealer_currency)s, this dealership is set to %(currency)s."
        " Set the dealership's currency to %(dealer_currency)s."
    ),
    "check_products_ok": "All %(count)s products exist at the dealer, each once.",
    "check_products_none": "There are no products to look for yet.",
    "check_not_reached": "Not checked, because an earlier step failed.",
}

PROTOCOL_LABELS = {"xmlrpc": "XML-RPC", "json2": "JSON-2"}

_TEXT_LIMIT = 400
_TAG = re.compile(r"<[/!?]?[a-zA-Z][^>]*>|<!--.*?-->", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_EXCEPTION_NAME = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Warning|Failure|[A-Z]\w+): ")


def render(code, details):
    """Return the English sentence of a message."""
    return MESSAGES[code] % details


def clean_text(text, secrets=(), limit=_TEXT_LIMIT):
    """Make a sentence fit for people out of text that a remote server sent.

    The text is not trusted: tracebacks, markup, control and direction characters go, known
    secrets are masked (a server may echo what it was sent), and the length is bounded.
    """
    text = str(text)[:100_000]
    if "Traceback (most recent call last)" in text:
        # Only the last line of a traceback says what happened, the rest is source code.
        last_lines = [line for line in text.splitlines() if line.strip()][-1:]
        text = _EXCEPTION_NAME.sub("", last_lines[0].strip()) if last_lines else ""
    for _turn in range(2):
        # Twice, since unescaping "&lt;b&gt;" makes markup of what was text.
        text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
        text = html.unescape(text)
    text = re.sub(r"<(?=[a-zA-Z/!?])", "", text)
    text = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    text = re.sub(r" {2,}", " ", text).strip()
    for secret in secrets:
        if secret and len(str(secret)) >= 4:
            text = text.replace(str(secret), "***")
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text


class DealerError(Exception):
    """Say that the dealer as a whole could not be worked with.

    ``code`` and ``details`` name the message, ``outcome`` what to do: ``retry`` later on our
    own, or ``pause`` until a person has changed something. ``request_sent`` is False only
    when the dealer certainly did not act on the request: nobody was reached, or the dealer's
    Odoo itself refused to let us in.
    """

    outcome = "retry"
    sent_by_default = True

    def __init__(self, code, request_sent=None, **details):
        self.code = code
        self.details = details
        self.request_sent = self.sent_by_default if request_sent is None else request_sent
        super().__init__(render(code, details))

    def __reduce__(self):
        return (_rebuild, (type(self), self.code, self.request_sent, self.details))


def _rebuild(cls, code, request_sent, details):
    return cls(code, request_sent=request_sent, **details)


class DealerUnreachable(DealerError):
    """The dealer did not answer, not in time or not to the end."""


class DealerBadAnswer(DealerError):
    """The dealer's address answered with something that is no answer of an Odoo."""


class DealerAccessRefused(DealerError):
    """The dealer's Odoo refuses the database, the login or the key."""

    outcome = "pause"
    sent_by_default = False


class DealerAddressRefused(DealerError):
    """We do not connect to this address."""

    outcome = "pause"
    sent_by_default = False


class DealerFault(DealerError):
    """The dealer's Odoo took the call and answered that it failed.

    ``kind`` tells the failures apart that are to be handled differently: ``access`` (a right
    on one model), ``user`` (a rule of the dealer's Odoo), ``busy`` (a conflict with another
    transaction), ``missing`` (no such model or method) and ``other``.
    """

    def __init__(self, code, kind="other", request_sent=None, **details):
        super().__init__(code, request_sent=request_sent, **details)
        self.kind = kind

    def __reduce__(self):
        return (_rebuild_fault, (self.code, self.kind, self.request_sent, self.details))


def _rebuild_fault(code, kind, request_sent, details):
    return DealerFault(code, kind=kind, request_sent=request_sent, **details)
