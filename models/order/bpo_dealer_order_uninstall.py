# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class BpoDealerOrder(models.Model):
    """What becomes of the outbox when the addon is uninstalled: it is said, and gone."""

    _inherit = "bpo.dealer.order"

    @api.model
    @api.private
    def _get_unfinished(self):
        """Return the orders that wait, or wait for a person."""
        return self.search([("state", "in", ("pending", "failed"))], order="id")

    @api.private
    def _get_uninstall_warning(self):
        """Return what is lost with these orders when the addon goes, in words."""
        return self.env._(
            "Orders of won leads that have not reached their dealership: %(count)s "
            "(%(dealerships)s). Once BPO CRM is uninstalled they are never sent, and installing "
            "it again does not bring them back.",
            count=len(self),
            dealerships=", ".join(self.dealership_id.mapped("name")),
        )

    @api.private
    def _log_uninstallation(self):
        """Note on the leads that their orders will not be sent any more."""
        self._log_on_leads(lambda order: order._get_uninstalled_text())

    def _get_uninstalled_text(self):
        self.ensure_one()
        if self.possibly_sent:
            return self.env._(
                "BPO CRM was uninstalled before it was certain that %(dealership)s has the order "
                "%(reference)s. Ask the dealership.",
                dealership=self.dealership_id.name,
                reference=self.reference,
            )
        return self.env._(
            "BPO CRM was uninstalled before the order %(reference)s was sent to %(dealership)s. "
            "Tell the dealership by other means.",
            dealership=self.dealership_id.name,
            reference=self.reference,
        )
