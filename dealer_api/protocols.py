# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The languages an Odoo understands from outside, behind one interface: ``Protocol``.

Arguments go by name, which all can do and which JSON-2 demands. Another addon adds a protocol by
decorating its class with ``register_protocol``; that is a hook.
"""

import json
import re
import xmlrpc.client

from . import xmlrpc_codec
from .errors import (
    DealerAccessRefused,
    DealerAccessUncertain,
    DealerBadAnswer,
    DealerFault,
)
from .untrusted import ends_of

# What is read of the service user.
USER_FIELDS = ["login", "company_id", "partner_id"]

_XML_TYPES = frozenset(("text/xml", "application/xml"))
_JSON_TYPES = frozenset(("application/json",))
_HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))

# Fault codes of Odoo's /xmlrpc/2 (rpc/controllers/xmlrpc.py).
_FAULT_USER, _FAULT_DENIED, _FAULT_ACCESS = 2, 3, 4

# What PostgreSQL says when two transactions get in each other's way. Its messages follow the
# language of the dealer's database server, not that of the service user, hence the list.
_BUSY = re.compile(
    r"SerializationFailure|DeadlockDetected|LockNotAvailable|ConcurrencyError|LockError"
    r"|TransactionRollback|could not serialize access|deadlock detected"
    r"|could not obtain lock|lock timeout|lock not available|current transaction is aborted"
    r"|konnte Zugriff nicht serialisieren|Verklemmung entdeckt"
    r"|n'a pas pu sérialiser|Bloquage mortel|blocage mortel"
    r"|no se pudo serializar|se ha detectado un deadlock"
    r"|serializzare l'accesso|rilevato un deadlock"
    r"|serializar o? ?acesso|не удалось сериализовать",
    re.IGNORECASE,
)

# What PostgreSQL says of a database that is there, naming it as it does one that is not: it takes
# no (more) connections at this moment.
_CLOSED = re.compile(
    r"too many connections|not currently accepting|being accessed"
    r"|zu viele Verbindungen|keine Verbindungen"
    r"|trop de connexions|n'accepte (?:plus|pas)"
    r"|demasiadas conexiones|no acepta conexiones"
    r"|troppe connessioni|non accetta"
    r"|(?:muitas conexões|conexões demais)|não est[áã]o? aceitando"
    r"|слишком много подключений|не принимает подключения",
    re.IGNORECASE,
)


def is_busy(text):
    """Tell whether a message is about a conflict between transactions, gone when repeated."""
    return bool(_BUSY.search(ends_of(text)))


def same_login(login, other):
    """Tell whether two logins are the same one, as Odoo compares them."""
    return str(login).strip().lower() == str(other).strip().lower()


def refuse_wrong_type(transport, answer, accepted):
    """Raise for an answer whose kind shows that it is not from an Odoo."""
    if answer.content_type in accepted:
        return
    if answer.status == 401:
        raise DealerAccessRefused("http_unauthorized", request_sent=True, status=answer.status)
    if answer.status == 404:
        raise DealerBadAnswer("not_found", host=transport.host)
    if answer.status != 200:
        raise DealerBadAnswer("http_status", host=transport.host, status=answer.status)
    if answer.content_type in _HTML_TYPES:
        raise DealerBadAnswer("html_answer", host=transport.host)
    shown = transport.clean(answer.content_type or "none given", limit=60)
    raise DealerBadAnswer("content_type", host=transport.host, content_type=shown)


# {name: class} of all protocols, in the order in which they are asked for the version.
PROTOCOLS = {}


def register_protocol(cls):
    """Add a ``Protocol`` to those that the settings of a connection may name.

    This decorator serves as a hook for other addons. A name that is there is replaced.
    """
    PROTOCOLS[cls.name] = cls
    return cls


class Protocol:
    """How to speak with a dealer's Odoo; the base of all protocols.

    :cvar name: as in ``ConnectionSettings.protocol``
    :cvar label: for people
    :cvar first_version: the first version of Odoo that has it (19), None when all have
    :cvar automatic: tried where the settings leave the choice to us
    """

    name = None
    label = None
    first_version = None
    automatic = False

    def __init__(self, transport, uid=None):
        self.transport = transport
        self.settings = transport.settings
        self.uid = uid
        # Login and company of the service user, once read
        self.user = None

    @classmethod
    def takes(cls, api_key):
        """Tell whether a secret looks like one that this protocol takes.

        A protocol that does not is tried after those that do.
        """
        return True

    def version(self):
        """Return the version as the dealer tells it, for example ``19.0``; ask without login.

        :raise DealerError: when there is no answer, or none of an Odoo
        """
        raise NotImplementedError

    def authenticate(self):
        """Log in, remember the id of the service user as ``uid`` and return it.

        :raise DealerAccessRefused: when the dealer does not let us in
        :raise DealerError: when the dealer could not be worked with
        """
        raise NotImplementedError

    def call(self, model, method, ids, kwargs):
        """Call a method of a model and return its plain result.

        :param ids: the records to call it on; None for a method of the model itself
        :raise DealerFault: when the dealer's Odoo reports a failure of this call
        :raise DealerError: when the dealer could not be worked with
        """
        raise NotImplementedError


@register_protocol
class XmlRpc(Protocol):
    """``/xmlrpc/2``: every Odoo up to 21. Takes a password or an API key."""

    name = "xmlrpc"
    label = "XML-RPC"
    automatic = True

    def version(self):
        """Return the version; an Odoo 19 to 21 writes a deprecation warning to its log."""
        info = self._post("common", "version", (), what="version")
        if not isinstance(info, dict):
            raise DealerBadAnswer("unexpected_answer", call="version")
        version = info.get("server_serie") or info.get("server_version")
        return self.transport.clean(version or "", limit=40)

    def authenticate(self):
        """Log in with ``authenticate``."""
        uid = self._post(
            "common",
            "authenticate",
            (self.settings.database, self.settings.login, self.settings.api_key, {}),
            what="authenticate",
        )
        if not uid:
            raise DealerAccessRefused("login_refused")
        if isinstance(uid, bool) or not isinstance(uid, int):
            raise DealerBadAnswer("unexpected_answer", call="authenticate")
        self.uid = uid
        return uid

    def call(self, model, method, ids, kwargs):
        """Call by ``execute_kw``."""
        args = [] if ids is None else [list(ids)]
        params = (
            self.settings.database,
            self.uid,
            self.settings.api_key,
            model,
            method,
            args,
            kwargs,
        )
        return self._post("object", "execute_kw", params, what=f"{model}.{method}", model=model)

    def _post(self, service, method, params, what, model=None):
        answer = self.transport.request(
            "POST",
            f"/xmlrpc/2/{service}",
            body=xmlrpc_codec.encode(method, params),
            headers={"Content-Type": "text/xml", "Accept": "text/xml"},
        )
        refuse_wrong_type(self.transport, answer, _XML_TYPES)
        if answer.status != 200:
            raise DealerBadAnswer("http_status", host=self.transport.host, status=answer.status)
        failure = fault = None
        try:
            return xmlrpc_codec.decode(answer.body)
        except xmlrpc.client.Fault as error:
            fault = error
        except xmlrpc_codec.DtdRefused:
            failure = DealerBadAnswer("dtd_refused", host=self.transport.host)
        except xmlrpc_codec.BadXml:
            failure = DealerBadAnswer("bad_xml", host=self.transport.host)
        raise failure or self._explain(fault, what, model)

    def _explain(self, fault, what, model):
        code, text = fault.faultCode, str(fault.faultString)
        message = self.transport.clean(text)
        if code == _FAULT_DENIED:
            return DealerAccessRefused("login_refused")
        if code == _FAULT_ACCESS:
            return DealerFault("right_missing", kind="access", model=model or what, message=message)
        if code == _FAULT_USER:
            if re.search(r"Object [\w.]{1,100} doesn't exist", ends_of(text)):
                return DealerFault("remote_error", kind="missing", message=message)
            kind = "busy" if is_busy(text) else "user"
            return DealerFault("remote_error", kind=kind, message=message)
        said = self._said_of_database(text)
        if any(_CLOSED.search(words) for words in said):
            return DealerFault("database_closed")
        if said:
            return DealerAccessUncertain("database_unknown")
        if is_busy(text):
            return DealerFault("remote_busy", kind="busy")
        return DealerFault("remote_error", message=message)

    def _said_of_database(self, text):
        """Return the lines in which PostgreSQL says of the database that it lets nobody in.

        There is no code for it: the fault carries a traceback that ends with PostgreSQL's
        sentence in any language, in which the database stands in the quotes of that language.
        """
        if "OperationalError" not in ends_of(text) or not self.settings.database:
            return []
        # Line by line, each looked at once: the text is a stranger's.
        quoted = re.compile(
            rf"[\"'«»„“”‘’「]\s*{re.escape(self.settings.database)}\s*[\"'«»“”‘’」]"
        )
        said = [line.partition("FATAL:")[2] for line in ends_of(text).splitlines()]
        return [words for words in said if quoted.search(words)]


@register_protocol
class Json2(Protocol):
    """``/json/2``: Odoo 19 and later. Takes an API key only."""

    name = "json2"
    label = "JSON-2"
    first_version = 19
    automatic = True

    @classmethod
    def takes(cls, api_key):
        """Tell whether it is an API key: 40 hexadecimal digits. A password may look otherwise."""
        return bool(re.fullmatch(r"[0-9a-f]{40}", api_key or ""))

    def version(self):
        """Return the version as ``/web/version`` tells it."""
        answer = self.transport.request(
            "GET", "/web/version", headers={"Accept": "application/json"}
        )
        refuse_wrong_type(self.transport, answer, _JSON_TYPES)
        info = self._decode(answer)
        if not isinstance(info, dict) or not isinstance(info.get("version"), str):
            raise DealerBadAnswer("unexpected_answer", call="version")
        return self.transport.clean(info["version"], limit=40)

    def authenticate(self):
        """See whose key it is: JSON-2 has no login."""
        context = self.call("res.users", "context_get", None, {})
        uid = context.get("uid") if isinstance(context, dict) else None
        if isinstance(uid, bool) or not isinstance(uid, int):
            raise DealerBadAnswer("unexpected_answer", call="context_get")
        # The key alone decides who we are: see that it is who the settings say.
        users = self.call("res.users", "read", [uid], {"fields": USER_FIELDS})
        user = users[0] if isinstance(users, list) and users else None
        if not isinstance(user, dict) or not isinstance(user.get("login"), str):
            raise DealerBadAnswer("unexpected_answer", call="res.users.read")
        if not same_login(user.get("login"), self.settings.login):
            raise DealerAccessRefused("login_mismatch")
        self.user = user
        self.uid = uid
        return uid

    def call(self, model, method, ids, kwargs):
        """Post to the address of the method."""
        params = dict(kwargs)
        if ids is not None:
            params["ids"] = list(ids)
        answer = self.transport.request(
            "POST",
            f"/json/2/{model}/{method}",
            body=json.dumps(params).encode("utf-8"),
            headers=self._headers(),
        )
        if answer.status == 404 and answer.content_type in _HTML_TYPES:
            # Without a database of that name Odoo does not get as far as to JSON.
            if b"No database is selected" in answer.body:
                raise DealerAccessUncertain("database_unknown")
        refuse_wrong_type(self.transport, answer, _JSON_TYPES)
        result = self._decode(answer)
        if answer.status != 200:
            raise self._explain(answer.status, result, model, method)
        return result

    def _headers(self):
        """Return the head of a request; what no head can carry cannot be right either."""
        if not _fits_a_header(self.settings.api_key):
            raise DealerAccessRefused("key_invalid")
        if not _fits_a_header(self.settings.database):
            raise DealerAccessRefused("database_unknown")
        return {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"bearer {self.settings.api_key}",
            "X-Odoo-Database": self.settings.database,
        }

    def _decode(self, answer):
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            failure = DealerBadAnswer("bad_json", host=self.transport.host)
        raise failure

    def _explain(self, status, body, model, method):
        if not _is_odoo_error(body):
            # Something in front of the dealer's Odoo: it says nothing about what was sent.
            if status == 401:
                return DealerAccessRefused("http_unauthorized", request_sent=True, status=status)
            return DealerBadAnswer("http_status", host=self.transport.host, status=status)
        name, text = body["name"], body["message"]
        message = self.transport.clean(text or f"HTTP status {status}")
        if status == 401:
            return DealerAccessRefused("login_refused")
        if name.endswith((".AccessDenied", ".SessionExpiredException")):
            return DealerAccessUncertain("access_denied")
        if name.endswith(".AccessError"):
            return DealerFault("right_missing", kind="access", model=model, message=message)
        if is_busy(name) or is_busy(text):
            return DealerFault("remote_busy", kind="busy")
        if status == 404 and "does not exist" in text and f"{model}" in text:
            return DealerFault("remote_error", kind="missing", message=message)
        if status in (400, 404, 409, 422):
            return DealerFault("remote_error", kind="user", message=message)
        if status >= 500:
            return DealerFault("remote_error", message=message)
        return DealerBadAnswer("http_status", host=self.transport.host, status=status)


def _is_odoo_error(body):
    """Tell whether the body of an error is as Odoo writes it (http.py: serialize_exception)."""
    if not isinstance(body, dict) or "arguments" not in body:
        return False
    return isinstance(body.get("name"), str) and isinstance(body.get("message"), str)


def _fits_a_header(value):
    return all(" " <= char <= "~" or "\xa0" <= char <= "\xff" for char in value)
