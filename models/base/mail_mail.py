# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class MailMail(models.Model):
    """E-mails about dealer orders have one text, the one that goes out.

    Odoo keeps a copy of it in the e-mail's message, made safe for a screen, for the chatter of what
    the e-mail is about. A dealer order has no chatter, and an e-mail that is deleted once it is
    sent leaves no message either. By profile the copies took more than a quarter of the processor
    time of writing orders back.
    """

    _inherit = "mail.mail"

    @api.model_create_multi
    def create(self, vals_list):
        """Leave the copy out where the context says ``bpo_crm_mail_once``."""
        if self.env.context.get("bpo_crm_mail_once"):
            vals_list = [self._without_copy(vals) for vals in vals_list]
        return super().create(vals_list)

    @api.model
    def _without_copy(self, vals):
        """Return the values of a new e-mail without the copy, if it is not to be kept."""
        if not vals.get("auto_delete"):
            return vals
        # the ORM takes its time also over lists of nobody and nothing
        lists = {"recipient_ids", "attachment_ids"}
        return {
            name: value
            for name, value in vals.items()
            if name != "body" and (value or name not in lists)
        }
