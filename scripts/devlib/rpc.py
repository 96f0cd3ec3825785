# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Talk to an Odoo server as a user: what the scripts and the end-to-end tests look at with."""

import http.client
import xmlrpc.client


class RpcError(Exception):
    """The server refused; the text is what a user would have read."""


class _Transport(xmlrpc.client.Transport):
    """One new connection a call, with a timeout: a restarted server is no surprise."""

    def __init__(self, timeout):
        super().__init__()
        self.timeout = timeout

    def make_connection(self, host):
        return http.client.HTTPConnection(host, timeout=self.timeout)


class Rpc:
    """The methods of an Odoo server's models, called as one user.

    :param password: the password or an API key
    """

    def __init__(self, url, database, login, password, timeout=120):
        self.url = url
        self.database = database
        self.login = login
        self.password = password
        self.timeout = timeout
        self._uid = None

    def _proxy(self, service):
        return xmlrpc.client.ServerProxy(
            f"{self.url}/xmlrpc/2/{service}", transport=_Transport(self.timeout), allow_none=True
        )

    @property
    def uid(self):
        """Return the id of the user, logging in when needed."""
        if self._uid is None:
            with self._proxy("common") as common:
                self._uid = common.authenticate(self.database, self.login, self.password, {})
            if not self._uid:
                raise RpcError(f"{self.url} does not let {self.login} in.")
        return self._uid

    def call(self, model, method, *args, **kwargs):
        """Call a method of a model and return its result."""
        with self._proxy("object") as proxy:
            try:
                return proxy.execute_kw(
                    self.database, self.uid, self.password, model, method, args, kwargs
                )
            except xmlrpc.client.Fault as fault:
                raise RpcError(fault.faultString.strip()) from None

    def search_read(self, model, domain, fields, **kwargs):
        """Return records as dictionaries."""
        return self.call(model, "search_read", domain, fields, **kwargs)

    def read(self, model, record_id, *fields):
        """Return one record as a dictionary."""
        [record] = self.call(model, "read", [record_id], list(fields))
        return record

    def create(self, model, **values):
        """Create a record and return its id."""
        return self.call(model, "create", [values])[0]

    def write(self, model, ids, **values):
        """Write to one record or several."""
        return self.call(model, "write", [ids] if isinstance(ids, int) else list(ids), values)

    def ref(self, xml_id):
        """Return the id of a record by its external id."""
        module, name = xml_id.split(".")
        [data] = self.search_read(
            "ir.model.data", [("module", "=", module), ("name", "=", name)], ["res_id"]
        )
        return data["res_id"]
