# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.exceptions import ValidationError

from ...dealer_api import DealerError, clean_certificates
from ..constants import MANAGER
from ..dealer_texts import translate_error


class BpoDealerConnection(models.AbstractModel):
    """Certificates of a dealer's own authority, trusted for this dealer only."""

    _inherit = "bpo.dealer.connection"

    ca_certificates = fields.Text(
        "Own Certificate Authority",
        groups=MANAGER,
        help="Only where the dealership's server has a certificate of a private authority: the "
        "public certificate of that authority, as text (PEM). It is trusted for this dealership, "
        "besides the public authorities.",
    )

    def _clean_certificates(self, vals):
        """Refuse what is no certificate before it is written anywhere: it may be a private key.

        :param dict vals: what is about to be written; changed
        """
        if "ca_certificates" in vals:
            try:
                vals["ca_certificates"] = clean_certificates(vals["ca_certificates"]) or False
            except DealerError as error:
                raise ValidationError(translate_error(self.env, error)) from None
        return vals
