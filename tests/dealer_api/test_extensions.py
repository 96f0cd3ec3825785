# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What another addon may add: a protocol, a step of the connection test, messages of its own."""

from unittest.mock import patch

from ...dealer_api import (
    MESSAGES,
    PROTOCOLS,
    CheckStep,
    ConnectionSettings,
    DealerError,
    DealerSession,
    check_connection,
    fill_in,
    register_protocol,
    render,
)
from ...dealer_api.protocols import XmlRpc
from .common import DealerApiCase, cases


class TestDealerExtensions(DealerApiCase):
    """A second addon, played by the tests."""

    def prepare(self):
        self.dealer.add_product("VH-1")
        self.fixtures.enter_context(patch.dict(PROTOCOLS))

    def settings_for(self, protocol, **kwargs):
        return ConnectionSettings(
            self.dealer.url,
            self.dealer.database,
            self.dealer.login,
            self.dealer.api_key,
            protocol=protocol,
            allow_http=True,
            allow_private=True,
            **kwargs,
        )

    def test_a_protocol_has_to_be_known(self):
        with self.assertRaises(ValueError):
            self.settings_for("carrier_pigeon")

    def test_a_protocol_of_another_addon(self):
        @register_protocol
        class Tunnel(XmlRpc):
            """XML-RPC by another name."""

            name = "tunnel"
            label = "Tunnel"
            automatic = False

        with DealerSession(self.settings_for("tunnel")) as session:
            self.assertEqual((session.protocol, session.uid), ("tunnel", self.dealer.uid))
        report = check_connection(self.settings_for("tunnel"))
        self.assertTrue(report.ok, report.lines)
        self.assertIn("Tunnel", report.lines[2].text)
        # It has to be chosen: nobody is sent through it unasked.
        with DealerSession(self.settings_for("auto")) as session:
            self.assertEqual(session.protocol, "json2")

    def test_a_protocol_that_came_later_than_the_dealers_version(self):
        @register_protocol
        class Later(XmlRpc):
            """Not there yet."""

            name = "later"
            label = "JSON-3"
            first_version = 23

        report = check_connection(self.settings_for("later"))
        [line] = [line for line in report.lines if line.ok is False]
        self.assertEqual((line.step, line.code), ("version", "protocol_unavailable"))
        self.assertIn("JSON-3", line.text)
        self.assertIn("23", line.text)

    def test_a_step_of_another_addon(self):
        class Warehouse(CheckStep):
            """Look for something of our own."""

            name = "warehouse"

            def run(self, context):
                """Add a line without and one with a code of MESSAGES."""
                context.add(self.name, True, "acme_ok", "Two 100% good warehouses.")
                context.add(self.name, False, "login_refused")

        class Broken(CheckStep):
            """Meet an error with a code that nobody knows."""

            name = "broken"

            def run(self, context):
                """Fail."""
                raise DealerError("acme_down", text="The gate is shut.")

        report = check_connection(self.settings_for("auto"), extra_steps=[Warehouse(), Broken()])
        found = [(line.step, line.ok, line.text) for line in report.lines[-3:]]
        self.assertEqual(
            found,
            [
                ("warehouse", True, "Two 100% good warehouses."),
                ("warehouse", False, MESSAGES["login_refused"]),
                ("broken", False, "The gate is shut."),
            ],
        )
        self.assertFalse(report.ok)
        self.dealer.stop()
        report = check_connection(self.settings_for("auto"), extra_steps=[Warehouse()])
        self.assertEqual(
            (report.lines[-1].step, report.lines[-1].code), ("warehouse", "check_not_reached")
        )

    @cases(
        ("code", "details", "sentence"),
        [
            ("acme_down", {}, "acme_down"),
            ("acme_down", None, "acme_down"),
            ("acme_down", {"text": "100 % shut"}, "100 % shut"),
            ("acme_down", {"message": "%(shut)s"}, "%(shut)s"),
            ("dns_failed", {}, MESSAGES["dns_failed"]),
            (
                "fields_left_out",
                {"fields": ["a", "b"], "model": "m"},
                "The dealer's Odoo has no such field, or does not show it to the service user, so"
                " it was left out: a, b (m).",
            ),
        ],
    )
    def test_every_code_has_a_sentence(self, code, details, sentence):
        self.assertEqual(render(code, details), sentence)

    def test_a_translation_that_does_not_fit(self):
        with self.assertRaises(KeyError):
            fill_in("%(nobody)s ist da", {"host": "x"})
        self.assertEqual(fill_in("%(host)s ist da", {"host": "x"}), "x ist da")
