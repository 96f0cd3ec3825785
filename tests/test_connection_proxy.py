# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .dealer_api.connect_proxy import ConnectProxy
from .dealer_api.fault_dealer import FaultDealer
from .dealer_common import BpoCrmCommon

PARAMETER = "bpo_crm.dealer_proxy"


@tagged("post_install", "-at_install")
class TestConnectionProxy(BpoCrmCommon):
    """Dealers are reached through the proxy that the system parameter names."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parameters = cls.env["ir.config_parameter"]
        cls.parameters.set_param("bpo_crm.allow_private_addresses", "True")

    def test_test_connection(self):
        currency = self.dealership.currency_id.name
        with (
            FaultDealer(currency=currency) as dealer,
            ConnectProxy(credentials="robot:proxy-word") as proxy,
        ):
            dealership = self.env["bpo.dealership"].create(
                self._prepare_dealership(
                    code="PROXY",
                    odoo_url=dealer.url,
                    allow_http=True,
                    odoo_db=dealer.database,
                    odoo_login=dealer.login,
                    odoo_api_key=dealer.api_key,
                )
            )
            dealership = dealership.with_user(self.manager)
            dealership.action_test_connection()
            self.assertEqual((dealership.connection_state, proxy.asked), ("connected", []))
            self.parameters.set_param(PARAMETER, proxy.url)
            dealership.action_test_connection()
            self.assertEqual(dealership.connection_state, "connected")
            self.assertTrue(proxy.asked)
            self.parameters.set_param(PARAMETER, proxy.url.replace("proxy-word", "wrong-word"))
            dealership.action_test_connection()
            self.assertEqual(dealership.connection_state, "failed")
            self.assertIn(f"The proxy {proxy.address} refuses our user", dealership.last_message)
            self.assertNotIn("wrong-word", str(dealership.read()))
            self.assertNotIn("robot", str(dealership.read()))

    def test_not_set(self):
        for value in (False, "", " "):
            self.parameters.set_param(PARAMETER, value)
            self.assertFalse((self.dealership._get_connection_settings().proxy or "").strip())

    def test_refused_in_words(self):
        for value in ("socks5://me:hidden-word@proxy:1", "http://me:hidden-word@proxy/path"):
            for write in (
                lambda text: self.parameters.set_param(PARAMETER, text),
                lambda text: self.parameters.create({"key": PARAMETER, "value": text}),
            ):
                with self.assertRaises(ValidationError) as error:
                    write(value)
                self.assertIn("is not the address", str(error.exception))
                self.assertNotIn("hidden-word", str(error.exception))
        self.parameters.set_param("another.parameter", "socks5://proxy")

    def test_administrators_only(self):
        self.parameters.set_param(PARAMETER, "http://me:hidden-word@proxy:3128")
        for user in (self.agent, self.supervisor, self.manager):
            with self.assertRaises(AccessError):
                self.parameters.with_user(user).get_param(PARAMETER)
            with self.assertRaises(AccessError):
                self.parameters.with_user(user).set_param(PARAMETER, "http://mine:3128")
        self.assertNotIn("hidden-word", repr(self.dealership._get_connection_settings()))
