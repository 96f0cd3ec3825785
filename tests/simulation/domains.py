# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``Domain`` as the addon uses it, evaluated on rows in memory."""

import operator

_COMPARISONS = {"<=": operator.le, "<": operator.lt, ">": operator.gt, ">=": operator.ge}


class Domain:
    """A condition on the rows of a model.

    :ivar kind: ``leaf``, ``and``, ``or``, ``not``, ``true`` or ``false``
    """

    __slots__ = ("kind", "parts")

    TRUE = FALSE = None

    def __new__(cls, *arguments):
        if len(arguments) == 3:
            return cls._make("leaf", arguments)
        [domain] = arguments
        if isinstance(domain, Domain):
            return domain
        return _from_list(list(domain))

    @classmethod
    def _make(cls, kind, parts):
        self = object.__new__(cls)
        self.kind = kind
        self.parts = parts
        return self

    def __and__(self, other):
        return Domain._make("and", (self, Domain(other)))

    def __or__(self, other):
        return Domain._make("or", (self, Domain(other)))

    def __invert__(self):
        return Domain._make("not", (self,))

    @staticmethod
    def OR(domains):
        """Return what any of the domains finds."""
        return Domain._make("or", tuple(Domain(each) for each in domains))

    @staticmethod
    def AND(domains):
        """Return what all of the domains find."""
        return Domain._make("and", tuple(Domain(each) for each in domains))

    def leaves(self):
        """Return the leaves that hold for all that is found."""
        if self.kind == "leaf":
            return [self.parts]
        if self.kind == "and":
            return [leaf for part in self.parts for leaf in part.leaves()]
        return []

    def compiled(self, env, model):
        """Return a function that tells whether a row is found, as things are at this moment."""
        kind = self.kind
        if kind == "leaf":
            return _compiled_leaf(env, model, *self.parts)
        parts = [part.compiled(env, model) for part in self.parts]
        if kind == "not":
            [part] = parts
            return lambda row: not part(row)
        if kind in ("true", "false"):
            return lambda row: kind == "true"
        if len(parts) == 1:
            return parts[0]
        if len(parts) == 2:
            one, other = parts
            if kind == "and":
                return lambda row: one(row) and other(row)
            return lambda row: one(row) or other(row)
        if kind == "and":
            return lambda row: all(part(row) for part in parts)
        return lambda row: any(part(row) for part in parts)


Domain.TRUE = Domain._make("true", ())
Domain.FALSE = Domain._make("false", ())


def _from_list(tokens):
    """Return the domain of a list in Polish notation."""
    if not tokens:
        return Domain.TRUE

    def take():
        token = tokens.pop(0)
        if token == "!":
            return ~take()
        if token in ("&", "|"):
            left, right = take(), take()
            return left & right if token == "&" else left | right
        if isinstance(token, Domain):
            return token
        return Domain(*token)

    found = take()
    while tokens:
        found &= take()
    return found


def _compiled_leaf(env, model, name, sign, value):
    field = model._fields.get(name)
    if name != "id" and (field is None or not field.is_stored):
        raise NotImplementedError(f"the model of the simulation cannot search by {name}")
    if sign == "any":
        return _compiled_any(env, field, name, value)
    if sign in ("=", "!="):
        test = (lambda own: own == value) if value else operator.not_
        if sign == "=":
            return lambda row: test(row.get(name))
        return lambda row: not test(row.get(name))
    if sign in ("in", "not in"):
        wanted = {each for each in value if each}
        empty = any(not each for each in value)
        test = lambda own: own in wanted if own else empty  # noqa: E731
        if sign == "in":
            return lambda row: test(row.get(name))
        return lambda row: not test(row.get(name))
    compare = _COMPARISONS.get(sign)
    if compare is None:
        raise NotImplementedError(f"the model of the simulation knows no operator {sign}")

    def is_so(row):
        own = row.get(name)
        return own is not None and own is not False and compare(own, value)

    return is_so


def _compiled_any(env, field, name, domain):
    """Return a test of the records that a field refers to, or that refer to this one by it."""
    comodel = env[field.comodel]
    matches = Domain(domain).compiled(env, comodel)
    if field.inverse:
        get = env.transaction.get
        others = (get(comodel._name, each) for each in env.transaction.ids(comodel._name))
        owners = {other.get(field.inverse) for other in others if other and matches(other)}
        return lambda row: row["id"] in owners
    known = {}

    def is_so(row):
        own = row.get(name)
        if own not in known:
            other = env.transaction.get(comodel._name, own) if own else None
            known[own] = other is not None and matches(other)
        return known[own]

    return is_so
