# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class IrQweb(models.AbstractModel):
    """What an e-mail about a dealer order is made of leaves nothing in memory."""

    _inherit = "ir.qweb"

    def _render_iterall(self, view_ref, method, values, directive="render"):
        """Let go of the values as soon as the context's ``bpo_crm_mail_once`` has its text.

        They refer to themselves: they, and all records among them, stayed in memory until Python's
        collector came by, for some thousand orders of a run.
        """
        yield from super()._render_iterall(view_ref, method, values, directive)
        # the outermost of them: what a template calls has the same values
        if directive == "render" and "bpo_crm_mail_once" in self.env.context:
            values["__qweb_root_values"].pop("__qweb_root_values", None)
