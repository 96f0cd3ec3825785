# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""As much of Odoo's ORM as the addon's outbox uses: enough that its real methods run unchanged.

What is not here raises. Computed fields are computed whenever they are read; a value that was
written to one that may be written stays.
"""

import re
from types import MappingProxyType

from markupsafe import Markup

from .domains import Domain


class UserError(Exception):
    """What a user is told instead of doing what was asked."""


class ValidationError(UserError):
    """A constraint refuses."""


class AccessError(UserError):
    """The user may not."""


class MissingError(UserError):
    """The record is gone."""


# ------------------------------------------------------------
# Fields
# ------------------------------------------------------------


class Field:
    """A field of a model, and the descriptor by which its value is read."""

    is_relational = False
    empty = False

    def __init__(self, *args, **options):
        self.args = args
        self.options = options
        self.name = None
        self.related = options["related"].split(".") if "related" in options else None
        self.compute = options.get("compute")
        self.default = options.get("default")
        self.selection = args[0] if args and isinstance(args[0], list) else None
        may_be_written = options.get("readonly") is False and options.get("store")
        # Computed where nothing was written
        self.is_computed = bool(self.compute or self.related)
        self.is_stored = not self.is_computed or bool(may_be_written)

    def __set_name__(self, owner, name):
        self.name = name

    def _description_string(self, env):
        return self.name

    def _description_selection(self, env):
        return self.selection

    def __get__(self, records, owner=None):
        if records is None:
            return self
        ids = records._ids
        if len(ids) != 1:
            return self.of_many(records)
        if self.is_computed:
            return self.computed(records)
        # as _row does: half of all calls of a run come from here
        row = records._env.transaction.get(records._name, ids[0]) or records._row()
        value = row.get(self.name)
        return self.empty if value is None else value

    def of_many(self, records):
        """Return the value of no record; of several there is none."""
        if not records._ids:
            return self.null(records)
        raise ValueError(f"Expected singleton: {records}")

    def null(self, records):
        """Return the value of no record."""
        return self.empty

    def computed(self, record):
        """Return the value of a computed field of one record."""
        if self.is_stored:
            value = record._row().get(self.name)
            if value is not None:
                return self.converted(record, value)
        if self.related:
            value = record
            for name in self.related:
                value = getattr(value, name)
            return value
        cache = record._env.computing
        key = (record._name, self.name, record._ids[0])
        cache.pop(key, None)
        getattr(record, self.compute)()
        if key not in cache:
            raise NotImplementedError(f"{self.compute} gave {self.name} no value")
        value = cache.pop(key)
        return self.null(record) if value in (None, False) else value

    def converted(self, record, value):
        """Return a stored value as it is read."""
        return value

    def __set__(self, records, value):
        if self.is_computed and not self.is_stored:
            for record_id in records._ids:
                records._env.computing[records._name, self.name, record_id] = value
            return
        records.write({self.name: value})

    def to_row(self, value):
        """Return a value as it is stored."""
        return value


class Text(Field):
    """Char, Text, Html, Selection: plain text."""

    def to_row(self, value):
        if value is None or value is False:
            return None
        return str(value)


class Number(Field):
    """Integer, Float, Monetary."""

    empty = 0

    def to_row(self, value):
        return value or 0


class Boolean(Field):
    """True or False."""

    def to_row(self, value):
        return bool(value)


class Json(Field):
    """Plain data. PostgreSQL keeps a copy."""

    def to_row(self, value):
        return value or None


class Datetime(Field):
    """A moment, naive UTC; whole seconds, as Odoo keeps them."""

    def to_row(self, value):
        return value.replace(microsecond=0) if value else None


class Date(Field):
    """A day."""


class Relational(Field):
    """A reference to records of another model."""

    is_relational = True
    # the field of the other model that refers to this one
    inverse = None

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.comodel = args[0] if args else None

    def of_many(self, records):
        found = {}
        for record in records:
            for record_id in self.__get__(record)._ids:
                found[record_id] = None
        return records._env[self.comodel_of(records)]._with_ids(tuple(found))

    def comodel_of(self, records):
        """Return the name of the other model; a related field learns it from its source."""
        if self.comodel:
            return self.comodel
        model = records
        for name in self.related:
            model = records._env[model._fields[name].comodel_of(model)]
        return model._name

    def null(self, records):
        return records._env[self.comodel_of(records)]


class Many2one(Relational):
    """A reference to one record."""

    def __get__(self, records, owner=None):
        if records is None:
            return self
        if len(records._ids) != 1:
            return self.of_many(records)
        if self.is_computed:
            return self.computed(records)
        value = records._row().get(self.name)
        return self.converted(records, value)

    def converted(self, record, value):
        env = record._env
        return env.registry.classes[self.comodel](env, (value,) if value else ())

    def to_row(self, value):
        if isinstance(value, BaseModel):
            value = value.id
        return value or None


class One2many(Relational):
    """The records that refer to this one."""

    @property
    def inverse(self):
        """Return the field by which they do."""
        return self.args[1]

    def __get__(self, records, owner=None):
        if records is None:
            return self
        model = records._env[self.comodel]
        if not records._ids:
            return model
        inverse = self.inverse
        transaction = records._env.transaction
        wanted = set(records._ids)
        found = [
            record_id
            for record_id in transaction.ids(model._name, inverse, records._ids)
            if (row := transaction.get(model._name, record_id)) and row.get(inverse) in wanted
        ]
        return model._with_ids(tuple(found))

    def __set__(self, records, value):
        raise NotImplementedError("the model of the simulation writes no One2many")


# ------------------------------------------------------------
# Environments
# ------------------------------------------------------------


class SQL:
    """A query with its values, as ``odoo.tools.SQL``."""

    def __init__(self, code, *params):
        self.code = code
        self.params = params

    @staticmethod
    def identifier(*names):
        """Return the name of a table or column."""
        return ".".join(names)


class Cursor:
    """What the addon does with a cursor."""

    def __init__(self, env_of, transaction):
        self.transaction = transaction
        self.dbname = "simulation"
        self._env_of = env_of

    def execute(self, query, params=()):
        """Carry out one of the few statements that the addon writes itself."""
        if query == "SET LOCAL lock_timeout = %s":
            return
        if query == "SELECT id FROM bpo_dealership WHERE id = %s FOR NO KEY UPDATE":
            self.transaction.lock("bpo.dealership", params[0])
            return
        raise NotImplementedError(f"the model of the simulation knows no query {query}")

    def savepoint(self):
        """Return a savepoint; what is within it either fails as a whole or not at all."""
        return _Savepoint()

    def rollback(self):
        """Roll back; the same transaction object serves for nothing afterwards."""
        self.transaction.rollback()


class _Savepoint:
    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        return False


class Environment:
    """Models as somebody sees them within one transaction."""

    __slots__ = (
        "_models",
        "_",
        "computing",
        "context",
        "cr",
        "registry",
        "su",
        "transaction",
        "uid",
    )

    def __init__(self, cr, uid, context, su=False, registry=None, models=None):
        self.cr = cr
        self.transaction = cr.transaction
        self.uid = uid
        self.context = MappingProxyType(context)
        self.su = su
        self.registry = registry or cr._env_of
        self.computing = {}
        self._models = {}
        self._ = fill

    def __getitem__(self, name):
        model = self._models.get(name)
        if model is None:
            model = self._models[name] = self.registry.classes[name](self, ())
        return model

    def __contains__(self, name):
        return name in self.registry.classes

    @property
    def user(self):
        """Return the user."""
        return self["res.users"].browse(self.uid)

    @property
    def company(self):
        """Return the user's company."""
        return self["res.company"].browse(1)

    @property
    def lang(self):
        """Return the language of the context."""
        return self.context.get("lang")

    def ref(self, xml_id, raise_if_not_found=True):
        """Return what a name of the addon's data stands for."""
        return self.registry.world.ref(self, xml_id)

    def flush_all(self):
        """Send everything to the database: a moment at which conflicts come out."""
        self.registry.world.on_flush(self)

    def invalidate_all(self):
        """Forget what was read; nothing is kept here."""

    def execute_query(self, query):
        """Carry out one of the few queries that the addon writes itself."""
        transaction = self.transaction
        if query.code == "SELECT pg_try_advisory_lock(%s, %s)":
            return [(transaction.try_advisory_lock(query.params),)]
        if query.code == "SELECT pg_advisory_unlock(%s, %s)":
            transaction.advisory_unlock(query.params)
            return [(True,)]
        if query.code == "SELECT %s FROM %s WHERE id = %s" and query.params[0] == "odoo_api_key":
            row = transaction.get("bpo.dealership", query.params[2])
            return [(row.get("stored_key"),)] if row else []
        if query.code == "SELECT id FROM %s WHERE id IN %s AND odoo_api_key IS NOT NULL":
            ids = query.params[1]
            rows = [transaction.get("bpo.dealership", each) for each in ids]
            return [(row["id"],) for row in rows if row and row.get("stored_key")]
        raise NotImplementedError(f"the model of the simulation knows no query {query.code}")


def fill(template, *args, **values):
    """Fill in a text, as ``env._`` does without translating."""
    if args:
        return template % args
    if any(isinstance(value, Markup) for value in values.values()):
        return Markup(template) % values
    return template % values if values else template


class Registry:
    """The models, and where cursors come from."""

    def __init__(self, world, classes):
        self.world = world
        self.classes = classes

    def cursor(self):
        """Return a cursor in a transaction of its own, to be used with ``with``."""
        return OwnCursor(self)


class OwnCursor:
    """A cursor that commits at the end of its ``with``, and rolls back when that breaks off."""

    def __init__(self, registry):
        self.world = registry.world
        self.registry = registry

    def __enter__(self):
        self.world.before_begin()
        self.transaction = self.world.begin()
        return Cursor(self.registry, self.transaction)

    def __exit__(self, kind, error, traceback):
        if kind is None:
            try:
                self.world.commit(self.transaction)
            finally:
                self.transaction.rollback()
        else:
            self.transaction.rollback()
        return False


# ------------------------------------------------------------
# Models
# ------------------------------------------------------------


class BaseModel:
    """Records of one model."""

    __slots__ = ("_env", "_ids")

    _name = None
    _order = "id"
    _fields = {}
    _constraints_of = ()
    _ondelete = ()

    def __init__(self, env, ids):
        self._env = env
        self._ids = ids

    # -- identity ----------------------------------------------------------

    @property
    def env(self):
        return self._env

    @property
    def ids(self):
        return list(self._ids)

    @property
    def id(self):
        if len(self._ids) > 1:
            raise ValueError(f"Expected singleton: {self}")
        return self._ids[0] if self._ids else False

    @property
    def _origin(self):
        return self

    @property
    def _table(self):
        return self._name.replace(".", "_")

    display_name = Text(compute="_compute_display_name")

    def _compute_display_name(self):
        for record in self:
            record.display_name = record.name

    def __repr__(self):
        return f"{self._name}{self._ids}"

    def __len__(self):
        return len(self._ids)

    def __bool__(self):
        return bool(self._ids)

    def __iter__(self):
        cls, env = type(self), self._env
        for record_id in self._ids:
            yield cls(env, (record_id,))

    def __eq__(self, other):
        if not isinstance(other, BaseModel):
            return NotImplemented
        return self._name == other._name and set(self._ids) == set(other._ids)

    def __hash__(self):
        return hash((self._name, frozenset(self._ids)))

    def __contains__(self, record):
        return record._ids[0] in self._ids

    def __getitem__(self, key):
        if isinstance(key, str):
            return getattr(self, key)
        if isinstance(key, slice):
            return self._with_ids(self._ids[key])
        return self._with_ids((self._ids[key],))

    def __setitem__(self, name, value):
        setattr(self, name, value)

    def __add__(self, other):
        return self._with_ids(self._ids + other._ids)

    def __sub__(self, other):
        without = set(other._ids)
        return self._with_ids(tuple(each for each in self._ids if each not in without))

    def __and__(self, other):
        within = set(other._ids)
        return self._with_ids(tuple(each for each in self._ids if each in within))

    def __or__(self, other):
        return self.union(other)

    def __le__(self, other):
        return set(self._ids) <= set(other._ids)

    def union(self, *others):
        ids = dict.fromkeys(self._ids)
        for other in others:
            ids.update(dict.fromkeys(other._ids))
        return self._with_ids(tuple(ids))

    def _with_ids(self, ids):
        return type(self)(self._env, ids)

    def _row(self):
        row = self._env.transaction.get(self._name, self._ids[0])
        if row is None:
            raise MissingError(f"Record does not exist or has been deleted: {self}")
        return row

    # -- environment -------------------------------------------------------

    def browse(self, ids=()):
        if not ids:
            return self._with_ids(())
        if isinstance(ids, int):
            return self._with_ids((ids,))
        return self._with_ids(tuple(ids))

    def ensure_one(self):
        if len(self._ids) != 1:
            raise ValueError(f"Expected singleton: {self}")
        return self

    def with_env(self, env):
        return type(self)(env, self._ids)

    def _derived(self, uid=None, context=None, su=None):
        env = self._env
        new = Environment(
            env.cr,
            env.uid if uid is None else uid,
            env.context if context is None else context,
            su=env.su if su is None else su,
            registry=env.registry,
        )
        new.computing = env.computing
        return type(self)(new, self._ids)

    def sudo(self, flag=True):
        return self if self._env.su == flag else self._derived(su=flag)

    def with_user(self, user):
        return self._derived(uid=user.id, su=False)

    def with_context(self, *args, **values):
        if args:
            raise NotImplementedError("with_context takes only names here")
        if all(self._env.context.get(name) == value for name, value in values.items()):
            return self
        return self._derived(context={**self._env.context, **values})

    def with_company(self, company):
        return self

    def check_access(self, operation):
        return self._env.registry.world.check_access(self, operation)

    def has_access(self, operation):
        return True

    def _filtered_access(self, operation):
        return self.filtered(lambda record: record.has_access(operation))

    def invalidate_recordset(self, names=None):
        """Forget what was read; nothing is kept here."""

    def flush_recordset(self, names=None):
        """Send what was written; it is there already."""

    # -- collections -------------------------------------------------------

    def exists(self):
        transaction = self._env.transaction
        return self._with_ids(
            tuple(each for each in self._ids if transaction.get(self._name, each) is not None)
        )

    def filtered(self, function):
        if isinstance(function, str):
            path = function.split(".")
            return self._with_ids(tuple(each._ids[0] for each in self if _follow(each, path)))
        return self._with_ids(tuple(each._ids[0] for each in self if function(each)))

    def filtered_domain(self, domain):
        env = self._env
        matches = Domain(domain).compiled(env, self)
        get = env.transaction.get
        return self._with_ids(tuple(each for each in self._ids if matches(get(self._name, each))))

    def mapped(self, function):
        if not isinstance(function, str):
            return _joined([function(each) for each in self])
        path = function.split(".")
        found = self
        for number, name in enumerate(path):
            if not isinstance(found, BaseModel):
                raise NotImplementedError(f"mapped({function!r})")
            field = type(found)._fields.get(name)
            if field is not None and field.is_relational:
                found = getattr(found, name)
            elif number == len(path) - 1:
                return [getattr(each, name) for each in found]
            else:
                raise NotImplementedError(f"mapped({function!r})")
        return found

    def sorted(self, key=None, reverse=False):
        if isinstance(key, str):
            name = key
            key = lambda each: getattr(each, name)  # noqa: E731
        records = sorted(self, key=key or (lambda each: each._ids[0]), reverse=reverse)
        return self._with_ids(tuple(each._ids[0] for each in records))

    def grouped(self, key):
        groups = {}
        for record in self:
            value = getattr(record, key) if isinstance(key, str) else key(record)
            groups[value] = groups.get(value, self._with_ids(())) + record
        return groups

    # -- the database ------------------------------------------------------

    def _find(self, domain):
        domain = Domain(domain)
        env, name = self._env, self._name
        transaction = env.transaction
        ids = None
        for column, operator, value in domain.leaves():
            if column == "id" and operator == "in":
                ids = sorted(value)
                break
            if column in env.registry.world.database.tables[name].indexes:
                if operator == "=":
                    ids = transaction.ids(name, column, [value])
                    break
                if operator == "in":
                    ids = transaction.ids(name, column, value)
                    break
        if ids is None:
            ids = transaction.ids(name)
        matches = domain.compiled(env, self)
        get = transaction.get
        found = []
        for record_id in ids:
            row = get(name, record_id)
            if row is not None and matches(row):
                found.append(record_id)
        if "active" in self._fields and env.context.get("active_test", True):
            found = [each for each in found if get(name, each).get("active") is not False]
        return found

    def search(self, domain, order=None, limit=None, offset=0):
        ids = self._find(domain)
        get = self._env.transaction.get
        for part in reversed((order or self._order).split(",")):
            column, _blank, direction = part.strip().partition(" ")
            sortable = _nulls_first if direction == "NULLS FIRST" else _sortable
            ids.sort(
                key=lambda each: sortable(get(self._name, each).get(column)),
                reverse=direction == "desc",
            )
        return self._with_ids(tuple(ids[offset:][:limit]))

    def search_fetch(self, domain, names, order=None, limit=None):
        return self.search(domain, order=order, limit=limit)

    def search_count(self, domain, limit=None):
        return len(self._find(domain))

    def _read_group(self, domain, groupby=(), aggregates=(), **options):
        if options:
            raise NotImplementedError(f"_read_group with {options}")
        groups = {}
        for record in self._with_ids(tuple(self._find(domain))):
            key = tuple(getattr(record, name) for name in groupby)
            groups[key] = groups.get(key, self._with_ids(())) + record
        aggregated = {"__count": len, "id:recordset": lambda records: records}
        return [
            (*key, *(aggregated[name](records) for name in aggregates))
            for key, records in groups.items()
        ]

    def try_lock_for_update(self, *, allow_referencing=False, limit=None):
        taken = set(self._env.transaction.try_lock(self._name, self._ids, limit))
        return self._with_ids(tuple(each for each in self._ids if each in taken))

    def create(self, vals_list):
        if isinstance(vals_list, dict):
            vals_list = [vals_list]
        transaction = self._env.transaction
        ids = []
        for vals in vals_list:
            row = {"create_date": transaction.now}
            for name, field in self._fields.items():
                if name in vals:
                    if field.is_stored:
                        row[name] = field.to_row(vals[name])
                elif field.default is not None and field.is_stored:
                    default = field.default(self) if callable(field.default) else field.default
                    row[name] = field.to_row(default)
            unknown = set(vals) - set(self._fields) - {"id"}
            if unknown:
                raise NotImplementedError(f"{self._name} has no fields {unknown} here")
            ids.append(transaction.insert(self._name, row))
        records = self._with_ids(tuple(ids))
        for vals in vals_list:
            records._check_constraints(vals)
        return records

    def write(self, vals):
        fields = self._fields
        values = {}
        for name, value in vals.items():
            field = fields.get(name)
            if field is None:
                raise NotImplementedError(f"{self._name} has no field {name} here")
            if field.is_stored:
                values[name] = field.to_row(value)
            elif field.related:
                raise NotImplementedError(f"{self._name}.{name} is written")
            elif field.options.get("inverse"):
                self._env.registry.world.write_key(self, value)
        transaction = self._env.transaction
        for record_id in self._ids:
            row = transaction.get(self._name, record_id)
            if row is None:
                raise MissingError(f"Record does not exist or has been deleted: {self}")
            changed = {name: value for name, value in values.items() if row.get(name) != value}
            if changed:
                transaction.update(self._name, record_id, changed)
                self._follow_write(record_id, row, changed)
        if self._constraints_of:
            self._check_constraints(vals)
        return True

    def _follow_write(self, record_id, row, changed):
        """Write what is stored elsewhere of these values."""

    def unlink(self):
        for method in self._ondelete:
            getattr(self, method)()
        for record_id in self._ids:
            self._env.transaction.delete(self._name, record_id)
        return True

    def _check_constraints(self, vals):
        for method, names in self._constraints_of:
            if set(names) & set(vals):
                getattr(self, method)()


def _sortable(value):
    return (value is None or value is False, value or 0)


def _nulls_first(value):
    return (value is not None and value is not False, value or 0)


def _follow(record, path):
    for name in path:
        record = getattr(record, name)
    return record


def _joined(values):
    if values and isinstance(values[0], BaseModel):
        return values[0].union(*values[1:])
    return values


class Model(BaseModel):
    """The base of models with a table; definitions are noted as they are made."""

    __slots__ = ()
    definitions = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if not cls.__dict__.get("_is_built"):
            Model.definitions.append(cls)


def collect(definitions):
    """Return ``{model: class}`` of definitions, each with those it extends and inherits from."""
    by_name, parents = {}, {}
    for cls in definitions:
        inherited = cls.__dict__.get("_inherit") or []
        inherited = [inherited] if isinstance(inherited, str) else list(inherited)
        name = cls.__dict__.get("_name") or inherited[0]
        by_name.setdefault(name, []).append(cls)
        parents.setdefault(name, []).extend(each for each in inherited if each != name)
    built = {}

    def build(name):
        if name not in built:
            own = tuple(reversed(by_name[name]))
            bases = own + tuple(
                each for parent in dict.fromkeys(parents[name]) for each in build(parent).__bases__
            )
            bases = tuple(dict.fromkeys(bases))
            built[name] = type(name, bases, {"__slots__": (), "_name": name, "_is_built": True})
            _complete(built[name])
        return built[name]

    for name in by_name:
        build(name)
    return built


def _complete(cls):
    """Give a model its fields, constraints and what guards its deletion."""
    found, constraints, guards = {}, [], []
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Field):
                found[name] = value
            if names := getattr(value, "_constrains", None):
                constraints.append((name, names))
            if getattr(value, "_guards_deletion", False):
                guards.append(name)
    cls._fields = found
    cls._constraints_of = tuple(dict.fromkeys(constraints))
    cls._ondelete = tuple(dict.fromkeys(guards))


def unique_columns(cls):
    """Return the columns of a model's unique indexes; those over expressions are left out."""
    found = []
    for base in cls.__mro__:
        for value in vars(base).values():
            if isinstance(value, UniqueIndex):
                if match := re.fullmatch(r"\((\w+)\)", value.definition):
                    found.append(match[1])
    return found


class UniqueIndex:
    """A unique index of a model."""

    def __init__(self, definition, message=None):
        self.definition = definition


class Index:
    """An index of a model; it makes nothing faster here."""

    def __init__(self, definition):
        self.definition = definition
