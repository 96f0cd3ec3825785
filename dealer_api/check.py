# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test the connection to a dealer step by step, writing nothing there."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .errors import PROTOCOL_LABELS, DealerAccessRefused, DealerError, render
from .orders import find_products
from .session import DealerSession

# The steps, in the order in which each depends on the ones before.
STEPS = (
    "address",
    "certificate",
    "version",
    "database",
    "login",
    "rights",
    "currency",
    "products",
)
NEEDED_RIGHTS = (
    ("res.partner", "read"),
    ("res.partner", "create"),
    ("product.product", "read"),
    ("sale.order", "create"),
    ("sale.order.line", "create"),
)
_STEP_OF_ERROR = {
    "certificate_invalid": "certificate",
    "tls_failed": "certificate",
    "database_unknown": "database",
    "login_refused": "login",
    "login_mismatch": "login",
    "access_denied": "login",
    "protocol_unavailable": "version",
}


@dataclass(frozen=True)
class CheckLine:
    """One step: ``ok`` is None when it was not reached. ``code`` is one of ``MESSAGES``."""

    step: str
    code: str
    ok: bool | None
    details: dict = field(default_factory=dict)

    @property
    def text(self):
        return render(self.code, self.details)


@dataclass(frozen=True)
class ConnectionReport:
    """The lines of a connection check, and what was learned on the way."""

    lines: list
    server_version: str | None = None
    protocol: str | None = None
    uid: int | None = None

    @property
    def ok(self):
        return all(line.ok for line in self.lines)


def check_connection(settings, currency=None, product_codes=()):
    """Check all that pushing an order needs, up to the first step that others depend on.

    :param currency: the currency the orders will be in
    :param product_codes: Internal References that must exist at the dealer
    :return: a ``ConnectionReport``; a failing dealer is a line of it, never an exception
    """
    return _Check(settings, currency, product_codes).run()


class _Check:
    def __init__(self, settings, currency, product_codes):
        self.settings = settings
        self.currency = currency
        self.product_codes = sorted({str(code) for code in product_codes or () if code})
        self.lines = {}
        self.server_version = self.protocol = self.uid = None

    def run(self):
        with DealerSession(self.settings, fresh=True) as session:
            if self._connect(session):
                self._step("rights", self._check_rights, session)
                self._step("currency", self._check_currency, session)
                self._step("products", self._check_products, session)
        lines = [
            self.lines.get(step) or CheckLine(step, "check_not_reached", None) for step in STEPS
        ]
        return ConnectionReport(lines, self.server_version, self.protocol, self.uid)

    def _connect(self, session):
        """Check everything up to the login, which nothing works without."""
        try:
            self.server_version = session.server_version
        except DealerError as error:
            self._failed_to_connect(session, error, "version")
            return False
        self._connected_lines(session)
        try:
            self.protocol = session.protocol
            self.uid = session.uid
        except DealerError as error:
            step = _STEP_OF_ERROR.get(error.code, "login")
            if step != "version":
                self._add_version_line(self.settings.protocol)
            if step == "login" and isinstance(error, DealerAccessRefused):
                # Only a database can refuse a login.
                self._add("database", True, "check_database_ok")
            self._add(step, False, error.code, **error.details)
            return False
        self._add_version_line(self.protocol)
        self._add("database", True, "check_database_ok")
        self._add("login", True, "check_login_ok")
        return True

    def _failed_to_connect(self, session, error, step):
        """Put the error under the step it belongs to, and pass the steps before it."""
        step = _STEP_OF_ERROR.get(error.code, step)
        if not error.request_sent and step != "certificate":
            self._add("address", False, error.code, **error.details)
            return
        if step == "certificate":
            host = urlsplit(session.transport.url).hostname
            self._add("address", True, "check_address_ok", host=host)
        else:
            self._connected_lines(session)
        self._add(step, False, error.code, **error.details)

    def _connected_lines(self, session):
        parts = urlsplit(session.transport.url)
        self._add("address", True, "check_address_ok", host=parts.hostname)
        secure = parts.scheme == "https"
        code = "check_certificate_ok" if secure else "check_certificate_none"
        self._add("certificate", True, code)

    def _add_version_line(self, protocol):
        label = PROTOCOL_LABELS.get(protocol, "XML-RPC/JSON-2")
        if self.server_version:
            self._add(
                "version", True, "check_version_ok", version=self.server_version, protocol=label
            )
        else:
            self._add("version", True, "check_version_unknown", protocol=label)

    def _add(self, step, ok, code, **details):
        self.lines[step] = CheckLine(step, code, ok, details)

    def _step(self, step, check, session):
        """Run one of the steps that do not depend on each other."""
        try:
            check(session)
        except DealerError as error:
            self._add(step, False, error.code, **error.details)

    def _check_rights(self, session):
        missing = []
        for model, operation in NEEDED_RIGHTS:
            try:
                allowed = session.has_right(model, operation)
            except DealerError as error:
                if getattr(error, "kind", None) != "missing" or not model.startswith("sale."):
                    raise
                self._add("rights", False, "sales_missing")
                return
            if not allowed:
                missing.append(f"{operation} {model}")
        if missing:
            self._add("rights", False, "check_rights_missing", rights=", ".join(missing))
        else:
            self._add("rights", True, "check_rights_ok")

    def _check_currency(self, session):
        dealer_currency = session.company_currency
        details = {"currency": self.currency, "dealer_currency": dealer_currency}
        if not self.currency:
            self._add("currency", True, "check_currency_none", dealer_currency=dealer_currency)
        elif dealer_currency != self.currency:
            self._add("currency", False, "check_currency_mismatch", **details)
        else:
            self._add("currency", True, "check_currency_ok", currency=self.currency)

    def _check_products(self, session):
        if not self.product_codes:
            self._add("products", True, "check_products_none")
            return
        found = find_products(session, self.product_codes)
        unknown = [code for code in self.product_codes if not found.get(code)]
        ambiguous = [code for code in self.product_codes if len(found.get(code, ())) > 1]
        if unknown:
            self._add("products", False, "product_unknown", codes=_shortened(unknown))
        elif ambiguous:
            self._add("products", False, "product_ambiguous", codes=_shortened(ambiguous))
        else:
            self._add("products", True, "check_products_ok", count=len(self.product_codes))


def _shortened(codes, limit=20):
    """Return the codes as text, not more of them than a person reads."""
    more = f" (+{len(codes) - limit})" if len(codes) > limit else ""
    return ", ".join(codes[:limit]) + more
