# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree

from odoo import models


class IrQweb(models.AbstractModel):
    """The body of an e-mail template is compiled once for a batch of e-mails, and leaves nothing.

    Odoo renders a body record by record, and compiles it each time: only views are in its cache.
    By profile that was more than a quarter of the processor time of writing orders back.
    """

    _inherit = "ir.qweb"

    def _generate_code_uncached(self, template):
        """Keep what is compiled in the context ``bpo_crm_compiled``, a dictionary, if there is."""
        context = self.env.context
        compiled = context.get("bpo_crm_compiled")
        if compiled is None or not isinstance(template, etree._Element):
            return super()._generate_code_uncached(template)
        options = (context.get(name) or False for name in self._get_template_cache_keys())
        key = (etree.tostring(template), *options)
        if key not in compiled:
            compiled[key] = super()._generate_code_uncached(template)
        return compiled[key]

    def _render_iterall(self, view_ref, method, values, directive="render"):
        """Let go of what an e-mail of a batch was made of as soon as it is made.

        The values of a template refer to themselves: they, and all records among them, stayed in
        memory until Python's collector came by, for some thousand orders of a run.
        """
        yield from super()._render_iterall(view_ref, method, values, directive)
        # the outermost of them: what a template calls has the same values
        if directive == "render" and "bpo_crm_compiled" in self.env.context:
            values["__qweb_root_values"].pop("__qweb_root_values", None)
