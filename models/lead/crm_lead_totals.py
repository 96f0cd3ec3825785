# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models, tools

CURRENCIES = "company_currency:array_agg_distinct"


class CrmLead(models.Model):
    """Totals of columns and groups, without asking lead by lead in which currency it is."""

    _inherit = "crm.lead"

    @api.model
    @api.readonly
    def formatted_read_group(
        self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None
    ):
        """Sum up in one currency where there is only one; the result is stock's.

        With each total the client asks for the currencies in it and for the total in the user's
        own. For that PostgreSQL joins each lead with its company and with rates, and sorts them
        all: on a board of 100,000 leads, two thirds of the time.
        """
        in_currency = self._get_totals_in_only_currency(aggregates, having, order)
        if not in_currency:
            return super().formatted_read_group(
                domain, groupby, aggregates, having, offset, limit, order
            )
        given = [name for name in aggregates if name != CURRENCIES and name not in in_currency]
        needed = list(dict.fromkeys([*given, *in_currency.values(), "__count"]))
        groups = super().formatted_read_group(domain, groupby, needed, having, offset, limit, order)
        currency_id = self._get_only_currency_id()
        for group in groups:
            group[CURRENCIES] = [currency_id] if group["__count"] else []
            group.update({name: group[total] for name, total in in_currency.items()})
            for name in needed:
                if name not in given:
                    del group[name]
        return groups

    @api.model
    def _get_totals_in_only_currency(self, aggregates, having, order):
        """Return ``{total in the user's currency: the total it is}`` where that is known."""
        if CURRENCIES not in aggregates or having or "currency" in (order or ""):
            return {}
        totals = {
            name: f"{field_name}:sum"
            for name in aggregates
            for field_name, _colon, function in [name.partition(":")]
            if function == "sum_currency" and self._is_in_company_currency(field_name)
        }
        return totals if totals and self._get_only_currency_id() else {}

    @api.model
    def _is_in_company_currency(self, field_name):
        field = self._fields.get(field_name)
        return (
            field
            and field.type == "monetary"
            and field.get_currency_field(self) == "company_currency"
        )

    @api.model
    @api.private
    @tools.ormcache()
    def _get_only_currency_id(self):
        """Return the currency of all companies, archived ones too; False where there are several.

        Leads of no company count in that of the company at work.
        """
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        currencies = companies.currency_id
        return currencies.id if len(currencies) == 1 else False
