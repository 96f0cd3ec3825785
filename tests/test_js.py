# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import HttpCase, no_retry, tagged


@tagged("post_install", "-at_install")
class TestJs(HttpCase):
    """Run the JavaScript tests of this addon in a browser."""

    def _run_suite(self, preset):
        """Run the tests of this addon that are meant for a kind of screen."""
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset={preset}&timeout=15000"
            f"&id={self._get_suite_id()}",
            code="",
            ready="",
            login="admin",
            timeout=600,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=lambda message: "[HOOT]" not in message,
        )

    @no_retry
    def test_hoot(self):
        self._run_suite("desktop")

    def _get_suite_id(self):
        """Return the id that the test page gives to the suite of this addon."""
        suite_id = 0
        for char in "@bpo_crm":
            suite_id = ((suite_id << 5) - suite_id + ord(char)) & 0xFFFFFFFF
        return f"{suite_id:08x}"


@tagged("post_install", "-at_install")
class TestJsMobile(TestJs):
    """The same on a phone: tests tagged ``mobile`` run here only, those tagged ``desktop`` not."""

    browser_size = "375x667"
    touch_enabled = True

    @no_retry
    def test_hoot(self):
        self._run_suite("mobile")
