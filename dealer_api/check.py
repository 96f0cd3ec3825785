# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test the connection to a dealer step by step, leaving nothing there.

A step is an object with a name and a method ``run``. Those of another addon are handed to
``check_connection``; that is a hook.
"""

from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from .defaults import find_problems, find_refused, fit, refused
from .errors import DealerAccessRefused, DealerError
from .messages import render
from .payload import ORDER_MODEL, field_of
from .pricelists import PRICELIST, new_customer_currency
from .products import find_products
from .protocols import PROTOCOLS
from .session import DealerSession
from .trial import find_obstacle, try_customer, try_order

NEEDED_RIGHTS = (
    ("res.partner", "read"),
    ("res.partner", "create"),
    ("product.product", "read"),
    ("sale.order", "create"),
    ("sale.order.line", "create"),
)
# Lines that are well, and that people should mind all the same.
CAUTIONS = {
    "check_certificate_none",
    "check_version_unknown",
    "check_trial_automations",
    "check_trial_version",
}
_STEP_OF_ERROR = {
    "certificate_invalid": "certificate",
    "tls_failed": "certificate",
    "database_unknown": "database",
    "key_invalid": "login",
    "login_refused": "login",
    "login_mismatch": "login",
    "access_denied": "login",
    "protocol_unavailable": "version",
}


@dataclass(frozen=True)
class CheckLine:
    """What came out of one step: ``ok`` is None when it was not reached.

    ``code`` is one of ``MESSAGES``, or a step of another addon gives its own ``sentence``.
    """

    step: str
    code: str
    ok: bool | None
    details: dict = field(default_factory=dict)
    sentence: str | None = None

    @property
    def text(self):
        """Return the sentence: the step's own, else that of the code in English."""
        return self.sentence or render(self.code, self.details)


@dataclass(frozen=True)
class ConnectionReport:
    """The lines of a connection check, and what was learned on the way."""

    lines: list
    server_version: str | None = None
    protocol: str | None = None
    uid: int | None = None

    @property
    def ok(self):
        """Tell whether every step was reached, and found nothing."""
        return all(line.ok for line in self.lines)


class CheckContext:
    """What the steps of one check work with, and the lines that they add.

    :ivar session: the ``DealerSession``
    :ivar settings: its ``ConnectionSettings``
    :ivar currency: the currency the orders will be in, or None
    :ivar product_codes: Internal References that must exist at the dealer, sorted
    :ivar defaults: the order defaults of the dealership: ``{column: value}``
    """

    def __init__(self, session, currency=None, product_codes=(), defaults=None):
        self.session = session
        self.settings = session.settings
        self.currency = currency
        self.product_codes = sorted({str(code) for code in product_codes or () if code})
        self.defaults = dict(defaults or {})
        self.lines = []
        self.server_version = self.protocol = self.uid = None

    def add(self, step, ok, code, sentence=None, **details):
        """Add a line.

        :param step: the name of the step
        :param code: a code of ``MESSAGES``, else ``sentence`` is needed
        :param details: plain values, for the sentence of the code
        """
        self.lines.append(CheckLine(step, code, ok, details, sentence))

    def add_error(self, step, error):
        """Add a line about a ``DealerError``."""
        self.add(step, False, error.code, **error.details)

    def lines_of(self, step):
        """Return the lines that a step has added."""
        return [line for line in self.lines if line.step == step]

    @cached_property
    def products(self):
        """Look all codes up, once."""
        return find_products(self.session, self.product_codes)

    @cached_property
    def default_kinds(self):
        """Return what the dealer's Odoo says of the fields of the defaults, those it has; once."""
        names = sorted({field_of(column) for column in self.defaults})
        return self.session.describe(ORDER_MODEL, names) if names else {}

    @cached_property
    def default_problems(self):
        """Return what stands against the defaults, before any order is tried with them; once."""
        return find_problems(self.session, self.defaults, self.default_kinds)

    @property
    def tried_defaults(self):
        """Return the defaults that an order on trial is to have: those that are known there."""
        wrong = {problem.column for problem in self.default_problems}
        return {
            column: value
            for column, value in self.defaults.items()
            if column not in wrong and field_of(column) in self.default_kinds
        }

    @cached_property
    def problem(self):
        """Go the way in as far as it leads, once; return (step, error) where it ends, or Nones."""
        try:
            self.server_version = self.session.server_version
        except DealerError as error:
            step = _STEP_OF_ERROR.get(error.code, "version")
            if not error.request_sent and step != "certificate":
                step = "address"
            return step, error
        try:
            self.protocol = self.session.protocol
            self.uid = self.session.uid
        except DealerError as error:
            return _STEP_OF_ERROR.get(error.code, "login"), error
        return None, None


class CheckStep:
    """One step of a connection check; the base of all steps.

    :cvar name: under which its lines stand in the report
    :cvar required: when it fails, those after it are not reached
    """

    name = None
    required = False

    def run(self, context):
        """Look, and add a line to the context; leave nothing at the dealer.

        A ``DealerError`` that is raised becomes the line.
        """
        raise NotImplementedError


class _WayInStep(CheckStep):
    """A step of the way in, which is gone once for all of them."""

    required = True

    def run(self, context):
        """Say that the way in ends here, or that it leads on."""
        step, error = context.problem
        if step == self.name:
            raise error
        self.passed(context)

    def passed(self, context):
        """Add the line that says that this step was passed."""
        raise NotImplementedError


class AddressStep(_WayInStep):
    """The address is allowed, and somebody answers there."""

    name = "address"

    def passed(self, context):
        """Name the host."""
        host = urlsplit(context.session.transport.url).hostname
        context.add(self.name, True, "check_address_ok", host=host)


class CertificateStep(_WayInStep):
    """The connection is secure."""

    name = "certificate"

    def passed(self, context):
        """Point out a connection that is not encrypted."""
        secure = urlsplit(context.session.transport.url).scheme == "https"
        context.add(self.name, True, "check_certificate_ok" if secure else "check_certificate_none")


class VersionStep(_WayInStep):
    """It is an Odoo, and we have a protocol in common."""

    name = "version"

    def passed(self, context):
        """Name version and protocol, as far as they are known."""
        if context.server_version is None:
            return
        label = self._label(context.protocol or context.settings.protocol)
        if context.server_version:
            context.add(
                self.name,
                True,
                "check_version_ok",
                version=context.server_version,
                protocol=label,
            )
        else:
            context.add(self.name, True, "check_version_unknown", protocol=label)

    @staticmethod
    def _label(name):
        if name in PROTOCOLS:
            return PROTOCOLS[name].label
        return "/".join(cls.label for cls in PROTOCOLS.values() if cls.automatic)


class DatabaseStep(_WayInStep):
    """The database exists."""

    name = "database"

    def passed(self, context):
        """Say so where it is known: only a database can let somebody in, or refuse a login."""
        _step, error = context.problem
        asked = isinstance(error, DealerAccessRefused) and error.code != "key_invalid"
        if error is None or asked:
            context.add(self.name, True, "check_database_ok")


class LoginStep(_WayInStep):
    """The login and the key are accepted."""

    name = "login"

    def passed(self, context):
        """Say so."""
        context.add(self.name, True, "check_login_ok")


class RightsStep(CheckStep):
    """The service user may create customers and orders."""

    name = "rights"

    def run(self, context):
        """Ask for each right that pushing an order needs."""
        missing = []
        for model, operation in NEEDED_RIGHTS:
            try:
                allowed = context.session.has_right(model, operation)
            except DealerError as error:
                if getattr(error, "kind", None) != "missing" or not model.startswith("sale."):
                    raise
                context.add(self.name, False, "sales_missing")
                return
            if not allowed:
                missing.append(f"{operation} {model}")
        if missing:
            context.add(self.name, False, "check_rights_missing", rights=", ".join(missing))
        else:
            context.add(self.name, True, "check_rights_ok")


class CurrencyStep(CheckStep):
    """An order of a new customer comes out in the currency of the orders, in which company."""

    name = "currency"

    def run(self, context):
        """Compare the two currencies: as in pushing, a price list counts more than the company."""
        session, ours = context.session, context.currency
        # Whoever tests has perhaps just changed what is asked once in a while only.
        session.forget()
        company = session.company
        theirs = company.currency
        if PRICELIST in session.fields("res.partner", [PRICELIST]):
            theirs = new_customer_currency(session, session.company_domain(), theirs) or theirs
        names = {"company": company.name or "?", "dealer_currency": theirs}
        if not ours:
            context.add(self.name, True, "check_currency_none", **names)
        elif theirs == ours:
            context.add(self.name, True, "check_currency_ok", currency=ours, **names)
        elif theirs != company.currency:
            context.add(self.name, False, "check_pricelist_mismatch", currency=ours, **names)
        else:
            context.add(self.name, False, "check_currency_mismatch", currency=ours, **names)


class ProductsStep(CheckStep):
    """The products exist at the dealer, each once."""

    name = "products"

    def run(self, context):
        """Look all codes up."""
        codes = context.product_codes
        if not codes:
            context.add(self.name, True, "check_products_none")
            return
        problem, concerned = context.products.find_problem(codes)
        if problem:
            context.add(self.name, False, problem, codes=_shortened(concerned))
        elif len(codes) == 1:
            context.add(self.name, True, "check_product_ok")
        else:
            context.add(self.name, True, "check_products_ok", count=len(codes))


class DefaultsStep(CheckStep):
    """The fields and names of the order defaults are known there. Only where there are any."""

    name = "defaults"

    def run(self, context):
        """Look all fields and names up, and say each that is not known, or that is ambiguous."""
        for column in context.defaults:
            if field_of(column) not in context.default_kinds:
                context.add(self.name, False, "check_default_field", field=column)
        for problem in context.default_problems:
            context.add(self.name, False, problem.code, **problem.details)
        if context.lines_of(self.name):
            return
        if len(context.defaults) == 1:
            context.add(self.name, True, "check_default_ok")
        else:
            context.add(self.name, True, "check_defaults_ok", count=len(context.defaults))


class TrialStep(CheckStep):
    """The dealer's own rules take a customer and an order: both are created, and taken back."""

    name = "trial"

    def run(self, context):
        """Try both, unless a right is missing anyway, or something could come of it."""
        session = context.session
        if not all(line.ok for line in context.lines_of("rights")):
            return
        obstacle = find_obstacle(session)
        if obstacle:
            context.add(self.name, True, obstacle)
        elif refusal := try_customer(session):
            context.add(self.name, False, "check_trial_customer_refused", message=refusal.message)
        elif problem := self._try_order(context):
            context.add(self.name, False, problem[0], **problem[1])
        else:
            context.add(self.name, True, "check_trial_ok")

    def _try_order(self, context):
        """Return code and details of what the dealer's Odoo says to an order, None when nothing."""
        session, product_id = context.session, self._choose_product(context)
        defaults, kinds = context.tried_defaults, context.default_kinds
        cells = {column: fit(value, kinds[field_of(column)]) for column, value in defaults.items()}
        refusal = try_order(session, product_id, cells)
        if refusal is None:
            return None
        column = next((each for each in defaults if field_of(each) == refusal.field), None)
        if column:
            problem = refused(column, defaults[column], refusal.message)
        else:
            problem = defaults and find_refused(session, defaults, kinds, product_id)
        if problem:
            return problem.code, problem.details
        return "check_trial_order_refused", {"message": refusal.message}

    @staticmethod
    def _choose_product(context):
        """Return a product that orders may have, None where there is none yet."""
        products = context.products if context.product_codes else {}
        return next((ids[0] for _code, ids in sorted(products.items()) if len(ids) == 1), None)


# The steps, in the order in which each depends on the ones before.
STEPS = (
    AddressStep(),
    CertificateStep(),
    VersionStep(),
    DatabaseStep(),
    LoginStep(),
    RightsStep(),
    CurrencyStep(),
    ProductsStep(),
    DefaultsStep(),
    TrialStep(),
)


def check_connection(settings, currency=None, product_codes=(), extra_steps=(), defaults=None):
    """Check all that pushing an order needs, up to the first step that others depend on.

    :param currency: the currency the orders will be in
    :param product_codes: Internal References that must exist at the dealer
    :param extra_steps: ``CheckStep`` objects of other addons, run after ours
    :param defaults: the order defaults: ``{column: value}``
    :return: a ``ConnectionReport``; a failing dealer is a line of it, never an exception
    """
    steps = [step for step in (*STEPS, *extra_steps) if defaults or step.name != "defaults"]
    with DealerSession(settings, fresh=True) as session:
        context = CheckContext(session, currency, product_codes, defaults)
        _run(steps, context)
    lines = []
    for step in steps:
        lines += context.lines_of(step.name) or [CheckLine(step.name, "check_not_reached", None)]
    return ConnectionReport(lines, context.server_version, context.protocol, context.uid)


def _run(steps, context):
    """Run the steps up to the first required one that fails."""
    for step in steps:
        try:
            step.run(context)
        except DealerError as error:
            context.add_error(step.name, error)
        if step.required and any(line.ok is False for line in context.lines_of(step.name)):
            return


def _shortened(codes, limit=20):
    """Return the codes as text, not more of them than a person reads."""
    more = f" (+{len(codes) - limit})" if len(codes) > limit else ""
    return ", ".join(codes[:limit]) + more
