# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Load the real modules of the addon onto the small ``odoo`` of ``orm.py``, mutated if so told."""

import importlib
import importlib.abc
import importlib.util
import sys
import types
from datetime import datetime
from pathlib import Path

from . import orm
from .domains import Domain

CHECKOUT = Path(__file__).resolve().parents[2]

# The modules whose classes are real, in the order in which Odoo loads them.
MODELS = (
    "connection.bpo_api_key",
    "connection.bpo_dealer_connection",
    "connection.bpo_dealer_connection_certificates",
    "connection.bpo_dealer_connection_notify",
    "connection.bpo_dealer_connection_expiry",
    "connection.bpo_dealer_connection_talks",
    "connection.bpo_dealer_connection_pace",
    "connection.bpo_dealer_connection_candidate",
    "connection.bpo_dealer_connection_hold",
    "dealership.bpo_dealership",
    "dealership.bpo_dealership_place",
    "dealership.bpo_dealership_survey",
    "dealership.bpo_dealership_hold",
    "dealership.bpo_dealership_order_default",
    "dealership.bpo_dealership_order_defaults",
    "dealership.bpo_dealer_product",
    "dealership.bpo_dealership_products",
    "order.bpo_dealer_order",
    "order.bpo_dealer_order_queue",
    "order.bpo_dealer_order_wait",
    "order.bpo_dealer_order_remote",
    "order.bpo_dealer_order_survey",
    "order.bpo_dealer_order_push",
    "order.bpo_dealer_order_broken_off",
    "order.bpo_dealer_order_heal",
    "order.bpo_dealer_order_defaults",
    "order.bpo_dealer_order_products",
    "order.bpo_dealer_order_hold",
    "order.bpo_dealer_order_time",
    "order.bpo_dealer_order_notify",
    "lead.bpo_lead_line",
    "lead.bpo_lead_line_dealer",
    "lead.crm_lead_dealer_order",
    "lead.crm_lead_undo",
    "lead.crm_lead_merge",
)


class NotFoundOnce(Exception):
    """The text that a mutant replaces is not in the source exactly once."""


def read_mutated(path, text, mutant):
    """Return the source of a file with the replacements of a mutant.

    :param mutant: ``{file: [(old text, new text)]}``
    """
    for old, new in (mutant or {}).get(path, ()):
        count = text.count(old)
        if count != 1:
            raise NotFoundOnce(f"{path} has this text {count} times, not once:\n{old}")
        text = text.replace(old, new)
    return text


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find the addon's modules in the checkout."""

    def __init__(self, mutant):
        self.mutant = mutant

    def find_spec(self, fullname, path=None, target=None):
        """Return where a module of the addon is."""
        if not fullname.startswith("bpo_crm."):
            return None
        parts = fullname.split(".")[1:]
        file = CHECKOUT.joinpath(*parts)
        is_package = file.is_dir()
        file = file / "__init__.py" if is_package else file.with_suffix(".py")
        if not file.exists():
            return None
        spec = importlib.util.spec_from_loader(fullname, self, is_package=is_package)
        spec.loader_state = file
        return spec

    def create_module(self, spec):
        """Let Python make the module."""

    def exec_module(self, module):
        """Run the source, mutated; of ``models`` nothing: its modules are loaded one by one."""
        file = module.__spec__.loader_state
        if module.__name__ == "bpo_crm.models":
            return
        path = str(file.relative_to(CHECKOUT))
        source = read_mutated(path, file.read_text("utf-8"), self.mutant)
        module.__file__ = str(file)
        exec(compile(source, str(file), "exec"), module.__dict__)


class Product:
    """The loaded modules.

    :ivar dealer_api: the real package
    :ivar classes: ``{model: class}``
    """

    def __init__(self, mutant=None):
        self.clock = None
        self._install_odoo()
        package = types.ModuleType("bpo_crm")
        package.__path__ = []
        sys.modules["bpo_crm"] = package
        sys.meta_path.insert(0, _Finder(mutant))
        self.dealer_api = importlib.import_module("bpo_crm.dealer_api")
        importlib.import_module("bpo_crm.models")
        orm.Model.definitions.clear()
        # what is not the addon's own, which its classes extend
        sys.modules.pop("simulation.bases", None)
        importlib.import_module("simulation.bases")
        self.modules = {name: importlib.import_module(f"bpo_crm.models.{name}") for name in MODELS}
        self.talks = importlib.import_module("bpo_crm.models.engine.dealer_talks")
        self.push = importlib.import_module("bpo_crm.models.engine.dealer_push")
        self.session = importlib.import_module("bpo_crm.dealer_api.session")
        self.memory = importlib.import_module("bpo_crm.dealer_api.memory")
        self.transport = importlib.import_module("bpo_crm.dealer_api.transport")
        definitions = list(orm.Model.definitions)
        self.classes = orm.collect(definitions)

    def _install_odoo(self):
        """Put the small odoo where the addon imports it from."""
        clock = self

        class Datetime(orm.Datetime):
            """The field, and Odoo's helper of the same name."""

            @staticmethod
            def now(*_args):
                """Return the moment of the simulation."""
                return clock.clock.now.replace(microsecond=0)

        class Date(orm.Date):
            """The field, and Odoo's helper of the same name."""

            @staticmethod
            def context_today(records):
                """Return the day of the simulation."""
                return clock.clock.now.date()

        def noted(attribute, value_of):
            def decorate(*names, **options):
                def note(function):
                    setattr(function, attribute, value_of(names))
                    return function

                return note

            return decorate

        def unchanged(function):
            return function

        def create_multi(function):
            def create(self, vals_list):
                return function(self, [vals_list] if isinstance(vals_list, dict) else vals_list)

            return create

        def module(name, **values):
            made = types.ModuleType(name)
            made.__dict__.update(values)
            sys.modules[name] = made
            return made

        api = module(
            "odoo.api",
            Environment=orm.Environment,
            model=unchanged,
            private=unchanged,
            model_create_multi=create_multi,
            readonly=unchanged,
            depends=lambda *names: unchanged,
            depends_context=lambda *names: unchanged,
            onchange=lambda *names: unchanged,
            constrains=noted("_constrains", tuple),
            ondelete=lambda **options: noted("_guards_deletion", bool)("x"),
        )
        fields = module(
            "odoo.fields",
            Domain=Domain,
            Datetime=Datetime,
            Date=Date,
            Json=orm.Json,
            Boolean=orm.Boolean,
            Many2one=orm.Many2one,
            One2many=orm.One2many,
            Integer=orm.Number,
            Float=orm.Number,
            Monetary=orm.Number,
            **dict.fromkeys(("Char", "Text", "Html", "Selection"), orm.Text),
        )
        models = module(
            "odoo.models",
            Model=orm.Model,
            AbstractModel=orm.Model,
            UniqueIndex=orm.UniqueIndex,
            Index=orm.Index,
        )
        exceptions = module(
            "odoo.exceptions",
            UserError=orm.UserError,
            ValidationError=orm.ValidationError,
            AccessError=orm.AccessError,
            MissingError=orm.MissingError,
        )
        tools = module(
            "odoo.tools",
            SQL=orm.SQL,
            sql=None,
            config={"limit_time_real_cron": 120, "limit_time_real": 120},
            email_normalize=lambda text: text if "@" in text else False,
            remove_accents=lambda text: text,
            format_date=lambda env, date: str(date),
            float_compare=lambda one, other, precision_digits: (
                (round(one, precision_digits) > round(other, precision_digits))
                - (round(one, precision_digits) < round(other, precision_digits))
            ),
            str2bool=lambda text, default=False: text == "True" if text else default,
        )
        module(
            "odoo",
            __path__=[],
            api=api,
            fields=fields,
            models=models,
            exceptions=exceptions,
            tools=tools,
        )

    def use(self, world):
        """Let the modules see a world: its clock, its dealers, its chance."""
        self.clock = world
        session = self.session
        session.utcnow = lambda: world.now
        session.HttpTransport = world.open_transport
        self.memory.clear()
        self.modules["order.bpo_dealer_order_push"].time = world.time
        self.modules["connection.bpo_dealer_connection"].random = world.random
        self.push._turn = _NoLock()

    @property
    def Registry(self):
        """Return the class of registries."""
        return orm.Registry


class _NoLock:
    """The lock between threads, of which there are none."""

    def acquire(self, timeout=-1):
        """Let everybody in."""
        return True

    def release(self):
        """Nothing was taken."""


def as_moment(text):
    """Return a moment of a text as dealers write it."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
