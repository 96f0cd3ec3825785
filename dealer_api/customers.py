# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who the customer of an order is at the dealer: looked up, else created."""

import re

from .errors import DealerFault
from .loader import Loader, LoadRecord, cell
from .payload import CUSTOMER_MODEL, field_of
from .records import many2one_id, many2one_name

PRICELIST = "property_product_pricelist"
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
# More matches than this for one look-up, and each customer is looked up alone.
_MATCH_LIMIT = 1000


class CustomerSearch:
    """Look customers up at the dealer: by e-mail, then by phone, one search each."""

    def __init__(self, session, partner_fields):
        self.session = session
        self.partner_fields = partner_fields
        # {external id: ([ids, ascending], the e-mail or phone that matched)}
        self.found = {}
        # {contact: its price list or None} of all contacts seen on the way
        self.pricelists = {}

    def run(self, customers):
        """Look for the customers of a batch; what was found is in ``found``."""
        by_email = {}
        for customer in customers:
            email = normal_email(customer.values.get("email"))
            if email:
                by_email.setdefault(email, []).append(customer)
        self._match(by_email, _email_search(self.partner_fields))
        by_phone = {}
        for customer in customers:
            phone = normal_phone(customer.values.get("phone"))
            if phone and customer.external_id not in self.found:
                by_phone.setdefault(phone, []).append(customer)
        for search in _phone_searches(self.partner_fields):
            self._match(
                {
                    phone: people
                    for phone, people in by_phone.items()
                    if people[0].external_id not in self.found
                },
                search,
            )
        return self

    def _match(self, wanted, search):
        """Search the contacts for the keys of ``wanted`` and note who was found."""
        domain_of, names, key_of = search
        keys = [key for key in wanted if domain_of([key])]
        if not keys:
            return
        if PRICELIST in self.partner_fields:
            names = [*names, PRICELIST]
        records = self._search(domain_of(keys), names, _MATCH_LIMIT)
        if len(records) >= _MATCH_LIMIT:
            # So many namesakes that one may hide the other customers.
            records = [
                record for key in keys for record in self._search(domain_of([key]), names, 20)
            ]
        ids_of = {}
        for record in records:
            self.pricelists[record["id"]] = many2one_id(record.get(PRICELIST))
            for key in key_of(record):
                ids_of.setdefault(key, set()).add(record["id"])
        for key in keys:
            if key in ids_of:
                for customer in wanted[key]:
                    self.found[customer.external_id] = (sorted(ids_of[key]), key)

    def _search(self, domain, names, limit):
        return self.session.search_read("res.partner", domain, names, limit=limit)


def _email_search(partner_fields):
    """Return how to search by e-mail: (domain of keys, fields to read, keys of a record)."""
    if "email_normalized" in partner_fields:
        return (
            lambda emails: [("email_normalized", "in", list(emails))],
            ["email_normalized"],
            lambda record: [normal_email(record.get("email_normalized"))],
        )
    return (
        lambda emails: _any_of([("email", "=ilike", escape_like(email)) for email in emails]),
        ["email"],
        lambda record: [normal_email(record.get("email"))],
    )


def _phone_searches(partner_fields):
    """Return the ways to search by phone, the best first."""
    searches = []
    if "phone_sanitized" in partner_fields:
        searches.append(
            (
                # Only the international form can be compared with what the dealer has there.
                lambda phones: _in_domain("phone_sanitized", [p for p in phones if p[0] == "+"]),
                ["phone_sanitized"],
                lambda record: [normal_phone(record.get("phone_sanitized"))],
            )
        )
    names = [name for name in ("phone", "mobile") if name in partner_fields]
    if names:
        searches.append(
            (
                # Any characters may stand between the digits ("+32 2 555.01.01"); whether it
                # is the same number is then seen by the digits alone.
                lambda phones: _any_of(
                    [
                        (name, "=ilike", "%".join(["", *phone.lstrip("+"), ""]))
                        for phone in phones
                        if not ("phone_sanitized" in partner_fields and phone[0] == "+")
                        for name in names
                    ]
                ),
                names,
                lambda record: [normal_phone(record.get(name)) for name in names],
            )
        )
    return searches


def _in_domain(name, values):
    return [(name, "in", values)] if values else []


def _any_of(leaves):
    return ["|"] * (len(leaves) - 1) + list(leaves)


def escape_like(text):
    """Escape what ``=ilike`` takes for a pattern: it is to be found as it stands."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def normal_email(email):
    """Return an e-mail as it is compared: without blanks, in lower case; None when it is none."""
    return str(email).strip().lower() if email and "@" in str(email) else None


def normal_phone(phone):
    """Return the digits of a phone number, with a plus in front when it is international."""
    text = str(phone or "").strip()
    digits = re.sub(r"\D", "", text)
    if text.startswith("00"):
        text, digits = "+", digits[2:]
    if len(digits) < 5:
        return None
    return f"+{digits}" if text.startswith("+") else digits


def read_currencies(session, pricelist_ids):
    """Return ``{price list: code of its currency}``."""
    if not pricelist_ids:
        return {}
    records = session.read_ids("product.pricelist", sorted(pricelist_ids), ["currency_id"])
    return {record["id"]: many2one_name(record.get("currency_id")) for record in records}


# ------------------------------------------------------------
# New customers
# ------------------------------------------------------------


class NewCustomers:
    """Customers to create, those of one batch with the same e-mail or phone being one."""

    def __init__(self):
        # Lists of customers that are the same; the first one is created.
        self.groups = []
        self._by_key = {}

    def add(self, customer):
        """Add a customer, to one that is the same where there is one."""
        keys = [
            ("id", customer.external_id),
            ("email", normal_email(customer.values.get("email"))),
            ("phone", normal_phone(customer.values.get("phone"))),
        ]
        keys = [key for key in keys if key[1]]
        group = next((self._by_key[key] for key in keys if key in self._by_key), None)
        if group is None:
            group = []
            self.groups.append(group)
        group.append(customer)
        for key in keys:
            self._by_key.setdefault(key, group)

    def load(self, session, lacking):
        """Create the customers; return ``{external id: LoadResult}`` of all that were added.

        :param lacking: fields that the dealer's contacts do not have
        """
        firsts = [group[0] for group in self.groups]
        countries = _find_countries(session, firsts)
        records = [_load_record(customer, countries, lacking) for customer in firsts]
        results = Loader(session, CUSTOMER_MODEL).load(records)
        return {
            customer.external_id: result
            for group, result in zip(self.groups, results, strict=True)
            for customer in group
        }


def _load_record(customer, countries, lacking):
    columns, row = ["id"], [customer.external_id]
    for column, value in customer.values.items():
        if field_of(column) not in lacking:
            columns.append(column)
            row.append(cell(value, column))
    if countries:
        columns.append("country_id/.id")
        row.append(countries.get(customer.country_code.upper(), ""))
    return LoadRecord(tuple(columns), [row])


def _find_countries(session, customers):
    """Return ``{code: id at the dealer}``; a country it does not know is left out."""
    codes = sorted({each.country_code.upper() for each in customers if each.country_code})
    if not codes:
        return {}
    try:
        records = session.search_read("res.country", [("code", "in", codes)], ["code"])
    except DealerFault:
        # A customer without a country is better than none.
        return {}
    return {str(record.get("code")).upper(): record["id"] for record in records}
