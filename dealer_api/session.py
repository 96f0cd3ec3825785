# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One run of work with one dealer's Odoo."""

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple

from .errors import (
    PAUSE,
    DealerAccessRefused,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerUnreachable,
)
from .memory import DAY, HOUR, open_memory
from .protocols import PROTOCOLS, USER_FIELDS, same_login
from .records import NAME_LIMIT, is_id, many2one_id, many2one_name
from .settings import AUTO
from .transport import HttpTransport, utcnow
from .untrusted import clean_text

# From here on has_access() replaces check_access_rights().
HAS_ACCESS_VERSION = 18

# From here on companies have branches.
BRANCHES_VERSION = 17

# Whether ``DealerSession.company_proof`` works at a dealer.
_COMPANY_PROOF = "company proof"
_EPOCH = datetime(1970, 1, 1)


class Company(NamedTuple):
    """The company of the service user; what cannot be read is None.

    :ivar contact: the id of the service user's own contact
    """

    id: int
    name: str | None
    currency: str | None
    contact: int | None = None


def escape_like(text):
    """Escape what ``=ilike`` takes for a pattern: it is to be found as it stands."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def major_version(version):
    """Return the number before the point (``19`` of ``saas~19.2``), or None."""
    found = re.search(r"(\d+)(?:\.\d+)?", version or "")
    return int(found.group(1)) if found else None


class DealerSession:
    """Talk with one dealer: a context manager that keeps the connection and what it learned.

    Nothing is sent before the first call that needs an answer. ``fresh`` ignores, and forgets,
    what is remembered from earlier sessions.

    :ivar started: when the session began, naive UTC by our clock
    """

    def __init__(self, settings, fresh=False):
        self.settings = settings
        self.started = utcnow()
        self._clock_offset = None
        # The ``DealerSlowDown`` by which the dealer's server asked for fewer requests, if it did
        self.slow_down = None
        self._fresh = fresh
        self._memory = None
        # the questions that the dealer has answered in this session, and whether it is worth
        # storing what is remembered now
        self._asked = set()
        self._has_learnt = False
        self._remembered_version = None if fresh else settings.server_version
        self._remembered_uid = None if fresh else settings.uid
        self._transport = None
        self._protocol = None
        # The protocol and user are those of earlier sessions, not proved in this one.
        self._assumed = False
        self._version = None
        self._known_uid = None

    def __repr__(self):
        return f"<{type(self).__name__} {self.settings.url}>"

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """Close the connection; the next call opens another one."""
        if self._transport:
            self._clock_offset = self._transport.clock_offset
            self.slow_down = getattr(self._transport, "slow_down", None)
            self._transport.close()
            self._transport = None
        if self._protocol:
            self._known_uid = self._protocol.uid
        self._protocol = None

    @property
    def transport(self):
        """Return the HTTP transport, opened at the first use.

        :raise DealerAddressRefused: when the address is none that we connect to
        """
        if self._transport is None:
            self._transport = HttpTransport(self.settings)
        return self._transport

    @property
    def clock_offset(self):
        """Return the dealer's clock minus ours by its latest answer, None while unknown."""
        if self._transport is None:
            return self._clock_offset
        return self._transport.clock_offset

    # ------------------------------------------------------------
    # Who is there, and how to speak to them
    # ------------------------------------------------------------

    @property
    def server_version(self):
        """Return the dealer's Odoo version, asking for it when it is not known yet.

        An empty string when the dealer does not tell.
        """
        if self._version is None:
            self._version = self._remembered_version or self._ask_version()
        return self._version

    def _ask_version(self):
        # Up to Odoo 18 only XML-RPC tells it, from 22 on only JSON does.
        asked = [cls for cls in PROTOCOLS.values() if cls.automatic]
        if chosen := PROTOCOLS.get(self.settings.protocol):
            asked = [chosen, *(cls for cls in asked if cls is not chosen)]
        first_error = None
        for cls in asked:
            try:
                return cls(self.transport).version()
            except (DealerBadAnswer, DealerFault, DealerAccessRefused) as error:
                # A server may close either door (404, 403, a login page) and open the other.
                first_error = first_error or error
        raise first_error

    @property
    def known(self):
        """Return version and user id as far as they are known without asking, after ``close``."""
        return self._version, self._known_uid

    @property
    def protocol(self):
        """Return the name of the protocol really used, never ``auto``."""
        return self._connected().name

    @property
    def uid(self):
        """Return the id of the service user in the dealer's Odoo."""
        protocol = self._connected()
        return protocol.uid or protocol.authenticate()

    def _connected(self):
        if self._protocol is None:
            self._check_key()
            self._protocol = self._assume_protocol() or self._choose_protocol()
        return self._protocol

    def _check_key(self):
        """Refuse a key with characters that nobody sees: it cannot be right, whatever is tried."""
        if any(unicodedata.category(char)[0] == "C" for char in self.settings.api_key or ""):
            raise DealerAccessRefused("key_invalid")

    def _assume_protocol(self):
        """Return the protocol that worked before, without asking: the first call will tell."""
        if not self._remembered_uid:
            return None
        chosen = PROTOCOLS.get(self.settings.protocol)
        if not chosen and not self._remembered_version:
            return None
        candidate = chosen or self._candidates(major_version(self._remembered_version))[0]
        self._assumed = True
        return candidate(self.transport, self._remembered_uid)

    def _choose_protocol(self):
        if self.settings.protocol == AUTO:
            return self._choose_automatically(major_version(self.server_version))
        chosen = PROTOCOLS[self.settings.protocol]
        if chosen.first_version:
            major = major_version(self.server_version)
            if major is not None and major < chosen.first_version:
                raise DealerAccessRefused(
                    "protocol_unavailable",
                    version=self.server_version,
                    protocol=chosen.label,
                    first_version=chosen.first_version,
                )
        protocol = chosen(self.transport)
        protocol.authenticate()
        return protocol

    def _candidates(self, major):
        """Return the protocols to try for a version, the best first.

        Those that take the secret come before those that may not, later ones before older ones.
        """
        candidates = [
            cls
            for cls in PROTOCOLS.values()
            if cls.automatic and (major is None or major >= (cls.first_version or 0))
        ]
        return sorted(
            candidates,
            key=lambda cls: (not cls.takes(self.settings.api_key), -(cls.first_version or 0)),
        )

    def _choose_automatically(self, major):
        refusals = []
        for candidate in self._candidates(major):
            protocol = candidate(self.transport)
            try:
                protocol.authenticate()
            except DealerUnreachable:
                raise
            except DealerError as error:
                refusals.append(error)
            else:
                return protocol
        raise min(refusals, key=self._rank_refusal)

    @staticmethod
    def _rank_refusal(error):
        """Return how little a refusal tells, of those that several protocols got.

        What the Odoo itself says about the login counts more than a closed door beside it. What
        it may say for the moment only (JSON-2 knows no database that takes no more connections)
        counts less, also than a protocol that is told just that.
        """
        if isinstance(error, DealerAccessRefused):
            return 0 if error.remedy == PAUSE else 2
        return 1 if error.code == "database_closed" else 3

    def _start_afresh(self):
        """Forget what was remembered of earlier sessions, and find a way in anew."""
        self._assumed = False
        self._remembered_uid = self._remembered_version = self._version = None
        # where there is no way in now, whoever asks on in this session is to hear the same of it
        self._protocol = None
        self._protocol = self._choose_protocol()

    # ------------------------------------------------------------
    # Calls
    # ------------------------------------------------------------

    def call(self, model, method, ids=None, **kwargs):
        """Call a method of a model at the dealer and return its plain result.

        :param ids: the records to call it on; None for a method of the model itself
        :raise DealerFault: when the dealer's Odoo reports a failure of this call
        :raise DealerError: when the dealer could not be worked with
        """
        try:
            result = self._connected().call(model, method, ids, kwargs)
        except (DealerAccessRefused, DealerBadAnswer):
            if not self._assumed:
                raise
        else:
            self._assumed = False
            return result
        # The first call, with a user id and a protocol from earlier: that user may be gone
        # (a restored database), that door be closed. Only looks are taken before the way in is
        # proved, so that nothing is done twice.
        self._start_afresh()
        return self._connected().call(model, method, ids, kwargs)

    def search_read(self, model, domain, fields, limit=None):
        """Return the readable records of a domain by ascending id, checked for their shape."""
        kwargs = {"domain": domain, "fields": fields, "order": "id"}
        if limit:
            kwargs["limit"] = limit
        return self._checked_records(model, self.call(model, "search_read", **kwargs))

    def read_ids(self, model, ids, fields):
        """Return records by their ids; the dealer refuses when one may not be read."""
        return self._checked_records(model, self.call(model, "read", ids, fields=fields))

    @staticmethod
    def _checked_records(model, records):
        if not isinstance(records, list) or not all(
            isinstance(record, dict) and is_id(record.get("id")) for record in records
        ):
            raise DealerBadAnswer("unexpected_answer", call=f"{model} (read)")
        return records

    # ------------------------------------------------------------
    # What is asked once in a while only
    # ------------------------------------------------------------

    def recall(self, question, ask, age=HOUR):
        """Return the answer to a question that is asked once in a while only, per dealer and user.

        :param question: names the question; a text
        :param ask: returns the answer when it is not known, or too old: plain JSON, not None
        :param age: for how many seconds an answer is good. Those that the requests that use it
            do not prove are for things that change when a dealer's Odoo is set up, and are good
            for an hour.
        """
        answer = self.remembered(question, age)
        if answer is None:
            answer = ask()
            self.remember(question, answer)
        return answer

    def remembered(self, question, age=HOUR):
        """Return the answer to a question without asking, None when it is not known."""
        return self.memory.get(question, self._now, age)

    def remember(self, question, answer):
        """Keep what the dealer has told just now."""
        self.memory.put(question, self._now, answer)
        self._asked.add(question)
        self._has_learnt = True

    def is_proved(self, question):
        """Tell whether the dealer has answered a question in this session."""
        return question in self._asked

    def forget(self):
        """Forget all that is remembered: there was a sign that some of it is not true."""
        self.memory.forget(self._now)
        self._asked = set()
        self._has_learnt = True

    @property
    def learnt(self):
        """Return what is remembered by now, None when nothing of it was learnt in this session."""
        return self.memory.dump() if self._has_learnt else None

    @staticmethod
    def forgotten():
        """Return what is to be stored so that all that was learnt up to now is forgotten."""
        return {"since": (utcnow() - _EPOCH).total_seconds(), "answers": {}}

    @property
    def memory(self):
        """Return what is remembered of this dealer, user and version."""
        if self._memory is None:
            settings = self.settings
            dealer = (self.transport.url, settings.database, settings.login, self.server_version)
            self._memory = open_memory(dealer, settings.remembered)
            if self._fresh:
                self._memory.forget(self._now)
        return self._memory

    @property
    def _now(self):
        return (utcnow() - _EPOCH).total_seconds()

    def fields(self, model, names, age=HOUR):
        """Return which of the named fields the model has, for this version and user."""
        return frozenset(self.describe(model, names, age))

    def describe(self, model, names, age=HOUR):
        """Return ``{name: {"type": …, "relation": …}}`` of those named fields that it has.

        That a field is there is proved by the request that uses it; that one is missing is not.

        :param age: for how many seconds an answer is good that misses some of them
        """
        names = sorted(names)
        question = f"fields {model} {','.join(names)}"
        found = self.remembered(question, DAY)
        if found is None or (len(found) < len(names) and self.remembered(question, age) is None):
            found = self._ask_fields(model, names)
            self.remember(question, found)
        return found

    def _ask_fields(self, model, names):
        attributes = ["type", "relation"]
        found = self.call(model, "fields_get", allfields=list(names), attributes=attributes)
        if not isinstance(found, dict):
            raise DealerBadAnswer("unexpected_answer", call=f"{model}.fields_get")
        return {
            name: {key: kind[key] for key in attributes if isinstance(kind.get(key), str)}
            for name, kind in found.items()
            if name in names and isinstance(kind, dict)
        }

    def has_right(self, model, operation):
        """Tell whether the service user may do something with a model in general."""
        major = major_version(self.server_version)
        if major is None or major >= HAS_ACCESS_VERSION:
            return bool(self.call(model, "has_access", [], operation=operation))
        return bool(
            self.call(model, "check_access_rights", operation=operation, raise_exception=False)
        )

    @property
    def company(self):
        """Return the ``Company`` that the service user works in, and its orders go to.

        It may be a day old: what rests on it asks (``is_proved``), or has ``company_proof``. Where
        there is none the dealer is asked in each session.
        """
        is_vague = self.remembered(_COMPANY_PROOF) is False and not self.is_proved("company")
        return Company(*self.recall("company", self._ask_company, -1 if is_vague else DAY))

    def _ask_company(self):
        user = self._read_user()
        company_id = many2one_id(user.get("company_id"))
        if not company_id:
            raise DealerBadAnswer("unexpected_answer", call="res.users.read")
        companies = self.read_ids("res.company", [company_id], ["name", "currency_id"])
        record = companies[0] if companies else {}
        return [
            company_id,
            clean_text(record.get("name") or "", limit=NAME_LIMIT) or None,
            many2one_name(record.get("currency_id")),
            many2one_id(user.get("partner_id")),
        ]

    def company_proof(self):
        """Return a domain that only the service user's own contact is in, and only as long as its
        company and the company's currency are those that are remembered.
        """
        company = self.company
        return [
            "&",
            "&",
            "&",
            ("id", "=", company.contact or 0),
            ("user_ids.login", "=ilike", escape_like(self.settings.login)),
            ("user_ids.company_id", "in", [company.id]),
            ("user_ids.company_id.currency_id.name", "=", company.currency or ""),
        ]

    def ask_company_each_time(self):
        """Note that at this dealer the proof proves nothing, for an hour."""
        self.remember(_COMPANY_PROOF, False)

    @property
    def company_currency(self):
        """Return the code of the currency of the service user's company, or None."""
        return self.company.currency

    def company_domain(self):
        """Return the domain of the records that orders of the service user's company may have.

        A user may see those of several companies; Odoo refuses orders that mix them.
        """
        major = major_version(self.server_version)
        if major is not None and major < BRANCHES_VERSION:
            return [("company_id", "in", [False, self.company.id])]
        # A branch shares what its parent has.
        return ["|", ("company_id", "=", False), ("company_id", "parent_of", [self.company.id])]

    def _read_user(self):
        """Return login and company of the service user, as it is known or as read now."""
        protocol = self._connected()
        if protocol.user is None:
            users = self.search_read("res.users", [("id", "=", self.uid)], USER_FIELDS)
            if not users or not self._is_our_login(users[0].get("login")):
                # The remembered id is that of somebody else by now.
                self._start_afresh()
                protocol = self._connected()
                users = self.read_ids("res.users", [self.uid], USER_FIELDS)
            protocol = self._connected()
            protocol.user = users[0] if users else {}
        return protocol.user

    def _is_our_login(self, login):
        return same_login(login, self.settings.login)
