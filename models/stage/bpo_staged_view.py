# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from copy import deepcopy

from lxml import etree

from odoo import api, models

# The fields to fill in, separated by commas. Its name ends like those that choose views: these are
# what the web client sends along when it asks for a view, and what views are remembered by.
FILL_IN_KEY = "bpo_crm_fill_in_view_ref"

# What is said of a field in the form of the record, and does not hold in that of the dialog.
DROPPED_ATTRIBUTES = (
    "class",
    "colspan",
    "column_invisible",
    "default_focus",
    "force_save",
    "invisible",
    "nolabel",
    "readonly",
    "required",
    "style",
)
ALWAYS = ("1", "True", "true")


class BpoStaged(models.AbstractModel):
    """The form of the dialog that asks for what a stage needs."""

    _inherit = "bpo.staged"

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Give the dialog a form with the fields that it asks for, as the record's form has them.

        Widgets, options and rows of units are those that people know, whoever extended them.
        """
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "form" and (asked := self._get_fields_to_fill_in()):
            arch = self._make_fill_in_arch(arch, asked)
        return arch, view

    @api.model
    def _get_fields_to_fill_in(self):
        """Return the names of the fields that a dialog asks for."""
        names = (self.env.context.get(FILL_IN_KEY) or "").split(",")
        return [name for name in names if name in self._fields]

    @api.model
    def _make_fill_in_arch(self, form, names):
        """Return a form of these fields, taken from the form of the record.

        What their expressions need is added by stock when it prepares the view.
        """
        arch = etree.Element("form")
        etree.SubElement(arch, "field", name="display_name", invisible="1")
        group = etree.SubElement(arch, "group")
        hidden = {"display_name"}
        for name in names:
            group.append(self._make_fill_in_field(form, name))
            field = self._fields[name]
            currency = field.get_currency_field(self) if field.type == "monetary" else None
            if currency and currency not in hidden.union(names):
                hidden.add(currency)
                etree.SubElement(arch, "field", name=currency, invisible="1")
        return arch

    @api.model
    def _make_fill_in_field(self, form, name):
        """Return the node of a field to be filled in."""
        nodes = form.xpath(".//field[@name=$name][not(ancestor::field)]", name=name)
        shown = [node for node in nodes if node.get("invisible") not in ALWAYS]
        node = deepcopy(shown[0]) if shown else etree.Element("field", name=name)
        node.tail = None
        for attribute in DROPPED_ATTRIBUTES:
            node.attrib.pop(attribute, None)
        if self._fields[name].type == "html":
            # several people at work in it, and the like: for the form of a record
            node.attrib.pop("options", None)
        if self._fields[name].type in ("html", "one2many"):
            node.set("colspan", "2")
        return node
