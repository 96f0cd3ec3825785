# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``Domain`` as the addon uses it, evaluated on rows in memory."""


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
    def OR(domains):  # noqa: N802  (Odoo's name)
        """Return what any of the domains finds."""
        return Domain._make("or", tuple(Domain(each) for each in domains))

    @staticmethod
    def AND(domains):  # noqa: N802  (Odoo's name)
        """Return what all of the domains find."""
        return Domain._make("and", tuple(Domain(each) for each in domains))

    def leaves(self):
        """Return the leaves that hold for all that is found."""
        if self.kind == "leaf":
            return [self.parts]
        if self.kind == "and":
            return [leaf for part in self.parts for leaf in part.leaves()]
        return []

    def matches(self, env, model, row):
        """Tell whether a row is found."""
        kind = self.kind
        if kind == "leaf":
            return _matches_leaf(env, model, row, *self.parts)
        if kind == "and":
            return all(part.matches(env, model, row) for part in self.parts)
        if kind == "or":
            return any(part.matches(env, model, row) for part in self.parts)
        if kind == "not":
            return not self.parts[0].matches(env, model, row)
        return kind == "true"


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


def _matches_leaf(env, model, row, name, operator, value):
    field = model._fields.get(name)
    if name == "id":
        own = row["id"]
    elif field is None or not field.is_stored:
        raise NotImplementedError(f"the model of the simulation cannot search by {name}")
    else:
        own = row.get(name)
    if own is None:
        own = False
    if operator == "=":
        return own == (value if value is not None else False) or (not own and not value)
    if operator == "!=":
        return not (own == value or (not own and not value))
    if operator == "in":
        return own in value or (not own and False in value)
    if operator == "not in":
        return own not in value
    if operator == "any":
        comodel = env[field.comodel]
        other = env.transaction.get(comodel._name, own) if own else None
        return other is not None and Domain(value).matches(env, comodel, other)
    if own is False or value is False:
        return False
    if operator == "<=":
        return own <= value
    if operator == "<":
        return own < value
    if operator == ">":
        return own > value
    if operator == ">=":
        return own >= value
    raise NotImplementedError(f"the model of the simulation knows no operator {operator}")
