# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who the customer of an order is at the dealer: looked up, else created.

A customer is recognised by the e-mail, else by the phone, and where several contacts have it, the
oldest is taken. Some addresses are shared, or typed to get past a field, so a name that differs is
said. Whom the dealer has archived is not found, and not used in silence either: see
``NewCustomers``.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from .errors import DealerFault
from .identity import normal_email, normal_phone, phone_tail, same_name, same_phone
from .loader import Loader, LoadRecord, LoadResult, cell
from .memory import DAY
from .payload import CUSTOMER_MODEL, field_of, next_external_id
from .pricelists import PRICELIST
from .records import NAME_LIMIT, many2one_id
from .session import escape_like
from .untrusted import clean_text

# What is asked once per dealer: these fields differ between versions and installed apps.
PARTNER_FIELDS = (
    "email",
    "email_normalized",
    "phone",
    "mobile",
    "phone_sanitized",
    "company_name",
    PRICELIST,
)
_EMAIL_FIELDS = ("email", "email_normalized")
_PHONE_FIELDS = ("phone_sanitized", "phone", "mobile")
# More matches than this for one look-up, and each customer is looked up alone.
_MATCH_LIMIT = 1000
# Keys of one customer that are tried when the contacts under them may not be used.
_KEYS = 5


class Contact(NamedTuple):
    """A contact of the dealer, as far as it was read.

    :ivar emails: None where the dealer does not show them
    :ivar phones: likewise
    """

    id: int
    name: str
    emails: frozenset | None
    phones: frozenset | None
    pricelist: int | None
    active: bool

    @classmethod
    def from_record(cls, record):
        """Return the contact of a record as read."""
        emails = " ".join(str(record.get(name) or "") for name in _EMAIL_FIELDS)
        phones = {normal_phone(record.get(name)) for name in _PHONE_FIELDS}
        return cls(
            record["id"],
            clean_text(record.get("name") or "", limit=NAME_LIMIT),
            frozenset(email.lower() for email in re.findall(r"[^\s<>,;\"]+@[^\s<>,;\"]+", emails))
            if record.keys() & set(_EMAIL_FIELDS)
            else None,
            frozenset(phones - {None}) if record.keys() & set(_PHONE_FIELDS) else None,
            many2one_id(record.get(PRICELIST)),
            record.get("active") is not False,
        )

    def has_email(self, email):
        """Tell whether a normal e-mail is one of this contact."""
        return email in (self.emails or ())

    def has_phone(self, phone):
        """Tell whether a normal phone is one of this contact."""
        return any(same_phone(phone, other) for other in self.phones or ())

    def is_usable_for(self, customer):
        """Tell whether an order of the customer, whose key led here, may go to this contact."""
        return self.active and self.is_of(customer)

    def is_of(self, customer):
        """Tell whether this contact has the e-mail or the phone of a customer."""
        email, phone = email_of(customer), phone_of(customer)
        if email and (self.emails is None or self.has_email(email)):
            return True
        if phone and (self.phones is None or self.has_phone(phone)):
            return True
        return not (email or phone)

    def notes_for(self, customer):
        """Return what is to be said when an order of the customer goes to this contact."""
        name = customer.values.get("name")
        if not self.name or same_name(self.name, name):
            return []
        details = {"customer": name, "dealer_customer": self.name, "partner_id": self.id}
        return [("customer_name_differs", details)]


def contact_fields(partner_fields):
    """Return the fields that a ``Contact`` is read from, of those that the dealer has."""
    wanted = {*_EMAIL_FIELDS, *_PHONE_FIELDS, PRICELIST}
    return ["name", "active", *sorted(wanted & set(partner_fields))]


def read_contacts_of_orders(session, remotes):
    """Return ``{id: Contact}`` of those whom orders at the dealer are for.

    :param remotes: ``RemoteOrder`` of each
    :raise DealerFault: they cannot be read right now, and may be anybody's
    """
    ids = {remote.partner_id for remote in remotes} - {None}
    if not ids:
        return {}
    return read_contacts(session, session.fields(CUSTOMER_MODEL, PARTNER_FIELDS, DAY), ids)


def _read_readable(session, ids, names):
    """Read contacts; where one of them may not be read, the dealer refuses all, but finds some."""
    try:
        return session.read_ids(CUSTOMER_MODEL, ids, names)
    except DealerFault as fault:
        if fault.kind != "access" or len(ids) == 1:
            raise
    # an archived one, too
    domain = [("id", "in", ids), ("active", "in", [True, False])]
    return session.search_read(CUSTOMER_MODEL, domain, names)


def read_contacts(session, partner_fields, ids):
    """Return ``{id: Contact}``, without those that the service user may not read.

    :param partner_fields: those of ``PARTNER_FIELDS`` that the dealer has
    :raise DealerFault: they cannot be read right now, and may be anybody's
    """
    names = contact_fields(partner_fields)
    try:
        records = _read_readable(session, sorted(ids), names) if ids else []
    except DealerFault as fault:
        if fault.kind != "access":
            raise
        return {}
    return {record["id"]: Contact.from_record(record) for record in records}


def email_of(customer):
    """Return the normal e-mail of a customer, or None."""
    return normal_email(customer.values.get("email"))


def phone_of(customer):
    """Return the normal phone of a customer, or None."""
    return normal_phone(customer.values.get("phone"))


# ------------------------------------------------------------
# Known customers
# ------------------------------------------------------------


@dataclass
class Match:
    """The contacts of a customer, the oldest first, and the e-mail or phone that they have."""

    contacts: list
    value: str

    @property
    def contact(self):
        """Return the contact that the order goes to."""
        return self.contacts[0]

    def notes_for(self, customer):
        """Return what is to be said about it."""
        if len(self.contacts) > 1:
            details = {"matches": self.value, "partner_id": self.contact.id}
            return [("customer_ambiguous", details)]
        return self.contact.notes_for(customer)


class CustomerSearch:
    """Look customers up at the dealer, by e-mail and by phone, in one search.

    Where the company of the service user is known from an earlier talk, the same search proves
    that it is still the one.

    :ivar company_stands: False when it is another one by now, and nothing of what was found counts
    """

    def __init__(self, session, partner_fields):
        self.session = session
        self.partner_fields = partner_fields
        self.company_stands = True
        # {normal e-mail or phone: Match}
        self._by_email = {}
        self._by_phone = {}
        # {contact: its price list or None} of all contacts seen on the way
        self.pricelists = {}

    def run(self, customers):
        """Look for the customers of a batch; ``match_of`` tells who was found."""
        emails = _without_none(map(email_of, customers))
        phones = _without_none(map(phone_of, customers)) if self._phone_names else []
        contacts = self._find(emails, phones)
        self.pricelists.update({contact.id: contact.pricelist for contact in contacts})
        self._by_email = self._match(contacts, emails, Contact.has_email)
        self._by_phone = self._match(contacts, phones, Contact.has_phone)
        return self

    def match_of(self, customer):
        """Return the ``Match`` of a customer, or None.

        By their own e-mail and phone: two with the same e-mail, and so the same key, may have
        different phones.
        """
        match = self._by_email.get(email_of(customer))
        return match or self._by_phone.get(phone_of(customer))

    def _find(self, emails, phones):
        """Return the contacts that have one of the e-mails or phones, by ascending id."""
        domains = [self._emails_domain(emails)] if emails else []
        domains += [self._phones_domain(phones)] if phones else []
        domain = _any_of_domains([domain for domain in domains if domain])
        if self.session.is_proved("company"):
            contacts = self._search(domain, _MATCH_LIMIT) if domain else []
        else:
            contacts = self._search_proving(domain) if domain else None
            own = self.session.company.contact
            found = [each for each in contacts or () if each.id == own]
            # one that is there as a customer, too, proves nothing
            self.company_stands = bool(found) and not any(
                [found[0].has_email(email) for email in emails]
                + [found[0].has_phone(phone) for phone in phones]
            )
            contacts = [each for each in contacts or () if each.id != own]
        if len(contacts) >= _MATCH_LIMIT:
            # So many namesakes that one may hide the other customers.
            alone = [self._emails_domain([email]) for email in emails]
            alone += [self._phones_domain([phone]) for phone in phones]
            contacts = [each for domain in alone if domain for each in self._search(domain, 20)]
        return sorted({contact.id: contact for contact in contacts}.values())

    @staticmethod
    def _match(contacts, wanted, has):
        """Return ``{e-mail or phone: Match}`` of those that contacts have."""
        found = {}
        for key in wanted:
            matching = [contact for contact in contacts if has(contact, key)]
            # What is written the same way counts more than a national number that may be it.
            matching = [each for each in matching if key in (each.phones or ())] or matching
            if matching:
                found[key] = Match(matching, key)
        return found

    def _search_proving(self, domain):
        """Search also for our own contact, as long as the company is what is remembered."""
        try:
            return self._search(domain, _MATCH_LIMIT, self.session.company_proof())
        except DealerFault:
            # Our own user may be nothing that we may ask for; else the next search fails, too.
            return None

    def _search(self, domain, limit, proof=None):
        domain = ["&", *self.session.company_domain(), *domain]
        if proof:
            domain = ["|", *proof, *domain]
        names = contact_fields(self.partner_fields)
        records = self.session.search_read(CUSTOMER_MODEL, domain, names, limit=limit)
        return [Contact.from_record(record) for record in records]

    def _emails_domain(self, emails):
        if "email_normalized" in self.partner_fields:
            return [("email_normalized", "in", list(emails))]
        return _any_of([("email", "=ilike", escape_like(email)) for email in emails])

    @property
    def _phone_names(self):
        return [name for name in _PHONE_FIELDS if name in self.partner_fields]

    def _phones_domain(self, phones):
        """Return the domain of contacts that may have one of the phones.

        International ones are found as the dealer keeps them in a uniform way; the others, and
        all where it does not, by their digits, between which anything may stand ("+32 2
        555.01.01"). Whether it is the same number is then seen by these alone.
        """
        leaves = []
        by_digits = phones
        if "phone_sanitized" in self.partner_fields:
            international = [phone for phone in phones if phone[0] == "+"]
            if international:
                leaves.append(("phone_sanitized", "in", international))
            if not international or self._keeps_uniform_phones():
                by_digits = [phone for phone in phones if phone[0] != "+"]
        typed = [name for name in self._phone_names if name != "phone_sanitized"]
        leaves += [
            (name, "=ilike", "%".join(["", *phone_tail(phone), ""]))
            for phone in by_digits
            for name in typed
        ]
        return _any_of(leaves)

    def _keeps_uniform_phones(self):
        """Tell whether ``phone_sanitized`` is what it says.

        It holds what was typed where Odoo's server lacks the library ``phonenumbers``.
        """
        domain = [
            ("phone_sanitized", "!=", False),
            "|",
            ("phone_sanitized", "not like", "+"),
            ("phone_sanitized", "like", " "),
        ]
        return self.session.recall(
            "uniform phones",
            lambda: not self.session.search_read(CUSTOMER_MODEL, domain, ["id"], limit=1),
            DAY,
        )


def _without_none(keys):
    """Return what there is of e-mails or phones, each once."""
    return [key for key in dict.fromkeys(keys) if key]


def _any_of(leaves):
    return ["|"] * (len(leaves) - 1) + list(leaves)


def _any_of_domains(domains):
    """Return a domain of what is in one of several, each of which is one expression."""
    return ["|"] * (len(domains) - 1) + [part for domain in domains for part in domain]


# ------------------------------------------------------------
# New customers
# ------------------------------------------------------------


@dataclass
class NewCustomer:
    """Customers that are one, and the contact that was created for them, or why none was.

    :ivar customers: the first one is created
    :ivar key: the external id to create it under
    :ivar result: the ``LoadResult``
    :ivar contact: as read afterwards, None when it could not be
    :ivar refused: the contact that is not used, though it has the key
    """

    customers: list
    key: str
    result: LoadResult = field(default_factory=LoadResult)
    contact: Contact | None = None
    refused: Contact | None = None

    @property
    def first(self):
        """Return the customer that is created."""
        return self.customers[0]

    @property
    def is_taken(self):
        """Tell whether the key has led to a contact that may not be used."""
        return bool(self.contact) and not self.contact.is_usable_for(self.first)

    def notes_for(self, customer):
        """Return what is to be said when an order of the customer goes to the contact."""
        notes = []
        if self.refused:
            details = {"dealer_customer": self.refused.name, "partner_id": self.refused.id}
            notes.append(("customer_replaced", details))
        if self.contact:
            return notes + self.contact.notes_for(customer)
        # it may have been there, as somebody else by now
        notes.append(("customer_unreadable", {"partner_id": self.result.record_id}))
        if not same_name(self.first.values.get("name"), customer.values.get("name")):
            contact = Contact(
                self.result.record_id,
                self.first.values.get("name"),
                frozenset(),
                frozenset(),
                None,
                True,
            )
            notes += contact.notes_for(customer)
        return notes


class NewCustomers:
    """Customers to create, those of one batch with the same e-mail or phone being one.

    The same as the one who is created: somebody who has the e-mail of one and the phone of another
    does not make these two the same.

    A key may lead to a contact that is there from an earlier order, though nobody was found by
    e-mail and phone: it may have been archived, or merged into somebody else, or have another
    e-mail by now. What came back is looked at, and where it is none of the customer's any more, a
    new one is created under the next key.
    """

    def __init__(self, session, partner_fields, lacking):
        self.session = session
        self.partner_fields = partner_fields
        # Fields that the dealer's contacts do not have
        self.lacking = lacking
        self.groups = []
        # {e-mail, phone or external id of the one who is created: NewCustomer}
        self._by_key = {}
        # {id() of a customer: NewCustomer}
        self._of = {}
        self._places = None

    def add(self, customer):
        """Add a customer, to one that is the same where there is one."""
        keys = [
            ("id", customer.external_id),
            ("email", email_of(customer)),
            ("phone", phone_of(customer)),
        ]
        keys = [key for key in keys if key[1]]
        group = next((self._by_key[key] for key in keys if key in self._by_key), None)
        if group is None:
            group = NewCustomer([], customer.external_id)
            self.groups.append(group)
            self._by_key.update(dict.fromkeys(keys, group))
        group.customers.append(customer)
        self._of[id(customer)] = group

    @property
    def taken(self):
        """Return the external ids of the customers whose key has led to an unusable contact."""
        groups = [group for group in self.groups if group.is_taken]
        return {customer.external_id for group in groups for customer in group.customers}

    def of(self, customer):
        """Return the ``NewCustomer`` that a customer was added to."""
        return self._of[id(customer)]

    def load(self):
        """Create the customers, each under its key."""
        self._places = Places(self.session, [group.first for group in self.groups])
        self._load(self.groups)

    def replace_taken(self, kept):
        """Create those customers anew whose key has led to a contact that may not be used.

        :param kept: external ids of customers that need none
        """
        groups = [
            group
            for group in self.groups
            if not kept.issuperset(customer.external_id for customer in group.customers)
        ]
        for _turn in range(_KEYS - 1):
            groups = [group for group in groups if group.is_taken]
            if not groups:
                return
            for group in groups:
                group.refused = group.refused or group.contact
                group.key = next_external_id(group.key)
            self._load(groups)

    def _load(self, groups):
        records = [self._load_record(group) for group in groups]
        results = Loader(self.session, CUSTOMER_MODEL).load(records)
        ids = {result.record_id for result in results} - {None}
        contacts = read_contacts(self.session, self.partner_fields, ids)
        for group, result in zip(groups, results, strict=True):
            group.result = result
            group.contact = contacts.get(result.record_id)

    def _load_record(self, group):
        columns, row = ["id"], [group.key]
        for column, value in group.first.values.items():
            if field_of(column) not in self.lacking:
                columns.append(column)
                row.append(cell(value, column))
        for column, value in self._places.cells(group.first):
            columns.append(column)
            row.append(value)
        return LoadRecord(tuple(columns), [row])


class Places:
    """The dealer's countries and states that customers have, each asked for once in a while.

    What the dealer does not know, or does not show, is left out: a customer without a country is
    better than none.
    """

    def __init__(self, session, customers):
        self.session = session
        # {country: id}, {(country, state): id}
        self.countries, self.states = {}, {}
        codes = {customer.country_code.upper() for customer in customers} - {""}
        if codes:
            known = self._recall("res.country", [])
            self.countries = {code: known[code] for code in codes if code in known}
        pairs = {(each.country_code.upper(), each.state_code.upper()) for each in customers}
        for country in {country for country, state in pairs if state} & set(self.countries):
            domain = [("country_id", "=", self.countries[country])]
            known = self._recall("res.country.state", domain)
            self.states.update({(country, state): known[state] for state in known})
        # Records are loaded together when they have the same columns.
        self.any_state = bool(pairs & set(self.states))

    def _recall(self, model, domain):
        def ask():
            records = self.session.search_read(model, domain, ["code"])
            return {str(record.get("code")).upper(): record["id"] for record in records}

        try:
            return self.session.recall(f"codes {model} {domain}", ask, DAY)
        except DealerFault:
            return {}

    def cells(self, customer):
        """Return the (column, value) of a customer's country and state."""
        country, state = customer.country_code.upper(), customer.state_code.upper()
        cells = []
        if self.countries:
            cells.append(("country_id/.id", self.countries.get(country, "")))
        if self.any_state:
            cells.append(("state_id/.id", self.states.get((country, state), "")))
        return cells
