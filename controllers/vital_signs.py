# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The pulse of the won flow, for the machines that watch over it."""

from odoo import http
from odoo.http import Response, request
from odoo.tools import consteq

from ..models.report.bpo_vital_signs import TOKEN_PARAMETER

try:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
except ImportError:
    # an optional extra, see the README: nothing else needs it
    generate_latest = None

NO_CLIENT = (
    "The Python package prometheus_client is not installed in this Odoo: pip install"
    " prometheus_client, and restart. /bpo_crm/health works without it.\n"
)


class VitalSignsController(http.Controller):
    """``/bpo_crm/health`` and ``/bpo_crm/metrics``: for who brings the token of the settings."""

    @http.route("/bpo_crm/health", type="http", auth="public", save_session=False, readonly=True)
    def health(self, token=None):
        """Tell in JSON whether orders go out: 200 when they do, 503 when they do not."""
        if refusal := self._refuse(token):
            return refusal
        health = request.env["bpo.vital.signs"].sudo()._get_health()
        return request.make_json_response(health, status=200 if health["healthy"] else 503)

    @http.route("/bpo_crm/metrics", type="http", auth="public", save_session=False, readonly=True)
    def metrics(self, token=None):
        """Give the figures in the text format of Prometheus."""
        if refusal := self._refuse(token):
            return refusal
        if generate_latest is None:
            return Response(NO_CLIENT, status=501, content_type="text/plain; charset=utf-8")
        registry = CollectorRegistry()
        registry.register(Collector(request.env["bpo.vital.signs"].sudo()))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @staticmethod
    def _refuse(token):
        """Return the answer for who may not look, None for who may.

        :param token: from the address, for those who cannot send ``Authorization: Bearer …``
        """
        wanted = request.env["ir.config_parameter"].sudo().get_param(TOKEN_PARAMETER)
        if not wanted:
            text = "Off: enter a monitoring token in Settings → CRM → BPO CRM.\n"
            return Response(text, status=404, content_type="text/plain; charset=utf-8")
        kind, _space, given = request.httprequest.headers.get("Authorization", "").partition(" ")
        given = given.strip() if kind.lower() == "bearer" else token
        if consteq(wanted.encode(), (given or "").encode()):
            return None
        text = "The token is missing or wrong: send Authorization: Bearer <token>.\n"
        return Response(text, status=403, content_type="text/plain; charset=utf-8")


class Collector:
    """The figures as Prometheus takes them.

    :param signs: ``bpo.vital.signs``
    """

    def __init__(self, signs):
        self.signs = signs

    def collect(self):
        """Yield the metrics; labels are states and causes of our own, never names of people."""
        figures = self.signs._get_figures()
        for name, (text, label, values) in figures.items():
            metric = GaugeMetricFamily(f"bpo_crm_{name}", text, labels=[label] if label else [])
            for key, value in values.items():
                metric.add_metric([key] if label else [], value)
            yield metric
        buckets, total = self.signs._get_delivery_histogram()
        histogram = HistogramMetricFamily(
            "bpo_crm_delivery_seconds",
            "From the win to the dealer, of the orders of this day (UTC)",
        )
        histogram.add_metric([], [(str(limit), count) for limit, count in buckets], total)
        yield histogram
