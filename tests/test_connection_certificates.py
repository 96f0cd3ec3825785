# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged

from .dealer_api.certificates import WithAuthority
from .dealer_api.fault_dealer import FaultDealer
from .dealer_common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestOwnAuthority(WithAuthority, BpoCrmCommon):
    """The certificate of a dealer's own authority is trusted for that dealer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("bpo_crm.allow_private_addresses", "True")

    def test_test_connection(self):
        currency = self.dealership.currency_id.name
        with FaultDealer(certificate=self.server.files, currency=currency) as dealer:
            dealership = self.env["bpo.dealership"].create(
                self._prepare_dealership(
                    name="Private",
                    code="PRIVATE",
                    odoo_url=dealer.url,
                    odoo_db=dealer.database,
                    odoo_login=dealer.login,
                    odoo_api_key=dealer.api_key,
                )
            )
            dealership = dealership.with_user(self.manager)
            dealership.action_test_connection()
            self.assertEqual(dealership.connection_state, "failed")
            self.assertIn("authority of the dealer's own", dealership.last_message)
            with Form(dealership) as form:
                form.ca_certificates = f"Our CA\n{self.authority.pem}"
            self.assertEqual(dealership.connection_state, "untested")
            self.assertEqual(dealership.ca_certificates, self.authority.pem)
            dealership.action_test_connection()
            self.assertFalse(dealership.last_message)
            self.assertEqual(dealership.connection_state, "connected")
        self.assertFalse(self.dealership._get_connection_settings().ca_certificates)

    def test_a_talk_before_it_was_changed(self):
        settings = self.dealership._get_connection_settings()
        self.dealership.ca_certificates = self.authority.pem
        self.assertFalse(self.dealership._is_reached_through(settings))

    def test_private_key(self):
        logger = logging.getLogger("odoo.sql_db")
        line = self.server.private_pem.splitlines()[1]
        with self.assertLogs(logger, "DEBUG") as logs:
            logger.debug("assertLogs wants at least one")
            with self.assertRaises(ValidationError) as error:
                self.dealership.ca_certificates = self.authority.pem + self.server.private_pem
            self.env.flush_all()
        self.assertIn("private key", str(error.exception))
        self.assertNotIn(line, "".join(logs.output) + str(error.exception))
        self.assertFalse(self.dealership.ca_certificates)

    def test_nonsense(self):
        for text in ("nonsense", "x" * 200_000):
            with self.assertRaises(ValidationError):
                self.dealership.ca_certificates = text
            with self.assertRaises(ValidationError):
                self.env["bpo.dealership"].create(
                    self._prepare_dealership(code="NEW", ca_certificates=text)
                )

    def test_empty_and_copied(self):
        self.dealership.ca_certificates = self.authority.pem
        self.assertEqual(self.dealership.copy().ca_certificates, self.authority.pem)
        self.dealership.ca_certificates = " \n"
        self.assertFalse(self.dealership.ca_certificates)

    def test_managers_only(self):
        for user in (self.agent, self.supervisor):
            dealership = self.dealership.with_user(user)
            with self.assertRaises(AccessError):
                dealership.read(["ca_certificates"])
            with self.assertRaises(AccessError):
                dealership.ca_certificates = self.authority.pem
