# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import HttpCase, no_retry, tagged


@tagged("post_install", "-at_install")
class TestJs(HttpCase):
    """Run the JavaScript tests of this addon in a browser."""

    @no_retry
    def test_hoot(self):
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=desktop&timeout=15000&id={self._get_suite_id()}",
            code="",
            ready="",
            login="admin",
            timeout=600,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=lambda message: "[HOOT]" not in message,
        )

    def _get_suite_id(self):
        """Return the id that the test page gives to the suite of this addon."""
        suite_id = 0
        for char in "@bpo_crm":
            suite_id = ((suite_id << 5) - suite_id + ord(char)) & 0xFFFFFFFF
        return f"{suite_id:08x}"
