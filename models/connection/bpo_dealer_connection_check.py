# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...dealer_api import CAUTIONS, DealerSession, check_connection
from ..constants import MANAGER
from ..dealer_texts import translate


class BpoDealerConnection(models.AbstractModel):
    """Testing a connection, step by step, in words for people."""

    _inherit = "bpo.dealer.connection"

    check_report = fields.Json(readonly=True, copy=False, groups=MANAGER)
    check_report_html = fields.Html(
        "Last Test", compute="_compute_check_report_html", sanitize=False, groups=MANAGER
    )

    @api.depends("check_report")
    @api.depends_context("lang")
    def _compute_check_report_html(self):
        for connection in self:
            connection.check_report_html = connection._render_check_report()

    def action_test_connection(self):
        """Check the connection step by step, keep the report, and resume when all is well."""
        self._check_manager()
        self.check_access("write")
        self._check_not_left_alone()
        for connection in self:
            if missing := connection._get_missing_connection()[connection.sudo()]:
                raise UserError(
                    self.env._(
                        "%(dealership)s cannot be tested yet. Fill in first: %(lacks)s.",
                        dealership=connection.display_name,
                        lacks=", ".join(missing),
                    )
                )
            connection._test()
        return True

    def _test(self):
        """Check this connection, with a new key first, and keep the report."""
        self.ensure_one()
        report = self._test_candidate() if self.candidate_next_try else None
        if not report:
            report = self._check(self._get_connection_settings(fresh=True))
        self._store_check_report(report)

    def _check(self, settings):
        """Return the ``ConnectionReport`` of a test.

        :param settings: the ``ConnectionSettings`` to reach the dealer by
        """
        return check_connection(settings, **self._prepare_connection_check())

    def _prepare_connection_check(self):
        """Return what the test looks for, as arguments of ``dealer_api.check_connection``.

        This method serves as a hook: ``extra_steps`` are ``CheckStep`` of other addons.
        """
        self.ensure_one()
        return {"extra_steps": []}

    @api.private
    def _store_check_report(self, report):
        """Keep what a test found, and resume where the dealer can be worked with."""
        self.ensure_one()
        state = self.connection_state
        lines = [self._prepare_check_line(line) for line in report.lines]
        failed = next((line for line in lines if line.get("ok") is False), None)
        # a product that the dealer lacks concerns the orders with it, not the connection
        lines_of_connection = [line for line in report.lines if line.step != "products"]
        connected = all(line.ok for line in lines_of_connection)
        # rules that refuse a trial order are said; the orders do not wait for that: they fail one
        # by one, each with its reason, or are taken after all
        let_in = all(
            line.ok for line in lines_of_connection if line.step not in ("defaults", "trial")
        )
        self.write(
            {
                "connection_state": "connected" if connected else "failed",
                "server_version": report.server_version or self.server_version,
                "remote_uid": report.uid or 0,
                "remembered": DealerSession.forgotten(),
                "last_check": fields.Datetime.now(),
                "last_message": self._translate_line(failed) if failed else False,
                "check_report": lines,
            }
        )
        if let_in:
            self._resume()
        self._slow_down_after_test(report, state)

    @api.model
    def _prepare_check_line(self, line):
        """Return a ``CheckLine`` as it is stored: what is not known is left out.

        The External API's XML-RPC has no word for nothing, and refuses what holds it.
        """
        values = {
            "step": line.step,
            "ok": line.ok,
            "code": line.code,
            "details": {name: each for name, each in line.details.items() if each is not None},
            "text": line.text,
        }
        return {name: value for name, value in values.items() if value is not None}

    def _render_check_report(self):
        lines = self.sudo().check_report
        if not lines:
            return False
        labels = self._get_check_step_labels()
        return self.env["ir.qweb"]._render(
            "bpo_crm.dealership_check_report",
            {
                "lines": [
                    {
                        "step": labels.get(line["step"], line["step"]),
                        "ok": line.get("ok"),
                        "caution": line["code"] in CAUTIONS,
                        "text": self._translate_line(line),
                    }
                    for line in lines
                ]
            },
        )

    @api.model
    def _get_check_step_labels(self):
        """Return ``{step: its name for people}``.

        This method serves as a hook for addons that add a step to the test.
        """
        return {
            "address": self.env._("Address"),
            "certificate": self.env._("Certificate"),
            "version": self.env._("Odoo version"),
            "database": self.env._("Database"),
            "login": self.env._("Login"),
            "rights": self.env._("Rights"),
            "currency": self.env._("Currency"),
            "products": self.env._("Products"),
            "defaults": self.env._("Order defaults"),
            "trial": self.env._("Trial order"),
        }

    def _translate_line(self, line):
        return translate(self.env, line["code"], line.get("details") or {}, line.get("text"))
